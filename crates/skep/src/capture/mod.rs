//! Packet captures: pcap and pcapng files in, pcap files out.
//!
//! The formats are read by the `pcap-parser` crate; this module turns what it yields into one kind of [`Frame`], keeps
//! memory bounded whatever the file claims, and says where a broken file is broken.

mod reader;
mod writer;

use std::time::Duration;

pub use reader::Reader;
pub use writer::Writer;

/// The link type of Ethernet frames in a capture (`LINKTYPE_ETHERNET`).
pub const ETHERNET: i32 = 1;

/// The largest packet that is read or written: what `tcpdump` allows (`MAXIMUM_SNAPLEN`).
pub const MAX_PACKET: usize = 262_144;

/// One packet of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it was captured, since 1970-01-01 00:00 UTC.
    pub time: Duration,
    /// The bytes that were captured, from the link-layer header on.
    pub data: &'a [u8],
    /// Its length on the wire; more than `data` has when the capture cut it.
    pub wire_length: u32,
    /// The interface it came from, counted from 0 (always 0 in pcap files).
    pub interface: u32,
}

/// Why a capture cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system's answer.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The bytes are not what the format says.
    #[error("{path}: byte {offset}: {message}")]
    Format {
        /// The file.
        path: String,
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// What was expected and what was found.
        message: String,
    },
}
