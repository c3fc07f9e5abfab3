//! Maps against models of a few lines each.

use std::collections::{BTreeMap, VecDeque};

use skep_platform::errno::{E2BIG, EEXIST, EINVAL, ENOENT};
use skep_platform::{Errno, MapType};

use crate::Target;
use crate::map_ops::{Answer, Op, Plan, ask, plan};
use crate::rng::Rng;

pub(super) const MODEL: Target = Target {
    name: "maps",
    about: "maps: sequences of operations give what a simple model gives",
    run,
    seeds,
    words: &[],
    inputs: 20_000,
    max_len: 1024,
};

fn run(data: &[u8]) {
    let plan = plan(data);
    let map = plan.create().unwrap_or_else(|e| panic!("{e}"));
    let mut model = model(&plan);
    for (index, op) in plan.ops.iter().enumerate() {
        let got = ask(&map, op);
        if let Some(expected) = model.as_mut().and_then(|model| model.ask(op)) {
            assert_eq!(got, expected, "{:?}, operation {index}: {op:?}", plan.map_type);
        }
    }
}

/// Random sequences; mutation recombines them.
fn seeds() -> Vec<Vec<u8>> {
    (0..24u64)
        .map(|index| {
            let mut rng = Rng::new(17, index);
            let mut data = rng.bytes(400);
            data[0] = index as u8;
            data
        })
        .collect()
}

/// `None` for the types that have no model here; they run all the same.
fn model(plan: &Plan) -> Option<Box<dyn Model>> {
    let max = plan.max_entries as usize;
    Some(match plan.map_type {
        MapType::Hash => Box::new(Hash { max, entries: BTreeMap::new() }),
        MapType::Array => Box::new(Array { values: vec![vec![0; plan.value_size as usize]; max] }),
        MapType::Queue => Box::new(Line { max, values: VecDeque::new(), newest_first: false }),
        MapType::Stack => Box::new(Line { max, values: VecDeque::new(), newest_first: true }),
        _ => return None,
    })
}

trait Model {
    /// The right answer; `None` where several are right.
    fn ask(&mut self, op: &Op) -> Option<Answer>;
}

/// Update flags of Linux's UAPI: only where there is none, only where there is one.
const NOEXIST: u64 = 1;
const EXIST: u64 = 2;

fn check(flags: u64, exists: bool) -> Result<(), Errno> {
    match flags {
        NOEXIST if exists => Err(EEXIST),
        EXIST if !exists => Err(ENOENT),
        0..=EXIST => Ok(()),
        _ => Err(EINVAL),
    }
}

struct Hash {
    max: usize,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Model for Hash {
    fn ask(&mut self, op: &Op) -> Option<Answer> {
        Some(match op {
            Op::Lookup(key) => self.entries.get(key).cloned().ok_or(ENOENT),
            Op::Delete(key) => self.entries.remove(key).map(|_| Vec::new()).ok_or(ENOENT),
            Op::Take(key) => self.entries.remove(key).ok_or(ENOENT),
            // Any order is right.
            Op::NextKey(_) => return None,
            Op::Update(key, value, flags) => {
                let exists = self.entries.contains_key(key);
                check(*flags, exists).and_then(|()| {
                    if !exists && self.entries.len() == self.max {
                        return Err(E2BIG);
                    }
                    self.entries.insert(key.clone(), value.clone());
                    Ok(Vec::new())
                })
            }
        })
    }
}

struct Array {
    values: Vec<Vec<u8>>,
}

impl Model for Array {
    fn ask(&mut self, op: &Op) -> Option<Answer> {
        let index = |key: &[u8]| key.try_into().map_or(usize::MAX, |b| u32::from_le_bytes(b) as usize);
        Some(match op {
            Op::Lookup(key) => self.values.get(index(key)).cloned().ok_or(ENOENT),
            Op::Delete(_) => Err(EINVAL),
            Op::Take(_) => return None,
            Op::NextKey(key) => {
                let next =
                    key.as_deref().map(index).filter(|at| *at < self.values.len()).map_or(0, |at| at + 1);
                if next < self.values.len() { Ok((next as u32).to_le_bytes().to_vec()) } else { Err(ENOENT) }
            }
            Op::Update(key, value, flags) => match (self.values.get_mut(index(key)), *flags) {
                (_, 3..) => Err(EINVAL),
                (None, _) => Err(E2BIG),
                (Some(_), NOEXIST) => Err(EEXIST),
                (Some(at), _) => {
                    at.clone_from(value);
                    Ok(Vec::new())
                }
            },
        })
    }
}

/// A queue or a stack.
struct Line {
    max: usize,
    /// Oldest first.
    values: VecDeque<Vec<u8>>,
    newest_first: bool,
}

impl Model for Line {
    fn ask(&mut self, op: &Op) -> Option<Answer> {
        let first = if self.newest_first { self.values.back() } else { self.values.front() };
        Some(match op {
            Op::Lookup(_) => first.cloned().ok_or(ENOENT),
            Op::Take(_) => {
                let taken = if self.newest_first { self.values.pop_back() } else { self.values.pop_front() };
                taken.ok_or(ENOENT)
            }
            Op::Delete(_) | Op::NextKey(_) => Err(EINVAL),
            Op::Update(_, value, flags) => {
                let full = self.values.len() == self.max;
                match *flags {
                    0 if full => return Some(Err(E2BIG)),
                    // With this flag the oldest makes room.
                    EXIST if full => drop(self.values.pop_front()),
                    0 | EXIST => {}
                    _ => return Some(Err(EINVAL)),
                }
                self.values.push_back(value.clone());
                Ok(Vec::new())
            }
        })
    }
}
