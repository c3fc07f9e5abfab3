//! Accesses through pointers: which kinds allow what, and how far.

use skep_isa::Reg as Number;
use skep_platform::MapFlags;
use skep_platform::context::View;

use super::pointer::MAX_OFFSET;
use super::stack::Stored;
use crate::Code;
use crate::explore::Walk;
use crate::program::flags;
use crate::state::{Flags, MapId, Reg, RegKind};
use crate::verdict::Checked;

/// What an access is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// An access through a register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch {
    pub(crate) number: Number,
    pub(crate) off: i32,
    pub(crate) size: i32,
    pub(crate) purpose: Purpose,
}

impl Walk<'_> {
    /// Reads `size` bytes; what a register then holds, not yet cut to the size.
    pub(crate) fn read_memory(&mut self, number: Number, off: i32, size: i32) -> Checked<Reg> {
        let pointer = self.read(number)?;
        let touch = Touch { number, off, size, purpose: Purpose::Read };
        self.aligned(&pointer, touch)?;
        match pointer.kind {
            RegKind::Stack(_) => {
                let reach = self.stack_reach(number, &pointer, off, size)?;
                self.stack_load(number, reach, size)
            }
            RegKind::Arena => Ok(Reg::UNKNOWN),
            RegKind::Ctx => self.context_load(&pointer, touch),
            RegKind::MapValue(map) => {
                if let Some(kptr) = self.kptr_access(map, &pointer, touch)? {
                    return self.kptr_load(kptr);
                }
                self.reachable(&pointer, touch)?;
                Ok(self.known_contents(map, &pointer, touch).map_or(Reg::UNKNOWN, Reg::constant))
            }
            _ => {
                if let Some(kind) = self.reachable(&pointer, touch)? {
                    return Ok(kind);
                }
                Ok(Reg::UNKNOWN)
            }
        }
    }

    /// Writes `size` bytes.
    pub(crate) fn write_memory(&mut self, number: Number, off: i32, size: i32, stored: Stored) -> Checked {
        let pointer = self.read(number)?;
        let touch = Touch { number, off, size, purpose: Purpose::Write };
        self.aligned(&pointer, touch)?;
        if let RegKind::Stack(_) = pointer.kind {
            let reach = self.stack_reach(number, &pointer, off, size)?;
            return self.stack_store(number, reach, size, stored);
        }
        if let (Some(value), true) = (stored.value, self.input.unprivileged)
            && value.is_pointer()
        {
            return self.fail_at(
                Code::Leak,
                stored.number.unwrap_or(number),
                "a pointer is written to memory",
            );
        }
        if pointer.kind == RegKind::Ctx {
            return self.context_store(&pointer, touch, stored);
        }
        if pointer.kind == RegKind::Arena {
            return Ok(());
        }
        if let RegKind::MapValue(map) = pointer.kind
            && let Some(kptr) = self.kptr_access(map, &pointer, touch)?
        {
            return self.kptr_store(kptr, number, stored);
        }
        self.reachable(&pointer, touch).map(drop)
    }

    /// Whether the access is within what the pointer leads to; for objects whose fields have kinds, what is found.
    pub(crate) fn reachable(&mut self, pointer: &Reg, touch: Touch) -> Checked<Option<Reg>> {
        let Touch { number, off, size, purpose } = touch;
        let write = purpose == Purpose::Write;
        if pointer.is_scalar() {
            return self.fail_at(Code::NotAPointer, number, format!("an access through {pointer}"));
        }
        if pointer.is_nullable() {
            return self.fail_at(
                Code::MaybeNull,
                number,
                format!("an access through {pointer}: compare it with NULL first"),
            );
        }
        if write && pointer.flags.has(Flags::RDONLY) {
            return self.fail_at(Code::ReadOnly, number, "this memory is read-only");
        }
        match pointer.kind {
            RegKind::MapValue(map) => {
                self.map_access(map, number, write)?;
                let size_of = self.map(map).value_size;
                self.bounded(pointer, touch, size_of, Code::MapValueBounds)?;
                self.no_field(map, pointer, touch)?;
            }
            RegKind::MapKey(map) => {
                if write {
                    return self.fail_at(Code::ReadOnly, number, "a map key is read-only");
                }
                let size_of = self.map(map).key_size;
                self.bounded(pointer, touch, size_of, Code::MemoryBounds)?;
            }
            RegKind::Mem(size_of) => {
                // Reads that nobody vouches for are caught, wherever they go.
                if pointer.flags.has(Flags::UNTRUSTED) {
                    return Ok(None);
                }
                self.bounded(pointer, touch, size_of, Code::MemoryBounds)?;
            }
            RegKind::Lent(region) => self.lent_access(region, pointer, touch)?,
            RegKind::Packet | RegKind::PacketMeta => {
                if write && !self.may_write_packet() {
                    return self.fail_at(Code::ReadOnly, number, "this program may not write the packet");
                }
                self.packet_access(pointer, touch)?;
            }
            RegKind::FlowKeys => return self.table_access(View::FlowKeys, pointer, touch).map(|()| None),
            RegKind::Socket => return self.socket_access(View::Socket, pointer, touch),
            RegKind::SockCommon => return self.socket_access(View::SockCommon, pointer, touch),
            RegKind::TcpSock => return self.socket_access(View::TcpSock, pointer, touch),
            RegKind::XdpSock => return self.socket_access(View::XdpSock, pointer, touch),
            RegKind::Map(map) => return self.map_struct_access(map, pointer, touch),
            RegKind::Btf(id) => return self.object_access(id, pointer, touch),
            RegKind::Allocated(id) => return self.made_access(id, pointer, touch),
            RegKind::Arena => {
                return self.fail_at(
                    Code::BadArgument,
                    number,
                    "memory of an arena is given where plain memory must be",
                );
            }
            RegKind::Buffer(_) => self.buffer_access(pointer, touch)?,
            RegKind::Ctx | RegKind::Stack(_) => {}
            RegKind::Uninit
            | RegKind::Scalar
            | RegKind::PacketEnd
            | RegKind::Func(_)
            | RegKind::Dynptr(_)
            | RegKind::Iterator(_)
            | RegKind::IrqFlag => {
                let message = format!("an access of {size} bytes at {off} through {pointer}");
                return self.fail_at(Code::BadPointerAccess, number, message);
            }
        }
        Ok(None)
    }

    /// The offset's bounds are within `0..limit`, with the size.
    pub(crate) fn bounded(&self, pointer: &Reg, touch: Touch, limit: u32, code: Code) -> Checked {
        let Touch { number, off, size, .. } = touch;
        let base = i64::from(pointer.off) + i64::from(off);
        let (smin, umax) = (pointer.value.s64.min, pointer.value.u64.max);
        let low = base.checked_add(smin).filter(|&low| low >= 0 && (smin >= 0 || smin > -MAX_OFFSET));
        let Some(low) = low else {
            return self.fail_at(code, number, "the offset may be negative: check its lower bound");
        };
        if umax >= MAX_OFFSET as u64 {
            return self.fail_at(code, number, "the offset has no upper bound: check it first");
        }
        let end = base + umax as i64 + i64::from(size);
        if low + i64::from(size) > i64::from(limit) || end > i64::from(limit) {
            let message = format!("bytes {low} to {} where there are {limit}", end - 1);
            return self.fail_at(code, number, message);
        }
        Ok(())
    }

    fn packet_access(&self, pointer: &Reg, touch: Touch) -> Checked {
        let Touch { number, off, size, .. } = touch;
        if pointer.value.s64.min < 0 {
            return self.fail_at(Code::PacketBounds, number, "the offset into the packet may be negative");
        }
        let first = i64::from(pointer.off) + i64::from(off);
        let end = first + i64::from(size);
        if pointer.range < 0 || first < 0 || end > i64::from(pointer.range) {
            let message =
                format!("packet bytes {first} to {} where {} are proved", end - 1, pointer.range.max(0));
            return self.fail_at(Code::PacketBounds, number, message);
        }
        Ok(())
    }

    pub(crate) fn may_write_packet(&self) -> bool {
        use skep_platform::ProgramType::*;
        matches!(self.input.program_type, SchedCls | SchedAct | Xdp | LwtXmit | SkSkb | SkMsg | CgroupSockopt)
    }

    pub(crate) fn map_access(&self, map: MapId, number: Number, write: bool) -> Checked {
        let flags = self.map(map).flags;
        if write && flags.contains(MapFlags::RDONLY_PROG) {
            return self.fail_at(Code::ReadOnly, number, "programs may only read this map");
        }
        if !write && flags.contains(MapFlags::WRONLY_PROG) {
            return self.fail_at(Code::WriteOnly, number, "programs may only write this map");
        }
        Ok(())
    }

    /// The access touches no part of the value that helpers manage.
    fn no_field(&self, map: MapId, pointer: &Reg, touch: Touch) -> Checked {
        let info = self.map(map);
        if info.record.is_empty() {
            return Ok(());
        }
        let base = i64::from(pointer.off) + i64::from(touch.off);
        let low = base + pointer.value.s64.min;
        let end = base + pointer.value.u64.max as i64 + i64::from(touch.size);
        for field in info.record.fields() {
            let (start, stop) = (i64::from(field.offset), i64::from(field.offset) + i64::from(field.size));
            if low < stop && start < end {
                let message = format!("bytes {start} to {} of the value are managed", stop - 1);
                return self.fail_at(Code::SpecialField, touch.number, message);
            }
        }
        Ok(())
    }

    /// What a frozen read-only array holds there.
    fn known_contents(&self, map: MapId, pointer: &Reg, touch: Touch) -> Option<u64> {
        let info = self.map(map);
        let fixed = info.frozen && info.flags.contains(MapFlags::RDONLY_PROG);
        let var = pointer.value.as_constant()?;
        if !fixed || info.map_type != skep_platform::MapType::Array || info.max_entries != 1 {
            return None;
        }
        let at = usize::try_from(i64::from(pointer.off) + i64::from(touch.off) + var as i64).ok()?;
        let mut bytes = [0; 8];
        for (index, byte) in bytes.iter_mut().enumerate().take(touch.size as usize) {
            *byte = info.value.get(at + index).copied().unwrap_or(0);
        }
        Some(u64::from_le_bytes(bytes))
    }

    /// Whether the address is aligned as far as the rules of this load demand it.
    fn aligned(&self, pointer: &Reg, touch: Touch) -> Checked {
        let strict = match pointer.kind {
            RegKind::Stack(_) => true,
            _ => self.input.has(flags::STRICT_ALIGNMENT),
        };
        if strict { self.aligned_strictly(pointer, touch) } else { Ok(()) }
    }

    /// Atomic instructions demand alignment on every machine, but in arenas, where a fault is caught.
    pub(super) fn aligned_atomic(&self, number: Number, off: i32, size: i32) -> Checked {
        let pointer = self.read(number)?;
        match pointer.kind {
            RegKind::Arena | RegKind::Scalar => Ok(()),
            _ => self.aligned_strictly(&pointer, Touch { number, off, size, purpose: Purpose::Read }),
        }
    }

    fn aligned_strictly(&self, pointer: &Reg, touch: Touch) -> Checked {
        if touch.size == 1 {
            return Ok(());
        }
        // Packets begin two bytes off where network headers are to be aligned.
        let shift = if pointer.is_packet() { 2 } else { 0 };
        let offset = i64::from(pointer.off) + i64::from(touch.off) + shift;
        let sum = pointer.value.bits.add(crate::value::Tnum::constant(offset as u64));
        if sum.is_aligned(touch.size as u64) {
            return Ok(());
        }
        self.fail_at(
            Code::Misaligned,
            touch.number,
            format!("an access of {} bytes that is not aligned", touch.size),
        )
    }
}
