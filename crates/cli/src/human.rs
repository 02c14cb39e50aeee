//! What people are told on stderr, in colours where there is a terminal to show them.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use backstop::{Error, Observer, Step, Trail, Verdict};

use crate::terminal;

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();

/// A line: a word in a colour if it has one, and a text that may hold what a provider or model said.
fn say(style: Style, word: &str, text: &str) {
    let text = terminal::shown(text, std::io::stderr().is_terminal());
    let line = if word.is_empty() {
        format!("{style}{text}{style:#}")
    } else {
        format!("{style}{word}{style:#}: {text}")
    };
    // Where people cannot be told, there is nobody to tell so.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

pub(crate) fn error(text: &str) {
    say(RED, "error", text);
}

/// What went wrong: of a config file every problem with its line, of anything else one line.
pub(crate) fn failure(problem: &Error) {
    let cause = std::error::Error::source(problem);
    match cause.and_then(|cause| cause.downcast_ref::<backstop_config::Problems>()) {
        Some(problems) => plain(&problems.to_string()),
        None => error(&problem.to_string()),
    }
}

/// A text that says by itself what it is.
pub(crate) fn plain(text: &str) {
    say(Style::new(), "", text);
}

pub(crate) fn warning(text: &str) {
    say(YELLOW, "warning", text);
}

pub(crate) fn note(text: &str) {
    say(DIM, "", text);
}

/// The trail, a line a step: what answered in green, the rest dimmed.
fn trail(trail: &Trail) {
    let text = trail.to_string();
    for (line, step) in text.lines().zip(trail.steps()) {
        let style = if step.verdict == Verdict::Delivered { GREEN } else { DIM };
        say(style, "", line);
    }
}

/// Shows whom the call is waiting for, on a terminal; with `-v` tells every decision, anywhere.
#[derive(Debug)]
pub(crate) struct Progress {
    verbose: bool,
    target: Arc<Mutex<Option<String>>>,
}

impl Progress {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, target: Arc::default() }
    }

    /// Turns for as long as it is polled; clear it with [`clear`](Self::clear).
    pub(crate) async fn spin(&self) {
        if !std::io::stderr().is_terminal() {
            return std::future::pending().await;
        }
        for turn in ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"].iter().cycle() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let target = self.target.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(target) = target {
                let target = terminal::shown(&target, true);
                let _ = write!(anstream::stderr().lock(), "\r\x1b[2K{DIM}{turn} {target}{DIM:#}");
            }
        }
    }

    /// The trail, unless every step of it has been told already.
    pub(crate) fn trail(&self, steps: &Trail) {
        if !self.verbose {
            trail(steps);
        }
    }

    /// Takes the spinner away, so that something else can stand on its line.
    pub(crate) fn clear(&self) {
        let shown = self.target.lock().unwrap_or_else(PoisonError::into_inner).take();
        if shown.is_some() && std::io::stderr().is_terminal() {
            let _ = write!(anstream::stderr().lock(), "\r\x1b[2K");
        }
    }
}

impl Observer for Progress {
    fn started(&self, target: &str) {
        if self.verbose {
            self.clear();
            note(&format!("asking {target}"));
        }
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target.to_owned());
    }

    fn decided(&self, step: &Step) {
        if self.verbose {
            self.clear();
            note(&step.to_string());
        }
    }
}
