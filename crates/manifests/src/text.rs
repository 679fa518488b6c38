//! From what a pipeline says to manifests: YAML, JSON, lists, lists of lists.

mod yaml;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::manifest::Malformed;
use crate::{Coordinates, Manifest};

/// Largest text, in bytes.
pub const BYTES_MAX: usize = 16 << 20;
/// Most manifests in one text or one stage.
pub const MANIFESTS_MAX: usize = 10_000;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 100;
/// Most values in one text. Aliases count as what they stand for, values with an anchor twice, long texts once for every 16 bytes.
pub const VALUES_MAX: usize = 2_000_000;

/// Why a text gives no manifests.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// From 1
        line: usize,
        /// From 1, in characters
        column: usize,
        /// A sentence, with advice where there is some
        message: String,
    },
    /// A limit is exceeded.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large
        what: &'static str,
        /// How large it may be
        limit: usize,
    },
    /// A document is no manifest.
    #[error("document {document}: {source}")]
    Malformed {
        /// Its number, from 1
        document: usize,
        /// What is wrong with it
        source: Malformed,
    },
    /// Two documents are the same object: the second would overwrite the first.
    #[error("documents {first} and {second} are both {name}")]
    Twice {
        /// Its number, from 1
        first: usize,
        /// Its number, from 1
        second: usize,
        /// e.g. `deployment web in namespace shop`
        name: String,
    },
}

/// Reads YAML 1.1 or JSON of any number of documents, as SnakeYAML's safe constructor does: `0644` is 420, `yes` is true. Empty
/// documents are left out, lists of documents flattened (`ManifestEvaluator`). Of a key that is there twice the
/// last one counts. Dates and binary data stay text, what the server wants.
///
/// # Errors
/// [`Error::Syntax`] with the place, [`Error::TooLarge`].
pub fn parse(text: &str) -> Result<Vec<Value>, Error> {
    if text.len() > BYTES_MAX {
        let (what, limit) = ("the text", BYTES_MAX);
        return Err(Error::TooLarge { what, limit });
    }
    let mut values = Vec::new();
    for document in yaml::documents(text)? {
        flatten(document, &mut values)?;
    }
    Ok(values)
}

/// The manifests of a stage's `manifests`: lists in it are flattened, nulls left out, objects of the kind `List` replaced by their
/// items (`KubernetesDeployManifestConverter`). So are other kinds of lists, as `ConfigMapList`, which Clouddriver leaves to kubectl.
///
/// # Errors
/// [`Error::Malformed`], [`Error::TooLarge`]
pub fn manifests(values: &[Value]) -> Result<Vec<Manifest>, Error> {
    let mut flat = Vec::new();
    for value in values {
        flatten(value.clone(), &mut flat)?;
    }
    let mut manifests = Vec::new();
    for (index, value) in flat.into_iter().enumerate() {
        let malformed = |source| Error::Malformed {
            document: index + 1,
            source,
        };
        for item in items_of(value) {
            let manifest = Manifest::new(item).map_err(malformed)?;
            if manifest.name().is_empty() && manifest.generate_name().is_empty() {
                return Err(malformed(Malformed::Missing {
                    field: "metadata.name",
                    manifest: manifest.kind_as_written().to_owned(),
                }));
            }
            manifests.push(manifest);
        }
        check_count(manifests.len())?;
    }
    Ok(manifests)
}

/// Finds two manifests that are the same object: for checks before a pipeline is saved or run. Spinnaker applies the second over
/// the first.
///
/// # Errors
/// [`Error::Twice`]
pub fn check_unique(manifests: &[Manifest]) -> Result<(), Error> {
    let mut seen: BTreeMap<Coordinates, usize> = BTreeMap::new();
    let named = manifests
        .iter()
        .enumerate()
        .filter(|(_, manifest)| !manifest.has_generated_name());
    for (index, manifest) in named {
        if let Some(first) = seen.insert(Coordinates::of(manifest), index) {
            let name = match manifest.namespace() {
                "" => manifest.full_name().to_string(),
                namespace => format!("{} in namespace {namespace}", manifest.full_name()),
            };
            let (first, second) = (first + 1, index + 1);
            return Err(Error::Twice {
                first,
                second,
                name,
            });
        }
    }
    Ok(())
}

/// The items of a list, with the kind that the list's says, or the value itself.
fn items_of(value: Value) -> Vec<Value> {
    let kind = value
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let named = value
        .get("metadata")
        .is_some_and(|metadata| metadata.get("name").is_some());
    let of = match kind.eq_ignore_ascii_case("list") {
        true => "",
        false => match kind.strip_suffix("List") {
            Some(of) if !named && value.get("items").is_some_and(Value::is_array) => of,
            _ => return vec![value],
        },
    };
    let version = value.get("apiVersion").cloned().unwrap_or_default();
    let items = value
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let with_kind = |item: &Value| {
        let mut item = item.clone();
        if let (Value::Object(map), false) = (&mut item, of.is_empty()) {
            map.entry("kind").or_insert_with(|| of.into());
            map.entry("apiVersion").or_insert_with(|| version.clone());
        }
        item
    };
    items
        .filter(|item| !item.is_null())
        .map(with_kind)
        .collect()
}

fn flatten(value: Value, into: &mut Vec<Value>) -> Result<(), Error> {
    match value {
        Value::Null => {}
        // One level: a list in a list is no manifest, and is told so.
        Value::Array(items) => into.extend(items.into_iter().filter(|item| !item.is_null())),
        value => into.push(value),
    }
    check_count(into.len())
}

fn check_count(count: usize) -> Result<(), Error> {
    match count > MANIFESTS_MAX {
        true => Err(Error::TooLarge {
            what: "the number of manifests",
            limit: MANIFESTS_MAX,
        }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
