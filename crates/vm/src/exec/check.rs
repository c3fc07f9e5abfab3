//! Why an access is refused, in words.
//!
//! One function decides for everything that is not decided in the inner loop, helpers' arguments included: provenance, life,
//! permission, bounds, in this order. Its messages say by how much an access misses its object.

use skep_maps::FieldKind;

use super::Run;
use crate::fault::{Access, Fault, FaultKind};
use crate::prov::{Kind, Perm, Prov, Reg};

impl Run<'_> {
    /// Whether `size` bytes at `reg + off` are inside a living object that allows the access; their address if so.
    pub(crate) fn check(
        &self,
        reg: &Reg,
        off: i64,
        size: u64,
        write: bool,
        who: &Who<'_>,
    ) -> Result<*mut u8, Fault> {
        let prov = &reg.prov;
        let addr = reg.val.wrapping_add(off as u64);
        let kind = match prov.kind {
            Kind::Uninit => {
                return Err(self.fault(FaultKind::UninitRegister, format!("{who} is uninitialised")));
            }
            Kind::Scalar if reg.val == 0 => {
                let message = format!("{} through {who}, which is null", verb(size, write));
                return Err(self.fault(FaultKind::NullPointer, message));
            }
            Kind::Scalar => {
                let message =
                    format!("{} through {who}, which is the number {:#x}", verb(size, write), reg.val);
                return Err(self.fault(FaultKind::NotAPointer, message));
            }
            kind => kind,
        };
        if !self.m_ref().alive(prov.life) {
            let message = format!(
                "{} through {who}, which points to {} {}",
                verb(size, write),
                self.object(prov),
                dead(kind)
            );
            return Err(self.fault(FaultKind::Dead, message));
        }
        let allowed = if write { prov.perm.writable() } else { prov.perm.readable() };
        let within = addr.wrapping_sub(prov.base) as i64;
        let access = Access { object: kind, offset: within, size, len: prov.len.into(), write };
        if !allowed {
            let message =
                format!("{} through {who}: {} does not allow it", verb(size, write), self.object(prov));
            return Err(self.fault_at(FaultKind::Permission, message, Some(access)));
        }
        let len = i64::from(prov.len);
        if within >= 0 && within <= len && size <= (len - within) as u64 {
            return Ok(addr as *mut u8);
        }
        let object = self.object(prov);
        let message = if within < 0 {
            format!("{who} points {} before the start of {object}", bytes(within.unsigned_abs()))
        } else if within > len {
            format!("{who} points {} past the end of {object}", bytes((within - len) as u64))
        } else {
            let beyond = size.saturating_sub((len - within) as u64);
            format!("{} through {who} ends {} past the end of {object}", verb(size, write), bytes(beyond))
        };
        Err(self.fault_at(FaultKind::OutOfBounds, message, Some(access)))
    }

    /// What a fault calls the object of a provenance.
    pub(crate) fn object(&self, prov: &Prov) -> String {
        let map = || self.map_at(prov.index).map_or("?", |m| m.name());
        let len = prov.len;
        match prov.kind {
            Kind::MapValue => format!("a {len}-byte value of map `{}`", map()),
            Kind::MapKey => format!("a {len}-byte key of map `{}`", map()),
            Kind::Map => format!("map `{}` itself", map()),
            Kind::Packet => format!("the {len}-byte packet"),
            Kind::PacketMeta => format!("the {len}-byte metadata of the packet"),
            Kind::PacketEnd => "the end of the packet, which is only for comparing".to_owned(),
            Kind::Stack => format!("stack frame {} ({len} bytes)", prov.index),
            Kind::Context => format!("the context ({})", self.context.name()),
            Kind::Memory | Kind::Socket | Kind::Btf => match self.m_ref().lives.resource(prov.life) {
                Some(resource) => format!("a {len}-byte {}", resource.what),
                None => format!("{len} bytes of {}", prov.kind.name()),
            },
            Kind::App => format!("{len} bytes of the application's"),
            other => other.name().to_owned(),
        }
    }

    /// Faults if the bytes overlap a field that only helpers may touch.
    pub(crate) fn check_fields(
        &self,
        reg: &Reg,
        addr: u64,
        size: u64,
        write: bool,
        who: &Who<'_>,
    ) -> Result<(), Fault> {
        if reg.prov.perm.0 & Perm::SPECIAL == 0 || reg.prov.kind != Kind::MapValue {
            return Ok(());
        }
        let Some(map) = self.map_at(reg.prov.index) else { return Ok(()) };
        let start = addr.wrapping_sub(reg.prov.base);
        let overlaps =
            |offset: u32, len: u32| start < u64::from(offset + len) && u64::from(offset) < start + size;
        match map.spec().fields.iter().find(|f| overlaps(f.offset, f.kind.size())) {
            Some(field) => {
                let message = format!(
                    "{} through {who} touches the {} at offset {} of {}",
                    verb(size, write),
                    field_name(field.kind),
                    field.offset,
                    self.object(&reg.prov)
                );
                Err(self.fault(FaultKind::SpecialField, message))
            }
            None => Ok(()),
        }
    }
}

/// Whose pointer it was, in messages.
pub(crate) enum Who<'a> {
    /// A register of the instruction.
    Reg(u8),
    /// An argument of a call.
    Argument(u8, &'a str),
    /// Understood from the rest.
    Pointer,
}

impl std::fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reg(n) => write!(f, "r{n}"),
            Self::Argument(n, call) => write!(f, "r{n} (argument {n} of {call})"),
            Self::Pointer => f.write_str("the pointer"),
        }
    }
}

fn verb(size: u64, write: bool) -> String {
    format!("{size}-byte {}", if write { "store" } else { "load" })
}

fn bytes(n: u64) -> String {
    if n == 1 { "1 byte".to_owned() } else { format!("{n} bytes") }
}

fn dead(kind: Kind) -> &'static str {
    match kind {
        Kind::Stack => "of a function that has returned",
        Kind::Packet | Kind::PacketMeta | Kind::PacketEnd => "as it was before a helper changed it",
        _ => "that was released",
    }
}

/// What a fault calls a special field.
pub(crate) fn field_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::SpinLock => "bpf_spin_lock",
        FieldKind::ResSpinLock => "bpf_res_spin_lock",
        FieldKind::Timer => "bpf_timer",
        FieldKind::Workqueue => "bpf_wq",
        FieldKind::TaskWork => "bpf_task_work",
        FieldKind::KptrUnref | FieldKind::KptrRef | FieldKind::KptrPercpu => "kptr",
        FieldKind::Uptr => "uptr",
        FieldKind::ListHead => "bpf_list_head",
        FieldKind::ListNode => "bpf_list_node",
        FieldKind::RbRoot => "bpf_rb_root",
        FieldKind::RbNode => "bpf_rb_node",
        FieldKind::Refcount => "bpf_refcount",
    }
}
