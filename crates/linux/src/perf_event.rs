//! Perf events: what probes of user functions, tracepoints, samplers and perf buffers are opened as.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use skep_platform::Errno;
use skep_platform::errno::{EINVAL, ENOENT};

/// `PERF_TYPE_*`.
const SOFTWARE: u32 = 1;
const TRACEPOINT: u32 = 2;

/// `PERF_COUNT_SW_BPF_OUTPUT`.
const BPF_OUTPUT: u64 = 10;

/// `PERF_SAMPLE_RAW`.
const SAMPLE_RAW: u64 = 1 << 10;

/// `PERF_FLAG_FD_CLOEXEC`.
const CLOSE_ON_EXEC: u64 = 8;

/// Bit of `bits`: count by frequency and not by period.
const BY_FREQUENCY: u64 = 1 << 10;

/// `_IO('$', 0)`, `_IO('$', 1)` and `_IOW('$', 8, u32)`.
const ENABLE: u64 = 0x2400;
const DISABLE: u64 = 0x2401;
const SET_BPF: u64 = 0x4004_2408;

/// Where tracefs is looked for.
const TRACEFS: &[&str] = &["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// `struct perf_event_attr`, to its sixth version (112 bytes), which every kernel since 4.1 knows.
#[derive(Debug, Clone, Default)]
#[repr(C)]
pub(crate) struct PerfEventAttr {
    kind: u32,
    size: u32,
    config: u64,
    period: u64,
    sample: u64,
    read_format: u64,
    bits: u64,
    wake_after: u32,
    breakpoint: u32,
    config1: u64,
    config2: u64,
    rest: [u64; 5],
}

impl PerfEventAttr {
    fn new(kind: u32, config: u64) -> Self {
        Self { kind, config, size: size_of::<Self>() as u32, period: 1, wake_after: 1, ..Self::default() }
    }

    /// What `bpf_perf_event_output` writes to.
    pub(crate) fn output(wake_after: u32) -> Self {
        Self { sample: SAMPLE_RAW, wake_after: wake_after.max(1), ..Self::new(SOFTWARE, BPF_OUTPUT) }
    }

    /// A software clock or counter (`PERF_COUNT_SW_*`), so many times a second.
    pub(crate) fn sampling(config: u64, frequency: u64) -> Self {
        Self { period: frequency, bits: BY_FREQUENCY, ..Self::new(SOFTWARE, config) }
    }
}

/// Opens an event for a process (−1: all) on a CPU (−1: any).
///
/// # Errors
/// `EACCES`, `EPERM` without CAP_PERFMON, `ENOENT` for a kind the machine does not have, `ESRCH`.
pub(crate) fn open(attr: &PerfEventAttr, pid: i32, cpu: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the struct is live and carries its size; addresses in it are those of `open_uprobe`, which outlive the call.
    let fd = unsafe {
        libc::syscall(libc::SYS_perf_event_open, std::ptr::from_ref(attr), pid, cpu, -1, CLOSE_ON_EXEC)
    };
    match i32::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

/// Opens a tracepoint of tracefs.
///
/// # Errors
/// `ENOENT` when there is none of that name, or tracefs is not mounted.
pub(crate) fn open_tracepoint(category: &str, name: &str) -> Result<OwnedFd, Errno> {
    let id = TRACEFS.iter().find_map(|root| {
        std::fs::read_to_string(format!("{root}/events/{category}/{name}/id")).ok()?.trim().parse().ok()
    });
    open(&PerfEventAttr::new(TRACEPOINT, id.ok_or(ENOENT)?), -1, 0)
}

/// Opens a probe at an offset of a file; `semaphore` is the file offset of a USDT semaphore, 0 for none.
///
/// # Errors
/// `ENOENT` when the kernel has no uprobes; `EINVAL` when there is no instruction at the offset.
pub(crate) fn open_uprobe(
    file: &Path,
    offset: u64,
    ret: bool,
    semaphore: u32,
    pid: i32,
) -> Result<OwnedFd, Errno> {
    const PMU: &str = "/sys/bus/event_source/devices/uprobe";
    let read = |name: &str| std::fs::read_to_string(format!("{PMU}/{name}")).map_err(|_| ENOENT);
    let kind = read("type")?.trim().parse().map_err(|_| EINVAL)?;
    let bit = match ret {
        true => read("format/retprobe")?.trim().trim_start_matches("config:").parse().map_err(|_| EINVAL)?,
        false => 0u32,
    };
    let path = CString::new(file.as_os_str().as_bytes()).map_err(|_| EINVAL)?;
    let attr = PerfEventAttr {
        config1: path.as_ptr() as u64,
        config2: offset,
        ..PerfEventAttr::new(kind, u64::from(ret) << bit | u64::from(semaphore) << 32)
    };
    // A probe of one process goes with it to every CPU; one of all processes is opened on one CPU and still hits on all.
    open(&attr, pid, if pid < 0 { 0 } else { -1 })
}

fn control(event: BorrowedFd<'_>, request: u64, value: i32) -> Result<(), Errno> {
    // SAFETY: the three requests take a number and no address.
    let answer = unsafe { libc::ioctl(event.as_raw_fd(), request as _, value) };
    if answer < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(()) }
}

/// Starts an event.
pub(crate) fn enable(event: BorrowedFd<'_>) -> Result<(), Errno> {
    control(event, ENABLE, 0)
}

/// Stops an event.
pub(crate) fn disable(event: BorrowedFd<'_>) -> Result<(), Errno> {
    control(event, DISABLE, 0)
}

/// Runs a program at every overflow or hit of the event, until the event is closed.
pub(crate) fn set_program(event: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<(), Errno> {
    control(event, SET_BPF, program.as_raw_fd())
}

/// The CPUs that are on line now.
pub(crate) fn cpus_on_line() -> Vec<u32> {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let ranges = text.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?)
    });
    let cpus: Vec<u32> = ranges.flatten().collect();
    if cpus.is_empty() { vec![0] } else { cpus }
}
