//! A provider of your own in a route: `cargo run --example custom_provider`.
//!
//! It depends on nothing but the core, which the facade re-exports.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use backstop::{
    Ask, Backstop, Capabilities, ChatReply, ChatRequest, Error, ErrorKind, Provider, async_trait,
};

/// Answers from a phrase book, and knows nothing else.
#[derive(Debug)]
struct PhraseBook;

#[async_trait]
impl Provider for PhraseBook {
    fn name(&self) -> &str {
        "phrasebook"
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities::default().with_chat()
    }

    async fn chat(&self, ask: Ask<'_>, _request: &ChatRequest) -> Result<ChatReply, Error> {
        match ask.model() {
            "german" => Ok(ChatReply::text("Guten Tag!")),
            "french" => Ok(ChatReply::text("Bonjour !")),
            other => Err(Error::new(ErrorKind::ModelNotFound, format!("no phrase book for {other}"))
                .with_target(self.name(), other)),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let backstop = Backstop::builder()
        .provider(PhraseBook)
        .target("phrasebook/klingon")
        .target("phrasebook/french")
        .build()?;
    let answer = backstop.chat("How do I say hello?").await?;
    println!("{}\n\n{}", answer.text, answer.trail());
    Ok(())
}
