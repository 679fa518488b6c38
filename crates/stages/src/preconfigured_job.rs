//! Preconfigured jobs: stage types that an operator adds, each running one Kubernetes Job with parameters. Source: orca
//! `PreconfiguredJobStage`, `KubernetesPreconfiguredJobProperties` (Kubernetes reference 7.10).
//!
//! A stage of such a type is a `runJob` stage whose preconfigured fields are laid over its own when it is planned. The values of its
//! `parameters` are put into the manifest first, each at the place that its definition names.

mod mapping;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use gennaker_engine::{
    Cleared, Plan, PlanContext, StageDefinition,
    definition::{PlanError, Remote},
};
use gennaker_model::{Map, Stage};
use serde_json::{Value, json};

use crate::kubernetes::RunJob;
use mapping::Place;

pub use mapping::BadMapping;

/// What stages have as `alias`, by which Spinnaker finds the definition of all preconfigured jobs.
pub const ALIAS: &str = "preconfiguredJob";

/// One preconfigured job.
#[derive(Clone, Debug, PartialEq)]
pub struct PreconfiguredJob {
    /// The stage type.
    pub kind: String,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// What a stage may set.
    pub parameters: Vec<Parameter>,
    /// The account that it runs in; none: the stage's.
    pub account: Option<String>,
    /// The application that the Job is annotated with; none: the stage's.
    pub application: Option<String>,
    /// The Job.
    pub manifest: Map,
    /// Whether a stage waits for its end.
    pub waits: bool,
    /// The container whose log is read for properties.
    pub property_file: Option<String>,
    /// Whether the web interface offers to name artifacts that it makes.
    pub produces_artifacts: bool,
}

/// A parameter of a preconfigured job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the stage's `parameters`.
    pub name: String,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where its value goes: `manifest.spec.template.spec.containers[0].image`.
    pub mapping: String,
    /// Its value where a stage gives none.
    pub default: Option<String>,
    /// Its place in the web interface.
    pub order: i32,
}

/// The definition of all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PreconfiguredJobs(Vec<PreconfiguredJob>);

impl PreconfiguredJob {
    /// Whether every parameter has a place in the manifest.
    ///
    /// # Errors
    /// [`BadMapping`], with the parameter's name.
    pub fn check(&self) -> Result<(), BadMapping> {
        let mut fields = self.fields();
        self.parameters
            .iter()
            .try_for_each(|parameter| put(&mut fields, parameter, "x"))
    }

    /// What is laid over a stage, before its parameters are put in. What is not set is the stage's own.
    fn fields(&self) -> Map {
        let mut fields = Map::new();
        let texts = [
            ("account", &self.account),
            ("credentials", &self.account),
            ("application", &self.application),
            ("propertyFile", &self.property_file),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                fields.insert(key.to_owned(), json!(text));
            }
        }
        fields.insert("cloudProvider".to_owned(), json!("kubernetes"));
        fields.insert("source".to_owned(), json!("text"));
        fields.insert("manifest".to_owned(), json!(self.manifest));
        fields.insert("waitForCompletion".to_owned(), json!(self.waits));
        fields
    }

    /// What a stage with this context gets.
    fn laid_over(&self, context: &Map) -> Result<Map, PlanError> {
        let kind = &self.kind;
        let none = Map::new();
        let given = match context.get("parameters") {
            None | Some(Value::Null) => &none,
            Some(Value::Object(given)) => given,
            Some(_) => {
                return Err(PlanError::argument(format!(
                    "parameters of a stage of type {kind} must be an object"
                )));
            }
        };
        let mut fields = self.fields();
        for parameter in &self.parameters {
            let name = &parameter.name;
            let value = match given.get(name) {
                None | Some(Value::Null) => parameter.default.clone(),
                Some(Value::String(text)) => Some(text.clone()),
                Some(value @ (Value::Bool(_) | Value::Number(_))) => Some(value.to_string()),
                Some(Value::Array(_) | Value::Object(_)) => {
                    return Err(PlanError::argument(format!(
                        "parameter {name} of a stage of type {kind} must be a text"
                    )));
                }
            };
            if let Some(value) = value {
                put(&mut fields, parameter, &value).map_err(|error| {
                    PlanError::argument(format!("jobs.preconfigured ({kind}): {error}"))
                })?;
            }
        }
        let parameters: Vec<Value> = self.parameters.iter().map(Parameter::to_value).collect();
        fields.insert("preconfiguredJobParameters".to_owned(), json!(parameters));
        // What an author put there would run beside, or in place of, what the operator means.
        let mut silenced = vec!["manifests", "manifestArtifact", "manifestArtifactId"];
        if self.account.is_some() {
            silenced.push("account.name");
        }
        if self
            .manifest
            .get("metadata")
            .and_then(|it| it.get("namespace"))
            .is_some()
        {
            silenced.push("namespace");
        }
        for key in silenced {
            if context.contains_key(key) {
                fields.insert(key.to_owned(), Value::Null);
            }
        }
        Ok(fields)
    }
}

impl Parameter {
    /// As Spinnaker shows it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({
            "name": self.name,
            "label": self.label,
            "defaultValue": self.default,
            "description": self.description,
            "type": "string",
            "mapping": self.mapping,
            "order": self.order,
        })
    }
}

impl PreconfiguredJobs {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn of(jobs: Vec<PreconfiguredJob>) -> Self {
        Self(jobs)
    }

    pub(crate) fn all(&self) -> &[PreconfiguredJob] {
        &self.0
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&PreconfiguredJob> {
        self.0.iter().find(|job| job.kind == kind)
    }
}

impl StageDefinition for PreconfiguredJobs {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let stage = context.stage;
        let job = self.find(&stage.kind).ok_or_else(|| PlanError {
            class: "PreconfiguredJobNotFoundException",
            message: format!("Could not find a stage named '{}'", stage.kind),
        })?;
        let mut laid_over = job.laid_over(&stage.context)?;
        let mut whole = (*stage.context).clone();
        whole.extend(laid_over.clone());
        let stage = Stage {
            context: Arc::new(whole),
            ..stage.clone()
        };
        let mut plan = RunJob.plan(&PlanContext {
            stage: &stage,
            ..*context
        })?;
        laid_over.extend(std::mem::take(&mut plan.context));
        plan.context = laid_over;
        Ok(plan)
    }

    fn restarted(&self, stage: &Stage, by_child: bool) -> Cleared {
        RunJob.restarted(stage, by_child)
    }

    fn task_limit_ms(&self, task: &str, context: &Map) -> Option<i64> {
        RunJob.task_limit_ms(task, context)
    }

    /// Who may patch a stage may not change what it runs.
    fn patched(&self, _context: &Map, mut patch: Map, _roles: Option<&[String]>) -> Map {
        for key in [
            "manifest",
            "manifests",
            "account",
            "credentials",
            "cloudProvider",
            "source",
            "namespace",
        ] {
            patch.shift_remove(key);
        }
        patch
    }

    fn cancel(&self, context: &Map) -> Option<Remote> {
        RunJob.cancel(context)
    }
}

fn put(fields: &mut Map, parameter: &Parameter, value: &str) -> Result<(), BadMapping> {
    Place::parse(&parameter.mapping)
        .and_then(|place| place.put(fields, value))
        .map_err(|reason| BadMapping {
            parameter: parameter.name.clone(),
            mapping: parameter.mapping.clone(),
            reason,
        })
}
