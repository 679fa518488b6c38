//! How a manifest wants to be deployed: its `strategy.spinnaker.io/…` annotations.

use crate::{Manifest, annotations};

/// What the annotations say.
///
/// Source: clouddriver `KubernetesManifestStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// Overrides the stage and the kind
    pub versioned: Option<bool>,
    /// How many versions stay
    pub max_version_history: Option<i64>,
    /// Keep the live object's number of replicas
    pub use_source_capacity: bool,
    /// How it is sent
    pub submission: Submission,
}

/// How an object is sent to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    /// It has only the beginning of a name: create it
    Create,
    /// Delete it, wait until it is gone, apply it
    Recreate,
    /// Replace it; create it when it is not there
    Replace,
    /// Apply at the server; with `force`, take fields from other managers
    ServerSideApply {
        /// `force-conflicts`
        force: bool,
    },
    /// `kubectl apply`: [`crate::apply`]
    Apply,
}

/// Reads a manifest's strategy. Of several, `recreate` wins over `replace`, and that over `server-side-apply` (`CanDeploy`).
#[must_use]
pub fn of(manifest: &Manifest) -> Strategy {
    let says = |key| annotations::boolean(manifest, key) == Some(true);
    let server_side =
        annotations::text(manifest, annotations::SERVER_SIDE_APPLY).unwrap_or_default();
    let force = server_side.eq_ignore_ascii_case("force-conflicts");
    let submission = if manifest.has_generated_name() {
        Submission::Create
    } else if says(annotations::RECREATE) {
        Submission::Recreate
    } else if says(annotations::REPLACE) {
        Submission::Replace
    } else if force || says(annotations::SERVER_SIDE_APPLY) {
        Submission::ServerSideApply { force }
    } else {
        Submission::Apply
    };
    Strategy {
        versioned: annotations::boolean(manifest, annotations::VERSIONED),
        max_version_history: annotations::integer(manifest, annotations::MAX_VERSION_HISTORY),
        use_source_capacity: says(annotations::USE_SOURCE_CAPACITY),
        submission,
    }
}

/// Makes a manifest's strategy `recreate`, whatever it said before: what Run Job does.
pub fn force_recreate(manifest: &mut Manifest) {
    let annotations = manifest.annotations_mut();
    for key in [annotations::REPLACE, annotations::SERVER_SIDE_APPLY] {
        annotations.shift_remove(key);
    }
    annotations.insert(annotations::RECREATE.into(), "true".into());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Submission, of};
    use crate::Manifest;

    fn manifest(annotations: Value) -> Manifest {
        let metadata = json!({"name": "x", "annotations": annotations});
        Manifest::new(json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}))
            .unwrap()
    }

    #[test]
    fn the_first_annotation_that_holds_decides() {
        let rows = [
            (json!({}), Submission::Apply),
            (
                json!({"recreate": "TRUE", "replace": "true"}),
                Submission::Recreate,
            ),
            (
                json!({"recreate": "false", "replace": "true", "server-side-apply": "true"}),
                Submission::Replace,
            ),
            (
                json!({"server-side-apply": "true"}),
                Submission::ServerSideApply { force: false },
            ),
            (
                json!({"server-side-apply": "force-conflicts"}),
                Submission::ServerSideApply { force: true },
            ),
            (json!({"server-side-apply": "yes"}), Submission::Apply),
            (json!({"recreate": "yes"}), Submission::Apply),
        ];
        for (given, expected) in rows {
            let members = given.as_object().unwrap().iter();
            let annotations =
                members.map(|(key, value)| (format!("strategy.spinnaker.io/{key}"), value.clone()));
            let strategy = of(&manifest(Value::Object(annotations.collect())));
            assert_eq!(strategy.submission, expected, "{given}");
        }
    }

    #[test]
    fn the_other_annotations_are_read_leniently() {
        let strategy = of(&manifest(json!({
            "strategy.spinnaker.io/max-version-history": "3", "strategy.spinnaker.io/use-source-capacity": "true",
            "strategy.spinnaker.io/versioned": "no",
        })));
        assert_eq!(
            (
                strategy.max_version_history,
                strategy.use_source_capacity,
                strategy.versioned
            ),
            (Some(3), true, Some(false))
        );
        let strategy = of(&manifest(
            json!({"strategy.spinnaker.io/max-version-history": "many"}),
        ));
        assert_eq!(
            (
                strategy.max_version_history,
                strategy.use_source_capacity,
                strategy.versioned
            ),
            (None, false, None)
        );
    }
}
