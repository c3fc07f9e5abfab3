//! Known bits.
//!
//! A *tristate number* says of each bit of a 64-bit value whether it is 0, 1 or unknown. It stands for the set of all values
//! that agree with the known bits. Every operation here is sound: if `x` is in `a` and `y` is in `b`, then `x op y` is in `a op b`.
//!
//! The domain and its arithmetic are Linux's (described by Vishwanathan et al., *Sound, Precise, and Fast Abstract
//! Interpretation with Tristate Numbers*, CGO 2022), because the set of accepted programs depends on its precision.
//! Multiplication is that of 6.18, by partial sums joined at each unknown bit.

use std::fmt;

/// A 64-bit value of which some bits are known.
///
/// Invariant: `value & mask == 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tnum {
    /// The known bits that are 1.
    value: u64,
    /// The unknown bits.
    mask: u64,
}

impl Tnum {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { value: 0, mask: u64::MAX };
    /// The constant 0.
    pub const ZERO: Self = Self { value: 0, mask: 0 };

    /// All bits known.
    pub const fn constant(value: u64) -> Self {
        Self { value, mask: 0 }
    }

    /// Bits of `value` outside of `mask` are known; those inside of it are dropped.
    pub const fn new(value: u64, mask: u64) -> Self {
        Self { value: value & !mask, mask }
    }

    /// The least tristate number that holds every value from `min` to `max`.
    pub const fn range(min: u64, max: u64) -> Self {
        let differing = min ^ max;
        // Below the highest bit in which the ends differ everything can occur.
        let mask = match 64 - differing.leading_zeros() {
            64 => u64::MAX,
            bits => (1 << bits) - 1,
        };
        Self::new(min, mask)
    }

    /// The known bits that are 1, which is also the least (unsigned) member.
    pub const fn value(self) -> u64 {
        self.value
    }

    /// The unknown bits.
    pub const fn mask(self) -> u64 {
        self.mask
    }

    /// The greatest unsigned member.
    pub const fn max(self) -> u64 {
        self.value | self.mask
    }

    /// The only member, if there is but one.
    pub const fn as_constant(self) -> Option<u64> {
        if self.mask == 0 { Some(self.value) } else { None }
    }

    /// Whether `x` is a member.
    pub const fn contains(self, x: u64) -> bool {
        x & !self.mask == self.value
    }

    /// Whether every member of `other` is one of `self`.
    pub const fn includes(self, other: Self) -> bool {
        other.mask & !self.mask == 0 && other.value & !self.mask == self.value
    }

    /// What both know together; `None` when they contradict each other.
    pub const fn intersect(self, other: Self) -> Option<Self> {
        let both_known = !self.mask & !other.mask;
        if (self.value ^ other.value) & both_known != 0 {
            return None;
        }
        Some(Self::new(self.value | other.value, self.mask & other.mask))
    }

    /// What both know together, the ones of either where they contradict each other.
    pub const fn merge(self, other: Self) -> Self {
        Self::new(self.value | other.value, self.mask & other.mask)
    }

    /// The least member that is not below `x`.
    pub const fn least_from(self, x: u64) -> Option<u64> {
        let wrong = (x ^ self.value) & !self.mask;
        if wrong == 0 {
            return Some(x);
        }
        let at = 63 - wrong.leading_zeros();
        // Above the highest wrong bit `x` may stay. If that bit is to be 1, what is below it is as small as can be.
        let mut raise = 1u64 << at;
        if self.value & raise == 0 {
            // It is 1 and must be 0: a bit further up has to be raised.
            let above = if at == 63 { 0 } else { !0u64 << (at + 1) };
            let free = self.mask & !x & above;
            if free == 0 {
                return None;
            }
            raise = 1 << free.trailing_zeros();
        }
        let below = raise - 1;
        Some((x & !below | raise) | (self.value & below))
    }

    /// The bytes of the low `bytes` in reverse order.
    pub const fn swapped(self, bytes: usize) -> Self {
        let shift = 64 - 8 * bytes as u32;
        Self { value: self.value.swap_bytes() >> shift, mask: self.mask.swap_bytes() >> shift }
    }

    /// The least tristate number that includes both.
    pub const fn union(self, other: Self) -> Self {
        Self::new(self.value, self.mask | other.mask | (self.value ^ other.value))
    }

    /// The low `bytes` bytes, zero-extended.
    pub const fn truncate(self, bytes: usize) -> Self {
        let keep = if bytes >= 8 { u64::MAX } else { (1 << (bytes * 8)) - 1 };
        Self { value: self.value & keep, mask: self.mask & keep }
    }

    /// The low 32 bits.
    pub const fn low(self) -> Self {
        self.truncate(4)
    }

    /// The high 32 bits, in place.
    pub const fn high(self) -> Self {
        Self { value: self.value & !0xffff_ffff, mask: self.mask & !0xffff_ffff }
    }

    /// The high half of `self` with the low half of `low`.
    pub const fn with_low(self, low: Self) -> Self {
        let (high, low) = (self.high(), low.low());
        Self { value: high.value | low.value, mask: high.mask | low.mask }
    }

    /// Addition, wrapping. A result bit is known when both operands' bits and the carry into it are.
    pub const fn add(self, other: Self) -> Self {
        let least = self.value.wrapping_add(other.value);
        let greatest = self.mask.wrapping_add(other.mask).wrapping_add(least);
        let carries = greatest ^ least;
        Self::new(least, carries | self.mask | other.mask)
    }

    /// Subtraction, wrapping.
    pub const fn sub(self, other: Self) -> Self {
        let difference = self.value.wrapping_sub(other.value);
        let least_borrows = difference.wrapping_add(self.mask);
        let most_borrows = difference.wrapping_sub(other.mask);
        Self::new(difference, (least_borrows ^ most_borrows) | self.mask | other.mask)
    }

    /// Negation.
    pub const fn neg(self) -> Self {
        Self::ZERO.sub(self)
    }

    /// Bitwise and.
    pub const fn and(self, other: Self) -> Self {
        let ones = self.value & other.value;
        Self::new(ones, self.max() & other.max() & !ones)
    }

    /// Bitwise or.
    pub const fn or(self, other: Self) -> Self {
        let ones = self.value | other.value;
        Self::new(ones, (self.mask | other.mask) & !ones)
    }

    /// Bitwise exclusive or.
    pub const fn xor(self, other: Self) -> Self {
        Self::new(self.value ^ other.value, self.mask | other.mask)
    }

    /// Multiplication, wrapping: long multiplication in which an unknown bit of the left operand joins the sums with and
    /// without the right one.
    pub fn mul(self, other: Self) -> Self {
        let (mut left, mut right, mut sum) = (self, other, Self::ZERO);
        while left.max() != 0 {
            if left.value & 1 == 1 {
                sum = sum.add(right);
            } else if left.mask & 1 == 1 {
                sum = sum.union(sum.add(right));
            }
            left = left.rsh(1);
            right = right.lsh(1);
        }
        sum
    }

    /// Shift left by a known count below 64.
    pub const fn lsh(self, count: u32) -> Self {
        Self { value: self.value << count, mask: self.mask << count }
    }

    /// Logical shift right by a known count below 64.
    pub const fn rsh(self, count: u32) -> Self {
        Self { value: self.value >> count, mask: self.mask >> count }
    }

    /// Arithmetic shift right by a known count below `bits` (32 or 64); for 32 the result is zero-extended.
    pub const fn arsh(self, count: u32, bits: u32) -> Self {
        if bits == 32 {
            Self {
                value: ((self.value as i32) >> count) as u32 as u64,
                mask: ((self.mask as i32) >> count) as u32 as u64,
            }
        } else {
            Self { value: ((self.value as i64) >> count) as u64, mask: ((self.mask as i64) >> count) as u64 }
        }
    }

    /// Whether every member is a multiple of `size`, a power of two.
    pub const fn is_aligned(self, size: u64) -> bool {
        self.max() & size.wrapping_sub(1) == 0
    }
}

impl fmt::Display for Tnum {
    /// `(0x10; 0xf)`: value and mask, as Linux's log writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:#x}; {:#x})", self.value, self.mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All tristate numbers of four bits, each with its members.
    fn all() -> Vec<(Tnum, Vec<u64>)> {
        let pairs = (0..16u64).flat_map(|value| (0..16u64).map(move |mask| (value, mask)));
        pairs
            .filter(|(value, mask)| value & mask == 0)
            .map(|(value, mask)| {
                let t = Tnum::new(value, mask);
                (t, (0..16).filter(|&x| t.contains(x)).collect())
            })
            .collect()
    }

    #[test]
    fn binary_operations_are_sound() {
        type Case = (&'static str, fn(Tnum, Tnum) -> Tnum, fn(u64, u64) -> u64);
        let operations: [Case; 6] = [
            ("add", |a, b| a.add(b), u64::wrapping_add),
            ("sub", |a, b| a.sub(b), u64::wrapping_sub),
            ("mul", Tnum::mul, u64::wrapping_mul),
            ("and", |a, b| a.and(b), |x, y| x & y),
            ("or", |a, b| a.or(b), |x, y| x | y),
            ("xor", |a, b| a.xor(b), |x, y| x ^ y),
        ];
        let all = all();
        for (a, xs) in &all {
            for (b, ys) in &all {
                for (name, abstractly, concretely) in operations {
                    let result = abstractly(*a, *b);
                    for (x, y) in xs.iter().flat_map(|x| ys.iter().map(move |y| (x, y))) {
                        assert!(result.contains(concretely(*x, *y)), "{a} {name} {b} misses {x} {name} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn bitwise_operations_lose_nothing() {
        type Case = (fn(Tnum, Tnum) -> Tnum, fn(u64, u64) -> u64);
        let operations: [Case; 3] =
            [(Tnum::and, |x, y| x & y), (Tnum::or, |x, y| x | y), (Tnum::xor, |x, y| x ^ y)];
        let all = all();
        for (a, xs) in &all {
            for (b, ys) in &all {
                for (abstractly, concretely) in operations {
                    let results = xs.iter().flat_map(|x| ys.iter().map(move |y| concretely(*x, *y)));
                    let least = results.map(Tnum::constant).reduce(Tnum::union).unwrap_or(Tnum::UNKNOWN);
                    assert_eq!(abstractly(*a, *b), least, "{a}, {b}");
                }
            }
        }
    }

    #[test]
    fn sets_are_what_their_members_say() {
        let all = all();
        for (a, xs) in &all {
            for (b, ys) in &all {
                assert_eq!(a.includes(*b), ys.iter().all(|y| a.contains(*y)), "{a} includes {b}");
                let common = xs.iter().any(|x| b.contains(*x));
                assert_eq!(a.intersect(*b).is_some(), common, "{a} meets {b}");
                let union = a.union(*b);
                assert!(union.includes(*a) && union.includes(*b));
            }
        }
    }

    #[test]
    fn the_least_member_from_a_number() {
        for (t, members) in all() {
            for x in 0..16 {
                assert_eq!(t.least_from(x), members.iter().copied().find(|&m| m >= x), "{t} from {x}");
            }
        }
        assert_eq!(Tnum::new(1 << 63, 1).least_from(0), Some(1 << 63));
        assert_eq!(Tnum::new(0, 1).least_from(1 << 63), None);
    }

    #[test]
    fn bytes_swap_with_their_bits() {
        assert_eq!(Tnum::new(0x100, 0x3f).swapped(2), Tnum::new(0x1, 0x3f00));
        assert_eq!(Tnum::new(0x12, 0xff00_0000).swapped(4), Tnum::new(0x1200_0000, 0xff));
    }

    #[test]
    fn ranges_hold_their_ends_and_no_needless_bit() {
        assert_eq!(Tnum::range(0, 7), Tnum::new(0, 7));
        assert_eq!(Tnum::range(4, 7), Tnum::new(4, 3));
        assert_eq!(Tnum::range(3, 4), Tnum::new(0, 7));
        assert_eq!(Tnum::range(9, 9), Tnum::constant(9));
        assert_eq!(Tnum::range(0, u64::MAX), Tnum::UNKNOWN);
    }

    #[test]
    fn shifts_of_halves() {
        let negative = Tnum::constant(0x8000_0000);
        assert_eq!(negative.arsh(4, 32), Tnum::constant(0xf800_0000));
        assert_eq!(negative.arsh(4, 64), Tnum::constant(0x0800_0000));
        assert_eq!(Tnum::new(0, 0x8000_0000).arsh(31, 32), Tnum::new(0, 0xffff_ffff));
    }

    #[test]
    fn multiplication_keeps_trailing_zeros() {
        let multiple_of_four = Tnum::new(0, !3);
        assert!(multiple_of_four.mul(Tnum::constant(6)).is_aligned(8));
    }
}
