//! The value domain: what can be known of a number.

mod range;
mod scalar;
mod tnum;

pub use range::Range;
pub use scalar::Scalar;
pub use tnum::Tnum;
