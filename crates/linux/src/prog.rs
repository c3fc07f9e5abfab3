//! Loading programs and running them on given input.

use std::ffi::CString;
use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use skep_isa::RawInsn;
use skep_platform::errno::{E2BIG, EINVAL, ENOSPC, EPERM};
use skep_platform::{AttachType, Errno, ProgramType};

use crate::sys::{Command, attr, bpf, bpf_fd};

/// The first size tried for the verifier's log.
const LOG_START: usize = 64 << 10;

/// The most instructions the kernel takes from whoever has CAP_BPF.
const MOST_INSNS: usize = 1_000_000;

/// The largest log asked for. The kernel allows more than anyone reads.
const LOG_MAX: usize = 16 << 20;

/// What `BPF_PROG_TEST_RUN` may return besides the input's own size: room for a packet that grew, at most to the 16 KiB
/// that an skb without fragments can have, and what was pushed in front of those.
const OUTPUT_ROOM: usize = 32 << 10;

/// Everything a load may say. Start from [`LoadRequest::new`] and set what is needed.
#[derive(Debug, Clone)]
pub struct LoadRequest<'a> {
    /// The type.
    pub program_type: ProgramType,
    /// `expected_attach_type`.
    pub attach: Option<AttachType>,
    /// Shown by `bpftool`; cut to 15 bytes.
    pub name: &'a str,
    /// License.
    pub license: &'a str,
    /// The program; file descriptors of maps already in their places.
    pub insns: &'a [RawInsn],
    /// `BPF_F_*` load flags.
    pub flags: u32,
    /// BTF that describes the program.
    pub btf: Option<BorrowedFd<'a>>,
    /// `bpf_func_info` records of 8 bytes.
    pub func_info: &'a [u8],
    /// `bpf_line_info` records of 16 bytes.
    pub line_info: &'a [u8],
    /// The BTF id of the attach target; 0 for none.
    pub attach_btf_id: u32,
    /// The program whose BTF holds `attach_btf_id`; `None` means the kernel's.
    pub attach_prog: Option<BorrowedFd<'a>>,
    /// 0 asks for no log unless the load fails; 1, 2 and 4 as the kernel defines them.
    pub log_level: u32,
}

impl<'a> LoadRequest<'a> {
    /// A load of `insns` under the GPL with nothing special.
    pub fn new(program_type: ProgramType, insns: &'a [RawInsn]) -> LoadRequest<'a> {
        LoadRequest {
            program_type,
            attach: None,
            name: "",
            license: "GPL",
            insns,
            flags: 0,
            btf: None,
            func_info: &[],
            line_info: &[],
            attach_btf_id: 0,
            attach_prog: None,
            log_level: 0,
        }
    }
}

/// The kernel refused a program.
#[derive(Debug, Clone)]
pub struct LoadRefused {
    /// The error number.
    pub errno: Errno,
    /// The verifier's log; empty when the verifier never saw the program.
    pub log: String,
}

impl LoadRefused {
    /// Whether the kernel's policy (lockdown, a security module) refused without looking at the program: EPERM, and the
    /// verifier wrote nothing.
    pub fn is_policy(&self) -> bool {
        self.errno == EPERM && self.log.is_empty()
    }

    /// The last line of the log that is not the statistics: where the verifier says what it found wrong.
    pub fn verdict(&self) -> &str {
        self.log
            .lines()
            .rev()
            .find(|line| !line.starts_with("processed ") && !line.trim().is_empty())
            .unwrap_or("")
    }
}

impl fmt::Display for LoadRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.errno)?;
        if self.log.is_empty() { Ok(()) } else { write!(f, ": {}", self.verdict()) }
    }
}

impl std::error::Error for LoadRefused {}

/// `BPF_PROG_LOAD` of a program with nothing special: type, instructions, license.
///
/// # Errors
/// See [`prog_load`].
pub fn prog_load_simple(
    program_type: ProgramType,
    insns: &[RawInsn],
    license: &str,
) -> Result<OwnedFd, LoadRefused> {
    prog_load(&LoadRequest { license, ..LoadRequest::new(program_type, insns) })
}

/// `BPF_PROG_LOAD`. Without a log level, a program that fails is loaded again with one, to learn why.
///
/// # Errors
/// The errno and what the verifier wrote.
pub fn prog_load(request: &LoadRequest<'_>) -> Result<OwnedFd, LoadRefused> {
    let (mut first, mut size) = (None, LOG_START);
    if request.log_level == 0 {
        match try_load(request, 0, &mut []) {
            Ok(fd) => return Ok(fd),
            // The kernel's answer to too many instructions, before any verification.
            Err(errno) if errno == E2BIG && request.insns.len() > MOST_INSNS => {
                return Err(LoadRefused { errno, log: String::new() });
            }
            // A walk that became too long: it takes long each time, so it is repeated once, with all the room there is.
            Err(errno) => {
                first = Some(errno);
                size = if errno == E2BIG { LOG_MAX } else { LOG_START };
            }
        }
    }
    logged(request, size, first).map(|(fd, _)| fd)
}

/// `BPF_PROG_LOAD` that keeps what the verifier wrote when it accepts, too: with log level 4 its statistics.
///
/// # Errors
/// As [`prog_load`].
pub fn prog_load_logged(request: &LoadRequest<'_>) -> Result<(OwnedFd, String), LoadRefused> {
    logged(request, LOG_START, None)
}

/// Loads with a log of at least `size` bytes; `first` is what is wrong if that is known already.
fn logged(
    request: &LoadRequest<'_>,
    mut size: usize,
    first: Option<Errno>,
) -> Result<(OwnedFd, String), LoadRefused> {
    let text = |log: &[u8]| {
        let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
        String::from_utf8_lossy(&log[..end]).into_owned()
    };
    loop {
        let mut log = vec![0; size];
        match try_load(request, request.log_level.max(1), &mut log) {
            Ok(fd) => return Ok((fd, text(&log))),
            Err(errno) if errno == ENOSPC && size < LOG_MAX => size *= 4,
            Err(errno) => {
                // ENOSPC is about the log; what is wrong with the program was said before.
                let errno = if errno == ENOSPC { first.unwrap_or(errno) } else { errno };
                return Err(LoadRefused { errno, log: text(&log) });
            }
        }
    }
}

/// One system call with this log buffer.
fn try_load(request: &LoadRequest<'_>, log_level: u32, log: &mut [u8]) -> Result<OwnedFd, Errno> {
    let slots: Vec<[u8; 8]> = request.insns.iter().map(|insn| insn.to_le_bytes()).collect();
    let license = CString::new(request.license).map_err(|_| EINVAL)?;
    let count = |len: usize| u32::try_from(len).map_err(|_| E2BIG);
    let mut attr = attr::ProgLoad {
        prog_type: request.program_type.number(),
        insn_cnt: count(slots.len())?,
        insns: slots.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level,
        log_size: count(log.len())?,
        log_buf: if log.is_empty() { 0 } else { log.as_mut_ptr() as u64 },
        kern_version: kernel_version(),
        prog_flags: request.flags,
        prog_name: object_name(request.name),
        expected_attach_type: request.attach.map_or(0, AttachType::number),
        prog_btf_fd: request.btf.map_or(0, |fd| fd.as_raw_fd() as u32),
        attach_btf_id: request.attach_btf_id,
        attach_prog_fd: request.attach_prog.map_or(0, |fd| fd.as_raw_fd() as u32),
        ..Default::default()
    };
    if !request.func_info.is_empty() {
        attr.func_info = request.func_info.as_ptr() as u64;
        attr.func_info_rec_size = 8;
        attr.func_info_cnt = count(request.func_info.len() / 8)?;
    }
    if !request.line_info.is_empty() {
        attr.line_info = request.line_info.as_ptr() as u64;
        attr.line_info_rec_size = 16;
        attr.line_info_cnt = count(request.line_info.len() / 16)?;
    }
    // SAFETY: every address belongs to a slice or string that outlives the call, with its length beside it; the log
    // buffer is borrowed exclusively.
    unsafe { bpf_fd(Command::ProgLoad, &mut attr) }
}

/// `KERNEL_VERSION` of the running kernel, which old kernels demanded of kprobe programs. 6.18 ignores it.
pub(crate) fn kernel_version() -> u32 {
    static VERSION: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *VERSION.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut parts =
            text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        (next() << 16) | (next() << 8) | next().min(255)
    })
}

/// A name as the kernel takes it: 15 bytes at most, letters, digits, `_` and `.`.
pub(crate) fn object_name(name: &str) -> [u8; 16] {
    let mut out = [0; 16];
    let allowed = |byte: u8| if byte.is_ascii_alphanumeric() || byte == b'.' { byte } else { b'_' };
    out.iter_mut().zip(name.bytes().take(15)).for_each(|(to, from)| *to = allowed(from));
    out
}

/// The input of a test run. Start from `Default` and set what is needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunRequest<'a> {
    /// Packet bytes; `None` for program types that take none.
    pub data: Option<&'a [u8]>,
    /// The context struct; `None` for all zeros or for types that take none.
    pub ctx: Option<&'a [u8]>,
    /// How often to run; 0 means once.
    pub repeat: u32,
    /// `BPF_F_TEST_*` flags.
    pub flags: u32,
}

/// What a test run gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunResult {
    /// r0, cut to 32 bits by the interface.
    pub ret: u32,
    /// The packet afterwards.
    pub data: Vec<u8>,
    /// The context afterwards.
    pub ctx: Vec<u8>,
    /// Nanoseconds per run, where the kernel measured.
    pub nanos: u32,
}

/// `BPF_PROG_TEST_RUN`.
///
/// # Errors
/// The errno; `ENOTSUPP` (524) for program types that cannot be run so.
pub fn prog_test_run(program: BorrowedFd<'_>, request: &RunRequest<'_>) -> Result<RunResult, Errno> {
    let room =
        |input: Option<&[u8]>, extra: usize| input.map_or(Vec::new(), |bytes| vec![0; bytes.len() + extra]);
    let mut data = room(request.data, OUTPUT_ROOM);
    let mut ctx = room(request.ctx, 0);
    // Types that take no packet refuse addresses and sizes that are not zero.
    let address = |bytes: &mut Vec<u8>| if bytes.is_empty() { 0 } else { bytes.as_mut_ptr() as u64 };
    let input = |bytes: Option<&[u8]>| bytes.filter(|b| !b.is_empty()).map_or(0, |b| b.as_ptr() as u64);
    let count = |len: usize| u32::try_from(len).map_err(|_| E2BIG);
    let mut attr = attr::TestRun {
        prog_fd: program.as_raw_fd() as u32,
        data_size_in: count(request.data.map_or(0, <[u8]>::len))?,
        data_size_out: count(data.len())?,
        data_in: input(request.data),
        data_out: address(&mut data),
        repeat: request.repeat,
        ctx_size_in: count(request.ctx.map_or(0, <[u8]>::len))?,
        ctx_size_out: count(ctx.len())?,
        ctx_in: input(request.ctx),
        ctx_out: address(&mut ctx),
        flags: request.flags,
        ..Default::default()
    };
    // SAFETY: inputs are borrowed slices, outputs are vectors of the sizes given, and all outlive the call.
    unsafe { bpf(Command::ProgTestRun, &mut attr) }?;
    data.truncate(attr.data_size_out as usize);
    ctx.truncate(attr.ctx_size_out as usize);
    Ok(RunResult { ret: attr.retval, data, ctx, nanos: attr.duration })
}
