//! The handle against the live kernel.

use std::os::fd::AsFd;

use skep_platform::errno::{E2BIG, EINVAL, ENOENT, EPERM};
use skep_platform::{MapFlags, MapType};

use crate::calls_test::skipped;
use crate::{Map, MapRequest, possible_cpus};

fn map(map_type: MapType, key: u32, value: u32, entries: u32, flags: MapFlags) -> Map {
    let request = MapRequest { flags, name: "skep-test!", ..MapRequest::new(map_type, key, value, entries) };
    Map::create(&request).expect("creates")
}

#[test]
fn elements_of_a_hash() {
    if skipped("elements_of_a_hash") {
        return;
    }
    let hash = map(MapType::Hash, 4, 8, 4, MapFlags::NONE);
    assert_eq!(hash.name(), "skep_test_");
    assert_eq!(hash.lookup(&[1; 4]), Err(ENOENT));
    assert_eq!(hash.lookup(&[1; 3]), Err(EINVAL));
    assert_eq!(hash.update(&[1; 4], &[2; 8], 0), Ok(()));
    assert_eq!(hash.update(&[2; 4], &[3; 8], 0), Ok(()));
    assert_eq!(hash.keys().collect::<Result<Vec<_>, _>>().map(|keys| keys.len()), Ok(2));
    assert_eq!(hash.lookup_and_delete(&[1; 4]), Ok(vec![2; 8]));
    assert_eq!(hash.delete(&[1; 4]), Err(ENOENT));
    assert_eq!(Map::from_id(hash.id()).expect("is there").lookup(&[2; 4]), Ok(vec![3; 8]));
}

#[test]
fn batches() {
    if skipped("batches") {
        return;
    }
    let hash = map(MapType::Hash, 4, 4, 2000, MapFlags::NONE);
    let numbers: Vec<u8> = (0..1500u32).flat_map(u32::to_ne_bytes).collect();
    assert_eq!(hash.update_batch(&numbers, &numbers, 0), Ok(1500));
    let all = hash.lookup_batch().expect("reads");
    assert_eq!(all.len(), 1500);
    assert!(all.iter().all(|(key, value)| key == value));
    assert_eq!(hash.delete_batch(&numbers[..400]), Ok(100));
    assert_eq!(hash.drain_batch().map(|all| all.len()), Ok(1400));
    assert_eq!(hash.lookup_batch().map(|all| all.len()), Ok(0));
    assert_eq!(hash.update_batch(&numbers, &numbers[4..], 0), Err(EINVAL));
    let array = map(MapType::Array, 4, 4, 300, MapFlags::NONE);
    assert_eq!(array.lookup_batch().map(|all| all.len()), Ok(300));
}

#[test]
fn queues_have_no_keys() {
    if skipped("queues_have_no_keys") {
        return;
    }
    let queue = map(MapType::Queue, 0, 4, 2, MapFlags::NONE);
    for number in [1u8, 2] {
        assert_eq!(queue.push(&[number; 4], 0), Ok(()));
    }
    assert_eq!(queue.push(&[3; 4], 0), Err(E2BIG));
    assert_eq!((queue.peek(), queue.pop(), queue.pop(), queue.pop()), {
        (Ok(vec![1; 4]), Ok(vec![1; 4]), Ok(vec![2; 4]), Err(ENOENT))
    });
}

#[test]
fn per_cpu_values_are_written_whole() {
    if skipped("per_cpu_values_are_written_whole") {
        return;
    }
    let array = map(MapType::PercpuArray, 4, 8, 1, MapFlags::NONE);
    let values: Vec<u8> = (0..possible_cpus() as u64).flat_map(u64::to_ne_bytes).collect();
    assert_eq!(array.update(&[0; 4], &values, 0), Ok(()));
    assert_eq!(array.lookup(&[0; 4]), Ok(values));
}

#[test]
fn arrays_are_memory_until_frozen() {
    if skipped("arrays_are_memory_until_frozen") {
        return;
    }
    let array = map(MapType::Array, 4, 12, 2, MapFlags::MMAPABLE);
    let memory = array.memory(true).expect("maps");
    assert_eq!(memory.write(1, 4, &[7; 8]), Some(()));
    assert_eq!(memory.write(2, 0, &[7]).or(memory.write(0, 9, &[7; 8])), None);
    assert_eq!(array.lookup(&1u32.to_ne_bytes()), Ok([[0; 4], [7; 4], [7; 4]].concat()));
    drop(memory);
    assert_eq!(array.freeze(), Ok(()));
    assert_eq!(array.update(&[0; 4], &[0; 12], 0), Err(EPERM));
    assert_eq!(array.memory(true).err(), Some(EPERM));
    let memory = array.memory(false).expect("maps");
    assert_eq!((memory.read(1, 4, 2), memory.write(1, 4, &[1])), (Some(vec![7, 7]), None));
}

#[test]
fn maps_hold_maps() {
    if skipped("maps_hold_maps") {
        return;
    }
    let inner = map(MapType::Array, 4, 4, 1, MapFlags::NONE);
    let request = MapRequest { inner: Some(inner.as_fd()), ..MapRequest::new(MapType::ArrayOfMaps, 4, 4, 2) };
    let outer = Map::create(&request).expect("creates");
    assert_eq!(outer.update_fd(&[0; 4], inner.as_fd()), Ok(()));
    assert_eq!(outer.lookup(&[0; 4]), Ok(inner.id().to_ne_bytes().to_vec()));
}

#[test]
fn an_arena_keeps_its_address() {
    if skipped("an_arena_keeps_its_address") {
        return;
    }
    let request = MapRequest { flags: MapFlags::MMAPABLE, ..MapRequest::new(MapType::Arena, 0, 0, 4) };
    let arena = match Map::create(&request) {
        Ok(arena) => arena,
        Err(errno) => return eprintln!("SKIPPED an_arena_keeps_its_address: {errno}"),
    };
    let memory = arena.memory(true).expect("maps");
    assert_eq!(memory.write(0, 5000, &[1, 2, 3]), Some(()));
    let address = memory.address();
    drop(memory);
    let memory = arena.memory(true).expect("maps");
    assert_eq!((memory.address(), memory.read(0, 5000, 3)), (address, Some(vec![1, 2, 3])));
}
