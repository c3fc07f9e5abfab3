//! Instructions that nothing could be relocated to: carried along, and not to be reached.

#![allow(clippy::unwrap_used)]

use skep_isa::text::assemble;
use skep_vm::{Hook, LoadError, Memory, Program, ProgramSpec};

fn load(text: &str, poisoned: &[usize]) -> Result<Program, LoadError> {
    let poisoned = poisoned.iter().map(|&at| (at, "no field `state`".to_owned())).collect();
    let spec = ProgramSpec::new("test", Hook::memory(), assemble(text).unwrap());
    Program::unproved(ProgramSpec { poisoned, ..spec })
}

#[test]
fn a_poisoned_call_behind_a_check_does_no_harm() {
    let text = "r0 = 7\n if r2 == 0 goto +1\n call 195896080\n exit";
    let program = load(text, &[2]).unwrap();
    assert_eq!(program.run(&mut Memory::new(&mut [])).unwrap().value, 7);
    let fault = program.run(&mut Memory::new(&mut [0; 8])).unwrap_err();
    assert_eq!(fault.at, 2);
    assert!(
        fault.message.ends_with("nothing could be relocated to here: no field `state`"),
        "{}",
        fault.message
    );
}

#[test]
fn both_slots_of_a_wide_instruction_are_poisoned() {
    let program = load("r0 = 7\n goto +2\n call 195896080\n call 195896080\n exit", &[2]).unwrap();
    assert_eq!(program.run(&mut Memory::new(&mut [])).unwrap().value, 7);
}

#[test]
fn a_helper_that_nobody_poisoned_must_exist() {
    let error = load("call 195896080\n exit", &[]).unwrap_err();
    assert!(error.to_string().contains("call of helper 195896080, which does not exist"), "{error}");
}
