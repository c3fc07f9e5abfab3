//! How a command ends when it does not end well, and when colour is used.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use clap::CommandFactory;

/// Why a command stops: a message for standard error and the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The work failed; one line that says who is at fault and what was expected. Exit code 1.
    Message(String),
    /// The arguments make no sense together, which clap could not know. Exit code 2.
    Usage(String),
    /// The reader of our output went away (`skep … | head`): nothing to say. Exit code 0.
    ReaderGone,
    /// What there was to say has been said already; only the exit code is left.
    Silent(u8),
}

impl Failure {
    /// A failure with that message.
    pub(crate) fn new(message: impl Display) -> Self {
        Self::Message(message.to_string())
    }

    /// Arguments that make no sense together.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// Prints the message, if there is one, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Message(text) => {
                let red = anstyle::AnsiColor::Red.on_default().bold();
                anstream::eprintln!("{red}error{red:#}: {text}");
                ExitCode::FAILURE
            }
            Self::Usage(text) => {
                let error =
                    crate::Cli::command().error(clap::error::ErrorKind::MissingRequiredArgument, text);
                // Nobody is left to be told when standard error is gone too.
                let _ = error.print();
                ExitCode::from(2)
            }
            Self::ReaderGone => ExitCode::SUCCESS,
            Self::Silent(code) => ExitCode::from(code),
        }
    }
}

impl From<io::Error> for Failure {
    /// For errors of writing to standard output; errors of files are given their name by whoever opens them.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::Message(format!("cannot write the output: {error}"))
        }
    }
}

/// `--color`
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Color {
    /// Only on a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes it the choice of every stream this process writes.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}
