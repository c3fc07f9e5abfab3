//! One golden test per map type that has a structure of its own.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use skep_maps::*;
use skep_platform::errno::*;
use skep_platform::{Errno, MapFlags, MapType};

fn key(n: u32) -> [u8; 4] {
    n.to_ne_bytes()
}

fn val(n: u64) -> [u8; 8] {
    n.to_ne_bytes()
}

#[test]
fn every_type_can_be_created() {
    for &map_type in MapType::ALL {
        let mut spec = MapSpec::new(map_type, 4, 4, 8);
        let (key_size, value_size, entries) = match map_type {
            MapType::Queue | MapType::Stack | MapType::BloomFilter => (0, 4, 8),
            MapType::Ringbuf | MapType::UserRingbuf => (0, 0, 4096),
            MapType::Arena => (0, 0, 8),
            MapType::StackTrace => (4, 64, 8),
            MapType::LpmTrie => (8, 4, 8),
            MapType::CgroupStorage | MapType::PercpuCgroupStorage => (16, 4, 0),
            MapType::SkStorage | MapType::InodeStorage | MapType::TaskStorage | MapType::CgrpStorage => {
                (4, 4, 0)
            }
            MapType::StructOps => (4, 4, 1),
            _ => (4, 4, 8),
        };
        (spec.key_size, spec.value_size, spec.max_entries) = (key_size, value_size, entries);
        spec.flags = map_type.rules().required;
        if map_type.rules().needs_inner {
            assert_eq!(Map::create(spec.clone()).unwrap_err().errno, EBADF);
            spec = spec.with_inner(MapSpec::new(MapType::Array, 4, 4, 4));
        }
        let map = Map::create(spec.named("it")).unwrap_or_else(|error| panic!("{map_type:?}: {error}"));
        assert!(map.memory_usage() < 1 << 20, "{map_type:?} takes {}", map.memory_usage());
        assert_eq!(map.name(), "it");
    }
}

#[test]
fn refusals_say_who_and_why() {
    let error = Map::create(MapSpec::new(MapType::Array, 8, 4, 4).named("a")).unwrap_err();
    assert_eq!(error.errno, EINVAL);
    assert!(error.to_string().starts_with("map a: a array map cannot have key size 8"), "{error}");
    let huge = Map::create(MapSpec::new(MapType::Array, 4, 1 << 30, u32::MAX)).unwrap_err();
    assert!([E2BIG, ENOMEM].contains(&huge.errno), "{huge}");
}

#[test]
fn arrays_index_and_never_shrink() {
    let map = Map::create(MapSpec::new(MapType::Array, 4, 5, 3)).unwrap();
    assert_eq!(map.lookup(&key(2)), Ok(vec![0; 5]));
    assert_eq!(map.lookup(&key(3)), Err(ENOENT));
    assert_eq!(map.update(&key(3), &[1; 5], 0), Err(E2BIG));
    assert_eq!(map.update(&key(1), &[1; 5], BPF_NOEXIST), Err(EEXIST));
    assert_eq!(map.update(&key(1), &[1; 5], BPF_EXIST), Ok(()));
    assert_eq!(map.delete(&key(1)), Err(EINVAL));
    assert_eq!(map.lookup_and_delete(&key(1)), Err(ENOTSUPP));
    let keys: Vec<u32> = map.iter().map(|(k, _)| u32::from_ne_bytes(k.try_into().unwrap())).collect();
    assert_eq!(keys, [0, 1, 2]);
    assert_eq!(map.next_key(Some(&key(2))), Err(ENOENT));
    assert_eq!(map.next_key(Some(&key(77))), Ok(key(0).to_vec()));
    let guard = pin();
    assert_eq!(map.for_each_in(&guard, |key, _| key != [1, 0, 0, 0]), Ok(2));
}

#[test]
fn mapped_arrays_are_shared_memory() {
    let spec = MapSpec::new(MapType::Array, 4, 8, 1000).with_flags(MapFlags::MMAPABLE);
    let map = Map::create(spec).unwrap();
    let memory = map.as_memory().unwrap();
    assert_eq!(memory.len() % 4096, 0);
    memory[8 * 999].store(7, Ordering::Relaxed);
    assert_eq!(map.lookup(&key(999)), Ok(val(7).to_vec()));
    assert!(Map::create(MapSpec::new(MapType::Array, 4, 8, 1)).unwrap().as_memory().is_err());
    map.freeze().unwrap();
    assert_eq!(map.as_memory().map(<[_]>::len), Err(EPERM));
}

#[test]
fn permissions_are_per_side() {
    let make = |flags| Map::create(MapSpec::new(MapType::Hash, 4, 8, 4).with_flags(flags)).unwrap();
    let read_only = make(MapFlags::RDONLY);
    assert_eq!(read_only.update(&key(1), &val(1), 0), Err(EPERM));
    assert_eq!(read_only.delete(&key(1)), Err(EPERM));
    assert_eq!(read_only.freeze(), Err(EPERM));
    read_only.update_in(&pin(), &key(1), &val(1), 0).unwrap();
    assert_eq!(read_only.lookup(&key(1)), Ok(val(1).to_vec()));
    let write_only = make(MapFlags::WRONLY);
    write_only.update(&key(1), &val(1), 0).unwrap();
    assert_eq!(write_only.lookup(&key(1)), Err(EPERM));
    assert_eq!(write_only.next_key(None), Err(EPERM));
    let constant = make(MapFlags::RDONLY_PROG);
    assert!(constant.programs_read() && !constant.programs_write() && !constant.is_constant());
    constant.update(&key(1), &val(1), 0).unwrap();
    constant.freeze().unwrap();
    assert_eq!(constant.freeze(), Err(EPERM));
    assert_eq!(constant.update(&key(1), &val(1), 0), Err(EPERM));
    assert!(constant.is_constant());
}

#[test]
fn queues_and_stacks() {
    for (map_type, order) in [(MapType::Queue, [1, 2, 3]), (MapType::Stack, [3, 2, 1])] {
        let map = Map::create(MapSpec::new(map_type, 0, 8, 3)).unwrap();
        assert_eq!(map.peek(), Err(ENOENT));
        for n in 1..=3 {
            map.update(&[], &val(n), 0).unwrap();
        }
        assert_eq!(map.push(&val(4), 0), Err(E2BIG));
        assert_eq!(map.push(&val(4), BPF_NOEXIST), Err(EINVAL));
        assert_eq!(map.lookup(&[]), Ok(val(order[0]).to_vec()));
        for n in order {
            assert_eq!(map.lookup_and_delete(&[]), Ok(val(n).to_vec()));
        }
        let mut out = [9; 8];
        assert_eq!((map.pop_in(&pin(), &mut out), out), (Err(ENOENT), [0; 8]));
        for n in 1..=4 {
            map.push(&val(n), BPF_EXIST).unwrap();
        }
        let first = if map_type == MapType::Queue { 2 } else { 4 };
        assert_eq!(map.pop(), Ok(val(first).to_vec()), "the oldest made room");
        assert_eq!((map.delete(&[]), map.next_key(None)), (Err(EINVAL), Err(EINVAL)));
    }
}

#[test]
fn the_longest_prefix_wins() {
    let prefix = |text: &str, len: u32| {
        let ip: Vec<u8> = text.split('.').map(|part| part.parse().unwrap()).collect();
        [&len.to_ne_bytes()[..], &ip].concat()
    };
    let spec = MapSpec::new(MapType::LpmTrie, 8, 4, 8).with_flags(MapFlags::NO_PREALLOC);
    let map = Map::create(spec).unwrap();
    let rows = [
        ("10.0.0.0", 8),
        ("10.1.0.0", 16),
        ("10.1.2.77", 24),
        ("10.128.0.0", 9),
        ("192.168.0.0", 16),
        ("0.0.0.0", 0),
        ("10.1.2.3", 32),
    ];
    for (ip, len) in rows {
        map.update(&prefix(ip, len), &key(len), 0).unwrap();
    }
    let longest = |ip, len| map.lookup(&prefix(ip, len)).map(|v| u32::from_ne_bytes(v.try_into().unwrap()));
    assert_eq!(longest("10.1.2.3", 32), Ok(32));
    assert_eq!(longest("10.1.2.3", 31), Ok(24));
    assert_eq!(longest("10.1.3.3", 32), Ok(16));
    assert_eq!(longest("10.200.0.1", 32), Ok(9));
    assert_eq!(longest("10.2.0.1", 32), Ok(8));
    assert_eq!(longest("11.2.0.1", 32), Ok(0));
    assert_eq!(longest("10.1.2.3", 33), Err(ENOENT));
    // The order, and the data as given, of Linux 6.18.
    let keys: Vec<Vec<u8>> = map.iter().map(|(key, _)| key).collect();
    let wanted = [
        ("10.1.2.3", 32),
        ("10.1.2.77", 24),
        ("10.1.0.0", 16),
        ("10.128.0.0", 9),
        ("10.0.0.0", 8),
        ("192.168.0.0", 16),
        ("0.0.0.0", 0),
    ];
    assert_eq!(keys, wanted.map(|(ip, len)| prefix(ip, len)));
    assert_eq!(map.update(&prefix("1.1.1.1", 33), &key(0), 0), Err(EINVAL));
    assert_eq!(map.delete(&prefix("1.1.1.1", 33)), Err(EINVAL));
    assert_eq!(map.delete(&prefix("1.1.1.1", 8)), Err(ENOENT));
    assert_eq!(map.update(&prefix("1.1.1.1", 8), &key(0), BPF_EXIST), Err(ENOENT));
    assert_eq!(map.update(&prefix("10.9.9.9", 8), &key(0), BPF_NOEXIST), Err(EEXIST));
    assert_eq!(map.update(&prefix("1.1.1.1", 8), &key(0), 0), Ok(()));
    assert_eq!(map.update(&prefix("2.1.1.1", 8), &key(0), 0), Err(ENOSPC));
    map.delete(&prefix("10.1.2.99", 24)).unwrap();
    assert_eq!(longest("10.1.2.9", 32), Ok(16));
    assert_eq!(map.lookup_and_delete(&prefix("10.0.0.0", 8)), Err(ENOTSUPP));
    for (ip, len) in rows.into_iter().filter(|row| row.1 != 24).chain([("1.0.0.0", 8)]) {
        map.delete(&prefix(ip, len)).unwrap();
    }
    assert_eq!((longest("10.1.2.3", 32), map.next_key(None)), (Err(ENOENT), Err(ENOENT)));
}

#[test]
fn prefixes_of_any_width_agree_with_a_search() {
    for data in [1usize, 3, 8, 16, 256] {
        let spec = MapSpec::new(MapType::LpmTrie, 4 + data as u32, 4, 500).with_flags(MapFlags::NO_PREALLOC);
        let map = Map::create(spec).unwrap();
        let mut seed = 7u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        // Few different bytes, so that prefixes nest.
        let mut make = || {
            let len = random(8 * data as u64 + 1) as u32;
            let bytes: Vec<u8> = (0..data).map(|_| [0, 0x80, 0xff][random(3) as usize]).collect();
            (len, bytes)
        };
        let covers = |len: u32, a: &[u8], b: &[u8]| {
            (0..len as usize).all(|bit| (a[bit / 8] ^ b[bit / 8]) & (0x80 >> (bit % 8)) == 0)
        };
        let mut model: Vec<(u32, Vec<u8>)> = Vec::new();
        for n in 0..400 {
            let (len, bytes) = make();
            let whole = [&len.to_ne_bytes()[..], &bytes].concat();
            model.retain(|(l, b)| !(*l == len && covers(len, b, &bytes)));
            if n % 4 == 3 {
                let _ = map.delete(&whole);
            } else {
                map.update(&whole, &key(len), 0).unwrap();
                model.push((len, bytes));
            }
            let (len, bytes) = make();
            let best =
                model.iter().filter(|(l, b)| *l <= len && covers(*l, b, &bytes)).map(|(l, _)| *l).max();
            let found = map.lookup(&[&len.to_ne_bytes()[..], &bytes].concat());
            assert_eq!(found, best.map(|l| key(l).to_vec()).ok_or(ENOENT));
        }
        assert_eq!(map.iter().count(), model.len());
    }
}

#[test]
fn program_arrays_lend_handles() {
    let map = Map::create(MapSpec::new(MapType::ProgArray, 4, 4, 4)).unwrap();
    let program: Arc<dyn std::any::Any + Send + Sync> = Arc::new(AtomicU32::new(5));
    map.set_program(2, ProgramHandle { id: 17, program: program.clone() }).unwrap();
    assert_eq!(map.set_program(4, ProgramHandle { id: 17, program: program.clone() }), Err(E2BIG));
    assert_eq!(map.lookup(&key(2)), Ok(key(17).to_vec()));
    assert_eq!(map.lookup(&key(1)), Err(ENOENT));
    assert_eq!(map.update(&key(1), &key(3), 0), Err(EBADF));
    let guard = pin();
    let lent = map.program(&guard, 2).unwrap();
    map.delete(&key(2)).unwrap();
    assert_eq!(map.delete(&key(2)), Err(ENOENT));
    assert!(map.program(&guard, 2).is_none());
    let number: &AtomicU32 = lent.program.downcast_ref().unwrap();
    assert_eq!(number.load(Ordering::Relaxed), 5, "lent until the run ends");
    drop(guard);
    map.set_program(0, ProgramHandle { id: 1, program: program.clone() }).unwrap();
    map.clear_programs();
    assert_eq!(map.lookup(&key(0)), Err(ENOENT));
}

#[test]
fn maps_of_maps_take_what_looks_alike() {
    let like = MapSpec::new(MapType::Array, 4, 8, 4);
    let inner = Map::create(like.clone()).unwrap();
    let longer = Map::create(MapSpec { max_entries: 5, ..like.clone() }).unwrap();
    let hash = Map::create(MapSpec::new(MapType::Hash, 4, 8, 4)).unwrap();
    for map_type in [MapType::ArrayOfMaps, MapType::HashOfMaps] {
        let outer = Map::create(MapSpec::new(map_type, 4, 4, 2).with_inner(like.clone())).unwrap();
        outer.set_map(&key(1), &inner, 0).unwrap();
        assert_eq!(outer.lookup(&key(1)), Ok(key(inner.id()).to_vec()));
        assert_eq!(outer.set_map(&key(1), &longer, 0), Err(EINVAL));
        assert_eq!(outer.set_map(&key(1), &hash, 0), Err(EINVAL));
        let again = outer.set_map(&key(1), &inner, BPF_NOEXIST);
        assert_eq!(again, Err(if map_type == MapType::ArrayOfMaps { EINVAL } else { EEXIST }));
        let guard = pin();
        assert_eq!(outer.inner_map(&guard, &key(1)), Some(&inner));
        assert_eq!(outer.inner_map(&guard, &key(0)), None);
        outer.delete(&key(1)).unwrap();
        assert_eq!(outer.delete(&key(1)), Err(ENOENT));
        assert_eq!(outer.lookup_and_delete(&key(1)), Err(ENOTSUPP));
    }
    let nested = MapSpec::new(MapType::ArrayOfMaps, 4, 4, 2)
        .with_inner(MapSpec::new(MapType::ArrayOfMaps, 4, 4, 2).with_inner(like.clone()));
    assert_eq!(Map::create(nested).unwrap_err().errno, EINVAL);
    let programs =
        MapSpec::new(MapType::ArrayOfMaps, 4, 4, 2).with_inner(MapSpec::new(MapType::ProgArray, 4, 4, 2));
    assert_eq!(Map::create(programs).unwrap_err().errno, ENOTSUPP);
    let any_length = like.with_flags(MapFlags::INNER_MAP);
    let outer =
        Map::create(MapSpec::new(MapType::ArrayOfMaps, 4, 4, 2).with_inner(any_length.clone())).unwrap();
    let longer = Map::create(MapSpec { max_entries: 9, ..any_length }).unwrap();
    outer.set_map(&key(0), &longer, 0).unwrap();
}

#[test]
fn inner_maps_are_swapped_under_readers() {
    let like = MapSpec::new(MapType::Array, 4, 8, 1);
    let outer = Map::create(MapSpec::new(MapType::HashOfMaps, 4, 4, 2).with_inner(like.clone())).unwrap();
    let make = |n: u64| {
        let map = Map::create(like.clone()).unwrap();
        map.update(&key(0), &val(n), 0).unwrap();
        map
    };
    outer.set_map(&key(1), &make(1), 0).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (outer, stop) = (outer.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let guard = pin();
                let inner = outer.inner_map(&guard, &key(1)).expect("never empty");
                let at = inner.lookup_ptr(&guard, &key(0)).unwrap();
                // SAFETY: an 8-byte value under the guard.
                let n = unsafe { AtomicU64::from_ptr(at.as_ptr().cast()) }.load(Ordering::Relaxed);
                assert!(n > 0 && n < 1000, "a map that was freed: {n}");
            }
        })
    };
    for n in 1..1000 {
        outer.set_map(&key(1), &make(n), 0).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().unwrap();
}

#[test]
fn redirect_targets_follow_their_types() {
    let make = |map_type, value| Map::create(MapSpec::new(map_type, 4, value, 4)).unwrap();
    let dev = make(MapType::Devmap, 8);
    let eth0_with_program = (7u64 | 9 << 32).to_le_bytes();
    dev.update(&key(1), &eth0_with_program, 0).unwrap();
    let guard = pin();
    assert_eq!(dev.target(&guard, &key(1)), Some(7 | 9 << 32));
    assert_eq!(dev.target(&guard, &key(2)), None);
    assert_eq!(dev.update(&key(2), &val(7), BPF_NOEXIST), Err(EEXIST));
    assert_eq!(dev.update(&key(2), &val(9 << 32), 0), Err(EINVAL), "a program for no device");
    assert_eq!(dev.update(&key(1), &val(0), 0), Ok(()));
    assert_eq!(dev.lookup(&key(1)), Err(ENOENT));
    assert_eq!((dev.delete(&key(1)), dev.delete(&key(4))), (Ok(()), Err(EINVAL)));
    let cpu = make(MapType::Cpumap, 4);
    assert_eq!(cpu.update(&key(0), &key(20_000), 0), Err(EOVERFLOW));
    assert_eq!(cpu.update(&key(9), &key(16), 0), Err(E2BIG));
    cpu.update(&key(0), &key(16), 0).unwrap();
    assert_eq!(cpu.lookup(&key(0)), Ok(key(16).to_vec()));
    let hash = make(MapType::DevmapHash, 4);
    assert_eq!(hash.update(&key(900), &key(0), 0), Err(EINVAL));
    assert_eq!(hash.update(&key(900), &key(3), BPF_EXIST), Ok(()), "Linux does not look at it");
    assert_eq!(hash.update(&key(900), &key(3), BPF_NOEXIST), Err(EEXIST));
    assert_eq!(hash.delete(&key(901)), Err(ENOENT));
    let lookups: Vec<(MapType, Errno)> = vec![
        (MapType::Xskmap, EOPNOTSUPP),
        (MapType::Sockmap, ENOSPC),
        (MapType::Sockhash, ENOSPC),
        (MapType::ReuseportSockarray, ENOSPC),
        (MapType::CgroupArray, ENOTSUPP),
    ];
    for (map_type, errno) in lookups {
        let map = make(map_type, 4);
        map.update(&key(1), &key(5), 0).unwrap();
        assert_eq!(map.target(&guard, &key(1)), Some(5));
        assert_eq!(map.lookup(&key(1)), Err(errno), "{map_type:?}");
        assert_eq!(map.delete(&key(1)), Ok(()));
    }
    let cookies = make(MapType::Sockmap, 8);
    cookies.update(&key(1), &val(77), 0).unwrap();
    assert_eq!(cookies.lookup(&key(1)), Ok(val(77).to_vec()));
    assert_eq!(cookies.update(&key(2), &val(77), BPF_EXIST), Err(ENOENT));
    assert_eq!(cookies.delete(&key(2)), Err(EINVAL));
}

#[test]
fn storage_lives_with_its_owner() {
    let spec = MapSpec::new(MapType::TaskStorage, 4, 8, 0).with_flags(MapFlags::NO_PREALLOC);
    let map = Map::create(spec).unwrap();
    let storage = map.storage().unwrap();
    let guard = pin();
    assert_eq!(storage.get(&guard, 7, None, 0), Ok(None));
    let at = storage.get(&guard, 7, Some(&val(5)), BPF_LOCAL_STORAGE_GET_F_CREATE).unwrap().unwrap();
    assert_eq!(storage.get(&guard, 7, None, 0), Ok(Some(at)));
    assert_eq!(storage.get(&guard, 7, None, 2), Err(EINVAL));
    assert_eq!(map.lookup(&key(7)), Ok(val(5).to_vec()));
    assert_eq!(map.update(&key(7), &val(6), BPF_NOEXIST), Err(EEXIST));
    assert_eq!(map.update(&key(8), &val(6), BPF_EXIST), Err(ENOENT));
    map.update(&key(8), &val(6), 0).unwrap();
    assert_eq!(map.next_key(None), Err(ENOTSUPP));
    storage.owner_gone(7);
    assert_eq!(map.lookup(&key(7)), Err(ENOENT));
    // SAFETY: 8 bytes that stay while the guard does.
    assert_eq!(unsafe { at.cast::<u64>().read() }, 5, "a run keeps what it has");
    assert_eq!((storage.delete(&guard, 8), storage.delete(&guard, 8)), (Ok(()), Err(ENOENT)));
}

#[test]
fn old_cgroup_storage_comes_from_programs() {
    for map_type in [MapType::CgroupStorage, MapType::PercpuCgroupStorage] {
        let map = Map::create(MapSpec::new(map_type, 16, 8, 0)).unwrap();
        let key = |cgroup: u64, kind: u64| [cgroup.to_ne_bytes(), kind.to_ne_bytes()].concat();
        let zeros = vec![0; map.value_len()];
        assert_eq!(map.update(&key(1, 2), &zeros, 0), Err(ENOENT));
        let guard = pin();
        let at = map.storage().unwrap().get_for_cgroup(&guard, 1, 2).unwrap();
        assert_eq!(map.storage().unwrap().get_for_cgroup(&guard, 1, 2), Ok(at));
        assert_ne!(map.storage().unwrap().get_for_cgroup(&guard, 1, 3), Ok(at));
        map.update(&key(1, 2), &zeros, 0).unwrap();
        assert_eq!(map.iter().map(|(k, _)| k).collect::<Vec<_>>(), [key(1, 2), key(1, 3)]);
        assert_eq!(map.delete(&key(1, 2)), Err(EINVAL));
        map.storage().unwrap().owner_gone(1);
        assert_eq!(map.next_key(None), Err(ENOENT));
    }
}

#[test]
fn stacks_have_numbers() {
    let map = Map::create(MapSpec::new(MapType::StackTrace, 4, 32, 1)).unwrap();
    let (stacks, guard) = (map.stacks().unwrap(), pin());
    let id = stacks.id(&guard, &[9, 1, 2, 3, 4, 5], 1).unwrap();
    assert_eq!(stacks.id(&guard, &[1, 2, 3, 4], 0), Ok(id), "cut to the depth");
    assert_eq!(stacks.id(&guard, &[8, 8], 0), Err(EEXIST));
    assert_eq!(stacks.id(&guard, &[8, 8], 2), Err(EFAULT));
    assert_eq!(stacks.id(&guard, &[8, 8], 1 << 20), Err(EINVAL));
    let words = |n: [u64; 4]| n.iter().flat_map(|w| w.to_ne_bytes()).collect::<Vec<u8>>();
    assert_eq!(map.lookup(&key(id)), Ok(words([1, 2, 3, 4])));
    assert_eq!(stacks.id(&guard, &[8, 8], BPF_F_REUSE_STACKID), Ok(id));
    assert_eq!(map.lookup(&key(id)), Ok(words([8, 8, 0, 0])));
    assert_eq!(map.next_key(None), Ok(key(id).to_vec()));
    assert_eq!(map.next_key(Some(&key(id))), Err(ENOENT));
    assert_eq!(
        (map.delete(&key(id)), map.delete(&key(id)), map.delete(&key(9))),
        (Ok(()), Err(ENOENT), Err(E2BIG))
    );
    assert_eq!(map.update(&key(0), &words([0; 4]), 0), Err(EINVAL));
}

#[test]
fn arenas_give_and_take_pages() {
    let spec =
        MapSpec::new(MapType::Arena, 0, 0, 100).with_flags(MapFlags::MMAPABLE | MapFlags::SEGV_ON_FAULT);
    let map = Map::create(spec.clone()).unwrap();
    let arena = map.arena().unwrap();
    let base = arena.user_address();
    assert_eq!(base % (1 << 32), 0);
    assert!(!arena.is_allocated(base, 1));
    assert_eq!(arena.write(base, b"x"), Err(EFAULT));
    let at = arena.alloc_pages(0, 2, -1, 0);
    assert_eq!(at, base);
    assert_eq!(arena.alloc_pages(base + 4096, 1, -1, 0), 0, "taken");
    assert_eq!(arena.alloc_pages(base + 99 * 4096, 2, -1, 0), 0, "past the end");
    assert_eq!(arena.alloc_pages(base + 99 * 4096, 1, -1, 0), base + 99 * 4096);
    assert_eq!((arena.alloc_pages(0, 0, -1, 0), arena.alloc_pages(0, 1, -1, 1)), (0, 0));
    assert!(arena.is_allocated(at + 4090, 4102) && !arena.is_allocated(at + 4090, 4103));
    arena.write(at + 4090, b"over the edge").unwrap();
    let mut out = [0; 13];
    // Only the lower half of an address counts.
    arena.read((at + 4090) & 0xffff_ffff, &mut out).unwrap();
    assert_eq!(&out, b"over the edge");
    // SAFETY: allocated pages.
    assert_eq!(unsafe { arena.host_address(at + 4090).read() }, b'o');
    arena.free_pages(at, 1);
    assert!(!arena.is_allocated(at, 1) && arena.is_allocated(at + 4096, 1));
    assert_eq!(arena.alloc_pages(0, 1, -1, 0), at);
    arena.read(at + 4090, &mut out[..4]).unwrap();
    assert_eq!(out[..4], [0; 4], "new pages are zero");
    assert_eq!(arena.alloc_pages(0, 98, -1, 0), 0);
    assert_eq!(map.lookup(&[]), Err(ENOTSUPP));
    let faulting = Map::create(spec.clone())
        .map(|_| ())
        .and_then(|()| Map::create(MapSpec { flags: MapFlags::MMAPABLE, map_extra: 0x1000, ..spec.clone() }));
    let faulting = faulting.unwrap();
    let arena = faulting.arena().unwrap();
    arena.write(0x1ffe, b"grows").unwrap();
    assert!(arena.is_allocated(0x1000, 0x2000) && !arena.is_allocated(0x3000, 1));
    assert_eq!(arena.write(0xfff, b"below"), Err(EFAULT));
    assert_eq!(arena.write(0x1000 + 100 * 4096, b"above"), Err(EFAULT));
    let crossing = MapSpec { map_extra: 0xffff_f000, ..spec };
    assert_eq!(Map::create(crossing).unwrap_err().errno, ERANGE);
}
