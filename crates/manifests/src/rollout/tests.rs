//! Tests of rollouts.

use serde_json::{Value, json};

use super::{
    Error, Retirement, Strategy, check_scalable, choose_revision, history_kind, pause, restart,
    retire, revisions, undo,
};
use crate::patch::MergeStrategy;
use crate::{Kind, Manifest};

fn object(kind: &str, more: Value) -> Manifest {
    let mut object = json!({"kind": kind, "apiVersion": "apps/v1", "metadata": {"name": "web", "namespace": "shop", "uid": "u1"}, "spec": {}});
    object
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().cloned().unwrap());
    Manifest::new(object).unwrap()
}

fn owned(kind: &str, name: &str, owner: (&str, &str), more: Value) -> Manifest {
    let owners = json!([{"kind": owner.0, "apiVersion": "apps/v1", "name": "web", "uid": owner.1}]);
    let mut object = json!({"kind": kind, "apiVersion": "apps/v1", "metadata": {"name": name, "namespace": "shop", "ownerReferences": owners}});
    object
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().cloned().unwrap());
    Manifest::new(object).unwrap()
}

fn replica_set(revision: &str, image: &str, owner: &str) -> Manifest {
    let template = json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "abc"}}, "spec": {"image": image}});
    let mut object = owned(
        "ReplicaSet",
        &format!("web-{image}"),
        ("Deployment", owner),
        json!({"spec": {"template": template}}),
    );
    object.annotations_mut().extend([
        (
            "deployment.kubernetes.io/revision".to_owned(),
            json!(revision),
        ),
        ("note".to_owned(), json!(image)),
    ]);
    object
}

fn deployment(image: &str, paused: bool) -> Manifest {
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"image": image}});
    let mut object = object(
        "Deployment",
        json!({"spec": {"paused": paused, "template": template}}),
    );
    object.annotations_mut().extend([
        (
            "kubectl.kubernetes.io/last-applied-configuration".to_owned(),
            json!("{}"),
        ),
        ("note".to_owned(), json!("current")),
    ]);
    object
}

#[test]
fn revisions_are_those_of_the_own_replica_sets() {
    let history = [
        replica_set("10", "c", "u1"),
        replica_set("2", "b", "u1"),
        replica_set("x", "d", "u1"),
        replica_set("3", "e", "u0"),
    ];
    assert_eq!(revisions(&deployment("c", false), &history), [2, 10]);
}

#[test]
fn going_back_counts_from_the_end() {
    let all = [2, 5, 9];
    assert_eq!(choose_revision(&all, None, Some(1)), Ok(5));
    assert_eq!(
        choose_revision(&all, Some(9), Some(2)),
        Ok(2),
        "numRevisionsBack wins"
    );
    assert_eq!(choose_revision(&all, Some(2), None), Ok(2));
    assert_eq!(
        choose_revision(&all, Some(3), None),
        Err(Error::UnknownRevision(3))
    );
    assert_eq!(choose_revision(&all, None, None), Err(Error::NoRevision));
    let error = choose_revision(&[1], None, Some(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "There are 1 revision(s) in total, cannot rollback 1"
    );
    assert!(
        choose_revision(&all, None, Some(3)).is_err()
            && choose_revision(&all, None, Some(-1)).is_err()
    );
    assert_eq!(choose_revision(&all, None, Some(0)), Ok(9));
}

#[test]
fn undoing_a_deployment_copies_the_template_of_its_replica_set() {
    let history = [replica_set("1", "old", "u1"), replica_set("2", "new", "u1")];
    let patch = undo(&deployment("new", false), &history, 1)
        .unwrap()
        .unwrap();
    assert_eq!(patch.strategy, MergeStrategy::Json);
    assert_eq!(
        patch.body,
        json!([
            {"op": "replace", "path": "/spec/template", "value": {"metadata": {"labels": {"app": "web"}}, "spec": {"image": "old"}}},
            {"op": "add", "path": "/metadata/annotations", "value": {
                "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "old",
            }},
        ])
    );
    assert_eq!(undo(&deployment("new", false), &history, 2), Ok(None));
    assert_eq!(
        undo(&deployment("new", false), &history, 3),
        Err(Error::UnknownRevision(3))
    );
    assert!(matches!(
        undo(&deployment("new", true), &history, 1),
        Err(Error::Paused(_))
    ));
}

#[test]
fn undoing_a_stateful_set_sends_its_controller_revision() {
    let template = json!({"spec": {"image": "old"}});
    let data = json!({"spec": {"template": {"$patch": "replace", "spec": {"image": "old"}}}});
    for kind in ["StatefulSet", "DaemonSet"] {
        let history = [owned(
            "ControllerRevision",
            "web-1",
            (kind, "u1"),
            json!({"revision": 1, "data": data}),
        )];
        let set = object(
            kind,
            json!({"spec": {"template": {"spec": {"image": "new"}}}}),
        );
        assert_eq!(revisions(&set, &history), [1]);
        let patch = undo(&set, &history, 1).unwrap().unwrap();
        assert_eq!(
            (patch.strategy, patch.body),
            (MergeStrategy::Strategic, data.clone())
        );
        assert_eq!(
            undo(
                &object(kind, json!({"spec": {"template": template}})),
                &history,
                1
            ),
            Ok(None)
        );
    }
    assert!(history_kind(&Kind::parse("replicaSet")).is_err());
}

#[test]
fn only_deployments_are_paused() {
    let patch = |paused: bool, wanted: bool| {
        pause(&deployment("a", paused), wanted)
            .unwrap()
            .map(|patch| patch.body)
    };
    assert_eq!(patch(false, true), Some(json!({"spec": {"paused": true}})));
    assert_eq!(patch(true, false), Some(json!({"spec": {"paused": false}})));
    assert_eq!(patch(true, true), None);
    assert!(matches!(
        pause(&object("StatefulSet", json!({})), true),
        Err(Error::Unsupported { .. })
    ));
}

#[test]
fn restarting_annotates_the_template() {
    let patch = restart(&object("DaemonSet", json!({})), "2026-11-21T00:00:00Z").unwrap();
    let annotations = json!({"kubectl.kubernetes.io/restartedAt": "2026-11-21T00:00:00Z"});
    assert_eq!(
        patch.body,
        json!({"spec": {"template": {"metadata": {"annotations": annotations}}}})
    );
    assert!(matches!(
        restart(&deployment("a", true), "now"),
        Err(Error::Paused(_))
    ));
    assert!(matches!(
        restart(&object("ReplicaSet", json!({})), "now"),
        Err(Error::Unsupported { .. })
    ));
}

#[test]
fn three_kinds_scale() {
    for kind in ["deployment", "replicaSet", "statefulSet"] {
        assert_eq!(check_scalable(&Kind::parse(kind)), Ok(()));
    }
    assert_eq!(
        check_scalable(&Kind::parse("ds")).unwrap_err().to_string(),
        "Resource with daemonSet does not support scale"
    );
}

#[test]
fn old_replica_sets_are_disabled_or_deleted() {
    let old = |name: &str, status: Value| {
        let metadata = json!({"name": name, "namespace": "shop", "generation": 1});
        Manifest::new(json!({"kind": "ReplicaSet", "apiVersion": "apps/v1", "metadata": metadata, "spec": {"replicas": 2}, "status": status})).unwrap()
    };
    let counts = |ready: i64| json!({"observedGeneration": 1, "fullyLabeledReplicas": ready, "readyReplicas": ready, "availableReplicas": ready});
    let all = [
        old("stable", counts(2)),
        old("half", counts(1)),
        old("broken", counts(0)),
    ];
    let shown = |strategy: Strategy| {
        let one = |retirement: Retirement| match retirement {
            Retirement::Disable(at) => format!("disable {}", at.full_name()),
            Retirement::Delete(at) => format!("delete {}", at.full_name()),
        };
        retire(strategy, &all)
            .into_iter()
            .map(one)
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(Strategy::None), Vec::<String>::new());
    let disabled = ["disable replicaSet stable", "disable replicaSet half"];
    assert_eq!(
        shown(Strategy::BlueGreen),
        [disabled[0], disabled[1], "delete replicaSet broken"]
    );
    assert_eq!(
        shown(Strategy::Highlander),
        [
            disabled[0],
            disabled[1],
            "disable replicaSet broken",
            "delete replicaSet stable",
            "delete replicaSet half",
            "delete replicaSet broken",
        ]
    );
    for (text, expected) in [
        ("RED_BLACK", Strategy::BlueGreen),
        ("highlander", Strategy::Highlander),
        ("", Strategy::None),
    ] {
        assert_eq!(Strategy::parse(text), Ok(expected));
    }
}
