//! Operations on what is there: scale, undo, restart, pause, patch, delete, traffic, targets.

use gennaker_testkit::kube::{Cluster, wait_until};
use serde_json::json;

use super::{
    deploying::{config_map, deployment},
    *,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_scaled_restarted_and_rolled_back_once_each() {
    let mut fixture = Fixture::new("rollouts").await;
    let place = fixture.namespace.clone();
    let mut web = deployment("web", 1);
    fixture.deploy(json!([web])).await;
    let target = json!({"manifestName": "deployment web", "location": place});
    let with = |more: serde_json::Value| {
        let mut input = target.clone();
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        input
    };
    // One revision only.
    let outcome = fixture
        .run("undoRolloutManifest", with(json!({"numRevisionsBack": 1})))
        .await;
    assert_eq!(
        error(&outcome),
        "There are 1 revision(s) in total, cannot rollback 1"
    );
    for image in ["nginx:2", "nginx:3"] {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        fixture.deploy(json!([web])).await;
    }
    let before = fixture.writes(0).await.len();
    for (kind, more) in [
        ("scaleManifest", json!({"replicas": "2"})),
        ("pauseRolloutManifest", json!({})),
        ("resumeRolloutManifest", json!({})),
        ("rollingRestartManifest", json!({})),
        ("undoRolloutManifest", json!({"numRevisionsBack": 2})),
    ] {
        let task = fixture.task(kind, with(more));
        let outcome = fixture.finish(task.clone()).await;
        assert!(
            matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
            "{kind}: {outcome:?}"
        );
        assert_eq!(
            context(&outcome)["outputs.manifestNamesByNamespace"],
            json!({&*place: ["deployment web"]})
        );
        // Its worker dies before it can say so; another one looks.
        fixture.lose_worker_of(&task).await;
        let mut again = task;
        again.attempt = gennaker_model::AttemptId(again.attempt.0 + 500);
        let outcome = fixture.once(&again).await;
        assert!(
            matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
            "{kind} again: {outcome:?}"
        );
    }
    let writes = fixture.writes(before + 5).await;
    assert_eq!(writes.len(), before + 5, "{writes:#?}");
    let live = fixture.get("deployment", "web").await.unwrap();
    assert_eq!(live["spec"]["replicas"], 2);
    assert_eq!(
        live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2",
        "two back from the restart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn server_groups_of_a_cluster_are_counted() {
    let mut fixture = Fixture::new("sizes").await;
    for version in ["1", "2"] {
        red_black(&mut fixture, version).await;
    }
    let target = json!({"manifestName": "replicaSet web-v000", "location": "sizes"});
    fixture.run("disableManifest", target).await;
    for (more, said) in [
        (json!({"expected": 2}), None),
        (json!({"expected": "1", "comparison": ">="}), None),
        (json!({"onlyEnabledServerGroups": true}), None),
        (
            json!({}),
            Some(
                "sizes - expected == 1 server groups but found 2: [replicaSet web-v000, replicaSet web-v001]",
            ),
        ),
        (
            json!({"cluster": "replicaSet other", "regions": ["sizes", "default"]}),
            Some(
                "sizes - expected == 1 server groups but found 0: [], default - expected == 1 server groups but found 0: []",
            ),
        ),
    ] {
        let mut wanted = json!({"credentials": "test", "moniker": {"app": "web"}, "cluster": "replicaSet web",
            "regions": ["sizes"]});
        wanted
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let outcome = fixture
            .run("checkClusterSize", json!({"context": wanted}))
            .await;
        match said {
            None => assert!(
                matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
                "{more}: {outcome:?}"
            ),
            Some(said) => {
                assert_eq!(
                    error(&outcome),
                    format!("Precondition check failed: {said}")
                );
            }
        }
    }
}

/// Their revisions are ControllerRevisions, not ReplicaSets.
#[tokio::test(flavor = "multi_thread")]
async fn stateful_sets_and_daemon_sets_go_back_and_restart() {
    let mut fixture = Fixture::new("revisions").await;
    for kind in ["StatefulSet", "DaemonSet"] {
        let of_image = |image: &str| {
            let mut object = deployment("web", 1);
            object["kind"] = json!(kind);
            object["metadata"]["name"] = json!(kind.to_lowercase());
            let labels = json!({"of": kind});
            object["spec"]["selector"]["matchLabels"] = labels.clone();
            object["spec"]["template"]["metadata"]["labels"] = labels;
            object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
            let spec = object["spec"].as_object_mut().unwrap();
            spec.shift_remove("progressDeadlineSeconds");
            match kind {
                "StatefulSet" => spec.insert("serviceName".to_owned(), json!("web")),
                _ => spec.shift_remove("replicas"),
            };
            object
        };
        let name = kind.to_lowercase();
        for image in ["nginx:1", "nginx:2", "nginx:3"] {
            fixture.deploy(json!([of_image(image)])).await;
        }
        let target = format!("{name} {name}");
        let input = |more: serde_json::Value| {
            let mut input = json!({"manifestName": target, "location": "revisions"});
            input
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            input
        };
        let image = async |fixture: &Fixture| {
            let live = fixture.get(&name, &name).await.unwrap();
            live["spec"]["template"]["spec"]["containers"][0]["image"].clone()
        };
        for (more, wanted) in [
            (json!({"numRevisionsBack": 2}), "nginx:1"),
            (json!({"revision": "3"}), "nginx:3"),
        ] {
            let outcome = fixture.run("undoRolloutManifest", input(more)).await;
            assert!(
                matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
                "{kind}: {outcome:?}"
            );
            assert_eq!(image(&fixture).await, wanted, "{kind}");
            let mut waits = context(&outcome).clone();
            waits.insert("location".to_owned(), json!("revisions"));
            let outcome = fixture
                .run("waitForManifestToStabilize", json!(waits))
                .await;
            assert!(
                matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
                "{kind}: {outcome:?}"
            );
        }
        let outcome = fixture
            .run("rollingRestartManifest", input(json!({})))
            .await;
        assert!(
            matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
            "{kind}: {outcome:?}"
        );
        let live = fixture.get(&name, &name).await.unwrap();
        let annotations = &live["spec"]["template"]["metadata"]["annotations"];
        assert!(
            annotations["kubectl.kubernetes.io/restartedAt"].is_string(),
            "{kind}: {annotations}"
        );
        let outcome = fixture.run("pauseRolloutManifest", input(json!({}))).await;
        assert!(
            matches!(outcome, gennaker_model::work::Outcome::Failed { .. }),
            "kubectl pauses Deployments only: {outcome:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_patched_in_three_ways() {
    let mut fixture = Fixture::new("patches").await;
    fixture.deploy(json!([deployment("web", 1)])).await;
    for (strategy, body, image) in [
        (
            "strategic",
            json!([{"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx"}]}}}}]),
            "nginx:7",
        ),
        (
            "merge",
            json!([{"metadata": {"labels": {"a": "b"}}}]),
            "nginx:7",
        ),
        (
            "json",
            json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:8"}]),
            "nginx:8",
        ),
    ] {
        let outcome = fixture.run("patchManifest", json!({
            "manifestName": "deployment web", "location": "patches", "options": {"mergeStrategy": strategy}, "manifests": body,
            "requiredArtifacts": if strategy == "strategic" {
                json!([{"type": "docker/image", "name": "nginx", "reference": "nginx:7"}])
            } else {
                json!([])
            },
        })).await;
        assert_eq!(
            context(&outcome)["outputs.manifestNamesByNamespace"],
            json!({"patches": ["deployment web"]}),
            "{outcome:?}"
        );
        let live = fixture.get("deployment", "web").await.unwrap();
        assert_eq!(
            live["spec"]["template"]["spec"]["containers"][0]["image"], image,
            "{strategy}"
        );
        assert_eq!(
            live["spec"]["template"]["spec"]["containers"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    let outcome = fixture
        .run(
            "patchManifest",
            json!({"manifestName": "deployment web", "location": "patches",
        "manifests": [{}, {}]}),
        )
        .await;
    assert!(
        error(&outcome).starts_with("Only one patch object is valid"),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_deleted_by_name_and_by_labels() {
    let mut fixture = Fixture::new("deletes").await;
    let mut maps = Vec::new();
    for name in ["a", "b", "c"] {
        let mut map = config_map(name, json!({}));
        map["metadata"]["annotations"] = json!({"strategy.spinnaker.io/versioned": "false"});
        map["metadata"]["labels"] = json!({"tier": if name == "c" { "keep" } else { "go" }});
        maps.push(map);
    }
    fixture.deploy(json!(maps)).await;
    let by_labels = json!({"kinds": ["configMap"], "location": "deletes",
        "labelSelectors": {"selectors": [{"kind": "EQUALS", "key": "tier", "values": ["go"]}]}});
    let outcome = fixture.run("deleteManifest", by_labels).await;
    assert_eq!(
        context(&outcome)["outputs.manifestNamesByNamespace"],
        json!({"deletes": ["configMap a", "configMap b"]})
    );
    for (name, there) in [("a", false), ("b", false), ("c", true)] {
        assert_eq!(
            fixture.get("configmap", name).await.is_some(),
            there,
            "{name}"
        );
    }
    for _ in 0..2 {
        // The second time it is not there, and that is no failure.
        let named = json!({"manifestName": "configMap c", "location": "deletes"});
        let outcome = fixture.run("deleteManifest", named).await;
        assert!(
            matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
            "{outcome:?}"
        );
    }
    let everything = json!({"kinds": ["configMap"], "location": "deletes"});
    assert!(
        error(&fixture.run("deleteManifest", everything).await)
            .contains("labelSelectors must say which")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_objects_are_deleted_than_can_be_followed_at_once() {
    const COUNT: usize = 501;
    let mut fixture = Fixture::new("many").await;
    let list = |finalizers: serde_json::Value| {
        let map = |number: usize| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{number}"), "namespace": "many",
                "labels": {"tier": "go"}, "finalizers": finalizers}})
        };
        let maps: Vec<serde_json::Value> = (0..COUNT).map(map).collect();
        json!({"apiVersion": "v1", "kind": "List", "items": maps}).to_string()
    };
    let (held, free) = (list(json!(["example.com/held"])), list(json!([])));
    tokio::task::spawn_blocking(move || Cluster::shared().apply(&held))
        .await
        .unwrap();
    // They stay until somebody lets them go, as what has a finalizer does.
    let letting_go = tokio::task::spawn_blocking(move || {
        wait_until("the last one to be deleted", || {
            let last = Cluster::shared().get("configmap", "many", "m500");
            let is_deleted =
                last.is_some_and(|map| map["metadata"]["deletionTimestamp"].is_string());
            if is_deleted {
                Ok(())
            } else {
                Err("it is not".to_owned())
            }
        });
        Cluster::shared().apply(&free);
    });
    let by_labels = json!({"kinds": ["configMap"], "location": "many",
        "labelSelectors": {"selectors": [{"kind": "EQUALS", "key": "tier", "values": ["go"]}]}});
    let outcome = fixture.run("deleteManifest", by_labels).await;
    letting_go.await.unwrap();
    let deleted = context(&outcome)["outputs.manifestNamesByNamespace"]["many"].clone();
    assert_eq!(deleted.as_array().map(Vec::len), Some(COUNT), "{outcome:?}");
    for name in ["m0", "m500"] {
        assert!(fixture.get("configmap", name).await.is_none(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_set_is_taken_out_of_its_service_and_put_back() {
    let mut fixture = Fixture::new("traffic").await;
    let known = red_black(&mut fixture, "1").await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"],
        json!({"traffic": ["service web", "replicaSet web-v000"]})
    );
    let live = fixture.get("replicaset", "web-v000").await.unwrap();
    assert_eq!(
        live["spec"]["template"]["metadata"]["labels"]["lb"], "web",
        "attached"
    );
    let known = red_black(&mut fixture, "2").await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"]["traffic"][1],
        "replicaSet web-v001"
    );
    // What the strategy takes out of service.
    let old = fixture.run("findOldReplicaSets", json!(known)).await;
    let old = context(&old)["oldReplicaSets"].clone();
    assert_eq!(
        old,
        json!([{"manifestName": "replicaSet web-v000", "location": "traffic", "isDead": false}])
    );
    for (kind, label) in [
        ("disableManifest", None),
        ("disableManifest", None),
        ("enableManifest", Some("web")),
    ] {
        let target = json!({"manifestName": "replicaSet web-v000", "location": "traffic"});
        let outcome = fixture.run(kind, target).await;
        assert!(
            matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
            "{outcome:?}"
        );
        let live = fixture.get("replicaset", "web-v000").await.unwrap();
        assert_eq!(
            live["spec"]["template"]["metadata"]["labels"]["lb"].as_str(),
            label,
            "{kind}"
        );
        let pods = fixture
            .kubectl(&[
                "get",
                "pod",
                "-l",
                "run=web,version=1",
                "-o",
                "jsonpath={.items[*].metadata.labels.lb}",
            ])
            .await;
        assert_eq!(pods, label.unwrap_or_default(), "the pod, too");
    }
    // A target that is found by what it is.
    let criteria = |criteria: &str| {
        json!({"location": "traffic", "kind": "replicaSet", "app": "web",
        "cluster": "replicaSet web", "criteria": criteria})
    };
    for (word, name) in [
        ("oldest", "web-v000"),
        ("newest", "web-v001"),
        ("second_newest", "web-v000"),
    ] {
        let outcome = fixture.run("resolveTargetManifest", criteria(word)).await;
        assert_eq!(
            outputs(&outcome)["manifestName"],
            json!(format!("replicaSet {name}"))
        );
    }
    let mut alone = criteria("second_newest");
    alone["cluster"] = json!("replicaSet nobody");
    let outcome = fixture.run("resolveTargetManifest", alone).await;
    assert!(
        error(&outcome).starts_with("No manifest could be found matching"),
        "{outcome:?}"
    );
    // And what it uses.
    let outcome = fixture
        .run(
            "findArtifactsFromResource",
            json!({"manifestName": "replicaSet web-v001", "location": "traffic"}),
        )
        .await;
    assert_eq!(
        outputs(&outcome)["artifacts"],
        json!([{"type": "docker/image", "name": "nginx", "reference": "nginx:2"}])
    );
}

/// A ReplicaSet behind a Service, as a red/black deployment has it.
pub(super) async fn red_black(fixture: &mut Fixture, version: &str) -> gennaker_model::Map {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"lb": "web"}, "ports": [{"port": 80}]}});
    let labels = json!({"run": "web", "version": version});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": format!("nginx:{version}")}]}}}});
    let traffic = json!({"trafficManagement": {"enabled": true,
        "options": {"services": ["service web"], "enableTraffic": true, "strategy": "redblack"}}});
    fixture.deploy_with(json!([set, service]), traffic).await
}
