//! Map operations per second by type, at one and two threads, and memory per entry.
//!
//! Every operation is the program's side under one guard per batch, as a run has it. The reference column is what the
//! kernel's own map costs a program per operation, from measurements on another machine: a scale, not a race on equal terms.
//! `cargo bench -p skep-benches --bench maps`

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use skep_maps::{Guard, Map, MapSpec, RingReader, pin};
use skep_platform::{MapFlags, MapType};

/// Entries in the maps.
const ENTRIES: u32 = 10_000;
/// Operations per timing, and between two pins.
const OPS: u32 = 200_000;
const PER_PIN: u32 = 64;
/// Rounds; the median counts.
const ROUNDS: usize = 15;

/// An operation on a map with the `n`th key.
type Operation = fn(&Map, &Guard, u32);

struct Row {
    name: &'static str,
    spec: fn() -> MapSpec,
    operation: Operation,
    /// Nanoseconds of the kernel's map inside of a program.
    reference: Option<f64>,
}

fn spec(map_type: MapType) -> MapSpec {
    MapSpec::new(map_type, 4, 8, ENTRIES)
}

fn look_up(map: &Map, guard: &Guard, n: u32) {
    black_box(map.lookup_ptr(guard, &n.to_ne_bytes()));
}

fn update(map: &Map, guard: &Guard, n: u32) {
    let _ = black_box(map.update_in(guard, &n.to_ne_bytes(), &u64::from(n).to_ne_bytes(), 0));
}

/// Keys that are mostly not there yet, so that each takes another's place.
fn evict(map: &Map, guard: &Guard, n: u32) {
    update(map, guard, n.wrapping_mul(0x9e37_79b9));
}

fn insert_delete(map: &Map, guard: &Guard, n: u32) {
    let key = (n + ENTRIES).to_ne_bytes();
    let _ = map.delete_in(guard, &n.to_ne_bytes());
    let _ = map.update_in(guard, &key, &[0; 8], 0);
    let _ = map.delete_in(guard, &key);
    let _ = map.update_in(guard, &n.to_ne_bytes(), &[0; 8], 0);
}

/// An address below one of the table's prefixes.
fn route(map: &Map, guard: &Guard, n: u32) {
    let mut key = [32, 0, 0, 0, 10, 0, 0, 77];
    key[5..7].copy_from_slice(&(n as u16).to_be_bytes());
    black_box(map.lookup_ptr(guard, &key));
}

fn push_pop(map: &Map, guard: &Guard, n: u32) {
    let mut value = u64::from(n).to_ne_bytes();
    let _ = map.push_in(guard, &value, 2);
    let _ = black_box(map.pop_in(guard, &mut value));
}

fn bloom(map: &Map, guard: &Guard, n: u32) {
    let _ = black_box(map.peek_in(guard, &mut u64::from(n).to_ne_bytes()));
}

const ROWS: &[Row] = &[
    Row { name: "array look-up", spec: || spec(MapType::Array), operation: look_up, reference: Some(0.9) },
    Row { name: "array update", spec: || spec(MapType::Array), operation: update, reference: None },
    Row {
        name: "percpu array look-up",
        spec: || spec(MapType::PercpuArray),
        operation: look_up,
        reference: None,
    },
    Row { name: "hash look-up", spec: || spec(MapType::Hash), operation: look_up, reference: Some(24.0) },
    Row { name: "hash update", spec: || spec(MapType::Hash), operation: update, reference: Some(84.0) },
    Row {
        name: "hash 2 x delete + insert",
        spec: || spec(MapType::Hash),
        operation: insert_delete,
        reference: None,
    },
    Row {
        name: "percpu hash look-up",
        spec: || spec(MapType::PercpuHash),
        operation: look_up,
        reference: None,
    },
    Row {
        name: "percpu hash update",
        spec: || spec(MapType::PercpuHash),
        operation: update,
        reference: None,
    },
    Row {
        name: "lru hash look-up",
        spec: || spec(MapType::LruHash),
        operation: look_up,
        reference: Some(24.0),
    },
    Row {
        name: "lru hash update",
        spec: || spec(MapType::LruHash),
        operation: update,
        reference: Some(218.0),
    },
    Row {
        name: "lru hash insert + evict",
        spec: || spec(MapType::LruHash),
        operation: evict,
        reference: None,
    },
    Row { name: "lpm look-up", spec: lpm, operation: route, reference: Some(41.0) },
    Row {
        name: "queue push + pop",
        spec: || MapSpec::new(MapType::Queue, 0, 8, 64),
        operation: push_pop,
        reference: None,
    },
    Row {
        name: "bloom peek",
        spec: || MapSpec::new(MapType::BloomFilter, 0, 8, ENTRIES),
        operation: bloom,
        reference: None,
    },
];

fn lpm() -> MapSpec {
    MapSpec::new(MapType::LpmTrie, 8, 8, ENTRIES).with_flags(MapFlags::NO_PREALLOC)
}

fn main() {
    println!("{ENTRIES} entries, 4-byte keys, 8-byte values; median of {ROUNDS} interleaved rounds");
    println!(
        "{:<26} {:>9} {:>9} {:>11} {:>11} {:>9} {:>8}",
        "operation", "ns, 1 thr", "ns, 2 thr", "Mops, 1 thr", "Mops, 2 thr", "reference", "B/entry"
    );
    let maps: Vec<Map> = ROWS.iter().map(|row| filled((row.spec)())).collect();
    let mut times = vec![[Vec::new(), Vec::new()]; ROWS.len()];
    for _ in 0..ROUNDS {
        for ((row, map), times) in ROWS.iter().zip(&maps).zip(&mut times) {
            for threads in 1..=2 {
                times[threads - 1].push(timed(map, row.operation, threads));
            }
        }
    }
    for ((row, map), times) in ROWS.iter().zip(&maps).zip(&mut times) {
        let [one, two] = times.each_mut().map(|times| median(times));
        let reference = row.reference.map_or(String::new(), |ns| format!("{ns}"));
        let bytes = map.memory_usage() as f64 / f64::from(map.spec().max_entries);
        let (m1, m2) = (1e3 / one, 2e3 / two);
        println!("{:<26} {one:>9.1} {two:>9.1} {m1:>11.1} {m2:>11.1} {reference:>9} {bytes:>8.1}", row.name);
    }
    rings();
    let mut pins: Vec<f64> = (0..ROUNDS).map(|_| per_op(OPS, || drop(black_box(pin())))).collect();
    println!("pin and unpin: {:.1} ns", median(&mut pins));
}

/// A map with all its entries.
fn filled(spec: MapSpec) -> Map {
    let map = Map::create(spec).unwrap_or_else(|error| panic!("{error}"));
    for n in 0..ENTRIES {
        let value = u64::from(n).to_ne_bytes();
        let _ = match map.spec().map_type {
            MapType::LpmTrie => {
                let [_, _, high, low] = n.to_be_bytes();
                // Mostly /24, some /16 and one /8, as routing tables have it.
                let len = if n == 0 {
                    8
                } else if n % 64 == 0 {
                    16
                } else {
                    24
                };
                map.update_in(&pin(), &[len, 0, 0, 0, 10, high, low, 0], &value, 0)
            }
            MapType::Queue => Ok(()),
            MapType::BloomFilter => map.push_in(&pin(), &value, 0),
            _ => map.update_in(&pin(), &n.to_ne_bytes(), &value, 0),
        };
    }
    map
}

/// Nanoseconds per operation of each of `threads` threads that run at the same time.
fn timed(map: &Map, operation: Operation, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads as u32)
            .map(|thread| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    let mut n = thread * (ENTRIES / 2);
                    for _ in 0..OPS / PER_PIN {
                        let guard = pin();
                        for _ in 0..PER_PIN {
                            // A step without common factor visits all keys in a mixed order.
                            n = (n + 7919) % ENTRIES;
                            operation(map, &guard, n);
                        }
                    }
                    start.elapsed().as_nanos() as f64 / f64::from(OPS / PER_PIN * PER_PIN)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(f64::NAN)).sum::<f64>() / threads as f64
    })
}

/// Records through a ring buffer: one producer and the reader, then two producers and the reader.
fn rings() {
    for producers in 1..=2u32 {
        let map = Map::create(MapSpec::new(MapType::Ringbuf, 0, 0, 1 << 20))
            .unwrap_or_else(|error| panic!("{error}"));
        let mut reader = RingReader::new(&map).unwrap_or_else(|error| panic!("{error}"));
        let start = Instant::now();
        let mut received = 0;
        std::thread::scope(|scope| {
            for _ in 0..producers {
                scope.spawn(|| {
                    for n in 0..OPS {
                        while map
                            .ringbuf()
                            .is_some_and(|ring| ring.output(&pin(), &[n as u8; 64], 0).is_err())
                        {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            while received < (producers * OPS) as usize {
                received += reader.drain(usize::MAX, |record| {
                    black_box(record);
                });
                std::thread::yield_now();
            }
        });
        let seconds = start.elapsed().as_secs_f64();
        let millions = received as f64 / seconds / 1e6;
        println!(
            "ring buffer, 64-byte records, {producers} producer(s) and a reader: {millions:.1} M/s, 0 lost"
        );
    }
}

fn per_op(count: u32, mut operation: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| operation());
    start.elapsed().as_nanos() as f64 / f64::from(count)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
