//! The thin calls against the live kernel.

use std::os::fd::AsFd;

use skep_isa::RawInsn;
use skep_platform::errno::{E2BIG, EACCES, EINVAL, ENOENT};
use skep_platform::{MapType, ProgramType};

use crate::*;

/// `exit`.
const EXIT: RawInsn = RawInsn { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 };

/// Prints why a test is skipped; `true` when it is.
pub(crate) fn skipped(test: &str) -> bool {
    live_bpf().inspect_err(|why| eprintln!("SKIPPED {test}: {why}")).is_err()
}

#[test]
fn loads_and_runs_a_packet_program() {
    if skipped("loads_and_runs_a_packet_program") {
        return;
    }
    let insns = [RawInsn { code: 0xb7, imm: 2, ..RawInsn::default() }, EXIT];
    let program = prog_load_simple(ProgramType::Xdp, &insns, "GPL").expect("loads");
    let packet = [7u8; 64];
    let request = RunRequest { data: Some(&packet), ..RunRequest::default() };
    let result = prog_test_run(program.as_fd(), &request).expect("runs");
    assert_eq!((result.ret, result.data.as_slice()), (2, &packet[..]));
}

#[test]
fn a_refusal_brings_the_log() {
    if skipped("a_refusal_brings_the_log") {
        return;
    }
    let insns = [EXIT];
    let refused = prog_load_simple(ProgramType::SocketFilter, &insns, "GPL").expect_err("r0 is not set");
    assert_eq!(refused.errno, EACCES);
    assert_eq!(refused.verdict(), "R0 !read_ok");
    assert!(!refused.is_policy());
}

#[test]
fn a_walk_that_is_too_long_says_so() {
    if skipped("a_walk_that_is_too_long_says_so") {
        return;
    }
    // A loop whose counter is different each time round, for ever.
    let insns = skep_isa::text::assemble("r0 = 0\nagain: r0 += 1\nif r0 < 2000000 goto again\nexit")
        .expect("assembles");
    let refused = prog_load_simple(ProgramType::SocketFilter, &insns, "GPL").expect_err("is too long");
    assert_eq!(refused.errno, E2BIG);
    assert!(refused.log.contains("program is too large"), "{}", refused.verdict());
}

#[test]
fn map_elements() {
    if skipped("map_elements") {
        return;
    }
    let map = map_create(&MapRequest::new(MapType::Hash, 4, 8, 4)).expect("creates");
    let (key, value) = ([1, 2, 3, 4], [9; 8]);
    assert_eq!(map_lookup(map.as_fd(), &key, 8), Err(ENOENT));
    assert_eq!(map_update(map.as_fd(), &key, &value, 0), Ok(()));
    assert_eq!(map_lookup(map.as_fd(), &key, 8), Ok(value.to_vec()));
    assert_eq!(map_next_key(map.as_fd(), None, 4), Ok(Some(key.to_vec())));
    assert_eq!(map_next_key(map.as_fd(), Some(&key), 4), Ok(None));
    assert_eq!(map_lookup(map.as_fd(), &key, 4), Err(EINVAL), "a short buffer never reaches the kernel");
    assert_eq!(map_delete(map.as_fd(), &key), Ok(()));
}

#[test]
fn per_cpu_values_come_rounded() {
    if skipped("per_cpu_values_come_rounded") {
        return;
    }
    let map = map_create(&MapRequest::new(MapType::PercpuArray, 4, 4, 1)).expect("creates");
    let values = map_lookup(map.as_fd(), &[0; 4], 8 * possible_cpus()).expect("is there");
    assert!(values.iter().all(|&byte| byte == 0));
}
