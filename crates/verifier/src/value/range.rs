//! A closed interval of numbers.

/// The numbers from `min` to `max`, both included; empty when `min > max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range<T> {
    /// The least.
    pub min: T,
    /// The greatest.
    pub max: T,
}

macro_rules! full {
    ($($t:ty),*) => {$(
        impl Range<$t> {
            /// Every number of the type.
            pub const FULL: Self = Self { min: <$t>::MIN, max: <$t>::MAX };
        }
    )*};
}
full!(u64, i64, u32, i32);

impl<T: Copy + Ord> Range<T> {
    /// From `min` to `max`.
    pub const fn new(min: T, max: T) -> Self {
        Self { min, max }
    }

    /// One number.
    pub const fn single(value: T) -> Self {
        Self { min: value, max: value }
    }

    /// Whether `x` is in it.
    pub fn contains(&self, x: T) -> bool {
        self.min <= x && x <= self.max
    }

    /// Whether all of `other` is in it.
    pub fn includes(&self, other: Self) -> bool {
        self.min <= other.min && other.max <= self.max
    }

    /// Keeps what is also from `min` to `max`.
    pub fn narrow(&mut self, min: T, max: T) {
        self.min = self.min.max(min);
        self.max = self.max.min(max);
    }

    /// As [`Range::narrow`], where `min` and `max` came from another order of the numbers and are ends only if they are in
    /// this order too.
    pub fn narrow_if_ordered(&mut self, min: T, max: T) {
        if min <= max {
            self.narrow(min, max);
        }
    }
}
