//! The layouts, one table per struct.

use super::Layout;

/// Every layout.
pub static LAYOUTS: &[&Layout] = &[];
