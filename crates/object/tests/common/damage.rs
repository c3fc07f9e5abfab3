//! Damage to files, the same in every run. Also the unit tests' (`src/tests.rs`), which cannot see the rest of this folder.

/// Numbers that are the same in every run (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// A copy with one to `most` bytes changed, cut short one time in `cut`.
    pub(crate) fn damage(&mut self, original: &[u8], most: usize, cut: usize) -> Vec<u8> {
        let mut bytes = original.to_vec();
        for _ in 0..1 + self.below(most) {
            let at = self.below(bytes.len());
            // Small numbers, ends of ranges and single bits find more than noise does.
            bytes[at] = match self.below(4) {
                0 => self.below(256) as u8,
                1 => [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                _ => bytes[at] ^ 1 << self.below(8),
            };
        }
        if self.below(cut) == 0 {
            bytes.truncate(self.below(bytes.len()));
        }
        bytes
    }
}
