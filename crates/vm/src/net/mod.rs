//! Packets and the network around them, as network programs see both.
//!
//! Problem: two dozen helpers of Linux change packets, and as many ask the network stack a question. They make sense in
//! user space when the packet is real memory and the stack's knowledge is given by the user.
//! Idea: what a helper *does* is here, plain Rust on two types, and knows nothing of registers: [`Packet`] for XDP,
//! [`Skb`] for everything above it. What it *asks* is the [`Environment`]. The helpers themselves only fetch
//! arguments and hand results back, and the contexts only translate fields.
//!
//! Limits, errors and the order in which they are found are Linux 6.18's; tests compare with the running kernel.

pub mod csum;
mod devices;
mod ecn;
mod edit;
mod environment;
mod errno;
mod fib;
pub mod fib_lookup;
mod fields;
mod flow;
mod legacy;
mod lookup_context;
mod mtu;
pub mod packet;
pub mod room;
mod siphash;
mod skb;
mod skb_context;
mod skb_fields;
mod sockets;
mod syncookie;
pub mod tunnel;
mod verdict;
mod vlan;
mod xdp;
mod xdp_context;

pub use devices::{Device, Devices};
pub use environment::Environment;
pub use fib::{Fib, Route, RouteKind, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN};
pub use fib_lookup::FibResult;
pub use flow::Flow;
pub use lookup_context::SkLookupContext;
pub use mtu::{Checked as MtuChecked, MtuResult};
pub use packet::Packet;
pub use skb::{Checksum, HashKind, Layer, Skb, VlanTag, ethertype};
pub use skb_context::{Emitted, FLOW_KEYS_LEN, SkbContext};
pub use sockets::{SOCK_LEN, Socket, Sockets, State as SocketState, TCP_SOCK_LEN, Transport, Tuple};
pub use syncookie::Segment as TcpSegment;
pub use tunnel::Tunnel;
pub use verdict::{Fate, MapTarget, Redirect, Verdict};
pub use xdp_context::XdpContext;
