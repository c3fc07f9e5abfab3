//! Packet captures: any bytes as pcap or pcapng.

use std::io::Cursor;
use std::time::Duration;

use skep::capture::{MAX_PACKET, Reader, Writer};

use crate::Target;
use crate::rng::Rng;

pub(super) const PCAP: Target = Target {
    name: "pcap",
    about: "captures: read every packet of a pcap or pcapng file",
    run: read_any,
    seeds,
    words: &[],
    inputs: 40_000,
    max_len: 4096,
};

fn read_any(data: &[u8]) {
    let mut reader = match Reader::new("input", Cursor::new(data.to_vec())) {
        Ok(reader) => reader,
        Err(e) => return one_line(&e.to_string()),
    };
    let mut frames = 0;
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => assert!(frame.data.len() <= MAX_PACKET),
            Ok(None) => break,
            Err(e) => return one_line(&e.to_string()),
        }
        frames += 1;
        // Every frame takes at least its header from the file.
        assert!(frames <= data.len(), "more frames than bytes");
    }
}

fn one_line(text: &str) {
    assert!(
        text.starts_with("input: ") && !text.contains('\n'),
        "an error names the file in one line: {text}"
    );
}

/// A pcap file as we write it, and a pcapng file with one interface and one packet.
fn seeds() -> Vec<Vec<u8>> {
    vec![pcap(), pcapng()]
}

fn pcap() -> Vec<u8> {
    let mut rng = Rng::new(11, 0);
    let mut out = Vec::new();
    let written = Writer::new("seed", &mut out).and_then(|mut writer| {
        for i in 0..4u64 {
            let len = 14 + rng.below(60);
            writer.write(Duration::from_millis(i), &rng.bytes(len))?;
        }
        writer.finish()
    });
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
    out
}

fn pcapng() -> Vec<u8> {
    let mut out = Vec::new();
    // Section header: byte-order magic, version 1.0, length unknown.
    block(&mut out, 0x0a0d_0d0a, &[0x1a2b_3c4d, 0x0000_0001, u32::MAX, u32::MAX]);
    // Interface: Ethernet, no limit; option 9 (if_tsresol) of one byte: nanoseconds; end of options.
    block(&mut out, 1, &[1, 0, 0x0001_0009, 9, 0]);
    // Enhanced packet: interface 0, time, captured and original length 16, the bytes.
    block(&mut out, 6, &[0, 0, 1000, 16, 16, 1, 2, 3, 4]);
    out
}

/// Type, length, words, length again.
fn block(out: &mut Vec<u8>, kind: u32, words: &[u32]) {
    let len = 12 + 4 * words.len() as u32;
    for word in [kind, len].iter().chain(words).chain(&[len]) {
        out.extend_from_slice(&word.to_le_bytes());
    }
}
