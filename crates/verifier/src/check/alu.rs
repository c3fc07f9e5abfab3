//! Arithmetic on numbers, and moves.

use skep_isa::{AluOp, Endian, Operand, Reg as Number, Size, Width};

use crate::Code;
use crate::explore::Walk;
use crate::state::{Reg, RegKind};
use crate::value::Scalar;
use crate::verdict::Checked;

/// An immediate as the operation sees it.
pub(crate) fn immediate(imm: i32, width: Width) -> Scalar {
    match width {
        Width::W64 => Scalar::constant(i64::from(imm) as u64),
        Width::W32 => Scalar::constant(u64::from(imm as u32)),
    }
}

/// Whether the number surely fits into so many low bits.
pub(crate) fn fits(value: &Scalar, bits: u32) -> bool {
    bits >= 64 || value.u64.max < 1 << bits
}

impl Walk<'_> {
    pub(crate) fn alu(&mut self, width: Width, op: AluOp, dst: Number, src: Operand) -> Checked {
        if op == AluOp::Mov {
            return self.mov(width, dst, src);
        }
        if let Operand::Imm(imm) = src {
            self.check_constant(width, op, imm)?;
        }
        let right = match src {
            Operand::Reg(number) => self.read(number)?,
            Operand::Imm(imm) => Reg::scalar(immediate(imm, Width::W64)),
        };
        let left = self.read(dst)?;
        if dst == Number::R10 {
            return self.write(dst, left);
        }
        if left.kind == RegKind::Arena {
            return Ok(());
        }
        if right.kind == RegKind::Arena {
            return self.write(dst, right);
        }
        match (left.is_scalar(), right.is_scalar()) {
            (true, true) => {
                self.plan_numbers(op, dst)?;
                let left = self.forked(op, dst, left, &right)?;
                let result = self.numbers(width, op, left, right);
                self.write(dst, result)
            }
            (false, false) => self.two_pointers(op, dst),
            (false, true) => {
                if let Operand::Reg(number) = src {
                    self.matters(number)?;
                }
                let result = self.pointer_arithmetic(width, op, dst, left, right, false)?;
                self.write(dst, result)
            }
            (true, false) => {
                self.matters(dst)?;
                let result = self.pointer_arithmetic(width, op, dst, right, left, true)?;
                self.write(dst, result)
            }
        }
    }

    fn check_constant(&self, width: Width, op: AluOp, imm: i32) -> Checked {
        match op {
            AluOp::Div | AluOp::Mod | AluOp::Sdiv | AluOp::Smod if imm == 0 => {
                self.fail(Code::DivisionByZero, "division by the constant 0")
            }
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => {
                let bits = if width == Width::W64 { 64 } else { 32 };
                if (0..bits).contains(&imm) {
                    return Ok(());
                }
                self.fail(Code::BadShift, format!("a shift by {imm}; 0 to {} are allowed", bits - 1))
            }
            _ => Ok(()),
        }
    }

    /// The difference of two pointers is a number, for the privileged.
    fn two_pointers(&mut self, op: AluOp, dst: Number) -> Checked {
        if op == AluOp::Sub && !self.input.unprivileged {
            return self.write(dst, Reg::UNKNOWN);
        }
        self.fail_at(Code::PointerArithmetic, dst, "arithmetic on two pointers")
    }

    /// All ones or all zeros, masked by a constant: how compilers choose between two constants without a jump. Both are walked.
    fn forked(&mut self, op: AluOp, dst: Number, left: Reg, right: &Reg) -> Checked<Reg> {
        if !matches!(op, AluOp::And | AluOp::Or) || right.value.as_constant().is_none() {
            return Ok(left);
        }
        let Some((ones, zeros)) = left.value.sign_fork() else { return Ok(left) };
        let mut other = self.state.clone();
        other.reg_mut(dst).value = zeros;
        self.push(other, self.at)?;
        Ok(Reg { value: ones, ..left })
    }

    fn numbers(&mut self, width: Width, op: AluOp, left: Reg, right: Reg) -> Reg {
        let mut result = Reg::scalar(left.value.alu(op, width, right.value));
        // A sum or difference with a constant keeps its tie to the number it was made from.
        let tie = matches!(op, AluOp::Add | AluOp::Sub)
            && width == Width::W64
            && left.id != 0
            && !left.linked
            && !self.input.unprivileged;
        let by = right.value.as_constant().map(|by| by as i64);
        let distance = if op == AluOp::Sub { by.and_then(i64::checked_neg) } else { by };
        if let (true, Some(distance)) = (tie, distance)
            && let Ok(distance) = i32::try_from(distance)
        {
            (result.id, result.linked, result.off) = (left.id, true, distance);
        }
        result
    }

    fn mov(&mut self, width: Width, dst: Number, src: Operand) -> Checked {
        let number = match src {
            Operand::Imm(imm) => return self.write(dst, Reg::scalar(immediate(imm, width))),
            Operand::Reg(number) => number,
        };
        let value = self.read(number)?;
        if width == Width::W64 {
            let value = self.named_copy(number, value);
            return self.write(dst, value);
        }
        if !value.is_scalar() {
            if self.input.unprivileged {
                return self.fail_at(Code::Leak, number, "a copy of half a pointer");
            }
            let half = Scalar::UNKNOWN.truncated(Size::W);
            return self.write(dst, Reg::scalar(half));
        }
        let mut copy = value;
        if fits(&value.value, 32) {
            copy = self.named_copy(number, value);
        } else {
            unname(&mut copy);
        }
        copy.value = copy.value.truncated(Size::W);
        self.write(dst, copy)
    }

    /// A copy of a number and the number itself get one name, so that what is learnt of one is known of both.
    pub(crate) fn named_copy(&mut self, number: Number, value: Reg) -> Reg {
        let named = self.named(value);
        if number != Number::R10 && value.is_scalar() {
            *self.state.reg_mut(number) = named;
        }
        named
    }

    /// The number with a name, if it is a number that varies.
    pub(crate) fn named(&mut self, mut value: Reg) -> Reg {
        if !value.is_scalar() {
            return value;
        }
        if value.linked {
            unname(&mut value);
        }
        if value.id == 0 && value.value.as_constant().is_none() {
            value.id = self.fresh_id();
        }
        value
    }

    pub(crate) fn negate(&mut self, width: Width, dst: Number) -> Checked {
        let value = self.read(dst)?;
        self.keep_pointers(dst, &value)?;
        let result = if value.is_scalar() { Reg::scalar(value.value.negated(width)) } else { Reg::UNKNOWN };
        self.write(dst, result)
    }

    pub(crate) fn swap(&mut self, kind: Endian, size: Size, dst: Number) -> Checked {
        let value = self.read(dst)?;
        self.keep_pointers(dst, &value)?;
        let result =
            if value.is_scalar() { Reg::scalar(value.value.swapped(kind, size)) } else { Reg::UNKNOWN };
        self.write(dst, result)
    }

    /// The unprivileged may not turn a pointer into a number.
    fn keep_pointers(&self, number: Number, value: &Reg) -> Checked {
        if value.is_pointer() && self.input.unprivileged {
            return self.fail_at(Code::PointerArithmetic, number, "arithmetic on a pointer");
        }
        Ok(())
    }

    pub(crate) fn extend(&mut self, width: Width, from: Size, dst: Number, src: Number) -> Checked {
        let value = self.read(src)?;
        if !value.is_scalar() {
            if !self.input.unprivileged {
                let half = Scalar::UNKNOWN.truncated(Size::W);
                let result = if width == Width::W32 { half } else { Scalar::UNKNOWN };
                return self.write(dst, Reg::scalar(result));
            }
            let message = "sign extension of a pointer";
            return self.fail_at(Code::PointerArithmetic, src, message);
        }
        let bits = 8 * from.bytes() as u32;
        let mut copy = value;
        if fits(&value.value, bits - 1) {
            copy = self.named_copy(src, value);
        } else {
            unname(&mut copy);
        }
        copy.value = copy.value.sign_extended(from, width);
        self.write(dst, copy)
    }
}

/// Takes a number's name away.
pub(crate) fn unname(value: &mut Reg) {
    (value.id, value.linked, value.off) = (0, false, 0);
}
