//! What a network program's return value means for its packet.

use std::net::IpAddr;

use skep_platform::ProgramType;

/// Where a redirected packet goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// Out of an interface, or into its receive path.
    Interface {
        /// Its number.
        ifindex: u32,
        /// Whether as if received there.
        ingress: bool,
    },
    /// Into the receive path of the other end of a pair.
    Peer {
        /// The near end's number.
        ifindex: u32,
    },
    /// Out of an interface, with Ethernet addresses filled in by the stack.
    Neighbour {
        /// Its number.
        ifindex: u32,
        /// Next machine on the way; without it the routing table decides.
        next_hop: Option<IpAddr>,
    },
    /// To what an entry of a map names.
    Map {
        /// The map's name.
        map: String,
        /// Key of the entry.
        key: u64,
        /// What is there.
        target: MapTarget,
    },
    /// To every interface of a map.
    Broadcast {
        /// The map's name.
        map: String,
        /// All interfaces in it, by rising key.
        ifindexes: Vec<u32>,
        /// Whether the one the packet came from is left out.
        exclude_ingress: bool,
    },
    /// To a socket, by its number in the environment's table.
    Socket {
        /// Its number.
        number: usize,
        /// Whether as if received there.
        ingress: bool,
    },
}

/// What an entry of a redirect map names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapTarget {
    /// An interface, by number (devmap).
    Interface(u32),
    /// A CPU, by number (cpumap).
    Cpu(u32),
    /// The AF_XDP socket in that slot (xskmap).
    Xsk(u32),
}

/// What happens to the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on its way.
    Pass,
    /// It is dropped.
    Drop,
    /// It goes back out of the interface it came in by.
    Transmit,
    /// It goes where the redirect says.
    Redirect,
}

/// A return value with its name and meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The low half of `r0`, signed as tc has it.
    pub code: i32,
    /// Linux's name: `XDP_PASS`, `TC_ACT_SHOT`; empty for a number without one.
    pub name: &'static str,
    /// What happens to the packet.
    pub fate: Fate,
}

/// Names and fates by number.
type Table = &'static [(i32, &'static str, Fate)];

const XDP: Table = &[
    (0, "XDP_ABORTED", Fate::Drop),
    (1, "XDP_DROP", Fate::Drop),
    (2, "XDP_PASS", Fate::Pass),
    (3, "XDP_TX", Fate::Transmit),
    (4, "XDP_REDIRECT", Fate::Redirect),
];

const TC: Table = &[
    (-1, "TC_ACT_UNSPEC", Fate::Pass),
    (0, "TC_ACT_OK", Fate::Pass),
    (1, "TC_ACT_RECLASSIFY", Fate::Pass),
    (2, "TC_ACT_SHOT", Fate::Drop),
    (3, "TC_ACT_PIPE", Fate::Pass),
    (4, "TC_ACT_STOLEN", Fate::Drop),
    (5, "TC_ACT_QUEUED", Fate::Drop),
    (6, "TC_ACT_REPEAT", Fate::Pass),
    (7, "TC_ACT_REDIRECT", Fate::Redirect),
    (8, "TC_ACT_TRAP", Fate::Drop),
];

const LWT: Table = &[
    (0, "BPF_OK", Fate::Pass),
    (2, "BPF_DROP", Fate::Drop),
    (7, "BPF_REDIRECT", Fate::Redirect),
    (128, "BPF_LWT_REROUTE", Fate::Pass),
];

const DISSECTOR: Table = &[
    (0, "BPF_OK", Fate::Pass),
    (2, "BPF_DROP", Fate::Drop),
    (129, "BPF_FLOW_DISSECTOR_CONTINUE", Fate::Pass),
];

const SK: Table = &[(0, "SK_DROP", Fate::Drop), (1, "SK_PASS", Fate::Pass)];

/// Allow or deny; the egress hook adds two that also announce congestion.
const CGROUP: Table = &[
    (0, "drop", Fate::Drop),
    (1, "pass", Fate::Pass),
    (2, "drop, congestion", Fate::Drop),
    (3, "pass, congestion", Fate::Pass),
];

impl Verdict {
    /// The meaning of `r0` for a program of this type. A number without a meaning drops the packet, except for socket filters,
    /// where it is the number of bytes to keep.
    pub fn of(program: ProgramType, r0: u64) -> Self {
        use ProgramType as T;
        let code = r0 as i32;
        let table = match program {
            T::Xdp => XDP,
            T::SchedCls | T::SchedAct => TC,
            T::LwtIn | T::LwtOut | T::LwtXmit | T::LwtSeg6local => LWT,
            T::FlowDissector => DISSECTOR,
            T::SkSkb | T::SkMsg | T::SkLookup | T::SkReuseport => SK,
            T::SocketFilter => {
                let (name, fate) = if code == 0 { ("drop", Fate::Drop) } else { ("keep", Fate::Pass) };
                return Self { code, name, fate };
            }
            _ => CGROUP,
        };
        match table.iter().find(|row| row.0 == code) {
            Some(&(code, name, fate)) => Self { code, name, fate },
            // Linux goes on with a packet whose tc verdict it does not know.
            None if matches!(program, T::SchedCls | T::SchedAct) => Self { code, name: "", fate: Fate::Pass },
            None => Self { code, name: "", fate: Fate::Drop },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_has_its_own_numbers() {
        let of = |t, r0: i64| {
            let v = Verdict::of(t, r0 as u64);
            (v.name, v.fate)
        };
        assert_eq!(of(ProgramType::Xdp, 2), ("XDP_PASS", Fate::Pass));
        assert_eq!(of(ProgramType::Xdp, 77), ("", Fate::Drop));
        assert_eq!(of(ProgramType::SchedCls, -1), ("TC_ACT_UNSPEC", Fate::Pass));
        assert_eq!(of(ProgramType::SchedCls, 0xffff_ffff), ("TC_ACT_UNSPEC", Fate::Pass));
        assert_eq!(of(ProgramType::SocketFilter, 96), ("keep", Fate::Pass));
        assert_eq!(of(ProgramType::CgroupSkb, 0), ("drop", Fate::Drop));
    }
}
