//! How fast the built-in model is: from a program that has just begun to the first piece of a stream, and from there
//! to the end. `cargo bench -p backstop-providers --features tiny --bench tiny`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench tells its figures, or ends")]

use std::future::poll_fn;
use std::time::{Duration, Instant};

use backstop_core::chat::{ChatEvent, ChatRequest};
use backstop_core::{Ask, Provider};
use backstop_providers::tiny::Tiny;

const RUNS: usize = 31;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let runs: Vec<(Duration, f64)> = (0..RUNS).map(|_| runtime.block_on(run())).collect();
    let mut first: Vec<Duration> = runs.iter().map(|(first, _)| *first).collect();
    let mut speed: Vec<f64> = runs.iter().map(|(_, speed)| *speed).collect();
    first.sort();
    speed.sort_by(f64::total_cmp);
    let (first, slowest) = (first.get(RUNS / 2).unwrap(), speed.first().unwrap());
    println!("model read and first token: {:.1} ms (median of {RUNS})", first.as_secs_f64() * 1000.0);
    println!("then {:.0} tokens/s (median; slowest {slowest:.0})", speed.get(RUNS / 2).unwrap());
}

/// One answer of a model that has not been read yet.
async fn run() -> (Duration, f64) {
    let begun = Instant::now();
    let tiny = Tiny::default();
    let request = ChatRequest::user("What is backstop?");
    let mut stream = tiny.chat_stream(Ask::new("guide"), &request).await.unwrap();
    let (mut first, mut tokens) = (None, 0u32);
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        if let ChatEvent::Text(_) = event.unwrap() {
            first.get_or_insert_with(|| begun.elapsed());
            tokens += 1;
        }
    }
    let first = first.unwrap();
    (first, f64::from(tokens - 1) / (begun.elapsed() - first).as_secs_f64())
}
