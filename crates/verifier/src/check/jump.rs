//! Conditional jumps: both outcomes are walked, each with what it tells.

use skep_isa::{Condition, Operand, Reg as Number, Width};

use super::alu::immediate;
use crate::Code;
use crate::explore::{Linked, Next, Walk};
use crate::program::flags;
use crate::record::FieldKind;
use crate::state::{Flags, Reg, RegKind, State};
use crate::value::Scalar;
use crate::verdict::Checked;
use skep_isa::AluOp;

/// Most bytes of packet that a comparison can prove.
const MAX_PACKET: u64 = 0xffff;
/// Managed fields that remember which map they lie in.
const BOUND_TO_MAP: u16 = FieldKind::Timer.bit() | FieldKind::Workqueue.bit() | FieldKind::TaskWork.bit();

impl Walk<'_> {
    pub(crate) fn jump_if(
        &mut self,
        width: Width,
        cond: Condition,
        dst: Number,
        src: Operand,
        next: usize,
        target: usize,
    ) -> Checked<Next> {
        let left = self.read(dst)?;
        let right = match src {
            Operand::Reg(number) => self.read(number)?,
            Operand::Imm(imm) => Reg::scalar(immediate(imm, Width::W64)),
        };
        let packets = is_packet_any(&left) && is_packet_any(&right);
        if let Operand::Reg(number) = src
            && !packets
        {
            self.comparable(number, &right)?;
        }
        if let Some(outcome) = decide(cond, width, &left, &right) {
            self.matters(dst)?;
            if let Operand::Reg(number) = src {
                self.matters(number)?;
            }
            self.facts.goes(self.at, outcome);
            let (to, other) = if outcome { (target, next) } else { (next, target) };
            self.mispredict(dst, src, other)?;
            return Ok(Next::At(to));
        }
        self.facts.goes(self.at, true);
        self.facts.goes(self.at, false);
        let linked = self.note_linked(&left, &right);
        let mut other = self.state.clone();
        if left.is_scalar() && right.is_scalar() {
            let possible = refine(&mut self.state, linked, cond, width, dst, src, false);
            let possible_other = refine(&mut other, linked, cond, width, dst, src, true);
            // An outcome without any number left is walked all the same, as Linux does.
            if !(possible && possible_other) && self.input.has(flags::TEST_REG_INVARIANTS) {
                return self.unsupported("contradicting ranges, which this load asks to be refused");
            }
        } else {
            self.pointers(width, cond, dst, src, &left, &right, &mut other)?;
        }
        self.push(other, target)?;
        Ok(Next::At(next))
    }

    fn comparable(&self, number: Number, value: &Reg) -> Checked {
        if value.is_pointer() && self.input.unprivileged {
            return self.fail_at(Code::PointerComparison, number, "a comparison with a pointer");
        }
        Ok(())
    }

    /// What a comparison that involves a pointer tells: `self.state` is where it is false, `other` where it is true.
    #[allow(clippy::too_many_arguments)] // One comparison with all its parts; a struct would only rename them.
    fn pointers(
        &mut self,
        width: Width,
        cond: Condition,
        dst: Number,
        src: Operand,
        left: &Reg,
        right: &Reg,
        other: &mut State,
    ) -> Checked {
        let equality = matches!(cond, Condition::Eq | Condition::Ne);
        let whole = width == Width::W64;
        if let (true, true, Operand::Reg(_)) = (whole, equality, src)
            && left.is_pointer()
            && right.is_pointer()
            && left.is_nullable() != right.is_nullable()
            && !matches!(left.kind, RegKind::Btf(_))
            && !matches!(right.kind, RegKind::Btf(_))
        {
            let equal = if cond == Condition::Eq { &mut *other } else { &mut self.state };
            let id = if left.is_nullable() { left.id } else { right.id };
            self_settle_null(equal, id, false, self.maps);
        }
        let null = matches!(src, Operand::Imm(0)) && whole && equality && left.is_nullable();
        if null {
            let when_equal = cond == Condition::Eq;
            self_settle_null(&mut self.state, left.id, !when_equal, self.maps);
            self_settle_null(other, left.id, when_equal, self.maps);
            return Ok(());
        }
        if whole
            && matches!(src, Operand::Reg(_))
            && compare_packets(cond, left, right, &mut self.state, other, dst, src)
        {
            return Ok(());
        }
        self.comparable(dst, left)
    }

    /// Finds which numbers are refined together, and cuts the tie of those that are too many.
    fn note_linked(&mut self, left: &Reg, right: &Reg) -> Linked {
        let mut linked = Linked::default();
        for id in [right, left].into_iter().filter(|reg| reg.is_scalar() && reg.id != 0).map(|reg| reg.id) {
            let tied = |reg: &Reg| reg.is_scalar() && reg.id == id;
            let mut surplus = false;
            // The running frame's first: they are the likeliest to be used.
            for (depth, frame) in self.state.frames.iter().enumerate().rev() {
                for (index, _) in frame.regs()[..10].iter().enumerate().filter(|(_, reg)| tied(reg)) {
                    surplus |= !linked.add(depth, true, index);
                }
                for (index, slot) in frame.stack.slots().enumerate() {
                    if slot.is_spill() && tied(&slot.spilled) {
                        surplus |= !linked.add(depth, false, index);
                    }
                }
            }
            if surplus {
                self.cut_ties(id, linked);
            }
        }
        if linked.len() > 1 {
            self.note_ties(linked);
        }
        linked
    }

    /// Numbers of a name that are not among those linked lose it.
    fn cut_ties(&mut self, id: u32, linked: Linked) {
        for (depth, frame) in self.state.frames.iter_mut().enumerate() {
            let kept = |register, index| linked.iter().any(|entry| entry == (depth, register, index));
            for index in 0..10 {
                if frame.regs()[index].is_scalar() && frame.regs()[index].id == id && !kept(true, index) {
                    super::alu::unname(&mut frame.regs_mut()[index]);
                }
            }
            for index in 0..frame.stack.len() {
                let slot = frame.stack.peek(index);
                if slot.is_scalar_spill() && slot.spilled.id == id && !kept(false, index) {
                    super::alu::unname(&mut frame.stack.slot_mut(index).spilled);
                }
            }
        }
    }

    /// `may_goto`: the loop goes on for some while, and then it does not.
    pub(crate) fn may_goto(&mut self, next: usize, target: usize) -> Checked<Next> {
        let mut other = self.state.clone();
        other.may_goto_depth += 1;
        let before = self.parent.map(|parent| self.nodes[parent].rank);
        self.widen(self.at, before, &mut other);
        self.push(other, next)?;
        Ok(Next::At(target))
    }
}

fn is_packet_any(reg: &Reg) -> bool {
    matches!(reg.kind, RegKind::Packet | RegKind::PacketMeta | RegKind::PacketEnd)
}

/// Whether the outcome is certain.
fn decide(cond: Condition, width: Width, left: &Reg, right: &Reg) -> Option<bool> {
    if left.is_scalar() && right.is_scalar() {
        return left.value.decide(cond, width, &right.value);
    }
    if width == Width::W64 && is_packet_any(left) && is_packet_any(right) {
        return decide_packet(cond, left, right);
    }
    let (pointer, number) = if left.is_pointer() { (left, right) } else { (right, left) };
    let zero = match width {
        Width::W64 => number.as_constant() == Some(0),
        Width::W32 => number.is_scalar() && number.value.low_constant() == Some(0),
    };
    let certain = !pointer.is_nullable()
        && match pointer.kind {
            RegKind::Socket
            | RegKind::TcpSock
            | RegKind::SockCommon
            | RegKind::MapValue(_)
            | RegKind::MapKey(_)
            | RegKind::Map(_)
            | RegKind::Mem(_)
            | RegKind::Lent(_) => !pointer.flags.has(Flags::UNTRUSTED),
            RegKind::Allocated(_) => {
                let sure = Flags::OWNED.with(Flags::NON_OWNING);
                pointer.reference != 0
                    || (pointer.flags.has(Flags::OWNED) && pointer.flags.without(sure) == Flags::NONE)
            }
            RegKind::Btf(_) => pointer.reference != 0 || pointer.flags.has(Flags::TRUSTED),
            _ => false,
        };
    match cond {
        Condition::Eq if zero && certain => Some(false),
        Condition::Ne if zero && certain => Some(true),
        _ => None,
    }
}

/// The condition with its sides exchanged.
fn mirrored(cond: Condition) -> Condition {
    use Condition::*;
    match cond {
        Gt => Lt,
        Lt => Gt,
        Ge => Le,
        Le => Ge,
        Sgt => Slt,
        Slt => Sgt,
        Sge => Sle,
        Sle => Sge,
        same => same,
    }
}

/// A pointer that was found at or beyond the packet's end stays there.
fn decide_packet(cond: Condition, left: &Reg, right: &Reg) -> Option<bool> {
    let (packet, cond) = match (left.kind, right.kind) {
        (RegKind::Packet, RegKind::PacketEnd) => (left, cond),
        (RegKind::PacketEnd, RegKind::Packet) => (right, mirrored(cond)),
        _ => return None,
    };
    match (cond, packet.range) {
        (Condition::Gt, Reg::BEYOND_END) => Some(true),
        (Condition::Le, Reg::BEYOND_END) => Some(false),
        (Condition::Ge, Reg::BEYOND_END | Reg::AT_END) => Some(true),
        (Condition::Lt, Reg::BEYOND_END | Reg::AT_END) => Some(false),
        _ => None,
    }
}

/// Learns from a comparison of numbers that came out as `outcome`. False when it cannot have.
fn refine(
    state: &mut State,
    linked: Linked,
    cond: Condition,
    width: Width,
    dst: Number,
    src: Operand,
    outcome: bool,
) -> bool {
    let mut left = *state.reg(dst);
    let mut right = match src {
        Operand::Reg(number) => *state.reg(number),
        Operand::Imm(imm) => Reg::scalar(immediate(imm, Width::W64)),
    };
    // Compared with itself, a number tells nothing.
    if src == Operand::Reg(dst) {
        return true;
    }
    let possible = left.value.refine(cond, width, &mut right.value, outcome);
    *state.reg_mut(dst) = left;
    if let Operand::Reg(number) = src {
        *state.reg_mut(number) = right;
        spread(state, linked, &right);
    }
    spread(state, linked, &left);
    possible
}

/// What is known of a number is known of all that bear its name.
fn spread(state: &mut State, linked: Linked, known: &Reg) {
    if known.id == 0 {
        return;
    }
    super::host::learn(state, known);
    if linked.len() < 2 {
        return;
    }
    for (depth, register, index) in linked.iter() {
        let frame = &mut state.frames[depth];
        let reg = if register { &frame.regs()[index] } else { &frame.stack.peek(index).spilled };
        if !reg.is_scalar() || reg.id != known.id {
            continue;
        }
        let value = known_of(reg, known);
        if value != reg.value {
            let reg = if register {
                &mut frame.regs_mut()[index]
            } else {
                &mut frame.stack.slot_mut(index).spilled
            };
            reg.value = value;
        }
    }
}

/// What a number that is tied to a known one is.
fn known_of(reg: &Reg, known: &Reg) -> Scalar {
    let distance = |reg: &Reg| if reg.linked { i64::from(reg.off) } else { 0 };
    match distance(reg) - distance(known) {
        0 => known.value,
        apart => known.value.alu(AluOp::Add, Width::W64, Scalar::constant(apart as u64)),
    }
}

/// Settles that what bears `id` is NULL, or is not.
fn self_settle_null(state: &mut State, id: u32, null: bool, maps: &[crate::record::Map<'_>]) {
    let mut gone = None;
    let concerned = |reg: &Reg| reg.is_pointer() && reg.is_nullable() && reg.id == id;
    state.each_reg_if(concerned, |reg| {
        if null {
            if reg.reference == id {
                gone = Some(id);
            }
            *reg = Reg::constant(0);
            return;
        }
        reg.flags = reg.flags.without(Flags::NULLABLE);
        if let RegKind::MapValue(map) = reg.kind {
            reg.kind = looked_up(map, maps);
            if let RegKind::Map(template) = reg.kind {
                // What lies in one inner map must not be taken for what lies in another of the same shape.
                let bound = maps[template.0 as usize].record.has(BOUND_TO_MAP);
                reg.range = if bound { reg.id as i32 } else { 0 };
            }
        }
        let keeps_name = matches!(reg.kind, RegKind::MapValue(map) if maps[map.0 as usize].record.has_lock())
            || matches!(reg.kind, RegKind::Allocated(_));
        if !keeps_name {
            reg.id = 0;
        }
    });
    if let Some(id) = gone {
        state.held.retain(|held| held.id != id);
    }
}

/// What a look-up in a map finds.
fn looked_up(map: crate::state::MapId, maps: &[crate::record::Map<'_>]) -> RegKind {
    use skep_platform::MapType;
    if let Some(template) = maps[map.0 as usize].template {
        return RegKind::Map(template);
    }
    match maps[map.0 as usize].map_type {
        MapType::Xskmap => RegKind::XdpSock,
        MapType::Sockmap | MapType::Sockhash => RegKind::Socket,
        _ => RegKind::MapValue(map),
    }
}

/// A comparison of a packet pointer with the end of what it points into. False when it is none.
fn compare_packets(
    cond: Condition,
    left: &Reg,
    right: &Reg,
    when_false: &mut State,
    when_true: &mut State,
    dst: Number,
    src: Operand,
) -> bool {
    let Operand::Reg(src) = src else { return false };
    let start = |reg: &Reg| {
        reg.kind == RegKind::Packet && reg.off == 0 && reg.value.as_constant() == Some(0) && reg.id == 0
    };
    let ends = |reg: &Reg, end: &Reg| match reg.kind {
        RegKind::Packet => end.kind == RegKind::PacketEnd,
        RegKind::PacketMeta => start(end),
        _ => false,
    };
    let (pointer, number, cond) = if ends(left, right) {
        (left, dst, cond)
    } else if ends(right, left) {
        (right, src, mirrored(cond))
    } else {
        return false;
    };
    // Now it reads `pointer cond end`. Inside is where the pointer is at most (or below) the end.
    let (inside, outside, strictly) = match cond {
        Condition::Gt => (when_false, when_true, false),
        Condition::Lt => (when_true, when_false, true),
        Condition::Ge => (when_false, when_true, true),
        Condition::Le => (when_true, when_false, false),
        _ => return false,
    };
    prove_range(inside, pointer, strictly);
    if pointer.kind == RegKind::Packet {
        outside.reg_mut(number).range = if strictly { Reg::AT_END } else { Reg::BEYOND_END };
    }
    true
}

/// The packet has at least as many bytes behind the pointer's variable part as its constant part says (one more if `strictly` below the end).
fn prove_range(state: &mut State, pointer: &Reg, strictly: bool) {
    if pointer.off < 0 || (pointer.off == 0 && strictly) {
        return;
    }
    let most = pointer.value.u64.max;
    if most > MAX_PACKET || most + pointer.off as u64 > MAX_PACKET {
        return;
    }
    let range = pointer.off + i32::from(strictly);
    state.each_reg_if(
        |reg| reg.kind == pointer.kind && reg.id == pointer.id,
        |reg| reg.range = reg.range.max(range),
    );
}
