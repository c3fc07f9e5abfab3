//! A program that the kernel holds, and what the kernel says about it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use skep_platform::{AttachType, Errno, ProgramType};

use crate::pin;
use crate::prog::{RunRequest, RunResult, prog_test_run};
use crate::sys::{Command, attr, bpf_fd, info};

/// A program. Cheap to clone; the kernel frees it when the last handle, link, slot and pin is gone.
#[derive(Clone, Debug)]
pub struct Program(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    fd: OwnedFd,
    name: String,
    program_type: Option<ProgramType>,
    attach_type: Option<AttachType>,
}

/// What the kernel says about a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramInfo {
    /// The kernel's number for it.
    pub id: u32,
    /// As the kernel keeps it: at most 15 bytes.
    pub name: String,
    /// The type; `None` for one newer than 6.18's.
    pub program_type: Option<ProgramType>,
    /// A hash of the instructions, the same wherever and whenever they are loaded.
    pub tag: [u8; 8],
    /// Ids of the maps it uses.
    pub maps: Vec<u32>,
    /// Id of its BTF; 0 when it has none.
    pub btf: u32,
    /// When it was loaded, since the machine started.
    pub loaded_at: Duration,
    /// Who loaded it.
    pub uid: u32,
    /// Whether its licence lets it call everything.
    pub gpl_compatible: bool,
    /// Bytes of eBPF after the verifier's rewriting.
    pub translated_bytes: u32,
    /// Bytes of machine code.
    pub machine_bytes: u32,
    /// Instructions that the verifier walked through.
    pub verified_insns: u32,
    /// How often it ran while statistics were on ([`count_runs`]).
    pub runs: u64,
    /// How long it ran in those.
    pub run_time: Duration,
    /// How often it was not run because it was running already.
    pub missed: u64,
}

impl Program {
    pub(crate) fn new(
        fd: OwnedFd,
        name: String,
        program_type: ProgramType,
        attach_type: Option<AttachType>,
    ) -> Program {
        Program(Arc::new(Inner { fd, name, program_type: Some(program_type), attach_type }))
    }

    /// Takes over a descriptor.
    ///
    /// # Errors
    /// `EINVAL` when it is not a program's.
    pub fn from_fd(fd: OwnedFd) -> Result<Program, Errno> {
        info::check_kind(fd.as_fd(), info::PROG)?;
        Program::opened(fd)
    }

    fn opened(fd: OwnedFd) -> Result<Program, Errno> {
        let ProgramInfo { name, program_type, .. } = describe(fd.as_fd())?;
        Ok(Program(Arc::new(Inner { fd, name, program_type, attach_type: None })))
    }

    /// Opens the program of that id.
    ///
    /// # Errors
    /// `ENOENT` when there is none, `EPERM` without CAP_SYS_ADMIN.
    pub fn from_id(id: u32) -> Result<Program, Errno> {
        let mut attr = attr::ById { id, ..Default::default() };
        // SAFETY: the struct holds no address.
        Program::opened(unsafe { bpf_fd(Command::ProgById, &mut attr) }?)
    }

    /// Opens the program that is pinned there.
    ///
    /// # Errors
    /// `ENOENT` when nothing is, `EINVAL` when it is a map or link.
    pub fn from_pin(path: &Path) -> Result<Program, Errno> {
        Program::from_fd(pin::get(path)?)
    }

    /// Pins it; it then outlives this process.
    ///
    /// # Errors
    /// `EEXIST`, `EPERM` outside a BPF file system, …
    pub fn pin(&self, path: &Path) -> Result<(), Errno> {
        pin::pin(self.as_fd(), path)
    }

    /// The whole name, as the object has it; the kernel's shorter one for a program that was only opened.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The type; `None` for one newer than 6.18's.
    pub fn program_type(&self) -> Option<ProgramType> {
        self.0.program_type
    }

    /// What it was loaded for; `None` when the type needs none, or the program was only opened.
    pub fn attach_type(&self) -> Option<AttachType> {
        self.0.attach_type
    }

    /// What the kernel says now.
    ///
    /// # Errors
    /// The errno.
    pub fn info(&self) -> Result<ProgramInfo, Errno> {
        describe(self.as_fd())
    }

    /// Runs it on given input (`BPF_PROG_TEST_RUN`).
    ///
    /// # Errors
    /// `ENOTSUPP` (524) for types that cannot be run so.
    pub fn run(&self, request: &RunRequest<'_>) -> Result<RunResult, Errno> {
        prog_test_run(self.as_fd(), request)
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

/// `fd` must be a program's: who makes a [`Program`] sees to it.
fn describe(fd: BorrowedFd<'_>) -> Result<ProgramInfo, Errno> {
    let mut first = info::Prog::default();
    // SAFETY: all addresses are null.
    unsafe { info::describe(fd, &mut first) }?;
    // Asked again with room for the maps: a program's maps do not change.
    let mut maps = vec![0u32; first.nr_map_ids as usize];
    let mut info = info::Prog {
        map_ids: if maps.is_empty() { 0 } else { maps.as_mut_ptr() as u64 },
        nr_map_ids: first.nr_map_ids,
        ..Default::default()
    };
    // SAFETY: `map_ids` is null or has room for `nr_map_ids` numbers, and the descriptor is a program's.
    unsafe { info::describe(fd, &mut info) }?;
    maps.truncate(info.nr_map_ids as usize);
    Ok(ProgramInfo {
        id: info.id,
        name: info::text(&info.name),
        program_type: ProgramType::from_number(info.prog_type),
        tag: info.tag,
        maps,
        btf: info.btf_id,
        loaded_at: Duration::from_nanos(info.load_time),
        uid: info.created_by_uid,
        gpl_compatible: info.gpl_compatible & 1 != 0,
        translated_bytes: info.xlated_prog_len,
        machine_bytes: info.jited_prog_len,
        verified_insns: info.verified_insns,
        runs: info.run_cnt,
        run_time: Duration::from_nanos(info.run_time_ns),
        missed: info.recursion_misses,
    })
}

/// Lets the kernel count runs and their time, of all programs, while the answer is held. Costs every run a few
/// nanoseconds.
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN; `EINVAL` before 5.8.
pub fn count_runs() -> Result<OwnedFd, Errno> {
    // Kind 0 is run time, the only one there is.
    let mut attr = attr::EnableStats { kind: 0 };
    // SAFETY: the struct holds no address.
    unsafe { bpf_fd(Command::EnableStats, &mut attr) }
}
