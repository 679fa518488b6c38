//! What lies in the artifact store instead of in the execution.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Machine;
use crate::env::{Lookup, LookupAnswer};
use crate::error::{Error, Result};
use crate::value::{MapCell, Str, Value, json};

/// The type of an artifact that is a whole map in the artifact store.
const STORED_MAP: &str = "remote/map/base64";

impl<'a> Machine<'a, '_> {
    /// `ref://…` gives what the artifact store holds (`ArtifactUriToReferenceConverter`).
    pub(super) fn dereferenced(&mut self, text: Str<'a>) -> Result<Value<'a>> {
        if !text.starts_with("ref://") {
            return Ok(Value::Text(text));
        }
        match self.answer(Lookup::Reference {
            uri: text.to_string(),
        })? {
            LookupAnswer::Found { value } => Ok(match json::from_owned(value) {
                Value::Text(found) => Value::Text(found),
                other => self.text_value(&other)?,
            }),
            LookupAnswer::Missing => Err(Error::new(
                "com.netflix.spinnaker.kork.web.exceptions.NotFoundException",
                format!("{} not found", &*text),
            )),
            LookupAnswer::Failed { reason, .. } => {
                Err(Error::new("java.lang.RuntimeException", reason))
            }
        }
    }

    /// The reference of a map that stands for a larger one in the artifact store (`EntityPropertyAccessor`).
    pub(super) fn stored_reference(&self, map: &MapCell<'a>) -> Option<Value<'a>> {
        if !self.env.artifact_store || map.kind.is_context() {
            return None;
        }
        let is_stored = map.get("type")?.as_chars() == Some(STORED_MAP);
        map.get("reference").filter(|_| is_stored)
    }

    /// A member of the larger map. Its `reference` is the one to the store, for `#fetchReference`.
    pub(super) fn stored_member(&mut self, reference: Value<'a>, name: &str) -> Result<Value<'a>> {
        let Value::Text(uri) = &reference else {
            return Err(Error::null_pointer("uri"));
        };
        if !uri.starts_with("ref://") {
            return Err(Error::illegal_argument(format!(
                "Not a valid artifact reference URI: {}",
                &**uri
            )));
        }
        if name == "reference" {
            return Ok(reference);
        }
        let content = self.dereferenced(uri.clone())?;
        self.measure(&content)?;
        let broken = |reason: String| Error::new("java.lang.RuntimeException", reason);
        let bytes = BASE64
            .decode(content.as_chars().unwrap_or_default())
            .map_err(|error| broken(error.to_string()))?;
        let map: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        Ok(map
            .get(name)
            .map_or(Value::Null, |member| json::from_owned(member.clone())))
    }
}
