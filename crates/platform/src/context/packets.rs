//! Contexts of programs that handle packets.

use super::Layout;
use super::field::{By, Field, FieldKind::*, Guard, Sizes::*};
use crate::AttachType::XdpDevmap;
use crate::ProgramType::{self, *};

const TC: &[ProgramType] = &[SchedCls, SchedAct];
const NOT_DISSECTOR: By = By::Except(&[ProgramType::FlowDissector]);
/// The socket's addresses are shown where there surely is a socket.
const WITH_SOCKET: By = By::Programs(&[CgroupSkb, SkSkb]);
/// The packet's bytes are hidden from socket filters, which unprivileged users may load.
const WITH_PACKET: By = By::Except(&[SocketFilter]);
const WITH_TIME: By = By::Programs(&[SchedCls, SchedAct, CgroupSkb]);
const MARKERS: By = By::Programs(&[SchedCls, SchedAct, CgroupSkb, LwtIn, LwtOut, LwtXmit, LwtSeg6local]);
const RANKERS: By =
    By::Programs(&[SchedCls, SchedAct, CgroupSkb, LwtIn, LwtOut, LwtXmit, LwtSeg6local, SkSkb]);
const SCRIBBLERS: By =
    By::Programs(&[SocketFilter, SchedCls, SchedAct, CgroupSkb, LwtIn, LwtOut, LwtXmit, LwtSeg6local]);

/// A 4-byte number of the packet that may be read in parts by all but flow dissectors.
const fn word(name: &'static str, offset: u32) -> Field {
    Field::new(name, offset, 4).read(Narrow).for_(NOT_DISSECTOR)
}

pub(super) static SK_BUFF: Layout = Layout {
    name: "__sk_buff",
    size: 192,
    fields: &[
        word("len", 0),
        word("pkt_type", 4),
        word("mark", 8).for_(By::Except(&[ProgramType::FlowDissector, SkSkb])).write(Full, MARKERS),
        word("queue_mapping", 12).write(Full, By::Programs(TC)),
        word("protocol", 16),
        word("vlan_present", 20),
        word("vlan_tci", 24),
        word("vlan_proto", 28),
        word("priority", 32).write(Full, RANKERS),
        word("ingress_ifindex", 36),
        word("ifindex", 40),
        word("tc_index", 44).write(Full, By::Programs(&[SchedCls, SchedAct, SkSkb])),
        word("cb", 48).array(5).read(NarrowWide).write(NarrowWide, SCRIBBLERS),
        word("hash", 68),
        word("tc_classid", 72).for_(By::Programs(TC)).write(Full, By::Programs(TC)),
        Field::new("data", 76, 4).kind(Packet).for_(WITH_PACKET).guarded(Guard::All),
        Field::new("data_end", 80, 4).kind(PacketEnd).for_(WITH_PACKET).guarded(Guard::All),
        word("napi_id", 84),
        word("family", 88).for_(WITH_SOCKET),
        Field::new("remote_ip4", 92, 4).for_(WITH_SOCKET),
        Field::new("local_ip4", 96, 4).for_(WITH_SOCKET),
        Field::new("remote_ip6", 100, 4).array(4).for_(WITH_SOCKET),
        Field::new("local_ip6", 116, 4).array(4).for_(WITH_SOCKET),
        word("remote_port", 132).for_(WITH_SOCKET),
        word("local_port", 136).for_(WITH_SOCKET),
        Field::new("data_meta", 140, 4).kind(PacketMeta).for_(By::Programs(TC)),
        Field::new("flow_keys", 144, 8).kind(FlowKeys).for_(By::Programs(&[ProgramType::FlowDissector])),
        Field::new("tstamp", 152, 8).for_(WITH_TIME).write(Full, WITH_TIME).guarded(Guard::Stores),
        word("wire_len", 160).for_(By::Programs(TC)),
        word("gso_segs", 164),
        Field::new("sk", 168, 8).kind(SockCommonOrNull).for_(NOT_DISSECTOR),
        word("gso_size", 176).since(5, 7),
        Field::new("tstamp_type", 180, 1).for_(By::Programs(TC)).since(5, 18),
        Field::new("hwtstamp", 184, 8).for_(WITH_TIME).since(5, 16),
    ],
};

pub(super) static XDP_MD: Layout = Layout {
    name: "xdp_md",
    size: 24,
    fields: &[
        Field::new("data", 0, 4).kind(Packet),
        Field::new("data_end", 4, 4).kind(PacketEnd),
        Field::new("data_meta", 8, 4).kind(PacketMeta),
        Field::new("ingress_ifindex", 12, 4),
        Field::new("rx_queue_index", 16, 4),
        Field::new("egress_ifindex", 20, 4).for_(By::Attach(&[XdpDevmap])).since(5, 8),
    ],
};

pub(super) static SK_MSG_MD: Layout = Layout {
    name: "sk_msg_md",
    size: 80,
    fields: &[
        Field::new("data", 0, 8).kind(Packet),
        Field::new("data_end", 8, 8).kind(PacketEnd),
        Field::new("family", 16, 4),
        Field::new("remote_ip4", 20, 4),
        Field::new("local_ip4", 24, 4),
        Field::new("remote_ip6", 28, 4).array(4),
        Field::new("local_ip6", 44, 4).array(4),
        Field::new("remote_port", 60, 4),
        Field::new("local_port", 64, 4),
        Field::new("size", 68, 4),
        Field::new("sk", 72, 8).kind(Socket).since(5, 8),
    ],
};

pub(super) static SK_REUSEPORT_MD: Layout = Layout {
    name: "sk_reuseport_md",
    size: 56,
    fields: &[
        Field::new("data", 0, 8).kind(Packet),
        Field::new("data_end", 8, 8).kind(PacketEnd),
        Field::new("len", 16, 4).read(Narrow),
        Field::new("eth_protocol", 20, 4).read(Halves),
        Field::new("ip_protocol", 24, 4).read(Narrow),
        Field::new("bind_inany", 28, 4).read(Narrow),
        Field::new("hash", 32, 4),
        Field::new("sk", 40, 8).kind(Socket).since(5, 14),
        Field::new("migrating_sk", 48, 8).kind(SockCommonOrNull).since(5, 14),
    ],
};

/// Plain memory to the flow dissector, so every field takes any access within the struct.
const fn key(name: &'static str, offset: u32, size: u32) -> Field {
    Field::new(name, offset, size).read(Any).write(Any, By::All)
}

pub(super) static FLOW_KEYS: Layout = Layout {
    name: "bpf_flow_keys",
    size: 56,
    fields: &[
        key("nhoff", 0, 2),
        key("thoff", 2, 2),
        key("addr_proto", 4, 2),
        key("is_frag", 6, 1),
        key("is_first_frag", 7, 1),
        key("is_encap", 8, 1),
        key("ip_proto", 9, 1),
        key("n_proto", 10, 2),
        key("sport", 12, 2),
        key("dport", 14, 2),
        key("ipv6_src", 16, 4).array(4),
        key("ipv6_dst", 32, 4).array(4),
        key("flags", 48, 4),
        key("flow_label", 52, 4),
    ],
};
