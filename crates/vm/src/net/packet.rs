//! One packet in memory, with the free room around it that programs push headers into and trim trailers from.
//!
//! Problem: a program holds raw pointers into the packet, and several helpers move the packet's ends or its bytes.
//! Idea: every byte stands in one allocation, the ends are offsets into it, and each change of an end, or of the
//! allocation, steps the *generation*. A pointer is good only in the generation it was made in; the interpreter
//! compares numbers and never has to find pointers.
//!
//! ```text
//!  store: | reserved |   headroom   | metadata |   packet   | tailroom |
//!                    ^floor         ^meta      ^data        ^end       ^store.len()
//! ```
//!
//! Invariants: `floor <= meta <= data <= end <= store.len()`; bytes outside `[meta, end)` may hold anything that this
//! packet held before, never bytes of another allocation.

/// The room before the packet of a fresh XDP frame, in bytes (`XDP_PACKET_HEADROOM`).
pub const HEADROOM: usize = 256;
/// What Linux keeps for itself at the start of an XDP frame (`sizeof(struct xdp_frame)`); programs cannot push into it.
pub const FRAME_RESERVED: usize = 40;
/// What Linux keeps for itself at the end of a frame (`struct skb_shared_info`, cache aligned).
pub const FRAME_TRAILER: usize = 320;
/// The size of a frame: one page. Longer packets get as many pages as they need, see [`Packet::new`].
pub const FRAME_SIZE: usize = 4096;
/// An Ethernet header; no program may leave less than this of an XDP packet.
pub const ETH_HLEN: usize = 14;

/// A packet and the room around it. See the module's text for the picture.
#[derive(Clone, Debug)]
pub struct Packet {
    store: Vec<u8>,
    floor: usize,
    meta: usize,
    data: usize,
    end: usize,
    generation: u64,
}

impl Packet {
    /// Copies `bytes` into a fresh frame with the geometry of an XDP frame.
    ///
    /// A packet that does not fit the 3,520 bytes Linux has in one page gets a frame of more pages where Linux would
    /// have made fragments: the program sees it in one piece.
    pub fn new(bytes: &[u8]) -> Self {
        let mut packet =
            Self { store: Vec::new(), floor: FRAME_RESERVED, meta: 0, data: 0, end: 0, generation: 0 };
        packet.reset(bytes);
        packet
    }

    /// Puts other bytes into the frame and forgets all else, keeping the allocation when it is large enough.
    pub fn reset(&mut self, bytes: &[u8]) {
        let frame = (HEADROOM + bytes.len() + FRAME_TRAILER).next_multiple_of(FRAME_SIZE);
        self.store.resize(frame - FRAME_TRAILER, 0);
        self.floor = FRAME_RESERVED;
        self.data = HEADROOM;
        self.meta = HEADROOM;
        self.end = HEADROOM + bytes.len();
        self.store[self.data..self.end].copy_from_slice(bytes);
        self.generation += 1;
    }

    /// Counts the changes of the packet's place or extent. Pointers made under another number are stale.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The packet's length in bytes, without metadata.
    pub fn len(&self) -> usize {
        self.end - self.data
    }

    /// Whether no byte is left.
    pub fn is_empty(&self) -> bool {
        self.end == self.data
    }

    /// The packet's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.store[self.data..self.end]
    }

    /// The packet's bytes, for changes in place; these do not step the generation.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.store[self.data..self.end]
    }

    /// The metadata area in front of the packet; empty unless a program made room for it.
    pub fn meta(&self) -> &[u8] {
        &self.store[self.meta..self.data]
    }

    /// The metadata area, for changes in place.
    pub fn meta_mut(&mut self) -> &mut [u8] {
        &mut self.store[self.meta..self.data]
    }

    /// Address of the first metadata byte, equal to [`Self::data_ptr`] when there is none. Valid in this generation.
    pub fn meta_ptr(&mut self) -> *mut u8 {
        self.store[self.meta..].as_mut_ptr()
    }

    /// Address of the first byte of the packet. Valid in this generation.
    pub fn data_ptr(&mut self) -> *mut u8 {
        self.store[self.data..].as_mut_ptr()
    }

    /// How many bytes can be pushed in front without a new allocation and without Linux's own part of the frame,
    /// counting the metadata area as taken.
    pub fn headroom(&self) -> usize {
        self.meta - self.floor
    }

    /// How many bytes can be appended without a new allocation.
    pub fn tailroom(&self) -> usize {
        self.store.len() - self.end
    }

    /// `len` bytes from `offset`, or `None` when they are not all inside the packet.
    pub fn slice(&self, offset: usize, len: usize) -> Option<&[u8]> {
        self.bytes().get(offset..offset.checked_add(len)?)
    }

    /// As [`Self::slice`], to write.
    pub fn slice_mut(&mut self, offset: usize, len: usize) -> Option<&mut [u8]> {
        self.bytes_mut().get_mut(offset..offset.checked_add(len)?)
    }

    /// `len` bytes at `offset` from the packet's start where a negative offset reaches into the headroom: for headers
    /// that Linux has already pulled off but keeps in front of the data. `None` outside of the allocation's used part.
    pub fn around(&self, offset: isize, len: usize) -> Option<&[u8]> {
        let start = self.data.checked_add_signed(offset)?;
        let end = start.checked_add(len)?;
        if start < self.floor || end > self.end { None } else { self.store.get(start..end) }
    }

    /// Moves the packet's start by `by` bytes, negative towards the headroom, taking the metadata along. New bytes keep
    /// what the headroom held. The caller has checked that both ends stay in order; `false` when they would not.
    pub fn move_head(&mut self, by: isize) -> bool {
        let (Some(data), Some(meta)) = (self.data.checked_add_signed(by), self.meta.checked_add_signed(by))
        else {
            return false;
        };
        if meta < self.floor || data > self.end {
            return false;
        }
        self.store.copy_within(self.meta..self.data, meta);
        (self.data, self.meta) = (data, meta);
        self.generation += 1;
        true
    }

    /// Sets the metadata area's length; `false` when there is no room for it.
    pub fn set_meta_len(&mut self, len: usize) -> bool {
        if len > self.data - self.floor {
            return false;
        }
        self.meta = self.data - len;
        self.generation += 1;
        true
    }

    /// Sets the packet's length, zeroing new bytes, in a larger allocation if need be.
    pub fn set_len(&mut self, len: usize) {
        let end = self.data + len;
        if end > self.store.len() {
            self.store.resize((end + FRAME_TRAILER).next_multiple_of(FRAME_SIZE) - FRAME_TRAILER, 0);
        }
        if end > self.end {
            self.store[self.end..end].fill(0);
        }
        self.end = end;
        self.generation += 1;
    }

    /// Adds `len` bytes in front. The first `keep` bytes of the packet move to the new start; the gap behind them is
    /// zeroed. Metadata does not survive: it belongs to bytes that are no longer next to it. `keep` beyond the
    /// packet's length counts as the length.
    pub fn open_gap(&mut self, keep: usize, len: usize) {
        let keep = keep.min(self.len());
        if self.data - self.floor < len {
            self.make_headroom(len);
        }
        let data = self.data - len;
        self.store.copy_within(self.data..self.data + keep, data);
        self.store[data + keep..self.data + keep].fill(0);
        (self.data, self.meta) = (data, data);
        self.generation += 1;
    }

    /// Removes `len` bytes after the first `keep`, which move up; `false`, and no change, when there are not that many.
    pub fn close_gap(&mut self, keep: usize, len: usize) -> bool {
        if keep.checked_add(len).is_none_or(|need| need > self.len()) {
            return false;
        }
        self.store.copy_within(self.data..self.data + keep, self.data + len);
        self.data += len;
        self.meta = self.data;
        self.generation += 1;
        true
    }

    /// Marks every pointer into the packet stale although nothing moved, as Linux does for helpers that may have moved it.
    pub fn touch(&mut self) {
        self.generation += 1;
    }

    /// Makes at least `len` bytes of headroom by moving to a larger allocation; a whole page more, since programs that
    /// push once push again.
    fn make_headroom(&mut self, len: usize) {
        let more = len.next_multiple_of(FRAME_SIZE);
        let mut store = vec![0; self.store.len() + more];
        store[self.meta + more..self.end + more].copy_from_slice(&self.store[self.meta..self.end]);
        self.store = store;
        self.meta += more;
        self.data += more;
        self.end += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_frame_has_linux_geometry() {
        let p = Packet::new(&[1; 60]);
        assert_eq!((p.len(), p.headroom(), p.tailroom()), (60, 256 - 40, 4096 - 320 - 256 - 60));
        assert!(p.meta().is_empty());
        assert_eq!(Packet::new(&[0; 9000]).len(), 9000);
    }

    #[test]
    fn a_gap_opened_and_closed_leaves_the_packet_as_it_was() {
        let bytes: Vec<u8> = (0..40).collect();
        let mut p = Packet::new(&bytes);
        p.open_gap(14, 20);
        assert_eq!(&p.bytes()[..14], &bytes[..14]);
        assert_eq!(&p.bytes()[14..34], &[0; 20]);
        assert_eq!(&p.bytes()[34..], &bytes[14..]);
        assert!(p.close_gap(14, 20));
        assert_eq!(p.bytes(), bytes);
        assert!(!p.close_gap(30, 11));
    }

    #[test]
    fn headroom_grows_when_pushes_go_on() {
        let mut p = Packet::new(&[7; 30]);
        for _ in 0..10 {
            p.open_gap(0, 1000);
        }
        assert_eq!(p.len(), 10_030);
        assert_eq!(&p.bytes()[10_000..], &[7; 30]);
    }

    #[test]
    fn every_change_of_extent_steps_the_generation() {
        let mut p = Packet::new(&[0; 64]);
        let mut last = p.generation();
        let mut stepped = |p: &Packet| {
            assert_ne!(p.generation(), last);
            last = p.generation();
        };
        assert!(p.move_head(-4));
        stepped(&p);
        assert!(p.set_meta_len(8));
        stepped(&p);
        p.set_len(5000);
        stepped(&p);
        p.open_gap(3, 3);
        stepped(&p);
        assert!(p.close_gap(3, 3));
        stepped(&p);
        p.reset(&[1]);
        stepped(&p);
    }

    #[test]
    fn bytes_in_the_headroom_can_be_read_back_but_not_beyond() {
        let mut p = Packet::new(&[1, 2, 3, 4]);
        assert!(p.move_head(2));
        assert_eq!(p.around(-2, 3), Some(&[1, 2, 3][..]));
        assert_eq!(p.around(0, 3), None);
        assert_eq!(p.around(-1000, 3), None);
    }
}
