//! The settings' shape, taken from the types.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::sections::Settings;

/// The JSON schema of a settings file (draft 2020-12), for editors. The same bytes for the same version.
pub fn schema_json() -> String {
    let mut text =
        serde_json::to_string_pretty(schema()).expect("a value of strings and numbers serialises");
    text.push('\n');
    text
}

/// The schema with everything in its place, no references.
pub(crate) fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let settings =
            SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings
            .into_generator()
            .into_root_schema_for::<Settings>()
            .to_value();
        join_lines(&mut schema);
        schema
    })
}

/// A setting or section: its dotted path and its schema.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) path: String,
    pub(crate) schema: &'static Value,
}

/// All settings and sections in the order of the types, sections before what is in them.
pub(crate) fn nodes() -> Vec<Node> {
    let mut all = Vec::new();
    collect("", schema(), &mut all);
    all
}

/// The schema at a dotted path.
pub(crate) fn at(path: &str) -> Option<&'static Value> {
    path.split('.')
        .try_fold(schema(), |schema, key| properties(schema)?.get(key))
}

/// The members of a section; none for a setting.
pub(crate) fn properties(
    schema: &'static Value,
) -> Option<&'static serde_json::Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// Whether a value of this JSON type may stand there.
pub(crate) fn is_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// Where the source breaks a line says nothing to a reader of the schema; paragraphs stay.
fn join_lines(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "description" => {
                        let paragraphs: Vec<String> = text
                            .split("\n\n")
                            .map(|lines| lines.replace('\n', " "))
                            .collect();
                        *text = paragraphs.join("\n\n");
                    }
                    _ => join_lines(value),
                }
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(join_lines),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn collect(prefix: &str, schema: &'static Value, all: &mut Vec<Node>) {
    for (key, schema) in properties(schema).into_iter().flatten() {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        all.push(Node {
            path: path.clone(),
            schema,
        });
        collect(&path, schema, all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_deterministic_and_whole() {
        assert_eq!(schema_json(), schema_json());
        let text = schema_json();
        assert!(!text.contains("\"$ref\""), "everything in its place");
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }

    #[test]
    fn every_setting_is_documented_and_closed() {
        for Node { path, schema } in nodes() {
            assert!(
                schema["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{path} has no description"
            );
            match properties(schema) {
                Some(_) => assert_eq!(
                    schema["additionalProperties"], false,
                    "{path} takes anything"
                ),
                None => assert!(
                    !schema["type"].is_null() || schema.get("oneOf").is_some(),
                    "{path} has no type: {schema}"
                ),
            }
        }
    }

    #[test]
    fn numbers_have_units_and_ranges() {
        for Node { path, schema } in nodes()
            .into_iter()
            .filter(|node| is_type(node.schema, "integer"))
        {
            assert!(
                schema["minimum"].is_number() && schema["maximum"].is_number(),
                "{path} has no range"
            );
        }
    }

    #[test]
    fn finds_by_path() {
        assert!(at("broker.tls.ca_file").is_some());
        assert!(at("broker.nothing").is_none());
        assert!(at("zone.deeper").is_none());
    }
}
