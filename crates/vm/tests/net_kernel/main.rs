//! Packet helpers against the running kernel.
//!
//! Random rows of helper calls are written as one program each. The program mixes every return value, and after each call
//! what it sees of the packet's state, into its own return value, so one number and the packet's bytes tell whether the kernel and
//! [`skep_vm::net`] did the same at every step. The generator's seed is fixed: a failure repeats.

mod rng;
mod skb;
mod xdp;

use std::os::fd::AsFd;

use skep_linux::{RunRequest, live_bpf, prog_load_simple, prog_test_run};
use skep_platform::ProgramType;

/// Prints why a test is skipped; `true` when it is.
fn skipped(test: &str) -> bool {
    live_bpf().inspect_err(|why| eprintln!("SKIPPED {test}: {why}")).is_err()
}

/// Adds `register` to the running mix in `r7`, as [`mix`] does.
fn mix_asm(register: &str) -> String {
    format!("r7 *= 31\nr7 += {register}\n")
}

/// One step of the mix.
fn mix(sum: u64, value: u64) -> u64 {
    sum.wrapping_mul(31).wrapping_add(value)
}

/// The mix as a program returns it, in 32 bits.
fn folded(sum: u64) -> u32 {
    (sum ^ (sum >> 32)) as u32
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

/// All known bytes.
fn buffer() -> [u8; 64] {
    let mut bytes = [0; 64];
    for (i, word) in bytes.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&buffer_word(i as u64).to_le_bytes());
    }
    bytes
}

/// Loads and runs `text` in the kernel; the return value and the packet afterwards.
fn in_kernel(program_type: ProgramType, text: &str, packet: &[u8], ctx: Option<&[u8]>) -> (u32, Vec<u8>) {
    let insns = skep_isa::text::assemble(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let fd = prog_load_simple(program_type, &insns, "GPL").unwrap_or_else(|e| panic!("{e}\n{}\n{text}", e.log));
    let request = RunRequest { data: Some(packet), ctx, ..RunRequest::default() };
    let result = prog_test_run(fd.as_fd(), &request).unwrap_or_else(|e| panic!("{e} on {} bytes, {:x?}\n{text}", packet.len(), &packet[..14]));
    (result.ret, result.data)
}

/// A packet with sensible headers and, behind them, bytes that all differ.
fn packet(len: usize, ethertype: u16) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i * 7 + 3) as u8).collect();
    bytes[..12].fill(0);
    bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
    bytes
}
