//! What the author of a pipeline should hear before it runs: expressions that cannot be parsed, and names in them that are
//! not there.
//!
//! One function for `lint` on the command line, for the warnings of a save and for the editor. It refuses nothing:
//! Spinnaker saves such pipelines, and so do we.

use std::collections::BTreeSet;

use gennaker_expressions::{Finding, Known, Limits, Severity, check_json};
use serde::Serialize;
use serde_json::Value;

/// Most warnings of one pipeline; more tell nobody more.
pub const WARNINGS_MAX: usize = 1_000;

/// The expressions of a pipeline, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How many there are.
    pub expressions: usize,
    /// What is wrong with them, in document order; at most [`WARNINGS_MAX`].
    pub warnings: Vec<Warning>,
}

/// Something about one expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// The stage that it stands in; none outside the stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageName>,
    /// Where the text stands, as a JSON pointer (RFC 6901) into the pipeline: `/stages/2/url`.
    pub path: String,
    /// Where in the text, in bytes from its begin.
    pub position: usize,
    /// Whether the expression will certainly stay as text.
    pub severity: Severity,
    /// The `ELnnnnE` code that Spring would give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong, and what may be meant, as a lower-case sentence without a full stop.
    pub message: String,
    /// The name that may be meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// How people know a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageName {
    /// Its refId.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ref_id: Option<String>,
    /// Its name, or else its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Checks every expression of a pipeline against the language, its stages and its parameters.
#[must_use]
pub fn expressions(pipeline: &Value, limits: &Limits) -> Checked {
    let found = check_json(pipeline, &known(pipeline), limits);
    let templated = is_templated(pipeline);
    let warnings = found
        .findings
        .into_iter()
        .filter(|finding| !is_left_alone(pipeline, &finding.pointer))
        .filter(|finding| !(templated && is_rendered_first(pipeline, &finding.pointer)))
        .take(WARNINGS_MAX)
        .map(|finding| warning(pipeline, finding))
        .collect();
    Checked {
        expressions: found.expressions,
        warnings,
    }
}

/// What expressions may name. Where the pipeline does not say it all (a template adds stages, a name is an expression
/// itself, parameters come from outside), nothing is taken for wrong.
fn known(pipeline: &Value) -> Known {
    let has_template = pipeline["template"]
        .as_object()
        .is_some_and(|template| !template.is_empty());
    if has_template || is_templated(pipeline) {
        return Known::default();
    }
    let texts = |list: &str, keys: &[&str]| -> BTreeSet<String> {
        let items = pipeline[list].as_array().into_iter().flatten();
        items
            .flat_map(|item| keys.iter().map(|key| &item[*key]))
            .filter_map(text_of)
            .collect()
    };
    let certain = |names: BTreeSet<String>| match names.iter().any(|name| name.contains("${")) {
        true => BTreeSet::new(),
        false => names,
    };
    let parameters = texts("parameterConfig", &["name"]);
    Known {
        stages: certain(texts("stages", &["name", "id"])),
        parameters: (!parameters.is_empty()).then_some(parameters),
        ref_ids: certain(texts("stages", &["refId"])),
    }
}

fn is_templated(pipeline: &Value) -> bool {
    pipeline
        .as_object()
        .is_some_and(gennaker_templates::is_templated)
}

/// A text that Jinja makes another one of, before anybody looks for expressions in it.
fn is_rendered_first(pipeline: &Value, pointer: &str) -> bool {
    let text = pipeline.pointer(pointer).and_then(Value::as_str);
    text.is_some_and(|text| text.contains("{{") || text.contains("{%"))
}

/// Inline manifests of a stage that asks for it are not evaluated (orchestration reference 7.2).
fn is_left_alone(pipeline: &Value, pointer: &str) -> bool {
    stage_of(pipeline, pointer).is_some_and(|(stage, rest)| {
        stage["skipExpressionEvaluation"] == true
            && (rest.starts_with("manifests/") || rest.starts_with("manifest/"))
    })
}

fn warning(pipeline: &Value, finding: Finding) -> Warning {
    let stage = stage_of(pipeline, &finding.pointer).map(|(stage, _)| StageName {
        ref_id: text_of(&stage["refId"]),
        name: text_of(&stage["name"]).or_else(|| text_of(&stage["type"])),
    });
    let message = match &finding.suggestion {
        Some(near) => format!("{}, did you mean {near:?}?", finding.message),
        None => finding.message,
    };
    Warning {
        stage,
        path: finding.pointer,
        position: finding.position,
        severity: finding.severity,
        code: finding.code,
        message,
        suggestion: finding.suggestion,
    }
}

/// The stage that a pointer leads into, and what is left of the pointer.
fn stage_of<'a>(pipeline: &'a Value, pointer: &'a str) -> Option<(&'a Value, &'a str)> {
    let rest = pointer.strip_prefix("/stages/")?;
    let (place, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let stage = pipeline["stages"].get(place.parse::<usize>().ok()?)?;
    Some((stage, rest))
}

/// A text that is not empty; numbers count as theirs, because some write refIds so.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(pipeline: &Value) -> Vec<String> {
        let checked = expressions(pipeline, &Limits::default());
        let line = |warning: &Warning| {
            let stage = warning.stage.as_ref().map(|stage| {
                let (ref_id, name) = (stage.ref_id.clone(), stage.name.clone());
                format!(
                    "{}={} ",
                    ref_id.unwrap_or_default(),
                    name.unwrap_or_default()
                )
            });
            format!(
                "{}{}@{} {}",
                stage.unwrap_or_default(),
                warning.path,
                warning.position,
                warning.message
            )
        };
        checked.warnings.iter().map(line).collect()
    }

    #[test]
    fn a_wrong_name_is_told_with_its_place_and_a_better_one() {
        let pipeline = json!({
            "name": "deploy ${trigger.x}",
            "parameterConfig": [{"name": "region"}],
            "stages": [
                {"refId": "1", "name": "Build", "type": "wait"},
                {"refId": 2, "type": "webhook", "url": "x/${#stage('Bulid').status}",
                 "payload": {"a": ["${parameters.regoin}", "${#toInteger('1')}", "${"]}},
            ],
        });
        assert_eq!(
            said(&pipeline),
            [
                "2=webhook /stages/1/url@11 there is no stage 'Bulid', did you mean \"Build\"?",
                "2=webhook /stages/1/payload/a/0@13 the pipeline has no parameter 'regoin', did you mean \"region\"?",
                "2=webhook /stages/1/payload/a/1@2 there is no function '#toInteger'",
                "2=webhook /stages/1/payload/a/2@0 Expression [${] @0: No ending suffix '}' for expression starting at character 0: ${",
            ]
        );
        assert_eq!(expressions(&pipeline, &Limits::default()).expressions, 5);
    }

    #[test]
    fn what_cannot_be_known_is_not_taken_for_wrong() {
        for pipeline in [
            json!({"template": {"reference": "spinnaker://x"}, "schema": "v2",
                   "stages": [{"name": "a", "type": "wait", "x": "${#stage('from the template').id}"}]}),
            json!({"type": "templatedPipeline", "config": {"schema": "1", "stages": [
                {"id": "a", "type": "wait", "config": {"x": "${#stage('from the template').id}", "y": "${ {{ n }} }", "z": "${parameters.p}"}}]}}),
            json!({"stages": [{"name": "Deploy ${parameters.env}", "type": "wait"},
                              {"name": "b", "type": "wait", "x": "${#stage('Deploy prod').id}"}]}),
            json!({"stages": [{"type": "wait", "x": "${parameters.any}"}]}),
            json!({"stages": [{"type": "deployManifest", "skipExpressionEvaluation": true,
                               "manifests": [{"data": {"run.sh": "${HOME:-x}"}}]}]}),
            json!([1]),
            json!(null),
            json!({"stages": 7, "parameterConfig": {"name": 1}}),
        ] {
            assert_eq!(said(&pipeline), Vec::<String>::new(), "{pipeline}");
        }
        let evaluated =
            json!({"stages": [{"type": "deployManifest", "manifests": ["${HOME:-x}"]}]});
        assert_eq!(said(&evaluated).len(), 1);
    }

    #[test]
    fn many_warnings_are_cut() {
        let names: Vec<Value> = (0..3_000)
            .map(
                |n| json!({"name": format!("stage {n}"), "x": format!("${{#stage('stege {n}')}}")}),
            )
            .collect();
        let checked = expressions(&json!({"stages": names}), &Limits::default());
        assert_eq!(
            (checked.expressions, checked.warnings.len()),
            (3_000, WARNINGS_MAX)
        );
        let helped = checked.warnings.iter().filter(|it| it.suggestion.is_some());
        assert_eq!(helped.count(), 100);
    }
}
