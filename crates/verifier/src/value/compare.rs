//! Comparisons: what is certain of their outcome, and what an outcome tells of the numbers.

use skep_isa::{Condition, Width};

use super::range::Range;
use super::scalar::Scalar;
use super::tnum::Tnum;

/// The condition that holds exactly when `condition` does not; `None` for the bit test, whose opposite is no condition.
pub const fn opposite(condition: Condition) -> Option<Condition> {
    use Condition::*;
    Some(match condition {
        Eq => Ne,
        Ne => Eq,
        Gt => Le,
        Ge => Lt,
        Lt => Ge,
        Le => Gt,
        Sgt => Sle,
        Sge => Slt,
        Slt => Sge,
        Sle => Sgt,
        Set => return None,
    })
}

impl Scalar {
    /// Whether `self condition other` is certainly true or certainly false.
    pub fn decide(&self, condition: Condition, width: Width, other: &Self) -> Option<bool> {
        let (bits, others) = match width {
            Width::W64 => (self.bits, other.bits),
            Width::W32 => (self.bits.low(), other.bits.low()),
        };
        match condition {
            Condition::Eq => self.equal(width, other, bits, others),
            Condition::Ne => self.equal(width, other, bits, others).map(|equal| !equal),
            Condition::Set => {
                // One of them must be a constant for anything to be certain, as in Linux.
                let (bits, mask) = match (others.as_constant(), bits.as_constant()) {
                    (Some(mask), _) => (bits, mask),
                    (None, Some(mask)) => (others, mask),
                    _ => return None,
                };
                if bits.value() & mask != 0 {
                    Some(true)
                } else if bits.max() & mask == 0 {
                    Some(false)
                } else {
                    None
                }
            }
            _ => match (width, is_signed(condition)) {
                (Width::W64, false) => ordered(condition, self.u64, other.u64),
                (Width::W64, true) => ordered(condition, self.s64, other.s64),
                (Width::W32, false) => ordered(condition, self.u32, other.u32),
                (Width::W32, true) => ordered(condition, self.s32, other.s32),
            },
        }
    }

    fn equal(&self, width: Width, other: &Self, bits: Tnum, others: Tnum) -> Option<bool> {
        if let (Some(x), Some(y)) = (bits.as_constant(), others.as_constant()) {
            return Some(x == y);
        }
        let apart32 = self.u32.apart(other.u32) || self.s32.apart(other.s32);
        let apart64 = self.u64.apart(other.u64) || self.s64.apart(other.s64);
        // Halves that differ make the wholes differ, but not the other way round.
        let apart = apart32 || (width == Width::W64 && apart64);
        (apart || bits.intersect(others).is_none()).then_some(false)
    }

    /// Takes in that `self condition other` came out as `outcome`, on both sides. False when it cannot have; of a side that no number
    /// is left for, nothing but its bits is known then.
    pub fn refine(&mut self, condition: Condition, width: Width, other: &mut Self, outcome: bool) -> bool {
        let condition = match (outcome, opposite(condition)) {
            (true, _) => Some(condition),
            (false, opposite) => opposite,
        };
        match condition {
            Some(Condition::Eq) => self.refine_equal(width, other),
            Some(Condition::Ne) if other.is_constant(width) => self.exclude(width, other),
            Some(Condition::Ne) => other.exclude(width, self),
            Some(Condition::Set) if other.is_constant(width) => self.refine_bits(width, other, true),
            Some(Condition::Set) => other.refine_bits(width, self, true),
            None if other.is_constant(width) => self.refine_bits(width, other, false),
            None => other.refine_bits(width, self, false),
            Some(condition) => match (width, is_signed(condition)) {
                (Width::W64, false) => refine_order(condition, &mut self.u64, &mut other.u64),
                (Width::W64, true) => refine_order(condition, &mut self.s64, &mut other.s64),
                (Width::W32, false) => refine_order(condition, &mut self.u32, &mut other.u32),
                (Width::W32, true) => refine_order(condition, &mut self.s32, &mut other.s32),
            },
        }
        self.settle_or_give_up() & other.settle_or_give_up()
    }

    const fn is_constant(&self, width: Width) -> bool {
        match width {
            Width::W64 => self.as_constant().is_some(),
            Width::W32 => self.low_constant().is_some(),
        }
    }

    /// Both are what both can be.
    fn refine_equal(&mut self, width: Width, other: &mut Self) {
        self.u32.narrow(other.u32.min, other.u32.max);
        self.s32.narrow(other.s32.min, other.s32.max);
        (other.u32, other.s32) = (self.u32, self.s32);
        if width == Width::W32 {
            let low = self.bits.low().merge(other.bits.low());
            self.bits = self.bits.with_low(low);
            other.bits = other.bits.with_low(low);
            return;
        }
        self.u64.narrow(other.u64.min, other.u64.max);
        self.s64.narrow(other.s64.min, other.s64.max);
        (other.u64, other.s64) = (self.u64, self.s64);
        self.bits = self.bits.merge(other.bits);
        other.bits = self.bits;
    }

    /// Not equal to a constant: says something only if the constant is an end of a range.
    fn exclude(&mut self, width: Width, other: &Self) {
        match width {
            Width::W64 => {
                let Some(value) = other.as_constant() else { return };
                self.u64.exclude(value, |x| x.wrapping_add(1), |x| x.wrapping_sub(1));
                self.s64.exclude(value as i64, |x| x.wrapping_add(1), |x| x.wrapping_sub(1));
            }
            Width::W32 => {
                let Some(value) = other.low_constant() else { return };
                self.u32.exclude(value, |x| x.wrapping_add(1), |x| x.wrapping_sub(1));
                self.s32.exclude(value as i32, |x| x.wrapping_add(1), |x| x.wrapping_sub(1));
            }
        }
    }

    /// A bit test against a constant. That some of several bits is set says nothing of any one of them.
    fn refine_bits(&mut self, width: Width, other: &Self, set: bool) {
        let (mask, bits) = match width {
            Width::W64 => (other.as_constant(), self.bits),
            Width::W32 => (other.low_constant().map(u64::from), self.bits.low()),
        };
        let Some(mask) = mask else { return };
        let bits = match set {
            true if mask.is_power_of_two() => bits.or(Tnum::constant(mask)),
            true => return,
            false => bits.and(Tnum::constant(!mask)),
        };
        self.bits = if width == Width::W32 { self.bits.with_low(bits) } else { bits };
    }
}

const fn is_signed(condition: Condition) -> bool {
    matches!(condition, Condition::Sgt | Condition::Sge | Condition::Slt | Condition::Sle)
}

/// The outcome of an ordering, where the ranges settle it.
fn ordered<T: Copy + Ord>(condition: Condition, a: Range<T>, b: Range<T>) -> Option<bool> {
    use Condition::*;
    let (yes, no) = match condition {
        Gt | Sgt => (a.min > b.max, a.max <= b.min),
        Ge | Sge => (a.min >= b.max, a.max < b.min),
        Lt | Slt => (a.max < b.min, a.min >= b.max),
        _ => (a.max <= b.min, a.min > b.max),
    };
    if yes {
        Some(true)
    } else if no {
        Some(false)
    } else {
        None
    }
}

/// One step up or down, round the end of the type: an outcome that is impossible there tells nothing, as in Linux.
trait Step: Copy + Ord {
    fn up(self) -> Self;
    fn down(self) -> Self;
}

macro_rules! step {
    ($($t:ty),*) => {$(
        impl Step for $t {
            fn up(self) -> Self { self.wrapping_add(1) }
            fn down(self) -> Self { self.wrapping_sub(1) }
        }
    )*};
}
step!(u64, i64, u32, i32);

fn refine_order<T: Step>(condition: Condition, a: &mut Range<T>, b: &mut Range<T>) {
    use Condition::*;
    match condition {
        Gt | Sgt => below(b, a, true),
        Ge | Sge => below(b, a, false),
        Lt | Slt => below(a, b, true),
        _ => below(a, b, false),
    }
}

/// `low < high`, or `low <= high` when not `strictly`.
fn below<T: Step>(low: &mut Range<T>, high: &mut Range<T>, strictly: bool) {
    let (top, bottom) = if strictly { (high.max.down(), low.min.up()) } else { (high.max, low.min) };
    low.max = low.max.min(top);
    high.min = high.min.max(bottom);
}

impl<T: Copy + Ord> Range<T> {
    fn apart(&self, other: Self) -> bool {
        self.min > other.max || self.max < other.min
    }

    fn exclude(&mut self, value: T, up: impl Fn(T) -> T, down: impl Fn(T) -> T) {
        if self.min == value {
            self.min = up(self.min);
        }
        if self.max == value {
            self.max = down(self.max);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Condition::*;

    const CONDITIONS: [Condition; 11] = [Eq, Ne, Gt, Ge, Lt, Le, Set, Sgt, Sge, Slt, Sle];
    const EDGES: [u64; 10] =
        [0, 1, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, u64::MAX >> 1, 1 << 63, u64::MAX];

    fn holds(condition: Condition, width: Width, x: u64, y: u64) -> bool {
        let (x, y, sx, sy) = match width {
            Width::W64 => (x, y, x as i64, y as i64),
            Width::W32 => (x & 0xffff_ffff, y & 0xffff_ffff, i64::from(x as i32), i64::from(y as i32)),
        };
        match condition {
            Eq => x == y,
            Ne => x != y,
            Gt => x > y,
            Ge => x >= y,
            Lt => x < y,
            Le => x <= y,
            Set => x & y != 0,
            Sgt => sx > sy,
            Sge => sx >= sy,
            Slt => sx < sy,
            Sle => sx <= sy,
        }
    }

    #[test]
    fn decisions_and_refinements_are_sound() {
        let pairs: Vec<(u64, u64)> =
            EDGES.iter().flat_map(|&a| EDGES.iter().map(move |&b| (a.min(b), a.max(b)))).collect();
        for &(a, b) in &pairs {
            for &(c, d) in &pairs {
                let (left, right) = (Scalar::between(a, b), Scalar::between(c, d));
                for (condition, width) in CONDITIONS.iter().flat_map(|&c| [(c, Width::W32), (c, Width::W64)])
                {
                    for (x, y) in [(a, c), (a, d), (b, c), (b, d)] {
                        let outcome = holds(condition, width, x, y);
                        assert_ne!(left.decide(condition, width, &right), Some(!outcome));
                        let (mut l, mut r) = (left, right);
                        let possible = l.refine(condition, width, &mut r, outcome);
                        assert!(
                            possible && l.contains(x) && r.contains(y),
                            "{x:#x} {condition:?} {y:#x} ({width:?}) is {outcome}, lost from {left:?}, {right:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn an_upper_bound_is_learnt() {
        let mut index = Scalar::UNKNOWN;
        let mut limit = Scalar::constant(16);
        assert!(index.refine(Lt, Width::W64, &mut limit, true));
        assert_eq!((index.u64, index.s32), (Range::new(0, 15), Range::new(0, 15)));
    }

    #[test]
    fn not_zero_is_at_least_one() {
        let mut count = Scalar::between(0, 9);
        let mut zero = Scalar::constant(0);
        assert!(count.refine(Eq, Width::W64, &mut zero, false));
        assert_eq!(count.u64, Range::new(1, 9));
        assert_eq!(count.decide(Eq, Width::W64, &zero), Some(false));
    }

    #[test]
    fn an_impossible_outcome_is_noticed() {
        let mut small = Scalar::between(0, 9);
        assert!(!small.refine(Gt, Width::W64, &mut Scalar::constant(9), true));
    }
}
