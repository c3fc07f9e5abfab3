//! Memory that a field of an application's context points to.

use std::marker::PhantomData;

/// A field that is a pointer to bytes and their number, 16 bytes: `const char *p; __u64 n;` in C.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    /// First byte; valid for `len` bytes during `'a`, by construction.
    ptr: *const u8,
    len: u64,
    life: PhantomData<&'a [u8]>,
}

// SAFETY: it is a shared slice in another layout.
unsafe impl Send for Bytes<'_> {}
// SAFETY: as above.
unsafe impl Sync for Bytes<'_> {}

impl<'a> Bytes<'a> {
    /// Lends `bytes` for reading.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() as u64, life: PhantomData }
    }
}

impl<'a> From<&'a [u8]> for Bytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(bytes)
    }
}

impl<'a> From<&'a str> for Bytes<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text.as_bytes())
    }
}

/// As [`Bytes`], but the program may write to them: `char *p; __u64 n;` in C.
#[repr(C)]
#[derive(Debug)]
pub struct BytesMut<'a> {
    /// First byte; valid for `len` bytes and ours alone during `'a`, by construction.
    ptr: *mut u8,
    len: u64,
    life: PhantomData<&'a mut [u8]>,
}

// SAFETY: it is an exclusive slice in another layout.
unsafe impl Send for BytesMut<'_> {}

impl<'a> BytesMut<'a> {
    /// Lends `bytes` for reading and writing.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { len: bytes.len() as u64, ptr: bytes.as_mut_ptr(), life: PhantomData }
    }
}

impl<'a> From<&'a mut [u8]> for BytesMut<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self::new(bytes)
    }
}
