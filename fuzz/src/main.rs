//! Runs fuzz targets for a fixed budget, on stable Rust.
//!
//! The target runs in a *worker*: this same program, started again with a ceiling on its memory. Before each input the worker
//! writes it to a file, so whatever ends the worker (a panic, an abort for want of memory, a signal, the watchdog that
//! stops an input that takes too long) leaves the guilty bytes there, and the parent shows and keeps them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use skep_fuzz::{TARGETS, Target, mutate, target};

/// Runs fuzz targets for a fixed budget.
#[derive(Parser)]
#[command(name = "skep-fuzz")]
struct Cli {
    /// One target; all of them when left out
    target: Option<String>,
    /// List the targets
    #[arg(long)]
    list: bool,
    /// How long each target runs, instead of its fixed number of inputs
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Names the sequence of inputs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Run the bytes of this file as the only input
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
    /// Write the seeds of the target into this folder, as a corpus for another fuzzer
    #[arg(long, value_name = "FOLDER", requires = "target")]
    seeds: Option<PathBuf>,
    /// Be the process that runs the target; the file takes each input before it runs
    #[arg(long, hide = true, value_name = "FILE", requires = "target")]
    worker: Option<PathBuf>,
}

/// Address space of a worker. A parser that believes a length in a file asks for more than this.
const MEMORY: u64 = 2 << 30;

/// Time for one input: thousands of times what any needs, also on a busy machine.
const INPUT_LIMIT: Duration = Duration::from_secs(20);

/// The worker's exit code when the watchdog ends it.
const HANG: u8 = 99;

/// How many bytes of a failing input are printed; all are in the file.
const SHOWN: usize = 256;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.list {
        for t in TARGETS {
            println!("{:<14} {:>8} inputs  {}", t.name, t.inputs, t.about);
        }
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&Target> = match &cli.target {
        None => TARGETS.iter().collect(),
        Some(name) => match target(name) {
            Some(one) => vec![one],
            None => {
                eprintln!("error: no fuzz target `{name}`; there are: {}", names());
                return ExitCode::from(2);
            }
        },
    };
    if let Some(file) = &cli.worker {
        return work(&cli, chosen[0], file);
    }
    let mut code = ExitCode::SUCCESS;
    for one in chosen {
        let done = match &cli.seeds {
            Some(folder) => write_seeds(one, folder),
            None => run(&cli, one),
        };
        if let Err(why) = done {
            eprintln!("{why}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn names() -> String {
    TARGETS.iter().map(|t| t.name).collect::<Vec<_>>().join(", ")
}

fn write_seeds(one: &Target, folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for (index, seed) in (one.seeds)().iter().enumerate() {
        let file = folder.join(format!("seed-{index}"));
        std::fs::write(&file, seed).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(())
}

/// Runs one target in a worker.
fn run(cli: &Cli, one: &Target) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz").join(one.name);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let current = folder.join(format!("current-{}", std::process::id()));
    let me = std::env::current_exe().map_err(|e| format!("own path: {e}"))?;
    let mut cmd = Command::new(me);
    cmd.arg(one.name).arg("--worker").arg(&current).args(["--seed", &cli.seed.to_string()]);
    if let Some(seconds) = cli.seconds {
        cmd.args(["--seconds", &seconds.to_string()]);
    }
    if let Some(file) = &cli.replay {
        cmd.arg("--replay").arg(file);
    }
    let status = cmd.status().map_err(|e| format!("cannot start a worker: {e}"))?;
    let last = std::fs::read(&current).unwrap_or_default();
    let _ = std::fs::remove_file(&current);
    if status.success() {
        return Ok(());
    }
    let how = match status.code() {
        Some(code) if code == i32::from(HANG) => format!("took longer than {} s", INPUT_LIMIT.as_secs()),
        _ => status.to_string(),
    };
    Err(failure(one, &folder, &how, &last))
}

/// Keeps a failing input and tells how to see it again.
fn failure(one: &Target, folder: &Path, how: &str, file: &[u8]) -> String {
    let (index, data) = unpack(file);
    let saved = folder.join(format!("failure-{:016x}", hash(data)));
    let kept = match std::fs::write(&saved, data) {
        Ok(()) => format!("again with: cargo xtask fuzz {} --replay {}", one.name, saved.display()),
        Err(e) => format!("could not be kept in {}: {e}", saved.display()),
    };
    let hex: String = data.iter().take(SHOWN).map(|b| format!("{b:02x}")).collect();
    let more = if data.len() > SHOWN { "…" } else { "" };
    format!("fuzz {}: {how} on input {index} ({} bytes)\n{hex}{more}\n{kept}", one.name, data.len())
}

/// FNV-1a, for a name that the same bytes always get.
fn hash(data: &[u8]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

/// The worker's file: index and length, eight bytes each, then the input. What follows is of longer inputs before.
fn pack(index: u64, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + data.len());
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&(data.len() as u64).to_le_bytes());
    out.extend_from_slice(data);
    out
}

fn unpack(file: &[u8]) -> (u64, &[u8]) {
    let number =
        |at: usize| file.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    let data = file.get(16..).unwrap_or_default();
    let len = usize::try_from(number(8)).unwrap_or(usize::MAX);
    (number(0), data.get(..len).unwrap_or(data))
}

/// The worker: runs inputs until the budget is used up.
fn work(cli: &Cli, one: &Target, file: &Path) -> ExitCode {
    let file = match File::create(file) {
        Ok(file) => file,
        Err(e) => {
            eprintln!("error: {}: {e}", file.display());
            return ExitCode::FAILURE;
        }
    };
    limit_memory();
    watch();
    let announce = |index, data: &[u8]| {
        // Where the disk is full the fuzzing still tells its panic, only not the bytes.
        let _ = file.write_all_at(&pack(index, data), 0);
        STARTED.store(index + 1, Ordering::Relaxed);
    };
    if let Some(replay) = &cli.replay {
        match std::fs::read(replay) {
            Ok(data) => {
                announce(0, &data);
                (one.run)(&data);
                println!("fuzz {}: the input passes", one.name);
                return ExitCode::SUCCESS;
            }
            Err(e) => {
                eprintln!("error: {}: {e}", replay.display());
                return ExitCode::FAILURE;
            }
        }
    }
    let start = Instant::now();
    let seeds = (one.seeds)();
    let inputs = if cli.seconds.is_some() { u64::MAX } else { one.inputs };
    let mut done = 0;
    while done < inputs && cli.seconds.is_none_or(|s| start.elapsed().as_secs() < s) {
        let data = mutate::input(one, &seeds, cli.seed, done);
        announce(done, &data);
        (one.run)(&data);
        done += 1;
    }
    println!("fuzz {}: {done} inputs, {:.1} s", one.name, start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// One more than the index of the input that runs.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// Ends the worker when one input runs for too long. It looks twice within the limit, so no clock is read per input.
fn watch() {
    std::thread::spawn(|| {
        let mut seen = (0, 0);
        loop {
            std::thread::sleep(INPUT_LIMIT / 2);
            let now = STARTED.load(Ordering::Relaxed);
            seen = if now == seen.0 && now > 0 { (now, seen.1 + 1) } else { (now, 0) };
            if seen.1 >= 2 {
                std::process::exit(i32::from(HANG));
            }
        }
    });
}

/// Sets the ceiling on this process's address space.
fn limit_memory() {
    let limit = libc::rlimit { rlim_cur: MEMORY, rlim_max: MEMORY };
    // SAFETY: `limit` is a valid `rlimit` that lives through the call; the call changes nothing but this process's limit.
    let failed = unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) } != 0;
    if failed {
        eprintln!("no ceiling on memory: {}", std::io::Error::last_os_error());
    }
}
