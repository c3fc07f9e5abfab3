//! `bpf_fib_lookup`: from a packet's addresses to the interface and Ethernet addresses it is to leave with.
//!
//! The parameters are `struct bpf_fib_lookup`, whose unions mean one thing going in and another coming out; this file
//! works on its 64 bytes, with the offsets named below. Where several meanings share bytes the later write wins, in Linux's order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::devices::Device;
use super::environment::Environment;
use super::errno::{EAFNOSUPPORT, EINVAL, ENODEV, Errno};
use super::fib::{Route, RouteKind, TABLE_MAIN};

/// Size of `struct bpf_fib_lookup`.
pub const PARAMS_LEN: usize = 64;

/// Flags, with Linux's numbers.
pub mod flags {
    /// Look in one table, not along the rules.
    pub const DIRECT: u32 = 1;
    /// As for a packet of this machine's own that leaves by `ifindex`.
    pub const OUTPUT: u32 = 1 << 1;
    /// Leave the Ethernet addresses out.
    pub const SKIP_NEIGH: u32 = 1 << 2;
    /// With [`DIRECT`]: the table is given.
    pub const TBID: u32 = 1 << 3;
    /// Choose the source address too.
    pub const SRC: u32 = 1 << 4;
    /// A mark for the rules is given; there are no rules here that look at it.
    pub const MARK: u32 = 1 << 5;
    pub(super) const ALL: u32 = (1 << 6) - 1;
}

/// What comes back beside errors; the names are Linux's without `BPF_FIB_LKUP_RET_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FibResult {
    /// Found; the parameters say where to.
    Success = 0,
    /// A blackhole route.
    Blackhole = 1,
    /// An unreachable route.
    Unreachable = 2,
    /// A prohibit route.
    Prohibit = 3,
    /// No route, or one that does not forward.
    NotForwarded = 4,
    /// The interface does not forward.
    ForwardingDisabled = 5,
    /// The route wants a lightweight tunnel.
    UnsupportedTunnel = 6,
    /// No Ethernet address known for the next hop.
    NoNeighbour = 7,
    /// Too long for the route.
    FragmentationNeeded = 8,
    /// No source address to choose.
    NoSourceAddress = 9,
}

const FAMILY: usize = 0;
const TOT_LEN: usize = 6;
const IFINDEX: usize = 8;
const RT_METRIC: usize = 12;
const SRC: usize = 16;
const DST: usize = 32;
const VLAN_OR_TABLE: usize = 48;
const SMAC: usize = 52;
const DMAC: usize = 58;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The parameters in place.
struct Params<'a>(&'a mut [u8; PARAMS_LEN]);

impl Params<'_> {
    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    fn tot_len(&self) -> u16 {
        u16::from_ne_bytes([self.0[TOT_LEN], self.0[TOT_LEN + 1]])
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_mtu(&mut self, mtu: u32) {
        self.put(TOT_LEN, &(mtu as u16).to_ne_bytes());
    }

    fn ip(&self, at: usize, v6: bool) -> IpAddr {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[at..at + 16]);
        if v6 {
            Ipv6Addr::from(bytes).into()
        } else {
            Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()
        }
    }

    fn put_ip(&mut self, at: usize, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => self.put(at, &ip.octets()),
            IpAddr::V6(ip) => self.put(at, &ip.octets()),
        }
    }
}

impl Environment {
    /// `bpf_fib_lookup`. `packet_len` is the packet's length when the stack is to check it against the interface's MTU
    /// because the program gave no `tot_len` (tc programs; `None` for XDP).
    ///
    /// # Errors
    /// `EINVAL` for unknown flags, `EAFNOSUPPORT` for families that are not IP, `ENODEV` for an unknown interface.
    pub fn fib_lookup(
        &self,
        params: &mut [u8; PARAMS_LEN],
        flags: u32,
        packet_len: Option<usize>,
    ) -> Result<FibResult, Errno> {
        if flags & !flags::ALL != 0 {
            return Err(EINVAL);
        }
        let v6 = match params[FAMILY] {
            AF_INET => false,
            AF_INET6 => true,
            _ => return Err(EAFNOSUPPORT),
        };
        let mut params = Params(params);
        let check_packet = packet_len.filter(|_| params.tot_len() == 0);
        // XDP learns the route's MTU in any case, tc when it gave a length to check.
        let tell_mtu = packet_len.is_none() || params.tot_len() != 0;
        let result = self.forward(&mut params, v6, flags, tell_mtu)?;
        if result == FibResult::Success
            && let Some(len) = check_packet
            && let Some(device) = self.devices.get(params.u32(IFINDEX))
        {
            params.put_mtu(device.mtu);
            // A VLAN tag's worth more is always let through.
            if len > device.mtu as usize + device.hard_header_len as usize + 4 {
                return Ok(FibResult::FragmentationNeeded);
            }
        }
        Ok(result)
    }

    fn forward(
        &self,
        params: &mut Params<'_>,
        v6: bool,
        flags: u32,
        tell_mtu: bool,
    ) -> Result<FibResult, Errno> {
        let ifindex = params.u32(IFINDEX);
        let input = self.devices.get(ifindex).ok_or(ENODEV)?;
        if !input.forwarding {
            return Ok(FibResult::ForwardingDisabled);
        }
        let (to, from) = (params.ip(DST, v6), params.ip(SRC, v6));
        if strict(to) || strict(from) {
            return Ok(FibResult::NotForwarded);
        }
        let table = match (flags & flags::DIRECT != 0, flags & flags::TBID != 0) {
            (false, _) => None,
            (true, false) => Some(TABLE_MAIN),
            (true, true) => {
                let table = params.u32(VLAN_OR_TABLE);
                params.put(VLAN_OR_TABLE, &[0; 4]);
                Some(table)
            }
        };
        if table.is_some_and(|table| !self.fib.has_table(table, to)) {
            return Ok(FibResult::NotForwarded);
        }
        let oif = (flags & flags::OUTPUT != 0).then_some(ifindex);
        let Some(route) = self.fib.route(to, table, oif) else { return Ok(FibResult::NotForwarded) };
        match route.kind {
            RouteKind::Unicast => {}
            RouteKind::Blackhole => return Ok(FibResult::Blackhole),
            RouteKind::Unreachable => return Ok(FibResult::Unreachable),
            RouteKind::Prohibit => return Ok(FibResult::Prohibit),
            RouteKind::Local | RouteKind::Broadcast => return Ok(FibResult::NotForwarded),
        }
        let Some(output) = self.devices.get(route.ifindex) else { return Ok(FibResult::NotForwarded) };
        let result = self.fill(params, route, output, to, flags);
        if result == FibResult::Success && tell_mtu {
            params.put_mtu(route_mtu(route, output));
        }
        Ok(result)
    }

    /// Writes the answer for a route that forwards.
    fn fill(
        &self,
        params: &mut Params<'_>,
        route: &Route,
        output: &Device,
        to: IpAddr,
        flags: u32,
    ) -> FibResult {
        let mtu = route_mtu(route, output);
        if u32::from(params.tot_len()) > mtu {
            params.put_mtu(mtu);
            return FibResult::FragmentationNeeded;
        }
        if route.tunnel {
            return FibResult::UnsupportedTunnel;
        }
        params.put(RT_METRIC, &route.metric.to_ne_bytes());
        params.put(IFINDEX, &output.index.to_ne_bytes());
        if flags & flags::SRC != 0 {
            match route.source {
                Some(source) => params.put_ip(SRC, source),
                None => return FibResult::NoSourceAddress,
            }
        }
        let next = route.gateway.unwrap_or(to);
        if let Some(gateway) = route.gateway {
            if gateway.is_ipv6() {
                params.put(FAMILY, &[AF_INET6]);
            }
            params.put_ip(DST, gateway);
        }
        if flags & flags::SKIP_NEIGH == 0 {
            let Some(mac) = self.fib.neighbour(output.index, next) else { return FibResult::NoNeighbour };
            params.put(DMAC, &mac);
            params.put(SMAC, &output.mac);
        }
        params.put(VLAN_OR_TABLE, &[0; 4]);
        FibResult::Success
    }
}

/// What fits: the route's own limit before its interface's.
fn route_mtu(route: &Route, output: &Device) -> u32 {
    route.mtu.unwrap_or(output.mtu)
}

/// Addresses that are good on one link only; Linux does not forward IPv6 packets from or to them.
fn strict(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.is_multicast() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FibResult as R;

    fn environment() -> Environment {
        let ip = |t: &str| t.parse::<IpAddr>().unwrap();
        let mut env = Environment::default();
        env.devices.add(Device { mtu: 1400, ..Device::ethernet(5, "out", [5; 6]) });
        env.fib.add_route(Route::unicast(ip("10.0.0.0"), 8, 5, Some(ip("192.168.0.1"))));
        env.fib.add_route(Route::unicast(ip("192.168.0.0"), 16, 5, None));
        env.fib.add_route(Route { kind: RouteKind::Prohibit, ..Route::unicast(ip("11.0.0.0"), 8, 5, None) });
        env.fib.add_route(Route::unicast(ip("2001:db8::"), 32, 5, Some(ip("fe80::1"))));
        env.fib.add_neighbour(5, ip("192.168.0.1"), [9; 6]);
        env.fib.add_neighbour(5, ip("fe80::1"), [8; 6]);
        env
    }

    fn params(family: u8, dst: &[u8], tot_len: u16) -> [u8; PARAMS_LEN] {
        let mut bytes = [0; PARAMS_LEN];
        let mut p = Params(&mut bytes);
        p.put(FAMILY, &[family]);
        p.put(TOT_LEN, &tot_len.to_ne_bytes());
        p.put(IFINDEX, &1u32.to_ne_bytes());
        p.put(DST, dst);
        bytes
    }

    #[test]
    fn a_route_with_a_gateway_fills_everything() {
        let mut p = params(AF_INET, &[10, 1, 2, 3], 100);
        assert_eq!(environment().fib_lookup(&mut p, 0, None), Ok(R::Success));
        assert_eq!((&p[DMAC..], &p[SMAC..DMAC]), (&[9; 6][..], &[5; 6][..]));
        assert_eq!((&p[DST..DST + 4], p[IFINDEX]), (&[192, 168, 0, 1][..], 5));
        assert_eq!(Params(&mut p).tot_len(), 1400);
    }

    #[test]
    fn each_refusal_has_its_number() {
        let env = environment();
        let result = |dst: &[u8], flags, len| env.fib_lookup(&mut params(AF_INET, dst, len), flags, None);
        assert_eq!(result(&[11, 1, 1, 1], 0, 0), Ok(R::Prohibit));
        assert_eq!(result(&[12, 1, 1, 1], 0, 0), Ok(R::NotForwarded));
        assert_eq!(result(&[192, 168, 9, 9], 0, 0), Ok(R::NoNeighbour));
        assert_eq!(result(&[192, 168, 9, 9], flags::SKIP_NEIGH, 0), Ok(R::Success));
        assert_eq!(result(&[10, 0, 0, 1], flags::SRC, 0), Ok(R::NoSourceAddress));
        assert_eq!(result(&[10, 0, 0, 1], 0, 1401), Ok(R::FragmentationNeeded));
        assert_eq!(result(&[10, 0, 0, 1], 1 << 6, 0), Err(EINVAL));
        assert_eq!(env.fib_lookup(&mut params(1, &[0; 4], 0), 0, None), Err(EAFNOSUPPORT));
        let mut elsewhere = params(AF_INET, &[10, 0, 0, 1], 0);
        elsewhere[IFINDEX] = 77;
        assert_eq!(env.fib_lookup(&mut elsewhere, 0, None), Err(ENODEV));
    }

    #[test]
    fn the_packet_itself_is_measured_when_no_length_is_given() {
        let env = environment();
        let lookup = |len| env.fib_lookup(&mut params(AF_INET, &[10, 0, 0, 1], 0), 0, Some(len));
        assert_eq!(lookup(1418), Ok(R::Success));
        assert_eq!(lookup(1419), Ok(R::FragmentationNeeded));
    }

    #[test]
    fn the_other_family_works_alike() {
        let mut to = [0; 16];
        to[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        let mut p = params(AF_INET6, &to, 0);
        assert_eq!(environment().fib_lookup(&mut p, 0, None), Ok(R::Success));
        assert_eq!(&p[DMAC..], &[8; 6]);
        to[0] = 0xff;
        assert_eq!(environment().fib_lookup(&mut params(AF_INET6, &to, 0), 0, None), Ok(R::NotForwarded));
    }
}
