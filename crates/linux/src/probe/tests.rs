//! The live kernel against the tables of its release.

use skep_platform::context::{self, View};
use skep_platform::{AttachType, Helper, MapFlags, MapType, ProgramType, Release, helper as table};

use super::shape::Shape;
use super::*;
use crate::MapRequest;
use crate::calls_test::skipped;

/// `false`, with a line that says so, unless the live kernel is the newest one modelled and can be asked.
pub(super) fn is_reference(test: &str) -> bool {
    if skipped(test) {
        return false;
    }
    let release = crate::live_bpf().ok();
    let is = release == Some(Release::LATEST);
    if !is {
        eprintln!(
            "SKIPPED {test}: the kernel is {release:?}, the table's newest release {}",
            Release::LATEST
        );
    }
    is
}

/// The attach types that differ in what their programs may call.
fn variants(program: ProgramType) -> Vec<Option<AttachType>> {
    let attach = program.attach_types().iter().copied().map(Some);
    match program {
        ProgramType::CgroupSockAddr
        | ProgramType::CgroupSockopt
        | ProgramType::Tracing
        | ProgramType::CgroupSock => attach.collect(),
        _ => vec![None],
    }
}

#[test]
fn helpers_are_where_the_table_says() {
    if !is_reference("helpers_are_where_the_table_says") {
        return;
    }
    let (mut asked, mut wrong) = (0, Vec::new());
    for &program in ProgramType::ALL {
        if program_type(program) != Answer::Yes {
            continue;
        }
        for attach in variants(program) {
            let place = attach.or(Shape::of(program, None).and_then(|shape| shape.attach));
            if attach.is_some_and(|attach| attach_type(program, attach) != Answer::Yes) {
                continue;
            }
            for helper in table::ALL {
                asked += 1;
                let expected = helper.allowed(program, place, Release::LATEST);
                if !agrees(helper, expected, super::helper(helper, program, attach)) {
                    wrong.push(format!(
                        "{} {place:?} {}: table says {expected}",
                        program.name(),
                        helper.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} pairs differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 8000, "only {asked} pairs were asked");
}

/// Whether the kernel's answer fits the table's; one that a configuration took away fits too.
fn agrees(helper: &Helper, expected: bool, answer: Answer) -> bool {
    match answer {
        Answer::Yes => expected,
        Answer::No => !expected || may_be_missing(helper).is_some(),
        _ => false,
    }
}

#[test]
fn program_types_are_there() {
    if !is_reference("program_types_are_there") {
        return;
    }
    // What this machine may lack: remote controls are a build option; tracing functions and security hooks are refused
    // by lockdown; freplace has no probe.
    let optional = [ProgramType::LircMode2, ProgramType::Lsm, ProgramType::Ext];
    for &program in ProgramType::ALL {
        let answer = program_type(program);
        assert!(answer == Answer::Yes || optional.contains(&program), "{program:?}: {answer:?}");
    }
}

#[test]
fn attach_types_are_there() {
    if !is_reference("attach_types_are_there") {
        return;
    }
    for &program in ProgramType::ALL {
        if program_type(program) != Answer::Yes {
            continue;
        }
        for &attach in program.attach_types() {
            let answer = attach_type(program, attach);
            assert!(matches!(answer, Answer::Yes | Answer::Policy), "{program:?} at {attach:?}: {answer:?}");
        }
    }
}

#[test]
fn map_types_are_there() {
    if !is_reference("map_types_are_there") {
        return;
    }
    for &map in MapType::ALL {
        let answer = map_type(map);
        assert!(answer == Answer::Yes || map == MapType::StructOps, "{map:?}: {answer:?}");
    }
}

#[test]
fn instructions_and_btf_kinds_are_there() {
    if !is_reference("instructions_and_btf_kinds_are_there") {
        return;
    }
    for probe in INSTRUCTIONS.iter().chain(BTF_KINDS) {
        assert_eq!((probe.run)(), Answer::Yes, "{}", probe.name);
    }
}

#[test]
fn kfuncs_are_told_apart() {
    if !is_reference("kfuncs_are_told_apart") {
        return;
    }
    assert_eq!(kfunc("bpf_xdp_ct_lookup", ProgramType::Xdp), Answer::Yes);
    assert_eq!(kfunc("bpf_xdp_ct_lookup", ProgramType::SocketFilter), Answer::No);
    assert_eq!(kfunc("bpf_no_such_thing", ProgramType::Xdp), Answer::No);
}

#[test]
fn contexts_open_where_the_table_says() {
    if !is_reference("contexts_open_where_the_table_says") {
        return;
    }
    let mut wrong = Vec::new();
    for &program in ProgramType::ALL {
        let Some(layout) = context::layout(program) else { continue };
        let places: Vec<_> = program.attach_types().iter().copied().map(Some).collect();
        for attach in if places.is_empty() { vec![None] } else { places } {
            if program_type(program) != Answer::Yes {
                continue;
            }
            let view = View::Context(program, attach);
            for (offset, size, write) in accesses(layout.size) {
                let expected = view.access(Release::LATEST, offset, size, write).is_some();
                let answer = context_access(program, attach, offset as i16, size, write);
                if (answer == Answer::Yes) != expected {
                    wrong.push(format!(
                        "{} {attach:?} offset {offset} size {size} write {write}: table says {expected}",
                        program.name()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every aligned access inside a context of this size and just behind it.
fn accesses(bytes: u32) -> impl Iterator<Item = (u32, u32, bool)> {
    (0..bytes + 8)
        .flat_map(|offset| [1, 2, 4, 8].map(|size| (offset, size)))
        .filter(|(offset, size)| offset.is_multiple_of(*size))
        .flat_map(|(offset, size)| [(offset, size, false), (offset, size, true)])
}

#[test]
fn kfuncs_are_where_the_table_says() {
    if !is_reference("kfuncs_are_where_the_table_says") {
        return;
    }
    let programs: Vec<_> =
        ProgramType::ALL.iter().copied().filter(|&program| program_type(program) == Answer::Yes).collect();
    let mut wrong = Vec::new();
    for set in skep_platform::kfunc::KNOWN.iter().filter(|set| !set.narrowed) {
        for known in set.functions {
            for &program in &programs {
                match kfunc(known.name, program) {
                    Answer::Yes if !set.allows(program) => {
                        wrong.push(format!("{} in {program:?}: yes", known.name))
                    }
                    Answer::No if set.allows(program) => {
                        wrong.push(format!("{} in {program:?}: no", known.name))
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn maps_are_created_when_the_rules_say_so() {
    if !is_reference("maps_are_created_when_the_rules_say_so") {
        return;
    }
    let mut wrong = Vec::new();
    for &map in MapType::ALL.iter().filter(|map| map_type(**map) == Answer::Yes) {
        for request in variations(&maps::smallest_request(map)) {
            let expected = map.rules().check(
                request.key_size,
                request.value_size,
                request.max_entries,
                request.flags,
                request.extra,
            );
            let got = maps::create(&request).map(drop);
            if got != expected {
                wrong.push(format!("{map:?} {request:?}: kernel {got:?}, table {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The request with one number or flag changed at a time.
fn variations<'a>(base: &MapRequest<'a>) -> Vec<MapRequest<'a>> {
    let mut out = Vec::new();
    for key_size in [0, 1, 3, 4, 5, 8, 12, 16, 260, 261, 512, 513] {
        out.push(MapRequest { key_size, ..base.clone() });
    }
    // A value that BTF describes has the size that BTF says.
    let values =
        [0, 1, 4, 8, 12, 16, 1016, 1024, 4096, 4097, 32768, 32769, 65407, 65408, 4194024, 4194025, 4194255];
    for value_size in values.into_iter().filter(|_| !base.map_type.rules().needs_btf) {
        out.push(MapRequest { value_size, ..base.clone() });
    }
    for max_entries in [0, 1, 2, 100, 4096, 8192, 12288, (1 << 20) + 1] {
        // How many CPUs the kernel was built for is not in the table.
        let unknown = base.map_type == MapType::Cpumap && max_entries > 100;
        // A million entries are tried only where they are too many.
        if unknown || (max_entries > 12288 && base.map_type != MapType::Arena) {
            continue;
        }
        out.push(MapRequest { max_entries, ..base.clone() });
    }
    for (_, flag) in MapFlags::NAMES.iter().filter(|(name, _)| !name.ends_with("FD")) {
        out.push(MapRequest { flags: base.flags | *flag, ..base.clone() });
        out.push(MapRequest { flags: base.flags.without(*flag), ..base.clone() });
    }
    for extra in [1, 15, 16, 4096] {
        out.push(MapRequest { extra, ..base.clone() });
    }
    out
}
