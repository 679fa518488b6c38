//! Tests of Run Job.

use serde_json::{Value, json};

use super::{Error, State, failure, prepare, properties, state, status, succeeded_pod};
use crate::Manifest;

fn job(spec: Value, reported: Option<Value>) -> Manifest {
    let metadata = json!({"name": "migrate", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"});
    let mut job =
        json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": metadata, "spec": spec});
    if let Some(reported) = reported {
        job["status"] = reported;
    }
    Manifest::new(job).unwrap()
}

fn pod(name: &str, started: &str, status: Value) -> Manifest {
    let mut whole = json!({"startTime": started});
    whole
        .as_object_mut()
        .unwrap()
        .extend(status.as_object().cloned().unwrap());
    Manifest::new(
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name}, "status": whole}),
    )
    .unwrap()
}

fn failed() -> Option<Value> {
    Some(
        json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}]}),
    )
}

#[test]
fn one_job_is_prepared_to_be_made_anew() {
    let mut given = job(json!({}), None);
    given.annotations_mut().extend([
        ("strategy.spinnaker.io/replace".to_owned(), json!("true")),
        (
            "strategy.spinnaker.io/server-side-apply".to_owned(),
            json!("true"),
        ),
        ("other".to_owned(), json!("stays")),
    ]);
    let prepared = prepare(vec![given], Some("staging")).unwrap();
    assert_eq!(
        prepared.annotations(),
        json!({"other": "stays", "strategy.spinnaker.io/recreate": "true"}).as_object()
    );
    assert_eq!(prepared.namespace(), "staging");
    assert_eq!(
        prepare(vec![job(json!({}), None)], Some(""))
            .unwrap()
            .namespace(),
        "shop"
    );
    let two = prepare(vec![job(json!({}), None), job(json!({}), None)], None);
    assert_eq!(
        two.unwrap_err().to_string(),
        "Run Job only supports manifests with a single Job."
    );
    assert_eq!(prepare(Vec::new(), None), Err(Error::NotOne));
    let other = prepare(vec![pod("p", "", json!({}))], None);
    assert_eq!(
        other.unwrap_err().to_string(),
        "Only kind of Job is accepted for the Run Job operation."
    );
}

#[test]
fn a_jobs_state_follows_from_its_counts_and_conditions() {
    let rows = [
        (json!({}), None, State::Running),
        (json!({}), Some(json!({})), State::Running),
        (json!({}), Some(json!({"succeeded": 1})), State::Succeeded),
        (
            json!({"completions": 3}),
            Some(json!({"succeeded": 2})),
            State::Running,
        ),
        (json!({}), failed(), State::Failed),
        (
            json!({}),
            Some(json!({"succeeded": 1, "conditions": failed().unwrap()["conditions"]})),
            State::Succeeded,
        ),
    ];
    for (spec, reported, expected) in rows {
        assert_eq!(
            state(&job(spec, reported.clone())),
            expected,
            "{reported:?}"
        );
    }
}

#[test]
fn a_failed_job_says_which_container_failed() {
    let ended = |code: i64| json!({"name": "main", "state": {"terminated": {"exitCode": code, "reason": "Error", "message": "boom"}}});
    let pods = [
        pod(
            "migrate-2",
            "2026-01-01T00:00:02Z",
            json!({"containerStatuses": [ended(3)]}),
        ),
        pod(
            "migrate-1",
            "2026-01-01T00:00:01Z",
            json!({"containerStatuses": [ended(0)]}),
        ),
    ];
    let status = status("prod", &job(json!({}), failed()), &pods, true);
    assert_eq!(status["jobState"], "Failed");
    assert_eq!(status["mostRecentPodName"], "migrate-2");
    assert_eq!(status["pods"][0]["name"], "migrate-1");
    assert_eq!(status["createdTime"], 1_767_225_600_000_i64);
    assert_eq!(
        status["completionDetails"],
        json!({"exitCode": "", "signal": "", "message": "Job has reached the specified backoff limit", "reason": "BackoffLimitExceeded"})
    );
    assert_eq!(
        failure(&status),
        "Job: 'migrate' failed. Reason: BackoffLimitExceeded. Details: Job has reached the specified backoff limit. Additional Details: Pod: 'migrate-2' had errors.\n Container: 'main' exited with code: 3.\n Status: Error.\n Logs: boom"
    );
}

#[test]
fn a_container_that_waits_explains_a_failure_too() {
    let waiting = json!({"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]});
    let status = status(
        "prod",
        &job(json!({}), failed()),
        &[pod("p", "", waiting)],
        false,
    );
    assert_eq!(
        status["failureDetails"],
        "Pod: 'p' had errors.\n Container: 'main' exited with code: .\n Status: ImagePullBackOff.\n Logs: null"
    );
    assert_eq!(status["pods"], json!([]));
    assert_eq!(failure(&json!({"name": "x"})), "Job: 'x' failed.");
}

#[test]
fn properties_are_found_in_logs() {
    let log = "starting\n  SPINNAKER_PROPERTY_Image=web:1==\n2026 INFO SPINNAKER_PROPERTY_B= c d \nSPINNAKER_PROPERTY_EMPTY=\nSPINNAKER_PROPERTY_NONE\n\
               SPINNAKER_CONFIG_JSON={\"list\": [1, 2], \"image\": \"web:2\"}\nx SPINNAKER_CONFIG_JSON={}\n";
    assert_eq!(
        Value::Object(properties(log).unwrap()),
        json!({"image": "web:2", "2026 info b": "c d", "list": [1, 2]})
    );
    assert!(matches!(
        properties("SPINNAKER_CONFIG_JSON={"),
        Err(Error::Json(_))
    ));
    assert!(matches!(
        properties("SPINNAKER_CONFIG_JSON=[]"),
        Err(Error::Json(_))
    ));
    let large = format!(
        "SPINNAKER_PROPERTY_A={}",
        "x".repeat(super::PROPERTIES_BYTES_MAX)
    );
    assert!(matches!(properties(&large), Err(Error::TooLarge(_))));
}

#[test]
fn the_newest_pod_that_succeeded_is_asked_for_its_log() {
    let phase = |phase: &str| json!({"phase": phase});
    let pods = [
        pod("b", "2026-01-01T00:00:02Z", phase("Succeeded")),
        pod("a", "2026-01-01T00:00:01Z", phase("Succeeded")),
        pod("c", "2026-01-01T00:00:03Z", phase("Failed")),
    ];
    assert_eq!(succeeded_pod(&pods).unwrap().name(), "b");
    assert_eq!(succeeded_pod(&pods[2..]), None);
}
