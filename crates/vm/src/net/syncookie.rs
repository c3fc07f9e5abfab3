//! SYN cookies: a server's initial sequence number that carries what it would else have to remember.
//!
//! A cookie hides the minute it was made in and one of a few segment sizes under a keyed hash of the connection. The
//! layout is Linux's; the secret is the environment's, so cookies are good within one environment and not for a kernel.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::errno::{EACCES, EINVAL, ENOENT, Errno};
use super::siphash::siphash;
use super::sockets::{Socket, State, Transport};

/// Segment sizes a cookie can tell apart for IPv4, rising.
const MSS_V4: [u16; 4] = [536, 1300, 1440, 1460];
/// The same for IPv6.
const MSS_V6: [u16; 4] = [1220, 1420, 1440, 8940];
/// Assumed when the client says nothing.
const MSS_DEFAULT_V4: u16 = 536;
/// The same for IPv6: what the least link allows.
const MSS_DEFAULT_V6: u16 = 1220;
/// Bits below the minute count.
const COOKIE_BITS: u32 = 24;
/// Minutes that a cookie is good for.
const MAX_AGE: u32 = 2;
/// Length of a TCP header without options.
const TCP_HLEN: usize = 20;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// A segment as the cookie helpers are given it: the connection's ends and the TCP header with its options.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    source: IpAddr,
    destination: IpAddr,
    tcp: &'a [u8],
}

impl<'a> Segment<'a> {
    /// Reads the addresses of an IPv4 or IPv6 header, by its version. `tcp` is the TCP header, with its options when a
    /// cookie is to be made.
    ///
    /// # Errors
    /// `EINVAL` when a header is too short.
    pub fn new(ip: &[u8], tcp: &'a [u8]) -> Result<Self, Errno> {
        let four = |at: usize| ip.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(IpAddr::from);
        let sixteen =
            |at: usize| ip.get(at..at + 16).and_then(|b| <[u8; 16]>::try_from(b).ok()).map(IpAddr::from);
        let (source, destination) = match ip.first().ok_or(EINVAL)? >> 4 {
            4 => (four(12), four(16)),
            6 => (sixteen(8), sixteen(24)),
            _ => (None, None),
        };
        if tcp.len() < TCP_HLEN {
            return Err(EINVAL);
        }
        Ok(Self { source: source.ok_or(EINVAL)?, destination: destination.ok_or(EINVAL)?, tcp })
    }

    fn flags(&self) -> u8 {
        self.tcp[13]
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes([self.tcp[at], self.tcp[at + 1], self.tcp[at + 2], self.tcp[at + 3]])
    }

    /// The segment size the client offers.
    fn mss(&self) -> Option<u16> {
        let mut options = &self.tcp[TCP_HLEN..];
        loop {
            match *options {
                [1, ref rest @ ..] => options = rest,
                [2, 4, a, b, ..] => return Some(u16::from_be_bytes([a, b])).filter(|mss| *mss != 0),
                [0, ..] => return None,
                [_, len, ..] if len >= 2 => options = options.get(usize::from(len)..)?,
                _ => return None,
            }
        }
    }

    fn table(&self) -> [u16; 4] {
        if self.source.is_ipv4() { MSS_V4 } else { MSS_V6 }
    }

    /// The hash of the connection, the minute and which of the two hashes it is.
    fn hash(&self, secret: [u64; 2], minute: u32, which: u8) -> u32 {
        let mut bytes = Vec::with_capacity(41);
        for ip in [self.source, self.destination] {
            match ip {
                IpAddr::V4(ip) => bytes.extend(ip.octets()),
                IpAddr::V6(ip) => bytes.extend(ip.octets()),
            }
        }
        bytes.extend(&self.tcp[..4]);
        bytes.extend(minute.to_le_bytes());
        bytes.push(which);
        siphash(secret, &bytes) as u32
    }

    /// The cookie for this SYN in that minute, with the segment size it stands for.
    fn cookie(&self, secret: [u64; 2], minute: u32) -> (u32, u16) {
        let table = self.table();
        let default = if self.source.is_ipv4() { MSS_DEFAULT_V4 } else { MSS_DEFAULT_V6 };
        let offered = self.mss().unwrap_or(default);
        let index = table.iter().rposition(|mss| *mss <= offered).unwrap_or(0);
        let low = self.hash(secret, minute, 1).wrapping_add(index as u32) & ((1 << COOKIE_BITS) - 1);
        let cookie = self
            .hash(secret, 0, 0)
            .wrapping_add(self.word(4))
            .wrapping_add(minute << COOKIE_BITS)
            .wrapping_add(low);
        (cookie, table[index])
    }

    /// Whether the acknowledged number is a cookie given to this connection in the last minutes.
    fn is_answer(&self, secret: [u64; 2], minute: u32) -> bool {
        let cookie = self.word(8).wrapping_sub(1);
        let sequence = self.word(4).wrapping_sub(1);
        let rest = cookie.wrapping_sub(self.hash(secret, 0, 0)).wrapping_sub(sequence);
        let age = minute.wrapping_sub(rest >> COOKIE_BITS) & (u32::MAX >> COOKIE_BITS);
        let made = minute.wrapping_sub(age);
        let index = rest.wrapping_sub(self.hash(secret, made, 1)) & ((1 << COOKIE_BITS) - 1);
        age < MAX_AGE && (index as usize) < self.table().len()
    }

    /// `bpf_tcp_raw_gen_syncookie_*`: the cookie in the low half, the segment size in the high half.
    ///
    /// # Errors
    /// `EINVAL` when the TCP header is not as long as it says.
    pub fn raw_generate(&self, secret: [u64; 2]) -> Result<u64, Errno> {
        if self.tcp.len() != usize::from(self.tcp[12] >> 4) * 4 {
            return Err(EINVAL);
        }
        let (cookie, mss) = self.cookie(secret, minute());
        Ok(u64::from(cookie) | u64::from(mss) << 32)
    }

    /// `bpf_tcp_raw_check_syncookie_*`.
    ///
    /// # Errors
    /// `EACCES` when it is no cookie of ours.
    pub fn raw_check(&self, secret: [u64; 2]) -> Result<(), Errno> {
        if self.is_answer(secret, minute()) { Ok(()) } else { Err(EACCES) }
    }

    /// `bpf_tcp_gen_syncookie`: as [`Self::raw_generate`], for a listener and a SYN.
    ///
    /// # Errors
    /// `EINVAL` when the socket does not listen, the segment is no SYN, or their IP versions differ.
    pub fn generate(&self, listener: &Socket, secret: [u64; 2]) -> Result<u64, Errno> {
        self.check_listener(listener)?;
        if self.flags() & (SYN | ACK | FIN | RST) != SYN {
            return Err(EINVAL);
        }
        self.raw_generate(secret)
    }

    /// `bpf_tcp_check_syncookie`: for a listener and the client's answer.
    ///
    /// # Errors
    /// `EINVAL` when the socket does not listen, `ENOENT` when it is no cookie of ours or the segment cannot carry one.
    pub fn check(&self, listener: &Socket, secret: [u64; 2]) -> Result<(), Errno> {
        self.check_listener(listener)?;
        let answers = self.flags() & (ACK | RST | SYN) == ACK && self.is_answer(secret, minute());
        if answers { Ok(()) } else { Err(ENOENT) }
    }

    fn check_listener(&self, listener: &Socket) -> Result<(), Errno> {
        let listens = listener.transport == Transport::Tcp && listener.state == State::Listen;
        let family = listener.local.is_ipv4() == self.source.is_ipv4()
            || listener.local.is_ipv6() && !listener.v6_only;
        if listens && family { Ok(()) } else { Err(EINVAL) }
    }
}

/// Minutes since 1970: cookies age by them.
fn minute() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| (t.as_secs() / 60) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u64; 2] = [3, 4];
    const IP: [u8; 20] = [0x45, 0, 0, 44, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];

    fn syn() -> [u8; 24] {
        let mut tcp = [0; 24];
        tcp[..8].copy_from_slice(&[1, 2, 0, 80, 9, 9, 9, 9]);
        (tcp[12], tcp[13]) = (0x60, SYN);
        tcp[20..].copy_from_slice(&[2, 4, 0x05, 0xb4]);
        tcp
    }

    fn answer(cookie: u32) -> [u8; 20] {
        let mut tcp = [0; 20];
        tcp[..8].copy_from_slice(&[1, 2, 0, 80, 9, 9, 9, 10]);
        tcp[8..12].copy_from_slice(&cookie.wrapping_add(1).to_be_bytes());
        (tcp[12], tcp[13]) = (0x50, ACK);
        tcp
    }

    #[test]
    fn a_cookie_comes_back_within_two_minutes() {
        let tcp = syn();
        let (cookie, mss) = Segment::new(&IP, &tcp).unwrap().cookie(SECRET, 1000);
        assert_eq!(mss, 1460);
        let back = answer(cookie);
        let back = Segment::new(&IP, &back).unwrap();
        let good = |minute| back.is_answer(SECRET, minute);
        assert_eq!([good(999), good(1000), good(1001), good(1002)], [false, true, true, false]);
        let forged = answer(cookie ^ 0x40);
        assert!(!Segment::new(&IP, &forged).unwrap().is_answer(SECRET, 1000));
    }

    #[test]
    fn listeners_want_a_syn() {
        let listener = Socket::waiting(Transport::Tcp, "0.0.0.0:80".parse().unwrap());
        let tcp = syn();
        let made = Segment::new(&IP, &tcp).unwrap().generate(&listener, SECRET).unwrap();
        assert_eq!(made >> 32, 1460);
        let back = answer(made as u32);
        let back = Segment::new(&IP, &back).unwrap();
        assert_eq!(back.check(&listener, SECRET), Ok(()));
        assert_eq!(back.generate(&listener, SECRET), Err(EINVAL));
        let udp = Socket::waiting(Transport::Udp, "0.0.0.0:80".parse().unwrap());
        assert_eq!(back.check(&udp, SECRET), Err(EINVAL));
    }

    #[test]
    fn headers_must_be_whole() {
        let tcp = syn();
        assert_eq!(Segment::new(&IP, &tcp[..19]).err(), Some(EINVAL));
        assert_eq!(Segment::new(&IP, &tcp[..20]).unwrap().raw_generate(SECRET), Err(EINVAL));
        assert_eq!(Segment::new(&IP[..19], &tcp).err(), Some(EINVAL));
        assert_eq!(Segment::new(&[], &tcp).err(), Some(EINVAL));
    }
}
