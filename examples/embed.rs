//! An application that can be programmed the way eBPF makes the kernel programmable.
//!
//! It serves requests on several threads. What happens to a request is decided by an eBPF program at a hook of the application's own
//! making: its own context (a request), its own helper (how far a user is trusted), its own verdicts. While the threads
//! are busy, the program is exchanged again and again; not one request is missed or seen by two versions.
//!
//! ```text
//! cargo run --release -p skep --example embed
//! ```

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skep::hook::{Arg, Bytes, Hook};
use skep::{Engine, Point};

skep::hook_context! {
    /// A request as programs see it; the C side is `struct request` in gate.bpf.c.
    pub struct Request<'a> {
        read id: u64,
        read user: u32,
        write version: u32,
        read path: Bytes<'a>,
    }
}

/// What a program may return.
const ADMIT: i64 = 0;
const REFUSE: i64 = 1;

const THREADS: u64 = 4;
/// As many as the program's map `seen` has entries.
const REQUESTS: u64 = 1_000_000;
const PATHS: [&str; 4] = ["/", "/index.html", "/admin/users", "/search?q=bees"];

/// Serves all requests under exchange of the program, and fails unless every one was seen exactly once.
#[allow(unreachable_pub)] // the test of the exchange calls it
pub fn main() -> Result<(), Box<dyn Error>> {
    // The hook: what programs get, may call and may return.
    let hook = Hook::new::<Request>("http_request")
        .helper("trust", [Arg::Number], |call| if call.number(0) % 10 == 0 { 90 } else { 10 })
        .returns(ADMIT..=REFUSE);
    let engine = Engine::builder().hook(hook.clone()).build();

    // The programs: two versions in one object, sharing its maps.
    let object = skep::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/gate.bpf.o"))?;
    let loaded = engine.load(&object)?;
    let (open, guarded) = (loaded.program("open_gate")?, loaded.program("guarded_gate")?);

    // The place in the application, and the program's seat there.
    let point = Point::new(hook);
    let link = point.attach(open)?;

    let refused = AtomicU64::new(0);
    let busy = AtomicBool::new(true);
    let mut exchanges = 0u64;
    let begin = Instant::now();
    thread::scope(|scope| {
        let servers: Vec<_> = (0..THREADS)
            .map(|server| {
                let (point, refused) = (&point, &refused);
                scope.spawn(move || serve(point, server, refused))
            })
            .collect();
        let exchanger = scope.spawn(|| {
            let mut exchanges = 0;
            while busy.load(Ordering::Relaxed) {
                let next = if exchanges % 2 == 0 { guarded } else { open };
                link.replace(next)?;
                exchanges += 1;
                thread::sleep(Duration::from_micros(50));
            }
            Ok::<u64, skep::Error>(exchanges)
        });
        for server in servers {
            server.join().map_err(|_| "a server panicked")??;
        }
        busy.store(false, Ordering::Relaxed);
        exchanges = exchanger.join().map_err(|_| "the exchanger panicked")??;
        Ok::<(), Box<dyn Error>>(())
    })?;
    let elapsed = begin.elapsed();

    // Every request was seen exactly once, whichever version saw it.
    let seen = loaded.map("seen")?.typed::<u32, u32>()?;
    let wrong = seen.iter().filter(|(_, times)| *times != 1).count();
    let decisions = loaded.map("decisions")?.typed::<u32, u64>()?;
    let by = |slot: u32| decisions.get(&slot).map(Option::unwrap_or_default);

    println!(
        "{REQUESTS} requests on {THREADS} threads in {elapsed:.2?}, {exchanges} exchanges of the program"
    );
    println!("  open gate:    {:>8} admitted", by(0)?);
    println!("  guarded gate: {:>8} admitted, {} refused", by(2)?, by(3)?);
    println!("  seen twice or never: {wrong}");
    if wrong != 0 || by(0)? + by(2)? + by(3)? != REQUESTS || by(3)? != refused.into_inner() {
        return Err("a request was missed or seen twice".into());
    }
    Ok(())
}

/// One thread's share of the requests.
fn serve(point: &Point, server: u64, refused: &AtomicU64) -> Result<(), skep::Fault> {
    for id in (server..REQUESTS).step_by(THREADS as usize) {
        let path = PATHS[(id % 4) as usize];
        let mut request = Request { id, user: (id / 4 % 100) as u32, version: u32::MAX, path: path.into() };
        let outcome = point.fire(&mut request)?;
        if outcome.is_some_and(|outcome| outcome.value as i64 == REFUSE) {
            refused.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
