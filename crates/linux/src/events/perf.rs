//! Reading a perf buffer (`BPF_MAP_TYPE_PERF_EVENT_ARRAY`).
//!
//! Each CPU has a buffer of its own: a perf event of the kind "output of eBPF", mapped into this process, and put into
//! the map's slot of that CPU. A record that does not fit is lost; the kernel counts those and says so in a record of
//! its own as soon as there is room, which is how the reader knows.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use skep_platform::errno::EINVAL;
use skep_platform::{Errno, MapType};

use crate::events::Waiter;
use crate::map::{Map, Mapping, page_size};
use crate::perf_event::{self, PerfEventAttr};

/// Where the positions stand in the first page: the kernel's and ours.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// Types of record.
const LOST: u32 = 2;
const SAMPLE: u32 = 9;

/// `struct perf_event_header`, and in front of a sample's bytes their count.
const HEADER: usize = 8;
const COUNT: usize = 4;

/// What was read from a perf buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerfRecord<'a> {
    /// What a program sent. The kernel pads it with zeros to 8 bytes less 4, so it may be longer than what was sent.
    Data {
        /// Whose buffer it was in.
        cpu: u32,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// This many records did not fit.
    Lost {
        /// Whose buffer was full.
        cpu: u32,
        /// How many, since the last such record.
        count: u64,
    },
}

/// The reader of a perf buffer: of all CPUs that are on line.
#[derive(Debug)]
pub struct PerfReader {
    buffers: Vec<Buffer>,
    waiter: Waiter,
    lost: u64,
    /// A record that wraps round is put together here.
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Buffer {
    cpu: u32,
    memory: Mapping,
    size: usize,
    /// Keeps the event open; the map's slot holds no reference of its own beyond ours.
    _event: OwnedFd,
}

impl PerfReader {
    /// Makes a buffer of `pages` pages (a power of two) for every CPU on line and puts it into the map. Wakes the reader
    /// when `wake_after` records have come; 1 wakes for each.
    ///
    /// # Errors
    /// `EINVAL` for another type of map or a number of pages that is no power of two; the errno of opening or mapping.
    pub fn new(map: &Map, pages: usize, wake_after: u32) -> Result<PerfReader, Errno> {
        if map.map_type() != Some(MapType::PerfEventArray) || !pages.is_power_of_two() {
            return Err(EINVAL);
        }
        let waiter = Waiter::new()?;
        let mut buffers = Vec::new();
        for cpu in perf_event::cpus_on_line().into_iter().filter(|cpu| *cpu < map.info().max_entries) {
            let event = perf_event::open(&PerfEventAttr::output(wake_after), -1, cpu as i32)?;
            let size = pages * page_size();
            let memory = Mapping::new(event.as_fd(), 0, page_size() + size, true, None)?;
            map.update_fd(&cpu.to_ne_bytes(), event.as_fd())?;
            perf_event::enable(event.as_fd())?;
            waiter.add(event.as_fd(), buffers.len() as u64)?;
            buffers.push(Buffer { cpu, memory, size, _event: event });
        }
        Ok(PerfReader { buffers, waiter, lost: 0, scratch: Vec::new() })
    }

    /// Sleeps until there is something to read, at most this long; whether there is.
    ///
    /// # Errors
    /// The errno of waiting.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool, Errno> {
        Ok(!self.waiter.wait(timeout)?.is_empty())
    }

    /// Hands every record to `take`, CPU by CPU, oldest first, and frees its room; gives how many held data.
    pub fn read(&mut self, mut take: impl FnMut(PerfRecord<'_>)) -> usize {
        let mut count = 0;
        for buffer in &self.buffers {
            let (got, lost) = buffer.drain(&mut self.scratch, &mut take);
            count += got;
            self.lost += lost;
        }
        count
    }

    /// How many records were lost so far, of those the kernel has told about.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}

impl Buffer {
    fn drain(&self, scratch: &mut Vec<u8>, take: &mut impl FnMut(PerfRecord<'_>)) -> (usize, u64) {
        let (mut count, mut lost) = (0, 0);
        let (Some(head), Some(tail)) = (self.memory.number(HEAD), self.memory.number(TAIL)) else {
            return (0, 0);
        };
        let end = head.load(Ordering::Acquire);
        let mut at = tail.load(Ordering::Relaxed);
        while at < end {
            self.copy(at, HEADER, scratch);
            let Some(kind) = word(scratch, 0) else { break };
            let len = scratch.get(6..8).map_or(0, |b| usize::from(u16::from_ne_bytes([b[0], b[1]])));
            if len < HEADER || len as u64 > end - at {
                break;
            }
            self.copy(at, len, scratch);
            match kind {
                SAMPLE => {
                    let sent = word(scratch, HEADER).unwrap_or(0) as usize;
                    let from = HEADER + COUNT;
                    if let Some(bytes) = scratch.get(from..).and_then(|rest| rest.get(..sent)) {
                        take(PerfRecord::Data { cpu: self.cpu, bytes });
                        count += 1;
                    }
                }
                LOST => {
                    let bytes = scratch.get(16..24).and_then(|bytes| bytes.try_into().ok());
                    let missing = bytes.map_or(0, u64::from_ne_bytes);
                    lost += missing;
                    take(PerfRecord::Lost { cpu: self.cpu, count: missing });
                }
                _ => {}
            }
            at += len as u64;
            tail.store(at, Ordering::Release);
        }
        (count, lost)
    }

    /// Copies what stands at a position, also when it goes on at the buffer's start.
    fn copy(&self, at: u64, len: usize, to: &mut Vec<u8>) {
        let offset = at as usize & (self.size - 1);
        let first = len.min(self.size - offset);
        let page = page_size();
        to.clear();
        to.extend(self.memory.read(page + offset, first).unwrap_or_default());
        to.extend(self.memory.read(page, len - first).unwrap_or_default());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}
