//! The command line of backstop.
//!
//! Answers go to stdout, everything else to stderr. Exit codes: 0 answered, 1 not answered or not written, 2 usage or
//! config error, 130 interrupted.

mod args;
mod built_in;
mod check;
mod config;
mod embed;
mod exit;
mod human;
mod json;
mod models;
mod out;
mod setup;
mod terminal;
mod text;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Arguments, Command};
use crate::exit::Exit;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::of_clap(&error).into(),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            human::error(&format!("the operating system gives no event queue: {error}"));
            return Exit::Config.into();
        }
    };
    let exit = runtime.block_on(run(arguments));
    // A read of stdin that is still waiting must not keep the program.
    runtime.shutdown_background();
    exit.into()
}

async fn run(arguments: Arguments) -> Exit {
    let Arguments { config, verbose, command } = arguments;
    match command {
        Command::Chat(chat) => text::chat(config, verbose, chat).await,
        Command::Complete(complete) => text::complete(config, verbose, complete).await,
        Command::Embed(embed) => embed::run(config, verbose, embed).await,
        Command::Check(check) => check::run(config, check).await,
        Command::Models(models) => models::run(config, &models),
        Command::Config(action) => config::run(config, action),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "backstop", &mut script);
            out::only(&String::from_utf8_lossy(&script))
        }
    }
}
