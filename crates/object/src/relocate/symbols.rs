//! Kernel variables and functions.

use skep_btf::core::is_compatible;
use skep_btf::{Btf, Kind, TypeId};
use skep_isa::RawInsn;

use super::patch::{poison_function, set_load};
use super::{Environment, KernelFunction, KernelVariable, Poison, Reason, Target, rust};
use crate::{Extern, ExternKind, ExternUse, Object, Program};

/// Opcode of a call.
const CALL: u8 = 0x85;
/// Pseudo source of an `lddw` that names a kernel symbol by BTF id, and of a call that does.
const SOURCE_BTF_ID: u8 = 3;
const SOURCE_KERNEL_CALL: u8 = 2;

/// Applies all uses of externs. An error comes with the slot at fault.
pub(super) fn relocate(
    program: &Program,
    object: &Object,
    environment: &Environment<'_>,
    insns: &mut [RawInsn],
    poisoned: &mut Vec<Poison>,
) -> Result<(), (usize, Reason)> {
    for used in &program.externs {
        let Some(item) = object.externs.get(used.index) else { continue };
        let Some(insn) = insns.get(used.at) else { continue };
        let is_call = insn.code == CALL;
        let wanted = Wanted { object, environment, item };
        let found = if is_call { wanted.call(insns, used) } else { wanted.address(insns, used) };
        match found.map_err(|reason| (used.at, reason))? {
            true => {}
            false if !item.weak => {
                return Err((used.at, wanted.missing(program, used.at)));
            }
            false if is_call => {
                poison_function(insns, used.at, used.index);
                let reason = format!("call of {}: this kernel has no such function", item.name);
                poisoned.push(Poison { at: used.at, reason });
            }
            false => set_load(insns, used.at, 0, 0),
        }
    }
    Ok(())
}

/// One extern of an object, to be found in an environment.
struct Wanted<'a> {
    object: &'a Object,
    environment: &'a Environment<'a>,
    item: &'a Extern,
}

impl Wanted<'_> {
    fn missing(&self, program: &Program, at: usize) -> Reason {
        if let (ExternKind::Undefined, Some(path)) = (&self.item.kind, rust::path_in_core(&self.item.name)) {
            let source = program.line_at(at).and_then(|line| self.object.source(line));
            let place = source.map(|source| format!("{}:{}", source.file, source.line));
            return Reason::RustCore {
                symbol: self.item.name.clone(),
                panics: rust::panics(&path),
                path,
                place,
            };
        }
        let looked_in = match (&self.item.kind, self.environment.target) {
            (ExternKind::Undefined, _) => "another object, linked to this one",
            (ExternKind::Variable { type_id: None }, _) => "the kernel's symbols",
            (_, Target::Btf(_)) => "the kernel's types",
            _ => "the symbols that the environment gives",
        };
        Reason::MissingExtern { name: self.item.name.clone(), looked_in: looked_in.to_owned() }
    }

    /// Names a function in a call; `false` when there is none.
    fn call(&self, insns: &mut [RawInsn], used: &ExternUse) -> Result<bool, Reason> {
        let ExternKind::Function { proto } = self.item.kind else { return Ok(false) };
        let Some(function) = self.function(proto)? else { return Ok(false) };
        let insn = &mut insns[used.at];
        insn.src = SOURCE_KERNEL_CALL;
        insn.imm = function.id.0.cast_signed();
        insn.off = function.module;
        Ok(true)
    }

    /// Loads the address of a variable or function; `false` when there is none.
    fn address(&self, insns: &mut [RawInsn], used: &ExternUse) -> Result<bool, Reason> {
        let by_id = |id: TypeId, module_fd: i32| u64::from(id.0) | u64::from(module_fd.cast_unsigned()) << 32;
        let value = match self.item.kind {
            ExternKind::Variable { type_id: Some(type_id) } => {
                let variable = self.variable(type_id)?;
                variable.map(|found| (SOURCE_BTF_ID, by_id(found.id, found.module_fd)))
            }
            ExternKind::Variable { type_id: None } => {
                let address = self.environment.symbols.address(&self.item.name);
                address.map(|address| (0, address.wrapping_add_signed(used.addend)))
            }
            ExternKind::Function { proto } => {
                self.function(proto)?.map(|found| (SOURCE_BTF_ID, by_id(found.id, found.module.into())))
            }
            ExternKind::Kconfig { .. } | ExternKind::Undefined => None,
        };
        if let Some((source, value)) = value {
            set_load(insns, used.at, source, value);
        }
        Ok(value.is_some())
    }

    /// The kernel's function, as the environment or the target's types give it.
    fn function(&self, proto: TypeId) -> Result<Option<KernelFunction>, Reason> {
        if let Some(found) = self.environment.symbols.function(&self.item.name) {
            return Ok(Some(found));
        }
        let id = self.declared(Kind::Func, proto)?;
        Ok(id.map(|id| KernelFunction { id, module: 0 }))
    }

    /// Likewise, a variable.
    fn variable(&self, type_id: TypeId) -> Result<Option<KernelVariable>, Reason> {
        if let Some(found) = self.environment.symbols.variable(&self.item.name) {
            return Ok(Some(found));
        }
        let id = self.declared(Kind::Var, type_id)?;
        Ok(id.map(|id| KernelVariable { id, module_fd: 0 }))
    }

    /// The target's function or variable of that name, if its type agrees with `local`, the program's.
    fn declared(&self, kind: Kind, local: TypeId) -> Result<Option<TypeId>, Reason> {
        let Target::Btf(target) = self.environment.target else { return Ok(None) };
        let Some(id) = target.find(&self.item.name, kind) else { return Ok(None) };
        let Some(own) = target.get(id).and_then(|ty| ty.target()) else { return Ok(None) };
        self.compatible(local, target, own)?;
        Ok(Some(id))
    }

    /// The declaration must agree with the kernel's; calling a function with other arguments would be found much later, if
    /// at all.
    fn compatible(&self, local_id: TypeId, target: &Btf, target_id: TypeId) -> Result<(), Reason> {
        let Some(local) = self.object.btf.as_deref() else { return Ok(()) };
        let (local_id, target_id) = (local.resolve(local_id), target.resolve(target_id));
        if is_compatible(local, local_id, target, target_id) {
            return Ok(());
        }
        let text = |btf: &Btf, id| match btf.name_of(id) {
            "" => format!("{} {id}", btf.kind_of(id).map_or("type", Kind::name)),
            name => name.to_owned(),
        };
        Err(Reason::BadValue {
            name: self.item.name.clone(),
            expected: format!("a type like the object's declaration ({})", text(local, local_id)),
            found: format!("the kernel's {}", text(target, target_id)),
        })
    }
}
