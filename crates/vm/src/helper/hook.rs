//! Calls of an application's own helpers.

use crate::exec::{Run, Who};
use crate::fault::{Fault, FaultKind};
use crate::hook::{Arg, HookCall, HookHelper, Value};
use crate::prov::{Kind, Reg};

impl Run<'_> {
    /// Holds r1 to r5 against the declaration and calls the closure.
    pub(super) fn call_hook(&mut self, helper: &HookHelper) -> Result<Reg, Fault> {
        let mut values = [Value::Number(0); 5];
        let mut n = 0;
        for (arg, value) in helper.args.iter().zip(&mut values) {
            *value = self.hook_argument(helper, *arg, n)?;
            n += arg.registers();
        }
        let mut call = HookCall { values, life: std::marker::PhantomData };
        Ok(Reg::scalar((helper.run)(&mut call)))
    }

    fn hook_argument(&mut self, helper: &HookHelper, arg: Arg, n: usize) -> Result<Value, Fault> {
        let reg = self.m_ref().reg(n + 1);
        let who = Who::Argument(n as u8 + 1, &helper.name);
        if reg.prov.kind == Kind::Uninit {
            return Err(self.fault(FaultKind::UninitRegister, format!("{who} is uninitialised")));
        }
        let (len, write, fresh) = match arg {
            Arg::Number => {
                self.check_kind(&reg, Kind::Scalar, "a number", &who)?;
                return Ok(Value::Number(reg.val));
            }
            Arg::Context => {
                self.check_kind(&reg, Kind::Context, "the context", &who)?;
                return Ok(Value::Number(0));
            }
            Arg::Bytes | Arg::BytesMut => {
                let size = self.m_ref().reg(n + 2);
                self.check_size(&size, true, &Who::Argument(n as u8 + 2, &helper.name))?;
                (size.val, arg == Arg::BytesMut, false)
            }
            Arg::Struct(len) => (len.into(), false, false),
            Arg::StructMut(len) => (len.into(), true, true),
        };
        if len == 0 && reg.is_null() {
            return Ok(Value::Bytes(std::ptr::null(), 0));
        }
        self.check_bytes(&reg, len, write, fresh, &who)?;
        Ok(match write {
            true => Value::BytesMut(reg.val as *mut u8, len as usize),
            false => Value::Bytes(reg.val as *const u8, len as usize),
        })
    }
}
