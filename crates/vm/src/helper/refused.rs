//! Helpers that make no sense outside a kernel.

use super::Row;

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[];
