//! Tests of whole deployments.

use serde_json::{Value, json};

use super::{Error, Live, Prepared, Read, Request, Rules};
use crate::strategy::Submission;
use crate::{Coordinates, Kind, Manifest, Map, apply, version};

fn request(context: Value) -> Result<Request, Error> {
    let mut whole = json!({"account": "prod", "moniker": {"app": "web"}});
    whole
        .as_object_mut()
        .unwrap()
        .extend(context.as_object().cloned().unwrap_or_else(Map::new));
    Request::from_context(whole.as_object().unwrap())
}

fn prepared(context: Value, live: &Live) -> Result<Prepared, Error> {
    request(context)?.prepare(&Rules::default(), live)
}

/// Everything that is read is read, and there is nothing.
fn empty(context: &Value) -> Live {
    let mut live = Live::default();
    for read in request(context.clone())
        .unwrap()
        .reads(&Rules::default())
        .unwrap()
    {
        if let Read::List { kind, namespace } = read {
            live.insert_list(kind, &namespace, Vec::new());
        }
    }
    live
}

fn object(value: Value) -> Manifest {
    Manifest::new(value).unwrap()
}

fn config(data: Value) -> Value {
    json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "cfg", "namespace": "shop"}, "data": data})
}

fn workload(kind: &str, annotations: Value) -> Value {
    json!({
        "kind": kind, "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
        "spec": {"replicas": 2, "template": {"metadata": {}, "spec": {
            "containers": [{"image": "gcr.io/p/web"}], "volumes": [{"configMap": {"name": "cfg"}}],
        }}},
    })
}

fn service(selector: Value) -> Value {
    json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": selector}})
}

/// A ConfigMap as it lives after Gennaker, or Spinnaker, has deployed it.
fn deployed(number: i64, data: Value) -> Manifest {
    let context = json!({"manifests": [config(data)]});
    let mut step = prepared(context.clone(), &empty(&context))
        .unwrap()
        .steps
        .remove(0)
        .manifest;
    let text = version::text(number);
    step.set_name(&format!("cfg-{text}"));
    step.annotations_mut()
        .insert("artifact.spinnaker.io/version".into(), text.into());
    apply::with_last_applied(&step)
}

#[test]
fn the_worked_example_of_the_reference() {
    let image = json!({"type": "docker/image", "name": "gcr.io/p/web", "reference": "gcr.io/p/web:1.2", "version": "1.2"});
    let context = json!({"manifests": [workload("Deployment", json!({})), config(json!({"a": "new"}))], "requiredArtifacts": [image]});
    let request = request(context).unwrap();
    let rules = Rules::default();
    let reads = request.reads(&rules).unwrap();
    assert_eq!(
        reads,
        [Read::List {
            kind: Kind::parse("configMap"),
            namespace: "shop".into()
        }]
    );
    let mut live = Live::default();
    live.insert_list(
        Kind::parse("configMap"),
        "shop",
        vec![deployed(4, json!({"a": "old"}))],
    );

    let prepared = request.prepare(&rules, &live).unwrap();
    let manifests: Vec<Value> = prepared
        .steps
        .iter()
        .map(|step| step.manifest.clone().into_value())
        .collect();
    let of_deployment = json!({
        "artifact.spinnaker.io/type": "kubernetes/deployment", "artifact.spinnaker.io/name": "web",
        "artifact.spinnaker.io/location": "shop", "artifact.spinnaker.io/version": "",
        "moniker.spinnaker.io/cluster": "deployment web", "moniker.spinnaker.io/application": "web",
    });
    let labels =
        json!({"app.kubernetes.io/name": "web", "app.kubernetes.io/managed-by": "spinnaker"});
    assert_eq!(
        manifests,
        [
            json!({
                "kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "new"},
                "metadata": {
                    "name": "cfg-v005", "namespace": "shop",
                    "annotations": {
                        "artifact.spinnaker.io/type": "kubernetes/configMap", "artifact.spinnaker.io/name": "cfg",
                        "artifact.spinnaker.io/location": "shop", "artifact.spinnaker.io/version": "v005",
                        "moniker.spinnaker.io/cluster": "configMap cfg", "moniker.spinnaker.io/application": "web",
                        "moniker.spinnaker.io/sequence": "5",
                    },
                    "labels": {
                        "app.kubernetes.io/name": "web", "app.kubernetes.io/managed-by": "spinnaker",
                        "moniker.spinnaker.io/sequence": "5",
                    },
                },
            }),
            json!({
                "kind": "Deployment", "apiVersion": "apps/v1",
                "metadata": {"name": "web", "namespace": "shop", "annotations": of_deployment, "labels": labels},
                "spec": {"replicas": 2, "template": {
                    "metadata": {"annotations": of_deployment, "labels": labels},
                    "spec": {"containers": [{"image": "gcr.io/p/web:1.2"}], "volumes": [{"configMap": {"name": "cfg-v005"}}]},
                }},
            }),
        ]
    );

    let mut answers: Vec<Manifest> = prepared
        .steps
        .iter()
        .map(|step| step.manifest.clone())
        .collect();
    answers[0]
        .metadata_mut()
        .insert("managedFields".into(), json!([{}]));
    let result = prepared.result(&answers);
    assert_eq!(
        result["manifestNamesByNamespace"],
        json!({"shop": ["configMap cfg-v005", "deployment web"]})
    );
    assert_eq!(result["manifests"], json!(manifests));
    let created = json!([
        {"type": "kubernetes/configMap", "name": "cfg", "version": "v005", "location": "shop", "reference": "cfg-v005", "metadata": {"account": "prod"}},
        {"type": "kubernetes/deployment", "name": "web", "version": "", "location": "shop", "reference": "web", "metadata": {"account": "prod"}},
    ]);
    assert_eq!(result["createdArtifacts"], created);
    assert_eq!(result["boundArtifacts"], json!([image, created[0]]));
}

#[test]
fn the_same_content_again_is_the_same_object() {
    let context = json!({"manifests": [config(json!({"a": "old", "b": null}))]});
    let mut live = Live::default();
    live.insert_list(
        Kind::parse("configMap"),
        "shop",
        vec![deployed(4, json!({"a": "old"}))],
    );
    let step = prepared(context, &live).unwrap().steps.remove(0);
    assert_eq!(
        (step.manifest.name(), step.version.unwrap().reused),
        ("cfg-v004", true)
    );
}

#[test]
fn objects_go_in_the_order_of_their_kinds() {
    let of = |kind: &str, api_version: &str| json!({"kind": kind, "apiVersion": api_version, "metadata": {"name": kind.to_lowercase()}});
    let context = json!({"versioned": false, "manifests": [
        of("Widget", "example.com/v1"), of("HorizontalPodAutoscaler", "autoscaling/v2"), of("Pod", "v1"),
        of("Deployment", "apps/v1"), of("PodDisruptionBudget", "policy/v1"), of("APIService", "apiregistration.k8s.io/v1"),
        of("Service", "v1"), of("Secret", "v1"), of("ConfigMap", "v1"), of("ServiceAccount", "v1"),
        of("CustomResourceDefinition", "apiextensions.k8s.io/v1"), of("ClusterRole", "rbac.authorization.k8s.io/v1"), of("Namespace", "v1"),
    ]});
    let prepared = prepared(context, &Live::default()).unwrap();
    let kinds: Vec<String> = prepared
        .steps
        .iter()
        .map(|step| step.manifest.kind().to_string())
        .collect();
    assert_eq!(
        kinds,
        [
            "namespace",
            "clusterRole",
            "customResourceDefinition",
            "serviceAccount",
            "secret",
            "configMap",
            "service",
            "apiService",
            "podDisruptionBudget",
            "pod",
            "deployment",
            "horizontalpodautoscaler",
            "Widget.example.com",
        ]
    );
}

#[test]
fn a_namespace_override_leaves_what_lies_in_none() {
    let context = json!({"namespaceOverride": "staging", "versioned": false, "manifests": [
        {"kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "r"}},
        config(json!({})),
        {"kind": "Widget", "apiVersion": "example.com/v1", "metadata": {"name": "w"}},
    ]});
    let prepared = prepared(context, &Live::default()).unwrap();
    let namespaces: Vec<&str> = prepared
        .steps
        .iter()
        .map(|step| step.manifest.namespace())
        .collect();
    assert_eq!(namespaces, ["", "staging", "staging"]);
    assert_eq!(prepared.created[1].location.as_deref(), Some("staging"));
}

#[test]
fn without_the_same_namespace_nothing_binds() {
    let mut bare = config(json!({}));
    bare["metadata"]
        .as_object_mut()
        .unwrap()
        .shift_remove("namespace");
    let context = |more: Value| {
        let mut context = json!({"manifests": [bare, workload("Deployment", json!({}))]});
        context
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        context
    };
    let volume = |context: Value| {
        let prepared = prepared(context.clone(), &empty(&context)).unwrap();
        prepared.steps[1]
            .manifest
            .at(&["spec", "template", "spec", "volumes"])
            .unwrap()[0]["configMap"]["name"]
            .clone()
    };
    assert_eq!(volume(context(json!({}))), "cfg");
    assert_eq!(
        volume(context(json!({"namespaceOverride": "staging"}))),
        "cfg-v000"
    );
}

#[test]
fn what_people_wrote_themselves_wins() {
    let mut manifest = workload(
        "Deployment",
        json!({"moniker.spinnaker.io/application": "mine"}),
    );
    manifest["metadata"]["labels"] =
        json!({"app.kubernetes.io/name": "mine", "app.kubernetes.io/managed-by": "helm"});
    let context = json!({"moniker": {"app": "web", "cluster": "c", "stack": "s", "sequence": 9}, "manifests": [manifest]});
    let step = prepared(context, &Live::default())
        .unwrap()
        .steps
        .remove(0)
        .manifest;
    let annotations = step.annotations().unwrap();
    assert_eq!(annotations["moniker.spinnaker.io/application"], "mine");
    assert_eq!(annotations["moniker.spinnaker.io/cluster"], "c");
    assert_eq!(annotations["moniker.spinnaker.io/stack"], "s");
    assert_eq!(annotations["moniker.spinnaker.io/sequence"], "9");
    assert_eq!(annotations.get("moniker.spinnaker.io/detail"), None);
    let labels = step.labels().unwrap();
    assert_eq!(labels["app.kubernetes.io/name"], "mine");
    assert_eq!(labels["app.kubernetes.io/managed-by"], "spinnaker");
}

#[test]
fn a_name_that_the_server_makes_is_created_without_version() {
    let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"generateName": "p-", "annotations": {"strategy.spinnaker.io/recreate": "true"}}});
    let prepared = prepared(json!({"manifests": [pod]}), &Live::default()).unwrap();
    let step = &prepared.steps[0];
    assert_eq!((step.submission, step.version), (Submission::Create, None));
    let annotations = step.manifest.annotations().unwrap();
    assert_eq!(annotations["moniker.spinnaker.io/cluster"], "pod p-");
    assert_eq!(annotations.get("artifact.spinnaker.io/name"), None);
    assert_eq!(step.manifest.name(), "");
}

#[test]
fn the_capacity_of_what_lives_is_kept() {
    let keeps = json!({"strategy.spinnaker.io/use-source-capacity": "true"});
    let context = json!({"manifests": [workload("Deployment", keeps.clone())]});
    let at = Coordinates::new(Kind::parse("deployment"), "shop", "web");
    assert_eq!(
        request(context.clone())
            .unwrap()
            .reads(&Rules::default())
            .unwrap(),
        [Read::Get(at.clone())]
    );
    let replicas = |live: &Live| {
        prepared(context.clone(), live).unwrap().steps[0]
            .manifest
            .replicas()
    };
    assert_eq!(replicas(&Live::default()), Some(2));
    let mut live = Live::default();
    let mut running = object(workload("Deployment", json!({})));
    running.set_replicas(7);
    live.insert_object(at, running);
    assert_eq!(replicas(&live), Some(7));

    // A ReplicaSet's is that of its latest version.
    let context = json!({"manifests": [workload("ReplicaSet", keeps)]});
    let old = |number: i64, replicas: i64| {
        let mut old = object(workload(
            "ReplicaSet",
            json!({
                "artifact.spinnaker.io/type": "kubernetes/replicaSet", "artifact.spinnaker.io/name": "web",
                "artifact.spinnaker.io/version": version::text(number),
            }),
        ));
        old.set_name(&format!("web-{}", version::text(number)));
        old.set_replicas(replicas);
        old
    };
    let mut live = Live::default();
    live.insert_list(
        Kind::parse("replicaSet"),
        "shop",
        vec![old(3, 5), old(2, 9)],
    );
    let step = prepared(context, &live).unwrap().steps.remove(0).manifest;
    assert_eq!((step.name(), step.replicas()), ("web-v004", Some(5)));
}

#[test]
fn workloads_are_attached_to_their_load_balancers() {
    let traffic = |enable: bool| json!({"enabled": true, "options": {"services": ["service web"], "enableTraffic": enable, "strategy": "bluegreen"}});
    let context = |enable: bool, manifests: Value| json!({"trafficManagement": traffic(enable), "manifests": manifests});
    let labels = |prepared: &Prepared| {
        let workload = prepared.steps.iter().find(|step| {
            step.manifest.name() != "web" || step.manifest.kind() != crate::Native::Service
        });
        workload
            .unwrap()
            .manifest
            .at(&["spec", "template", "metadata", "labels"])
            .cloned()
            .unwrap_or_default()
    };
    // In the same request.
    let both = context(
        true,
        json!([
            workload("ReplicaSet", json!({})),
            service(json!({"lb": "web"}))
        ]),
    );
    let deployed = prepared(both.clone(), &empty(&both)).unwrap();
    assert_eq!(labels(&deployed)["lb"], "web");
    let of_workload = &deployed.steps[1].manifest;
    assert_eq!(
        of_workload.annotation("traffic.spinnaker.io/load-balancers"),
        Some("[\"service web\"]")
    );
    // In the cluster.
    let alone = context(true, json!([workload("ReplicaSet", json!({}))]));
    let at = Coordinates::new(Kind::parse("service"), "shop", "web");
    assert!(
        request(alone.clone())
            .unwrap()
            .reads(&Rules::default())
            .unwrap()
            .contains(&Read::Get(at.clone()))
    );
    let mut live = empty(&alone);
    assert_eq!(
        prepared(alone.clone(), &live).unwrap_err().to_string(),
        "Load balancer service web does not exist"
    );
    live.insert_object(at, object(service(json!({"lb": "web"}))));
    assert_eq!(labels(&prepared(alone, &live).unwrap())["lb"], "web");
    // Later, by enabling.
    let later = context(false, json!([workload("ReplicaSet", json!({}))]));
    assert_eq!(
        labels(&prepared(later.clone(), &empty(&later)).unwrap()).get("lb"),
        None
    );
    // Without traffic management, the manifest's own annotation counts.
    let own = json!({"manifests": [workload("Deployment", json!({"traffic.spinnaker.io/load-balancers": "[\"service web\"]"})), service(json!({"lb": "x"}))]});
    assert_eq!(
        labels(&prepared(own.clone(), &empty(&own)).unwrap())["lb"],
        "x"
    );
}

#[test]
fn red_black_needs_a_history() {
    let manifest = workload(
        "ReplicaSet",
        json!({"strategy.spinnaker.io/max-version-history": "1"}),
    );
    let context = |strategy: &str| {
        let options = json!({"strategy": strategy, "services": [], "enableTraffic": false});
        json!({"manifests": [manifest], "trafficManagement": {"enabled": true, "options": options}})
    };
    for (strategy, fails) in [
        ("redblack", true),
        ("bluegreen", true),
        ("highlander", false),
        ("none", false),
    ] {
        let result = prepared(context(strategy), &empty(&context(strategy)));
        assert_eq!(result == Err(Error::VersionHistory), fails, "{strategy}");
    }
    assert!(matches!(
        request(context("rollingredblack")),
        Err(Error::Strategy(_))
    ));
}

#[test]
fn label_selectors_choose_what_is_sent() {
    let selectors =
        |value: &str| json!({"selectors": [{"kind": "EQUALS", "key": "tier", "values": [value]}]});
    let mut labelled = config(json!({}));
    labelled["metadata"]["labels"] = json!({"tier": "a"});
    let context = |value: &str, more: Value| {
        let mut context = json!({"manifests": [labelled, workload("Deployment", json!({}))], "labelSelectors": selectors(value)});
        context
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        context
    };
    let one = context("a", json!({}));
    let deployed = prepared(one.clone(), &empty(&one)).unwrap();
    assert_eq!(
        deployed
            .steps
            .iter()
            .map(|step| step.selected)
            .collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(
        deployed.created.len(),
        2,
        "an artifact is noted for what is left out, too"
    );
    let none = context("b", json!({}));
    assert_eq!(
        prepared(none.clone(), &empty(&none))
            .unwrap_err()
            .to_string(),
        "nothing deployed to account prod with label selector(s) tier = b"
    );
    let none = context("b", json!({"allowNothingSelected": true}));
    assert!(prepared(none.clone(), &empty(&none)).is_ok());
    let replaced = json!({"labelSelectors": selectors("a"), "manifests": [workload("Deployment", json!({"strategy.spinnaker.io/replace": "true"}))]});
    assert_eq!(
        prepared(replaced, &Live::default())
            .unwrap_err()
            .to_string(),
        "label selectors not supported with replace strategy, not deploying"
    );
}

#[test]
fn required_artifacts_must_find_a_place_unless_binding_is_off() {
    let context = |bind: bool| {
        let image = json!({"type": "docker/image", "name": "other", "reference": "other:1"});
        json!({"manifests": [workload("Deployment", json!({}))], "requiredArtifacts": [image], "enableArtifactBinding": bind})
    };
    assert!(matches!(
        prepared(context(true), &Live::default()),
        Err(Error::Unbound(_))
    ));
    assert!(prepared(context(false), &Live::default()).is_ok());
}

#[test]
fn a_context_that_cannot_be_read_is_told_by_its_field() {
    let rows = [
        (
            json!({"account": null, "manifests": []}),
            "`account` of the stage must be a name",
        ),
        (
            json!({}),
            "`manifests` of the stage must be a list of manifests",
        ),
        (
            json!({"manifests": "kind: x"}),
            "`manifests` of the stage must be a list of manifests",
        ),
        (
            json!({"manifests": [], "manifest": {"kind": "A"}}),
            "document 1: malformed manifest (A): no field `apiVersion`",
        ),
        (
            json!({"manifests": [config(json!({}))], "requiredArtifacts": {}}),
            "`requiredArtifacts` of the stage must be a list of artifacts",
        ),
        (
            json!({"manifests": [config(json!({}))], "versioned": "maybe"}),
            "`versioned` of the stage must be true or false",
        ),
        (
            json!({"manifests": [config(json!({}))], "moniker": "web"}),
            "`moniker` of the stage must be an object",
        ),
        (
            json!({"manifests": [config(json!({}))], "trafficManagement": {"enabled": true}}),
            "`trafficManagement.options` of the stage must be an object",
        ),
    ];
    for (context, expected) in rows {
        assert_eq!(
            request(context.clone()).unwrap_err().to_string(),
            expected,
            "{context}"
        );
    }
    let event = json!({"kind": "Event", "apiVersion": "v1", "metadata": {"name": "e"}});
    assert_eq!(
        prepared(json!({"manifests": [event]}), &Live::default())
            .unwrap_err()
            .to_string(),
        "event cannot be deployed"
    );
    let unread = prepared(json!({"manifests": [config(json!({}))]}), &Live::default()).unwrap_err();
    assert_eq!(
        unread.to_string(),
        "the list of configMap in namespace `shop` was not read"
    );
}

#[test]
fn the_account_is_found_as_orca_finds_it() {
    let account = |context: Value| request(context).map(|request| request.account).unwrap();
    let manifests = json!([config(json!({}))]);
    assert_eq!(
        account(json!({"account": {"name": "a"}, "manifests": manifests})),
        "a"
    );
    assert_eq!(
        account(json!({"account": "b", "credentials": "c", "manifests": manifests})),
        "b"
    );
    assert_eq!(
        account(json!({"account": null, "credentials": "c", "manifests": manifests})),
        "c"
    );
    assert_eq!(
        account(json!({"manifest": config(json!({})), "manifests": null})),
        "prod"
    );
}

#[test]
fn nothing_to_deploy_is_deployed() {
    let prepared = prepared(json!({"manifests": []}), &Live::default()).unwrap();
    let nothing = json!({"manifestNamesByNamespace": {}, "manifests": [], "createdArtifacts": [], "boundArtifacts": []});
    assert_eq!(prepared.result(&[]), nothing);
}

#[test]
fn annotating_twice_is_annotating_once() {
    let context = json!({"versioned": false, "manifests": [workload("Deployment", json!({})), config(json!({}))]});
    let once: Vec<Value> = prepared(context, &Live::default())
        .unwrap()
        .steps
        .into_iter()
        .map(|step| step.manifest.into_value())
        .collect();
    let again = prepared(
        json!({"versioned": false, "manifests": once}),
        &Live::default(),
    )
    .unwrap();
    let twice: Vec<Value> = again
        .steps
        .into_iter()
        .map(|step| step.manifest.into_value())
        .collect();
    assert_eq!(once, twice);
}
