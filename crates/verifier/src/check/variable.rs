//! Variables of the kernel, and the kernel's structs behind maps.

use skep_btf::{Btf, Kind, Type, TypeId};
use skep_platform::typed;

use super::memory::{Purpose, Touch};
use crate::Code;
use crate::explore::Walk;
use crate::program::SymbolKind;
use crate::state::{Flags, MapId, Reg, RegKind};
use crate::verdict::Checked;

/// The section of variables that every CPU has its own of.
const PER_CPU: &str = ".data..percpu";

impl Walk<'_> {
    /// The address of a variable (or function), by the name that the load gives or else by its id.
    pub(crate) fn kernel_variable(&mut self, id: u32) -> Checked<Reg> {
        let btf = self.kernel_types()?;
        let at = self.at;
        let mut symbols = self.input.symbols.iter();
        let named = symbols.find(|symbol| symbol.at == at && symbol.kind == SymbolKind::BtfId);
        let id = match named {
            Some(symbol) => {
                let found = btf.find(&symbol.name, Kind::Var).or_else(|| btf.find_func(&symbol.name));
                let Some(found) = found else {
                    return self
                        .fail(Code::BadProgram, format!("the kernel's types have no {}", symbol.name));
                };
                found
            }
            None => TypeId(id),
        };
        let target = match btf.get(id) {
            Some(Type::Var(variable)) => btf.resolve(variable.target),
            Some(Type::Func(_)) => return Ok(Reg::pointer(RegKind::Mem(0)).with(Flags::RDONLY)),
            _ => return self.fail(Code::BadProgram, format!("type {id} of the kernel is no variable")),
        };
        if is_per_cpu(btf, id) {
            return Ok(Reg::pointer(RegKind::Btf(target)).with(Flags::PERCPU));
        }
        if is_struct(btf, target) {
            return Ok(Reg::pointer(RegKind::Btf(target)));
        }
        match btf.size_of(target) {
            Some(size) => Ok(Reg::pointer(RegKind::Mem(size)).with(Flags::RDONLY)),
            None => self.fail(Code::BadProgram, format!("the size of {} is not known", btf.name_of(id))),
        }
    }

    /// One CPU's own of a per-CPU variable.
    pub(crate) fn per_cpu_object(&self, id: TypeId) -> Checked<RegKind> {
        let btf = self.kernel_types()?;
        if is_struct(btf, id) {
            return Ok(RegKind::Btf(id));
        }
        match btf.size_of(id) {
            Some(size) => Ok(RegKind::Mem(size)),
            None => self.fail(Code::BadArgument, "the size of the per-CPU variable is not known"),
        }
    }

    /// A map pointer read as the kernel's struct.
    pub(crate) fn map_struct_access(
        &mut self,
        map: MapId,
        pointer: &Reg,
        touch: Touch,
    ) -> Checked<Option<Reg>> {
        if self.input.unprivileged {
            return self.fail_at(
                Code::BadPointerAccess,
                touch.number,
                "a map's own struct is for the privileged",
            );
        }
        if touch.purpose == Purpose::Write {
            return self.fail_at(Code::ReadOnly, touch.number, "a map's own struct is read-only");
        }
        let Some(name) = typed::map_struct(self.map(map).map_type) else {
            return self.fail_at(
                Code::BadPointerAccess,
                touch.number,
                "nothing of this map's own can be read",
            );
        };
        let id = self.known_struct(name)?;
        let plain = Reg { kind: RegKind::Btf(id), flags: Flags::NONE, reference: 0, ..*pointer };
        self.object_read(id, &plain, touch)
    }
}

fn is_struct(btf: &Btf, id: TypeId) -> bool {
    matches!(btf.kind_of(id), Some(Kind::Struct | Kind::Union))
}

fn is_per_cpu(btf: &Btf, variable: TypeId) -> bool {
    btf.find_section(PER_CPU).is_some_and(|section| section.vars.iter().any(|row| row.type_id == variable))
}
