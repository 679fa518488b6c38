//! `evaluateArtifacts`: artifacts made of text. Source: orca `EvaluateArtifactsStage`, `EvaluateArtifactsTask` (reference 6.2).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_engine::{
    Plan, PlanContext, PlannedTask, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::PlanError,
};
use gennaker_model::{Map, Status};
use serde_json::{Value, json};

use crate::{
    artifacts::{Artifact, LIST_MAX},
    bind_artifacts::{self, BIND},
    catalogue::StageType,
    evaluate_variables::add_summary,
    field::{Field, FieldType},
    java,
};

/// The stage type.
pub(crate) struct EvaluateArtifacts;

static EVALUATE: TaskDefinition = TaskDefinition {
    name: "evaluateArtifacts",
    class: "com.netflix.spinnaker.orca.pipeline.tasks.EvaluateArtifactsTask",
    step,
    timeout_ms: None,
    timeout_overridable: false,
};

impl StageType for EvaluateArtifacts {
    fn names(&self) -> &'static [&'static str] {
        &["evaluateArtifacts"]
    }

    fn summary(&self) -> &'static str {
        "Makes embedded artifacts of texts with expressions."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "artifactContents",
                    FieldType::List,
                    "List of {name, contents, id}; each with contents becomes an artifact embedded/base64, and later ones see \
                     the contents of earlier ones by their names.",
                ),
                bind_artifacts::FIELD,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&EVALUATE, &BIND] }
    }

    fn shown_tasks(&self) -> &'static [&'static str] {
        &["evaluateArtifacts", "bindArtifacts"]
    }
}

impl StageDefinition for EvaluateArtifacts {
    fn plan(&self, _context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        let mut plan = Plan::of_tasks([&EVALUATE]);
        plan.tasks
            .push(PlannedTask::of(&BIND).named("bindArtifacts"));
        Ok(plan)
    }
}

/// Under v4 the contents are evaluated here, in order, each seeing the earlier ones by name; what fails stays as it is and is
/// seen by nobody. Under v3 they were evaluated with the rest of the context.
fn step(context: &TaskContext<'_>) -> Step {
    let in_order = gennaker_engine::scope::is_v4(&context.state.doc);
    let listed = context.context.get("artifactContents");
    let listed = listed
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if listed.len() > LIST_MAX {
        let message = format!(
            "the stage makes {} artifacts; the limit is {LIST_MAX}",
            listed.len()
        );
        return TaskResult::thrown(context, "IllegalArgumentException", &message).into();
    }
    let mut scope = context.context.clone();
    let (mut contents, mut artifacts, mut failed) = (Vec::new(), Vec::new(), Map::new());
    for one in listed {
        let Value::Object(one) = one else {
            contents.push(one.clone());
            continue;
        };
        let mut one = one.clone();
        let name = one.get("name").and_then(Value::as_str).map(str::to_owned);
        if let (true, Some(source @ Value::String(_))) = (in_order, one.get("contents")) {
            let evaluated = (context.evaluate)(source, &scope);
            if let Some(lookup) = evaluated.needs.first() {
                return Step::Lookup(lookup.clone());
            }
            if evaluated.summary.is_empty() {
                if let Some(name) = &name {
                    scope.insert(name.clone(), evaluated.value.clone());
                }
                one.insert("contents".to_owned(), evaluated.value);
            } else {
                failed.extend(evaluated.summary);
            }
        }
        artifacts.extend(artifact(name.as_deref(), one.get("contents")));
        contents.push(Value::Object(one));
    }
    let mut learned = Map::new();
    learned.insert("artifactContents".to_owned(), Value::Array(contents));
    add_summary(&mut learned, context, failed);
    let mut outputs = Map::new();
    outputs.insert("artifacts".to_owned(), Value::Array(artifacts));
    TaskResult {
        context: learned,
        outputs,
        ..TaskResult::of(Status::Succeeded)
    }
    .into()
}

/// The artifact of a text; none of an empty one.
fn artifact(name: Option<&str>, contents: Option<&Value>) -> Option<Value> {
    let text = contents
        .filter(|contents| !contents.is_null())
        .map(java::text_of)
        .filter(|text| !text.is_empty())?;
    let artifact = json!({
        "type": "embedded/base64",
        "artifactAccount": "embedded-artifact",
        "name": name,
        "reference": STANDARD.encode(text),
    });
    let artifact = Artifact::read(&artifact, "artifactContents");
    artifact.ok().map(|artifact| artifact.to_value())
}
