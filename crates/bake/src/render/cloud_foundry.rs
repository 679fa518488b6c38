//! Manifests of Cloud Foundry: `((key))` in a template becomes the value of a variable (Rosco:
//! `CloudFoundryBakeManifestService`). No program runs.

use std::collections::{BTreeMap, BTreeSet};

use gennaker_model::Map;
use serde::de::Deserialize as _;
use serde_norway::{Mapping, Value};

use crate::{Error, Request};

/// How deep a template may be nested.
const DEPTH_MAX: usize = 100;

/// What a template is filled with.
struct Filling<'a> {
    /// Variables by their paths.
    known: &'a BTreeMap<String, Value>,
    /// Placeholders without a variable.
    missing: BTreeSet<String>,
    /// How many bytes may still be put in: a small template may name a large variable often.
    bytes_left: usize,
}

/// Bakes; at most `bytes_max` bytes of variables are put in.
pub(crate) fn bake(request: &Request, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let [template, variables @ ..] = request.inputs.as_slice() else {
        return Err(Error::Request(
            "At least one input artifact to bake must be supplied".to_owned(),
        ));
    };
    let mut known = BTreeMap::new();
    for (place, file) in variables.iter().enumerate() {
        let wrong = |why: &str| {
            Error::Request(format!(
                "input artifact {} has no variables: {why}",
                place + 2
            ))
        };
        let read: Value =
            serde_norway::from_slice(&file.content).map_err(|error| wrong(&error.to_string()))?;
        match read {
            Value::Mapping(map) => flatten("", &map, &mut known, 0)?,
            Value::Null => {}
            _ => return Err(wrong("it must be a YAML mapping")),
        }
    }
    for overrides in [&request.values, &request.overrides] {
        flatten("", &as_mapping(overrides)?, &mut known, 0)?;
    }
    let mut filling = Filling {
        known: &known,
        missing: BTreeSet::new(),
        bytes_left: bytes_max,
    };
    let mut baked = String::new();
    for document in serde_norway::Deserializer::from_slice(&template.content) {
        let document = Value::deserialize(document);
        let document = document.map_err(|error| {
            Error::Request(format!("the manifest template is no YAML: {error}"))
        })?;
        let filled = filling.fill(document, 0)?;
        if !baked.is_empty() {
            baked.push_str("---\n");
        }
        let text = serde_norway::to_string(&filled);
        baked.push_str(&text.map_err(|error| Error::Failed(error.to_string()))?);
    }
    if !filling.missing.is_empty() {
        let keys: Vec<String> = filling.missing.into_iter().collect();
        return Err(Error::Request(format!(
            "Unable to resolve values for the following keys: \n{}",
            keys.join("\n ")
        )));
    }
    Ok(baked.into_bytes())
}

/// Variables by their paths: what is nested has a name with dots as well.
fn flatten(
    above: &str,
    map: &Mapping,
    known: &mut BTreeMap<String, Value>,
    depth: usize,
) -> Result<(), Error> {
    deep(depth)?;
    for (key, value) in map {
        let key = match key {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(one) => one.to_string(),
            _ => continue,
        };
        let path = if above.is_empty() {
            key
        } else {
            format!("{above}.{key}")
        };
        if let Value::Mapping(inner) = value {
            flatten(&path, inner, known, depth + 1)?;
        }
        known.insert(path, value.clone());
    }
    Ok(())
}

impl Filling<'_> {
    fn fill(&mut self, value: Value, depth: usize) -> Result<Value, Error> {
        deep(depth)?;
        Ok(match value {
            Value::String(text) => self.fill_text(text)?,
            Value::Sequence(items) => {
                let items = items.into_iter().map(|item| self.fill(item, depth + 1));
                Value::Sequence(items.collect::<Result<_, _>>()?)
            }
            Value::Mapping(map) => {
                let mut filled = Mapping::new();
                for (key, value) in map {
                    let key = self.fill(key, depth + 1)?;
                    filled.insert(key, self.fill(value, depth + 1)?);
                }
                Value::Mapping(filled)
            }
            other => other,
        })
    }

    /// A text that is nothing but a placeholder becomes the value, whatever that is; in other texts it becomes text.
    fn fill_text(&mut self, text: String) -> Result<Value, Error> {
        let mut filled = String::new();
        let mut rest = text.as_str();
        while let Some((before, key, after)) = placeholder(rest) {
            let value = self.known.get(key);
            filled.push_str(before);
            match value {
                Some(value) => {
                    let shown = serde_norway::to_string(value)
                        .map_err(|error| Error::Failed(error.to_string()))?;
                    let left = self.bytes_left.checked_sub(shown.len());
                    self.bytes_left = left.ok_or_else(|| {
                        Error::Failed("the variables in the manifest have more bytes than bake.output_bytes_max".to_owned())
                    })?;
                    if filled.is_empty() && after.is_empty() {
                        return Ok(value.clone());
                    }
                    match value {
                        Value::String(text) => filled.push_str(text),
                        Value::Null => {}
                        _ => filled.push_str(shown.trim_end()),
                    }
                }
                None => {
                    self.missing.insert(key.to_owned());
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(Value::String(filled))
    }
}

/// What stands before a placeholder, its key, and what stands behind.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find("((")?;
        let inner = &text[open + 2..];
        let end = inner.find("))")?;
        let key = inner[..end].trim();
        let is_key = !key.is_empty()
            && key
                .chars()
                .all(|one| one.is_alphanumeric() || matches!(one, '-' | '_' | '.' | '/'));
        if is_key {
            return Some((&text[..open], key, &inner[end + 2..]));
        }
        from = open + 1;
    }
}

fn as_mapping(map: &Map) -> Result<Mapping, Error> {
    let value = serde_norway::to_value(map).map_err(|error| Error::Request(error.to_string()))?;
    match value {
        Value::Mapping(map) => Ok(map),
        _ => Ok(Mapping::new()),
    }
}

fn deep(depth: usize) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::Request(format!(
            "the template or its variables are nested deeper than {DEPTH_MAX}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, Renderer};

    fn baked(template: &str, variables: &[&str]) -> Result<String, String> {
        let inputs = std::iter::once(&template).chain(variables);
        let inputs = inputs.map(|text| Input {
            content: text.as_bytes().to_vec(),
            ..Input::default()
        });
        let request = Request::new(Renderer::CloudFoundry, inputs.collect());
        bake(&request, 10_000)
            .map(|baked| String::from_utf8(baked).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn placeholders_become_values() {
        let template = "applications:\n- name: ((name))-web\n  instances: ((count))\n  routes: ((routes))\n  memory: ((size.memory))\n  \
            note: a ((b c)) (( d\n";
        let variables = [
            "name: old\ncount: 3\nsize: {memory: 1G}\n",
            "name: shop\nroutes:\n- route: a.io\n",
        ];
        assert_eq!(
            baked(template, &variables).unwrap(),
            "applications:\n- name: shop-web\n  instances: 3\n  routes:\n  - route: a.io\n  memory: 1G\n  note: a ((b c)) (( d\n"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = baked("a: ((x))\nb: ((y.z)) ((x))\n", &["c: 1"]).unwrap_err();
        assert_eq!(
            error,
            "Unable to resolve values for the following keys: \nx\n y.z"
        );
        assert!(
            baked("a: b", &["- list"])
                .unwrap_err()
                .contains("input artifact 2 has no variables")
        );
        assert!(baked("a: [", &[]).unwrap_err().contains("is no YAML"));
        let large = format!("a: {}", "x".repeat(4_000));
        assert!(
            baked("- ((a))\n- ((a))\n- ((a))\n", &[&large])
                .unwrap_err()
                .contains("have more bytes")
        );
        let deep = format!("{}x{}", "[".repeat(120), "]".repeat(120));
        assert!(baked(&deep, &[]).is_err());
    }
}
