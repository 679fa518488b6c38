//! The reference's tables as cases, and what must hold for any text.

mod checks;
mod document;
mod functions;
mod language;
mod limits;
mod methods;
mod objects;
mod patterns;
mod properties;
mod summaries;
mod templates;

use serde_json::{Map, Value as Json, json};

use crate::{Environment, Evaluation, Level, Root, evaluate_text};
use document::DocumentRoot;

/// 2025-03-14T15:09:26.535Z
const NOW: i64 = 1_741_964_966_535;

struct MapRoot(Map<String, Json>);

impl Root for MapRoot {
    fn own(&self) -> &Map<String, Json> {
        &self.0
    }
}

fn map_root(json: Json) -> MapRoot {
    MapRoot(json.as_object().unwrap().clone())
}

/// The root of the reference's table of semantics.
fn table_root() -> MapRoot {
    map_root(json!({
        "a": 1, "d": 1.5, "s": "hello-World", "e": "", "n": null, "big": 2147483647, "list": [1, 2, 3, 4],
        "m": {"k": "v"}, "num": "5", "t": true, "yes": "true", "long": 3_000_000_000_i64,
        "huge": 18_446_744_073_709_551_615_u64, "maps": [{"x": 1}, {"x": 2}], "empty": [], "f": false,
        "date": "2020-01-31", "nested": {"l": [1, {"z": "deep"}]}, "uni": "aä😀z"
    }))
}

fn evaluate(text: &str) -> Evaluation {
    evaluate_text(text, &table_root(), &Environment::fixed(NOW, 42))
}

/// A result in one line: JSON of the value, `INFO` for null, `ERROR` and the description.
fn shown(evaluation: &Evaluation) -> String {
    assert!(evaluation.needs.is_empty(), "asks {:?}", evaluation.needs);
    match evaluation.summary.0.values().flatten().next() {
        None => evaluation.value.to_string(),
        Some(entry) if entry.level == Level::Info => "INFO".to_owned(),
        Some(entry) => format!("ERROR {}", entry.description),
    }
}

/// Each expression (without `${}`) gives the value (JSON), `INFO`, or an error that contains the text after `ERROR `.
fn check_table(rows: &[(&str, &str)]) {
    let wrapped: Vec<(String, &str)> = rows
        .iter()
        .map(|(text, wanted)| (format!("${{{text}}}"), *wanted))
        .collect();
    check_texts(
        &table_root(),
        wrapped
            .iter()
            .map(|(text, wanted)| (text.as_str(), *wanted)),
    );
}

fn check_texts<'r>(root: &dyn Root, rows: impl Iterator<Item = (&'r str, &'r str)>) {
    let mut wrong = Vec::new();
    for (text, wanted) in rows {
        let evaluation = evaluate_text(text, root, &Environment::fixed(NOW, 42));
        let got = shown(&evaluation);
        let same = match wanted.strip_prefix("ERROR") {
            Some(part) => got
                .strip_prefix("ERROR")
                .is_some_and(|description| description.contains(part.trim())),
            None => got == wanted,
        };
        if !same {
            wrong.push(format!("{text}\n    wanted {wanted}\n    got    {got}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// An execution as a run of a pipeline leaves it.
fn execution() -> Json {
    json!({
        "type": "PIPELINE", "id": "01EXEC", "application": "shop", "name": "deploy", "status": "RUNNING",
        "buildTime": 1_700_000_000_000_i64, "canceled": false, "spelEvaluator": "v4",
        "templateVariables": {"team": "blue"},
        "authentication": {"user": "ann@example.com", "allowedAccounts": ["prod", "test"]},
        "trigger": {
            "type": "jenkins", "user": "ann@example.com", "parameters": {"env": "prod", "replicas": "3"},
            "buildInfo": {
                "number": 17, "name": "build", "artifacts": [],
                "scm": [
                    {"name": "git", "branch": "master", "sha1": "aaa"},
                    {"name": "git", "branch": "feature", "sha1": "bbb"}
                ]
            },
            "payload": {"repository": {"name": "shop-web"}},
            "artifacts": [{"type": "docker/image", "name": "web", "reference": "registry/web:1"}],
            "resolvedExpectedArtifacts": [
                {"id": "x", "boundArtifact": {"type": "docker/image", "name": "app", "version": "1.2", "reference": "app:1.2"}}
            ]
        },
        "stages": [
            {"id": "S1", "refId": "1", "type": "bake", "name": "Bake", "status": "SUCCEEDED",
             "requisiteStageRefIds": [], "startTime": 1_700_000_001_000_i64,
             "context": {"region": "eu", "own": "bake"},
             "outputs": {"artifacts": [{"type": "docker/image", "name": "web", "reference": "web@sha"}], "image": "web-7"},
             "tasks": [{"id": "1", "name": "createBake", "status": "SUCCEEDED", "implementingClass": "x.CreateBakeTask"}]},
            {"id": "S2", "refId": "2", "type": "manualJudgment", "name": "Approve", "status": "SUCCEEDED",
             "requisiteStageRefIds": ["1"], "context": {"judgmentInput": "yes", "lastModifiedBy": "bob"}, "outputs": {}, "tasks": []},
            {"id": "S3", "refId": "3", "type": "deployManifest", "name": "Deploy", "status": "SUCCEEDED",
             "requisiteStageRefIds": ["2"],
             "context": {"account": "prod", "outputs.manifests": [
                 {"kind": "Deployment", "metadata": {"name": "web"},
                  "spec": {"template": {"metadata": {"labels": {"version": "v7"}}}}}]},
             "outputs": {"manifests": [{"kind": "Deployment", "metadata": {"name": "web"}}]}, "tasks": []},
            {"id": "S4", "refId": "4", "type": "deploy", "name": "Servers", "status": "SUCCEEDED",
             "requisiteStageRefIds": ["2"],
             "context": {"account": "prod", "capacity": {"min": 1}, "region": "eu-1",
                 "deploy.server.groups": {"eu-1": ["shop-v001"]},
                 "deploymentDetails": [{"region": "eu-1", "ami": "ami-1"}],
                 "kato.tasks": [{"resultObjects": [{"deployments": [{"serverGroup": "shop-v001"}]}]}]},
             "outputs": {}, "tasks": []},
            {"id": "S5", "refId": "5", "type": "wait", "name": "Test", "status": "TERMINAL",
             "requisiteStageRefIds": ["3", "4"], "context": {"failPipeline": true}, "outputs": {"k": "failed"}, "tasks": []},
            {"id": "S6", "refId": "6", "type": "evaluateVariables", "name": "Vars", "status": "RUNNING",
             "requisiteStageRefIds": ["5"], "context": {"mine": "context", "l": [1, 2], "n": null}, "outputs": {}, "tasks": []},
            {"id": "S6a", "refId": "6<1", "type": "wait", "name": "Before", "status": "RUNNING",
             "parentStageId": "S6", "syntheticStageOwner": "STAGE_BEFORE", "requisiteStageRefIds": [],
             "context": {}, "outputs": {}, "tasks": []}
        ]
    })
}

fn check_stage(ref_id: &str, rows: &[(&str, &str)]) {
    let execution = execution();
    let root = DocumentRoot::stage(&execution, ref_id).unwrap();
    let wrapped: Vec<(String, &str)> = rows
        .iter()
        .map(|(text, wanted)| (format!("${{{text}}}"), *wanted))
        .collect();
    check_texts(
        &root,
        wrapped
            .iter()
            .map(|(text, wanted)| (text.as_str(), *wanted)),
    );
}
