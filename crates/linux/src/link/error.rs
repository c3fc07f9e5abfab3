//! Why a program was not attached, as a sentence that says what to do.

use std::fmt;

use skep_platform::Errno;
use skep_platform::errno::{
    EACCES, EBADF, EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, ENOTSUPP, EOPNOTSUPP, EPERM, ERANGE, ESRCH,
};

use crate::link::Hook;

/// The kernel did not attach a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachError {
    /// The program.
    pub program: String,
    /// The hook in a few words.
    pub hook: String,
    /// The errno.
    pub errno: Errno,
    /// What to do; empty where the errno says it all.
    pub advice: &'static str,
}

impl AttachError {
    pub(super) fn new(program: &str, hook: &Hook<'_>, errno: Errno) -> Self {
        Self { program: program.to_owned(), hook: words(hook), errno, advice: advice(hook, errno) }
    }
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AttachError { program, hook, errno, advice } = self;
        write!(f, "program {program} was not attached to {hook}: {errno}")?;
        if advice.is_empty() { Ok(()) } else { write!(f, "; {advice}") }
    }
}

impl std::error::Error for AttachError {}

fn words(hook: &Hook<'_>) -> String {
    match hook {
        Hook::Xdp { interface, .. } => format!("XDP of interface {interface}"),
        Hook::Tcx { interface, ingress: true, .. } => format!("tcx ingress of interface {interface}"),
        Hook::Tcx { interface, .. } => format!("tcx egress of interface {interface}"),
        Hook::Cgroup { attach, .. } => format!("the cgroup ({})", attach.name()),
        Hook::Netns { attach, .. } => format!("the network namespace ({})", attach.name()),
        Hook::Sockmap { map, attach } => format!("socket map {} ({})", map.name(), attach.name()),
        Hook::Netfilter(place) => format!("netfilter hook {}", place.hook),
        Hook::RawTracepoint(name) => format!("raw tracepoint {name}"),
        Hook::Tracing => "what it was loaded for".to_owned(),
        Hook::Iterator { .. } => "its iterator".to_owned(),
        Hook::Tracepoint { category, name, .. } => format!("tracepoint {category}:{name}"),
        Hook::User(probe) | Hook::UserMulti { probe, .. } => {
            format!("{}+{:#x}", probe.file.display(), probe.offset)
        }
        Hook::Sample { event, .. } => format!("software event {event}"),
    }
}

/// What to do, by hook and errno; the first row that fits is taken.
fn advice(hook: &Hook<'_>, errno: Errno) -> &'static str {
    let rows: &[(bool, Errno, &str)] = &[
        (matches!(hook, Hook::Xdp { .. }), EBUSY, "another program is there: detach it or update its link"),
        (matches!(hook, Hook::Xdp { .. }), EEXIST, "it runs in another mode there: detach that first"),
        (
            matches!(hook, Hook::Xdp { .. }),
            EOPNOTSUPP,
            "the driver has no native XDP: attach in generic mode",
        ),
        (
            matches!(hook, Hook::Xdp { .. }),
            ERANGE,
            "the interface's MTU is too large: load it with frags, or lower the MTU",
        ),
        (
            matches!(hook, Hook::Tracepoint { .. }),
            ENOENT,
            "there is no such tracepoint, or tracefs is not mounted",
        ),
        (matches!(hook, Hook::RawTracepoint(_)), ENOENT, "there is no tracepoint of that name"),
        (
            matches!(hook, Hook::User(_) | Hook::UserMulti { .. }),
            ENOENT,
            "the file, or the kernel's uprobes, are missing",
        ),
        (
            matches!(hook, Hook::User(_) | Hook::UserMulti { .. }),
            EINVAL,
            "there is no instruction at that offset",
        ),
        (
            matches!(hook, Hook::Tcx { .. }),
            EINVAL,
            "tcx needs Linux 6.6; and the program must be of the type sched_cls",
        ),
        (matches!(hook, Hook::Cgroup { .. }), EBADF, "the directory is not of a version 2 cgroup"),
        (
            matches!(hook, Hook::Cgroup { .. }),
            EPERM,
            "a program that forbids others is attached above, or CAP_NET_ADMIN is missing",
        ),
        (true, ENODEV, "there is no such interface in this network namespace"),
        (true, ESRCH, "there is no such process"),
        (true, EPERM, "needs root, or CAP_BPF with CAP_NET_ADMIN or CAP_PERFMON"),
        (true, EACCES, "needs CAP_PERFMON, or a lower kernel.perf_event_paranoid"),
        (
            true,
            EINVAL,
            "the program's type or attach type is not this hook's, or the kernel is too old for it",
        ),
        (true, ENOTSUPP, "this kernel was built without it"),
    ];
    rows.iter().find(|row| row.0 && row.1 == errno).map_or("", |row| row.2)
}
