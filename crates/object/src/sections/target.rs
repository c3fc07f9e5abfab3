//! What follows the slash in a section's name: the attach target.

/// What may follow the slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Nothing: the name is exact.
    Nothing,
    /// `FUNCTION[+OFFSET]`
    Function { ret: bool },
    /// A pattern of function names with `*` and `?`.
    Pattern { ret: bool, session: bool },
    /// The name of a system call without any prefix.
    Syscall { ret: bool },
    /// `PATH:FUNCTION[+OFFSET]`
    User { ret: bool },
    /// `PATH:PATTERN`
    UserPattern { ret: bool, session: bool },
    /// `PATH:PROVIDER:NAME`
    Usdt,
    /// `CATEGORY/NAME`
    Tracepoint,
    /// One name: of a function, raw tracepoint, LSM hook, iterator or struct_ops member.
    Named,
}

/// What a program attaches to, as far as its section's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachTarget {
    /// The name says nothing: whoever attaches the program says where.
    Unspecified,
    /// A kernel function.
    Function {
        /// Its name.
        name: String,
        /// Bytes from its start.
        offset: u64,
        /// At its return and not at its start.
        ret: bool,
    },
    /// All kernel functions whose names match.
    Pattern {
        /// With `*` and `?`.
        pattern: String,
        /// At their return.
        ret: bool,
        /// At both start and return, the first run deciding whether there is a second.
        session: bool,
    },
    /// A system call, whatever the architecture calls its function.
    Syscall {
        /// `openat`, without `sys_`.
        name: String,
        /// At its return.
        ret: bool,
    },
    /// A function of a program or library.
    User {
        /// File, or a library's name to look up.
        path: String,
        /// Name of the function; empty when `offset` counts from the file's start.
        function: String,
        /// Bytes from the function's start.
        offset: u64,
        /// At its return.
        ret: bool,
    },
    /// All functions of a program or library whose names match.
    UserPattern {
        /// File, or a library's name to look up.
        path: String,
        /// With `*` and `?`.
        pattern: String,
        /// At their return.
        ret: bool,
        /// At both start and return.
        session: bool,
    },
    /// A user statically defined tracepoint.
    Usdt {
        /// File, or a library's name to look up.
        path: String,
        /// Its provider.
        provider: String,
        /// Its name.
        name: String,
    },
    /// A tracepoint of tracefs.
    Tracepoint {
        /// Directory in `events/`.
        category: String,
        /// Directory in that.
        name: String,
    },
    /// One name, whose meaning goes with the program type: a function, raw tracepoint, LSM hook, iterator.
    Named(String),
    /// The name does not have the form that its kind asks for; attaching by name is not possible.
    Malformed {
        /// What follows the slash.
        text: String,
        /// The form asked for.
        expected: &'static str,
    },
}

impl AttachTarget {
    /// Reads what follows the slash. Never fails: a program with an odd target can still be attached by hand.
    pub(super) fn parse(syntax: Syntax, text: &str) -> Self {
        if text.is_empty() || syntax == Syntax::Nothing {
            return Self::Unspecified;
        }
        let parsed = match syntax {
            Syntax::Nothing => None,
            Syntax::Function { ret } => {
                function(text).map(|(name, offset)| Self::Function { name, offset, ret })
            }
            Syntax::Pattern { ret, session } => {
                Some(Self::Pattern { pattern: text.to_owned(), ret, session })
            }
            Syntax::Syscall { ret } => Some(Self::Syscall { name: text.to_owned(), ret }),
            Syntax::User { ret } => text.rsplit_once(':').and_then(|(path, rest)| {
                let (function, offset) =
                    number(rest).map(|offset| (String::new(), offset)).or_else(|| function(rest))?;
                Some(Self::User { path: path.to_owned(), function, offset, ret })
            }),
            Syntax::UserPattern { ret, session } => text.rsplit_once(':').map(|(path, pattern)| {
                Self::UserPattern { path: path.to_owned(), pattern: pattern.to_owned(), ret, session }
            }),
            Syntax::Usdt => usdt(text),
            Syntax::Tracepoint => text.split_once('/').map(|(category, name)| Self::Tracepoint {
                category: category.to_owned(),
                name: name.to_owned(),
            }),
            Syntax::Named => Some(Self::Named(text.to_owned())),
        };
        parsed.unwrap_or_else(|| Self::Malformed { text: text.to_owned(), expected: syntax.form() })
    }
}

impl Syntax {
    /// The form as one writes it in an error.
    const fn form(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Function { .. } => "FUNCTION[+OFFSET]",
            Self::Pattern { .. } => "PATTERN",
            Self::Syscall { .. } | Self::Named => "NAME",
            Self::User { .. } => "PATH:FUNCTION[+OFFSET]",
            Self::UserPattern { .. } => "PATH:PATTERN",
            Self::Usdt => "PATH:PROVIDER:NAME",
            Self::Tracepoint => "CATEGORY/NAME",
        }
    }
}

/// `NAME[+OFFSET]`
fn function(text: &str) -> Option<(String, u64)> {
    match text.split_once('+') {
        Some((name, offset)) => Some((name.to_owned(), number(offset)?)),
        None => Some((text.to_owned(), 0)),
    }
}

/// The path may hold colons, the other two may not.
fn usdt(text: &str) -> Option<AttachTarget> {
    let (rest, name) = text.rsplit_once(':')?;
    let (path, provider) = rest.rsplit_once(':')?;
    let [path, provider, name] = [path, provider, name].map(str::to_owned);
    Some(AttachTarget::Usdt { path, provider, name })
}

/// Decimal, or hexadecimal after `0x`.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProgramKind;

    fn target(section: &str) -> AttachTarget {
        ProgramKind::from_section(section).target
    }

    #[test]
    fn functions_may_have_an_offset() {
        let expected = |offset| AttachTarget::Function { name: "do_exit".into(), offset, ret: false };
        assert_eq!(target("kprobe/do_exit"), expected(0));
        assert_eq!(target("kprobe/do_exit+0x10"), expected(16));
        assert_eq!(target("kprobe"), AttachTarget::Unspecified);
        assert!(matches!(target("kprobe/do_exit+x"), AttachTarget::Malformed { .. }));
    }

    #[test]
    fn user_targets_keep_colons_and_slashes_in_paths() {
        assert_eq!(
            target("uretprobe//usr/lib/a:b.so:malloc+8"),
            AttachTarget::User {
                path: "/usr/lib/a:b.so".into(),
                function: "malloc".into(),
                offset: 8,
                ret: true
            }
        );
        assert_eq!(
            target("usdt/libc.so.6:libc:setjmp"),
            AttachTarget::Usdt { path: "libc.so.6".into(), provider: "libc".into(), name: "setjmp".into() }
        );
        assert!(matches!(
            target("usdt/libc"),
            AttachTarget::Malformed { expected: "PATH:PROVIDER:NAME", .. }
        ));
    }

    #[test]
    fn multi_probes_keep_their_pattern() {
        assert_eq!(
            target("kprobe.session/tcp_*"),
            AttachTarget::Pattern { pattern: "tcp_*".into(), ret: false, session: true }
        );
        assert_eq!(
            target("uprobe.multi.s/./a.out:main_*"),
            AttachTarget::UserPattern {
                path: "./a.out".into(),
                pattern: "main_*".into(),
                ret: false,
                session: false
            }
        );
    }

    #[test]
    fn tracepoints_have_two_parts() {
        assert_eq!(
            target("tp/sched/sched_switch"),
            AttachTarget::Tracepoint { category: "sched".into(), name: "sched_switch".into() }
        );
        assert_eq!(target("tp_btf/sched_switch"), AttachTarget::Named("sched_switch".into()));
    }
}
