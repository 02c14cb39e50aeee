//! What goes to stdout: answers, and nothing else.
//!
//! A reader that closes its pipe has seen what it wanted. Whatever else keeps stdout from being written is a failure, since
//! nobody has got what the program was asked for.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::exit::Exit;
use crate::human;
use crate::terminal;

/// Writes a text for people, at once.
pub(crate) fn text(text: &str) -> io::Result<()> {
    write(terminal::shown(text, io::stdout().is_terminal()).as_bytes())
}

/// Writes a value as a line of JSON, at once.
pub(crate) fn json(value: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_string(value)? + "\n";
    write(terminal::shown_json(&line, io::stdout().is_terminal()).as_bytes())
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// How the program ends that would have ended so, had it been written.
pub(crate) fn ending(written: io::Result<()>, otherwise: Exit) -> Exit {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            human::error(&format!("stdout cannot be written: {error}"));
            // What went wrong before that keeps its own code.
            if otherwise == Exit::Answered { Exit::NotAnswered } else { otherwise }
        }
        _ => otherwise,
    }
}

/// Writes a text that is all the program was asked for.
pub(crate) fn only(words: &str) -> Exit {
    ending(text(words), Exit::Answered)
}
