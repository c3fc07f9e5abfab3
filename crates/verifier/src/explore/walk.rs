//! The walk itself: what is pending, what is next.

use std::collections::HashMap;

use skep_isa::{Insn, Reg as Number};

use super::node::{Access, Marks, Node, NodeId, Step};
use super::watch::Watch;
use crate::Code;
use crate::check::Later;
use crate::program::Input;
use crate::record::Map;
use crate::shape::Shape;
use crate::state::{MapId, Reg, RegKind, State};
use crate::verdict::{Checked, Facts, Stats, reject};

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
    history: Vec<Step>,
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
    /// Its way since the last checkpoint; the last step is the running instruction.
    pub(crate) history: Vec<Step>,
    /// The last checkpoint.
    pub(crate) parent: Option<NodeId>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) free: Vec<NodeId>,
    pub(crate) by_insn: Vec<Vec<NodeId>>,
    /// Paths that ended in a loop being walked: its head, the checkpoint they met, and their way.
    pub(crate) back_edges: Vec<super::visit::BackEdge>,
    pending: Vec<Pending>,
    next_id: u32,
    pub(crate) stats: Stats,
    /// Jumps since the last checkpoint and instructions since then.
    pub(crate) jumps_since: u32,
    pub(crate) insns_since: u32,
    /// Bytes of stack used by each function.
    pub(crate) stack_used: Vec<u32>,
    pub(crate) reached: Vec<bool>,
    /// The kind of memory that each load or store met on other paths, for instructions that Linux rewrites by kind.
    pub(crate) access_sort: HashMap<usize, u8>,
    /// By function: global ones that were called, and those that were checked.
    pub(crate) called_globals: Vec<bool>,
    pub(crate) checked_globals: Vec<bool>,
    /// Whether the walk is of a global function on its own.
    pub(crate) checking_global: bool,
    /// Whether the program names an arena.
    pub(crate) arena: bool,
    /// Functions set to run later, and how many of them were walked.
    pub(crate) later: Vec<Later>,
    pub(crate) later_done: usize,
    /// By function: whether it was set to run later.
    pub(crate) runs_later: Vec<bool>,
    /// Where the loop that was just gone round begins.
    pub(crate) round_at: usize,
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
            history: Vec::new(),
            parent: None,
            nodes: Vec::new(),
            free: Vec::new(),
            by_insn: vec![Vec::new(); count],
            back_edges: Vec::new(),
            pending: Vec::new(),
            next_id: input.host.as_deref().map_or(0, |host| host.lent() as u32),
            stats: Stats::default(),
            jumps_since: 0,
            insns_since: 0,
            stack_used: vec![0; shape.functions.len()],
            reached: vec![false; count],
            access_sort: HashMap::new(),
            called_globals: vec![false; shape.functions.len()],
            checked_globals: vec![false; shape.functions.len()],
            checking_global: false,
            arena: false,
            later: Vec::new(),
            later_done: 0,
            runs_later: vec![false; shape.functions.len()],
            round_at: 0,
            watch: None,
        }
    }

    /// Walks every path from here.
    pub(crate) fn run(&mut self, state: State, at: usize) -> Checked {
        (self.state, self.at, self.parent) = (state, at, None);
        self.history.clear();
        self.nodes.clear();
        self.free.clear();
        self.back_edges.clear();
        self.by_insn.iter_mut().for_each(Vec::clear);
        (self.jumps_since, self.insns_since) = (0, 0);
        // Every path has a checkpoint behind it; this one is met by none, for nothing was done since.
        self.checkpoint();
        self.by_insn[at].clear();
        self.tell(|watch, walk| watch.begins(walk));
        loop {
            self.path()?;
            self.finish_path();
            let Some(pending) = self.pending.pop() else { return Ok(()) };
            (self.state, self.at, self.history, self.parent) =
                (pending.state, pending.at, pending.history, pending.parent);
            self.tell(|watch, walk| watch.resumes(walk, pending.tag));
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
                Next::At(at) => self.at = at,
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
        if self.shape.prune[self.at] && self.visit()? {
            self.tell(|watch, walk| watch.covered(walk));
            return Ok(Next::End);
        }
        let Some(insn) = self.shape.insns.get(self.at).copied().flatten() else {
            return reject(Code::BadJump, self.at, None, "control leaves the program");
        };
        self.reached[self.at] = true;
        self.insns_since += 1;
        self.history.push(Step {
            at: self.at as u32,
            depth: self.state.depth() as u8,
            opaque: false,
            access: None,
            linked: None,
        });
        if insn.jump_offset().is_some() || matches!(insn, Insn::Call(_) | Insn::Exit) {
            self.jumps_since += 1;
        }
        if self.watch.is_none() {
            return self.check(&insn);
        }
        self.tell(|watch, walk| watch.step(walk));
        let next = self.check(&insn)?;
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
        self.pending.push(Pending { state, at, history: self.history.clone(), parent: self.parent, tag });
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

    /// The running step, for what the way back has to know.
    pub(crate) fn note_access(&mut self, frame: u8, slot: usize) {
        if let Some(step) = self.history.last_mut() {
            step.access = Some(Access { frame, slot: slot as u8 });
        }
    }

    /// The running step cannot be followed backwards.
    pub(crate) fn note_opaque(&mut self) {
        if let Some(step) = self.history.last_mut() {
            step.opaque = true;
        }
    }

    /// The map of this number.
    pub(crate) fn map(&self, id: MapId) -> &'a Map<'a> {
        &self.maps[id.0 as usize]
    }

    /// Makes a checkpoint of the path here.
    pub(crate) fn checkpoint(&mut self) {
        let frames = self.state.frames.len();
        let node = Node {
            at: self.at,
            state: self.state.clone(),
            parent: self.parent,
            history: std::mem::take(&mut self.history),
            branches: 1,
            marks: vec![Marks::default(); frames],
            all_marked: false,
            incomplete: None,
            hits: 0,
            misses: 0,
        };
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
        self.by_insn[self.at].push(id);
        self.parent = Some(id);
        (self.jumps_since, self.insns_since) = (0, 0);
        self.stats.states += 1;
        self.stats.peak_states = self.stats.peak_states.max((self.nodes.len() - self.free.len()) as u64);
    }

    /// The facts found.
    pub(crate) fn facts(&self) -> Facts {
        Facts { reached: self.reached.clone(), stack_depth: self.stack_used.clone() }
    }
}
