//! Deployments: versions, bindings, strategies, stability (Kubernetes reference 12).

use serde_json::{Value, json};

use super::*;

pub(super) fn deployment(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"run": name}},
            "template": {
                "metadata": {"labels": {"run": name}},
                "spec": {"containers": [{"name": "main", "image": "nginx:1"}]},
            },
        },
    })
}

pub(super) fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_applied_and_waited_for() {
    let mut fixture = Fixture::new("apply").await;
    let mut web = deployment("web", 2);
    web["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "v", "configMap": {"name": "cfg"}}]);
    let known = fixture
        .deploy(json!([web, config_map("cfg", json!({"a": "1"}))]))
        .await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"],
        json!({"apply": ["configMap cfg-v000", "deployment web"]})
    );
    let created: Vec<&Value> = known["outputs.createdArtifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["reference"])
        .collect();
    assert_eq!(created, [&json!("cfg-v000"), &json!("web")]);
    let live = fixture.get("deployment", "web").await.unwrap();
    assert_eq!(
        live["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"],
        "cfg-v000"
    );
    assert_eq!(
        live["metadata"]["annotations"]["moniker.spinnaker.io/cluster"],
        "deployment web"
    );
    assert_eq!(
        live["metadata"]["annotations"]["gennaker.io/effect"]
            .as_str()
            .map(|it| it.ends_with(".S.0.1.0")),
        Some(true)
    );
    assert_eq!(live["status"]["readyReplicas"], 2, "it was waited for");
    assert_eq!(known["stableManifests"].as_array().unwrap().len(), 2);
    assert_eq!(known["kato.tasks"][0]["status"]["completed"], true);
    assert_eq!(known["deploy.account.name"], "test");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_follow_the_content() {
    let mut fixture = Fixture::new("versions").await;
    let name = |known: &gennaker_model::Map| {
        known["outputs.manifestNamesByNamespace"]["versions"][0].clone()
    };
    let first = json!([config_map("cfg", json!({"a": "1"}))]);
    assert_eq!(
        name(&fixture.deploy(first.clone()).await),
        "configMap cfg-v000"
    );
    assert_eq!(
        name(&fixture.deploy(first.clone()).await),
        "configMap cfg-v000",
        "unchanged"
    );
    let changed = json!([config_map("cfg", json!({"a": "2"}))]);
    assert_eq!(
        name(&fixture.deploy(changed).await),
        "configMap cfg-v001",
        "other data"
    );
    let mut labelled = first.clone();
    labelled[0]["metadata"]["labels"] = json!({"x": "y"});
    assert_eq!(
        name(&fixture.deploy(labelled).await),
        "configMap cfg-v000",
        "other labels only"
    );
    assert_eq!(
        fixture.get("configmap", "cfg-v000").await.unwrap()["metadata"]["labels"]["x"],
        "y"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deployments_at_once_take_two_versions() {
    let (mut one, mut two) = tokio::join!(Fixture::new("races"), Fixture::of("races", account()));
    let input = |value: &str| {
        json!({"moniker": {"app": "web"}, "manifests": [config_map("cfg", json!({"a": value}))],
        "namespaceOverride": "races"})
    };
    for round in 0..3 {
        let (first, second) = (format!("{round}-1"), format!("{round}-2"));
        let (first, second) = tokio::join!(
            one.run("deployManifest", input(&first)),
            two.run("deployManifest", input(&second))
        );
        let name =
            |outcome| context(outcome)["outputs.manifestNamesByNamespace"]["races"][0].clone();
        assert_ne!(name(&first), name(&second));
    }
    let all = one.kubectl(&["get", "configmap", "-o", "name"]).await;
    assert_eq!(
        all.lines().filter(|line| line.contains("cfg-v")).count(),
        6,
        "{all}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_worker_is_followed_by_one_that_sends_only_what_is_missing() {
    let mut fixture = Fixture::new("adopts").await;
    let mut set = deployment("set", 1);
    set["kind"] = json!("ReplicaSet");
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "job-"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x:1"}]}}}});
    let mut fresh = deployment("fresh", 1);
    fresh["metadata"]["annotations"] = json!({"strategy.spinnaker.io/recreate": "true"});
    let manifests = json!([
        deployment("web", 1),
        fresh,
        set,
        job,
        config_map("cfg", json!({"a": "1"}))
    ]);
    let task = fixture.task(
        "deployManifest",
        json!({"moniker": {"app": "web"}, "manifests": manifests,
        "namespaceOverride": "adopts"}),
    );
    let first = fixture.finish(task.clone()).await;
    let writes = fixture.writes(5).await;
    assert_eq!(writes.len(), 5, "{writes:#?}");
    fixture.lose_worker_of(&task).await;
    let mut again = task.clone();
    again.attempt = gennaker_model::AttemptId(task.attempt.0 + 500);
    let second = fixture.once(&again).await;
    for key in [
        "outputs.manifestNamesByNamespace",
        "outputs.createdArtifacts",
    ] {
        assert_eq!(context(&first)[key], context(&second)[key], "{key}");
    }
    // Half of it is missing: only that is sent.
    fixture.kubectl(&["delete", "deployment", "web"]).await;
    fixture.lose_worker_of(&task).await;
    again.attempt = gennaker_model::AttemptId(task.attempt.0 + 501);
    let third = fixture.once(&again).await;
    assert_eq!(
        context(&first)["outputs.createdArtifacts"],
        context(&third)["outputs.createdArtifacts"]
    );
    let writes = fixture.writes(6).await;
    assert_eq!(writes.len(), 6, "{writes:#?}");
    assert_eq!(writes[5], "create deployments web");
}

#[tokio::test(flavor = "multi_thread")]
async fn strategies_of_sending() {
    let mut fixture = Fixture::new("strategies").await;
    for strategy in ["recreate", "replace", "server-side-apply"] {
        for image in ["nginx:1", "nginx:2"] {
            let mut web = deployment(strategy, 1);
            web["metadata"]["annotations"] =
                json!({format!("strategy.spinnaker.io/{strategy}"): "true"});
            web["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
            fixture.deploy(json!([web])).await;
        }
        let live = fixture.get("deployment", strategy).await.unwrap();
        assert_eq!(
            live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2",
            "{strategy}"
        );
        let uid = live["metadata"]["generation"].as_i64();
        assert_eq!(
            uid == Some(1),
            strategy == "recreate",
            "only a new object begins again"
        );
    }
    // The number of replicas of what is there stays.
    let mut web = deployment("scaled", 1);
    web["metadata"]["annotations"] = json!({"strategy.spinnaker.io/use-source-capacity": "true"});
    fixture.deploy(json!([web])).await;
    fixture
        .kubectl(&["scale", "deployment", "scaled", "--replicas", "3"])
        .await;
    fixture.deploy(json!([web])).await;
    assert_eq!(
        fixture.get("deployment", "scaled").await.unwrap()["spec"]["replicas"],
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn old_versions_are_cleaned_up() {
    let mut fixture = Fixture::new("history").await;
    for value in 0..5 {
        let mut map = config_map("cfg", json!({"a": value.to_string()}));
        map["metadata"]["annotations"] = json!({"strategy.spinnaker.io/max-version-history": "2"});
        let known = fixture.deploy(json!([map])).await;
        let task = fixture.task("cleanupArtifacts", json!(known));
        let outcome = fixture.finish(task).await;
        assert!(
            matches!(outcome, gennaker_model::work::Outcome::Succeeded { .. }),
            "{outcome:?}"
        );
    }
    let left = fixture.kubectl(&["get", "configmap", "-o", "name"]).await;
    let left: Vec<&str> = left.lines().filter(|line| line.contains("cfg-")).collect();
    assert_eq!(left, ["configmap/cfg-v003", "configmap/cfg-v004"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_stuck_fails_with_what_its_pods_say() {
    let mut fixture = Fixture::new("stuck").await;
    let mut web = deployment("web", 1);
    web["spec"]["progressDeadlineSeconds"] = json!(4);
    web["spec"]["template"]["metadata"]["annotations"] =
        json!({"testbed.gennaker/outcome": "no-image"});
    let mut input =
        json!({"moniker": {"app": "web"}, "manifests": [web], "namespaceOverride": "stuck"});
    let outcome = fixture.run("deployManifest", input.clone()).await;
    input
        .as_object_mut()
        .unwrap()
        .extend(context(&outcome).clone());
    let mut task = fixture.task("waitForManifestToStabilize", input);
    // Something is told before the end.
    let progress = fixture.once(&task).await;
    assert!(
        matches!(progress, gennaker_model::work::Outcome::Running { .. }),
        "{progress:?}"
    );
    let said = context(&progress)["messages"][0].as_str().unwrap();
    assert!(
        said.starts_with(
            "'deployment web' in 'stuck' for account test: waiting for manifest to stabilize"
        ),
        "{said}"
    );
    task.attempt = gennaker_model::AttemptId(task.attempt.0 + 500);
    task.input.extend(context(&progress).clone());
    let outcome = fixture.finish(task).await;
    let said = error(&outcome);
    assert!(said.starts_with("'deployment web' in 'stuck' for account test: Deployment exceeded its progress deadline"), "{said}");
    assert!(said.contains("ImagePullBackOff"), "{said}");
    assert_eq!(
        context(&outcome)["failedManifests"],
        json!([{"manifestName": "deployment web", "location": "stuck"}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_and_its_first_object_come_in_one_stage() {
    let mut fixture = Fixture::new("kinds").await;
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "moons.test.gennaker.io"},
        "spec": {"group": "test.gennaker.io", "scope": "Namespaced",
            "names": {"kind": "Moon", "plural": "moons", "singular": "moon"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let moon =
        json!({"apiVersion": "test.gennaker.io/v1", "kind": "Moon", "metadata": {"name": "io"}});
    let known = fixture.deploy(json!([moon, definition])).await;
    let names = &known["outputs.manifestNamesByNamespace"];
    assert_eq!(names["kinds"], json!(["Moon.test.gennaker.io io"]));
    assert!(fixture.get("moons", "io").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_choose_what_is_applied() {
    let mut fixture = Fixture::new("selected").await;
    let maps: Vec<Value> = ["a", "b"]
        .map(|name| {
            let mut map = config_map(name, json!({}));
            map["metadata"]["labels"] = json!({"tier": name});
            map
        })
        .to_vec();
    let select = |tier: &str| json!({"labelSelectors": {"selectors": [{"kind": "EQUALS", "key": "tier", "values": [tier]}]}});
    let known = fixture.deploy_with(json!(maps), select("a")).await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"],
        json!({"selected": ["configMap a-v000"]})
    );
    let mut input = select("c");
    input["manifests"] = json!(maps);
    input["namespaceOverride"] = json!("selected");
    let outcome = fixture.run("deployManifest", input.clone()).await;
    assert!(
        error(&outcome).starts_with("nothing deployed to account test"),
        "{outcome:?}"
    );
    input["allowNothingSelected"] = json!(true);
    let outcome = fixture.run("deployManifest", input).await;
    assert_eq!(
        context(&outcome)["outputs.manifests"],
        json!([]),
        "{outcome:?}"
    );
}

pub(super) fn account() -> gennaker_settings::KubernetesAccount {
    let cluster = gennaker_testkit::kube::Cluster::shared();
    gennaker_settings::KubernetesAccount {
        name: "test".to_owned(),
        kubeconfig_file: Some(cluster.kubeconfig().display().to_string()),
        ..gennaker_settings::KubernetesAccount::default()
    }
}
