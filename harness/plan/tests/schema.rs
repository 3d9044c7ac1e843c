//! The schema knows every key that files use, and the reader refuses every key that the schema does not know.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use serde_json::Value;
use tally_plan::{parse, schema, templates};
use tally_workloads::CATALOG;

/// Keys of `value` that no alternative of `schema` allows, as paths.
fn unknown(schema: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    if let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) {
        let best = alternatives.iter().map(|alternative| {
            let mut problems = Vec::new();
            unknown(alternative, value, path, &mut problems);
            problems
        });
        out.extend(best.min_by_key(Vec::len).unwrap_or_default());
        return;
    }
    match (value, schema["type"].as_str()) {
        (Value::Object(fields), Some("object")) => {
            for (key, inner) in fields {
                let path = format!("{path}.{key}");
                match schema["properties"].get(key) {
                    Some(property) => unknown(property, inner, &path, out),
                    None if schema["additionalProperties"].is_object() => {}
                    None => out.push(path),
                }
            }
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            out.extend(
                required
                    .iter()
                    .filter_map(Value::as_str)
                    .filter(|key| fields.get(*key).is_none())
                    .map(|key| format!("{path}.{key} missing")),
            );
        }
        (Value::Array(items), Some("array")) => {
            for item in items {
                unknown(&schema["items"], item, path, out);
            }
        }
        (Value::Object(_) | Value::Array(_), _) | (_, Some("object" | "array")) => {
            out.push(format!("{path}: type"));
        }
        _ => {}
    }
}

fn problems(source: &str) -> Vec<String> {
    let value: Value = toml::from_str(source).unwrap();
    let mut out = Vec::new();
    unknown(&schema(), &value, "", &mut out);
    out
}

/// Every key of every valid file is in the schema.
#[test]
fn valid_files_fit_the_schema() {
    let catalog = CATALOG.iter().map(|entry| (entry.name, entry.source));
    for (name, source) in catalog.chain(templates().iter().copied()) {
        assert!(parse(source).is_ok(), "{name}");
        assert_eq!(problems(source), Vec::<String>::new(), "{name}");
    }
    assert!(
        !problems("version = 1\nname = 'x'\nsede = 1").is_empty(),
        "the check itself must be able to fail"
    );
}

/// An editor refuses the names that the reader refuses: those that no folder of runs can have.
#[test]
fn the_schema_knows_which_names_are_taken() {
    let name = &schema()["properties"]["name"];
    assert_eq!(name["not"]["enum"], serde_json::json!(["latest", "comparisons"]));
    assert_eq!(name["pattern"], "^[a-z0-9][a-z0-9-]{0,39}$");
}

/// Walks every table of the schema; a key it lists must never be called unknown by the reader.
#[test]
fn every_key_of_the_schema_is_known_to_the_reader() {
    let schema = schema();
    let keys = |path: &[&str]| -> Vec<String> {
        let table = path.iter().fold(&schema, |at, part| &at[*part]);
        table["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let tables: [(&str, Vec<String>); 7] = [
        ("", keys(&[])),
        ("[platform]", keys(&["properties", "platform"])),
        (
            "[platform.work]",
            keys(&["properties", "platform", "properties", "work"]),
        ),
        ("[[load]]", keys(&["properties", "load", "items"])),
        ("[[fault]]", keys(&["properties", "fault", "items"])),
        ("[[expect]]", keys(&["properties", "expect", "items"])),
        ("[safety]", keys(&["properties", "safety"])),
    ];
    for (header, keys) in tables {
        for key in keys {
            let called_unknown = |key: &str| {
                let found = parse(&format!("{header}\n\"{key}\" = 1\n")).unwrap_err();
                found
                    .iter()
                    .any(|problem| problem.code == "F0201" && problem.message.contains(&format!("`{key}`")))
            };
            assert!(!called_unknown(&key), "{header} {key}");
            assert!(called_unknown(&format!("{key}-x")), "{header} {key}-x");
        }
    }
}
