//! Allocated objects: `bpf_obj_new`, `bpf_obj_drop`. See [`crate::kptr`].

use skep_btf::TypeId;

use super::{Args, Resolved, kfunc};
use crate::exec::Run;
use crate::fault::{Fault, FaultKind};
use crate::kptr::{MAX_OBJECT, Object};
use crate::prov::{Kind, Life, Perm, Reg};

/// Rows of [`super::all`].
pub(crate) static ROWS: &[Resolved] =
    &[kfunc("bpf_obj_new_impl", 1, obj_new), kfunc("bpf_obj_drop_impl", 1, obj_drop)];

/// What a fault calls an object.
pub(crate) const OBJECT: &str = "allocated object";

impl Run<'_> {
    /// A pointer to an object that the program now owns.
    pub(crate) fn own_object(&mut self, object: Object) -> Reg {
        let life = self.acquire(OBJECT, true, Life::RUN, Some(Box::new(move || object.bury())));
        let size = object.size() as usize;
        Reg::pointer(Kind::Memory, object.address(), size, Perm::READ_WRITE, life)
    }

    /// Takes an object back from the program.
    pub(crate) fn disown_object(
        &mut self,
        reg: &Reg,
        args: &str,
        who: &crate::exec::Who<'_>,
    ) -> Result<Object, Fault> {
        let owned = self.m_ref().lives.resource(reg.prov.life).is_some_and(|r| r.what == OBJECT && r.owned);
        self.check_alive(reg, who)?;
        self.check_unmoved(reg, who)?;
        // SAFETY: it is owned by this run.
        match unsafe { Object::at(reg.prov.base) }.filter(|_| owned) {
            Some(object) => {
                self.m().lives.release(reg.prov.life);
                Ok(object)
            }
            None => Err(self.not_a(reg, &format!("an object that the program owns ({args})"), who)),
        }
    }
}

fn obj_new(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    let id = args.number(run, 0)? as u32;
    let size = run.program().btf.as_ref().and_then(|btf| btf.size_of(TypeId(id)));
    match size {
        Some(size) if size <= MAX_OBJECT => {
            Ok(Object::new(size, id).map_or(Reg::ZERO, |object| run.own_object(object)))
        }
        _ => Err(run
            .fault(FaultKind::Argument, format!("{} is {id}, which is not a type with a size", args.who(0)))),
    }
}

fn obj_drop(run: &mut Run<'_>, args: &Args) -> Result<Reg, Fault> {
    run.disown_object(args.reg(0), args.name, &args.who(0))?.bury();
    Ok(Reg::UNINIT)
}
