//! What stages of the Kubernetes provider hand to workers, and what they make of the reports (Kubernetes reference 5 to 7).
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "pipelines/driver.rs"]
#[expect(dead_code, reason = "other test files use the rest")]
mod driver;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use driver::Driver;
use gennaker_engine::Catalogue as _;
use gennaker_model::{Map, Status, work::Outcome};
use gennaker_stages::Catalogue;
use serde_json::{Value, json};

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

fn done(context: Value) -> Outcome {
    Outcome::Succeeded {
        context: map(context),
        outputs: Map::new(),
    }
}

fn failed(context: Value, error: &str) -> Outcome {
    Outcome::Failed {
        exception: Some(json!({"details": {"errors": [error]}})),
        context: map(context),
        outputs: Map::new(),
    }
}

fn deploy(extra: Value) -> Value {
    let mut stage = json!({"refId": "1", "type": "deployManifest", "account": "prod", "cloudProvider": "kubernetes",
        "moniker": {"app": "web"}, "manifests": [{"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "${1 + 1}"}}]});
    stage.as_object_mut().unwrap().extend(map(extra));
    stage
}

fn run(stage: Value) -> Driver {
    Driver::start(json!({ "stages": [stage] }))
}

/// What a worker has deployed: one ReplicaSet.
fn deployed() -> Value {
    json!({
        "outputs.manifests": [{"kind": "ReplicaSet", "metadata": {"name": "web-v001", "namespace": "shop"}}],
        "outputs.manifestNamesByNamespace": {"shop": ["replicaSet web-v001"]},
        "outputs.createdArtifacts": [{"type": "kubernetes/replicaSet", "name": "web", "reference": "web-v001"}],
        "outputs.boundArtifacts": [],
        "appliedManifests": {"shop": ["replicaSet web-v001"]},
    })
}

#[test]
fn a_deployment_goes_through_all_its_tasks() {
    let mut driver = run(deploy(json!({})));
    let attempt = driver.attempt("deployManifest");
    let input = &driver.message(attempt).input;
    assert_eq!(input["manifests"][0]["data"]["a"], 2, "evaluated");
    assert_eq!(input["requiredArtifacts"], json!([]));
    assert_eq!(driver.message(attempt).pool, "deploy");
    assert!(driver.message(attempt).effect.is_some());
    driver.report(attempt, done(deployed()));
    let stage = driver.stage("1");
    let keys: Vec<&str> = stage.outputs.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "manifests",
            "requiredArtifacts",
            "optionalArtifacts",
            "outputs.manifests",
            "outputs.manifestNamesByNamespace",
            "outputs.boundArtifacts",
            "outputs.createdArtifacts",
            "artifacts"
        ]
    );
    assert_eq!(stage.outputs["artifacts"][0]["reference"], "web-v001");
    let attempt = driver.attempt("waitForManifestToStabilize");
    assert!(driver.message(attempt).effect.is_none());
    let progress = Outcome::Running {
        again_ms: 0,
        context: map(json!({"messages": ["1 of 3 ready"]})),
    };
    driver.report(attempt, progress);
    assert_eq!(
        driver.stage("1").context["messages"],
        json!(["1 of 3 ready"])
    );
    driver.advance(0);
    let again = driver.attempt("waitForManifestToStabilize");
    assert_ne!(again, attempt);
    driver.report(again, done(json!({"messages": []})));
    assert_eq!(driver.status(), Status::Succeeded);
    assert_eq!(driver.tasks("1"), vec![Status::Succeeded; 9]);
}

#[test]
fn text_that_is_missing_is_said_in_orcas_words() {
    for (stage, words) in [
        (
            json!({"manifests": null}),
            "No text manifest was specified.",
        ),
        (
            json!({"source": "artifact"}),
            "No manifest artifact was specified.",
        ),
        (
            json!({"source": "artifact", "manifestArtifact": {"type": "http/file", "reference": "http://x.io"}}),
            "No manifest artifact account was specified.",
        ),
        (
            json!({"requiredArtifactIds": ["nobody"]}),
            "No artifact with id nobody could be found in the pipeline context.",
        ),
        (
            json!({"manifests": [{"a": "${nobody}"}], "failOnFailedExpressions": true}),
            "Failure evaluating manifest expressions: ",
        ),
    ] {
        let driver = run(deploy(stage));
        assert_eq!(driver.status(), Status::Terminal);
        let said = &driver.errors("1")[0];
        assert!(said.starts_with(words), "{said}");
    }
}

#[test]
fn an_artifact_is_fetched_by_a_worker_and_evaluated_then() {
    let text = STANDARD.encode("kind: ConfigMap");
    let artifact = json!({"type": "embedded/base64", "reference": text});
    let stage =
        deploy(json!({"source": "artifact", "manifests": null, "manifestArtifact": artifact}));
    let mut driver = run(stage);
    let attempt = driver.attempt("fetchManifests");
    assert_eq!(
        driver.message(attempt).input["resolvedManifestArtifact"]["reference"],
        json!(text)
    );
    let fetched = Outcome::Running {
        again_ms: 0,
        context: map(
            json!({"manifestArtifactFetched": true, "manifests": [[{"data": {"a": "${1 + 1}"}}], null]}),
        ),
    };
    driver.report(attempt, fetched);
    driver.advance(0);
    let attempt = driver.attempt("deployManifest");
    assert_eq!(
        driver.message(attempt).input["manifests"],
        json!([{"data": {"a": 2}}]),
        "flattened and evaluated"
    );
}

#[test]
fn the_data_of_a_secret_is_in_no_output() {
    let secret =
        json!({"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "hunter2"}});
    let mut driver = run(deploy(json!({"manifests": [secret]})));
    let attempt = driver.attempt("deployManifest");
    assert_eq!(
        driver.message(attempt).input["manifests"][0]["stringData"]["k"],
        "hunter2"
    );
    driver.report(attempt, done(deployed()));
    assert!(
        !serde_json::to_string(&driver.stage("1").outputs)
            .unwrap()
            .contains("hunter2")
    );
}

#[test]
fn red_black_disables_what_serves_and_deletes_what_is_dead() {
    let traffic =
        json!({"enabled": true, "options": {"strategy": "redblack", "services": ["service web"]}});
    let old = json!({"oldReplicaSets": [
        {"manifestName": "replicaSet web-v000", "location": "shop", "isDead": false},
        {"manifestName": "replicaSet web-v00x", "location": "shop", "isDead": true},
    ]});
    let (disable, delete) = ("disableManifest", "deleteManifest");
    for (strategy, wanted) in [
        ("redblack", vec![disable, delete]),
        ("bluegreen", vec![disable, delete]),
        ("highlander", vec![disable, disable, delete, delete]),
    ] {
        let mut traffic = traffic.clone();
        traffic["options"]["strategy"] = json!(strategy);
        let mut driver = run(deploy(json!({"trafficManagement": traffic})));
        driver.report(driver.attempt("deployManifest"), done(deployed()));
        driver.report(
            driver.attempt("waitForManifestToStabilize"),
            done(json!({})),
        );
        driver.report(driver.attempt("findOldReplicaSets"), done(old.clone()));
        let added: Vec<&str> = driver.state.doc.stages[1..]
            .iter()
            .map(|stage| stage.kind.as_str())
            .collect();
        assert_eq!(added, wanted, "{strategy}");
        let first = driver.attempt("disableManifest");
        let input = &driver.message(first).input;
        assert_eq!(
            (&input["account"], &input["app"]),
            (&json!("prod"), &json!("web"))
        );
        assert_eq!(
            (&input["manifestName"], &input["location"]),
            (&json!("replicaSet web-v000"), &json!("shop"))
        );
        assert_eq!(driver.state.book.attempts.len(), 1, "one after the other");
    }
}

#[test]
fn a_failure_goes_back_where_the_stage_asks_for_it() {
    let mut driver = run(deploy(json!({"undoOnFailure": true})));
    let mut known = deployed();
    known["revisionsBefore"] =
        json!([{"manifestName": "deployment web", "location": "shop", "revision": 4}]);
    driver.report(driver.attempt("deployManifest"), done(known));
    let attempt = driver.attempt("waitForManifestToStabilize");
    driver.report(attempt, failed(json!({}), "progress deadline"));
    let undo = driver.attempt("undoRolloutManifest");
    let input = &driver.message(undo).input;
    assert_eq!(
        (&input["revision"], &input["manifestName"]),
        (&json!(4), &json!("deployment web"))
    );
    driver.report(
        undo,
        done(json!({"manifest.name": "deployment web", "manifest.location": "shop"})),
    );
    driver.report(
        driver.attempt("waitForManifestToStabilize"),
        done(json!({})),
    );
    assert_eq!(driver.stage("1").status, Status::Terminal);
    assert_eq!(driver.errors("1"), ["progress deadline"]);
    // And somebody says what stays.
    assert_eq!(
        driver.message(driver.attempt("sayWhatRemains")).pool,
        "deploy"
    );
}

#[test]
fn a_cancelled_deployment_says_what_it_has_left() {
    let mut driver = run(deploy(json!({})));
    driver.report(driver.attempt("deployManifest"), done(deployed()));
    driver.attempt("waitForManifestToStabilize");
    driver.cancel();
    assert_eq!(driver.status(), Status::Canceled, "nobody waits any more");
    let attempt = driver.attempt("sayWhatRemains");
    driver.report(attempt, done(json!({"remains": "applied to account prod and left there: replicaSet web-v001 in shop"})));
    assert!(
        driver.stage("1").context["remains"]
            .as_str()
            .unwrap()
            .contains("left there")
    );
    assert!(!driver.state.is_live());
}

#[test]
fn what_applied_nothing_leaves_nothing() {
    let mut driver = run(deploy(json!({})));
    driver.report(
        driver.attempt("deployManifest"),
        failed(json!({}), "refused"),
    );
    assert_eq!(driver.status(), Status::Terminal);
    assert!(!driver.open_kinds().contains(&"sayWhatRemains") && !driver.state.is_live());
}

#[test]
fn the_stage_says_how_long_objects_may_take() {
    let mut driver = run(deploy(json!({"stableManifestTimeoutMinutes": 2})));
    driver.report(driver.attempt("deployManifest"), done(deployed()));
    driver.advance(119_000);
    assert_eq!(driver.stage("1").status, Status::Running);
    driver.advance(2_000);
    assert_eq!(driver.stage("1").status, Status::Terminal);
    let said = &driver.errors("1")[0];
    assert!(
        said.starts_with(
            "WaitForManifestStableTask of stage deployManifest timed out after 2 minutes"
        ),
        "{said}"
    );
}

#[test]
fn a_target_by_criteria_is_found_by_a_worker_and_a_named_one_is_not() {
    let mut driver = run(
        json!({"refId": "1", "type": "scaleManifest", "account": "a", "criteria": "newest", "replicas": 1}),
    );
    let attempt = driver.attempt("resolveTargetManifest");
    driver.report(
        attempt,
        done(json!({"manifestName": "replicaSet web-v002"})),
    );
    assert_eq!(
        driver.message(driver.attempt("scaleManifest")).input["manifestName"],
        "replicaSet web-v002"
    );
    let driver = run(
        json!({"refId": "1", "type": "scaleManifest", "account": "a", "manifestName": "deployment web"}),
    );
    driver.attempt("scaleManifest");
}

#[test]
fn a_job_is_resolved_first_and_runs_then() {
    let job = json!({"kind": "Job", "metadata": {"generateName": "x-"}});
    let stage = json!({"refId": "1", "type": "runJobManifest", "alias": "runJob", "account": "a", "source": "text", "manifest": job,
        "jobRuntimeLimit": "PT1M", "deleteOnCancel": true});
    let mut driver = run(stage);
    driver.advance(0);
    let attempt = driver.attempt("runJob");
    assert_eq!(driver.message(attempt).input["manifests"], json!([job]));
    driver.report(
        attempt,
        done(json!({"deploy.jobs": {"shop": ["job x-abcde"]}})),
    );
    driver.attempt("waitOnJobCompletion");
    driver.advance(6 * 60 * 1000 + 1_000);
    assert_eq!(
        driver.stage("1").status,
        Status::Terminal,
        "a minute, and five more"
    );
    driver.attempt("deleteJob");
}

#[test]
fn operations_are_pinned_to_the_zone_of_their_account() {
    let accounts: BTreeMap<String, String> = [("prod".to_owned(), "a+b".to_owned())].into();
    let catalogue = Catalogue::new().with_accounts(accounts);
    let zone = |pool: &str, context: Value| catalogue.zone(pool, &map(context));
    assert_eq!(
        zone("deploy", json!({"account": "prod"})).as_deref(),
        Some("a+b")
    );
    assert_eq!(
        zone("deploy", json!({"credentials": "prod"})).as_deref(),
        Some("a+b")
    );
    assert_eq!(zone("deploy", json!({"account": "other"})), None);
    assert_eq!(zone("notify", json!({"account": "prod"})), None);
    let driver = run(deploy(json!({"zone": "c"})));
    assert_eq!(
        driver
            .message(driver.attempt("deployManifest"))
            .zone
            .as_deref(),
        Some("c")
    );
}
