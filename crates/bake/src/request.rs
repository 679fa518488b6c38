//! What is to be baked.

use gennaker_model::Map;

/// Which tool bakes (`templateRenderer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renderer {
    /// Helm 3 (`HELM3`).
    Helm3,
    /// Helm 4 (`HELM4`).
    Helm4,
    /// Kustomize (`KUSTOMIZE`, `KUSTOMIZE4`, `KUSTOMIZE5`).
    Kustomize,
    /// Helmfile (`HELMFILE`).
    Helmfile,
    /// Placeholders in a manifest of Cloud Foundry (`CF`).
    CloudFoundry,
}

impl Renderer {
    /// Reads a name in any case; Orca's error for one that is none, and ours for one that is not built.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn of(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "HELM3" => Self::Helm3,
            "HELM4" => Self::Helm4,
            "KUSTOMIZE" | "KUSTOMIZE4" | "KUSTOMIZE5" => Self::Kustomize,
            "HELMFILE" => Self::Helmfile,
            "CF" => Self::CloudFoundry,
            "HELM2" => {
                return Err(
                    "templateRenderer HELM2 is not built: Helm 2 ended in 2020; charts without its own hooks bake with HELM3"
                        .to_owned(),
                );
            }
            _ => return Err(format!("Invalid template renderer {name}")),
        })
    }
}

/// The content of an input artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// The artifact's type: `git/repo` and `helm/image` are archives.
    pub kind: String,
    /// Its reference, whose last part names the file.
    pub reference: String,
    /// The content.
    pub content: Vec<u8>,
}

/// One bake. Field names are those of Rosco's request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Which tool.
    pub renderer: Renderer,
    /// First the chart, repository or template, then files with values.
    pub inputs: Vec<Input>,
    /// Helm's release name (`outputName`).
    pub output_name: String,
    /// `namespace`; empty when there is none.
    pub namespace: String,
    /// `overrides`, in their order.
    pub overrides: Map,
    /// `rawOverrides`: Helm reads numbers and booleans in overrides as such.
    pub raw_overrides: bool,
    /// `includeCRDs`.
    pub include_crds: bool,
    /// `apiVersions`, separated by commas.
    pub api_versions: String,
    /// `kubeVersion`.
    pub kube_version: String,
    /// `helmChartFilePath`: the chart's folder in a repository.
    pub helm_chart_file_path: String,
    /// `helmfileFilePath`: the Helmfile in a repository.
    pub helmfile_file_path: String,
    /// `environment`, of Helmfile.
    pub environment: String,
    /// `kustomizeFilePath`: the kustomization in a repository.
    pub kustomize_file_path: String,
    /// `values`, of Cloud Foundry's placeholders: further variables.
    pub values: Map,
}

impl Request {
    /// A bake without options.
    #[must_use]
    pub fn new(renderer: Renderer, inputs: Vec<Input>) -> Self {
        Self {
            renderer,
            inputs,
            output_name: String::new(),
            namespace: String::new(),
            overrides: Map::new(),
            raw_overrides: false,
            include_crds: false,
            api_versions: String::new(),
            kube_version: String::new(),
            helm_chart_file_path: String::new(),
            helmfile_file_path: String::new(),
            environment: String::new(),
            kustomize_file_path: String::new(),
            values: Map::new(),
        }
    }
}

impl Input {
    /// Whether it is a gzipped tar that has to be unpacked before its files can be named.
    pub(crate) fn is_archive(&self) -> bool {
        matches!(self.kind.as_str(), "git/repo" | "helm/image")
    }
}
