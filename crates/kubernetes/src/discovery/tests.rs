use serde_json::json;

use super::*;

fn cluster() -> Resources {
    let resource = |plural: &str, kind: &str, namespaced: bool, short: &[&str]| {
        json!({
            "resource": plural, "responseKind": {"kind": kind}, "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": kind.to_lowercase(), "verbs": ["get", "list"], "shortNames": short,
            "subresources": [{"subresource": "scale"}]
        })
    };
    let group = |name: &str, versions: Vec<(&str, Vec<Value>)>| {
        let versions: Vec<Value> = versions
            .into_iter()
            .map(|(version, resources)| json!({"version": version, "resources": resources}))
            .collect();
        json!({"metadata": {"name": name}, "versions": versions})
    };
    let list = json!({"items": [
        group("", vec![("v1", vec![resource("pods", "Pod", true, &["po"]), resource("namespaces", "Namespace", false, &["ns"])])]),
        group("extensions", vec![("v1beta1", vec![resource("deployments", "Deployment", true, &[])])]),
        group("apps", vec![
            ("v1", vec![resource("deployments", "Deployment", true, &["deploy"])]),
            ("v1beta2", vec![resource("deployments", "Deployment", true, &["deploy"])]),
        ]),
        group("serving.knative.dev", vec![("v1", vec![resource("services", "Service", true, &["ksvc"])])]),
    ]});
    Resources::new(aggregated(&list))
}

#[test]
fn kinds_are_found_as_people_write_them() {
    let cluster = cluster();
    let found = |kind: &str| {
        let resource = cluster.preferred(&Kind::parse(kind))?;
        Some(format!("{} {}", resource.api_version(), resource.plural))
    };
    assert_eq!(found("deployment").as_deref(), Some("apps/v1 deployments"));
    assert_eq!(found("deploy").as_deref(), Some("apps/v1 deployments"));
    assert_eq!(found("Pod").as_deref(), Some("v1 pods"));
    assert_eq!(
        found("Service.serving.knative.dev").as_deref(),
        Some("serving.knative.dev/v1 services")
    );
    // The core's Service is another kind, and this cluster has none.
    assert_eq!(found("service"), None);
    assert_eq!(found("Deployment.example.com"), None);
}

#[test]
fn a_manifest_names_its_version() {
    let cluster = cluster();
    assert_eq!(
        cluster
            .exact("apps/v1beta2", "Deployment")
            .map(|it| it.version.as_str()),
        Some("v1beta2")
    );
    assert_eq!(cluster.exact("apps/v2", "Deployment"), None);
    assert_eq!(
        cluster
            .exact("v1", "Pod")
            .map(|it| it.path(Some("a b")))
            .as_deref(),
        Some("/api/v1/namespaces/a%20b/pods")
    );
    assert_eq!(
        cluster
            .exact("v1", "Namespace")
            .map(|it| it.path(Some("ignored")))
            .as_deref(),
        Some("/api/v1/namespaces")
    );
}

#[test]
fn older_servers_list_subresources_among_the_others() {
    let list = json!({"resources": [
        {"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": ["get"], "shortNames": ["deploy"]},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": true, "verbs": ["get"]},
    ]});
    let found = listed("apps", "v1", &list);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].subresources, ["scale"]);
    let group = json!({"name": "x", "preferredVersion": {"version": "v1"}, "versions": [{"version": "v2alpha1"}, {"version": "v1"}]});
    assert_eq!(versions_of(&group)[0].1, "v1");
}
