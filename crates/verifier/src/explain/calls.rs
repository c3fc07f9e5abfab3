//! Arguments that do not fit: what they are, and where they came from.

use skep_isa::{Call, Insn};
use skep_platform::helper;

use super::story::Story;
use super::{Told, bounds, damage, memory, words};
use crate::analysis;
use crate::rejection::{Code, Place, Rejection};

pub(super) fn tell(story: &Story<'_>, rejection: &Rejection) -> Told {
    let mut told = Told::default();
    let last = story.last();
    match (rejection.code, rejection.place) {
        (Code::BadSize, Some(Place::Register(number))) => {
            let value = *story.reg(last, number);
            told.label(format!("the size may be {}", words::number(&value.value)));
            bounds::index_notes(story, &mut told, last, number);
            told.damage = damage::of_number(story, last, number);
            let negative =
                value.is_scalar() && value.value.s32.max < i32::MAX && value.value.u64.max > i32::MAX as u64;
            told.help(if negative {
                "the size is signed and may be negative: make the variable unsigned, or check `size >= 0` too"
            } else {
                "bound the size right before the call: `if (size > MOST) return …;` with an unsigned size"
            });
        }
        (Code::HelperNotAllowed | Code::GplOnly | Code::UnknownHelper, _) => {
            allowed(story, rejection, &mut told)
        }
        (Code::CallDepth, _) => {
            for frame in story.before(last).frames.iter().skip(1) {
                told.note(frame.call_site, "called from here");
            }
            told.help("flatten the calls: make small functions __always_inline");
        }
        (_, Some(Place::Register(number))) => {
            told = memory::tell(story, &Rejection { code: Code::BadPointerAccess, ..rejection.clone() });
            told.label(format!("r{} is {}", number.number(), words::reg(story.reg(last, number))));
            if rejection.code == Code::BadArgument {
                told.help = told.help.or_else(|| expected(story, number.number()));
            }
        }
        _ => {}
    }
    told
}

/// What the helper's prototype says of an argument.
fn expected(story: &Story<'_>, number: u8) -> Option<String> {
    let Some(Insn::Call(Call::Helper(id))) = story.insn(story.last()) else { return None };
    let helper = analysis::helper(id)?;
    let arg = helper.args.get(usize::from(number).checked_sub(1)?)?;
    let what = match arg.kind {
        helper::ArgKind::Ctx => "the program's own context, unmoved",
        helper::ArgKind::ConstMap => "a map, as in `&map`",
        helper::ArgKind::MapKey => {
            "memory as long as the map's key: the address of a variable, written before"
        }
        helper::ArgKind::MapValue => "memory as long as the map's value",
        helper::ArgKind::RingbufMem => "the record that the ring buffer gave, unmoved",
        helper::ArgKind::ConstStr => "a constant string, in a read-only map",
        helper::ArgKind::Mem | helper::ArgKind::FixedMem(_) => {
            "memory whose size is known: the stack, a map value, the packet"
        }
        helper::ArgKind::Func => "a static function of the program",
        _ => return None,
    };
    Some(format!("argument {number} of bpf_{} is {what}", helper.name))
}

fn allowed(story: &Story<'_>, rejection: &Rejection, told: &mut Told) {
    let Some(Insn::Call(Call::Helper(id))) = story.insn(story.last()) else { return };
    let Some(helper) = analysis::helper(id) else { return };
    match rejection.code {
        Code::GplOnly => {
            told.label(format!("bpf_{} is for GPL-compatible programs", helper.name));
            told.help("declare a GPL-compatible license: `char LICENSE[] SEC(\"license\") = \"GPL\";`");
        }
        Code::HelperNotAllowed => {
            told.label(format!(
                "{} programs do not have bpf_{}",
                story.input.program_type.name(),
                helper.name
            ));
            told.help("`skep features` lists the helpers of every program type");
        }
        _ => told.help(format!("bpf_{} came with Linux {}", helper.name, helper.since)),
    }
}
