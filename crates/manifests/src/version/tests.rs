//! Tests of versions.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{choose, is_versioned, latest, parse, priors, superfluous, text};
use crate::kind::{Custom, CustomKinds};
use crate::{Kind, Manifest, apply};

fn config(data: Value) -> Manifest {
    Manifest::new(json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "cfg", "namespace": "shop"}, "data": data})).unwrap()
}

/// What lives of a version: with Spinnaker's annotations, and what was applied.
fn version(number: i64, day: u32, data: Value) -> Manifest {
    let mut manifest = config(data);
    let version = text(number);
    manifest.set_name(&format!("cfg-{version}"));
    manifest.annotations_mut().extend([
        (
            "artifact.spinnaker.io/type".to_owned(),
            json!("kubernetes/configMap"),
        ),
        ("artifact.spinnaker.io/name".to_owned(), json!("cfg")),
        ("artifact.spinnaker.io/version".to_owned(), json!(version)),
    ]);
    let mut live = apply::with_last_applied(&manifest);
    live.metadata_mut().insert(
        "creationTimestamp".into(),
        format!("2026-01-{day:02}T00:00:00Z").into(),
    );
    live
}

fn found(objects: &[Manifest]) -> Vec<super::Prior> {
    priors(objects, &Kind::parse("configMap"), "cfg", "shop")
}

#[test]
fn the_first_version_is_0_and_unchanged_content_is_used_again() {
    let first = choose(&[], &config(json!({"a": "1"})));
    assert_eq!((first.number, first.reused), (0, false));
    let objects = [
        version(1, 2, json!({"a": "2"})),
        version(0, 1, json!({"a": "1"})),
    ];
    let unchanged = choose(&found(&objects), &config(json!({"a": "1"})));
    assert_eq!((unchanged.number, unchanged.reused), (0, true));
    let changed = choose(&found(&objects), &config(json!({"a": "3"})));
    assert_eq!((changed.number, changed.reused), (2, false));
}

#[test]
fn labels_alone_make_no_version() {
    let objects = [version(4, 1, json!({"a": "1"}))];
    let mut labelled = config(json!({"a": "1"}));
    labelled.labels_mut().insert("new".into(), "label".into());
    assert_eq!(choose(&found(&objects), &labelled).number, 4);
}

#[test]
fn of_equal_ones_the_oldest_is_taken_and_other_numbers_are_ignored() {
    let mut odd = version(9, 1, json!({"a": "1"}));
    odd.annotations_mut()
        .insert("artifact.spinnaker.io/version".into(), "nine".into());
    let objects = [
        version(7, 3, json!({"a": "1"})),
        version(5, 2, json!({"a": "1"})),
        odd,
    ];
    assert_eq!(
        choose(&found(&objects), &config(json!({"a": "1"}))).number,
        5
    );
    assert_eq!(latest(&found(&objects)), Some(7));
}

#[test]
fn what_was_not_applied_is_never_used_again() {
    let mut replaced = version(3, 1, json!({"a": "1"}));
    replaced
        .annotations_mut()
        .shift_remove(crate::annotations::LAST_APPLIED);
    assert_eq!(
        choose(&found(&[replaced]), &config(json!({"a": "1"}))).number,
        4
    );
}

#[test]
fn other_objects_are_no_versions() {
    let mut elsewhere = version(3, 1, json!({}));
    elsewhere.set_namespace("prod");
    let mut other = version(3, 1, json!({}));
    other
        .annotations_mut()
        .insert("artifact.spinnaker.io/name".into(), "other".into());
    let mut foreign = version(3, 1, json!({}));
    foreign
        .annotations_mut()
        .shift_remove("artifact.spinnaker.io/type");
    assert!(found(&[elsewhere, other, foreign]).is_empty());
}

#[test]
fn texts_are_read_as_they_are_written() {
    for (number, expected) in [(0, "v000"), (12, "v012"), (999, "v999"), (1000, "v1000")] {
        assert_eq!(text(number), expected);
        assert_eq!(parse(expected), Some(number));
    }
    for wrong in [
        "",
        "v",
        "3",
        "v-1",
        "v+1",
        "v1x",
        "V001",
        "v99999999999999999999",
    ] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}

#[test]
fn the_annotation_then_the_stage_then_the_kind_decides() {
    let mut custom = CustomKinds::default();
    let versioned = Custom {
        versioned: true,
        ..Custom::default()
    };
    custom.register(Kind::parse("Widget.example.com"), versioned);
    let object = |kind: &str, version: &str, annotation: Option<Value>| {
        let mut object =
            Manifest::new(json!({"kind": kind, "apiVersion": version, "metadata": {"name": "x"}}))
                .unwrap();
        if let Some(annotation) = annotation {
            object
                .annotations_mut()
                .insert("strategy.spinnaker.io/versioned".into(), annotation);
        }
        object
    };
    let rows = [
        (object("ConfigMap", "v1", None), None, true),
        (object("Secret", "v1", None), None, true),
        (object("Pod", "v1", None), None, true),
        (object("ReplicaSet", "apps/v1", None), None, true),
        (object("Deployment", "apps/v1", None), None, false),
        (object("Widget", "example.com/v1", None), None, true),
        (object("Gadget", "example.com/v1", None), None, false),
        (object("ConfigMap", "v1", None), Some(false), false),
        (object("Deployment", "apps/v1", None), Some(true), true),
        (
            object("ConfigMap", "v1", Some(json!("FALSE"))),
            Some(true),
            false,
        ),
        (
            object("ConfigMap", "v1", Some(json!("no"))),
            Some(true),
            false,
        ),
        (
            object("Deployment", "apps/v1", Some(json!("True"))),
            None,
            true,
        ),
        (
            object("Deployment", "apps/v1", Some(json!(true))),
            None,
            true,
        ),
    ];
    for (object, stage, expected) in rows {
        assert_eq!(
            is_versioned(&object, stage, &custom),
            expected,
            "{object:?} {stage:?}"
        );
    }
}

#[test]
fn only_the_newest_stay() {
    let with_history = |mut object: Manifest, history: &str| {
        object.annotations_mut().insert(
            "strategy.spinnaker.io/max-version-history".into(),
            history.into(),
        );
        object
    };
    let objects: Vec<Manifest> = (0..5)
        .map(|number| {
            version(
                number,
                u32::try_from(number).unwrap() + 1,
                json!({"n": number}),
            )
        })
        .collect();
    let names = |deployed: &Manifest| {
        let gone = superfluous(deployed, &objects);
        gone.into_iter().map(|at| at.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&with_history(objects[4].clone(), "2")),
        ["cfg-v000", "cfg-v001", "cfg-v002"]
    );
    assert_eq!(
        names(&with_history(objects[4].clone(), "9")),
        Vec::<String>::new()
    );
    assert_eq!(
        names(&with_history(objects[4].clone(), "few")),
        Vec::<String>::new()
    );
    assert_eq!(names(&objects[4]), Vec::<String>::new());
    // An old version that is used again is not taken away from those who just got it.
    assert_eq!(
        names(&with_history(objects[0].clone(), "2")),
        ["cfg-v001", "cfg-v002", "cfg-v003"]
    );
    assert_eq!(
        names(&with_history(objects[4].clone(), "0")),
        ["cfg-v000", "cfg-v001", "cfg-v002", "cfg-v003"]
    );
}

proptest! {
    #[test]
    fn numbers_only_grow(contents in prop::collection::vec(0..4_u8, 1..12)) {
        let mut objects: Vec<Manifest> = Vec::new();
        for (day, content) in contents.iter().enumerate() {
            let data = json!({"content": content});
            let chosen = choose(&found(&objects), &config(data.clone()));
            let before = latest(&found(&objects));
            if chosen.reused {
                prop_assert!(chosen.number <= before.unwrap());
            } else {
                prop_assert_eq!(chosen.number, before.map_or(0, |number| number + 1));
                objects.push(version(chosen.number, u32::try_from(day).unwrap() + 1, data.clone()));
            }
            // Who deploys the same again gets the same.
            let again = choose(&found(&objects), &config(data));
            prop_assert!(again.reused && again.number == chosen.number);
        }
    }
}
