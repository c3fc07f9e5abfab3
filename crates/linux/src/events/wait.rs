//! Sleeping until one of several descriptors has something to read.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use skep_platform::Errno;
use skep_platform::errno::EINTR;

/// Descriptors told about at once; others are told about at the next call.
const AT_ONCE: usize = 64;

/// A set of descriptors to wait for (epoll).
#[derive(Debug)]
pub struct Waiter {
    epoll: OwnedFd,
}

impl Waiter {
    /// An empty set.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`.
    pub fn new() -> Result<Waiter, Errno> {
        // SAFETY: a call without addresses.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(Waiter { epoll: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Adds a descriptor under a number of the caller's. It leaves the set when it is closed.
    ///
    /// # Errors
    /// `EEXIST` when it is in the set, `EPERM` when it cannot be waited for.
    pub fn add(&self, fd: BorrowedFd<'_>, number: u64) -> Result<(), Errno> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number };
        // SAFETY: the struct is live for the call.
        let answer = unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
        };
        if answer < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(()) }
    }

    /// Sleeps until something can be read, at most this long (`None`: for ever); gives the numbers of what can. None
    /// when the time ran out or a signal came.
    ///
    /// # Errors
    /// None in practice.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Vec<u64>, Errno> {
        let millis = timeout.map_or(-1, |time| i32::try_from(time.as_millis()).unwrap_or(i32::MAX));
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; AT_ONCE];
        // SAFETY: the array is live for the call and its length is given.
        let count =
            unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), AT_ONCE as i32, millis) };
        match usize::try_from(count) {
            Ok(count) => Ok(events.iter().take(count).map(|event| event.u64).collect()),
            Err(_) => match std::io::Error::last_os_error().into() {
                EINTR => Ok(Vec::new()),
                errno => Err(errno),
            },
        }
    }
}
