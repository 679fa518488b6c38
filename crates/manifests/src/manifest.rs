//! One Kubernetes object as JSON, with the questions that everybody asks it.

use serde::Serialize;
use serde_json::Value;

use crate::{FullName, Kind, Map};

/// A Kubernetes object: an object of JSON that has a `kind`, an `apiVersion` and a `metadata`.
///
/// Source: clouddriver `KubernetesManifest`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Manifest(Map);

/// What a manifest lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is a string, a number, …
    #[error("a manifest must be an object, this is {0}")]
    NotAnObject(&'static str),
    /// A field that every object needs is missing, or no text.
    #[error("malformed manifest{}: no field `{field}`", of(.manifest))]
    Missing {
        /// `kind`, `apiVersion` or `metadata`
        field: &'static str,
        /// What is known of the manifest, perhaps nothing
        manifest: String,
    },
    /// A field has another type than Kubernetes wants.
    #[error("malformed manifest{}: `{field}` must be {expected}", of(.manifest))]
    Type {
        /// Its path
        field: String,
        /// `a string`, …
        expected: &'static str,
        /// What is known of the manifest, perhaps nothing
        manifest: String,
    },
}

fn of(manifest: &str) -> String {
    match manifest {
        "" => String::new(),
        known => format!(" ({known})"),
    }
}

impl Manifest {
    /// Checks the fields that every object has.
    ///
    /// # Errors
    /// [`Malformed`], which names the field.
    pub fn new(value: Value) -> Result<Self, Malformed> {
        let value = match value {
            Value::Object(map) => map,
            other => return Err(Malformed::NotAnObject(type_of(&other))),
        };
        let known = || {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
            let name = text(value.get("metadata").and_then(|meta| meta.get("name")));
            let parts: Vec<String> = text(value.get("kind")).into_iter().chain(name).collect();
            parts.join(" ")
        };
        for field in ["kind", "apiVersion"] {
            match value.get(field) {
                Some(Value::String(text)) if !text.is_empty() => {}
                None | Some(Value::Null | Value::String(_)) => {
                    let manifest = known();
                    return Err(Malformed::Missing { field, manifest });
                }
                Some(_) => return Err(wrong(field, "a string", known())),
            }
        }
        let metadata = match value.get("metadata") {
            Some(Value::Object(metadata)) => metadata,
            None | Some(Value::Null) => {
                let (field, manifest) = ("metadata", known());
                return Err(Malformed::Missing { field, manifest });
            }
            Some(_) => return Err(wrong("metadata", "an object", known())),
        };
        for field in ["name", "generateName", "namespace"] {
            match metadata.get(field) {
                None | Some(Value::Null | Value::String(_)) => {}
                Some(_) => return Err(wrong(&format!("metadata.{field}"), "a string", known())),
            }
        }
        for field in ["labels", "annotations"] {
            match metadata.get(field) {
                None | Some(Value::Null | Value::Object(_)) => {}
                Some(_) => return Err(wrong(&format!("metadata.{field}"), "an object", known())),
            }
        }
        Ok(Self(value))
    }

    /// The object.
    #[must_use]
    pub fn as_map(&self) -> &Map {
        &self.0
    }

    /// The object, to be changed. Whoever takes `kind`, `apiVersion` or `metadata` away gets empty answers, no panic.
    pub fn as_map_mut(&mut self) -> &mut Map {
        &mut self.0
    }

    /// The object as a value.
    #[must_use]
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.0.get(*first)?, |value, key| value.get(*key))
    }

    /// `kind` and the group of `apiVersion`.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of(self.text(&["kind"]), self.api_version())
    }

    /// `kind` as it is written.
    #[must_use]
    pub fn kind_as_written(&self) -> &str {
        self.text(&["kind"])
    }

    /// `apiVersion`, e.g. `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }

    /// `metadata.name`; empty when there is none (`generateName`).
    #[must_use]
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// `metadata.generateName`; empty when there is none.
    #[must_use]
    pub fn generate_name(&self) -> &str {
        self.text(&["metadata", "generateName"])
    }

    /// There is no name, but a beginning of one: the object can only be created.
    #[must_use]
    pub fn has_generated_name(&self) -> bool {
        self.name().is_empty() && !self.generate_name().is_empty()
    }

    /// `metadata.namespace`; empty when there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    /// `"<kind> <name>"`, with `generateName` when there is no name.
    #[must_use]
    pub fn full_name(&self) -> FullName {
        let name = match self.has_generated_name() {
            true => self.generate_name(),
            false => self.name(),
        };
        FullName::new(self.kind(), name)
    }

    /// `metadata.uid`; empty when there is none.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.text(&["metadata", "uid"])
    }

    /// `metadata.creationTimestamp` in milliseconds since 1970.
    #[must_use]
    pub fn created_ms(&self) -> Option<i64> {
        time_ms(self.at(&["metadata", "creationTimestamp"])?.as_str()?)
    }

    /// An annotation's text.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.at(&["metadata", "annotations", key])?.as_str()
    }

    /// `metadata.labels`; nothing when there are none.
    #[must_use]
    pub fn labels(&self) -> Option<&Map> {
        self.at(&["metadata", "labels"])?.as_object()
    }

    /// `metadata.annotations`; nothing when there are none.
    #[must_use]
    pub fn annotations(&self) -> Option<&Map> {
        self.at(&["metadata", "annotations"])?.as_object()
    }

    /// `spec.replicas`, when it is a whole number.
    #[must_use]
    pub fn replicas(&self) -> Option<i64> {
        self.at(&["spec", "replicas"])?.as_i64()
    }

    /// `metadata.ownerReferences` as pairs of kind and name.
    #[must_use]
    pub fn owners(&self) -> Vec<FullName> {
        let owners = self.at(&["metadata", "ownerReferences"]);
        let owners = owners.and_then(Value::as_array).map(Vec::as_slice);
        let text = |owner: &Value, key| {
            owner
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        owners
            .unwrap_or_default()
            .iter()
            .map(|owner| {
                let kind = Kind::of(&text(owner, "kind"), &text(owner, "apiVersion"));
                FullName::new(kind, &text(owner, "name"))
            })
            .collect()
    }

    /// Sets `metadata.name`.
    pub fn set_name(&mut self, name: &str) {
        self.metadata_mut().insert("name".into(), name.into());
    }

    /// Sets `metadata.namespace`.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.metadata_mut()
            .insert("namespace".into(), namespace.into());
    }

    /// Sets `spec.replicas`.
    pub fn set_replicas(&mut self, replicas: i64) {
        object(&mut self.0, "spec").insert("replicas".into(), replicas.into());
    }

    /// `metadata.labels`, made when there are none.
    pub fn labels_mut(&mut self) -> &mut Map {
        object(self.metadata_mut(), "labels")
    }

    /// `metadata.annotations`, made when there are none.
    pub fn annotations_mut(&mut self) -> &mut Map {
        object(self.metadata_mut(), "annotations")
    }

    /// `metadata` of `spec.template`, when both are objects: what a workload's pods get.
    pub fn template_metadata_mut(&mut self) -> Option<&mut Map> {
        self.0
            .get_mut("spec")?
            .get_mut("template")?
            .get_mut("metadata")?
            .as_object_mut()
    }

    pub(crate) fn metadata_mut(&mut self) -> &mut Map {
        object(&mut self.0, "metadata")
    }

    fn text(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The object below a key; made when there is none.
pub(crate) fn object<'a>(map: &'a mut Map, key: &str) -> &'a mut Map {
    let value = map.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it has just been made one")
}

/// A time as Kubernetes writes it (RFC 3339), in milliseconds since 1970.
pub(crate) fn time_ms(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond())
}

/// A value's type in words.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn wrong(field: &str, expected: &'static str, manifest: String) -> Malformed {
    let field = field.to_owned();
    Malformed::Type {
        field,
        expected,
        manifest,
    }
}
