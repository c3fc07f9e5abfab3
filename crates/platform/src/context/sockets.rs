//! Contexts of programs that handle sockets, and the sockets themselves.

use super::Layout;
use super::field::{By, Field, FieldKind::*, Sizes::*};
use crate::AttachType::{self, *};

/// The hooks that see a socket before it has an address.
const UNBOUND: By = By::Attach(&[CgroupInetSockCreate, CgroupInetSockRelease]);
const POST_BIND4: By = By::Attach(&[CgroupInet4PostBind]);
const POST_BIND6: By = By::Attach(&[CgroupInet6PostBind]);
const POST_BIND: By = By::Attach(&[CgroupInet4PostBind, CgroupInet6PostBind]);

/// The fields that a socket has only when it is a full one.
pub(super) const NOT_IN_COMMON: &[&str] = &["type", "protocol", "mark", "priority"];

pub(super) static SOCK: Layout = Layout {
    name: "bpf_sock",
    size: 80,
    fields: &[
        Field::new("bound_dev_if", 0, 4).for_(UNBOUND).write(Full, UNBOUND),
        Field::new("family", 4, 4).read(Start),
        Field::new("type", 8, 4).read(Start),
        Field::new("protocol", 12, 4).read(Start),
        Field::new("mark", 16, 4).for_(UNBOUND).write(Full, UNBOUND),
        Field::new("priority", 20, 4).for_(UNBOUND).write(Full, UNBOUND),
        Field::new("src_ip4", 24, 4).read(Narrow).for_(POST_BIND4),
        Field::new("src_ip6", 28, 4).array(4).read(Narrow).for_(POST_BIND6),
        Field::new("src_port", 44, 4).read(Start).for_(POST_BIND),
        Field::new("dst_port", 48, 2).read(Port),
        Field::new("dst_ip4", 52, 4).read(Narrow),
        Field::new("dst_ip6", 56, 4).array(4).read(Narrow),
        Field::new("state", 72, 4).read(Start),
        Field::new("rx_queue_mapping", 76, 4).read(Start).since(5, 8),
    ],
};

/// The hooks of `bpf_sock_addr` that have an IPv4 address, an IPv6 one, and those that have a source to choose.
const IPV4: &[AttachType] = &[
    CgroupInet4Bind,
    CgroupInet4Connect,
    CgroupUdp4Sendmsg,
    CgroupUdp4Recvmsg,
    CgroupInet4Getpeername,
    CgroupInet4Getsockname,
];
const IPV6: &[AttachType] = &[
    CgroupInet6Bind,
    CgroupInet6Connect,
    CgroupUdp6Sendmsg,
    CgroupUdp6Recvmsg,
    CgroupInet6Getpeername,
    CgroupInet6Getsockname,
];
const SEND4: &[AttachType] = &[CgroupUdp4Sendmsg];
const SEND6: &[AttachType] = &[CgroupUdp6Sendmsg];

/// An address that the hooks in `places` may read in parts and write whole.
const fn address(name: &'static str, offset: u32, places: &'static [AttachType]) -> Field {
    Field::new(name, offset, 4).read(Narrow).for_(By::Attach(places)).write(Full, By::Attach(places))
}

/// An IPv6 address: two words may also be taken at once.
const fn address6(name: &'static str, offset: u32, places: &'static [AttachType]) -> Field {
    let wide = address(name, offset, places).array(4).read(NarrowWide);
    wide.write(FullWide, By::Attach(places))
}

pub(super) static SOCK_ADDR: Layout = Layout {
    name: "bpf_sock_addr",
    size: 72,
    fields: &[
        Field::new("user_family", 0, 4),
        address("user_ip4", 4, IPV4),
        address6("user_ip6", 8, IPV6),
        Field::new("user_port", 24, 4).read(Narrow).write(Full, By::All),
        Field::new("family", 28, 4),
        Field::new("type", 32, 4),
        Field::new("protocol", 36, 4),
        address("msg_src_ip4", 40, SEND4),
        address6("msg_src_ip6", 44, SEND6),
        Field::new("sk", 64, 8).kind(Socket),
    ],
};

const fn word(name: &'static str, offset: u32) -> Field {
    Field::new(name, offset, 4)
}

pub(super) static SOCK_OPS: Layout = Layout {
    name: "bpf_sock_ops",
    size: 224,
    fields: &[
        word("op", 0),
        // The first word is also the reply, and the only one that takes a store.
        word("reply", 4).write(Full, By::All),
        word("args[1..]", 8).array(3),
        word("family", 20),
        word("remote_ip4", 24),
        word("local_ip4", 28),
        word("remote_ip6", 32).array(4),
        word("local_ip6", 48).array(4),
        word("remote_port", 64),
        word("local_port", 68),
        word("is_fullsock", 72),
        word("snd_cwnd", 76),
        word("srtt_us", 80),
        word("bpf_sock_ops_cb_flags", 84),
        word("state", 88),
        word("rtt_min", 92),
        word("snd_ssthresh", 96),
        word("rcv_nxt", 100),
        word("snd_nxt", 104),
        word("snd_una", 108),
        word("mss_cache", 112),
        word("ecn_flags", 116),
        word("rate_delivered", 120),
        word("rate_interval_us", 124),
        word("packets_out", 128),
        word("retrans_out", 132),
        word("total_retrans", 136),
        word("segs_in", 140),
        word("data_segs_in", 144),
        word("segs_out", 148),
        word("data_segs_out", 152),
        word("lost_out", 156),
        word("sacked_out", 160),
        word("sk_txhash", 164).write(Full, By::All),
        Field::new("bytes_received", 168, 8),
        Field::new("bytes_acked", 176, 8),
        Field::new("sk", 184, 8).kind(SocketOrNull),
        Field::new("skb_data", 192, 8).kind(Packet).since(5, 10),
        Field::new("skb_data_end", 200, 8).kind(PacketEnd).since(5, 10),
        word("skb_len", 208).since(5, 10),
        word("skb_tcp_flags", 212).read(Start).since(5, 10),
        Field::new("skb_hwtstamp", 216, 8).since(6, 2),
    ],
};

pub(super) static SK_LOOKUP: Layout = Layout {
    name: "bpf_sk_lookup",
    size: 72,
    fields: &[
        // Shares its place with `cookie`, which only a test run's input fills.
        Field::new("sk", 0, 8).kind(SocketOrNull),
        word("family", 8).read(Narrow),
        word("protocol", 12).read(Narrow),
        word("remote_ip4", 16).read(Narrow),
        word("remote_ip6", 20).array(4).read(Narrow),
        Field::new("remote_port", 36, 2).read(Port),
        // Nameless in the UAPI: zeros that may be read.
        Field::new("", 38, 2).read(Narrow),
        word("local_ip4", 40).read(Narrow),
        word("local_ip6", 44).array(4).read(Narrow),
        word("local_port", 60).read(Narrow),
        word("ingress_ifindex", 64).read(Narrow).since(5, 17),
    ],
};

const GET: By = By::Attach(&[CgroupGetsockopt]);
const SET: By = By::Attach(&[CgroupSetsockopt]);

pub(super) static SOCKOPT: Layout = Layout {
    name: "bpf_sockopt",
    size: 40,
    fields: &[
        Field::new("sk", 0, 8).kind(Socket),
        Field::new("optval", 8, 8).kind(Packet),
        Field::new("optval_end", 16, 8).kind(PacketEnd),
        word("level", 24).write(Full, SET),
        word("optname", 28).write(Full, SET),
        word("optlen", 32).write(Full, By::All),
        word("retval", 36).for_(GET).write(Full, GET),
    ],
};

pub(super) static TCP_SOCK: Layout = Layout {
    name: "bpf_tcp_sock",
    size: 112,
    fields: &[
        word("snd_cwnd", 0),
        word("srtt_us", 4),
        word("rtt_min", 8),
        word("snd_ssthresh", 12),
        word("rcv_nxt", 16),
        word("snd_nxt", 20),
        word("snd_una", 24),
        word("mss_cache", 28),
        word("ecn_flags", 32),
        word("rate_delivered", 36),
        word("rate_interval_us", 40),
        word("packets_out", 44),
        word("retrans_out", 48),
        word("total_retrans", 52),
        word("segs_in", 56),
        word("data_segs_in", 60),
        word("segs_out", 64),
        word("data_segs_out", 68),
        word("lost_out", 72),
        word("sacked_out", 76),
        Field::new("bytes_received", 80, 8),
        Field::new("bytes_acked", 88, 8),
        word("dsack_dups", 96),
        word("delivered", 100),
        word("delivered_ce", 104),
        word("icsk_retransmits", 108),
    ],
};

pub(super) static XDP_SOCK: Layout =
    Layout { name: "bpf_xdp_sock", size: 4, fields: &[Field::new("queue_id", 0, 4)] };
