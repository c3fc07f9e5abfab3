//! Which helpers the live kernel lets which programs call.
//!
//! The trick: call the helper with nothing but the context in r1. Hardly any call passes, but the verifier first says
//! whether the program may call the helper at all, and only then what is wrong with the arguments.

use skep_isa::RawInsn;
use skep_platform::{AttachType, Helper, ProgramType};

use super::Answer;
use super::shape::{EXIT, Shape, mov};
use crate::{LoadRequest, prog_load};

/// What the verifier writes when the program may not make the call, whatever its arguments.
const REFUSALS: &[&str] = &[
    "program of this type cannot use helper",
    "unknown func",
    "invalid func",
    "helper call is not allowed in probe",
    "supported only for",
    "not supported for program type",
];

/// Helpers that a kernel of any release may lack, and why: the build or the boot decides.
const OPTIONAL: &[(&str, &str)] = &[
    ("probe_write_user", "lockdown forbids it"),
    ("override_return", "CONFIG_BPF_KPROBE_OVERRIDE"),
    ("rc_repeat", "CONFIG_BPF_LIRC_MODE2"),
    ("rc_keydown", "CONFIG_BPF_LIRC_MODE2"),
    ("rc_pointer_rel", "CONFIG_BPF_LIRC_MODE2"),
    ("skb_get_xfrm_state", "CONFIG_XFRM"),
    ("tcp_raw_gen_syncookie_ipv4", "CONFIG_SYN_COOKIES"),
    ("tcp_raw_gen_syncookie_ipv6", "CONFIG_SYN_COOKIES"),
    ("tcp_raw_check_syncookie_ipv4", "CONFIG_SYN_COOKIES"),
    ("tcp_raw_check_syncookie_ipv6", "CONFIG_SYN_COOKIES"),
    ("ima_inode_hash", "CONFIG_IMA"),
    ("ima_file_hash", "CONFIG_IMA"),
    ("get_cgroup_classid", "CONFIG_CGROUP_NET_CLASSID"),
    ("skb_cgroup_classid", "CONFIG_CGROUP_NET_CLASSID"),
];

/// Why a kernel may lack this helper though its release has it; `None` where it may not.
pub fn may_be_missing(helper: &Helper) -> Option<&'static str> {
    OPTIONAL.iter().find(|(name, _)| *name == helper.name).map(|(_, why)| *why)
}

/// Whether programs of this type and attach type may call `helper` on the live kernel.
pub fn helper(helper: &Helper, program: ProgramType, attach: Option<AttachType>) -> Answer {
    if program == ProgramType::Ext {
        return Answer::Unknown;
    }
    let Some(shape) = Shape::of(program, attach) else { return Answer::Unknown };
    let call = RawInsn { code: 0x85, dst: 0, src: 0, off: 0, imm: helper.id as i32 };
    let insns = [mov(2, 0), mov(3, 0), mov(4, 0), mov(5, 0), call, mov(0, shape.ret), EXIT];
    match prog_load(&LoadRequest { log_level: 1, ..shape.request(&insns) }) {
        Ok(_) => Answer::Yes,
        Err(refused) if refused.log.is_empty() => Answer::of_refusal(&refused),
        Err(refused) if REFUSALS.iter().any(|words| refused.log.contains(words)) => Answer::No,
        Err(_) => Answer::Yes,
    }
}
