//! Reading captures.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use pcap_parser::pcapng::build_ts_resolution;
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

use super::{CaptureError, ETHERNET, Frame, MAX_PACKET};

/// What the buffer starts with; it grows to [`LARGEST_BLOCK`] at most.
const BUFFER: usize = 1 << 20;

/// The largest block of a pcapng file that is accepted: room for a packet of [`MAX_PACKET`] and generous options.
const LARGEST_BLOCK: usize = 4 << 20;

/// How many interfaces a pcapng section may describe; the format sets no limit, memory does.
const MAX_INTERFACES: usize = 4096;

/// Reads a pcap or pcapng file packet by packet.
pub struct Reader {
    path: String,
    inner: Box<dyn PcapReaderIterator + Send>,
    /// By pcapng interface number; a pcap file has one.
    interfaces: Vec<Interface>,
    /// Length of the block that was handed out last, to be consumed before the next.
    pending: usize,
    /// Bytes consumed before `pending`.
    offset: u64,
}

/// How the packets of one interface are to be read.
struct Interface {
    link_type: i32,
    /// Time stamp units in a second, never 0.
    resolution: u64,
    /// Seconds to add to each time stamp.
    time_offset: i64,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`CaptureError::Io`] when the file cannot be read, [`CaptureError::Format`] when it is neither pcap nor pcapng.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| CaptureError::Io { path: name.clone(), source })?;
        Self::new(&name, file)
    }

    /// Reads from anything; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(name: &str, source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let inner = create_reader(BUFFER, Full(source)).map_err(|error| CaptureError::Format {
            path: name.to_owned(),
            offset: 0,
            message: match error {
                PcapError::Eof => "the file is empty: expected a pcap or pcapng capture".to_owned(),
                PcapError::ReadError => "cannot be read (is it a file?)".to_owned(),
                _ => "this is neither a pcap nor a pcapng capture: expected one of their magic numbers"
                    .to_owned(),
            },
        })?;
        Ok(Self { path: name.to_owned(), inner, interfaces: Vec::new(), pending: 0, offset: 0 })
    }

    /// Bytes of the file that have been read, for a progress bar.
    pub fn position(&self) -> u64 {
        self.offset
    }

    /// The next packet, or `None` at the end.
    ///
    /// # Errors
    /// [`CaptureError::Format`] with the offset of the block at fault; reading on after an error gives the same error.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        // Found first and fetched again afterwards: a reference given out from inside a loop would keep the
        // reader borrowed in all of its rounds.
        if !self.advance()? {
            return Ok(None);
        }
        let Self { path, inner, interfaces, offset, pending } = self;
        let fail = |message: String| CaptureError::Format { path: path.clone(), offset: *offset, message };
        let (length, block) = inner.next().map_err(|_| fail("the block cannot be read again".into()))?;
        *pending = length;
        let frame = frame(&block, interfaces).map_err(fail)?;
        // The frame borrows from the buffer, not from `block`, but the parser's types cannot say so for both formats.
        frame.ok_or_else(|| fail("not a packet".into())).map(Some)
    }

    /// Consumes blocks until the next one is a packet; false at the end of the file.
    fn advance(&mut self) -> Result<bool, CaptureError> {
        loop {
            self.inner.consume(std::mem::take(&mut self.pending));
            self.offset = self.inner.consumed() as u64;
            let offset = self.offset;
            let fail = |message: String| CaptureError::Format { path: self.path.clone(), offset, message };
            match self.inner.next() {
                Ok((length, block)) => {
                    if is_packet(&block) {
                        return Ok(true);
                    }
                    note(&block, &mut self.interfaces).map_err(fail)?;
                    if length == 0 {
                        return Err(fail("a block of length 0".into()));
                    }
                    self.pending = length;
                }
                Err(PcapError::Eof) => return Ok(false),
                Err(PcapError::Incomplete(_)) => self.refill()?,
                Err(PcapError::BufferTooSmall) => {
                    let size = self.inner.data().len().max(BUFFER).saturating_mul(2);
                    if size > LARGEST_BLOCK || !self.inner.grow(size) {
                        return Err(fail(format!("a block larger than {LARGEST_BLOCK} bytes")));
                    }
                    self.refill()?;
                }
                Err(PcapError::UnexpectedEof) => {
                    return Err(fail("the file ends in the middle of a packet".into()));
                }
                Err(_) => return Err(fail("not a valid block: its lengths do not agree".into())),
            }
        }
    }

    fn refill(&mut self) -> Result<(), CaptureError> {
        let (path, offset) = (self.path.clone(), self.offset);
        self.inner.refill().map_err(|_| CaptureError::Format {
            path,
            offset,
            message: "cannot be read further".into(),
        })
    }
}

fn is_packet(block: &PcapBlockOwned<'_>) -> bool {
    matches!(
        block,
        PcapBlockOwned::Legacy(_) | PcapBlockOwned::NG(Block::EnhancedPacket(_) | Block::SimplePacket(_))
    )
}

/// Takes in what a block that is not a packet says about the packets after it.
fn note(block: &PcapBlockOwned<'_>, interfaces: &mut Vec<Interface>) -> Result<(), String> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            interfaces.push(Interface { link_type: header.network.0, resolution, time_offset: 0 });
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
        PcapBlockOwned::NG(Block::InterfaceDescription(block)) => {
            if interfaces.len() == MAX_INTERFACES {
                return Err(format!("more than {MAX_INTERFACES} interfaces"));
            }
            let resolution = build_ts_resolution(block.if_tsresol)
                .ok_or_else(|| format!("time stamp resolution {:#04x} is out of range", block.if_tsresol))?;
            interfaces.push(Interface {
                link_type: block.linktype.0,
                resolution,
                time_offset: block.if_tsoffset,
            });
        }
        _ => {}
    }
    Ok(())
}

/// The packet in a block, or `None` when it is none.
fn frame<'a>(block: &PcapBlockOwned<'a>, interfaces: &[Interface]) -> Result<Option<Frame<'a>>, String> {
    let (number, ticks, data, wire_length) = match block {
        PcapBlockOwned::Legacy(packet) => {
            let resolution = interfaces.first().map_or(1, |i| i.resolution);
            let ticks = u64::from(packet.ts_sec) * resolution + u64::from(packet.ts_usec);
            (0, ticks, packet.data, packet.origlen)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let ticks = (u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low);
            let data = packet.data.get(..packet.caplen as usize);
            let data = data.ok_or("the packet is longer than its block")?;
            (packet.if_id, ticks, data, packet.origlen)
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let length = packet.packet_data().len();
            (0, 0, packet.data.get(..length).unwrap_or(packet.data), packet.origlen)
        }
        _ => return Ok(None),
    };
    let interface = interfaces.get(number as usize).ok_or_else(|| {
        format!("a packet of interface {number}, of which {} are described", interfaces.len())
    })?;
    if interface.link_type != ETHERNET {
        return Err(format!(
            "link type {} on interface {number}: expected Ethernet ({ETHERNET})",
            interface.link_type
        ));
    }
    if data.len() > MAX_PACKET {
        return Err(format!("a packet of {} bytes: the limit is {MAX_PACKET}", data.len()));
    }
    Ok(Some(Frame { time: interface.time(ticks), data, wire_length, interface: number }))
}

impl Interface {
    fn time(&self, ticks: u64) -> Duration {
        let seconds = (ticks / self.resolution).saturating_add_signed(self.time_offset);
        let fraction = u128::from(ticks % self.resolution) * 1_000_000_000 / u128::from(self.resolution);
        Duration::new(seconds, fraction as u32)
    }
}

/// A reader whose `read` fills the buffer: the parser takes a short read at the start for the whole file.
struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }
}
