//! Network programs in the interpreter, with an environment: where packets go, what sockets are found, what is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

mod packets;
mod redirects;
mod sockets;

use std::sync::Arc;

use skep_maps::Map;
use skep_platform::ProgramType;
use skep_vm::net::{Environment, SkbContext, XdpContext};
use skep_vm::{Context, Fault, FaultKind, Hook, Program, ProgramSpec};

/// A program from text, with the maps that `map_idx[n]` counts.
fn program(program_type: ProgramType, text: &str, maps: &[Map]) -> Program {
    let insns = skep_isa::text::assemble(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let mut spec = ProgramSpec::new("test", Hook::linux(program_type), insns);
    spec.maps = maps.to_vec();
    spec.license = "GPL".to_owned();
    Program::unproved(spec).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// An IPv4 UDP packet of 64 bytes from 10.0.0.2:258 to 10.0.0.1:80.
fn frame() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..64).collect();
    bytes[..12].fill(0);
    bytes[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 17]);
    bytes[26..38].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1, 1, 2, 0, 80]);
    bytes
}

fn xdp(env: Environment) -> XdpContext {
    let mut context = XdpContext::new(Arc::new(env), None);
    context.reset(&frame());
    context
}

fn skb(program_type: ProgramType, env: Environment) -> SkbContext {
    let mut context = SkbContext::new(program_type, None, Arc::new(env), 1);
    context.reset(&frame());
    context
}

/// What the program returns.
fn value(program: &Program, context: &mut dyn Context) -> u64 {
    program.run(context).unwrap_or_else(|fault| panic!("{}", fault.detailed())).value
}

/// The fault that stops the program.
fn fault(program: &Program, context: &mut dyn Context) -> Fault {
    program.run(context).expect_err("the program must fault")
}

/// Asserts the rule that was broken and a part of what is said of it.
fn assert_fault(fault: &Fault, kind: FaultKind, part: &str) {
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.to_string().contains(part), "{fault}");
}
