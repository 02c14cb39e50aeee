//! The file format itself: every table, every key, its form, its default and one sentence about it.

use std::borrow::Cow;

use backstop_core::route::RouteRule;
use backstop_core::{ErrorKind, Kind, Registry, Shape};

use crate::form::{Form, Key, Names, Table, Word};

const AFTER_COMMIT: &[Word] = &[
    Word::new("stop", "the call ends with an error that carries the partial answer"),
    Word::new("restart", "the next target begins from scratch, and the caller is told"),
];

const ALL_COOLING: &[Word] = &[
    Word::new("try_soonest", "the one that reopens soonest is tried at once"),
    Word::new("fail_fast", "the call ends"),
];

const PICK: &[Word] =
    &[Word::new("order", "as listed"), Word::new("weighted", "at random, in proportion to their weights")];

const HEDGE: &[Word] = &[
    Word::new("when_silent", "beside an answer in one piece, after a minute or so"),
    Word::new("off", "one target at a time"),
];

const UNARY: &[Word] = &[
    Word::new("whole", "in one piece, as it was asked for"),
    Word::new("stream", "as a stream that is collected"),
];

const OFF: &[Word] = &[Word::new("off", "only what a provider told is heeded")];

const RULE: &[Word] = &[Word::new("next", "the next target is asked"), Word::new("stop", "the call ends")];

const RULE_BAD_REQUEST: &[Word] = &[
    Word::new("second_opinion", "one more provider is asked; if it refuses as well the call ends"),
    Word::new("next", "the next target is asked"),
    Word::new("stop", "the call ends"),
];

pub(crate) const EFFORT: &[Word] = &[
    Word::new("none", "not at all, where the model can be told so"),
    Word::new("minimal", "as little as possible"),
    Word::new("low", "little"),
    Word::new("medium", "some"),
    Word::new("high", "much"),
];

/// The whole file.
pub(crate) fn root(registry: &Registry) -> Table {
    let map = |names, form| Form::Map(names, Box::new(form));
    Table {
        place: "at the top of the file".into(),
        header: "",
        refused: Vec::new(),
        keys: vec![
            Key::new(
                "providers",
                map(Names::Provider, Form::Provider(providers(registry))),
                "Where models are served: one table each, under the name that targets use.",
            )
            .also(&["provider"]),
            Key::new(
                "models",
                map(Names::Target, Form::Table(facts())),
                "What is known of single targets, and goes before what their provider says.",
            )
            .also(&["model", "facts"]),
            Key::new(
                "routes",
                map(Names::Route, Form::Table(route())),
                "Ordered lists of targets, each with its policy.",
            )
            .also(&["route", "chains", "fallbacks"]),
        ],
    }
}

/// What every provider's table may hold, then the tables of the kinds; the one without a kind is the last.
fn providers(registry: &Registry) -> Vec<(Option<&'static str>, Table)> {
    let of = |kind: &Kind| {
        let mut keys = provider_keys();
        keys.extend(kind.options.iter().map(|option| {
            let form = match option.shape {
                Shape::Flag => Form::Flag,
                Shape::Count => Form::Count { min: 1, max: u32::MAX as u64 },
                Shape::Texts => Form::Map(Names::Free, Box::new(Form::TEXT)),
                // A shape that is newer than this crate is at least written as a text.
                _ => Form::TEXT,
            };
            Key::new(option.name, form, option.what)
        }));
        let place = format!("in a provider of the kind `{}`", kind.name).into();
        (Some(kind.name), Table { place, header: "[providers.NAME]", keys, refused: Vec::new() })
    };
    let any = Table {
        place: "in a provider".into(),
        header: "[providers.NAME]",
        keys: provider_keys(),
        refused: Vec::new(),
    };
    registry.kinds().map(of).chain([(None, any)]).collect()
}

fn provider_keys() -> Vec<Key> {
    vec![
        Key::new("kind", Form::TEXT, "Which wire it speaks: the name of a kind.")
            .default("the table's name")
            .also(&["type", "provider"]),
        Key::new(
            "api_key",
            Form::TEXT,
            "Its key, best taken from a variable: `\"${VAR}\"`. `\"none\"` sends no credential at all.",
        )
        .default("the kind's conventional variable, but only with the kind's own base URL")
        .also(&["key", "token", "api_token", "apikey"]),
        Key::new(
            "base_url",
            Form::TEXT,
            "What precedes the kind's documented path: with `/v1` for the OpenAI wire, without it for anthropic.",
        )
        .default("the kind's own")
        .also(&["url", "base", "api_base", "endpoint", "host"]),
        Key::new("connect", Form::TIME, "The most time for connecting.")
            .default("`5s`")
            .also(&["connect_timeout"]),
    ]
}

fn facts() -> Table {
    let count = Form::Count { min: 1, max: u32::MAX as u64 };
    Table {
        place: "in the facts of a model".into(),
        header: "[models.\"PROVIDER/MODEL\"]",
        refused: Vec::new(),
        keys: vec![
            Key::new("context_tokens", count.clone(), "Its window: input and output tokens together.")
                .default("what the provider says, if it does")
                .also(&["context_window", "max_context", "context_length", "max_input_tokens"]),
            Key::new(
                "reasoning",
                Form::Flag,
                "Whether it thinks before it answers, and so gets more time: first content 300 s, idle 180 s.",
            )
            .default("whether the request asks for reasoning"),
            Key::new(
                "space",
                Form::OPEN,
                "The vector space of its embeddings. Targets of one space may answer for each other: state it where you \
                 know that two names stand for one model, asked in one way.",
            )
            .default("that of a well-known model; else a space of its own"),
            Key::new(
                "dimensions",
                count,
                "The size of its embeddings. Vectors of another size are refused as a bad reply.",
            )
            .default("that of a well-known model; else that of the first vector"),
        ],
    }
}

fn route() -> Table {
    let table =
        |place: &'static str, header, keys| Table { place: place.into(), header, keys, refused: Vec::new() };
    let count = |min, max| Form::Count { min, max };
    let mut keys = vec![
        Key::new(
            "targets",
            targets(),
            "What is tried, in this order. Each is `\"provider/model\"`, a table with overrides, or a pool.",
        )
        .also(&["models", "target", "fallbacks", "providers"])
        .required(),
        Key::new(
            "deadline",
            Form::TIME,
            "The most time a call may take. A stated one covers everything, a stream from begin to end.",
        )
        .default("`10m`; for a stream it begins anew when it has to restart")
        .also(&["max_time", "total_timeout"]),
        Key::new("timeout", Form::TIME, "The most time for an answer in one piece.")
            .default("`5m`; local models `10m`, embeddings `1m`"),
        Key::new("first_content", Form::TIME, "The most time until the first content of a stream.")
            .default("`60s`; local models `3m`, reasoning `5m`")
            .also(&["first_token", "stream_timeout"]),
        Key::new("idle", Form::TIME, "The most time between two pieces of a stream.")
            .default("`60s`; reasoning `3m`")
            .also(&["read_timeout", "idle_timeout"]),
        Key::new("attempts", count(1, 32), "The most upstream requests of a call.")
            .default("its targets and `retry.comebacks`")
            .also(&["max_attempts", "tries"]),
        Key::new("patience", Form::Duration { zero: true }, "The most that a call sleeps in all.")
            .default("`5s`, or a third of the time left if that is less")
            .also(&["max_wait"]),
    ];
    keys.extend(rules());
    keys.extend([
        Key::new(
            "after_commit",
            Form::Words(AFTER_COMMIT),
            "What happens when a stream breaks off after its first content has reached the caller.",
        )
        .default("`\"stop\"`"),
        Key::new(
            "all_cooling",
            Form::Words(ALL_COOLING),
            "What happens when only targets under a suspected cooldown are left.",
        )
        .default("`\"try_soonest\"`"),
        Key::new(
            "hedge_after",
            Form::Any(vec![Form::Words(HEDGE), Form::TIME]),
            "When a second target is asked beside a silent first one. It costs a request, paid from the route's retry \
             budget; `\"off\"` never asks one.",
        )
        .default("`\"when_silent\"`: beside an answer in one piece, after a minute (local models `3m`, reasoning `5m`)")
        .also(&["hedge", "hedging"]),
        Key::new(
            "unary",
            Form::Words(UNARY),
            "How an answer in one piece is asked for. `\"stream\"` asks for a stream and collects it, so that \
             `first_content` and `idle` notice a silent target as soon as they do in a stream.",
        )
        .default("`\"whole\"`")
        .also(&["stream", "streaming"]),
        Key::new(
            "retry",
            Form::Table(table(
                "in `retry`",
                "retry = { … }",
                vec![
                    Key::new("comebacks", count(0, 31), "How often a call may ask a target a second time.")
                        .default("`1`; where `attempts` is stated, as it allows")
                        .also(&["max", "max_retries", "retries", "count"]),
                    Key::new("base", Form::Duration { zero: true }, "The first backoff of a comeback.")
                        .default("`500ms`"),
                    Key::new("cap", Form::Duration { zero: true }, "The longest backoff of a comeback.")
                        .default("`8s`")
                        .also(&["max_delay"]),
                ],
            )),
            "Second tries of a target in the same call.",
        )
        .also(&["retries", "max_retries", "backoff"]),
        Key::new(
            "cooldown",
            Form::Any(vec![
                Form::Words(OFF),
                Form::Table(table(
                    "in `cooldown`",
                    "cooldown = { … }",
                    vec![
                        Key::new("base", Form::TIME, "The first cooldown; it doubles from time to time.")
                            .default("`5s`"),
                        Key::new("cap", Form::TIME, "The longest suspected cooldown.").default("`5m`"),
                    ],
                )),
            ]),
            "How long a failing target rests. `\"off\"`: only for what a provider told.",
        )
        .also(&["cooldown_time", "circuit_breaker", "breaker"]),
        Key::new(
            "mixed_spaces",
            Form::Flag,
            "Whether embeddings may fall over to a model of another vector space. Such vectors cannot be compared.",
        )
        .default("`false`"),
    ]);
    Table { refused: refused_rules(), ..table("in a route", "[routes.NAME]", keys) }
}

/// Kinds of failure a route may steer in a file.
fn steered() -> impl Iterator<Item = ErrorKind> {
    ErrorKind::ALL.into_iter().filter(|kind| RouteRule::refused(*kind).is_none())
}

fn refused_rules() -> Vec<(Cow<'static, str>, &'static str)> {
    let rule = |kind: ErrorKind| Some((format!("on_{kind}").into(), RouteRule::refused(kind)?));
    ErrorKind::ALL.into_iter().filter_map(rule).collect()
}

fn rules() -> impl Iterator<Item = Key> {
    steered().map(|kind| {
        let (words, default) = match kind {
            ErrorKind::BadRequest => (RULE_BAD_REQUEST, "`\"second_opinion\"`"),
            _ => (RULE, "`\"next\"`"),
        };
        let what = format!("What follows a failure of the kind `{kind}` ({}).", kind.words());
        Key::new(format!("on_{kind}"), Form::Any(vec![Form::Words(words), targets()]), what).default(default)
    })
}

/// A list of steps: targets, targets with overrides, pools.
fn targets() -> Form {
    let mut keys = vec![Key::new("target", Form::Target, "The target: `\"provider/model\"`.").required()];
    keys.extend(overrides());
    let target = Table {
        place: "in a target's table".into(),
        header: "{ target = \"PROVIDER/MODEL\", … }",
        keys,
        refused: vec![
            ("deadline".into(), "a deadline is for the whole call; the time of one target is `timeout`"),
            ("api_key".into(), "a key is its provider's: [providers.NAME]"),
            ("base_url".into(), "a base URL is its provider's: [providers.NAME]"),
        ],
    };
    let mut member = target.clone();
    member.refused.push(("pool".into(), "a pool holds targets, and no pools"));
    let member = Form::Any(vec![Form::Target, Form::Table(member)]);
    let pool = Table {
        place: "in a pool".into(),
        header: "{ pool = […], … }",
        refused: Vec::new(),
        keys: vec![
            Key::new("pool", Form::list(member), "Targets that stand for each other.").required(),
            Key::new("pick", Form::Words(PICK), "How they are ordered, for each call anew.")
                .default("`\"order\"`")
                .also(&["strategy"]),
            Key::new(
                "weights",
                Form::list(Form::Count { min: 0, max: 1_000_000 }),
                "One number for each target of the pool, for `pick = \"weighted\"`.",
            )
            .default("the same for all")
            .also(&["weight"]),
        ],
    };
    Form::list(Form::Any(vec![Form::Target, Form::Table(target), Form::Table(pool)]))
}

fn overrides() -> [Key; 12] {
    let effort = Table {
        place: "in `reasoning`".into(),
        header: "reasoning = { … }",
        refused: Vec::new(),
        keys: vec![
            Key::new("effort", Form::Words(EFFORT), "How much.").default("the provider's choice"),
            Key::new("show", Form::Flag, "Whether the thoughts are streamed live.").default("`false`"),
        ],
    };
    [
        Key::new("timeout", Form::TIME, "As in the route, for this target."),
        Key::new("first_content", Form::TIME, "As in the route, for this target."),
        Key::new("idle", Form::TIME, "As in the route, for this target."),
        Key::new("temperature", Form::Number { min: 0.0, max: None }, "Replaces the request's."),
        Key::new("top_p", Form::Number { min: 0.0, max: Some(1.0) }, "Replaces the request's."),
        Key::new(
            "max_output_tokens",
            Form::Count { min: 1, max: u32::MAX as u64 },
            "Replaces the request's limit.",
        )
        .also(&["max_tokens", "max_completion_tokens"]),
        Key::new(
            "reasoning",
            Form::Any(vec![Form::Flag, Form::Words(EFFORT), Form::Table(effort)]),
            "Replaces what the request says of reasoning: `true` asks for it, `false` is `\"none\"`.",
        )
        .also(&["reasoning_effort", "effort", "thinking"]),
        Key::new("seed", Form::Count { min: 0, max: i64::MAX as u64 }, "Replaces the request's."),
        Key::new("stop", Form::list(Form::TEXT), "Replaces the request's stop texts."),
        Key::new("system", Form::TEXT, "Replaces the request's system messages.")
            .also(&["system_prompt", "prompt"]),
        Key::new(
            "headers",
            Form::Map(Names::Header, Box::new(Form::TEXT)),
            "Headers sent with requests to this target.",
        )
        .also(&["extra_headers"]),
        Key::new(
            "extra_body",
            Form::Json,
            "Fields added to the body of requests to this target; they replace those of the same name.",
        )
        .also(&["body", "extra"]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_an_attempt_can_be_steered_but_three() {
        let names: Vec<&str> = steered().map(ErrorKind::name).collect();
        assert_eq!(names.len(), 14);
        assert!(!names.contains(&"not_configured") && !names.contains(&"exhausted"));
    }

    #[test]
    fn every_key_says_what_it_does() {
        fn check(form: &Form) {
            match form {
                Form::Table(table) => check_table(table),
                Form::List(of) | Form::Map(_, of) => check(of),
                Form::Any(forms) => forms.iter().for_each(check),
                Form::Provider(tables) => tables.iter().for_each(|(_, table)| check_table(table)),
                _ => {}
            }
        }
        fn check_table(table: &Table) {
            for key in &table.keys {
                assert!(key.what.ends_with('.'), "{}", key.name);
                check(&key.form);
            }
        }
        check_table(&root(&Registry::default()));
    }
}
