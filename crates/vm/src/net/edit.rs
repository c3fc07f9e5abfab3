//! Reading and changing an [`Skb`]'s bytes and length: load, store, checksums in place, pull, head and tail.

use super::csum;
use super::errno::{EFAULT, EINVAL, ENOMEM, ENOTSUPP, EOPNOTSUPP, Errno};
use super::skb::{Checksum, HashKind, Skb, ethertype};

/// Checksum fields are found up to this offset only.
const CSUM_OFFSET_MAX: u32 = 0xffff;
/// The last packet type a program may set or change from (`PACKET_OTHERHOST`).
const PKT_TYPE_MAX: u32 = 3;
/// `BPF_F_RECOMPUTE_CSUM`: keep the device's checksum true; there is none here, so it asks for nothing.
const STORE_RECOMPUTE_CSUM: u64 = 1;
/// `BPF_F_INVALIDATE_HASH`.
const STORE_INVALIDATE_HASH: u64 = 2;
/// The deepest nesting of verified checksums that Linux counts.
const CSUM_LEVEL_MAX: u8 = 3;

impl Skb {
    /// `bpf_skb_load_bytes`: fills `out` from `offset`; on an error `out` is zeroed.
    ///
    /// # Errors
    /// `EFAULT` when the bytes are not all in the packet.
    pub fn load_bytes(&self, offset: u32, out: &mut [u8]) -> Result<(), Errno> {
        match self.packet.slice(offset as usize, out.len()) {
            Some(bytes) if i32::try_from(offset).is_ok() => {
                out.copy_from_slice(bytes);
                Ok(())
            }
            _ => {
                out.fill(0);
                Err(EFAULT)
            }
        }
    }

    /// `bpf_skb_load_bytes_relative`: as [`Self::load_bytes`], from the Ethernet (`start` 0) or network (1) header.
    ///
    /// # Errors
    /// `EFAULT` when the bytes are not all there, the offset is over 65,535 or `start` is unknown.
    pub fn load_bytes_relative(&self, offset: u32, out: &mut [u8], start: u32) -> Result<(), Errno> {
        let base = match start {
            0 => Some(self.mac),
            1 => Some(self.net),
            _ => None,
        };
        let found = base
            .filter(|_| offset <= CSUM_OFFSET_MAX)
            .and_then(|base| self.packet.around(base as isize + offset as isize, out.len()));
        match found {
            Some(bytes) => {
                out.copy_from_slice(bytes);
                Ok(())
            }
            None => {
                out.fill(0);
                Err(EFAULT)
            }
        }
    }

    /// `bpf_skb_store_bytes`. Pointers into the packet go stale whether or not it works.
    ///
    /// # Errors
    /// `EINVAL` for unknown flags, `EFAULT` when the bytes are not all in the packet.
    pub fn store_bytes(&mut self, offset: u32, bytes: &[u8], flags: u64) -> Result<(), Errno> {
        if flags & !(STORE_RECOMPUTE_CSUM | STORE_INVALIDATE_HASH) != 0 {
            return Err(EINVAL);
        }
        self.writable(offset, bytes.len())?.copy_from_slice(bytes);
        if flags & STORE_INVALIDATE_HASH != 0 {
            self.clear_hash();
        }
        Ok(())
    }

    /// `len` bytes at `offset`, to write to.
    fn writable(&mut self, offset: u32, len: usize) -> Result<&mut [u8], Errno> {
        if i32::try_from(offset).is_err() {
            return Err(EFAULT);
        }
        self.packet.touch();
        self.packet.slice_mut(offset as usize, len).ok_or(EFAULT)
    }

    /// The checksum field at `offset`, checked as the checksum helpers do: even, near, inside.
    fn csum_field(&mut self, offset: u32) -> Result<&mut [u8], Errno> {
        if offset > CSUM_OFFSET_MAX || offset & 1 != 0 {
            return Err(EFAULT);
        }
        self.writable(offset, 2)
    }

    /// `bpf_l3_csum_replace`.
    ///
    /// # Errors
    /// `EINVAL` for bad flags or widths, `EFAULT` for a bad offset.
    pub fn l3_csum_replace(&mut self, offset: u32, from: u64, to: u64, flags: u64) -> Result<(), Errno> {
        if flags & !csum::flags::FIELD_MASK != 0 {
            return Err(EINVAL);
        }
        let field = self.csum_field(offset)?;
        let new = csum::l3_replace(u16::from_ne_bytes([field[0], field[1]]), from, to, flags)?;
        field.copy_from_slice(&new.to_ne_bytes());
        Ok(())
    }

    /// `bpf_l4_csum_replace`.
    ///
    /// # Errors
    /// As [`Self::l3_csum_replace`].
    pub fn l4_csum_replace(&mut self, offset: u32, from: u64, to: u64, flags: u64) -> Result<(), Errno> {
        use csum::flags as f;
        if flags & !(f::FIELD_MASK | f::PSEUDO_HDR | f::MARK_MANGLED_0 | f::MARK_ENFORCE | f::IPV6) != 0 {
            return Err(EINVAL);
        }
        let field = self.csum_field(offset)?;
        let new = csum::l4_replace(u16::from_ne_bytes([field[0], field[1]]), from, to, flags)?;
        field.copy_from_slice(&new.to_ne_bytes());
        Ok(())
    }

    /// `bpf_csum_update`: adds to the sum a device computed over the packet.
    ///
    /// # Errors
    /// Always `ENOTSUPP`: no device here computes one.
    pub fn csum_update(&mut self, _csum: u32) -> Result<u32, Errno> {
        Err(ENOTSUPP)
    }

    /// `bpf_csum_level`: asks for (0), raises (1), lowers (2) or forgets (3) how many checksums are known to be good.
    ///
    /// # Errors
    /// `EACCES` when asked for a level that is not known, `EINVAL` for another request.
    pub fn csum_level(&mut self, request: u64) -> Result<u32, Errno> {
        self.checksum = match (request, self.checksum) {
            (0, Checksum::Unnecessary(level)) => return Ok(u32::from(level)),
            (0, Checksum::None) => return Err(super::errno::EACCES),
            (1, Checksum::Unnecessary(level)) => Checksum::Unnecessary((level + 1).min(CSUM_LEVEL_MAX)),
            (1, Checksum::None) => Checksum::Unnecessary(0),
            (2, Checksum::Unnecessary(level)) if level > 0 => Checksum::Unnecessary(level - 1),
            (2 | 3, _) => Checksum::None,
            _ => return Err(EINVAL),
        };
        Ok(0)
    }

    /// `bpf_skb_pull_data`: makes the first `len` bytes (0: those that are) directly accessible.
    ///
    /// # Errors
    /// `ENOMEM` when the packet is shorter.
    pub fn pull_data(&mut self, len: u32) -> Result<(), Errno> {
        self.packet.touch();
        if len as usize > self.len() { Err(ENOMEM) } else { Ok(()) }
    }

    /// `bpf_skb_change_tail`: sets the packet's length; new bytes are zero.
    ///
    /// # Errors
    /// `EINVAL` for flags and for lengths that cut into headers or exceed [`Skb::MAX_LEN`]; `ENOTSUPP` for a packet
    /// with an outer header.
    pub fn change_tail(&mut self, len: u32, flags: u64) -> Result<(), Errno> {
        let least = self.transport.filter(|t| *t > 0).unwrap_or(self.net).max(0) as usize;
        let len = len as usize;
        if flags != 0 || len > Self::MAX_LEN || len < least {
            return Err(EINVAL);
        }
        if self.encapsulation {
            return Err(ENOTSUPP);
        }
        self.packet.set_len(len);
        self.reset_segments();
        Ok(())
    }

    /// `bpf_skb_change_head`: adds zeroed room in front, for a new link header. The network header stays where it is.
    ///
    /// # Errors
    /// `EINVAL` for flags and for a packet that would exceed [`Skb::MAX_LEN`]; `ENOMEM` past [`Skb::HARD_MAX_LEN`].
    pub fn change_head(&mut self, room: u32, flags: u64) -> Result<(), Errno> {
        let fits = self.gso_size != 0 || self.len() + room as usize <= Self::MAX_LEN;
        if flags != 0 || i32::try_from(room).is_err() || !fits {
            return Err(EINVAL);
        }
        if self.len() + room as usize > Self::HARD_MAX_LEN {
            return Err(ENOMEM);
        }
        self.packet.open_gap(0, room as usize);
        self.shift_headers(room as i32);
        self.mac = 0;
        Ok(())
    }

    /// `bpf_skb_change_type`.
    ///
    /// # Errors
    /// `EINVAL` unless both the old and the new type are one of the first four.
    pub fn change_type(&mut self, pkt_type: u32) -> Result<(), Errno> {
        if u32::from(self.pkt_type) > PKT_TYPE_MAX || pkt_type > PKT_TYPE_MAX {
            return Err(EINVAL);
        }
        self.pkt_type = pkt_type as u8;
        Ok(())
    }

    /// `bpf_set_hash`: gives the packet a hash of the program's own making.
    pub fn set_hash(&mut self, hash: u32) {
        self.hash = hash;
        self.hash_kind = HashKind::Transport;
    }

    /// `bpf_skb_set_tstamp`.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for packets that are not IP; `EINVAL` for an unknown clock and for a zero time of a clock that has none.
    pub fn set_tstamp(&mut self, tstamp: u64, clock: u32) -> Result<(), Errno> {
        if self.protocol != ethertype::IPV4 && self.protocol != ethertype::IPV6 {
            return Err(EOPNOTSUPP);
        }
        match clock {
            0 => {}
            1 | 2 if tstamp != 0 => {}
            _ => return Err(EINVAL),
        }
        self.tstamp = tstamp;
        self.tstamp_type = clock as u8;
        Ok(())
    }

    /// After a change of length the number of segments is for the stack to find anew.
    pub(super) fn reset_segments(&mut self) {
        if self.gso_size != 0 {
            self.gso_segs = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errno::EACCES;
    use super::super::skb::Layer;
    use super::*;

    fn skb(layer: Layer) -> Skb {
        let mut frame: Vec<u8> = (0..60).collect();
        frame[12..14].copy_from_slice(&[8, 0]);
        Skb::new(&frame, layer, 1, [0; 6])
    }

    #[test]
    fn loads_beyond_the_end_clear_the_buffer() {
        let mut out = [1; 4];
        assert_eq!(skb(Layer::Link).load_bytes(56, &mut out), Ok(()));
        assert_eq!(out, [56, 57, 58, 59]);
        assert_eq!(skb(Layer::Link).load_bytes(57, &mut out), Err(EFAULT));
        assert_eq!(out, [0; 4]);
        assert_eq!(skb(Layer::Link).load_bytes(u32::MAX, &mut out), Err(EFAULT));
    }

    #[test]
    fn relative_loads_reach_the_pulled_header() {
        let mut out = [0; 2];
        assert_eq!(skb(Layer::Network).load_bytes_relative(12, &mut out, 0), Ok(()));
        assert_eq!(out, [8, 0]);
        assert_eq!(skb(Layer::Network).load_bytes_relative(0, &mut out, 1), Ok(()));
        assert_eq!(out, [14, 15]);
        assert_eq!(skb(Layer::Network).load_bytes_relative(0, &mut out, 2), Err(EFAULT));
    }

    #[test]
    fn the_tail_cannot_cut_the_link_header() {
        let mut s = skb(Layer::Link);
        assert_eq!(s.change_tail(13, 0), Err(EINVAL));
        assert_eq!(s.change_tail(14, 0), Ok(()));
        assert_eq!(s.change_tail(16_065, 0), Err(EINVAL));
        assert_eq!(s.change_tail(16_064, 0), Ok(()));
        assert!(s.packet.bytes()[14..].iter().all(|b| *b == 0));
    }

    #[test]
    fn a_new_head_keeps_the_network_header() {
        let mut s = skb(Layer::Network);
        assert_eq!(s.change_head(14, 0), Ok(()));
        assert_eq!((s.mac_offset(), s.network_offset(), s.len()), (0, 14, 60));
        assert_eq!(s.change_head(u32::MAX, 0), Err(EINVAL));
        assert_eq!(s.change_head(16_064, 0), Err(EINVAL));
        assert_eq!(s.change_head(1, 1), Err(EINVAL));
    }

    #[test]
    fn checksum_levels_count_as_linux_does() {
        let mut s = skb(Layer::Link);
        assert_eq!(s.csum_level(0), Err(EACCES));
        assert_eq!((s.csum_level(1), s.csum_level(1), s.csum_level(0)), (Ok(0), Ok(0), Ok(1)));
        assert_eq!((s.csum_level(2), s.csum_level(2), s.csum_level(0)), (Ok(0), Ok(0), Err(EACCES)));
        assert_eq!(s.csum_level(4), Err(EINVAL));
    }

    #[test]
    fn time_stamps_are_for_ip() {
        let mut s = skb(Layer::Link);
        assert_eq!(s.set_tstamp(0, 1), Err(EINVAL));
        assert_eq!(s.set_tstamp(5, 1), Ok(()));
        assert_eq!(s.set_tstamp(5, 3), Err(EINVAL));
        s.protocol = 1;
        assert_eq!(s.set_tstamp(5, 1), Err(EOPNOTSUPP));
    }
}
