//! Files that cannot be used: each says why, and nothing breaks.

use std::path::Path;
use std::time::{Duration, Instant};

use backstop_core::chat::ChatRequest;
use backstop_core::{Ask, Env, ErrorKind, Provider, Settings};
use backstop_providers::local::{self, Local, LocalConfig};
use serde_json::json;

use crate::{Folder, random};

fn local(path: &Path) -> Local {
    Local::new(LocalConfig::default().with_model("m", path))
}

/// What is told of a model whose file is this.
async fn told(path: &Path) -> String {
    let local = local(path);
    let missing = local.capabilities("m").missing;
    let error =
        local.chat(Ask::new("m"), &ChatRequest::user("hi").with_max_output_tokens(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured, "{error}");
    if let Some(missing) = missing {
        assert_eq!(error.message(), missing);
    }
    assert!(!error.to_string().contains('\n'), "{error}");
    error.message().to_owned()
}

#[tokio::test]
async fn each_file_that_cannot_be_used_says_why() {
    let folder = Folder::new("bad");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let good = random::model("llama", "llama-bpe");
    let unknown = random::model("mamba", "gpt-2");
    let cut_oddly = random::model("llama", "tekken");
    for (path, expected) in [
        (folder.0.join("none.gguf"), "does not exist: download it"),
        (folder.0.clone(), "is a folder"),
        #[cfg(unix)]
        ("/dev/zero".into(), "is no file"),
        (write("empty.gguf", b""), "cut off"),
        (write("page.gguf", b"<html>404</html>"), "no GGUF file"),
        (write("head.gguf", &good[..400]), "cut off"),
        (write("cut.gguf", &good[..good.len() - 40]), "was cut off"),
        (write("mamba.gguf", &unknown), "architecture \"mamba\""),
        (write("tekken.gguf", &cut_oddly), "unknown way \"tekken\""),
    ] {
        let told = told(&path).await;
        assert!(told.contains(expected) && told.contains(path.to_str().unwrap()), "{told}");
    }
}

#[tokio::test]
async fn a_file_cut_or_changed_anywhere_in_its_head_is_an_error_and_no_crash() {
    let folder = Folder::new("changed");
    let good = random::model("qwen2", "qwen2");
    let path = folder.0.join("m.gguf");
    let mut seed = 7u64;
    for _ in 0..150 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut bytes = good.clone();
        let place = usize::try_from(seed >> 33).unwrap() % 9000;
        if seed & 1 == 0 {
            bytes.truncate(place)
        } else {
            bytes[place] ^= 1 << (seed >> 20 & 7)
        }
        std::fs::write(&path, &bytes).unwrap();
        let outcome =
            local(&path).chat(Ask::new("m"), &ChatRequest::user("hi").with_max_output_tokens(2)).await;
        if let Err(error) = outcome {
            assert_ne!(error.kind(), ErrorKind::Cancelled, "{error}");
        }
    }
}

#[tokio::test]
async fn a_file_that_appears_or_is_replaced_is_seen() {
    let folder = Folder::new("appears");
    let path = folder.0.join("m.gguf");
    let local = local(&path);
    assert!(local.capabilities("m").missing.is_some());
    std::fs::write(&path, random::model("llama", "gpt-2")).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while local.capabilities("m").missing.is_some() {
        assert!(Instant::now() < until, "it is never seen");
        tokio::task::yield_now().await;
    }
    let request = ChatRequest::user("hello").with_max_output_tokens(9);
    let first = local.chat(Ask::new("m"), &request).await.unwrap().text;
    // Who is asked looks for itself, whatever was seen last.
    std::fs::remove_file(&path).unwrap();
    let error = local.chat(Ask::new("m"), &request).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::NotConfigured && error.message().contains("does not exist"),
        "{error}"
    );
    assert_eq!(local.capabilities("m").missing.as_deref(), Some(error.message()));
    std::fs::write(&path, random::model("qwen3", "qwen2")).unwrap();
    let second = local.chat(Ask::new("m"), &request).await.unwrap().text;
    assert_ne!(first, second);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let settings = || Settings::new("local", Env::empty());
    let mut good = settings();
    good.options.insert("models".to_owned(), json!({ "qwen": "q.gguf" }));
    let local = local::kind().build(good).unwrap();
    assert!(local.capabilities("qwen").missing.unwrap().contains("q.gguf does not exist"));
    assert!(local.capabilities("other").missing.unwrap().contains("models = { other"));
    let mut url = settings();
    url.base_url = Some("http://127.0.0.1".to_owned());
    let mut misspelt = settings();
    misspelt.options.insert("model".to_owned(), json!({}));
    for (settings, said) in [(url, "base_url"), (misspelt, "did you mean `models`?")] {
        let error = local::kind().build(settings).unwrap_err();
        assert!(error.message().contains(said), "{error}");
    }
}

/// The file with another number behind this name.
fn lying(file: &[u8], name: &str, number: u32) -> Vec<u8> {
    let mut bytes = file.to_vec();
    let found = bytes.windows(name.len()).position(|window| window == name.as_bytes());
    // Behind the name stand the form of the value, and the value.
    let place = found.unwrap() + name.len() + 4;
    bytes.splice(place..place + 4, number.to_le_bytes());
    bytes
}

/// Candle reserves layers, experts and angles by what the head says, and a program that gets no memory ends. The limit holds
/// for a whole process, so the test runs itself again in one of its own.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn sizes_that_the_tables_do_not_bear_out_are_refused_and_take_no_memory() {
    const ITSELF: &str = "files::sizes_that_the_tables_do_not_bear_out_are_refused_and_take_no_memory";
    if std::env::var_os("BACKSTOP_TEST_LIMITED").is_none() {
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", "ulimit -v 3000000 && exec \"$0\" --exact \"$1\" --test-threads 1"]);
        let limited =
            limited.arg(std::env::current_exe().unwrap()).arg(ITSELF).env("BACKSTOP_TEST_LIMITED", "1");
        let output = limited.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
        return;
    }
    let folder = Folder::new("lies");
    let path = folder.0.join("m.gguf");
    for architecture in ["llama", "qwen2", "qwen3", "gemma3", "phi3"] {
        let pre = if architecture.starts_with("qwen") { "qwen2" } else { "gpt-2" };
        let good = random::model(architecture, pre);
        for key in ["block_count", "embedding_length", "attention.head_count", "attention.key_length"]
            .into_iter()
            .chain(["attention.head_count_kv", "rope.dimension_count"])
        {
            for number in [0, u32::MAX] {
                // A model without layers runs, and says nothing of sense.
                if (key, number) == ("block_count", 0) {
                    continue;
                }
                let name = format!("{architecture}.{key}");
                std::fs::write(&path, lying(&good, &name, number)).unwrap();
                let told = told(&path).await;
                let stated = format!("it says that {architecture}.");
                assert!(told.contains(&stated), "{name} = {number}: {told}");
            }
        }
        // A window larger than anything is as large as the file can bear.
        std::fs::write(&path, lying(&good, &format!("{architecture}.context_length"), u32::MAX)).unwrap();
        let local = local(&path);
        let window = local.capabilities("m").context_tokens.unwrap();
        assert!(window > random::WINDOW && usize::try_from(window).unwrap() < good.len(), "{window}");
        let request = ChatRequest::user("hi").with_max_output_tokens(2);
        let outcome = local.chat(Ask::new("m"), &request).await;
        assert!(outcome.as_ref().is_ok_and(|reply| reply.usage.output_tokens.is_some()), "{outcome:?}");
    }
}
