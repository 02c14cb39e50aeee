//! The real server: how it is started, and how it is asked without any code of ours in between.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Where `cargo xtask real` put it.
const SERVER: &str = "BACKSTOP_LLAMA_SERVER";

/// The longest it may take to load a small model on a busy machine.
const LOADED: Duration = Duration::from_secs(60);

/// The file of the built-in model.
pub(crate) fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/providers/guide/guide.gguf")
}

/// A server of its own, with one model. Dropping it ends it.
pub(crate) struct Peer {
    process: Child,
    address: String,
}

impl Peer {
    /// Starts one and waits until the model is loaded.
    pub(crate) async fn start(model: &Path, more: &[&str]) -> Self {
        let server =
            std::env::var(SERVER).unwrap_or_else(|_| panic!("run these tests by `cargo xtask real`"));
        let libraries = Path::new(&server).parent().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(&server)
            .args(["-ngl", "0", "-np", "1", "--no-webui", "--host", "127.0.0.1", "--port"])
            .arg(port.to_string())
            .arg("-m")
            .arg(model)
            .args(more)
            .env("LD_LIBRARY_PATH", libraries)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut peer = Self { process, address: format!("127.0.0.1:{port}") };
        peer.wait_until_loaded().await;
        peer
    }

    async fn wait_until_loaded(&mut self) {
        let begun = Instant::now();
        let url = format!("http://{}/health", self.address);
        loop {
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the server has ended ({status}): was it built for another processor?");
            }
            assert!(begun.elapsed() < LOADED, "the server does not come up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Its base URL, without `/v1`.
    pub(crate) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The answer to these messages, likeliest token by likeliest token.
    pub(crate) async fn chat(&self, messages: &Value, most: u32) -> Vec<String> {
        let body = json!({ "messages": messages, "max_tokens": most, "temperature": 0, "stream": true });
        texts(&self.events("/v1/chat/completions", body).await, "/choices/0/delta/content")
    }

    /// How this text goes on, likeliest token by likeliest token.
    pub(crate) async fn complete(&self, prompt: &str, most: u32) -> Vec<String> {
        let body = json!({ "prompt": prompt, "n_predict": most, "temperature": 0, "stream": true });
        texts(&self.events("/completion", body).await, "/content")
    }

    /// How many tokens it reads this prompt as.
    pub(crate) async fn tokens(&self, prompt: &str) -> u64 {
        let body = json!({ "content": prompt, "add_special": true, "parse_special": true });
        let answer: Value = serde_json::from_str(&self.post("/tokenize", &body).await).unwrap();
        answer.pointer("/tokens").unwrap().as_array().unwrap().len().try_into().unwrap()
    }

    /// What its template makes of a conversation.
    pub(crate) async fn prompt_of(&self, messages: &Value) -> String {
        let answer = self.post("/apply-template", &json!({ "messages": messages })).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer.pointer("/prompt").unwrap().as_str().unwrap().to_owned()
    }

    /// How many tokens it reads a conversation as.
    pub(crate) async fn counted(&self, messages: &Value) -> u64 {
        let body = json!({ "messages": messages, "max_tokens": 1, "temperature": 0 });
        let answer: Value = serde_json::from_str(&self.post("/v1/chat/completions", &body).await).unwrap();
        answer.pointer("/usage/prompt_tokens").unwrap().as_u64().unwrap()
    }

    async fn events(&self, path: &str, body: Value) -> Vec<Value> {
        let stream = self.post(path, &body).await;
        let data =
            stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    async fn post(&self, path: &str, body: &Value) -> String {
        let request = reqwest::Client::new().post(self.uri() + path).body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let said = answer.text().await.unwrap();
        assert!(status.is_success(), "{status}: {said}");
        said
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The pieces of text that stand at this place of the events.
fn texts(events: &[Value], place: &str) -> Vec<String> {
    let texts = events.iter().filter_map(|event| event.pointer(place)?.as_str());
    texts.filter(|text| !text.is_empty()).map(str::to_owned).collect()
}
