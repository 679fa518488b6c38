//! Where the value of a parameter goes: `manifest.spec.template.spec.containers[0].env[1].value`. In Orca it is an assignment that
//! Groovy evaluates; here it is a path.

use gennaker_model::Map;
use serde_json::{Value, json};

/// Longest path, in steps.
const STEPS_MAX: usize = 64;

/// A parameter that has no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mapping {mapping:?} of parameter {parameter} {reason}")]
pub struct BadMapping {
    /// The parameter's name.
    pub(super) parameter: String,
    pub(super) mapping: String,
    pub(super) reason: String,
}

/// A path from a stage's fields.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place(Vec<Step>);

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Place {
    /// Reads a path: keys after dots, plain or in quotes, and in brackets, where numbers are places in lists.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('[') {
                Some(inner) => bracket(inner)?,
                None if steps.is_empty() => key(rest)?,
                None => key(rest.strip_prefix('.').ok_or("is no path")?)?,
            };
            steps.push(step);
            rest = after;
            if steps.len() > STEPS_MAX {
                return Err(format!("has more than {STEPS_MAX} steps"));
            }
        }
        match steps.first() {
            Some(Step::Key(first)) if first == "manifest" && steps.len() > 1 => Ok(Self(steps)),
            _ => Err("does not lead into the manifest: it must begin with `manifest.`".to_owned()),
        }
    }

    /// Writes a text there. Objects on the way are made; a list has what it has.
    pub(super) fn put(&self, fields: &mut Map, value: &str) -> Result<(), String> {
        let Some((Step::Key(first), steps)) = self.0.split_first() else {
            return Err("is no path".to_owned());
        };
        let mut at = fields.entry(first.as_str()).or_insert_with(|| json!({}));
        for step in steps {
            at = match (step, at) {
                (Step::Key(key), Value::Object(map)) => {
                    map.entry(key.as_str()).or_insert_with(|| json!({}))
                }
                (Step::Index(index), Value::Array(list)) => {
                    let length = list.len();
                    list.get_mut(*index)
                        .ok_or_else(|| format!("asks for element {index} of a list of {length}"))?
                }
                (Step::Key(key), _) => {
                    return Err(format!("asks for {key:?} of what is no object"));
                }
                (Step::Index(index), _) => {
                    return Err(format!("asks for element {index} of what is no list"));
                }
            };
        }
        *at = json!(value);
        Ok(())
    }
}

/// After a dot.
fn key(text: &str) -> Result<(Step, &str), String> {
    if text.starts_with(['\'', '"']) {
        return quoted(text);
    }
    let end = text.find(['.', '[', ']']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match !key.is_empty() && key.bytes().all(is_plain) {
        true => Ok((Step::Key(key.to_owned()), rest)),
        false => Err("is no path".to_owned()),
    }
}

/// After an opening bracket.
fn bracket(text: &str) -> Result<(Step, &str), String> {
    let (step, rest) = match text.starts_with(['\'', '"']) {
        true => quoted(text)?,
        false => {
            let end = text.find(']').ok_or("has a bracket that does not end")?;
            let (digits, rest) = text.split_at(end);
            let index = digits
                .trim()
                .parse()
                .map_err(|_| format!("has {digits:?} in brackets, which is no place in a list"))?;
            (Step::Index(index), rest)
        }
    };
    let rest = rest
        .strip_prefix(']')
        .ok_or("has a bracket that does not end")?;
    Ok((step, rest))
}

fn quoted(text: &str) -> Result<(Step, &str), String> {
    let unended = || "has a quote that does not end".to_owned();
    let quote = text.chars().next().ok_or_else(unended)?;
    let inner = text.get(1..).ok_or_else(unended)?;
    let (key, rest) = inner.split_once(quote).ok_or_else(unended)?;
    Ok((Step::Key(key.to_owned()), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(mapping: &str) -> Result<Value, String> {
        let mut fields = Map::new();
        fields.insert(
            "manifest".to_owned(),
            json!({"metadata": {"name": "x"}, "spec": {"containers": [{"image": "a"}, {"image": "b"}]}}),
        );
        Place::parse(mapping)?.put(&mut fields, "v")?;
        Ok(fields["manifest"].clone())
    }

    #[test]
    fn values_go_where_the_path_leads() {
        for (mapping, pointer) in [
            (
                "manifest.spec.containers[1].image",
                "/spec/containers/1/image",
            ),
            (
                "manifest.metadata.labels['a.b/c']",
                "/metadata/labels/a.b~1c",
            ),
            (
                "manifest.metadata.annotations.\"x.y\"",
                "/metadata/annotations/x.y",
            ),
            (
                "manifest['spec'].containers[ 0 ].new",
                "/spec/containers/0/new",
            ),
            ("manifest.spec.back-off", "/spec/back-off"),
        ] {
            let manifest = put(mapping).unwrap();
            assert_eq!(manifest.pointer(pointer), Some(&json!("v")), "{mapping}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_said() {
        for (mapping, said) in [
            ("", "must begin with `manifest.`"),
            ("manifest", "must begin with `manifest.`"),
            ("account", "must begin with `manifest.`"),
            ("manifest..a", "is no path"),
            ("manifest.a b", "is no path"),
            ("manifest.a]", "is no path"),
            (
                "manifest.spec.containers[2].image",
                "element 2 of a list of 2",
            ),
            ("manifest.spec[0]", "element 0 of what is no list"),
            ("manifest.metadata.name.x", "\"x\" of what is no object"),
            ("manifest.spec[x]", "no place in a list"),
            ("manifest.spec['x", "a quote that does not end"),
            ("manifest.spec[0", "a bracket that does not end"),
        ] {
            let problem = put(mapping).unwrap_err();
            assert!(problem.contains(said), "{mapping}: {problem}");
        }
        let deep = format!("manifest{}", ".a".repeat(100));
        assert!(put(&deep).unwrap_err().contains("more than 64 steps"));
    }
}
