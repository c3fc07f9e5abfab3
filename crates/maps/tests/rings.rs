//! Ring buffer, user ring buffer, perf event array: exact sizes, order, and that nothing is lost.

#![allow(clippy::unwrap_used, reason = "a test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skep_maps::*;
use skep_platform::MapType;
use skep_platform::errno::*;

fn ring(map_type: MapType, size: u32) -> Map {
    Map::create(MapSpec::new(map_type, 0, 0, size)).unwrap()
}

#[test]
fn room_is_counted_as_linux_counts() {
    let map = ring(MapType::Ringbuf, 4096);
    let ring = map.ringbuf().unwrap();
    let guard = pin();
    // A record takes its length plus eight, rounded up, and one byte of the ring stays free.
    assert!(ring.reserve(&guard, 4089, 0).is_none());
    assert!(ring.reserve(&guard, 4088, 0).is_none(), "the whole ring is one byte too much");
    let record = ring.reserve(&guard, 4080, 0).unwrap();
    assert_eq!(ring.query(BPF_RB_AVAIL_DATA), 4088);
    assert_eq!(ring.output(&guard, b"x", 0), Err(EAGAIN));
    ring.discard(record, 0).unwrap();
    assert_eq!(ring.submit(record, 0), Err(EINVAL), "finished already");
    assert_eq!(RingReader::new(&map).unwrap().next(), None);
    assert_eq!(ring.query(BPF_RB_AVAIL_DATA), 0);
    assert_eq!((ring.query(BPF_RB_CONS_POS), ring.query(BPF_RB_PROD_POS)), (4088, 4088));
    assert_eq!((ring.query(BPF_RB_RING_SIZE), ring.query(9)), (4096, 0));
    assert!(ring.reserve(&guard, 8, 1).is_none(), "flags");
    assert!(ring.reserve(&guard, 1 << 40, 0).is_none());
    assert_eq!(ring.output(&guard, b"x", 4), Err(EINVAL));
    for errno in
        [map.update(&[], &[], 0), map.delete(&[]), map.next_key(None).map(drop), map.lookup(&[]).map(drop)]
    {
        assert_eq!(errno, Err(ENOTSUPP));
    }
}

#[test]
fn the_reader_stops_at_the_first_unfinished_record() {
    let map = ring(MapType::Ringbuf, 4096);
    let ring = map.ringbuf().unwrap();
    let guard = pin();
    let mut reader = RingReader::new(&map).unwrap();
    assert_eq!(RingReader::new(&map).unwrap_err(), EBUSY);
    let first = ring.reserve(&guard, 4, 0).unwrap();
    ring.output(&guard, b"second", 0).unwrap();
    assert_eq!(reader.next(), None);
    // SAFETY: a reserved record of four bytes.
    unsafe { first.cast::<[u8; 4]>().write(*b"1st!") };
    ring.submit(first, 0).unwrap();
    assert_eq!(reader.next().unwrap(), b"1st!");
    assert_eq!(reader.next().unwrap(), b"second");
}

#[test]
fn records_over_the_end_are_in_one_piece() {
    let map = ring(MapType::Ringbuf, 4096);
    let mut reader = RingReader::new(&map).unwrap();
    for round in 0..50u8 {
        let record = vec![round; 1000 + usize::from(round)];
        map.ringbuf().unwrap().output(&pin(), &record, 0).unwrap();
        assert_eq!(reader.next().unwrap(), record);
    }
}

#[test]
fn four_producers_lose_nothing_and_keep_their_order() {
    const PRODUCERS: u64 = 4;
    const RECORDS: u64 = 20_000;
    let map = ring(MapType::Ringbuf, 1 << 14);
    let mut reader = RingReader::new(&map).unwrap();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|id| {
            let map = map.clone();
            std::thread::spawn(move || {
                let ring = map.ringbuf().unwrap();
                for n in 0..RECORDS {
                    let mut record = vec![id as u8; 16 + (n % 40) as usize];
                    record[..8].copy_from_slice(&n.to_ne_bytes());
                    let mut guard = pin();
                    while ring.output(&guard, &record, 0).is_err() {
                        drop(guard);
                        std::thread::yield_now();
                        guard = pin();
                    }
                }
            })
        })
        .collect();
    let mut next = [0; PRODUCERS as usize];
    let mut left = PRODUCERS * RECORDS;
    while left > 0 {
        assert!(reader.wait(Some(Duration::from_secs(60))), "asleep with {left} records to come");
        left -= reader.drain(usize::MAX, |record| {
            let id = usize::from(record[15]);
            let n = u64::from_ne_bytes(record[..8].try_into().unwrap());
            assert_eq!(n, next[id], "producer {id}");
            assert_eq!(record.len() as u64, 16 + n % 40);
            assert!(record[8..].iter().all(|byte| usize::from(*byte) == id), "torn");
            next[id] += 1;
        }) as u64;
    }
    producers.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(reader.next(), None);
}

#[test]
fn waking_follows_the_flags() {
    let map = ring(MapType::Ringbuf, 4096);
    let mut reader = RingReader::new(&map).unwrap();
    assert!(!reader.wait(Some(Duration::from_millis(1))));
    map.ringbuf().unwrap().output(&pin(), b"quiet", BPF_RB_NO_WAKEUP).unwrap();
    assert!(reader.wait(None), "what is there already ends a wait at once");
    assert_eq!(reader.next().unwrap(), b"quiet");
    let producer = {
        let map = map.clone();
        std::thread::spawn(move || {
            map.ringbuf().unwrap().output(&pin(), b"loud", BPF_RB_FORCE_WAKEUP).unwrap();
        })
    };
    assert!(reader.wait(None));
    assert_eq!(reader.next().unwrap(), b"loud");
    producer.join().unwrap();
}

#[test]
fn a_program_drains_what_the_application_produces() {
    let map = ring(MapType::UserRingbuf, 4096);
    let ring = map.user_ring().unwrap();
    let guard = pin();
    assert_eq!(ring.drain(&guard, 0, |_, _| Drain::Continue), Ok(0));
    for n in 0..3u64 {
        assert!(ring.produce(&n.to_ne_bytes()));
    }
    assert!(!ring.produce(&[0; 4090]));
    let mut seen = Vec::new();
    let count = ring.drain(&guard, 0, |at, len| {
        assert_eq!(len, 8);
        // SAFETY: a sample of eight bytes, 8-aligned.
        seen.push(unsafe { at.cast::<u64>().read() });
        assert_eq!(ring.drain(&guard, 0, |_, _| Drain::Continue), Err(EBUSY));
        if seen.len() == 2 { Drain::Stop } else { Drain::Continue }
    });
    assert_eq!((count, seen), (Ok(2), vec![0, 1]));
    assert_eq!(ring.available(), 16);
    assert_eq!(ring.drain(&guard, 4, |_, _| Drain::Continue), Err(EINVAL));
    assert!(!ring.produce_blocking(&[0; 4082], Some(Duration::from_millis(1))), "never fits");
    assert!(!ring.produce_blocking(&[0; 4070], Some(Duration::from_millis(1))), "does not fit now");
}

#[test]
fn perf_rings_count_what_they_lose() {
    let map = Map::create(MapSpec::new(MapType::PerfEventArray, 4, 4, 8)).unwrap();
    let perf = map.perf().unwrap();
    let guard = pin();
    assert_eq!(perf.output(&guard, BPF_F_CURRENT_CPU, &[b"x"]), Err(ENOENT));
    assert_eq!(perf.output(&guard, 8, &[b"x"]), Err(E2BIG));
    assert_eq!(perf.output(&guard, 1 << 60, &[b"x"]), Err(EINVAL));
    let mut reader = PerfReader::new(&map, 1).unwrap();
    assert!(PerfReader::new(&map, 1).is_err());
    let (slot, sent) = (guard.slot(), Arc::new(AtomicU64::new(0)));
    for other in (0..slots()).filter(|other| *other != slot) {
        assert_eq!(perf.output(&guard, other.into(), &[b"x"]), Err(EOPNOTSUPP));
    }
    while perf.output(&guard, BPF_F_CURRENT_CPU, &[b"abc", b"defgh"]).is_ok() {
        sent.fetch_add(1, Ordering::Relaxed);
    }
    assert_eq!(perf.output(&guard, slot.into(), &[b"lost"]), Err(ENOSPC));
    assert!(reader.wait(None));
    assert_eq!(reader.next(), Some(PerfEvent::Lost { slot, count: 2 }));
    let records: Vec<_> = reader.by_ref().collect();
    assert_eq!(records.len() as u64, sent.load(Ordering::Relaxed));
    assert!(records.iter().all(|r| *r == PerfEvent::Record { slot, data: b"abcdefgh".to_vec() }));
    drop(reader);
    assert_eq!(perf.output(&guard, BPF_F_CURRENT_CPU, &[b"x"]), Err(ENOENT));
}
