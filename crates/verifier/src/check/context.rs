//! The context, and the objects that are seen through tables of fields.

use skep_platform::context::{self, FieldKind, View};
use skep_platform::program::ContextShape;
use skep_platform::{AttachType, ProgramType};

use super::memory::{Purpose, Touch};
use super::stack::Stored;
use super::typed::buffer;
use crate::Code;
use crate::explore::Walk;
use crate::state::{Flags, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    fn view(&self) -> View {
        let program = self.input.program_type;
        let attach = self.input.attach_type.or_else(|| {
            // A load that names no attach type names number 0.
            let first = AttachType::ALL.first().copied();
            first.filter(|_| !program.attach_types().is_empty() && program != ProgramType::Xdp)
        });
        View::Context(program, attach.or(self.input.attach_type))
    }

    /// The pointer is the context itself, unmoved.
    pub(crate) fn unmoved(&self, pointer: &Reg, touch: Touch) -> Checked {
        if pointer.off != 0 || pointer.value.as_constant() != Some(0) {
            return self.fail_at(Code::CtxAccess, touch.number, "an access through a moved context pointer");
        }
        Ok(())
    }

    pub(crate) fn context_load(&mut self, pointer: &Reg, touch: Touch) -> Checked<Reg> {
        self.unmoved(pointer, touch)?;
        if let Some(host) = self.input.host.as_deref() {
            return self.host_load(host, touch);
        }
        match self.input.program_type.context_shape() {
            ContextShape::Table => {}
            ContextShape::Raw => return self.raw_context(touch).map(|()| self.raw_value(touch)),
            ContextShape::BtfArgs => return self.argument_load(touch),
            ContextShape::BtfStruct => {}
        }
        let field = u32::try_from(touch.off)
            .ok()
            .and_then(|off| self.view().access(self.input.release, off, touch.size as u32, false));
        let Some(field) = field.filter(|field| self.may_access(field.guarded, false)) else {
            return self.refuse(touch);
        };
        if let Some(reg) = self.field_value(field.kind) {
            return reg;
        }
        Ok(Reg::UNKNOWN)
    }

    fn refuse<T>(&self, touch: Touch) -> Checked<T> {
        let what = if touch.purpose == Purpose::Write { "written" } else { "read" };
        let layout = context::layout(self.input.program_type).map_or("context", |layout| layout.name);
        let message =
            format!("{} bytes at {} of {layout} cannot be {what} by this program", touch.size, touch.off);
        self.fail_at(Code::CtxAccess, touch.number, message)
    }

    /// What a field holds, if it is no number.
    fn field_value(&mut self, kind: FieldKind) -> Option<Checked<Reg>> {
        Some(Ok(match kind {
            FieldKind::Scalar => return None,
            FieldKind::Packet => Reg::pointer(RegKind::Packet),
            FieldKind::PacketEnd => Reg::pointer(RegKind::PacketEnd),
            FieldKind::PacketMeta => Reg::pointer(RegKind::PacketMeta),
            FieldKind::FlowKeys => Reg::pointer(RegKind::FlowKeys),
            FieldKind::Socket => Reg::pointer(RegKind::Socket),
            FieldKind::SocketOrNull => self.nullable(RegKind::Socket),
            FieldKind::SockCommonOrNull => self.nullable(RegKind::SockCommon),
            FieldKind::Kernel(name) => match self.known_struct(name) {
                Ok(id) => self.object(id, Flags::TRUSTED),
                Err(stop) => return Some(Err(stop)),
            },
        }))
    }

    /// A new pointer that may be NULL.
    pub(crate) fn nullable(&mut self, kind: RegKind) -> Reg {
        let mut reg = Reg::pointer(kind).with(Flags::NULLABLE);
        reg.id = self.fresh_id();
        reg
    }

    pub(crate) fn context_store(&mut self, pointer: &Reg, touch: Touch, _stored: Stored) -> Checked {
        self.unmoved(pointer, touch)?;
        if let Some(host) = self.input.host.as_deref() {
            return self.host_store(host, touch);
        }
        match self.input.program_type.context_shape() {
            ContextShape::Table => {}
            ContextShape::Raw if self.input.program_type == ProgramType::Syscall => {
                return self.raw_context(touch);
            }
            ContextShape::Raw => return self.refuse(touch),
            ContextShape::BtfArgs => {
                return self.fail_at(Code::CtxAccess, touch.number, "arguments may only be read");
            }
            ContextShape::BtfStruct => {}
        }
        let allowed = u32::try_from(touch.off)
            .ok()
            .and_then(|off| self.view().access(self.input.release, off, touch.size as u32, true));
        match allowed.filter(|field| self.may_access(field.guarded, true)) {
            Some(_) => Ok(()),
            None => self.refuse(touch),
        }
    }

    /// Whether the loader's capabilities are enough for a field.
    fn may_access(&self, guarded: context::Guard, store: bool) -> bool {
        !(self.input.unprivileged && guarded.holds(store))
    }

    /// Contexts that are plain memory.
    fn raw_context(&mut self, touch: Touch) -> Checked {
        // What a tracepoint's record and a system call's argument may hold at most.
        const RECORD_MAX: u32 = 8192;
        const SYSCALL_MAX: u32 = 0xffff;
        let program = self.input.program_type;
        let limit = match program {
            ProgramType::Syscall => SYSCALL_MAX,
            ProgramType::LircMode2 => 4,
            _ => context::raw_size(program).unwrap_or(RECORD_MAX),
        };
        let end = i64::from(touch.off) + i64::from(touch.size);
        let record = program == ProgramType::RawTracepointWritable && touch.off == 0;
        if record && touch.size != 8 {
            return self.refuse(touch);
        }
        let aligned = touch.off % touch.size == 0;
        // A record begins with what is the kernel's own.
        let first = if program == ProgramType::Tracepoint { 8 } else { 0 };
        if touch.off < first || end > i64::from(limit) || !aligned {
            return self.refuse(touch);
        }
        if program == ProgramType::LircMode2 && touch.size != 4 {
            return self.refuse(touch);
        }
        Ok(())
    }

    /// What a load from plain memory gives: a tracepoint that takes writes has its record first.
    fn raw_value(&self, touch: Touch) -> Reg {
        let record = self.input.program_type == ProgramType::RawTracepointWritable && touch.off == 0;
        if record { Reg::pointer(RegKind::Buffer(buffer::RECORD)) } else { Reg::UNKNOWN }
    }

    /// A struct of plain fields, at a constant offset.
    pub(crate) fn table_access(&mut self, view: View, pointer: &Reg, touch: Touch) -> Checked {
        let base =
            pointer.value.as_constant().map(|var| i64::from(pointer.off) + i64::from(touch.off) + var as i64);
        let size = view.layout().map_or(0, |layout| i64::from(layout.size));
        match base {
            Some(base) if base >= 0 && base + i64::from(touch.size) <= size => Ok(()),
            _ => self.fail_at(Code::MemoryBounds, touch.number, "an access outside of the flow keys"),
        }
    }

    /// A socket's fields; what a field holds, if it is a pointer.
    pub(crate) fn socket_access(&mut self, view: View, pointer: &Reg, touch: Touch) -> Checked<Option<Reg>> {
        let base =
            pointer.value.as_constant().map(|var| i64::from(pointer.off) + i64::from(touch.off) + var as i64);
        if touch.purpose == Purpose::Write {
            return self.fail_at(Code::ReadOnly, touch.number, "sockets are read-only");
        }
        let field = base
            .and_then(|off| u32::try_from(off).ok())
            .and_then(|off| view.access(self.input.release, off, touch.size as u32, false));
        let Some(field) = field else {
            let message = format!("{} bytes at {} of {} cannot be read", touch.size, touch.off, pointer.kind);
            return self.fail_at(Code::MemoryBounds, touch.number, message);
        };
        self.field_value(field.kind).transpose()
    }
}
