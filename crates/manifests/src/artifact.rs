//! Artifacts: images and versioned objects that are put into manifests, and found in them.

mod bind;
mod replacer;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Map;

pub use bind::{Available, Binding, Unbound, unbound};
pub(crate) use replacer::Target;
pub use replacer::{ImageMatch, find};

/// An artifact as executions carry it; unknown keys stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// e.g. `docker/image`, `kubernetes/configMap`
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// e.g. `gcr.io/p/web`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// e.g. `1.2`, `v003`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A namespace for objects of Kubernetes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What is put in, e.g. `gcr.io/p/web:1.2`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// e.g. the `account` of an object
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map>,
    /// Everything else
    #[serde(flatten)]
    pub rest: Map,
}

impl Artifact {
    /// Type, name and location: one artifact per key takes part in a stage.
    #[must_use]
    pub fn key(&self) -> String {
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let (kind, name, location) = (&self.artifact_type, &self.name, &self.location);
        format!("[{}]-[{}]-[{}]", text(kind), text(name), text(location))
    }

    /// The account of an object; none for other artifacts.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("account")?.as_str()
    }

    /// Reads an artifact's JSON; texts that are numbers are taken as texts, other types refused.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        let mut rest = value.as_object()?.clone();
        let mut text = |key: &str| match rest.shift_remove(key) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text)),
            Some(Value::Number(number)) => Some(Some(number.to_string())),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        let (artifact_type, name, version) = (text("type")?, text("name")?, text("version")?);
        let (location, reference) = (text("location")?, text("reference")?);
        let metadata = match rest.shift_remove("metadata") {
            Some(Value::Object(metadata)) => Some(metadata),
            _ => None,
        };
        Some(Self {
            artifact_type,
            name,
            version,
            location,
            reference,
            metadata,
            rest,
        })
    }

    /// Its JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}
