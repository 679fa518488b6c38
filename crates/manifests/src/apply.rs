//! `kubectl apply`, client side: a patch out of what was applied last, what is to be applied, and what lives.
//!
//! What the manifest does not name stays as it lives (`spec.replicas` of an autoscaler, labels of a controller); what it named last time
//! and names no more goes. Built-in types are merged by the rules of their lists (`patchMergeKey`), custom resources by RFC 7396.
//! `docs/adr/0011-how-manifests-are-applied.md` says why.

mod items;
mod merge;
mod schema;
#[cfg(test)]
pub(crate) mod tests;
mod three_way;

use serde_json::Value;

use crate::patch::MergeStrategy;
use crate::{Manifest, Map, annotations};
use schema::{Rule, Schema};
use three_way::Path;

/// What all annotations of an object may have together; the server's limit.
const ANNOTATIONS_BYTES_MAX: usize = 262_144;

const DIRECTIVE: &str = "$patch";
const DELETE: &str = "delete";
const REPLACE: &str = "replace";
const RETAIN_KEYS: &str = "$retainKeys";
const ORDER_PREFIX: &str = "$setElementOrder/";
const DELETE_PREFIX: &str = "$deleteFromPrimitiveList/";

/// A patch that makes the live object what the manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// How the server merges it
    pub strategy: MergeStrategy,
    /// What is sent
    pub body: Value,
}

/// Why there is no patch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// An item of a list that is merged by a key has no such key.
    #[error("{path}: map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// Where the list is
        path: String,
        /// The item
        item: String,
        /// The key
        key: &'static str,
    },
    /// A list that is merged item by item holds values of several types, or the same field has several types.
    #[error("{path}: {message}")]
    Type {
        /// Where
        path: String,
        /// What is wrong
        message: &'static str,
    },
    /// The annotations do not fit, as the server would say, too.
    #[error(
        "metadata.annotations: Too long: may not be more than {ANNOTATIONS_BYTES_MAX} bytes, and what was applied is kept in one of them: annotate the manifest with strategy.spinnaker.io/replace or strategy.spinnaker.io/server-side-apply"
    )]
    TooLarge,
    /// The annotation cannot be read as JSON.
    #[error("the annotation of what was applied last is no JSON")]
    LastApplied,
}

/// A manifest with the annotation that says what was applied: what is created, and what [`patch`] takes as `modified`. The
/// annotation holds the manifest without itself, as JSON with a line end, members in the order of their names, as kubectl writes it.
/// Members that are null are left out of both, as Clouddriver's JSON writer does.
#[must_use]
pub fn with_last_applied(manifest: &Manifest) -> Manifest {
    let mut modified = without_nulls(manifest);
    // kubectl writes an empty map where there was none, too.
    modified
        .annotations_mut()
        .shift_remove(annotations::LAST_APPLIED);
    let mut text = sorted(&Value::Object(modified.as_map().clone())).to_string();
    text.push('\n');
    modified
        .annotations_mut()
        .insert(annotations::LAST_APPLIED.into(), text.into());
    modified
}

/// What was applied last, of a live object.
///
/// # Errors
/// [`Error::LastApplied`]
pub fn last_applied(live: &Manifest) -> Result<Option<Value>, Error> {
    let Some(text) = live
        .annotation(annotations::LAST_APPLIED)
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|_| Error::LastApplied)
}

/// A manifest as it is sent: members of objects that are null are left out, as Clouddriver's JSON writer does.
#[must_use]
pub fn without_nulls(manifest: &Manifest) -> Manifest {
    let mut manifest = manifest.clone();
    drop_nulls(manifest.as_map_mut());
    manifest
}

/// The patch from a live object to a manifest that [`with_last_applied`] made; none when nothing is to be changed.
///
/// # Errors
/// [`Error`]
pub fn patch(live: &Manifest, modified: &Manifest) -> Result<Option<Patch>, Error> {
    let annotations = modified.annotations().into_iter().flatten();
    let bytes = annotations.map(|(key, value)| key.len() + value.as_str().map_or(0, str::len));
    if bytes.sum::<usize>() > ANNOTATIONS_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    let original = match last_applied(live)? {
        Some(Value::Object(original)) => Some(original),
        _ => None,
    };
    let (modified_map, live_map) = (modified.as_map(), live.as_map());
    let (strategy, body) = match Schema::of(modified.kind_as_written(), modified.api_version()) {
        Some(schema) => {
            let of_root = (Rule::Descend, schema);
            let body = three_way::strategic(
                original.as_ref(),
                modified_map,
                live_map,
                of_root,
                &Path::ROOT,
            )?;
            (MergeStrategy::Strategic, body)
        }
        None => (
            MergeStrategy::Merge,
            three_way::merge(original.as_ref(), modified_map, live_map),
        ),
    };
    let body = identified(body);
    Ok((!body.is_empty()).then(|| Patch {
        strategy,
        body: body.into(),
    }))
}

/// What the server makes of a patch: for previews and tests.
///
/// # Errors
/// [`Error`]
pub fn patched(live: &Manifest, patch: &Patch) -> Result<Manifest, Error> {
    let mut result = live.clone();
    let Value::Object(body) = &patch.body else {
        return Ok(result);
    };
    match (
        patch.strategy,
        Schema::of(live.kind_as_written(), live.api_version()),
    ) {
        (MergeStrategy::Strategic, Some(schema)) => {
            merge::map(result.as_map_mut(), body, schema, &Path::ROOT)?
        }
        (MergeStrategy::Strategic | MergeStrategy::Merge | MergeStrategy::Json, _) => {
            merge::plain(result.as_map_mut(), body);
        }
    }
    Ok(result)
}

/// An object cannot become another kind, and a live one may be shown in another version of the API than it was written in: `kind` and
/// `apiVersion` are the request's, not the patch's.
fn identified(mut body: Map) -> Map {
    body.shift_remove("kind");
    body.shift_remove("apiVersion");
    body
}

fn drop_nulls(map: &mut Map) {
    map.retain(|_, value| !value.is_null());
    map.values_mut().for_each(drop_nulls_within);
}

fn drop_nulls_within(value: &mut Value) {
    match value {
        Value::Object(map) => drop_nulls(map),
        Value::Array(items) => items.iter_mut().for_each(drop_nulls_within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A value whose objects have their members in the order of their names, as Go writes them.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut members: Vec<(&String, &Value)> = map.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            members
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
