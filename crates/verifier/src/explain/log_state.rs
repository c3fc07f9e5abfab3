//! Registers and slots in the words of the kernel's log: `R2=pkt(id=1,r=8,smin=0,…)`, `fp-8=0000????`.

use std::fmt::Write;

use crate::explore::Walk;
use crate::state::{ByteKind, Flags, FrameKind, MapId, Reg, RegKind, Slot, State};
use crate::value::{Scalar, Tnum};

/// Beyond this, numbers are in hexadecimal.
const DECIMAL: u64 = u16::MAX as u64;

/// Columns of the log and fields of values, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields(pub u16);

impl Fields {
    /// Source lines.
    pub const SOURCE: Fields = Fields(1);
    /// Instructions.
    pub const INSN: Fields = Fields(2);
    /// Registers.
    pub const REGS: Fields = Fields(4);
    /// Stack slots.
    pub const STACK: Fields = Fields(8);
    /// Names of values and references.
    pub const IDS: Fields = Fields(16);
    /// Least and greatest values.
    pub const RANGES: Fields = Fields(32);
    /// Known bits.
    pub const BITS: Fields = Fields(64);
    /// References held.
    pub const REFS: Fields = Fields(128);
    /// All of them.
    pub const ALL: Fields = Fields(255);

    /// Whether all of `other` are in it.
    pub const fn has(self, other: Fields) -> bool {
        self.0 & other.0 == other.0
    }

    /// With those of `other`.
    #[must_use]
    pub const fn with(self, other: Fields) -> Fields {
        Fields(self.0 | other.0)
    }
}

/// Prints states.
pub(super) struct Printer<'w, 'a> {
    pub(super) walk: &'w Walk<'a>,
    pub(super) fields: Fields,
}

impl Printer<'_, '_> {
    /// The running frame and what is held.
    pub(super) fn all(&self, state: &State) -> String {
        self.frame(state, state.depth())
    }

    /// Everything in a frame.
    pub(super) fn frame(&self, state: &State, depth: usize) -> String {
        let slots: Vec<usize> = (0..state.frames[depth].stack.len()).collect();
        self.some(state, depth, u16::MAX, &slots)
    }

    /// Some registers and slots of the running frame; nothing where there is nothing to show.
    pub(super) fn touched(&self, state: &State, registers: u16, slots: &[(usize, usize)]) -> String {
        let depth = state.depth();
        let own: Vec<usize> =
            slots.iter().filter(|(frame, _)| *frame == depth).map(|&(_, slot)| slot).collect();
        self.some(state, depth, registers, &own)
    }

    fn some(&self, state: &State, depth: usize, registers: u16, slots: &[usize]) -> String {
        let frame = &state.frames[depth];
        let mut text = String::new();
        if self.fields.has(Fields::REGS) {
            for number in super::log::numbers().filter(|number| registers & (1 << number.index()) != 0) {
                let reg = frame.reg(number);
                if reg.kind != RegKind::Uninit {
                    let _ = write!(text, " R{}={}", number.number(), self.reg(reg, depth));
                }
            }
        }
        if self.fields.has(Fields::STACK) {
            for &index in slots {
                let slot = frame.stack.slot(index);
                if slot != Slot::EMPTY && slot.bytes.iter().any(|&byte| byte != ByteKind::Invalid) {
                    let _ = write!(text, " fp-{}={}", 8 * (index + 1), self.slot(&slot, depth));
                }
            }
        }
        if self.fields.has(Fields::REFS) && !state.held.is_empty() && !text.is_empty() {
            let ids: Vec<String> = state.held.iter().map(|held| held.id.to_string()).collect();
            let _ = write!(text, " refs={}", ids.join(","));
        }
        if matches!(frame.kind, FrameKind::Callback { .. }) && !text.is_empty() {
            text.push_str(" cb");
        }
        if depth > 0 && !text.is_empty() { format!(" frame{depth}:{text}") } else { text }
    }

    fn slot(&self, slot: &Slot, depth: usize) -> String {
        let letter = |byte: &ByteKind| match byte {
            ByteKind::Invalid => '?',
            ByteKind::Spill => 'r',
            ByteKind::Misc => 'm',
            ByteKind::Zero => '0',
            ByteKind::Dynptr => 'd',
            ByteKind::Iterator => 'i',
            ByteKind::IrqFlag => 'f',
        };
        if slot.is_spill() {
            let above: String =
                slot.bytes.iter().rev().filter(|&&byte| byte != ByteKind::Spill).map(letter).collect();
            return format!("{above}{}", self.reg(&slot.spilled, depth));
        }
        slot.bytes.iter().rev().map(letter).collect()
    }

    fn map(&self, id: MapId) -> Vec<String> {
        let Some(map) = self.walk.maps.get(id.0 as usize) else { return Vec::new() };
        let mut parts = Vec::new();
        if !map.name.is_empty() {
            parts.push(format!("map={}", map.name));
        }
        parts.push(format!("ks={}", map.key_size));
        parts.push(format!("vs={}", map.value_size));
        parts
    }

    fn reg(&self, reg: &Reg, depth: usize) -> String {
        if let Some(value) = reg.as_constant() {
            return number(value as i64);
        }
        let stack = matches!(reg.kind, RegKind::Stack(_));
        if stack && reg.value.as_constant().is_some() {
            let off = i64::from(reg.off) + reg.value.as_constant().unwrap_or(0) as i64;
            let frame = match reg.kind {
                RegKind::Stack(frame) if usize::from(frame) != depth => format!("[{frame}]"),
                _ => String::new(),
            };
            return format!("fp{frame}{}", number(off));
        }
        let mut parts: Vec<String> = Vec::new();
        if self.fields.has(Fields::IDS) {
            if reg.id != 0 {
                let apart =
                    if reg.linked && reg.is_scalar() { format!("{:+}", reg.off) } else { String::new() };
                parts.push(format!("id={}{apart}", reg.id));
            }
            if reg.reference != 0 {
                parts.push(format!("ref_obj_id={}", reg.reference));
            }
        }
        if reg.is_pointer() {
            self.pointer_parts(reg, &mut parts);
        }
        let varies = reg.value.as_constant().is_none();
        if reg.is_scalar() || varies {
            self.ranges(&reg.value, &mut parts);
        }
        format!("{}({})", self.name(reg), parts.join(","))
    }

    fn pointer_parts(&self, reg: &Reg, parts: &mut Vec<String>) {
        if let RegKind::Map(map) | RegKind::MapValue(map) | RegKind::MapKey(map) = reg.kind {
            parts.extend(self.map(map));
        }
        let off = i64::from(reg.off) + reg.value.as_constant().unwrap_or(0) as i64;
        if off != 0 {
            parts.push(format!("off={off}"));
        }
        if reg.is_packet() {
            let range = if reg.range < 0 { number(i64::from(reg.range)) } else { reg.range.to_string() };
            let range = if reg.range < 0 { format!("{:#x}", i64::from(reg.range)) } else { range };
            parts.push(format!("r={range}"));
        }
        if let RegKind::Mem(size) = reg.kind {
            parts.push(format!("sz={size}"));
        }
    }

    /// Bounds that say something, those that are equal joined: `smin=smin32=0`.
    fn ranges(&self, value: &Scalar, parts: &mut Vec<String>) {
        if self.fields.has(Fields::RANGES) {
            let bounds: [(&str, String, bool); 8] = [
                ("smin", number(value.s64.min), value.s64.min == i64::MIN),
                ("smax", number(value.s64.max), value.s64.max == i64::MAX),
                ("umin", unsigned(value.u64.min), value.u64.min == 0),
                ("umax", unsigned(value.u64.max), value.u64.max == u64::MAX),
                ("smin32", number(value.s32.min.into()), value.s32.min == i32::MIN),
                ("smax32", number(value.s32.max.into()), value.s32.max == i32::MAX),
                ("umin32", unsigned(value.u32.min.into()), value.u32.min == 0),
                ("umax32", unsigned(value.u32.max.into()), value.u32.max == u32::MAX),
            ];
            let mut done = [false; 8];
            for first in 0..bounds.len() {
                if done[first] || bounds[first].2 {
                    continue;
                }
                let mut text = bounds[first].0.to_owned();
                for other in first + 1..bounds.len() {
                    if !bounds[other].2 && !done[other] && bounds[other].1 == bounds[first].1 {
                        done[other] = true;
                        let _ = write!(text, "={}", bounds[other].0);
                    }
                }
                parts.push(format!("{text}={}", bounds[first].1));
            }
        }
        if self.fields.has(Fields::BITS) && value.bits != Tnum::UNKNOWN {
            parts.push(format!("var_off=({:#x}; {:#x})", value.bits.value(), value.bits.mask()));
        }
    }

    fn name(&self, reg: &Reg) -> String {
        let mut name = match reg.kind {
            RegKind::Scalar => "scalar".to_owned(),
            RegKind::Ctx => "ctx".to_owned(),
            RegKind::Map(_) => "map_ptr".to_owned(),
            RegKind::MapValue(_) => "map_value".to_owned(),
            RegKind::MapKey(_) => "map_key".to_owned(),
            RegKind::Stack(_) => "fp".to_owned(),
            RegKind::Packet => "pkt".to_owned(),
            RegKind::PacketMeta => "pkt_meta".to_owned(),
            RegKind::PacketEnd => "pkt_end".to_owned(),
            RegKind::FlowKeys => "flow_keys".to_owned(),
            RegKind::SockCommon => "sock_common".to_owned(),
            RegKind::Socket => "sock".to_owned(),
            RegKind::TcpSock => "tcp_sock".to_owned(),
            RegKind::XdpSock => "xdp_sock".to_owned(),
            RegKind::Mem(_) if reg.flags.has(Flags::RINGBUF) => "ringbuf_mem".to_owned(),
            RegKind::Mem(_) => "mem".to_owned(),
            RegKind::Func(_) => "func".to_owned(),
            RegKind::Btf(id) => format!("ptr_{}", btf_name(self.walk.input.kernel_btf.as_deref(), id)),
            RegKind::Allocated(id) => format!("ptr_{}", btf_name(self.walk.input.btf.as_deref(), id)),
            RegKind::Arena => "arena".to_owned(),
            RegKind::Buffer(_) => "buf".to_owned(),
            _ => "ptr".to_owned(),
        };
        let before = [
            (Flags::RDONLY, "rdonly_"),
            (Flags::USER, "user_"),
            (Flags::PERCPU, "percpu_"),
            (Flags::UNTRUSTED, "untrusted_"),
            (Flags::TRUSTED, "trusted_"),
            (Flags::RCU, "rcu_"),
        ];
        for (flag, word) in before {
            if reg.flags.has(flag) {
                name.insert_str(0, word);
            }
        }
        if reg.is_nullable() {
            name.push_str("_or_null");
        }
        name
    }
}

fn btf_name(btf: Option<&skep_btf::Btf>, id: skep_btf::TypeId) -> &str {
    btf.map_or("", |btf| btf.name_of(id))
}

/// A signed number as the kernel prints it.
fn number(value: i64) -> String {
    if value.unsigned_abs() <= DECIMAL { value.to_string() } else { format!("{value:#x}") }
}

fn unsigned(value: u64) -> String {
    if value <= DECIMAL { value.to_string() } else { format!("{value:#x}") }
}
