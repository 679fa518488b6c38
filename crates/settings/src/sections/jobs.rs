//! `[jobs]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stage types of this installation that run a Kubernetes Job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jobs {
    /// Stage types that run one Job each, with parameters; Spinnaker's `job.preconfigured.kubernetes`. What is set here wins over
    /// what a stage says. All schedulers and API processes of an installation should have the same. A change concerns stages that
    /// start from then on.
    pub preconfigured: Vec<PreconfiguredJob>,
}

/// A stage type that runs a Job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreconfiguredJob {
    /// Name of the stage type: letters, digits, `.`, `-` and `_`; not one that exists.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is there.
    pub enabled: bool,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// What a stage may set.
    pub parameters: Vec<JobParameter>,
    /// The account that it runs in. Unset: the stage's.
    pub account: Option<String>,
    /// The application that the Job is annotated with. Unset: the stage's.
    pub application: Option<String>,
    /// The Job, as YAML or JSON; it may hold expressions.
    pub manifest: String,
    /// Whether a stage waits for its end.
    pub wait_for_completion: bool,
    /// The container whose log is read for properties, which become outputs.
    pub property_file: Option<String>,
    /// Whether the web interface offers to name artifacts that it makes.
    pub produces_artifacts: bool,
}

/// A parameter of such a stage type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobParameter {
    /// Its name in the stage's `parameters`.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where its value goes: `manifest.spec.template.spec.containers[0].env[0].value`. Keys that hold other characters than letters,
    /// digits, `_` and `-` stand in quotes: `manifest.metadata.labels['example.com/team']`.
    pub mapping: String,
    /// Its value where a stage gives none. Without it the manifest stays as it is there.
    pub default_value: Option<String>,
    /// Its place in the web interface.
    pub order: i32,
}

impl Default for PreconfiguredJob {
    fn default() -> PreconfiguredJob {
        PreconfiguredJob {
            kind: String::new(),
            enabled: true,
            label: String::new(),
            description: None,
            parameters: Vec::new(),
            account: None,
            application: None,
            manifest: String::new(),
            wait_for_completion: true,
            property_file: None,
            produces_artifacts: false,
        }
    }
}
