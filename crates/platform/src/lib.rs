//! Linux's tables as data.
