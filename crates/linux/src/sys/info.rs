//! What `BPF_OBJ_GET_INFO_BY_FD` fills in: the UAPI's structs, as 6.18 has them.
//!
//! An older kernel fills less and leaves the rest zero; a newer one fills what it finds room for.

#![allow(missing_docs, reason = "the fields are the UAPI's, under the UAPI's names")]

use std::os::fd::{AsRawFd, BorrowedFd};

use skep_platform::Errno;
use skep_platform::errno::EINVAL;

use crate::sys::{Command, attr, bpf};

/// A struct that the kernel may fill.
///
/// # Safety
/// `repr(C)`, no padding, every bit pattern valid, the UAPI's layout. Addresses within are null or come with the length
/// of live memory beside them.
pub unsafe trait Info: Default {}

/// Declares info structs and the test that none has padding.
macro_rules! infos {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default)]
            #[repr(C)]
            pub struct $name {
                $(pub $field: $type,)*
            }

            const _: () = assert!(size_of::<$name>() == 0 $(+ size_of::<$type>())*);

            // SAFETY: `repr(C)`, integers and arrays of them alone, no padding (asserted above), the UAPI's order.
            // Whoever sets an address sets its length with it: the fields are private to this crate's callers of `describe`.
            unsafe impl Info for $name {}
        )*
    };
}

infos! {
    /// `struct bpf_map_info`.
    Map {
        map_type: u32,
        id: u32,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
        map_flags: u32,
        name: [u8; 16],
        ifindex: u32,
        btf_vmlinux_value_type_id: u32,
        netns_dev: u64,
        netns_ino: u64,
        btf_id: u32,
        btf_key_type_id: u32,
        btf_value_type_id: u32,
        btf_vmlinux_id: u32,
        map_extra: u64,
    }

    /// `struct bpf_prog_info`.
    Prog {
        prog_type: u32,
        id: u32,
        tag: [u8; 8],
        jited_prog_len: u32,
        xlated_prog_len: u32,
        jited_prog_insns: u64,
        xlated_prog_insns: u64,
        load_time: u64,
        created_by_uid: u32,
        nr_map_ids: u32,
        map_ids: u64,
        name: [u8; 16],
        ifindex: u32,
        gpl_compatible: u32,
        netns_dev: u64,
        netns_ino: u64,
        nr_jited_ksyms: u32,
        nr_jited_func_lens: u32,
        jited_ksyms: u64,
        jited_func_lens: u64,
        btf_id: u32,
        func_info_rec_size: u32,
        func_info: u64,
        nr_func_info: u32,
        nr_line_info: u32,
        line_info: u64,
        jited_line_info: u64,
        nr_jited_line_info: u32,
        line_info_rec_size: u32,
        jited_line_info_rec_size: u32,
        nr_prog_tags: u32,
        prog_tags: u64,
        run_time_ns: u64,
        run_cnt: u64,
        recursion_misses: u64,
        verified_insns: u32,
        attach_btf_obj_id: u32,
        attach_btf_id: u32,
        unused: u32,
    }

    /// `struct bpf_link_info`: what every link has, and what is its kind's own as 32-bit words.
    Link {
        link_type: u32,
        id: u32,
        prog_id: u32,
        unused: u32,
        own: [u32; 24],
    }
}

/// What `/proc` calls a descriptor of a map, a program, a link.
pub(crate) const MAP: &str = "anon_inode:bpf-map";
pub(crate) const PROG: &str = "anon_inode:bpf-prog";
pub(crate) const LINK: &str = "anon_inode:bpf-link";

/// Whether a descriptor that came from outside is of that kind. The kernel describes an object of any kind into any
/// struct, so asking for a map's description does not tell whether it is a map.
///
/// # Errors
/// `EINVAL` when it is not, or `/proc` does not say.
pub(crate) fn check_kind(fd: BorrowedFd<'_>, kind: &str) -> Result<(), Errno> {
    let shown = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    // A link that was made is `bpf_link` and one that was opened `bpf-link`; a map is `bpf-map` either way.
    if shown.is_ok_and(|shown| shown.to_string_lossy().replacen("bpf_", "bpf-", 1) == kind) {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

/// Fills `info` with what the kernel knows about the object behind `fd`.
///
/// # Errors
/// The errno.
///
/// # Safety
/// Every address in `info` must be null or valid for writes of the length that stands beside it; and unless all are null,
/// `fd` must be of the kind that `T` describes.
pub unsafe fn describe<T: Info>(fd: BorrowedFd<'_>, info: &mut T) -> Result<(), Errno> {
    let mut attr = attr::ObjInfo {
        bpf_fd: fd.as_raw_fd() as u32,
        info_len: size_of::<T>() as u32,
        info: std::ptr::from_mut(info) as u64,
    };
    // SAFETY: `info` is live and borrowed exclusively, `info_len` is its size; the caller vouches for addresses in it.
    unsafe { bpf(Command::ObjInfo, &mut attr) }.map(drop)
}

/// The text of a name field.
pub(crate) fn text(name: &[u8]) -> String {
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}
