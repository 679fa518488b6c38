//! The example file: every setting with its documentation and default.

use serde_json::Value;

use crate::schema::{self, is_type};
use crate::sections::Settings;

/// A settings file in which everything stands at its default, explained. Settings without default are commented out.
/// The same bytes for the same version.
pub fn example_toml() -> String {
    let mut out = String::new();
    comment(
        &mut out,
        "Settings of Gennaker, all at their defaults: keep what you change.\n\n\
         Each can also be set by an environment variable, which wins over this file. That of `broker.tls.ca_file` is \
         GENNAKER_BROKER__TLS__CA_FILE; lists stand in it separated by commas. Unknown keys and variables are errors.",
    );
    out.push('\n');
    let defaults =
        serde_json::to_value(Settings::default()).expect("settings hold nothing that JSON cannot");
    section(&mut out, "", schema::schema(), &defaults);
    out
}

/// The longest line of a comment, in characters.
const COLUMNS_MAX: usize = 100;

fn section(out: &mut String, prefix: &str, schema: &'static Value, defaults: &Value) {
    let path_of = |key: &str| {
        if prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{prefix}.{key}")
        }
    };
    let members = schema::properties(schema).into_iter().flatten();
    // TOML takes keys after a section's head as that section's, so sections come last.
    let (sections, settings): (Vec<_>, Vec<_>) =
        members.partition(|(_, schema)| schema::properties(schema).is_some());
    for (key, schema) in settings {
        comment(out, &described(schema));
        if let Some(entry) = entries_of(schema) {
            out.push_str(&format!("# {key} = []\n\n"));
            commented_entry(out, &path_of(key), entry);
            continue;
        }
        match &defaults[key] {
            Value::Null => {
                out.push_str(&format!(
                    "# {key} = {}\n\n",
                    if is_type(schema, "string") {
                        "\"\""
                    } else {
                        "…"
                    }
                ));
            }
            value => out.push_str(&format!("{key} = {}\n\n", toml_of(value))),
        }
    }
    for (key, schema) in sections {
        let path = path_of(key);
        comment(out, schema["description"].as_str().unwrap_or_default());
        out.push_str(&format!("[{path}]\n\n"));
        section(out, &path, schema, &defaults[key]);
    }
    if prefix.is_empty() {
        // One line break at the end, not two.
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
}

/// What the entries of a list are like, if they are tables.
fn entries_of(schema: &'static Value) -> Option<&'static Value> {
    let entries = schema.get("items")?;
    schema::properties(entries).map(|_| entries)
}

/// One entry of a list of tables, with everything it can have, commented out as a whole.
fn commented_entry(out: &mut String, path: &str, entry: &'static Value) {
    let members = schema::properties(entry).into_iter().flatten();
    let (lists, settings): (Vec<_>, Vec<_>) =
        members.partition(|(_, schema)| entries_of(schema).is_some());
    out.push_str(&format!("# [[{path}]]\n\n"));
    for (key, schema) in settings {
        comment(out, &described(schema));
        out.push_str(&format!("# {key} = {}\n\n", placeholder(schema)));
    }
    for (key, schema) in lists {
        comment(out, &described(schema));
        if let Some(entry) = entries_of(schema) {
            commented_entry(out, &format!("{path}.{key}"), entry);
        }
    }
}

/// A value that stands for any of its type: the default, if there is one.
fn placeholder(schema: &Value) -> String {
    match &schema["default"] {
        Value::Null if is_type(schema, "boolean") => "false".to_owned(),
        Value::Null if is_type(schema, "integer") => "0".to_owned(),
        Value::Null if is_type(schema, "array") => "[]".to_owned(),
        Value::Null if is_type(schema, "object") => "{}".to_owned(),
        Value::Null => "\"\"".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        default => toml_of(default),
    }
}

/// The documentation, with the range of a number.
fn described(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Number(least), Value::Number(most)) => format!("{text} From {least} to {most}."),
        _ => text.to_owned(),
    }
}

/// A value as TOML writes it; JSON's arrays of strings, numbers and booleans are the same.
fn toml_of(value: &Value) -> String {
    match value {
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(toml_of).collect();
            format!("[{}]", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Paragraphs, broken anew into lines.
fn comment(out: &mut String, text: &str) {
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            out.push_str("#\n");
        }
        let mut columns = 0;
        for word in paragraph.split_whitespace() {
            let width = word.chars().count() + 1;
            if columns == 0 || columns + width > COLUMNS_MAX {
                out.push_str(if columns == 0 { "#" } else { "\n#" });
                columns = 1;
            }
            out.push(' ');
            out.push_str(word);
            columns += width;
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{File, load, variable_of};
    use crate::schema::nodes;

    #[test]
    fn parses_and_equals_the_defaults() {
        let text = example_toml();
        let loaded = load(
            Some(File {
                name: "example",
                text: &text,
            }),
            Vec::new(),
        )
        .unwrap();
        assert_eq!(loaded, Settings::default());
        assert_eq!(text, example_toml(), "the same bytes again");
    }

    #[test]
    fn shows_every_setting_and_fits_the_page() {
        let text = example_toml();
        for node in nodes() {
            let key = node.path.rsplit('.').next().unwrap();
            let head = match schema::properties(node.schema) {
                Some(_) => format!("\n[{}]\n", node.path),
                None => format!("\n{key} = "),
            };
            let optional = format!("\n# {key} = ");
            assert!(
                text.contains(&head) || text.contains(&optional),
                "{} is missing",
                node.path
            );
        }
        for line in text.lines().filter(|line| line.starts_with('#')) {
            assert!(line.chars().count() <= COLUMNS_MAX, "{line}");
        }
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    }

    #[test]
    fn optional_settings_can_be_uncommented() {
        // Each alone: together some contradict each other.
        for node in nodes().iter().filter(|node| is_type(node.schema, "null")) {
            let loaded = load(None, vec![(variable_of(&node.path), "x".to_owned())]);
            let unknown = loaded
                .as_ref()
                .is_err_and(|error| error.to_string().contains("no setting"));
            assert!(!unknown, "{loaded:?}");
        }
    }
}
