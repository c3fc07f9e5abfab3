//! Packet helpers against the running kernel.
//!
//! Random rows of helper calls are written as one program each, and the program is run by the kernel and by the interpreter.
//! It mixes every return value, and after each call what it sees of the packet's state, into its own return value, so one
//! number and the packet's bytes tell whether both did the same at every step. The generator's seed is fixed: a failure repeats.
#![allow(clippy::unwrap_used, reason = "tests")]

mod fib;
mod fields;
mod rng;
mod skb;
mod xdp;

use std::os::fd::AsFd;
use std::sync::Arc;

use skep_linux::{RunRequest, live_bpf, prog_load_simple, prog_test_run};
use skep_platform::ProgramType;
use skep_vm::net::{Environment, Layer, SkbContext, XdpContext};
use skep_vm::{Context, Hook, Program, ProgramSpec};

/// Prints why a test is skipped; `true` when it is.
fn skipped(test: &str) -> bool {
    live_bpf().inspect_err(|why| eprintln!("SKIPPED {test}: {why}")).is_err()
}

/// Adds `register` to the running mix in `r7`, times 31.
fn mix_asm(register: &str) -> String {
    format!("r7 *= 31\nr7 += {register}\n")
}

/// A program of these steps around the bookkeeping: context in `r6`, mix in `r7`, 64 known bytes at `r10 - 64`.
fn program(steps: &str) -> String {
    let mut text = String::from("r6 = r1\nr7 = 0\n");
    for i in 0..8 {
        text += &format!("r1 = {:#x} ll\n*(u64 *)(r10 - {}) = r1\n", buffer_word(i), 64 - 8 * i);
    }
    text += steps;
    text += "r0 = r7\nr7 >>= 32\nr0 ^= r7\nw0 = w0\nexit\n";
    text
}

/// The `i`-th word of the known bytes.
fn buffer_word(i: u64) -> u64 {
    0x0123_4567_89ab_cdef_u64.wrapping_mul(2 * i + 1)
}

/// Loads and runs `text` in the kernel; the return value and the packet afterwards.
fn in_kernel(program_type: ProgramType, text: &str, packet: &[u8], ctx: Option<&[u8]>) -> (u32, Vec<u8>) {
    let insns = skep_isa::text::assemble(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let fd =
        prog_load_simple(program_type, &insns, "GPL").unwrap_or_else(|e| panic!("{e}\n{}\n{text}", e.log));
    let request = RunRequest { data: Some(packet), ctx, ..RunRequest::default() };
    let result = prog_test_run(fd.as_fd(), &request)
        .unwrap_or_else(|e| panic!("{e} on {} bytes, {:x?}\n{text}", packet.len(), &packet[..14]));
    (result.ret, result.data)
}

/// Runs `text` in the interpreter; the return value and the packet afterwards, with its metadata in front.
fn in_vm(program_type: ProgramType, text: &str, packet: &[u8]) -> (u32, Vec<u8>) {
    let insns = skep_isa::text::assemble(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    // The return value carries what was found, for every type.
    let hook = Hook::linux(program_type).returns(i64::MIN..=i64::MAX);
    let program = Program::unproved(ProgramSpec::new("test", hook, insns));
    let program = program.unwrap_or_else(|e| panic!("{e}\n{text}"));
    let env = Arc::new(Environment::default());
    if program_type == ProgramType::Xdp {
        let mut context = XdpContext::new(env, None);
        context.reset(packet);
        let ret = run(&program, &mut context, text);
        return (ret, [context.packet.meta(), context.packet.bytes()].concat());
    }
    let mut context = SkbContext::new(program_type, None, env, 1);
    if program_type == ProgramType::SocketFilter {
        // As the kernel's test run has it.
        context.set_layer(Layer::Network);
    }
    context.reset(packet);
    let ret = run(&program, &mut context, text);
    (ret, context.skb.packet.bytes().to_vec())
}

fn run(program: &Program, context: &mut dyn Context, text: &str) -> u32 {
    program.run(context).unwrap_or_else(|fault| panic!("{}\n{text}", fault.detailed())).value as u32
}

/// What both answer to each call of a row, by programs that end after one, two, … calls.
fn answers(program_type: ProgramType, steps: &[(String, String)], input: &[u8]) -> String {
    let mut text = program("").split("r0 = r7").next().unwrap_or_default().to_owned();
    let mut answers = String::new();
    for (name, step) in steps {
        let call = step.split(&mix_asm("r0")).next().unwrap_or_default();
        let ends = format!("{text}{call}exit\n");
        let (kernel, _) = in_kernel(program_type, &ends, input, None);
        let (vm, _) = in_vm(program_type, &ends, input);
        answers += &format!("{name}: kernel {}, vm {}\n", kernel as i32, vm as i32);
        text += step;
    }
    answers
}

/// Runs a row of steps, each with its name, in both; `same` says whether the packets afterwards may be compared by bytes.
fn compare(program_type: ProgramType, steps: &[(String, String)], input: &[u8], same: bool) {
    let text = program(&steps.iter().map(|(_, step)| step.as_str()).collect::<String>());
    let kernel = in_kernel(program_type, &text, input, None);
    let vm = in_vm(program_type, &text, input);
    let equal = kernel.0 == vm.0 && kernel.1.len() == vm.1.len() && (!same || kernel.1 == vm.1);
    assert!(
        equal,
        "{} bytes {:02x?}\n{}kernel returns {:#x} with {} bytes {:02x?}\nvm returns {:#x} with {} bytes {:02x?}",
        input.len(),
        &input[..14],
        answers(program_type, steps, input),
        kernel.0,
        kernel.1.len(),
        kernel.1,
        vm.0,
        vm.1.len(),
        vm.1
    );
}

/// A packet with sensible headers and, behind them, bytes that all differ.
fn packet(len: usize, ethertype: u16) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i * 7 + 3) as u8).collect();
    bytes[..12].fill(0);
    bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
    bytes
}
