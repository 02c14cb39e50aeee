//! One model: `OPENAI_API_KEY=… cargo run -p backstop --features openai --example one_model`.
//!
//! Without a key it says what is missing.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use backstop::Backstop;

#[tokio::main]
async fn main() {
    let asked =
        async { Backstop::models(["openai/gpt-6-luna"])?.chat("Why is the sky blue? One sentence.").await };
    match asked.await {
        Ok(answer) => println!("{}\n\n{}", answer.text, answer.trail()),
        Err(error) => println!("{error}"),
    }
}
