//! What is verified: a program and everything around it that decides about it.
//!
//! Plain data with no origin of its own: a loader fills it from an object file, a test by hand, a tool from JSON.
//! Nothing in here asks the machine; where a rule depends on the kernel's types, its BTF is handed in.

use std::sync::Arc;

use crate::extended::Extended;
use crate::host::Host;
use skep_btf::{Btf, TypeId};
use skep_isa::RawInsn;
use skep_platform::{AttachType, MapFlags, MapType, ProgramType, Release, rule};

/// A program to verify. Start from [`Input::new`] and set what is needed.
#[derive(Clone, Debug)]
pub struct Input {
    /// Name, for messages.
    pub name: String,
    /// Program type.
    pub program_type: ProgramType,
    /// `expected_attach_type`; `None` where the load gives none (Linux then sees 0).
    pub attach_type: Option<AttachType>,
    /// Load flags, the UAPI's `BPF_F_*` bits: see [`flags`].
    pub flags: u32,
    /// License; decides about helpers that are for GPL-compatible programs.
    pub license: String,
    /// Whether the loader lacks CAP_BPF and CAP_PERFMON.
    pub unprivileged: bool,
    /// The release whose rules apply.
    pub release: Release,
    /// The kernel function, tracepoint, hook or program that a traced program is for.
    pub attach_target: Option<String>,
    /// The program, main function first. A map is an `lddw` with pseudo source 1, 2, 5 or 6, whose immediate is an index
    /// into `maps` in all four cases.
    pub insns: Vec<RawInsn>,
    /// The maps it names.
    pub maps: Vec<MapInfo>,
    /// The program's own types.
    pub btf: Option<Arc<Btf>>,
    /// The types of the kernel that it is verified for.
    pub kernel_btf: Option<Arc<Btf>>,
    /// Types of the functions of the program, by rising slot.
    pub functions: Vec<FunctionInfo>,
    /// Kernel functions, variables and types that instructions refer to by name.
    pub symbols: Vec<Symbol>,
    /// The application's hook that the program is for, where it is none of Linux's; the program type then only says which of
    /// Linux's helpers it may call.
    pub host: Option<Arc<Host>>,
    /// What an extension (`ext`) replaces; without it nothing can be said of one.
    pub extends: Option<Arc<Extended>>,
    /// First slot and number of every source line, by rising slot; empty without line information.
    pub lines: Vec<(usize, u32)>,
}

/// Load flags of the UAPI that the verifier looks at.
pub mod flags {
    /// Every access must be aligned.
    pub const STRICT_ALIGNMENT: u32 = 1;
    /// Accesses need not be aligned even on machines that demand it.
    pub const ANY_ALIGNMENT: u32 = 2;
    /// Checkpoints everywhere (for tests of pruning).
    pub const TEST_STATE_FREQ: u32 = 8;
    /// The program may sleep.
    pub const SLEEPABLE: u32 = 16;
    /// The program takes packets in fragments.
    pub const XDP_HAS_FRAGS: u32 = 32;
    /// The program is for one device.
    pub const XDP_DEV_BOUND_ONLY: u32 = 64;
    /// Contradicting ranges are rejected rather than repaired.
    pub const TEST_REG_INVARIANTS: u32 = 128;
}

/// A function of the program and its type (`bpf_func_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// First slot.
    pub start: usize,
    /// The FUNC in the program's BTF.
    pub type_id: TypeId,
}

/// Something of the kernel's that an instruction refers to by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Slot of the instruction.
    pub at: usize,
    /// What sort of thing.
    pub kind: SymbolKind,
    /// Its name.
    pub name: String,
}

/// The sorts of named things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// A kernel function.
    Kfunc,
    /// A kernel variable or type.
    BtfId,
}

/// A map as far as verification needs it. Which parts of its values the kernel manages (locks, timers, kernel pointers)
/// follows from `btf` and `value_type`.
#[derive(Clone, Debug)]
pub struct MapInfo {
    /// Name, for messages.
    pub name: String,
    /// Type.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of entries.
    pub max_entries: u32,
    /// Creation flags.
    pub flags: MapFlags,
    /// Meaning by type.
    pub extra: u64,
    /// Whether the map is frozen, so that a read-only array's contents are known.
    pub frozen: bool,
    /// The first value's bytes where they are known; shorter than `value_size` when the rest is zero.
    pub value: Vec<u8>,
    /// The template of the maps in it.
    pub inner: Option<Box<MapInfo>>,
    /// The types of key and value.
    pub btf: Option<Arc<Btf>>,
    /// The key's type in `btf`; 0 where it has none.
    pub key_type: TypeId,
    /// The value's type in `btf`; 0 where it has none.
    pub value_type: TypeId,
}

impl MapInfo {
    /// A map without name, flags, contents.
    pub fn new(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapInfo {
        MapInfo {
            name: String::new(),
            map_type,
            key_size,
            value_size,
            max_entries,
            flags: MapFlags::NONE,
            extra: 0,
            frozen: false,
            value: Vec::new(),
            inner: None,
            btf: None,
            key_type: TypeId::VOID,
            value_type: TypeId::VOID,
        }
    }
}

impl Input {
    /// A privileged load under the GPL with nothing special.
    pub fn new(program_type: ProgramType, insns: Vec<RawInsn>) -> Input {
        Input {
            name: String::new(),
            program_type,
            attach_type: None,
            flags: 0,
            license: "GPL".into(),
            unprivileged: false,
            release: Release::LATEST,
            attach_target: None,
            insns,
            maps: Vec::new(),
            btf: None,
            kernel_btf: None,
            functions: Vec::new(),
            symbols: Vec::new(),
            host: None,
            extends: None,
            lines: Vec::new(),
        }
    }

    /// Whether stack bytes that were not written may be read.
    pub fn reads_unwritten(&self) -> bool {
        !self.unprivileged && rule::UNWRITTEN_STACK.holds(self.release)
    }

    /// Whether the stack may be accessed at an offset that varies.
    pub fn varies_stack(&self) -> bool {
        !self.unprivileged && rule::VARIABLE_STACK.holds(self.release)
    }

    /// Whether a load flag is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether the license opens helpers that are for GPL-compatible programs.
    pub fn gpl_compatible(&self) -> bool {
        const COMPATIBLE: [&str; 6] =
            ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];
        COMPATIBLE.contains(&self.license.as_str())
    }
}
