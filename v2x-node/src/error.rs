//! What ends a command: how it is printed, and its exit code. Each part of the program has errors of its own,
//! which come here as a [`Complaint`].

use std::error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// An error that ends a command. Prints as one line: where, what was found and what would be right.
pub trait Complaint: error::Error + Send + Sync + 'static {
    /// A second line for people: what to do next.
    fn hint(&self) -> Option<&'static str> {
        None
    }

    /// The exit code of the process.
    fn code(&self) -> Code {
        Code::BadInput
    }
}

/// Exit codes other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// A check failed, or a station refused.
    CheckFailed = 1,
    /// Bad input, and everything else.
    BadInput = 2,
    /// What a shell calls a program that Ctrl-C ended: 128 + SIGINT.
    Interrupted = 130,
}

/// Why a command ended. Prints as one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A part of the program cannot do what it was asked.
    Part(Box<dyn Complaint>),
    /// A file cannot be written or read.
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The operating system refused something the program cannot do without.
    System {
        /// What was being done.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The user interrupted it; what there was has been reported.
    Interrupted(String),
    /// The program ran, and a check failed: a deadline, a chain, a comparison.
    Check(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(complaint) => write!(f, "{complaint}"),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::System { what, source } => write!(f, "{what}: {source}"),
            Self::Interrupted(text) | Self::Check(text) => write!(f, "{text}"),
            Self::Output(source) => write!(f, "standard output: {source}"),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Part(complaint) => complaint.source(),
            Self::File { source, .. } | Self::System { source, .. } | Self::Output(source) => Some(source),
            Self::Interrupted(_) | Self::Check(_) => None,
        }
    }
}

impl<C: Complaint> From<C> for Error {
    fn from(complaint: C) -> Self {
        Self::Part(Box::new(complaint))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Error {
    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        let code = match self {
            Self::Part(complaint) => complaint.code(),
            Self::Check(_) => Code::CheckFailed,
            Self::Interrupted(_) => Code::Interrupted,
            Self::File { .. } | Self::System { .. } | Self::Output(_) => Code::BadInput,
        };
        ExitCode::from(code as u8)
    }

    /// The reader of the output has gone: no error.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// A second line for people: what to do next.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Part(complaint) => complaint.hint(),
            _ => None,
        }
    }
}

/// The text of a system error without its number: `No such file or directory (os error 2)`.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (os error ") {
        plain.push_str(before);
        match after.split_once(')') {
            Some((number, after)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest = after,
            _ => {
                plain.push_str(" (os error ");
                rest = after;
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_stands_without_its_number() {
        let shown = without_numbers("a: No such file (os error 2); b (os error x) (os error 13)");
        assert_eq!(shown, "a: No such file; b (os error x)");
        assert_eq!(without_numbers("all is well"), "all is well");
        assert_eq!(without_numbers("cut (os error 2"), "cut (os error 2");
    }
}
