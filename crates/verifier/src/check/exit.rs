//! The ends of functions and of the program, and where walks begin.

use skep_isa::Reg as Number;
use skep_platform::{AttachType, MapType, ProgramType, rule};

use crate::Code;
use crate::explore::{Next, Walk};
use crate::program::{Input, MapInfo};
use crate::state::{FrameKind, Reg, RegKind, State};
use crate::verdict::{Checked, reject, unsupported};

/// Least and greatest return value.
type Range = (i64, i64);

/// What a program may return, by its type and where it is attached.
fn return_range(input: &Input) -> Option<Range> {
    use AttachType::*;
    if let Some(host) = &input.host {
        return host.returns;
    }
    let attach = input.attach_type;
    match input.program_type {
        ProgramType::CgroupSockAddr => match attach? {
            CgroupUdp4Recvmsg
            | CgroupUdp6Recvmsg
            | CgroupUnixRecvmsg
            | CgroupInet4Getpeername
            | CgroupInet6Getpeername
            | CgroupUnixGetpeername
            | CgroupInet4Getsockname
            | CgroupInet6Getsockname
            | CgroupUnixGetsockname => Some((1, 1)),
            CgroupInet4Bind | CgroupInet6Bind => Some((0, 3)),
            _ => Some((0, 1)),
        },
        ProgramType::CgroupSkb if attach == Some(CgroupInetEgress) => Some((0, 3)),
        ProgramType::CgroupSkb
        | ProgramType::CgroupSock
        | ProgramType::SockOps
        | ProgramType::CgroupDevice
        | ProgramType::CgroupSysctl
        | ProgramType::CgroupSockopt
        | ProgramType::SkLookup
        | ProgramType::Netfilter => Some((0, 1)),
        ProgramType::Kprobe if matches!(attach, Some(TraceKprobeSession | TraceUprobeSession)) => {
            Some((0, 1))
        }
        _ => None,
    }
}

/// Checks what every load is asked: type, flags and privilege.
pub(super) fn general(input: &Input) -> Checked {
    let program = input.program_type;
    if program.since() > input.release {
        return reject(
            Code::BadProgram,
            0,
            None,
            format!("{} programs are newer than this release", program.name()),
        );
    }
    if let Some(unknown) = rule::unknown_flag(input.flags, input.release) {
        let message = match unknown {
            Some(name) => format!("the load flag {name} is newer than this release"),
            None => "unknown load flags".to_owned(),
        };
        return reject(Code::BadProgram, 0, None, message);
    }
    if program == ProgramType::Ext && input.attach_target.is_none() {
        return reject(Code::BadProgram, 0, None, "ext programs must name what they replace");
    }
    let unprivileged_types = matches!(program, ProgramType::SocketFilter | ProgramType::CgroupSkb);
    if input.unprivileged && !unprivileged_types {
        return reject(
            Code::BadProgram,
            0,
            None,
            format!("{} programs are for the privileged", program.name()),
        );
    }
    Ok(())
}

/// Checks the load as a whole and gives the state at the program's entry.
pub(crate) fn entry(input: &Input) -> Checked<State> {
    general(input)?;
    let program = input.program_type;
    if program == ProgramType::Ext {
        return unsupported(
            0,
            "an extension is judged by what it replaces: give the object with `--extends`",
        );
    }
    if let Some(attach) = input.attach_type
        && program.checks_attach_type()
        && !(attach.number() == 0 && program.has_default_attach_type())
        && !program.attach_types().contains(&attach)
    {
        return reject(
            Code::BadProgram,
            0,
            None,
            format!("{} programs are not attached there", program.name()),
        );
    }
    let needs_place = matches!(
        program,
        ProgramType::CgroupSockAddr
            | ProgramType::CgroupSockopt
            | ProgramType::SkLookup
            | ProgramType::Netfilter
    );
    if input.attach_type.is_none() && needs_place {
        return reject(
            Code::BadProgram,
            0,
            None,
            format!("{} programs must name their attach type", program.name()),
        );
    }
    let sleeps = input.has(crate::program::flags::SLEEPABLE);
    if sleeps && !may_sleep(input) {
        return reject(Code::BadProgram, 0, None, format!("{} programs cannot sleep", program.name()));
    }
    if program == ProgramType::Syscall && !input.has(crate::program::flags::SLEEPABLE) {
        return reject(Code::BadProgram, 0, None, "syscall programs must be loaded as sleepable");
    }
    if input.has(crate::program::flags::SLEEPABLE) {
        maps_may_sleep(input)?;
    }
    let mut state = State::new(0, 0);
    *state.reg_mut(Number::R1) = Reg::pointer(RegKind::Ctx);
    if let Some(host) = &input.host {
        super::host::enter(host, &mut state);
    }
    Ok(state)
}

/// A program that sleeps holds off for long what frees the elements of most maps: it may have those that can wait.
fn maps_may_sleep(input: &Input) -> Checked {
    use MapType::*;
    let patient = |map: &MapInfo| {
        matches!(
            map.map_type,
            Hash | LruHash
                | Array
                | PercpuHash
                | PercpuArray
                | LruPercpuHash
                | ArrayOfMaps
                | HashOfMaps
                | Ringbuf
                | UserRingbuf
                | InodeStorage
                | SkStorage
                | TaskStorage
                | CgrpStorage
                | Queue
                | Stack
                | Arena
        )
    };
    for (at, insn) in input.insns.iter().enumerate() {
        if insn.code != LDDW || !MAP_SOURCES.contains(&insn.src) {
            continue;
        }
        let map = usize::try_from(insn.imm).ok().and_then(|index| input.maps.get(index));
        if let Some(map) = map.filter(|map| !patient(map)) {
            let message = format!("sleepable programs may not use maps of type {}", map.map_type.name());
            return reject(Code::MapMismatch, at, None, message);
        }
    }
    Ok(())
}

/// The opcode of `lddw`.
const LDDW: u8 = 0x18;
/// Its sources that name a map.
const MAP_SOURCES: [u8; 4] = [1, 2, 5, 6];

/// Whether programs of this type and attach type may sleep at all.
fn may_sleep(input: &Input) -> bool {
    use ProgramType::*;
    match input.program_type {
        Syscall | Kprobe | Lsm | StructOps => true,
        Tracing => input.attach_type != Some(AttachType::TraceRawTp),
        _ => false,
    }
}

impl Walk<'_> {
    pub(crate) fn exit(&mut self) -> Checked<Next> {
        let kind = self.state.frame().kind;
        if self.state.depth() == 0 && kind == FrameKind::Call {
            self.end_of_program()?;
            return Ok(Next::End);
        }
        match kind {
            FrameKind::Call => self.return_to_caller(),
            FrameKind::Callback { max_return } => self.end_of_callback(max_return),
            FrameKind::Async { any_return, .. } => {
                self.end_of_later(any_return)?;
                Ok(Next::End)
            }
        }
    }

    fn end_of_program(&mut self) -> Checked {
        self.nothing_held_but(self.returned_reference(), "the program ends")?;
        if self.need_not_return()? {
            return Ok(());
        }
        self.returned(Number::R0)
    }

    /// What the register holds is what the program returns: its exit's r0, or what is thrown and nothing catches.
    pub(crate) fn returned(&mut self, number: Number) -> Checked {
        let value = *self.state.reg(number);
        if value.kind == RegKind::Uninit {
            let message = format!("r{} has no value at exit", number.number());
            return self.fail_at(Code::ReturnUninitialised, number, message);
        }
        if value.is_pointer() && self.input.unprivileged {
            return self.fail_at(Code::Leak, number, "a pointer is returned");
        }
        let root = self.shape.functions[self.state.frames[0].function].start;
        if self.checking_global && self.shape.catcher != Some(root) {
            if !value.is_scalar() {
                return self.fail_at(Code::BadReturn, number, "a global function returns a number only");
            }
            return Ok(());
        }
        if self.target.is_some() {
            return self.returned_to_target(number, &value);
        }
        let Some((min, max)) = return_range(self.input) else { return Ok(()) };
        self.returned_within(number, &value, min, max)
    }

    /// No reference, lock or region is held when `what` happens.
    pub(crate) fn nothing_held(&self, what: &str) -> Checked {
        self.nothing_held_but(None, what)
    }

    /// The same; in a function of the program its caller may still release references.
    pub(crate) fn nothing_held_here(&self, what: &str) -> Checked {
        if self.state.depth() == 0 {
            return self.nothing_held(what);
        }
        match self.region() {
            Some(region) => self.fail(Code::RegionHeld, format!("{what} in {region}")),
            None => Ok(()),
        }
    }

    /// The same, but for one reference that goes with the result.
    fn nothing_held_but(&self, returned: Option<u32>, what: &str) -> Checked {
        if let Some(held) = self.state.held.iter().find(|held| Some(held.id) != returned) {
            let (code, sort) = match held.lock {
                Some(_) => (Code::LockHeld, "the lock taken"),
                None => (Code::ReferenceLeak, "the reference acquired"),
            };
            return self.fail(code, format!("{sort} at {} is not released when {what}", held.at));
        }
        match self.region() {
            Some(region) => self.fail(Code::RegionHeld, format!("{what} in {region}")),
            None => Ok(()),
        }
    }

    /// The end of a function that runs later.
    fn end_of_later(&mut self, any_return: bool) -> Checked {
        self.nothing_held("the function ends")?;
        let value = *self.state.reg(Number::R0);
        if value.kind == RegKind::Uninit {
            return self.fail_at(Code::ReturnUninitialised, Number::R0, "r0 has no value at exit");
        }
        let (min, max) = if any_return { (i64::from(i32::MIN), i64::from(i32::MAX)) } else { (0, 0) };
        self.returned_within(Number::R0, &value, min, max)
    }

    pub(crate) fn returned_within(&mut self, number: Number, value: &Reg, min: i64, max: i64) -> Checked {
        if !value.is_scalar() {
            return self.fail_at(
                Code::BadReturn,
                number,
                format!("{value} is returned where a number must be"),
            );
        }
        self.matters(number)?;
        let range = value.value.s64;
        if range.min < min || range.max > max {
            let message = format!(
                "r{} may be {} to {} at exit; {min} to {max} may be returned",
                number.number(),
                range.min,
                range.max
            );
            return self.fail_at(Code::BadReturn, number, message);
        }
        Ok(())
    }

    fn return_to_caller(&mut self) -> Checked<Next> {
        let result = *self.state.reg(Number::R0);
        if let RegKind::Stack(_) = result.kind {
            return self.fail_at(Code::BadReturn, Number::R0, "a stack pointer is returned to the caller");
        }
        let Some(frame) = self.state.frames.pop() else { return Ok(Next::End) };
        *self.state.reg_mut(Number::R0) = result;
        Ok(Next::At(self.shape.next(frame.call_site)))
    }

    /// A round of a callback is over: back to the call, which may make another.
    fn end_of_callback(&mut self, max_return: u64) -> Checked<Next> {
        let value = *self.state.reg(Number::R0);
        if value.kind == RegKind::Uninit {
            return self.fail_at(
                Code::ReturnUninitialised,
                Number::R0,
                "r0 has no value at the end of a callback",
            );
        }
        self.returned_within(Number::R0, &value, 0, max_return as i64)?;
        let Some(frame) = self.state.frames.pop() else { return Ok(Next::End) };
        let mut state = self.state.clone();
        let before = self.parent.map(|parent| self.nodes[parent].rank + 1);
        self.widen(frame.call_site, before, &mut state);
        self.state = state;
        Ok(Next::At(frame.call_site))
    }
}
