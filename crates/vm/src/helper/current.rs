//! The current task: the thread that runs the program.

use std::cell::OnceCell;
use std::fs;
use std::os::unix::fs::MetadataExt;

use skep_platform::errno::{EINVAL, EOPNOTSUPP};

use super::{Call, Row, refuse, row};
use crate::exec::Run;
use crate::fault::Fault;
use crate::prov::{Kind, Life, Perm, Reg};

/// Rows of [`super::rows`].
pub(crate) static ROWS: &[Row] = &[
    row("get_current_pid_tgid", pid_tgid, "of the calling thread"),
    row("get_current_uid_gid", uid_gid, "of the calling thread"),
    row("get_current_comm", comm, "of the calling thread"),
    row("get_current_cgroup_id", cgroup_id, "of the process, in the unified hierarchy"),
    row("get_current_ancestor_cgroup_id", ancestor_cgroup_id, "of the process, in the unified hierarchy"),
    row("get_ns_current_pid_tgid", ns_pid_tgid, "for the process's own PID namespace"),
    row(
        "get_current_task",
        |_, _| Ok(Reg::ZERO),
        "0: there is no `struct task_struct` to read in user space",
    ),
    row("get_current_task_btf", task, "an opaque object, good for task storage"),
    refuse("current_task_under_cgroup", EOPNOTSUPP, "cgroup arrays hold the kernel's objects"),
];

/// Layout of `struct bpf_pidns_info`: pid, tgid.
const PIDNS_INFO: usize = 8;

fn ids() -> (u32, u32) {
    // SAFETY: these calls take nothing and cannot fail.
    unsafe { (libc::syscall(libc::SYS_gettid) as u32, libc::getpid() as u32) }
}

fn pid_tgid(_: &mut Run<'_>, _: &Call) -> Result<Reg, Fault> {
    let (tid, pid) = ids();
    Ok(Reg::scalar(u64::from(pid) << 32 | u64::from(tid)))
}

fn uid_gid(_: &mut Run<'_>, _: &Call) -> Result<Reg, Fault> {
    // SAFETY: these calls take nothing and cannot fail.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    Ok(Reg::scalar(u64::from(gid) << 32 | u64::from(uid)))
}

fn comm(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let mut name = [0u8; 16];
    // SAFETY: the call writes at most 16 bytes.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let out = call.bytes_mut(0);
    let len = name.iter().position(|&b| b == 0).unwrap_or(15).min(out.len() - 1);
    out.fill(0);
    out[..len].copy_from_slice(&name[..len]);
    Ok(Reg::ZERO)
}

thread_local! {
    /// Cgroup ids from the root (level 0) to the process's own, looked up once per thread.
    static CGROUPS: OnceCell<Vec<u64>> = const { OnceCell::new() };
}

fn with_cgroups<T>(f: impl FnOnce(&[u64]) -> T) -> T {
    CGROUPS.with(|cell| f(cell.get_or_init(|| find_cgroups().unwrap_or_default())))
}

/// A cgroup's id is the inode number of its directory.
fn find_cgroups() -> Option<Vec<u64>> {
    let list = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = list.lines().find_map(|l| l.strip_prefix("0::"))?;
    let root = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].into_iter().find(|root| {
        fs::metadata(format!("{root}/cgroup.procs")).is_ok() && fs::metadata(format!("{root}{path}")).is_ok()
    })?;
    let mut at = root.to_owned();
    let mut ids = vec![fs::metadata(&at).ok()?.ino()];
    for part in path.split('/').filter(|p| !p.is_empty()) {
        at = format!("{at}/{part}");
        ids.push(fs::metadata(&at).ok()?.ino());
    }
    Some(ids)
}

/// Id of the process's cgroup; 0 if it cannot be found.
pub(crate) fn own_cgroup() -> u64 {
    with_cgroups(|ids| ids.last().copied().unwrap_or(0))
}

fn cgroup_id(_: &mut Run<'_>, _: &Call) -> Result<Reg, Fault> {
    Ok(Reg::scalar(own_cgroup()))
}

fn ancestor_cgroup_id(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let level = call.u32(0) as usize;
    Ok(Reg::scalar(with_cgroups(|ids| ids.get(level).copied().unwrap_or(0))))
}

fn ns_pid_tgid(_: &mut Run<'_>, call: &Call) -> Result<Reg, Fault> {
    let out = call.bytes_mut(2);
    out.fill(0);
    let own = fs::metadata("/proc/self/ns/pid").ok();
    let matches = own.is_some_and(|m| m.dev() == call.u64(0) && m.ino() == call.u64(1));
    if out.len() != PIDNS_INFO || !matches {
        return Ok(Reg::errno(EINVAL.0));
    }
    let (tid, pid) = ids();
    out[..4].copy_from_slice(&tid.to_ne_bytes());
    out[4..].copy_from_slice(&pid.to_ne_bytes());
    Ok(Reg::ZERO)
}

/// An object without readable bytes whose address is the thread id: equal for equal threads.
fn task(_: &mut Run<'_>, _: &Call) -> Result<Reg, Fault> {
    let address = 1 << 47 | u64::from(ids().0) << 8;
    Ok(Reg::pointer(Kind::Btf, address, 0, Perm::NONE, Life::RUN))
}
