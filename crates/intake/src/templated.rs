//! Starts of pipelines that are made from templates: the owner of a partition makes the plain pipeline first, whoever asks for
//! the start (ADR 1).
//!
//! Source: orca `OperationsController.parseAndValidatePipeline`. There the first generation is stored with triggers, parameters
//! and the like at its top; here it is stored as it was sent, and what stands there is worked out anew.

use gennaker_expressions::Limits;
use gennaker_model::{ExecutionType, Map, command::Start, routing::fnv1a64};
use gennaker_stages::artifacts::{Matcher, read_all, read_expected};
use gennaker_templates::{
    Answers, Expansion, Need, Problem, Request, expand, is_templated, reason, surface,
};
use serde_json::Value;

use crate::{
    artifacts,
    start::{boolean, normalized_trigger},
};

/// What became of a start.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// The same start of a plain pipeline; it fails, saying why, if the template cannot be expanded.
    Ready(Box<Start>),
    /// This must be known first.
    Needs(Need),
}

/// What a plan comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Planned {
    /// The pipeline as it would run.
    Pipeline(Map),
    /// This must be known first.
    Needs(Need),
    /// It cannot be planned.
    Invalid(Vec<Problem>),
}

/// Whether a start must be expanded before it can be prepared.
///
/// One that is refused anyway is not: what a disabled pipeline would have been does not matter.
#[must_use]
pub fn needs_expansion(start: &Start) -> bool {
    start.kind == ExecutionType::Pipeline
        && start.error.is_none()
        && is_templated(&start.config)
        && !boolean(start.config.get("disabled"))
}

/// The start of the plain pipeline that this one's configuration stands for.
#[must_use]
pub fn expanded(start: &Start, now_ms: i64, limits: &Limits, answers: &Answers<'_>) -> Made {
    let seed = fnv1a64(start.execution.as_str().as_bytes());
    let request = Request {
        config: &start.config,
        trigger: &start.trigger,
        plan: false,
        now_ms,
        seed,
        limits,
    };
    let surfaced = match surface(&request, answers) {
        Expansion::Needs(need) => return Made::Needs(need),
        Expansion::Done(config) => config,
        Expansion::Plain | Expansion::Invalid(_) => start.config.clone(),
    };
    // Texts of a template may refer to parameters and artifacts, which have defaults.
    let mut seen = Start {
        config: surfaced,
        ..start.clone()
    };
    seen.trigger = normalized_trigger(&seen);
    // What is missing is told when the plain pipeline is prepared.
    let _ = artifacts::resolve_at_start(&seen.config, &mut seen.trigger, None);
    let request = Request {
        trigger: &seen.trigger,
        ..request
    };
    match expand(&request, answers) {
        Expansion::Needs(need) => Made::Needs(need),
        Expansion::Done(pipeline) => {
            let mut started = start.clone();
            expect_what_matches(&pipeline, &mut started.trigger);
            ready(&started, plain(pipeline, &start.config), None)
        }
        Expansion::Plain => ready(start, plain(start.config.clone(), &start.config), None),
        Expansion::Invalid(problems) => {
            let failed = Some(reason(&problems));
            ready(start, identity(&start.config), failed)
        }
    }
}

/// The pipeline as it would run, without running it.
///
/// Source: orca `OperationsController.planPipeline`. A configuration that is made from no template is planned as it is. `strict`
/// counts warnings as problems and uses a template that came with the configuration, as every plan of Orca does.
#[must_use]
pub fn planned(
    config: &Map,
    trigger: &Map,
    strict: bool,
    now_ms: i64,
    limits: &Limits,
    answers: &Answers<'_>,
) -> Planned {
    let request = Request {
        config,
        trigger,
        plan: strict,
        now_ms,
        seed: fnv1a64(now_ms.to_string().as_bytes()),
        limits,
    };
    match expand(&request, answers) {
        Expansion::Plain => Planned::Pipeline(config.clone()),
        Expansion::Done(pipeline) => Planned::Pipeline(pipeline),
        Expansion::Needs(need) => Planned::Needs(need),
        Expansion::Invalid(problems) => Planned::Invalid(problems),
    }
}

/// What names a pipeline: its application, name and id, which a configuration of the first generation may have below `config`.
#[must_use]
pub fn identity(config: &Map) -> Map {
    let inner = config.get("config").and_then(|it| it.get("pipeline"));
    let pairs = [
        ("id", "pipelineConfigId"),
        ("application", "application"),
        ("name", "name"),
    ];
    pairs
        .into_iter()
        .filter_map(|(key, inner_key)| {
            let own = config.get(key).filter(|it| !it.is_null());
            let value = own.or_else(|| inner?.get(inner_key).filter(|it| !it.is_null()))?;
            Some((key.to_owned(), value.clone()))
        })
        .collect()
}

/// A parent that starts a child looks which of its expected artifacts match; those of a template it could not see.
///
/// Source: orca `DependentPipelineStarter`, which plans the child first.
fn expect_what_matches(pipeline: &Map, trigger: &mut Map) {
    if trigger.get("type").and_then(Value::as_str) != Some("pipeline") {
        return;
    }
    let expected = read_expected(pipeline.get("expectedArtifacts"), "expectedArtifacts");
    let received = read_all(trigger.get("artifacts"), "trigger.artifacts");
    // What is malformed is told when the plain pipeline is prepared.
    let (Ok(expected), Ok(received)) = (expected, received) else {
        return;
    };
    let ids = trigger.get("expectedArtifactIds").and_then(Value::as_array);
    let mut ids = ids.cloned().unwrap_or_default();
    for expected in &expected {
        let matcher = Matcher::of(&expected.pattern);
        let matches = |artifact| matcher.matches(artifact).unwrap_or(false);
        let id = Value::from(expected.id.clone());
        if received.iter().any(matches) && !ids.contains(&id) {
            ids.push(id);
        }
    }
    if !ids.is_empty() {
        trigger.insert("expectedArtifactIds".to_owned(), ids.into());
    }
}

fn ready(start: &Start, config: Map, error: Option<String>) -> Made {
    Made::Ready(Box::new(Start {
        config,
        error,
        ..start.clone()
    }))
}

/// The pipeline as a configuration that is not expanded again.
fn plain(mut pipeline: Map, config: &Map) -> Map {
    for key in ["type", "schema", "template", "config", "trigger", "errors"] {
        pipeline.shift_remove(key);
    }
    // Orca calls a pipeline without id `unknown`, and lets only one of all of them run.
    if !identity(config).contains_key("id") {
        pipeline.shift_remove("id");
    }
    pipeline
}

#[cfg(test)]
mod tests {
    use gennaker_engine::Rules;
    use gennaker_model::ExecutionId;
    use gennaker_templates::Answer;
    use serde_json::{Value, json};

    use super::*;
    use crate::{StartContext, prepare};

    fn map(value: Value) -> Map {
        value.as_object().cloned().unwrap()
    }

    fn start(config: Value) -> Start {
        Start {
            execution: ExecutionId::new("01J00000000000000000000000").unwrap(),
            kind: ExecutionType::Pipeline,
            config: map(config),
            trigger: map(json!({"type": "manual", "parameters": {"given": "g"}})),
            user: "me".to_owned(),
            origin: "api".to_owned(),
            parent: None,
            error: None,
        }
    }

    fn first(more: Value) -> Value {
        let mut config = map(json!({
            "name": "p", "application": "shop", "type": "templatedPipeline", "limitConcurrent": false,
            "config": {"schema": "1", "pipeline": {"application": "shop", "name": "p", "template": {"source": "spinnaker://t"}},
                       "configuration": {"inherit": ["parameters"]}},
        }));
        config.extend(map(more));
        config.into()
    }

    fn template() -> Answer {
        Answer::Template(map(json!({
            "schema": "1", "id": "t", "configuration": {"parameters": [{"name": "p", "default": "d"}]},
            "stages": [{"id": "a", "type": "wait", "config": {"waitTime": 1, "x": "{{ trigger.parameters.p }}{{ trigger.parameters.given }}"}}]})))
    }

    fn made(config: Value) -> Start {
        let answers = |_: &Need| Some(template());
        match expanded(&start(config), 1, &Limits::default(), &answers) {
            Made::Ready(start) => *start,
            Made::Needs(need) => panic!("{need:?}"),
        }
    }

    #[test]
    fn a_start_becomes_that_of_a_plain_pipeline() {
        let given = start(first(json!({"id": "c-1"})));
        assert!(needs_expansion(&given));
        let made = made(first(json!({"id": "c-1"})));
        assert!(!needs_expansion(&made) && made.error.is_none());
        assert_eq!(made.config["id"], "c-1");
        assert_eq!(made.config["limitConcurrent"], false);
        assert_eq!(
            made.config["stages"][0]["x"], "dg",
            "defaults of parameters are seen"
        );
        assert_eq!(made.trigger, given.trigger, "what started it is as it was");
    }

    #[test]
    fn a_pipeline_without_id_has_none_afterwards() {
        assert!(!made(first(json!({}))).config.contains_key("id"));
        let mut config = first(json!({}));
        config["config"]["pipeline"]["pipelineConfigId"] = json!("c-2");
        assert_eq!(made(config.clone()).config["id"], "c-2");
        assert_eq!(
            identity(&map(config)),
            map(json!({"id": "c-2", "application": "shop", "name": "p"}))
        );
    }

    #[test]
    fn what_is_refused_anyway_is_not_expanded() {
        let disabled = start(first(json!({"disabled": true})));
        assert!(!needs_expansion(&disabled));
        let failed = Start {
            error: Some("asked".to_owned()),
            ..start(first(json!({})))
        };
        assert!(!needs_expansion(&failed));
        let rules = Rules::default();
        let context = StartContext {
            now: 1,
            rules: &rules,
            frozen: None,
            prior: None,
        };
        let told = |start: &Start| prepare(start, &context).error.unwrap().to_string();
        assert_eq!(
            told(&disabled),
            "Pipeline is disabled and cannot be started."
        );
        assert_eq!(
            told(&start(first(json!({})))),
            "the pipeline is made from a template, and was not expanded"
        );
    }

    #[test]
    fn what_cannot_be_expanded_fails_with_its_name() {
        let answers = |_: &Need| Some(Answer::Missing);
        let Made::Ready(failed) =
            expanded(&start(first(json!({}))), 1, &Limits::default(), &answers)
        else {
            panic!("it asks for ever more");
        };
        assert_eq!(
            failed.error.as_deref(),
            Some(
                "Pipeline template is invalid\n\nMessage: failed loading template\n\nCause: Pipeline template not found (id: t)"
            )
        );
        assert_eq!(
            failed.config,
            map(json!({"application": "shop", "name": "p"}))
        );
        let unanswered = expanded(&start(first(json!({}))), 1, &Limits::default(), &|_| None);
        assert_eq!(unanswered, Made::Needs(Need::Template("t".to_owned())));
    }

    #[test]
    fn a_child_expects_what_its_template_expects() {
        let template = json!({"schema": "v2", "id": "t", "pipeline": {"stages": [], "expectedArtifacts": [
            {"id": "image", "matchArtifact": {"type": "docker/image"}}, {"id": "other", "matchArtifact": {"type": "x"}}]}});
        let answers = |_: &Need| Some(Answer::Template(map(template.clone())));
        let config = json!({"schema": "v2", "application": "shop", "template": {"reference": "spinnaker://t"}});
        let mut child = start(config);
        child.trigger =
            map(json!({"type": "pipeline", "artifacts": [{"type": "docker/image", "name": "a"}]}));
        let Made::Ready(made) = expanded(&child, 1, &Limits::default(), &answers) else {
            panic!("the template is there");
        };
        assert_eq!(made.trigger["expectedArtifactIds"], json!(["image"]));
    }

    #[test]
    fn values_of_a_template_are_in_scope_before_the_run() {
        let template = json!({"schema": "v2", "id": "t", "variables": [{"name": "n"}], "pipeline": {"stages": [
            {"refId": "1", "type": "wait", "name": "Wait ${templateVariables.n}", "waitTime": "${templateVariables.n}"}]}});
        let answers = |_: &Need| Some(Answer::Template(map(template.clone())));
        let config = json!({"schema": "v2", "application": "shop", "name": "p ${templateVariables.n}", "variables": {"n": 3},
                            "template": {"reference": "spinnaker://t"}});
        let Made::Ready(made) = expanded(&start(config), 1, &Limits::default(), &answers) else {
            panic!("the template is there");
        };
        let rules = Rules::default();
        let context = StartContext {
            now: 1,
            rules: &rules,
            frozen: None,
            prior: None,
        };
        let execution = prepare(&made, &context).execution;
        // Evaluator v3 freezes what can be evaluated, v4 leaves stages alone.
        assert_eq!(execution.name.as_deref(), Some("p 3"));
        assert_eq!(execution.stages[0].context["waitTime"], 3);
        assert_eq!(execution.stages[0].name, "Wait 3");
        assert_eq!(
            execution.template_variables.as_deref(),
            Some(&map(json!({"n": 3})))
        );
    }
}
