//! Arithmetic on pointers.
//!
//! A pointer's offset has a constant part and a variable part; both must stay far below what could overflow. What is added
//! must be bounded, and some kinds of pointer take nothing at all.

use skep_isa::{AluOp, Reg as Number, Width};

use crate::Code;
use crate::explore::Walk;
use crate::state::{Reg, RegKind};
use crate::value::Scalar;
use crate::verdict::Checked;

/// Offsets must stay below this.
pub(crate) const MAX_OFFSET: i64 = 1 << 29;

impl Walk<'_> {
    /// `pointer op number`; `swapped` when the number is the destination.
    pub(crate) fn pointer_arithmetic(
        &mut self,
        width: Width,
        op: AluOp,
        dst: Number,
        pointer: Reg,
        number: Reg,
        swapped: bool,
    ) -> Checked<Reg> {
        let unprivileged = self.input.unprivileged;
        if width == Width::W32 {
            if op == AluOp::Sub && !unprivileged {
                return Ok(Reg::UNKNOWN);
            }
            return self.fail_at(Code::PointerArithmetic, dst, "32-bit arithmetic on a pointer");
        }
        if pointer.is_nullable() {
            return self.fail_at(
                Code::MaybeNull,
                dst,
                format!("arithmetic on {pointer}: compare it with NULL first"),
            );
        }
        if matches!(pointer.kind, RegKind::Mem(_)) && pointer.flags.has(crate::state::Flags::UNTRUSTED) {
            // Reads through it are caught wherever they go, so it is of no consequence where it points.
            return Ok(if swapped { number } else { pointer });
        }
        self.allows_arithmetic(op, dst, &pointer, &number)?;
        self.sane_offset(dst, &number)?;
        self.sane_offset(dst, &pointer)?;
        let plan = self.plan_mask(op, dst, &pointer, &number, swapped)?;
        let mut result = match op {
            AluOp::Add => self.moved(pointer, number, AluOp::Add),
            AluOp::Sub if swapped => {
                return self.fail_at(Code::PointerArithmetic, dst, "a pointer subtracted from a number");
            }
            AluOp::Sub if matches!(pointer.kind, RegKind::Stack(_)) => {
                return self.fail_at(Code::PointerArithmetic, dst, "subtraction from a stack pointer");
            }
            AluOp::Sub => self.moved(pointer, number, AluOp::Sub),
            _ => return self.fail_at(Code::PointerArithmetic, dst, "only + and - keep a pointer"),
        };
        self.sane_offset(dst, &result)?;
        result.value.settle();
        self.check_formed(dst, &result)?;
        self.commit_mask(dst, plan, &result)?;
        Ok(result)
    }

    fn allows_arithmetic(&self, op: AluOp, dst: Number, pointer: &Reg, number: &Reg) -> Checked {
        let allowed = match pointer.kind {
            RegKind::FlowKeys => number.as_constant().is_some() || is_zero_sum(op, number),
            RegKind::Map(_) => is_zero_sum(op, number),
            RegKind::PacketEnd
            | RegKind::Socket
            | RegKind::SockCommon
            | RegKind::TcpSock
            | RegKind::XdpSock => false,
            _ => true,
        };
        if allowed {
            return Ok(());
        }
        self.fail_at(Code::PointerArithmetic, dst, format!("arithmetic on {}", pointer.kind))
    }

    /// The number or pointer is bounded so that nothing overflows.
    fn sane_offset(&self, dst: Number, reg: &Reg) -> Checked {
        let smin = reg.value.s64.min;
        if let Some(value) = reg.value.as_constant()
            && (value as i64 >= MAX_OFFSET || value as i64 <= -MAX_OFFSET)
        {
            return self.fail_at(Code::UnboundedOffset, dst, format!("an offset of {}", value as i64));
        }
        if reg.is_pointer() && (i64::from(reg.off) >= MAX_OFFSET || i64::from(reg.off) <= -MAX_OFFSET) {
            return self.fail_at(Code::UnboundedOffset, dst, format!("a constant offset of {}", reg.off));
        }
        if smin == i64::MIN {
            return self.fail_at(
                Code::UnboundedOffset,
                dst,
                "arithmetic of a pointer and a number without a least value",
            );
        }
        if smin >= MAX_OFFSET || smin <= -MAX_OFFSET {
            return self.fail_at(Code::UnboundedOffset, dst, format!("an offset that may be {smin}"));
        }
        Ok(())
    }

    fn moved(&mut self, pointer: Reg, number: Reg, op: AluOp) -> Reg {
        let mut result = pointer;
        if let Some(by) = number.value.as_constant() {
            let by = by as i64;
            let off = match op {
                AluOp::Add => i64::from(pointer.off).checked_add(by),
                _ => i64::from(pointer.off).checked_sub(by),
            };
            if let Some(off) = off.and_then(|off| i32::try_from(off).ok()) {
                result.off = off;
                return result;
            }
        }
        result.value = sum(pointer.value, number.value, op);
        if pointer.is_packet() {
            // Another variable part: what was proved of the old one says nothing of it.
            result.id = self.fresh_id();
            let forward = op == AluOp::Add || number.value.s64.min < 0;
            if forward {
                result.range = 0;
            }
        }
        result
    }
}

fn is_zero_sum(op: AluOp, number: &Reg) -> bool {
    op == AluOp::Add && number.as_constant() == Some(0)
}

/// The new variable part. Only whole numbers matter for offsets, so the low halves are deduced anew.
fn sum(base: Scalar, by: Scalar, op: AluOp) -> Scalar {
    base.alu(op, Width::W64, by)
}
