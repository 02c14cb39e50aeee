//! Single values: texts with variables, numbers in their bounds, durations, words, and what passes on as JSON.

use backstop_core::TargetName;
use serde_json::{Map, Number, Value as Json};
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use crate::duration;
use crate::form::{Form, Names, Word};
use crate::found::{Unset, Value};
use crate::near::nearest;
use crate::read::{Node, Reader, brief, in_order, is_brief};
use crate::source::Span;
use crate::vars::{self, Expanded, Wrong};

/// What a message about a text needs.
struct Told<'a> {
    /// What the value is called.
    name: &'a str,
    /// The text as it may be repeated.
    shown: &'a str,
    span: Span,
    /// What could stand there instead.
    wanted: String,
}

impl Reader<'_> {
    /// A value that is neither table nor list. `None` after it was told what is wrong.
    pub(crate) fn scalar(&mut self, form: &Form, whole: &Form, node: &Node<'_>, name: &str) -> Option<Value> {
        let span = node.span();
        let raw = match (form, node.get_ref()) {
            (Form::Count { min, max }, DeValue::Integer(integer)) => {
                return self.count(integer, *min, *max, span, name);
            }
            (Form::Number { min, max }, DeValue::Integer(_) | DeValue::Float(_)) => {
                return self.number(node, *min, *max, name);
            }
            (Form::Duration { .. }, DeValue::Integer(_) | DeValue::Float(_)) => {
                return self.no_unit(span, self.report.source.slice(&node.span()).to_owned());
            }
            (
                Form::Text { .. } | Form::Duration { .. } | Form::Words(_) | Form::Target,
                DeValue::String(raw),
            ) => raw,
            // Numbers and switches may come from variables as well, and variables are texts.
            (Form::Count { .. } | Form::Number { .. } | Form::Flag, DeValue::String(raw))
                if raw.contains("${") =>
            {
                return self.variable(form, raw, &span, name);
            }
            _ => {
                self.mismatch(whole, node, name);
                return None;
            }
        };
        let Expanded { text, from_vars } = match self.expand(raw, &span, name) {
            Ok(expanded) => expanded,
            Err(value) => return Some(value),
        };
        // What came from a variable is not repeated: it may be anything.
        let shown = match form {
            Form::Duration { .. } | Form::Words(_) if !is_brief(raw) => "this".to_owned(),
            _ if from_vars => format!("what \"{}\" stands for", brief(raw)),
            _ => format!("\"{}\"", brief(&text)),
        };
        let told = Told { name, shown: &shown, span, wanted: whole.wanted() };
        match form {
            Form::Duration { zero } => self.duration(&text, *zero, told),
            Form::Words(words) => self.word(words, &text, told),
            Form::Target => self.target(&text, told),
            _ => Some(Value::Text { text, from_vars }),
        }
    }

    fn variable(&mut self, form: &Form, raw: &str, span: &Span, name: &str) -> Option<Value> {
        let text = match self.expand(raw, span, name) {
            Ok(expanded) => expanded.text,
            Err(value) => return Some(value),
        };
        let value = match form {
            Form::Flag => text.parse().ok().map(Value::Flag),
            Form::Count { min, max } => {
                text.parse().ok().filter(|count| (*min..=*max).contains(count)).map(Value::Count)
            }
            Form::Number { min, max } => text
                .parse()
                .ok()
                .filter(|number: &f64| {
                    number.is_finite() && *number >= *min && max.is_none_or(|max| *number <= max)
                })
                .map(Value::Number),
            _ => None,
        };
        if value.is_none() {
            let message = format!("{name} must be {}, and the variable holds something else", form.wanted());
            self.report.error(span.clone(), message, None);
        }
        value
    }

    /// The text with its variables, or an empty one; nothing is told.
    pub(crate) fn peek(&self, raw: &str) -> String {
        vars::expand(raw, self.env).map(|expanded| expanded.text).unwrap_or_default()
    }

    /// The text with its variables; else what stands for it after it was told.
    fn expand(&mut self, raw: &str, span: &Span, name: &str) -> Result<Expanded, Value> {
        let wrong = match vars::expand(raw, self.env) {
            Ok(expanded) => return Ok(expanded),
            Err(wrong) => wrong,
        };
        let inner = |range: &Span| self.inner(raw, span, range);
        match wrong {
            Wrong::Unset(variable, range) => {
                let at = inner(&range);
                if let Some(unset) = &mut self.unset {
                    unset.push(Unset { setting: name.to_owned(), variable });
                    return Err(Value::Unset);
                }
                let help = format!("set it, or give a default: ${{{variable}:-…}}");
                self.report.error(at, format!("the variable {variable} is not set"), Some(help));
            }
            Wrong::Open(range) => {
                let help = "a variable is ${VAR} or ${VAR:-default}; $${ stands for the two characters";
                self.report.error(inner(&range), "`${` without `}`", Some(help.to_owned()));
            }
            Wrong::Name(range) => {
                let help = "a variable is ${VAR} or ${VAR:-default}, VAR being letters, digits and _";
                self.report.error(inner(&range), "this is no name of a variable", Some(help.to_owned()));
            }
        }
        Err(Value::Bad)
    }

    /// Where a part of a text stands in the file; the whole of it where escapes make that unclear.
    fn inner(&self, raw: &str, span: &Span, range: &Span) -> Span {
        let written = self.report.source.slice(span);
        let is_plain = written.get(1..written.len().saturating_sub(1)) == Some(raw);
        if is_plain { span.start + 1 + range.start..span.start + 1 + range.end } else { span.clone() }
    }

    /// Tells that a value is of the wrong type.
    pub(crate) fn mismatch(&mut self, form: &Form, node: &Node<'_>, name: &str) {
        let is = match node.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let lists = |form: &Form| matches!(form, Form::List(_));
        let wants_list = lists(form) || matches!(form, Form::Any(forms) if forms.iter().any(lists));
        if form.is_open() {
            self.show_all(node);
        }
        let help = match (form, node.get_ref()) {
            (_, DeValue::String(raw)) if wants_list => {
                let is_target = form.is_open() && !raw.contains("${") && raw.parse::<TargetName>().is_ok();
                Some(if is_target {
                    format!("put it in brackets: [\"{}\"]", brief(raw))
                } else {
                    "a list stands in brackets: [\"…\"]".to_owned()
                })
            }
            (Form::Text { .. } | Form::Target | Form::Words(_), _) => Some("put it in quotes".to_owned()),
            (Form::Flag, DeValue::String(_)) => Some("write true or false, without quotes".to_owned()),
            (Form::Count { .. } | Form::Number { .. }, DeValue::String(_)) => {
                Some("write it in digits, without quotes".to_owned())
            }
            (Form::Table(table), _) if table.header.starts_with('[') => {
                Some(format!("it is a table: {}, with its keys below", table.header))
            }
            (Form::Provider(_) | Form::Map(Names::Provider, _), _) => {
                Some("each is a table of its own: [providers.NAME], with its keys below".to_owned())
            }
            (Form::Map(Names::Route, _), _) => {
                Some("each is a table of its own: [routes.NAME], with its keys below".to_owned())
            }
            (Form::Map(Names::Target, _), _) => {
                Some("each is a table of its own: [models.\"PROVIDER/MODEL\"]".to_owned())
            }
            _ => None,
        };
        self.report.error(node.span(), format!("{name} must be {}, and this is {is}", form.wanted()), help);
    }

    fn count(
        &mut self,
        integer: &DeInteger<'_>,
        min: u64,
        max: u64,
        span: Span,
        name: &str,
    ) -> Option<Value> {
        let count = whole(integer).and_then(|count| u64::try_from(count).ok());
        let count = count.filter(|count| (min..=max).contains(count));
        if count.is_none() {
            let is_less =
                integer.as_str().starts_with('-') || whole(integer).is_some_and(|it| it < min.into());
            let bounds = match max {
                ..=1_000_000 => format!("from {min} to {max}"),
                _ if is_less => format!("{min} or more"),
                _ => format!("{max} at most"),
            };
            self.report.error(span, format!("{name} must be {bounds}"), None);
        }
        count.map(Value::Count)
    }

    fn number(&mut self, node: &Node<'_>, min: f64, max: Option<f64>, name: &str) -> Option<Value> {
        let number = match node.get_ref() {
            DeValue::Integer(integer) => {
                whole(integer).and_then(|whole| i32::try_from(whole).ok()).map(f64::from)
            }
            DeValue::Float(float) => finite(float),
            _ => None,
        };
        let number = number.filter(|number| *number >= min && max.is_none_or(|max| *number <= max));
        if number.is_none() {
            let bounds = match max {
                Some(max) => format!("a number from {min} to {max}"),
                None => format!("a number, {min} or more"),
            };
            self.report.error(node.span(), format!("{name} must be {bounds}"), None);
        }
        number.map(Value::Number)
    }

    fn no_unit(&mut self, span: Span, number: String) -> Option<Value> {
        let number = brief(&number.replace('_', ""));
        let help = "the units are ms, s, m and h".to_owned();
        self.report.error(span, format!("a duration needs a unit: \"{number}s\""), Some(help));
        None
    }

    fn duration(&mut self, text: &str, zero: bool, told: Told<'_>) -> Option<Value> {
        let Told { name, shown, span, wanted } = told;
        let forms = "a number and a unit, as in \"500ms\", \"1.5s\", \"5m\", \"1h\"";
        let help = if wanted.starts_with('"') {
            format!("it can be {wanted}: {forms}")
        } else {
            format!("a duration is {forms}")
        };
        let (message, help) = match duration::parse(text) {
            Ok(duration) if duration.is_zero() && !zero => (
                format!("{name} of zero leaves no time for anything"),
                "leave it out for the default".to_owned(),
            ),
            Ok(duration) => return Some(Value::Duration(duration)),
            Err(duration::Wrong::NoUnit) if shown.starts_with('"') => {
                return self.no_unit(span, text.to_owned());
            }
            Err(duration::Wrong::NoUnit) => ("a duration needs a unit: \"60s\"".to_owned(), help),
            Err(duration::Wrong::TooLong) => (format!("{name} is longer than a year"), help),
            Err(duration::Wrong::Other) => (format!("{shown} is no duration"), help),
        };
        self.report.error(span, message, Some(help));
        None
    }

    fn word(&mut self, words: &[Word], text: &str, told: Told<'_>) -> Option<Value> {
        let Told { name, shown, span, wanted } = told;
        let can_be = format!("it can be {wanted}");
        match words.iter().find(|word| word.name == text) {
            Some(word) => return Some(Value::Word(word.name)),
            None => {
                let names = words.iter().map(|word| word.name);
                let help = nearest(text, names).map_or(can_be, |near| format!("did you mean \"{near}\"?"));
                self.report.error(span, format!("{name} cannot be {shown}"), Some(help));
            }
        }
        None
    }

    fn target(&mut self, text: &str, told: Told<'_>) -> Option<Value> {
        match text.parse::<TargetName>() {
            Ok(target) => Some(Value::Target(target)),
            Err(_) => {
                let help = "a target is written provider/model, for example \"openai/gpt-5.2\"".to_owned();
                self.report.error(told.span, format!("{} is no target", told.shown), Some(help));
                None
            }
        }
    }

    /// A table as JSON, variables put in.
    pub(crate) fn json_table(&mut self, entries: &DeTable<'_>, name: &str) -> Option<Map<String, Json>> {
        let mut object = Map::new();
        let mut complete = true;
        for (key, node) in in_order(entries) {
            match self.json(node, name) {
                Some(value) => {
                    object.insert(key.get_ref().clone().into_owned(), value);
                }
                None => complete = false,
            }
        }
        complete.then_some(object)
    }

    fn json(&mut self, node: &Node<'_>, name: &str) -> Option<Json> {
        let span = node.span();
        let number = match node.get_ref() {
            DeValue::String(raw) => {
                return self.expand(raw, &span, name).ok().map(|expanded| Json::String(expanded.text));
            }
            DeValue::Boolean(flag) => return Some(Json::Bool(*flag)),
            DeValue::Array(list) => return list.iter().map(|node| self.json(node, name)).collect(),
            DeValue::Table(entries) => return self.json_table(entries, name).map(Json::Object),
            DeValue::Integer(integer) => whole(integer).and_then(|whole| match u64::try_from(whole) {
                Ok(count) => Some(Number::from(count)),
                Err(_) => i64::try_from(whole).ok().map(Number::from),
            }),
            DeValue::Float(float) => finite(float).and_then(Number::from_f64),
            DeValue::Datetime(_) => None,
        };
        if number.is_none() {
            let help = "dates are texts in JSON: put them in quotes; inf and nan do not exist".to_owned();
            self.report.error(span, format!("{name} is sent as JSON, which cannot hold this"), Some(help));
        }
        number.map(Json::Number)
    }
}

fn whole(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn finite(float: &DeFloat<'_>) -> Option<f64> {
    float.as_str().parse().ok().filter(|number: &f64| number.is_finite())
}
