//! Iterators: what their programs are given.
//!
//! The prototypes stand in the BTF (`bpf_iter_TARGET`); which arguments may be NULL at the end, how far they are trusted and which are
//! buffers does not. Read off the verifier's log, as for tracepoints.

/// What is particular about an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IterArg {
    /// A trusted object, or NULL.
    TrustedOrNull,
    /// An object of which nothing is known but that it is there, or NULL.
    ObjectOrNull,
    /// Memory that may only be read, or NULL.
    ReadOnlyBufferOrNull,
    /// Memory that may be written, or NULL.
    BufferOrNull,
}

use IterArg::*;

/// Target, and the arguments behind the first (which is always the trusted `struct bpf_iter_meta`) that are more than their type says, by number.
type Row = (&'static str, &'static [(usize, IterArg)]);

#[rustfmt::skip] // A table.
static ITERATORS: &[Row] = &[
    ("bpf_link", &[(1, ObjectOrNull)]),
    ("bpf_map", &[(1, TrustedOrNull)]),
    ("bpf_map_elem", &[(2, ReadOnlyBufferOrNull), (3, BufferOrNull)]),
    ("bpf_prog", &[(1, ObjectOrNull)]),
    ("bpf_sk_storage_map", &[(2, ObjectOrNull), (3, BufferOrNull)]),
    ("cgroup", &[(1, TrustedOrNull)]),
    ("dmabuf", &[(1, ObjectOrNull)]),
    ("ipv6_route", &[(1, ObjectOrNull)]),
    ("kmem_cache", &[(1, TrustedOrNull)]),
    ("ksym", &[(1, ObjectOrNull)]),
    ("netlink", &[(1, ObjectOrNull)]),
    ("sockmap", &[(2, ReadOnlyBufferOrNull), (3, ObjectOrNull)]),
    ("task", &[(1, TrustedOrNull)]),
    ("task_file", &[(1, ObjectOrNull), (3, ObjectOrNull)]),
    ("task_vma", &[(1, ObjectOrNull), (2, ObjectOrNull)]),
    ("tcp", &[(1, TrustedOrNull)]),
    ("udp", &[(1, TrustedOrNull)]),
    ("unix", &[(1, ObjectOrNull)]),
];

/// What is particular about the arguments of this iterator; `None` if there is no such iterator.
pub fn iterator_args(target: &str) -> Option<&'static [(usize, IterArg)]> {
    ITERATORS.iter().find(|row| row.0 == target).map(|row| row.1)
}
