//! The binary as a user meets it: what it prints, and how it ends.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get is a failed test")]

mod operations;
mod output;
mod refusals;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use backstop_testkit::server::openai::Completion;
use backstop_testkit::server::{FailingServer, RawServer, Recipe, RetryHint, Script, SseEnding, SseEvent};
use serde_json::Value;

/// A folder of one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn config(&self, text: &str) -> PathBuf {
        let path = self.0.join("c.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program in this folder, with no variable but the necessary: an Ollama of whoever runs the tests is not found.
    fn backstop(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
        command.args(arguments).current_dir(&self.0).env_clear().env("HOME", &self.0).stdin(Stdio::null());
        command.env("OLLAMA_HOST", "127.0.0.1:9");
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn two(first: &str, second: &str, more: &str) -> String {
    format!(
        "[providers.first]\nkind = \"openai\"\nbase_url = \"{first}\"\napi_key = \"none\"\n\
         [providers.second]\nkind = \"openai\"\nbase_url = \"{second}\"\napi_key = \"none\"\n\
         [routes.default]\ntargets = [\"first/a\", \"second/b\"]\n{more}\n"
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(output: &Output) -> Value {
    let out = text(&output.stdout);
    assert_eq!(out.lines().count(), 1, "one object and nothing else: {out}");
    serde_json::from_str(&out).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

const KEYS: [&str; 9] =
    ["error", "finish_reason", "model", "ok", "operation", "target", "text", "trail", "usage"];

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_of_an_answer_has_every_key_of_the_contract() {
    let folder = Folder::new("answer");
    let first = FailingServer::start(Recipe::rate_limited(RetryHint::Seconds(30))).await;
    let second = FailingServer::start(Recipe::healthy("blue")).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let output = folder.backstop(&["chat", "--json", "--config"]).arg(&config).arg("why?").output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), keys(&value)), (0, KEYS.to_vec()));
    assert_eq!(value["text"], "blue");
    assert_eq!((&value["ok"], &value["operation"]), (&Value::Bool(true), &Value::from("chat")));
    assert_eq!((&value["target"], &value["finish_reason"]), (&Value::from("second/b"), &Value::from("stop")));
    assert!(value["error"].is_null());
    let trail = value["trail"].as_array().unwrap();
    assert_eq!((&trail[0]["kind"], &trail[0]["status"]), (&Value::from("rate_limited"), &Value::from(429)));
    assert_eq!(
        (&trail[0]["verdict"], &trail[1]["verdict"]),
        (&Value::from("next_target"), &Value::from("delivered"))
    );
    assert_eq!((&trail[1]["kind"], &trail[1]["status"]), (&Value::Null, &Value::from(200)));
    let line =
        ["kind", "message", "phase", "request_id", "status", "target", "took_ms", "verdict", "waited_ms"];
    assert_eq!(keys(&trail[0]), line);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_of_a_failure_has_the_same_keys_and_says_when_to_come_back() {
    let folder = Folder::new("failure");
    let first = FailingServer::start(Recipe::rate_limited(RetryHint::Seconds(7200))).await;
    let second = FailingServer::start(Recipe::unauthorized()).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let output =
        folder.backstop(&["--config"]).arg(&config).args(["chat", "--json", "why?"]).output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), keys(&value)), (1, KEYS.to_vec()));
    assert_eq!((&value["ok"], &value["text"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(value["error"]["kind"], "exhausted");
    let wait = value["error"]["retry_after_ms"].as_u64().unwrap();
    assert!((50_000..=60_000).contains(&wait), "the refused key rests for a minute: {wait}");
    assert!(value["error"]["message"].as_str().unwrap().contains("first/a rate limited"));
}

#[tokio::test(flavor = "multi_thread")]
async fn for_people_the_answer_is_on_stdout_and_the_trail_on_stderr() {
    let folder = Folder::new("people");
    let first = FailingServer::start(Recipe::overloaded()).await;
    let second = FailingServer::start(Recipe::healthy("blue")).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let output = folder.backstop(&["chat", "why?", "--config"]).arg(&config).output().unwrap();
    assert_eq!((code(&output), text(&output.stdout).as_str()), (0, "blue\n"));
    let told = text(&output.stderr);
    assert!(
        told.contains("first/a") && told.contains("overloaded (503)") && told.contains("second/b"),
        "{told}"
    );
    assert!(!told.contains('\u{1b}'), "colours only on a terminal: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_json_lines_ends_with_the_object() {
    let folder = Folder::new("lines");
    let events = Completion::text("the sky is blue").events();
    let first = RawServer::start([Script::sse(vec![SseEvent::from(": waking up\n\n")], SseEnding::Cut)]);
    let second = RawServer::start([Script::sse(events, SseEnding::Clean)]);
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let output =
        folder.backstop(&["chat", "--stream", "--json", "why?", "--config"]).arg(&config).output().unwrap();
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (end, pieces) = lines.split_last().unwrap();
    assert_eq!(
        (&end["event"], &end["ok"], &end["text"]),
        (&"end".into(), &true.into(), &"the sky is blue".into())
    );
    let deltas = pieces.iter().filter(|line| line["event"] == "delta");
    assert_eq!(deltas.map(|line| line["text"].as_str().unwrap()).collect::<String>(), "the sky is blue");
    assert_eq!(end["trail"][0]["kind"], "bad_reply");
    assert_eq!(code(&output), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_keeps_its_partial_text() {
    let folder = Folder::new("broken");
    let half = vec![Completion::text("the sky").events().remove(1)];
    let first = RawServer::start([Script::sse(half, SseEnding::Cut)]);
    let config = folder.config(&two(&first.uri(), &first.uri(), ""));
    let output =
        folder.backstop(&["chat", "--stream", "--json", "why?", "--config"]).arg(&config).output().unwrap();
    let out = text(&output.stdout);
    let end: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((&end["event"], &end["error"]["kind"]), (&"end".into(), &"interrupted".into()), "{out}");
    assert!(end["text"].as_str().is_some_and(|text| !text.is_empty()), "{out}");
    assert_eq!(code(&output), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_current_folder_is_named_and_what_it_sends_to_a_stranger_is_told() {
    let folder = Folder::new("found");
    let server = FailingServer::start(Recipe::healthy("blue")).await;
    let near = two(&server.uri(), &server.uri(), "");
    let abroad =
        "[providers.evil]\nkind = \"openai\"\nbase_url = \"https://a.example/v1\"\napi_key = \"${MY_KEY}\"\n";
    std::fs::write(folder.0.join("backstop.toml"), format!("{near}{abroad}")).unwrap();
    let stolen = "MY_KEY is sent to a.example, which this file names";
    let told = |arguments: &[&str]| {
        let output = folder.backstop(arguments).env("MY_KEY", "sk-mine").output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(code(&output), 0, "{told}");
        assert!(!told.contains("sk-mine"), "{told}");
        told
    };
    for arguments in
        [&["chat", "hi"][..], &["chat", "--json", "hi"], &["check"], &["models"], &["config", "show"]]
    {
        let told = told(arguments);
        assert!(told.contains("using ./backstop.toml, found in the current folder"), "{told}");
        assert_eq!(
            (told.matches(stolen).count(), told.matches("if this is meant").count()),
            (1, 1),
            "{told}"
        );
    }
    let asked = told(&["chat", "hi", "--config", "backstop.toml"]);
    assert!(!asked.contains("found in") && !asked.contains(stolen), "{asked}");
    assert!(told(&["config", "show", "--config", "backstop.toml"]).contains(stolen));
}

#[test]
fn mistakes_end_with_2_and_a_json_object_where_one_was_asked_for() {
    let folder = Folder::new("mistakes");
    let bad = folder.config("[routes.default]\ntargts = []\n");
    let bad = bad.to_str().unwrap();
    for (arguments, kind, said) in [
        (vec!["chat", "--json", "--route", "other", "hi"], "usage", "other"),
        (vec!["chat", "--json", "--models", "gpt", "hi"], "config", "provider/model"),
        (vec!["chat", "--json", "--config", "nope.toml", "hi"], "config", "nope.toml"),
        (vec!["chat", "--json", "--config", bad, "hi"], "config", "targts"),
        (vec!["chat", "--json", "--frobnicate", "hi"], "usage", "--frobnicate"),
        (vec!["chat", "--json", "--deadline", "60", "hi"], "usage", "unit"),
        (vec!["chat", "--json", "--deadline", "0s", "hi"], "usage", "no time"),
        (vec!["chat", "--json", "--attempts", "0", "hi"], "usage", "attempts"),
        (vec!["chat", "--json", "--models", "openai/x", "  "], "usage", "prompt is empty"),
        (vec!["chat", "--json", "--models", "opnai/x", "hi"], "config", "opnai"),
    ] {
        let output = folder.backstop(&arguments).output().unwrap();
        let value = json(&output);
        assert_eq!((code(&output), &value["error"]["kind"]), (2, &Value::from(kind)), "{arguments:?}");
        assert_eq!(keys(&value), KEYS);
        let message = value["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{arguments:?}: {message}");
    }
}

#[test]
fn with_nothing_configured_the_built_in_model_answers_and_says_what_it_is() {
    let folder = Folder::new("nothing");
    for arguments in [&["chat", "What is backstop?"][..], &["chat", "--stream", "What is backstop?"]] {
        let output = folder.backstop(arguments).output().unwrap();
        let (said, told) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(code(&output), 0, "{told}");
        assert!(said.contains("models"), "{said}");
        assert!(
            told.contains("no key: using tiny/guide, a very small model") && told.contains("answered"),
            "{told}"
        );
    }
    let output = folder.backstop(&["complete", "--json", "backstop is"]).output().unwrap();
    assert_eq!((code(&output), &json(&output)["target"]), (0, &Value::from("tiny/guide")));
    let output = folder.backstop(&["check"]).output().unwrap();
    assert_eq!((code(&output), text(&output.stdout).contains("tiny/guide  ready")), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_wrong_does_not_end_in_the_answer_of_the_built_in_model() {
    let folder = Folder::new("wrongkey");
    let server = FailingServer::start(Recipe::unauthorized()).await;
    let mut command = folder.backstop(&["chat", "--json", "hi"]);
    let output =
        command.env("OPENAI_API_KEY", "sk-wrong").env("OPENAI_BASE_URL", server.uri()).output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), &value["ok"], &value["text"]), (1, &Value::Bool(false), &Value::Null));
    let trail = value["trail"].as_array().unwrap();
    assert_eq!((trail.len(), &trail[0]["kind"]), (1, &Value::from("auth")));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_route_that_names_it_the_built_in_model_is_the_last_resort_and_every_reason_is_told() {
    let folder = Folder::new("resort");
    let with_files = cfg!(feature = "local");
    let (file, local) = if with_files {
        ("[providers.local]\nmodels = { qwen = \"models/qwen.gguf\" }\n", "\"local/qwen\", ")
    } else {
        ("", "")
    };
    let config = folder.config(&format!(
        "{file}[routes.default]\n\
         targets = [\"openai/gpt-x\", \"anthropic/claude-x\", \"ollama/gemma4\", {local}\"tiny/guide\"]\n"
    ));
    let output = folder.backstop(&["chat", "--json", "Hello!", "--config"]).arg(&config).output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), &value["target"]), (0, &Value::from("tiny/guide")), "{value}");
    let trail = value["trail"].as_array().unwrap();
    let told: Vec<_> = trail
        .iter()
        .map(|step| (step["kind"].as_str().unwrap_or(""), step["message"].as_str().unwrap_or("")))
        .collect();
    let mut expected = vec![
        ("not_configured", "set OPENAI_API_KEY"),
        ("not_configured", "set ANTHROPIC_API_KEY"),
        ("connect", "refused"),
        ("", ""),
    ];
    if with_files {
        expected.insert(3, ("not_configured", "models/qwen.gguf"));
    }
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for ((kind, message), (expected, part)) in told.into_iter().zip(expected) {
        assert!(kind == expected && message.contains(part), "{kind}: {message}; expected {expected}: {part}");
    }
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[test]
fn with_nothing_configured_a_running_ollama_is_asked_with_a_model_it_has() {
    let folder = Folder::new("ollama");
    let tags = r#"{"models":[
        {"name":"nomic-embed-text:latest","capabilities":["embedding"]},
        {"name":"qwen3:8b","capabilities":["completion","tools"]}]}"#;
    let answer = r#"{"model":"qwen3:8b","message":{"role":"assistant","content":"blue"},"done":true}"#;
    let server = RawServer::start([Script::replies(200, JSON, tags), Script::replies(200, JSON, answer)]);
    let mut command = folder.backstop(&["chat", "hi"]);
    let output = command.env("OLLAMA_HOST", server.origin()).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!((code(&output), text(&output.stdout).trim()), (0, "blue"), "{told}");
    assert!(told.contains("no config file: using ollama/qwen3:8b (ollama runs)"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_ollama_stands_behind_the_providers_whose_keys_are_set() {
    let folder = Folder::new("ollama-behind");
    let first = FailingServer::start(Recipe::unauthorized()).await;
    let tags = r#"{"models":[{"name":"gemma4:12b"}]}"#;
    let answer = r#"{"model":"gemma4:12b","message":{"role":"assistant","content":"blue"},"done":true}"#;
    let server = RawServer::start([Script::replies(200, JSON, tags), Script::replies(200, JSON, answer)]);
    let mut command = folder.backstop(&["chat", "--json", "hi"]);
    command.env("OPENAI_API_KEY", "sk-wrong").env("OPENAI_BASE_URL", first.uri());
    let output = command.env("OLLAMA_HOST", server.origin()).output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), &value["target"]), (0, &Value::from("ollama/gemma4:12b")), "{value}");
    assert_eq!(value["trail"][0]["kind"], "auth");
}

#[test]
fn an_ollama_that_has_no_model_or_says_nothing_leaves_it_to_the_built_in_model() {
    let folder = Folder::new("ollama-empty");
    let empty = Script::replies(200, JSON, r#"{"models":[]}"#);
    let page = Script::replies(200, &[("content-type", "text/html")], "<html>a router</html>");
    for (script, said) in [
        (empty, "ollama runs on this machine, but has no model to chat with"),
        (page, "no key: using tiny/guide"),
        (Script::silent(), "no key: using tiny/guide"),
    ] {
        let server = RawServer::start([script]);
        let mut command = folder.backstop(&["chat", "--json", "Hello!"]);
        let output = command.env("OLLAMA_HOST", server.origin()).output().unwrap();
        assert_eq!((code(&output), &json(&output)["target"]), (0, &Value::from("tiny/guide")));
        assert_eq!(server.hits(), 1, "{said}");
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
}

#[test]
fn a_missing_key_is_no_crash_and_names_the_variable() {
    let folder = Folder::new("nokey");
    let output = folder.backstop(&["chat", "--json", "--models", "openai/x", "hi"]).output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), &value["trail"][0]["verdict"]), (1, &Value::from("skipped")));
    assert_eq!(value["trail"][0]["kind"], "not_configured");
    assert!(value["trail"][0]["message"].as_str().unwrap().contains("OPENAI_API_KEY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prompt_comes_from_stdin_too() {
    let folder = Folder::new("stdin");
    let server = FailingServer::start(Recipe::healthy("blue")).await;
    let config = folder.config(&two(&server.uri(), &server.uri(), ""));
    for arguments in [vec!["chat", "--config"], vec!["chat", "-", "--config"]] {
        let mut child = folder
            .backstop(&arguments)
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"why is\nthe sky blue?\n").unwrap();
        assert_eq!(text(&child.wait_with_output().unwrap().stdout), "blue\n");
    }
    let sent = server.bodies();
    assert_eq!(sent[0]["messages"][0]["content"], "why is\nthe sky blue?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_a_target_goes_before_the_route_of_all() {
    let folder = Folder::new("star");
    let first = FailingServer::start(Recipe::overloaded()).await;
    let second = FailingServer::start(Recipe::healthy("blue")).await;
    let more = "[routes.\"*\"]\ntargets = [\"second/b\"]";
    let config = folder.config(&two(&first.uri(), &second.uri(), more));
    let config = config.to_str().unwrap();
    let output = folder
        .backstop(&["chat", "--json", "--config", config, "--route", "first/z", "hi"])
        .output()
        .unwrap();
    assert_eq!(json(&output)["target"], "second/b");
    assert_eq!(first.bodies()[0]["model"], "z");
    let output =
        folder.backstop(&["chat", "--json", "--config", config, "--route", "fast", "hi"]).output().unwrap();
    assert_eq!((code(&output), &json(&output)["error"]["kind"]), (2, &Value::from("usage")));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_of_every_target_whether_it_can_work() {
    let folder = Folder::new("check");
    let fine = FailingServer::start(Recipe::healthy("OK")).await;
    let refuses = FailingServer::start(Recipe::unauthorized()).await;
    let config = folder.config(&two(&fine.uri(), &refuses.uri(), ""));
    let config = config.to_str().unwrap();
    let output = folder.backstop(&["check", "--json", "--config", config]).output().unwrap();
    assert_eq!((code(&output), &json(&output)["ok"]), (0, &Value::Bool(true)));
    assert_eq!(fine.hits() + refuses.hits(), 0);
    let output = folder.backstop(&["check", "--live", "--json", "--config", config]).output().unwrap();
    let targets = json(&output)["routes"][0]["targets"].clone();
    assert_eq!((code(&output), &targets[0]["state"]), (1, &Value::from("ready")));
    assert_eq!(targets[1]["state"], "rejected");
    assert_eq!((fine.hits(), refuses.hits()), (1, 1));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_closes_the_upstream_and_ends_with_130() {
    let folder = Folder::new("ctrl-c");
    let silent = RawServer::start([Script::silent()]);
    let config = folder.config(&two(&silent.uri(), &silent.uri(), ""));
    let child = spawn(folder.backstop(&["chat", "--json", "hi", "--config"]).arg(&config));
    assert!(silent.wait_for_hits(1, Duration::from_secs(10)).await);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), &value["error"]["kind"]), (130, &Value::from("cancelled")));
    assert_eq!(value["trail"][0]["verdict"], "cancelled");
    assert!(silent.wait_until_closed(Duration::from_secs(5)).await);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_mid_stream_keeps_what_had_come() {
    let folder = Folder::new("mid-stream");
    let half = vec![Completion::text("the sky").events().remove(1)];
    let server = RawServer::start([Script::sse(half, SseEnding::Stall)]);
    let config = folder.config(&two(&server.uri(), &server.uri(), ""));
    let mut child = spawn(folder.backstop(&["chat", "--stream", "--json", "hi", "--config"]).arg(&config));
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("delta"), "{line}");
    interrupt(&child);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let end: Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!((&end["event"], &end["error"]["kind"]), (&"end".into(), &"cancelled".into()));
    assert!(end["text"].as_str().is_some_and(|text| !text.is_empty()), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(server.wait_until_closed(Duration::from_secs(5)).await);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_ends_the_stream_without_a_panic() {
    let folder = Folder::new("pipe");
    let piece = Completion::text("the sky").events().remove(1);
    let server = RawServer::start([Script::endless_events(piece.after(Duration::from_millis(1)))]);
    let config = folder.config(&two(&server.uri(), &server.uri(), ""));
    let mut child = spawn(folder.backstop(&["chat", "--stream", "hi", "--config"]).arg(&config));
    let mut some = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let status = child.try_wait().unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{told}");
    assert!(!told.contains("panicked"), "{told}");
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    // Until its handler stands, a signal would end the program the hard way.
    std::thread::sleep(Duration::from_millis(50));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn complete_and_embed_say_in_their_objects_why_no_target_can() {
    let folder = Folder::new("others");
    // A kind that chats and does nothing else.
    let chatting = two("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1", "").replace("openai", "perplexity");
    let config = folder.config(&chatting);
    let config = config.to_str().unwrap();
    let output = folder.backstop(&["complete", "--json", "--config", config, "once upon"]).output().unwrap();
    let value = json(&output);
    assert_eq!((code(&output), keys(&value), &value["operation"]), (1, KEYS.to_vec(), &"complete".into()));
    assert_eq!(value["trail"][0]["message"], "has no text completion");
    let output = folder.backstop(&["embed", "--json", "--config", config, "one", "two"]).output().unwrap();
    let value = json(&output);
    let vectors = [
        "dimensions",
        "embeddings",
        "error",
        "model",
        "ok",
        "operation",
        "space",
        "target",
        "trail",
        "usage",
    ];
    assert_eq!((code(&output), keys(&value), &value["operation"]), (1, vectors.to_vec(), &"embed".into()));
    assert_eq!(value["error"]["kind"], "exhausted");
    assert!(value["trail"].as_array().unwrap().iter().all(|line| line["verdict"] == "skipped"));
}
