//! What `bakeManifest` hands to workers, and what it makes of what they bake (reference of the clouds 4.1).
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "other test files use the rest")]
mod driver;

use driver::Driver;
use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

fn bake(extra: Value) -> Value {
    let mut stage = json!({"refId": "1", "type": "bakeManifest", "templateRenderer": "HELM3", "outputName": "web",
        "inputArtifacts": [{"account": "charts", "artifact": {"type": "helm/chart", "name": "web", "artifactAccount": "old"}}],
        "expectedArtifacts": [{"id": "baked", "matchArtifact": {"type": "embedded/base64", "name": "web-manifests", "kind": "base64"},
            "useDefaultArtifact": false}]});
    stage.as_object_mut().unwrap().extend(map(extra));
    stage
}

fn run(stage: Value) -> Driver {
    Driver::start(json!({ "stages": [stage] }))
}

fn baked() -> Outcome {
    let known = map(json!({"cloudProvider": "kubernetes", "artifacts": [
        {"type": "embedded/base64", "name": "web-manifests", "reference": "YTogMQ=="}]}));
    Outcome::Succeeded {
        context: known.clone(),
        outputs: known,
    }
}

#[test]
fn what_is_baked_is_bound_to_what_was_expected() {
    let mut driver = run(bake(json!({"overrides": {"tag": "${1 + 1}"}})));
    let attempt = driver.attempt("createBake");
    let message = driver.message(attempt);
    assert_eq!(
        (message.pool.as_str(), message.effect.is_none()),
        ("deploy", true)
    );
    let chart = &message.input["resolvedInputArtifacts"][0];
    assert_eq!(
        (chart["name"].as_str(), chart["artifactAccount"].as_str()),
        (Some("web"), Some("charts"))
    );
    assert_eq!(message.input["overrides"]["tag"], 2);
    driver.report(attempt, baked());
    assert_eq!(driver.status(), Status::Succeeded);
    let outputs = &driver.stage("1").outputs;
    assert_eq!(outputs["artifacts"][0]["reference"], "YTogMQ==");
    assert_eq!(outputs["resolvedExpectedArtifacts"][0]["id"], "baked");
    assert_eq!(
        outputs["resolvedExpectedArtifacts"][0]["boundArtifact"]["name"],
        "web-manifests"
    );
    assert_eq!(outputs["cloudProvider"], "kubernetes");
}

#[test]
fn inputs_are_found_by_their_ids() {
    let found = json!({"refId": "0", "type": "evaluateArtifacts", "artifactContents": [{"name": "values.yml", "contents": "a: 1"}],
        "expectedArtifacts": [{"id": "values", "matchArtifact": {"name": "values.yml", "artifactAccount": "embedded-artifact"}}]});
    let stage = bake(
        json!({"requisiteStageRefIds": ["0"], "templateRenderer": "kustomize", "inputArtifacts": [],
        "inputArtifact": {"id": "values"}}),
    );
    let driver = Driver::start(json!({"stages": [found, stage]}));
    let message = driver.message(driver.attempt("createBake"));
    let resolved = &message.input["resolvedInputArtifacts"];
    assert_eq!(resolved[0]["reference"], "YTogMQ==");
    assert_eq!(resolved[0]["artifactAccount"], "embedded-artifact");
}

#[test]
fn a_stage_that_makes_no_sense_says_so_in_orcas_words() {
    for (extra, words) in [
        (
            json!({"inputArtifacts": []}),
            "At least one input artifact to bake must be supplied",
        ),
        (
            json!({"inputArtifacts": [{"id": "nobody", "account": "charts"}]}),
            "Input artifact (id: nobody, account: charts) could not be found in execution (id: ",
        ),
        (
            json!({"templateRenderer": "JSONNET"}),
            "Invalid template renderer JSONNET",
        ),
        (
            json!({"templateRenderer": null}),
            "Invalid template renderer ",
        ),
        (
            json!({"expectedArtifacts": []}),
            "At least one expected artifact to baked manifest must be supplied",
        ),
        (
            json!({"expectedArtifacts": [{"id": "1"}]}),
            "The expected artifact of a bake needs a name",
        ),
        (
            json!({"expectedArtifacts": [{"matchArtifact": {"name": "a"}}, {"matchArtifact": {"name": "b"}}]}),
            "Too many artifacts provided as expected",
        ),
    ] {
        let driver = run(bake(extra));
        assert_eq!(driver.status(), Status::Terminal);
        let said = &driver.errors("1")[0];
        assert!(said.starts_with(words), "{said}");
    }
}

#[test]
fn overrides_are_evaluated_once_more_on_demand() {
    // What the first evaluation leaves in the context is an expression itself.
    let overrides = json!({"tag": "${'$' + '{1 + 1}'}", "plain": "x"});
    let plain = run(bake(json!({"overrides": overrides})));
    let once = plain.message(plain.attempt("createBake")).input["overrides"].clone();
    let mut driver = run(bake(
        json!({"overrides": overrides, "evaluateOverrideExpressions": true}),
    ));
    driver.advance(0);
    let message = driver.message(driver.attempt("createBake"));
    assert_eq!(message.input["overrides"]["plain"], "x");
    assert_eq!(message.input["overrides"]["tag"], 2, "after {once}");
}

#[test]
fn cloud_foundry_has_names_of_its_own() {
    let stage = json!({"refId": "1", "type": "bakeCloudFoundryManifest",
        "manifestTemplate": {"artifactAccount": "gh", "artifact": {"type": "github/file", "reference": "t"}},
        "varsArtifacts": [{"artifact": {"type": "embedded/base64", "reference": "YTogMQ=="}}],
        "expectedArtifacts": [{"matchArtifact": {"name": "manifest"}}]});
    let driver = run(stage);
    let message = driver.message(driver.attempt("createBake"));
    assert_eq!(message.input["templateRenderer"], "CF");
    let resolved = message.input["resolvedInputArtifacts"].as_array().unwrap();
    let accounts: Vec<&Value> = resolved.iter().map(|it| &it["artifactAccount"]).collect();
    assert_eq!(accounts, [&json!("gh"), &Value::Null]);
}
