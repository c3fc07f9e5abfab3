//! Objects that a program allocates, and the map fields that own them.
//!
//! `bpf_obj_new` gives zeroed memory of a type's size, which the program must drop or hand to a kptr field by
//! `bpf_kptr_xchg`. A field holds the object's address; size and type stand in a header in front of it, so whoever takes the
//! object out again knows its bounds. Fields cannot be written by anything but the exchange, so an address in one is always an
//! object's.
//!
//! Another run may be reading an object through the field while it is freed. So freeing waits: objects go to a
//! graveyard that the next run to end hands to its guard, which keeps them until no run of their time is left.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use skep_maps::Guard;

/// What stands in front of an object.
#[repr(C, align(16))]
struct Header {
    size: u32,
    type_id: u32,
}

const HEADER: usize = size_of::<Header>();
/// The largest object.
pub(crate) const MAX_OBJECT: u32 = 1 << 20;

/// An object's address, for as long as its owner has not given it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object(pub(crate) NonNull<u8>);

static GRAVEYARD: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static BURIED: AtomicBool = AtomicBool::new(false);

fn layout(size: u32) -> Option<Layout> {
    Layout::from_size_align(HEADER + size as usize, align_of::<Header>()).ok()
}

impl Object {
    /// Zeroed memory; `None` if there is none.
    pub(crate) fn new(size: u32, type_id: u32) -> Option<Self> {
        let layout = layout(size).filter(|_| size <= MAX_OBJECT)?;
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        // SAFETY: room for the header, aligned for it.
        unsafe { start.cast::<Header>().write(Header { size, type_id }) };
        // SAFETY: inside the allocation, or one past it for an empty object.
        Some(Self(unsafe { start.add(HEADER) }))
    }

    /// The object at an address that a field holds.
    ///
    /// # Safety
    /// The address is 0 or that of an object which is not freed before the run ends.
    pub(crate) unsafe fn at(address: u64) -> Option<Self> {
        NonNull::new(address as *mut u8).map(Self)
    }

    fn header(self) -> NonNull<Header> {
        // SAFETY: `new` put it there.
        unsafe { self.0.sub(HEADER).cast() }
    }

    pub(crate) fn size(self) -> u32 {
        // SAFETY: alive by the contract of whoever holds an `Object`.
        unsafe { self.header().as_ref().size }
    }

    /// The BTF type it was made of.
    pub(crate) fn type_id(self) -> u32 {
        // SAFETY: as above.
        unsafe { self.header().as_ref().type_id }
    }

    pub(crate) fn address(self) -> u64 {
        self.0.as_ptr() as u64
    }

    /// Gives it up: it is freed when no run can see it any more.
    pub(crate) fn bury(self) {
        GRAVEYARD.lock().unwrap_or_else(PoisonError::into_inner).push(self.0.as_ptr() as usize);
        BURIED.store(true, Ordering::Release);
    }
}

/// Lets go of the dead, at the end of a run.
#[inline]
pub(crate) fn empty_graveyard(guard: &Guard) {
    if BURIED.load(Ordering::Relaxed) && BURIED.swap(false, Ordering::Acquire) {
        let dead = std::mem::take(&mut *GRAVEYARD.lock().unwrap_or_else(PoisonError::into_inner));
        guard.defer(move || dead.into_iter().for_each(free));
    }
}

fn free(address: usize) {
    // SAFETY: buried once, by its only owner, and no run is left that could have seen it.
    unsafe {
        let Some(object) = Object::at(address as u64) else { return };
        if let Some(layout) = layout(object.size()) {
            dealloc(object.header().as_ptr().cast(), layout);
        }
    }
}

/// Empties a kptr field of a value that leaves its map.
pub(crate) fn release_field(at: NonNull<u8>) {
    // SAFETY: the field is 8 bytes, 8-aligned, and holds 0 or an object's address.
    unsafe {
        let old = AtomicU64::from_ptr(at.as_ptr().cast()).swap(0, Ordering::AcqRel);
        if let Some(object) = Object::at(old) {
            object.bury();
        }
    }
}
