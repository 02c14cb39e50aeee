//! Text completion and embeddings.

use std::io::Write;
use std::process::Stdio;

use backstop_testkit::server::openai::{continuation_events, continuation_piece};
use backstop_testkit::server::{FailingServer, RawServer, Recipe, Script, SseEnding};
use serde_json::{Value, json};

use crate::{Folder, KEYS, code, json as object, keys, text, two};

/// The keys of the object that `embed` prints.
const VECTOR_KEYS: [&str; 10] =
    ["dimensions", "embeddings", "error", "model", "ok", "operation", "space", "target", "trail", "usage"];

/// Both targets in one space.
const SHARED: &str =
    "[models.\"first/a\"]\nspace = \"mine\"\n[models.\"second/b\"]\nspace = \"mine\"\ndimensions = 2\n";

fn vectors(count: u8) -> Vec<Vec<f32>> {
    (0..count).map(|number| vec![f32::from(number), 0.5]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_object_of_embed_has_vectors_their_space_and_their_size() {
    let folder = Folder::new("embed");
    let first = FailingServer::start(Recipe::unauthorized()).await;
    let second = FailingServer::start(Recipe::embeddings(&vectors(2))).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), SHARED));
    let output =
        folder.backstop(&["embed", "--json", "--config"]).arg(&config).args(["one", "two"]).output().unwrap();
    let value = object(&output);
    assert_eq!((code(&output), keys(&value)), (0, VECTOR_KEYS.to_vec()));
    assert_eq!(value["embeddings"], json!([[0.0, 0.5], [1.0, 0.5]]));
    assert_eq!((&value["space"], &value["dimensions"]), (&json!("mine"), &json!(2)));
    assert_eq!((&value["ok"], &value["operation"]), (&json!(true), &json!("embed")));
    assert_eq!((&value["target"], &value["model"]), (&json!("second/b"), &json!("gpt-test")));
    assert_eq!((&value["usage"]["input_tokens"], &value["error"]), (&json!(2), &Value::Null));
    let trail = value["trail"].as_array().unwrap();
    assert_eq!((&trail[0]["kind"], &trail[0]["verdict"]), (&json!("auth"), &json!("next_target")));
    assert_eq!((&trail[1]["status"], &trail[1]["verdict"]), (&json!(200), &json!("delivered")));
    // A request that was not split has no parts, and says so.
    assert!(trail.iter().all(|line| line.get("part") == Some(&Value::Null)), "{trail:?}");
    assert_eq!(second.bodies()[0]["input"], json!(["one", "two"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn for_people_a_vector_is_a_line_and_the_space_stands_beside() {
    let folder = Folder::new("lines-of-numbers");
    let first = FailingServer::start(Recipe::overloaded()).await;
    let second = FailingServer::start(Recipe::embeddings(&vectors(2))).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), SHARED));
    let output = folder.backstop(&["embed", "one", "two", "--config"]).arg(&config).output().unwrap();
    assert_eq!((code(&output), text(&output.stdout).as_str()), (0, "0 0.5\n1 0.5\n"));
    let told = text(&output.stderr);
    assert!(told.contains("the vectors live in the space mine"), "{told}");
    assert!(told.contains("first/a") && told.contains("overloaded (503)"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_config_file_vectors_are_asked_of_the_first_provider_whose_key_is_set_and_that_makes_them()
{
    let folder = Folder::new("vectors-unconfigured");
    let vector = vec![vec![0.5; 1536]];
    let server = FailingServer::start(Recipe::embeddings(&vector)).await;
    let mut command = folder.backstop(&["embed", "--json", "one"]);
    command.env("ANTHROPIC_API_KEY", "sk-chats-only").env("OPENAI_API_KEY", "sk-x");
    let output = command.env("OPENAI_BASE_URL", server.uri()).output().unwrap();
    let value = object(&output);
    assert_eq!((code(&output), &value["space"]), (0, &json!("text-embedding-3-small")), "{value}");
    assert_eq!(server.bodies()[0]["model"], "text-embedding-3-small");
    assert!(text(&output.stderr).contains("using openai/text-embedding-3-small (OPENAI_API_KEY is set)"));

    let output = folder.backstop(&["embed", "--json", "one"]).output().unwrap();
    let value = object(&output);
    let message = value["error"]["message"].as_str().unwrap();
    assert_eq!((code(&output), &value["error"]["kind"]), (2, &json!("config")), "{value}");
    assert!(message.contains("set OPENAI_API_KEY or") && message.contains("--models"), "{message}");
}

/// One text more than a request may hold, and servers for them: the second part fails at the first target.
async fn split(folder: &Folder, second: Recipe) -> (Vec<String>, std::process::Output) {
    let half: Vec<Vec<f32>> = (0..2048_u16).map(|number| vec![f32::from(number), 0.5]).collect();
    let first = FailingServer::sequence([Recipe::embeddings(&half), Recipe::bad_request()]).await;
    let second = FailingServer::start(second).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), SHARED));
    let texts: Vec<String> = (0..2049).map(|number| number.to_string()).collect();
    let output =
        folder.backstop(&["embed", "--json", "--config"]).arg(&config).args(&texts).output().unwrap();
    (texts, output)
}

fn lines(value: &Value) -> Vec<(u64, &str, &str)> {
    let trail = value["trail"].as_array().unwrap().iter();
    trail
        .map(|line| {
            let word = |key: &str| line[key].as_str().unwrap();
            (line["part"].as_u64().unwrap(), word("target"), word("verdict"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_a_split_call_say_which_part_they_are_of() {
    let folder = Folder::new("parts");
    let (texts, output) = split(&folder, Recipe::embeddings(&[vec![2048.0, 0.5]])).await;
    let value = object(&output);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let places = value["embeddings"].as_array().unwrap().iter().map(|vector| vector[0].as_f64().unwrap());
    assert!(places.map(|place| place.to_string()).eq(texts));
    assert_eq!(
        lines(&value),
        [(0, "first/a", "delivered"), (1, "first/a", "next_target"), (1, "second/b", "delivered")]
    );
    let told = text(&output.stderr);
    assert!(told.contains("part 2: request refused (400)"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_object_of_a_part_that_failed_keeps_the_vectors_before_it() {
    let folder = Folder::new("half");
    let (_, output) = split(&folder, Recipe::unauthorized()).await;
    let value = object(&output);
    assert_eq!((code(&output), keys(&value)), (1, VECTOR_KEYS.to_vec()));
    assert_eq!((&value["ok"], &value["error"]["kind"]), (&json!(false), &json!("exhausted")));
    assert_eq!(value["embeddings"].as_array().map(Vec::len), Some(2048));
    assert_eq!((&value["space"], &value["dimensions"]), (&json!("mine"), &json!(2)));
    assert_eq!((&value["target"], &value["usage"]["input_tokens"]), (&Value::Null, &json!(2048)));
    assert_eq!(lines(&value)[2], (1, "second/b", "exhausted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_of_another_space_is_skipped_and_people_are_told_what_to_do() {
    let folder = Folder::new("spaces");
    let first = FailingServer::start(Recipe::unauthorized()).await;
    let second = FailingServer::start(Recipe::embeddings(&vectors(1))).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let output = folder.backstop(&["embed", "one", "--config"]).arg(&config).output().unwrap();
    assert_eq!((code(&output), output.stdout.len(), second.hits()), (1, 0, 0));
    let told = text(&output.stderr);
    for words in ["in the space second/b", "those of this call in first/a", "state one `space` for both"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn mistakes_in_a_call_for_vectors_end_with_2_and_its_own_object() {
    let folder = Folder::new("embed-mistakes");
    let config = folder.config(&two("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1", ""));
    let config = config.to_str().unwrap();
    for (arguments, kind, said) in [
        (vec!["embed", "--json"], "usage", "TEXT"),
        (vec!["--config", config, "embed", "--json"], "usage", "TEXT"),
        (vec!["embed", "--json", "--stream", "one"], "usage", "--stream"),
        (vec!["embed", "--json", "--config", config, "one", " "], "usage", "text 2 of 2 is empty"),
        (vec!["embed", "--json", "--models", "gpt", "one"], "config", "provider/model"),
        (vec!["embed", "--json", "--config", config, "--route", "other", "one"], "usage", "other"),
    ] {
        let output = folder.backstop(&arguments).output().unwrap();
        let value = object(&output);
        assert_eq!((code(&output), keys(&value)), (2, VECTOR_KEYS.to_vec()), "{arguments:?}");
        assert_eq!((&value["operation"], &value["error"]["kind"]), (&json!("embed"), &json!(kind)));
        assert_eq!((&value["embeddings"], &value["ok"]), (&Value::Null, &json!(false)), "{arguments:?}");
        let message = value["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{arguments:?}: {message}");
    }
    let output = folder.backstop(&["embed"]).output().unwrap();
    assert_eq!((code(&output), output.stdout.len()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_prints_the_continuation_and_takes_its_text_from_stdin_too() {
    let folder = Folder::new("complete");
    let first = FailingServer::start(Recipe::overloaded()).await;
    let second = FailingServer::start(Recipe::continuation(" there was")).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let output = folder.backstop(&["complete", "once upon", "--config"]).arg(&config).output().unwrap();
    assert_eq!((code(&output), text(&output.stdout).as_str()), (0, " there was\n"));
    let told = text(&output.stderr);
    assert!(told.contains("first/a") && told.contains("overloaded (503)"), "{told}");
    assert_eq!(second.requests()[0].path, "/v1/completions");

    let mut command = folder.backstop(&["complete", "--json", "-", "--config"]);
    let command = command.arg(&config).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"once\nupon\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let value = object(&output);
    assert_eq!((code(&output), keys(&value)), (0, KEYS.to_vec()));
    assert_eq!((&value["operation"], &value["text"]), (&json!("complete"), &json!(" there was")));
    assert_eq!((&value["target"], &value["finish_reason"]), (&json!("second/b"), &json!("stop")));
    assert_eq!(value["usage"], json!({ "input_tokens": 3, "output_tokens": 2 }));
    assert_eq!(value["trail"][0].get("part"), None);
    assert_eq!(second.bodies()[1]["prompt"], "once\nupon");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_completion_falls_over_before_its_first_text_and_its_lines_end_with_the_object() {
    let folder = Folder::new("complete-stream");
    let cut = Script::sse([continuation_piece("", None)], SseEnding::Cut);
    let first = RawServer::start([cut]);
    let second =
        RawServer::start([Script::sse(continuation_events(" there was a king", 3, 4), SseEnding::Clean)]);
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let config = config.to_str().unwrap();
    let asked = ["complete", "--stream", "--config", config, "once"];
    let output = folder.backstop(&asked).output().unwrap();
    assert_eq!((code(&output), text(&output.stdout).as_str()), (0, " there was a king\n"));
    let output = folder.backstop(&asked).arg("--json").output().unwrap();
    let out = text(&output.stdout);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (end, pieces) = lines.split_last().unwrap();
    assert!(pieces.iter().all(|line| line["event"] == "delta") && pieces.len() == 5, "{out}");
    let whole: String = pieces.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!((whole.as_str(), &end["text"]), (" there was a king", &json!(" there was a king")));
    assert_eq!((&end["event"], &end["operation"]), (&json!("end"), &json!("complete")));
    assert_eq!((&end["model"], &end["usage"]["output_tokens"]), (&json!("gpt-test"), &json!(4)));
    let trail = end["trail"].as_array().unwrap();
    assert_eq!((&trail[0]["kind"], &trail[0]["status"]), (&json!("bad_reply"), &json!(200)));
    assert_eq!((&trail[1]["verdict"], &trail[1]["status"]), (&json!("delivered"), &json!(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_completion_that_breaks_off_keeps_its_text_and_ends_with_1() {
    let folder = Folder::new("complete-broken");
    let first = RawServer::start([Script::sse([continuation_piece(" there", None)], SseEnding::Cut)]);
    let second = FailingServer::start(Recipe::continuation(" never")).await;
    let config = folder.config(&two(&first.uri(), &second.uri(), ""));
    let output = folder
        .backstop(&["complete", "--stream", "--json", "once", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let out = text(&output.stdout);
    let end: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((code(&output), second.hits()), (1, 0));
    assert_eq!((&end["event"], &end["error"]["kind"]), (&json!("end"), &json!("interrupted")), "{out}");
    assert_eq!(end["text"], " there");
}

#[test]
fn mistakes_in_a_call_for_a_completion_end_with_2_and_name_it() {
    let folder = Folder::new("complete-mistakes");
    for (arguments, said) in [
        (vec!["complete", "--json", " "], "the prompt is empty"),
        (vec!["complete", "--json", "--stream", " "], "the prompt is empty"),
        (vec!["complete", "--json", "--system", "x", "once"], "--system"),
        (vec!["complete", "--json", "--stream", "--deadline", "5", "once"], "unit"),
    ] {
        let output = folder.backstop(&arguments).output().unwrap();
        let value = object(&output);
        assert_eq!((code(&output), &value["operation"]), (2, &json!("complete")), "{arguments:?}");
        assert_eq!((&value["error"]["kind"], &value["text"]), (&json!("usage"), &Value::Null));
        // A streamed call ends with its end, whatever went wrong.
        let end = arguments.contains(&"--stream").then(|| json!("end"));
        assert_eq!(value.get("event"), end.as_ref(), "{arguments:?}");
        let message = value["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{arguments:?}: {message}");
    }
}
