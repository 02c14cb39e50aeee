//! Refusals in the words of others: whatever stands in front, the healthy target answers.

use super::*;

const TOGETHER_OVERFLOW: &str = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193.";
const VLLM_OVERFLOW: &str = "max_tokens must be at least 1, got -808.";
const GROQ_RESTRICTED: &str = "Organization has been restricted. Please reach out to support.";
const NVIDIA_DEGRADED: &str = "Function id 'x': DEGRADED function cannot be invoked";

fn refusal(message: &str) -> Recipe {
    Recipe::error(400, "invalid_request_error", None, None, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_refusals_that_are_no_fault_of_the_request_leave_the_third_target_to_answer() {
    for (kinds, told, expected) in [
        (["together", "vllm"], [TOGETHER_OVERFLOW, VLLM_OVERFLOW], ["context_length", "context_length"]),
        (["groq", "nvidia"], [GROQ_RESTRICTED, NVIDIA_DEGRADED], ["forbidden", "server"]),
        (["xai", "moonshot"], ["flux 17 is out of balance", "no"], ["bad_request", "bad_request"]),
    ] {
        let servers = [
            FailingServer::start(refusal(told[0])).await,
            FailingServer::start(refusal(told[1])).await,
            FailingServer::start(Recipe::healthy("here")).await,
        ];
        let folder = Folder::new(&format!("refusals-{}", kinds[0]));
        let table = |name: &str, kind: &str, server: &FailingServer| {
            format!(
                "[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{}\"\napi_key = \"none\"\n",
                server.uri()
            )
        };
        let config = folder.config(&format!(
            "{}{}{}[routes.default]\ntargets = [\"a/x\", \"b/y\", \"c/z\"]\n",
            table("a", kinds[0], &servers[0]),
            table("b", kinds[1], &servers[1]),
            table("c", "openai", &servers[2]),
        ));
        let output = folder
            .backstop(&["chat", "--config", config.to_str().unwrap(), "--json", "hi"])
            .output()
            .unwrap();
        let answer = json(&output);
        assert_eq!(answer.get("text").unwrap(), "here", "{answer}");
        let trail = answer.get("trail").unwrap().as_array().unwrap();
        let found: Vec<_> = trail.iter().filter_map(|step| step.get("kind")?.as_str()).collect();
        assert_eq!(found, expected, "{answer}");
    }
}

#[test]
fn this_machine_is_asked_without_a_proxy_over_https_as_well() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let folder = Folder::new("no-proxy");
    let config = folder.config(
        "[providers.a]\nkind = \"openai\"\nbase_url = \"https://localhost:9/v1\"\napi_key = \"none\"\n\
         [routes.default]\ntargets = [\"a/x\"]\nattempts = 1\n",
    );
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = folder.backstop(&["chat", "--config", config.to_str().unwrap(), "--json", "hi"]);
    let output = command.env("HTTPS_PROXY", &url).env("ALL_PROXY", &url).output().unwrap();
    let kind = json(&output).pointer("/trail/0/kind").cloned().unwrap();
    assert_eq!(kind, "connect");
    assert!(proxy.accept().is_err(), "the proxy was asked");
}
