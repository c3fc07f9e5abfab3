//! A call of a helper of the application, as its closure sees it.

/// What a helper of the application takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// Any number.
    Number,
    /// The context the program was run with.
    Context,
    /// A pointer to bytes to read and, in the next register, how many.
    Bytes,
    /// A pointer to bytes to read and write and, in the next register, how many.
    BytesMut,
    /// A pointer to exactly that many bytes to read.
    Struct(u32),
    /// A pointer to exactly that many bytes to write; they count as initialised afterwards.
    StructMut(u32),
}

impl Arg {
    /// Registers it takes.
    pub const fn registers(&self) -> usize {
        match self {
            Self::Bytes | Self::BytesMut => 2,
            _ => 1,
        }
    }
}

/// A checked argument.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Number(u64),
    Bytes(*const u8, usize),
    BytesMut(*mut u8, usize),
}

/// The checked arguments of one call, by their position in the declaration.
pub struct HookCall<'a> {
    pub(crate) values: [Value; 5],
    pub(crate) life: std::marker::PhantomData<&'a mut [u8]>,
}

impl HookCall<'_> {
    /// The number at `position`; 0 if the declaration has none there.
    pub fn number(&self, position: usize) -> u64 {
        match self.values.get(position) {
            Some(Value::Number(n)) => *n,
            _ => 0,
        }
    }

    /// The bytes at `position`; empty if the declaration has none there.
    pub fn bytes(&self, position: usize) -> &[u8] {
        match self.values.get(position) {
            // SAFETY: the checker found `len` readable bytes that live as long as the call.
            Some(Value::Bytes(ptr, len)) if *len > 0 => unsafe { std::slice::from_raw_parts(*ptr, *len) },
            // SAFETY: as above.
            Some(Value::BytesMut(ptr, len)) if *len > 0 => unsafe { std::slice::from_raw_parts(*ptr, *len) },
            _ => &[],
        }
    }

    /// The bytes at `position`, to write; empty if the declaration has none there or they are only to be read.
    pub fn bytes_mut(&mut self, position: usize) -> &mut [u8] {
        match self.values.get(position) {
            // SAFETY: the checker found `len` writable bytes that live as long as the call, and `&mut self`
            // keeps a second slice of them from being made here.
            Some(Value::BytesMut(ptr, len)) if *len > 0 => unsafe {
                std::slice::from_raw_parts_mut(*ptr, *len)
            },
            _ => &mut [],
        }
    }
}
