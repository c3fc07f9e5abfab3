//! Why objects cannot be linked.

use std::fmt;

use crate::ObjectError;

/// Why objects cannot be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// There is nothing to link.
    NoInput,
    /// One of the inputs is not an object, or holds what cannot be linked.
    Input(ObjectError),
    /// Two inputs contradict each other.
    Conflict {
        /// What they both say something about.
        what: String,
        /// The first input's name and what it says.
        first: (String, String),
        /// The second's.
        second: (String, String),
    },
    /// The output would have more sections than ELF can count.
    TooManySections {
        /// How many it would have.
        count: usize,
    },
}

/// Two inputs that contradict each other.
pub(super) fn conflict(
    what: impl Into<String>,
    first: &str,
    first_says: impl Into<String>,
    second: &str,
    second_says: impl Into<String>,
) -> LinkError {
    LinkError::Conflict {
        what: what.into(),
        first: (first.to_owned(), first_says.into()),
        second: (second.to_owned(), second_says.into()),
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInput => f.write_str("nothing to link: expected at least one object"),
            Self::Input(error) => error.fmt(f),
            Self::Conflict { what, first, second } => {
                write!(f, "{what}: {} in {}, but {} in {}", first.1, first.0, second.1, second.0)
            }
            Self::TooManySections { count } => {
                write!(f, "expected at most {} sections, found {count}", super::MAX_SECTIONS)
            }
        }
    }
}

impl std::error::Error for LinkError {}
