//! Prints `docs/CAPABILITIES.md`. Run by `cargo xtask docs`.

#![expect(clippy::print_stdout, reason = "printing the page is all it does")]

use backstop::core::{Env, Kind, Secret, Settings};
use backstop::{Capabilities, Error};

/// What a column shows.
type Column = (&'static str, fn(&Capabilities) -> String);

const COLUMNS: &[Column] = &[
    ("chat", |able| pair(able.chat, able.chat_stream)),
    ("completion", |able| pair(able.complete, able.complete_stream)),
    ("suffix", |able| mark(able.suffix)),
    ("embeddings", |able| match (able.embed, able.embed_batch) {
        (true, Some(most)) => format!("{most} at once"),
        (able, _) => mark(able),
    }),
    ("tools", |able| mark(able.tools)),
    ("images", |able| match (able.images, able.image_urls) {
        (true, true) => "yes, URLs too".to_owned(),
        (images, _) => mark(images),
    }),
    ("JSON", |able| mark(able.json)),
    ("of a schema", |able| mark(able.json_schema)),
    ("reasoning", |able| mark(able.reasoning)),
];

fn main() -> Result<(), Error> {
    println!("# What each provider can do\n");
    println!("Generated from the providers' own `capabilities` by `cargo xtask docs`; do not edit.\n");
    println!(
        "What a wire can carry, for the model in the second column, which is asked where nobody names one (`any`: there is"
    );
    println!(
        "none). A target that cannot do what a request needs is skipped before anything is sent, and the trail says so."
    );
    println!(
        "`streamed` means in one piece as well. `local`, which runs GGUF files in this process, is not in the table: it"
    );
    println!("chats and completes, streamed, and has nothing of the rest.\n");
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    println!("| provider | model | {} |", names.join(" | "));
    println!("|---|---|{}", "---|".repeat(COLUMNS.len()));
    let kinds = backstop::providers::kinds();
    for kind in &kinds {
        let model = kind.default_model.unwrap_or("any");
        let able = capabilities(kind, model)?;
        let cells: Vec<String> = COLUMNS.iter().map(|(_, show)| show(&able)).collect();
        println!("| `{}` | `{model}` | {} |", kind.name, cells.join(" | "));
    }
    println!("\n# Where keys come from\n");
    println!("The first variable that is set counts; `api_key` in a config file goes before all of them.\n");
    println!("| provider | variables | without any |");
    println!("|---|---|---|");
    for kind in &kinds {
        let variables: Vec<String> = kind.key_envs.iter().map(|name| format!("`{name}`")).collect();
        let bare = kind.build(Settings::new(kind.name, Env::empty()))?;
        let missing = bare.capabilities(kind.default_model.unwrap_or("any")).missing;
        let without =
            missing.map_or_else(|| "it is asked without a key".to_owned(), |told| format!("skipped: {told}"));
        println!("| `{}` | {} | {without} |", kind.name, variables.join(", "));
    }
    Ok(())
}

fn capabilities(kind: &Kind, model: &str) -> Result<Capabilities, Error> {
    let mut settings = Settings::new(kind.name, Env::empty());
    settings.api_key = (!kind.key_envs.is_empty()).then(|| Secret::new("a-key"));
    Ok(kind.build(settings)?.capabilities(model))
}

fn mark(able: bool) -> String {
    if able { "yes" } else { "" }.to_owned()
}

fn pair(whole: bool, streamed: bool) -> String {
    match (whole, streamed) {
        (true, true) => "streamed",
        (true, false) => "in one piece",
        (false, true) => "streamed only",
        (false, false) => "",
    }
    .to_owned()
}
