//! What can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "backstop",
    version,
    about = "Calls a prioritised list of language models until one answers"
)]
pub(crate) struct Arguments {
    /// The config file [default: $BACKSTOP_CONFIG, ./backstop.toml, $XDG_CONFIG_HOME/backstop/backstop.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Tell every decision while it is made
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask, and print the answer
    Chat(Chat),
    /// Continue a text, and print the continuation
    Complete(Complete),
    /// Turn texts into vectors
    Embed(Embed),
    /// For every target of every route: ready, or what is missing
    Check(Check),
    /// List the providers that are compiled in, and the models that are known
    Models(Models),
    /// Write, describe or show the config file
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Whom to ask, and on what terms.
#[derive(Debug, Args)]
pub(crate) struct Terms {
    /// The route; `provider/model` tries that before the route "*"
    #[arg(long, conflicts_with = "models")]
    pub(crate) route: Option<String>,
    /// Targets to try instead of a route, in order: a/x,b/y
    #[arg(long, value_delimiter = ',', value_name = "TARGETS")]
    pub(crate) models: Option<Vec<String>>,
    /// The most time the call may take: 500ms, 30s, 2m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,
    /// The most upstream requests the call may make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) attempts: Option<u8>,
    /// Print JSON: one object, or with --stream a line for every piece
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Chat {
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// Print the answer while it comes
    #[arg(long)]
    pub(crate) stream: bool,
    /// Instructions that stand above the conversation
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// What to ask; `-` or nothing reads it from stdin
    pub(crate) prompt: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Complete {
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// Print the continuation while it comes
    #[arg(long)]
    pub(crate) stream: bool,
    /// How the text begins; `-` or nothing reads it from stdin
    pub(crate) prompt: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Embed {
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// The texts, each a vector
    #[arg(required = true)]
    pub(crate) text: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Also ask each target once: does it answer, take the key, know the model
    #[arg(long)]
    pub(crate) live: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Models {
    /// Only of this provider
    #[arg(long)]
    pub(crate) provider: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Write a config file to start from
    Init,
    /// Print the JSON Schema of the config file
    Schema,
    /// Print what the config file comes to, secrets masked
    Show,
}

fn duration(text: &str) -> Result<Duration, String> {
    let time = backstop_config::parse_duration(text)?;
    if time.is_zero() { Err("leaves no time to ask anybody".to_owned()) } else { Ok(time) }
}
