//! The world around a packet, as far as the user gives it: interfaces, routes, sockets, and who the packet belongs to.
//!
//! A run holds it behind an `Arc` and never changes it, so many runs share one.

use super::devices::Devices;
use super::fib::Fib;
use super::sockets::Sockets;

/// Everything that network helpers ask for and that is not in the packet. The default is an empty network namespace:
/// loopback, no routes, no sockets.
#[derive(Debug)]
pub struct Environment {
    /// Network interfaces.
    pub devices: Devices,
    /// Routes and neighbours.
    pub fib: Fib,
    /// Sockets.
    pub sockets: Sockets,
    /// Cookie of the network namespace.
    pub netns_cookie: u64,
    /// Class of the net_cls cgroup.
    pub cgroup_classid: u32,
    /// Route realm of the packet's route.
    pub route_realm: u32,
    /// Secret of the flow hash and the SYN cookies; fixed, so that runs repeat.
    pub secret: [u64; 2],
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            devices: Devices::default(),
            fib: Fib::default(),
            sockets: Sockets::default(),
            netns_cookie: 1,
            cgroup_classid: 0,
            route_realm: 0,
            secret: [0x736b_6570_2066_6c6f, 0x7720_6861_7368_2e2e],
        }
    }
}
