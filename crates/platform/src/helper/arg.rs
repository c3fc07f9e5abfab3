//! The vocabulary of helper prototypes: what an argument must be. What a result is stands in `ret.rs`.
//!
//! Linux's verifier has a word for each and modifiers on top. Both halves are kept apart here as well: a kind says
//! what sort of object, flags say null, direction, release. The row of a helper reads like its prototype:
//! `Arg::MEM.or_null().read_only()`.

use core::fmt;

use crate::flags::flag_set;

/// What one register must hold at a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Arg {
    /// The sort of object.
    pub kind: ArgKind,
    /// What else holds for it.
    pub flags: ArgFlags,
}

/// The sort of object an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgKind {
    /// The helper does not look at this register.
    Unused,
    /// A map, known when the program is loaded.
    ConstMap,
    /// Memory that holds a key of the map argument.
    MapKey,
    /// Memory that holds (or, with [`ArgFlags::UNINIT`], receives) a value of the map argument.
    MapValue,
    /// Memory whose size the next argument gives, or that the helper fixes itself.
    Mem,
    /// Memory of this many bytes.
    FixedMem(u32),
    /// A pointer into an arena.
    Arena,
    /// The size of the memory argument before it, at least 1.
    Size,
    /// The size of the memory argument before it, 0 allowed.
    SizeOrZero,
    /// The size of memory to be given out: a constant known when the program is loaded.
    AllocSize,
    /// The program's context, unmodified.
    Ctx,
    /// Any initialised value.
    Anything,
    /// A `bpf_spin_lock` in a map value or an allocated object.
    SpinLock,
    /// A socket of any sort that has at least `struct sock_common`.
    SockCommon,
    /// A full socket, as the table pointer or the kernel's own struct.
    Socket,
    /// A pointer to a kernel object of one of these BTF types.
    Btf(BtfTarget),
    /// A ring buffer record that `ringbuf_reserve` gave out.
    RingbufMem,
    /// A socket as one of the helpers' sorts or as a BTF object that begins with `struct sock_common`.
    BtfSockCommon,
    /// A pointer to a per-CPU variable or allocation.
    PercpuBtf,
    /// A function of the program.
    Func,
    /// Any place in the stack.
    Stack,
    /// A string that ends within read-only map memory.
    ConstStr,
    /// A `bpf_timer` in a map value.
    Timer,
    /// A kptr field in a map value or an allocated object.
    KptrDest,
    /// A dynptr of one of these kinds.
    Dynptr(DynptrKinds),
}

/// The kernel types an [`ArgKind::Btf`] accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BtfTarget {
    /// The kernel struct of this name, or one that begins with it.
    Struct(&'static str),
    /// Whatever the other arguments demand: the object type of a kptr field.
    FieldOf,
}

/// Which dynptrs are accepted or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DynptrKinds {
    /// Any.
    Any,
    /// Over the program's own memory.
    Local,
    /// Over a ring buffer record.
    Ringbuf,
}

flag_set! {
    /// Modifiers of an argument.
    ArgFlags(u16);
    /// NULL is accepted.
    OR_NULL = 0;
    /// The memory is only read: read-only memory is accepted.
    RDONLY = 1;
    /// The memory is written: read-only memory is refused.
    WRITE = 2;
    /// The memory need not be initialised, and is afterwards.
    UNINIT = 3;
    /// The reference held ends with this call.
    RELEASE = 4;
    /// The memory must be aligned to its size.
    ALIGNED = 5;
}

impl Arg {
    /// No argument.
    pub const UNUSED: Arg = Arg::of(ArgKind::Unused);
    /// See [`ArgKind::ConstMap`].
    pub const MAP: Arg = Arg::of(ArgKind::ConstMap);
    /// See [`ArgKind::MapKey`].
    pub const KEY: Arg = Arg::of(ArgKind::MapKey);
    /// See [`ArgKind::MapValue`].
    pub const VALUE: Arg = Arg::of(ArgKind::MapValue);
    /// See [`ArgKind::Mem`].
    pub const MEM: Arg = Arg::of(ArgKind::Mem);
    /// See [`ArgKind::Size`].
    pub const SIZE: Arg = Arg::of(ArgKind::Size);
    /// See [`ArgKind::SizeOrZero`].
    pub const SIZE_OR_ZERO: Arg = Arg::of(ArgKind::SizeOrZero);
    /// See [`ArgKind::AllocSize`].
    pub const ALLOC_SIZE: Arg = Arg::of(ArgKind::AllocSize);
    /// See [`ArgKind::Ctx`].
    pub const CTX: Arg = Arg::of(ArgKind::Ctx);
    /// See [`ArgKind::Anything`].
    pub const ANY: Arg = Arg::of(ArgKind::Anything);
    /// See [`ArgKind::SpinLock`].
    pub const LOCK: Arg = Arg::of(ArgKind::SpinLock);
    /// See [`ArgKind::SockCommon`].
    pub const SOCK_COMMON: Arg = Arg::of(ArgKind::SockCommon);
    /// See [`ArgKind::Socket`].
    pub const SOCKET: Arg = Arg::of(ArgKind::Socket);
    /// See [`ArgKind::RingbufMem`].
    pub const RINGBUF_MEM: Arg = Arg::of(ArgKind::RingbufMem);
    /// See [`ArgKind::BtfSockCommon`].
    pub const BTF_SOCK: Arg = Arg::of(ArgKind::BtfSockCommon);
    /// See [`ArgKind::PercpuBtf`].
    pub const PERCPU: Arg = Arg::of(ArgKind::PercpuBtf);
    /// See [`ArgKind::Func`].
    pub const FUNC: Arg = Arg::of(ArgKind::Func);
    /// See [`ArgKind::Stack`].
    pub const STACK: Arg = Arg::of(ArgKind::Stack);
    /// See [`ArgKind::ConstStr`].
    pub const STR: Arg = Arg::of(ArgKind::ConstStr);
    /// See [`ArgKind::Timer`].
    pub const TIMER: Arg = Arg::of(ArgKind::Timer);
    /// See [`ArgKind::KptrDest`].
    pub const KPTR: Arg = Arg::of(ArgKind::KptrDest);

    /// An argument of this kind without modifiers.
    pub const fn of(kind: ArgKind) -> Arg {
        Arg { kind, flags: ArgFlags::NONE }
    }

    /// A pointer to the kernel struct of this name.
    pub const fn btf(name: &'static str) -> Arg {
        Arg::of(ArgKind::Btf(BtfTarget::Struct(name)))
    }

    /// Memory of this many bytes.
    pub const fn fixed(bytes: u32) -> Arg {
        Arg::of(ArgKind::FixedMem(bytes))
    }

    /// A dynptr of these kinds.
    pub const fn dynptr(kinds: DynptrKinds) -> Arg {
        Arg::of(ArgKind::Dynptr(kinds))
    }

    /// NULL is accepted too.
    pub const fn or_null(self) -> Arg {
        self.with(ArgFlags::OR_NULL)
    }

    /// The memory is only read.
    pub const fn read_only(self) -> Arg {
        self.with(ArgFlags::RDONLY)
    }

    /// The memory is written.
    pub const fn write(self) -> Arg {
        self.with(ArgFlags::WRITE)
    }

    /// The memory is written and need not be initialised.
    pub const fn uninit(self) -> Arg {
        self.with(ArgFlags::UNINIT).with(ArgFlags::WRITE)
    }

    /// The reference ends with the call.
    pub const fn release(self) -> Arg {
        self.with(ArgFlags::RELEASE)
    }

    /// Aligned to its size.
    pub const fn aligned(self) -> Arg {
        self.with(ArgFlags::ALIGNED)
    }

    /// Whether this flag is set.
    pub const fn has(self, flag: ArgFlags) -> bool {
        self.flags.contains(flag)
    }

    const fn with(self, flag: ArgFlags) -> Arg {
        Arg { kind: self.kind, flags: self.flags.union(flag) }
    }
}

impl fmt::Display for Arg {
    /// The argument in a prototype: `map`, `key`, `mem or null (read)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ArgKind::Unused => f.write_str("-")?,
            ArgKind::ConstMap => f.write_str("map")?,
            ArgKind::MapKey => f.write_str("key")?,
            ArgKind::MapValue => f.write_str("value")?,
            ArgKind::Mem => f.write_str("mem")?,
            ArgKind::FixedMem(size) => write!(f, "mem[{size}]")?,
            ArgKind::Arena => f.write_str("arena")?,
            ArgKind::Size => f.write_str("size")?,
            ArgKind::SizeOrZero => f.write_str("size0")?,
            ArgKind::AllocSize => f.write_str("alloc_size")?,
            ArgKind::Ctx => f.write_str("ctx")?,
            ArgKind::Anything => f.write_str("any")?,
            ArgKind::SpinLock => f.write_str("spin_lock")?,
            ArgKind::SockCommon => f.write_str("sock_common")?,
            ArgKind::Socket => f.write_str("sock")?,
            ArgKind::Btf(BtfTarget::Struct(name)) => write!(f, "struct {name} *")?,
            ArgKind::Btf(BtfTarget::FieldOf) => f.write_str("kptr")?,
            ArgKind::RingbufMem => f.write_str("ringbuf_mem")?,
            ArgKind::BtfSockCommon => f.write_str("btf_sock")?,
            ArgKind::PercpuBtf => f.write_str("percpu")?,
            ArgKind::Func => f.write_str("func")?,
            ArgKind::Stack => f.write_str("stack")?,
            ArgKind::ConstStr => f.write_str("str")?,
            ArgKind::Timer => f.write_str("timer")?,
            ArgKind::KptrDest => f.write_str("kptr_field")?,
            ArgKind::Dynptr(DynptrKinds::Any) => f.write_str("dynptr")?,
            ArgKind::Dynptr(DynptrKinds::Local) => f.write_str("local_dynptr")?,
            ArgKind::Dynptr(DynptrKinds::Ringbuf) => f.write_str("ringbuf_dynptr")?,
        }
        let marks = [(ArgFlags::OR_NULL, "?"), (ArgFlags::UNINIT, " out"), (ArgFlags::RELEASE, " release")];
        marks.iter().filter(|(flag, _)| self.has(*flag)).try_for_each(|(_, mark)| f.write_str(mark))
    }
}

impl fmt::Debug for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
