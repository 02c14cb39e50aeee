//! Schemas for services that hold an answer to its schema exactly, and take only some schemas for it.
//!
//! What programs derive from their types is wider: members that may be absent, objects that may have more members,
//! descriptions beside references, limits nobody can enforce. [`strict`] says the same in the narrow form, or that it
//! cannot be said in it: then the schema goes out as it is, and the service is not asked to be strict. Whatever is valid
//! by the narrow form is valid by the schema, but for limits that were dropped and for `null` in place of a member that
//! is left out.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What a service demands of a schema it enforces. That all objects are closed is demanded everywhere.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Demands {
    /// Every member of an object is required: what may be absent is `null` instead.
    all_required: bool,
    /// Whether limits of values are taken, such as `minimum` and `pattern`.
    limits: bool,
}

impl Demands {
    /// Closed objects with all their members.
    pub(crate) const WHOLE: Self = Self { all_required: true, limits: false };
    /// The same, with limits of values.
    pub(crate) const WHOLE_LIMITED: Self = Self { all_required: true, limits: true };
    /// Closed objects.
    pub(crate) const CLOSED: Self = Self { all_required: false, limits: false };
    /// The same, with limits of values.
    pub(crate) const CLOSED_LIMITED: Self = Self { all_required: false, limits: true };
}

/// How deep schemas are followed.
const DEPTH_MAX: usize = 64;

/// How many parts a schema may have.
const PARTS_MAX: usize = 10_000;

/// Where definitions stand.
const DEFINITIONS: &[&str] = &["$defs", "definitions"];

/// What limits values and can be enforced by those that enforce any.
const LIMITS: &[&str] = &[
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

/// The forms of texts that can be enforced.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// What decides which members or items there are, in ways the narrow form does not have. Left out, the rest would say
/// something else; any other keyword only narrows or tells, and is left out.
const UNSAYABLE: &[&str] = &[
    "if",
    "then",
    "else",
    "dependencies",
    "dependentSchemas",
    "patternProperties",
    "prefixItems",
    "additionalItems",
    "$dynamicRef",
    "$recursiveRef",
];

/// What a schema is made of, beside limits and words.
const SHAPE: &[&str] =
    &["type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "additionalProperties"];

/// The schema to send, and whether the service can be asked to hold the answer to it.
pub(crate) fn fitted(schema: &Value, wanted: bool, demands: Option<Demands>) -> (Cow<'_, Value>, bool) {
    match demands.filter(|_| wanted) {
        None => (Cow::Borrowed(schema), wanted),
        Some(demands) => match strict(schema, demands) {
            Some(strict) => (Cow::Owned(strict), true),
            None => (Cow::Borrowed(schema), false),
        },
    }
}

/// The schema in the form that is demanded; nothing where it cannot be said so.
pub(crate) fn strict(schema: &Value, demands: Demands) -> Option<Value> {
    let mut walk = Walk { demands, root: schema, wanted: BTreeSet::new(), parts: 0 };
    let root = walk.followed(schema)?;
    let mut out = walk.part(&root, 0)?;
    // A union at the root is refused even where unions are taken, and so is a root that may be null.
    let object = out.as_object_mut().filter(|root| root.get("type") == Some(&Value::from("object")))?;
    let mut done: BTreeMap<(&str, String), Value> = BTreeMap::new();
    while let Some(wanted) = walk.wanted.pop_first() {
        let (table, name) = &wanted;
        let definition = walk.definition(table, name)?;
        if let Entry::Vacant(place) = done.entry(wanted) {
            place.insert(walk.part(definition, 0)?);
        }
    }
    for ((table, name), definition) in done {
        let definitions = object.entry(table).or_insert_with(|| json!({}));
        definitions.as_object_mut()?.insert(name, definition);
    }
    Some(out)
}

struct Walk<'s> {
    demands: Demands,
    root: &'s Value,
    /// Definitions that are referred to.
    wanted: BTreeSet<(&'static str, String)>,
    parts: usize,
}

impl<'s> Walk<'s> {
    /// The root itself, where it is no more than a reference to a definition: a root has to be an object.
    fn followed(&self, schema: &'s Value) -> Option<Cow<'s, Value>> {
        let mut root = Cow::Borrowed(schema);
        for _ in 0..DEPTH_MAX {
            let Some((table, name)) = root.get("$ref").and_then(reference) else { return Some(root) };
            let mut merged = beside(root.as_object()?, "$ref")?;
            merged.extend(self.definition(table?, &name)?.as_object()?.clone());
            root = Cow::Owned(Value::Object(merged));
        }
        None
    }

    fn definition(&self, table: &str, name: &str) -> Option<&'s Value> {
        self.root.get(table)?.get(name)
    }

    fn part(&mut self, schema: &Value, depth: usize) -> Option<Value> {
        self.parts += 1;
        if depth > DEPTH_MAX || self.parts > PARTS_MAX {
            return None;
        }
        // `true` allows everything, which no grammar says.
        let schema = schema.as_object()?;
        if schema.keys().any(|keyword| UNSAYABLE.contains(&keyword.as_str()))
            || schema.get("unevaluatedProperties").is_some_and(|more| *more != Value::Bool(false))
        {
            return None;
        }
        if let Some(target) = schema.get("$ref") {
            return self.referring(schema, target);
        }
        if let Some(all) = schema.get("allOf") {
            let [one] = all.as_array()?.as_slice() else { return None };
            let mut merged = one.as_object()?.clone();
            merged.extend(beside(schema, "allOf")?);
            return self.part(&Value::Object(merged), depth + 1);
        }
        let mut out = Map::new();
        for (keyword, value) in schema {
            match keyword.as_str() {
                "title" | "description" | "enum" | "const" | "type" => {
                    out.insert(keyword.clone(), value.clone());
                }
                "items" => {
                    out.insert(keyword.clone(), self.part(value, depth + 1)?);
                }
                "anyOf" | "oneOf" => {
                    let branches = value.as_array()?.iter().map(|branch| self.part(branch, depth + 1));
                    let branches: Option<Vec<Value>> = branches.collect();
                    // Both at once is more than one union can say.
                    if out.insert("anyOf".to_owned(), Value::Array(branches?)).is_some() {
                        return None;
                    }
                }
                "format" if self.demands.limits && value.as_str().is_some_and(|f| FORMATS.contains(&f)) => {
                    out.insert(keyword.clone(), value.clone());
                }
                limit if self.demands.limits && LIMITS.contains(&limit) => {
                    out.insert(keyword.clone(), value.clone());
                }
                _ => {}
            }
        }
        if schema.contains_key("properties") || is_type(schema, "object") {
            self.close(schema, &mut out, depth)?;
        }
        let says_what = ["type", "anyOf", "enum", "const"].iter().any(|keyword| out.contains_key(*keyword));
        let says_items = !is_type(&out, "array") || out.contains_key("items");
        (says_what && says_items).then_some(Value::Object(out))
    }

    /// A reference stands alone; what is said beside it is said around it.
    fn referring(&mut self, schema: &Map<String, Value>, target: &Value) -> Option<Value> {
        let (table, name) = reference(target)?;
        if let Some(table) = table {
            self.definition(table, &name)?;
            self.wanted.insert((table, name));
        }
        let alone = json!({ "$ref": target });
        Some(match beside(schema, "$ref")?.remove("description") {
            Some(description) => json!({ "description": description, "anyOf": [alone] }),
            None => alone,
        })
    }

    /// The members of an object, and no others.
    fn close(
        &mut self,
        schema: &Map<String, Value>,
        out: &mut Map<String, Value>,
        depth: usize,
    ) -> Option<()> {
        let closed = match schema.get("additionalProperties") {
            None => false,
            Some(Value::Bool(false)) => true,
            // A map of any keys.
            Some(_) => return None,
        };
        // The members of a branch would be forbidden by the object around it.
        if out.contains_key("anyOf") {
            return None;
        }
        let none = Map::new();
        let members = match schema.get("properties") {
            Some(members) => members.as_object()?,
            None if closed => &none,
            // Any object at all.
            None => return None,
        };
        let required = schema.get("required").and_then(Value::as_array);
        let required: BTreeSet<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
        // A closed object could not have it.
        if required.iter().any(|name| !members.contains_key(*name)) {
            return None;
        }
        let mut properties = Map::new();
        for (name, member) in members {
            let mut part = self.part(member, depth + 1)?;
            // What has a value when it is absent can be told that value; `null` may be none of its values.
            let has_default = member.get("default").is_some_and(|value| !value.is_null());
            if self.demands.all_required && !required.contains(name.as_str()) && !has_default {
                part = self.nullable(part);
            }
            properties.insert(name.clone(), part);
        }
        let names = |name: &&String| self.demands.all_required || required.contains(name.as_str());
        let required: Vec<&String> = members.keys().filter(names).collect();
        if self.demands.all_required || !required.is_empty() {
            out.insert("required".to_owned(), json!(required));
        }
        if self.demands.all_required || !properties.is_empty() {
            out.insert("properties".to_owned(), Value::Object(properties));
        }
        out.insert("additionalProperties".to_owned(), Value::Bool(false));
        out.entry("type").or_insert_with(|| Value::from("object"));
        Some(())
    }

    /// The same, or `null`.
    fn nullable(&self, mut part: Value) -> Value {
        if self.takes_null(&part, &mut BTreeSet::new()) {
            return part;
        }
        if let Some(branches) = part.get_mut("anyOf").and_then(Value::as_array_mut) {
            branches.push(json!({ "type": "null" }));
            return part;
        }
        let simple =
            ["enum", "const", "properties", "items"].iter().all(|keyword| part.get(keyword).is_none());
        match part.get_mut("type") {
            Some(Value::String(name)) if simple => {
                let both = json!([name, "null"]);
                part.as_object_mut().map(|part| part.insert("type".to_owned(), both));
                part
            }
            _ => {
                let description = part.as_object_mut().and_then(|part| part.remove("description"));
                let mut union = json!({ "anyOf": [part, { "type": "null" }] });
                if let (Some(description), Some(union)) = (description, union.as_object_mut()) {
                    union.insert("description".to_owned(), description);
                }
                union
            }
        }
    }

    /// Each definition is `seen` once: a part that leads back to one says nothing new.
    fn takes_null(&self, part: &Value, seen: &mut BTreeSet<(&'static str, String)>) -> bool {
        if let Some(target) = part.get("$ref") {
            let Some((Some(table), name)) = reference(target) else { return false };
            let definition = self.definition(table, &name);
            return seen.insert((table, name)) && definition.is_some_and(|part| self.takes_null(part, seen));
        }
        // Definitions are looked up as they were written.
        if let Some(branches) = part.get("anyOf").or_else(|| part.get("oneOf")).and_then(Value::as_array) {
            return branches.iter().any(|branch| self.takes_null(branch, seen));
        }
        let of_type = match part.get("type") {
            Some(Value::Array(types)) => types.iter().any(|name| name.as_str() == Some("null")),
            Some(name) => name.as_str() == Some("null"),
            None => part.get("enum").is_some() || part.get("const").is_some(),
        };
        let of_values = part.get("enum").and_then(Value::as_array);
        of_type
            && of_values.is_none_or(|values| values.contains(&Value::Null))
            && part.get("const").is_none_or(Value::is_null)
    }
}

/// What is said beside a keyword that stands for all the rest: words, and nothing of the shape.
fn beside(schema: &Map<String, Value>, keyword: &str) -> Option<Map<String, Value>> {
    if schema.keys().any(|other| other != keyword && SHAPE.contains(&other.as_str())) {
        return None;
    }
    let words = ["title", "description"].into_iter().filter_map(|word| schema.get_key_value(word));
    Some(words.map(|(word, value)| (word.clone(), value.clone())).collect())
}

/// The table and the name of what is referred to; no table for the root.
fn reference(target: &Value) -> Option<(Option<&'static str>, String)> {
    let path = target.as_str()?.strip_prefix('#')?;
    if path.is_empty() {
        return Some((None, String::new()));
    }
    let (table, name) = path.strip_prefix('/')?.split_once('/')?;
    let table = DEFINITIONS.iter().find(|known| **known == table)?;
    // Escapes of a pointer: a name with a slash in it has no other slash.
    (!name.contains('/')).then(|| (Some(*table), name.replace("~1", "/").replace("~0", "~")))
}

fn is_type(schema: &Map<String, Value>, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|one| one.as_str() == Some(name)),
        Some(one) => one.as_str() == Some(name),
        None => false,
    }
}

#[cfg(test)]
mod tests;
