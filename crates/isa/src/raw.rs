//! The encoded form: one 8-byte slot.

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
}
