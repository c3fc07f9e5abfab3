//! Arenas: sparse memory shared with user space, under 32-bit addresses of its own.
//!
//! Nothing can go wrong in an arena: the JIT adds the arena's base to the low half of whatever the pointer holds, and a page that
//! is not there reads as zero. So every arithmetic keeps an arena pointer one, and every access is allowed. What has to be proved is only
//! that a register is such a pointer on every path, because its accesses are compiled differently.

use skep_isa::{Cast, Reg as Number};

use crate::Code;
use crate::explore::Walk;
use crate::state::{MapId, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    /// An address of the arena becomes a pointer, or the reverse.
    pub(crate) fn cast(&mut self, cast: Cast, dst: Number, src: Number) -> Checked {
        self.read(src)?;
        if !self.arena {
            return self.fail(Code::MapMismatch, "an address space cast in a program without an arena");
        }
        let result = match cast {
            Cast::ArenaToKernel => Reg::pointer(RegKind::Arena),
            Cast::KernelToArena => Reg::UNKNOWN,
        };
        self.write(dst, result)
    }

    /// The user's address of something in an arena, as a number.
    pub(crate) fn arena_address(&self, map: MapId, offset: u32) -> Checked<Reg> {
        let pages = u64::from(self.map(map).max_entries);
        if u64::from(offset) >= pages * skep_platform::map::PAGE_SIZE as u64 {
            let message = format!("offset {offset} in an arena of {pages} pages");
            return self.fail(Code::MapValueBounds, message);
        }
        Ok(Reg::UNKNOWN)
    }
}
