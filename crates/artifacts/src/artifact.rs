//! What is to be fetched.

use gennaker_model::Map;
use serde_json::Value;

use crate::Error;

/// An artifact as pipelines and triggers write it (reference of the clouds, 3.1). Empty texts count as missing ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Artifact {
    /// Its type, such as `github/file`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is; what that means depends on the type.
    pub location: String,
    /// What leads to it.
    pub reference: String,
    /// The account that may read it.
    pub account: String,
    /// Everything else.
    pub metadata: Map,
}

/// Longest reference in an error, in characters: an embedded artifact is its reference.
const SHOWN_CHARS_MAX: usize = 200;

impl Artifact {
    /// Reads one. Numbers and booleans are taken as text, as Jackson does; unknown fields become metadata.
    ///
    /// # Errors
    /// [`Error::Malformed`]: it is no object, or a field that must be text is a list or an object.
    pub fn read(value: &Value) -> Result<Self, Error> {
        let Value::Object(given) = value else {
            return Err(Error::Malformed("an artifact must be an object".to_owned()));
        };
        let mut read = Self::default();
        if let Some(Value::Object(metadata)) = given.get("metadata") {
            read.metadata.clone_from(metadata);
        }
        for (key, value) in given {
            let field = match key.as_str() {
                "type" => &mut read.kind,
                "name" => &mut read.name,
                "version" => &mut read.version,
                "location" => &mut read.location,
                "reference" => &mut read.reference,
                "artifactAccount" => &mut read.account,
                "metadata" | "kind" | "customKind" | "provenance" | "uuid" => continue,
                _ => {
                    read.metadata.insert(key.clone(), value.clone());
                    continue;
                }
            };
            *field = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(Error::Malformed(format!(
                        "{key} of an artifact must be text"
                    )));
                }
            };
        }
        Ok(read)
    }

    /// A text in the metadata; empty when there is none.
    pub(crate) fn metadata_text(&self, key: &str) -> &str {
        let text = self.metadata.get(key).and_then(Value::as_str);
        text.unwrap_or_default()
    }

    /// The version, or what stands for none.
    pub(crate) fn version_or<'a>(&'a self, default: &'a str) -> &'a str {
        match self.version.as_str() {
            "" => default,
            version => version,
        }
    }

    /// For people, without what may be secret in a reference: user, password, query.
    #[must_use]
    pub fn shown(&self) -> String {
        let reference = match self.kind.as_str() {
            "embedded/base64" => "…".to_owned(),
            _ => without_secrets(&self.reference),
        };
        let mut parts = vec![format!("type {}", or_null(&self.kind))];
        let named = [
            ("name", &self.name),
            ("version", &self.version),
            ("reference", &reference),
        ];
        let named = named.into_iter().filter(|(_, text)| !text.is_empty());
        parts.extend(named.map(|(field, text)| format!("{field} {}", cut(text))));
        parts.join(", ")
    }
}

/// An address without user, password and query.
pub(crate) fn without_secrets(reference: &str) -> String {
    match url::Url::parse(reference) {
        Ok(mut url) if url.has_host() => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.into()
        }
        _ => reference.to_owned(),
    }
}

fn or_null(text: &str) -> &str {
    if text.is_empty() { "null" } else { text }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_pipelines_hold() {
        let given = json!({"type": "git/repo", "customKind": true, "name": null, "version": 7, "reference": "https://x/y",
            "artifactAccount": "git", "subPath": "a", "metadata": {"b": "c"}});
        let read = Artifact::read(&given).unwrap();
        assert_eq!(
            (
                read.kind.as_str(),
                read.version.as_str(),
                read.account.as_str()
            ),
            ("git/repo", "7", "git")
        );
        assert_eq!(
            (read.metadata_text("subPath"), read.metadata_text("b")),
            ("a", "c")
        );
        assert!(Artifact::read(&json!([])).is_err());
        assert!(Artifact::read(&json!({"name": {}})).is_err());
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let given =
            json!({"type": "http/file", "reference": "https://me:pw@x.io/f?token=t", "name": "f"});
        let shown = Artifact::read(&given).unwrap().shown();
        assert_eq!(shown, "type http/file, name f, reference https://x.io/f");
        let embedded = Artifact {
            kind: "embedded/base64".to_owned(),
            reference: "c2VjcmV0".to_owned(),
            ..Artifact::default()
        };
        assert!(!embedded.shown().contains("c2VjcmV0"));
    }
}
