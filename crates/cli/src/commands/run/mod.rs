//! `skep run`: a program on packets, on a context, or on nothing but itself.

pub(super) mod input;
mod json;
mod maps;
mod session;
mod text;

use std::io::Write;
use std::path::PathBuf;

use crate::report::{Failure, Format};

/// Run an eBPF program, inside this process, on packets or on a context
///
/// Nothing here needs a kernel, root or a compiler. Every access the program makes is checked; a violation is reported with
/// the instruction and the object at fault, and the exit code is 1.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep run examples/doorman.bpf.o --on pcap:examples/evening.pcap
  skep run filter.bpf.o --program drop_udp --on pcap:in.pcap --out kept.pcap
  skep run doorman.bpf.o --set burst=50 --on pcap:in.pcap --format json | jq .verdicts
  skep run lb.bpf.o --network net.json --on hex:ffffffffffff0200000000010800…
  skep run tp.bpf.o --on args:17,0x2a
  skep run drop.s --type xdp --on pcap:in.pcap")]
pub(crate) struct Args {
    /// The object file, as clang, GCC or rustc made it, or assembly (a file whose name ends in .s)
    object: PathBuf,

    /// What the program is: a section name (xdp, tc, cgroup_skb/egress, raw_tp) or a program type (sched_cls); needed
    /// for assembly, and for objects whose section names do not say
    #[arg(long = "type", short, value_name = "TYPE", value_parser = input::kind)]
    kind: Option<skep_object::ProgramKind>,

    /// The program to run; needed when the object has several
    #[arg(short, long, value_name = "NAME")]
    program: Option<String>,

    /// What to run it on: pcap:FILE (pcap or pcapng), hex:BYTES (one packet), ctx:BYTES (a context's memory),
    /// args:N,N,… (arguments of a raw tracepoint), lookup:tcp,REMOTE,LOCAL (a connection that looks for its socket);
    /// nothing is an empty context
    #[arg(long, value_name = "INPUT")]
    on: Option<input::Input>,

    /// Write the packets that were passed, answered, redirected or cloned to this pcap file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Set a global variable before the program starts; may be given more than once
    #[arg(long, value_name = "VARIABLE=VALUE", value_parser = input::assignment)]
    set: Vec<(String, String)>,

    /// Give a map a size of your own, as applications do: FIELD is max_entries or value_size; may be given more than once
    #[arg(long, value_name = "MAP.FIELD=N", value_parser = input::size)]
    map: Vec<input::Size>,

    /// Devices, routes, neighbours and sockets that the program believes in, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Environment")]
    network: Option<PathBuf>,

    /// Number of the interface that packets come in by
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Environment")]
    interface: u32,

    /// What time it is for the program: that of the capture's packets, or now
    #[arg(long, value_name = "CLOCK", default_value = "capture", help_heading = "Environment")]
    clock: input::ClockChoice,

    /// Kernel types to relocate against (BTF or ELF, such as /sys/kernel/btf/vmlinux); the object's own by default
    #[arg(long, value_name = "FILE", help_heading = "Environment")]
    btf: Option<PathBuf>,

    /// The kernel configuration that __kconfig variables are filled from, as in /boot/config-*
    #[arg(long, value_name = "FILE", help_heading = "Environment")]
    kconfig: Option<PathBuf>,

    /// Go over the input this many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u64,

    /// Instructions that one run may spend before it is stopped
    #[arg(long, value_name = "N", help_heading = "Checking")]
    budget: Option<u64>,

    /// Run the program though nobody has proved it to be safe: the verifier is not asked, and what breaks a rule stops with a fault
    #[arg(long, help_heading = "Checking")]
    unproved: bool,

    /// Report reading of stack bytes that were never written, which Linux allows to the privileged
    #[arg(long, help_heading = "Checking")]
    strict: bool,

    /// Entries to show of each map; 0 shows all, which is also what JSON has by default (text: 16)
    #[arg(long, value_name = "N", help_heading = "Output")]
    entries: Option<usize>,

    /// Show each CPU slot's value instead of the sum
    #[arg(long, help_heading = "Output")]
    per_cpu: bool,

    /// Records and lines of trace output to show, of each; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "Output")]
    lines: usize,

    /// The structure that records of ring buffers and perf events are; guessed from their size otherwise
    #[arg(long, value_name = "STRUCT", help_heading = "Output")]
    events: Option<String>,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: Format,
}

/// Entries of each map that the text shows unless told otherwise.
const ENTRIES: usize = 16;

impl Args {
    /// How many entries of each map to collect; 0 for all.
    fn entries(&self) -> usize {
        let default = if self.format == Format::Json { 0 } else { ENTRIES };
        self.entries.unwrap_or(default)
    }

    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let session = session::Session::prepare(&self)?;
        let report = session.run(&self)?;
        match self.format {
            Format::Text => text::render(&report, &self, out)?,
            Format::Json => json::render(&report, &self, out)?,
        }
        // The findings have been rendered; what is left to say is that there were some.
        if report.has_faults() { Err(Failure::Silent(1)) } else { Ok(()) }
    }
}
