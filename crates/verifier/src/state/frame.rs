//! Frames, and the state of a path as a whole.
//!
//! A field that is added here has to say what it means when two states are compared: `explore::equal` takes these structures
//! apart field by field and does not compile until it does.

use std::rc::Rc;

use skep_isa::Reg as Number;

use super::reg::{Reg, RegKind};
use super::stack::Stack;

/// One call in progress.
#[derive(Clone, Debug)]
pub struct Frame {
    /// r0 to r10. Shared until written.
    regs: Rc<[Reg; Number::COUNT]>,
    /// Its stack.
    pub stack: Stack,
    /// The slot of the call that made it; the program's entry for the first.
    pub call_site: usize,
    /// The function, by its number.
    pub function: usize,
    /// Why it runs.
    pub kind: FrameKind,
    /// For callbacks, how many iterations were begun at this call. A state covers those with as many or more.
    pub callback_depth: u32,
    /// The chain of calls that led here, by its number in the walk; `u32::MAX` until somebody asks.
    pub(crate) instance: u32,
}

/// Why a frame runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The program's entry or a plain call.
    Call,
    /// A function that a helper calls before it returns; what it may return is from 0 to this.
    Callback {
        /// The greatest return value.
        max_return: u64,
    },
    /// A function that is called later, from elsewhere.
    Async {
        /// Whether it may return anything, not 0 only.
        any_return: bool,
        /// Whether it may sleep, whatever the program may.
        sleepable: bool,
    },
}

/// A reference or lock that the path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Names it.
    pub id: u32,
    /// The slot where it was acquired.
    pub at: usize,
    /// The lock that it is, if it is one.
    pub lock: Option<Lock>,
}

/// A lock that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// How it was taken.
    pub kind: LockKind,
    /// The map value or object that it lies in.
    pub of: (RegKind, u32),
}

/// How a lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// `bpf_spin_lock`: the only one held.
    Spin,
    /// `bpf_res_spin_lock`
    Resilient,
    /// `bpf_res_spin_lock_irqsave`
    ResilientIrq,
}

impl Held {
    /// A reference acquired at a slot.
    pub const fn reference(id: u32, at: usize) -> Held {
        Held { id, at, lock: None }
    }
}

/// What is known at one point of one path.
#[derive(Clone, Debug)]
pub struct State {
    /// The frames, the entry's first.
    pub frames: Vec<Frame>,
    /// References and locks held, in the order of their acquisition.
    pub held: Vec<Held>,
    /// Nesting of RCU read sections.
    pub rcu: u32,
    /// Nesting of sections without preemption.
    pub preempt: u32,
    /// Nesting of sections without interrupts, innermost id last.
    pub irq: Vec<u32>,
    /// Iterations of `may_goto` begun.
    pub may_goto_depth: u32,
    /// Bytes that are surely in each region of lent memory (see [`crate::host`]). A checkpoint covers a path that knows as much
    /// or more.
    pub lengths: Vec<u64>,
    /// Whether the path is one that only a mispredicting processor takes.
    pub speculative: bool,
}

impl Frame {
    /// A frame with nothing in it but its frame pointer.
    pub fn new(depth: u8, function: usize, call_site: usize, kind: FrameKind) -> Frame {
        let mut regs = [Reg::UNINIT; Number::COUNT];
        regs[Number::R10.index()] = Reg::pointer(RegKind::Stack(depth));
        Frame {
            regs: Rc::new(regs),
            stack: Stack::default(),
            call_site,
            function,
            kind,
            callback_depth: 0,
            instance: u32::MAX,
        }
    }

    /// A register.
    pub fn reg(&self, number: Number) -> &Reg {
        &self.regs[number.index()]
    }

    /// A register, to be written.
    pub fn reg_mut(&mut self, number: Number) -> &mut Reg {
        &mut Rc::make_mut(&mut self.regs)[number.index()]
    }

    /// All registers.
    pub fn regs(&self) -> &[Reg; Number::COUNT] {
        &self.regs
    }

    /// All registers, to be written.
    pub fn regs_mut(&mut self) -> &mut [Reg; Number::COUNT] {
        Rc::make_mut(&mut self.regs)
    }
}

impl State {
    /// At the entry of `function`, with nothing known.
    pub fn new(function: usize, entry: usize) -> State {
        State {
            frames: vec![Frame::new(0, function, entry, FrameKind::Call)],
            held: Vec::new(),
            rcu: 0,
            preempt: 0,
            irq: Vec::new(),
            may_goto_depth: 0,
            lengths: Vec::new(),
            speculative: false,
        }
    }

    /// How many calls deep; 0 for the entry.
    pub fn depth(&self) -> usize {
        self.frames.len() - 1
    }

    /// The running frame.
    pub fn frame(&self) -> &Frame {
        &self.frames[self.frames.len() - 1]
    }

    /// The running frame, to be written.
    pub fn frame_mut(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// A register of the running frame.
    pub fn reg(&self, number: Number) -> &Reg {
        self.frame().reg(number)
    }

    /// A register of the running frame, to be written.
    pub fn reg_mut(&mut self, number: Number) -> &mut Reg {
        self.frame_mut().reg_mut(number)
    }

    /// Applies a change to every register and every spilled register of every frame.
    ///
    /// Copies what is shared with other states; where only few are concerned, [`State::each_reg_if`] copies less.
    pub fn each_reg(&mut self, change: impl FnMut(&mut Reg)) {
        self.each_reg_if(|_| true, change);
    }

    /// Applies a change to the registers and spilled registers of all frames that `wanted` picks, the outermost frame's first.
    pub fn each_reg_if(&mut self, wanted: impl Fn(&Reg) -> bool, mut change: impl FnMut(&mut Reg)) {
        for frame in &mut self.frames {
            for index in 0..Number::COUNT {
                if wanted(&frame.regs[index]) {
                    change(&mut Rc::make_mut(&mut frame.regs)[index]);
                }
            }
            frame.stack.change_spilled(&wanted, &mut change);
        }
    }

    /// Whether any register or spilled register of any frame is so.
    pub fn any_reg(&self, mut test: impl FnMut(&Reg) -> bool) -> bool {
        self.frames.iter().any(|frame| {
            frame.regs().iter().any(&mut test)
                || frame.stack.slots().any(|slot| slot.is_spill() && test(&slot.spilled))
        })
    }

    /// The lock held, if any.
    pub fn lock(&self) -> Option<&Held> {
        self.held.iter().rev().find(|held| held.lock.is_some())
    }
}
