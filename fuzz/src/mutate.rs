//! Inputs from seeds: a few small damages each, of the kinds that break parsers.
//!
//! Without coverage to guide it, a mutator must hit the right fields by luck, so the damages favour what formats are made of:
//! aligned little- and big-endian numbers, set to edges of their width and to lengths and offsets of the input itself.

use crate::Target;
use crate::rng::Rng;

/// Once in so many inputs the seed is left alone and bytes are made from nothing.
const FROM_NOTHING: usize = 50;

/// The `index`th input of the sequence called `seed`. The first inputs are the target's seeds as they are.
pub fn input(target: &Target, seeds: &[Vec<u8>], seed: u64, index: u64) -> Vec<u8> {
    if let Some(whole) = usize::try_from(index).ok().and_then(|i| seeds.get(i)) {
        return whole.clone();
    }
    let mut rng = Rng::new(seed, index);
    if seeds.is_empty() || rng.one_in(FROM_NOTHING) {
        let len = rng.below(target.max_len.min(256) + 1);
        return rng.bytes(len);
    }
    let mut data = rng.pick(seeds).clone();
    // Many damages, or one that moves what stands behind it, and a format's outer checks refuse everything: most
    // inputs have few, and in place.
    let (most, in_place) = *rng.pick(&[(1, true), (2, true), (4, true), (1, false), (6, false)]);
    for _ in 0..1 + rng.below(most) {
        damage(target, seeds, &mut data, &mut rng, in_place);
    }
    data.truncate(target.max_len);
    data
}

/// One damage; `in_place` leaves the length.
fn damage(target: &Target, seeds: &[Vec<u8>], data: &mut Vec<u8>, rng: &mut Rng, in_place: bool) {
    if !target.words.is_empty() && !rng.one_in(4) {
        return damage_text(target.words, data, rng);
    }
    match rng.below(if in_place { 8 } else { 12 }) {
        0 | 1 => flip_bit(data, rng),
        2 => set_byte(data, rng),
        3..=6 => set_number(data, rng),
        7 => add_to_number(data, rng),
        8 => remove_range(data, rng),
        9 => repeat_range(data, rng),
        10 => splice(&seeds[rng.below(seeds.len())], data, rng),
        _ => data.truncate(rng.below(data.len() + 1)),
    }
}

/// One damage to a text: of lines, numbers and words.
fn damage_text(words: &[&str], data: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(data.len() + 1);
    let start = data[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let end = data[at..].iter().position(|b| *b == b'\n').map_or(data.len(), |i| at + i + 1);
    match rng.below(5) {
        0 => drop(data.drain(start..end)),
        1 => {
            let line = data[start..end].to_vec();
            data.splice(start..start, line);
        }
        2 | 3 => {
            // A digit after the place becomes another: registers, sizes, numbers.
            if let Some(digit) = data[at..].iter_mut().find(|b| b.is_ascii_digit()) {
                *digit = b'0' + rng.below(10) as u8;
            }
        }
        _ => drop(data.splice(at..at, rng.pick(words).bytes())),
    }
}

fn flip_bit(data: &mut [u8], rng: &mut Rng) {
    let at = rng.below(data.len());
    if let Some(byte) = data.get_mut(at) {
        *byte ^= 1 << rng.below(8);
    }
}

fn set_byte(data: &mut [u8], rng: &mut Rng) {
    let at = rng.below(data.len());
    if let Some(byte) = data.get_mut(at) {
        *byte = rng.interesting() as u8;
    }
}

/// A number of 2, 4 or 8 bytes becomes an edge value, or a length or an offset that nearly fits the input.
fn set_number(data: &mut [u8], rng: &mut Rng) {
    let value = match rng.below(3) {
        0 => rng.interesting(),
        1 => (data.len() as u64).wrapping_add(rng.range(-9, 9) as u64),
        _ => rng.below(data.len() + 1) as u64,
    };
    change_number(data, rng, |_| value);
}

fn add_to_number(data: &mut [u8], rng: &mut Rng) {
    let by = rng.range(-16, 16) as u64;
    change_number(data, rng, |old| old.wrapping_add(by));
}

/// Changes a number at a random place, mostly aligned to its size, in either byte order.
fn change_number(data: &mut [u8], rng: &mut Rng, change: impl Fn(u64) -> u64) {
    let size = *rng.pick(&[2usize, 4, 4, 8]);
    let mut at = rng.below(data.len());
    if !rng.one_in(4) {
        at -= at % size;
    }
    let Some(field) = data.get_mut(at..at + size) else { return };
    let mut wide = [0; 8];
    let big = rng.one_in(4);
    if big {
        wide[8 - size..].copy_from_slice(field);
        let new = change(u64::from_be_bytes(wide)).to_be_bytes();
        field.copy_from_slice(&new[8 - size..]);
    } else {
        wide[..size].copy_from_slice(field);
        let new = change(u64::from_le_bytes(wide)).to_le_bytes();
        field.copy_from_slice(&new[..size]);
    }
}

/// A random range of at most 64 bytes.
fn some_range(data: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let start = rng.below(data.len() + 1);
    let len = rng.below((data.len() - start).min(64) + 1);
    start..start + len
}

fn remove_range(data: &mut Vec<u8>, rng: &mut Rng) {
    data.drain(some_range(data, rng));
}

fn repeat_range(data: &mut Vec<u8>, rng: &mut Rng) {
    let piece = data[some_range(data, rng)].to_vec();
    let at = rng.below(data.len() + 1);
    data.splice(at..at, piece);
}

/// A piece of another seed is put over or into this input.
fn splice(other: &[u8], data: &mut Vec<u8>, rng: &mut Rng) {
    let piece = other[some_range(other, rng)].to_vec();
    let at = rng.below(data.len() + 1);
    let over = if rng.one_in(2) { piece.len().min(data.len() - at) } else { 0 };
    data.splice(at..at + over, piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target {
        name: "test",
        about: "",
        run: |_| {},
        seeds: Vec::new,
        words: &["word"],
        inputs: 0,
        max_len: 100,
    };

    #[test]
    fn any_seed_survives_any_damage() {
        let seeds = [vec![1, 2, 3], vec![0; 50], (0..100).collect::<Vec<u8>>()];
        let mut changed = 0;
        for index in 0..5000 {
            let data = input(&TARGET, &seeds, 7, index);
            assert!(data.len() <= TARGET.max_len);
            assert_eq!(data, input(&TARGET, &seeds, 7, index), "the same index gives the same input");
            changed += usize::from(!seeds.contains(&data));
        }
        assert!(changed > 3000, "only {changed} inputs differ from the seeds");
    }
}
