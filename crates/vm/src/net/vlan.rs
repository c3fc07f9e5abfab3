//! VLAN tags: pushing and popping, where the outermost tag stands beside the packet and only inner ones in its bytes.
//!
//! A network card takes the outermost tag off and reports it separately, so Linux keeps it separately: pushing onto an
//! untagged packet changes no byte, and only a second tag moves the first into the packet.

use super::errno::{EINVAL, ENOMEM, Errno};
use super::packet::ETH_HLEN;
use super::skb::{Skb, VlanTag, ethertype};

/// Both addresses of an Ethernet header: what stays in front of a tag.
const ADDRESSES: usize = 12;
/// Length of a tag.
const TAG: usize = 4;

impl Skb {
    /// `bpf_skb_vlan_push`: `proto` (host byte order) other than the two tag types counts as 802.1Q.
    ///
    /// # Errors
    /// `EINVAL` when a tag has to go into the packet and the packet does not start with its Ethernet header; `ENOMEM` past
    /// [`Skb::HARD_MAX_LEN`].
    pub fn vlan_push(&mut self, proto: u16, tci: u16) -> Result<(), Errno> {
        let proto = if ethertype::is_vlan(proto) { proto } else { ethertype::VLAN };
        self.packet.touch();
        if let Some(outer) = self.vlan {
            if self.mac != 0 {
                return Err(EINVAL);
            }
            if self.len() + TAG > Self::HARD_MAX_LEN {
                return Err(ENOMEM);
            }
            self.insert_tag(outer);
        }
        self.vlan = Some(VlanTag { proto, tci });
        Ok(())
    }

    /// `bpf_skb_vlan_pop`: drops the outermost tag and takes the next one, if any, out of the packet.
    ///
    /// # Errors
    /// `EINVAL` when a tag must come out of the packet and the packet does not start with its Ethernet header,
    /// `ENOMEM` when it is too short for one.
    pub fn vlan_pop(&mut self) -> Result<(), Errno> {
        self.packet.touch();
        if self.vlan.take().is_none() {
            if !ethertype::is_vlan(self.protocol) {
                return Ok(());
            }
            self.remove_tag()?;
        }
        if ethertype::is_vlan(self.protocol) {
            let proto = self.protocol;
            let tci = self.remove_tag()?;
            self.vlan = Some(VlanTag { proto, tci });
        }
        Ok(())
    }

    fn insert_tag(&mut self, tag: VlanTag) {
        self.packet.open_gap(ADDRESSES, TAG);
        let bytes = self.packet.bytes_mut();
        if let Some(room) = bytes.get_mut(ADDRESSES..ADDRESSES + TAG) {
            room[..2].copy_from_slice(&tag.proto.to_be_bytes());
            room[2..].copy_from_slice(&tag.tci.to_be_bytes());
        }
        self.protocol = tag.proto;
        // The Ethernet header moved to the new start, and the network header is said to follow it: the tag now counts
        // as network layer.
        self.transport = self.transport.map(|t| t + TAG as i32);
    }

    /// Takes the tag after the addresses out and returns its control word.
    fn remove_tag(&mut self) -> Result<u16, Errno> {
        if self.mac != 0 {
            return Err(EINVAL);
        }
        let header = self.packet.slice(ADDRESSES, TAG + 2).ok_or(ENOMEM)?;
        let tci = u16::from_be_bytes([header[2], header[3]]);
        let inner = u16::from_be_bytes([header[4], header[5]]);
        self.protocol = if ethertype::is_type(inner) {
            inner
        } else if self.packet.slice(ETH_HLEN + TAG, 2) == Some(&[0xff, 0xff]) {
            ethertype::RAW_802_3
        } else {
            ethertype::IEEE_802_2
        };
        self.packet.close_gap(ADDRESSES, TAG);
        self.net = (self.net - TAG as i32).max(ETH_HLEN as i32);
        self.transport = self.transport.map(|t| t - TAG as i32);
        Ok(tci)
    }
}

#[cfg(test)]
mod tests {
    use super::super::skb::Layer;
    use super::*;

    fn skb() -> Skb {
        let mut frame: Vec<u8> = (0..60).collect();
        frame[12..14].copy_from_slice(&[8, 0]);
        Skb::new(&frame, Layer::Link, 1, [0; 6])
    }

    #[test]
    fn the_first_tag_stays_beside_the_packet() {
        let mut s = skb();
        assert_eq!(s.vlan_push(0, 7), Ok(()));
        assert_eq!(s.vlan, Some(VlanTag { proto: ethertype::VLAN, tci: 7 }));
        assert_eq!((s.len(), s.protocol), (60, ethertype::IPV4));
        assert_eq!(s.vlan_pop(), Ok(()));
        assert_eq!((s.vlan, s.len()), (None, 60));
    }

    #[test]
    fn the_second_tag_pushes_the_first_into_the_packet_and_back() {
        let mut s = skb();
        let before = s.packet.bytes().to_vec();
        assert_eq!((s.vlan_push(0x8100, 7), s.vlan_push(0x88a8, 9)), (Ok(()), Ok(())));
        assert_eq!((s.len(), s.protocol, s.network_offset()), (64, ethertype::VLAN, 14));
        assert_eq!(&s.packet.bytes()[12..18], &[0x81, 0, 0, 7, 8, 0]);
        assert_eq!(&s.wire_bytes()[12..22], &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 7, 8, 0]);
        assert_eq!(s.vlan_pop(), Ok(()));
        assert_eq!((s.vlan, s.protocol), (Some(VlanTag { proto: 0x8100, tci: 7 }), ethertype::IPV4));
        assert_eq!(s.packet.bytes(), before);
        assert_eq!((s.vlan_pop(), s.vlan_pop()), (Ok(()), Ok(())));
        assert_eq!(s.packet.bytes(), before);
    }

    #[test]
    fn a_packet_that_is_only_a_tag_cannot_be_popped() {
        let mut frame = vec![0; 14];
        frame[12] = 0x81;
        let mut s = Skb::new(&frame, Layer::Link, 1, [0; 6]);
        assert_eq!(s.vlan_pop(), Err(ENOMEM));
        assert_eq!(s.len(), 14);
    }
}
