//! `backstop config`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use crate::args::Config;
use crate::exit::Exit;
use crate::human;
use crate::out;
use crate::setup::{self, Setup};

const FILE: &str = "backstop.toml";
const STARTER: &str = include_str!("starter.toml");

pub(crate) fn run(config: Option<PathBuf>, action: Config) -> Exit {
    match action {
        Config::Init => init(config.unwrap_or_else(|| PathBuf::from(FILE))),
        Config::Schema => {
            let schema = backstop_config::json_schema(&backstop::providers::registry());
            out::only(&format!("{schema:#}\n"))
        }
        Config::Show => show(config),
    }
}

/// Writes a file to start from. One that is there already is left alone.
fn init(path: PathBuf) -> Exit {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(STARTER.as_bytes()));
    match written {
        Ok(()) => {
            human::note(&format!("wrote {}; `backstop check` says what is missing", path.display()));
            Exit::Answered
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            human::error(&format!(
                "{} exists and is left as it is; name another with --config",
                path.display()
            ));
            Exit::Config
        }
        Err(error) => {
            human::error(&format!("{} cannot be written: {error}", path.display()));
            Exit::Config
        }
    }
}

fn show(config: Option<PathBuf>) -> Exit {
    match Setup::find(config) {
        Ok(Setup { file: Some((path, config)), is_found, .. }) => {
            // Of a file that was found they have been told already.
            if !is_found {
                setup::tell(&config.abroad);
            }
            out::only(&format!("# {}\n{config}", path.display()))
        }
        Ok(Setup { file: None, .. }) => {
            human::error("there is no config file; `backstop config init` writes one to start from");
            Exit::Config
        }
        Err(error) => {
            human::failure(&error);
            Exit::Config
        }
    }
}
