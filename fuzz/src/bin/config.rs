//! Feeds the config parser what comes along: it must not panic, and must not show a secret.

#![no_main]

use backstop_config::Config;
use backstop_core::{Env, Error, ErrorKind, Kind, KindOption, Registry, Shape};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "sk-never-shown-7f3a";
const OPTIONS: &[KindOption] = &[
    KindOption::new("organization", Shape::Text, "Bills it."),
    KindOption::new("headers", Shape::Texts, "Sends them."),
    KindOption::new("stream_usage", Shape::Flag, "Asks for it."),
];

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let none = |_| Err(Error::new(ErrorKind::Config, "never built"));
    let registry = Registry::default()
        .with(Kind::new("openai", none).with_options(OPTIONS))
        .with(Kind::new("local", none))
        .with_known(&["openai", "local", "groq"]);
    let env = Env::new(|name| (name == "KEY").then(|| SECRET.to_owned()));
    let said = match Config::parse("f.toml", &text, &registry, &env) {
        Ok(config) => config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Err(problems) => {
            assert!(problems.iter().all(|problem| !problem.message().is_empty()));
            problems.to_string()
        }
    };
    assert!(text.contains(SECRET) || !said.contains(SECRET), "a secret is shown");
});
