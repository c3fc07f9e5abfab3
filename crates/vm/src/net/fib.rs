//! Routes and neighbours of a run's environment, looked up by longest prefix.
//!
//! A table is a hash by masked address for each prefix length that occurs; a look-up probes the lengths from the
//! longest. There are at most 33 or 129 of them, however many routes there are.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// The table that ordinary routes stand in (`RT_TABLE_MAIN`).
pub const TABLE_MAIN: u32 = 254;
/// The table of the machine's own addresses (`RT_TABLE_LOCAL`).
pub const TABLE_LOCAL: u32 = 255;
/// The table looked at last (`RT_TABLE_DEFAULT`).
pub const TABLE_DEFAULT: u32 = 253;
/// The order of tables without rules.
const RULES: [u32; 3] = [TABLE_LOCAL, TABLE_MAIN, TABLE_DEFAULT];

/// What a route does with packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// Sends them on.
    Unicast,
    /// They are for this machine.
    Local,
    /// They are for everybody on the link.
    Broadcast,
    /// Drops them silently.
    Blackhole,
    /// Answers "unreachable".
    Unreachable,
    /// Answers "prohibited".
    Prohibit,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Destinations: this address under the first `len` bits.
    pub prefix: IpAddr,
    /// Length of the prefix in bits; more than the address has counts as all.
    pub len: u8,
    /// Table the route stands in, usually [`TABLE_MAIN`].
    pub table: u32,
    /// What it does.
    pub kind: RouteKind,
    /// Interface it leads through.
    pub ifindex: u32,
    /// Next machine on the way; without it the destination itself is on the link. May be IPv6 for an IPv4 route.
    pub gateway: Option<IpAddr>,
    /// Limit on packets instead of the interface's. (Linux heeds it for IPv4 when it is set as `mtu lock`.)
    pub mtu: Option<u32>,
    /// Preference among routes of one prefix: the least wins.
    pub metric: u32,
    /// Address to send from.
    pub source: Option<IpAddr>,
    /// Whether packets are to be put in a lightweight tunnel, which `bpf_fib_lookup` does not support.
    pub tunnel: bool,
}

impl Route {
    /// An ordinary route to `prefix`/`len` in the main table.
    pub fn unicast(prefix: IpAddr, len: u8, ifindex: u32, gateway: Option<IpAddr>) -> Self {
        Self {
            prefix,
            len,
            table: TABLE_MAIN,
            kind: RouteKind::Unicast,
            ifindex,
            gateway,
            mtu: None,
            metric: 0,
            source: None,
            tunnel: false,
        }
    }
}

/// The routes of one address family and table.
#[derive(Clone, Debug, Default)]
struct Table {
    lens: BTreeSet<u8>,
    /// By prefix length and masked address; several by rising metric.
    routes: HashMap<(u8, u128), Vec<Route>>,
}

/// Routes and neighbours.
#[derive(Clone, Debug, Default)]
pub struct Fib {
    tables: HashMap<(u32, bool), Table>,
    neighbours: HashMap<(u32, IpAddr), [u8; 6]>,
}

impl Fib {
    /// Adds a route; an equal prefix with equal metric and interface is replaced.
    pub fn add_route(&mut self, route: Route) {
        let (bits, width) = bits(route.prefix);
        let len = route.len.min(width);
        let v6 = route.prefix.is_ipv6();
        let table = self.tables.entry((merged(route.table, v6), v6)).or_default();
        table.lens.insert(len);
        let routes = table.routes.entry((len, mask(bits, len, width))).or_default();
        let rank = |r: &Route| (r.table != TABLE_LOCAL, r.metric);
        routes.retain(|r| (rank(r), r.ifindex) != (rank(&route), route.ifindex));
        routes.push(route);
        routes.sort_by_key(rank);
    }

    /// Says which Ethernet address an IP address on an interface's link has.
    pub fn add_neighbour(&mut self, ifindex: u32, ip: IpAddr, mac: [u8; 6]) {
        self.neighbours.insert((ifindex, ip), mac);
    }

    /// The Ethernet address of a neighbour.
    pub fn neighbour(&self, ifindex: u32, ip: IpAddr) -> Option<[u8; 6]> {
        self.neighbours.get(&(ifindex, ip)).copied()
    }

    /// Whether a table of that number exists for the family of `to`. The three standard ones always do.
    pub fn has_table(&self, table: u32, to: IpAddr) -> bool {
        RULES.contains(&table) || self.tables.contains_key(&(table, to.is_ipv6()))
    }

    /// The best route to `to`: in `table`, or without one in local, main and default in turn. With `oif` only routes
    /// through that interface count.
    pub fn route(&self, to: IpAddr, table: Option<u32>, oif: Option<u32>) -> Option<&Route> {
        match table {
            Some(table) => self.route_in(table, to, oif),
            None => RULES.iter().find_map(|table| self.route_in(*table, to, oif)),
        }
    }

    fn route_in(&self, table: u32, to: IpAddr, oif: Option<u32>) -> Option<&Route> {
        let table = self.tables.get(&(merged(table, to.is_ipv6()), to.is_ipv6()))?;
        let (bits, width) = bits(to);
        let fits = |r: &&Route| r.kind != RouteKind::Unicast || oif.is_none_or(|oif| oif == r.ifindex);
        table
            .lens
            .iter()
            .rev()
            .find_map(|len| table.routes.get(&(*len, mask(bits, *len, width)))?.iter().find(fits))
    }
}

/// Where a table's routes are kept: as long as there are no policy rules, and here there never are, Linux keeps the local and
/// the main table of IPv4 in one, and the longest prefix of both wins even when one table is asked for by name.
fn merged(table: u32, v6: bool) -> u32 {
    if table == TABLE_LOCAL && !v6 { TABLE_MAIN } else { table }
}

/// An address as a number, and how many bits it has.
fn bits(ip: IpAddr) -> (u128, u8) {
    match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    }
}

/// The first `len` of `width` bits; `len <= width`.
fn mask(bits: u128, len: u8, width: u8) -> u128 {
    let drop = u32::from(width - len);
    bits.checked_shr(drop).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn route(prefix: &str, len: u8, ifindex: u32) -> Route {
        Route::unicast(ip(prefix), len, ifindex, None)
    }

    #[test]
    fn the_longest_prefix_wins_in_both_families() {
        let mut fib = Fib::default();
        for r in [
            route("0.0.0.0", 0, 1),
            route("10.0.0.0", 8, 2),
            route("10.1.2.3", 32, 3),
            route("::", 0, 4),
            route("2001:db8::", 32, 5),
        ] {
            fib.add_route(r);
        }
        let through = |to: &str| fib.route(ip(to), None, None).map(|r| r.ifindex);
        assert_eq!(through("9.9.9.9"), Some(1));
        assert_eq!(through("10.1.2.4"), Some(2));
        assert_eq!(through("10.1.2.3"), Some(3));
        assert_eq!(through("2001:db9::1"), Some(4));
        assert_eq!(through("2001:db8::1"), Some(5));
        assert_eq!(fib.route(ip("10.1.2.3"), None, Some(1)).map(|r| r.ifindex), Some(1));
    }

    #[test]
    fn metrics_and_tables_decide_between_equals() {
        let mut fib = Fib::default();
        fib.add_route(Route { metric: 10, ..route("10.0.0.0", 8, 1) });
        fib.add_route(Route { metric: 5, ..route("10.0.0.0", 8, 2) });
        fib.add_route(Route { table: 7, ..route("10.0.0.0", 8, 3) });
        assert_eq!(fib.route(ip("10.0.0.1"), None, None).map(|r| r.ifindex), Some(2));
        assert_eq!(fib.route(ip("10.0.0.1"), Some(7), None).map(|r| r.ifindex), Some(3));
        assert!(fib.has_table(7, ip("1.1.1.1")) && !fib.has_table(8, ip("1.1.1.1")));
        fib.add_route(Route { table: TABLE_LOCAL, kind: RouteKind::Local, ..route("10.0.0.1", 32, 9) });
        assert_eq!(fib.route(ip("10.0.0.1"), None, None).map(|r| r.kind), Some(RouteKind::Local));
    }
}
