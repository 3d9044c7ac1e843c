//! JSON Schema of the experiment file, made from the tables the reader follows.

use serde_json::{Map, Value, json};
use tally_model::Scaler;

use crate::key::TOP;
use crate::section::{Key, Kind, MAX_COUNT, OPERATIONS, RESERVED, Section};

/// JSON Schema (draft 2020-12) for editors.
pub fn schema() -> Value {
    let mut schema = table(&TOP);
    if let Value::Object(fields) = &mut schema {
        fields.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        fields.insert("title".to_owned(), json!("Tally experiment"));
    }
    schema
}

fn table(section: &Section) -> Value {
    let properties: Map<String, Value> = section
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = section
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn property(key: &Key) -> Value {
    let mut value = of(&key.kind);
    if let Value::Object(fields) = &mut value {
        fields.insert("description".to_owned(), json!(key.doc));
    }
    value
}

fn scaler(names: &[&str]) -> String {
    format!("^({}|fixed-[0-9]+)$", names.join("|"))
}

fn of(kind: &Kind) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Name => text("^[a-z0-9-]{1,40}$"),
        Kind::Folder => {
            json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$", "not": { "enum": RESERVED } })
        }
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Duration { .. } => text("^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)$"),
        Kind::Rate => text("^[0-9]+(\\.[0-9]+)?/(s|m|h)$"),
        Kind::Size { .. } => text("^[0-9]+(\\.[0-9]+)?(B|kB|MB|GB|KiB|MiB|GiB)$"),
        Kind::Choice { of, .. } => json!({ "enum": of }),
        Kind::Scaler { of, .. } => text(&scaler(of)),
        Kind::Scalers => json!({ "type": "array", "items": text(&scaler(Scaler::NAMES)) }),
        Kind::Policies => {
            let item = json!({ "anyOf": [{ "const": "all" }, text(&scaler(Scaler::NAMES))] });
            json!({ "type": "array", "items": item })
        }
        Kind::OneOf(numbers) => json!({ "enum": numbers }),
        Kind::Range => text("^-?[0-9]+ *\\.\\. *-?[0-9]+$"),
        Kind::Operations => json!({ "oneOf": [
            { "type": "array", "minItems": 1, "items": { "enum": OPERATIONS } },
            { "type": "object", "propertyNames": { "enum": OPERATIONS },
              "additionalProperties": { "type": "integer", "minimum": 0 } },
        ] }),
        Kind::Counts => {
            let count = json!({ "type": "integer", "minimum": 0, "maximum": MAX_COUNT });
            json!({ "type": "array", "minItems": 1, "items": count })
        }
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Changes => {
            let keys: Vec<&str> = TOP.keys.iter().map(|key| key.name).collect();
            json!({ "type": "object", "propertyNames": { "enum": keys }, "additionalProperties": {} })
        }
        Kind::Table(section) => table(section),
        Kind::Tables(section) => json!({ "type": "array", "items": table(section) }),
        Kind::Expressions { shape, fixed } => json!({ "oneOf": [
            table(shape),
            { "type": "array", "minItems": 1, "items": { "oneOf": [{ "type": "string" }, table(fixed)] } },
        ] }),
    }
}
