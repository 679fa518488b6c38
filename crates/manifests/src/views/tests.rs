//! Tests of what the API shows.

use serde_json::{Value, json};

use super::{Inventory, load_balancer, server_group, *};

fn object(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

fn named(kind: &str, api_version: &str, name: &str, more: Value) -> Manifest {
    let mut metadata = json!({
        "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {"moniker.spinnaker.io/application": "web"},
    });
    let mut rest = more;
    if let Some(Value::Object(extra)) = rest
        .as_object_mut()
        .and_then(|rest| rest.shift_remove("metadata"))
    {
        for (key, value) in extra {
            metadata[key] = value;
        }
    }
    let mut whole = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
    whole
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().cloned().unwrap());
    object(whole)
}

fn owner(kind: &str, name: &str) -> Value {
    json!([{"kind": kind, "apiVersion": "apps/v1", "name": name}])
}

fn pod(name: &str, of: (&str, &str), status: Value) -> Manifest {
    let metadata = json!({"ownerReferences": owner(of.0, of.1), "annotations": {}});
    named(
        "Pod",
        "v1",
        name,
        json!({"metadata": metadata, "status": status}),
    )
}

/// A Deployment with its ReplicaSet and two pods behind a Service, and some more.
fn inventory() -> Inventory {
    let annotations = |cluster: &str, more: Value| {
        let mut all = json!({"moniker.spinnaker.io/application": "web", "moniker.spinnaker.io/cluster": cluster});
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        all
    };
    let running = |ready: bool| json!({"phase": "Running", "containerStatuses": [{"name": "web", "ready": ready}]});
    let template = json!({"metadata": {"labels": {"app": "web", "lb": "web"}}, "spec": {"containers": [{"image": "gcr.io/p/web:1"}]}});
    Inventory::new(
        "prod",
        vec![
            named(
                "Deployment",
                "apps/v1",
                "web",
                json!({"metadata": {"annotations": annotations("deployment web", json!({})), "labels": {"app": "web"}}}),
            ),
            named(
                "ReplicaSet",
                "apps/v1",
                "web-7d9f",
                json!({
                    "metadata": {
                        "annotations": annotations("deployment web", json!({"deployment.kubernetes.io/revision": "4"})),
                        "ownerReferences": owner("Deployment", "web"), "labels": {"app": "web"},
                    },
                    "spec": {"replicas": 2, "template": template},
                }),
            ),
            named(
                "ReplicaSet",
                "apps/v1",
                "old-v001",
                json!({
                    "metadata": {"annotations": annotations("replicaSet old", json!({"traffic.spinnaker.io/load-balancers": "[\"svc web\"]"}))},
                    "spec": {"replicas": 0, "template": {"metadata": {"labels": {"app": "web"}}}},
                }),
            ),
            named(
                "StatefulSet",
                "apps/v1",
                "db",
                json!({"spec": {"replicas": 1, "serviceName": "db"}}),
            ),
            pod("web-a", ("ReplicaSet", "web-7d9f"), running(true)),
            pod("web-b", ("ReplicaSet", "web-7d9f"), running(false)),
            named(
                "Service",
                "v1",
                "web",
                json!({"spec": {"selector": {"lb": "web"}}}),
            ),
            named("Service", "v1", "db", json!({"spec": {"selector": {}}})),
            named(
                "Ingress",
                "networking.k8s.io/v1",
                "entry",
                json!({"spec": {"defaultBackend": {"service": {"name": "web"}}}}),
            ),
            named(
                "NetworkPolicy",
                "networking.k8s.io/v1",
                "rules",
                json!({"spec": {
                    "ingress": [{"ports": [{"protocol": "TCP", "port": 80}, {"protocol": "TCP", "port": "metrics"}]}, {"from": []}],
                    "egress": [{"ports": [{"protocol": "UDP"}, {"protocol": "TCP", "port": 1000, "endPort": 2000}]}],
                }}),
            ),
            named(
                "ReplicaSet",
                "apps/v1",
                "hidden",
                json!({"metadata": {"annotations": {"caching.spinnaker.io/ignore": "true"}}}),
            ),
            named(
                "ReplicaSet",
                "apps/v1",
                "other-prod-v003",
                json!({"metadata": {"annotations": {}}}),
            ),
        ],
        CustomKinds::default(),
    )
}

fn all() -> [Inventory; 1] {
    [inventory()]
}

#[test]
fn clusters_are_named_by_account() {
    assert_eq!(
        clusters(&all(), "web"),
        json!({"prod": ["db", "deployment web", "replicaSet old"]})
    );
    assert_eq!(clusters(&all(), "other"), json!({"prod": ["other-prod"]}));
    assert_eq!(clusters(&all(), "nobody"), json!({}));
    assert_eq!(account_clusters(&inventory(), "nobody"), None);
    assert_eq!(
        account_clusters(&inventory(), "web")
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn a_cluster_has_its_server_groups_and_load_balancers() {
    let cluster = cluster(&inventory(), "web", "deployment web").unwrap();
    assert_eq!(
        cluster["moniker"],
        json!({"app": "web", "cluster": "deployment web"})
    );
    assert_eq!(cluster["serverGroups"][0]["name"], "replicaSet web-7d9f");
    assert_eq!(cluster["loadBalancers"][0]["name"], "service web");
    assert_eq!(super::cluster(&inventory(), "web", "replicaSet web"), None);
}

#[test]
fn a_server_group_in_a_list() {
    let groups = server_groups(&all(), "web", false);
    let names: Vec<&Value> = groups
        .as_array()
        .unwrap()
        .iter()
        .map(|group| &group["name"])
        .collect();
    assert_eq!(
        names,
        [
            "replicaSet old-v001",
            "replicaSet web-7d9f",
            "statefulSet db"
        ]
    );
    let health = |state: &str, source: &str, kind: &str| json!({"state": state, "source": source, "type": format!("kubernetes/{kind}"), "platform": "platform"});
    let instance = |name: &str, container: &str| {
        json!({
            "id": format!("uid-{name}"), "name": format!("pod {name}"), "healthState": container, "launchTime": null,
            "availabilityZone": "shop", "health": [health("Up", "Pod", "pod"), health(container, "Container web", "container")],
        })
    };
    assert_eq!(
        groups[1],
        json!({
            "name": "replicaSet web-7d9f", "account": "prod", "region": "shop", "cluster": "deployment web", "type": "kubernetes",
            "cloudProvider": "kubernetes", "application": "web", "isDisabled": false, "vpcId": null, "instanceType": null,
            "moniker": {"app": "web", "cluster": "deployment web", "sequence": 4}, "createdTime": 1_767_225_600_000_i64,
            "capacity": {"min": null, "max": null, "desired": 2, "pinned": false},
            "instances": [instance("web-a", "Up"), instance("web-b", "Down")],
            "instanceCounts": {"total": 2, "up": 1, "down": 1, "unknown": 0, "outOfService": 0, "starting": 0},
            "loadBalancers": ["service web"], "targetGroups": null, "securityGroups": [],
            "buildInfo": {"images": ["gcr.io/p/web:1"]},
            "serverGroupManagers": [{"account": "prod", "location": "shop", "name": "web"}],
            "labels": {"app": "web"}, "tags": null, "providerMetadata": null,
        })
    );
}

#[test]
fn a_server_group_with_only_an_annotation_is_disabled() {
    let old = server_group(&inventory(), "shop", "rs old-v001").unwrap();
    assert_eq!(
        (&old["disabled"], &old["loadBalancers"]),
        (&json!(true), &json!(["service web"]))
    );
    assert_eq!(
        server_group(&inventory(), "prod", "replicaSet old-v001"),
        None
    );
    assert_eq!(server_group(&inventory(), "shop", "old-v001"), None);
}

#[test]
fn a_whole_server_group_has_these_members() {
    let whole = server_group(&inventory(), "shop", "replicaSet web-7d9f").unwrap();
    let mut keys: Vec<&str> = whole
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "account",
            "apiVersion",
            "buildInfo",
            "capacity",
            "cloudProvider",
            "createdTime",
            "disabled",
            "displayName",
            "imagesSummary",
            "instanceCounts",
            "instances",
            "kind",
            "labels",
            "launchConfig",
            "loadBalancers",
            "moniker",
            "name",
            "namespace",
            "region",
            "securityGroups",
            "serverGroupManagers",
            "type",
            "zones",
        ]
    );
    let expanded = server_groups(&all(), "web", true);
    assert_eq!(expanded[1]["accountName"], "prod");
    assert_eq!(expanded[1]["cluster"], "deployment web");
    assert_eq!(expanded[1]["freeFormDetail"], Value::Null);
}

#[test]
fn a_manager_has_its_server_groups() {
    assert_eq!(
        server_group_managers(&all(), "web"),
        json!([{
            "account": "prod", "name": "deployment web", "namespace": "shop", "region": "shop", "displayName": "web",
            "apiVersion": "apps/v1", "kind": "deployment", "labels": {"app": "web"},
            "moniker": {"app": "web", "cluster": "deployment web"}, "createdTime": 1_767_225_600_000_i64,
            "cloudProvider": "kubernetes",
            "serverGroups": [{
                "name": "replicaSet web-7d9f", "account": "prod", "namespace": "shop", "region": "shop",
                "moniker": {"app": "web", "cluster": "deployment web", "sequence": 4},
            }],
        }])
    );
}

#[test]
fn load_balancers_are_sorted_and_know_their_server_groups() {
    let balancers = load_balancers(&all(), "web");
    let names: Vec<&Value> = balancers
        .as_array()
        .unwrap()
        .iter()
        .map(|balancer| &balancer["name"])
        .collect();
    assert_eq!(names, ["ingress entry", "service db", "service web"]);
    assert_eq!(balancers[0]["serverGroups"], json!([]));
    assert_eq!(balancers[1]["serverGroups"][0]["name"], "statefulSet db");
    let web = &balancers[2]["serverGroups"][0];
    assert_eq!(
        (&web["name"], &web["isDisabled"], &web["detachedInstances"]),
        (&json!("replicaSet web-7d9f"), &json!(false), &json!([]))
    );
    assert_eq!(web["instances"][1]["id"], "uid-web-b");
    assert_eq!(web["instances"][1]["health"]["state"], "Down");
    assert_eq!(
        load_balancer(&inventory(), "shop", "service web")[0]["type"],
        "kubernetes"
    );
    assert_eq!(
        load_balancer(&inventory(), "shop", "service nobody"),
        json!([])
    );
}

#[test]
fn a_network_policy_shows_its_ports() {
    let policy = security_group(&inventory(), "shop", "networkPolicy rules").unwrap();
    assert_eq!(
        (&policy["id"], &policy["summary"]),
        (
            &json!("networkPolicy rules"),
            &json!({"name": "networkPolicy rules", "id": "networkPolicy rules"})
        )
    );
    let range = |start: Value, end: Value, name: Value| json!([{"startPort": start, "endPort": end, "startPortName": name, "endPortName": name}]);
    assert_eq!(
        policy["inboundRules"],
        json!([
            {"protocol": "TCP", "portRanges": range(json!(80), json!(80), Value::Null)},
            {"protocol": "TCP", "portRanges": range(Value::Null, Value::Null, json!("metrics"))},
        ])
    );
    assert_eq!(
        policy["outboundRules"],
        json!([{"protocol": "UDP", "portRanges": null}, {"protocol": "TCP", "portRanges": range(json!(1000), json!(2000), Value::Null)}])
    );
    assert_eq!(security_groups(&all()).len(), 1);
}

#[test]
fn an_instance_is_found_by_name_and_by_uid() {
    let by_name = instance(&inventory(), "shop", "pod web-b").unwrap();
    assert_eq!(
        instance(&inventory(), "shop", "uid-web-b"),
        Some(by_name.clone())
    );
    assert_eq!(
        (
            &by_name["name"],
            &by_name["humanReadableName"],
            &by_name["zone"]
        ),
        (&json!("uid-web-b"), &json!("pod web-b"), &json!("shop"))
    );
    assert_eq!(by_name["healthState"], "Down");
    assert_eq!(instance(&inventory(), "shop", "pod nobody"), None);
}

#[test]
fn health_states_are_added_up() {
    let state = |status: Value| {
        instance::whole(&inventory(), &pod("p", ("Job", "j"), status))["healthState"].clone()
    };
    assert_eq!(state(json!({"phase": "Pending"})), "Down");
    assert_eq!(
        state(json!({"phase": "Succeeded", "containerStatuses": [{"name": "a", "ready": false}]})),
        "Down"
    );
    assert_eq!(state(json!({"phase": "Succeeded"})), "Unknown");
    assert_eq!(
        state(json!({"phase": "Failed", "containerStatuses": [{"name": "a", "ready": true}]})),
        "Up"
    );
    assert_eq!(state(Value::Null), "Unknown");
}

#[test]
fn applications_have_their_clusters() {
    let found = applications(&all());
    assert_eq!(
        found[0],
        json!({"name": "other", "attributes": {"name": "other"}, "clusterNames": {"prod": ["other-prod"]}})
    );
    assert_eq!(
        found[1]["clusterNames"],
        json!({"prod": ["db", "deployment web", "replicaSet old"]})
    );
}

#[test]
fn search_finds_names_and_what_belongs_to_a_cluster() {
    let names = |kind: &str, query: &str| {
        let found = search(&all(), kind, query, 100);
        found
            .into_iter()
            .map(|result| result["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("serverGroups", "7D9"), ["replicaSet web-7d9f"]);
    assert_eq!(
        names("serverGroups", "deployment web"),
        ["replicaSet web-7d9f"]
    );
    assert_eq!(names("replicaSet", "old"), ["replicaSet old-v001"]);
    assert_eq!(names("instances", "web-a"), ["pod web-a"]);
    assert_eq!(names("loadBalancers", "entry"), ["ingress entry"]);
    assert_eq!(names("clusters", "old"), ["replicaSet old"]);
    assert_eq!(names("applications", "eb"), ["web"]);
    assert_eq!(names("projects", "web"), Vec::<String>::new());
    assert_eq!(search(&all(), "serverGroups", "prod", 2).len(), 2);
    assert_eq!(
        search(&all(), "serverGroups", "old-v", 9),
        [json!({
            "provider": "kubernetes", "type": "serverGroups", "group": "replicaSet", "kubernetesKind": "replicaSet", "account": "prod",
            "namespace": "shop", "region": "shop", "name": "replicaSet old-v001", "serverGroup": "replicaSet old-v001",
            "application": "web", "cluster": "replicaSet old",
        })]
    );
}

#[test]
fn raw_resources_pass_the_filter_of_kinds() {
    let only = |kind: Native| move |_: &str, of: &Kind| *of == kind;
    let shown = raw_resources(&all(), "web", &only(Native::Deployment));
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert_eq!(
        (&shown[0]["name"], &shown[0]["displayName"]),
        (&json!("deployment web"), &json!("web"))
    );
}

#[test]
fn a_manifest_is_shown_with_status_artifacts_and_sorted_events() {
    let deployment = named(
        "Deployment",
        "apps/v1",
        "web",
        json!({"spec": {"template": {"spec": {"containers": [{"image": "gcr.io/p/web:1"}]}}}}),
    );
    let events = [
        json!({"lastTimestamp": "2026-01-02T00:00:00Z", "reason": "B"}),
        json!({"firstTimestamp": "2026-01-01T00:00:00Z", "reason": "A"}),
    ];
    let shown = manifest("prod", &deployment, &events, &[]).unwrap();
    assert_eq!(
        (&shown["name"], &shown["location"]),
        (&json!("deployment web"), &json!("shop"))
    );
    assert_eq!(shown["moniker"], json!({"app": "web", "cluster": "web"}));
    assert_eq!(
        shown["status"]["stable"],
        json!({"state": false, "message": "No status reported yet"})
    );
    assert_eq!(
        shown["artifacts"],
        json!([{"type": "docker/image", "name": "gcr.io/p/web", "reference": "gcr.io/p/web:1"}])
    );
    let reasons: Vec<&Value> = shown["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["reason"])
        .collect();
    assert_eq!(reasons, ["A", "B"]);
    assert_eq!(
        (&shown["warnings"], &shown["metrics"]),
        (&json!([]), &json!([]))
    );

    let secret = object(
        json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "data": {"a": "aHVudGVyMg=="}}),
    );
    assert!(
        !manifest("prod", &secret, &[], &[])
            .unwrap()
            .to_string()
            .contains("aHVudGVyMg")
    );
    assert!(
        manifest(
            "prod",
            &named("Deployment", "apps/v1beta1", "web", json!({})),
            &[],
            &[]
        )
        .is_err()
    );
}

#[test]
fn kinds_are_mapped_for_the_ui() {
    let map = spinnaker_kind_map(&CustomKinds::default());
    let rows = [
        ("replicaSet", "serverGroups"),
        ("cronJob", "serverGroups"),
        ("deployment", "serverGroupManagers"),
        ("pod", "instances"),
        ("service", "loadBalancers"),
        ("ingress", "loadBalancers"),
        ("networkPolicy", "securityGroups"),
        ("secret", "configs"),
        ("persistentVolumeClaim", "configs"),
        ("namespace", "unclassified"),
        ("horizontalpodautoscaler", "unclassified"),
    ];
    for (kind, shown) in rows {
        assert_eq!(map[kind], shown, "{kind}");
    }
}
