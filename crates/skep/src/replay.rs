//! Running a packet program over many packets, and keeping count.
//!
//! A [`Replay`] holds one context and uses it again for every packet, so that a long capture costs no allocation a packet.
//! What the program decided is counted by verdict; a packet on which it broke a rule is counted apart, dropped, and the first such
//! [`Fault`] kept, for it is a finding about the program and not about the packet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skep_platform::{AttachType, ProgramType};
use skep_vm::net::{Emitted, Environment, Fate, MapTarget, Redirect, SkbContext, Verdict, XdpContext};
use skep_vm::{Fault, Program};

use crate::capture::Frame;
use crate::error::Error;

/// Bytes of an Ethernet header.
const ETH_HLEN: usize = 14;

/// A packet program with the context it runs on and the counts so far.
pub struct Replay {
    program: Program,
    program_type: ProgramType,
    context: Net,
    /// Set to each packet's time before the run, where the caller wants the capture's clock.
    clock: Option<Arc<AtomicU64>>,
    summary: Summary,
}

enum Net {
    Xdp(Box<XdpContext>),
    Skb(Box<SkbContext>),
}

/// What became of all packets so far.
#[derive(Debug, Default)]
pub struct Summary {
    /// Packets seen.
    pub packets: u64,
    /// Their captured bytes.
    pub bytes: u64,
    /// By return value.
    pub verdicts: BTreeMap<i32, (Verdict, Tally)>,
    /// Where redirected packets went, in words, and how many.
    pub redirects: BTreeMap<String, u64>,
    /// Packets on which the program broke a rule; they are dropped.
    pub faults: u64,
    /// The first of these: number of the packet from 1, and the report.
    pub first_fault: Option<(u64, Fault)>,
    /// Packets whose bytes the program changed.
    pub rewritten: u64,
}

/// A number of packets and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Bytes, as they came in.
    pub bytes: u64,
}

/// What became of one packet.
#[derive(Debug)]
pub struct Fed<'a> {
    /// The program's verdict; none where it broke a rule.
    pub verdict: Option<Verdict>,
    /// Frames that go on: the packet as the program left it, unless dropped, and the clones it sent.
    pub leaving: Vec<std::borrow::Cow<'a, [u8]>>,
}

impl Replay {
    /// Prepares a program for packets that come in at interface `ifindex`.
    ///
    /// # Errors
    /// [`Error::NotForPackets`] when programs of this type are not run on packets.
    pub fn new(
        program: &Program,
        attach: Option<AttachType>,
        environment: Arc<Environment>,
        ifindex: u32,
    ) -> Result<Self, Error> {
        let not_for_packets = || Error::NotForPackets {
            program: program.name().to_owned(),
            hook: program.hook().name().to_owned(),
        };
        let program_type = program.hook().program_type().filter(|&program_type| Self::takes(program_type));
        let program_type = program_type.ok_or_else(not_for_packets)?;
        let context = if program_type == ProgramType::Xdp {
            let mut context = XdpContext::new(environment, attach);
            context.ingress_ifindex = ifindex;
            Net::Xdp(Box::new(context))
        } else {
            Net::Skb(Box::new(SkbContext::new(program_type, attach, environment, ifindex)))
        };
        let summary = Summary::default();
        Ok(Self { program: program.clone(), program_type, context, clock: None, summary })
    }

    /// Whether programs of this type run on packets, so that [`Replay::new`] takes them.
    pub fn takes(program_type: ProgramType) -> bool {
        use ProgramType as T;
        matches!(
            program_type,
            T::Xdp
                | T::SchedCls
                | T::SchedAct
                | T::SocketFilter
                | T::CgroupSkb
                | T::FlowDissector
                | T::LwtIn
                | T::LwtOut
                | T::LwtXmit
                | T::LwtSeg6local
        )
    }

    /// Sets this clock to each packet's time before the program sees the packet. It must be the one that the engine was
    /// built with ([`crate::Clock::Set`]).
    #[must_use]
    pub fn clock(mut self, clock: Arc<AtomicU64>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The counts so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The counts, when all is done.
    pub fn into_summary(self) -> Summary {
        self.summary
    }

    /// Runs the program on one packet.
    pub fn feed(&mut self, frame: &Frame<'_>) -> Fed<'_> {
        if let Some(clock) = &self.clock {
            clock.store(frame.time.as_nanos() as u64, Ordering::Relaxed);
        }
        self.summary.packets += 1;
        self.summary.bytes += frame.data.len() as u64;
        let result = match &mut self.context {
            Net::Xdp(context) => {
                context.reset(frame.data);
                self.program.run(context.as_mut())
            }
            Net::Skb(context) => {
                context.reset(frame.data);
                self.program.run(context.as_mut())
            }
        };
        match result {
            Ok(outcome) => self.count(frame, outcome.value),
            Err(fault) => {
                self.summary.faults += 1;
                let number = self.summary.packets;
                self.summary.first_fault.get_or_insert((number, fault));
                Fed { verdict: None, leaving: Vec::new() }
            }
        }
    }

    fn count(&mut self, frame: &Frame<'_>, value: u64) -> Fed<'_> {
        let verdict = Verdict::of(self.program_type, value);
        let key =
            if self.program_type == ProgramType::SocketFilter { verdict.code.min(1) } else { verdict.code };
        let tally = &mut self.summary.verdicts.entry(key).or_insert((verdict, Tally::default())).1;
        tally.packets += 1;
        tally.bytes += frame.data.len() as u64;

        let (bytes, redirect, emitted) = match &self.context {
            Net::Xdp(context) => {
                (std::borrow::Cow::Borrowed(context.packet.bytes()), context.redirect.as_ref(), &[][..])
            }
            Net::Skb(context) => {
                let bytes = context.skb.wire_bytes();
                (std::borrow::Cow::Owned(bytes), context.redirect.as_ref(), &context.emitted[..])
            }
        };
        // What is too short to be a frame is filled up for the program's sake; that is none of its doing.
        let bytes = match bytes.strip_prefix(frame.data) {
            Some(rest) if frame.data.len() < ETH_HLEN && rest.iter().all(|&byte| byte == 0) => {
                std::borrow::Cow::Owned(frame.data.to_vec())
            }
            _ => bytes,
        };
        if *bytes != *frame.data {
            self.summary.rewritten += 1;
        }
        let clones = emitted.iter().map(|Emitted { frame, .. }| std::borrow::Cow::Borrowed(&frame[..]));
        let mut leaving: Vec<_> = clones.collect();
        if verdict.fate != Fate::Drop {
            leaving.push(match (self.program_type, bytes) {
                // A socket filter says how much of the packet its reader gets.
                (ProgramType::SocketFilter, mut bytes) if (verdict.code as u32 as usize) < bytes.len() => {
                    bytes.to_mut().truncate(verdict.code as u32 as usize);
                    bytes
                }
                (_, bytes) => bytes,
            });
        }
        if verdict.fate == Fate::Redirect {
            let to = redirect.map_or_else(|| "nowhere".to_owned(), destination);
            *self.summary.redirects.entry(to).or_default() += 1;
        }
        Fed { verdict: Some(verdict), leaving }
    }
}

/// Where a redirect goes, in words.
fn destination(redirect: &Redirect) -> String {
    let way = |ingress: bool| if ingress { "into" } else { "out of" };
    match redirect {
        Redirect::Interface { ifindex, ingress } => format!("{} interface {ifindex}", way(*ingress)),
        Redirect::Peer { ifindex } => format!("into the peer of interface {ifindex}"),
        Redirect::Neighbour { ifindex, next_hop: Some(hop) } => {
            format!("out of interface {ifindex} to {hop}")
        }
        Redirect::Neighbour { ifindex, next_hop: None } => format!("out of interface {ifindex}, routed"),
        Redirect::Map { map, key, target } => {
            let target = match target {
                MapTarget::Interface(n) => format!("interface {n}"),
                MapTarget::Cpu(n) => format!("CPU {n}"),
                MapTarget::Xsk(n) => format!("AF_XDP socket {n}"),
            };
            format!("{target} ({map}[{key}])")
        }
        Redirect::Broadcast { map, ifindexes, .. } => {
            format!("{} interfaces of {map}", ifindexes.len())
        }
        Redirect::Socket { number, ingress } => format!("{} socket {number}", way(*ingress)),
    }
}
