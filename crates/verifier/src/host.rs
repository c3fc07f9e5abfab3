//! A hook of an application, as far as verification needs it.
//!
//! Linux's program types are rows of `platform`'s tables. An application that makes itself programmable declares a place
//! of its own: what the program finds in r1, what it may call, what it may return. From that the same walk proves the same things.
//!
//! The one thing that Linux does not have is *lent memory*: a pointer and, beside it, a number of bytes. The number is not
//! known before the run, but every copy of it bears one name (see [`Host::lent`]), so that a comparison with any copy
//! tells how far the pointer reaches, on that path: `if (r->len >= 6) … r->path[5]`.

/// What a program of an application's hook may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Name of the hook, for messages.
    pub name: String,
    /// What the program is started with.
    pub entry: HostEntry,
    /// The application's helpers.
    pub helpers: Vec<HostHelper>,
    /// Least and greatest value that may be returned; `None` where all may.
    pub returns: Option<(i64, i64)>,
}

/// What a program of an application's hook is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostEntry {
    /// r1 points to a struct with these fields, by rising offset.
    Context(Vec<HostField>),
    /// r1 points to memory that may be written, r2 says how many bytes of it there are.
    Memory,
}

impl Default for HostEntry {
    fn default() -> Self {
        HostEntry::Context(Vec::new())
    }
}

/// A field of an application's context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostField {
    /// Its name, for messages.
    pub name: String,
    /// Offset in bytes.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// What is in it.
    pub kind: HostFieldKind,
}

/// What a field of an application's context holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFieldKind {
    /// Numbers; any aligned part of 1, 2, 4 or 8 bytes may be read.
    Number {
        /// Whether it may be written.
        writable: bool,
    },
    /// A pointer, and behind it the number of bytes it leads to; each is read whole, as 8 bytes.
    Lent {
        /// Whether the bytes may be written.
        writable: bool,
    },
}

/// A helper of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostHelper {
    /// The name it is declared by, as a kernel function would be.
    pub name: String,
    /// The number it may be called by.
    pub id: u32,
    /// Its arguments, in order. It returns a number.
    pub args: Vec<HostArg>,
}

/// An argument of an application's helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostArg {
    /// Any number.
    Number,
    /// The context.
    Context,
    /// A pointer to bytes and, in the next register, how many.
    Bytes {
        /// Whether the helper writes them.
        write: bool,
    },
    /// A pointer to this many bytes.
    Struct {
        /// How many.
        size: u32,
        /// Whether the helper writes them all, so that they need not have been written before.
        write: bool,
    },
}

impl Host {
    /// How many regions of memory are lent. The number of bytes of region `n` is the number with the name `n + 1`.
    pub fn lent(&self) -> usize {
        match &self.entry {
            HostEntry::Memory => 1,
            HostEntry::Context(fields) => fields.iter().filter(|field| field.is_lent()).count(),
        }
    }

    /// The field that holds all of `size` bytes at `offset`, and which region it lends if it does.
    pub(crate) fn field(&self, offset: u32, size: u32) -> Option<(&HostField, usize)> {
        let HostEntry::Context(fields) = &self.entry else { return None };
        let end = offset.checked_add(size)?;
        let index = fields
            .iter()
            .position(|field| offset >= field.offset && end <= field.offset.saturating_add(field.size))?;
        let region = fields[..index].iter().filter(|field| field.is_lent()).count();
        Some((&fields[index], region))
    }
}

impl HostField {
    fn is_lent(&self) -> bool {
        matches!(self.kind, HostFieldKind::Lent { .. })
    }
}
