//! The encoded form: one 8-byte slot, and rows of them in either byte order.

use alloc::vec::Vec;
use core::fmt;

/// One 8-byte slot of a program, as it stands in memory on a little-endian machine.
///
/// Holds any bytes; whether they are an instruction is for decoding to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RawInsn {
    /// Opcode: class in the low three bits, the rest by class.
    pub code: u8,
    /// Destination register number, 4 bits. Bits above the fourth are lost in [`RawInsn::to_le_bytes`].
    pub dst: u8,
    /// Source register number or pseudo source, 4 bits.
    pub src: u8,
    /// Signed offset, in bytes for memory and in slots for jumps.
    pub off: i16,
    /// Signed immediate.
    pub imm: i32,
}

impl RawInsn {
    /// Size of a slot in bytes.
    pub const SIZE: usize = 8;

    /// Reads a slot in little-endian layout (`bpfel`).
    pub const fn from_le_bytes(b: [u8; 8]) -> Self {
        Self {
            code: b[0],
            dst: b[1] & 0x0f,
            src: b[1] >> 4,
            off: i16::from_le_bytes([b[2], b[3]]),
            imm: i32::from_le_bytes([b[4], b[5], b[6], b[7]]),
        }
    }

    /// Reads a slot in big-endian layout (`bpfeb`): the register nibbles are swapped as well as the bytes.
    pub const fn from_be_bytes(b: [u8; 8]) -> Self {
        Self {
            code: b[0],
            dst: b[1] >> 4,
            src: b[1] & 0x0f,
            off: i16::from_be_bytes([b[2], b[3]]),
            imm: i32::from_be_bytes([b[4], b[5], b[6], b[7]]),
        }
    }

    /// Writes the slot in little-endian layout.
    pub const fn to_le_bytes(self) -> [u8; 8] {
        let off = self.off.to_le_bytes();
        let imm = self.imm.to_le_bytes();
        [self.code, (self.src << 4) | (self.dst & 0x0f), off[0], off[1], imm[0], imm[1], imm[2], imm[3]]
    }

    /// Writes the slot in big-endian layout.
    pub const fn to_be_bytes(self) -> [u8; 8] {
        let off = self.off.to_be_bytes();
        let imm = self.imm.to_be_bytes();
        [self.code, (self.dst << 4) | (self.src & 0x0f), off[0], off[1], imm[0], imm[1], imm[2], imm[3]]
    }
}

/// How a program's slots are laid out in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `bpfel`, ELF data encoding 1.
    Little,
    /// `bpfeb`, ELF data encoding 2.
    Big,
}

impl ByteOrder {
    /// The byte order of the machine this runs on.
    pub const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

/// Bytes that are not a whole number of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BytesError {
    /// How many bytes there were.
    pub len: usize,
}

impl fmt::Display for BytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.len % RawInsn::SIZE;
        let whole = self.len - rest;
        write!(
            f,
            "offset {whole}: a program is a row of 8-byte slots, found {rest} bytes after the last whole one"
        )
    }
}

impl core::error::Error for BytesError {}

/// Reads a program's slots; what they mean is not looked at.
///
/// # Errors
/// When the length is not a multiple of 8.
pub fn from_bytes(bytes: &[u8], order: ByteOrder) -> Result<Vec<RawInsn>, BytesError> {
    let (slots, rest) = bytes.as_chunks::<{ RawInsn::SIZE }>();
    if !rest.is_empty() {
        return Err(BytesError { len: bytes.len() });
    }
    let read = match order {
        ByteOrder::Little => RawInsn::from_le_bytes,
        ByteOrder::Big => RawInsn::from_be_bytes,
    };
    Ok(slots.iter().map(|&slot| read(slot)).collect())
}

/// Writes a program's slots, 8 bytes each.
pub fn to_bytes(slots: &[RawInsn], order: ByteOrder) -> Vec<u8> {
    let write = match order {
        ByteOrder::Little => RawInsn::to_le_bytes,
        ByteOrder::Big => RawInsn::to_be_bytes,
    };
    slots.iter().flat_map(|&slot| write(slot)).collect()
}
