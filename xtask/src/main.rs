//! `cargo xtask`: everything that checks backstop, from one place.
//!
//! A plain program that runs cargo: it links none of our crates, so it builds in seconds and still works when
//! the code it checks does not compile. What CI runs is exactly `cargo xtask ci`; there is no other list of checks.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks on stdout and stderr"
)]

mod args;
mod audit;
mod bench;
mod cargo;
mod ci;
mod deps;
mod failure;
mod features;
mod files;
mod fuzz;
mod lint;
mod metadata;
mod mutants;
mod package;
mod pages;
mod real;
mod rustdoc;
mod sim;
mod source;
mod test;
mod tidy;

use std::process::ExitCode;

use crate::args::{Args, nearest};
use crate::failure::{Failure, Result};

/// One command: how it is called, what it does, and the function that does it.
struct Command {
    name: &'static str,
    options: &'static str,
    about: &'static str,
    run: fn(Args) -> Result,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        options: "",
        about: "all tests and doc tests, then a short simulation",
        run: test::everything,
    },
    Command {
        name: "it",
        options: "[FILTER]",
        about: "the integration tests against simulated failing providers",
        run: test::integration,
    },
    Command {
        name: "conformance",
        options: "",
        about: "the conformance kit over every provider, as a table of providers × cases",
        run: test::conformance,
    },
    Command {
        name: "real",
        options: "[--local] [FILTER]",
        about: "against llama.cpp's real server, which it installs (Linux x86-64); --local: models in files, too",
        run: real::run,
    },
    Command {
        name: "sim",
        options: "[--calls N] [--seed S] …",
        about: "the seeded simulation; arguments go to it unchanged",
        run: sim::run,
    },
    Command {
        name: "sim",
        options: "--mutants [--only NAME] [--calls N] [--seed S]",
        about: "plants known bugs in copies of the machine and sees that the simulation finds each",
        run: sim::run,
    },
    Command {
        name: "deps",
        options: "",
        about: "who may depend on whom, what core may pull in, crate count, licences",
        run: deps::run,
    },
    Command {
        name: "audit",
        options: "[--db FOLDER] [--required]",
        about: "withdrawn versions and known holes in what the lock file pins; --required: fail without a database",
        run: audit::run,
    },
    Command { name: "lint", options: "", about: "fmt --check, tidy, clippy -D warnings", run: lint::run },
    Command {
        name: "tidy",
        options: "",
        about: "house rules that clippy does not know (part of lint)",
        run: tidy::run,
    },
    Command {
        name: "features",
        options: "[--depth 1|2]",
        about: "cargo check with no feature, each alone and all; with --depth 2 each pair, too",
        run: features::run,
    },
    Command {
        name: "package",
        options: "",
        about: "makes the packages of all published crates, looks for licences and READMEs, builds them by themselves",
        run: package::run,
    },
    Command { name: "doc", options: "", about: "rustdoc of every crate, warnings denied", run: rustdoc::run },
    Command {
        name: "docs",
        options: "[--check]",
        about: "writes the generated pages of docs/, or checks them",
        run: pages::run,
    },
    Command {
        name: "bench",
        options: "[ARGS]",
        about: "the overhead bench; arguments go to it unchanged",
        run: bench::run,
    },
    Command {
        name: "fuzz",
        options: "[--seconds N] [TARGET]",
        about: "coverage-guided fuzzing of all that reads what others wrote, 60 s a target; not part of ci",
        run: fuzz::run,
    },
    Command {
        name: "ci",
        options: "[--after-test]",
        about: "all of the above but bench and fuzz, cheapest first; --after-test: `test` has just run",
        run: ci::run,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let outcome = match words.next().as_deref() {
        None => Err(Failure::Usage(usage())),
        Some("help" | "--help" | "-h") => {
            println!("{}", usage());
            Ok(())
        }
        Some(name) => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) => (command.run)(Args::new(words.collect())),
            None => Err(Failure::Usage(unknown(name))),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("{message}");
            }
            failure.exit_code()
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask <command>\n");
    for command in COMMANDS {
        let call = format!("{} {}", command.name, command.options);
        // A call too long for the column gets a line of its own.
        let gap = if call.len() > 32 { format!("\n{:37}", "") } else { String::new() };
        text.push_str(&format!("\n  {:<34}{gap} {}", call.trim_end(), command.about));
    }
    text
}

fn unknown(name: &str) -> String {
    match nearest(name, COMMANDS.iter().map(|command| command.name)) {
        Some(near) => format!("error: no command `{name}`; did you mean `{near}`?"),
        None => format!("error: no command `{name}`\n\n{}", usage()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_names_the_nearest() {
        assert_eq!(unknown("tets"), "error: no command `tets`; did you mean `test`?");
        assert_eq!(unknown("feature"), "error: no command `feature`; did you mean `features`?");
    }

    #[test]
    fn a_word_near_nothing_gets_the_usage() {
        assert!(unknown("frobnicate").contains("usage: cargo xtask"));
    }

    #[test]
    fn the_usage_names_every_command() {
        let text = usage();
        assert!(COMMANDS.iter().all(|command| text.contains(command.about)));
    }
}
