//! `BPF_PROG_LOAD` with any numbers, within a time, and with or without capabilities.
//!
//! `skep_linux::prog_load` takes what exists; here the kernel judges types and flags that do not, too.

use std::ffi::CString;

use skep_isa::RawInsn;
use skep_linux::sys::{Command, attr, bpf_fd};
use skep_platform::Errno;
use skep_platform::errno::ENOSPC;

use crate::line::Line;

/// Log levels: the verifier's figures and its last words; or all states on all paths.
pub(super) const STATISTICS: u32 = 4;
pub(super) const STATES: u32 = 2 | 4;

/// Sizes of the log: the first one tried and the largest.
const LOG: (usize, usize) = (64 << 10, 64 << 20);

/// A program ready to be loaded.
pub(super) struct Request<'a> {
    pub(super) line: &'a Line,
    pub(super) insns: &'a [RawInsn],
    /// Descriptor of its types; 0 for none.
    pub(super) btf: u32,
    pub(super) attach_id: u32,
    pub(super) attach_type: u32,
    pub(super) functions: &'a [u8],
    pub(super) log_level: u32,
    pub(super) unprivileged: bool,
    /// Seconds.
    pub(super) limit: u32,
}

/// What the kernel said; no number when it accepted.
pub(super) struct Refusal {
    pub(super) errno: Option<Errno>,
    pub(super) log: String,
}

/// Loads, and lets the program go.
pub(super) fn load(request: &Request<'_>) -> Result<Refusal, String> {
    let mut size = LOG.0;
    loop {
        let mut log = vec![0; size];
        let errno = within(request, &mut log)?;
        if errno == Some(ENOSPC) && size < LOG.1 {
            size *= 16;
            continue;
        }
        let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
        return Ok(Refusal { errno, log: String::from_utf8_lossy(&log[..end]).into_owned() });
    }
}

/// One call, without capabilities if so wanted, ended by a signal when it takes too long.
fn within(request: &Request<'_>, log: &mut [u8]) -> Result<Option<Errno>, String> {
    let dropped = request.unprivileged.then(Capabilities::drop_all).transpose()?;
    // SAFETY: sets a timer and touches no memory; `interruptible` has given the signal a handler.
    unsafe { libc::alarm(request.limit) };
    let errno = once(request, log);
    // SAFETY: as above.
    unsafe { libc::alarm(0) };
    if let Some(capabilities) = dropped {
        capabilities.restore()?;
    }
    match errno {
        Ok(()) => Ok(None),
        Err(errno) if errno.0 == libc::EAGAIN => Err(format!("no answer within {} seconds", request.limit)),
        Err(errno) => Ok(Some(errno)),
    }
}

fn once(request: &Request<'_>, log: &mut [u8]) -> Result<(), Errno> {
    let line = request.line;
    let slots: Vec<[u8; 8]> = request.insns.iter().map(|insn| insn.to_le_bytes()).collect();
    let license = CString::new(line.license.as_str()).unwrap_or_default();
    let mut attr = attr::ProgLoad {
        prog_type: line.prog_type,
        insn_cnt: slots.len() as u32,
        insns: slots.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: request.log_level,
        log_size: log.len() as u32,
        log_buf: log.as_mut_ptr() as u64,
        prog_flags: line.prog_flags,
        expected_attach_type: request.attach_type,
        prog_btf_fd: request.btf,
        attach_btf_id: request.attach_id,
        ..Default::default()
    };
    if !request.functions.is_empty() {
        let size = if line.func_info_rec_size == 0 { 8 } else { line.func_info_rec_size };
        attr.func_info = request.functions.as_ptr() as u64;
        attr.func_info_rec_size = size;
        attr.func_info_cnt = request.functions.len() as u32 / size;
    }
    // SAFETY: every address belongs to a slice or string that outlives the call, with its length beside it; the log
    // is borrowed exclusively.
    unsafe { bpf_fd(Command::ProgLoad, &mut attr) }.map(drop)
}

/// Gives the alarm a handler that does nothing: the signal then ends the call and not the process.
pub(super) fn interruptible() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: an all-zero action is valid, and the handler touches nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut());
    }
}

/// The thread's capabilities, as `capget(2)` gives them.
struct Capabilities([[u32; 3]; 2]);

/// Version 3 of the capabilities' ABI, and 0: the calling thread.
const HEADER: [u32; 2] = [0x2008_0522, 0];

impl Capabilities {
    /// Makes none of them effective, and returns what there was.
    fn drop_all() -> Result<Self, String> {
        let (mut header, mut data) = (HEADER, [[0; 3]; 2]);
        // SAFETY: both arrays have the sizes that version 3 demands.
        let got = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr()) };
        if got != 0 {
            return Err(format!("capget: {}", std::io::Error::last_os_error()));
        }
        let before = Self(data);
        Self(data.map(|[_, permitted, inheritable]| [0, permitted, inheritable])).restore()?;
        Ok(before)
    }

    fn restore(&self) -> Result<(), String> {
        let mut header = HEADER;
        // SAFETY: as above.
        let got = unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), self.0.as_ptr()) };
        if got == 0 { Ok(()) } else { Err(format!("capset: {}", std::io::Error::last_os_error())) }
    }
}
