//! Tests of `kubectl apply`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Error, last_applied, patch, patched, with_last_applied};
use crate::Manifest;
use crate::patch::MergeStrategy;

/// A Deployment with this `spec`.
fn deployment(spec: Value) -> Manifest {
    object("Deployment", "apps/v1", spec)
}

fn object(kind: &str, api_version: &str, spec: Value) -> Manifest {
    let metadata = json!({"name": "web", "namespace": "shop"});
    Manifest::new(
        json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "spec": spec}),
    )
    .unwrap()
}

/// What a server has after `applied` was applied, with what others changed since.
fn live(applied: &Manifest, spec: Value) -> Manifest {
    let mut live = with_last_applied(applied);
    live.as_map_mut().insert("spec".into(), spec);
    live
}

/// The patch without the annotation, which changes whenever the manifest does.
fn changes(live: &Manifest, modified: &Manifest) -> Value {
    let Some(patch) = patch(live, &with_last_applied(modified)).unwrap() else {
        return Value::Null;
    };
    let mut body = patch.body;
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("annotations");
        if metadata.is_empty() {
            body.as_object_mut().unwrap().shift_remove("metadata");
        }
    }
    body
}

/// What lives after the patch.
fn applied(live: &Manifest, modified: &Manifest) -> Value {
    let modified = with_last_applied(modified);
    let result = match patch(live, &modified).unwrap() {
        Some(patch) => patched(live, &patch).unwrap(),
        None => live.clone(),
    };
    assert_eq!(
        patch(&result, &modified),
        Ok(None),
        "applying twice changes nothing"
    );
    result.at(&["spec"]).cloned().unwrap_or_default()
}

fn template(containers: Value) -> Value {
    json!({"template": {"spec": {"containers": containers}}})
}

#[test]
fn what_the_manifest_does_not_name_stays() {
    let manifest = deployment(json!({"minReadySeconds": 1}));
    let live = live(
        &manifest,
        json!({"minReadySeconds": 1, "replicas": 7, "progressDeadlineSeconds": 600}),
    );
    assert_eq!(changes(&live, &manifest), Value::Null);
}

#[test]
fn a_field_that_was_named_and_is_no_more_goes() {
    let before = deployment(json!({"minReadySeconds": 1, "replicas": 3}));
    let after = deployment(json!({"minReadySeconds": 1}));
    let live = live(
        &before,
        json!({"minReadySeconds": 1, "replicas": 7, "paused": true}),
    );
    assert_eq!(changes(&live, &after), json!({"spec": {"replicas": null}}));
    assert_eq!(
        applied(&live, &after),
        json!({"minReadySeconds": 1, "paused": true})
    );
}

#[test]
fn without_the_annotation_nothing_is_deleted() {
    let mut live = deployment(json!({"minReadySeconds": 1, "replicas": 3}));
    live.annotations_mut()
        .shift_remove(crate::annotations::LAST_APPLIED);
    assert_eq!(
        changes(&live, &deployment(json!({"minReadySeconds": 2}))),
        json!({"spec": {"minReadySeconds": 2}})
    );
}

#[test]
fn containers_are_merged_by_name_and_others_injected_stay() {
    let manifest = deployment(template(
        json!([{"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]}]),
    ));
    let live = live(
        &manifest,
        template(json!([
            {"name": "proxy", "image": "proxy:1"},
            {"name": "web", "image": "web:1", "imagePullPolicy": "Always", "env": [{"name": "A", "value": "1"}, {"name": "Z", "value": "z"}]},
        ])),
    );
    assert_eq!(
        changes(&live, &manifest),
        Value::Null,
        "somebody else's container is no change"
    );

    let next = deployment(template(
        json!([{"name": "web", "image": "web:2", "env": [{"name": "B", "value": "2"}]}]),
    ));
    assert_eq!(
        changes(&live, &next),
        json!({"spec": {"template": {"spec": {
            "$setElementOrder/containers": [{"name": "web"}],
            "containers": [{
                "image": "web:2",
                "$setElementOrder/env": [{"name": "B"}],
                "env": [{"name": "B", "value": "2"}, {"name": "A", "$patch": "delete"}],
                "name": "web",
            }],
        }}}})
    );
    assert_eq!(
        applied(&live, &next),
        template(json!([
            {"name": "proxy", "image": "proxy:1"},
            {"name": "web", "image": "web:2", "imagePullPolicy": "Always", "env": [{"name": "Z", "value": "z"}, {"name": "B", "value": "2"}]},
        ]))
    );
}

#[test]
fn a_new_order_of_a_merged_list_is_sent_alone() {
    let containers = |names: &[&str]| {
        template(
            names
                .iter()
                .map(|name| json!({"name": name, "image": "i"}))
                .collect(),
        )
    };
    let before = deployment(containers(&["a", "b"]));
    let live = live(&before, containers(&["a", "x", "b"]));
    let after = deployment(containers(&["b", "a"]));
    assert_eq!(
        changes(&live, &after),
        json!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}}})
    );
    let names = applied(&live, &after);
    let names: Vec<&Value> = names["template"]["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["name"])
        .collect();
    assert_eq!(names, ["x", "b", "a"]);
}

#[test]
fn lists_without_a_key_are_replaced() {
    let manifest = |args: Value| deployment(template(json!([{"name": "web", "args": args}])));
    let live = live(
        &manifest(json!(["a", "b"])),
        template(json!([{"name": "web", "args": ["a", "b", "c"]}])),
    );
    assert_eq!(
        applied(&live, &manifest(json!(["a"])))["template"]["spec"]["containers"][0]["args"],
        json!(["a"])
    );
}

#[test]
fn a_strategy_of_another_type_clears_what_belongs_to_the_old_one() {
    let rolling = json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}});
    let manifest = deployment(json!({"strategy": {"type": "Recreate"}}));
    let live = live(&deployment(json!({})), rolling);
    assert_eq!(
        changes(&live, &manifest),
        json!({"spec": {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}})
    );
    assert_eq!(
        applied(&live, &manifest),
        json!({"strategy": {"type": "Recreate"}})
    );
}

#[test]
fn a_volume_that_becomes_another_kind_of_volume_keeps_nothing() {
    let volumes = |volume: Value| json!({"template": {"spec": {"volumes": [volume]}}});
    let before = deployment(volumes(json!({"name": "v", "emptyDir": {}})));
    let after = deployment(volumes(json!({"name": "v", "configMap": {"name": "c"}})));
    let live = live(
        &before,
        volumes(json!({"name": "v", "emptyDir": {"medium": "Memory"}})),
    );
    assert_eq!(
        applied(&live, &after),
        volumes(json!({"name": "v", "configMap": {"name": "c"}}))
    );
}

#[test]
fn a_disruption_budgets_selector_is_replaced() {
    let budget = |labels: Value| {
        object(
            "PodDisruptionBudget",
            "policy/v1",
            json!({"selector": {"matchLabels": labels}}),
        )
    };
    let live = live(
        &budget(json!({"app": "a"})),
        json!({"selector": {"matchLabels": {"app": "a", "tier": "b"}}}),
    );
    assert_eq!(
        applied(&live, &budget(json!({"app": "c"}))),
        json!({"selector": {"matchLabels": {"app": "c"}}})
    );
}

#[test]
fn finalizers_are_a_set() {
    let with = |finalizers: Value| {
        let metadata = json!({"name": "web", "finalizers": finalizers});
        Manifest::new(json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}))
            .unwrap()
    };
    let mut live = with_last_applied(&with(json!(["mine/a", "mine/b"])));
    live.metadata_mut()
        .insert("finalizers".into(), json!(["mine/a", "other/x", "mine/b"]));
    let next = with_last_applied(&with(json!(["mine/a", "mine/c"])));
    let change = patch(&live, &next).unwrap().unwrap();
    assert_eq!(
        change.body["metadata"]["$deleteFromPrimitiveList/finalizers"],
        json!(["mine/b"])
    );
    let result = patched(&live, &change).unwrap();
    assert_eq!(
        result.at(&["metadata", "finalizers"]),
        Some(&json!(["mine/a", "mine/c", "other/x"]))
    );
    assert_eq!(patch(&result, &next), Ok(None));
}

#[test]
fn ports_of_the_same_number_are_told_apart_by_protocol() {
    let ports = |udp: i64| {
        json!({"ports": [
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": udp}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        ]})
    };
    let service = |spec: Value| object("Service", "v1", spec);
    let live = live(
        &service(ports(53)),
        json!({"ports": [
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53, "nodePort": 30001},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP", "nodePort": 30002},
        ]}),
    );
    assert_eq!(changes(&live, &service(ports(53))), Value::Null);
    assert_eq!(
        applied(&live, &service(ports(5353))),
        json!({"ports": [
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353, "nodePort": 30001},
            {"name": "dns-tcp", "port": 53, "protocol": "TCP", "nodePort": 30002},
        ]})
    );
}

#[test]
fn custom_resources_are_merged_as_plain_json() {
    let rollout = |spec: Value| object("Rollout", "argoproj.io/v1alpha1", spec);
    let live = live(
        &rollout(
            json!({"replicas": 2, "strategy": {"canary": {}}, "template": {"spec": {"containers": [{"name": "a"}]}}}),
        ),
        json!({"replicas": 5, "strategy": {"canary": {}}, "workload": 1, "template": {"spec": {"containers": [{"name": "a", "x": 1}]}}}),
    );
    let next = rollout(
        json!({"strategy": {"blueGreen": {"autoPromotionEnabled": true}}, "template": {"spec": {"containers": [{"name": "b"}]}}}),
    );
    let change = patch(&live, &with_last_applied(&next)).unwrap().unwrap();
    assert_eq!(change.strategy, MergeStrategy::Merge);
    assert_eq!(
        applied(&live, &next),
        json!({
            "strategy": {"blueGreen": {"autoPromotionEnabled": true}}, "workload": 1,
            "template": {"spec": {"containers": [{"name": "b"}]}},
        })
    );
}

#[test]
fn the_annotation_is_what_kubectl_writes() {
    let manifest = Manifest::new(json!({
        "kind": "ConfigMap", "apiVersion": "v1", "data": {"b": "2", "a": null},
        "metadata": {"name": "c", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "old", "x": "y"}},
    }))
    .unwrap();
    let modified = with_last_applied(&manifest);
    assert_eq!(
        modified.annotation(crate::annotations::LAST_APPLIED),
        Some(
            "{\"apiVersion\":\"v1\",\"data\":{\"b\":\"2\"},\"kind\":\"ConfigMap\",\"metadata\":{\"annotations\":{\"x\":\"y\"},\"name\":\"c\"}}\n"
        )
    );
    assert_eq!(
        last_applied(&modified).unwrap().unwrap()["data"],
        json!({"b": "2"})
    );
    assert_eq!(
        with_last_applied(&modified),
        modified,
        "writing it twice is writing it once"
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let manifest = deployment(template(json!([{"image": "web:1"}])));
    let live = live(&deployment(json!({})), template(json!([{"name": "web"}])));
    let error = patch(&live, &with_last_applied(&manifest)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spec.template.spec.containers: map: {\"image\":\"web:1\"} does not contain declared merge key: name"
    );
    let manifest = deployment(template(json!(["web"])));
    let error = patch(&live, &with_last_applied(&manifest)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spec.template.spec.containers: the items of this list must be objects"
    );

    let mut broken = live;
    broken
        .annotations_mut()
        .insert(crate::annotations::LAST_APPLIED.into(), "{".into());
    assert_eq!(patch(&broken, &manifest), Err(Error::LastApplied));
}

#[test]
fn what_does_not_fit_into_the_annotation_is_refused_with_advice() {
    let data = json!({"a": "x".repeat(262_144)});
    let large = object("ConfigMap", "v1", data);
    let error = patch(
        &object("ConfigMap", "v1", json!({})),
        &with_last_applied(&large),
    )
    .unwrap_err();
    assert_eq!(error, Error::TooLarge);
    assert!(
        error
            .to_string()
            .starts_with("metadata.annotations: Too long: may not be more than 262144 bytes")
    );
}

/// Something that looks like the `spec` of a Deployment, from few words, so that three of them have much in common.
fn spec() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d")];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        name.clone().prop_map(Value::from),
    ];
    let named = prop::collection::btree_map(name.clone(), prop::option::of(leaf.clone()), 0..4)
        .prop_map(|items| {
            let item = |(name, value): (&str, Option<Value>)| match value {
                Some(value) => json!({"name": name, "value": value, "containerPort": 1}),
                None => json!({"name": name}),
            };
            items.into_iter().map(item).collect::<Value>()
        });
    let volumes = prop::collection::btree_map(name.clone(), 0..3_u8, 0..4).prop_map(|items| {
        let item = |(name, kind): (&str, u8)| match kind {
            0 => json!({"name": name, "emptyDir": {}}),
            1 => json!({"name": name, "configMap": {"name": "c"}}),
            _ => json!({"name": name, "secret": {"secretName": "s"}}),
        };
        items.into_iter().map(item).collect::<Value>()
    });
    let shuffled = |list: Value| {
        Just(list.as_array().cloned().unwrap_or_default())
            .prop_shuffle()
            .prop_map(Value::from)
    };
    let containers = prop::collection::btree_map(
        name,
        (
            named.prop_flat_map(shuffled),
            prop::option::of(leaf.clone()),
        ),
        0..4,
    )
    .prop_map(|items| {
        let item = |(name, (env, image)): (&str, (Value, Option<Value>))| match image {
            Some(image) => json!({"name": name, "env": env, "image": image, "args": [image]}),
            None => json!({"name": name, "env": env}),
        };
        items.into_iter().map(item).collect::<Value>()
    })
    .prop_flat_map(shuffled);
    let strategy = prop_oneof![
        Just(json!({"type": "Recreate"})),
        Just(json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})),
        Just(json!({"type": "RollingUpdate"})),
    ];
    (
        containers,
        volumes.prop_flat_map(shuffled),
        prop::option::of(strategy),
        prop::option::of(leaf),
    )
        .prop_map(|(containers, volumes, strategy, replicas)| {
            let mut spec =
                json!({"template": {"spec": {"containers": containers, "volumes": volumes}}});
            if let Some(strategy) = strategy {
                spec["strategy"] = strategy;
            }
            if let Some(replicas) = replicas {
                spec["replicas"] = replicas;
            }
            spec
        })
}

/// Everything that the manifest names is in the result with that value; lists that are merged may hold more.
fn names(result: &Value, wanted: &Value, key: &str) -> bool {
    match (result, wanted) {
        (Value::Object(result), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            result
                .get(key)
                .is_some_and(|result| names(result, value, key))
        }),
        (Value::Array(result), Value::Array(wanted))
            if matches!(key, "containers" | "env" | "volumes") =>
        {
            let same = |a: &Value, b: &Value| a["name"] == b["name"];
            let places: Option<Vec<usize>> = wanted
                .iter()
                .map(|item| result.iter().position(|other| same(other, item)))
                .collect();
            places.is_some_and(|places| {
                places.is_sorted()
                    && places
                        .iter()
                        .zip(wanted)
                        .all(|(place, item)| names(&result[*place], item, ""))
            })
        }
        (result, wanted) => result == wanted,
    }
}

/// Any JSON.
pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("kind"),
        Just("metadata"),
        Just("spec"),
        Just("template"),
        Just("containers"),
        Just("name"),
        Just("env"),
        Just("ports"),
        Just("$patch"),
        Just("$retainKeys"),
        Just("strategy"),
        Just("volumes"),
        Just("finalizers"),
        Just("data"),
        Just("status"),
        Just("annotations"),
        Just("labels"),
        Just("$setElementOrder/containers"),
        Just("conditions"),
        Just("replicas"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::from("delete")),
        Just(Value::from("a")),
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5).prop_map(|map| Value::Object(
                map.into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn applying_gives_what_the_manifest_says_and_applying_again_changes_nothing(before in spec(), other in spec(), after in spec()) {
        let live = live(&deployment(before), other);
        let manifest = deployment(after.clone());
        let result = applied(&live, &manifest);
        prop_assert!(names(&result, &after, ""), "{result}");
    }

    #[test]
    fn custom_resources_too(before in spec(), other in spec(), after in spec()) {
        let rollout = |spec| object("Rollout", "argoproj.io/v1alpha1", spec);
        let live = live(&rollout(before), other);
        let result = applied(&live, &rollout(after.clone()));
        prop_assert!(after["template"] == result["template"]);
    }

    #[test]
    fn nothing_panics_on_any_json(before in json_value(), other in json_value(), after in json_value()) {
        for (kind, version) in [("Deployment", "apps/v1"), ("Rollout", "example.com/v1")] {
            let live = live(&object(kind, version, before.clone()), other.clone());
            let modified = with_last_applied(&object(kind, version, after.clone()));
            if let Ok(Some(change)) = patch(&live, &modified) {
                let _ = patched(&live, &change);
            }
        }
    }
}
