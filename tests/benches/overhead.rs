//! What backstop costs beside the same work done with reqwest alone: `cargo xtask bench`.
//!
//! Both sides send the same request over the same kind of client to the same server, in turns within one run, so that
//! whatever else the machine does falls on both. Told are ratios: of the time a call takes (median), and of the CPU the
//! calling thread spends. Absolute times are there to be compared with each other and with nothing else.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints what it measured, or stops")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use backstop::Backstop;
use backstop::core::fallback::Policy;
use backstop::providers::openai::{OpenAi, OpenAiConfig};
use backstop_testkit::server::openai::Completion;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROUNDS: usize = 120;
const CALLS_A_ROUND: usize = 25;
const WARM_UP: usize = 10;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Reply {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

struct Bare {
    client: reqwest::Client,
    urls: Vec<String>,
}

impl Bare {
    /// One request after the other until one is answered.
    async fn chat(&self, prompt: &str) -> String {
        for url in &self.urls {
            let request = Request { model: "m", messages: [Message { role: "user", content: prompt }] };
            let body = serde_json::to_vec(&request).expect("a request");
            let sent = self.client.post(url).header("content-type", "application/json").body(body).send();
            let response = sent.await.expect("a response");
            let fine = response.status().is_success();
            let bytes = response.bytes().await.expect("a body");
            if fine {
                let reply: Reply = serde_json::from_slice(&bytes).expect("a reply");
                return reply.choices.into_iter().next().expect("a choice").message.content;
            }
        }
        unreachable!("the last server answers")
    }
}

/// What one side took: the time of each call, the CPU of all.
#[derive(Default)]
struct Taken {
    calls: Vec<Duration>,
    cpu: Duration,
}

impl Taken {
    fn median(&mut self) -> Duration {
        self.calls.sort_unstable();
        self.calls.get(self.calls.len() / 2).copied().unwrap_or_default()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --benches` only asks whether it runs.
    let quick = std::env::args().any(|arg| arg == "--test");
    let rounds = if quick { 2 } else { ROUNDS };
    let good = serve(
        "200 OK",
        Completion::text("The sky is blue because air scatters blue light the most.").json().to_string(),
    );
    let bad = serve("500 Internal Server Error", "{\"error\":{\"message\":\"down\"}}".to_owned());
    println!(
        "{:<22} {:>9} {:>9} {:>8} {:>9} {:>9} {:>8}",
        "", "bare", "backstop", "ratio", "bare", "backstop", "ratio"
    );
    println!(
        "{:<22} {:>9} {:>9} {:>8} {:>9} {:>9} {:>8}",
        "µs a call", "median", "median", "", "CPU", "CPU", ""
    );
    compare("chat", &[&good], rounds).await;
    compare("one failover", &[&bad, &good], rounds).await;
    compare("three failovers", &[&bad, &bad, &bad, &good], rounds).await;
}

async fn compare(name: &str, bases: &[&String], rounds: usize) {
    let bare = Bare {
        client: reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .build()
            .expect("a client"),
        urls: bases.iter().map(|base| format!("{base}/chat/completions")).collect(),
    };
    // The failing servers fail every time: a breaker would spare backstop the work it is measured by.
    let mut policy = Policy::default();
    policy.suspect = false;
    let mut builder = Backstop::builder().policy(policy);
    for (i, base) in bases.iter().enumerate() {
        let config = OpenAiConfig::keyless(base.as_str()).with_name(format!("s{i}"));
        builder = builder.provider(OpenAi::new(config).expect("a provider")).target(format!("s{i}/m"));
    }
    let backstop = builder.build().expect("a client");
    let prompt = "Why is the sky blue?";
    let (mut ours, mut theirs) = (Taken::default(), Taken::default());
    for round in 0..rounds + WARM_UP {
        let keep = round >= WARM_UP;
        let cpu = thread_cpu();
        for _ in 0..CALLS_A_ROUND {
            let began = Instant::now();
            black_box(bare.chat(prompt).await);
            theirs.calls.extend(keep.then(|| began.elapsed()));
        }
        let between = thread_cpu();
        for _ in 0..CALLS_A_ROUND {
            let began = Instant::now();
            black_box(backstop.chat(prompt).await.expect("an answer"));
            ours.calls.extend(keep.then(|| began.elapsed()));
        }
        if keep {
            theirs.cpu += between.saturating_sub(cpu);
            ours.cpu += thread_cpu().saturating_sub(between);
        }
    }
    let calls = u32::try_from(theirs.calls.len()).unwrap_or(u32::MAX).max(1);
    let (bare_cpu, our_cpu) = (micros(theirs.cpu / calls), micros(ours.cpu / calls));
    let (bare_median, our_median) = (micros(theirs.median()), micros(ours.median()));
    println!(
        "{name:<22} {bare_median:>9.1} {our_median:>9.1} {:>8.3} {bare_cpu:>9.1} {our_cpu:>9.1} {:>8.3}",
        our_median / bare_median,
        our_cpu / bare_cpu
    );
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The CPU this thread has spent. Linux tells it; elsewhere the ratio is not a number.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|field| field.parse().ok()).unwrap_or(0);
    Duration::from_nanos(nanos)
}

/// A server on a thread of its own that gives every request the same answer, over connections that stay open.
fn serve(status: &'static str, body: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let reply = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            listener.set_nonblocking(true).expect("a listener");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, reply.clone()));
            }
        });
    });
    base
}

/// Reads requests that arrive whole, as these small ones do, and answers each.
async fn answer(mut stream: tokio::net::TcpStream, reply: String) {
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0; 16 << 10];
    let mut held = 0;
    loop {
        let Some(free) = buffer.get_mut(held..) else { return };
        match stream.read(free).await {
            Ok(n) if n > 0 => held += n,
            _ => return,
        }
        let Some(text) = buffer.get(..held) else { return };
        if is_whole(text) {
            held = 0;
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.and_then(|(_, value)| value.trim().parse().ok()).is_some_and(|length: usize| body.len() >= length)
}
