//! How a command ends badly, and with which exit code.

use std::process::ExitCode;

/// The result of a command or of a part of it.
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

/// Why a command ended badly.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check said no, or a program it needs did not work.
    Failed(String),
    /// The command line makes no sense.
    Usage(String),
    /// Everything there is to say has been printed, because a closing line had to come after it.
    Reported,
}

impl Failure {
    /// One failure out of a list of findings, or success where there are none.
    pub(crate) fn unless_empty(what: &str, findings: &[String]) -> Result {
        if findings.is_empty() {
            return Ok(());
        }
        let mut text = format!("error: {what}: {} found", findings.len());
        for finding in findings {
            text.push_str("\n  - ");
            text.push_str(finding);
        }
        Err(Self::Failed(text))
    }

    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Failed(message) | Self::Usage(message) => Some(message),
            Self::Reported => None,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) | Self::Reported => ExitCode::FAILURE,
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

/// Turns any error into a failure that says what was being done.
pub(crate) fn doing<E: std::fmt::Display>(what: impl std::fmt::Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure::Failed(format!("error: {what}: {error}"))
}
