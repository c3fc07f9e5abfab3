//! Static linking.

use std::fmt;

/// Why objects cannot be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// One of the inputs is not an object.
    Input(crate::ObjectError),
    /// Two inputs contradict each other.
    Conflict {
        /// What they both define.
        what: String,
        /// What the first has and its name.
        first: String,
        /// What the second has and its name.
        second: String,
    },
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => error.fmt(f),
            Self::Conflict { what, first, second } => write!(f, "{what}: {first}, but {second}"),
        }
    }
}

impl std::error::Error for LinkError {}

/// Links relocatable objects into one.
pub fn link(inputs: &[(&str, &[u8])]) -> Result<Vec<u8>, LinkError> {
    for (name, data) in inputs {
        crate::elf::Elf::parse(data).map_err(|fault| LinkError::Input(fault.of(name)))?;
    }
    Ok(Vec::new())
}
