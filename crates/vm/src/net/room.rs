//! Room between the headers: `bpf_skb_adjust_room` and the change between IPv4 and IPv6.
//!
//! Both open or close a gap right after the Ethernet header, or after the network header, and update what the packet
//! is known to be. They write no header: that is the program's work.

use super::errno::{EALREADY, EFAULT, EINVAL, ENOMEM, ENOTSUPP, Errno};
use super::packet::ETH_HLEN;
use super::skb::{Checksum, Skb, ethertype};

/// Length of an IPv4 header without options.
const IPV4_HLEN: usize = 20;
/// Length of an IPv6 header without extensions.
const IPV6_HLEN: usize = 40;
/// The most that one call may add or remove.
const DIFF_MAX: u32 = 0xfff;

/// The flags of `bpf_skb_adjust_room`, with Linux's numbers.
pub mod flags {
    /// Keep the segment size although there are more headers now.
    pub const FIXED_GSO: u64 = 1;
    /// The new outer header is IPv4.
    pub const ENCAP_L3_IPV4: u64 = 1 << 1;
    /// The new outer header is IPv6.
    pub const ENCAP_L3_IPV6: u64 = 1 << 2;
    /// A GRE header follows it.
    pub const ENCAP_L4_GRE: u64 = 1 << 3;
    /// A UDP header follows it.
    pub const ENCAP_L4_UDP: u64 = 1 << 4;
    /// Keep what is known of the checksum.
    pub const NO_CSUM_RESET: u64 = 1 << 5;
    /// An Ethernet header stands before the inner packet.
    pub const ENCAP_L2_ETH: u64 = 1 << 6;
    /// What is left after removing the outer header is IPv4.
    pub const DECAP_L3_IPV4: u64 = 1 << 7;
    /// What is left after removing the outer header is IPv6.
    pub const DECAP_L3_IPV6: u64 = 1 << 8;
    /// The top byte is the length of the inner link header.
    pub const ENCAP_L2_SHIFT: u32 = 56;

    pub(super) const ENCAP_L3: u64 = ENCAP_L3_IPV4 | ENCAP_L3_IPV6;
    pub(super) const DECAP_L3: u64 = DECAP_L3_IPV4 | DECAP_L3_IPV6;
    pub(super) const ENCAP: u64 =
        ENCAP_L3 | ENCAP_L4_GRE | ENCAP_L4_UDP | ENCAP_L2_ETH | 0xff << ENCAP_L2_SHIFT;
    pub(super) const ALL: u64 = FIXED_GSO | ENCAP | NO_CSUM_RESET | DECAP_L3;
}

/// Length of the plain IP header of that protocol.
fn ip_header(protocol: u16) -> Option<usize> {
    match protocol {
        ethertype::IPV4 => Some(IPV4_HLEN),
        ethertype::IPV6 => Some(IPV6_HLEN),
        _ => None,
    }
}

/// The one set flag of `v4` and `v6`, as an EtherType; `None` for neither, `EINVAL` for both.
fn one_family(flags: u64, v4: u64, v6: u64) -> Result<Option<u16>, Errno> {
    match (flags & v4 != 0, flags & v6 != 0) {
        (false, false) => Ok(None),
        (true, false) => Ok(Some(ethertype::IPV4)),
        (false, true) => Ok(Some(ethertype::IPV6)),
        (true, true) => Err(EINVAL),
    }
}

impl Skb {
    /// `bpf_skb_adjust_room`: adds or removes `by` bytes after the network header (`mode` 0) or after the Ethernet
    /// header (`mode` 1).
    ///
    /// # Errors
    /// `EINVAL` for flags that are unknown or contradict, `EFAULT` for more than 4,095 bytes, `ENOTSUPP` for packets
    /// that are not IP, for unknown modes and for lengths that leave no header or exceed the limit, `EALREADY` for a
    /// second outer header, `ENOMEM` when the packet is shorter than its headers say.
    pub fn adjust_room(&mut self, by: i32, mode: u32, flags: u64) -> Result<(), Errno> {
        if flags & !flags::ALL != 0 {
            return Err(EINVAL);
        }
        let diff = by.unsigned_abs();
        if diff > DIFF_MAX {
            return Err(EFAULT);
        }
        let header = ip_header(self.protocol).ok_or(ENOTSUPP)?;
        let keep = match mode {
            0 => self.mac_len() + header,
            1 => self.mac_len(),
            _ => return Err(ENOTSUPP),
        };
        let diff = diff as usize;
        let inner = if flags & flags::DECAP_L3 == 0 {
            None
        } else if by < 0 {
            one_family(flags, flags::DECAP_L3_IPV4, flags::DECAP_L3_IPV6)?
        } else {
            return Err(EINVAL);
        };
        let least = inner.and_then(ip_header).unwrap_or(header);
        let beyond_link = self.len() as i64 - i64::from(self.net);
        if by < 0 {
            if beyond_link - (diff as i64) < least as i64 {
                return Err(ENOTSUPP);
            }
            self.shrink(keep, diff, inner, flags)?;
        } else {
            if self.len() + diff > Self::MAX_LEN && self.gso_size == 0 {
                return Err(ENOTSUPP);
            }
            if self.len() + diff > Self::HARD_MAX_LEN {
                return Err(ENOMEM);
            }
            self.grow(keep, diff, flags)?;
        }
        if flags & flags::NO_CSUM_RESET == 0 {
            self.checksum = Checksum::None;
        }
        Ok(())
    }

    fn grow(&mut self, keep: usize, diff: usize, flags: u64) -> Result<(), Errno> {
        let outer = if flags & flags::ENCAP_L3 != 0 { self.check_encap(diff, flags)? } else { None };
        let (mac_len, inner_net) = (self.mac_len() as i32, self.net);
        self.push_gap(keep, diff);
        if let Some(outer) = outer {
            self.encapsulation = true;
            if flags & (flags::ENCAP_L4_GRE | flags::ENCAP_L4_UDP) != 0 {
                self.transport = Some(inner_net + ip_header(outer).unwrap_or_default() as i32);
            }
            self.net = self.mac + mac_len;
            self.protocol = outer;
        }
        if self.gso_size != 0 {
            if flags & flags::FIXED_GSO == 0 {
                self.gso_size = self.gso_size.saturating_sub(diff as u16);
            }
            self.reset_segments();
        }
        Ok(())
    }

    /// Checks the flags of an encapsulation; the outer header's EtherType.
    fn check_encap(&self, diff: usize, flags: u64) -> Result<Option<u16>, Errno> {
        let outer = one_family(flags, flags::ENCAP_L3_IPV4, flags::ENCAP_L3_IPV6)?;
        if flags & flags::ENCAP_L4_GRE != 0 && flags & flags::ENCAP_L4_UDP != 0 {
            return Err(EINVAL);
        }
        let inner_link = (flags >> flags::ENCAP_L2_SHIFT) as usize;
        if flags & flags::ENCAP_L2_ETH != 0 && inner_link < ETH_HLEN {
            return Err(EINVAL);
        }
        if self.encapsulation {
            return Err(EALREADY);
        }
        if inner_link > diff {
            return Err(EINVAL);
        }
        Ok(outer)
    }

    fn shrink(&mut self, keep: usize, diff: usize, inner: Option<u16>, flags: u64) -> Result<(), Errno> {
        if flags & flags::ENCAP != 0 {
            return Err(EINVAL);
        }
        if !self.pull_gap(keep, diff) {
            return Err(ENOMEM);
        }
        if let Some(inner) = inner {
            self.protocol = inner;
        }
        if self.gso_size != 0 {
            if flags & flags::FIXED_GSO == 0 {
                self.gso_size = self.gso_size.saturating_add(diff as u16);
            }
            self.reset_segments();
        }
        Ok(())
    }

    /// `bpf_skb_change_proto`: makes the room of an IPv4 header that of an IPv6 header, or the other way round. The
    /// header's bytes and the EtherType in the Ethernet header are the program's to write.
    ///
    /// # Errors
    /// `EINVAL` for flags, `ENOTSUPP` unless the packet is of the other IP version, `ENOMEM` when it is too short.
    pub fn change_proto(&mut self, proto: u16, flags: u64) -> Result<(), Errno> {
        if flags != 0 {
            return Err(EINVAL);
        }
        let keep = self.mac_len();
        let by = IPV6_HLEN - IPV4_HLEN;
        match (self.protocol, proto) {
            (ethertype::IPV4, ethertype::IPV6) => self.push_gap(keep, by),
            (ethertype::IPV6, ethertype::IPV4) => {
                if !self.pull_gap(keep, by) {
                    return Err(ENOMEM);
                }
            }
            _ => return Err(ENOTSUPP),
        }
        self.protocol = proto;
        self.clear_hash();
        self.reset_segments();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::skb::Layer;
    use super::*;

    fn skb(proto: u16) -> Skb {
        let mut frame: Vec<u8> = (0..100).collect();
        frame[12..14].copy_from_slice(&proto.to_be_bytes());
        Skb::new(&frame, Layer::Link, 1, [0; 6])
    }

    #[test]
    fn room_opens_where_the_mode_says() {
        for (mode, at) in [(0, 34), (1, 14)] {
            let mut s = skb(ethertype::IPV4);
            let before = s.packet.bytes().to_vec();
            assert_eq!(s.adjust_room(8, mode, 0), Ok(()));
            assert_eq!(&s.packet.bytes()[..at], &before[..at]);
            assert_eq!(&s.packet.bytes()[at..at + 8], &[0; 8]);
            assert_eq!(&s.packet.bytes()[at + 8..], &before[at..]);
            assert_eq!(s.adjust_room(-8, mode, 0), Ok(()));
            assert_eq!(s.packet.bytes(), before);
        }
    }

    #[test]
    fn limits_and_their_errors() {
        let mut s = skb(ethertype::IPV4);
        assert_eq!(s.adjust_room(0x1000, 0, 0), Err(EFAULT));
        assert_eq!(s.adjust_room(i32::MIN, 0, 0), Err(EFAULT));
        assert_eq!(s.adjust_room(4, 2, 0), Err(ENOTSUPP));
        assert_eq!(s.adjust_room(4, 0, 1 << 20), Err(EINVAL));
        assert_eq!(s.adjust_room(-67, 1, 0), Err(ENOTSUPP));
        assert_eq!(s.adjust_room(-66, 1, 0), Ok(()));
        assert_eq!(skb(ethertype::VLAN).adjust_room(4, 0, 0), Err(ENOTSUPP));
    }

    #[test]
    fn an_outer_header_changes_what_the_packet_is() {
        let mut s = skb(ethertype::IPV4);
        let f = flags::ENCAP_L3_IPV6 | flags::ENCAP_L4_UDP;
        assert_eq!(s.adjust_room(48, 1, f | flags::ENCAP_L3_IPV4), Err(EINVAL));
        assert_eq!(s.adjust_room(48, 1, f), Ok(()));
        assert_eq!((s.protocol, s.network_offset(), s.transport_offset()), (ethertype::IPV6, 14, Some(54)));
        assert_eq!(s.adjust_room(48, 1, f), Err(EALREADY));
        assert_eq!(s.adjust_room(-48, 1, flags::DECAP_L3_IPV4), Ok(()));
        assert_eq!(s.protocol, ethertype::IPV4);
        assert_eq!(s.adjust_room(4, 1, flags::DECAP_L3_IPV4), Err(EINVAL));
    }

    #[test]
    fn between_the_ip_versions_lie_twenty_bytes() {
        let mut s = skb(ethertype::IPV4);
        assert_eq!(s.change_proto(ethertype::IPV4, 0), Err(ENOTSUPP));
        assert_eq!(s.change_proto(ethertype::IPV6, 1), Err(EINVAL));
        assert_eq!(s.change_proto(ethertype::IPV6, 0), Ok(()));
        assert_eq!((s.len(), s.protocol), (120, ethertype::IPV6));
        assert_eq!(s.change_proto(ethertype::IPV4, 0), Ok(()));
        assert_eq!(s.len(), 100);
    }
}
