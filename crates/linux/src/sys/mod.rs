//! The `bpf(2)` system call.
//!
//! The kernel takes one union for every command. Here each command has a struct of its own that starts at the
//! union's first byte, so that a field of another command cannot be set by mistake. Structs hold numbers and
//! addresses without padding (a test holds this), so that every byte handed to the kernel is initialised: the kernel
//! refuses non-zero bytes behind what it knows.

pub mod attr;
pub mod info;

use std::os::fd::{FromRawFd, OwnedFd};

use skep_platform::Errno;

/// Commands of `bpf(2)` by the UAPI's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Command {
    /// Creates a map.
    MapCreate = 0,
    /// Reads an element.
    MapLookup = 1,
    /// Writes an element.
    MapUpdate = 2,
    /// Removes an element.
    MapDelete = 3,
    /// The key after a key.
    MapNextKey = 4,
    /// Verifies a program and takes it in.
    ProgLoad = 5,
    /// Gives a program, map or link a name in the BPF file system.
    ObjPin = 6,
    /// Opens what such a name stands for.
    ObjGet = 7,
    /// Runs a program on given input.
    ProgTestRun = 10,
    /// The program id after an id.
    ProgNextId = 11,
    /// The map id after an id.
    MapNextId = 12,
    /// Opens a program.
    ProgById = 13,
    /// Opens a map.
    MapById = 14,
    /// Describes a program, map, link or BTF.
    ObjInfo = 15,
    /// Attaches to a raw tracepoint.
    RawTracepointOpen = 17,
    /// Takes in BTF.
    BtfLoad = 18,
    /// Opens BTF.
    BtfById = 19,
    /// Removes an element and reads it.
    MapLookupAndDelete = 21,
    /// Ends writing from user space.
    MapFreeze = 22,
    /// Reads many elements.
    MapLookupBatch = 24,
    /// Removes many elements and reads them.
    MapLookupAndDeleteBatch = 25,
    /// Writes many elements.
    MapUpdateBatch = 26,
    /// Removes many elements.
    MapDeleteBatch = 27,
    /// Attaches a program as a link.
    LinkCreate = 28,
    /// Puts another program behind a link.
    LinkUpdate = 29,
    /// Opens a link.
    LinkById = 30,
    /// The link id after an id.
    LinkNextId = 31,
    /// Counts runs and their time while the descriptor is open.
    EnableStats = 32,
    /// Opens an iterator link for reading.
    IterCreate = 33,
    /// Takes a link off its hook without closing it.
    LinkDetach = 34,
}

/// Makes the call and returns what it returned.
///
/// # Errors
/// The errno.
///
/// # Safety
/// Every address in `attr` must be valid for what the command does with it, for the length the same struct gives.
pub unsafe fn bpf<A: attr::Attr>(command: Command, attr: &mut A) -> Result<i32, Errno> {
    let size = size_of::<A>();
    // SAFETY: `attr` is a live, exclusively borrowed struct of `size` bytes; the caller vouches for the addresses in it.
    let got = unsafe { libc::syscall(libc::SYS_bpf, command as i32, std::ptr::from_mut(attr), size) };
    match i32::try_from(got) {
        Ok(value) if value >= 0 => Ok(value),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

/// Makes a call that answers with a new file descriptor.
///
/// # Errors
/// The errno.
///
/// # Safety
/// As for [`bpf`]; and `command` must be one that returns a file descriptor.
pub unsafe fn bpf_fd<A: attr::Attr>(command: Command, attr: &mut A) -> Result<OwnedFd, Errno> {
    // SAFETY: the caller vouches for the addresses in `attr`.
    let fd = unsafe { bpf(command, attr) }?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
