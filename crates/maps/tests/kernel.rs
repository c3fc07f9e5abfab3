//! The same random operations on a map of ours and on the live kernel's map of the same type must answer the same.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use skep_linux::sys::{Command, attr, bpf};
use skep_linux::{
    MapRequest, live_bpf, map_create, map_delete, map_lookup, map_next_key, map_update, possible_cpus,
};
use skep_maps::{Map, MapSpec, set_slots};
use skep_platform::errno::ENOENT;
use skep_platform::{Errno, MapFlags, MapType};

/// Operations per type and seed.
const STEPS: usize = 3000;

/// What differs between the types in what is asked of them.
struct Case {
    spec: MapSpec,
    /// Whether iteration has an order to compare (else only the set of keys is compared).
    ordered: bool,
    /// Values that the kernel takes (targets must exist); `None`: any.
    values: Option<&'static [u32]>,
}

fn case(map_type: MapType, key: u32, value: u32, entries: u32) -> Case {
    Case { spec: MapSpec::new(map_type, key, value, entries), ordered: false, values: None }
}

fn ordered(case: Case) -> Case {
    Case { ordered: true, ..case }
}

fn cases() -> Vec<Case> {
    let no_prealloc = |mut case: Case| {
        case.spec.flags = MapFlags::NO_PREALLOC;
        case
    };
    vec![
        case(MapType::Hash, 4, 8, 8),
        no_prealloc(case(MapType::Hash, 7, 13, 8)),
        ordered(case(MapType::Array, 4, 13, 8)),
        case(MapType::PercpuHash, 4, 12, 8),
        ordered(case(MapType::PercpuArray, 4, 12, 8)),
        // Large enough that the kernel evicts nothing: what it evicts, and when, is its own affair.
        case(MapType::LruHash, 4, 8, 1024),
        case(MapType::LruPercpuHash, 4, 8, 1024),
        ordered(no_prealloc(case(MapType::LpmTrie, 5, 8, 24))),
        ordered(no_prealloc(case(MapType::LpmTrie, 8, 8, 24))),
        case(MapType::Queue, 0, 8, 5),
        case(MapType::Stack, 0, 8, 5),
        // Interface 1 is the loopback interface and exists; 0 is none.
        Case { values: Some(&[0, 1]), ..ordered(case(MapType::Devmap, 4, 4, 8)) },
        Case { values: Some(&[0, 1]), ..case(MapType::DevmapHash, 4, 4, 8) },
        // More entries than CPUs would compare which CPUs there are.
        Case { values: Some(&[0, 16, 20_000]), ..ordered(case(MapType::Cpumap, 4, 4, 1)) },
    ]
}

/// A source of the same numbers every time.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn kernel_map(spec: &MapSpec) -> OwnedFd {
    let mut request = MapRequest::new(spec.map_type, spec.key_size, spec.value_size, spec.max_entries);
    request.flags = spec.flags;
    map_create(&request).unwrap()
}

fn kernel_take(map: &OwnedFd, key: &[u8], len: usize) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; len];
    let mut attr = attr::MapElem {
        map_fd: map.as_raw_fd() as u32,
        key: if key.is_empty() { 0 } else { key.as_ptr() as u64 },
        value: value.as_mut_ptr() as u64,
        ..Default::default()
    };
    // SAFETY: both buffers have the map's sizes and outlive the call.
    unsafe { bpf(Command::MapLookupAndDelete, &mut attr) }.map(|_| value)
}

/// A key that is often there, sometimes not, and sometimes out of range.
fn make_key(spec: &MapSpec, random: &mut Random) -> Vec<u8> {
    let size = spec.key_size as usize;
    if size == 0 {
        return Vec::new();
    }
    if spec.map_type == MapType::LpmTrie {
        let data = size as u64 - 4;
        let len = (random.below(8 * data + 2) as u32).to_ne_bytes();
        let bytes = (0..data).map(|_| [0, 0x80, 0xc0, 0xff][random.below(4) as usize]);
        return len.into_iter().chain(bytes).collect();
    }
    let mut key = vec![0; size];
    key[0] = random.below(12) as u8;
    key
}

fn make_value(case: &Case, len: usize, random: &mut Random) -> Vec<u8> {
    match case.values {
        Some(values) => values[random.below(values.len() as u64) as usize].to_ne_bytes().to_vec(),
        None => {
            // The padding of per-CPU values is not the value's: it comes back as zeros or not at all.
            let (size, stride) =
                (case.spec.value_size as usize, case.spec.value_size.next_multiple_of(8) as usize);
            let byte = |i: usize| {
                if i % stride < size || len == size { i as u8 ^ random.below(256) as u8 } else { 0 }
            };
            (0..len).map(byte).collect()
        }
    }
}

fn keys(next: impl Fn(Option<&[u8]>) -> Result<Option<Vec<u8>>, Errno>) -> Result<Vec<Vec<u8>>, Errno> {
    let mut all = Vec::new();
    while let Some(key) = next(all.last().map(Vec::as_slice))? {
        all.push(key);
        assert!(all.len() < 10_000, "an iteration without end");
    }
    Ok(all)
}

#[test]
fn random_operations_agree_with_the_kernel() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED random_operations_agree_with_the_kernel: {why}");
        return;
    }
    let same_cpus = set_slots(possible_cpus() as u32);
    for case in cases() {
        if case.spec.map_type.is_per_cpu() && !same_cpus {
            eprintln!(
                "SKIPPED random_operations_agree_with_the_kernel per CPU: SKEP_SLOTS is not the number of CPUs"
            );
            continue;
        }
        for seed in 1..4 {
            compare(&case, &mut Random(seed));
        }
    }
}

fn compare(case: &Case, random: &mut Random) {
    let spec = &case.spec;
    let (ours, theirs) = (Map::create(spec.clone()).unwrap(), kernel_map(spec));
    let len = ours.value_len();
    for step in 0..STEPS {
        let key = make_key(spec, random);
        let value = make_value(case, len, random);
        let what = format!("{} step {step} key {key:?}", spec.map_type.name());
        match random.below(10) {
            0..4 => {
                let flags = [0, 0, 0, 1, 2, 3, 4, 8][random.below(8) as usize];
                let kernel = map_update(theirs.as_fd(), &key, &value, flags);
                assert_eq!(
                    ours.update(&key, &value, flags),
                    kernel,
                    "{what}: update, flags {flags}, {value:?}"
                );
            }
            4..7 => {
                let kernel = map_lookup(theirs.as_fd(), &key, len);
                assert_eq!(ours.lookup(&key), kernel, "{what}: lookup");
            }
            7 => assert_eq!(ours.delete(&key), map_delete(theirs.as_fd(), &key), "{what}: delete"),
            8 => {
                let kernel = kernel_take(&theirs, &key, len);
                assert_eq!(ours.lookup_and_delete(&key), kernel, "{what}: lookup and delete");
            }
            _ => {
                let our_next = |key: Option<&[u8]>| match ours.next_key(key) {
                    Err(ENOENT) => Ok(None),
                    next => next.map(Some),
                };
                let kernel_next =
                    |key: Option<&[u8]>| map_next_key(theirs.as_fd(), key, spec.key_size as usize);
                let (mut mine, mut kernel) = (keys(our_next), keys(kernel_next));
                if !case.ordered {
                    mine = mine.map(|mut keys| (keys.sort(), keys).1);
                    kernel = kernel.map(|mut keys| (keys.sort(), keys).1);
                }
                assert_eq!(mine, kernel, "{what}: keys");
                if case.ordered {
                    assert_eq!(our_next(Some(&key)), kernel_next(Some(&key)), "{what}: next key");
                }
            }
        }
    }
}

#[test]
fn creation_agrees_with_the_kernel() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED creation_agrees_with_the_kernel: {why}");
        return;
    }
    // Types that need neither BTF nor an inner map, and no privilege beyond root's.
    let types = [
        MapType::Hash,
        MapType::Array,
        MapType::ProgArray,
        MapType::PerfEventArray,
        MapType::PercpuHash,
        MapType::PercpuArray,
        MapType::StackTrace,
        MapType::LruHash,
        MapType::LpmTrie,
        MapType::Devmap,
        MapType::DevmapHash,
        MapType::Cpumap,
        MapType::Xskmap,
        MapType::Sockmap,
        MapType::Sockhash,
        MapType::Queue,
        MapType::Stack,
        MapType::Ringbuf,
        MapType::BloomFilter,
        MapType::UserRingbuf,
        MapType::Arena,
    ];
    let mut differences = Vec::new();
    let mut random = Random(11);
    let mut pick = |from: &[u32]| from[random.below(from.len() as u64) as usize];
    for map_type in types {
        for _ in 0..120 {
            let flag_bits =
                [0, 0, 0, 1, 1, 2, 8, 16, 24, 64, 128, 256, 384, 1 << 10, 1 << 11, 1 << 12, 1 << 25];
            let mut spec = MapSpec::new(
                map_type,
                pick(&[0, 4, 4, 4, 5, 8, 16, 261, 513]),
                pick(&[0, 4, 4, 4, 8, 8, 12, 32, 1016, 1024]),
                pick(&[0, 1, 2, 7, 4096, 8192, 12288]),
            );
            spec.flags = MapFlags(pick(&flag_bits)) | MapFlags(pick(&flag_bits));
            let mut request =
                MapRequest::new(spec.map_type, spec.key_size, spec.value_size, spec.max_entries);
            request.flags = spec.flags;
            let kernel = map_create(&request).map(drop);
            let ours = Map::create(spec.clone()).map(drop).map_err(|error| error.errno);
            if ours != kernel {
                differences.push(format!("{spec:?}: ours {ours:?}, kernel {kernel:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
