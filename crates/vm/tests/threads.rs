//! One program on many threads; faults on one do not disturb the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skep_maps::{Map, MapSpec};
use skep_platform::MapType;
use skep_vm::hook::{Arg, Bytes, Hook};
use skep_vm::{FaultKind, Memory, Program, ProgramSpec};

skep_vm::hook_context! {
    struct Request<'a> {
        read id: u32,
        write verdict: u32,
        read path: Bytes<'a>,
    }
}

#[test]
fn many_threads_count_in_one_map() {
    let text = "
        r2 = 1
        r1 = map_idx_value[0]
        lock *(u64 *)(r1 + 8) += r2
        r0 = 0
        exit
    ";
    let counts = Map::create(MapSpec::new(MapType::Array, 4, 16, 1)).unwrap();
    let mut spec = ProgramSpec::new("count", Hook::memory(), skep_isa::text::assemble(text).unwrap());
    spec.maps.push(counts.clone());
    let program = Program::unproved(spec).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    program.run(&mut Memory::new(&mut [])).unwrap();
                }
            });
        }
    });
    let value = counts.lookup(&0u32.to_ne_bytes()).unwrap();
    assert_eq!(value[8..], 4000u64.to_ne_bytes());
}

#[test]
fn an_application_hook_with_its_own_helper() {
    let dots = Arc::new(AtomicU64::new(0));
    let seen = dots.clone();
    let hook = Hook::new::<Request>("request")
        .helper("count_dots", [Arg::Bytes], move |call| {
            let n = call.bytes(0).iter().filter(|&&b| b == b'.').count() as u64;
            seen.fetch_add(n, Ordering::Relaxed);
            n
        })
        .returns(0..=1);
    let text = "
        r6 = r1
        r1 = *(u64 *)(r6 + 8)
        r2 = *(u64 *)(r6 + 16)
        call 65536
        *(u32 *)(r6 + 4) = r0
        r0 = 1
        exit
    ";
    let program =
        Program::unproved(ProgramSpec::new("dots", hook, skep_isa::text::assemble(text).unwrap())).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..200u32 {
                    let path = ".".repeat(n as usize % 7);
                    let mut request = Request { id: n, verdict: 99, path: path.as_str().into() };
                    assert_eq!(program.run(&mut request).unwrap().value, 1);
                    assert_eq!(request.verdict, n % 7);
                }
            });
        }
    });
    assert_eq!(dots.load(Ordering::Relaxed), 3 * (0..200).map(|n| n % 7).sum::<u64>());
}

#[test]
fn a_helpers_arguments_are_checked() {
    let hook = Hook::new::<Request>("request").helper("take", [Arg::Bytes], |_| 0);
    let text = "r1 = *(u64 *)(r1 + 8)\nr2 = 9\ncall 65536\nexit";
    let program =
        Program::unproved(ProgramSpec::new("take", hook, skep_isa::text::assemble(text).unwrap())).unwrap();
    let fault = program.run(&mut Request { id: 0, verdict: 0, path: "abc".into() }).unwrap_err();
    assert_eq!(fault.kind, FaultKind::OutOfBounds);
    assert_eq!(
        fault.message,
        "9-byte load through r1 (argument 1 of take) ends 6 bytes past the end of 3 bytes of the application's"
    );
}

#[test]
fn a_faulty_run_leaves_nothing_behind() {
    let text = "
        r1 = map_idx[0]
        r2 = 16
        r3 = 0
        call ringbuf_reserve
        r0 = *(u64 *)(r0 + 64)
        exit
    ";
    struct Names;
    impl skep_isa::text::Names for Names {
        fn call(&self, name: &str) -> Option<skep_isa::Call> {
            Some(skep_isa::Call::Helper(skep_platform::helper::by_name(name)?.id as i32))
        }
    }
    let ring = Map::create(MapSpec::new(MapType::Ringbuf, 0, 0, 4096)).unwrap();
    let insns = skep_isa::text::assemble_with(text, &Names).unwrap().slots;
    let mut spec = ProgramSpec::new("leaver", Hook::memory(), insns);
    spec.maps.push(ring.clone());
    let program = Program::unproved(spec).unwrap();
    let mut reader = skep_maps::RingReader::new(&ring).unwrap();
    for _ in 0..1000 {
        let fault = program.run(&mut Memory::new(&mut [])).unwrap_err();
        assert_eq!(fault.kind, FaultKind::OutOfBounds, "{fault}");
        // A record that was neither submitted nor discarded would block the ring within a few rounds.
        assert_eq!(reader.drain(usize::MAX, |_| panic!("a record was submitted")), 0);
    }
}
