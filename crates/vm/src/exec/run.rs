//! One run of a program, as helpers see it.

use std::any::Any;
use std::ptr::NonNull;

use skep_isa::decode;
use skep_maps::{Guard, Map};

use super::life::Resource;
use super::machine::{CALLER_SAVED, Machine};
use crate::code::Op;
use crate::context::{Context, Lent};
use crate::fault::{Access, Fault, FaultKind, Report};
use crate::helper::state::HelperState;
use crate::program::{Inner, Program};
use crate::prov::{Kind, Life, Perm, Prov, Reg};
use crate::runtime::{SPARE, Strictness};

/// A program in the middle of being run. Helpers get it to reach the context, maps and memory, and to make faults.
pub struct Run<'c> {
    /// Taken from the thread and given back at the end; reached only through this pointer.
    pub(super) machine: NonNull<Machine>,
    /// Ops of the program that runs now.
    pub(super) ops: *const Op,
    /// The machine's table of generations; refreshed whenever something is acquired.
    pub(super) lives: *const u32,
    /// Or-ed to the tag of each stack slot that is read: makes all of them leave the loop under strictness.
    pub(super) special_tags: u16,
    pub(super) strict: bool,
    /// The program the run began with.
    pub(super) first: &'c Program,
    /// Programs reached by tail calls, kept alive until the end.
    pub(super) more: Vec<Program>,
    /// Which one runs now: 0 is `first`.
    pub(super) current: u32,
    /// Maps beyond those of `first`.
    pub(super) more_maps: Vec<Map>,
    pub(crate) context: &'c mut dyn Context,
    pub(crate) guard: Guard,
    /// Frames of `execute` below this one: how deep callbacks are nested.
    pub(super) nested: u32,
    pub(super) tail_calls: u32,
    /// Set when the program threw: the value it threw.
    pub(crate) thrown: Option<u64>,
    /// What helpers remember during a run.
    pub(crate) state: HelperState,
    /// Who is shown every step, if anybody.
    pub(super) watch: Option<&'c mut super::moment::Observer<'c>>,
}

impl<'c> Run<'c> {
    pub(super) fn new(program: &'c Program, context: &'c mut dyn Context, guard: Guard) -> Self {
        let options = program.0.runtime.options();
        let strict = options.strictness == Strictness::Strict;
        let mut run = Self {
            machine: Machine::take(),
            ops: program.0.ops.as_ptr(),
            lives: std::ptr::null(),
            special_tags: if strict { super::machine::OBJECT } else { 0 },
            strict,
            first: program,
            more: Vec::new(),
            current: 0,
            more_maps: Vec::new(),
            context,
            guard,
            nested: 0,
            tail_calls: 0,
            thrown: None,
            state: HelperState::default(),
            watch: None,
        };
        run.m().spare = if options.strictness == Strictness::Runtime { SPARE as u32 } else { 0 };
        run.m().budget = i64::try_from(options.budget).unwrap_or(i64::MAX);
        run.lives = run.m().lives.table();
        run
    }

    /// The machine. The borrow must end before anything else of the run is used that reaches it.
    #[inline]
    pub(crate) fn m(&mut self) -> &mut Machine {
        // SAFETY: the machine is this run's alone, and `&mut self` keeps a second borrow away.
        unsafe { self.machine.as_mut() }
    }

    #[inline]
    pub(crate) fn m_ref(&self) -> &Machine {
        // SAFETY: as above, shared.
        unsafe { self.machine.as_ref() }
    }

    /// The program that runs now.
    pub(crate) fn program(&self) -> &Inner {
        match self.current {
            0 => &self.first.0,
            n => &self.more[n as usize - 1].0,
        }
    }

    /// The handle of the program that runs now.
    pub(crate) fn program_handle(&self) -> &Program {
        match self.current {
            0 => self.first,
            n => &self.more[n as usize - 1],
        }
    }

    /// How many programs the run has entered by tail calls.
    #[inline]
    pub(crate) fn programs(&self) -> usize {
        self.more.len()
    }

    /// What was spent of the budget so far.
    pub(super) fn spent(&self) -> u64 {
        let budget = self.first.0.runtime.options().budget.min(i64::MAX as u64) as i64;
        budget.saturating_sub(self.m_ref().budget) as u64
    }

    /// The context as the concrete type that the hook's own helpers know.
    pub fn context_as<T: Any>(&mut self) -> Option<&mut T> {
        self.context.as_any()?.downcast_mut()
    }

    /// The context, whatever it is.
    pub fn context(&mut self) -> &mut dyn Context {
        self.context
    }

    /// The guard that keeps map values in place during the run.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The runtime of the program the run began with.
    pub fn runtime(&self) -> &crate::Runtime {
        &self.first.0.runtime
    }

    /// The map behind a checked map argument.
    pub fn map(&self, reg: &Reg) -> Option<&Map> {
        match reg.prov.kind {
            Kind::Map | Kind::MapValue | Kind::MapKey => self.map_at(reg.prov.index),
            _ => None,
        }
    }

    pub(crate) fn map_at(&self, number: u16) -> Option<&Map> {
        let own = &self.first.0.maps;
        let number = usize::from(number);
        own.get(number).or_else(|| self.more_maps.get(number.checked_sub(own.len())?))
    }

    /// All pointers into the packet are void from now on: the context has moved or resized it.
    pub fn packet_changed(&mut self) {
        self.m().lives.packet_moved();
    }

    /// Registers an object that the program now holds. If `owned`, it must release it before it exits, else
    /// `undo` runs and the run is at fault; an object with a `parent` dies with it.
    pub(crate) fn acquire(
        &mut self,
        what: &'static str,
        owned: bool,
        parent: Life,
        undo: Option<super::life::Undo>,
    ) -> Life {
        let at = self.at();
        let life = self.m().lives.acquire(Resource { what, at, owned, parent, undo });
        self.lives = self.m().lives.table();
        life
    }

    /// A read-only object that the program must release: a socket, laid out as `struct bpf_sock`.
    ///
    /// # Safety
    /// `lent`'s memory stays valid until the run is over.
    pub unsafe fn acquire_socket(&mut self, lent: Lent) -> Reg {
        let life = self.acquire("socket", true, Life::RUN, None);
        let mut reg = self.lent(Kind::Socket, lent);
        reg.prov.life = life;
        reg
    }

    /// Releases what a register refers to. `false` if it is not held.
    pub fn release(&mut self, reg: &Reg) -> bool {
        self.m().lives.release(reg.prov.life).is_some()
    }

    /// A pointer to memory of the engine that lives as long as the run.
    ///
    /// # Safety
    /// `lent`'s memory stays valid until the run is over.
    pub unsafe fn memory(&self, kind: Kind, lent: Lent) -> Reg {
        self.lent(kind, lent)
    }

    /// The context pointer as `r1` has it at entry.
    pub(crate) fn context_reg(&mut self) -> Reg {
        let val = match self.context.memory() {
            Some(lent) => lent.ptr as u64,
            // Any number but 0 that no other object has: where the answering object is.
            None => std::ptr::from_ref::<dyn Context>(self.context).cast::<u8>() as u64,
        };
        let prov = Prov { base: val, kind: Kind::Context, perm: Perm(Perm::SPECIAL), ..Prov::SCALAR };
        Reg { val, prov }
    }

    /// Slot of the instruction being executed.
    pub(crate) fn at(&self) -> usize {
        self.m_ref().pc.saturating_sub(1)
    }

    /// A fault at the current instruction.
    #[cold]
    pub fn fault(&self, kind: FaultKind, message: impl Into<String>) -> Fault {
        self.fault_at(kind, message.into(), None)
    }

    #[cold]
    pub(super) fn fault_at(&self, kind: FaultKind, message: String, access: Option<Access>) -> Fault {
        let program = self.program();
        let at = self.at();
        let insn = decode(&program.insns, at).map_or_else(|_| "?".to_owned(), |insn| insn.to_string());
        Fault::new(Report {
            kind,
            message,
            program: program.name.clone(),
            function: program.function(at).name.clone(),
            at,
            insn,
            access,
            registers: std::array::from_fn(|n| self.m_ref().reg(n)),
        })
    }

    /// What a call leaves of r1 to r5: nothing.
    #[inline]
    pub(crate) fn clobber(&mut self) {
        let m = self.m();
        m.tagged |= CALLER_SAVED;
        m.uninit |= CALLER_SAVED;
    }

    /// Faults if something is held that must not be at this point.
    pub(crate) fn check_nothing_held(&self, when: &str) -> Result<(), Fault> {
        if let Some(held) = self.state.held() {
            return Err(self.fault(FaultKind::Locking, format!("{held} is still held {when}")));
        }
        if self.m_ref().lives.owned == 0 {
            return Ok(());
        }
        match self.m_ref().lives.leaked() {
            Some(r) => {
                let message = format!("the {} acquired at insn {} is not released {when}", r.what, r.at);
                Err(self.fault(FaultKind::Leak, message))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.state.let_go();
        self.m().lives.clear();
        crate::kptr::empty_graveyard(&self.guard);
        // SAFETY: it came from `take`, and the run is over.
        unsafe { Machine::give_back(self.machine) };
    }
}
