//! Schemas as `schemars` derives them from types, and what becomes of them.

use super::*;

/// What `schemars` makes of a struct with options, enums, structs within structs, a list and a default.
fn trip() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Trip",
        "description": "A trip.",
        "type": "object",
        "properties": {
            "city": { "description": "Where to.", "type": "string" },
            "days": { "type": "integer", "format": "uint8", "maximum": 255, "minimum": 0 },
            "how": { "$ref": "#/$defs/How" },
            "kind": { "description": "The kind of trip.", "$ref": "#/$defs/Mood" },
            "mood": { "anyOf": [{ "$ref": "#/$defs/Mood" }, { "type": "null" }] },
            "note": { "description": "In words.", "type": ["string", "null"] },
            "stops": { "type": "array", "items": { "$ref": "#/$defs/Stop" } },
            "tags": { "type": "array", "default": [], "items": { "type": "string" } }
        },
        "required": ["city", "kind", "stops", "days", "how"],
        "$defs": {
            "Hotel": {
                "type": "object",
                "properties": {
                    "stars": { "type": ["integer", "null"], "format": "uint8", "maximum": 255, "minimum": 0 }
                }
            },
            "How": {
                "oneOf": [
                    {
                        "description": "On foot.",
                        "type": "object",
                        "properties": { "by": { "type": "string", "const": "Foot" } },
                        "required": ["by"]
                    },
                    {
                        "type": "object",
                        "properties": { "by": { "type": "string", "const": "Train" }, "line": { "type": "string" } },
                        "required": ["by", "line"]
                    }
                ]
            },
            "Mood": { "description": "How it feels.", "type": "string", "enum": ["calm", "wild"] },
            "Stop": {
                "type": "object",
                "properties": {
                    "hotel": { "anyOf": [{ "$ref": "#/$defs/Hotel" }, { "type": "null" }] },
                    "name": { "type": "string" }
                },
                "required": ["name"]
            }
        }
    })
}

#[test]
fn a_derived_schema_closes_its_objects_and_requires_all_their_members() {
    let foot = json!({
        "description": "On foot.",
        "type": "object",
        "properties": { "by": { "type": "string", "const": "Foot" } },
        "required": ["by"],
        "additionalProperties": false
    });
    let train = json!({
        "type": "object",
        "properties": { "by": { "type": "string", "const": "Train" }, "line": { "type": "string" } },
        "required": ["by", "line"],
        "additionalProperties": false
    });
    let expected = json!({
        "title": "Trip",
        "description": "A trip.",
        "type": "object",
        "properties": {
            "city": { "description": "Where to.", "type": "string" },
            "days": { "type": "integer", "maximum": 255, "minimum": 0 },
            "how": { "$ref": "#/$defs/How" },
            // Nothing may stand beside a reference.
            "kind": { "description": "The kind of trip.", "anyOf": [{ "$ref": "#/$defs/Mood" }] },
            "mood": { "anyOf": [{ "$ref": "#/$defs/Mood" }, { "type": "null" }] },
            "note": { "description": "In words.", "type": ["string", "null"] },
            "stops": { "type": "array", "items": { "$ref": "#/$defs/Stop" } },
            // Has a value when it is absent, and `null` is none.
            "tags": { "type": "array", "items": { "type": "string" } }
        },
        "required": ["city", "days", "how", "kind", "mood", "note", "stops", "tags"],
        "additionalProperties": false,
        "$defs": {
            "Hotel": {
                "type": "object",
                "properties": { "stars": { "type": ["integer", "null"], "maximum": 255, "minimum": 0 } },
                "required": ["stars"],
                "additionalProperties": false
            },
            "How": { "anyOf": [foot, train] },
            "Mood": { "description": "How it feels.", "type": "string", "enum": ["calm", "wild"] },
            "Stop": {
                "type": "object",
                "properties": {
                    "hotel": { "anyOf": [{ "$ref": "#/$defs/Hotel" }, { "type": "null" }] },
                    "name": { "type": "string" }
                },
                "required": ["hotel", "name"],
                "additionalProperties": false
            }
        }
    });
    assert_eq!(strict(&trip(), Demands::WHOLE_LIMITED), Some(expected));
}

#[test]
fn where_members_may_be_absent_objects_are_closed_and_no_more() {
    let strict = strict(&trip(), Demands::CLOSED).unwrap();
    assert_eq!(strict["required"], json!(["city", "days", "how", "kind", "stops"]));
    assert_eq!(strict["properties"]["days"], json!({ "type": "integer" }));
    assert_eq!(
        strict["$defs"]["Hotel"],
        json!({
            "type": "object",
            "properties": { "stars": { "type": ["integer", "null"] } },
            "additionalProperties": false
        })
    );
}

#[test]
fn what_is_strict_already_stays_as_it_is() {
    for demands in [Demands::WHOLE_LIMITED, Demands::CLOSED_LIMITED] {
        let once = strict(&trip(), demands).unwrap();
        assert_eq!(strict(&once, demands).as_ref(), Some(&once));
    }
}

#[test]
fn a_type_that_holds_itself_goes_on_referring_to_itself() {
    let members = |own: &str| {
        json!({
            "children": { "type": "array", "items": { "$ref": own } },
            "left": { "description": "The one below.", "anyOf": [{ "$ref": own }, { "type": "null" }] },
            "value": { "type": "integer", "format": "int64" }
        })
    };
    let strict_members = |own: &str| {
        json!({
            "children": { "type": "array", "items": { "$ref": own } },
            "left": { "description": "The one below.", "anyOf": [{ "$ref": own }, { "type": "null" }] },
            "value": { "type": "integer" }
        })
    };
    let tree = |own: &str| json!({ "type": "object", "properties": members(own), "required": ["value", "children"] });
    let strict_tree = |own: &str| {
        json!({
            "type": "object",
            "properties": strict_members(own),
            "required": ["children", "left", "value"],
            "additionalProperties": false
        })
    };
    assert_eq!(strict(&tree("#"), Demands::WHOLE), Some(strict_tree("#")));

    // One that begins with a reference to itself, told twice with words of its own.
    let own = "#/$defs/Tree";
    let forest = json!({
        "type": "object",
        "properties": { "first": { "$ref": own }, "second": { "description": "Told.", "$ref": own } },
        "required": ["first", "second"],
        "$defs": { "Tree": tree(own), "Unused": true }
    });
    let expected = json!({
        "type": "object",
        "properties": {
            "first": { "$ref": own },
            "second": { "description": "Told.", "anyOf": [{ "$ref": own }] }
        },
        "required": ["first", "second"],
        "additionalProperties": false,
        "$defs": { "Tree": strict_tree(own) }
    });
    assert_eq!(strict(&forest, Demands::WHOLE), Some(expected));

    let root = json!({ "$ref": own, "title": "Root", "$defs": { "Tree": tree(own) } });
    let strict = strict(&root, Demands::WHOLE).unwrap();
    assert_eq!((&strict["type"], &strict["title"]), (&json!("object"), &json!("Root")));
    assert_eq!(strict["$defs"]["Tree"], strict_tree(own));
}

/// A schema of one member that may be absent, and what becomes of that member.
fn member(schema: &Value, demands: Demands) -> Option<Value> {
    let root = json!({
        "type": "object",
        "properties": { "m": schema },
        "$defs": { "Maybe": { "oneOf": [{ "type": "string" }, { "type": "null" }] }, "Sure": { "type": "string" } }
    });
    strict(&root, demands).map(|strict| strict["properties"]["m"].clone())
}

#[test]
fn what_may_be_absent_may_be_null_instead() {
    let object = json!({ "type": "object", "properties": {}, "required": [], "additionalProperties": false });
    for (schema, expected) in [
        (json!({ "type": "string" }), json!({ "type": ["string", "null"] })),
        (json!({ "type": "null" }), json!({ "type": "null" })),
        (
            json!({ "type": ["string", "integer"] }),
            json!({ "anyOf": [{ "type": ["string", "integer"] }, { "type": "null" }] }),
        ),
        (
            json!({ "type": "string", "enum": ["a"], "description": "d" }),
            json!({ "description": "d", "anyOf": [{ "type": "string", "enum": ["a"] }, { "type": "null" }] }),
        ),
        (json!({ "enum": ["a", null] }), json!({ "enum": ["a", null] })),
        (json!({ "type": "object", "properties": {} }), json!({ "anyOf": [object, { "type": "null" }] })),
        (
            json!({ "$ref": "#/$defs/Sure" }),
            json!({ "anyOf": [{ "$ref": "#/$defs/Sure" }, { "type": "null" }] }),
        ),
        (json!({ "$ref": "#/$defs/Maybe" }), json!({ "$ref": "#/$defs/Maybe" })),
        (
            json!({ "$ref": "#/$defs/Sure", "description": "d", "title": "t", "default": null }),
            json!({ "description": "d", "anyOf": [{ "$ref": "#/$defs/Sure" }, { "type": "null" }] }),
        ),
        (json!({ "type": "string", "default": "x" }), json!({ "type": "string" })),
        (json!({ "type": "string", "default": null }), json!({ "type": ["string", "null"] })),
        (
            json!({ "allOf": [{ "$ref": "#/$defs/Sure" }], "description": "d" }),
            json!({ "description": "d", "anyOf": [{ "$ref": "#/$defs/Sure" }, { "type": "null" }] }),
        ),
    ] {
        assert_eq!(member(&schema, Demands::WHOLE), Some(expected), "{schema}");
    }
}

#[test]
fn limits_go_where_they_are_taken_and_what_only_tells_goes_nowhere() {
    let text = json!({
        "type": ["string", "null"], "pattern": "^a", "format": "date", "minLength": 1, "maxLength": 9,
        "examples": ["a"], "deprecated": true, "x-order": 1
    });
    let limited = json!({ "type": ["string", "null"], "pattern": "^a", "format": "date" });
    assert_eq!(member(&text, Demands::WHOLE_LIMITED), Some(limited));
    assert_eq!(member(&text, Demands::WHOLE), Some(json!({ "type": ["string", "null"] })));
    let odd = json!({ "type": "null", "format": "uri-template" });
    assert_eq!(member(&odd, Demands::WHOLE_LIMITED), Some(json!({ "type": "null" })));
}

#[test]
fn what_cannot_be_said_strictly_is_sent_as_it_is_and_not_strictly() {
    let pair =
        json!({ "type": "array", "maxItems": 2, "minItems": 2, "prefixItems": [{ "type": "string" }] });
    let counts =
        json!({ "type": "object", "additionalProperties": { "type": "integer", "format": "uint32" } });
    let union = json!([{ "type": "object", "properties": { "a": { "type": "string" } } }]);
    for (why, schema) in [
        ("any value", json!(true)),
        ("any value", json!({})),
        ("no value", json!(false)),
        ("a map", counts),
        ("a map beside members", json!({ "type": "object", "properties": {}, "additionalProperties": true })),
        ("any object", json!({ "type": "object" })),
        ("a list of anything", json!({ "type": "array" })),
        ("a member that is nowhere", json!({ "type": "object", "properties": {}, "required": ["x"] })),
        ("a tuple", pair),
        ("a tuple as it was written once", json!({ "type": "array", "items": [{ "type": "string" }] })),
        ("members of branches", json!({ "type": "object", "properties": {}, "anyOf": union })),
        ("several at once", json!({ "allOf": [{ "type": "string" }, { "pattern": "a" }] })),
        ("nobody's definition", json!({ "$ref": "#/$defs/Nobody" })),
        ("a place elsewhere", json!({ "$ref": "https://example.org/schema" })),
        ("a place within", json!({ "$ref": "#/properties/m" })),
        ("a shape beside a reference", json!({ "$ref": "#/$defs/Sure", "properties": {} })),
        ("conditions", json!({ "type": "string", "if": { "const": "a" }, "then": { "const": "a" } })),
    ] {
        for demands in [Demands::WHOLE, Demands::CLOSED] {
            assert_eq!(member(&schema, demands), None, "{why}");
        }
    }
    for (why, root) in [
        ("a union", json!({ "oneOf": [{ "type": "object", "properties": {} }] })),
        ("a list", json!({ "type": "array", "items": { "type": "string" } })),
        ("perhaps null", json!({ "type": ["object", "null"], "properties": {} })),
        ("a circle", json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#/$defs/A" } } })),
        ("nothing at all", Value::Null),
    ] {
        assert_eq!(strict(&root, Demands::WHOLE), None, "{why}");
        assert_eq!(fitted(&root, true, Some(Demands::WHOLE)), (Cow::Borrowed(&root), false), "{why}");
    }
}

#[test]
fn a_schema_without_bounds_is_not_followed_for_ever() {
    let mut deep = json!({ "type": "string" });
    for _ in 0..1000 {
        deep = json!({ "type": "array", "items": deep });
    }
    assert_eq!(member(&deep, Demands::WHOLE), None);
    // Every way through these two leads back to both.
    let both = json!({ "anyOf": vec![json!({ "$ref": "#/$defs/A" }), json!({ "$ref": "#/$defs/B" })] });
    let circles = json!({
        "type": "object",
        "properties": { "m": { "$ref": "#/$defs/A" } },
        "$defs": { "A": both, "B": both }
    });
    let strict_circles = strict(&circles, Demands::WHOLE).unwrap();
    let expected = json!({ "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "null" }] });
    assert_eq!(strict_circles["properties"]["m"], expected);
    let wide: Map<String, Value> =
        (0..20_000).map(|n| (n.to_string(), json!({ "type": "string" }))).collect();
    assert_eq!(member(&json!({ "type": "object", "properties": wide }), Demands::WHOLE), None);
}

#[test]
fn who_asks_for_no_strictness_or_nobody_who_demands_it_gets_the_schema_as_it_is() {
    let schema = trip();
    assert_eq!(fitted(&schema, false, Some(Demands::WHOLE)), (Cow::Borrowed(&schema), false));
    assert_eq!(fitted(&schema, true, None), (Cow::Borrowed(&schema), true));
}
