//! What instructions are made of: registers, widths, sizes, operators.
//!
//! Each is a type of its own, with only the values that the instruction set has, so that a match over one is complete.

/// A register, `r0` to `r10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(
    /// At most 10: [`Reg::new`] is the only way in.
    u8,
);

impl Reg {
    /// Return value.
    pub const R0: Self = Self(0);
    /// First argument; the context at entry.
    pub const R1: Self = Self(1);
    /// Second argument.
    pub const R2: Self = Self(2);
    /// Third argument.
    pub const R3: Self = Self(3);
    /// Fourth argument.
    pub const R4: Self = Self(4);
    /// Fifth argument.
    pub const R5: Self = Self(5);
    /// First callee-saved register.
    pub const R6: Self = Self(6);
    /// Callee-saved.
    pub const R7: Self = Self(7);
    /// Callee-saved.
    pub const R8: Self = Self(8);
    /// Callee-saved.
    pub const R9: Self = Self(9);
    /// Frame pointer, read-only.
    pub const R10: Self = Self(10);
    /// How many registers there are.
    pub const COUNT: usize = 11;

    /// The register of that number, or `None` above 10.
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 10 { Some(Self(number)) } else { None }
    }

    /// 0 to 10, for indexing a register file.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// 0 to 10, as the encoding has it.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// All registers, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=10).map(Self)
    }
}

/// The width of an arithmetic or comparing instruction. A 32-bit result zero-extends into the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// The lower 32 bits (`w0` … `w10`).
    W32,
    /// All 64 bits (`r0` … `r10`).
    W64,
}

/// The width of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// 1 byte.
    B,
    /// 2 bytes.
    H,
    /// 4 bytes.
    W,
    /// 8 bytes.
    Dw,
}

impl Size {
    /// 1, 2, 4 or 8.
    pub const fn bytes(self) -> usize {
        match self {
            Self::B => 1,
            Self::H => 2,
            Self::W => 4,
            Self::Dw => 8,
        }
    }
}

/// A register or a sign-extended immediate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// Register.
    Reg(Reg),
    /// Immediate; sign-extended to the width of the operation.
    Imm(i32),
}

/// Two-operand arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AluOp {
    /// `dst += src`
    Add,
    /// `dst -= src`
    Sub,
    /// `dst *= src`
    Mul,
    /// Unsigned `dst /= src`; division by zero gives 0.
    Div,
    /// Signed `dst s/= src`, towards zero; division by zero gives 0, the least value by −1 gives itself.
    Sdiv,
    /// Unsigned `dst %= src`; by zero leaves `dst` (a 32-bit one zero-extended).
    Mod,
    /// Signed `dst s%= src`, sign of the dividend; by zero leaves `dst`.
    Smod,
    /// `dst |= src`
    Or,
    /// `dst &= src`
    And,
    /// `dst ^= src`
    Xor,
    /// `dst <<= src`, count masked to the width.
    Lsh,
    /// `dst >>= src`, logical.
    Rsh,
    /// `dst s>>= src`, arithmetic.
    Arsh,
    /// `dst = src`
    Mov,
}

/// Byte-order conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// `dst = le16 dst` …: from or to little-endian, truncating.
    Le,
    /// `dst = be16 dst` …
    Be,
    /// `dst = bswap16 dst` …: unconditional swap.
    Swap,
}

/// Direction of `addr_space_cast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cast {
    /// `dst = addr_space_cast(src, 0, 1)`: arena pointer (address space 1) to the program's own (0).
    ArenaToKernel,
    /// `dst = addr_space_cast(src, 1, 0)`: the program's own to arena pointer as user space sees it.
    KernelToArena,
}

/// Read-modify-write operations. All are sequentially consistent when they fetch, relaxed otherwise (as Linux has it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AtomicOp {
    /// `lock *(u64 *)(dst + off) += src`; with `fetch`, `src` gets the old value.
    Add {
        /// Whether `src` receives the value before.
        fetch: bool,
    },
    /// Bitwise or.
    Or {
        /// Whether `src` receives the value before.
        fetch: bool,
    },
    /// Bitwise and.
    And {
        /// Whether `src` receives the value before.
        fetch: bool,
    },
    /// Bitwise exclusive or.
    Xor {
        /// Whether `src` receives the value before.
        fetch: bool,
    },
    /// `src = xchg(dst + off, src)`
    Xchg,
    /// `r0 = cmpxchg(dst + off, r0, src)`
    Cmpxchg,
}

/// The condition of a jump, `dst` on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `>` unsigned
    Gt,
    /// `>=` unsigned
    Ge,
    /// `<` unsigned
    Lt,
    /// `<=` unsigned
    Le,
    /// `&`: some common bit is set
    Set,
    /// `s>`
    Sgt,
    /// `s>=`
    Sge,
    /// `s<`
    Slt,
    /// `s<=`
    Sle,
}

/// What a two-slot `lddw` loads. The numbers are Linux's `BPF_PSEUDO_*` source values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Imm64 {
    /// 0: a plain 64-bit constant.
    Value(u64),
    /// 1: the map behind a file descriptor.
    MapFd(i32),
    /// 2: the address `offset` bytes into the (only) value of the map behind a file descriptor.
    MapFdValue {
        /// File descriptor.
        fd: i32,
        /// Byte offset into the value.
        offset: u32,
    },
    /// 3: the address of a kernel variable, by BTF id.
    BtfId {
        /// Type id of the variable.
        id: i32,
        /// File descriptor of the module's BTF, 0 for vmlinux.
        module_fd: i32,
    },
    /// 4: a function of this program, for callbacks. The offset counts slots from the slot after the *first* of the
    /// two, as a call's does, hence from the middle of this instruction.
    Func(i32),
    /// 5: a map, by its index in the list the program was loaded with.
    MapIndex(u32),
    /// 6: the address `offset` bytes into the value of a map given by index.
    MapIndexValue {
        /// Index into the program's list of maps.
        index: u32,
        /// Byte offset into the value.
        offset: u32,
    },
}

/// The three kinds of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// 0: a helper, by number.
    Helper(i32),
    /// 1: a function of this program, by offset in slots from the slot after the call.
    Local(i32),
    /// 2: a kernel function, by BTF id.
    Kfunc {
        /// BTF type id of the function; -1 where a loader has not resolved it.
        id: i32,
        /// Index into the program's list of module BTFs, 0 for vmlinux.
        module: i16,
    },
}

/// The addressing of a legacy packet load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegacyMode {
    /// `r0 = *(u32 *)skb[imm]`
    Abs,
    /// `r0 = *(u32 *)skb[src + imm]`
    Ind(Reg),
}
