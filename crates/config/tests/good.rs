//! What good files mean.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod common;

use std::time::Duration;

use backstop_config::Config;
use backstop_core::chat::{Effort, ReasoningRequest};
use backstop_core::fallback::{AfterCommit, AllCooling, Hedge, Pick, Policy};
use backstop_core::route::{Route, RouteRule, RouteStep, Target};
use backstop_core::{Env, ErrorKind};

use common::{KEY, parse};

fn good(name: &str) -> Config {
    let path = format!("{}/tests/good/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let config = parse(&std::fs::read_to_string(path).unwrap());
    config.unwrap_or_else(|problems| panic!("{problems}"))
}

fn one(step: &RouteStep) -> &Target {
    match step {
        RouteStep::One(target) => target,
        other => panic!("{other:?}"),
    }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn the_file_of_the_contract_means_what_it_says() {
    let config = good("contract");
    assert!(config.warnings.is_empty());

    let [openai, mirror, local] = config.providers.as_slice() else { panic!() };
    assert_eq!((openai.kind.as_str(), openai.settings.name.as_str()), ("openai", "openai"));
    assert_eq!(openai.settings.api_key.as_ref().unwrap().expose(), KEY);
    assert_eq!(openai.settings.missing, None);
    assert_eq!((mirror.kind.as_str(), mirror.settings.name.as_str()), ("openai", "mirror"));
    assert_eq!(mirror.settings.base_url.as_deref(), Some("http://127.0.0.1:8080/v1"));
    assert_eq!(mirror.settings.api_key.as_ref().unwrap().expose(), "none");
    assert_eq!(mirror.settings.connect, Some(secs(5)));
    assert_eq!(local.settings.options["models"]["qwen"], "models/qwen3-0.6b.gguf");

    let facts = &config.facts[&"mirror/big".parse().unwrap()];
    assert_eq!(
        (facts.context_tokens, facts.reasoning, facts.dimensions),
        (Some(128_000), Some(false), Some(1536))
    );
    assert_eq!(facts.space.as_deref(), Some("text-embedding-3-small"));

    let names: Vec<&str> = config.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["default", "embeddings", "*"]);
    let route = config.route("default").unwrap();
    assert_eq!(one(&route.steps[0]).name.as_str(), "openai/gpt-5.2");
    let mirror = one(&route.steps[1]);
    assert_eq!((mirror.overrides.timeout, mirror.overrides.temperature), (Some(secs(20)), Some(0.2)));
    let RouteStep::Pool { pick: Pick::Weighted, members, .. } = &route.steps[2] else { panic!() };
    let members: Vec<(&str, u32)> =
        members.iter().map(|(target, weight)| (target.name.as_str(), *weight)).collect();
    assert_eq!(members, [("groq/llama-x", 3), ("together/llama-x", 1)]);

    let mut policy = Policy::default();
    policy.deadline = Some(secs(60));
    policy.timeout = Some(secs(300));
    policy.first_content = Some(secs(10));
    policy.idle = Some(secs(15));
    policy.attempts = Some(5);
    policy.patience = Some(secs(5));
    policy.comebacks = Some(1);
    policy.hedge_after = Hedge::Off;
    assert_eq!(route.policy, policy);
    let instead = Route::of("x", ["gemini/gemini-2.5-pro"]).unwrap().steps;
    assert_eq!(
        route.rules,
        [
            (ErrorKind::ContextLength, RouteRule::Instead(instead)),
            (ErrorKind::ContentFilter, RouteRule::Stop),
            (ErrorKind::BadRequest, RouteRule::SecondOpinion),
        ]
    );
    for route in &config.routes {
        route.check().unwrap();
    }
}

#[test]
fn every_key_arrives() {
    let config = good("everything");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);

    let settings = &config.providers[0].settings;
    assert_eq!(settings.api_key.as_ref().unwrap().expose(), "none");
    assert_eq!(settings.connect, Some(Duration::from_millis(1500)));
    assert_eq!(settings.options["organization"], "org-1");
    assert_eq!(settings.options["store"], false);
    assert_eq!(settings.options["seats"], 12);
    assert_eq!(settings.options["headers"]["authorization-extra"], KEY);

    let route = config.route("all").unwrap();
    route.check().unwrap();
    assert!(route.mixed_spaces && !route.policy.suspect);
    assert_eq!(route.policy.deadline, Some(secs(45)));
    assert_eq!((route.policy.attempts, route.policy.comebacks), (Some(3), Some(0)));
    assert_eq!(route.policy.patience, Some(Duration::ZERO));
    assert_eq!(route.policy.hedge_after, Hedge::After(secs(2)));
    assert_eq!(route.policy.after_commit, AfterCommit::Restart);
    assert_eq!(route.policy.all_cooling, AllCooling::FailFast);
    assert_eq!(route.rules.len(), 12);

    let o = &one(&route.steps[0]).overrides;
    assert_eq!((o.timeout, o.first_content, o.idle), (Some(secs(1)), Some(secs(2)), Some(secs(3))));
    assert_eq!(
        (o.temperature, o.top_p, o.max_output_tokens, o.seed),
        (Some(1.0), Some(0.5), Some(100), Some(7))
    );
    assert_eq!(o.stop.as_deref().unwrap(), ["END", "\n\n"]);
    assert_eq!(o.system.as_deref(), Some("Be brief."));
    assert_eq!(o.headers, [("x-trace".to_owned(), "on".to_owned())]);
    assert_eq!(o.extra_body["nested"]["list"], serde_json::json!([1, 2.5, true]));
    let reasoning: Vec<_> =
        route.steps[..4].iter().map(|step| one(step).overrides.reasoning.unwrap()).collect();
    assert_eq!(
        reasoning,
        [
            ReasoningRequest::effort(Effort::High),
            ReasoningRequest::default(),
            ReasoningRequest::effort(Effort::None),
            ReasoningRequest::effort(Effort::Minimal).shown(),
        ]
    );
    let RouteStep::Pool { pick: Pick::Weighted, members, .. } = &route.steps[6] else { panic!() };
    assert_eq!(members.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn an_empty_file_is_a_config_without_routes() {
    let config = good("nothing");
    assert!(config.routes.is_empty() && config.providers.is_empty() && config.facts.is_empty());
}

#[test]
fn a_variable_missing_in_a_provider_is_noted_and_no_error() {
    let text = "[providers.work]\nkind = \"openai\"\napi_key = \"${WORK_KEY}\"\norganization = \"${EMPTY}\"\n\
                headers = { x-a = \"${X_A}\", x-b = \"b\" }\n[routes.x]\ntargets = [\"work/m\"]\n";
    let config = parse(text).unwrap();
    let settings = &config.providers[0].settings;
    assert_eq!(settings.missing.as_deref(), Some("set EMPTY and WORK_KEY and X_A"));
    assert!(settings.api_key.is_none() && !settings.options.contains_key("organization"));
    assert_eq!(settings.options["headers"], serde_json::json!({ "x-b": "b" }));

    let config = parse("[providers.openai]\napi_key = \"${WORK_KEY}\"").unwrap();
    let missing = config.providers[0].settings.missing.as_deref();
    assert_eq!(missing, Some("set WORK_KEY: `api_key` is taken from it"));
}

#[test]
fn dotted_and_quoted_keys_and_dotted_tables_are_the_same_file() {
    let text = "providers.mirror.kind = \"openai\"\nroutes.\"default\".targets = ['mirror/a/b:c']\n\
                routes.default.retry.comebacks = 2\n";
    let config = parse(text).unwrap();
    assert_eq!(config.routes[0].policy.comebacks, Some(2));
    assert_eq!(one(&config.routes[0].steps[0]).name.model(), "a/b:c");
}

#[test]
fn doubles_leave_a_pool_that_is_still_a_pool() {
    let text = "[routes.x]\ntargets = [\"groq/a\", { pool = [\"groq/a\", \"groq/b\"], pick = \"weighted\", weights = [1, 5] }, { pool = [\"groq/b\"] }]";
    let config = parse(text).unwrap();
    assert_eq!(config.warnings.len(), 2);
    assert!(config.warnings.iter().all(|warning| warning.is_warning()));
    let steps = &config.routes[0].steps;
    assert_eq!(steps.len(), 2);
    let RouteStep::Pool { members, .. } = &steps[1] else { panic!() };
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].1, 5);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_trouble() {
    let config = parse("\u{feff}[routes.x]\r\ntargets = [\"groq/a\"]\r\n").unwrap();
    assert_eq!(config.routes.len(), 1);
    let problems = parse("\u{feff}[route.x]\r\ntargets = [\"groq/a\"]\r\n").unwrap_err();
    assert_eq!((problems.first().line(), problems.first().column()), (Some(1), Some(2)));
    assert_eq!(problems.first().shown_line(), Some("[route.x]"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let load = |path: &str| Config::load(path, &common::registry(), &Env::empty());
    let folder = env!("CARGO_TARGET_TMPDIR");
    let missing = format!("{folder}/no-such-file.toml");
    assert!(load(&missing).unwrap_err().to_string().contains("no-such-file.toml"));
    let binary = format!("{folder}/binary.toml");
    std::fs::write(&binary, b"a = 1\n\xff\xfe").unwrap();
    assert!(load(&binary).unwrap_err().to_string().contains("line 2 is not UTF-8"));
    let large = format!("{folder}/large.toml");
    std::fs::write(&large, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(load(&large).unwrap_err().to_string().contains("larger than 1024 KiB"));
    let good = format!("{folder}/good.toml");
    std::fs::write(&good, "[routes.x]\ntargets = [\"groq/a\"]").unwrap();
    assert_eq!(load(&good).unwrap().routes.len(), 1);
}

#[test]
fn what_building_a_provider_finds_is_shown_at_its_table() {
    let config = parse("\n[providers.openai] # sk-old\nbase_url = \"localhost\"\n").unwrap();
    let problem = config.providers[0].problem("its base_url does not begin with https://");
    assert_eq!(
        problem.to_string(),
        "error: its base_url does not begin with https://\n --> backstop.toml:2:1\n  |\n2 | [providers.openai]\n  | ^^^^^^^^^^^^^^^^^^"
    );
}

#[test]
fn many_problems_are_cut_and_counted_and_become_one_error() {
    let text: String = (0..100).map(|i| format!("k{i} = 1\n")).collect();
    let problems = parse(&text).unwrap_err();
    assert_eq!((problems.count(), problems.iter().count()), (100, 40));
    assert!(problems.to_string().ends_with("error: 60 more like these"));
    let error = backstop_core::Error::from(problems);
    assert_eq!(error.kind(), ErrorKind::Config);
    let line = error.to_string();
    assert!(
        line.contains("backstop.toml:1:1: unknown key `k0`")
            && line.contains("99 more")
            && !line.contains('\n')
    );
}

#[test]
fn what_is_shown_is_the_same_config_without_its_secrets() {
    for name in ["contract", "everything", "nothing"] {
        let config = good(name);
        let shown = config.to_string();
        assert!(!shown.contains("sk-"), "{shown}");
        let again = parse(&shown).unwrap_or_else(|problems| panic!("{shown}\n{problems}"));
        assert_eq!(again.to_string(), shown);
        assert_eq!(again.facts, config.facts);
        for (mut again, mut route) in again.routes.into_iter().zip(config.routes) {
            for steps in [&mut again.steps, &mut route.steps] {
                for step in steps {
                    if let RouteStep::One(target) = step {
                        target.overrides.system = None;
                        target.overrides.headers.clear();
                        target.overrides.extra_body.clear();
                    }
                }
            }
            assert_eq!(again, route);
        }
    }
}
