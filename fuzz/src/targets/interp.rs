//! The checking interpreter.

use skep_isa::{ByteOrder, from_bytes};
use skep_vm::{Hook, Memory, Options, Program, ProgramSpec, Runtime, Trace};

use crate::Target;
use crate::generate::{Features, Generated, MAPS, xdp};
use crate::rng::Rng;
use crate::user::{self, Refused};

/// Any bytes as a program: refused, stopped with a fault, or run; never a crash of the host.
pub(super) const ANY: Target = Target {
    name: "interp",
    about: "the interpreter: any program is refused, stopped or run to its end",
    run: run_any,
    seeds: super::isa::programs,
    words: &[],
    inputs: 60_000,
    max_len: 8192,
};

/// Programs that are valid by construction: no fault.
pub(super) const GENERATED: Target = Target {
    name: "generated",
    about: "the interpreter: generated programs end without a fault",
    run: run_generated,
    seeds: || vec![vec![0; 8]],
    words: &[],
    inputs: 15_000,
    max_len: 64,
};

/// Instructions that a program on plain memory may spend in loops.
const BUDGET: u64 = 5_000;

fn run_any(data: &[u8]) {
    let Ok(insns) = from_bytes(data, ByteOrder::Little) else { return };
    let program = Generated { insns, maps: &MAPS, packet: (0..96).collect() };
    match user::run(&program) {
        Ok(_) => {}
        Err(Refused::Load(text)) => one_line(&text),
        Err(Refused::Fault(fault)) => {
            one_line(&fault.to_string());
            assert!(!fault.detailed().to_string().is_empty());
        }
    }
    on_memory(program);
}

/// The same on a hook that passes an address and a length.
fn on_memory(program: Generated) {
    let mut spec = ProgramSpec::new("any", Hook::memory(), program.insns);
    spec.runtime = Runtime::new(Options { budget: BUDGET, trace: Trace::Drop, ..Options::default() });
    let Ok(loaded) = Program::unproved(spec) else { return };
    let mut bytes = program.packet;
    if let Err(fault) = loaded.run(&mut Memory::new(&mut bytes)) {
        one_line(&fault.to_string());
    }
}

fn run_generated(data: &[u8]) {
    // FNV-1a: any change of the input gives another program.
    let seed =
        data.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    let program = xdp(&mut Rng::new(seed, 0), Features::ALL);
    match user::run(&program) {
        Ok(_) => {}
        Err(Refused::Load(text)) => panic!("{text}"),
        Err(Refused::Fault(fault)) => panic!("{}", fault.detailed()),
    }
}

fn one_line(text: &str) {
    assert!(!text.is_empty() && !text.contains('\n'), "an error is one line: {text}");
}
