//! The run itself: everything loaded, every packet fed, everything collected.

use std::collections::BTreeMap;
use std::fs;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skep::capture::{Frame, Reader, Writer};
use skep::dump::{self, Dump};
use skep::events::{Event, Events};
use skep::net::{Environment, Tuple};
use skep::replay::{Replay, Summary};
use skep::{Clock, Engine, Fault, Loaded, Map, Object, Options, Program, Strictness, Trace};
use skep_object::{MapDef, MapOrigin};
use skep_platform::{MapType, ProgramType};

use super::Args;
use super::input::{ClockChoice, Input, Size};
use crate::commands::file;
use crate::report::Failure;

/// How often the progress bar is told, in packets.
const BAR_EVERY: u64 = 64;

/// Time between the last packet of a round and the first of the next.
const ROUND_GAP: Duration = Duration::from_millis(1);

/// Trace lines and event records kept in memory; the rest are counted.
const KEEP: usize = 100_000;

/// Everything that is ready to run.
pub(crate) struct Session {
    object: Object,
    loaded: Loaded,
    program: Program,
    environment: Arc<Environment>,
    clock: Arc<AtomicU64>,
    trace: Arc<Mutex<TraceLog>>,
}

/// Lines that the program traced.
#[derive(Default)]
pub(crate) struct TraceLog {
    /// Each with the time on the program's clock, in nanoseconds.
    pub(crate) lines: Vec<(u64, String)>,
    /// How many there were altogether.
    pub(crate) total: u64,
}

/// What a run came to.
pub(crate) struct Report {
    pub(crate) object: Object,
    pub(crate) program: String,
    pub(crate) hook: String,
    pub(crate) elapsed: Duration,
    pub(crate) packets: Option<Packets>,
    /// Return value and fault of runs that were not on packets: how often each value came.
    pub(crate) values: BTreeMap<u64, u64>,
    pub(crate) fault: Option<Fault>,
    /// The socket that a look-up's program chose, as the network has it.
    pub(crate) chosen: Option<String>,
    pub(crate) maps: Vec<MapReport>,
    pub(crate) trace: TraceLog,
    /// Time of the first packet on the program's clock, to which trace times are relative.
    pub(crate) begin: u64,
}

pub(crate) struct Packets {
    pub(crate) source: String,
    pub(crate) summary: Summary,
    /// Frames written to `--out`.
    pub(crate) written: u64,
    /// The frames that left, of a single packet given as `hex:`.
    pub(crate) leaving: Vec<Vec<u8>>,
}

pub(crate) struct MapReport {
    pub(crate) definition: MapDef,
    pub(crate) dump: Dump,
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) record_count: u64,
    pub(crate) lost: u64,
}

impl Report {
    pub(crate) fn has_faults(&self) -> bool {
        self.fault.is_some() || self.packets.as_ref().is_some_and(|packets| packets.summary.faults > 0)
    }
}

impl Session {
    /// Reads the files, makes the maps, loads the program.
    pub(crate) fn prepare(args: &Args) -> Result<Self, Failure> {
        let mut object = open(args)?;
        known_events(&object, args)?;
        let name = choose(&object, args.program.as_deref())?;
        if let Some(kind) = &args.kind {
            object.programs.iter_mut().filter(|p| p.name == name).for_each(|p| p.kind = kind.clone());
        }
        let environment = match &args.network {
            Some(path) => skep::network::parse(&read(path)?)
                .map_err(|problem| Failure::new(format!("{}: {problem}", path.display())))?,
            None => Environment::default(),
        };
        let clock = Arc::new(AtomicU64::new(0));
        let trace = Arc::new(Mutex::new(TraceLog::default()));
        let engine = engine(args, &clock, &trace)?;
        let mut loader = engine.loader(&object);
        for (variable, value) in &args.set {
            loader = loader.set(variable, value);
        }
        for size in &args.map {
            loader = match size {
                Size::Entries(map, entries) => loader.max_entries(map, *entries),
                Size::Value(map, bytes) => loader.value_size(map, *bytes),
            };
        }
        // Programs that tail calls lead to must be loaded too; others may be for hooks that this engine lacks.
        for name in companions(&object, &name) {
            loader = loader.program(&name);
        }
        let loaded = loader.load().map_err(|error| refused(&object, error))?;
        let program = loaded.program(&name).map_err(Failure::new)?.clone();
        Ok(Self { program, object, loaded, environment: Arc::new(environment), clock, trace })
    }

    /// Runs it over the input and collects what there is to report.
    pub(crate) fn run(self, args: &Args) -> Result<Report, Failure> {
        let mut collected = Collected::open(self.loaded.maps());
        let begin = Instant::now();
        let (mut values, mut fault) = (BTreeMap::new(), None);
        let (mut packets, mut chosen) = (None, None);
        let mut first = 0;
        match &args.on {
            Some(Input::Capture(path)) => {
                let (result, time) = self.replay_capture(args, path, &mut collected)?;
                packets = Some(result);
                first = time;
            }
            Some(Input::Packet(bytes)) => packets = Some(self.one_packet(args, bytes, &mut collected)?),
            other => {
                self.refuse_mismatch(other.as_ref())?;
                for _ in 0..args.repeat {
                    match self.run_on(other.as_ref(), args.interface) {
                        Ok((value, socket)) => {
                            *values.entry(value).or_default() += 1;
                            chosen = socket.and_then(|number| self.socket(number));
                        }
                        Err(found) => {
                            fault = Some(found);
                            break;
                        }
                    }
                    collected.poll();
                }
            }
        }
        let elapsed = begin.elapsed();
        collected.poll();
        let maps = self.maps(args, collected);
        let trace = std::mem::take(&mut *self.trace.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Report {
            program: self.program.name().to_owned(),
            hook: self.program.hook().name().to_owned(),
            object: self.object,
            elapsed,
            packets,
            values,
            fault,
            chosen,
            maps,
            trace,
            begin: first,
        })
    }

    /// A program on what it is not for would fault at its first instruction, and the fault would blame the program.
    fn refuse_mismatch(&self, input: Option<&Input>) -> Result<(), Failure> {
        let hook = self.program.hook();
        let is_lookup = matches!(input, Some(Input::Lookup { .. }));
        let wanted = match hook.program_type() {
            Some(program_type) if Replay::takes(program_type) => {
                "packets, with --on pcap:FILE or --on hex:BYTES"
            }
            Some(ProgramType::SkLookup) if !is_lookup => "a look-up, with --on lookup:tcp,REMOTE,LOCAL",
            Some(ProgramType::SkLookup) => return Ok(()),
            _ if is_lookup => "a context, with --on ctx:BYTES or --on args:N,N,…",
            _ => return Ok(()),
        };
        let (name, hook) = (self.program.name(), hook.name());
        Err(Failure::usage(format!("program {name} is for `{hook}`: give it {wanted}")))
    }

    /// The value returned, and the number of the socket chosen by a look-up's program.
    fn run_on(&self, input: Option<&Input>, ifindex: u32) -> Result<(u64, Option<usize>), Fault> {
        let outcome = match input {
            Some(Input::Context(bytes)) => {
                let mut bytes = bytes.clone();
                skep::run_on_bytes(&self.program, &mut bytes)
            }
            Some(Input::Arguments(list)) => skep::run_on_arguments(&self.program, list),
            Some(&Input::Lookup { transport, remote, local }) => {
                let tuple = Tuple { transport, remote, local, ifindex };
                let (outcome, socket) = skep::run_on_lookup(&self.program, self.environment.clone(), tuple)?;
                return Ok((outcome.value, socket));
            }
            _ => skep::run_on_bytes(&self.program, &mut []),
        };
        outcome.map(|outcome| (outcome.value, None))
    }

    /// A socket of the network, in words.
    fn socket(&self, number: usize) -> Option<String> {
        self.environment.sockets.get(number).map(|socket| format!("socket {number} at {}", socket.local))
    }

    fn replay(&self, args: &Args) -> Result<Replay, Failure> {
        let definition = self.object.program(self.program.name());
        let attach = definition.and_then(|definition| definition.kind.attach_type);
        let replay = Replay::new(&self.program, attach, self.environment.clone(), args.interface);
        let replay = replay.map_err(Failure::new)?;
        Ok(match args.clock {
            ClockChoice::Capture => replay.clock(self.clock.clone()),
            ClockChoice::Now => replay,
        })
    }

    fn replay_capture(
        &self,
        args: &Args,
        path: &Path,
        collected: &mut Collected,
    ) -> Result<(Packets, u64), Failure> {
        let mut replay = self.replay(args)?;
        let mut writer = args.out.as_ref().map(Writer::create).transpose().map_err(Failure::new)?;
        let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
        let bar = progress(length * args.repeat);
        let (mut written, mut first) = (0, None);
        // Time goes on: each round begins after the one before it ended.
        let (mut shift, mut last) = (Duration::ZERO, Duration::ZERO);
        for round in 0..args.repeat {
            let mut reader = Reader::open(path).map_err(Failure::new)?;
            let mut number = 0u64;
            loop {
                let position = reader.position();
                let Some(frame) = reader.next_frame().map_err(Failure::new)? else { break };
                let begin = *first.get_or_insert(frame.time);
                if number == 0 && round > 0 {
                    shift += last.saturating_sub(begin) + ROUND_GAP;
                }
                last = last.max(frame.time);
                let frame = Frame { time: frame.time + shift, ..frame };
                for bytes in replay.feed(&frame).leaving {
                    if let Some(writer) = &mut writer {
                        writer.write(frame.time, &bytes).map_err(Failure::new)?;
                        written += 1;
                    }
                }
                number += 1;
                collected.poll();
                if number.is_multiple_of(BAR_EVERY) {
                    bar.set_position(round * length + position);
                }
            }
        }
        bar.finish_and_clear();
        if let Some(writer) = writer {
            writer.finish().map_err(Failure::new)?;
        }
        let source = path.display().to_string();
        let summary = replay.into_summary();
        let first = first.map_or(0, |time| time.as_nanos() as u64);
        Ok((Packets { source, summary, written, leaving: Vec::new() }, first))
    }

    fn one_packet(&self, args: &Args, bytes: &[u8], collected: &mut Collected) -> Result<Packets, Failure> {
        let mut replay = self.replay(args)?;
        let mut writer = args.out.as_ref().map(Writer::create).transpose().map_err(Failure::new)?;
        let frame =
            Frame { time: Duration::ZERO, data: bytes, wire_length: bytes.len() as u32, interface: 0 };
        let (mut leaving, mut written) = (Vec::new(), 0);
        for _ in 0..args.repeat {
            leaving = replay.feed(&frame).leaving.into_iter().map(std::borrow::Cow::into_owned).collect();
            for bytes in writer.is_some().then_some(&leaving).into_iter().flatten() {
                if let Some(writer) = &mut writer {
                    writer.write(frame.time, bytes).map_err(Failure::new)?;
                    written += 1;
                }
            }
            collected.poll();
        }
        if let Some(writer) = writer {
            writer.finish().map_err(Failure::new)?;
        }
        let source = format!("a packet of {} bytes", bytes.len());
        Ok(Packets { source, summary: replay.into_summary(), written, leaving })
    }

    /// Every map that has something to show; constants and configuration are the object's own business.
    fn maps(&self, args: &Args, mut collected: Collected) -> Vec<MapReport> {
        let btf = self.object.btf.as_deref();
        let definitions = self.object.maps.iter().zip(self.loaded.maps()).enumerate();
        let shown = definitions.filter(|(_, (definition, _))| {
            !matches!(definition.origin, MapOrigin::Rodata | MapOrigin::Kconfig)
        });
        shown
            .map(|(index, (definition, map))| {
                let mut gathered = collected.by_map.remove(&index).unwrap_or_default();
                // The run is over: nobody misses what is taken out.
                while let (MapType::Queue | MapType::Stack, Ok(value)) = (definition.map_type, map.pop()) {
                    gathered.add(value);
                }
                let mut definition = definition.clone();
                // What was asked for, or filled in by the loader, and not what the object says.
                definition.max_entries = map.spec().max_entries;
                definition.value_size = map.spec().value_size;
                MapReport {
                    dump: dump::dump(&definition, btf, map, args.entries()),
                    definition,
                    records: gathered.records,
                    record_count: gathered.count,
                    lost: gathered.lost,
                }
            })
            .collect()
    }
}

/// Records of ring buffers and perf event arrays, as they come.
struct Collected {
    events: Events,
    by_map: BTreeMap<usize, Gathered>,
}

#[derive(Default)]
struct Gathered {
    records: Vec<Vec<u8>>,
    count: u64,
    lost: u64,
}

impl Gathered {
    fn add(&mut self, record: Vec<u8>) {
        self.count += 1;
        if self.records.len() < KEEP {
            self.records.push(record);
        }
    }
}

impl Collected {
    fn open(maps: &[Map]) -> Self {
        Self { events: Events::open(maps), by_map: BTreeMap::new() }
    }

    fn poll(&mut self) {
        let by_map = &mut self.by_map;
        self.events.poll(|index, event| {
            let gathered = by_map.entry(index).or_default();
            match event {
                Event::Lost(count) => gathered.lost += count,
                Event::Record(record) => gathered.add(record),
            }
        });
    }
}

fn engine(args: &Args, clock: &Arc<AtomicU64>, trace: &Arc<Mutex<TraceLog>>) -> Result<Engine, Failure> {
    let (time, log) = (clock.clone(), trace.clone());
    let sink = move |line: &str| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.total += 1;
        if log.lines.len() < KEEP {
            log.lines.push((time.load(Ordering::Relaxed), line.to_owned()));
        }
    };
    let mut options = Options { trace: Trace::Call(Arc::new(sink)), ..Options::default() };
    // Without a capture there is no time to take from it.
    if args.clock == ClockChoice::Capture && matches!(args.on, Some(Input::Capture(_))) {
        options.clock = Clock::Set(clock.clone());
    }
    if args.strict {
        options.strictness = Strictness::Strict;
    }
    options.budget = args.budget.unwrap_or(options.budget);
    let mut builder = Engine::builder().options(options);
    if let Some(path) = &args.btf {
        builder = builder.target(Arc::new(crate::commands::btf::read(path, None)?));
    }
    if let Some(path) = &args.kconfig {
        builder = builder.kconfig(skep_object::Kconfig::parse(&file::text(path)?.1));
    }
    if args.unproved {
        builder = builder.unproved();
    }
    Ok(builder.build())
}

/// A program that the verifier refuses is explained as `skep verify` would.
fn refused(object: &Object, error: skep::Error) -> Failure {
    match &error {
        skep::Error::Rejected { program, case, report, .. } => {
            let Some(text) = super::super::verify::explanation(object, program, case, report) else {
                return Failure::new(error);
            };
            anstream::eprintln!("{text}\n");
            Failure::new(format!(
                "program {program} is not safe, so it was not run (--unproved runs it all the same, step by step)"
            ))
        }
        skep::Error::Undecided { .. } => {
            Failure::new(format!("{error}; --unproved runs it all the same, step by step"))
        }
        _ => Failure::new(error),
    }
}

/// The object that the command line names, or what is made of the assembly that it names.
fn open(args: &Args) -> Result<Object, Failure> {
    let is_assembly = args.object.extension().is_some_and(|ending| ending == "s" || ending == "S");
    if !is_assembly {
        return skep::open(&args.object).map_err(Failure::new);
    }
    let (name, text) = file::text(&args.object)?;
    let Some(kind) = args.kind.clone() else {
        return Err(Failure::usage(format!("{name} does not say what it is: add --type (xdp, tc, …)")));
    };
    skep::assembly::assemble(&name, &text, kind).map_err(Failure::new)
}

/// `--events` must name a structure of the object.
fn known_events(object: &Object, args: &Args) -> Result<(), Failure> {
    let (Some(name), Some(btf)) = (&args.events, object.btf.as_deref()) else { return Ok(()) };
    if btf.find(name, skep_btf::Kind::Struct).is_some() {
        return Ok(());
    }
    Err(Failure::new(format!("{}: no structure is called `{name}`", object.name)))
}

/// The program asked for, or the only one there is.
fn choose(object: &Object, asked: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = asked {
        return Ok(name.to_owned());
    }
    match &object.programs[..] {
        [only] => Ok(only.name.clone()),
        [] => Err(Failure::new(format!("{} has no programs", object.name))),
        several => {
            let names: Vec<_> = several.iter().map(|program| program.name.as_str()).collect();
            let names = names.join(", ");
            Err(Failure::new(format!(
                "{} has {} programs: choose one with --program ({names})",
                object.name,
                several.len()
            )))
        }
    }
}

/// The program and those that the object's initialisers put into program arrays.
fn companions(object: &Object, name: &str) -> Vec<String> {
    let slots = object.maps.iter().flat_map(|map| &map.slots);
    let others = slots.filter_map(|slot| match slot.value {
        skep_object::SlotValue::Program(index) => object.programs.get(index).map(|p| p.name.clone()),
        skep_object::SlotValue::Map(_) => None,
    });
    std::iter::once(name.to_owned()).chain(others).collect()
}

/// A bar on standard error, if that is a terminal and the work is long enough for one to be seen.
fn progress(length: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{wide_bar:.yellow} {bytes}/{total_bytes} {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
