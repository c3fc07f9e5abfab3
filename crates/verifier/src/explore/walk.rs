//! The walk itself: what is pending, what is next.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use skep_btf::TypeId;
use skep_isa::{Insn, Reg as Number};

use super::equal::Names;
use super::node::{Access, Linked, NOWHERE, Node, NodeId, Step};
use super::reads::{Reads, slots_between};
use super::rounds::Round;
use super::watch::Watch;
use crate::Code;
use crate::check::{Later, Speculation};
use crate::facts::Facts;
use crate::kernel::Target;
use crate::program::Input;
use crate::record::{Map, Record};
use crate::shape::Shape;
use crate::state::{MapId, Reg, RegKind, State};
use crate::verdict::{Checked, Stats, reject};

/// Most instructions processed over all paths.
const MAX_PROCESSED: u64 = 1_000_000;
/// Most branches that may wait.
const MAX_PENDING: usize = 8192;

/// What follows an instruction.
pub(crate) enum Next {
    /// This slot.
    At(usize),
    /// Nothing: the path ends.
    End,
}

/// A branch that waits.
struct Pending {
    state: State,
    at: usize,
    prev: u32,
    history: Vec<Step>,
    first: u32,
    parent: Option<NodeId>,
    /// The observer's.
    tag: u32,
}

/// Everything that the walk knows.
pub(crate) struct Walk<'a> {
    pub(crate) input: &'a Input,
    pub(crate) shape: &'a Shape,
    /// Maps named by the program, then the templates in them.
    pub(crate) maps: &'a [Map<'a>],
    /// The path being followed.
    pub(crate) state: State,
    /// Its instruction.
    pub(crate) at: usize,
    /// The instruction before it on the path.
    pub(crate) prev: u32,
    /// What is noted of its way since the last checkpoint.
    pub(crate) history: Vec<Step>,
    /// Where that way begins.
    pub(crate) first: u32,
    /// Whether the last step noted is that of the running instruction.
    noted: bool,
    /// The last checkpoint.
    pub(crate) parent: Option<NodeId>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) free: Vec<NodeId>,
    pub(crate) by_insn: Vec<Vec<NodeId>>,
    /// Loops that end because another round shows nothing new, and which of them is that of a call chain and component.
    pub(crate) rounds: Vec<Round>,
    pub(crate) round_of: HashMap<(u32, u32), u32>,
    /// How many paths wait in them.
    pub(crate) waiting: usize,
    /// Which stack slots are read.
    pub(crate) reads: Reads,
    /// The slot that the running store filled, by frame.
    pub(crate) killed: Option<(usize, usize)>,
    pub(crate) names: Names,
    pending: Vec<Pending>,
    next_id: u32,
    /// What guards against mispredicting processors.
    pub(crate) speculation: Speculation,
    pub(crate) stats: Stats,
    /// Jumps processed, and how many jumps and instructions had been at the last checkpoint.
    pub(crate) jumps: u64,
    pub(crate) jumps_before: u64,
    pub(crate) processed_before: u64,
    /// Bytes of stack used by each function.
    pub(crate) stack_used: Vec<u32>,
    /// What the proof finds on its way.
    pub(crate) facts: Facts,
    /// The kind of memory that each load or store met on other paths, for instructions that Linux rewrites by kind.
    pub(crate) access_sort: HashMap<usize, u8>,
    /// By function: global ones that were called, and those that were checked.
    pub(crate) called_globals: Vec<bool>,
    pub(crate) checked_globals: Vec<bool>,
    /// Whether the walk is of a global function on its own.
    pub(crate) checking_global: bool,
    /// The managed fields of the program's own types, as far as they were asked for.
    pub(crate) objects: RefCell<HashMap<TypeId, Rc<Record>>>,
    /// Whether the program names an arena.
    pub(crate) arena: bool,
    /// Functions set to run later, and how many of them were walked.
    pub(crate) later: Vec<Later>,
    pub(crate) later_done: usize,
    /// By function: whether it was set to run later.
    pub(crate) runs_later: Vec<bool>,
    /// What the program is for, where its type says that.
    pub(crate) target: Option<Target>,
    /// Arguments that carry references, by number, and those references.
    pub(crate) carried: Vec<(usize, u32)>,
    /// By function: those that something calls back.
    pub(crate) callbacks: Vec<bool>,
    /// Who looks on, if anybody does.
    pub(crate) watch: Option<&'a mut dyn Watch>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(input: &'a Input, shape: &'a Shape, maps: &'a [Map<'a>]) -> Self {
        let count = shape.insns.len();
        Walk {
            input,
            shape,
            maps,
            state: State::new(0, 0),
            at: 0,
            prev: NOWHERE,
            history: Vec::new(),
            first: 0,
            noted: false,
            parent: None,
            nodes: Vec::new(),
            free: Vec::new(),
            by_insn: vec![Vec::new(); count],
            rounds: Vec::new(),
            round_of: HashMap::new(),
            waiting: 0,
            reads: Reads::new(count),
            killed: None,
            names: Names::default(),
            pending: Vec::new(),
            next_id: input.host.as_deref().map_or(0, |host| host.lent() as u32),
            speculation: Speculation::default(),
            stats: Stats::default(),
            jumps: 0,
            jumps_before: 0,
            processed_before: 0,
            stack_used: vec![0; shape.functions.len()],
            facts: Facts::new(count),
            access_sort: HashMap::new(),
            called_globals: vec![false; shape.functions.len()],
            checked_globals: vec![false; shape.functions.len()],
            checking_global: false,
            objects: RefCell::default(),
            arena: false,
            later: Vec::new(),
            later_done: 0,
            runs_later: vec![false; shape.functions.len()],
            target: None,
            carried: Vec::new(),
            callbacks: vec![false; shape.functions.len()],
            watch: None,
        }
    }

    /// Walks every path from here.
    pub(crate) fn run(&mut self, state: State, at: usize) -> Checked {
        (self.state, self.at, self.parent) = (state, at, None);
        (self.prev, self.first) = (NOWHERE, at as u32);
        self.history.clear();
        self.nodes.clear();
        self.free.clear();
        self.rounds.clear();
        self.round_of.clear();
        self.waiting = 0;
        self.by_insn.iter_mut().for_each(Vec::clear);
        self.tell(|watch, walk| watch.begins(walk));
        loop {
            self.path()?;
            self.finish_path();
            let Some(pending) = self.pending.pop() else { return Ok(()) };
            let Pending { state, at, prev, history, first, parent, tag } = pending;
            (self.state, self.at, self.prev) = (state, at, prev);
            (self.history, self.first, self.parent) = (history, first, parent);
            self.tell(|watch, walk| watch.resumes(walk, tag));
        }
    }

    /// Follows one path to its end.
    fn path(&mut self) -> Checked {
        loop {
            let next = match self.turn() {
                Err(stop) if self.watch.is_some() => {
                    self.tell(|watch, walk| watch.fails(walk, stop)).unwrap_or(Ok(Next::End))?
                }
                other => other?,
            };
            match next {
                Next::At(at) => {
                    self.prev = self.at as u32;
                    self.at = at;
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// Runs one instruction.
    fn turn(&mut self) -> Checked<Next> {
        self.stats.processed += 1;
        if self.stats.processed > MAX_PROCESSED {
            return reject(
                Code::TooComplex,
                self.at,
                None,
                format!("more than {MAX_PROCESSED} instructions processed"),
            );
        }
        self.noted = false;
        let covers = self.watch.as_ref().is_none_or(|watch| watch.covers());
        if covers && self.shape.prune.get(self.at) == Some(&true) && self.visit()? {
            self.tell(|watch, walk| watch.covered(walk));
            return Ok(Next::End);
        }
        let Some(insn) = self.shape.insns.get(self.at).copied().flatten() else {
            return reject(Code::BadJump, self.at, None, "control leaves the program");
        };
        self.facts.reached[self.at] = true;
        self.note_jump();
        if insn.jump_offset().is_some() || matches!(insn, Insn::Call(_) | Insn::Exit) {
            self.jumps += 1;
        }
        if self.watch.is_none() {
            return self.check_or_bar(&insn);
        }
        self.tell(|watch, walk| watch.step(walk));
        let next = self.check_or_bar(&insn)?;
        self.tell(|watch, walk| watch.stepped(walk, &next));
        Ok(next)
    }

    /// Lets a branch wait.
    pub(crate) fn push(&mut self, state: State, at: usize) -> Checked {
        if self.pending.len() >= MAX_PENDING {
            return reject(
                Code::TooManyBranches,
                self.at,
                None,
                format!("more than {MAX_PENDING} branches wait"),
            );
        }
        if let Some(parent) = self.parent {
            self.nodes[parent].branches += 1;
        }
        let tag = self.tell(|watch, walk| watch.parts(walk, &state, at)).unwrap_or(0);
        self.pending.push(Pending {
            state,
            at,
            prev: self.at as u32,
            history: self.history.clone(),
            first: self.first,
            parent: self.parent,
            tag,
        });
        Ok(())
    }

    /// A name that nothing has yet.
    pub(crate) fn fresh_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// A register that may be read.
    pub(crate) fn read(&self, number: Number) -> Checked<Reg> {
        let reg = *self.state.reg(number);
        if reg.kind == RegKind::Uninit {
            return self.fail_at(
                Code::Uninitialised,
                number,
                format!("r{} has no value here", number.number()),
            );
        }
        Ok(reg)
    }

    /// Writes a register.
    pub(crate) fn write(&mut self, number: Number, value: Reg) -> Checked {
        if number == Number::R10 {
            return self.fail_at(Code::FramePointerWritten, number, "r10 is read-only");
        }
        *self.state.reg_mut(number) = value;
        Ok(())
    }

    /// A rejection at the running instruction.
    pub(crate) fn fail<T>(&self, code: Code, message: impl Into<String>) -> Checked<T> {
        reject(code, self.at, None, message)
    }

    /// A rejection at the running instruction that blames a register.
    pub(crate) fn fail_at<T>(&self, code: Code, number: Number, message: impl Into<String>) -> Checked<T> {
        reject(code, self.at, crate::Place::Register(number), message)
    }

    /// Ends the walk because something is not modelled.
    pub(crate) fn unsupported<T>(&self, reason: impl Into<String>) -> Checked<T> {
        crate::verdict::unsupported(self.at, reason)
    }

    /// The note of the running instruction, for what the way back has to know.
    fn note(&mut self) -> &mut Step {
        if !self.noted {
            self.noted = true;
            self.history.push(Step {
                at: self.at as u32,
                prev: self.prev,
                access: None,
                linked: Linked::default(),
            });
        }
        let last = self.history.len() - 1;
        &mut self.history[last]
    }

    /// Notes that control may have come to the running instruction from elsewhere than the one before it.
    pub(crate) fn note_jump(&mut self) {
        if self.shape.jump[self.at] {
            self.note();
        }
    }

    /// The running instruction moves a register to or from a slot.
    pub(crate) fn note_access(&mut self, frame: u8, slot: usize) {
        self.note().access = Some(Access { frame, slot: slot as u8 });
    }

    /// The running instruction compares one of these numbers, which are tied to each other.
    pub(crate) fn note_ties(&mut self, linked: Linked) {
        self.note().linked = linked;
    }

    /// The running instruction reads the bytes of a frame from `low` up to but not including `end`.
    pub(crate) fn note_read(&mut self, frame: usize, low: i32, end: i32) {
        let instance = self.reads.instance(&mut self.state);
        self.reads.read(self.shape, instance, frame, self.at, slots_between(low, end));
    }

    /// The running instruction is a store: of this whole slot, or of none.
    pub(crate) fn note_stored(&mut self, slot: Option<(usize, usize)>) {
        let slot = slot.map(|(frame, slot)| (self.state.depth().saturating_sub(frame), slot));
        self.reads.stored(self.at, slot);
    }

    /// The map of this number.
    pub(crate) fn map(&self, id: MapId) -> &'a Map<'a> {
        &self.maps[id.0 as usize]
    }

    /// Makes a checkpoint of the path here.
    pub(crate) fn checkpoint(&mut self) {
        let instance = self.reads.instance(&mut self.state);
        let node = Node {
            at: self.at,
            state: self.state.clone(),
            instance,
            parent: self.parent,
            rank: self.parent.map_or(0, |parent| self.nodes[parent].rank + 1),
            history: self.history.as_slice().to_vec(),
            first: self.first,
            last: self.prev,
            branches: 1,
            marks: Vec::new(),
            all_marked: false,
            round: self.round_here(),
            alive: None,
            hits: 0,
            misses: 0,
            evicted: false,
        };
        self.history.clear();
        self.first = self.at as u32;
        let id = match self.free.pop() {
            Some(id) => {
                self.nodes[id] = node;
                id
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        self.enter_round(id);
        self.by_insn[self.at].push(id);
        self.parent = Some(id);
        (self.jumps_before, self.processed_before) = (self.jumps, self.stats.processed);
        self.stats.states += 1;
        self.stats.peak_states = self.stats.peak_states.max((self.nodes.len() - self.free.len()) as u64);
    }

    /// The facts found.
    pub(crate) fn facts(&self) -> Facts {
        let (barriers_before, barriers_behind) = self.speculation.barriers();
        Facts { stack_depth: self.stack_used.clone(), barriers_before, barriers_behind, ..self.facts.clone() }
    }
}
