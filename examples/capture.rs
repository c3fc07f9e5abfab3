//! Writes `examples/evening.pcap`: one minute of a small network's evening, made up from a fixed seed.
//!
//! Eight people browse, look names up, ping their router and talk IPv6; meanwhile three strangers knock on
//! doors: a flood of connection requests, a port scan, and one who tries passwords patiently enough to stay under
//! the doorman's limit. Addresses are those that RFC 5737 and RFC 3849 set aside for documentation.
//!
//! ```text
//! cargo run --example capture -- examples/evening.pcap
//! ```

use std::time::Duration;

use skep::capture::Writer;

const ROUTER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const SERVER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];
const SERVER: [u8; 4] = [192, 0, 2, 10];
const SERVER_V6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10];
/// When the evening begins: 2026-01-31 20:00:00 UTC.
const BEGIN: Duration = Duration::from_secs(1_769_889_600);

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: capture FILE.pcap")?;
    let mut evening = Evening { random: Random(0x5eed), packets: Vec::new() };
    for person in 0..8 {
        evening.browse(person);
    }
    evening.flood([198, 51, 100, 23], Duration::from_secs(12));
    evening.scan([203, 0, 113, 99], Duration::from_secs(31));
    evening.try_passwords([203, 0, 113, 7]);
    evening.neighbours();
    evening.packets.sort_by_key(|(time, _)| *time);

    let mut writer = Writer::create(path)?;
    for (time, bytes) in &evening.packets {
        writer.write(BEGIN + *time, bytes)?;
    }
    writer.finish()?;
    println!("{} packets", evening.packets.len());
    Ok(())
}

/// The packets so far, each with its time since the beginning.
struct Evening {
    random: Random,
    packets: Vec<(Duration, Vec<u8>)>,
}

impl Evening {
    fn at(&mut self, time: Duration, packet: Vec<u8>) {
        self.packets.push((time, packet));
    }

    /// One person: a dozen pages, each a name look-up and a short TCP connection, and a few pings.
    fn browse(&mut self, person: u8) {
        let who = [192, 0, 2, 100 + person];
        for page in 0..12u16 {
            let mut time = Duration::from_millis(u64::from(page) * 4_800 + self.random.below(4_000));
            let port = 40_000 + u16::from(person) * 100 + page;
            let question = 30 + self.random.below(30) as usize;
            self.at(time, ipv4(who, 17, &udp(port, 53, &vec![b'q'; question])));
            let mut say = |evening: &mut Self, port_to, flags, bytes: usize| {
                time += Duration::from_micros(200 + evening.random.below(40_000));
                evening.at(time, ipv4(who, 6, &tcp(who, port, port_to, flags, &vec![b'.'; bytes])));
            };
            let door = if page % 3 == 0 { 80 } else { 443 };
            say(self, door, SYN, 0);
            say(self, door, ACK, 0);
            for _ in 0..2 + self.random.below(4) {
                let bytes = 60 + self.random.below(400) as usize;
                say(self, door, PSH | ACK, bytes);
            }
            say(self, door, FIN | ACK, 0);
        }
        for echo in 0..4u16 {
            let time = Duration::from_millis(u64::from(person) * 900 + u64::from(echo) * 1_000);
            self.at(time, ipv4(who, 1, &ping(person.into(), echo)));
        }
        let mut who6 = SERVER_V6;
        who6[15] = 0x80 + person;
        for n in 0..6 {
            let time = Duration::from_millis(self.random.below(60_000));
            self.at(time, ipv6(who6, 17, &udp(50_000 + n, 443, &[0xc0; 90])));
        }
    }

    /// Six hundred connection requests in three seconds, and again later, after the ban.
    fn flood(&mut self, who: [u8; 4], begin: Duration) {
        for wave in 0..2u64 {
            for n in 0..600u16 {
                let time = begin + Duration::from_millis(wave * 25_000 + u64::from(n) * 5);
                self.at(time, ipv4(who, 6, &tcp(who, 1_024 + n, 443, SYN, &[])));
            }
        }
    }

    /// Every port below 120, forty a second.
    fn scan(&mut self, who: [u8; 4], begin: Duration) {
        for port in 1..120u16 {
            let time = begin + Duration::from_millis(u64::from(port) * 25);
            self.at(time, ipv4(who, 6, &tcp(who, 55_555, port, SYN, &[])));
        }
    }

    /// Two connections a second to port 22: rude, but under the limit.
    fn try_passwords(&mut self, who: [u8; 4]) {
        for n in 0..110u16 {
            let time = Duration::from_millis(2_000 + u64::from(n) * 500 + self.random.below(90));
            self.at(time, ipv4(who, 6, &tcp(who, 30_000 + n, 22, SYN, &[])));
        }
    }

    /// ARP questions now and then, and one frame too short to be anything.
    fn neighbours(&mut self) {
        for n in 0..20u8 {
            let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1];
            arp.extend(ROUTER_MAC);
            arp.extend([192, 0, 2, 1]);
            arp.extend([0; 6]);
            arp.extend([192, 0, 2, 100 + n % 8]);
            self.at(Duration::from_secs(u64::from(n) * 3), ethernet(0x0806, &arp));
        }
        self.at(Duration::from_secs(40), vec![0xff; 10]);
    }
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&SERVER_MAC[..], &ROUTER_MAC, &kind.to_be_bytes(), payload].concat()
}

fn ipv4(source: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut header = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header[2..4].copy_from_slice(&length.to_be_bytes());
    header[12..16].copy_from_slice(&source);
    header[16..20].copy_from_slice(&SERVER);
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    ethernet(0x0800, &[&header, payload].concat())
}

fn ipv6(source: [u8; 16], next: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend((payload.len() as u16).to_be_bytes());
    header.extend([next, 64]);
    header.extend(source);
    header.extend(SERVER_V6);
    header.extend(payload);
    ethernet(0x86dd, &header)
}

fn tcp(source: [u8; 4], from: u16, to: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = [&from.to_be_bytes()[..], &to.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    let length = (segment.len() as u16).to_be_bytes();
    let sum = checksum(&[&source, &SERVER, &[0, 6], &length, &segment]);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    segment
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len()) as u16;
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

fn ping(id: u16, sequence: u16) -> Vec<u8> {
    let mut echo = [&[8, 0, 0, 0][..], &id.to_be_bytes(), &sequence.to_be_bytes(), &[0x61; 32]].concat();
    let sum = checksum(&[&echo]);
    echo[2..4].copy_from_slice(&sum.to_be_bytes());
    echo
}

/// The Internet checksum (RFC 1071) over the parts as one row; every part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let mut sum: u32 =
        words.map(|w| u32::from(u16::from_be_bytes([w[0], w.get(1).copied().unwrap_or(0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// A small xorshift generator: the evening must be the same each time it is written.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
