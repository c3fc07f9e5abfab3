//! What a kernel function leaves in r0.

use skep_platform::kfunc::Flag;

use super::Call;
use super::proto::Gives;
use crate::explore::Walk;
use crate::state::{Flags, Held, Reg, RegKind};
use crate::verdict::Checked;

impl Walk<'_> {
    /// The result, by prototype and flags.
    pub(super) fn kfunc_result(&mut self, call: &Call) -> Checked<Reg> {
        let proto = &call.proto;
        let mut reg = match proto.result {
            Gives::Void => return Ok(Reg::UNINIT),
            Gives::Number(_) => return Ok(Reg::UNKNOWN),
            Gives::Object(id) => Reg::pointer(RegKind::Btf(id)).with(self.object_flags(call)),
            Gives::Memory { size, constant } => {
                let read_only = match call.result_size {
                    Some(_) => call.result_read_only || constant,
                    None => true,
                };
                let kind = RegKind::Mem(call.result_size.unwrap_or(size));
                let mut reg = Reg::pointer(kind);
                if read_only {
                    reg = reg.with(Flags::RDONLY);
                }
                // What the memory belongs to ends with its reference.
                reg.reference = self.iterator_of(call).map_or(call.reference, |iterator| iterator.reference);
                reg
            }
            Gives::Anything => return self.unsupported(format!("the result of {}", proto.name)),
        };
        if proto.has(Flag::RetNull) {
            reg = reg.with(Flags::NULLABLE);
            reg.id = self.fresh_id();
        }
        if proto.has(Flag::Acquire) {
            if reg.id == 0 {
                reg.id = self.fresh_id();
            }
            reg.reference = reg.id;
            self.state.held.push(Held::reference(reg.id, self.at));
        }
        Ok(reg)
    }

    /// How sure it is that the object of the result lives.
    fn object_flags(&self, call: &Call) -> Flags {
        let proto = &call.proto;
        if proto.has(Flag::RcuProtected) {
            return Flags::RCU;
        }
        if let Some(iterator) = self.iterator_of(call) {
            return if iterator.flags.has(Flags::RCU) { Flags::RCU } else { Flags::TRUSTED };
        }
        Flags::NONE
    }
}
