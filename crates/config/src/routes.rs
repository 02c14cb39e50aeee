//! Routes, targets and facts: from values of the right form to what the library calls with.

use std::collections::BTreeMap;

use backstop_core::chat::{Effort, ReasoningRequest};
use backstop_core::fallback::{AfterCommit, AllCooling, Hedge, Pick, Policy, Unary};
use backstop_core::route::{ModelFacts, Route, RouteRule, RouteStep, TARGETS_MAX, Target};
use backstop_core::{ErrorKind, Overrides, TargetName};

use crate::found::{Field, Fields, Found, Value};
use crate::providers::Kinds;
use crate::read::brief;
use crate::report::Report;
use crate::source::Span;

/// Builds what the file describes, and tells what does not fit together.
#[derive(Debug)]
pub(crate) struct Builder<'r, 'a> {
    pub(crate) report: &'r mut Report<'a>,
    pub(crate) kinds: &'r Kinds<'a>,
    /// Whether a list of this route was too long, which was told.
    pub(crate) too_many: bool,
}

/// One list: what stands in it so far, so that a target is kept once.
#[derive(Default)]
struct List {
    seen: Vec<Target>,
    full: bool,
}

impl Builder<'_, '_> {
    pub(crate) fn facts(&mut self, entries: &[Field]) -> BTreeMap<TargetName, ModelFacts> {
        let mut all = BTreeMap::new();
        for Field { name, key, found } in entries {
            let (Ok(name), Some(fields)) = (name.parse::<TargetName>(), found.table()) else { continue };
            self.check_provider(&name, key);
            let mut facts = ModelFacts::default();
            facts.context_tokens = fields.get("context_tokens").and_then(Found::count);
            facts.reasoning = fields.get("reasoning").and_then(Found::flag);
            facts.space = fields.get("space").and_then(Found::text).map(str::to_owned);
            facts.dimensions = fields.get("dimensions").and_then(Found::count);
            all.insert(name, facts);
        }
        all
    }

    pub(crate) fn routes(&mut self, entries: &[Field]) -> Vec<Route> {
        let mut routes = Vec::new();
        for Field { name, key, found } in entries {
            let Some(fields) = found.table() else { continue };
            self.too_many = false;
            let steps = self.steps(fields.get("targets"), "targets");
            let mut route = Route::new(name, steps).with_policy(self.policy(fields));
            route.mixed_spaces = fields.get("mixed_spaces").and_then(Found::flag).unwrap_or(false);
            for field in &fields.entries {
                let kind = field.name.strip_prefix("on_").and_then(ErrorKind::from_name);
                if let Some((kind, rule)) = kind.and_then(|kind| Some((kind, self.rule(field)?))) {
                    route = route.with_rule(kind, rule);
                }
            }
            let count = route.targets().count();
            if count > TARGETS_MAX && !self.too_many {
                let message =
                    format!("route `{}` has {count} targets; {TARGETS_MAX} are the most", brief(name));
                let help = "the lists of its rules count as well".to_owned();
                self.report.error(key.clone(), message, Some(help));
            }
            routes.push(route);
        }
        routes
    }

    fn rule(&mut self, field: &Field) -> Option<RouteRule> {
        match field.found.value {
            Value::Word("next") => Some(RouteRule::Next),
            Value::Word("stop") => Some(RouteRule::Stop),
            Value::Word("second_opinion") => Some(RouteRule::SecondOpinion),
            Value::List(_) => Some(RouteRule::Instead(self.steps(Some(&field.found), &field.name))),
            _ => None,
        }
    }

    fn policy(&mut self, fields: &Fields) -> Policy {
        let duration = |name: &str| fields.get(name).and_then(Found::duration);
        let mut policy = Policy::default();
        policy.deadline = duration("deadline");
        policy.timeout = duration("timeout");
        policy.first_content = duration("first_content");
        policy.idle = duration("idle");
        policy.attempts = fields.get("attempts").and_then(Found::count);
        policy.patience = duration("patience");
        policy.hedge_after = match fields.get("hedge_after").map(|found| (found.word(), found.duration())) {
            Some((Some("off"), _)) => Hedge::Off,
            Some((_, Some(time))) => Hedge::After(time),
            _ => Hedge::WhenSilent,
        };
        if fields.get("unary").and_then(Found::word) == Some("stream") {
            policy.unary = Unary::Stream;
        }
        if fields.get("after_commit").and_then(Found::word) == Some("restart") {
            policy.after_commit = AfterCommit::Restart;
        }
        if fields.get("all_cooling").and_then(Found::word) == Some("fail_fast") {
            policy.all_cooling = AllCooling::FailFast;
        }
        if let Some(retry) = fields.get("retry").and_then(Found::table) {
            policy.comebacks = retry.get("comebacks").and_then(Found::count);
            self.bounds(retry, &mut policy.backoff_base, &mut policy.backoff_cap);
        }
        match fields.get("cooldown") {
            Some(found) if found.word() == Some("off") => policy.suspect = false,
            Some(found) => {
                if let Some(cooldown) = found.table() {
                    self.bounds(cooldown, &mut policy.cooldown_base, &mut policy.cooldown_cap);
                }
            }
            None => {}
        }
        policy
    }

    /// `base` and `cap` of a table.
    fn bounds(&mut self, fields: &Fields, base: &mut std::time::Duration, cap: &mut std::time::Duration) {
        let default = *cap;
        *base = fields.get("base").and_then(Found::duration).unwrap_or(*base);
        *cap = fields.get("cap").and_then(Found::duration).unwrap_or(*cap);
        if *base <= *cap {
            return;
        }
        let default = crate::duration::write(default);
        let (at, help) = match (fields.get("cap"), fields.get("base")) {
            (Some(cap), _) => (cap, "make it as long as the base, or longer".to_owned()),
            (None, Some(base)) => (base, format!("the cap is {default} unless stated: state a longer one")),
            (None, None) => return,
        };
        self.report.error(at.span.clone(), "the base is longer than the cap", Some(help));
    }

    /// The steps of a list of targets; an empty one is told.
    fn steps(&mut self, found: Option<&Found>, name: &str) -> Vec<RouteStep> {
        let Some(list) = found.and_then(Found::list) else { return Vec::new() };
        if list.is_empty() {
            let help = match name {
                "targets" => "list at least one: [\"openai/gpt-5.2\"]",
                _ => "list at least one target, or write \"next\" or \"stop\"",
            };
            let span = found.map_or(0..0, |found| found.span.clone());
            self.report.error(span, format!("`{name}` is an empty list"), Some(help.to_owned()));
        }
        let mut seen = List::default();
        list.iter().filter_map(|found| self.step(found, &mut seen)).collect()
    }

    fn step(&mut self, found: &Found, list: &mut List) -> Option<RouteStep> {
        match found.table().filter(|fields| fields.get("pool").is_some()) {
            Some(fields) => self.pool(fields, list),
            None => {
                let target = self.target(found)?;
                self.is_new(&target, &found.span, list).then_some(RouteStep::One(target))
            }
        }
    }

    fn pool(&mut self, fields: &Fields, list: &mut List) -> Option<RouteStep> {
        let pool = fields.get("pool")?;
        let members = pool.list()?;
        if members.is_empty() {
            let help = "list at least one: pool = [\"openai/gpt-5.2\"]".to_owned();
            self.report.error(pool.span.clone(), "`pool` is an empty list", Some(help));
        }
        let pick = fields.get("pick").and_then(Found::word);
        let weights = self.weights(fields, members.len(), pick);
        let mut kept = Vec::new();
        for (found, weight) in members.iter().zip(weights) {
            let Some(target) = self.target(found) else { continue };
            if self.is_new(&target, &found.span, list) {
                kept.push((target, weight));
            }
        }
        let pick = if pick == Some("weighted") { Pick::Weighted } else { Pick::Order };
        // Left without a target, as when all of them stand before it already, a pool is no step.
        (!kept.is_empty()).then(|| RouteStep::pool(pick, kept))
    }

    /// One weight for each member.
    fn weights(&mut self, fields: &Fields, members: usize, pick: Option<&'static str>) -> Vec<u32> {
        let same = vec![1; members];
        let Some(field) = fields.field("weights") else { return same };
        let Some(list) = field.found.list() else { return same };
        // A wrong pick was told, and may have been meant to be the right one.
        if pick != Some("weighted") && (pick.is_some() || fields.get("pick").is_none()) {
            let help = "say pick = \"weighted\", or leave the weights out".to_owned();
            self.report.error(field.key.clone(), "weights are for pick = \"weighted\"", Some(help));
        }
        let span = field.found.span.clone();
        if list.len() != members {
            let plural =
                |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
            let message = format!("{} for {}", plural(list.len(), "weight"), plural(members, "target"));
            self.report.error(span, message, Some("write one weight for each target of the pool".to_owned()));
            return same;
        }
        let weights: Vec<Option<u32>> = list.iter().map(Found::count).collect();
        if members > 0 && weights.iter().all(|weight| *weight == Some(0)) {
            let help = "a weight of 0 is picked last; one at least must be more".to_owned();
            self.report.error(span, "all weights are 0", Some(help));
        }
        weights.into_iter().map(|weight| weight.unwrap_or(1)).collect()
    }

    fn target(&mut self, found: &Found) -> Option<Target> {
        let (name, overrides) = match &found.value {
            Value::Target(name) => (name, None),
            Value::Table(fields) => match fields.get("target")?.value {
                Value::Target(ref name) => (name, Some(fields)),
                _ => return None,
            },
            _ => return None,
        };
        let at = overrides.and_then(|fields| fields.get("target")).map_or(&found.span, |found| &found.span);
        self.check_provider(name, at);
        let target = Target::from(name.clone());
        Some(match overrides {
            Some(fields) => target.with_overrides(self.overrides(fields)),
            None => target,
        })
    }

    fn overrides(&mut self, fields: &Fields) -> Overrides {
        let duration = |name: &str| fields.get(name).and_then(Found::duration);
        let mut overrides = Overrides::default();
        overrides.timeout = duration("timeout");
        overrides.first_content = duration("first_content");
        overrides.idle = duration("idle");
        overrides.temperature = fields.get("temperature").and_then(Found::number);
        overrides.top_p = fields.get("top_p").and_then(Found::number);
        overrides.max_output_tokens = fields.get("max_output_tokens").and_then(Found::count);
        overrides.reasoning = fields.get("reasoning").and_then(reasoning);
        overrides.seed = fields.get("seed").and_then(Found::count);
        overrides.stop = fields
            .get("stop")
            .and_then(Found::list)
            .map(|list| list.iter().filter_map(Found::text).map(str::to_owned).collect());
        overrides.system = fields.get("system").and_then(Found::text).map(str::to_owned);
        for Field { name, found, .. } in fields.entries_of("headers") {
            let Some(value) = found.text() else { continue };
            if value.contains(char::is_control) {
                let help = "is there a line break at the end of the variable it comes from?".to_owned();
                let message = format!("the header `{name}` holds a line break or control character");
                self.report.error(found.span.clone(), message, Some(help));
            }
            overrides.headers.push((name.clone(), value.to_owned()));
        }
        if let Some(Value::Json(object)) = fields.get("extra_body").map(|found| &found.value) {
            overrides.extra_body = object.clone();
        }
        overrides
    }

    /// Whether the target is the first of its kind in this list. A second one is told and left out.
    fn is_new(&mut self, target: &Target, span: &Span, list: &mut List) -> bool {
        if list.full {
            return false;
        }
        if list.seen.contains(target) {
            let message = format!("`{}` stands in this list already", brief(target.name.as_str()));
            let help = "it is kept once, where it stands first".to_owned();
            self.report.warn(span.clone(), message, Some(help));
            return false;
        }
        if list.seen.len() == TARGETS_MAX {
            (list.full, self.too_many) = (true, true);
            let message = format!("a route has {TARGETS_MAX} targets at most");
            let help = "this one and those behind it are too many".to_owned();
            self.report.error(span.clone(), message, Some(help));
            return false;
        }
        list.seen.push(target.clone());
        true
    }

    fn check_provider(&mut self, name: &TargetName, at: &Span) {
        if let Some((message, help)) = self.kinds.unknown_provider(name.provider()) {
            // Where the provider is written as such, the caret is below it alone.
            let written = self.report.source.slice(at);
            let quote = written.len() - written.trim_start_matches(['"', '\'']).len();
            let begin = at.start + quote;
            let is_plain = written.get(quote..).is_some_and(|text| text.starts_with(name.provider()));
            if is_plain {
                self.report.error(begin..begin + name.provider().len(), message, Some(help));
            } else if written.contains("${") {
                // What comes from a variable is not repeated.
                self.report.error(at.clone(), "this names a provider that does not exist", None);
            } else {
                self.report.error(at.clone(), message, Some(help));
            }
        }
    }
}

/// `true`, `"high"` or `{ effort = "high", show = true }`.
fn reasoning(found: &Found) -> Option<ReasoningRequest> {
    let effort = |found: &Found| {
        Some(match found.word()? {
            "none" => Effort::None,
            "minimal" => Effort::Minimal,
            "low" => Effort::Low,
            "medium" => Effort::Medium,
            _ => Effort::High,
        })
    };
    match &found.value {
        Value::Flag(true) => Some(ReasoningRequest::default()),
        Value::Flag(false) => Some(ReasoningRequest::effort(Effort::None)),
        Value::Word(_) => effort(found).map(ReasoningRequest::effort),
        Value::Table(fields) => {
            let asked = match fields.get("effort").and_then(effort) {
                Some(effort) => ReasoningRequest::effort(effort),
                None => ReasoningRequest::default(),
            };
            let shown = fields.get("show").and_then(Found::flag) == Some(true);
            Some(if shown { asked.shown() } else { asked })
        }
        _ => None,
    }
}
