//! Tests of joining and leaving load balancers.

use serde_json::{Value, json};

use super::{annotate, attach, disable_patch, enable_patch, load_balancers, pods_of, resolve};
use crate::Manifest;

fn service(selector: Value) -> Manifest {
    Manifest::new(json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"selector": selector}})).unwrap()
}

fn replica_set(template: Value) -> Manifest {
    let metadata = json!({"name": "web-v001", "namespace": "shop"});
    Manifest::new(
        json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata, "spec": {
            "selector": {"matchLabels": {"app": "web"}}, "template": template,
        }}),
    )
    .unwrap()
}

#[test]
fn the_annotation_is_written_once() {
    let services = ["service web".to_owned()];
    let mut manifest = replica_set(json!({}));
    annotate(&mut manifest, &[]).unwrap();
    assert_eq!(manifest, replica_set(json!({})));
    annotate(&mut manifest, &services).unwrap();
    annotate(&mut manifest, &services).unwrap();
    assert_eq!(load_balancers(&manifest), services);
    let other = annotate(&mut manifest, &["service api".to_owned()]).unwrap_err();
    assert_eq!(
        other.to_string(),
        "Manifest already has traffic.spinnaker.io/load-balancers annotation set to [service web]. Failed attempting to set it to [service api]."
    );
}

#[test]
fn names_are_checked() {
    let one = |name: &str| {
        resolve(&[name.to_owned()], "shop").map(|found| found[0].full_name().to_string())
    };
    assert_eq!(one("svc web").unwrap(), "service web");
    assert_eq!(
        one("web").unwrap_err().to_string(),
        "Failed to attach load balancer 'web'. Load balancers must be specified in the form '{kind} {name}', e.g. 'service my-service'."
    );
    assert_eq!(
        one("ingress web").unwrap_err().to_string(),
        "No support for load balancing via ingress exists in Spinnaker"
    );
}

#[test]
fn attaching_adds_the_selector_to_the_pods_labels() {
    let mut workload = replica_set(json!({"metadata": {"labels": {"app": "web"}}}));
    attach(&service(json!({"lb": "web"})), &mut workload).unwrap();
    assert_eq!(
        workload.at(&["spec", "template", "metadata", "labels"]),
        Some(&json!({"app": "web", "lb": "web"}))
    );
    let mut bare = replica_set(json!({}));
    attach(&service(json!({"lb": "web"})), &mut bare).unwrap();
    assert_eq!(bare.labels().unwrap()["lb"], "web");

    let empty = attach(&service(json!({})), &mut workload).unwrap_err();
    assert_eq!(
        empty.to_string(),
        "Service must have a non-empty selector in order to be attached to a workload"
    );
    let common = attach(&service(json!({"app": "x"})), &mut workload).unwrap_err();
    assert_eq!(
        common.to_string(),
        "Service selector must have no label keys in common with target workload"
    );
}

#[test]
fn enabling_and_disabling_are_patches() {
    let balancer = service(json!({"example.com/lb": "web", "tier": "a"}));
    let enabled =
        replica_set(json!({"metadata": {"labels": {"example.com/lb": "old", "app": "web"}}}));
    assert_eq!(
        enable_patch(&balancer, &enabled),
        [
            json!({"op": "replace", "path": "/spec/template/metadata/labels/example.com~1lb", "value": "web"}),
            json!({"op": "add", "path": "/spec/template/metadata/labels/tier", "value": "a"}),
        ]
    );
    assert_eq!(
        disable_patch(&balancer, &enabled),
        [json!({"op": "remove", "path": "/spec/template/metadata/labels/example.com~1lb"})]
    );
    let pod = Manifest::new(json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}))
        .unwrap();
    assert_eq!(
        enable_patch(&service(json!({"a~b": "c"})), &pod),
        [
            json!({"op": "add", "path": "/metadata/labels", "value": {}}),
            json!({"op": "add", "path": "/metadata/labels/a~0b", "value": "c"})
        ]
    );
    assert_eq!(disable_patch(&balancer, &pod), Vec::<Value>::new());
}

#[test]
fn a_replica_sets_pods_are_its_own() {
    let pod = |name: &str, owner: &str, app: &str, namespace: &str| {
        let owners = json!([{"kind": "ReplicaSet", "apiVersion": "apps/v1", "name": owner}]);
        let metadata = json!({"name": name, "namespace": namespace, "labels": {"app": app}, "ownerReferences": owners});
        Manifest::new(json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata})).unwrap()
    };
    let pods = [
        pod("mine", "web-v001", "web", "shop"),
        pod("older", "web-v000", "web", "shop"),
        pod("relabelled", "web-v001", "debug", "shop"),
        pod("elsewhere", "web-v001", "web", "prod"),
    ];
    let names: Vec<&str> = pods_of(&replica_set(json!({})), &pods)
        .iter()
        .map(|pod| pod.name())
        .collect();
    assert_eq!(names, ["mine"]);
}
