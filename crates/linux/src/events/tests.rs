//! What a program sends arrives, and what does not fit is counted.

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use skep_isa::text::assemble;
use skep_platform::{MapType, ProgramType};

use crate::calls_test::skipped;
use crate::{
    Map, MapRequest, PerfReader, PerfRecord, Program, RingReader, RunRequest, page_size, prog_load_simple,
};

fn load(text: &str) -> Program {
    let insns = assemble(text).expect("assembles");
    let fd = prog_load_simple(ProgramType::Xdp, &insns, "GPL");
    let fd = fd.unwrap_or_else(|refused| panic!("{refused}\n{}", refused.log));
    Program::from_fd(fd).expect("is a program")
}

fn run(program: &Program, times: u32) -> u32 {
    let packet = [0u8; 64];
    let request = RunRequest { data: Some(&packet), repeat: times, ..RunRequest::default() };
    program.run(&request).expect("runs").ret
}

#[test]
fn ring_buffer_records_arrive_in_order() {
    if skipped("ring_buffer_records_arrive_in_order") {
        return;
    }
    let ring = Map::create(&MapRequest::new(MapType::Ringbuf, 0, 0, page_size() as u32)).expect("creates");
    let mut reader = RingReader::new(&ring).expect("opens");
    let fd = ring.as_fd().as_raw_fd();
    // A record of 12 bytes by output, then one that is reserved and thrown away.
    let program = load(&format!(
        "*(u64 *)(r10 -16) = 0x11223344
        *(u32 *)(r10 -8) = 5
        r1 = map_fd[{fd}]
        r2 = r10
        r2 += -16
        r3 = 12
        r4 = 0
        call 130
        r6 = r0
        r1 = map_fd[{fd}]
        r2 = 8
        r3 = 0
        call 131
        if r0 == 0 goto full
        r1 = r0
        r2 = 0
        call 133
        full: r0 = r6
        exit"
    ));
    assert_eq!(reader.wait(Some(Duration::ZERO)), Ok(false));
    assert_eq!(reader.read(|_| panic!("nothing was sent")), 0);
    // Several times round the ring.
    for _ in 0..40 {
        assert_eq!(run(&program, 10), 0);
        assert_eq!(reader.wait(Some(Duration::from_secs(5))), Ok(true));
        let mut records = Vec::new();
        assert_eq!(reader.read(|record| records.push(record.to_vec())), 10);
        assert!(
            records.iter().all(|r| *r == [0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 5, 0, 0, 0]),
            "{records:?}"
        );
        assert_eq!(reader.filled(), 0);
    }
    assert_ne!(run(&program, 4096), 0, "a full ring refuses");
    assert!(reader.filled() > page_size() - 64);
    assert!(reader.read(|_| ()) > 50);
}

#[test]
fn perf_buffers_count_what_they_lose() {
    if skipped("perf_buffers_count_what_they_lose") {
        return;
    }
    let map = Map::create(&MapRequest::new(MapType::PerfEventArray, 4, 4, crate::possible_cpus() as u32));
    let map = map.expect("creates");
    let mut reader = PerfReader::new(&map, 1, 1).expect("opens");
    let program = load(&format!(
        "*(u64 *)(r10 -8) = 77
        r2 = map_fd[{}]
        r3 = 0xffffffff ll
        r4 = r10
        r4 += -8
        r5 = 8
        call 25
        r0 = 0
        exit",
        map.as_fd().as_raw_fd()
    ));
    run(&program, 3);
    assert_eq!(reader.wait(Some(Duration::from_secs(5))), Ok(true));
    let expect = |record: PerfRecord<'_>| {
        if let PerfRecord::Data { bytes, .. } = record {
            assert_eq!(bytes[..8], 77u64.to_ne_bytes());
        }
    };
    assert_eq!((reader.read(expect), reader.lost()), (3, 0));
    // More than a page holds; the loss is told with the next record that fits, on each CPU that lost some.
    const MANY: u32 = 1000;
    run(&program, MANY);
    let mut got = reader.read(expect);
    assert!(got < MANY as usize);
    let told = crate::sandbox::soon(|| {
        run(&program, 1);
        got += reader.read(expect);
        reader.lost() > 0
    });
    assert!(told);
    assert!(got + reader.lost() as usize >= MANY as usize, "{got} read, {} lost", reader.lost());
}
