//! Contexts: the structs programs get in r1, field by field, and the structs that pointers in them lead to.
//!
//! Most program types do not see kernel memory: they see a struct of the UAPI whose fields the kernel translates
//! access by access. So a context is a table: each field has a place, a kind, the sizes it may be accessed in, and who
//! may read or write it. The same struct may be seen differently: `__sk_buff` shows its packet to traffic control and
//! not to socket filters, and a socket reached through a context shows less than a full one. A [`View`] says as whom
//! one looks.
//!
//! The live kernel is the oracle: the Linux engine's test asks it for every view, offset and size.

mod field;
mod packets;
mod sockets;
mod system;

pub use field::{By, Field, FieldKind, Guard, Sizes};

use crate::program::ContextShape;
use crate::{AttachType, ProgramType, Release};

/// One struct.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The struct's name in the UAPI, without the word `struct`.
    pub name: &'static str,
    /// Size in bytes in 6.18.
    pub size: u32,
    /// Every field, by rising offset. Where the UAPI has a union, one member stands for all.
    pub fields: &'static [Field],
}

/// Every layout: contexts first, then the objects they lead to.
pub static LAYOUTS: &[&Layout] = &[
    &packets::SK_BUFF,
    &packets::XDP_MD,
    &packets::SK_MSG_MD,
    &packets::SK_REUSEPORT_MD,
    &sockets::SOCK,
    &sockets::SOCK_ADDR,
    &sockets::SOCK_OPS,
    &sockets::SK_LOOKUP,
    &sockets::SOCKOPT,
    &system::SYSCTL,
    &system::CGROUP_DEV_CTX,
    &system::PERF_EVENT_DATA,
    &system::NF_CTX,
    &packets::FLOW_KEYS,
    &sockets::TCP_SOCK,
    &sockets::XDP_SOCK,
];

/// As whom one looks at a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As a program at its context. Without an attach type: whatever any attach type of the program type may do.
    Context(ProgramType, Option<AttachType>),
    /// Through a pointer to a socket of any sort.
    SockCommon,
    /// Through a pointer to a full socket.
    Socket,
    /// Through a pointer to a TCP socket.
    TcpSock,
    /// Through a pointer to an AF_XDP socket.
    XdpSock,
    /// Through a flow dissector's pointer to its result.
    FlowKeys,
}

impl View {
    /// The struct that is seen; `None` for program types whose context is no table (see [`ContextShape`]).
    pub fn layout(self) -> Option<&'static Layout> {
        match self {
            View::Context(program, _) => layout(program),
            View::SockCommon | View::Socket => Some(&sockets::SOCK),
            View::TcpSock => Some(&sockets::TCP_SOCK),
            View::XdpSock => Some(&sockets::XDP_SOCK),
            View::FlowKeys => Some(&packets::FLOW_KEYS),
        }
    }

    /// The field that a load (or, with `write`, a store) of `size` bytes at `offset` may access on `release`; `None`
    /// when it may not.
    pub fn access(self, release: Release, offset: u32, size: u32, write: bool) -> Option<&'static Field> {
        let field = self.layout()?.at(offset)?;
        let sizes = if write { field.write } else { field.read };
        let fits = field.since <= release && sizes.fit(field, offset, size);
        (fits && self.may(field, write)).then_some(field)
    }

    /// Whether this view may read (or write) the field at all, in whatever size.
    pub fn may(self, field: &Field, write: bool) -> bool {
        if write && field.write == Sizes::Never {
            return false;
        }
        let by = if write { field.writers } else { field.readers };
        match self {
            View::Context(program, attach) => by.includes(program, attach),
            View::SockCommon => !write && !sockets::NOT_IN_COMMON.contains(&field.name),
            View::Socket | View::TcpSock | View::XdpSock => !write,
            View::FlowKeys => true,
        }
    }
}

impl Layout {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field that contains the byte at `offset`.
    pub fn at(&self, offset: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.contains(offset))
    }
}

/// The context of a program type; `None` where it has no table (see [`ContextShape`]).
pub fn layout(program: ProgramType) -> Option<&'static Layout> {
    if !matches!(program.context_shape(), ContextShape::Table | ContextShape::BtfStruct) {
        return None;
    }
    let name = program.context_name();
    LAYOUTS.iter().copied().find(|layout| layout.name == name)
}

/// How many bytes of its context a program type with a raw context may access, where Linux fixes it: the registers of
/// a probe, the twelve arguments of a raw tracepoint. Tracepoints and syscall programs are bounded by their record and
/// by the caller.
pub fn raw_size(program: ProgramType) -> Option<u32> {
    match program {
        ProgramType::Kprobe => Some(168),
        ProgramType::RawTracepoint | ProgramType::RawTracepointWritable => Some(96),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_rise_and_stay_inside() {
        for layout in LAYOUTS {
            let mut end = 0;
            for field in layout.fields {
                assert!(field.offset >= end, "{}.{} overlaps", layout.name, field.name);
                end = field.offset + field.bytes();
            }
            assert!(end <= layout.size, "{} is larger than it says", layout.name);
        }
    }

    #[test]
    fn every_table_context_has_a_layout() {
        for &program in ProgramType::ALL {
            let expected = matches!(program.context_shape(), ContextShape::Table | ContextShape::BtfStruct);
            assert_eq!(layout(program).is_some(), expected, "{program:?}");
        }
    }

    #[test]
    fn who_may_do_what() {
        use ProgramType::{CgroupSkb, SchedCls, SocketFilter, Xdp};
        let at = |program, offset, size, write| {
            View::Context(program, None).access(Release::LATEST, offset, size, write).map(|field| field.name)
        };
        assert_eq!(at(SchedCls, 76, 4, false), Some("data"));
        assert_eq!(at(SocketFilter, 76, 4, false), None);
        assert_eq!(at(SchedCls, 76, 2, false), None, "a pointer in parts");
        assert_eq!(at(SchedCls, 9, 1, false), Some("mark"));
        assert_eq!(at(SchedCls, 8, 4, true), Some("mark"));
        assert_eq!(at(SchedCls, 8, 2, true), None);
        assert_eq!(at(CgroupSkb, 48, 8, true), Some("cb"));
        assert_eq!(at(Xdp, 20, 4, false), Some("egress_ifindex"));
        let plain = View::Context(Xdp, Some(AttachType::Xdp));
        assert_eq!(plain.access(Release::LATEST, 20, 4, false), None);
        assert_eq!(
            View::Context(SchedCls, None).access(Release::V5_4, 184, 8, false),
            None,
            "hwtstamp is newer"
        );
        assert_eq!(View::SockCommon.access(Release::LATEST, 16, 4, false), None, "mark needs a full socket");
    }

    #[test]
    fn nothing_overflows() {
        for offset in [0, u32::MAX, u32::MAX - 7] {
            for size in [0, 1, 8, u32::MAX] {
                assert!(
                    View::Context(ProgramType::Netfilter, None)
                        .access(Release::LATEST, offset, size, true)
                        .is_none()
                );
            }
        }
    }
}
