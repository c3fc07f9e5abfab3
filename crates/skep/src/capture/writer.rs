//! Writing captures.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use pcap_parser::{LegacyPcapBlock, Linktype, PcapHeader, ToVec};

use super::{CaptureError, ETHERNET, MAX_PACKET};

/// The magic number of a pcap file whose time stamps count nanoseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// Writes a pcap file of Ethernet frames with nanosecond time stamps.
pub struct Writer<W: Write = BufWriter<File>> {
    path: String,
    out: W,
}

impl Writer {
    /// Creates the file, replacing what was there.
    ///
    /// # Errors
    /// [`CaptureError::Io`] when the file cannot be created or written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, CaptureError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let file = File::create(path).map_err(|source| CaptureError::Io { path: name.clone(), source })?;
        Self::new(&name, BufWriter::new(file))
    }
}

impl<W: Write> Writer<W> {
    /// Writes to anything; `name` is what errors call it.
    ///
    /// # Errors
    /// [`CaptureError::Io`] when the header cannot be written.
    pub fn new(name: &str, out: W) -> Result<Self, CaptureError> {
        let mut writer = Self { path: name.to_owned(), out };
        let header = PcapHeader {
            magic_number: NANOSECONDS,
            version_major: 2,
            version_minor: 4,
            thiszone: 0,
            sigfigs: 0,
            snaplen: MAX_PACKET as u32,
            network: Linktype(ETHERNET),
        };
        writer.put(header.to_vec_raw())?;
        Ok(writer)
    }

    /// Appends one packet. `time` counts from 1970-01-01 00:00 UTC and is cut to 32 bits of seconds, as the format has it.
    ///
    /// # Errors
    /// [`CaptureError::Io`] when it cannot be written.
    pub fn write(&mut self, time: Duration, data: &[u8]) -> Result<(), CaptureError> {
        let length = data.len() as u32;
        let block = LegacyPcapBlock {
            ts_sec: time.as_secs() as u32,
            ts_usec: time.subsec_nanos(),
            caplen: length,
            origlen: length,
            data,
        };
        self.put(block.to_vec_raw())
    }

    /// Writes what is still buffered. Dropping the writer does the same, but cannot report an error.
    ///
    /// # Errors
    /// [`CaptureError::Io`] when it cannot be written.
    pub fn finish(mut self) -> Result<(), CaptureError> {
        self.out.flush().map_err(|source| CaptureError::Io { path: self.path.clone(), source })
    }

    fn put(&mut self, bytes: Result<Vec<u8>, impl std::fmt::Display>) -> Result<(), CaptureError> {
        let written = bytes
            .map_err(|error| std::io::Error::other(error.to_string()))
            .and_then(|bytes| self.out.write_all(&bytes));
        written.map_err(|source| CaptureError::Io { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Reader;

    /// Two packets through the writer and back.
    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        let mut writer = Writer::new("memory", &mut bytes).unwrap();
        let (early, late) = (Duration::new(5, 999_999_999), Duration::new(6, 1));
        writer.write(early, b"one").unwrap();
        writer.write(late, &[7; 2000]).unwrap();
        writer.finish().unwrap();

        let mut reader = Reader::new("memory", std::io::Cursor::new(bytes)).unwrap();
        let first = reader.next_frame().unwrap().unwrap();
        assert_eq!((first.time, first.data, first.wire_length), (early, &b"one"[..], 3));
        let second = reader.next_frame().unwrap().unwrap();
        assert_eq!((second.time, second.data), (late, &[7; 2000][..]));
        assert!(reader.next_frame().unwrap().is_none());
    }

    /// A file cut in the middle of a packet says where.
    #[test]
    fn a_cut_file_names_the_offset() {
        let mut bytes = Vec::new();
        let mut writer = Writer::new("memory", &mut bytes).unwrap();
        writer.write(Duration::ZERO, &[0; 100]).unwrap();
        writer.write(Duration::ZERO, &[0; 100]).unwrap();
        writer.finish().unwrap();
        bytes.truncate(200);
        let mut reader = Reader::new("cut.pcap", std::io::Cursor::new(bytes)).unwrap();
        assert!(reader.next_frame().unwrap().is_some());
        let error = reader.next_frame().unwrap_err().to_string();
        assert_eq!(error, "cut.pcap: byte 140: the file ends in the middle of a packet");
    }
}
