//! An eBPF program in Rust, from its source to its verdicts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../object/tests/common/rust.rs"]
mod rust;

use skep::Engine;
use skep::net::{Environment, XdpContext};

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

#[test]
fn a_program_in_rust_judges_packets() {
    let Some(object) = rust::parse("a_program_in_rust_judges_packets", "gate") else { return };
    let loaded = Engine::user().load(&object).unwrap();
    let gate = loaded.program("gate").unwrap();
    let mut context = XdpContext::new(Environment::default().into(), None);
    let mut short = packet(17, 9);
    short.truncate(37);
    let mut options = packet(17, 9);
    options[14] = 0x46;
    for (packet, verdict) in [
        (packet(17, 9), DROP),
        (packet(17, 10), PASS),
        (packet(6, 9), PASS),
        (short, PASS),
        (options, PASS),
        (vec![0; 60], PASS),
        (vec![0; 14], PASS),
    ] {
        context.reset(&packet);
        assert_eq!(gate.run(&mut context).unwrap().value, verdict, "{packet:02x?}");
    }
    let count = |protocol: u32| loaded.map("packets").unwrap().lookup(&protocol.to_ne_bytes()).unwrap();
    assert_eq!([17, 6, 1].map(count), [4u64, 1, 0].map(|n| n.to_ne_bytes().to_vec()));
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
