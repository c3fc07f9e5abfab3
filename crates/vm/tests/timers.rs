//! Timers and work queues: callbacks that run after the program.

use std::time::{Duration, Instant};

use skep_isa::text::{Names, assemble_with};
use skep_isa::{Call, Insn, decode};
use skep_maps::{FieldKind, Map, MapSpec, SpecialField};
use skep_platform::MapType;
use skep_vm::{Hook, Memory, Program, ProgramSpec};

struct Known;

/// Kernel functions by number, from 1.
const KFUNCS: [&str; 3] = ["bpf_wq_init", "bpf_wq_set_callback_impl", "bpf_wq_start"];

impl Names for Known {
    fn call(&self, name: &str) -> Option<Call> {
        match KFUNCS.iter().position(|k| *k == name) {
            Some(index) => Some(Call::Kfunc { id: index as i32 + 1, module: 0 }),
            None => Some(Call::Helper(skep_platform::helper::by_name(name)?.id as i32)),
        }
    }
}

fn load(text: &str, map: &Map) -> Program {
    let insns = assemble_with(text, &Known).unwrap_or_else(|e| panic!("{e}")).slots;
    let mut spec = ProgramSpec::new("timed", Hook::memory(), insns);
    for at in 0..spec.insns.len() {
        if let Ok(Insn::Call(Call::Kfunc { id, .. })) = decode(&spec.insns, at) {
            spec.kfuncs.push((at, KFUNCS[id as usize - 1].to_owned()));
        }
    }
    spec.maps.push(map.clone());
    Program::unproved(spec).unwrap_or_else(|e| panic!("{e}"))
}

fn map(kind: FieldKind) -> Map {
    let field = SpecialField { offset: 0, kind, type_id: 0 };
    Map::create(MapSpec::new(MapType::Array, 4, 32, 1).named("t").with_fields(vec![field])).expect("a map")
}

/// Waits for the number at offset 24; the callback's thread may be late.
fn wait_for(map: &Map, wanted: u64) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        let value = map.lookup(&0u32.to_ne_bytes()).expect("a value");
        if value[24..32] == wanted.to_ne_bytes() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn a_timer_fires_and_arms_itself_again() {
    let text = "
        r6 = map_idx_value[0]
        r1 = r6
        r2 = map_idx[0]
        r3 = 1
        call timer_init
        r7 = r0
        r1 = r6
        r2 = func[fired]
        call timer_set_callback
        r7 |= r0
        r1 = r6
        r2 = 1000000
        r3 = 0
        call timer_start
        r0 |= r7
        exit
    fired:
        r6 = r3
        r1 = *(u64 *)(r6 + 24)
        r1 += 1
        *(u64 *)(r6 + 24) = r1
        if r1 == 3 goto out
        r1 = r6
        r2 = 1000
        r3 = 0
        call timer_start
    out:
        r0 = 0
        exit
    ";
    let map = map(FieldKind::Timer);
    let program = load(text, &map);
    assert_eq!(program.run(&mut Memory::new(&mut [])).unwrap().value, 0);
    let fired = wait_for(&map, 3);
    assert!(fired, "{:?}", program.runtime().take_trace());
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    let text = "
        r6 = map_idx_value[0]
        r1 = r6
        r2 = map_idx[0]
        r3 = 1
        call timer_init
        r1 = r6
        r2 = func[fired]
        call timer_set_callback
        r1 = r6
        r2 = 3600000000000 ll
        r3 = 0
        call timer_start
        r1 = r6
        call timer_cancel
        r7 = r0
        r1 = r6
        call timer_cancel
        r0 <<= 8
        r0 |= r7
        exit
    fired:
        r0 = 0
        exit
    ";
    let program = load(text, &map(FieldKind::Timer));
    assert_eq!(program.run(&mut Memory::new(&mut [])).unwrap().value, 1);
}

#[test]
fn a_timer_without_init_is_refused() {
    let program =
        load("r1 = map_idx_value[0]\nr2 = 5\nr3 = 0\ncall timer_start\nexit", &map(FieldKind::Timer));
    assert_eq!(program.run(&mut Memory::new(&mut [])).unwrap().value, -22i64 as u64);
}

#[test]
fn a_work_queue_runs_soon() {
    let text = "
        r6 = map_idx_value[0]
        r1 = r6
        r2 = map_idx[0]
        r3 = 0
        call bpf_wq_init
        r1 = r6
        r2 = func[work]
        r3 = 0
        call bpf_wq_set_callback_impl
        r1 = r6
        r2 = 0
        call bpf_wq_start
        exit
    work:
        *(u64 *)(r3 + 24) = 1
        r0 = 0
        exit
    ";
    let map = map(FieldKind::Workqueue);
    let program = load(text, &map);
    assert_eq!(program.run(&mut Memory::new(&mut [])).unwrap().value, 0);
    assert!(wait_for(&map, 1), "{:?}", program.runtime().take_trace());
}
