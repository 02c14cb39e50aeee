//! Two failing servers and a healthy one: `cargo run -p backstop --features openai --example fall_over`.
//!
//! The servers are simulated on loopback: no key, no network.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop::{Backstop, Error};
use backstop_testkit::server::{FailingServer, Recipe, RetryHint};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let limited = FailingServer::start(Recipe::rate_limited(RetryHint::Seconds(30))).await;
    let overloaded = FailingServer::start(Recipe::overloaded()).await;
    let healthy = FailingServer::start(Recipe::healthy("Air scatters blue light the most.")).await;
    let openai =
        |name: &str, server: &FailingServer| OpenAi::new(OpenAiConfig::keyless(server.uri()).with_name(name));

    let backstop = Backstop::builder()
        .provider(openai("first", &limited)?)
        .provider(openai("second", &overloaded)?)
        .provider(openai("third", &healthy)?)
        .target("first/gpt-5.2")
        .target("second/gpt-5.2")
        .target("third/gpt-6-luna")
        .build()?;

    for question in ["Why is the sky blue?", "And again?"] {
        let answer = backstop.chat(question).await?;
        println!("{} says: {}\n\n{}\n", answer.target(), answer.text, answer.trail());
    }
    Ok(())
}
