//! A config written out: every setting in force, secrets left out. What is written is a config file again.

use std::fmt;
use std::time::Duration;

use backstop_core::chat::{Effort, ReasoningRequest};
use backstop_core::fallback::{AfterCommit, AllCooling, Hedge, Pick, Policy, Unary};
use backstop_core::route::{ModelFacts, Route, RouteRule, RouteStep, Target};
use backstop_core::{Overrides, Registry, TargetName};
use serde_json::Value as Json;

use crate::config::Config;
use crate::duration;
use crate::form::{Form, Table};
use crate::providers::ProviderSetup;
use crate::schema;

/// What stands for a value that is not shown.
const HIDDEN: &str = "\"…\"";

impl fmt::Display for Config {
    /// The config as TOML: what is in force, with the defaults as comments. Keys, headers and whatever else a provider
    /// was told are replaced.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = schema::root(&Registry::default());
        let route = root.key("routes").and_then(|key| match &key.form {
            Form::Map(_, of) => Some(of),
            _ => None,
        });
        let mut first = true;
        let mut gap =
            |f: &mut fmt::Formatter<'_>| if std::mem::take(&mut first) { Ok(()) } else { writeln!(f) };
        for provider in &self.providers {
            gap(f)?;
            write_provider(f, provider)?;
        }
        for (target, facts) in &self.facts {
            gap(f)?;
            write_facts(f, target, facts)?;
        }
        for shown in &self.routes {
            gap(f)?;
            if let Some(Form::Table(table)) = route.map(Box::as_ref) {
                write_route(f, shown, table)?;
            }
        }
        Ok(())
    }
}

fn write_provider(f: &mut fmt::Formatter<'_>, provider: &ProviderSetup) -> fmt::Result {
    let ProviderSetup { kind, settings, .. } = provider;
    writeln!(f, "[providers.{}]", key(&settings.name))?;
    if let Some(missing) = &settings.missing {
        writeln!(f, "# not configured: {missing}")?;
    }
    writeln!(f, "kind = {}", text(kind))?;
    match &settings.api_key {
        Some(secret) if secret.expose() == "none" => writeln!(f, "api_key = \"none\"")?,
        Some(_) => writeln!(f, "api_key = {HIDDEN}")?,
        None => {}
    }
    if let Some(url) = &settings.base_url {
        let shown = if is_plain(url) { text(url) } else { HIDDEN.to_owned() };
        writeln!(f, "base_url = {shown}")?;
    }
    if let Some(connect) = settings.connect {
        writeln!(f, "connect = {}", time(connect))?;
    }
    for (name, value) in &settings.options {
        writeln!(f, "{} = {}", key(name), hidden(value))?;
    }
    Ok(())
}

/// Whether a URL is a host and a short path, and so holds no password or token.
pub(crate) fn is_plain(url: &str) -> bool {
    const SEGMENT_MAX: usize = 20;
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "0"));
    let is_host = host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        || host.strip_prefix('[').is_some_and(|host| !host.contains(['@', '?', '#']));
    let is_short = |segment: &str| {
        segment.len() <= SEGMENT_MAX
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
    };
    is_host && port.chars().all(|c| c.is_ascii_digit()) && path.split('/').all(is_short)
}

fn write_facts(f: &mut fmt::Formatter<'_>, target: &TargetName, facts: &ModelFacts) -> fmt::Result {
    writeln!(f, "[models.{}]", key(target.as_str()))?;
    let lines = [
        ("context_tokens", facts.context_tokens.map(|count| count.to_string())),
        ("reasoning", facts.reasoning.map(|flag| flag.to_string())),
        ("space", facts.space.as_deref().map(text)),
        ("dimensions", facts.dimensions.map(|count| count.to_string())),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            writeln!(f, "{name} = {value}")?;
        }
    }
    Ok(())
}

fn write_route(f: &mut fmt::Formatter<'_>, route: &Route, table: &Table) -> fmt::Result {
    writeln!(f, "[routes.{}]\ntargets = [", key(&route.name))?;
    for step in &route.steps {
        writeln!(f, "  {},", step_text(step))?;
    }
    writeln!(f, "]")?;
    let Policy { deadline, timeout, first_content, idle, attempts, patience, .. } = route.policy;
    let optional = [
        ("deadline", deadline.map(time)),
        ("timeout", timeout.map(time)),
        ("first_content", first_content.map(time)),
        ("idle", idle.map(time)),
        ("attempts", attempts.map(|count| count.to_string())),
        ("patience", patience.map(time)),
    ];
    for (name, value) in optional {
        match value {
            Some(value) => writeln!(f, "{name} = {value}")?,
            None => {
                let default = table.key(name).map_or("", |key| key.default).replace('`', "");
                writeln!(f, "# {name}: {default}")?;
            }
        }
    }
    for (kind, rule) in &route.rules {
        writeln!(f, "on_{kind} = {}", rule_text(rule))?;
    }
    let policy = &route.policy;
    writeln!(
        f,
        "after_commit = \"{}\"",
        if policy.after_commit == AfterCommit::Restart { "restart" } else { "stop" }
    )?;
    let all_cooling = if policy.all_cooling == AllCooling::FailFast { "fail_fast" } else { "try_soonest" };
    writeln!(f, "all_cooling = \"{all_cooling}\"")?;
    let hedge_after = match policy.hedge_after {
        Hedge::After(after) => time(after),
        Hedge::Off => text("off"),
        _ => text("when_silent"),
    };
    writeln!(f, "hedge_after = {hedge_after}")?;
    writeln!(f, "unary = \"{}\"", if policy.unary == Unary::Stream { "stream" } else { "whole" })?;
    let comebacks = policy.comebacks.map(|count| format!("comebacks = {count}, ")).unwrap_or_default();
    let (base, cap) = (time(policy.backoff_base), time(policy.backoff_cap));
    writeln!(f, "retry = {{ {comebacks}base = {base}, cap = {cap} }}")?;
    if policy.suspect {
        let (base, cap) = (time(policy.cooldown_base), time(policy.cooldown_cap));
        writeln!(f, "cooldown = {{ base = {base}, cap = {cap} }}")?;
    } else {
        writeln!(f, "cooldown = \"off\"")?;
    }
    writeln!(f, "mixed_spaces = {}", route.mixed_spaces)
}

fn rule_text(rule: &RouteRule) -> String {
    match rule {
        RouteRule::Stop => text("stop"),
        RouteRule::SecondOpinion => text("second_opinion"),
        RouteRule::Instead(steps) => {
            format!("[{}]", steps.iter().map(step_text).collect::<Vec<_>>().join(", "))
        }
        _ => text("next"),
    }
}

fn step_text(step: &RouteStep) -> String {
    match step {
        RouteStep::Pool { pick, members, .. } => {
            let names: Vec<String> = members.iter().map(|(target, _)| target_text(target)).collect();
            let names = names.join(", ");
            if *pick == Pick::Weighted {
                let weights: Vec<String> = members.iter().map(|(_, weight)| weight.to_string()).collect();
                format!("{{ pool = [{names}], pick = \"weighted\", weights = [{}] }}", weights.join(", "))
            } else {
                format!("{{ pool = [{names}], pick = \"order\" }}")
            }
        }
        RouteStep::One(target) => target_text(target),
        // A step that is newer than this crate.
        _ => String::new(),
    }
}

fn target_text(target: &Target) -> String {
    let name = text(target.name.as_str());
    if target.overrides == Overrides::default() {
        return name;
    }
    let o = &target.overrides;
    let list = |texts: &Vec<String>| {
        format!("[{}]", texts.iter().map(|item| text(item)).collect::<Vec<_>>().join(", "))
    };
    let headers: Vec<String> =
        o.headers.iter().map(|(name, _)| format!("{} = {HIDDEN}", key(name))).collect();
    let body: Vec<String> =
        o.extra_body.iter().map(|(name, value)| format!("{} = {}", key(name), hidden(value))).collect();
    let table = |entries: Vec<String>| {
        Some(entries)
            .filter(|entries| !entries.is_empty())
            .map(|entries| format!("{{ {} }}", entries.join(", ")))
    };
    let entries = [
        ("target", Some(name)),
        ("timeout", o.timeout.map(time)),
        ("first_content", o.first_content.map(time)),
        ("idle", o.idle.map(time)),
        ("temperature", o.temperature.map(|number| format!("{number:?}"))),
        ("top_p", o.top_p.map(|number| format!("{number:?}"))),
        ("max_output_tokens", o.max_output_tokens.map(|count| count.to_string())),
        ("reasoning", o.reasoning.map(reasoning_text)),
        ("seed", o.seed.map(|seed| seed.to_string())),
        ("stop", o.stop.as_ref().map(list)),
        ("system", o.system.as_ref().map(|_| HIDDEN.to_owned())),
        ("headers", table(headers)),
        ("extra_body", table(body)),
    ];
    let entries: Vec<String> =
        entries.into_iter().filter_map(|(name, value)| Some(format!("{name} = {}", value?))).collect();
    format!("{{ {} }}", entries.join(", "))
}

fn reasoning_text(reasoning: ReasoningRequest) -> String {
    match (reasoning.effort.map(Effort::name), reasoning.show) {
        (None, false) => "true".to_owned(),
        (None, true) => "{ show = true }".to_owned(),
        (Some(effort), false) => text(effort),
        (Some(effort), true) => format!("{{ effort = \"{effort}\", show = true }}"),
    }
}

fn time(duration: Duration) -> String {
    text(&duration::write(duration))
}

/// A name of a key: bare where TOML allows it.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// A text that is read back as it is: its `${` are meant as they stand.
fn text(value: &str) -> String {
    quoted(&value.replace("${", "$${"))
}

fn quoted(text: &str) -> String {
    // The escapes of JSON are escapes of TOML as well; TOML wants one more.
    Json::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// A value with its texts left out.
fn hidden(value: &Json) -> String {
    match value {
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::Array(list) => format!("[{}]", list.iter().map(hidden).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(name, value)| format!("{} = {}", key(name), hidden(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Json::String(_) | Json::Null => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_only_if_it_is_host_and_path() {
        for url in
            ["http://127.0.0.1:8080/v1", "https://api.example.com", "http://[::1]:8080/v1/", "localhost:1/v1"]
        {
            assert!(is_plain(url), "{url}");
        }
        for url in [
            "https://user:pw@example.com/v1",
            "https://user:pw",
            "https://example.com/v1?key=1",
            "https://example.com/AbCdEf0123456789AbCdEf/v1",
            "https://exam=ple.com",
        ] {
            assert!(!is_plain(url), "{url}");
        }
    }

    #[test]
    fn texts_are_written_so_that_they_are_read_again() {
        assert_eq!(text("a\"b\n${X}\u{7f}"), "\"a\\\"b\\n$${X}\\u007F\"");
        assert_eq!(
            (key("a-b"), key("a b"), key("*")),
            ("a-b".to_owned(), "\"a b\"".to_owned(), "\"*\"".to_owned())
        );
    }
}
