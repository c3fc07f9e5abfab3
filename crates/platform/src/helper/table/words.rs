//! The words the rows are written in: short names for arguments and results, and the row's constructor.

use super::super::{Arg, ArgKind, BtfTarget, DynptrKinds, Helper, Ret, RetFlags, RetKind, Traits};
use crate::Release;

pub(super) const MAP: Arg = Arg::MAP;
pub(super) const KEY: Arg = Arg::KEY;
pub(super) const VALUE: Arg = Arg::VALUE;
/// Receives a value.
pub(super) const VALUE_OUT: Arg = Arg::VALUE.uninit();
/// The value to start from, or NULL for zeros.
pub(super) const VALUE_OR_NONE: Arg = Arg::VALUE.or_null();
pub(super) const CTX: Arg = Arg::CTX;
pub(super) const CTX_OR_NULL: Arg = Arg::CTX.or_null();
pub(super) const ANY: Arg = Arg::ANY;
/// Memory that is read.
pub(super) const MEM_R: Arg = Arg::MEM.read_only();
pub(super) const MEM_R_OR_NULL: Arg = MEM_R.or_null();
/// Memory that is read and written: initialised before.
pub(super) const MEM_W: Arg = Arg::MEM.write();
pub(super) const MEM_W_OR_NULL: Arg = MEM_W.or_null();
/// Memory that receives.
pub(super) const OUT: Arg = Arg::MEM.uninit();
pub(super) const SIZE: Arg = Arg::SIZE;
/// A size that may be 0.
pub(super) const SIZE0: Arg = Arg::SIZE_OR_ZERO;
pub(super) const ALLOC: Arg = Arg::ALLOC_SIZE;
pub(super) const LOCK: Arg = Arg::LOCK;
pub(super) const SOCK_COMMON: Arg = Arg::SOCK_COMMON;
pub(super) const BTF_SOCK: Arg = Arg::BTF_SOCK;
pub(super) const BTF_SOCK_RELEASE: Arg = Arg::BTF_SOCK.release();
pub(super) const RING_RELEASE: Arg = Arg::RINGBUF_MEM.release();
pub(super) const PERCPU: Arg = Arg::PERCPU;
pub(super) const FUNC: Arg = Arg::FUNC;
pub(super) const STACK_OR_NULL: Arg = Arg::STACK.or_null();
pub(super) const STR: Arg = Arg::STR;
pub(super) const TIMER: Arg = Arg::TIMER;
pub(super) const KPTR: Arg = Arg::KPTR;
/// The object that moves into the kptr field.
pub(super) const KPTR_NEW: Arg = Arg::of(ArgKind::Btf(BtfTarget::FieldOf)).or_null().release();
/// Receives an aligned 64-bit number.
pub(super) const LONG_OUT: Arg = Arg::fixed(8).uninit().aligned();
/// Holds and receives an aligned 32-bit length.
pub(super) const MTU: Arg = Arg::fixed(4).write().aligned();
pub(super) const IPV4_HEADER: Arg = Arg::fixed(20).read_only();
pub(super) const IPV6_HEADER: Arg = Arg::fixed(40).read_only();
pub(super) const TCP_HEADER: Arg = Arg::fixed(20).read_only();
pub(super) const DYN: Arg = Arg::dynptr(DynptrKinds::Any);
pub(super) const DYN_R: Arg = Arg::dynptr(DynptrKinds::Any).read_only();
pub(super) const DYN_LOCAL_NEW: Arg = Arg::dynptr(DynptrKinds::Local).uninit();
pub(super) const DYN_RING_NEW: Arg = Arg::dynptr(DynptrKinds::Ringbuf).uninit();
pub(super) const DYN_RING_RELEASE: Arg = Arg::dynptr(DynptrKinds::Ringbuf).release();

pub(super) const INT: Ret = Ret::INT;
pub(super) const VOID: Ret = Ret::VOID;
pub(super) const VALUE_OR_NULL: Ret = Ret::VALUE_OR_NULL;
pub(super) const SOCKET_OR_NULL: Ret = Ret::of(RetKind::Socket).or_null();
pub(super) const TCP_SOCK_OR_NULL: Ret = Ret::of(RetKind::TcpSock).or_null();
/// A socket with a reference that the program must release.
pub(super) const NEW_SOCKET: Ret = SOCKET_OR_NULL.with(RetFlags::ACQUIRE);
pub(super) const NEW_SOCK_COMMON: Ret = Ret::of(RetKind::SockCommon).or_null().with(RetFlags::ACQUIRE);
/// A ring buffer record that the program must submit or discard.
pub(super) const NEW_RECORD: Ret =
    Ret::of(RetKind::Mem).or_null().with(RetFlags::RINGBUF).with(RetFlags::ACQUIRE);
pub(super) const PERCPU_OBJECT: Ret = Ret::of(RetKind::MemOrBtf).with(RetFlags::RDONLY);
pub(super) const CURRENT_TASK: Ret = Ret::of(RetKind::Btf("task_struct")).with(RetFlags::TRUSTED);
/// The object that was in the field; the program must release it or put it elsewhere.
pub(super) const OLD_KPTR: Ret = Ret::of(RetKind::BtfOfField).or_null().with(RetFlags::ACQUIRE);
pub(super) const DYNPTR_MEM: Ret = Ret::of(RetKind::Mem).or_null().with(RetFlags::DYNPTR);

/// A kernel object of the struct of this name, or NULL.
pub(super) const fn btf_or_null(name: &'static str) -> Ret {
    Ret::of(RetKind::Btf(name)).or_null()
}

/// A row: number, name, release, arguments, result, description.
pub(super) const fn h(
    id: u32,
    name: &'static str,
    since: (u8, u8),
    args: &[Arg],
    ret: Ret,
    doc: &'static str,
) -> Helper {
    let mut five = [Arg::UNUSED; 5];
    let mut at = 0;
    while at < args.len() {
        five[at] = args[at];
        at += 1;
    }
    let traits = Traits { packet_access: false, changes_packet: false, sleeps: false, fastcall: false };
    Helper { id, name, since: Release::new(since.0, since.1), gpl_only: false, args: five, ret, traits, doc }
}

impl Helper {
    /// For programs under the GPL only.
    pub(super) const fn gpl(mut self) -> Helper {
        self.gpl_only = true;
        self
    }

    /// Takes packet pointers as memory.
    pub(super) const fn packet(mut self) -> Helper {
        self.traits.packet_access = true;
        self
    }

    /// Voids packet pointers.
    pub(super) const fn changes(mut self) -> Helper {
        self.traits.changes_packet = true;
        self
    }

    /// May sleep.
    pub(super) const fn sleeps(mut self) -> Helper {
        self.traits.sleeps = true;
        self
    }

    /// Keeps the fastcall contract.
    pub(super) const fn fastcall(mut self) -> Helper {
        self.traits.fastcall = true;
        self
    }
}
