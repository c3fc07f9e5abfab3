//! Immediates of two slots, and the legacy packet loads.

use skep_isa::{Imm64, Insn, LegacyMode, Reg as Number};
use skep_platform::{MapType, ProgramType};

use crate::Code;
use crate::explore::{Next, Walk};
use crate::state::{MapId, Reg, RegKind};
use crate::verdict::{Checked, Stop};

impl Walk<'_> {
    /// What a two-slot load puts into the register.
    pub(crate) fn immediate(&mut self, value: Imm64) -> Checked<Reg> {
        match value {
            Imm64::Value(value) => Ok(Reg::constant(value)),
            Imm64::MapFd(index) => self.map_pointer(index.try_into().unwrap_or(u32::MAX)),
            Imm64::MapIndex(index) => self.map_pointer(index),
            Imm64::MapFdValue { fd, offset } => self.value_pointer(fd.try_into().unwrap_or(u32::MAX), offset),
            Imm64::MapIndexValue { index, offset } => self.value_pointer(index, offset),
            Imm64::Func(off) => {
                let target = usize::try_from(self.at as i64 + 1 + i64::from(off)).ok();
                let Some(function) = target.and_then(|target| self.shape.function_from(target)) else {
                    return self.fail(Code::BadCallback, "the address of something that is no function");
                };
                if self.is_global(function) {
                    return self.fail(Code::BadCallback, "a callback must be static");
                }
                // Linux knows by the types which functions are static, and so takes no address without them.
                let typed = self.input.host.is_some() || !self.input.functions.is_empty();
                if !typed {
                    return self.fail(Code::BadCallback, "the address of a function without func_info");
                }
                Ok(Reg::pointer(RegKind::Func(function as u32)))
            }
            Imm64::BtfId { module_fd, .. } if module_fd != 0 => {
                self.unsupported("variables of kernel modules")
            }
            Imm64::BtfId { id, .. } => self.kernel_variable(id as u32),
        }
    }

    fn known_map(&self, index: u32) -> Checked<MapId> {
        if (index as usize) < self.input.maps.len() {
            return Ok(MapId(index));
        }
        self.fail(Code::BadProgram, format!("map {index} is not in the program's list"))
    }

    fn map_pointer(&mut self, index: u32) -> Checked<Reg> {
        let map = self.known_map(index)?;
        Ok(Reg::pointer(RegKind::Map(map)))
    }

    /// The address of a map's only value.
    fn value_pointer(&mut self, index: u32, offset: u32) -> Checked<Reg> {
        let map = self.known_map(index)?;
        let info = self.map(map);
        if info.map_type == MapType::Arena {
            return self.arena_address(map, offset);
        }
        if info.map_type != MapType::Array || info.max_entries != 1 {
            return self.fail(Code::MapMismatch, "only arrays of one value have an address");
        }
        if offset >= info.value_size {
            return self.fail(
                Code::MapValueBounds,
                format!("offset {offset} in a value of {} bytes", info.value_size),
            );
        }
        let mut reg = Reg::pointer(RegKind::MapValue(map));
        reg.off = offset as i32;
        Ok(reg)
    }

    /// Maps and functions are looked up for the whole program, also where no path comes by.
    pub(crate) fn check_unreached(&mut self) -> Checked {
        for at in 0..self.shape.insns.len() {
            let Some(Insn::LoadImm64 { value, .. }) = self.shape.insns[at] else { continue };
            if self.facts.reached[at] {
                continue;
            }
            self.at = at;
            // What is not modelled does no harm where nobody comes.
            if let Err(stop @ Stop::Reject(_)) = self.immediate(value) {
                return Err(stop);
            }
        }
        Ok(())
    }

    /// The loads of classic BPF: the packet through r6, the value in r0, no other argument survives.
    pub(crate) fn legacy_load(&mut self, mode: LegacyMode, next: usize) -> Checked<Next> {
        use ProgramType::{SchedAct, SchedCls, SocketFilter};
        let program = self.input.program_type;
        let skb = matches!(program, SocketFilter | SchedCls | SchedAct);
        if !skb || self.input.host.is_some() {
            return self.fail(
                Code::HelperNotAllowed,
                "legacy packet loads are for socket filters and traffic control",
            );
        }
        self.nothing_held_here("a legacy packet load may end the program")?;
        let context = self.read(Number::R6)?;
        if context.kind != RegKind::Ctx || context.off != 0 || context.value.as_constant() != Some(0) {
            return self.fail_at(
                Code::BadArgument,
                Number::R6,
                "r6 must hold the context for a legacy packet load",
            );
        }
        if let LegacyMode::Ind(number) = mode {
            let index = self.read(number)?;
            if index.is_pointer() && self.input.unprivileged {
                return self.fail_at(Code::Leak, number, "a pointer as packet offset");
            }
        }
        self.forget_arguments();
        self.write(Number::R0, Reg::UNKNOWN)?;
        if self.state.depth() == 0 {
            return Ok(Next::At(next));
        }
        // Beyond the packet the load ends its function, which then returns 0.
        self.push(self.state.clone(), next)?;
        self.write(Number::R0, Reg::constant(0))?;
        self.exit()
    }

    /// r0 to r5 have no value after a call.
    pub(crate) fn forget_arguments(&mut self) {
        let regs = self.state.frame_mut().regs_mut();
        regs[..6].fill(Reg::UNINIT);
    }
}
