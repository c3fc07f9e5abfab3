//! Declaring a context structure: layout and permissions from one declaration.
//!
//! [`hook_context!`](crate::hook_context) makes a `#[repr(C)]` structure, so the offsets are C's, and a table of its fields. Loads and
//! stores are looked up in the table; a number may be read in part (as C compilers like to), a pointer only whole.

use super::bytes::{Bytes, BytesMut};
use crate::context::{Lent, Loaded, Refusal};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Plain bytes: numbers, arrays of numbers.
    Number,
    /// A pointer to bytes to read, and their number.
    Bytes,
    /// A pointer to bytes to read and write, and their number.
    BytesMut,
}

/// One field of an application's context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name in the declaration.
    pub name: &'static str,
    /// Byte offset, as C lays the structure out.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether programs may store to it. Never true of pointers.
    pub writable: bool,
}

/// A type that may be a field.
///
/// # Safety
/// `KIND` must tell the truth: `Number` only for types of which every byte pattern is a value and that have no padding;
/// the others only for the 16-byte pair of pointer and length.
pub unsafe trait FieldType {
    /// What the field is to a program.
    const KIND: FieldKind;
}

macro_rules! numbers {
    ($($t:ty),*) => {$(
        // SAFETY: any bytes are a value, and there is no padding.
        unsafe impl FieldType for $t { const KIND: FieldKind = FieldKind::Number; }
    )*};
}
numbers!(u8, u16, u32, u64, i8, i16, i32, i64);

// SAFETY: as its elements.
unsafe impl<const N: usize> FieldType for [u8; N] {
    const KIND: FieldKind = FieldKind::Number;
}
// SAFETY: as its elements.
unsafe impl<const N: usize> FieldType for [u32; N] {
    const KIND: FieldKind = FieldKind::Number;
}
// SAFETY: as its elements.
unsafe impl<const N: usize> FieldType for [u64; N] {
    const KIND: FieldKind = FieldKind::Number;
}
// SAFETY: `Bytes` is pointer and length.
unsafe impl FieldType for Bytes<'_> {
    const KIND: FieldKind = FieldKind::Bytes;
}
// SAFETY: `BytesMut` is pointer and length.
unsafe impl FieldType for BytesMut<'_> {
    const KIND: FieldKind = FieldKind::BytesMut;
}

/// The field that holds all of `size` bytes at `off`, and how far into it they start.
fn find(fields: &[Field], off: i64, size: usize) -> Option<(&Field, usize)> {
    let off = usize::try_from(off).ok()?;
    if !off.is_multiple_of(size) {
        return None;
    }
    fields
        .iter()
        .find(|f| off >= f.offset && off.saturating_add(size) <= f.offset + f.size)
        .map(|f| (f, off - f.offset))
}

/// Answers a load from the structure at `base`; used by what [`hook_context!`](crate::hook_context) makes.
///
/// # Safety
/// `base` points to a live structure that `fields` describes.
pub unsafe fn load_field(
    name: &str,
    fields: &[Field],
    base: *const u8,
    off: i64,
    size: usize,
) -> Result<Loaded, Refusal> {
    let (field, within) = find(fields, off, size).ok_or_else(|| Refusal::no_field(name, off, size))?;
    if field.kind != FieldKind::Number && size != 8 {
        return Err(Refusal(format!("{name}.{} is a pointer and its length, each read whole", field.name)));
    }
    let mut bytes = [0u8; 8];
    // SAFETY: the bytes are inside the field, which is inside the structure.
    unsafe { std::ptr::copy_nonoverlapping(base.add(field.offset + within), bytes.as_mut_ptr(), size) };
    let value = u64::from_le_bytes(bytes);
    if field.kind == FieldKind::Number || within != 0 {
        return Ok(Loaded::Scalar(value));
    }
    // SAFETY: the second half of a pointer field is its length.
    let len = unsafe { base.add(field.offset + 8).cast::<u64>().read_unaligned() } as usize;
    // SAFETY: the constructors of `Bytes` and `BytesMut` took a slice that outlives the structure.
    Ok(Loaded::Memory(unsafe {
        match field.kind {
            FieldKind::BytesMut => Lent::write(value as *mut u8, len),
            _ => Lent::read(value as *const u8, len),
        }
    }))
}

/// Answers a store to the structure at `base`; used by what [`hook_context!`](crate::hook_context) makes.
///
/// # Safety
/// As [`load_field`], and nothing else reads or writes the structure meanwhile.
pub unsafe fn store_field(
    name: &str,
    fields: &[Field],
    base: *mut u8,
    off: i64,
    size: usize,
    value: u64,
) -> Result<(), Refusal> {
    let (field, within) = find(fields, off, size).ok_or_else(|| Refusal::no_field(name, off, size))?;
    if !field.writable || field.kind != FieldKind::Number {
        return Err(Refusal(format!("{name}.{} is read-only", field.name)));
    }
    let bytes = value.to_le_bytes();
    // SAFETY: the bytes are inside the field, and any bytes are a number.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), base.add(field.offset + within), size) };
    Ok(())
}

/// Declares the context structure of a hook: each field with `read` or `write` before its name.
///
/// It makes a `#[repr(C)]` structure with public fields and lets programs run on it; see [`crate::hook`] for an example.
#[macro_export]
macro_rules! hook_context {
    (@writable read) => { false };
    (@writable write) => { true };
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$life:lifetime>)? {
        $($(#[$fmeta:meta])* $perm:ident $field:ident : $ty:ty),+ $(,)?
    }) => {
        $(#[$meta])*
        #[repr(C)]
        $vis struct $name $(<$life>)? {
            $($(#[$fmeta])* #[allow(missing_docs)] pub $field: $ty),+
        }

        impl $(<$life>)? $crate::hook::HookContext for $name $(<$life>)? {
            const NAME: &'static str = stringify!($name);
            const FIELDS: &'static [$crate::hook::Field] = &[$($crate::hook::Field {
                name: stringify!($field),
                offset: ::core::mem::offset_of!(Self, $field),
                size: ::core::mem::size_of::<$ty>(),
                kind: <$ty as $crate::hook::FieldType>::KIND,
                writable: $crate::hook_context!(@writable $perm),
            }),+];
        }

        impl $(<$life>)? $crate::Context for $name $(<$life>)? {
            fn name(&self) -> &str {
                stringify!($name)
            }
            fn load(&mut self, off: i64, size: usize) -> Result<$crate::context::Loaded, $crate::context::Refusal> {
                let fields = <Self as $crate::hook::HookContext>::FIELDS;
                // SAFETY: the table was made from this structure.
                unsafe { $crate::hook::load_field(stringify!($name), fields, (&raw const *self).cast(), off, size) }
            }
            fn store(&mut self, off: i64, size: usize, value: u64) -> Result<(), $crate::context::Refusal> {
                let fields = <Self as $crate::hook::HookContext>::FIELDS;
                // SAFETY: the table was made from this structure, which is borrowed exclusively.
                unsafe { $crate::hook::store_field(stringify!($name), fields, (&raw mut *self).cast(), off, size, value) }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::context::{Context, Loaded};
    use crate::hook::{Bytes, HookContext};

    crate::hook_context! {
        struct Sample<'a> {
            read id: u32,
            write mark: u16,
            read text: Bytes<'a>,
        }
    }

    #[test]
    fn fields_follow_c_layout() {
        let offsets: Vec<_> = Sample::FIELDS.iter().map(|f| (f.name, f.offset, f.size)).collect();
        assert_eq!(offsets, [("id", 0, 4), ("mark", 4, 2), ("text", 8, 16)]);
    }

    #[test]
    fn permissions_hold() {
        let mut s = Sample { id: 0x0102_0304, mark: 0, text: "abc".into() };
        assert!(matches!(s.load(1, 1), Ok(Loaded::Scalar(3))));
        assert!(s.store(0, 4, 1).unwrap_err().0.contains("Sample.id is read-only"));
        s.store(4, 2, 0xffff_0007).unwrap();
        assert_eq!(s.mark, 7);
        assert!(s.load(8, 4).is_err());
        assert!(matches!(s.load(16, 8), Ok(Loaded::Scalar(3))));
        assert!(s.load(6, 2).unwrap_err().0.contains("no 2-byte field at offset 6"));
        assert!(s.load(-4, 4).is_err());
    }
}
