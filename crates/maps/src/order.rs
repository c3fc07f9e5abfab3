//! A sorted list of cells, four bytes each, for maps whose keys are iterated in an order.
//!
//! The order itself is in the cells' keys; every operation is given a comparison with the key at hand. Cells stand in chunks of
//! bounded length, so that an insertion moves a few hundred numbers and not a million.

use std::cmp::Ordering;

/// Cells in a chunk before it is split.
const CHUNK: usize = 512;

/// The list. No chunk is empty.
#[derive(Debug, Default)]
pub(crate) struct Order {
    chunks: Vec<Vec<u32>>,
    len: usize,
}

/// A position: chunk, and index in it.
pub(crate) type Place = (usize, usize);

impl Order {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Where the key is that `compare` compares cells with, or where it would be.
    pub(crate) fn search(&self, compare: impl Fn(u32) -> Ordering) -> Result<Place, Place> {
        // The chunk is the last one whose first cell is not after the key.
        let after = self.chunks.partition_point(|chunk| compare(chunk[0]) != Ordering::Greater);
        let Some(chunk) = after.checked_sub(1) else { return Err((0, 0)) };
        match self.chunks[chunk].binary_search_by(|&cell| compare(cell)) {
            Ok(index) => Ok((chunk, index)),
            Err(index) => Err((chunk, index)),
        }
    }

    pub(crate) fn insert(&mut self, (chunk, index): Place, cell: u32) {
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        let cells = &mut self.chunks[chunk];
        cells.insert(index, cell);
        if cells.len() > CHUNK {
            let upper = cells.split_off(CHUNK / 2);
            self.chunks.insert(chunk + 1, upper);
        }
        self.len += 1;
    }

    pub(crate) fn replace(&mut self, (chunk, index): Place, cell: u32) {
        self.chunks[chunk][index] = cell;
    }

    pub(crate) fn remove(&mut self, (chunk, index): Place) {
        self.chunks[chunk].remove(index);
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
        }
        self.len -= 1;
    }

    pub(crate) fn first(&self) -> Option<u32> {
        self.chunks.first()?.first().copied()
    }

    /// The cell after a position.
    pub(crate) fn after(&self, (chunk, index): Place) -> Option<u32> {
        let same = self.chunks[chunk].get(index + 1);
        same.or_else(|| self.chunks.get(chunk + 1)?.first()).copied()
    }

    pub(crate) fn memory_usage(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity() * 4 + size_of::<Vec<u32>>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_sorted_through_insertions_and_removals() {
        let mut order = Order::default();
        let mut model = std::collections::BTreeSet::new();
        let mut n = 1u32;
        for _ in 0..20_000 {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let cell = n >> 19;
            match order.search(|other| other.cmp(&cell)) {
                Ok(place) => {
                    assert!(model.remove(&cell));
                    order.remove(place);
                }
                Err(place) => {
                    assert!(model.insert(cell));
                    order.insert(place, cell);
                }
            }
        }
        let mut listed = Vec::from_iter(order.first());
        while let Some(&last) = listed.last() {
            let place = order.search(|other| other.cmp(&last)).unwrap();
            match order.after(place) {
                Some(next) => listed.push(next),
                None => break,
            }
        }
        assert_eq!(listed, Vec::from_iter(model));
        assert_eq!(order.len(), listed.len());
    }
}
