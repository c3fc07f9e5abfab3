//! The helper table's arguments against the live kernel.
//!
//! For each helper a call is built with every argument as the table says; the kernel must take it. Then one argument at
//! a time is made wrong, and the kernel must blame that argument: a number instead of a pointer, nothing where any
//! value will do, read-only memory where it is written. Registers behind the last argument stay unset throughout, so
//! that a missing argument shows as well.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use skep_isa::RawInsn;
use skep_platform::helper::{ALL, Arg, ArgFlags, ArgKind, RetFlags};
use skep_platform::{Helper, MapFlags, MapType, ProgramType, Release};

use super::shape::{EXIT, Shape, mov};
use super::tests::is_reference;
use super::{Answer, maps, may_be_missing, program_type};
use crate::{LoadRequest, MapRequest, map_create, prog_load};

/// Complaints that only come after every argument has passed.
const PAST_THE_ARGUMENTS: &[&str] =
    &["reference leak", "might sleep", "kernel function", "supported only for"];

const fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> RawInsn {
    RawInsn { code, dst, src, off, imm }
}

/// The maps a call may need: one of each type, and one that programs may only read.
struct Maps {
    by_type: Vec<(MapType, OwnedFd)>,
    read_only: OwnedFd,
}

impl Maps {
    fn new() -> Maps {
        let make = |&map: &MapType| {
            let mut request = maps::smallest_request(map);
            if request.key_size == 1 {
                request.key_size = 8;
            }
            if request.value_size == 1 {
                request.value_size = 8;
            }
            Some((map, maps::create(&request).ok()?))
        };
        let read_only =
            MapRequest { flags: MapFlags::RDONLY_PROG, ..MapRequest::new(MapType::Array, 4, 64, 1) };
        Maps {
            by_type: MapType::ALL.iter().filter_map(make).collect(),
            read_only: map_create(&read_only).expect("an array"),
        }
    }

    /// A map that the helper takes.
    fn for_helper(&self, helper: &Helper) -> Option<i32> {
        let fits = |map: &MapType| map.takes(helper) && *map != MapType::Arena;
        self.by_type.iter().find(|(map, _)| fits(map)).map(|(_, fd)| fd.as_fd().as_raw_fd())
    }
}

/// Instructions that put a good argument into a register; `None` for kinds that need an object of the kernel's.
fn good(arg: Arg, register: u8, helper: &Helper, maps: &Maps) -> Option<Vec<RawInsn>> {
    let stack = |down: i32| vec![insn(0xbf, register, 10, 0, 0), insn(0x07, register, 0, 0, -down)];
    Some(match arg.kind {
        ArgKind::ConstMap => vec![insn(0x18, register, 1, 0, maps.for_helper(helper)?), insn(0, 0, 0, 0, 0)],
        ArgKind::MapKey | ArgKind::MapValue | ArgKind::Mem | ArgKind::FixedMem(_) => stack(64),
        ArgKind::Size | ArgKind::SizeOrZero | ArgKind::AllocSize => vec![mov(register, 8)],
        ArgKind::Ctx => vec![insn(0xbf, register, 6, 0, 0)],
        ArgKind::Anything => vec![mov(register, 0)],
        ArgKind::Stack if arg.has(ArgFlags::OR_NULL) => vec![mov(register, 0)],
        _ => return None,
    })
}

/// The verifier's last word on the call; empty when it passes.
fn verdict(shape: &Shape, setup: &[Vec<RawInsn>], helper: &Helper) -> String {
    let mut program = vec![insn(0xbf, 6, 1, 0, 0)];
    program.extend((1..=16).map(|slot| insn(0x7a, 10, 0, -8 * slot, 0)));
    // A call that takes nothing unsets r1 to r5.
    program.push(insn(0x85, 0, 0, 0, 7));
    program.extend(setup.iter().flatten());
    program.extend([insn(0x85, 0, 0, 0, helper.id as i32), mov(0, shape.ret), EXIT]);
    match prog_load(&LoadRequest { log_level: 1, ..shape.request(&program) }) {
        Ok(_) => String::new(),
        Err(refused) if PAST_THE_ARGUMENTS.iter().any(|words| refused.log.contains(words)) => String::new(),
        Err(refused) => refused.verdict().to_owned(),
    }
}

/// What is wrong with argument `at` of the table, if anything.
fn check_arg(
    shape: &Shape,
    helper: &Helper,
    args: &[Arg],
    at: usize,
    good: &[Vec<RawInsn>],
    maps: &Maps,
) -> Vec<String> {
    let register = at as u8 + 1;
    let with = |setup: Vec<RawInsn>| {
        let mut all = good.to_vec();
        all[at] = setup;
        verdict(shape, &all, helper)
    };
    let blames = |verdict: &str| verdict.contains(&format!("R{register}"));
    let mut wrong = Vec::new();
    match args[at].kind {
        ArgKind::Anything => {
            let said = with(Vec::new());
            if !said.contains(&format!("R{register} !read_ok")) {
                wrong.push(format!("unset gives `{said}`"));
            }
        }
        ArgKind::Size | ArgKind::SizeOrZero => {
            if with(vec![mov(register, 0x1234)]).is_empty() {
                wrong.push("is no size".to_owned());
            }
            if with(vec![mov(register, 0)]).is_empty() != (args[at].kind == ArgKind::SizeOrZero) {
                wrong.push("zero".to_owned());
            }
        }
        ArgKind::AllocSize => {}
        _ => {
            let said = with(vec![mov(register, 0x1234)]);
            if !blames(&said) {
                wrong.push(format!("a number gives `{said}`"));
            }
        }
    }
    if matches!(args[at].kind, ArgKind::Mem | ArgKind::FixedMem(_)) {
        let fd = maps.read_only.as_raw_fd();
        let passes = with(vec![insn(0x18, register, 2, 0, fd), insn(0, 0, 0, 0, 0)]).is_empty();
        let writes = args[at].has(ArgFlags::WRITE);
        if passes == writes {
            wrong.push(format!("table says written {writes}, the kernel takes read-only memory {passes}"));
        }
    }
    wrong
}

#[test]
fn arguments_are_what_the_table_says() {
    if !is_reference("arguments_are_what_the_table_says") {
        return;
    }
    let maps = Maps::new();
    let loadable: Vec<_> =
        ProgramType::ALL.iter().copied().filter(|&program| program_type(program) == Answer::Yes).collect();
    let (mut checked, mut wrong) = (0, Vec::new());
    for helper in ALL {
        // One program type for each prototype the helper has.
        let mut seen = Vec::new();
        for &program in &loadable {
            let Some(shape) = Shape::of(program, None) else { continue };
            let args = helper.args_for(program);
            if !helper.allowed(program, shape.attach, Release::LATEST) || seen.contains(&args) {
                continue;
            }
            seen.push(args);
            let args = &args[..args.iter().take_while(|arg| arg.kind != ArgKind::Unused).count()];
            let Some(good) = args
                .iter()
                .enumerate()
                .map(|(at, arg)| good(*arg, at as u8 + 1, helper, &maps))
                .collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            let said = verdict(&shape, &good, helper);
            if may_be_missing(helper).is_some() && said.contains("cannot use helper") {
                continue;
            }
            if !said.is_empty() {
                wrong.push(format!("{} in {program:?}: {said}", helper.name));
                continue;
            }
            checked += 1;
            for at in 0..args.len() {
                // A sleeping helper is refused before its arguments where the program may not sleep.
                if helper.traits.sleeps || helper.ret.has(RetFlags::RINGBUF) {
                    continue;
                }
                let faults = check_arg(&shape, helper, args, at, &good, &maps);
                wrong.extend(
                    faults
                        .iter()
                        .map(|f| format!("{} in {program:?}, argument {}: {f}", helper.name, at + 1)),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {checked} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(checked > 120, "only {checked} prototypes were checked");
}
