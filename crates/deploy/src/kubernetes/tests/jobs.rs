//! Jobs: run, wait, read what they printed.

use serde_json::{Value, json};

use super::*;

fn job(annotations: Value) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "work-"},
        "spec": {"backoffLimit": 0, "template": {
            "metadata": {"annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}}}})
}

async fn run(
    fixture: &mut Fixture,
    manifest: Value,
    extra: Value,
) -> gennaker_model::work::Outcome {
    let mut input =
        json!({"manifests": [manifest], "namespace": fixture.namespace, "application": "web"});
    input
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    let outcome = fixture.run("runJob", input.clone()).await;
    assert!(
        matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
        "{outcome:?}"
    );
    input
        .as_object_mut()
        .unwrap()
        .extend(context(&outcome).clone());
    fixture.run("waitOnJobCompletion", input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_succeeds_gives_its_properties() {
    let mut fixture = Fixture::new("jobs").await;
    let logs = "working\nSPINNAKER_PROPERTY_FOO=bar\nSPINNAKER_CONFIG_JSON={\"n\": {\"m\": 1}}\n";
    let annotations = json!({"testbed.gennaker/run-for": "1s", "testbed.gennaker/logs": logs});
    let outcome = run(
        &mut fixture,
        job(annotations),
        json!({"propertyFile": "main"}),
    )
    .await;
    let found = outputs(&outcome);
    assert_eq!(
        found["propertyFileContents"],
        json!({"foo": "bar", "n": {"m": 1}})
    );
    assert_eq!(
        (&found["foo"], &found["n"]["m"]),
        (&json!("bar"), &json!(1))
    );
    assert_eq!(found["jobStatus"]["jobState"], "Succeeded");
    let silent = json!({"testbed.gennaker/run-for": "1s", "testbed.gennaker/logs": "nothing"});
    let outcome = run(&mut fixture, job(silent), json!({"propertyFile": "main"})).await;
    assert!(
        error(&outcome).starts_with("Expected properties file: main"),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_says_how() {
    let mut fixture = Fixture::new("failing").await;
    let annotations = json!({"testbed.gennaker/run-for": "1s", "testbed.gennaker/outcome": "fail", "testbed.gennaker/exit-code": "3"});
    let outcome = run(&mut fixture, job(annotations), json!({})).await;
    let said = error(&outcome);
    assert!(
        said.starts_with("Job: 'work-") && said.contains("' failed."),
        "{said}"
    );
    assert_eq!(context(&outcome)["jobStatus"]["jobState"], "Failed");
    let two = fixture
        .run(
            "runJob",
            json!({"manifests": [job(json!({})), job(json!({}))]}),
        )
        .await;
    assert_eq!(
        error(&two),
        "Run Job only supports manifests with a single Job."
    );
    let other = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}});
    let other = fixture.run("runJob", json!({"manifests": [other]})).await;
    assert_eq!(
        error(&other),
        "Only kind of Job is accepted for the Run Job operation."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_deleted_where_the_stage_asks_for_it() {
    let mut fixture = Fixture::new("deleted").await;
    let annotations = json!({"testbed.gennaker/run-for": "600s"});
    let outcome = fixture
        .run(
            "runJob",
            json!({"manifests": [job(annotations)], "namespace": "deleted"}),
        )
        .await;
    let jobs = context(&outcome)["deploy.jobs"].clone();
    let name = jobs["deleted"][0]
        .as_str()
        .unwrap()
        .strip_prefix("job ")
        .unwrap()
        .to_owned();
    assert!(fixture.get("job", &name).await.is_some());
    let outcome = fixture.run("deleteJob", json!({"deploy.jobs": jobs})).await;
    assert!(
        context(&outcome)["remains"]
            .as_str()
            .unwrap()
            .ends_with("was deleted"),
        "{outcome:?}"
    );
}
