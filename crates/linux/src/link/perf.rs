//! Hooks that are perf events first.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use skep_platform::errno::{EINVAL, EOPNOTSUPP};
use skep_platform::{AttachType, Errno, Release};

use crate::link::Link;
use crate::load::kernel::Kernel;
use crate::perf_event;
use crate::program::Program;
use crate::sys::{Command, attr, bpf_fd};

/// `BPF_F_UPROBE_MULTI_RETURN`.
const AT_RETURN: u64 = 1;

/// A probe in a program or library.
#[derive(Debug, Clone, Copy)]
pub struct UserProbe<'a> {
    /// The file that holds the code.
    pub file: &'a Path,
    /// Offset of the instruction in the file (not its address).
    pub offset: u64,
    /// At the function's return and not at the instruction.
    pub ret: bool,
    /// File offset of the counter that a USDT probe raises while it is attached; 0 for none.
    pub semaphore: u32,
    /// In this process alone; −1 for all, also those that start later.
    pub pid: i32,
    /// What `bpf_get_attach_cookie` gives (5.15).
    pub cookie: u64,
}

/// Attaches to an open event: as a link where the kernel has them (5.15), else to the event itself.
pub(super) fn attach(program: &Program, event: OwnedFd, cookie: u64) -> Result<Link, Errno> {
    if Kernel::release() < Release::new(5, 15) {
        if cookie != 0 {
            return Err(EOPNOTSUPP);
        }
        perf_event::set_program(event.as_fd(), program.as_fd())?;
        perf_event::enable(event.as_fd())?;
        return Ok(Link::of_event(event));
    }
    let mut attr = attr::LinkCreate {
        prog_fd: program.as_fd().as_raw_fd() as u32,
        target_fd: event.as_raw_fd() as u32,
        attach_type: AttachType::PerfEvent.number(),
        flags: 0,
        own: [cookie, 0, 0, 0, 0, 0],
    };
    // SAFETY: a link to a perf event takes no address.
    let link = unsafe { bpf_fd(Command::LinkCreate, &mut attr) }?;
    perf_event::enable(event.as_fd())?;
    // The link holds the event; our descriptor may go.
    Ok(Link::of_link(link))
}

pub(super) fn attach_user(program: &Program, probe: &UserProbe<'_>) -> Result<Link, Errno> {
    let event = perf_event::open_uprobe(probe.file, probe.offset, probe.ret, probe.semaphore, probe.pid)?;
    attach(program, event, probe.cookie)
}

/// One link over many places. The program must have been loaded for it (`TraceUprobeMulti`).
pub(super) fn attach_multi(program: &Program, probe: &UserProbe<'_>, offsets: &[u64]) -> Result<Link, Errno> {
    let path = CString::new(probe.file.as_os_str().as_bytes()).map_err(|_| EINVAL)?;
    let count = u64::from(u32::try_from(offsets.len()).map_err(|_| EINVAL)?);
    let flags = if probe.ret { AT_RETURN } else { 0 };
    // For this call no process is 0 and not −1.
    let pid = u64::try_from(probe.pid).unwrap_or(0);
    let cookies = vec![probe.cookie; offsets.len()];
    let mut attr = attr::LinkCreate {
        prog_fd: program.as_fd().as_raw_fd() as u32,
        attach_type: AttachType::TraceUprobeMulti.number(),
        own: [
            path.as_ptr() as u64,
            offsets.as_ptr() as u64,
            0,
            cookies.as_ptr() as u64,
            count | flags << 32,
            pid,
        ],
        ..Default::default()
    };
    // SAFETY: the path is a C string, offsets and cookies have `count` numbers; all outlive the call.
    unsafe { bpf_fd(Command::LinkCreate, &mut attr) }.map(Link::of_link)
}
