//! Artifacts: what they are, which of them an expected artifact means (orchestration reference 8.5 to 8.7).
//!
//! The rules are the same for what a trigger brings, what a stage produces and what a parent pipeline hands on, so they stand
//! here, below all three. Source: kork `Artifact`, `ExpectedArtifact`; orca `ArtifactResolver`, `ArtifactUtils`.

mod bound;
mod matching;
mod resolve;

pub use bound::bound;
pub use matching::{BadPattern, Matcher};
pub use resolve::{Resolved, Unresolved, resolve};

use gennaker_engine::graph;
use gennaker_model::{Execution, Map, Stage};
use serde_json::{Value, json};

use crate::java;

/// Text fields of an artifact, in the order in which Orca writes them.
const TEXTS: [&str; 8] = [
    "type",
    "name",
    "version",
    "location",
    "reference",
    "artifactAccount",
    "provenance",
    "uuid",
];

/// An artifact in the form in which Orca keeps it: known fields, and everything else folded into `metadata`.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact(Map);

/// An expected artifact of a pipeline or a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// What stages refer to it by; empty when it has none.
    pub id: String,
    /// What it must look like.
    pub pattern: Artifact,
    /// Whether an earlier execution's artifact will do.
    pub use_prior: bool,
    /// Whether [`Self::default`] will do.
    pub use_default: bool,
    /// The artifact that is taken when no other is found.
    pub default: Option<Artifact>,
}

/// A value that is no artifact, or no expected artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} must be {wanted}")]
pub struct Malformed {
    path: String,
    wanted: String,
}

/// Most artifacts, and most expected artifacts, in one list: each may have to be compared with each.
pub const LIST_MAX: usize = 500;

impl Artifact {
    /// Reads one, wherever `path` says it stands. Numbers and booleans are taken as text, as Jackson does.
    ///
    /// # Errors
    /// [`Malformed`]: it is no object, or a field is a list or an object that must be text.
    pub fn read(value: &Value, path: &str) -> Result<Self, Malformed> {
        let Value::Object(given) = value else {
            return Err(malformed(path, "an object"));
        };
        let mut metadata = match given.get("metadata") {
            Some(Value::Object(metadata)) => metadata.clone(),
            None | Some(Value::Null) => Map::new(),
            Some(_) => return Err(malformed(&format!("{path}.metadata"), "an object")),
        };
        let mut read = Map::new();
        for (key, value) in given {
            match key.as_str() {
                "metadata" | "kind" => {}
                "customKind" => {
                    let set = match value {
                        Value::Bool(set) => *set,
                        Value::String(text) => text.eq_ignore_ascii_case("true"),
                        _ => false,
                    };
                    read.insert(key.clone(), json!(set));
                }
                text if TEXTS.contains(&text) => match value {
                    Value::Null => {}
                    Value::String(_) => {
                        read.insert(key.clone(), value.clone());
                    }
                    Value::Bool(_) | Value::Number(_) => {
                        read.insert(key.clone(), json!(value.to_string()));
                    }
                    Value::Array(_) | Value::Object(_) => {
                        return Err(malformed(&format!("{path}.{key}"), "text"));
                    }
                },
                _ => {
                    metadata.insert(key.clone(), value.clone());
                }
            }
        }
        let mut ordered = Map::new();
        for key in &TEXTS[..1] {
            take(&mut read, key, &mut ordered);
        }
        let custom = read
            .shift_remove("customKind")
            .unwrap_or(Value::Bool(false));
        ordered.insert("customKind".to_owned(), custom);
        for key in &TEXTS[1..5] {
            take(&mut read, key, &mut ordered);
        }
        ordered.insert("metadata".to_owned(), Value::Object(metadata));
        for key in &TEXTS[5..] {
            take(&mut read, key, &mut ordered);
        }
        Ok(Self(ordered))
    }

    /// A text field, if it is there.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }

    /// As it stands in documents.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// Java's `toString`, as error messages show it.
    fn shown(&self) -> String {
        let of = |field: &str| self.0.get(field).map_or("null".to_owned(), java::text_of);
        let fields = [
            "type",
            "customKind",
            "name",
            "version",
            "location",
            "reference",
            "metadata",
            "artifactAccount",
            "provenance",
            "uuid",
        ];
        let fields = fields.map(|field| format!("{field}={}", of(field)));
        format!("Artifact({})", fields.join(", "))
    }
}

impl Expected {
    /// Reads one, wherever `path` says it stands.
    ///
    /// # Errors
    /// [`Malformed`], as [`Artifact::read`].
    pub fn read(value: &Value, path: &str) -> Result<Self, Malformed> {
        let Value::Object(given) = value else {
            return Err(malformed(path, "an object"));
        };
        let artifact = |key: &str| match given.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => Artifact::read(value, &format!("{path}.{key}")).map(Some),
        };
        let flag = |key: &str| crate::read::boolean(given, key) == Some(true);
        let pattern = match artifact("matchArtifact")? {
            Some(pattern) => pattern,
            None => Artifact::read(&json!({}), path)?,
        };
        Ok(Self {
            id: match given.get("id") {
                Some(Value::String(id)) => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                _ => String::new(),
            },
            pattern,
            use_prior: flag("usePriorArtifact"),
            use_default: flag("useDefaultArtifact"),
            default: artifact("defaultArtifact")?,
        })
    }

    /// As it stands in `resolvedExpectedArtifacts` once it is bound.
    #[must_use]
    pub fn bound_to(&self, artifact: &Artifact) -> Value {
        let mut bound = Map::new();
        bound.insert("matchArtifact".to_owned(), self.pattern.to_value());
        bound.insert("usePriorArtifact".to_owned(), json!(self.use_prior));
        bound.insert("useDefaultArtifact".to_owned(), json!(self.use_default));
        if let Some(default) = &self.default {
            bound.insert("defaultArtifact".to_owned(), default.to_value());
        }
        bound.insert("id".to_owned(), json!(self.id));
        bound.insert("boundArtifact".to_owned(), artifact.to_value());
        Value::Object(bound)
    }

    fn shown(&self) -> String {
        format!(
            "ExpectedArtifact(matchArtifact={}, usePriorArtifact={}, useDefaultArtifact={}, defaultArtifact={}, id={}, \
             boundArtifact=null)",
            self.pattern.shown(),
            self.use_prior,
            self.use_default,
            self.default
                .as_ref()
                .map_or_else(|| "null".to_owned(), Artifact::shown),
            self.id
        )
    }
}

/// Reads a list of artifacts; null and a missing key are an empty list.
///
/// # Errors
/// [`Malformed`], as [`Artifact::read`].
pub fn read_all(value: Option<&Value>, path: &str) -> Result<Vec<Artifact>, Malformed> {
    list(value, path, Artifact::read)
}

/// Reads a list of expected artifacts; null and a missing key are an empty list.
///
/// # Errors
/// [`Malformed`], as [`Expected::read`].
pub fn read_expected(value: Option<&Value>, path: &str) -> Result<Vec<Expected>, Malformed> {
    list(value, path, Expected::read)
}

/// All artifacts that a stage can see: those in its own context, then what it and its ancestors have put out, nearest first,
/// then the trigger's. What is no artifact is left out, and what is beyond the first [`LIST_MAX`].
///
/// Source: orca `ArtifactUtils.getArtifacts`, `StageContext.getAll`.
#[must_use]
pub fn visible(execution: &Execution, stage: &Stage, context: &Map) -> Vec<Artifact> {
    let own = context.get("artifacts").into_iter();
    let ancestors = graph::ancestors(execution, stage);
    let emitted = ancestors
        .iter()
        .filter_map(|ancestor| ancestor.outputs.get("artifacts"));
    own.chain(emitted)
        .chain(execution.trigger.get("artifacts"))
        .filter_map(Value::as_array)
        .flatten()
        .take(LIST_MAX)
        .filter_map(|artifact| Artifact::read(artifact, "artifacts").ok())
        .collect()
}

/// All artifacts of an execution, each once: what the stages of its pipeline have put out, the latest first, then the trigger's.
///
/// Source: orca `ArtifactUtils.getAllArtifacts`.
#[must_use]
pub fn of_execution(execution: &Execution) -> Vec<Artifact> {
    of_stages(execution, |_| true)
}

/// The same of those stages only for which `is_one` holds.
///
/// Source: orca `ArtifactUtils.getArtifactsForPipelineIdWithoutStageRef`.
#[must_use]
pub fn of_stages(execution: &Execution, is_one: impl Fn(&Stage) -> bool) -> Vec<Artifact> {
    let stages =
        graph::topological(execution).unwrap_or_else(|_| execution.top_level_stages().collect());
    let emitted: Vec<&Value> = stages
        .into_iter()
        .filter(|stage| is_one(stage))
        .filter_map(|stage| stage.outputs.get("artifacts")?.as_array())
        .flatten()
        .collect();
    let received = execution.trigger.get("artifacts").and_then(Value::as_array);
    let mut found: Vec<Artifact> = Vec::new();
    let all = emitted
        .into_iter()
        .rev()
        .chain(received.into_iter().flatten())
        .take(LIST_MAX)
        .filter_map(|artifact| Artifact::read(artifact, "artifacts").ok());
    for artifact in all {
        if !found.contains(&artifact) {
            found.push(artifact);
        }
    }
    found
}

fn list<T>(
    value: Option<&Value>,
    path: &str,
    read: impl Fn(&Value, &str) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() > LIST_MAX => Err(malformed(
            path,
            &format!("a list of at most {LIST_MAX} elements"),
        )),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .map(|(place, item)| read(item, &format!("{path}[{place}]")))
            .collect(),
        Some(_) => Err(malformed(path, "a list")),
    }
}

fn excerpt(text: String, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn take(from: &mut Map, key: &str, to: &mut Map) {
    if let Some(value) = from.shift_remove(key) {
        to.insert(key.to_owned(), value);
    }
}

fn malformed(path: &str, wanted: &str) -> Malformed {
    Malformed {
        path: path.to_owned(),
        wanted: wanted.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_become_metadata_and_kind_goes() {
        let given = json!({"kind": "x", "reference": "r:1", "id": "legacy", "type": "docker/image", "version": 7, "name": null,
            "metadata": {"a": 1}});
        let read = Artifact::read(&given, "a").unwrap();
        let expected = json!({"type": "docker/image", "customKind": false, "version": "7", "reference": "r:1",
            "metadata": {"a": 1, "id": "legacy"}});
        assert_eq!(read.to_value().to_string(), expected.to_string());
        assert_eq!(
            Artifact::read(&read.to_value(), "a").unwrap(),
            read,
            "the form is stable"
        );
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let error = |value: Value| {
            Artifact::read(&value, "artifacts[2]")
                .unwrap_err()
                .to_string()
        };
        assert_eq!(error(json!(7)), "artifacts[2] must be an object");
        assert_eq!(error(json!({"name": []})), "artifacts[2].name must be text");
        let list = read_expected(Some(&json!([{"matchArtifact": 7}])), "expectedArtifacts");
        assert_eq!(
            list.unwrap_err().to_string(),
            "expectedArtifacts[0].matchArtifact must be an object"
        );
        assert_eq!(read_all(Some(&Value::Null), "x"), Ok(Vec::new()));
        assert!(read_all(Some(&json!({})), "x").is_err());
    }

    #[test]
    fn a_bound_artifact_stands_beside_what_was_expected() {
        let expected = json!({"id": "e", "displayName": "d", "useDefaultArtifact": "true", "matchArtifact": {"name": "a"}});
        let expected = Expected::read(&expected, "e").unwrap();
        let artifact = Artifact::read(&json!({"name": "a"}), "a").unwrap();
        let plain = json!({"customKind": false, "name": "a", "metadata": {}});
        assert_eq!(
            expected.bound_to(&artifact),
            json!({"matchArtifact": plain, "usePriorArtifact": false, "useDefaultArtifact": true, "id": "e", "boundArtifact": plain})
        );
    }
}
