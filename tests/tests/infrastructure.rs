//! What pages show of a cluster, read through the API from a real control plane.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use gennaker_testkit::kube::Cluster;
use gennaker_tests::gate::Gate;
use gennaker_tests::installation::Dev;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);

/// A Deployment with its Service and NetworkPolicy, and a Secret that nobody may see.
const SHOP: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: front
  namespace: shop
  annotations: {moniker.spinnaker.io/application: front, moniker.spinnaker.io/cluster: deployment front}
spec:
  replicas: 2
  selector: {matchLabels: {app: front}}
  template:
    metadata:
      labels: {app: front}
      annotations:
        moniker.spinnaker.io/application: front
        moniker.spinnaker.io/cluster: deployment front
        testbed.gennaker/logs: "listening\nSPINNAKER_PROPERTY_COLOR=blue\n"
    spec: {containers: [{name: main, image: "registry/front:7"}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop, annotations: {moniker.spinnaker.io/application: front}}
spec: {selector: {app: front}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: front, namespace: shop, annotations: {moniker.spinnaker.io/application: front}}
spec: {podSelector: {matchLabels: {app: front}}, ingress: [{ports: [{port: 80, protocol: TCP}]}]}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: shop}
stringData: {password: hunter2}
"#;

/// Asks until the answer is as wanted.
async fn until(gate: &Gate, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + WITHIN;
    loop {
        let answer = gate.try_call("GET", path, None).await.unwrap();
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if answer.status == 200 && holds(&value) {
            return value;
        }
        assert!(
            Instant::now() < end,
            "{path} is not as wanted: {} {value}",
            answer.status
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_seen_with_all_its_parts_and_its_cluster_may_fail() {
    let mut cluster = Cluster::start();
    cluster.namespace("shop");
    cluster.apply(SHOP);
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let dev = Dev::start_with(&[("KUBECONFIG", &kubeconfig)]).await;
    let gate = &dev.gate;

    let accounts = until(gate, "/credentials?expand=true", |it| {
        it[0]["namespaces"] != json!([])
    })
    .await;
    assert_eq!(accounts[0]["name"], "testbed");
    assert!(
        accounts[0]["namespaces"]
            .as_array()
            .unwrap()
            .contains(&json!("shop"))
    );
    assert_eq!(
        accounts[0]["spinnakerKindMap"]["deployment"],
        "serverGroupManagers"
    );

    let groups = until(gate, "/applications/front/serverGroups", |it| {
        it[0]["instanceCounts"]["up"] == 2
    })
    .await;
    let group = &groups[0];
    assert_eq!(group["region"], "shop");
    assert_eq!(group["cluster"], "deployment front");
    assert_eq!(group["buildInfo"]["images"], json!(["registry/front:7"]));
    assert_eq!(group["loadBalancers"], json!(["service front"]));
    let clusters = until(gate, "/applications/front/clusters", |it| !it.is_null()).await;
    assert_eq!(clusters, json!({"testbed": ["deployment front"]}));
    let managers = until(gate, "/applications/front/serverGroupManagers", |it| {
        it[0].is_object()
    })
    .await;
    assert_eq!(managers[0]["name"], "deployment front");
    let balancers = until(gate, "/applications/front/loadBalancers", |it| {
        it[0].is_object()
    })
    .await;
    assert_eq!(balancers[0]["name"], "service front");
    let name = group["name"].as_str().unwrap().replace(' ', "%20");
    let one = until(
        gate,
        &format!("/applications/front/serverGroups/testbed/shop/{name}"),
        Value::is_object,
    )
    .await;
    assert_eq!(one["instances"].as_array().unwrap().len(), 2);
    let firewall = until(
        gate,
        "/securityGroups/testbed/shop/networkPolicy%20front",
        Value::is_object,
    )
    .await;
    assert_eq!(
        firewall["inboundRules"][0]["portRanges"][0]["startPort"],
        80
    );

    let pod = one["instances"][0]["humanReadableName"]
        .as_str()
        .unwrap()
        .to_owned();
    let uid = one["instances"][0]["name"].as_str().unwrap();
    let instance = until(
        gate,
        &format!("/instances/testbed/shop/{uid}"),
        Value::is_object,
    )
    .await;
    assert_eq!(instance["healthState"], "Up");
    let console = format!(
        "/instances/testbed/shop/{}/console?provider=kubernetes",
        pod.replace(' ', "%20")
    );
    let console = until(gate, &console, Value::is_object).await;
    assert_eq!(
        console["output"][0],
        json!({"name": "main", "output": "listening\nSPINNAKER_PROPERTY_COLOR=blue\n"})
    );
    let bare = pod.strip_prefix("pod ").unwrap();
    let file = until(
        gate,
        &format!("/applications/front/kubernetes/pods/testbed/shop/{bare}/main"),
        Value::is_object,
    )
    .await;
    assert_eq!(file, json!({"color": "blue"}));

    let manifest = until(gate, "/manifests/testbed/shop/deployment%20front", |it| {
        it["status"]["stable"]["state"] == true
    })
    .await;
    assert_eq!(manifest["moniker"]["app"], "front");
    assert!(!manifest["events"].as_array().unwrap().is_empty());
    let newest =
        "/manifests/testbed/shop/replicaSet/cluster/front/deployment%20front/dynamic/newest";
    let newest = until(gate, newest, Value::is_object).await;
    assert_eq!(
        format!("replicaSet {}", newest["name"].as_str().unwrap()),
        group["name"]
    );
    let secret = until(
        gate,
        "/manifests/testbed/shop/secret%20key?includeEvents=false",
        Value::is_object,
    )
    .await;
    let shown = secret.to_string();
    assert!(
        !shown.contains("aHVudGVyMg") && !shown.contains("hunter2"),
        "{shown}"
    );
    let missing = gate
        .try_call("GET", "/manifests/testbed/shop/deployment%20none", None)
        .await
        .unwrap();
    assert_eq!(missing.status, 404);
    let found = until(
        gate,
        "/search?q=front&type=serverGroups&platform=kubernetes",
        |it| it[0]["totalMatches"] == 1,
    )
    .await;
    assert_eq!(found[0]["results"][0]["account"], "testbed");

    // What was seen last is shown while the cluster is away, with its age; what is read from it directly is not there.
    cluster.kill_api_server();
    let end = Instant::now() + WITHIN;
    let age = loop {
        let answer = gate
            .try_call("GET", "/applications/front/serverGroups", None)
            .await
            .unwrap();
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        if let Some(age) = answer.headers.get("x-gennaker-age-ms") {
            break age.to_owned();
        }
        assert!(Instant::now() < end, "its age is not shown");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(age.parse::<u64>().is_ok(), "{age}");
    let live = gate
        .try_call("GET", "/manifests/testbed/shop/deployment%20front", None)
        .await
        .unwrap();
    assert_eq!(live.status, 503);
    cluster.restart_api_server();
    cluster
        .kubectl(&["scale", "-n", "shop", "deployment/front", "--replicas", "3"])
        .unwrap();
    until(gate, "/applications/front/serverGroups", |it| {
        it[0]["instanceCounts"]["up"] == 3
    })
    .await;
}
