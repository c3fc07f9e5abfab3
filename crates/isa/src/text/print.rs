//! Instructions as text, in the form of the kernel's verifier log.
//!
//! Three departures from the kernel, each because its own form cannot be read back: a 64-bit constant carries `ll`
//! (without it, it would be a move), pseudo sources are spelled out (the kernel prints bare addresses), and a helper
//! whose name nobody supplied is a number.

use core::fmt;

use super::Names;
use crate::op::{ALU, CONDITIONS, atomic_row};
use crate::{AtomicOp, Call, Cast, Endian, Imm64, Insn, LegacyMode, Operand, Reg, Size, Width};

impl fmt::Display for Reg {
    /// `r0` to `r10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.number())
    }
}

impl fmt::Display for Insn {
    /// The kernel's form, calls by number; it assembles to the same instruction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Named { insn: self, names: &() }.fmt(f)
    }
}

impl Insn {
    /// The same text as [`Display`](fmt::Display) gives, with the names of called functions: `call name#1`.
    pub fn named<'a>(&'a self, names: &'a dyn Names) -> impl fmt::Display + 'a {
        Named { insn: self, names }
    }
}

struct Named<'a> {
    insn: &'a Insn,
    names: &'a dyn Names,
}

/// A register as wide as the operation: `w1` or `r1`.
struct Wide(Width, Reg);

impl fmt::Display for Wide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self.0 {
            Width::W32 => 'w',
            Width::W64 => 'r',
        };
        write!(f, "{letter}{}", self.1.number())
    }
}

/// A memory operand: `(r1 +4)`.
struct At(Reg, i16);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} {:+})", self.0, self.1)
    }
}

/// 8, 16, 32 or 64.
const fn bits(size: Size) -> usize {
    size.bytes() * 8
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.insn {
            Insn::Alu { width, op, dst, src } => {
                write!(f, "{} {} ", Wide(width, dst), ALU[op as usize].symbol)?;
                match src {
                    Operand::Reg(src) => write!(f, "{}", Wide(width, src)),
                    Operand::Imm(imm) => write!(f, "{imm}"),
                }
            }
            Insn::Neg { width, dst } => write!(f, "{} = -{}", Wide(width, dst), Wide(width, dst)),
            Insn::MovSx { width, from, dst, src } => {
                write!(f, "{} = (s{}){}", Wide(width, dst), bits(from), Wide(width, src))
            }
            Insn::Endian { kind, size, dst } => {
                let name = match kind {
                    Endian::Le => "le",
                    Endian::Be => "be",
                    Endian::Swap => "bswap",
                };
                write!(f, "{dst} = {name}{} {dst}", bits(size))
            }
            Insn::AddrSpaceCast { cast, dst, src } => {
                let spaces = match cast {
                    Cast::ArenaToKernel => "0, 1",
                    Cast::KernelToArena => "1, 0",
                };
                write!(f, "{dst} = addr_space_cast({src}, {spaces})")
            }
            Insn::LoadImm64 { dst, value } => imm64(f, dst, value),
            Insn::Load { size, signed, dst, src, off } => {
                let letter = if signed { 's' } else { 'u' };
                write!(f, "{dst} = *({letter}{} *){}", bits(size), At(src, off))
            }
            Insn::Store { size, dst, off, src } => {
                write!(f, "*(u{} *){} = ", bits(size), At(dst, off))?;
                match src {
                    Operand::Reg(src) => write!(f, "{src}"),
                    Operand::Imm(imm) => write!(f, "{imm}"),
                }
            }
            Insn::Atomic { op, size, dst, off, src } => atomic(f, op, size, At(dst, off), src),
            Insn::LoadAcquire { size, dst, src, off } => {
                write!(f, "{dst} = load_acquire((u{} *){})", bits(size), At(src, off))
            }
            Insn::StoreRelease { size, dst, off, src } => {
                write!(f, "store_release((u{} *){}, {src})", bits(size), At(dst, off))
            }
            Insn::LegacyLoad { size, mode, imm } => {
                write!(f, "r0 = *(u{} *)skb[", bits(size))?;
                match mode {
                    LegacyMode::Abs => write!(f, "{imm}]"),
                    LegacyMode::Ind(src) => write!(f, "{src} + {imm}]"),
                }
            }
            Insn::Jump { off, long } => write!(f, "{} pc{off:+}", if long { "gotol" } else { "goto" }),
            Insn::JumpIf { width, cond, dst, src, off } => {
                write!(f, "if {} {} ", Wide(width, dst), CONDITIONS[cond as usize].symbol)?;
                match src {
                    Operand::Reg(src) => write!(f, "{}", Wide(width, src))?,
                    Operand::Imm(imm) => write!(f, "{imm:#x}")?,
                }
                write!(f, " goto pc{off:+}")
            }
            Insn::MayGoto { off } => write!(f, "may_goto pc{off:+}"),
            Insn::Call(call) => self.call(f, call),
            Insn::CallReg(target) => write!(f, "callx {target}"),
            Insn::Exit => f.write_str("exit"),
        }
    }
}

impl Named<'_> {
    fn call(&self, f: &mut fmt::Formatter<'_>, call: Call) -> fmt::Result {
        f.write_str("call ")?;
        if let Some(name) = self.names.name(call) {
            write!(f, "{name}#")?;
        }
        match call {
            Call::Helper(id) => write!(f, "{id}"),
            Call::Local(off) => write!(f, "pc{off:+}"),
            Call::Kfunc { id, module: 0 } => write!(f, "kfunc[{id}]"),
            Call::Kfunc { id, module } => write!(f, "kfunc[{id}, {module}]"),
        }
    }
}

fn imm64(f: &mut fmt::Formatter<'_>, dst: Reg, value: Imm64) -> fmt::Result {
    write!(f, "{dst} = ")?;
    match value {
        Imm64::Value(value) => write!(f, "{value:#x} ll"),
        Imm64::MapFd(fd) => write!(f, "map_fd[{fd}]"),
        Imm64::MapFdValue { fd, offset } => write!(f, "map_fd_value[{fd}]+{offset}"),
        Imm64::BtfId { id, module_fd: 0 } => write!(f, "btf_id[{id}]"),
        Imm64::BtfId { id, module_fd } => write!(f, "btf_id[{id}, {module_fd}]"),
        Imm64::Func(off) => write!(f, "func[{off:+}]"),
        Imm64::MapIndex(index) => write!(f, "map_idx[{index}]"),
        Imm64::MapIndexValue { index, offset } => write!(f, "map_idx_value[{index}]+{offset}"),
    }
}

fn atomic(f: &mut fmt::Formatter<'_>, op: AtomicOp, size: Size, at: At, src: Reg) -> fmt::Result {
    let row = atomic_row(op);
    if row.function.is_empty() {
        return write!(f, "lock *(u{} *){at} {} {src}", bits(size), row.symbol);
    }
    // The kernel puts the width into the name of 64-bit operations only.
    let wide = if size == Size::Dw { "64" } else { "" };
    let (result, before) = if op == AtomicOp::Cmpxchg { (Reg::R0, "r0, ") } else { (src, "") };
    write!(f, "{result} = atomic{wide}_{}((u{} *){at}, {before}{src})", row.function, bits(size))
}
