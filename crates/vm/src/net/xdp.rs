//! What an XDP program may do to its packet: Linux's limits and error numbers on top of [`Packet`].

use super::errno::{EACCES, EFAULT, EINVAL, Errno};
use super::packet::{ETH_HLEN, Packet};

/// The longest metadata area: its length is kept in one byte.
const META_MAX: usize = 255;
/// Offsets and lengths of byte copies end here, whatever the packet's length.
const COPY_MAX: u32 = 0xffff;

impl Packet {
    /// `bpf_xdp_adjust_head`: moves the start by `by` bytes, the metadata with it.
    ///
    /// # Errors
    /// `EINVAL` when that would reach Linux's part of the frame or leave less than an Ethernet header.
    pub fn xdp_adjust_head(&mut self, by: i32) -> Result<(), Errno> {
        let by = by as isize;
        let room = self.headroom() as isize;
        if by < -room || by > self.len() as isize - ETH_HLEN as isize || !self.move_head(by) {
            return Err(EINVAL);
        }
        Ok(())
    }

    /// `bpf_xdp_adjust_meta`: moves the start of the metadata by `by` bytes (negative: more metadata).
    ///
    /// # Errors
    /// `EINVAL` outside of `[frame start, data]`; `EACCES` for a length that is no multiple of 4 or over 255.
    pub fn xdp_adjust_meta(&mut self, by: i32) -> Result<(), Errno> {
        let len = self.meta().len() as isize - by as isize;
        if by < 0 && -(by as isize) > self.headroom() as isize || len < 0 {
            return Err(EINVAL);
        }
        let len = len as usize;
        if !len.is_multiple_of(4) || len > META_MAX {
            return Err(EACCES);
        }
        if self.set_meta_len(len) { Ok(()) } else { Err(EINVAL) }
    }

    /// `bpf_xdp_adjust_tail`: grows (zeroed) or trims the packet's end.
    ///
    /// # Errors
    /// `EINVAL` when the frame has no such room, or less than an Ethernet header would be left.
    pub fn xdp_adjust_tail(&mut self, by: i32) -> Result<(), Errno> {
        let len = self.len() as isize + by as isize;
        if by as isize > self.tailroom() as isize || len < ETH_HLEN as isize {
            return Err(EINVAL);
        }
        self.set_len(len as usize);
        Ok(())
    }

    /// `bpf_xdp_load_bytes`.
    ///
    /// # Errors
    /// `EFAULT` for an offset or length over 65,535, `EINVAL` for bytes beyond the packet's end.
    pub fn xdp_load_bytes(&self, offset: u32, out: &mut [u8]) -> Result<(), Errno> {
        let range = self.xdp_range(offset, out.len())?;
        out.copy_from_slice(&self.bytes()[range]);
        Ok(())
    }

    /// `bpf_xdp_store_bytes`.
    ///
    /// # Errors
    /// As [`Self::xdp_load_bytes`].
    pub fn xdp_store_bytes(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Errno> {
        let range = self.xdp_range(offset, bytes.len())?;
        self.bytes_mut()[range].copy_from_slice(bytes);
        Ok(())
    }

    fn xdp_range(&self, offset: u32, len: usize) -> Result<std::ops::Range<usize>, Errno> {
        if offset > COPY_MAX || len > COPY_MAX as usize {
            return Err(EFAULT);
        }
        let start = offset as usize;
        if start + len > self.len() { Err(EINVAL) } else { Ok(start..start + len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_stops_at_the_frame_and_at_an_ethernet_header() {
        let mut p = Packet::new(&[9; 64]);
        assert_eq!(p.xdp_adjust_head(-217), Err(EINVAL));
        assert_eq!(p.xdp_adjust_head(-216), Ok(()));
        assert_eq!(p.len(), 64 + 216);
        assert_eq!(p.xdp_adjust_head(216 + 51), Err(EINVAL));
        assert_eq!(p.xdp_adjust_head(216 + 50), Ok(()));
        assert_eq!(p.len(), 14);
        assert_eq!(p.xdp_adjust_head(i32::MIN), Err(EINVAL));
        assert_eq!(p.xdp_adjust_head(i32::MAX), Err(EINVAL));
    }

    #[test]
    fn metadata_goes_along_with_the_head() {
        let mut p = Packet::new(&[9; 64]);
        assert_eq!(p.xdp_adjust_meta(-8), Ok(()));
        p.meta_mut().copy_from_slice(b"metadata");
        assert_eq!(p.xdp_adjust_head(-20), Ok(()));
        assert_eq!(p.meta(), b"metadata");
        assert_eq!(p.xdp_adjust_head(40), Ok(()));
        assert_eq!(p.meta(), b"metadata");
    }

    #[test]
    fn metadata_has_its_own_limits() {
        let mut p = Packet::new(&[9; 64]);
        assert_eq!(p.xdp_adjust_meta(4), Err(EINVAL));
        assert_eq!(p.xdp_adjust_meta(-2), Err(EACCES));
        assert_eq!(p.xdp_adjust_meta(-216), Ok(()));
        assert_eq!(p.xdp_adjust_meta(-4), Err(EINVAL));
        assert_eq!(p.xdp_adjust_meta(216), Ok(()));
    }

    #[test]
    fn the_tail_stops_at_the_trailer() {
        let mut p = Packet::new(&[9; 64]);
        let room = p.tailroom() as i32;
        assert_eq!(p.xdp_adjust_tail(room + 1), Err(EINVAL));
        assert_eq!(p.xdp_adjust_tail(room), Ok(()));
        assert!(p.bytes()[64..].iter().all(|b| *b == 0));
        assert_eq!(p.xdp_adjust_tail(-(64 + room) + 13), Err(EINVAL));
        assert_eq!(p.xdp_adjust_tail(-(64 + room) + 14), Ok(()));
    }

    #[test]
    fn copies_know_the_end() {
        let mut p = Packet::new(&[9; 64]);
        assert_eq!(p.xdp_store_bytes(62, b"ab"), Ok(()));
        let mut out = [0; 3];
        assert_eq!(p.xdp_load_bytes(61, &mut out), Ok(()));
        assert_eq!(&out, b"\x09ab");
        assert_eq!(p.xdp_load_bytes(62, &mut out), Err(EINVAL));
        assert_eq!(p.xdp_load_bytes(0x1_0000, &mut out), Err(EFAULT));
    }
}
