//! How long a proof takes: our verifier against the live kernel's, on the same programs in the same run, in turns.
//!
//! The kernel's time is what it says itself (`verification time` in its statistics), so system calls, maps and the JIT do not
//! count; ours is the time of `skep_verifier::verify`. Both are the least of several rounds. The goal: at most
//! half the kernel's time in total and at the median of programs of more than 1,000 processed instructions, never more than its time, and
//! no more instructions processed. `cargo bench -p skep-benches --bench verify [-- NAME…]`

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use skep::verify::{Cases, Setting};
use skep_isa::RawInsn;
use skep_linux::{LoadRequest, MapRequest, btf_load, live_bpf, map_create, prog_load_logged};
use skep_object::Object;
use skep_verifier::{Input, MapInfo, verify};

/// The objects, by name.
const OBJECTS: [(&str, &[u8]); 5] = [
    ("search", include_bytes!("../programs/verify/search.bpf.o")),
    ("hash", include_bytes!("../programs/verify/hash.bpf.o")),
    ("parse", include_bytes!("../programs/verify/parse.bpf.o")),
    ("branch", include_bytes!("../programs/verify/branch.bpf.o")),
    ("walk", include_bytes!("../programs/verify/walk.bpf.o")),
];

/// Times each program is verified by both.
const ROUNDS: usize = 9;

/// Programs of at least so many instructions count for the median.
const LARGE: u64 = 1000;

/// The kernel's statistics level.
const STATISTICS: u32 = 4;

/// What a verification took.
#[derive(Clone, Copy, Debug)]
struct Effort {
    time: Duration,
    processed: u64,
    states: u64,
    peak: u64,
}

fn main() {
    if let Err(why) = live_bpf() {
        println!("SKIPPED verify: {why}");
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    println!(
        "{:<20} {:>21} {:>15} {:>15} {:>23} {:>6}",
        "", "processed", "states", "peak", "time in µs", "ratio"
    );
    println!(
        "{:<20} {:>10} {:>10} {:>7} {:>7} {:>7} {:>7} {:>11} {:>11}",
        "", "kernel", "ours", "kernel", "ours", "kernel", "ours", "kernel", "ours"
    );
    let mut rows = Vec::new();
    for (name, bytes) in OBJECTS {
        let object = Object::parse(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let setting = Setting::default();
        let cases = Cases::new(&object, &setting).unwrap_or_else(|error| panic!("{name}: {error}"));
        for program in &object.programs {
            if wanted.is_empty() || wanted.iter().any(|word| program.name.contains(word.as_str())) {
                rows.extend(race(&program.name, &cases.case(program).input));
            }
        }
    }
    summary(&rows);
}

/// Both in turns; the best of each.
fn race(name: &str, input: &Input) -> Option<(Effort, Effort)> {
    let mut best: Option<(Effort, Effort)> = None;
    for _ in 0..ROUNDS {
        let kernel = match by_kernel(input) {
            Ok(kernel) => kernel,
            Err(why) => {
                println!("{name:<20} the kernel refuses: {why}");
                return None;
            }
        };
        let begin = Instant::now();
        let report = verify(input);
        let time = begin.elapsed();
        if !report.verdict.is_verified() {
            println!("{name:<20} {}", report.verdict);
            return None;
        }
        let stats = report.stats;
        let ours = Effort { time, processed: stats.processed, states: stats.states, peak: stats.peak_states };
        let faster = |old: Option<Effort>, new: Effort| old.filter(|old| old.time <= new.time).unwrap_or(new);
        best = Some((faster(best.map(|b| b.0), kernel), faster(best.map(|b| b.1), ours)));
    }
    let (kernel, ours) = best?;
    println!(
        "{name:<20} {:>10} {:>10} {:>7} {:>7} {:>7} {:>7} {:>11} {:>11.0} {:>6.2}",
        kernel.processed,
        ours.processed,
        kernel.states,
        ours.states,
        kernel.peak,
        ours.peak,
        kernel.time.as_micros(),
        ours.time.as_nanos() as f64 / 1e3,
        ratio(&(kernel, ours)),
    );
    Some((kernel, ours))
}

fn ratio((kernel, ours): &(Effort, Effort)) -> f64 {
    // The kernel counts whole microseconds.
    ours.time.as_secs_f64() / kernel.time.max(Duration::from_micros(1)).as_secs_f64()
}

fn summary(rows: &[(Effort, Effort)]) {
    let total = |side: fn(&(Effort, Effort)) -> Duration| rows.iter().map(side).sum::<Duration>();
    let (kernel, ours) = (total(|row| row.0.time), total(|row| row.1.time));
    let mut large: Vec<f64> = rows.iter().filter(|row| row.0.processed > LARGE).map(ratio).collect();
    large.sort_by(f64::total_cmp);
    println!(
        "total                kernel {kernel:?}, ours {ours:?}: {:.2}",
        ours.as_secs_f64() / kernel.as_secs_f64()
    );
    if let Some(median) = large.get(large.len() / 2) {
        println!("median               {median:.2} of {} programs above {LARGE} instructions", large.len());
    }
    let worst = rows.iter().map(ratio).fold(0.0, f64::max);
    let more = rows.iter().filter(|row| row.1.processed > row.0.processed).count();
    println!(
        "worst                {worst:.2}; more instructions processed than the kernel in {more} programs"
    );
    if let Some(memory) = peak_memory() {
        println!("peak memory          {memory} KiB of this process, both sides' work included");
    }
}

/// The most memory that this process held, in KiB.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The kernel's effort, or why it refuses.
fn by_kernel(input: &Input) -> Result<Effort, String> {
    let maps: Vec<OwnedFd> = input.maps.iter().map(map).collect::<Result<_, _>>()?;
    let mut insns = input.insns.clone();
    let mut slot = 0;
    while slot < insns.len() {
        let RawInsn { code, src, imm, .. } = insns[slot];
        if code == 0x18 {
            if let (1 | 2 | 5 | 6, Some(fd)) = (src, maps.get(imm as usize)) {
                insns[slot].imm = fd.as_raw_fd();
                insns[slot].src = if matches!(src, 1 | 5) { 1 } else { 2 };
            }
            slot += 1;
        }
        slot += 1;
    }
    let btf = match &input.btf {
        Some(btf) => Some(btf_load(&btf.to_bytes()).map_err(|error| error.to_string())?),
        None => None,
    };
    let records = input.functions.iter().flat_map(|info| [info.start as u32, info.type_id.0]);
    let func_info: Vec<u8> = records.flat_map(u32::to_le_bytes).collect();
    let request = LoadRequest {
        btf: btf.as_ref().map(|fd| fd.as_fd()),
        func_info: &func_info,
        attach: input.attach_type,
        license: &input.license,
        log_level: STATISTICS,
        ..LoadRequest::new(input.program_type, &insns)
    };
    let (_program, log) = prog_load_logged(&request).map_err(|refused| refused.to_string())?;
    let after = |word: &str| -> u64 {
        let rest = log.split(word).nth(1).unwrap_or_default();
        rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Ok(Effort {
        time: Duration::from_micros(after("verification time ")),
        processed: after("processed "),
        states: after("total_states "),
        peak: after("peak_states "),
    })
}

fn map(info: &MapInfo) -> Result<OwnedFd, String> {
    let request = MapRequest {
        flags: info.flags,
        extra: info.extra,
        ..MapRequest::new(info.map_type, info.key_size, info.value_size, info.max_entries)
    };
    map_create(&request).map_err(|error| format!("map {}: {error}", info.name))
}
