//! What is known of a number in a register.
//!
//! Five views of the same 64 bits: known bits, and a range as unsigned and as signed number, of the whole and of the low
//! half. Each view can say what the others cannot (a loop counter is a range, a masked index is bits, an `int` is a range of
//! the low half), so each operation works in all five and [`Scalar::settle`] then lets them inform each other.
//!
//! How far they inform each other decides which programs are accepted, so the order and the number of rounds
//! are Linux 6.18's: bounds from bits, three rounds of bounds from bounds, bits from bounds, bounds from bits.
//!
//! Invariant after `settle` returned true: every view holds every number that all the others hold at that step, and no range is empty.

use super::range::Range;
use super::tnum::Tnum;

/// What is known of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scalar {
    /// Known bits.
    pub bits: Tnum,
    /// As unsigned 64-bit number.
    pub u64: Range<u64>,
    /// As signed 64-bit number.
    pub s64: Range<i64>,
    /// The low half as unsigned number.
    pub u32: Range<u32>,
    /// The low half as signed number.
    pub s32: Range<i32>,
}

impl Scalar {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        bits: Tnum::UNKNOWN,
        u64: Range::<u64>::FULL,
        s64: Range::<i64>::FULL,
        u32: Range::<u32>::FULL,
        s32: Range::<i32>::FULL,
    };

    /// A constant.
    pub const fn constant(value: u64) -> Self {
        Self {
            bits: Tnum::constant(value),
            u64: Range::single(value),
            s64: Range::single(value as i64),
            u32: Range::single(value as u32),
            s32: Range::single(value as i32),
        }
    }

    /// Any number with these bits.
    pub fn with_bits(bits: Tnum) -> Self {
        let mut scalar = Self { bits, ..Self::UNKNOWN };
        scalar.settle();
        scalar
    }

    /// Any unsigned number from `min` to `max`.
    pub fn between(min: u64, max: u64) -> Self {
        let mut scalar = Self { u64: Range::new(min, max), ..Self::UNKNOWN };
        scalar.settle();
        scalar
    }

    /// Its value, if there is but one.
    pub const fn as_constant(&self) -> Option<u64> {
        self.bits.as_constant()
    }

    /// The value of the low half, if there is but one.
    pub const fn low_constant(&self) -> Option<u32> {
        match self.bits.low().as_constant() {
            Some(value) => Some(value as u32),
            None => None,
        }
    }

    /// Whether `x` is possible. What a sound analysis must answer for every value that a run puts into the register.
    pub fn contains(&self, x: u64) -> bool {
        self.bits.contains(x)
            && self.u64.contains(x)
            && self.s64.contains(x as i64)
            && self.u32.contains(x as u32)
            && self.s32.contains(x as i32)
    }

    /// Whether everything possible in `other` is possible in `self`: the test of state pruning.
    pub fn includes(&self, other: &Self) -> bool {
        self.bits.includes(other.bits)
            && self.u64.includes(other.u64)
            && self.s64.includes(other.s64)
            && self.u32.includes(other.u32)
            && self.s32.includes(other.s32)
    }

    /// Forgets the ranges of the whole, keeping the low half: after an operation whose 64-bit result is known in bits only.
    pub fn forget_64(&mut self) {
        (self.u64, self.s64) = (Range::<u64>::FULL, Range::<i64>::FULL);
    }

    /// Forgets the ranges of the low half.
    pub fn forget_32(&mut self) {
        (self.u32, self.s32) = (Range::<u32>::FULL, Range::<i32>::FULL);
    }

    /// Makes the views consistent. False when they contradict each other, so that no number is left: the path that led here
    /// cannot be taken. Linux walks it all the same, and so what is found then is what Linux finds.
    pub fn settle(&mut self) -> bool {
        self.bounds_from_bits();
        for _ in 0..3 {
            self.deduce_low();
            self.deduce_whole();
            self.deduce_across();
        }
        self.bits_from_bounds();
        self.bounds_from_bits();
        self.is_possible()
    }

    /// As [`Scalar::settle`]; where nothing is left, the ranges are given up, as Linux does.
    pub fn settle_or_give_up(&mut self) -> bool {
        let possible = self.settle();
        if !possible {
            self.forget_64();
            self.forget_32();
        }
        possible
    }

    /// Whether no range is empty, and a constant the same in all views.
    pub const fn is_possible(&self) -> bool {
        let ranges = self.u64.min <= self.u64.max
            && self.s64.min <= self.s64.max
            && self.u32.min <= self.u32.max
            && self.s32.min <= self.s32.max;
        let whole = match self.bits.as_constant() {
            None => true,
            Some(value) => {
                (self.u64.min == value && self.u64.max == value)
                    && (self.s64.min == value as i64 && self.s64.max == value as i64)
            }
        };
        let low = match self.low_constant() {
            None => true,
            Some(value) => {
                (self.u32.min == value && self.u32.max == value)
                    && (self.s32.min == value as i32 && self.s32.max == value as i32)
            }
        };
        ranges && whole && low
    }

    fn bounds_from_bits(&mut self) {
        let (least, unknown) = (self.bits.value(), self.bits.mask());
        self.u64.narrow(least, least | unknown);
        // Signed order: an unknown sign bit is set for the least and clear for the greatest.
        let sign = 1 << 63;
        self.s64.narrow((least | (unknown & sign)) as i64, (least | (unknown & !sign)) as i64);
        let (least, unknown) = (least as u32, unknown as u32);
        self.u32.narrow(least, least | unknown);
        let sign = 1 << 31;
        self.s32.narrow((least | (unknown & sign)) as i32, (least | (unknown & !sign)) as i32);
        if unknown != 0 || self.bits.mask() != 0 {
            self.sole_member();
        }
    }

    /// If the bits allow but one number within the range, it is that one.
    fn sole_member(&mut self) {
        let Some(first) = self.bits.least_from(self.u64.min).filter(|&first| first <= self.u64.max) else {
            return;
        };
        let next = first.checked_add(1).and_then(|next| self.bits.least_from(next));
        if next.is_none_or(|next| next > self.u64.max) {
            *self = Self::constant(first);
        }
    }

    /// The low half, from the whole and from its own two views.
    fn deduce_low(&mut self) {
        let Range { min, max } = self.u64;
        if min >> 32 == max >> 32 {
            // The high half is the same at both ends, so the low halves are in order.
            self.u32.narrow(min as u32, max as u32);
            self.s32.narrow_if_ordered(min as i32, max as i32);
        }
        let Range { min: smin, max: smax } = self.s64;
        if smin >> 32 == smax >> 32 {
            self.u32.narrow_if_ordered(smin as u32, smax as u32);
            self.s32.narrow_if_ordered(smin as i32, smax as i32);
        }
        // The high half takes two neighbouring values and the low half runs through zero between them.
        let neighbours = |min: u64, max: u64| ((min >> 32) as u32).wrapping_add(1) == (max >> 32) as u32;
        for (min, max) in [(min, max), (smin as u64, smax as u64)] {
            if neighbours(min, max) && (min as i32) < 0 && (max as i32) >= 0 {
                self.s32.narrow(min as i32, max as i32);
            }
        }
        self.s32.narrow_if_ordered(self.u32.min as i32, self.u32.max as i32);
        let (smin, smax) = (self.s32.min as u32, self.s32.max as u32);
        if smin <= smax {
            self.u32.narrow(smin, smax);
        } else if self.u32.max < smin {
            // As for the whole, below.
            self.s32.min = self.u32.min as i32;
            self.u32.max = self.u32.max.min(smax);
        } else if smax < self.u32.min {
            self.s32.max = self.u32.max as i32;
            self.u32.min = self.u32.min.max(smin);
        }
    }

    /// The whole, each of its two views from the other.
    fn deduce_whole(&mut self) {
        self.s64.narrow_if_ordered(self.u64.min as i64, self.u64.max as i64);
        let (smin, smax) = (self.s64.min as u64, self.s64.max as u64);
        if smin <= smax {
            self.u64.narrow(smin, smax);
        } else if self.u64.max < smin {
            // The signed range runs through zero: unsigned it is two pieces, `0..=smax` and `smin..`, and the unsigned
            // range touches only the first.
            self.s64.min = self.u64.min as i64;
            self.u64.max = self.u64.max.min(smax);
        } else if smax < self.u64.min {
            self.s64.max = self.u64.max as i64;
            self.u64.min = self.u64.min.max(smin);
        }
    }

    /// The whole from its low half.
    fn deduce_across(&mut self) {
        let Range { min: low_min, max: low_max } = self.u32;
        let put = |whole: u64, low: u32| (whole & !0xffff_ffff) | u64::from(low);
        self.u64.narrow(put(self.u64.min, low_min), put(self.u64.max, low_max));
        let (smin, smax) = (self.s64.min as u64, self.s64.max as u64);
        self.s64.narrow(put(smin, low_min) as i64, put(smax, low_max) as i64);
        // The whole is a sign-extended `int`, and not a negative one: it is the low half.
        let fits = self.s64.min >= i64::from(i32::MIN) && self.s64.max <= i64::from(i32::MAX);
        if self.s32.min >= 0 && fits {
            let (min, max) = (self.s32.min, self.s32.max);
            self.s64 = Range::new(min.into(), max.into());
            self.u64 = Range::new(min as u64, max as u64);
            self.bits = self.bits.merge(Tnum::range(min as u64, max as u64));
        }
    }

    fn bits_from_bounds(&mut self) {
        let whole = self.bits.merge(Tnum::range(self.u64.min, self.u64.max));
        let low = Tnum::range(self.u32.min.into(), self.u32.max.into());
        self.bits = whole.with_low(whole.low().merge(low));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_bounds_every_view() {
        let byte = Scalar::with_bits(Tnum::new(0, 0xff));
        assert_eq!((byte.u64, byte.s64), (Range::new(0, 255), Range::new(0, 255)));
        assert_eq!((byte.u32, byte.s32), (Range::new(0, 255), Range::new(0, 255)));
    }

    #[test]
    fn a_range_bounds_the_bits() {
        let scalar = Scalar::between(0x100, 0x1ff);
        assert_eq!(scalar.bits, Tnum::new(0x100, 0xff));
        assert_eq!(scalar.s32, Range::new(0x100, 0x1ff));
    }

    #[test]
    fn a_signed_range_through_zero_meets_an_unsigned_one() {
        let mut scalar = Scalar { s64: Range::new(-10, 20), u64: Range::new(5, 1 << 40), ..Scalar::UNKNOWN };
        assert!(scalar.settle());
        assert_eq!((scalar.u64, scalar.s64), (Range::new(5, 20), Range::new(5, 20)));
    }

    #[test]
    fn contradictions_are_noticed() {
        let mut scalar = Scalar { bits: Tnum::constant(3), u64: Range::new(4, 9), ..Scalar::UNKNOWN };
        assert!(!scalar.settle());
    }

    /// Settling never loses a number that all five views held before.
    #[test]
    fn settling_is_sound() {
        let edges =
            [0u64, 1, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, u64::MAX >> 1, 1 << 63, u64::MAX];
        for &a in &edges {
            for &b in &edges {
                for &c in &edges {
                    let whole = Range::new(a.min(b), a.max(b));
                    let signed = Range::new((b as i64).min(c as i64), (b as i64).max(c as i64));
                    let low = Range::new((a as u32).min(c as u32), (a as u32).max(c as u32));
                    let before = Scalar { u64: whole, s64: signed, u32: low, ..Scalar::UNKNOWN };
                    let mut after = before;
                    let possible = after.settle();
                    for &x in edges.iter().filter(|&&x| before.contains(x)) {
                        assert!(possible && after.contains(x), "{before:?} holds {x:#x}, {after:?} does not");
                    }
                }
            }
        }
    }
}
