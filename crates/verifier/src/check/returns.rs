//! What a helper leaves in r0.

use skep_isa::Reg as Number;
use skep_platform::helper::{Helper, Ret, RetFlags, RetKind};
use skep_platform::{MapFlags, MapType};

use super::arguments::Given;
use crate::explore::Walk;
use crate::state::{Flags, Held, Reg, RegKind};
use crate::value::Scalar;
use crate::verdict::Checked;

/// The most negative error number.
const MAX_ERRNO: i64 = 4095;
/// The most CPUs a kernel is built for.
const MAX_CPUS: u64 = 8192;

impl Walk<'_> {
    pub(crate) fn result(
        &mut self,
        helper: &Helper,
        given: &Given,
        before: &[Reg; Number::COUNT],
    ) -> Checked<Reg> {
        let kind = match helper.ret.kind {
            RetKind::Integer => return Ok(Reg::scalar(returned_range(helper, given))),
            RetKind::Void => return Ok(Reg::UNINIT),
            RetKind::MapValue => match given.map {
                Some(map) => RegKind::MapValue(map),
                None => return self.unsupported("a value without its map"),
            },
            RetKind::Socket => RegKind::Socket,
            RetKind::TcpSock => RegKind::TcpSock,
            RetKind::SockCommon => RegKind::SockCommon,
            RetKind::Mem => match given.alloc {
                Some(size) => RegKind::Mem(u32::try_from(size).unwrap_or(u32::MAX)),
                None => return self.unsupported(format!("the result of {}", helper.name)),
            },
            RetKind::Btf(name) => RegKind::Btf(self.known_struct(name)?),
            RetKind::MemOrBtf => match before[Number::R1.index()].kind {
                RegKind::Btf(id) => self.per_cpu_object(id)?,
                RegKind::Allocated(id) => {
                    let flags = Flags::OWNED.with(Flags::RCU);
                    return Ok(Reg::pointer(RegKind::Allocated(id)).with(flags));
                }
                _ => return self.unsupported(format!("the result of {}", helper.name)),
            },
            RetKind::BtfOfField => {
                return match given.kptr {
                    Some(kptr) => self.kptr_taken(kptr),
                    None => self.unsupported("a kernel pointer from nowhere"),
                };
            }
        };
        let mut reg = Reg::pointer(kind).with(flags(helper.ret));
        if matches!(kind, RegKind::Btf(_)) {
            // Kernel objects are read-only as they are.
            reg.flags = reg.flags.without(Flags::RDONLY);
        }
        if helper.name == "map_lookup_elem"
            && let (Some(map), Some(key)) = (given.map, given.key)
            && key < u64::from(self.map(map).max_entries)
            && !self.map(map).flags.contains(MapFlags::INNER_MAP)
        {
            // An array has a value under every index below its size.
            reg.flags = reg.flags.without(Flags::NULLABLE);
        }
        let locked = given.map.is_some_and(|map| self.map(map).record.has_lock());
        if reg.is_nullable() || (locked && helper.ret.kind == RetKind::MapValue) {
            reg.id = self.fresh_id();
        }
        if !reg.is_nullable()
            && helper.ret.kind == RetKind::MapValue
            && let Some(&template) = given.map.and_then(|map| self.map(map).template.as_ref())
        {
            reg.kind = RegKind::Map(template);
        }
        if let RegKind::MapValue(_) = reg.kind {
            reg.range = given.lookup;
        }
        if helper.ret.has(RetFlags::DYNPTR)
            && let Some(dynptr) = given.dynptr
        {
            (reg.dynptr, reg.reference) = (dynptr.id, dynptr.reference);
        } else if is_cast(helper) {
            reg.reference = given.reference;
        } else if helper.ret.has(RetFlags::ACQUIRE) || self.finds_sockets(helper, given) {
            if reg.id == 0 {
                reg.id = self.fresh_id();
            }
            reg.reference = reg.id;
            self.state.held.push(Held::reference(reg.id, self.at));
        }
        Ok(reg)
    }

    /// Looking up a socket in a map takes a reference to it.
    fn finds_sockets(&self, helper: &Helper, given: &Given) -> bool {
        let sockets = |map| matches!(self.map(map).map_type, MapType::Sockmap | MapType::Sockhash);
        helper.name == "map_lookup_elem" && given.map.is_some_and(sockets)
    }
}

/// Helpers that give another view of the socket they are given.
fn is_cast(helper: &Helper) -> bool {
    matches!(helper.name, "sk_fullsock" | "tcp_sock") || helper.name.starts_with("skc_to_")
}

fn flags(ret: Ret) -> Flags {
    let pairs = [
        (RetFlags::OR_NULL, Flags::NULLABLE),
        (RetFlags::RINGBUF, Flags::RINGBUF),
        (RetFlags::TRUSTED, Flags::TRUSTED),
        (RetFlags::RDONLY, Flags::RDONLY),
    ];
    pairs.into_iter().filter(|(from, _)| ret.has(*from)).fold(Flags::NONE, |all, (_, flag)| all.with(flag))
}

/// What is known of a number that a helper returns.
fn returned_range(helper: &Helper, given: &Given) -> Scalar {
    match helper.name {
        "get_stack"
        | "get_task_stack"
        | "probe_read_str"
        | "probe_read_kernel_str"
        | "probe_read_user_str" => {
            let max = given.max_size.map_or(i64::MAX, |max| max as i64);
            let mut value = Scalar::UNKNOWN;
            value.s64.narrow(-MAX_ERRNO, max);
            value.s32.narrow(-MAX_ERRNO as i32, i32::try_from(max).unwrap_or(i32::MAX));
            value.settle();
            value
        }
        "get_smp_processor_id" => Scalar::between(0, MAX_CPUS - 1),
        _ => Scalar::UNKNOWN,
    }
}
