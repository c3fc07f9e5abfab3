//! Dynptrs over a packet: a view of wherever the packet is now.

use super::super::objects::Dynptr;
use crate::exec::Run;
use crate::prov::{Kind, Perm, Reg};

impl Run<'_> {
    /// A pointer to the packet's first byte, as the context would give it.
    pub(crate) fn packet_reg(&mut self) -> Option<Reg> {
        let packet = self.context.packet()?;
        let life = self.m_ref().lives.packet();
        let perm = if packet.writable { Perm::READ_WRITE } else { Perm::READ };
        Some(Reg::pointer(Kind::Packet, packet.data as u64, packet.len, perm, life))
    }

    /// The dynptr with its memory where it is now: one over the packet keeps its offset when the packet moves, and loses what
    /// the packet lost at its end.
    pub(crate) fn follow_packet(&mut self, dynptr: Dynptr) -> Dynptr {
        let data = dynptr.data;
        if data.prov.kind != Kind::Packet {
            return dynptr;
        }
        let Some(mut now) = self.packet_reg() else { return Dynptr::NULL };
        let offset = data.val.wrapping_sub(data.prov.base).min(now.prov.len.into());
        let left = now.prov.len - offset as u32;
        now.val += offset;
        Dynptr { data: now, len: dynptr.len.min(left), ..dynptr }
    }
}
