//! How the program ends.

use std::ffi::OsString;
use std::process::ExitCode;

use backstop::{Error, ErrorKind};

use crate::{human, json, out};

/// The exit codes of the contract.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Answered,
    NotAnswered,
    /// Usage or config error.
    Config,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Answered => 0,
            Exit::NotAnswered => 1,
            Exit::Config => 2,
            Exit::Interrupted => 130,
        })
    }
}

impl Exit {
    /// How a call that failed so ends the program.
    pub(crate) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Config | ErrorKind::Usage => Self::Config,
            ErrorKind::Cancelled => Self::Interrupted,
            _ => Self::NotAnswered,
        }
    }
}

/// What is wrong with the arguments, in the form they asked for.
pub(crate) fn of_clap(error: &clap::Error) -> Exit {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion) {
        return out::ending(error.print(), Exit::Answered);
    }
    let arguments: Vec<_> = std::env::args_os().skip(1).take_while(|argument| argument != "--").collect();
    if arguments.iter().any(|argument| argument == "--json") {
        let text = error.to_string();
        // What is wrong stands before the first empty line; behind it come tips and usage.
        let wrong: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let wrong = wrong.join(" ");
        let message = wrong.strip_prefix("error: ").unwrap_or(&wrong);
        let streamed = arguments.iter().any(|argument| argument == "--stream");
        let error = Error::new(ErrorKind::Usage, message);
        out::ending(json::print_failure(command(&arguments), streamed, &error), Exit::Config);
    }
    if error.print().is_err() {
        human::error("the arguments are wrong");
    }
    Exit::Config
}

/// Which command was meant, as far as can be told from arguments that are wrong.
fn command(arguments: &[OsString]) -> &str {
    let mut words = arguments.iter().map(|argument| argument.to_str().unwrap_or_default());
    while let Some(word) = words.next() {
        match word {
            // What follows is the name of a file.
            "--config" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => return word,
        }
    }
    "chat"
}
