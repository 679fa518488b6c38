//! Workers that die after they have done it and before they could say so: the next one finds it. Each write is counted by the API
//! server. What deployments and rollouts do is tested beside those.

use gennaker_model::{
    AttemptId,
    work::{Outcome, TaskMessage},
};
use serde_json::{Value, json};

use super::{
    deploying::{config_map, deployment},
    *,
};

/// Runs a task to its end, and again as if the worker had died before it could report.
async fn lost(fixture: &mut Fixture, task: TaskMessage) -> [Outcome; 2] {
    let (mut input, mut attempt) = (task.input.clone(), task.attempt);
    // What the engine knows of the last attempt is what it was given.
    let first = loop {
        let mut next = task.clone();
        (next.input, next.attempt) = (input.clone(), attempt);
        match fixture.once(&next).await {
            Outcome::Running { context, .. } => {
                input.extend(context);
                attempt = AttemptId(attempt.0 + 100);
            }
            ended => break ended,
        }
    };
    assert!(matches!(first, Outcome::Succeeded { .. }), "{first:?}");
    fixture.lose_worker_of(&task).await;
    let mut again = task;
    (again.input, again.attempt) = (input, AttemptId(attempt.0 + 500));
    let second = fixture.once(&again).await;
    assert!(matches!(second, Outcome::Succeeded { .. }), "{second:?}");
    [first, second]
}

fn names(outcome: &Outcome) -> &Value {
    &context(outcome)["outputs.manifestNamesByNamespace"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_is_sent_once_in_each_of_its_kinds() {
    let mut fixture = Fixture::new("lost-patch").await;
    let mut web = deployment("web", 1);
    web["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["one"]);
    fixture.deploy(json!([web])).await;
    let before = fixture.writes(1).await.len();
    // An argument more each time: done twice, it would be seen.
    let operation =
        json!({"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "two"});
    let patches = [
        (
            "strategic",
            json!([{"metadata": {"labels": {"strategic": "1"}}}]),
        ),
        ("merge", json!([{"metadata": {"labels": {"merge": "1"}}}])),
        ("json", json!([operation])),
    ];
    for (strategy, body) in patches {
        let input = json!({"manifestName": "deployment web", "location": "lost-patch",
            "options": {"mergeStrategy": strategy}, "manifests": body});
        let task = fixture.task("patchManifest", input);
        let [first, second] = lost(&mut fixture, task).await;
        assert_eq!(names(&first), names(&second), "{strategy}");
    }
    let writes = fixture.writes(before + 3).await;
    assert_eq!(writes.len(), before + 3, "{writes:#?}");
    let live = fixture.get("deployment", "web").await.unwrap();
    let args = &live["spec"]["template"]["spec"]["containers"][0]["args"];
    assert_eq!(args, &json!(["one", "two"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_without_annotations_keeps_those_that_a_patch_brings() {
    let mut fixture = Fixture::new("lost-bare").await;
    fixture
        .kubectl(&["create", "configmap", "bare", "--from-literal=a=b"])
        .await;
    let operation =
        json!({"op": "add", "path": "/metadata/annotations", "value": {"theirs": "kept"}});
    let input = json!({"manifestName": "configMap bare", "location": "lost-bare",
        "options": {"mergeStrategy": "json"}, "manifests": [operation]});
    let task = fixture.task("patchManifest", input);
    lost(&mut fixture, task).await;
    let live = fixture.get("configmap", "bare").await.unwrap();
    assert_eq!(live["metadata"]["annotations"]["theirs"], "kept");
    assert_eq!(fixture.writes(1).await, ["patch configmaps bare"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_not_deleted_again_when_somebody_makes_it_anew() {
    let mut fixture = Fixture::new("lost-delete").await;
    let map = |name: &str| {
        let mut map = config_map(name, json!({}));
        map["metadata"]["annotations"] = json!({"strategy.spinnaker.io/versioned": "false"});
        map["metadata"]["labels"] = json!({"tier": "go"});
        map
    };
    fixture
        .deploy(json!([map("named"), map("one"), map("two")]))
        .await;
    let before = fixture.writes(3).await.len();

    let named = json!({"manifestName": "configMap named", "location": "lost-delete"});
    let labelled = json!({"kinds": ["configMap"], "location": "lost-delete",
        "labelSelectors": {"selectors": [{"kind": "EQUALS", "key": "tier", "values": ["go"]}]}});
    for (input, deleted) in [
        (named, json!(["configMap named"])),
        (labelled, json!(["configMap one", "configMap two"])),
    ] {
        let task = fixture.task("deleteManifest", input);
        let [first, second] = lost(&mut fixture, task.clone()).await;
        assert_eq!(names(&first), &json!({"lost-delete": deleted}));
        assert_eq!(names(&first), names(&second));
    }
    let writes = fixture.writes(before + 3).await;
    assert_eq!(writes.len(), before + 3, "{writes:#?}");

    // Between the loss and the next worker somebody makes one of the same name: that is another object.
    fixture.deploy(json!([map("again")])).await;
    let input = json!({"manifestName": "configMap again", "location": "lost-delete"});
    let mut task = fixture.task("deleteManifest", input);
    let chosen = fixture.once(&task).await;
    assert!(matches!(chosen, Outcome::Running { .. }), "{chosen:?}");
    task.input.extend(context(&chosen).clone());
    fixture.kubectl(&["delete", "configmap", "again"]).await;
    fixture.kubectl(&["create", "configmap", "again"]).await;
    task.attempt = AttemptId(task.attempt.0 + 1);
    let ended = fixture.finish(task).await;
    assert!(matches!(ended, Outcome::Succeeded { .. }), "{ended:?}");
    assert!(
        fixture.get("configmap", "again").await.is_some(),
        "what was made since stays"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_traffic_are_changed_once() {
    let mut fixture = Fixture::new("lost-traffic").await;
    operations::red_black(&mut fixture, "1").await;
    let target = json!({"manifestName": "replicaSet web-v000", "location": "lost-traffic"});
    for (kind, patches) in [("disableManifest", 2), ("enableManifest", 2)] {
        let before = fixture.writes(0).await.len();
        let task = fixture.task(kind, target.clone());
        let [first, second] = lost(&mut fixture, task).await;
        assert_eq!(names(&first), names(&second), "{kind}");
        let writes = fixture.writes(before + patches).await;
        assert_eq!(writes.len(), before + patches, "{kind}: {writes:#?}");
    }
    // One that died between the ReplicaSet and its Pods: only the Pods are left to do.
    fixture
        .kubectl(&["label", "pod", "-l", "run=web", "lb-", "--overwrite"])
        .await;
    let before = fixture.writes(0).await.len();
    let outcome = fixture.run("enableManifest", target).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    let writes = fixture.writes(before + 1).await;
    let new = &writes[before..];
    assert!(
        new.len() == 1 && new[0].starts_with("patch pods web-v000-"),
        "{new:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_started_once() {
    let mut fixture = Fixture::new("lost-job").await;
    let job = |metadata: Value| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x:1"}]}}}})
    };
    for metadata in [json!({"generateName": "drawn-"}), json!({"name": "named"})] {
        let input =
            json!({"manifests": [job(metadata)], "namespace": "lost-job", "application": "web"});
        let task = fixture.task("runJob", input);
        let [first, second] = lost(&mut fixture, task).await;
        let jobs = |outcome| context(outcome)["deploy.jobs"]["lost-job"].clone();
        assert_eq!(jobs(&first), jobs(&second));
        assert_eq!(jobs(&first).as_array().unwrap().len(), 1);
    }
    let writes = fixture.writes(2).await;
    assert_eq!(writes.len(), 2, "{writes:#?}");
    let all = fixture.kubectl(&["get", "job", "-o", "name"]).await;
    assert_eq!(all.lines().count(), 2, "{all}");
}
