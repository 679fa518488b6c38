//! The Delete (Manifest) stage: what its options mean.

use serde_json::{Value, json};

use crate::Map;

/// What happens to what an object owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// It goes some time later
    Background,
    /// It goes before
    Foreground,
    /// It stays
    Orphan,
}

/// How an object is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// None: Kubernetes' own default, which is background for kubectl
    pub propagation: Option<Propagation>,
    /// In seconds; none: the object's own
    pub grace_period_seconds: Option<i64>,
}

/// A propagation that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid cascade value `{0}`: it must be true, false, background, foreground or orphan")]
pub struct BadCascade(pub String);

impl Options {
    /// Reads a stage's `options`: `cascading`, `orphanDependents`, `gracePeriodSeconds`. Nulls and a period that is no whole number
    /// count as absent.
    ///
    /// # Errors
    /// [`BadCascade`]
    pub fn from_json(options: Option<&Map>) -> Result<Self, BadCascade> {
        let text = |key: &str| match options.and_then(|options| options.get(key)) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.trim().to_ascii_lowercase()),
            Some(other) => Some(other.to_string()),
        };
        let propagation = match (
            text("orphanDependents").as_deref(),
            text("cascading").as_deref(),
        ) {
            (Some("true"), _) => Some(Propagation::Orphan),
            (Some(_), _) => Some(Propagation::Background),
            (None, Some("false" | "orphan")) => Some(Propagation::Orphan),
            (None, Some("true" | "background")) => Some(Propagation::Background),
            (None, Some("foreground")) => Some(Propagation::Foreground),
            (None, Some("") | None) => None,
            (None, Some(other)) => return Err(BadCascade(other.to_owned())),
        };
        let grace_period_seconds = text("gracePeriodSeconds").and_then(|text| text.parse().ok());
        Ok(Self {
            propagation,
            grace_period_seconds,
        })
    }

    /// The `DeleteOptions` of the request. Without a propagation it says background, as kubectl does: the server's own default differs
    /// for Jobs.
    #[must_use]
    pub fn body(&self) -> Value {
        let policy = match self.propagation {
            Some(Propagation::Background) | None => "Background",
            Some(Propagation::Foreground) => "Foreground",
            Some(Propagation::Orphan) => "Orphan",
        };
        let mut body =
            json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
        if let Some(seconds) = self.grace_period_seconds {
            body["gracePeriodSeconds"] = seconds.into();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Options, Propagation};

    #[test]
    fn options_mean_what_kubectl_is_told() {
        let rows = [
            (json!({}), None, None),
            (
                json!({"gracePeriodSeconds": null, "cascading": true}),
                Some(Propagation::Background),
                None,
            ),
            (
                json!({"cascading": false, "gracePeriodSeconds": "30"}),
                Some(Propagation::Orphan),
                Some(30),
            ),
            (
                json!({"cascading": "foreground", "gracePeriodSeconds": "soon"}),
                Some(Propagation::Foreground),
                None,
            ),
            (
                json!({"cascading": null, "gracePeriodSeconds": 0}),
                None,
                Some(0),
            ),
            (
                json!({"cascading": "foreground", "orphanDependents": true}),
                Some(Propagation::Orphan),
                None,
            ),
            (
                json!({"cascading": "foreground", "orphanDependents": false}),
                Some(Propagation::Background),
                None,
            ),
        ];
        for (options, propagation, grace_period_seconds) in rows {
            let expected = Options {
                propagation,
                grace_period_seconds,
            };
            assert_eq!(
                Options::from_json(options.as_object()),
                Ok(expected),
                "{options}"
            );
        }
        assert!(Options::from_json(json!({"cascading": "sideways"}).as_object()).is_err());
    }
}
