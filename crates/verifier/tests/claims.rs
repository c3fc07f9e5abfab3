//! Programs that mostly verify: those that are accepted never break a rule in the checking interpreter, and no register ever
//! holds what the verifier did not claim.
//!
//! `SKEP_ACCEPTED` sets how many accepted programs are wanted, `SKEP_SEED` names another sequence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skep_btf::{Btf, TypeId};
use skep_fuzz::generate::{Generated, MapWanted, function_types, typed};
use skep_fuzz::rng::Rng;
use skep_fuzz::user::{Loaded, Refused};
use skep_platform::ProgramType;
use skep_verifier::{Claims, FunctionInfo, Input, MapInfo, Seen, Verdict, verify};
use skep_vm::{Kind, Moment, Reg};

/// Accepted programs of an ordinary test run, and of one in continuous integration (where `CI` is set): some minutes on two cores.
const ACCEPTED: u64 = 3000;
const ACCEPTED_IN_CI: u64 = 200_000;
/// Runs of each, on other packets and other contents of maps.
const RUNS: usize = 4;
/// Instructions that may be walked to collect claims.
const WALK: u64 = 3000;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn input(program: &Generated) -> Input {
    let mut input = Input::new(ProgramType::Xdp, program.insns.clone());
    let map = |wanted: &MapWanted| {
        MapInfo::new(wanted.kind.map_type(), wanted.key_size, wanted.value_size, wanted.max_entries)
    };
    input.maps = program.maps.iter().map(map).collect();
    let (types, functions) = function_types(&program.insns);
    input.btf = Btf::parse(&types).ok().map(Arc::new);
    input.functions =
        functions.into_iter().map(|(start, id)| FunctionInfo { start, type_id: TypeId(id) }).collect();
    input
}

/// What a register holds, in the verifier's terms; nothing for one that may not be read.
fn seen(reg: Reg) -> Option<Seen> {
    let from = |base: u64| reg.val.wrapping_sub(base) as i64;
    match reg.prov.kind() {
        Kind::Uninit => None,
        Kind::Scalar => Some(Seen::Number(reg.val)),
        Kind::MapValue => Some(Seen::MapValue(from(reg.prov.base()))),
        Kind::Stack => Some(Seen::Stack(from(reg.prov.base() + u64::from(reg.prov.len())))),
        Kind::Packet => Some(Seen::Packet(from(reg.prov.base()))),
        _ => Some(Seen::Pointer),
    }
}

/// The first register that holds what is not claimed.
fn unclaimed(claims: &Claims, moment: &Moment<'_>) -> Option<String> {
    let slot = moment.at();
    (0..10).find_map(|register| {
        let seen = seen(moment.register(register))?;
        (!claims.allow(slot, register, seen)).then(|| {
            format!("at {slot} r{register} holds {seen:x?}, claimed is {}", claims.show(slot, register))
        })
    })
}

/// What is counted.
#[derive(Default)]
struct Tally {
    tried: AtomicU64,
    accepted: AtomicU64,
    claimed: AtomicU64,
    runs: AtomicU64,
}

impl Tally {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Judges one program; the error says what was violated.
fn judge(index: u64, tally: &Tally) -> Result<(), String> {
    let mut rng = Rng::new(setting("SKEP_SEED", 6018), index);
    let program = typed(&mut rng);
    let input = input(&program);
    Tally::add(&tally.tried);
    match verify(&input).verdict {
        Verdict::Verified(_) => {}
        Verdict::Rejected(_) => return Ok(()),
        Verdict::Unsupported(what) => return Err(format!("unsupported: {what}")),
    }
    // The engine also looks at instructions that no path reaches.
    let Ok(loaded) = Loaded::new(&program) else { return Ok(()) };
    Tally::add(&tally.accepted);
    let claims = Claims::of(&input, WALK);
    if claims.is_some() {
        Tally::add(&tally.claimed);
    }
    for run in 0..RUNS {
        let len = rng.below(160);
        let packet = if run == 0 { program.packet.clone() } else { rng.bytes(len) };
        loaded.refill(&mut rng);
        let mut violation = None;
        let mut watch = |moment: &Moment<'_>| {
            if let (Some(claims), None) = (&claims, &violation) {
                violation = unclaimed(claims, moment);
            }
        };
        let watch: Option<&mut dyn FnMut(&Moment<'_>)> =
            if claims.is_some() { Some(&mut watch) } else { None };
        match loaded.run(&packet, watch) {
            Ok(_) => Tally::add(&tally.runs),
            // The engine has a budget, which a long loop may use up.
            Err(Refused::Fault(fault)) if fault.to_string().contains("budget") => {}
            Err(Refused::Fault(fault)) => return Err(fault.detailed().to_string()),
            Err(Refused::Load(why)) => return Err(why),
        }
        if let Some(violation) = violation {
            return Err(violation);
        }
    }
    Ok(())
}

#[test]
fn accepted_programs_keep_what_was_claimed() {
    let usual = if std::env::var_os("CI").is_some() { ACCEPTED_IN_CI } else { ACCEPTED };
    let wanted = setting("SKEP_ACCEPTED", usual);
    let (tally, next) = (Tally::default(), AtomicU64::new(0));
    let work = || {
        while tally.accepted.load(Ordering::Relaxed) < wanted {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if let Err(why) = judge(index, &tally) {
                let program = typed(&mut Rng::new(setting("SKEP_SEED", 6018), index));
                panic!("program {index}: {why}\n{}", listing(&program));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    eprintln!(
        "{} of {} programs accepted, {} with claims for every instruction; {} runs without a violation",
        count(&tally.accepted),
        count(&tally.tried),
        count(&tally.claimed),
        count(&tally.runs)
    );
    assert!(count(&tally.claimed) * 2 > count(&tally.accepted), "too few programs have claims");
}

fn listing(program: &Generated) -> String {
    let lines = skep_isa::text::disassemble(&program.insns);
    lines.map(|line| format!("{:4}: {line}\n", line.at)).collect()
}
