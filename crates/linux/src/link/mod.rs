//! Links: programs attached to hooks of the kernel.
//!
//! A [`Link`] is a descriptor: while it is open, or pinned, the program is attached; when the last one is gone, also
//! because the process died, it is not. [`Hook`] says where to attach; [`Program::attach`] does it.
//!
//! | module | what |
//! |---|---|
//! | `hook` | the places there are, and how each is written for the kernel |
//! | `perf` | those that are perf events first: tracepoints, user probes, sampling |
//! | `info` | what the kernel says about a link |
//! | `error` | an errno as a sentence |

mod error;
mod hook;
mod info;
mod perf;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use skep_platform::Errno;
use skep_platform::errno::EINVAL;
use skep_platform::uapi::BPF_F_REPLACE;

pub use error::AttachError;
pub use hook::{Anchor, Hook, NetfilterHook, Order, XdpMode};
pub use info::{LinkInfo, LinkPlace};
pub use perf::UserProbe;

use crate::pin;
use crate::program::Program;
use crate::sys::{Command, attr, bpf, bpf_fd};

/// An attached program. Dropping it detaches, unless it was pinned.
#[derive(Debug)]
pub struct Link {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The kernel's own links.
    Link(OwnedFd),
    /// A perf event that runs a program, as before 5.15; it is the event that holds the program.
    Event(OwnedFd),
}

impl Program {
    /// Attaches it.
    ///
    /// # Errors
    /// The errno with the place and what to do about it.
    pub fn attach(&self, hook: &Hook<'_>) -> Result<Link, AttachError> {
        hook::attach(self, hook).map_err(|errno| AttachError::new(self.name(), hook, errno))
    }
}

impl Link {
    pub(crate) fn of_link(fd: OwnedFd) -> Link {
        Link { kind: Kind::Link(fd) }
    }

    pub(crate) fn of_event(fd: OwnedFd) -> Link {
        Link { kind: Kind::Event(fd) }
    }

    /// Takes over a descriptor.
    ///
    /// # Errors
    /// `EINVAL` when it is not a link's.
    pub fn from_fd(fd: OwnedFd) -> Result<Link, Errno> {
        crate::sys::info::check_kind(fd.as_fd(), crate::sys::info::LINK)?;
        Ok(Link::of_link(fd))
    }

    /// Opens the link of that id.
    ///
    /// # Errors
    /// `ENOENT` when there is none, `EPERM` without CAP_SYS_ADMIN.
    pub fn from_id(id: u32) -> Result<Link, Errno> {
        let mut attr = attr::ById { id, ..Default::default() };
        // SAFETY: the struct holds no address.
        Ok(Link::of_link(unsafe { bpf_fd(Command::LinkById, &mut attr) }?))
    }

    /// Opens the link that is pinned there.
    ///
    /// # Errors
    /// `ENOENT` when nothing is, `EINVAL` when it is a map or program.
    pub fn from_pin(path: &Path) -> Result<Link, Errno> {
        Link::from_fd(pin::get(path)?)
    }

    /// Pins it: the program stays attached when this process ends, until the file is removed.
    ///
    /// # Errors
    /// `EEXIST`, `EPERM` outside a BPF file system, `EINVAL` for a bare perf event.
    pub fn pin(&self, path: &Path) -> Result<(), Errno> {
        pin::pin(self.as_fd(), path)
    }

    /// Puts another program behind the link, at once: every event meets the old or the new one, and none meets neither.
    ///
    /// # Errors
    /// `EINVAL` when the program is of another type or was loaded for another attach type; `EEXIST` when it is at that
    /// tcx hook already; `EOPNOTSUPP` or `EINVAL` for links that the kernel cannot update
    /// (perf events, tracing): attach the new program there and then drop the old link.
    pub fn update(&self, program: &Program) -> Result<(), Errno> {
        self.replace(program, None)
    }

    /// The same, but only while `old` is the one behind it, so that two who replace do not undo each other's work.
    ///
    /// # Errors
    /// `EPERM` when another program is; else as [`Link::update`].
    pub fn update_from(&self, old: &Program, new: &Program) -> Result<(), Errno> {
        self.replace(new, Some(old))
    }

    fn replace(&self, new: &Program, old: Option<&Program>) -> Result<(), Errno> {
        let mut attr = attr::LinkUpdate {
            link_fd: self.as_fd().as_raw_fd() as u32,
            new_prog_fd: new.as_fd().as_raw_fd() as u32,
            flags: old.map_or(0, |_| BPF_F_REPLACE as u32),
            old_prog_fd: old.map_or(0, |old| old.as_fd().as_raw_fd() as u32),
        };
        // SAFETY: the struct holds no address.
        unsafe { bpf(Command::LinkUpdate, &mut attr) }.map(drop)
    }

    /// Takes the program off its hook although the link stays open, also when it is pinned or others hold it.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for links that only closing detaches (tracing, perf events).
    pub fn detach(&self) -> Result<(), Errno> {
        if let Kind::Event(event) = &self.kind {
            return crate::perf_event::disable(event.as_fd());
        }
        let mut attr = attr::LinkDetach { link_fd: self.as_fd().as_raw_fd() as u32 };
        // SAFETY: the struct holds no address.
        unsafe { bpf(Command::LinkDetach, &mut attr) }.map(drop)
    }

    /// What the kernel says about it.
    ///
    /// # Errors
    /// `EINVAL` for a bare perf event, which is no link.
    pub fn info(&self) -> Result<LinkInfo, Errno> {
        match &self.kind {
            Kind::Link(fd) => info::describe(fd.as_fd()),
            Kind::Event(_) => Err(EINVAL),
        }
    }

    /// Opens an iterator for reading: each opening walks once, running the program for every object.
    ///
    /// # Errors
    /// `EINVAL` for other links.
    pub fn read_iterator(&self) -> Result<File, Errno> {
        let mut attr = attr::IterCreate { link_fd: self.as_fd().as_raw_fd() as u32, flags: 0 };
        // SAFETY: the struct holds no address.
        unsafe { bpf_fd(Command::IterCreate, &mut attr) }.map(File::from)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Link(fd) | Kind::Event(fd) => fd.as_fd(),
        }
    }
}
