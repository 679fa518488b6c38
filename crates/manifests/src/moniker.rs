//! Application, cluster, sequence: what Spinnaker calls an object.

mod frigga;

use serde::{Deserialize, Serialize};

use crate::{Manifest, Native, annotations};

pub use frigga::Names;

/// Spinnaker's name of an object. Parts that are not there are left out of the JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moniker {
    /// The application
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// What holds the versions of one thing together, e.g. `replicaSet web`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// e.g. `prod`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// e.g. `blue`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The version number
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
}

/// The moniker of a live object: annotations first, then its name; a ReplicaSet's sequence also from its Deployment's revision
/// (`KubernetesManifestAnnotater.getMoniker`, `KubernetesResourceAwareNames`).
#[must_use]
pub fn of(manifest: &Manifest) -> Moniker {
    let names = Names::parse(manifest.name());
    let text = |key| annotations::text(manifest, key);
    let revision = match manifest.kind() == Native::ReplicaSet {
        true => annotations::integer(manifest, annotations::REVISION),
        false => None,
    };
    Moniker {
        app: text(annotations::APPLICATION).or(names.app),
        cluster: text(annotations::CLUSTER).or(names.cluster),
        detail: text(annotations::DETAIL),
        stack: text(annotations::STACK),
        sequence: annotations::integer(manifest, annotations::SEQUENCE)
            .or(revision)
            .or(names.sequence),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of;
    use crate::Manifest;

    fn moniker(kind: &str, name: &str, annotations: &Value) -> Value {
        let object = json!({"kind": kind, "apiVersion": "apps/v1", "metadata": {"name": name, "annotations": annotations}});
        serde_json::to_value(of(&Manifest::new(object).unwrap())).unwrap()
    }

    #[test]
    fn annotations_win_over_the_name() {
        let annotations = json!({
            "moniker.spinnaker.io/application": "my-app", "moniker.spinnaker.io/cluster": "replicaSet web",
            "moniker.spinnaker.io/stack": "prod", "moniker.spinnaker.io/detail": "\"blue\"",
            "moniker.spinnaker.io/sequence": "7", "deployment.kubernetes.io/revision": "9",
        });
        assert_eq!(
            moniker("ReplicaSet", "web-prod-v003", &annotations),
            json!({"app": "my-app", "cluster": "replicaSet web", "detail": "blue", "stack": "prod", "sequence": 7})
        );
    }

    #[test]
    fn without_annotations_the_name_speaks() {
        assert_eq!(
            moniker("ReplicaSet", "web-prod-v003", &json!({})),
            json!({"app": "web", "cluster": "web-prod", "sequence": 3})
        );
        assert_eq!(
            moniker("ClusterRole", "system:node", &json!({})),
            json!({"app": "system", "cluster": "system:node"})
        );
        assert_eq!(moniker("ClusterRole", "a:b", &json!({})), json!({}));
    }

    #[test]
    fn a_replica_set_has_the_revision_of_its_deployment() {
        let revision = json!({"deployment.kubernetes.io/revision": "4"});
        assert_eq!(moniker("ReplicaSet", "web-7d9f", &revision)["sequence"], 4);
        assert_eq!(
            moniker("Deployment", "web", &revision).get("sequence"),
            None
        );
    }
}
