//! The inner loop.
//!
//! One `match` over [`Code`], the common codes first. An arm does the work in place when the registers of `op.mask` are
//! numbers (one test), and otherwise asks a method on [`Run`] that knows about pointers. Those methods see the whole state:
//! the loop's own copies of `pc` and the tag words are written back around them (`slow!`).
//!
//! An access is checked in place as well: bounds, permission and life are compared against the register's provenance, and
//! only the context, arenas, values with special fields and stack slots that hold pointers leave the loop.

use super::machine::{OBJECT, POINTER};
use super::{Run, Step};
use crate::code::{Code, Op};
use crate::fault::Fault;
use crate::prov::Perm;

/// What an in-place load needs.
const LOAD: u8 = Perm::READ.0 | Perm::SPECIAL;
/// What an in-place store needs.
const STORE: u8 = Perm::WRITE.0 | Perm::SPECIAL;

impl Run<'_> {
    /// Runs from the current place until the frame `floor` exits; its `r0` is the result.
    pub(crate) fn execute(&mut self, floor: usize) -> Result<(), Fault> {
        if self.watch.is_some() { self.execute_as::<true>(floor) } else { self.execute_as::<false>(floor) }
    }

    /// The loop, with or without an observer.
    fn execute_as<const WATCHED: bool>(&mut self, floor: usize) -> Result<(), Fault> {
        let m = self.machine.as_ptr();
        let mut ops: *const Op = self.ops;
        // SAFETY: for the whole loop: `m` is the machine that this run took, reached through a raw pointer only. Register numbers of
        // ops are at most 10 and `pc` stays inside the program: the loader has checked register numbers and targets, and that no
        // function can be run past. Memory is touched only after it was found inside a living object with that permission.
        unsafe {
            let mut pc = (*m).pc;
            let mut tagged = (*m).tagged;
            let mut uninit = (*m).uninit;
            let special_tags = self.special_tags;

            macro_rules! val {
                ($n:expr) => {
                    *(&raw mut (*m).vals).cast::<u64>().add($n as usize)
                };
            }
            macro_rules! prov {
                ($n:expr) => {
                    *(&raw mut (*m).provs).cast::<crate::prov::Prov>().add($n as usize)
                };
            }
            // Calls something that may look at or change all of the state.
            macro_rules! slow {
                ($call:expr) => {{
                    (*m).pc = pc;
                    (*m).tagged = tagged;
                    (*m).uninit = uninit;
                    let result = $call?;
                    tagged = (*m).tagged;
                    uninit = (*m).uninit;
                    result
                }};
            }
            macro_rules! step {
                ($call:expr) => {{
                    let step = slow!($call);
                    pc = (*m).pc;
                    match step {
                        Step::Next => {}
                        Step::Program => ops = self.ops,
                        Step::Done => return Ok(()),
                    }
                }};
            }
            // `dst = f(dst, src)`: a number unless a pointer is involved, which `alu_tags` sorts out.
            macro_rules! alu {
                ($op:ident, $right:expr, $f:expr) => {{
                    if tagged & u32::from($op.mask) != 0 {
                        slow!(self.alu_tags($op));
                    }
                    let left = val!($op.dst);
                    val!($op.dst) = $f(left, $right);
                }};
            }
            macro_rules! alu64i {
                ($op:ident, $f:expr) => {
                    alu!($op, i64::from($op.imm) as u64, $f)
                };
            }
            macro_rules! alu64r {
                ($op:ident, $f:expr) => {
                    alu!($op, val!($op.src), $f)
                };
            }
            macro_rules! alu32i {
                ($op:ident, $f:expr) => {
                    alu!($op, $op.imm as u32, |a: u64, b: u32| u64::from($f(a as u32, b)))
                };
            }
            macro_rules! alu32r {
                ($op:ident, $f:expr) => {
                    alu!($op, val!($op.src) as u32, |a: u64, b: u32| u64::from($f(a as u32, b)))
                };
            }
            macro_rules! unary {
                ($op:ident, $from:expr, $f:expr) => {{
                    if tagged & u32::from($op.mask) != 0 {
                        slow!(self.alu_tags($op));
                    }
                    tagged &= !(1 << $op.dst);
                    val!($op.dst) = $f(val!($from));
                }};
            }
            // A jump back is where time can be lost: it pays for the span it repeats.
            macro_rules! goto {
                ($target:expr) => {{
                    let target = $target as usize;
                    if target < pc {
                        (*m).budget -= (pc - target) as i64;
                        if (*m).budget < 0 {
                            slow!(self.out_of_budget());
                        }
                    }
                    pc = target;
                }};
            }
            macro_rules! jump {
                ($op:ident, $right:expr, $test:expr) => {{
                    if tagged & uninit & u32::from($op.mask) != 0 {
                        slow!(self.uninit_operand($op));
                    }
                    if $test(val!($op.dst), $right) {
                        goto!($op.off);
                    }
                }};
            }
            macro_rules! jump64i {
                ($op:ident, $test:expr) => {
                    jump!($op, i64::from($op.imm) as u64, $test)
                };
            }
            macro_rules! jump64r {
                ($op:ident, $test:expr) => {
                    jump!($op, val!($op.src), $test)
                };
            }
            macro_rules! jump32i {
                ($op:ident, $test:expr) => {
                    jump!($op, $op.imm as u32, |a: u64, b: u32| $test(a as u32, b))
                };
            }
            macro_rules! jump32r {
                ($op:ident, $test:expr) => {
                    jump!($op, val!($op.src) as u32, |a: u64, b: u32| $test(a as u32, b))
                };
            }
            // Whether `$size` bytes at `$addr` may be accessed in place through register `$n`, and its provenance.
            macro_rules! reachable {
                ($n:expr, $addr:expr, $size:expr, $need:expr, $bits:expr) => {{
                    let p = &raw const prov!($n);
                    let within = $addr.wrapping_sub((*p).base);
                    tagged & !uninit & (1 << $n) != 0
                        && (*p).perm.0 & $need == $bits
                        && within < u64::from((*p).len)
                        && u64::from((*p).len) - within >= $size
                        && *self.lives.add((*p).life.slot as usize) == (*p).life.generation
                }};
            }
            macro_rules! load {
                ($op:ident, $ty:ty, $extend:expr) => {{
                    let addr = val!($op.src).wrapping_add(i64::from($op.off) as u64);
                    const SIZE: u64 = size_of::<$ty>() as u64;
                    let plain = reachable!($op.src, addr, SIZE, LOAD, Perm::READ.0)
                        && (prov!($op.src).perm.0 & Perm::STACK == 0 || {
                            let tag = (*m).stack.tags[(*m).slot(addr)];
                            addr.is_multiple_of(SIZE) && (tag | special_tags) & (POINTER | OBJECT) == 0
                        });
                    if plain {
                        val!($op.dst) = $extend((addr as *const $ty).read_unaligned());
                        tagged &= !(1 << $op.dst);
                    } else {
                        slow!(self.load(&$op));
                    }
                }};
            }
            macro_rules! store {
                ($op:ident, $ty:ty, $value:expr) => {{
                    let addr = val!($op.dst).wrapping_add(i64::from($op.off) as u64);
                    const SIZE: u64 = size_of::<$ty>() as u64;
                    let plain = tagged & u32::from($op.mask) == 0
                        && reachable!($op.dst, addr, SIZE, STORE, Perm::WRITE.0)
                        && (prov!($op.dst).perm.0 & Perm::STACK == 0 || {
                            let tag = &raw mut (*m).stack.tags[(*m).slot(addr)];
                            let fits = addr.is_multiple_of(SIZE) && *tag & (POINTER | OBJECT) == 0;
                            if fits {
                                *tag |= (((1u32 << SIZE) - 1) << (addr & 7)) as u16;
                            }
                            fits
                        });
                    if plain {
                        (addr as *mut $ty).write_unaligned($value as $ty);
                    } else {
                        slow!(self.store(&$op));
                    }
                }};
            }
            let shift64 = |b: u64| (b & 63) as u32;
            let s64 = |a: u64| a as i64;
            let s32 = |a: u32| a as i32;

            loop {
                if WATCHED {
                    slow!(self.observe());
                }
                let op = *ops.add(pc);
                pc += 1;
                match op.code {
                    Code::Mov64R => {
                        let bit = 1u32 << op.src;
                        val!(op.dst) = val!(op.src);
                        if tagged & bit == 0 {
                            tagged &= !(1 << op.dst);
                        } else {
                            if uninit & bit != 0 {
                                slow!(self.uninit_operand(op));
                            }
                            prov!(op.dst) = prov!(op.src);
                            tagged |= 1 << op.dst;
                            uninit &= !(1 << op.dst);
                        }
                    }
                    Code::Mov64I => {
                        val!(op.dst) = i64::from(op.imm) as u64;
                        tagged &= !(1 << op.dst);
                    }
                    Code::Mov32I => {
                        val!(op.dst) = u64::from(op.imm as u32);
                        tagged &= !(1 << op.dst);
                    }
                    Code::Mov32R => {
                        if tagged & u32::from(op.mask) != 0 {
                            slow!(self.alu_tags(op));
                        }
                        val!(op.dst) = u64::from(val!(op.src) as u32);
                        tagged &= !(1 << op.dst);
                    }
                    Code::LdImm => {
                        val!(op.dst) = u64::from(op.imm as u32) | (op.off as u64) << 32;
                        tagged &= !(1 << op.dst);
                        pc += 1;
                    }

                    Code::LdB => load!(op, u8, u64::from),
                    Code::LdH => load!(op, u16, u64::from),
                    Code::LdW => load!(op, u32, u64::from),
                    Code::LdDw => load!(op, u64, u64::from),
                    Code::LdSxB => load!(op, i8, |v| i64::from(v) as u64),
                    Code::LdSxH => load!(op, i16, |v| i64::from(v) as u64),
                    Code::LdSxW => load!(op, i32, |v| i64::from(v) as u64),
                    Code::StRB => store!(op, u8, val!(op.src)),
                    Code::StRH => store!(op, u16, val!(op.src)),
                    Code::StRW => store!(op, u32, val!(op.src)),
                    Code::StRDw => store!(op, u64, val!(op.src)),
                    Code::StIB => store!(op, u8, op.imm),
                    Code::StIH => store!(op, u16, op.imm),
                    Code::StIW => store!(op, u32, op.imm),
                    Code::StIDw => store!(op, u64, i64::from(op.imm)),

                    Code::Add64I => alu64i!(op, u64::wrapping_add),
                    Code::Add64R => alu64r!(op, u64::wrapping_add),
                    Code::Add32I => alu32i!(op, u32::wrapping_add),
                    Code::Add32R => alu32r!(op, u32::wrapping_add),
                    Code::Sub64I => alu64i!(op, u64::wrapping_sub),
                    Code::Sub64R => alu64r!(op, u64::wrapping_sub),
                    Code::Sub32I => alu32i!(op, u32::wrapping_sub),
                    Code::Sub32R => alu32r!(op, u32::wrapping_sub),
                    Code::Mul64I => alu64i!(op, u64::wrapping_mul),
                    Code::Mul64R => alu64r!(op, u64::wrapping_mul),
                    Code::Mul32I => alu32i!(op, u32::wrapping_mul),
                    Code::Mul32R => alu32r!(op, u32::wrapping_mul),
                    Code::Or64I => alu64i!(op, |a, b| a | b),
                    Code::Or64R => alu64r!(op, |a, b| a | b),
                    Code::Or32I => alu32i!(op, |a, b| a | b),
                    Code::Or32R => alu32r!(op, |a, b| a | b),
                    Code::And64I => alu64i!(op, |a, b| a & b),
                    Code::And64R => alu64r!(op, |a, b| a & b),
                    Code::And32I => alu32i!(op, |a, b| a & b),
                    Code::And32R => alu32r!(op, |a, b| a & b),
                    Code::Xor64I => alu64i!(op, |a, b| a ^ b),
                    Code::Xor64R => alu64r!(op, |a, b| a ^ b),
                    Code::Xor32I => alu32i!(op, |a, b| a ^ b),
                    Code::Xor32R => alu32r!(op, |a, b| a ^ b),
                    Code::Lsh64I => alu64i!(op, |a: u64, b| a << shift64(b)),
                    Code::Lsh64R => alu64r!(op, |a: u64, b| a << shift64(b)),
                    Code::Lsh32I => alu32i!(op, |a: u32, b| a << (b & 31)),
                    Code::Lsh32R => alu32r!(op, |a: u32, b| a << (b & 31)),
                    Code::Rsh64I => alu64i!(op, |a: u64, b| a >> shift64(b)),
                    Code::Rsh64R => alu64r!(op, |a: u64, b| a >> shift64(b)),
                    Code::Rsh32I => alu32i!(op, |a: u32, b| a >> (b & 31)),
                    Code::Rsh32R => alu32r!(op, |a: u32, b| a >> (b & 31)),
                    Code::Arsh64I => alu64i!(op, |a: u64, b| (s64(a) >> shift64(b)) as u64),
                    Code::Arsh64R => alu64r!(op, |a: u64, b| (s64(a) >> shift64(b)) as u64),
                    Code::Arsh32I => alu32i!(op, |a: u32, b| (s32(a) >> (b & 31)) as u32),
                    Code::Arsh32R => alu32r!(op, |a: u32, b| (s32(a) >> (b & 31)) as u32),
                    Code::Div64I => alu64i!(op, div64),
                    Code::Div64R => alu64r!(op, div64),
                    Code::Div32I => alu32i!(op, div32),
                    Code::Div32R => alu32r!(op, div32),
                    Code::Mod64I => alu64i!(op, rem64),
                    Code::Mod64R => alu64r!(op, rem64),
                    Code::Mod32I => alu32i!(op, rem32),
                    Code::Mod32R => alu32r!(op, rem32),
                    Code::Sdiv64I => alu64i!(op, sdiv64),
                    Code::Sdiv64R => alu64r!(op, sdiv64),
                    Code::Sdiv32I => alu32i!(op, sdiv32),
                    Code::Sdiv32R => alu32r!(op, sdiv32),
                    Code::Smod64I => alu64i!(op, srem64),
                    Code::Smod64R => alu64r!(op, srem64),
                    Code::Smod32I => alu32i!(op, srem32),
                    Code::Smod32R => alu32r!(op, srem32),
                    Code::Neg64 => unary!(op, op.dst, u64::wrapping_neg),
                    Code::Neg32 => unary!(op, op.dst, |a: u64| u64::from((a as u32).wrapping_neg())),
                    Code::MovSx8To64 => unary!(op, op.src, |a: u64| i64::from(a as i8) as u64),
                    Code::MovSx16To64 => unary!(op, op.src, |a: u64| i64::from(a as i16) as u64),
                    Code::MovSx32To64 => unary!(op, op.src, |a: u64| i64::from(a as i32) as u64),
                    Code::MovSx8To32 => unary!(op, op.src, |a: u64| u64::from(i32::from(a as i8) as u32)),
                    Code::MovSx16To32 => unary!(op, op.src, |a: u64| u64::from(i32::from(a as i16) as u32)),
                    Code::Trunc16 => unary!(op, op.dst, |a: u64| a & 0xffff),
                    Code::Trunc32 => unary!(op, op.dst, |a: u64| a & 0xffff_ffff),
                    Code::Keep64 => unary!(op, op.dst, |a: u64| a),
                    Code::Swap16 => unary!(op, op.dst, |a: u64| u64::from((a as u16).swap_bytes())),
                    Code::Swap32 => unary!(op, op.dst, |a: u64| u64::from((a as u32).swap_bytes())),
                    Code::Swap64 => unary!(op, op.dst, u64::swap_bytes),

                    Code::Ja => goto!(op.off),
                    Code::Jeq64I => jump64i!(op, |a, b| a == b),
                    Code::Jeq64R => jump64r!(op, |a, b| a == b),
                    Code::Jeq32I => jump32i!(op, |a, b| a == b),
                    Code::Jeq32R => jump32r!(op, |a, b| a == b),
                    Code::Jne64I => jump64i!(op, |a, b| a != b),
                    Code::Jne64R => jump64r!(op, |a, b| a != b),
                    Code::Jne32I => jump32i!(op, |a, b| a != b),
                    Code::Jne32R => jump32r!(op, |a, b| a != b),
                    Code::Jgt64I => jump64i!(op, |a, b| a > b),
                    Code::Jgt64R => jump64r!(op, |a, b| a > b),
                    Code::Jgt32I => jump32i!(op, |a, b| a > b),
                    Code::Jgt32R => jump32r!(op, |a, b| a > b),
                    Code::Jge64I => jump64i!(op, |a, b| a >= b),
                    Code::Jge64R => jump64r!(op, |a, b| a >= b),
                    Code::Jge32I => jump32i!(op, |a, b| a >= b),
                    Code::Jge32R => jump32r!(op, |a, b| a >= b),
                    Code::Jlt64I => jump64i!(op, |a, b| a < b),
                    Code::Jlt64R => jump64r!(op, |a, b| a < b),
                    Code::Jlt32I => jump32i!(op, |a, b| a < b),
                    Code::Jlt32R => jump32r!(op, |a, b| a < b),
                    Code::Jle64I => jump64i!(op, |a, b| a <= b),
                    Code::Jle64R => jump64r!(op, |a, b| a <= b),
                    Code::Jle32I => jump32i!(op, |a, b| a <= b),
                    Code::Jle32R => jump32r!(op, |a, b| a <= b),
                    Code::Jset64I => jump64i!(op, |a, b| a & b != 0),
                    Code::Jset64R => jump64r!(op, |a, b| a & b != 0),
                    Code::Jset32I => jump32i!(op, |a, b| a & b != 0),
                    Code::Jset32R => jump32r!(op, |a, b| a & b != 0),
                    Code::Jsgt64I => jump64i!(op, |a, b| s64(a) > s64(b)),
                    Code::Jsgt64R => jump64r!(op, |a, b| s64(a) > s64(b)),
                    Code::Jsgt32I => jump32i!(op, |a, b| s32(a) > s32(b)),
                    Code::Jsgt32R => jump32r!(op, |a, b| s32(a) > s32(b)),
                    Code::Jsge64I => jump64i!(op, |a, b| s64(a) >= s64(b)),
                    Code::Jsge64R => jump64r!(op, |a, b| s64(a) >= s64(b)),
                    Code::Jsge32I => jump32i!(op, |a, b| s32(a) >= s32(b)),
                    Code::Jsge32R => jump32r!(op, |a, b| s32(a) >= s32(b)),
                    Code::Jslt64I => jump64i!(op, |a, b| s64(a) < s64(b)),
                    Code::Jslt64R => jump64r!(op, |a, b| s64(a) < s64(b)),
                    Code::Jslt32I => jump32i!(op, |a, b| s32(a) < s32(b)),
                    Code::Jslt32R => jump32r!(op, |a, b| s32(a) < s32(b)),
                    Code::Jsle64I => jump64i!(op, |a, b| s64(a) <= s64(b)),
                    Code::Jsle64R => jump64r!(op, |a, b| s64(a) <= s64(b)),
                    Code::Jsle32I => jump32i!(op, |a, b| s32(a) <= s32(b)),
                    Code::Jsle32R => jump32r!(op, |a, b| s32(a) <= s32(b)),

                    Code::Exit => {
                        if tagged & uninit & 1 != 0 {
                            slow!(self.uninit_operand(op));
                        }
                        step!(self.leave(floor));
                    }
                    Code::CallLocal => step!(self.call_local(op)),
                    Code::CallHelper => step!(self.call_helper(op)),
                    Code::CallKfunc => step!(self.call_kfunc(op)),
                    Code::CallReg => step!(self.call_reg(op)),
                    Code::MayGoto => {
                        if (*m).may_goto == 0 {
                            goto!(op.off);
                        } else {
                            (*m).may_goto -= 1;
                        }
                    }
                    Code::LdMap | Code::LdMapValue | Code::LdFunc => {
                        slow!(self.load_constant(&op));
                        pc += 1;
                    }
                    Code::Atomic => slow!(self.atomic(&op)),
                    Code::LoadAcquire => slow!(self.load_acquire(&op)),
                    Code::StoreRelease => slow!(self.store_release(&op)),
                    Code::LegacyAbs | Code::LegacyInd => step!(self.legacy_load(&op, floor)),
                    Code::CastToKernel | Code::CastToArena => slow!(self.cast(&op)),
                    Code::Hole => {
                        slow!(self.hole());
                    }
                }
            }
        }
    }
}

// Division never traps in eBPF: by zero gives 0, the remainder keeps the dividend, and the one overflow wraps.

fn div64(a: u64, b: u64) -> u64 {
    a.checked_div(b).unwrap_or(0)
}

fn div32(a: u32, b: u32) -> u32 {
    a.checked_div(b).unwrap_or(0)
}

fn rem64(a: u64, b: u64) -> u64 {
    a.checked_rem(b).unwrap_or(a)
}

fn rem32(a: u32, b: u32) -> u32 {
    a.checked_rem(b).unwrap_or(a)
}

fn sdiv64(a: u64, b: u64) -> u64 {
    if b == 0 { 0 } else { (a as i64).wrapping_div(b as i64) as u64 }
}

fn sdiv32(a: u32, b: u32) -> u32 {
    if b == 0 { 0 } else { (a as i32).wrapping_div(b as i32) as u32 }
}

fn srem64(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { (a as i64).wrapping_rem(b as i64) as u64 }
}

fn srem32(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { (a as i32).wrapping_rem(b as i32) as u32 }
}
