//! The BPF Type Format.
