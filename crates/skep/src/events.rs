//! Records that programs send: ring buffers and perf event arrays, read as one stream.

use skep_btf::value::{Value, format};
use skep_btf::{Btf, Kind, Type, TypeId};
use skep_maps::{Map, PerfEvent, PerfReader, RingReader};
use skep_platform::MapType;

/// Pages of each perf ring: 256 KiB, room for a burst between two polls.
const PERF_PAGES: usize = 64;

/// Readers of every ring buffer and perf event array among some maps.
pub struct Events {
    readers: Vec<(usize, Reader)>,
}

enum Reader {
    Ring(RingReader),
    Perf(PerfReader),
}

/// Something that came out of a reader.
#[derive(Debug)]
pub enum Event {
    /// A record's bytes.
    Record(Vec<u8>),
    /// Records that were lost because nobody read them in time.
    Lost(u64),
}

impl Events {
    /// Opens a reader for each map that has one to open. It must exist before programs run, or perf events find nobody
    /// to go to. A map that somebody else reads already is left out.
    pub fn open(maps: &[Map]) -> Self {
        let readers = maps.iter().enumerate().filter_map(|(index, map)| {
            let reader = match map.spec().map_type {
                MapType::Ringbuf => Reader::Ring(RingReader::new(map).ok()?),
                MapType::PerfEventArray => Reader::Perf(PerfReader::new(map, PERF_PAGES).ok()?),
                _ => return None,
            };
            Some((index, reader))
        });
        Self { readers: readers.collect() }
    }

    /// Whether there is anything to poll.
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Hands over what has arrived, with the index of its map. Does not wait.
    pub fn poll(&mut self, mut visit: impl FnMut(usize, Event)) {
        for (index, reader) in &mut self.readers {
            match reader {
                Reader::Ring(ring) => ring.by_ref().for_each(|record| visit(*index, Event::Record(record))),
                Reader::Perf(perf) => perf.by_ref().for_each(|event| match event {
                    PerfEvent::Record { data, .. } => visit(*index, Event::Record(data)),
                    PerfEvent::Lost { count, .. } => visit(*index, Event::Lost(count)),
                }),
            }
        }
    }
}

/// A record as the structure `name`; bytes if there is none of that name.
pub fn decode(btf: &Btf, name: &str, record: &[u8]) -> Value {
    match btf.find(name, Kind::Struct) {
        Some(id) => format(btf, id, record),
        None => Value::Unknown(record.to_vec()),
    }
}

/// The structure that a record of this length is likely to be: the only one of that size in the object whose name says
/// that it is sent. The types of ring buffers are nowhere written down.
pub fn likely_type(btf: &Btf, length: usize) -> Option<String> {
    const TELLING: &[&str] = &["event", "record", "sample", "message", "msg", "report"];
    let mut found = btf.types().filter_map(|(id, ty)| match ty {
        Type::Struct(composite) if size_is(btf, id, length) => {
            let name = composite.name.to_owned();
            TELLING.iter().any(|word| name.contains(word)).then_some(name)
        }
        _ => None,
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn size_is(btf: &Btf, id: TypeId, length: usize) -> bool {
    btf.size_of(id) == u32::try_from(length).ok()
}
