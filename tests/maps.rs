//! The same operations on skep's maps and on the live kernel's.

use std::os::fd::{AsFd, OwnedFd};

use skep_fuzz::map_ops::{Answer, Op, Plan, ask, plan};
use skep_fuzz::rng::Rng;
use skep_linux::{MapRequest, live_bpf, map_create, map_delete, map_lookup, map_next_key, map_update};
use skep_platform::MapType;
use skep_platform::errno::ENOENT;

/// How many sequences, of how many bytes each (four make an operation).
const SEQUENCES: u64 = 400;
const LENGTH: usize = 600;

fn kernel(map: &OwnedFd, plan: &Plan, op: &Op) -> Answer {
    let map = map.as_fd();
    match op {
        Op::Lookup(key) => map_lookup(map, key, plan.value_size as usize),
        Op::Update(key, value, flags) => map_update(map, key, value, *flags).map(|()| Vec::new()),
        Op::Delete(key) => map_delete(map, key).map(|()| Vec::new()),
        Op::NextKey(key) => map_next_key(map, key.as_deref(), plan.key_size as usize)?.ok_or(ENOENT),
        Op::Take(_) => unreachable!("filtered out"),
    }
}

/// Whether both must give the same answer: hash tables may walk in any order, and the thin kernel calls have no take.
fn comparable(plan: &Plan, op: &Op) -> bool {
    let hash = matches!(plan.map_type, MapType::Hash | MapType::LruHash);
    match op {
        Op::Take(_) => false,
        Op::NextKey(_) => !hash,
        _ => true,
    }
}

#[test]
fn maps_answer_as_the_kernels_do() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED maps_answer_as_the_kernels_do: {why}");
        return;
    }
    let mut asked = 0;
    for index in 0..SEQUENCES {
        let mut rng = Rng::new(99, index);
        let mut data = rng.bytes(LENGTH);
        data[0] = index as u8;
        let plan = plan(&data);
        let ours = plan.create().unwrap_or_else(|e| panic!("{e}"));
        let mut request = MapRequest::new(plan.map_type, plan.key_size, plan.value_size, plan.max_entries);
        request.flags = plan.flags;
        let theirs = map_create(&request).unwrap_or_else(|e| panic!("{:?}: {e}", plan.map_type));
        for (step, op) in plan.ops.iter().enumerate().filter(|(_, op)| comparable(&plan, op)) {
            let (a, b) = (ask(&ours, op), kernel(&theirs, &plan, op));
            assert_eq!(a, b, "{:?}, sequence {index}, step {step}, skep and Linux: {op:?}", plan.map_type);
            asked += 1;
        }
    }
    println!("{asked} operations compared");
}
