//! `bakeManifest` and `bakeCloudFoundryManifest`: manifests made by a template renderer. Source: orca `BakeManifestStage`,
//! `CreateBakeManifestTask`, `BakeManifestContext` (reference of the clouds 4.1, orchestration reference 6.10).
//!
//! A worker can look at no other stage, so the artifacts that ids stand for are found here and handed to it in the context.

use gennaker_engine::{
    Cleared, Plan, PlanContext, StageDefinition, Step, TaskContext, TaskDefinition, TaskResult,
    definition::{PlanError, Remote},
};
use gennaker_model::{Execution, Map, Stage};
use serde_json::{Value, json};

use crate::{
    artifacts::{self, Artifact},
    bind_artifacts::BIND,
    catalogue::StageType,
    field::{Field, FieldType},
    read,
};

/// The stage type for Helm, Kustomize and Helmfile.
pub(crate) struct BakeManifest;

/// The stage type for Cloud Foundry's templates.
pub(crate) struct BakeCloudFoundryManifest;

static CREATE: TaskDefinition = TaskDefinition {
    name: "createBake",
    class: "com.netflix.spinnaker.orca.bakery.tasks.manifests.CreateBakeManifestTask",
    step,
    timeout_ms: Some(5 * 60 * 1000),
    timeout_overridable: false,
};

/// Key of the artifacts that go to the worker, first the chart or template.
const RESOLVED: &str = "resolvedInputArtifacts";

/// Key that says that the expressions in the overrides were evaluated by the task.
const EVALUATED: &str = "overridesEvaluated";

/// Most input artifacts of one bake.
const INPUTS_MAX: usize = 100;

/// What a renderer may be called; `CF` and `HELM4` and `KUSTOMIZE5` are not known to every Orca.
const RENDERERS: &[&str] = &[
    "HELM2",
    "HELM3",
    "HELM4",
    "KUSTOMIZE",
    "KUSTOMIZE4",
    "KUSTOMIZE5",
    "HELMFILE",
    "CF",
];

/// What both types have.
const EXPECTED: Field = Field::required(
    "expectedArtifacts",
    FieldType::List,
    "Exactly one: the name of its matchArtifact becomes that of the artifact that is made.",
);

impl StageType for BakeManifest {
    fn names(&self) -> &'static [&'static str] {
        &["bakeManifest"]
    }

    fn summary(&self) -> &'static str {
        "Bakes manifests with Helm, Kustomize or Helmfile; they become one artifact embedded/base64."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "templateRenderer",
                    FieldType::Word(RENDERERS),
                    "The tool: HELM3, HELM4, KUSTOMIZE (also as KUSTOMIZE4, KUSTOMIZE5), HELMFILE, CF.",
                ),
                Field::optional(
                    "inputArtifacts",
                    FieldType::List,
                    "List of {id or artifact, account}: first the chart or repository, then files with values.",
                ),
                Field::optional(
                    "inputArtifact",
                    FieldType::Map,
                    "The kustomization {id or artifact, account}, if there are no inputArtifacts.",
                ),
                EXPECTED,
                Field::optional(
                    "outputName",
                    FieldType::Text,
                    "Name of the release, for Helm.",
                ),
                Field::optional(
                    "namespace",
                    FieldType::Text,
                    "Namespace, for Helm and Helmfile.",
                ),
                Field::optional(
                    "overrides",
                    FieldType::Map,
                    "Values by their paths, for Helm and Helmfile; they win over files.",
                ),
                Field::optional(
                    "rawOverrides",
                    FieldType::Boolean,
                    "Helm reads numbers and booleans in overrides as such (--set, not --set-string).",
                ),
                Field::optional(
                    "evaluateOverrideExpressions",
                    FieldType::Boolean,
                    "Expressions that are in the overrides after the context was evaluated are evaluated once more.",
                ),
                Field::optional(
                    "includeCRDs",
                    FieldType::Boolean,
                    "Helm's output has the custom resource definitions of the chart.",
                ),
                Field::optional(
                    "apiVersions",
                    FieldType::Text,
                    "API versions that the chart may ask for, comma separated.",
                ),
                Field::optional(
                    "kubeVersion",
                    FieldType::Text,
                    "Version of Kubernetes that the chart may ask for.",
                ),
                Field::optional(
                    "helmChartFilePath",
                    FieldType::Text,
                    "Folder of the chart in a repository; its root, if absent.",
                ),
                Field::optional(
                    "helmfileFilePath",
                    FieldType::Text,
                    "The Helmfile in a repository; helmfile.yaml, if absent.",
                ),
                Field::optional("environment", FieldType::Text, "Environment, for Helmfile."),
                Field::optional(
                    "kustomizeFilePath",
                    FieldType::Text,
                    "The kustomization file in a repository.",
                ),
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&CREATE, &BIND] }
    }

    fn differs(&self) -> &'static str {
        "HELM4 is an addition, and HELM2 is not built. An input without `account` keeps its artifact's own. Accounts and programs \
         are those of the workers' settings (`artifacts`, `bake`). A Helmfile with hooks or post-renderers is refused unless the \
         settings allow it, as in the newest Spinnaker."
    }
}

impl StageType for BakeCloudFoundryManifest {
    fn names(&self) -> &'static [&'static str] {
        &["bakeCloudFoundryManifest"]
    }

    fn summary(&self) -> &'static str {
        "Puts variables into a manifest of Cloud Foundry; it becomes one artifact embedded/base64."
    }

    fn fields(&self) -> &'static [Field] {
        const {
            &[
                Field::required(
                    "manifestTemplate",
                    FieldType::Map,
                    "The template {id or artifact, account}, with ((placeholders)).",
                ),
                Field::required(
                    "varsArtifacts",
                    FieldType::List,
                    "List of {id or artifact, account}: files with variables; later ones win.",
                ),
                Field::optional("outputName", FieldType::Text, "Passed through."),
                EXPECTED,
            ]
        }
    }

    fn tasks(&self) -> &'static [&'static TaskDefinition] {
        const { &[&CREATE, &BIND] }
    }
}

impl StageDefinition for BakeManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(plan(context, None))
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        Cleared::keys(&[RESOLVED, EVALUATED])
    }
}

impl StageDefinition for BakeCloudFoundryManifest {
    fn plan(&self, context: &PlanContext<'_>) -> Result<Plan, PlanError> {
        Ok(plan(context, Some("CF")))
    }

    fn restarted(&self, _stage: &Stage, _by_child: bool) -> Cleared {
        Cleared::keys(&[RESOLVED, EVALUATED])
    }
}

fn plan(context: &PlanContext<'_>, renderer: Option<&str>) -> Plan {
    let mut plan = Plan::of_tasks([&CREATE, &BIND]);
    // What is wrong is said by the task, as in Orca.
    let resolved = inputs(context.execution, context.stage, &context.stage.context);
    let resolved = resolved.unwrap_or_default();
    plan.context
        .insert(RESOLVED.to_owned(), Value::Array(resolved));
    if let Some(renderer) = renderer {
        plan.context
            .insert("templateRenderer".to_owned(), json!(renderer));
    }
    plan
}

fn step(context: &TaskContext<'_>) -> Step {
    let own = context.context;
    if let Err(problem) = check(context) {
        return TaskResult::thrown(context, "IllegalArgumentException", &problem).into();
    }
    let wants = read::boolean(own, "evaluateOverrideExpressions") == Some(true);
    if wants && !own.contains_key(EVALUATED) {
        let overrides = own.get("overrides").cloned().unwrap_or_else(|| json!({}));
        let evaluated = (context.evaluate)(&overrides, own);
        if let Some(lookup) = evaluated.needs.first() {
            return Step::Lookup(lookup.clone());
        }
        let mut learned = Map::new();
        learned.insert("overrides".to_owned(), evaluated.value);
        learned.insert(EVALUATED.to_owned(), json!(true));
        return Step::Again {
            at: context.now,
            context: learned,
        };
    }
    Step::Dispatch(Remote {
        pool: "deploy",
        kind: "createBake",
        effect: false,
    })
}

fn check(context: &TaskContext<'_>) -> Result<(), String> {
    let own = context.context;
    let renderer = read::text(own, "templateRenderer").unwrap_or_default();
    let is_known = RENDERERS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(renderer));
    if !is_known {
        return Err(format!("Invalid template renderer {renderer}"));
    }
    inputs(&context.state.doc, context.stage, own)?;
    let expected = artifacts::read_expected(own.get("expectedArtifacts"), "expectedArtifacts");
    match expected.map_err(|problem| problem.to_string())?.as_slice() {
        [] => Err("At least one expected artifact to baked manifest must be supplied".to_owned()),
        [only] if only.pattern.text("name").unwrap_or_default().is_empty() => {
            Err("The expected artifact of a bake needs a name in its matchArtifact".to_owned())
        }
        [_] => Ok(()),
        [_, _, ..] => {
            Err("Too many artifacts provided as expected: a bake makes exactly one".to_owned())
        }
    }
}

/// The input artifacts, in the order in which the worker gets them.
fn inputs(execution: &Execution, stage: &Stage, own: &Map) -> Result<Vec<Value>, String> {
    let listed = |key: &str| {
        own.get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let one = |key: &str| own.get(key).filter(|value| value.is_object()).cloned();
    let mut given = listed("inputArtifacts");
    if given.is_empty() {
        given.extend(one("inputArtifact"));
    }
    if given.is_empty() {
        given.extend(one("manifestTemplate"));
        given.extend(listed("varsArtifacts"));
    }
    if given.is_empty() {
        return Err("At least one input artifact to bake must be supplied".to_owned());
    }
    if given.len() > INPUTS_MAX {
        return Err(format!(
            "a bake takes at most {INPUTS_MAX} input artifacts, and not {}",
            given.len()
        ));
    }
    let inputs = given
        .iter()
        .map(|input| resolve(execution, stage, own, input));
    inputs.collect()
}

/// What an input stands for; its account wins over the artifact's.
fn resolve(
    execution: &Execution,
    stage: &Stage,
    own: &Map,
    input: &Value,
) -> Result<Value, String> {
    let text = |key: &str| {
        input
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let id = text("id").or_else(|| text("artifactId"));
    let account = text("account").or_else(|| text("artifactAccount"));
    let found = match (id, input.get("artifact")) {
        (Some(id), _) => artifacts::bound(execution, stage, own, id),
        (None, Some(artifact @ Value::Object(_))) => Some(
            Artifact::read(artifact, "inputArtifacts").map_err(|problem| problem.to_string())?,
        ),
        (None, _) => None,
    };
    let mut found = found
        .ok_or_else(|| {
            format!(
                "Input artifact (id: {}, account: {}) could not be found in execution (id: {}).",
                id.unwrap_or("null"),
                account.unwrap_or("null"),
                execution.id
            )
        })?
        .to_value();
    if let Some(account) = account {
        found["artifactAccount"] = json!(account);
    }
    Ok(found)
}
