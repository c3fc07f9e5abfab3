//! An eBPF program in Rust, from its source to its verdicts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../object/tests/common/rust.rs"]
mod rust;

use skep::Engine;
use skep::net::{Environment, XdpContext};
use skep_linux::{Loader, RunRequest, live_bpf};

/// `XDP_DROP` and `XDP_PASS`.
const DROP: u64 = 1;
const PASS: u64 = 2;

/// An IPv4 packet without options; what follows the addresses are the ports.
fn packet(protocol: u8, port: u16) -> Vec<u8> {
    let mut bytes = vec![0; 60];
    bytes[12..14].copy_from_slice(&0x0800u16.to_be_bytes());
    bytes[14] = 0x45;
    bytes[14 + 9] = protocol;
    bytes[14 + 20 + 2..][..2].copy_from_slice(&port.to_be_bytes());
    bytes
}

/// Packets and what becomes of them: all that decides is protocol, port, length and the absence of options.
fn judged() -> Vec<(Vec<u8>, u64)> {
    let mut short = packet(17, 9);
    short.truncate(37);
    let mut options = packet(17, 9);
    options[14] = 0x46;
    vec![
        (packet(17, 9), DROP),
        (packet(17, 10), PASS),
        (packet(6, 9), PASS),
        (short, PASS),
        (options, PASS),
        (vec![0; 60], PASS),
        (vec![0; 14], PASS),
    ]
}

/// Packets counted in [`judged`]: of UDP, TCP and ICMP.
const COUNTS: [(u32, u64); 3] = [(17, 4), (6, 1), (1, 0)];

#[test]
fn a_program_in_rust_judges_packets() {
    let Some(object) = rust::parse("a_program_in_rust_judges_packets", "gate") else { return };
    let loaded = Engine::user().load(&object).unwrap();
    let gate = loaded.program("gate").unwrap();
    let mut context = XdpContext::new(Environment::default().into(), None);
    for (packet, verdict) in judged() {
        context.reset(&packet);
        assert_eq!(gate.run(&mut context).unwrap().value, verdict, "{packet:02x?}");
    }
    let packets = loaded.map("packets").unwrap();
    for (protocol, count) in COUNTS {
        assert_eq!(packets.lookup(&protocol.to_ne_bytes()).unwrap(), count.to_ne_bytes(), "{protocol}");
    }
}

#[test]
fn the_kernel_judges_alike() {
    let test = "the_kernel_judges_alike";
    if let Err(why) = live_bpf() {
        return eprintln!("SKIPPED {test}: {why}");
    }
    let Some(object) = rust::parse(test, "gate") else { return };
    let loaded = Loader::new(&object).load().unwrap();
    // rustc's types are taken as they are.
    assert!(loaded.untyped().is_none(), "{:?}", loaded.untyped());
    let gate = loaded.program("gate").unwrap();
    for (packet, verdict) in judged() {
        let ran = gate.run(&RunRequest { data: Some(&packet), ..RunRequest::default() }).unwrap();
        assert_eq!(u64::from(ran.ret), verdict, "{packet:02x?}");
    }
    let packets = loaded.map("packets").unwrap();
    for (protocol, count) in COUNTS {
        let found = packets.lookup(&protocol.to_ne_bytes()).unwrap();
        assert_eq!(found, count.to_ne_bytes(), "{protocol}");
    }
}

#[test]
fn constants_of_rust_are_set_before_loading() {
    let Some(object) = rust::parse("constants_of_rust_are_set_before_loading", "gate") else { return };
    let loaded = Engine::user().loader(&object).set("closed_port", "53").load().unwrap();
    let mut context = XdpContext::new(Environment::default().into(), None);
    for (port, verdict) in [(53, DROP), (9, PASS)] {
        context.reset(&packet(17, port));
        assert_eq!(loaded.program("gate").unwrap().run(&mut context).unwrap().value, verdict);
    }
}

#[test]
fn a_panic_that_rustc_left_stops_the_load_with_one_line() {
    let Some(object) = rust::parse("a_panic_that_rustc_left_stops_the_load_with_one_line", "panics") else {
        return;
    };
    let error = Engine::user().load(&object).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1);
    for part in ["panics.bpf.o", "program unchecked", "core::panicking::panic_bounds_check", "panics.rs:"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    Engine::user().loader(&object).program("checked").load().unwrap();
}
