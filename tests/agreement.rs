//! Programs that mostly verify, judged by skep and by the live kernel.
//!
//! Accepting what the kernel refuses fails the test; so does refusing what it accepts, but for classes that are listed in
//! docs/deviations.md with a program each. `SKEP_PROGRAMS` and `SKEP_SEED` search longer and elsewhere.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, LazyLock};

use skep_btf::{Btf, TypeId};
use skep_fuzz::generate::{Features, Generated, MapWanted, function_types, typed, xdp};
use skep_fuzz::rng::Rng;
use skep_linux::live_bpf;
use skep_platform::ProgramType;
use skep_tests::kernel;
use skep_tests::listing;
use skep_tests::shrink::shrink;
use skep_verifier::{FunctionInfo, Input, MapInfo, Verdict, verify};

/// Programs of an ordinary run.
const PROGRAMS: u64 = 5000;

/// Programs that may be refused here and not there: contradictions between known bits and ranges that Linux does not find (docs/deviations.md).
const REFUSED_ONE_IN: u64 = 2000;

/// The running kernel's types: changed programs call its functions.
static KERNEL: LazyLock<Option<Arc<Btf>>> = LazyLock::new(|| Btf::running().ok().map(Arc::new));

/// Disagreements shown with their programs.
const SHOWN: usize = 5;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Two of three with bounds at random; the others valid by construction, and a third of those with a few changes.
fn program(index: u64) -> Generated {
    let mut rng = Rng::new(setting("SKEP_SEED", 2611), index);
    match index % 6 {
        0 => xdp(&mut rng, Features::ALL),
        1 => {
            let mut program = xdp(&mut rng, Features::ALL);
            change(&mut program, &mut rng);
            program
        }
        2 => {
            let mut program = typed(&mut rng);
            change(&mut program, &mut rng);
            program
        }
        _ => typed(&mut rng),
    }
}

/// A few changes that leave most of a program as it is.
fn change(program: &mut Generated, rng: &mut Rng) {
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(program.insns.len());
        let insn = &mut program.insns[at];
        match rng.below(6) {
            0 => insn.dst = rng.below(11) as u8,
            1 => insn.src = rng.below(11) as u8,
            2 => insn.off = insn.off.wrapping_add(rng.range(-16, 16) as i16),
            3 => insn.imm = rng.interesting() as i32,
            4 => insn.imm = insn.imm.wrapping_add(rng.range(-2, 2) as i32),
            _ => insn.code ^= 1 << rng.below(8),
        }
    }
}

fn ours(program: &Generated) -> Verdict {
    let mut input = Input::new(ProgramType::Xdp, program.insns.clone());
    let map = |wanted: &MapWanted| {
        MapInfo::new(wanted.kind.map_type(), wanted.key_size, wanted.value_size, wanted.max_entries)
    };
    input.maps = program.maps.iter().map(map).collect();
    let (types, functions) = function_types(&program.insns);
    input.btf = Btf::parse(&types).ok().map(Arc::new);
    input.functions =
        functions.into_iter().map(|(start, id)| FunctionInfo { start, type_id: TypeId(id) }).collect();
    input.kernel_btf.clone_from(&KERNEL);
    verify(&input).verdict
}

/// A sort of disagreement, in a few words, and its size.
fn class(ours: &Verdict, theirs: &Result<(), String>) -> Option<String> {
    let kernel = theirs.as_ref().err().map_or("accepts", String::as_str);
    let kernel: String = kernel.chars().filter(|c| !c.is_ascii_digit()).collect();
    match (ours, theirs.is_ok()) {
        (Verdict::Verified(_), true) | (Verdict::Rejected(_), false) => None,
        (Verdict::Verified(_), false) => Some(format!("ACCEPTED here, kernel: {kernel}")),
        (Verdict::Rejected(why), true) => Some(format!("refused here: {} {}", why.code, why.message)),
        // The number of a descriptor that changes have made up.
        (Verdict::Unsupported(why), false) if why.reason.contains("kernel modules") => None,
        (Verdict::Unsupported(why), _) => Some(format!("unsupported: {}", why.reason)),
    }
}

#[test]
fn verdicts_on_generated_programs_are_the_live_kernels() {
    if let Err(why) = live_bpf() {
        eprintln!("SKIPPED verdicts_on_generated_programs_are_the_live_kernels: {why}");
        return;
    }
    let count = setting("SKEP_PROGRAMS", PROGRAMS);
    let maps: BTreeMap<usize, Vec<OwnedFd>> = [program(0), program(3)]
        .iter()
        .map(|program| (program.maps.len(), kernel::maps(program).expect("the kernel makes maps")))
        .collect();
    let judge =
        |program: &Generated| class(&ours(program), &kernel::verdict(program, &maps[&program.maps.len()]));
    let (mut classes, mut accepted): (BTreeMap<String, Vec<u64>>, u64) = (BTreeMap::new(), 0);
    for index in 0..count {
        let program = program(index);
        accepted += u64::from(ours(&program).is_verified());
        if let Some(class) = judge(&program) {
            classes.entry(class).or_default().push(index);
        }
    }
    let wrong: usize = classes.values().map(Vec::len).sum();
    eprintln!(
        "{count} programs, {accepted} accepted here, {wrong} disagreements ({:.3} %) in {} classes",
        100.0 * wrong as f64 / count as f64,
        classes.len()
    );
    for (class, indices) in &classes {
        eprintln!("{:5}  {class}  {:?}", indices.len(), &indices[..indices.len().min(5)]);
    }
    let shown = classes.iter().take(SHOWN).map(|(class, indices)| {
        let program = shrink(&program(indices[0]), |program| judge(program).as_ref() == Some(class));
        format!("{class} (program {})\n{}", indices[0], listing(&program))
    });
    let refused = |class: &&String| class.starts_with("refused here: E0205");
    let tolerated: usize =
        classes.iter().filter(|(class, _)| refused(class)).map(|(_, found)| found.len()).sum();
    let good = wrong == tolerated && tolerated as u64 <= count / REFUSED_ONE_IN;
    assert!(good, "{}", shown.collect::<Vec<_>>().join("\n"));
}
