//! The control plane runs pods, and comes back after its servers were killed.
#![allow(clippy::unwrap_used, reason = "tests")]

use gennaker_testkit::kube::{Cluster, wait_until};

#[test]
fn a_control_plane_runs_pods_and_survives_kills() {
    let mut cluster = Cluster::start();
    cluster.namespace("shop");
    cluster.apply(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  replicas: 2\n  \
         selector: {matchLabels: {app: web}}\n  template:\n    metadata:\n      labels: {app: web}\n      \
         annotations: {testbed.gennaker/logs: \"hello\\n\"}\n    spec: {containers: [{name: web, image: web}]}\n",
    );
    let ready = |cluster: &Cluster| {
        let deployment = cluster
            .get("deployment", "shop", "web")
            .ok_or("no deployment")?;
        match deployment["status"]["readyReplicas"].as_u64() {
            Some(2) => Ok(()),
            other => Err(format!("{other:?} pods are ready")),
        }
    };
    wait_until("ready pods", || ready(&cluster));
    let logs = cluster.kubectl(&["logs", "-n", "shop", "deployment/web"]);
    assert_eq!(logs.as_deref(), Ok("hello\n"));

    cluster.restart_api_server();
    cluster.restart_etcd();
    wait_until("ready pods after the kills", || ready(&cluster));
    let creations = wait_until("an entry of the audit log", || {
        let audit = cluster.audit();
        let of_deployment = |entry: &&serde_json::Value| {
            entry["verb"] == "create" && entry["objectRef"]["resource"] == "deployments"
        };
        match audit.iter().filter(of_deployment).count() {
            0 => Err("none".to_owned()),
            count => Ok(count),
        }
    });
    assert_eq!(creations, 1);

    // Who is in no group may do nothing.
    let nobody = cluster.kubeconfig_of("nobody", None);
    let refused = cluster.kubectl(&["--kubeconfig", &nobody.display().to_string(), "get", "pods"]);
    assert!(refused.is_err_and(|problem| problem.contains("forbidden")));
}
