//! Marking congestion in the IP header: `bpf_skb_ecn_set_ce`.

use super::csum;
use super::packet::ETH_HLEN;
use super::skb::{Skb, ethertype};

/// How many VLAN tags are looked behind.
const TAGS_MAX: usize = 8;

impl Skb {
    /// Sets "congestion experienced" in an IP header whose sender understands it; whether the header has the mark now.
    ///
    /// As in Linux the header is looked for where the network header is said to be. After a second VLAN tag was pushed
    /// that is the first tag, which is then taken for an IP header.
    pub fn ecn_set_ce(&mut self) -> bool {
        let Ok(at) = usize::try_from(self.net) else { return false };
        match self.protocol_behind_tags() {
            ethertype::IPV4 => self.packet.slice_mut(at, 20).is_some_and(mark_ipv4),
            ethertype::IPV6 => self.packet.slice_mut(at, 40).is_some_and(mark_ipv6),
            _ => false,
        }
    }

    /// The EtherType behind all VLAN tags in the packet, 0 when it ends before.
    fn protocol_behind_tags(&self) -> u16 {
        let mut protocol = self.protocol;
        let mut at = self.mac as isize + ETH_HLEN as isize;
        for _ in 0..TAGS_MAX {
            if !ethertype::is_vlan(protocol) {
                return protocol;
            }
            protocol = self.packet.around(at + 2, 2).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
            at += 4;
        }
        0
    }
}

/// The two bits are the low ones of the second byte, under the header's checksum.
fn mark_ipv4(header: &mut [u8]) -> bool {
    let ecn = header[1] & 3;
    if ecn == 0 || ecn == 3 {
        return ecn == 3;
    }
    header[1] |= 3;
    // The word grows by 3 - ecn, so the checksum shrinks by as much: added as its one's complement, in network order.
    let check = u16::from_be_bytes([header[10], header[11]]);
    let check = csum::add16(check, !u16::from(3 - ecn));
    header[10..12].copy_from_slice(&check.to_be_bytes());
    true
}

/// The two bits are the traffic class's low ones, in the middle of the second byte.
fn mark_ipv6(header: &mut [u8]) -> bool {
    if header[1] & 0x30 == 0 {
        return false;
    }
    header[1] |= 0x30;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_capable_senders_are_marked_and_the_checksum_follows() {
        for (ecn, marked) in [(0, false), (1, true), (2, true), (3, true)] {
            let mut header = [0x45, ecn, 0, 20, 1, 2, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            let sum = csum::fold(csum::partial(&header, 0));
            header[10..12].copy_from_slice(&sum.to_ne_bytes());
            assert_eq!(mark_ipv4(&mut header), marked);
            assert_eq!(csum::fold(csum::partial(&header, 0)), 0);
            let mut six = [0; 40];
            six[1] = ecn << 4 | 0xf;
            assert_eq!((mark_ipv6(&mut six), six[1]), (marked, if marked { 0x3f } else { 0x0f }));
        }
    }
}
