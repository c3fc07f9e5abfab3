//! Error numbers of Linux, x86-64 numbering.
//!
//! Maps, helpers and `bpf(2)` answer with these. A table holds each number once with its name and what it means in
//! words, so that an error a user sees is never a bare number.

use core::fmt;

/// A Linux error number, positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

/// Declares each constant and its row of the table together.
macro_rules! errnos {
    ($($name:ident = $number:literal $text:literal;)*) => {
        $(#[doc = concat!("`", stringify!($name), "` (", stringify!($number), "): ", $text, ".")]
        pub const $name: Errno = Errno($number);)*

        /// In rising order, for the search in [`Errno::row`].
        static TABLE: &[(i32, &str, &str)] = &[$(($number, stringify!($name), $text),)*];
    };
}

errnos! {
    EPERM = 1 "not permitted";
    ENOENT = 2 "no such entry";
    ESRCH = 3 "no such process";
    EINTR = 4 "interrupted by a signal";
    EIO = 5 "input or output failed";
    ENXIO = 6 "no such device or address";
    E2BIG = 7 "too large";
    ENOEXEC = 8 "not an executable format";
    EBADF = 9 "bad file descriptor";
    ECHILD = 10 "no child process";
    EAGAIN = 11 "try again";
    ENOMEM = 12 "out of memory";
    EACCES = 13 "access denied";
    EFAULT = 14 "bad address";
    ENOTBLK = 15 "not a block device";
    EBUSY = 16 "busy";
    EEXIST = 17 "already exists";
    EXDEV = 18 "across file systems";
    ENODEV = 19 "no such device";
    ENOTDIR = 20 "not a directory";
    EISDIR = 21 "is a directory";
    EINVAL = 22 "invalid argument";
    ENFILE = 23 "too many open files in the system";
    EMFILE = 24 "too many open files in the process";
    ENOTTY = 25 "not a terminal, or no such ioctl";
    ETXTBSY = 26 "program file in use";
    EFBIG = 27 "file too large";
    ENOSPC = 28 "no space left";
    ESPIPE = 29 "cannot seek";
    EROFS = 30 "read-only file system";
    EMLINK = 31 "too many links";
    EPIPE = 32 "nobody reads the other end";
    EDOM = 33 "outside the function's domain";
    ERANGE = 34 "result out of range";
    EDEADLK = 35 "would deadlock";
    ENAMETOOLONG = 36 "name too long";
    ENOLCK = 37 "no locks left";
    ENOSYS = 38 "no such system call";
    ENOTEMPTY = 39 "not empty";
    ELOOP = 40 "too many symbolic links, or a loop";
    ENOMSG = 42 "no message of that type";
    ENODATA = 61 "no data";
    ETIME = 62 "time ran out";
    EPROTO = 71 "protocol error";
    EBADMSG = 74 "bad message";
    EOVERFLOW = 75 "value too large for its type";
    EILSEQ = 84 "invalid byte sequence";
    EUSERS = 87 "too many users";
    ENOTSOCK = 88 "not a socket";
    EDESTADDRREQ = 89 "destination address needed";
    EMSGSIZE = 90 "message too long";
    EPROTOTYPE = 91 "wrong protocol for the socket";
    ENOPROTOOPT = 92 "no such protocol option";
    EPROTONOSUPPORT = 93 "protocol not supported";
    ESOCKTNOSUPPORT = 94 "socket type not supported";
    EOPNOTSUPP = 95 "operation not supported";
    EPFNOSUPPORT = 96 "protocol family not supported";
    EAFNOSUPPORT = 97 "address family not supported";
    EADDRINUSE = 98 "address in use";
    EADDRNOTAVAIL = 99 "address not available";
    ENETDOWN = 100 "network is down";
    ENETUNREACH = 101 "network unreachable";
    ECONNABORTED = 103 "connection aborted";
    ECONNRESET = 104 "connection reset by the peer";
    ENOBUFS = 105 "no buffer space";
    EISCONN = 106 "already connected";
    ENOTCONN = 107 "not connected";
    ETIMEDOUT = 110 "timed out";
    ECONNREFUSED = 111 "connection refused";
    EHOSTUNREACH = 113 "host unreachable";
    EALREADY = 114 "already in progress";
    EINPROGRESS = 115 "now in progress";
    ESTALE = 116 "stale handle";
    ECANCELED = 125 "cancelled";
    EOWNERDEAD = 130 "owner died";
    ERFKILL = 132 "radio switched off";
    ERESTARTSYS = 512 "the system call is to be restarted (inside the kernel)";
    EPROBE_DEFER = 517 "driver asks to be probed later (inside the kernel)";
    ENOTSUPP = 524 "not supported (inside the kernel)";
}

/// Another name that Linux gives to [`EAGAIN`].
pub const EWOULDBLOCK: Errno = EAGAIN;

impl Errno {
    /// The constant's name, or `None` for a number that the table does not have.
    pub fn name(self) -> Option<&'static str> {
        Some(self.row()?.1)
    }

    /// The number with this constant's name.
    pub fn from_name(name: &str) -> Option<Errno> {
        TABLE.iter().find(|row| row.1 == name).map(|row| Errno(row.0))
    }

    /// What it means in a few words; empty for a number that the table does not have.
    pub fn text(self) -> &'static str {
        self.row().map_or("", |row| row.2)
    }

    /// The value a helper or a system call hands back: the number negated, in 64 bits.
    pub const fn to_return(self) -> u64 {
        -(self.0 as i64) as u64
    }

    fn row(self) -> Option<&'static (i32, &'static str, &'static str)> {
        TABLE.binary_search_by_key(&self.0, |row| row.0).ok().map(|at| &TABLE[at])
    }
}

impl fmt::Display for Errno {
    /// `EINVAL (22): invalid argument`, or `errno 4095`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some((number, name, text)) => write!(f, "{name} ({number}): {text}"),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl std::error::Error for Errno {}

impl From<std::io::Error> for Errno {
    /// The error number the system gave; an error that has none becomes [`EIO`].
    fn from(error: std::io::Error) -> Errno {
        error.raw_os_error().map_or(EIO, Errno)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_rises_and_reads_both_ways() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for &(number, name, _) in TABLE {
            assert_eq!(Errno(number).name(), Some(name));
            assert_eq!(Errno::from_name(name), Some(Errno(number)));
        }
    }

    #[test]
    fn shows_name_number_and_meaning() {
        assert_eq!(EINVAL.to_string(), "EINVAL (22): invalid argument");
        assert_eq!(Errno(4095).to_string(), "errno 4095");
        assert_eq!(ENOENT.to_return() as i64, -2);
    }
}
