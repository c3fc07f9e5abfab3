//! Errors: who is at fault, where, what was expected and what was found, in one line.

use std::fmt::{self, Write};

/// Why a file is not an object that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectError {
    /// The object's name as the caller gave it.
    pub object: String,
    /// Where the fault is.
    pub place: Place,
    /// What it is.
    pub problem: Problem,
}

/// A place in an object file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Section, by name or, where that cannot be read, `#index`.
    pub section: Option<String>,
    /// Byte offset in the section; in the file when there is no section.
    pub offset: Option<u64>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A part of the file is cut off.
    Short {
        /// The part.
        what: &'static str,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that there are.
        found: u64,
    },
    /// A value is not what it must be.
    Expected {
        /// The thing that has the value.
        what: String,
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A limit of this crate (named in its `limits` module) is exceeded.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
}

impl Problem {
    /// A value that is not what it must be.
    pub(crate) fn expected(
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Expected { what: what.into(), expected: expected.into(), found: found.to_string() }
    }

    /// Puts the problem at a place of a section.
    pub(crate) fn at(self, section: &str, offset: u64) -> Fault {
        Fault { place: Place { section: Some(section.to_owned()), offset: Some(offset) }, problem: self }
    }

    /// Puts the problem in a section as a whole.
    pub(crate) fn within(self, section: &str) -> Fault {
        Fault { place: Place { section: Some(section.to_owned()), offset: None }, problem: self }
    }

    /// Puts the problem at an offset of the file.
    pub(crate) fn at_file(self, offset: u64) -> Fault {
        Fault { place: Place { section: None, offset: Some(offset) }, problem: self }
    }
}

/// A placed problem before the object's name is put to it: what functions inside the crate return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) problem: Problem,
}

impl Fault {
    /// Says whose fault it is.
    pub(crate) fn of(self, object: &str) -> ObjectError {
        ObjectError { object: object.to_owned(), place: self.place, problem: self.problem }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.section, self.offset) {
            (Some(section), Some(offset)) => write!(f, "section {section}, offset {offset:#x}: "),
            (Some(section), None) => write!(f, "section {section}: "),
            (None, Some(offset)) => write!(f, "file offset {offset:#x}: "),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { what, needed, found } => write!(f, "{what} needs {needed} bytes, found {found}"),
            Self::Expected { what, expected, found } => {
                write!(f, "{what}: expected {expected}, found {found}")
            }
            Self::TooMany { what, limit } => write!(f, "more than {limit} {what}"),
        }
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, place, problem } = self;
        write!(OneLine(f), "{object}: {place}{problem}")
    }
}

/// Writes control characters as escapes: names in a message come from the file, and neither a line feed nor a terminal's
/// command in them may reach the reader.
pub(crate) struct OneLine<'a, 'f>(pub(crate) &'a mut fmt::Formatter<'f>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c.is_control() {
            true => write!(self.0, "{}", c.escape_default()),
            false => self.0.write_char(c),
        })
    }
}

impl std::error::Error for ObjectError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_file_cannot_break_the_line() {
        let fault = Problem::expected("symbol \"a\nb\x1b[2J\"", "a map", "nothing").at(".text", 0);
        assert_eq!(
            fault.of("x.o").to_string(),
            "x.o: section .text, offset 0x0: symbol \"a\\nb\\u{1b}[2J\": expected a map, found nothing"
        );
    }
}
