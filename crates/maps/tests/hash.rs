//! Hash maps: flags, replacement, special fields, iteration, batches, eviction, and threads.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use skep_maps::*;
use skep_platform::errno::*;
use skep_platform::{MapFlags, MapType};

fn map(map_type: MapType, entries: u32) -> Map {
    Map::create(MapSpec::new(map_type, 4, 8, entries)).unwrap()
}

fn key(n: u32) -> [u8; 4] {
    n.to_ne_bytes()
}

fn val(n: u64) -> [u8; 8] {
    n.to_ne_bytes()
}

/// The value behind a pointer that a map gave out, as an atomic that tests share.
fn counter(at: NonNull<u8>, _guard: &Guard) -> &AtomicU64 {
    // SAFETY: an 8-byte value, 8-aligned, that lives while the guard does.
    unsafe { AtomicU64::from_ptr(at.as_ptr().cast()) }
}

#[test]
fn flags_and_errors_are_linux() {
    for map_type in [MapType::Hash, MapType::LruHash] {
        let map = map(map_type, 2);
        assert_eq!(map.lookup(&key(1)), Err(ENOENT));
        assert_eq!(map.update(&key(1), &val(1), BPF_EXIST), Err(ENOENT));
        assert_eq!(map.update(&key(1), &val(1), BPF_NOEXIST), Ok(()));
        assert_eq!(map.update(&key(1), &val(2), BPF_NOEXIST), Err(EEXIST));
        assert_eq!(map.update(&key(1), &val(2), 3), Err(EINVAL));
        assert_eq!(map.update(&key(1), &val(2), BPF_F_LOCK), Err(EINVAL));
        assert_eq!(map.update(&key(1), &val(2), BPF_EXIST), Ok(()));
        assert_eq!(map.lookup(&key(1)), Ok(val(2).to_vec()));
        assert_eq!(map.lookup_flags(&key(1), 1), Err(EINVAL));
        assert_eq!(map.lookup_and_delete(&key(1)), Ok(val(2).to_vec()));
        assert_eq!(map.delete(&key(1)), Err(ENOENT));
        assert_eq!(map.lookup(&[1]), Err(EINVAL));
    }
    let map = map(MapType::Hash, 2);
    map.update(&key(1), &val(1), 0).unwrap();
    map.update(&key(2), &val(1), 0).unwrap();
    assert_eq!(map.update(&key(3), &val(1), 0), Err(E2BIG));
    assert_eq!(map.update(&key(2), &val(2), 0), Ok(()), "a full map still replaces");
    map.delete(&key(1)).unwrap();
    assert_eq!(map.update(&key(3), &val(1), 0), Ok(()));
}

#[test]
fn keys_of_any_length_and_values_with_padding() {
    for size in (1..40).chain([100, 300]) {
        let map = Map::create(MapSpec::new(MapType::Hash, size, size, 50)).unwrap();
        for n in 0..50u8 {
            let mut key = vec![7; size as usize];
            key[size as usize - 1] = n;
            map.update(&key, &vec![n; size as usize], 0).unwrap();
        }
        for n in 0..50u8 {
            let mut key = vec![7; size as usize];
            key[size as usize - 1] = n;
            assert_eq!(map.lookup(&key), Ok(vec![n; size as usize]));
            let guard = pin();
            let at = map.lookup_ptr(&guard, &key).unwrap();
            assert_eq!(at.as_ptr() as usize % 8, 0);
        }
    }
}

#[test]
fn a_replaced_value_keeps_its_bytes_while_it_is_held() {
    let map = map(MapType::Hash, 1);
    map.update(&key(1), &val(10), 0).unwrap();
    let guard = pin();
    let old = map.lookup_ptr(&guard, &key(1)).unwrap();
    for n in 0..40 {
        map.update_in(&guard, &key(1), &val(n), 0).unwrap();
    }
    assert_eq!(counter(old, &guard).load(Ordering::Relaxed), 10);
    assert_eq!(map.lookup(&key(1)), Ok(val(39).to_vec()));
}

#[test]
fn iteration_shows_each_key_once_and_survives_deletion() {
    let map = map(MapType::Hash, 1000);
    for n in 0..1000 {
        map.update(&key(n), &val(n.into()), 0).unwrap();
    }
    let all: BTreeSet<u32> = map.typed::<u32, u64>().unwrap().iter().map(|(k, _)| k).collect();
    assert_eq!(all, (0..1000).collect());
    // A key that is not there starts from the first one.
    assert_eq!(map.next_key(Some(&key(5000))), map.next_key(None));
    // Deleting each key after the next one is known visits all.
    let (mut seen, mut next) = (0, map.next_key(None));
    while let Ok(current) = next {
        next = map.next_key(Some(&current));
        map.delete(&current).unwrap();
        seen += 1;
    }
    assert_eq!(seen, 1000);
    for n in 0..100 {
        map.update(&key(n), &val(0), 0).unwrap();
    }
    let guard = pin();
    let visited = map.for_each_in(&guard, |key, _| map.delete_in(&guard, key).is_ok());
    assert_eq!(visited, Ok(100));
    assert_eq!(map.next_key(None), Err(ENOENT));
}

#[test]
fn batches_cover_everything_once() {
    let map = map(MapType::Hash, 500);
    let entries: Vec<_> = (0..500).map(|n| (key(n), val(n.into()))).collect();
    map.update_batch(&entries, 0).unwrap();
    for take in [false, true] {
        let (mut seen, mut cursor) = (BTreeMap::new(), None);
        loop {
            let batch = if take {
                map.lookup_and_delete_batch(cursor.as_ref(), 40, 0)
            } else {
                map.lookup_batch(cursor.as_ref(), 40, 0)
            };
            let batch = batch.unwrap();
            assert!(batch.entries.len() <= 40);
            seen.extend(batch.entries);
            cursor = batch.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 500);
    }
    assert_eq!(map.next_key(None), Err(ENOENT));
    assert_eq!(map.delete_batch(&[key(1)], 0), Err(BatchError { done: 0, errno: ENOENT }));
    // A chain that does not fit is an error only if nothing else was taken.
    let full = Map::create(MapSpec::new(MapType::Hash, 4, 8, 7)).unwrap();
    full.update_batch(&entries[..7], 0).unwrap();
    assert_eq!(full.lookup_batch(None, 3, 0), Err(ENOSPC));
}

#[test]
fn per_cpu_values_are_each_slots_own() {
    for map_type in [MapType::PercpuHash, MapType::LruPercpuHash, MapType::PercpuArray] {
        let map = map(map_type, 4);
        let guard = pin();
        map.update_in(&guard, &key(1), &val(5), 0).unwrap();
        let values = map.typed::<u32, u64>().unwrap().get_all(&1).unwrap().unwrap();
        assert_eq!(values.len(), slots() as usize);
        for (slot, &value) in values.iter().enumerate() {
            let own = slot as u32 == guard.slot();
            assert_eq!(value, if own { 5 } else { 0 });
            let at = map.lookup_percpu_ptr(&guard, &key(1), slot as u32).unwrap();
            assert_eq!(counter(at, &guard).load(Ordering::Relaxed), value);
        }
        assert!(map.lookup_percpu_ptr(&guard, &key(1), slots()).is_none());
        let all: Vec<u64> = (0..u64::from(slots())).map(|slot| slot + 100).collect();
        map.typed::<u32, u64>().unwrap().insert_all(&1, &all, 0).unwrap();
        assert_eq!(map.typed::<u32, u64>().unwrap().get_all(&1), Ok(Some(all)));
    }
}

#[test]
fn special_fields_are_kept_from_copies_and_released() {
    #[derive(Default)]
    struct Count(AtomicU32);
    impl FieldHooks for Count {
        fn release(&self, _map: u32, field: &SpecialField, at: NonNull<u8>) {
            assert_eq!((field.kind, field.offset), (FieldKind::Timer, 8));
            // SAFETY: the field is valid during the call.
            assert_eq!(unsafe { at.cast::<u64>().read() }, 77);
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let timer = SpecialField { offset: 8, kind: FieldKind::Timer, type_id: 0 };
    for map_type in [MapType::Hash, MapType::LruHash, MapType::Array] {
        let spec = MapSpec::new(map_type, 4, 32, 4).with_fields(vec![timer]);
        let map = Map::create(spec).unwrap();
        let hooks = Arc::new(Count::default());
        assert!(map.set_field_hooks(hooks.clone()));
        map.update(&key(1), &[1; 32], 0).unwrap();
        let arm = || {
            let guard = pin();
            let at = map.lookup_ptr(&guard, &key(1)).unwrap();
            // SAFETY: inside of the value.
            counter(unsafe { at.add(8) }, &guard).store(77, Ordering::SeqCst);
        };
        arm_and_check(&map, &arm);
        let released = if map_type == MapType::Array { 1 } else { 2 };
        if map_type == MapType::Array {
            map.update(&key(1), &[2; 32], 0).unwrap();
        } else {
            map.update(&key(1), &[2; 32], 0).unwrap();
            arm();
            map.delete(&key(1)).unwrap();
        }
        assert_eq!(hooks.0.load(Ordering::SeqCst), released);
    }
    fn arm_and_check(map: &Map, arm: &dyn Fn()) {
        arm();
        let shown = map.lookup(&key(1)).unwrap();
        assert_eq!(shown[8..24], [0; 16], "a timer reads as zeros");
        assert_eq!((shown[7], shown[24]), (1, 1));
    }
    let twice = MapSpec::new(MapType::Hash, 4, 16, 4).with_fields(vec![timer]);
    assert_eq!(Map::create(twice).unwrap_err().errno, EINVAL, "ends after the value");
}

#[test]
fn a_full_lru_map_evicts_what_was_not_used() {
    for (map_type, flags) in [
        (MapType::LruHash, MapFlags::NONE),
        (MapType::LruHash, MapFlags::NO_COMMON_LRU),
        (MapType::LruPercpuHash, MapFlags::NONE),
    ] {
        let map = Map::create(MapSpec::new(map_type, 4, 8, 100).with_flags(flags)).unwrap();
        let guard = pin();
        for n in 0..100 {
            map.update_in(&guard, &key(n), &val(1), 0).unwrap();
        }
        for n in 1000..1000 + 10_000 {
            // The first fifty are in use all the time.
            for hot in 0..50 {
                assert!(map.lookup_ptr(&guard, &key(hot)).is_some(), "evicted {hot} at {n}");
            }
            map.update_in(&guard, &key(n), &val(1), 0).unwrap();
        }
        assert_eq!(map.iter().count(), 100);
    }
}

#[test]
fn threads_lose_nothing() {
    const THREADS: u32 = 4;
    const ROUNDS: u64 = 20_000;
    let map = map(MapType::Hash, 64);
    for n in 0..32 {
        map.update(&key(n), &val(0), 0).unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    // One thread inserts and deletes other keys of the same chains; the stable ones must never be missed.
    let churn = {
        let (map, stop) = (map.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut n = 0u32;
            while !stop.load(Ordering::Relaxed) {
                let guard = pin();
                let key = key(1000 + n % 24);
                if map.update_in(&guard, &key, &val(n.into()), BPF_NOEXIST) == Err(EEXIST) {
                    map.delete_in(&guard, &key).unwrap();
                }
                n += 1;
            }
        })
    };
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let map = map.clone();
            std::thread::spawn(move || {
                for round in 0..ROUNDS {
                    let guard = pin();
                    let at = map
                        .lookup_ptr(&guard, &key(round as u32 % 32))
                        .expect("a stable key is always found");
                    counter(at, &guard).fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    stop.store(true, Ordering::Relaxed);
    churn.join().unwrap();
    let total: u64 = map.typed::<u32, u64>().unwrap().iter().filter(|(k, _)| *k < 32).map(|(_, v)| v).sum();
    assert_eq!(total, u64::from(THREADS) * ROUNDS);
}

#[test]
fn replaced_values_are_never_torn() {
    const WORDS: usize = 16;
    let map = Map::create(MapSpec::new(MapType::Hash, 4, WORDS as u32 * 8, 8)).unwrap();
    let fill = |n: u64| -> Vec<u8> { [n; WORDS].iter().flat_map(|w| w.to_ne_bytes()).collect() };
    map.update(&key(1), &fill(0), 0).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (1..3u64)
        .map(|id| {
            let (map, stop) = (map.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut n = id;
                while !stop.load(Ordering::Relaxed) {
                    map.update(&key(1), &fill(n), 0).unwrap();
                    n += 2;
                }
            })
        })
        .collect();
    for _ in 0..20_000 {
        let seen = map.lookup(&key(1)).expect("replacing never hides the key");
        assert!(seen.chunks(8).all(|word| word == &seen[..8]), "torn: {seen:?}");
    }
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn values_copied_under_the_lock_are_never_torn() {
    let lock = SpecialField { offset: 0, kind: FieldKind::SpinLock, type_id: 0 };
    for map_type in [MapType::Hash, MapType::Array] {
        let map = Map::create(MapSpec::new(map_type, 4, 64, 2).with_fields(vec![lock])).unwrap();
        map.update(&key(1), &[0; 64], 0).unwrap();
        let threads: Vec<_> = (1..3u8)
            .map(|n| {
                let map = map.clone();
                std::thread::spawn(move || {
                    for _ in 0..5000 {
                        map.update(&key(1), &[n; 64], BPF_F_LOCK).unwrap();
                        let seen = map.lookup_flags(&key(1), BPF_F_LOCK).unwrap();
                        assert_eq!(seen[..4], [0; 4], "the lock is nobody's to read");
                        assert!(seen[4..].iter().all(|byte| *byte == seen[4]), "torn: {seen:?}");
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn lru_under_threads_never_fails_and_never_grows() {
    let map = map(MapType::LruHash, 128);
    let threads: Vec<_> = (0..3u32)
        .map(|id| {
            let map = map.clone();
            std::thread::spawn(move || {
                for n in 0..20_000u32 {
                    let guard = pin();
                    map.update_in(&guard, &key(n % 1000 + id * 500), &val(n.into()), 0).unwrap();
                    if n % 7 == 0 {
                        let _ = map.delete_in(&guard, &key(n % 1000));
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(map.iter().count() <= 128);
    for n in 0..1000u32 {
        map.update(&key(n + 100_000), &val(0), 0).unwrap();
    }
    assert_eq!(map.iter().count(), 128);
}
