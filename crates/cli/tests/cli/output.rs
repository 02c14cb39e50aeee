//! Where the output goes: a full disk, a closed pipe, a terminal.

#![cfg(target_os = "linux")]

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use backstop_testkit::server::openai::Completion;
use backstop_testkit::server::{FailingServer, RawServer, Recipe, Script, SseEnding};

use crate::{Folder, code, text, two};

/// A disk that is full.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_written_is_told_and_ends_with_1() {
    let folder = Folder::new("full");
    let chat = FailingServer::start(Recipe::healthy("blue")).await;
    let config = folder.config(&two(&chat.uri(), &chat.uri(), ""));
    let config = config.to_str().unwrap();
    let vectors = FailingServer::start(Recipe::embeddings(&[vec![0.5, 1.0]])).await;
    let space = "[models.\"first/a\"]\nspace = \"mine\"\n";
    let with_vectors = folder.0.join("vectors.toml");
    std::fs::write(&with_vectors, two(&vectors.uri(), &vectors.uri(), space)).unwrap();
    let with_vectors = with_vectors.to_str().unwrap();
    let complete = FailingServer::start(Recipe::continuation(" there was")).await;
    let with_text = folder.0.join("text.toml");
    std::fs::write(&with_text, two(&complete.uri(), &complete.uri(), "")).unwrap();
    let with_text = with_text.to_str().unwrap();
    for arguments in [
        &["chat", "hi", "--config", config][..],
        &["chat", "--json", "hi", "--config", config],
        &["complete", "once", "--config", with_text],
        &["complete", "--json", "once", "--config", with_text],
        &["embed", "one", "--config", with_vectors],
        &["embed", "--json", "one", "--config", with_vectors],
        &["check", "--config", config],
        &["check", "--json", "--config", config],
        &["models"],
        &["config", "schema"],
        &["config", "show", "--config", config],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
    ] {
        let output = folder.backstop(arguments).stdout(full()).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(code(&output), 1, "{arguments:?}: {told}");
        let lines: Vec<&str> =
            told.lines().filter(|line| line.contains("stdout cannot be written")).collect();
        assert!(matches!(lines[..], [line] if line.contains("No space left")), "{arguments:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_written_ends_at_its_first_piece_with_1() {
    let folder = Folder::new("full-stream");
    let server = RawServer::start([Script::endless_events(Completion::text("the sky").events().remove(1))]);
    let config = folder.config(&two(&server.uri(), &server.uri(), ""));
    for more in [&[][..], &["--json"]] {
        let mut command = folder.backstop(&["chat", "--stream", "hi", "--config"]);
        let output = command.arg(&config).args(more).stdout(full()).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!((code(&output), told.matches("stdout cannot be written").count()), (1, 1), "{told}");
    }
}

#[test]
fn what_failed_before_it_could_not_be_written_keeps_its_own_code() {
    let folder = Folder::new("full-failed");
    for (arguments, expected) in [
        (&["chat", "--json", "--config", "nope.toml", "hi"][..], 2),
        (&["chat", "--json", "--frobnicate"], 2),
        (&["check", "--json", "--config", "nope.toml"], 2),
        (&["chat", "--json", "--models", "openai/x", "hi"], 1),
    ] {
        let output = folder.backstop(arguments).stdout(full()).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(code(&output), expected, "{arguments:?}: {told}");
        assert!(told.contains("stdout cannot be written"), "{arguments:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_closed_its_pipe_is_no_failure() {
    let folder = Folder::new("closed");
    let server = FailingServer::start(Recipe::healthy("blue")).await;
    let config = folder.config(&two(&server.uri(), &server.uri(), ""));
    let config = config.to_str().unwrap();
    for arguments in [
        &["chat", "hi", "--config", config][..],
        &["chat", "--json", "hi", "--config", config],
        &["config", "schema"],
        &["models"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = folder.backstop(arguments).stdout(writer).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!((code(&output), told.contains("written")), (0, false), "{arguments:?}: {told}");
    }
}

/// What a terminal gets to see: stdout and stderr of the program.
fn on_a_terminal(command: &Command) -> String {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let words: Vec<String> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    // Of util-linux, which every Linux has: the standard library knows no terminals.
    let mut script = Command::new("script");
    script.args(["-qec", &words.join(" "), "/dev/null"]).stdin(Stdio::null());
    script.current_dir(command.get_current_dir().unwrap()).env_clear().env("TERM", "xterm");
    let path = std::env::var_os("PATH").unwrap_or_default();
    script.env("PATH", path).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = script.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Sets the title of a window, and turns the words around.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}gnp";
const SHOWN: &str = r"\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}gnp";

fn assert_steers_nothing(seen: &str) {
    for sequence in ["\u{1b}]", "\u{7}", "\u{9b}", "\u{202e}"] {
        assert!(!seen.contains(sequence), "{sequence:?}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_says_reaches_a_terminal_as_words_and_a_pipe_as_it_is() {
    let folder = Folder::new("terminal");
    let server = FailingServer::start(Recipe::healthy(EVIL)).await;
    let config = folder.config(&two(&server.uri(), &server.uri(), ""));
    let config = config.to_str().unwrap();
    let seen = on_a_terminal(&folder.backstop(&["chat", "hi", "--config", config]));
    assert_steers_nothing(&seen);
    assert!(seen.contains(SHOWN), "{seen:?}");
    let output = folder.backstop(&["chat", "hi", "--config", config]).output().unwrap();
    assert_eq!(text(&output.stdout), format!("{EVIL}\n"));
    let seen = on_a_terminal(&folder.backstop(&["chat", "--json", "hi", "--config", config]));
    assert_steers_nothing(&seen);
    assert!(seen.contains(r"\u001b]0;owned\u0007\u009b2J\u202egnp"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_cut_by_the_pieces_of_a_stream_steers_nothing_either() {
    let folder = Folder::new("terminal-stream");
    let pieces = ["\u{1b}", "]0;owned\u{7}", "\u{9b}2J\u{202e}gnp"]
        .map(|piece| Completion::text(piece).events().remove(1));
    let mut events: Vec<_> = pieces.into();
    events.extend(Completion::text("x").events().into_iter().skip(2));
    let server = RawServer::start([Script::sse(events, SseEnding::Clean)]);
    let config = folder.config(&two(&server.uri(), &server.uri(), ""));
    let seen = on_a_terminal(folder.backstop(&["chat", "--stream", "hi", "--config"]).arg(&config));
    assert_steers_nothing(&seen);
    assert!(seen.contains(SHOWN), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_tools_and_words_of_errors_steer_nothing() {
    let folder = Folder::new("terminal-told");
    let refuses = FailingServer::start(Recipe::error(400, "invalid_request_error", None, None, EVIL)).await;
    let call =
        Completion::silent().tool_call("call_1", format!("look{EVIL}"), format!("{{\"x\":\"{EVIL}\"}}"));
    let calls = FailingServer::start(Recipe::completion(&call)).await;
    let config = folder.config(&two(&refuses.uri(), &calls.uri(), ""));
    let seen = on_a_terminal(folder.backstop(&["chat", "hi", "--config"]).arg(&config));
    assert_steers_nothing(&seen);
    assert!(seen.contains("request refused (400)") && seen.contains("the model calls look"), "{seen:?}");
}
