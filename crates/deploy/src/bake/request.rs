//! From the context of a stage to what is to be baked (Orca: `BakeManifestContext`).

use gennaker_artifacts::Artifact;
use gennaker_bake::{Renderer, Request};
use gennaker_model::Map;
use serde_json::Value;

/// What a stage wants.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The artifacts to fetch, in order.
    pub(super) inputs: Vec<Artifact>,
    /// Everything else; its inputs are empty.
    pub(super) request: Request,
    /// Name of the artifact that is made.
    pub(super) output_artifact_name: String,
}

impl Wanted {
    /// Reads a stage's evaluated context; the error is a sentence for people.
    pub(super) fn read(input: &Map) -> Result<Self, String> {
        let renderer = Renderer::of(&text(input, "templateRenderer"))?;
        let listed = input
            .get("resolvedInputArtifacts")
            .and_then(Value::as_array);
        let listed = listed.map_or(&[][..], Vec::as_slice);
        let inputs = listed
            .iter()
            .map(|one| Artifact::read(one).map_err(|problem| problem.to_string()));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        if inputs.is_empty() {
            return Err("At least one input artifact to bake must be supplied".to_owned());
        }
        let expected = input.get("expectedArtifacts").and_then(|list| list.get(0));
        let name = expected.and_then(|one| one.pointer("/matchArtifact/name")?.as_str());
        let name = name.ok_or_else(|| "the expected artifact of a bake has no name".to_owned())?;
        Ok(Self {
            inputs,
            request: Request {
                output_name: text(input, "outputName"),
                namespace: text(input, "namespace"),
                overrides: map(input, "overrides")?,
                raw_overrides: flag(input, "rawOverrides"),
                include_crds: flag(input, "includeCRDs"),
                api_versions: text(input, "apiVersions"),
                kube_version: text(input, "kubeVersion"),
                helm_chart_file_path: text(input, "helmChartFilePath"),
                helmfile_file_path: text(input, "helmfileFilePath"),
                environment: text(input, "environment"),
                kustomize_file_path: text(input, "kustomizeFilePath"),
                values: map(input, "values")?,
                ..Request::new(renderer, Vec::new())
            },
            output_artifact_name: name.to_owned(),
        })
    }
}

/// A text; numbers and booleans count as such, as Jackson takes them.
fn text(input: &Map, key: &str) -> String {
    match input.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        _ => String::new(),
    }
}

fn flag(input: &Map, key: &str) -> bool {
    match input.get(key) {
        Some(Value::Bool(set)) => *set,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn map(input: &Map, key: &str) -> Result<Map, String> {
    match input.get(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(format!("{key} must be a map")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(input: Value) -> Result<Wanted, String> {
        Wanted::read(input.as_object().unwrap())
    }

    #[test]
    fn a_context_of_sloppy_values_is_understood() {
        let wanted = read(json!({"templateRenderer": "helm3", "outputName": "web", "kubeVersion": 1.29, "rawOverrides": "true",
            "includeCRDs": true, "overrides": {"b": 1, "a": 2}, "namespace": null,
            "resolvedInputArtifacts": [{"type": "helm/chart", "name": "web"}],
            "expectedArtifacts": [{"matchArtifact": {"name": "baked"}}]}))
        .unwrap();
        let request = &wanted.request;
        assert_eq!(
            (request.kube_version.as_str(), request.namespace.as_str()),
            ("1.29", "")
        );
        assert!(request.raw_overrides && request.include_crds);
        assert_eq!(
            request.overrides.keys().collect::<Vec<_>>(),
            ["b", "a"],
            "in their order"
        );
        assert_eq!(
            (
                wanted.inputs[0].name.as_str(),
                wanted.output_artifact_name.as_str()
            ),
            ("web", "baked")
        );
    }

    #[test]
    fn what_cannot_be_baked_is_said() {
        let of = |extra: Value| {
            let mut input = json!({"templateRenderer": "HELM3", "resolvedInputArtifacts": [{"type": "x"}],
                "expectedArtifacts": [{"matchArtifact": {"name": "baked"}}]});
            input
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            read(input).unwrap_err()
        };
        assert!(
            of(json!({"templateRenderer": "HELM2"}))
                .starts_with("templateRenderer HELM2 is not built")
        );
        assert_eq!(
            of(json!({"templateRenderer": "X"})),
            "Invalid template renderer X"
        );
        assert_eq!(of(json!({"overrides": []})), "overrides must be a map");
        assert!(of(json!({"expectedArtifacts": []})).contains("has no name"));
    }
}
