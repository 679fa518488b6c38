//! The Patch (Manifest) stage: what is sent.

use serde_json::Value;

use crate::artifact::{Artifact, Available, ImageMatch, Target, Unbound, unbound};
use crate::{Coordinates, Map};

/// How a patch is merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStrategy {
    /// By the server's knowledge of the kind
    #[default]
    Strategic,
    /// RFC 6902, a list of operations
    Json,
    /// RFC 7396
    Merge,
}

/// A patch to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// How it is merged: the content type
    pub strategy: MergeStrategy,
    /// What is sent: a list for [`MergeStrategy::Json`], else an object
    pub body: Value,
    /// The artifacts that were put into it
    pub bound: Vec<Artifact>,
}

/// Why there is no patch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A strategy that does not exist.
    #[error("Unknown patch merge strategy `{0}`: it must be strategic, json or merge")]
    Strategy(String),
    /// Several bodies, for strategies that take one.
    #[error("Only one patch object is valid when patching with {0} patch strategies.")]
    Several(&'static str),
    /// No body.
    #[error(
        "The Patch (Manifest) stage requires a valid patch body. Please add a patch body inline or with an artifact."
    )]
    None,
    /// A body of the wrong shape.
    #[error("a patch of the strategy {strategy} must be {expected}")]
    Shape {
        /// The strategy
        strategy: &'static str,
        /// What it takes
        expected: &'static str,
    },
    /// A required artifact found no place.
    #[error(transparent)]
    Unbound(#[from] Unbound),
}

/// A request to patch one object.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What is patched; its namespace decides which artifacts fit
    pub target: Coordinates,
    /// The account
    pub account: &'a str,
    /// `options.mergeStrategy`
    pub strategy: MergeStrategy,
    /// `patchBody`: an object, or a list of them
    pub body: &'a Value,
    /// Artifacts that must find a place
    pub required: &'a [Artifact],
    /// Artifacts that may
    pub optional: &'a [Artifact],
    /// How images are compared
    pub images: ImageMatch,
}

impl MergeStrategy {
    /// Reads `options.mergeStrategy`; nothing is strategic.
    ///
    /// # Errors
    /// [`Error::Strategy`]
    pub fn from_options(options: Option<&Map>) -> Result<Self, Error> {
        match options.and_then(|options| options.get("mergeStrategy")) {
            None | Some(Value::Null) => Ok(Self::Strategic),
            Some(Value::String(text)) => match text.as_str() {
                "strategic" => Ok(Self::Strategic),
                "json" => Ok(Self::Json),
                "merge" => Ok(Self::Merge),
                other => Err(Error::Strategy(other.to_owned())),
            },
            Some(other) => Err(Error::Strategy(other.to_string())),
        }
    }

    /// Spinnaker's and kubectl's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strategic => "strategic",
            Self::Json => "json",
            Self::Merge => "merge",
        }
    }

    /// The content type of the request.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
        }
    }
}

/// The patch for a request (`PatchManifestTask`, `KubernetesPatchManifestOperation`). Artifacts are not put into RFC 6902 patches.
///
/// # Errors
/// [`Error`]
pub fn build(request: &Request<'_>) -> Result<Patch, Error> {
    let strategy = request.strategy;
    if strategy == MergeStrategy::Json {
        return Ok(Patch {
            strategy,
            body: operations(request.body)?.into(),
            bound: Vec::new(),
        });
    }
    let mut body = single(request.body, strategy)?.clone();
    let target = Target {
        namespace: &request.target.namespace,
        account: request.account,
    };
    let available = Available::new(request.required, request.optional);
    let bound = available
        .bind_within(&mut body, &request.target.kind, request.images, &target)
        .bound;
    unbound(request.required, &bound)?;
    Ok(Patch {
        strategy,
        body: body.into(),
        bound,
    })
}

/// What the operation reports as `manifests`: a stub, as Clouddriver's.
#[must_use]
pub fn stub(target: &Coordinates) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), target.name.as_str().into());
    metadata.insert("namespace".into(), target.namespace.as_str().into());
    let mut stub = Map::new();
    stub.insert("kind".into(), target.kind.to_string().into());
    stub.insert("metadata".into(), metadata.into());
    stub.into()
}

fn single(body: &Value, strategy: MergeStrategy) -> Result<&Map, Error> {
    let one = match body {
        Value::Array(bodies) => match bodies.as_slice() {
            [] => return Err(Error::None),
            [one] => one,
            _ => return Err(Error::Several(strategy.name())),
        },
        one => one,
    };
    match one {
        Value::Object(map) if !map.is_empty() => Ok(map),
        Value::Object(_) | Value::Null => Err(Error::None),
        _ => Err(Error::Shape {
            strategy: strategy.name(),
            expected: "an object",
        }),
    }
}

fn operations(body: &Value) -> Result<Vec<Value>, Error> {
    let list = match body {
        Value::Null => return Err(Error::None),
        Value::Array(list) if list.is_empty() => return Err(Error::None),
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let is_operation = |item: &Value| {
        let text = |key| item.get(key).and_then(Value::as_str);
        let known = ["add", "remove", "replace", "move", "copy", "test"];
        text("op").is_some_and(|op| known.contains(&op)) && text("path").is_some()
    };
    match list.iter().all(is_operation) {
        true => Ok(list),
        false => Err(Error::Shape {
            strategy: MergeStrategy::Json.name(),
            expected: "a list of operations `{\"op\", \"path\", \"value\"}`",
        }),
    }
}

#[cfg(test)]
mod tests;
