//! Arguments of a call that come in pieces, each with its path: `$.steps[0].title`.

use serde_json::map::Entry;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::wire::Piece;

/// About what a list or an object of one member takes.
const LIST_SIZE: usize = 128;
const OBJECT_SIZE: usize = 1 << 10;

/// The most bytes that the arguments of one call may have in pieces, and the deepest they may go.
const BYTES_MAX: usize = 8 << 20;
const DEPTH_MAX: usize = 64;

/// Arguments, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    value: Map<String, Value>,
    size: usize,
}

/// One step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

impl Arguments {
    /// Arguments that begin with these, if there are any.
    pub(super) fn of(args: Option<&RawValue>) -> Self {
        let value = args.and_then(|args| serde_json::from_str(args.get()).ok()).unwrap_or_default();
        Self { value, size: args.map_or(0, |args| args.get().len()) }
    }

    /// Adds a piece; what is wrong with it if it cannot be.
    pub(super) fn add(&mut self, piece: Piece) -> Result<(), &'static str> {
        let Piece { json_path, string_value, number_value, bool_value, null_value, .. } = piece;
        self.size += size_of::<Value>() + json_path.len() + string_value.as_ref().map_or(0, String::len);
        if self.size > BYTES_MAX {
            return Err("the arguments of a tool call pass 8 MiB");
        }
        let number = number_value.map(Value::Number);
        let null = null_value.map(|_| Value::Null);
        let value = string_value.map(Value::String).or(number).or(bool_value.map(Value::Bool)).or(null);
        // A piece without a value may announce one.
        let Some(value) = value else { return Ok(()) };
        let steps =
            steps(&json_path).ok_or("a piece of a tool call's arguments has no path that can be read")?;
        let place = self.place(&steps).ok_or("a piece of a tool call's arguments belongs nowhere")?;
        match (place, value) {
            // A text comes in pieces itself.
            (Value::String(text), Value::String(more)) => text.push_str(&more),
            (place, value) => *place = value,
        }
        Ok(())
    }

    /// The arguments as JSON.
    pub(super) fn into_text(self) -> String {
        Value::Object(self.value).to_string()
    }

    /// The place at the end of a path, made if need be.
    fn place(&mut self, steps: &[Step<'_>]) -> Option<&mut Value> {
        let (Step::Member(first), rest) = steps.split_first()? else { return None };
        let size = &mut self.size;
        let mut place = self.value.entry(*first).or_insert(Value::Null);
        for step in rest {
            place = match step {
                Step::Member(name) => {
                    if place.is_null() {
                        *size += OBJECT_SIZE;
                        *place = Value::Object(Map::new());
                    }
                    match place.as_object_mut()?.entry(*name) {
                        Entry::Occupied(there) => there.into_mut(),
                        Entry::Vacant(free) => free.insert(Value::Null),
                    }
                }
                Step::Element(at) => {
                    if place.is_null() {
                        *size += LIST_SIZE;
                        *place = Value::Array(Vec::new());
                    }
                    let list = place.as_array_mut()?;
                    // They come in order; what would leave a gap may ask for any amount of memory.
                    if *at == list.len() {
                        list.push(Value::Null);
                    }
                    list.get_mut(*at)?
                }
            };
        }
        Some(place)
    }
}

/// The steps of a path: `$`, then `.name`, `[0]`, `['name']` or `["name"]`.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() >= DEPTH_MAX {
            return None;
        }
        let step;
        (step, rest) = if let Some(dotted) = rest.strip_prefix('.') {
            let (name, rest) = dotted.split_at(dotted.find(['.', '[']).unwrap_or(dotted.len()));
            (Step::Member(name), rest)
        } else if let Some(quote) = ["['", "[\""].into_iter().find(|quote| rest.starts_with(quote)) {
            let end = if quote == "['" { "']" } else { "\"]" };
            let (name, rest) = rest.strip_prefix(quote)?.split_once(end)?;
            (Step::Member(name), rest)
        } else {
            let (number, rest) = rest.strip_prefix('[')?.split_once(']')?;
            (Step::Element(number.parse().ok()?), rest)
        };
        steps.push(step);
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put_together(pieces: &[(&str, Value)]) -> Result<Value, &'static str> {
        let mut arguments = Arguments::default();
        for (path, value) in pieces {
            let mut piece = json!({ "jsonPath": path });
            let name = match value {
                Value::String(_) => "stringValue",
                Value::Number(_) => "numberValue",
                Value::Bool(_) => "boolValue",
                _ => "nullValue",
            };
            piece[name] = if value.is_null() { json!("NULL_VALUE") } else { value.clone() };
            arguments.add(serde_json::from_value(piece).unwrap())?;
        }
        Ok(serde_json::from_str(&arguments.into_text()).unwrap())
    }

    #[test]
    fn pieces_find_their_places() {
        for (pieces, expected) in [
            (&[][..], json!({})),
            (
                &[("$.city", json!("Bos")), ("$.city", json!("ton")), ("$.city", json!(""))],
                json!({ "city": "Boston" }),
            ),
            (
                &[
                    ("$.a[0].x", json!(0.5)),
                    ("$.a[0].y", json!(true)),
                    ("$.a[1].x", json!(2)),
                    ("$.b[0][0]", Value::Null),
                    ("$['c d'][\"e.f[0]\"]", json!("g")),
                ],
                json!({ "a": [{ "x": 0.5, "y": true }, { "x": 2 }], "b": [[null]], "c d": { "e.f[0]": "g" } }),
            ),
        ] {
            assert_eq!(put_together(pieces), Ok(expected));
        }
    }

    #[test]
    fn what_belongs_nowhere_is_refused_and_costs_no_memory() {
        let deep = format!("${}", ".a".repeat(DEPTH_MAX + 1));
        for path in ["", "$", "city", "$[0]", "$.a[9999999]", "$.a[-1]", "$.a[", "$.a['b", &deep] {
            assert!(put_together(&[(path, json!("x"))]).is_err(), "{path}");
        }
        assert!(put_together(&[("$.a", json!("x")), ("$.a.b", json!("x"))]).is_err());
        let deep = |n| format!("$.a{n}{}", ".a".repeat(DEPTH_MAX - 1));
        let endless: Vec<_> = (0..1000).map(deep).collect();
        let endless: Vec<_> = endless.iter().map(|path| (&**path, json!(1))).collect();
        assert!(put_together(&endless).is_err());
        let long = json!("x".repeat(BYTES_MAX / 2));
        assert!(put_together(&[("$.a", long.clone()), ("$.b", long)]).is_err());
    }
}
