//! What a Spinnaker does with Kubernetes, case by case (Kubernetes reference 12), on a real control plane.
//!
//! | case | test |
//! |---|---|
//! | 1 | `versions_follow_the_content` |
//! | 2 | [`case_2_names_are_bound_within_one_namespace`] |
//! | 3 | [`case_3_images_are_bound_by_name`], [`case_3_only_whole_images_are_bound_where_the_settings_say_so`]; the whole table in `manifests`, `artifact/bind/tests.rs` |
//! | 4 | [`case_4_red_black_goes_on_with_what_is_disabled_already`], `labels_of_traffic_are_changed_once` |
//! | 5 | `a_rollout_that_is_stuck_fails_with_what_its_pods_say` |
//! | 6 | [`case_6_a_replica_set_with_a_bad_image_waits_and_is_deleted_by_the_next`] |
//! | 7 | [`case_7_a_job_can_be_deployed`], `a_job_that_succeeds_gives_its_properties`, `a_job_that_fails_says_how` |
//! | 8 | `strategies_of_sending`, [`case_8_the_number_of_replicas_is_left_to_an_autoscaler`] |
//! | 9 | `old_versions_are_cleaned_up`, [`case_9_a_version_that_is_used_again_is_not_cleaned_up`] |
//! | 10 | `an_object_is_patched_in_three_ways` |
//! | 11 | `a_deployment_is_scaled_restarted_and_rolled_back_once_each` |
//! | 12 | [`case_12_targets_are_found_or_not_by_their_place`] |
//! | 13 | [`case_13_what_lies_in_no_namespace_keeps_to_that`] |
//! | 14 | `manifests_of_an_artifact_are_evaluated_or_left_alone` of the whole product (`tests/tests/kubernetes.rs`) |
//! | 15 | `from_a_trigger_to_production_and_back`, there, too |

use gennaker_model::work::Outcome;
use serde_json::{Value, json};

use super::{
    deploying::{config_map, deployment},
    *,
};

fn with_map(name: &str, map: &str) -> Value {
    let mut web = deployment(name, 1);
    web["spec"]["template"]["spec"]["volumes"] = json!([{"name": "v", "configMap": {"name": map}}]);
    web
}

fn succeeded(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_2_names_are_bound_within_one_namespace() {
    let mut fixture = Fixture::new("case-2").await;
    let in_place = |mut manifest: Value| {
        manifest["metadata"]["namespace"] = json!("case-2");
        manifest
    };
    let map = |name: &str| config_map(name, json!({"a": "1"}));
    for (manifests, place, name, bound) in [
        // Both in the account's own namespace, which neither names.
        (
            json!([map("none"), with_map("w-none", "none")]),
            "default",
            "w-none",
            "none-v000",
        ),
        (
            json!([in_place(map("both")), in_place(with_map("w-both", "both"))]),
            "case-2",
            "w-both",
            "both-v000",
        ),
        // As Spinnaker: what names no namespace is not taken for what is beside it.
        (
            json!([in_place(map("one")), with_map("w-one", "one")]),
            "default",
            "w-one",
            "one",
        ),
    ] {
        let input = json!({"moniker": {"app": "web"}, "manifests": manifests});
        succeeded(&fixture.run("deployManifest", input).await);
        fixture.namespace = place.to_owned();
        let live = fixture.get("deployment", name).await.unwrap();
        assert_eq!(
            live["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"], bound,
            "{name}"
        );
    }
    // An override makes them one.
    fixture.namespace = "case-2".to_owned();
    fixture
        .deploy(json!([in_place(map("over")), with_map("w-over", "over")]))
        .await;
    let live = fixture.get("deployment", "w-over").await.unwrap();
    assert_eq!(
        live["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"],
        "over-v000"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_3_images_are_bound_by_name() {
    let mut fixture = Fixture::new("case-3").await;
    let digest = format!("gcr.io/p/web@sha256:{}", "a".repeat(64));
    for (number, (field, name, matches)) in [
        ("gcr.io/p/web", "gcr.io/p/web", true),
        ("gcr.io/p/web:old", "gcr.io/p/web", true),
        (digest.as_str(), "gcr.io/p/web", true),
        ("registry:5000/app:1", "registry:5000/app", true),
        // A port without a tag looks like a tag, here as there.
        ("registry:5000/app", "registry:5000/app", false),
        // A name that has the tag in it matches nothing.
        ("gcr.io/p/web:old", "gcr.io/p/web:old", false),
    ]
    .into_iter()
    .enumerate()
    {
        let app = format!("w{number}");
        let mut web = deployment(&app, 1);
        web["spec"]["template"]["spec"]["containers"][0]["image"] = json!(field);
        let reference = "registry.example.com/new:7";
        let input = json!({"moniker": {"app": "web"}, "manifests": [web], "namespaceOverride": "case-3",
            "optionalArtifacts": [{"type": "docker/image", "name": name, "reference": reference}]});
        succeeded(&fixture.run("deployManifest", input).await);
        let live = fixture.get("deployment", &app).await.unwrap();
        let image = &live["spec"]["template"]["spec"]["containers"][0]["image"];
        let wanted = if matches { reference } else { field };
        assert_eq!(image, wanted, "{field} by {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_3_only_whole_images_are_bound_where_the_settings_say_so() {
    let settings = gennaker_settings::Kubernetes {
        image_binding: gennaker_settings::ImageBinding::MatchNameOnly,
        managed_by_suffix: "eu".to_owned(),
        ..gennaker_settings::Kubernetes::default()
    };
    let mut fixture = Fixture::configured("case-3-whole", settings).await;
    let artifact =
        json!([{"type": "docker/image", "name": "gcr.io/p/web", "reference": "gcr.io/p/web:7"}]);
    for (app, field, wanted) in [
        ("bare", "gcr.io/p/web", "gcr.io/p/web:7"),
        ("tagged", "gcr.io/p/web:1", "gcr.io/p/web:1"),
    ] {
        let mut web = deployment(app, 1);
        web["spec"]["template"]["spec"]["containers"][0]["image"] = json!(field);
        let input = json!({"moniker": {"app": "web"}, "manifests": [web], "namespaceOverride": "case-3-whole",
            "optionalArtifacts": artifact});
        succeeded(&fixture.run("deployManifest", input).await);
        let live = fixture.get("deployment", app).await.unwrap();
        let image = &live["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, wanted, "{field}");
        let labels = &live["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/managed-by"], "spinnaker-eu");
    }
    // A patch is bound by the same rule.
    let of_container = |image: &str| json!([{"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}]);
    for (field, wanted) in [
        ("gcr.io/p/web:3", "gcr.io/p/web:3"),
        ("gcr.io/p/web", "gcr.io/p/web:7"),
    ] {
        let input = json!({"manifestName": "deployment bare", "location": "case-3-whole", "manifests": of_container(field),
            "optionalArtifacts": artifact});
        succeeded(&fixture.run("patchManifest", input).await);
        let live = fixture.get("deployment", "bare").await.unwrap();
        let image = &live["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, wanted, "a patch of {field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_4_red_black_goes_on_with_what_is_disabled_already() {
    let mut fixture = Fixture::new("case-4").await;
    for (version, old) in [
        ("1", &[][..]),
        ("2", &["web-v000"]),
        ("3", &["web-v000", "web-v001"]),
    ] {
        let known = operations::red_black(&mut fixture, version).await;
        let found = fixture.run("findOldReplicaSets", json!(known)).await;
        let found = context(&found)["oldReplicaSets"].as_array().unwrap();
        let mut names: Vec<&str> = found
            .iter()
            .map(|old| {
                old["manifestName"]
                    .as_str()
                    .unwrap()
                    .trim_start_matches("replicaSet ")
            })
            .collect();
        names.sort_unstable();
        assert_eq!(names, old, "run {version}");
        for name in old {
            let target =
                json!({"manifestName": format!("replicaSet {name}"), "location": "case-4"});
            succeeded(&fixture.run("disableManifest", target).await);
        }
    }
    for (name, label) in [
        ("web-v000", Value::Null),
        ("web-v001", Value::Null),
        ("web-v002", json!("web")),
    ] {
        let live = fixture.get("replicaset", name).await.unwrap();
        assert_eq!(
            live["spec"]["template"]["metadata"]["labels"]["lb"], label,
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_6_a_replica_set_with_a_bad_image_waits_and_is_deleted_by_the_next() {
    let mut fixture = Fixture::new("case-6").await;
    let set = |version: &str, annotations: Value| {
        let labels = json!({"run": "web", "version": version});
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels, "annotations": annotations},
                    "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}}}})
    };
    let bad = set("1", json!({"testbed.gennaker/outcome": "no-image"}));
    let mut input =
        json!({"moniker": {"app": "web"}, "manifests": [bad], "namespaceOverride": "case-6"});
    let deployed = fixture.run("deployManifest", input.clone()).await;
    succeeded(&deployed);
    input
        .as_object_mut()
        .unwrap()
        .extend(context(&deployed).clone());
    let wait = fixture.task("waitForManifestToStabilize", input);
    let waits = fixture.once(&wait).await;
    assert!(
        matches!(waits, Outcome::Running { .. }),
        "it never fails by itself: {waits:?}"
    );
    let known = fixture.deploy(json!([set("2", json!({}))])).await;
    let old = fixture.run("findOldReplicaSets", json!(known)).await;
    assert_eq!(
        context(&old)["oldReplicaSets"],
        json!([{"manifestName": "replicaSet web-v000", "location": "case-6", "isDead": true}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_7_a_job_can_be_deployed() {
    let mut fixture = Fixture::new("case-7").await;
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"},
        "spec": {"template": {"metadata": {"annotations": {"testbed.gennaker/run-for": "1s"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}}}});
    let known = fixture.deploy(json!([job])).await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"],
        json!({"case-7": ["job work"]})
    );
    let live = fixture.get("job", "work").await.unwrap();
    assert_eq!(live["status"]["succeeded"], 1, "it was waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_8_the_number_of_replicas_is_left_to_an_autoscaler() {
    let mut fixture = Fixture::new("case-8").await;
    let mut web = deployment("web", 1);
    web["metadata"]["annotations"] = json!({"strategy.spinnaker.io/use-source-capacity": "true"});
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"minReplicas": 3, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
    fixture.deploy(json!([web, scaler])).await;
    // Pods have no metrics here; the least that it wants is what an autoscaler sets by itself.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let scaled = async |fixture: &Fixture| {
        fixture.get("deployment", "web").await.unwrap()["spec"]["replicas"].clone()
    };
    while scaled(&fixture).await != 3 {
        assert!(std::time::Instant::now() < until, "nobody scaled it");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:2");
    fixture.deploy(json!([web, scaler])).await;
    assert_eq!(scaled(&fixture).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_9_a_version_that_is_used_again_is_not_cleaned_up() {
    let mut fixture = Fixture::new("case-9").await;
    let map = |value: &str, limit: &str| {
        let mut map = config_map("cfg", json!({"a": value}));
        map["metadata"]["annotations"] =
            json!({"strategy.spinnaker.io/max-version-history": limit});
        map
    };
    for value in ["0", "1", "2"] {
        fixture.deploy(json!([map(value, "5")])).await;
    }
    // The oldest one again, with a smaller limit.
    let known = fixture.deploy(json!([map("0", "2")])).await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"],
        json!({"case-9": ["configMap cfg-v000"]})
    );
    succeeded(&fixture.run("cleanupArtifacts", json!(known)).await);
    assert!(
        fixture.get("configmap", "cfg-v000").await.is_some(),
        "what was just deployed is not deleted"
    );
    let left = fixture.kubectl(&["get", "configmap", "-o", "name"]).await;
    assert_eq!(left.matches("cfg-v").count(), 2, "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_12_targets_are_found_or_not_by_their_place() {
    let mut fixture = Fixture::new("case-12").await;
    operations::red_black(&mut fixture, "1").await;
    let criteria = |word: &str| json!({"location": "case-12", "kind": "replicaSet", "app": "web", "cluster": "replicaSet web", "criteria": word});
    let alone = fixture
        .run("resolveTargetManifest", criteria("second_newest"))
        .await;
    assert!(
        error(&alone).starts_with("No manifest could be found matching"),
        "{alone:?}"
    );
    let oldest = fixture
        .run("resolveTargetManifest", criteria("oldest"))
        .await;
    let mut input = json!(outputs(&oldest));
    input["location"] = json!("case-12");
    succeeded(&fixture.run("deleteManifest", input).await);
    assert!(fixture.get("replicaset", "web-v000").await.is_none());
    // Three of them, the one in the middle the largest.
    for version in ["2", "3", "4"] {
        operations::red_black(&mut fixture, version).await;
    }
    for (name, replicas) in [("web-v000", "2"), ("web-v001", "3"), ("web-v002", "0")] {
        let scale = json!({"manifestName": format!("replicaSet {name}"), "location": "case-12", "replicas": replicas});
        succeeded(&fixture.run("scaleManifest", scale).await);
    }
    for (word, name) in [
        ("oldest", "web-v000"),
        ("second_newest", "web-v001"),
        ("newest", "web-v002"),
        ("largest", "web-v001"),
        ("smallest", "web-v002"),
    ] {
        let found = fixture.run("resolveTargetManifest", criteria(word)).await;
        assert_eq!(
            outputs(&found)["manifestName"],
            json!(format!("replicaSet {name}")),
            "{word}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_13_what_lies_in_no_namespace_keeps_to_that() {
    let mut fixture = Fixture::new("case-13").await;
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "case-13"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    let known = fixture.deploy(json!([role])).await;
    assert_eq!(
        known["outputs.manifestNamesByNamespace"],
        json!({"": ["clusterRole case-13"]})
    );
    let live = fixture.get("clusterrole", "case-13").await.unwrap();
    assert_eq!(live["metadata"]["namespace"], Value::Null);
    // Spinnaker's address for "no namespace" is `_`.
    let input = json!({"manifestName": "clusterRole case-13", "location": "_"});
    succeeded(&fixture.run("deleteManifest", input).await);
    assert!(fixture.get("clusterrole", "case-13").await.is_none());
}
