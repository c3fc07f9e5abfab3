//! The packet loads that eBPF has from classic BPF, with their areas at negative offsets.

use super::skb::Skb;

/// From here on a negative offset counts from the network header (`SKF_NET_OFF`).
const NETWORK_AREA: i32 = -0x10_0000;
/// From here on, down from [`NETWORK_AREA`], it counts from the Ethernet header (`SKF_LL_OFF`).
const LINK_AREA: i32 = -0x20_0000;

impl Skb {
    /// `size` (1, 2 or 4) bytes at `off` as a number in network order; `None` ends the program with 0.
    ///
    /// The ancillary area of classic BPF (`SKF_AD_OFF`) lies inside the network area but is no memory: Linux rewrites such
    /// loads when it converts a classic program, and an eBPF program that makes one gets nothing.
    pub fn legacy_load(&self, off: i32, size: usize) -> Option<u64> {
        let at = match off {
            0.. => off,
            NETWORK_AREA.. => self.net.checked_add(off - NETWORK_AREA)?,
            LINK_AREA.. => self.mac.checked_add(off - LINK_AREA)?,
            _ => return None,
        };
        let bytes = self.packet.around(at as isize, size)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::skb::Layer;
    use super::*;

    #[test]
    fn areas_start_at_their_headers() {
        let frame: Vec<u8> = (0..60).collect();
        let skb = Skb::new(&frame, Layer::Network, 1, [0; 6]);
        assert_eq!(skb.legacy_load(0, 2), Some(0x0e0f));
        assert_eq!(skb.legacy_load(LINK_AREA + 1, 4), Some(0x0102_0304));
        assert_eq!(skb.legacy_load(NETWORK_AREA + 1, 1), Some(15));
        assert_eq!(skb.legacy_load(43, 4), None);
        assert_eq!(skb.legacy_load(-0x1000, 2), None);
        assert_eq!(skb.legacy_load(i32::MIN, 1), None);
        assert_eq!(skb.legacy_load(i32::MAX, 4), None);
    }
}
