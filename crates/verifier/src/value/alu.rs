//! Arithmetic on what is known of two numbers.
//!
//! Each operation is carried out in every view on its own and the views then inform each other. Where a range may wrap it is
//! given up in that view only, unless every number in it wraps, for then the order of the ends is kept.
//!
//! Which operations are followed and which give up (division, shifts by an unknown count) is as in Linux 6.18, because the set
//! of accepted programs depends on it. Division by a constant is one of those that give up.

use skep_isa::{AluOp, Endian, Size, Width};

use super::range::Range;
use super::scalar::Scalar;
use super::tnum::Tnum;

impl Scalar {
    /// `self op other`; a 32-bit operation works on the low halves and zero-extends.
    #[must_use]
    pub fn alu(self, op: AluOp, width: Width, other: Self) -> Self {
        let mut result = match op {
            AluOp::Mov => other,
            AluOp::Add => self.add(other),
            AluOp::Sub => self.sub(other),
            AluOp::Mul => self.mul(other),
            AluOp::And => self.and(other),
            AluOp::Or => self.or(other),
            AluOp::Xor => self.xor(other),
            AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => match known_count(width, &other) {
                Some(count) => self.shift(op, width, count),
                None => return Self::UNKNOWN,
            },
            // Linux gives up before it comes to the upper half, so it does not even know that a 32-bit result has none.
            AluOp::Div | AluOp::Sdiv | AluOp::Mod | AluOp::Smod => return Self::UNKNOWN,
        };
        if width == Width::W32 {
            result.zero_extend_low();
        }
        result.settle_or_give_up();
        result
    }

    /// Whether it is all ones or all zeros (of its low half where only that is known), as a shift of the sign through the whole
    /// leaves it: then the two numbers.
    pub fn sign_fork(&self) -> Option<(Self, Self)> {
        let forked = |value: u64, whole: bool| {
            if whole {
                return Self::constant(value);
            }
            let low = value as u32;
            let bits = self.bits.with_low(Tnum::constant(low.into()));
            Self { bits, u32: Range::single(low), s32: Range::single(low as i32), ..*self }
        };
        let whole = self.s64 == Range::new(-1, 0);
        (whole || self.s32 == Range::new(-1, 0)).then(|| (forked(u64::MAX, whole), forked(0, whole)))
    }

    /// `-self`
    #[must_use]
    pub fn negated(self, width: Width) -> Self {
        Self::constant(0).alu(AluOp::Sub, width, self)
    }

    /// The low `size` bytes, zero-extended: what a narrow load or spill leaves of a number.
    #[must_use]
    pub fn truncated(mut self, size: Size) -> Self {
        if size == Size::Dw {
            return self;
        }
        if size == Size::W {
            self.zero_extend_low();
            self.settle();
            return self;
        }
        let bytes = size.bytes();
        let whole = Tnum::UNKNOWN.truncate(bytes).max();
        let bits = self.bits.truncate(bytes);
        // The range survives if the bytes cut off are the same at both ends.
        let range = if self.u64.min & !whole == self.u64.max & !whole {
            Range::new(self.u64.min & whole, self.u64.max & whole)
        } else {
            Range::new(0, whole)
        };
        let mut result = Self { bits, u64: range, ..Self::UNKNOWN };
        result.settle();
        result
    }

    /// The low `from` bytes, sign-extended to `width`.
    #[must_use]
    pub fn sign_extended(self, from: Size, width: Width) -> Self {
        let count = 64 - 8 * from.bytes() as u32;
        let fits = |x: i64| (x << count) >> count == x;
        let mut result = if let Some(value) = self.bits.truncate(from.bytes()).as_constant() {
            Self::constant((((value << count) as i64) >> count) as u64)
        } else {
            let most = i64::MAX >> count;
            let mut s64 = Range::new(-most - 1, most);
            // Numbers that fit already are what they were; a low half that is an `int` is one too.
            if fits(self.s64.min) && fits(self.s64.max) {
                s64 = self.s64;
            } else if from == Size::W {
                s64 = Range::new(self.s32.min.into(), self.s32.max.into());
            }
            let bits = self.bits.lsh(count).arsh(count, 64);
            Self { bits, s64, ..Self::UNKNOWN }
        };
        result.settle();
        if width == Width::W32 {
            result.zero_extend_low();
            result.settle();
        }
        result
    }

    /// Byte order conversion on a little-endian machine: of the bits; of the ranges nothing is left.
    #[must_use]
    pub fn swapped(self, kind: Endian, size: Size) -> Self {
        let bits = match kind {
            Endian::Be | Endian::Swap => self.bits.swapped(size.bytes()),
            Endian::Le => self.bits.truncate(size.bytes()),
        };
        Self::with_bits(bits)
    }

    /// Takes the low half for the whole.
    pub fn zero_extend_low(&mut self) {
        self.bits = self.bits.low();
        self.u64 = Range::new(self.u32.min.into(), self.u32.max.into());
        self.s64 = if self.s32.min >= 0 {
            Range::new(self.s32.min.into(), self.s32.max.into())
        } else {
            Range::new(0, u32::MAX.into())
        };
    }

    fn add(self, other: Self) -> Self {
        Self {
            bits: self.bits.add(other.bits),
            u64: self.u64.add(other.u64),
            s64: self.s64.add(other.s64),
            u32: self.u32.add(other.u32),
            s32: self.s32.add(other.s32),
        }
    }

    fn sub(self, other: Self) -> Self {
        Self {
            bits: self.bits.sub(other.bits),
            u64: self.u64.sub(other.u64),
            s64: self.s64.sub(other.s64),
            u32: self.u32.sub(other.u32),
            s32: self.s32.sub(other.s32),
        }
    }

    fn mul(self, other: Self) -> Self {
        Self {
            bits: self.bits.mul(other.bits),
            u64: self.u64.mul(other.u64),
            s64: self.s64.mul(other.s64),
            u32: self.u32.mul(other.u32),
            s32: self.s32.mul(other.s32),
        }
    }

    fn and(self, other: Self) -> Self {
        let bits = self.bits.and(other.bits);
        let u64 = Range::new(bits.value(), self.u64.max.min(other.u64.max));
        let u32 = Range::new(bits.value() as u32, self.u32.max.min(other.u32.max));
        Self::of_unsigned(bits, u64, u32)
    }

    fn or(self, other: Self) -> Self {
        let bits = self.bits.or(other.bits);
        let u64 = Range::new(self.u64.min.max(other.u64.min), bits.max());
        let u32 = Range::new(self.u32.min.max(other.u32.min), bits.max() as u32);
        Self::of_unsigned(bits, u64, u32)
    }

    fn xor(self, other: Self) -> Self {
        let bits = self.bits.xor(other.bits);
        let u64 = Range::new(bits.value(), bits.max());
        let u32 = Range::new(bits.value() as u32, bits.max() as u32);
        Self::of_unsigned(bits, u64, u32)
    }

    /// Bits and unsigned ranges; the signed ones are the same where they do not run through the sign.
    fn of_unsigned(bits: Tnum, u64: Range<u64>, u32: Range<u32>) -> Self {
        let mut result = Self { bits, u64, u32, ..Self::UNKNOWN };
        result.s64.narrow_if_ordered(u64.min as i64, u64.max as i64);
        result.s32.narrow_if_ordered(u32.min as i32, u32.max as i32);
        result
    }

    /// A shift by a known count. A 32-bit one looks at the low half only, a 64-bit one forgets it: which bits come
    /// down into it is for the bits to say.
    fn shift(self, op: AluOp, width: Width, count: Count) -> Self {
        let mut result = Self::UNKNOWN;
        match (op, width) {
            (AluOp::Lsh, Width::W32) => {
                result.bits = self.bits.low().lsh(count.max).low();
                result.u32 = self.u32.shifted_left(count);
            }
            (AluOp::Lsh, Width::W64) => {
                result.bits = self.bits.lsh(count.max);
                result.u64 = self.u64.shifted_left(count);
                if count.max == 32 && count.min == 32 {
                    // The first half of `<<= 32; s>>= 32`, the old way to sign-extend: the low half keeps its order.
                    result.s64 = Range::new(i64::from(self.s32.min) << 32, i64::from(self.s32.max) << 32);
                }
                result.u32 = self.u32.shifted_left(count);
            }
            (AluOp::Rsh, Width::W32) => {
                result.bits = self.bits.low().rsh(count.min);
                result.u32 = Range::new(self.u32.min >> count.max, self.u32.max >> count.min);
            }
            (AluOp::Rsh, Width::W64) => {
                result.bits = self.bits.rsh(count.min);
                result.u64 = Range::new(self.u64.min >> count.max, self.u64.max >> count.min);
            }
            (_, Width::W32) => {
                result.bits = self.bits.low().arsh(count.min, 32);
                result.s32 = Range::new(self.s32.min >> count.min, self.s32.max >> count.min);
            }
            (_, Width::W64) => {
                result.bits = self.bits.arsh(count.min, 64);
                result.s64 = Range::new(self.s64.min >> count.min, self.s64.max >> count.min);
            }
        }
        result
    }
}

/// A shift count; the two differ never today, since only constants are followed.
#[derive(Clone, Copy)]
struct Count {
    min: u32,
    max: u32,
}

/// The count, if it is a constant below the width.
fn known_count(width: Width, count: &Scalar) -> Option<Count> {
    let (value, limit) = match width {
        Width::W32 => (u64::from(count.low_constant()?), 32),
        Width::W64 => (count.as_constant()?, 64),
    };
    (value < limit).then_some(Count { min: value as u32, max: value as u32 })
}

macro_rules! unsigned {
    ($t:ty) => {
        impl Range<$t> {
            /// Sums; given up if some wrap and some do not.
            fn add(self, other: Self) -> Self {
                let (min, min_wraps) = self.min.overflowing_add(other.min);
                let (max, max_wraps) = self.max.overflowing_add(other.max);
                if min_wraps == max_wraps { Self { min, max } } else { Self::FULL }
            }

            /// Differences; given up if some wrap and some do not.
            fn sub(self, other: Self) -> Self {
                let (min, min_wraps) = self.min.overflowing_sub(other.max);
                let (max, max_wraps) = self.max.overflowing_sub(other.min);
                if min_wraps == max_wraps { Self { min, max } } else { Self::FULL }
            }

            fn mul(self, other: Self) -> Self {
                match self.max.checked_mul(other.max) {
                    Some(max) => Self { min: self.min.wrapping_mul(other.min), max },
                    None => Self::FULL,
                }
            }

            /// Given up if a one may fall off the top.
            fn shifted_left(self, count: Count) -> Self {
                if count.max >= <$t>::BITS || self.max.leading_zeros() < count.max {
                    return Self::FULL;
                }
                Self { min: self.min << count.min, max: self.max << count.max }
            }
        }
    };
}
unsigned!(u64);
unsigned!(u32);

macro_rules! signed {
    ($t:ty) => {
        impl Range<$t> {
            fn add(self, other: Self) -> Self {
                match (self.min.checked_add(other.min), self.max.checked_add(other.max)) {
                    (Some(min), Some(max)) => Self { min, max },
                    _ => Self::FULL,
                }
            }

            fn sub(self, other: Self) -> Self {
                match (self.min.checked_sub(other.max), self.max.checked_sub(other.min)) {
                    (Some(min), Some(max)) => Self { min, max },
                    _ => Self::FULL,
                }
            }

            /// The extremes are among the products of the ends.
            fn mul(self, other: Self) -> Self {
                let mut result: Option<Self> = None;
                for a in [self.min, self.max] {
                    for b in [other.min, other.max] {
                        let Some(product) = a.checked_mul(b) else { return Self::FULL };
                        result = Some(match result {
                            None => Self::single(product),
                            Some(r) => Self { min: r.min.min(product), max: r.max.max(product) },
                        });
                    }
                }
                result.unwrap_or(Self::FULL)
            }
        }
    };
}
signed!(i64);
signed!(i32);

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers at the edges of every view.
    const EDGES: [u64; 14] = [
        0,
        1,
        2,
        31,
        0x7f,
        0x80,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        0x1_0000_0000,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000,
        0xffff_ffff_0000_0000,
        u64::MAX,
    ];

    fn concretely(op: AluOp, width: Width, x: u64, y: u64) -> u64 {
        let whole = |x: u64, y: u64, bits: u32| match op {
            AluOp::Mov => y,
            AluOp::Add => x.wrapping_add(y),
            AluOp::Sub => x.wrapping_sub(y),
            AluOp::Mul => x.wrapping_mul(y),
            AluOp::And => x & y,
            AluOp::Or => x | y,
            AluOp::Xor => x ^ y,
            AluOp::Lsh => x << (y & u64::from(bits - 1)),
            AluOp::Rsh => x >> (y & u64::from(bits - 1)),
            AluOp::Arsh if bits == 32 => ((x as i32) >> (y & 31)) as u64,
            AluOp::Arsh => ((x as i64) >> (y & 63)) as u64,
            AluOp::Div => x.checked_div(y).unwrap_or(0),
            AluOp::Mod => x.checked_rem(y).unwrap_or(x),
            AluOp::Sdiv | AluOp::Smod => 0,
        };
        match width {
            Width::W64 => whole(x, y, 64),
            Width::W32 => u64::from(whole(x & 0xffff_ffff, y & 0xffff_ffff, 32) as u32),
        }
    }

    /// Abstract values that hold two edges each, in three ways.
    fn samples() -> Vec<(Scalar, [u64; 2])> {
        let mut samples = Vec::new();
        for &a in &EDGES {
            for &b in &EDGES {
                samples.push((Scalar::between(a.min(b), a.max(b)), [a, b]));
                samples.push((Scalar::with_bits(Tnum::constant(a).union(Tnum::constant(b))), [a, b]));
                let s64 = Range::new((a as i64).min(b as i64), (a as i64).max(b as i64));
                let mut signed = Scalar { s64, ..Scalar::UNKNOWN };
                signed.settle();
                samples.push((signed, [a, b]));
            }
        }
        samples
    }

    #[test]
    fn every_operation_is_sound() {
        use AluOp::*;
        let samples = samples();
        // A prime step through the second operand keeps the product of the samples small.
        for (i, (a, xs)) in samples.iter().enumerate() {
            for (b, ys) in samples.iter().skip(i % 7).step_by(7) {
                for op in [Add, Sub, Mul, And, Or, Xor, Lsh, Rsh, Arsh, Mov, Div, Mod] {
                    for width in [Width::W32, Width::W64] {
                        let result = a.alu(op, width, *b);
                        for (x, y) in xs.iter().flat_map(|x| ys.iter().map(move |y| (*x, *y))) {
                            let concrete = concretely(op, width, x, y);
                            assert!(
                                result.contains(concrete),
                                "{op:?} {width:?}: {x:#x}, {y:#x} gives {concrete:#x}, which is not in {result:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn extending_and_cutting_are_sound() {
        for (a, xs) in samples() {
            for size in [Size::B, Size::H, Size::W] {
                let count = 64 - 8 * size.bytes();
                for x in xs {
                    assert!(a.truncated(size).contains(x << count >> count), "{a:?} {size:?} {x:#x}");
                    let extended = (((x << count) as i64) >> count) as u64;
                    assert!(a.sign_extended(size, Width::W64).contains(extended), "{a:?} {size:?} {x:#x}");
                    let low = u64::from(extended as u32);
                    assert!(a.sign_extended(size, Width::W32).contains(low), "{a:?} {size:?} {x:#x}");
                }
            }
        }
    }

    #[test]
    fn a_sign_through_the_whole_forks() {
        let sign = Scalar::UNKNOWN.alu(AluOp::Arsh, Width::W64, Scalar::constant(63));
        assert_eq!(sign.sign_fork(), Some((Scalar::constant(u64::MAX), Scalar::constant(0))));
        let low = Scalar::UNKNOWN.alu(AluOp::Arsh, Width::W32, Scalar::constant(31));
        let (ones, zeros) = low.sign_fork().unwrap_or((low, low));
        let masked = ones.alu(AluOp::And, Width::W32, Scalar::constant(-134i64 as u64));
        assert_eq!((masked.as_constant(), zeros.low_constant()), (Some(0xffff_ff7a), Some(0)));
        assert_eq!(Scalar::UNKNOWN.sign_fork(), None);
    }

    #[test]
    fn the_only_number_with_the_known_bits_is_found() {
        let pair = Scalar::UNKNOWN.alu(AluOp::Or, Width::W64, Scalar::constant(0xe0)).alu(
            AluOp::And,
            Width::W64,
            Scalar::constant(0xf0),
        );
        let (mut value, mut first) = (pair, Scalar::constant(0xe0));
        assert!(value.refine(skep_isa::Condition::Ne, Width::W64, &mut first, true));
        assert_eq!(value.as_constant(), Some(0xf0));
    }

    #[test]
    fn a_counter_stays_bounded() {
        let counter = Scalar::between(0, 9);
        let next = counter.alu(AluOp::Add, Width::W64, Scalar::constant(1));
        assert_eq!(next.u64, Range::new(1, 10));
        let scaled = next.alu(AluOp::Mul, Width::W32, Scalar::constant(8));
        assert_eq!((scaled.u64, scaled.s32), (Range::new(8, 80), Range::new(8, 80)));
    }

    #[test]
    fn the_old_sign_extension_keeps_an_int() {
        let mut int = Scalar { s32: Range::new(-5, 7), ..Scalar::UNKNOWN };
        int.settle();
        let up = int.alu(AluOp::Lsh, Width::W64, Scalar::constant(32));
        let down = up.alu(AluOp::Arsh, Width::W64, Scalar::constant(32));
        assert_eq!(down.s64, Range::new(-5, 7));
    }
}
