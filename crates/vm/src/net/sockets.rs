//! The sockets of a run's environment, and finding the one a packet is for.
//!
//! A socket is shown to programs as memory laid out like `struct bpf_sock` (and `struct bpf_tcp_sock`), so each socket
//! keeps those bytes ready: rendered once when it is added, read-only ever after. A pointer to them stays good as long
//! as the table lives, which is longer than any run that uses it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Size of `struct bpf_sock`.
pub const SOCK_LEN: usize = 80;
/// Size of `struct bpf_tcp_sock`.
pub const TCP_SOCK_LEN: usize = 120;

/// Transport protocols that have sockets here, with their IP numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Transport {
    /// TCP.
    Tcp = 6,
    /// UDP.
    Udp = 17,
}

/// The states of a socket, with Linux's numbers (those of TCP, which UDP borrows).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are RFC 9293's")]
pub enum State {
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Close = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
    /// A connection request that no socket was made for yet.
    NewSynReceived = 12,
}

/// A socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// TCP or UDP.
    pub transport: Transport,
    /// State; an unconnected UDP socket is in [`State::Close`].
    pub state: State,
    /// The end on this machine; an unspecified address means any.
    pub local: SocketAddr,
    /// The other end, once connected.
    pub remote: Option<SocketAddr>,
    /// Interface the socket is bound to, 0 for any.
    pub bound_dev_if: u32,
    /// `SO_MARK`.
    pub mark: u32,
    /// `SO_PRIORITY`.
    pub priority: u32,
    /// Cookie; unique in the table when [`Sockets::add`] gave it (it does for 0).
    pub cookie: u64,
    /// Owner.
    pub uid: u32,
    /// Id of the cgroup and of each ancestor from the root, the own one last.
    pub cgroup_path: Vec<u64>,
    /// Whether an IPv6 socket takes IPv6 only.
    pub v6_only: bool,
    /// `struct bpf_tcp_sock` as programs see it.
    pub tcp: [u8; TCP_SOCK_LEN],
}

impl Socket {
    /// A socket that waits for others at `local`: a TCP listener or an unconnected UDP socket.
    pub fn waiting(transport: Transport, local: SocketAddr) -> Self {
        let state = if transport == Transport::Tcp { State::Listen } else { State::Close };
        Self {
            transport,
            state,
            local,
            remote: None,
            bound_dev_if: 0,
            mark: 0,
            priority: 0,
            cookie: 0,
            uid: 0,
            cgroup_path: vec![1],
            v6_only: false,
            tcp: [0; TCP_SOCK_LEN],
        }
    }

    /// A socket connected to `remote`.
    pub fn connected(transport: Transport, local: SocketAddr, remote: SocketAddr) -> Self {
        Self { state: State::Established, remote: Some(remote), ..Self::waiting(transport, local) }
    }

    /// `AF_INET` 2 or `AF_INET6` 10.
    pub fn family(&self) -> u32 {
        if self.local.is_ipv6() { 10 } else { 2 }
    }

    /// Whether there is all of a socket: neither a request nor what is left after a close.
    pub fn is_full(&self) -> bool {
        !matches!(self.state, State::TimeWait | State::NewSynReceived)
    }

    /// Whether Linux counts references to it: listeners and unconnected UDP sockets are freed after a grace period instead.
    pub fn is_counted(&self) -> bool {
        self.state != State::Listen && self.transport == Transport::Tcp
    }

    /// How well a packet's ends fit; higher is better, `None` not at all.
    fn score(&self, tuple: &Tuple) -> Option<u32> {
        if self.transport != tuple.transport
            || self.local.port() != tuple.local.port()
            || self.bound_dev_if != 0 && self.bound_dev_if != tuple.ifindex
        {
            return None;
        }
        let mut score = u32::from(self.bound_dev_if != 0) + u32::from(self.family() == tuple.family());
        let any_takes = self.family() == tuple.family() || self.local.is_ipv6() && !self.v6_only;
        if self.local.ip() == tuple.local.ip() {
            score += 4;
        } else if !(self.local.ip().is_unspecified() && any_takes) {
            return None;
        }
        match self.remote {
            Some(remote) if remote == tuple.remote => Some(score + 8),
            Some(_) => None,
            None => Some(score),
        }
    }

    /// `struct bpf_sock`.
    fn image(&self) -> [u8; SOCK_LEN] {
        let mut bytes = [0; SOCK_LEN];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        let kind: u32 = if self.transport == Transport::Tcp { 1 } else { 2 };
        put(0, &self.bound_dev_if.to_ne_bytes());
        put(4, &self.family().to_ne_bytes());
        put(8, &kind.to_ne_bytes());
        put(12, &u32::from(self.transport as u8).to_ne_bytes());
        put(16, &self.mark.to_ne_bytes());
        put(20, &self.priority.to_ne_bytes());
        put_ip(&mut put, self.local.ip(), 24, 28);
        put(44, &u32::from(self.local.port()).to_ne_bytes());
        if let Some(remote) = self.remote {
            put(48, &remote.port().to_be_bytes());
            put_ip(&mut put, remote.ip(), 52, 56);
        }
        put(72, &u32::from(self.state as u8).to_ne_bytes());
        put(76, &(-1i32).to_ne_bytes());
        bytes
    }
}

/// Writes an address where its family has its place.
fn put_ip(put: &mut impl FnMut(usize, &[u8]), ip: IpAddr, v4: usize, v6: usize) {
    match ip {
        IpAddr::V4(ip) => put(v4, &ip.octets()),
        IpAddr::V6(ip) => put(v6, &ip.octets()),
    }
}

/// What a packet says of the socket it is for, seen from this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// TCP or UDP.
    pub transport: Transport,
    /// Where the packet comes from.
    pub remote: SocketAddr,
    /// Where it goes to.
    pub local: SocketAddr,
    /// Interface it arrived on.
    pub ifindex: u32,
}

impl Tuple {
    /// Reads a `struct bpf_sock_tuple`: 12 bytes for IPv4, 36 for IPv6; `None` for another length.
    pub fn from_bytes(transport: Transport, bytes: &[u8], ifindex: u32) -> Option<Self> {
        let width = match bytes.len() {
            12 => 4,
            36 => 16,
            _ => return None,
        };
        let end = |ip: usize, port: usize| {
            let octets = bytes.get(ip..ip + width)?;
            let ip: IpAddr = match octets {
                [a, b, c, d] => [*a, *b, *c, *d].into(),
                _ => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into(),
            };
            Some(SocketAddr::new(ip, u16::from_be_bytes([*bytes.get(port)?, *bytes.get(port + 1)?])))
        };
        Some(Self { transport, remote: end(0, 2 * width)?, local: end(width, 2 * width + 2)?, ifindex })
    }

    fn family(&self) -> u32 {
        if self.local.is_ipv6() { 10 } else { 2 }
    }
}

/// A socket and its bytes.
#[derive(Debug)]
struct Entry {
    socket: Socket,
    image: Box<[u8; SOCK_LEN]>,
    tcp: Box<[u8; TCP_SOCK_LEN]>,
}

/// All sockets, numbered as they were added.
#[derive(Debug, Default)]
pub struct Sockets {
    entries: Vec<Entry>,
    /// Which socket's bytes start at an address; the boxes never move.
    by_address: HashMap<u64, usize>,
}

impl Sockets {
    /// Adds a socket and returns its number, which is also how runs name it.
    pub fn add(&mut self, mut socket: Socket) -> usize {
        if socket.cookie == 0 {
            socket.cookie = self.entries.len() as u64 + 1;
        }
        let number = self.entries.len();
        let entry = Entry { image: Box::new(socket.image()), tcp: Box::new(socket.tcp), socket };
        self.by_address.insert(entry.image.as_ptr() as u64, number);
        self.by_address.insert(entry.tcp.as_ptr() as u64, number);
        self.entries.push(entry);
        number
    }

    /// The socket with that number.
    pub fn get(&self, number: usize) -> Option<&Socket> {
        self.entries.get(number).map(|e| &e.socket)
    }

    /// The bytes of `struct bpf_sock` of that socket. They stay where they are as long as the table lives.
    pub fn image(&self, number: usize) -> Option<&[u8; SOCK_LEN]> {
        self.entries.get(number).map(|e| &*e.image)
    }

    /// The bytes of `struct bpf_tcp_sock` of that socket, for TCP.
    pub fn tcp_image(&self, number: usize) -> Option<&[u8; TCP_SOCK_LEN]> {
        self.entries.get(number).filter(|e| e.socket.transport == Transport::Tcp).map(|e| &*e.tcp)
    }

    /// The number of the socket whose image starts at that address.
    pub fn by_address(&self, address: u64) -> Option<usize> {
        self.by_address.get(&address).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The socket that a packet with these ends is for: a connected one before one that waits, an exact address before
    /// any, the first added among equals.
    pub fn find(&self, tuple: &Tuple) -> Option<usize> {
        let scored = self.entries.iter().enumerate().filter_map(|(n, e)| Some((e.socket.score(tuple)?, n)));
        scored.max_by_key(|(score, n)| (*score, std::cmp::Reverse(*n))).map(|(_, n)| n)
    }

    /// The listener that would have taken the connection of socket `number`: itself when it listens.
    pub fn listener_of(&self, number: usize) -> Option<usize> {
        let socket = self.get(number)?;
        let listens = |s: &Socket| s.state == State::Listen && s.transport == socket.transport;
        if listens(socket) {
            return Some(number);
        }
        if socket.state != State::NewSynReceived && socket.state != State::SynReceived {
            return None;
        }
        self.entries.iter().position(|e| {
            let same_ip = e.socket.local.ip() == socket.local.ip() || e.socket.local.ip().is_unspecified();
            listens(&e.socket) && e.socket.local.port() == socket.local.port() && same_ip
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn tuple(transport: Transport, remote: &str, local: &str) -> Tuple {
        Tuple { transport, remote: at(remote), local: at(local), ifindex: 1 }
    }

    #[test]
    fn the_most_particular_socket_gets_the_packet() {
        let mut table = Sockets::default();
        let any = table.add(Socket::waiting(Transport::Tcp, at("0.0.0.0:80")));
        let one = table.add(Socket::waiting(Transport::Tcp, at("10.0.0.1:80")));
        let conn = table.add(Socket::connected(Transport::Tcp, at("10.0.0.1:80"), at("9.9.9.9:1234")));
        let six = table.add(Socket::waiting(Transport::Udp, at("[::]:53")));
        let find = |t, r, l| table.find(&tuple(t, r, l));
        assert_eq!(find(Transport::Tcp, "9.9.9.9:1234", "10.0.0.1:80"), Some(conn));
        assert_eq!(find(Transport::Tcp, "9.9.9.9:1235", "10.0.0.1:80"), Some(one));
        assert_eq!(find(Transport::Tcp, "9.9.9.9:1234", "10.0.0.2:80"), Some(any));
        assert_eq!(find(Transport::Tcp, "9.9.9.9:1234", "10.0.0.2:81"), None);
        assert_eq!(find(Transport::Udp, "9.9.9.9:1234", "10.0.0.2:53"), Some(six));
        assert_eq!(find(Transport::Udp, "[::9]:1234", "[::1]:53"), Some(six));
    }

    #[test]
    fn tuples_are_read_in_packet_order() {
        let bytes = [9, 9, 9, 9, 10, 0, 0, 1, 0x04, 0xd2, 0, 80];
        assert_eq!(
            Tuple::from_bytes(Transport::Tcp, &bytes, 1),
            Some(tuple(Transport::Tcp, "9.9.9.9:1234", "10.0.0.1:80"))
        );
        assert_eq!(Tuple::from_bytes(Transport::Tcp, &bytes[..11], 1), None);
    }

    #[test]
    fn the_image_is_what_programs_read() {
        let mut table = Sockets::default();
        let n = table.add(Socket::connected(Transport::Tcp, at("10.0.0.1:80"), at("9.9.9.9:258")));
        let image = table.image(n).unwrap();
        assert_eq!((&image[24..28], image[44], &image[48..50]), (&[10, 0, 0, 1][..], 80, &[1, 2][..]));
        assert_eq!((image[4], image[8], image[12], image[72]), (2, 1, 6, 1));
        assert_eq!(table.by_address(image.as_ptr() as u64), Some(n));
    }
}
