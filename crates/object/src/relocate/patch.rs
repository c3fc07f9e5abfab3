//! Writing a CO-RE value into the instruction that holds it.
//!
//! A value stands in one of three places: the immediate of an arithmetic instruction, the offset of a load or store, or
//! the two halves of an `lddw`. A load or store may also have to change its width with the field's.

use skep_btf::core::{CoreValue, Outcome, Resize};
use skep_isa::RawInsn;

/// Classes of instructions, the low three bits of the opcode.
const CLASS: u8 = 0x07;
const LDX: u8 = 1;
const ST: u8 = 2;
const STX: u8 = 3;
const ALU: u8 = 4;
const ALU64: u8 = 7;
/// The operand is a register.
const REGISTER: u8 = 0x08;
/// The width of a load or store, and its codes.
const WIDTH: u8 = 0x18;
const LDDW: u8 = 0x18;
const CALL: u8 = 0x85;

/// A helper that will never exist; the number reads "bad relo" and is the one that other loaders use, so that people know
/// it from logs.
const BAD_RELOCATION: i32 = 0x0bad_2310;
/// The same for calls of kernel functions that are not there; the extern's index is added.
const BAD_FUNCTION: i32 = 2_002_000_000;

/// Whether the instruction could be given its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patched {
    /// It was.
    Done,
    /// It has none on this machine and is poisoned.
    Poisoned,
}

/// Patches the instruction at `at`; an error is a sentence about the instruction.
pub(super) fn apply(insns: &mut [RawInsn], at: usize, value: &CoreValue) -> Result<Patched, String> {
    let Some(&insn) = insns.get(at) else { return Err("the record is past the end of the program".into()) };
    let Outcome::Value(new) = value.outcome else {
        poison(insns, at, BAD_RELOCATION);
        return Ok(Patched::Poisoned);
    };
    match insn.code & CLASS {
        _ if insn.code == LDDW => load(insns, at, value.local, new).map(|()| Patched::Done),
        LDX | ST | STX => {
            if value.resize.is_some_and(|resize| !resize.allowed) {
                poison(insns, at, BAD_RELOCATION);
                return Ok(Patched::Poisoned);
            }
            insns[at] = access(insn, value.local, new, value.resize)?;
            Ok(Patched::Done)
        }
        ALU | ALU64 if insn.code & REGISTER == 0 => {
            expect(value.local, |local| insn.imm == local as i32, insn.imm)?;
            insns[at].imm = immediate(new)?;
            Ok(Patched::Done)
        }
        _ => {
            Err(format!("expected an arithmetic instruction, load or store, found opcode {:#04x}", insn.code))
        }
    }
}

/// Makes the instruction one that no verifier lets be reached; both slots of an `lddw`.
fn poison(insns: &mut [RawInsn], at: usize, helper: i32) {
    let slots = if insns[at].code == LDDW { 2 } else { 1 };
    for slot in insns.iter_mut().skip(at).take(slots) {
        *slot = RawInsn { code: CALL, imm: helper, ..RawInsn::default() };
    }
}

/// Poisons a call of a kernel function by the index of its extern.
pub(super) fn poison_function(insns: &mut [RawInsn], at: usize, index: usize) {
    let number = BAD_FUNCTION.saturating_add(i32::try_from(index).unwrap_or(i32::MAX));
    poison(insns, at, number);
}

/// Writes a 64-bit value with its pseudo source into an `lddw`.
pub(super) fn set_load(insns: &mut [RawInsn], at: usize, source: u8, value: u64) {
    insns[at].src = source;
    insns[at].imm = (value as u32).cast_signed();
    if let Some(high) = insns.get_mut(at + 1) {
        high.imm = ((value >> 32) as u32).cast_signed();
    }
}

fn load(insns: &mut [RawInsn], at: usize, local: Option<u64>, new: u64) -> Result<(), String> {
    let high = insns.get(at + 1).ok_or("lddw without its second slot")?.imm;
    let found = u64::from(insns[at].imm.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32;
    expect(local, |local| local == found, found)?;
    set_load(insns, at, 0, new);
    Ok(())
}

/// A load or store with a new offset and, when the field's size changed, a new width.
fn access(insn: RawInsn, local: Option<u64>, new: u64, resize: Option<Resize>) -> Result<RawInsn, String> {
    expect(local, |local| i64::from(insn.off) == local.cast_signed(), insn.off)?;
    let off =
        i16::try_from(new).map_err(|_| format!("offset {new} does not fit the instruction's 16 bits"))?;
    let mut patched = RawInsn { off, ..insn };
    if let Some(Resize { local, target, .. }) = resize {
        let width = |bytes| match bytes {
            1 => Some(0x10),
            2 => Some(0x08),
            4 => Some(0x00),
            8 => Some(0x18),
            _ => None,
        };
        if width(local) != Some(insn.code & WIDTH) {
            return Err(format!(
                "expected an access of the field's {local} bytes, found opcode {:#04x}",
                insn.code
            ));
        }
        let bits = width(target).ok_or_else(|| format!("no instruction accesses {target} bytes"))?;
        patched.code = insn.code & !WIDTH | bits;
    }
    Ok(patched)
}

/// A value as an immediate; enum constants may be negative.
fn immediate(value: u64) -> Result<i32, String> {
    let signed = i32::try_from(value.cast_signed()).ok();
    let unsigned = u32::try_from(value).ok().map(u32::cast_signed);
    signed.or(unsigned).ok_or_else(|| format!("value {value:#x} does not fit the instruction's 32 bits"))
}

/// The instruction must still hold what the compiler put there, or the record is not about it.
fn expect(local: Option<u64>, holds: impl Fn(u64) -> bool, found: impl ToString) -> Result<(), String> {
    match local {
        Some(local) if !holds(local) => Err(format!(
            "expected the compiler's value {local} in the instruction, found {}",
            found.to_string()
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(local: u64, outcome: Outcome, resize: Option<Resize>) -> CoreValue {
        CoreValue { local: Some(local), outcome, resize, target: None }
    }

    #[test]
    fn loads_take_offset_and_width() {
        let mut insns = [RawInsn { code: 0x61, dst: 1, src: 2, off: 4, imm: 0 }];
        let resize = Resize { local: 4, target: 8, allowed: true };
        assert_eq!(apply(&mut insns, 0, &value(4, Outcome::Value(24), Some(resize))), Ok(Patched::Done));
        assert_eq!(insns[0], RawInsn { code: 0x79, dst: 1, src: 2, off: 24, imm: 0 });
    }

    #[test]
    fn signed_fields_of_another_size_are_poisoned() {
        let mut insns = [RawInsn { code: 0x61, off: 4, ..RawInsn::default() }];
        let resize = Resize { local: 4, target: 8, allowed: false };
        let patched = apply(&mut insns, 0, &value(4, Outcome::Value(24), Some(resize)));
        assert_eq!((patched, insns[0].code, insns[0].imm), (Ok(Patched::Poisoned), CALL, BAD_RELOCATION));
    }

    #[test]
    fn lddw_takes_all_64_bits_and_is_poisoned_whole() {
        let mut insns = [RawInsn { code: 0x18, ..RawInsn::default() }, RawInsn::default()];
        assert_eq!(apply(&mut insns, 0, &value(0, Outcome::Value(1 << 40), None)), Ok(Patched::Done));
        assert_eq!((insns[0].imm, insns[1].imm), (0, 256));
        assert_eq!(apply(&mut insns, 0, &value(0, Outcome::Poison, None)), Ok(Patched::Poisoned));
        assert!(insns.iter().all(|insn| insn.code == CALL && insn.imm == BAD_RELOCATION));
    }

    #[test]
    fn an_instruction_that_does_not_hold_the_local_value_is_an_error() {
        let mut insns = [RawInsn { code: 0xb7, imm: 5, ..RawInsn::default() }];
        let error = apply(&mut insns, 0, &value(4, Outcome::Value(8), None)).unwrap_err();
        assert_eq!(error, "expected the compiler's value 4 in the instruction, found 5");
        assert!(apply(&mut insns, 0, &value(5, Outcome::Value(1 << 32), None)).is_err());
        assert_eq!(apply(&mut insns, 0, &value(5, Outcome::Value(u64::MAX), None)), Ok(Patched::Done));
        assert_eq!(insns[0].imm, -1);
    }

    #[test]
    fn jumps_and_register_operands_hold_no_value() {
        for code in [0x05, 0x0f, 0x95] {
            let mut insns = [RawInsn { code, ..RawInsn::default() }];
            assert!(apply(&mut insns, 0, &value(0, Outcome::Value(1), None)).is_err(), "{code:#x}");
        }
    }
}
