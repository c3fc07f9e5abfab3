//! The flow a packet belongs to, and its hash.
//!
//! Linux hashes with a secret made at boot, so no two machines agree on a value; what programs rely on is that packets
//! of one flow have one hash. Here the secret is the environment's, and fixed by default: runs repeat.

use super::siphash::siphash;
use super::skb::{HashKind, Skb, ethertype};

/// How many VLAN tags in the packet are looked behind.
const TAGS_MAX: usize = 4;
/// How many IPv6 extension headers are looked behind.
const EXTENSIONS_MAX: usize = 8;
/// Protocols whose header starts with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];
/// IPv6 headers that are followed by another: hop-by-hop, routing, destination options.
const EXTENSIONS: [u8; 3] = [0, 43, 60];
/// IPv6 fragment header.
const FRAGMENT: u8 = 44;

/// What names a flow. Missing parts are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// EtherType of the network header.
    pub protocol: u16,
    /// Source address; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Destination address.
    pub destination: [u8; 16],
    /// IP protocol number.
    pub ip_proto: u8,
    /// Source and destination port, as they stand in the packet.
    pub ports: [u8; 4],
}

impl Flow {
    /// Finds the flow of a packet that starts with a header of `protocol`. Fragments have no ports.
    pub fn of(mut protocol: u16, mut bytes: &[u8]) -> Self {
        for _ in 0..TAGS_MAX {
            let [_, _, p0, p1, rest @ ..] = bytes else { break };
            if !ethertype::is_vlan(protocol) {
                break;
            }
            protocol = u16::from_be_bytes([*p0, *p1]);
            bytes = rest;
        }
        let mut flow = Self { protocol, ..Self::default() };
        let found = match protocol {
            ethertype::IPV4 => flow.read_ipv4(bytes),
            ethertype::IPV6 => flow.read_ipv6(bytes),
            _ => None,
        };
        if let Some([a, b, c, d, ..]) = found
            && WITH_PORTS.contains(&flow.ip_proto)
        {
            flow.ports = [*a, *b, *c, *d];
        }
        flow
    }

    /// Reads an IPv4 header; what follows it, unless that is a fragment.
    fn read_ipv4<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let header = bytes.get(..20)?;
        self.source[..4].copy_from_slice(&header[12..16]);
        self.destination[..4].copy_from_slice(&header[16..20]);
        self.ip_proto = header[9];
        let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
        if fragment { None } else { bytes.get(usize::from(header[0] & 15) * 4..) }
    }

    /// Reads an IPv6 header and its extensions; what follows them, unless that is a fragment.
    fn read_ipv6<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let header = bytes.get(..40)?;
        self.source.copy_from_slice(&header[8..24]);
        self.destination.copy_from_slice(&header[24..40]);
        self.ip_proto = header[6];
        let mut rest = &bytes[40..];
        for _ in 0..EXTENSIONS_MAX {
            if self.ip_proto == FRAGMENT {
                self.ip_proto = *rest.first()?;
                return None;
            }
            if !EXTENSIONS.contains(&self.ip_proto) {
                return Some(rest);
            }
            self.ip_proto = *rest.first()?;
            rest = rest.get((usize::from(*rest.get(1)?) + 1) * 8..)?;
        }
        None
    }

    /// The flow's hash, never 0; both directions of a flow have the same, as in Linux.
    pub fn hash(&self, secret: [u64; 2]) -> u32 {
        let ports = ([self.ports[0], self.ports[1]], [self.ports[2], self.ports[3]]);
        let (one, other) = ((self.source, ports.0), (self.destination, ports.1));
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(&low.0);
        bytes[16..32].copy_from_slice(&high.0);
        bytes[32..34].copy_from_slice(&low.1);
        bytes[34..36].copy_from_slice(&high.1);
        bytes[36..38].copy_from_slice(&self.protocol.to_be_bytes());
        bytes[38] = self.ip_proto;
        (siphash(secret, &bytes) as u32).max(1)
    }
}

impl Skb {
    /// `bpf_get_hash_recalc`: the flow hash, computed unless it is known.
    pub fn hash_recalc(&mut self, secret: [u64; 2]) -> u32 {
        if self.hash_kind == HashKind::Unknown {
            let len = self.len() as isize - self.net as isize;
            let bytes = usize::try_from(len).ok().and_then(|len| self.packet.around(self.net as isize, len));
            let flow = Flow::of(self.protocol, bytes.unwrap_or_default());
            self.hash = flow.hash(secret);
            self.hash_kind = if flow.ports == [0; 4] { HashKind::Software } else { HashKind::Transport };
        }
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(source: u8, destination: u8, ports: [u8; 4]) -> Vec<u8> {
        let mut p = vec![0; 28];
        p[0] = 0x45;
        p[9] = 17;
        p[12..16].copy_from_slice(&[10, 0, 0, source]);
        p[16..20].copy_from_slice(&[10, 0, 0, destination]);
        p[20..24].copy_from_slice(&ports);
        p
    }

    #[test]
    fn both_directions_are_one_flow() {
        let there = Flow::of(ethertype::IPV4, &udp(1, 2, [0, 1, 0, 2])).hash([1, 2]);
        let back = Flow::of(ethertype::IPV4, &udp(2, 1, [0, 2, 0, 1])).hash([1, 2]);
        let other = Flow::of(ethertype::IPV4, &udp(1, 2, [0, 1, 0, 3])).hash([1, 2]);
        assert_eq!(there, back);
        assert_ne!(there, other);
    }

    #[test]
    fn tags_and_extensions_are_looked_behind() {
        let mut tagged = vec![0, 5, 8, 0];
        tagged.extend(udp(1, 2, [0, 1, 0, 2]));
        assert_eq!(Flow::of(ethertype::VLAN, &tagged).ports, [0, 1, 0, 2]);
        let mut six = vec![0; 40];
        six.extend([17, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(Flow::of(ethertype::IPV6, &six).ports, [1, 2, 3, 4]);
        six[6] = 44;
        assert_eq!(Flow::of(ethertype::IPV6, &six).ports, [0; 4]);
    }

    #[test]
    fn short_packets_have_a_hash_too() {
        for len in 0..28 {
            assert_ne!(Flow::of(ethertype::IPV4, &udp(1, 2, [0; 4])[..len]).hash([0, 0]), 0);
        }
    }
}
