//! The page and the schema describe what the parser reads.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod common;

use std::collections::BTreeSet;

use backstop_config::{json_schema, reference_page};
use serde_json::Value;

use common::{files, parse, registry};

/// The pieces of a page that are marked as TOML.
fn snippets(page: &str) -> Vec<String> {
    page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_snippet_of_the_page_is_read() {
    let snippets = snippets(&reference_page());
    assert!(snippets.len() >= 4);
    for snippet in snippets {
        let config = parse(&snippet).unwrap_or_else(|problems| panic!("{snippet}\n{problems}"));
        assert!(config.warnings.is_empty(), "{snippet}\n{:?}", config.warnings);
    }
}

#[test]
fn the_page_in_docs_is_the_page() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CONFIG.md");
    let written = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    assert_eq!(written, reference_page(), "run `cargo xtask docs`");
}

#[test]
fn the_page_names_every_key_of_the_schema() {
    let page = reference_page();
    let schema = json_schema(&backstop_core::Registry::default());
    let mut names = BTreeSet::new();
    for definition in schema["definitions"].as_object().unwrap().values() {
        names.extend(definition["properties"].as_object().unwrap().keys().cloned());
    }
    assert!(names.len() > 40);
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_schema_accepts_what_the_parser_does() {
    let schema = json_schema(&registry());
    for path in files("good", "toml") {
        let text = std::fs::read_to_string(&path).unwrap();
        let table: toml::de::DeTable<'_> = toml::de::DeTable::parse(&text).unwrap().into_inner();
        let value = to_json(&toml::de::DeValue::Table(table));
        let found = wrong(&schema, &schema, &value);
        assert_eq!(found, None, "{}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_the_parser_does() {
    let schema = json_schema(&registry());
    for text in [
        "[route.x]\ntargets = []",
        "[routes.x]\ntarget = [\"openai/a\"]",
        "[routes.x]\ndeadline = \"60s\"",
        "[routes.x]\ntargets = \"openai/a\"",
        "[routes.x]\ntargets = [\"a\"]",
        "[routes.x]\ntargets = [\"openai/a\"]\ndeadline = \"60\"",
        "[routes.x]\ntargets = [\"openai/a\"]\non_interrupted = \"next\"",
        "[routes.x]\ntargets = [\"openai/a\"]\nattempts = 0",
        "[routes.x]\ntargets = [\"openai/a\"]\nafter_commit = \"continue\"",
        "[routes.x]\ntargets = [{ target = \"openai/a\", top_p = 2 }]",
        "[providers.mirror]\napi_key = \"none\"",
        "[providers.mirror]\nkind = \"anthropic\"\norganization = \"x\"",
        "[providers.anthropic]\norganization = \"x\"",
        "[models.openai]\ndimensions = 1",
    ] {
        let table = toml::de::DeTable::parse(text).unwrap().into_inner();
        let value = to_json(&toml::de::DeValue::Table(table));
        assert!(parse(text).is_err(), "{text}");
        assert!(wrong(&schema, &schema, &value).is_some(), "{text}");
    }
}

fn to_json(value: &toml::de::DeValue<'_>) -> Value {
    use toml::de::DeValue;
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(integer) => Value::from(integer.as_str().parse::<i64>().unwrap()),
        DeValue::Float(float) => Value::from(float.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(list) => list.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(entries) => {
            let entry =
                |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
                    (key.get_ref().to_string(), to_json(value.get_ref()))
                };
            Value::Object(entries.iter().map(entry).collect())
        }
    }
}

/// Where a value does not fit a schema; the little of JSON Schema that ours uses.
fn wrong(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let here = |what: &str| Some(format!("{what}: {value}"));
    let fits = |schema: &Value| wrong(root, schema, value).is_none();
    let rules = schema.as_object().unwrap();
    for (rule, of) in rules {
        let is_wrong = match rule.as_str() {
            "$ref" => {
                let name = of.as_str().unwrap().strip_prefix("#/definitions/").unwrap();
                return wrong(root, root["definitions"].get(name).unwrap(), value);
            }
            "type" => match of.as_str().unwrap() {
                "string" => !value.is_string(),
                "boolean" => !value.is_boolean(),
                "integer" => !value.is_i64() && !value.is_u64(),
                "number" => !value.is_number(),
                "array" => !value.is_array(),
                "object" => !value.is_object(),
                other => panic!("{other}"),
            },
            "minimum" => value.as_f64().is_some_and(|number| number < of.as_f64().unwrap()),
            "maximum" => value.as_f64().is_some_and(|number| number > of.as_f64().unwrap()),
            "const" => value != of,
            "enum" => !of.as_array().unwrap().contains(value),
            "pattern" => value.as_str().is_some_and(|text| !matches(of.as_str().unwrap(), text)),
            "anyOf" => !of.as_array().unwrap().iter().any(fits),
            "allOf" => !of.as_array().unwrap().iter().all(fits),
            "if" => {
                let branch = if fits(of) { "then" } else { "else" };
                rules.get(branch).is_some_and(|branch| !fits(branch))
            }
            "required" => {
                of.as_array().unwrap().iter().any(|name| value.get(name.as_str().unwrap()).is_none())
            }
            "items" => {
                let items = value.as_array().into_iter().flatten();
                if let Some(found) = items.filter_map(|item| wrong(root, of, item)).next() {
                    return Some(found);
                }
                false
            }
            "propertyNames" => {
                let mut names = value.as_object().into_iter().flat_map(|object| object.keys());
                names.any(|name| wrong(root, of, &Value::from(name.as_str())).is_some())
            }
            "properties" | "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let own = rules.get("properties").and_then(|all| all.get(name));
                    let found = match (rule.as_str(), own, of) {
                        ("properties", Some(own), _) => wrong(root, own, value),
                        ("additionalProperties", None, Value::Bool(false)) => Some(format!("unknown {name}")),
                        ("additionalProperties", None, of) => wrong(root, of, value),
                        _ => None,
                    };
                    if found.is_some() {
                        return found;
                    }
                }
                false
            }
            "then" | "else" | "description" | "title" | "$schema" | "definitions" => false,
            other => panic!("{other}"),
        };
        if is_wrong {
            return here(rule);
        }
    }
    None
}

/// The three patterns of the schema, without a crate for regular expressions.
fn matches(pattern: &str, text: &str) -> bool {
    if text.contains("${") {
        return true;
    }
    match pattern {
        r"\$\{" => false,
        _ if pattern.contains("(ms|s|m|h)") => {
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            unit != text && ["ms", "s", "m", "h"].contains(&unit)
        }
        _ => text.split_once('/').is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty()),
    }
}
