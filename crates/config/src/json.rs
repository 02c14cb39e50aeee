//! The format as a JSON Schema, so that editors complete and check a config file while it is written.

use backstop_core::Registry;
use serde_json::{Map, Value, json};

use crate::form::{Form, Key, Names, Table};
use crate::schema;

/// A text with a variable in it may become anything.
const VARIABLE: &str = r"\$\{";

/// The JSON Schema (draft 7) of the config file, with the kinds of this registry.
///
/// ```
/// let schema = backstop_config::json_schema(&backstop_core::Registry::default());
/// assert!(schema["properties"]["routes"].is_object());
/// ```
#[must_use]
pub fn json_schema(registry: &Registry) -> Value {
    let mut definitions = Map::new();
    let mut schema = table(&schema::root(registry), &mut definitions);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        object.insert("title".to_owned(), json!("backstop.toml"));
        object.insert("definitions".to_owned(), Value::Object(definitions));
    }
    schema
}

fn form(form: &Form, definitions: &mut Map<String, Value>) -> Value {
    match form {
        Form::Text { .. } => json!({ "type": "string" }),
        Form::Flag => or_variable(vec![json!({ "type": "boolean" })]),
        Form::Count { min, max } => {
            or_variable(vec![json!({ "type": "integer", "minimum": min, "maximum": max })])
        }
        Form::Number { min, max: None } => or_variable(vec![json!({ "type": "number", "minimum": min })]),
        Form::Number { min, max } => {
            or_variable(vec![json!({ "type": "number", "minimum": min, "maximum": max })])
        }
        Form::Duration { .. } => {
            json!({ "type": "string", "pattern": format!(r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$|{VARIABLE}") })
        }
        Form::Words(words) => {
            let ready = words.iter().map(|word| (word.name, word.what));
            or_variable(ready.map(|(name, what)| json!({ "const": name, "description": what })).collect())
        }
        Form::Target => json!({ "type": "string", "pattern": format!(r"^[^/\s]+/\S+$|{VARIABLE}") }),
        Form::List(of) => json!({ "type": "array", "items": self::form(of, definitions) }),
        Form::Map(names, of) => map(*names, of, definitions),
        Form::Table(of) => defined(of, definitions),
        // Stands in a map, which looks at the names beside it.
        Form::Provider(_) | Form::Json => json!({ "type": "object" }),
        Form::Any(forms) => {
            json!({ "anyOf": forms.iter().map(|form| self::form(form, definitions)).collect::<Vec<_>>() })
        }
    }
}

fn or_variable(mut alternatives: Vec<Value>) -> Value {
    alternatives.push(json!({ "type": "string", "pattern": VARIABLE }));
    json!({ "anyOf": alternatives })
}

fn map(names: Names, of: &Form, definitions: &mut Map<String, Value>) -> Value {
    match of {
        Form::Provider(tables) => providers(tables, definitions),
        of => {
            let of = form(of, definitions);
            match names {
                Names::Target => json!({
                    "type": "object",
                    "propertyNames": { "pattern": r"^[^/\s]+/\S+$" },
                    "additionalProperties": of,
                }),
                _ => json!({ "type": "object", "additionalProperties": of }),
            }
        }
    }
}

/// A table's kind is what it says, else its name.
fn providers(tables: &[(Option<&'static str>, Table)], definitions: &mut Map<String, Value>) -> Value {
    let mut by_kind = Vec::new();
    let mut named = Map::new();
    for (kind, of) in tables.iter().filter_map(|(kind, table)| Some(((*kind)?, table))) {
        let of = defined(of, definitions);
        by_kind.push(json!({
            "if": { "properties": { "kind": { "const": kind } }, "required": ["kind"] },
            "then": of,
        }));
        named.insert(kind.to_owned(), json!({ "if": { "required": ["kind"] }, "else": of }));
    }
    let kinds: Vec<&str> = tables.iter().filter_map(|(kind, _)| *kind).collect();
    for of in named.values_mut() {
        if let Some(object) = of.as_object_mut() {
            object.insert("then".to_owned(), json!({ "allOf": by_kind }));
        }
    }
    json!({
        "type": "object",
        "properties": named,
        "additionalProperties": {
            "type": "object",
            "properties": { "kind": or_variable(vec![json!({ "enum": kinds })]) },
            "required": ["kind"],
            "allOf": by_kind,
        },
    })
}

/// A reference to the table, which is written once.
fn defined(of: &Table, definitions: &mut Map<String, Value>) -> Value {
    let place = of.place.trim_start_matches("in ").trim_start_matches("a ").trim_start_matches("the ");
    let name: String =
        place.replace(' ', "_").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    if !definitions.contains_key(&name) {
        let written = table(of, definitions);
        definitions.insert(name.clone(), written);
    }
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn table(of: &Table, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for Key { name, form, what, default, .. } in &of.keys {
        let mut property = self::form(form, definitions);
        let default = if default.is_empty() { String::new() } else { format!(" Default: {default}.") };
        // Draft 7 ignores what stands beside a reference.
        if property.get("$ref").is_some() {
            property = json!({ "allOf": [property] });
        }
        if let Some(object) = property.as_object_mut() {
            object.insert("description".to_owned(), Value::String(format!("{what}{default}")));
        }
        properties.insert(name.clone().into_owned(), property);
    }
    let required: Vec<&str> = of.keys.iter().filter(|key| key.required).map(|key| &*key.name).collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let Some(object) = object.as_object_mut().filter(|_| !required.is_empty()) {
        object.insert("required".to_owned(), json!(required));
    }
    object
}
