//! Contexts without a packet: raw tracepoints, and programs that user space calls.

use crate::context::{Context, Lent, Loaded, Refusal};

/// The context of a raw tracepoint: an array of 64-bit arguments, read only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTracepoint {
    args: Vec<u64>,
}

impl RawTracepoint {
    /// With these arguments, at most 12 as in Linux: the rest is not seen.
    pub fn new(args: &[u64]) -> Self {
        Self { args: args[..args.len().min(Self::MAX_ARGS)].to_vec() }
    }

    /// The most arguments.
    pub const MAX_ARGS: usize = 12;
}

impl Context for RawTracepoint {
    fn name(&self) -> &str {
        "bpf_raw_tracepoint_args"
    }

    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal> {
        let index =
            usize::try_from(off).ok().filter(|off| size == 8 && off.is_multiple_of(8)).map(|off| off / 8);
        match index.and_then(|index| self.args.get(index)) {
            Some(&arg) => Ok(Loaded::Scalar(arg)),
            None => Err(Refusal::no_field(self.name(), off, size)),
        }
    }

    fn as_any(&mut self) -> Option<&mut dyn std::any::Any> {
        Some(self)
    }
}

/// The context of a `syscall` program: bytes that the caller gives, to read and write.
#[derive(Debug)]
pub struct Syscall<'a> {
    bytes: &'a mut [u8],
}

impl<'a> Syscall<'a> {
    /// The largest context.
    pub const MAX_LEN: usize = 65_535;

    /// Lends `bytes`, of which a program sees [`Syscall::MAX_LEN`].
    pub fn new(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len().min(Self::MAX_LEN);
        Self { bytes: &mut bytes[..len] }
    }

    /// The bytes of an access, if it is inside.
    fn place(&mut self, off: i64, size: usize) -> Option<&mut [u8]> {
        let off = usize::try_from(off).ok()?;
        self.bytes.get_mut(off..off.checked_add(size)?)
    }
}

impl Context for Syscall<'_> {
    fn name(&self) -> &str {
        "syscall context"
    }

    fn load(&mut self, off: i64, size: usize) -> Result<Loaded, Refusal> {
        let mut value = [0; 8];
        match self.place(off, size) {
            Some(bytes) => value[..size].copy_from_slice(bytes),
            None => return Err(Refusal::no_field(self.name(), off, size)),
        }
        Ok(Loaded::Scalar(u64::from_le_bytes(value)))
    }

    fn store(&mut self, off: i64, size: usize, value: u64) -> Result<(), Refusal> {
        match self.place(off, size) {
            Some(bytes) => bytes.copy_from_slice(&value.to_le_bytes()[..size]),
            None => return Err(Refusal::no_field(self.name(), off, size)),
        }
        Ok(())
    }

    fn memory(&mut self) -> Option<Lent> {
        // SAFETY: the run borrows this context mutably, and this context its bytes.
        Some(unsafe { Lent::write(self.bytes.as_mut_ptr(), self.bytes.len()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FaultKind, Hook, Program, ProgramSpec};
    use skep_platform::ProgramType;

    fn run(text: &str, kind: ProgramType, context: &mut dyn Context) -> Result<u64, crate::Fault> {
        let insns = skep_isa::text::assemble(text).unwrap();
        let program = Program::unproved(ProgramSpec::new("t", Hook::linux(kind), insns)).unwrap();
        program.run(context).map(|o| o.value)
    }

    #[test]
    fn tracepoint_arguments() {
        let mut context = RawTracepoint::new(&[5, 6]);
        let kind = ProgramType::RawTracepoint;
        assert_eq!(run("r0 = *(u64 *)(r1 + 8)\nexit", kind, &mut context).unwrap(), 6);
        for text in
            ["r0 = *(u64 *)(r1 + 16)\nexit", "r0 = *(u32 *)(r1 + 0)\nexit", "r0 = *(u64 *)(r1 - 8)\nexit"]
        {
            assert_eq!(run(text, kind, &mut context).unwrap_err().kind, FaultKind::Context);
        }
    }

    #[test]
    fn a_syscall_program_changes_its_context() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        let text = "r0 = *(u16 *)(r1 + 1)\n*(u32 *)(r1 + 4) = 0x01010101\nexit";
        assert_eq!(run(text, ProgramType::Syscall, &mut Syscall::new(&mut bytes)).unwrap(), 0x302);
        assert_eq!(bytes, [1, 2, 3, 4, 1, 1, 1, 1]);
        let fault = run("r0 = *(u32 *)(r1 + 6)\nexit", ProgramType::Syscall, &mut Syscall::new(&mut bytes));
        assert_eq!(fault.unwrap_err().kind, FaultKind::Context);
        // Helpers take it as memory.
        let text = "r3 = r1\nr3 += 4\nr1 = r3\nr2 = 4\nr3 = 0\nr4 = r10\nr4 += -8\ncall 106\nexit";
        bytes[4..].copy_from_slice(b"42\0\0");
        assert_eq!(run(text, ProgramType::Syscall, &mut Syscall::new(&mut bytes)).unwrap(), 2);
    }
}
