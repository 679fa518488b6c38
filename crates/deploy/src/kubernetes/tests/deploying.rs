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
    web["spec"]["template"]["spec"]["volumes"] = json!([{"name": "v", "configMap": {"name": "cfg"}}]);
    let known = fixture.deploy(json!([web, config_map("cfg", json!({"a": "1"}))])).await;
    assert_eq!(known["outputs.manifestNamesByNamespace"], json!({"apply": ["configMap cfg-v000", "deployment web"]}));
    let created: Vec<&Value> = known["outputs.createdArtifacts"].as_array().unwrap().iter().map(|it| &it["reference"]).collect();
    assert_eq!(created, [&json!("cfg-v000"), &json!("web")]);
    let live = fixture.get("deployment", "web").await.unwrap();
    assert_eq!(live["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"], "cfg-v000");
    assert_eq!(live["metadata"]["annotations"]["moniker.spinnaker.io/cluster"], "deployment web");
    assert_eq!(live["metadata"]["annotations"]["gennaker.io/effect"].as_str().map(|it| it.ends_with(".S.0.1.0")), Some(true));
    assert_eq!(live["status"]["readyReplicas"], 2, "it was waited for");
    assert_eq!(known["stableManifests"].as_array().unwrap().len(), 2);
    assert_eq!(known["kato.tasks"][0]["status"]["completed"], true);
    assert_eq!(known["deploy.account.name"], "test");
}
