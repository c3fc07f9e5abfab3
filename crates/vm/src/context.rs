//! What a program is given in `r1`.
//!
//! The context is not memory to a program but an object with fields: some are numbers, some are pointers, some may be
//! written. So a load or a store through the context pointer asks the object, which answers with a value or a refusal.
//! Each kind of hook implements [`Context`]; helpers that belong to one kind reach the concrete type by
//! [`Run::context_as`](crate::Run::context_as).

use std::any::Any;

/// What a load from the context gives.
#[derive(Clone, Copy, Debug)]
pub enum Loaded {
    /// A number.
    Scalar(u64),
    /// Pointer to the first byte of the packet, bounds from [`Context::packet`].
    PacketData,
    /// Pointer just past the packet's last byte.
    PacketEnd,
    /// Pointer to the metadata in front of the packet.
    PacketMeta,
    /// Pointer to memory lent for the run; null when `len` is 0 and `ptr` null.
    Memory(Lent),
    /// A socket: read-only bytes laid out as `struct bpf_sock` (or null).
    Socket(Lent),
}

/// Memory that a context lends to a program until the run ends.
#[derive(Clone, Copy, Debug)]
pub struct Lent {
    pub(crate) ptr: *mut u8,
    pub(crate) len: usize,
    pub(crate) writable: bool,
}

impl Lent {
    /// The null pointer.
    pub const NULL: Self = Self { ptr: std::ptr::null_mut(), len: 0, writable: false };

    /// Bytes to read.
    ///
    /// # Safety
    /// They stay valid and are not written by the application until the run is over.
    pub unsafe fn read(ptr: *const u8, len: usize) -> Self {
        Self { ptr: ptr.cast_mut(), len, writable: false }
    }

    /// Bytes to read and write.
    ///
    /// # Safety
    /// They stay valid, and nothing else reads or writes them, until the run is over.
    pub unsafe fn write(ptr: *mut u8, len: usize) -> Self {
        Self { ptr, len, writable: true }
    }
}

/// Where the packet of a context lies now. Helpers that move it must call
/// [`Run::packet_changed`](crate::Run::packet_changed).
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// First byte of the metadata; equal to `data` when there is none.
    pub meta: *mut u8,
    /// First byte of the packet.
    pub data: *mut u8,
    /// Length of the packet that programs access directly.
    pub len: usize,
    /// Whether programs may store to it directly.
    pub writable: bool,
}

/// How the program's registers are set at entry.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// `r1` is the context, as in Linux.
    Context,
    /// `r1` points to memory and `r2` is its length, as most runtimes outside Linux have it.
    Memory(Lent),
}

/// A load or store that the context does not allow, in words: `"no field at offset 8 with size 2"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(
    /// The whole reason, without the instruction.
    pub String,
);

impl Refusal {
    /// The usual reason: nothing there with that size.
    pub fn no_field(name: &str, off: i64, size: usize) -> Self {
        Self(format!("{name} has no {size}-byte field at offset {off}"))
    }

    /// A store to a field that is only read.
    pub fn read_only(name: &str, off: i64) -> Self {
        Self(format!("the field of {name} at offset {off} is read-only"))
    }
}

/// The object behind the context pointer of one run.
///
/// Offsets come from the program unchecked and may be negative; sizes are 1, 2, 4 or 8.
pub trait Context {
    /// The C name of the structure: `xdp_md`, `__sk_buff`, for messages.
    fn name(&self) -> &str;

    /// Answers a load.
    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal>;

    /// Answers a store of the low `size` bytes of `value`.
    fn store(&mut self, off: i64, size: usize, value: u64) -> Result<(), Refusal> {
        let _ = (size, value);
        Err(Refusal::read_only(self.name(), off))
    }

    /// Where the packet is, for contexts that have one.
    fn packet(&mut self) -> Option<Packet> {
        None
    }

    /// Legacy packet loads: `size` bytes at `off`, in network order, or `None` outside the packet.
    /// Negative offsets are Linux's `SKF_*` areas.
    fn legacy_load(&mut self, off: i32, size: usize) -> Option<u64> {
        let packet = self.packet()?;
        let off = usize::try_from(off).ok()?;
        if off.checked_add(size)? > packet.len {
            return None;
        }
        let mut bytes = [0u8; 8];
        // SAFETY: the packet is `len` bytes long by the contract of `packet`, and `off + size <= len`.
        unsafe { std::ptr::copy_nonoverlapping(packet.data.add(off), bytes[8 - size..].as_mut_ptr(), size) };
        Some(u64::from_be_bytes(bytes))
    }

    /// The context as plain memory, for kinds whose helpers take it so (`syscall` programs).
    fn memory(&mut self) -> Option<Lent> {
        None
    }

    /// How the run begins.
    fn entry(&mut self) -> Entry {
        Entry::Context
    }

    /// Self, for helpers that want the concrete type; `None` for contexts that borrow.
    fn as_any(&mut self) -> Option<&mut dyn Any> {
        None
    }
}
