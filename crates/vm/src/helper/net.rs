//! Helpers of the packet hooks.

use super::Row;

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[];
