//! From a [`ProgramSpec`] to a [`Program`]: decoding, and the checks on a program's shape.
//!
//! Linux makes the same checks before its verifier starts to walk. They are what lets the interpreter trust an op: every
//! register number is at most 10, every jump lands on the first slot of an instruction of the same function, control never
//! falls off the end of a function, every map, function and helper that is named exists.

use std::collections::BTreeSet;
use std::sync::Arc;

use skep_isa::{
    AtomicOp, Call, Cast, DecodeError, Endian, Imm64, Insn, LegacyMode, Operand, RawInsn, Reg, Size, Width,
    decode,
};

use crate::code::{self, Code, Op, atomic};
use crate::hook::Hook;
use crate::load_error::{LoadError, LoadProblem};
use crate::program::{Function, Inner, Program, ProgramSpec};
use crate::{helper, kfunc};

/// The longest program, in slots.
pub const MAX_INSNS: usize = 1_000_000;
/// The most functions a program has.
pub const MAX_FUNCTIONS: usize = 256;
/// The longest list of maps of a program; Linux lets it use 64 of them.
pub const MAX_MAPS: usize = 4096;

/// See [`Program::load`].
pub(crate) fn load(spec: ProgramSpec) -> Result<Program, LoadError> {
    let fail = |at: Option<usize>, problem| LoadError { program: spec.name.clone(), at, problem };
    match spec.insns.len() {
        0 => return Err(fail(None, LoadProblem::Empty)),
        n if n > MAX_INSNS => return Err(fail(None, LoadProblem::TooLong(n))),
        _ => {}
    }
    if spec.maps.len() > MAX_MAPS {
        return Err(fail(None, LoadProblem::TooManyMaps(spec.maps.len())));
    }
    let mut translator = Translator {
        spec: &spec,
        decoded: decode_all(&spec.insns).map_err(|e| fail(Some(e.at), LoadProblem::Decode(e)))?,
        entries: BTreeSet::from([0]),
        helpers: Vec::new(),
        kfuncs: Vec::new(),
    };
    translator.find_functions().map_err(|(at, p)| fail(Some(at), p))?;
    if translator.entries.len() > MAX_FUNCTIONS {
        return Err(fail(None, LoadProblem::TooManyFunctions(translator.entries.len())));
    }
    let ops = translator.translate().map_err(|(at, p)| fail(Some(at), p))?;
    let (helpers, kfuncs) = (translator.helpers, translator.kfuncs);
    let functions = functions(&translator.entries, &spec);
    let ProgramSpec { name, hook, insns, maps, runtime, license, btf, .. } = spec;
    Ok(Program(Arc::new(Inner {
        name,
        hook,
        insns,
        maps,
        runtime,
        license,
        btf,
        ops,
        functions,
        helpers,
        kfuncs,
    })))
}

/// Functions with their ranges and names; a function nobody named is called by its place.
fn functions(entries: &BTreeSet<usize>, spec: &ProgramSpec) -> Vec<Function> {
    let ends = entries.iter().skip(1).copied().chain([spec.insns.len()]);
    let name = |start: usize| match spec.functions.iter().find(|(at, _)| *at == start) {
        Some((_, name)) => name.clone(),
        None if start == 0 => spec.name.clone(),
        None => format!("func_{start}"),
    };
    entries.iter().zip(ends).map(|(&start, end)| Function { start, end, name: name(start) }).collect()
}

/// Decodes every slot; `None` for second halves.
fn decode_all(insns: &[RawInsn]) -> Result<Vec<Option<Insn>>, DecodeError> {
    let mut decoded = vec![None; insns.len()];
    let mut at = 0;
    while at < insns.len() {
        let insn = decode(insns, at)?;
        decoded[at] = Some(insn);
        at += insn.slots();
    }
    Ok(decoded)
}

type Problem = (usize, LoadProblem);

struct Translator<'a> {
    spec: &'a ProgramSpec,
    decoded: Vec<Option<Insn>>,
    /// First slots of functions.
    entries: BTreeSet<usize>,
    helpers: Vec<helper::Resolved>,
    kfuncs: Vec<kfunc::Resolved>,
}

impl Translator<'_> {
    /// Every target of a local call or of a function reference begins a function.
    fn find_functions(&mut self) -> Result<(), Problem> {
        for at in 0..self.decoded.len() {
            let target = match self.decoded[at] {
                Some(Insn::Call(Call::Local(off))) => at as i64 + 1 + i64::from(off),
                // Linux counts from the instruction itself, whose second slot is not skipped.
                Some(Insn::LoadImm64 { value: Imm64::Func(off), .. }) => at as i64 + 1 + i64::from(off),
                _ => continue,
            };
            let entry = self.begins(target).ok_or((at, LoadProblem::BadTarget(target)))?;
            self.entries.insert(entry);
        }
        Ok(())
    }

    fn begins(&self, target: i64) -> Option<usize> {
        let target = usize::try_from(target).ok()?;
        self.decoded.get(target)?.as_ref().map(|_| target)
    }

    fn translate(&mut self) -> Result<Vec<Op>, Problem> {
        let starts: Vec<usize> = self.entries.iter().copied().collect();
        let mut ops = vec![Op::HOLE; self.decoded.len()];
        for (i, &start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(ops.len());
            let mut last = None;
            for (at, op) in ops.iter_mut().enumerate().take(end).skip(start) {
                if let Some(insn) = self.decoded[at] {
                    *op = self.op(at, insn, start..end).map_err(|p| (at, p))?;
                    last = Some((at, insn));
                }
            }
            match last {
                Some((_, Insn::Exit | Insn::Jump { .. })) => {}
                Some((at, Insn::Call(Call::Kfunc { .. }))) if self.throws(at) => {}
                Some((at, _)) => return Err((at, LoadProblem::FallsOff)),
                None => return Err((start, LoadProblem::FallsOff)),
            }
        }
        Ok(ops)
    }

    /// Whether the kernel function called there does not return.
    fn throws(&self, at: usize) -> bool {
        self.spec.kfuncs.iter().any(|(slot, name)| *slot == at && name == "bpf_throw")
    }

    fn target(&self, at: usize, off: i64, function: &std::ops::Range<usize>) -> Result<i32, LoadProblem> {
        let target = at as i64 + 1 + off;
        match self.begins(target) {
            Some(t) if function.contains(&t) => Ok(t as i32),
            _ => Err(LoadProblem::BadTarget(target)),
        }
    }

    fn op(&mut self, at: usize, insn: Insn, function: std::ops::Range<usize>) -> Result<Op, LoadProblem> {
        let n = |reg: Reg| reg.index() as u8;
        let writes_r10 = |reg: Reg| if reg == Reg::R10 { Err(LoadProblem::FramePointer) } else { Ok(n(reg)) };
        Ok(match insn {
            Insn::Alu { width, op, dst, src } => {
                let mov = matches!(op, skep_isa::AluOp::Mov);
                let base = Op::new(code::alu(op, width, src), writes_r10(dst)?, 0);
                let left = if mov { 0 } else { bit(dst) };
                operand(base, left, src)
            }
            Insn::Neg { width, dst } => {
                let code = if width == Width::W64 { Code::Neg64 } else { Code::Neg32 };
                Op { mask: bit(dst), ..Op::new(code, writes_r10(dst)?, 0) }
            }
            Insn::MovSx { width, from, dst, src } => {
                Op { mask: bit(src), ..Op::new(mov_sx(width, from), writes_r10(dst)?, n(src)) }
            }
            Insn::Endian { kind, size, dst } => {
                Op { mask: bit(dst), ..Op::new(endian(kind, size), writes_r10(dst)?, 0) }
            }
            Insn::AddrSpaceCast { cast, dst, src } => {
                let code = match cast {
                    Cast::ArenaToKernel => Code::CastToKernel,
                    Cast::KernelToArena => Code::CastToArena,
                };
                Op { mask: bit(src), ..Op::new(code, writes_r10(dst)?, n(src)) }
            }
            Insn::LoadImm64 { dst, value } => self.load_imm64(at, writes_r10(dst)?, value)?,
            Insn::Load { size, signed, dst, src, off } => {
                let base = Op::new(code::load(size, signed), writes_r10(dst)?, n(src));
                Op { off: off.into(), mask: bit(src), size: size.bytes() as u8, ..base }
            }
            Insn::Store { size, dst, off, src } => {
                let base = Op::new(code::store(size, src), n(dst), 0);
                let op = Op { off: off.into(), size: size.bytes() as u8, ..base };
                operand(op, 0, src)
            }
            Insn::Atomic { op, size, dst, off, src } => {
                if atomic_number(op) >= atomic::FETCH || atomic_number(op) == atomic::XCHG {
                    writes_r10(src)?;
                }
                let base = Op::new(Code::Atomic, n(dst), n(src));
                Op { imm: atomic_number(op), off: off.into(), size: size.bytes() as u8, ..base }
            }
            Insn::LoadAcquire { size, dst, src, off } => {
                let base = Op::new(Code::LoadAcquire, writes_r10(dst)?, n(src));
                Op { off: off.into(), size: size.bytes() as u8, mask: bit(src), ..base }
            }
            Insn::StoreRelease { size, dst, off, src } => {
                let base = Op::new(Code::StoreRelease, n(dst), n(src));
                Op { off: off.into(), size: size.bytes() as u8, mask: bit(src), ..base }
            }
            Insn::LegacyLoad { size, mode, imm } => {
                let (code, src, mask) = match mode {
                    LegacyMode::Abs => (Code::LegacyAbs, 0, 0),
                    LegacyMode::Ind(reg) => (Code::LegacyInd, n(reg), bit(reg)),
                };
                Op { imm, size: size.bytes() as u8, mask, ..Op::new(code, 0, src) }
            }
            Insn::Jump { off, .. } => {
                Op { off: self.target(at, off.into(), &function)?, ..Op::new(Code::Ja, 0, 0) }
            }
            Insn::JumpIf { width, cond, dst, src, off } => {
                let base = Op::new(code::jump(cond, width, src), n(dst), 0);
                let op = Op { off: self.target(at, off.into(), &function)?, ..base };
                operand(op, bit(dst), src)
            }
            Insn::MayGoto { off } => {
                Op { off: self.target(at, off.into(), &function)?, ..Op::new(Code::MayGoto, 0, 0) }
            }
            Insn::Call(call) => self.call(at, call)?,
            Insn::CallReg(reg) => Op { mask: bit(reg), ..Op::new(Code::CallReg, n(reg), 0) },
            Insn::Exit => Op { mask: 1, ..Op::new(Code::Exit, 0, 0) },
        })
    }

    fn load_imm64(&self, at: usize, dst: u8, value: Imm64) -> Result<Op, LoadProblem> {
        let map = |index: u32| match self.spec.maps.get(index as usize) {
            Some(map) => Ok((index as i32, map)),
            None => Err(LoadProblem::NoSuchMap(index)),
        };
        Ok(match value {
            Imm64::Value(v) => Op { imm: v as i32, off: (v >> 32) as i32, ..Op::new(Code::LdImm, dst, 0) },
            Imm64::MapIndex(index) => Op { imm: map(index)?.0, ..Op::new(Code::LdMap, dst, 0) },
            Imm64::MapIndexValue { index, offset } => {
                let (index, map) = map(index)?;
                crate::exec::map_value_exists(map, offset).map_err(LoadProblem::NoMapValue)?;
                Op { imm: index, off: offset as i32, ..Op::new(Code::LdMapValue, dst, 0) }
            }
            Imm64::Func(off) => {
                Op { imm: (at as i64 + 1 + i64::from(off)) as i32, ..Op::new(Code::LdFunc, dst, 0) }
            }
            Imm64::MapFd(_) | Imm64::MapFdValue { .. } => {
                return Err(LoadProblem::Unresolved("a map given by file descriptor"));
            }
            Imm64::BtfId { .. } => return Err(LoadProblem::Unresolved("a kernel variable")),
        })
    }

    /// Why nothing could be put into this slot, if so. Where the instruction was a wide one, its second slot is a call too.
    fn poison(&self, at: usize) -> Option<&str> {
        let of = |at: usize| self.spec.poisoned.iter().find(|(slot, _)| *slot == at);
        let second =
            || of(at.checked_sub(1)?).filter(|_| self.spec.insns.get(at) == self.spec.insns.get(at - 1));
        of(at).or_else(second).map(|(_, reason)| &reason[..])
    }

    fn call(&mut self, at: usize, call: Call) -> Result<Op, LoadProblem> {
        Ok(match call {
            Call::Local(off) => {
                Op { imm: (at as i64 + 1 + i64::from(off)) as i32, ..Op::new(Code::CallLocal, 0, 0) }
            }
            Call::Helper(id) => {
                let resolved = match self.poison(at) {
                    Some(reason) => helper::poisoned(reason),
                    None => helper::resolve(&self.spec.hook, id).ok_or(LoadProblem::NoSuchHelper(id))?,
                };
                self.helpers.push(resolved);
                Op { imm: self.helpers.len() as i32 - 1, ..Op::new(Code::CallHelper, 0, 0) }
            }
            Call::Kfunc { .. } => {
                let name = self.spec.kfuncs.iter().find(|(slot, _)| *slot == at).map(|(_, name)| name);
                let name = name.ok_or(LoadProblem::UnnamedKfunc)?;
                if let Some(resolved) = app_helper(&self.spec.hook, name) {
                    self.helpers.push(resolved);
                    return Ok(Op { imm: self.helpers.len() as i32 - 1, ..Op::new(Code::CallHelper, 0, 0) });
                }
                let resolved = kfunc::resolve(name).ok_or_else(|| LoadProblem::NoSuchKfunc(name.clone()))?;
                self.kfuncs.push(resolved);
                Op { imm: self.kfuncs.len() as i32 - 1, ..Op::new(Code::CallKfunc, 0, 0) }
            }
        })
    }
}

/// A helper of the application, called by name.
fn app_helper(hook: &Hook, name: &str) -> Option<helper::Resolved> {
    let id = hook.helper_id(name)?;
    helper::resolve(hook, id as i32)
}

fn bit(reg: Reg) -> u16 {
    1 << reg.index()
}

/// Completes an op with its right operand.
fn operand(op: Op, left: u16, src: Operand) -> Op {
    match src {
        Operand::Imm(imm) => Op { imm, mask: left, ..op },
        Operand::Reg(reg) => Op { src: reg.index() as u8, mask: left | bit(reg), ..op },
    }
}

fn mov_sx(width: Width, from: Size) -> Code {
    match (width, from) {
        (Width::W64, Size::B) => Code::MovSx8To64,
        (Width::W64, Size::H) => Code::MovSx16To64,
        (Width::W64, _) => Code::MovSx32To64,
        (Width::W32, Size::B) => Code::MovSx8To32,
        (Width::W32, _) => Code::MovSx16To32,
    }
}

/// Byte orders on a little-endian host: `le` truncates, `be` swaps.
fn endian(kind: Endian, size: Size) -> Code {
    match (kind, size) {
        (Endian::Le, Size::H | Size::B) => Code::Trunc16,
        (Endian::Le, Size::W) => Code::Trunc32,
        (Endian::Le, Size::Dw) => Code::Keep64,
        (_, Size::H | Size::B) => Code::Swap16,
        (_, Size::W) => Code::Swap32,
        (_, Size::Dw) => Code::Swap64,
    }
}

fn atomic_number(op: AtomicOp) -> i32 {
    let fetching = |number, fetch| if fetch { number + atomic::FETCH } else { number };
    match op {
        AtomicOp::Add { fetch } => fetching(atomic::ADD, fetch),
        AtomicOp::Or { fetch } => fetching(atomic::OR, fetch),
        AtomicOp::And { fetch } => fetching(atomic::AND, fetch),
        AtomicOp::Xor { fetch } => fetching(atomic::XOR, fetch),
        AtomicOp::Xchg => atomic::XCHG,
        AtomicOp::Cmpxchg => atomic::CMPXCHG,
    }
}
