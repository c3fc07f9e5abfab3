//! A packet as the network stack sees it: the bytes, where its headers are, and all that is known beside the bytes.
//!
//! Header positions are offsets from the packet's first byte. They can be negative: for a program that runs at the
//! network layer the Ethernet header stands in the headroom, pulled off but not gone.
//!
//! Invariant: whoever moves the packet's first byte moves `mac`, `net` and `transport` by the same; only
//! [`Skb::push_gap`], [`Skb::pull_gap`] and the view change in [`Skb::set_layer`] do.

use super::packet::{ETH_HLEN, Packet};
use super::tunnel::Tunnel;

/// EtherTypes, host byte order.
pub mod ethertype {
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// A customer VLAN tag, 802.1Q.
    pub const VLAN: u16 = 0x8100;
    /// A service VLAN tag, 802.1ad.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// MPLS, unicast.
    pub const MPLS: u16 = 0x8847;
    /// MPLS, multicast.
    pub const MPLS_MULTICAST: u16 = 0x8848;
    /// Transparent Ethernet bridging: an Ethernet frame inside a tunnel.
    pub const TEB: u16 = 0x6558;
    /// Linux's own number for raw 802.3 (Novell) frames.
    pub const RAW_802_3: u16 = 0x0001;
    /// Linux's own number for frames with an 802.2 header.
    pub const IEEE_802_2: u16 = 0x0004;

    /// Whether a number in an Ethernet header is a type; below, it is a length.
    pub fn is_type(number: u16) -> bool {
        number >= 0x0600
    }

    /// Whether that is one of the two VLAN tags.
    pub fn is_vlan(number: u16) -> bool {
        number == VLAN || number == SERVICE_VLAN
    }
}

/// A VLAN tag that stands beside the packet, as network cards deliver it, not in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VlanTag {
    /// [`ethertype::VLAN`] or [`ethertype::SERVICE_VLAN`].
    pub proto: u16,
    /// Priority, drop eligibility and number.
    pub tci: u16,
}

/// What is known of the packet's transport checksum (`ip_summed`). No device here computes sums, so Linux's
/// `COMPLETE` and `PARTIAL` do not occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing.
    None,
    /// This many checksums, less one, were found good.
    Unnecessary(u8),
}

/// Whether a flow hash is known, and how good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashKind {
    /// The hash field is stale or never was computed.
    Unknown,
    /// Set by software: computed or given by a program.
    Software,
    /// Computed over ports as well.
    Transport,
}

/// Which header a program finds at the packet's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The Ethernet header: tc programs, packet sockets.
    Link,
    /// The IP header: cgroup and lightweight-tunnel programs.
    Network,
}

/// A packet with Linux's `sk_buff` knowledge. Fields without an invariant are public: contexts read and write them.
#[derive(Clone, Debug)]
pub struct Skb {
    /// The bytes.
    pub packet: Packet,
    /// Where the Ethernet header starts.
    pub(super) mac: i32,
    /// Where the network header starts.
    pub(super) net: i32,
    /// Where the transport header starts, once somebody said so.
    pub(super) transport: Option<i32>,
    /// Which layer the program runs at.
    pub(super) layer: Layer,
    /// EtherType of the network header, host byte order.
    pub protocol: u16,
    /// `PACKET_HOST` 0, `BROADCAST` 1, `MULTICAST` 2, `OTHERHOST` 3, …
    pub pkt_type: u8,
    /// Firewall mark.
    pub mark: u32,
    /// Queueing priority.
    pub priority: u32,
    /// Transmit queue plus one, 0 for none.
    pub queue_mapping: u16,
    /// The tag beside the packet.
    pub vlan: Option<VlanTag>,
    /// Interface the packet arrived on, 0 when it was made here.
    pub ingress_ifindex: u32,
    /// Interface the packet is at.
    pub ifindex: u32,
    /// Traffic-control index.
    pub tc_index: u16,
    /// Room for programs to leave words for later ones.
    pub cb: [u32; 5],
    /// Flow hash; see `hash_kind`.
    pub hash: u32,
    /// What `hash` is worth.
    pub hash_kind: HashKind,
    /// Class chosen by a tc program.
    pub tc_classid: u32,
    /// Receiving poll instance, 0 for none.
    pub napi_id: u32,
    /// Time stamp in nanoseconds.
    pub tstamp: u64,
    /// Clock of `tstamp`: 0 real time, 1 monotonic, 2 TAI.
    pub tstamp_type: u8,
    /// Hardware time stamp.
    pub hwtstamp: u64,
    /// Length on the wire, all segments.
    pub wire_len: u32,
    /// Segments, for a packet to be segmented later.
    pub gso_segs: u16,
    /// Payload of a segment; nonzero makes the packet one to be segmented.
    pub gso_size: u16,
    /// Whether an outer header was put on.
    pub encapsulation: bool,
    /// What is known of the checksum.
    pub checksum: Checksum,
    /// Tunnel the packet came through.
    pub tunnel_rx: Option<Tunnel>,
    /// Tunnel a program wants the packet to go through.
    pub tunnel_tx: Option<Tunnel>,
    /// Index in the run's socket table of the socket the packet belongs to.
    pub socket: Option<usize>,
    /// Whether a tc program runs on arrival (else on departure).
    pub at_ingress: bool,
}

impl Skb {
    /// Linux's limit on a packet without fragments (`SKB_MAX_ALLOC`).
    pub const MAX_LEN: usize = (4096 << 2) - 320;

    /// Where packets stop to grow by the ways that Linux does not limit (tags, and packets to be segmented): a program in a
    /// loop must not eat the host's memory. Linux would run out of contiguous memory somewhere near.
    pub const HARD_MAX_LEN: usize = 1 << 20;

    /// Makes one of an Ethernet frame that arrived on `ifindex`; a frame shorter than an Ethernet header is taken as
    /// if zeros followed. `mac` is the receiving interface's address, which decides the packet's type.
    pub fn new(frame: &[u8], layer: Layer, ifindex: u32, mac: [u8; 6]) -> Self {
        let mut packet = Packet::new(frame);
        if packet.len() < ETH_HLEN {
            packet.set_len(ETH_HLEN);
        }
        let protocol = protocol_of(packet.bytes());
        let pkt_type = packet_type(packet.bytes(), mac);
        let wire_len = packet.len() as u32;
        let mut skb = Self {
            packet,
            mac: 0,
            net: ETH_HLEN as i32,
            transport: None,
            layer: Layer::Link,
            protocol,
            pkt_type,
            mark: 0,
            priority: 0,
            queue_mapping: 0,
            vlan: None,
            ingress_ifindex: 0,
            ifindex,
            tc_index: 0,
            cb: [0; 5],
            hash: 0,
            hash_kind: HashKind::Unknown,
            tc_classid: 0,
            napi_id: 0,
            tstamp: 0,
            tstamp_type: 0,
            hwtstamp: 0,
            wire_len,
            gso_segs: 0,
            gso_size: 0,
            encapsulation: false,
            checksum: Checksum::None,
            tunnel_rx: None,
            tunnel_tx: None,
            socket: None,
            at_ingress: true,
        };
        skb.set_layer(layer);
        skb
    }

    /// Shows the program another first byte: the Ethernet header's or the network header's.
    pub fn set_layer(&mut self, layer: Layer) {
        let by = if layer == Layer::Link { self.mac } else { self.net };
        if by != 0 && self.packet.move_head(by as isize) {
            self.shift_headers(-by);
        }
        self.layer = layer;
    }

    /// Which layer the program runs at.
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// The packet's length, Linux's `skb->len`: from the layer the program runs at.
    pub fn len(&self) -> usize {
        self.packet.len()
    }

    /// Whether no byte is left.
    pub fn is_empty(&self) -> bool {
        self.packet.is_empty()
    }

    /// Offset of the Ethernet header from the first byte; negative when it is pulled off.
    pub fn mac_offset(&self) -> i32 {
        self.mac
    }

    /// Offset of the network header from the first byte.
    pub fn network_offset(&self) -> i32 {
        self.net
    }

    /// Offset of the transport header from the first byte, when known.
    pub fn transport_offset(&self) -> Option<i32> {
        self.transport
    }

    /// Length of all that stands before the network header.
    pub fn mac_len(&self) -> usize {
        (self.net - self.mac).max(0) as usize
    }

    /// Forgets the flow hash, because a field it was computed from has changed.
    pub fn clear_hash(&mut self) {
        self.hash = 0;
        self.hash_kind = HashKind::Unknown;
    }

    /// The frame as it would go on the wire: from the Ethernet header, with the tag beside the packet put in.
    pub fn wire_bytes(&self) -> Vec<u8> {
        let mut front = Vec::new();
        if self.mac < 0 {
            front.extend_from_slice(
                self.packet.around(self.mac as isize, self.mac.unsigned_abs() as usize).unwrap_or_default(),
            );
        }
        front.extend_from_slice(self.packet.bytes());
        if let Some(tag) = self.vlan
            && front.len() >= 12
        {
            let [p0, p1] = tag.proto.to_be_bytes();
            let [t0, t1] = tag.tci.to_be_bytes();
            front.splice(12..12, [p0, p1, t0, t1]);
        }
        front
    }

    /// Adds `len` zeroed bytes after the first `keep`; headers before the gap move with it, as Linux's network header
    /// push has it: both Ethernet and network header are taken to stand before the gap.
    pub(super) fn push_gap(&mut self, keep: usize, len: usize) {
        self.packet.open_gap(keep, len);
        self.move_with_gap(len as i32);
    }

    /// Takes `len` bytes out after the first `keep`; `false`, and no change, when there are not that many.
    pub(super) fn pull_gap(&mut self, keep: usize, len: usize) -> bool {
        let done = self.packet.close_gap(keep, len);
        if done {
            self.move_with_gap(-(len as i32));
        }
        done
    }

    /// The Ethernet and network headers keep their distance from the (moved) first byte; a transport header behind
    /// them keeps its place in memory, unless it was never told apart from the network header.
    fn move_with_gap(&mut self, by: i32) {
        if self.transport.is_some_and(|t| t != self.net) {
            self.transport = self.transport.map(|t| t + by);
        }
    }

    pub(super) fn shift_headers(&mut self, by: i32) {
        self.mac += by;
        self.net += by;
        self.transport = self.transport.map(|t| t + by);
    }
}

/// What Linux takes an Ethernet frame's payload to be: its type, or one of two made-up types when the field is a length.
pub(super) fn protocol_of(frame: &[u8]) -> u16 {
    let at = |i: usize| frame.get(i..i + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    match at(12) {
        Some(number) if ethertype::is_type(number) => number,
        _ if at(14) == Some(0xffff) => ethertype::RAW_802_3,
        _ => ethertype::IEEE_802_2,
    }
}

/// For whom a frame is, seen from the interface with address `mac`.
fn packet_type(frame: &[u8], mac: [u8; 6]) -> u8 {
    match frame.get(..6) {
        Some(to) if to == mac => 0,
        Some([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => 1,
        Some([first, ..]) if first & 1 != 0 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(ethertype: u16) -> Vec<u8> {
        let mut f = vec![0; 60];
        f[12..14].copy_from_slice(&ethertype.to_be_bytes());
        f
    }

    #[test]
    fn the_layer_decides_the_first_byte() {
        let mut skb = Skb::new(&frame(ethertype::IPV4), Layer::Network, 1, [0; 6]);
        assert_eq!((skb.len(), skb.mac_offset(), skb.network_offset()), (46, -14, 0));
        assert_eq!(skb.wire_bytes(), frame(ethertype::IPV4));
        skb.set_layer(Layer::Link);
        assert_eq!((skb.len(), skb.mac_offset(), skb.network_offset()), (60, 0, 14));
    }

    #[test]
    fn frames_without_a_type_get_linux_numbers() {
        assert_eq!(protocol_of(&frame(ethertype::IPV6)), ethertype::IPV6);
        let mut raw = frame(46);
        assert_eq!(protocol_of(&raw), ethertype::IEEE_802_2);
        raw[14..16].fill(0xff);
        assert_eq!(protocol_of(&raw), ethertype::RAW_802_3);
    }

    #[test]
    fn a_tag_beside_the_packet_is_on_the_wire() {
        let mut skb = Skb::new(&frame(ethertype::IPV4), Layer::Link, 1, [0; 6]);
        skb.vlan = Some(VlanTag { proto: ethertype::VLAN, tci: 5 });
        assert_eq!(&skb.wire_bytes()[12..18], &[0x81, 0, 0, 5, 8, 0]);
    }

    #[test]
    fn the_receiver_decides_the_type() {
        assert_eq!(packet_type(&[0; 14], [0; 6]), 0);
        assert_eq!(packet_type(&[0xff; 14], [0; 6]), 1);
        assert_eq!(packet_type(&[1; 14], [0; 6]), 2);
        assert_eq!(packet_type(&[2; 14], [0; 6]), 3);
    }
}
