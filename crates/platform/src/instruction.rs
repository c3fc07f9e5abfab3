//! Instructions, and the release that brought each form of them.
//!
//! Sources: the kernel's instruction set page and release notes; clang's `-mcpu` levels. Forms older than 5.4, the oldest release modelled, have
//! that release. So have maps named by their place in a list, which stand for maps however they are named.

use skep_isa::{AluOp, AtomicOp, Call, Endian, Imm64, Insn};

use crate::Release;

/// A form of instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// What it is, in a few words.
    pub name: &'static str,
    /// The release that brought it.
    pub since: Release,
    /// Whether older releases took it for a known instruction with a wrong field, which they notice only when a path comes to it; else for no
    /// instruction at all.
    pub late: bool,
}

const fn row(name: &'static str, since: Release, late: bool) -> Form {
    Form { name, since, late }
}

const V5_9: Release = Release::new(5, 9);
const V5_12: Release = Release::new(5, 12);
const V5_13: Release = Release::new(5, 13);
const V6_6: Release = Release::new(6, 6);
const V6_9: Release = Release::new(6, 9);
const V6_15: Release = Release::new(6, 15);

/// Every form that is newer than the oldest release modelled.
pub static NEWER: &[Form] = &[
    row("the address of a kernel variable", V5_9, false),
    row("an atomic operation other than addition", V5_12, true),
    row("the address of a function", V5_13, false),
    row("a call of a kernel function", V5_13, true),
    row("signed division", V6_6, true),
    row("a move with sign extension", V6_6, true),
    row("a load with sign extension", V6_6, false),
    row("an unconditional byte swap", V6_6, false),
    row("a long jump", V6_6, false),
    row("may_goto", V6_9, false),
    row("a cast between address spaces", V6_9, true),
    row("an ordered load or store", V6_15, true),
];

static OLD: Form = row("an instruction of the first sets", Release::V5_4, true);

/// The form of an instruction.
pub fn form(insn: &Insn) -> Form {
    let row = match insn {
        Insn::LoadImm64 { value: Imm64::BtfId { .. }, .. } => 0,
        Insn::Atomic { op: AtomicOp::Add { fetch: false }, .. } => return OLD,
        Insn::Atomic { .. } => 1,
        Insn::LoadImm64 { value: Imm64::Func(_), .. } => 2,
        Insn::Call(Call::Kfunc { .. }) => 3,
        Insn::Alu { op: AluOp::Sdiv | AluOp::Smod, .. } => 4,
        Insn::MovSx { .. } => 5,
        Insn::Load { signed: true, .. } => 6,
        Insn::Endian { kind: Endian::Swap, .. } => 7,
        Insn::Jump { long: true, .. } => 8,
        Insn::MayGoto { .. } => 9,
        Insn::AddrSpaceCast { .. } => 10,
        Insn::LoadAcquire { .. } | Insn::StoreRelease { .. } => 11,
        _ => return OLD,
    };
    NEWER[row]
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep_isa::{Reg, Size};

    #[test]
    fn forms_have_their_release() {
        let load = |signed| Insn::Load { size: Size::W, signed, dst: Reg::R0, src: Reg::R1, off: 0 };
        assert_eq!(form(&load(true)).since, V6_6);
        assert_eq!(form(&load(false)).since, Release::V5_4);
        assert_eq!(form(&Insn::MayGoto { off: 1 }).since, V6_9);
        assert_eq!(form(&Insn::Call(Call::Kfunc { id: 1, module: 0 })).since, V5_13);
        assert!(NEWER.windows(2).all(|pair| pair[0].since <= pair[1].since));
    }
}
