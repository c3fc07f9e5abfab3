//! Whether the live kernel lets a program type call a kfunc.

use skep_btf::Kind;
use skep_isa::RawInsn;
use skep_platform::ProgramType;

use super::Answer;
use super::shape::{EXIT, Shape, mov, running_btf};
use crate::{LoadRequest, prog_load};

/// The pseudo source that makes a call one of a kernel function.
const PSEUDO_KFUNC: u8 = 2;

/// Whether programs of this type may call the kernel function of this name. As with helpers, a complaint about the
/// arguments means yes.
pub fn kfunc(name: &str, program: ProgramType) -> Answer {
    let Some(id) = running_btf().and_then(|btf| btf.find(name, Kind::Func)) else { return Answer::No };
    let (Ok(imm), Some(shape)) = (i32::try_from(id.0), Shape::of(program, None)) else {
        return Answer::Unknown;
    };
    let call = RawInsn { code: 0x85, dst: 0, src: PSEUDO_KFUNC, off: 0, imm };
    let insns = [mov(2, 0), mov(3, 0), mov(4, 0), mov(5, 0), call, mov(0, shape.ret), EXIT];
    match prog_load(&LoadRequest { log_level: 1, ..shape.request(&insns) }) {
        Ok(_) => Answer::Yes,
        Err(refused) if refused.log.is_empty() => Answer::of_refusal(&refused),
        Err(refused) if refused.log.contains("calling kernel function") => Answer::No,
        Err(_) => Answer::Yes,
    }
}
