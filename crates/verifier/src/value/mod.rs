//! The value domain: what can be known of a number.

mod alu;
mod compare;
mod range;
mod scalar;
mod tnum;

pub use compare::opposite;
pub use range::Range;
pub use scalar::Scalar;
pub use tnum::Tnum;
