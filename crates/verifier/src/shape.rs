//! The shape of a program, before any value is looked at: instructions, functions, where control can go.
//!
//! Everything later rests on what is checked here: every slot is the start of an instruction or its second half, every
//! jump lands on an instruction of its own function, every instruction is reached, no function runs past its end.

use std::collections::HashMap;

use skep_isa::{Call, Insn};
use skep_platform::kfunc::Flag;
use skep_platform::rule;

use crate::check::kfunc::{Found, Kfuncs};
use crate::encoding::{Decoded, decoded};
use crate::program::Input;
use crate::verdict::{Checked, reject};
use crate::{Code, analysis};

/// Most slots of a privileged program.
pub(crate) const MAX_INSNS: usize = 1_000_000;
/// Most slots of an unprivileged one.
const MAX_INSNS_UNPRIVILEGED: usize = 4096;
/// Most functions.
const MAX_FUNCTIONS: usize = 256;

/// A function: slots `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether only calls reach it, so that its callers' values are known in it.
    pub(crate) called: bool,
    /// Whether it has a tail call.
    pub(crate) tail_calls: bool,
}

/// A program whose shape is sound.
#[derive(Debug)]
pub(crate) struct Shape {
    /// One entry a slot; second halves are `None`.
    pub(crate) insns: Vec<Option<Insn>>,
    /// By rising start.
    pub(crate) functions: Vec<Function>,
    /// Per slot: whether paths may be compared here.
    pub(crate) prune: Vec<bool>,
    /// Per slot: whether a checkpoint is made each time.
    pub(crate) checkpoint: Vec<bool>,
    /// Per slot: whether control may come here from elsewhere than the slot before.
    pub(crate) jump: Vec<bool>,
    /// Per slot: the registers whose values matter from here on.
    pub(crate) live: Vec<u16>,
    /// What is wrong with an instruction, noticed when a path comes to it.
    pub(crate) wrong: HashMap<usize, String>,
    /// The kernel functions that it calls.
    pub(crate) kfuncs: Kfuncs,
    /// First slot of the function that catches exceptions.
    pub(crate) catcher: Option<usize>,
    /// Per function: what it may do to its caller.
    pub(crate) summaries: Vec<analysis::Summary>,
    /// Per slot: the number of the loops that it is on together with others; 0 for none.
    pub(crate) component: Vec<u32>,
    pub(crate) has_loops: bool,
}

impl Shape {
    /// Checks the shape.
    pub(crate) fn of(input: &Input) -> Checked<Shape> {
        let count = input.insns.len();
        let limit = if input.unprivileged { MAX_INSNS_UNPRIVILEGED } else { MAX_INSNS };
        if count == 0 || count > limit {
            return reject(Code::TooLong, 0, None, format!("{count} instructions; 1 to {limit} are allowed"));
        }
        let Decoded { insns, wrong } = decoded(input)?;
        if input.unprivileged {
            check_plain(&insns)?;
        }
        let catcher = analysis::catcher(input)?;
        let functions = functions(&insns, catcher)?;
        if !rule::TAIL_CALLS_WITH_FUNCTIONS.holds(input.release) && functions.len() > 1 {
            check_no_tail_call(&insns)?;
        }
        let kfuncs = Kfuncs::of(input, &insns);
        check_named(input, &insns, &kfuncs)?;
        let mut shape = Shape {
            insns,
            functions,
            prune: vec![false; count],
            checkpoint: vec![false; count],
            jump: vec![false; count],
            live: Vec::new(),
            wrong,
            kfuncs,
            catcher,
            summaries: Vec::new(),
            component: Vec::new(),
            has_loops: false,
        };
        shape.check_jumps()?;
        shape.summaries = analysis::summaries(&shape);
        analysis::check_early_ends(input, &shape)?;
        shape.check_reach(input.unprivileged)?;
        shape.mark_points();
        shape.live = analysis::live_registers(&shape);
        shape.component = analysis::components(&shape);
        shape.has_loops = shape.component.iter().any(|&component| component != 0);
        Ok(shape)
    }

    /// The function that starts at a slot.
    pub(crate) fn function_from(&self, start: usize) -> Option<usize> {
        self.functions.binary_search_by_key(&start, |function| function.start).ok()
    }

    /// The slot after an instruction.
    pub(crate) fn next(&self, at: usize) -> usize {
        at + self.insns[at].map_or(1, |insn| insn.slots())
    }

    /// Where control can go from an instruction within its function.
    pub(crate) fn successors(&self, at: usize) -> [Option<usize>; 2] {
        let Some(insn) = self.insns[at] else { return [None, None] };
        let next = (!insn.is_terminator()).then(|| self.next(at));
        [next, insn.jump_target(at)]
    }

    fn check_jumps(&self) -> Checked {
        for function in &self.functions {
            for at in function.start..function.end {
                let Some(insn) = self.insns[at] else { continue };
                let Some(_) = insn.jump_offset() else { continue };
                let inside = |target: &usize| {
                    (function.start..function.end).contains(target) && self.insns[*target].is_some()
                };
                if insn.jump_target(at).filter(inside).is_none() {
                    return reject(
                        Code::BadJump,
                        at,
                        None,
                        "the jump leaves its function or lands inside an instruction",
                    );
                }
            }
            let last = (function.start..function.end).rev().find_map(|at| Some((at, self.insns[at]?)));
            if let Some((at, insn)) = last
                && !insn.is_terminator()
            {
                return reject(Code::FallsOff, at, None, "the last instruction is neither exit nor a jump");
            }
        }
        Ok(())
    }

    /// Every instruction is reached from the entry; depth first, so that back edges are seen.
    fn check_reach(&self, unprivileged: bool) -> Checked {
        const NEW: u8 = 0;
        const OPEN: u8 = 1;
        const DONE: u8 = 2;
        let mut color = vec![NEW; self.insns.len()];
        let mut stack: Vec<(usize, u8)> = vec![(0, 0)];
        color[0] = OPEN;
        if let Some(catcher) = self.catcher {
            // Nothing calls it; it is first, so that the walk from the entry follows it up.
            stack.insert(0, (catcher, 0));
            color[catcher] = OPEN;
        }
        while let Some((at, edge)) = stack.last_mut() {
            let (from, number) = (*at, *edge);
            *edge += 1;
            let [next, jump] = self.successors(from);
            let call = self.insns[from].and_then(|insn| insn.call_target(from));
            let target = match number {
                0 => next,
                1 => jump,
                2 => call,
                _ => {
                    color[from] = DONE;
                    stack.pop();
                    continue;
                }
            };
            let Some(target) = target else { continue };
            match color[target] {
                NEW => {
                    color[target] = OPEN;
                    stack.push((target, 0));
                }
                OPEN if unprivileged && number < 2 => {
                    return reject(Code::BackEdge, from, None, format!("a jump back to {target}"));
                }
                _ => {}
            }
        }
        let dead = (0..color.len()).find(|&at| color[at] == NEW && self.insns[at].is_some());
        match dead {
            Some(at) => reject(Code::Unreachable, at, None, "no path reaches this instruction"),
            None => Ok(()),
        }
    }

    /// Whether the instruction calls functions of the program before it is done.
    pub(crate) fn calls_back(&self, at: usize) -> bool {
        match self.insns[at] {
            Some(Insn::Call(Call::Helper(id))) => analysis::calls_back(id),
            Some(Insn::Call(Call::Kfunc { .. })) => {
                self.kfuncs.proto(at).is_some_and(|proto| proto.calls_back())
            }
            _ => false,
        }
    }

    /// Where paths meet or part.
    fn mark_points(&mut self) {
        for at in 0..self.insns.len() {
            let Some(insn) = self.insns[at] else { continue };
            if let Some(target) = insn.jump_target(at) {
                self.meet(target);
                self.prune[at] |= !matches!(insn, Insn::Jump { .. });
            }
            if matches!(insn, Insn::MayGoto { .. }) {
                self.checkpoint[at] = true;
            }
            let round = self.kfuncs.proto(at).is_some_and(|proto| proto.has(Flag::IterNext));
            if round {
                (self.prune[at], self.checkpoint[at]) = (true, true);
            }
            if self.calls_back(at) {
                self.meet(at);
                self.checkpoint[at] = true;
            }
            if let Some(target) = insn.call_target(at) {
                self.prune[at] = true;
                self.meet(target);
            }
            // Behind every call, for a function comes back there.
            if matches!(insn, Insn::Call(_)) || insn.call_target(at).is_some() {
                self.meet(self.next(at));
            }
        }
    }

    /// Paths may come to this slot from elsewhere than the one before.
    fn meet(&mut self, at: usize) {
        if at < self.insns.len() {
            (self.prune[at], self.jump[at]) = (true, true);
        }
    }
}

/// Programs of several functions could not have tail calls once.
fn check_no_tail_call(insns: &[Option<Insn>]) -> Checked {
    let tail_call = Some(Insn::Call(Call::Helper(analysis::TAIL_CALL)));
    match insns.iter().position(|insn| *insn == tail_call) {
        Some(at) => {
            let since = rule::TAIL_CALLS_WITH_FUNCTIONS.since;
            let message = format!("tail calls and functions go together only since Linux {since}");
            reject(Code::BadFunction, at, None, message)
        }
        None => Ok(()),
    }
}

/// Kernel functions that are called by number exist, reached or not.
fn check_named(input: &Input, insns: &[Option<Insn>], kfuncs: &Kfuncs) -> Checked {
    for (at, insn) in insns.iter().enumerate() {
        let Some(Insn::Call(Call::Kfunc { module, .. })) = *insn else { continue };
        let named = input.symbols.iter().any(|symbol| symbol.at == at);
        let nothing = matches!(kfuncs.at(at), Some(Found::None(name)) if name.is_empty());
        if !named && (nothing || module != 0) {
            return reject(Code::BadKfunc, at, None, "the number of a kernel function that does not exist");
        }
    }
    Ok(())
}

/// Unprivileged programs are one function, reached or not, and call helpers only.
fn check_plain(insns: &[Option<Insn>]) -> Checked {
    let other = |insn: &Option<Insn>| {
        insn.is_some_and(|insn| {
            insn.call_offset().is_some() || matches!(insn, Insn::Call(Call::Kfunc { .. }))
        })
    };
    match insns.iter().position(other) {
        Some(at) => {
            reject(Code::BadFunction, at, None, "functions and kernel functions are for the privileged")
        }
        None => Ok(()),
    }
}

fn functions(insns: &[Option<Insn>], catcher: Option<usize>) -> Checked<Vec<Function>> {
    let mut starts = vec![(0, true)];
    if let Some(catcher) = catcher {
        if !insns.get(catcher).is_some_and(Option::is_some) {
            return reject(
                Code::BadJump,
                0,
                None,
                "the function that catches exceptions is not in the program",
            );
        }
        starts.push((catcher, false));
    }
    for (at, insn) in insns.iter().enumerate().filter_map(|(at, insn)| Some((at, (*insn)?))) {
        if insn.call_offset().is_none() {
            continue;
        }
        let target = insn.call_target(at).filter(|&target| insns.get(target).is_some_and(Option::is_some));
        let Some(target) = target else {
            return reject(Code::BadJump, at, None, "the function called is not in the program");
        };
        starts.push((target, matches!(insn, Insn::Call(_))));
    }
    starts.sort_unstable();
    let mut functions: Vec<Function> = Vec::new();
    for (start, called) in starts {
        match functions.last_mut() {
            Some(last) if last.start == start => last.called |= called,
            _ => functions.push(Function { start, end: insns.len(), called, tail_calls: false }),
        }
    }
    if functions.len() > MAX_FUNCTIONS {
        return reject(Code::BadProgram, 0, None, format!("more than {MAX_FUNCTIONS} functions"));
    }
    for index in 0..functions.len() {
        let end = functions.get(index + 1).map_or(insns.len(), |next| next.start);
        functions[index].end = end;
        let body = &insns[functions[index].start..end];
        functions[index].tail_calls =
            body.iter().any(|insn| matches!(insn, Some(Insn::Call(Call::Helper(analysis::TAIL_CALL)))));
    }
    Ok(functions)
}
