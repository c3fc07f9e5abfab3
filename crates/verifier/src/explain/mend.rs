//! Going on behind a failure as if the access had been allowed, so that what is wrong elsewhere is found too.
//!
//! Where the missing fact is known (the pointer is not NULL, the packet is long enough), it is taken for granted, and the instruction is
//! tried again: all that follows is as sure as before. Where a load failed, its result is any number; from then on the path's
//! values are *made up*, and of its errors only those count that no value can cause. Where nothing can be taken for
//! granted, the path ends.

use skep_isa::Insn;

use crate::explore::Walk;
use crate::rejection::{Code, Place, Rejection};
use crate::state::{Flags, Reg, RegKind};

/// How a path goes on.
pub(super) struct Mended {
    /// The slot to go on at.
    pub(super) next: usize,
    /// Whether a value had to be made up.
    pub(super) made_up: bool,
}

/// The most packet that can be proved.
const WHOLE_PACKET: i32 = 0xffff;

/// Whether an error stands whatever the values are.
pub(super) fn is_certain(code: Code) -> bool {
    matches!(code, Code::UnknownHelper | Code::HelperNotAllowed | Code::GplOnly)
}

/// Repairs the state; `None` when it cannot be.
pub(super) fn mend(walk: &mut Walk<'_>, rejection: &Rejection) -> Option<Mended> {
    let again = Some(Mended { next: walk.at, made_up: false });
    let at_fault = match rejection.place {
        Some(Place::Register(number)) => Some((number, *walk.state.reg(number))),
        _ => None,
    };
    match (rejection.code, at_fault) {
        (Code::MaybeNull, Some((_, reg))) if reg.is_nullable() => {
            walk.state.each_reg(|other| {
                if other.is_nullable() && other.id == reg.id && other.kind == reg.kind {
                    other.flags = other.flags.without(Flags::NULLABLE);
                }
            });
            again
        }
        (Code::PacketBounds, Some((_, reg))) if reg.range >= 0 && reg.value.s64.min >= 0 => {
            walk.state.each_reg(|other| {
                if other.kind == reg.kind && other.id == reg.id {
                    other.range = WHOLE_PACKET;
                }
            });
            again
        }
        (Code::Uninitialised, Some((number, reg))) if reg.kind == RegKind::Uninit => {
            *walk.state.reg_mut(number) = Reg::UNKNOWN;
            Some(Mended { next: walk.at, made_up: true })
        }
        (code, _) if (301..400).contains(&(code as u16)) => without_access(walk),
        _ => None,
    }
}

/// As if the instruction had accessed something of which nothing is known.
fn without_access(walk: &mut Walk<'_>) -> Option<Mended> {
    let next = walk.shape.next(walk.at);
    match walk.shape.insns.get(walk.at).copied().flatten()? {
        Insn::Load { dst, .. } | Insn::LoadAcquire { dst, .. } => {
            *walk.state.reg_mut(dst) = Reg::UNKNOWN;
            Some(Mended { next, made_up: true })
        }
        Insn::Store { .. } | Insn::StoreRelease { .. } => Some(Mended { next, made_up: false }),
        _ => None,
    }
}
