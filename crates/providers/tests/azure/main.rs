//! Azure OpenAI: where requests go, with which credential, and what is special about answers.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod answers;
mod place;
#[expect(dead_code, reason = "others need more of it")]
#[path = "../openai/server.rs"]
mod server;
#[path = "../common/transport.rs"]
mod transport;

use std::sync::Arc;

use backstop_providers::azure;
use backstop_providers::dialect::{DialectConfig, DialectProvider};
use backstop_providers::http::Transport;

use transport::Fake;

const ENDPOINT: &str = "https://mine.openai.azure.com";
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn config() -> DialectConfig {
    azure::config(ENDPOINT, KEY)
}

fn provider(config: DialectConfig, fake: &Arc<Fake>) -> DialectProvider {
    let transport: Arc<dyn Transport> = fake.clone();
    DialectProvider::with_transport(config, transport).unwrap()
}

fn healthy() -> Fake {
    Fake::new(200, r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#)
}
