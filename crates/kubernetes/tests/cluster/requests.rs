//! Each request does what its name says.

use std::time::Duration;

use gennaker_kubernetes::{Class, List, LogOptions, Write};
use gennaker_manifests::Kind;
use gennaker_manifests::delete::{Options, Propagation};
use gennaker_manifests::patch::MergeStrategy;
use gennaker_testkit::kube::{Cluster, wait_until};
use serde_json::json;

use crate::support::{admin, at, config_map, deployment, manifest};

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_made_read_replaced_patched_and_deleted() {
    let account = admin("requests");
    let made = account
        .create(
            &config_map("requests", "a", json!({"x": "1"})),
            Write::default(),
        )
        .await
        .unwrap();
    assert!(!made.uid().is_empty());
    let again = account
        .create(&config_map("requests", "a", json!({})), Write::default())
        .await
        .unwrap_err();
    assert_eq!(again.class(), Class::AlreadyExists);
    assert_eq!(again.to_string(), "configmaps \"a\" already exists");

    let read = account
        .get(&at("configMap", "requests", "a"))
        .await
        .unwrap();
    assert_eq!(read.at(&["data", "x"]), Some(&json!("1")));
    assert_eq!(read.full_name().to_string(), "configMap a");
    assert_eq!(
        account.find(&at("cm", "requests", "none")).await.unwrap(),
        None
    );

    let replaced = account
        .replace(
            &config_map("requests", "a", json!({"y": "2"})),
            Write::default(),
        )
        .await
        .unwrap();
    assert_eq!(replaced.at(&["data"]), Some(&json!({"y": "2"})));
    let missing = account
        .replace(&config_map("requests", "none", json!({})), Write::default())
        .await;
    assert!(missing.unwrap_err().is_not_found());

    let where_ = at("configMap", "requests", "a");
    for (strategy, body, expected) in [
        (
            MergeStrategy::Strategic,
            json!({"data": {"z": "3"}}),
            json!({"y": "2", "z": "3"}),
        ),
        (
            MergeStrategy::Merge,
            json!({"data": {"y": null}}),
            json!({"z": "3"}),
        ),
        (
            MergeStrategy::Json,
            json!([{"op": "add", "path": "/data/k", "value": "4"}]),
            json!({"k": "4", "z": "3"}),
        ),
    ] {
        let patched = account
            .patch(&where_, strategy, &body, Write::default())
            .await
            .unwrap();
        assert_eq!(patched.at(&["data"]), Some(&expected), "{strategy:?}");
    }

    let rehearsed = account
        .delete(&where_, &Options::default(), None, Write::dry())
        .await
        .unwrap();
    assert!(rehearsed.is_some());
    let wrong = account
        .delete(
            &where_,
            &Options::default(),
            Some("another"),
            Write::default(),
        )
        .await;
    assert_eq!(wrong.unwrap_err().class(), Class::Conflict);
    let deleted = account
        .delete(
            &where_,
            &Options::default(),
            Some(made.uid()),
            Write::default(),
        )
        .await
        .unwrap();
    let deleted = deleted.unwrap();
    assert!(deleted.gone);
    assert_eq!(deleted.uid, made.uid());
    assert_eq!(
        account
            .delete(&where_, &Options::default(), None, Write::default())
            .await
            .unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_page_by_page_with_kinds_and_selectors() {
    let account = admin("lists");
    let many: String = (0..620)
        .map(|n| {
            let label = n % 2;
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n:03}, namespace: lists, labels: {{odd: \"{label}\"}}}}\n")
        })
        .collect();
    let cluster = Cluster::shared();
    cluster.kubectl_with(&["create", "-f", "-"], &many).unwrap();
    let all = List::of(Kind::parse("configMap"), Some("lists"));
    let found = account.list(&all).await.unwrap();
    // One more is the cluster's own: kube-root-ca.crt.
    assert_eq!(found.items.len(), 621);
    assert!(!found.truncated && !found.resource_version.is_empty());
    assert_eq!(found.items[0].kind_as_written(), "ConfigMap");
    assert_eq!(found.items[0].api_version(), "v1");
    let odd = account.list(&all.clone().labels("odd=1")).await.unwrap();
    assert_eq!(odd.items.len(), 310);
    let one = account
        .list(&all.clone().fields("metadata.name=c007"))
        .await
        .unwrap();
    assert_eq!(one.items.len(), 1);
    let few = account.list(&all.limit(510)).await.unwrap();
    assert!(few.truncated);
    assert_eq!(few.items.len(), 510);
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_are_scaled_read_and_deleted_with_what_they_own() {
    let account = admin("workloads");
    let logs = json!({"testbed.gennaker/logs": "one\ntwo\nthree\n"});
    account
        .create(&deployment("workloads", "web", 2, logs), Write::default())
        .await
        .unwrap();
    let web = at("deployment", "workloads", "web");
    let cluster = Cluster::shared();
    let wait_for = |replicas: u64| {
        wait_until("replicas", || {
            let object = cluster
                .get("deployment", "workloads", "web")
                .ok_or("none")?;
            let ready = object["status"]["readyReplicas"].as_u64();
            if ready == Some(replicas) {
                Ok(())
            } else {
                Err(format!("{ready:?}"))
            }
        });
    };
    wait_for(2);
    account.scale(&web, 3, Write::default()).await.unwrap();
    wait_for(3);
    let refused = account
        .scale(&at("configMap", "workloads", "x"), 3, Write::default())
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Resource with configMap does not support scale"
    );

    let pods = account
        .list(&List::of(Kind::parse("pod"), Some("workloads")))
        .await
        .unwrap();
    let pod = pods.items[0].name();
    let options = LogOptions {
        container: Some("main".to_owned()),
        tail_lines: Some(2),
        ..LogOptions::default()
    };
    assert_eq!(
        account.logs("workloads", pod, &options).await.unwrap(),
        "two\nthree\n"
    );
    let no_pod = account
        .logs("workloads", "none", &LogOptions::default())
        .await
        .unwrap_err();
    assert_eq!(no_pod.to_string(), "pods \"none\" not found");

    let object = account.get(&web).await.unwrap();
    let events = wait_until("events", || {
        let handle = tokio::runtime::Handle::current();
        let events = tokio::task::block_in_place(|| handle.block_on(account.events(&object)));
        let events = events.map_err(|error| error.to_string())?;
        if events.is_empty() {
            Err("none".to_owned())
        } else {
            Ok(events)
        }
    });
    assert!(
        events
            .iter()
            .all(|event| event["involvedObject"]["name"] == "web")
    );

    let foreground = Options {
        propagation: Some(Propagation::Foreground),
        grace_period_seconds: None,
    };
    let deletion = account
        .delete(&web, &foreground, None, Write::default())
        .await
        .unwrap()
        .unwrap();
    assert!(!deletion.gone, "its pods go first");
    assert!(
        account
            .wait_gone(&[deletion], Duration::from_secs(30))
            .await
            .unwrap()
    );
    let sets = account
        .list(&List::of(Kind::parse("replicaSet"), Some("workloads")))
        .await
        .unwrap();
    assert_eq!(sets.items.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_deleted_by_labels() {
    let account = admin("labelled");
    for (name, tier) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let object = manifest(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "labelled", "labels": {"tier": tier}}
        }));
        account.create(&object, Write::default()).await.unwrap();
    }
    let kind = Kind::parse("configMap");
    let deleted = account
        .delete_labelled(
            &kind,
            Some("labelled"),
            "tier=x",
            &Options::default(),
            Write::default(),
        )
        .await
        .unwrap();
    let names: Vec<_> = deleted.iter().map(|it| it.at.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let nothing = account
        .delete_labelled(
            &kind,
            Some("labelled"),
            " ",
            &Options::default(),
            Write::default(),
        )
        .await;
    assert_eq!(nothing.unwrap_err().class(), Class::Invalid);
    assert!(
        account
            .find(&at("configMap", "labelled", "c"))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_that_are_installed_later_are_found() {
    let account = admin("custom");
    let widget = manifest(json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "custom"}, "spec": {"a": 1}
    }));
    let unknown = account.create(&widget, Write::default()).await.unwrap_err();
    assert_eq!(unknown.class(), Class::Unsupported);
    assert!(
        unknown
            .to_string()
            .contains("has no kind 'Widget in version example.com/v1'"),
        "{unknown}"
    );
    Cluster::shared().apply(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n\
         spec:\n  group: example.com\n  names: {kind: Widget, plural: widgets}\n  scope: Namespaced\n  versions:\n  \
         - name: v1\n    served: true\n    storage: true\n    schema: {openAPIV3Schema: {type: object, \
         x-kubernetes-preserve-unknown-fields: true}}\n",
    );
    let mut outcome = account.create(&widget, Write::default()).await;
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while outcome.is_err() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        outcome = account.create(&widget, Write::default()).await;
    }
    outcome.unwrap();
    let found = account
        .get(&at("Widget.example.com", "custom", "w"))
        .await
        .unwrap();
    assert_eq!(found.at(&["spec", "a"]), Some(&json!(1)));
    let refused = account
        .patch(
            &at("Widget.example.com", "custom", "w"),
            MergeStrategy::Strategic,
            &json!({"spec": {}}),
            Write::default(),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.class(), Class::Unsupported, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_keeps_nothing() {
    let account = admin("rehearsal");
    let object = config_map("rehearsal", "a", json!({"x": "1"}));
    account.create(&object, Write::dry()).await.unwrap();
    assert_eq!(
        account
            .find(&at("configMap", "rehearsal", "a"))
            .await
            .unwrap(),
        None
    );
}
