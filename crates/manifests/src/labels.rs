//! The labels that Spinnaker writes.

use crate::manifest::object;
use crate::{Manifest, Map, Moniker, annotations};

/// Who manages the object; always overwritten.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The application; only where there is none.
pub const NAME: &str = "app.kubernetes.io/name";

/// How objects are labelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `v2.apply-app-labels`: false writes none at all
    pub apply_app_labels: bool,
    /// `v2.managed-by-suffix`: with one, the label says `spinnaker-<suffix>`
    pub managed_by_suffix: String,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            apply_app_labels: true,
            managed_by_suffix: String::new(),
        }
    }
}

/// Labels an object, and its template unless that is to be skipped (`KubernetesManifestLabeler`).
pub fn label(
    manifest: &mut Manifest,
    rules: &Rules,
    moniker: &Moniker,
    skip_spec_template_labels: bool,
) {
    if !rules.apply_app_labels {
        return;
    }
    write(manifest.labels_mut(), rules, moniker);
    if let Some(metadata) = manifest
        .template_metadata_mut()
        .filter(|_| !skip_spec_template_labels)
    {
        write(object(metadata, "labels"), rules, moniker);
    }
}

fn write(labels: &mut Map, rules: &Rules, moniker: &Moniker) {
    let managed_by = match rules.managed_by_suffix.as_str() {
        "" => "spinnaker".to_owned(),
        suffix => format!("spinnaker-{suffix}"),
    };
    if let Some(app) = moniker.app.as_deref().filter(|app| !app.is_empty()) {
        labels.entry(NAME).or_insert_with(|| app.into());
    }
    labels.insert(MANAGED_BY.into(), managed_by.into());
    if let Some(sequence) = moniker.sequence {
        labels.insert(annotations::SEQUENCE.into(), sequence.to_string().into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Rules, label};
    use crate::{Manifest, Moniker};

    fn labelled(rules: &Rules, skip: bool) -> Value {
        let template = json!({"metadata": {"labels": {"app.kubernetes.io/name": "mine"}}});
        let object = json!({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "x"}, "spec": {"template": template}});
        let mut manifest = Manifest::new(object).unwrap();
        let moniker = Moniker {
            app: Some("web".into()),
            sequence: Some(3),
            ..Moniker::default()
        };
        label(&mut manifest, rules, &moniker, skip);
        let of = |path: &[&str]| manifest.at(path).cloned().unwrap_or_default();
        json!([
            of(&["metadata", "labels"]),
            of(&["spec", "template", "metadata", "labels"])
        ])
    }

    #[test]
    fn object_and_template_are_labelled() {
        let written = |name: &str, by: &str| json!({"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": by, "moniker.spinnaker.io/sequence": "3"});
        assert_eq!(
            labelled(&Rules::default(), false),
            json!([written("web", "spinnaker"), written("mine", "spinnaker")])
        );
        let suffix = Rules {
            managed_by_suffix: "blue".into(),
            ..Rules::default()
        };
        assert_eq!(
            labelled(&suffix, true),
            json!([written("web", "spinnaker-blue"), {"app.kubernetes.io/name": "mine"}])
        );
        let off = Rules {
            apply_app_labels: false,
            ..Rules::default()
        };
        assert_eq!(
            labelled(&off, false),
            json!([null, {"app.kubernetes.io/name": "mine"}])
        );
    }
}
