//! Runs the chat template of a file, which is not trusted to end or to keep its texts small.
//!
//! Steps are counted by the interpreter. What there is at a time is bounded here, by filters that [`bounds`](super::bounds)
//! puts into the template: no value is larger than a multiple of the conversation, and all that was ever made together no
//! larger than a larger one.

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{
    Environment, Error, ErrorKind, State, escape_formatter, filters, functions, tests as checks,
};
use serde::Serialize;

use super::bounds::{self, BOUND, NUMBER};

/// How many steps a template may take.
const STEPS: u64 = 2_000_000;

/// How much text it may keep by writing the same text again and again.
const KEPT_MAX: usize = 64 << 20;

/// How large a value may be, and all that is made, beside what the conversation adds to it.
const VALUE_MAX: usize = 1 << 20;
const MADE_MAX: usize = 32 << 20;

/// How many times the conversation they may be.
const VALUE_TIMES: usize = 4;
const MADE_TIMES: usize = 32;

/// How deep lists may stand in lists.
const DEPTH_MAX: usize = 32;

/// What an element of a list takes beside its text.
const ELEMENT: usize = 24;

/// What is left.
#[derive(Clone)]
struct Room {
    value_max: usize,
    made: Arc<AtomicUsize>,
    made_max: usize,
}

impl Room {
    /// Whether a value may be, new or not.
    fn admit(&self, value: &Value) -> Result<usize, Error> {
        let mut left = self.value_max;
        weigh(value, 0, &mut left).ok_or_else(too_large)?;
        Ok(self.value_max - left)
    }

    /// Whether a value of this weight may be made.
    fn make(&self, weight: usize) -> Result<(), Error> {
        let made = self.made.fetch_add(weight, Ordering::Relaxed).saturating_add(weight);
        if weight > self.value_max || made > self.made_max { Err(too_large()) } else { Ok(()) }
    }

    /// Runs a function of the interpreter on what may be, and looks at what comes out.
    fn run(&self, args: &[Value], call: impl FnOnce() -> Result<Value, Error>) -> Result<Value, Error> {
        args.iter().try_for_each(|value| self.admit(value).map(drop))?;
        let value = call()?;
        self.make(self.admit(&value)?)?;
        Ok(value)
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::InvalidOperation, "it makes texts larger than any conversation needs")
}

/// Takes from `left` what a value and all in it weigh; `None` once nothing is left.
fn weigh(value: &Value, depth: usize, left: &mut usize) -> Option<()> {
    let own = value.as_str().map_or(ELEMENT, |text| text.len() + ELEMENT);
    *left = left.checked_sub(own)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if depth < DEPTH_MAX => {
            for key in value.try_iter().ok()? {
                if value.kind() == ValueKind::Map {
                    weigh(&value.get_item(&key).ok()?, depth + 1, left)?;
                }
                weigh(&key, depth + 1, left)?;
            }
        }
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => return None,
        _ => {}
    }
    Some(())
}

type Make = fn() -> Value;

/// What templates call and cannot blow up with: what comes out is no larger than a small multiple of what goes in.
const FILTERS: &[(&str, Make)] = &[
    ("abs", || Value::from_function(filters::abs)),
    ("attr", || Value::from_function(filters::attr)),
    ("bool", || Value::from_function(filters::bool)),
    ("capitalize", || Value::from_function(filters::capitalize)),
    ("count", || Value::from_function(filters::length)),
    ("d", || Value::from_function(filters::default)),
    ("default", || Value::from_function(filters::default)),
    ("dictsort", || Value::from_function(filters::dictsort)),
    ("e", || Value::from_function(filters::escape)),
    ("escape", || Value::from_function(filters::escape)),
    ("first", || Value::from_function(filters::first)),
    ("float", || Value::from_function(filters::float)),
    ("groupby", || Value::from_function(filters::groupby)),
    ("int", || Value::from_function(filters::int)),
    ("items", || Value::from_function(filters::items)),
    ("last", || Value::from_function(filters::last)),
    ("length", || Value::from_function(filters::length)),
    ("lines", || Value::from_function(filters::lines)),
    ("list", || Value::from_function(filters::list)),
    ("lower", || Value::from_function(filters::lower)),
    ("map", || Value::from_function(filters::map)),
    ("max", || Value::from_function(filters::max)),
    ("min", || Value::from_function(filters::min)),
    ("reject", || Value::from_function(filters::reject)),
    ("rejectattr", || Value::from_function(filters::rejectattr)),
    ("reverse", || Value::from_function(filters::reverse)),
    ("round", || Value::from_function(filters::round)),
    ("safe", || Value::from_function(filters::safe)),
    ("select", || Value::from_function(filters::select)),
    ("selectattr", || Value::from_function(filters::selectattr)),
    ("sort", || Value::from_function(filters::sort)),
    ("split", || Value::from_function(filters::split)),
    ("string", || Value::from_function(filters::string)),
    ("sum", || Value::from_function(filters::sum)),
    ("title", || Value::from_function(filters::title)),
    ("trim", || Value::from_function(filters::trim)),
    ("unique", || Value::from_function(filters::unique)),
    ("upper", || Value::from_function(filters::upper)),
];

const TESTS: &[(&str, Make)] = &[
    ("==", || Value::from_function(checks::is_eq)),
    ("boolean", || Value::from_function(checks::is_boolean)),
    ("defined", || Value::from_function(checks::is_defined)),
    ("divisibleby", || Value::from_function(checks::is_divisibleby)),
    ("endingwith", || Value::from_function(checks::is_endingwith)),
    ("eq", || Value::from_function(checks::is_eq)),
    ("equalto", || Value::from_function(checks::is_eq)),
    ("even", || Value::from_function(checks::is_even)),
    ("false", || Value::from_function(checks::is_false)),
    ("float", || Value::from_function(checks::is_float)),
    ("ge", || Value::from_function(checks::is_ge)),
    ("gt", || Value::from_function(checks::is_gt)),
    ("in", || Value::from_function(checks::is_in)),
    ("integer", || Value::from_function(checks::is_integer)),
    ("iterable", || Value::from_function(checks::is_iterable)),
    ("le", || Value::from_function(checks::is_le)),
    ("lower", || Value::from_function(checks::is_lower)),
    ("lt", || Value::from_function(checks::is_lt)),
    ("mapping", || Value::from_function(checks::is_mapping)),
    ("ne", || Value::from_function(checks::is_ne)),
    ("none", || Value::from_function(checks::is_none)),
    ("number", || Value::from_function(checks::is_number)),
    ("odd", || Value::from_function(checks::is_odd)),
    ("sameas", || Value::from_function(checks::is_sameas)),
    ("sequence", || Value::from_function(checks::is_sequence)),
    ("startingwith", || Value::from_function(checks::is_startingwith)),
    ("string", || Value::from_function(checks::is_string)),
    ("true", || Value::from_function(checks::is_true)),
    ("undefined", || Value::from_function(checks::is_undefined)),
    ("upper", || Value::from_function(checks::is_upper)),
];

const FUNCTIONS: &[(&str, Make)] = &[
    ("dict", || Value::from_function(functions::dict)),
    ("namespace", || Value::from_function(functions::namespace)),
    ("range", || Value::from_function(functions::range)),
];

/// The methods of Python's texts and maps that templates call, but for those that write one text into many places.
const METHODS: &[&str] = &[
    "capitalize",
    "count",
    "endswith",
    "find",
    "get",
    "isalnum",
    "isalpha",
    "isascii",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "items",
    "keys",
    "lower",
    "lstrip",
    "rfind",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "title",
    "upper",
    "values",
];

/// Renders a template over a conversation of so many bytes.
pub(super) fn render(source: &str, bytes: usize, context: impl Serialize) -> Result<String, Error> {
    let bounded = bounds::bounded(source).map_err(|problem| Error::new(ErrorKind::SyntaxError, problem))?;
    let value_max = VALUE_MAX.saturating_add(bytes.saturating_mul(VALUE_TIMES));
    let made_max = MADE_MAX.saturating_add(bytes.saturating_mul(MADE_TIMES));
    let room = Room { value_max, made: Arc::default(), made_max };
    let steps = KEPT_MAX / bounded.longest_kept.max(1);
    let mut environment = environment(&room);
    environment.set_fuel(Some(STEPS.min(u64::try_from(steps).unwrap_or(STEPS))));
    let mut out = Written { text: Vec::new(), most: value_max, is_full: false };
    let rendered =
        environment.template_from_str(&bounded.source)?.render_captured_to(context, &mut out).map(drop);
    if out.is_full {
        return Err(too_large());
    }
    rendered?;
    String::from_utf8(out.text).map_err(|_| too_large())
}

fn environment(room: &Room) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    for (name, make) in FILTERS {
        let (room, inner) = (room.clone(), make());
        environment.add_filter(*name, move |state: &State<'_, '_>, args: Rest<Value>| {
            room.run(&args, || inner.call(state, &args))
        });
    }
    for (name, make) in TESTS {
        let (room, inner) = (room.clone(), make());
        environment.add_test(*name, move |state: &State<'_, '_>, args: Rest<Value>| {
            room.run(&args, || inner.call(state, &args)).map(|value| value.is_true())
        });
    }
    for (name, make) in FUNCTIONS {
        let (room, inner) = (room.clone(), make());
        environment.add_function(*name, move |state: &State<'_, '_>, args: Rest<Value>| {
            args.iter().try_for_each(|value| room.admit(value).map(drop))?;
            inner.call(state, &args)
        });
    }
    let own = room.clone();
    environment.add_filter(BOUND, move |value: Value| own.run(&[], || Ok(value)));
    environment.add_filter(NUMBER, |value: Value| {
        match value.is_number() || value.kind() == ValueKind::Bool {
            true => Ok(value),
            false => Err(Error::new(ErrorKind::InvalidOperation, "it multiplies what is no number")),
        }
    });
    let own = room.clone();
    environment.add_filter("join", move |list: Value, by: Option<String>| {
        join(&own, &list, &by.unwrap_or_default())
    });
    let own = room.clone();
    environment.add_filter("replace", move |text: Value, from: String, to: String| {
        replace(&own, &text, &from, &to, usize::MAX)
    });
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    let own = room.clone();
    environment.set_unknown_method_callback(move |state, value, method, args| {
        own.admit(value)?;
        args.iter().try_for_each(|value| own.admit(value).map(drop))?;
        let text = |at: usize| args.get(at).and_then(Value::as_str).unwrap_or_default();
        match method {
            "join" if args.len() == 1 => {
                join(&own, &args.first().cloned().unwrap_or_default(), &value.to_string())
            }
            "replace" if (2..=3).contains(&args.len()) => {
                let most = args.get(2).and_then(Value::as_usize).unwrap_or(usize::MAX);
                replace(&own, value, text(0), text(1), most)
            }
            _ if METHODS.contains(&method) => {
                let call = minijinja_contrib::pycompat::unknown_method_callback;
                own.run(args, || call(state, value, method, args))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    });
    let own = room.clone();
    environment.set_formatter(move |out, state, value| {
        own.make(own.admit(value)?)?;
        escape_formatter(out, state, value)
    });
    environment
}

fn join(room: &Room, list: &Value, by: &str) -> Result<Value, Error> {
    let mut joined = Growing { text: String::new(), most: room.value_max };
    room.admit(list)?;
    for (number, value) in list.try_iter()?.enumerate() {
        let by = if number > 0 { by } else { "" };
        write!(joined, "{by}{value}").map_err(|_| too_large())?;
    }
    room.run(&[], || Ok(Value::from(joined.text)))
}

fn replace(room: &Room, text: &Value, from: &str, to: &str, most: usize) -> Result<Value, Error> {
    room.admit(text)?;
    let text = text.to_string();
    let places = if from.is_empty() { text.chars().count() + 1 } else { text.matches(from).count() };
    let length = places.min(most).saturating_mul(to.len()).saturating_add(text.len());
    if length > room.value_max {
        return Err(too_large());
    }
    room.run(&[], || Ok(Value::from(text.replacen(from, to, most))))
}

/// A text that grows up to a bound.
struct Growing {
    text: String,
    most: usize,
}

impl fmt::Write for Growing {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.text.len() + more.len() > self.most {
            return Err(fmt::Error);
        }
        self.text.push_str(more);
        Ok(())
    }
}

/// What has been written, up to a bound.
struct Written {
    text: Vec<u8>,
    most: usize,
    is_full: bool,
}

impl io::Write for Written {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.text.len() + more.len() > self.most {
            self.is_full = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.text.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn said(source: &str) -> Result<String, String> {
        let messages = [context! { role => "user", content => "hi there" }];
        let rendered = render(source, 8, context! { messages, bos_token => "<s>" });
        rendered.map_err(|error| error.to_string())
    }

    #[test]
    fn honest_templates_say_what_they_said_before() {
        for (source, expected) in [
            (
                "{{ bos_token }}{% for m in messages %}[{{ m['role'] | upper }}] {{ m.content + '!' }}\n{% endfor %}",
                "<s>[USER] hi there!\n",
            ),
            (
                "{% set ns = namespace(n=0, t='') %}{% for i in range(3) %}{% set ns.n = ns.n + i * 2 %}{% set ns.t = ns.t ~ i %}\
              {% endfor %}{{ ns.n }} {{ ns.t }}",
                "6 012",
            ),
            (
                "{{ messages[0].content.split(' ')[-1].strip() }} {{ 'hi' in messages[0]['content'] }}",
                "there True",
            ),
            (
                "{%- set first = messages[0]['content'].replace('hi', 'ho') | trim -%}\n  {{ first if first is defined and not false }}",
                "ho there",
            ),
            (
                "{{ ['a', 'b'] | join('-') }}{{ ', '.join(['c', 'd']) }}{{ messages | length == 1 }}",
                "a-bc, dTrue",
            ),
            (
                "{% macro show(x, end='.') %}{{ x ~ end }}{% endmacro %}{{ show('a') + show(end='?', x='b') }}",
                "a.b?",
            ),
            (
                "{% set text %}a{{ 1 + 1 }}{% endset %}{{ text }}{{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
                "a21",
            ),
            (
                "{{ messages[0].get('x', 'none') }}{{ (messages[0] | items | list)[0][0] }}{{ -1 + 2 ** 3 // 2 }}",
                "nonerole3",
            ),
            (
                "{% if messages | length % 2 == 1 and (messages[0]['role'] == 'user') != (loop is defined) %}odd{% endif %}",
                "odd",
            ),
        ] {
            assert_eq!(said(source).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn a_template_that_wants_all_memory_is_stopped() {
        let doubled = "{% set ns = namespace(x='x' ~ 'yyyyyyyyyyyyyyy') %}{% for i in range(60) %}";
        for source in [
            "{{ 'x' * 10 ** 9 }}".to_owned(),
            "{{ 10 ** 9 * 'x' }}".to_owned(),
            "{{ ('x' * 100000000) ~ ('x' * 100000000) }}".to_owned(),
            "{{ [0] * 10 ** 12 }}".to_owned(),
            "{{ ([0] * 10 ** 12) | length }}".to_owned(),
            format!("{doubled}{{% set ns.x = ns.x ~ ns.x %}}{{% endfor %}}"),
            format!("{doubled}{{% set ns.x = ns.x + ns.x %}}{{% endfor %}}"),
            format!("{doubled}{{% set ns.x = [ns.x, ns.x] %}}{{% endfor %}}{{{{ ns.x }}}}"),
            format!("{doubled}{{% set ns.x = [ns.x] + [ns.x] %}}{{% endfor %}}{{{{ ns.x | list | length }}}}"),
            format!("{doubled}{{% set ns.x = ns.x.replace('', ns.x) %}}{{% endfor %}}"),
            format!("{doubled}{{% set ns.x = ns.x | replace('', ns.x) %}}{{% endfor %}}"),
            format!("{doubled}{{% set ns.x = [ns.x, ns.x] | join(ns.x) %}}{{% endfor %}}"),
            format!("{doubled}{{% set ns.x = ns.x.join([ns.x, ns.x]) %}}{{% endfor %}}"),
            format!("{doubled}{{% set kept %}}{{{{ ns.x }}}}{{{{ ns.x }}}}{{% endset %}}{{% set ns.x = kept %}}{{% endfor %}}"),
            "{% macro d(x) %}{{ d(x ~ x) }}{% endmacro %}{{ d('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') }}".to_owned(),
            "{% macro d(x) %}{{ x }}{{ x }}{% endmacro %}".to_owned() + &"{% set y = d(y or 'xxxxxxxx') %}".repeat(60),
            "{% for i in range(100000) %}{% for j in range(100000) %}xxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}".to_owned(),
            "{% set kept %}{% for i in range(100000) %}".to_owned() + &"x".repeat(100_000) + "{% endfor %}{% endset %}",
            "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}".to_owned(),
            "{% set ns = namespace(l=[]) %}{% for i in range(999) %}{% set ns.l = ns.l + [range(100000) | list] %}{% endfor %}".to_owned(),
            "{{ 'x' | indent(1000000000) }}{{ '%1000000000d' | format(1) }}".to_owned(),
            "{{ '{:>1000000000}'.format(1) }}".to_owned(),
        ] {
            let error = said(&source).unwrap_err();
            let is_told = ["larger than any", "multiplies", "out of fuel", "unknown filter", "no method"];
            assert!(is_told.iter().any(|told| error.contains(told)), "{source:.200}: {error}");
        }
    }
}
