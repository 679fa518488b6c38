//! Tests of every place where artifacts go.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Available, unbound};
use crate::artifact::{Artifact, ImageMatch, find};
use crate::{Manifest, Map};

fn artifact(value: Value) -> Artifact {
    Artifact::from_value(&value).unwrap()
}

fn image(name: &str, reference: &str) -> Artifact {
    artifact(json!({"type": "docker/image", "name": name, "reference": reference}))
}

fn manifest(kind: &str, api_version: &str, spec: Value) -> Manifest {
    let metadata = json!({"name": "web", "namespace": "shop"});
    Manifest::new(
        json!({"kind": kind, "apiVersion": api_version, "metadata": metadata, "spec": spec}),
    )
    .unwrap()
}

fn bound(
    manifest: &Manifest,
    artifacts: &[Artifact],
    images: ImageMatch,
) -> (Manifest, Vec<Artifact>) {
    let mut manifest = manifest.clone();
    let binding = Available::new(artifacts, &[]).bind(&mut manifest, images, "prod");
    (manifest, binding.bound)
}

/// The image of a Deployment's one container after binding.
fn bound_image(field: &str, artifacts: &[Artifact], images: ImageMatch) -> String {
    let spec = json!({"template": {"spec": {"containers": [{"image": field}]}}});
    let (manifest, _) = bound(&manifest("Deployment", "apps/v1", spec), artifacts, images);
    manifest
        .at(&["spec", "template", "spec", "containers"])
        .unwrap()[0]["image"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn images_match_without_tag_and_digest() {
    let rows = [
        ("gcr.io/p/web", "gcr.io/p/web", true),
        ("gcr.io/p/web:old", "gcr.io/p/web", true),
        ("gcr.io/p/web@sha256:abc", "gcr.io/p/web", true),
        ("gcr.io/p/web:old@sha256:abc", "gcr.io/p/web", false),
        ("registry:5000/app:1", "registry:5000/app", true),
        // A port looks like a tag; what is before it is the name.
        ("registry:5000/app", "registry:5000/app", false),
        ("registry:5000/app", "registry", true),
        ("gcr.io/p/other", "gcr.io/p/web", false),
    ];
    for (field, name, matches) in rows {
        let expected = if matches { "new:1" } else { field };
        assert_eq!(
            bound_image(field, &[image(name, "new:1")], ImageMatch::NameAndTag),
            expected,
            "{field} {name}"
        );
    }
}

#[test]
fn match_name_only_compares_the_whole_field() {
    let artifacts = [image("gcr.io/p/web", "gcr.io/p/web:2")];
    assert_eq!(
        bound_image("gcr.io/p/web", &artifacts, ImageMatch::NameOnly),
        "gcr.io/p/web:2"
    );
    assert_eq!(
        bound_image("gcr.io/p/web:1", &artifacts, ImageMatch::NameOnly),
        "gcr.io/p/web:1"
    );
    assert_eq!(
        bound_image(
            "registry:5000/app",
            &[image("registry:5000/app", "r:1")],
            ImageMatch::NameOnly
        ),
        "r:1"
    );
}

/// A pod's `spec` with one name at every place, and what it is after binding.
fn everywhere(config: &str, secret: &str, image: &str) -> Value {
    let containers = json!([{
        "name": "c", "image": image,
        "env": [
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": config, "key": "k"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}},
            {"name": "C", "value": "cfg"},
        ],
        "envFrom": [{"configMapRef": {"name": config}}, {"secretRef": {"name": secret}}],
    }]);
    json!({
        "containers": containers, "initContainers": containers,
        "volumes": [
            {"name": "a", "configMap": {"name": config}},
            {"name": "b", "secret": {"secretName": secret}},
            {"name": "c", "projected": {"sources": [{"configMap": {"name": config}}, {"secret": {"name": secret}}]}},
            {"name": "cfg", "persistentVolumeClaim": {"claimName": "cfg"}},
        ],
        "imagePullSecrets": [{"name": "sec"}], "serviceAccountName": "cfg",
    })
}

fn in_place(spec: Value, nested: bool) -> Value {
    match nested {
        true => json!({"jobTemplate": {"spec": {"template": {"spec": spec}}}}),
        false => json!({"template": {"spec": spec}}),
    }
}

#[test]
fn every_place_of_every_workload_is_bound() {
    let object = |kind: &str, name: &str| {
        artifact(json!({
            "type": format!("kubernetes/{kind}"), "name": name, "location": "shop", "version": "v001",
            "reference": format!("{name}-v001"), "metadata": {"account": "prod"},
        }))
    };
    let artifacts = [
        object("configMap", "cfg"),
        object("secret", "sec"),
        image("web", "web:2"),
    ];
    for (kind, version) in [
        ("Deployment", "apps/v1"),
        ("ReplicaSet", "apps/v1"),
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("Job", "batch/v1"),
        ("CronJob", "batch/v1"),
    ] {
        let nested = kind == "CronJob";
        let before = manifest(
            kind,
            version,
            in_place(everywhere("cfg", "sec", "web:1"), nested),
        );
        let (after, found) = bound(&before, &artifacts, ImageMatch::NameAndTag);
        let expected = in_place(everywhere("cfg-v001", "sec-v001", "web:2"), nested);
        assert_eq!(after.at(&["spec"]), Some(&expected), "{kind}");
        // In the order of the places.
        assert_eq!(
            found,
            [
                artifacts[2].clone(),
                artifacts[0].clone(),
                artifacts[1].clone()
            ],
            "{kind}"
        );
    }
    let (custom, found) = bound(
        &manifest(
            "Rollout",
            "argoproj.io/v1alpha1",
            in_place(everywhere("cfg", "sec", "web:1"), false),
        ),
        &artifacts,
        ImageMatch::NameAndTag,
    );
    assert!(found.is_empty());
    assert_eq!(
        custom.at(&["spec"]),
        Some(&in_place(everywhere("cfg", "sec", "web:1"), false))
    );
}

#[test]
fn a_bare_pod_is_bound_by_the_whole_image_and_nothing_else() {
    let pod = |image: &str| {
        let spec = json!({"containers": [{"image": image}], "initContainers": [{"image": "web"}], "volumes": [{"configMap": {"name": "cfg"}}]});
        manifest("Pod", "v1", spec)
    };
    let artifacts = [
        image("web", "web:2"),
        artifact(
            json!({"type": "kubernetes/configMap", "name": "cfg", "location": "shop", "reference": "cfg-v1"}),
        ),
    ];
    assert_eq!(bound(&pod("web"), &artifacts, ImageMatch::NameAndTag).0, {
        let mut expected = pod("web:2");
        expected.as_map_mut()["spec"]["initContainers"] = json!([{"image": "web"}]);
        expected
    });
    assert_eq!(
        bound(&pod("web:1"), &artifacts, ImageMatch::NameAndTag).0,
        pod("web:1")
    );
}

#[test]
fn an_autoscaler_is_bound_to_what_it_scales() {
    let autoscaler = |kind: &str, name: &str| {
        manifest(
            "HorizontalPodAutoscaler",
            "autoscaling/v2",
            json!({"scaleTargetRef": {"kind": kind, "name": name}}),
        )
    };
    let of = |kind: &str| {
        artifact(
            json!({"type": format!("kubernetes/{kind}"), "name": "web", "location": "shop", "reference": "web-v003"}),
        )
    };
    let artifacts = [of("replicaSet"), of("deployment"), of("statefulSet")];
    for (kind, expected) in [
        ("ReplicaSet", "web-v003"),
        ("replicaSet", "web-v003"),
        ("Deployment", "web-v003"),
        ("deployment", "web-v003"),
        ("replicaset", "web"),
        ("StatefulSet", "web"),
    ] {
        let (after, _) = bound(&autoscaler(kind, "web"), &artifacts, ImageMatch::NameAndTag);
        assert_eq!(after, autoscaler(kind, expected), "{kind}");
    }
}

#[test]
fn objects_of_other_places_do_not_fit() {
    let before = manifest(
        "Deployment",
        "apps/v1",
        json!({"template": {"spec": {"volumes": [{"configMap": {"name": "cfg"}}]}}}),
    );
    let fits = |location: Option<&str>, account: Option<&str>| {
        let mut object = json!({"type": "kubernetes/configMap", "name": "cfg", "reference": "new"});
        object["location"] = location.into();
        object["metadata"] = json!({"account": account});
        !bound(&before, &[artifact(object)], ImageMatch::NameAndTag)
            .1
            .is_empty()
    };
    assert!(
        fits(Some("shop"), Some("prod"))
            && fits(Some("shop"), Some(""))
            && fits(Some("shop"), None)
    );
    assert!(!fits(Some("shop"), Some("test")), "another account");
    assert!(
        !fits(Some("prod"), Some("prod")) && !fits(None, Some("prod")) && !fits(Some(""), None),
        "another namespace"
    );
}

#[test]
fn required_ones_come_first_and_new_ones_replace_old_ones() {
    let old = image("web", "web:optional");
    let mut available = Available::new(&[image("web", "web:required")], std::slice::from_ref(&old));
    let mut deployment = manifest(
        "Deployment",
        "apps/v1",
        json!({"template": {"spec": {"containers": [{"image": "web"}]}}}),
    );
    available.bind(&mut deployment, ImageMatch::NameAndTag, "prod");
    assert_eq!(
        deployment
            .at(&["spec", "template", "spec", "containers"])
            .unwrap()[0]["image"],
        "web:required"
    );
    available.add(image("web", "web:made"));
    available.bind(&mut deployment, ImageMatch::NameAndTag, "prod");
    assert_eq!(
        deployment
            .at(&["spec", "template", "spec", "containers"])
            .unwrap()[0]["image"],
        "web:made"
    );
}

#[test]
fn what_found_no_place_is_named_in_clouddrivers_words() {
    let required = [
        image("gcr.io/p/web", "gcr.io/p/web:2"),
        image("gcr.io/p/api", "gcr.io/p/api:1"),
    ];
    assert_eq!(unbound(&required, &required), Ok(()));
    assert_eq!(
        unbound(&required, &required[..1]).unwrap_err().to_string(),
        "The following required artifacts could not be bound: '[ArtifactKey(type=docker/image, name=gcr.io/p/api, version=null, location=null, reference=gcr.io/p/api:1)]'. Check that the Docker image name above matches the name used in the image field of your manifest. Failing the stage as this is likely a configuration error."
    );
}

#[test]
fn artifacts_are_found_where_they_go() {
    let found = find(&manifest(
        "Deployment",
        "apps/v1",
        in_place(everywhere("cfg", "sec", "gcr.io/p/web:1"), false),
    ));
    let found: Vec<Value> = found.iter().map(Artifact::to_value).collect();
    assert_eq!(
        found,
        [
            json!({"type": "docker/image", "name": "gcr.io/p/web", "reference": "gcr.io/p/web:1"}),
            json!({"type": "kubernetes/configMap", "name": "cfg", "reference": "cfg"}),
            json!({"type": "kubernetes/secret", "name": "sec", "reference": "sec"}),
        ]
    );
    let autoscaler = manifest(
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        json!({"scaleTargetRef": {"kind": "Deployment", "name": "web"}}),
    );
    assert_eq!(
        find(&autoscaler)[0].artifact_type.as_deref(),
        Some("kubernetes/deployment")
    );
}

#[test]
fn unknown_members_of_an_artifact_survive() {
    let value = json!({"type": "docker/image", "name": "web", "artifactAccount": "gcr", "provenance": null, "metadata": {"id": 1}});
    assert_eq!(
        artifact(value.clone()).to_value(),
        json!({"type": "docker/image", "name": "web", "metadata": {"id": 1}, "artifactAccount": "gcr", "provenance": null})
    );
    assert_eq!(
        Artifact::from_value(&json!({"type": ["docker/image"]})),
        None
    );
    assert_eq!(Artifact::from_value(&json!("web")), None);
}

proptest! {
    #[test]
    fn binding_twice_is_binding_once(tags in prop::collection::vec("[a-z]{1,3}", 3), names in prop::collection::vec(0..3_usize, 0..5)) {
        let all = ["gcr.io/p/web", "registry:5000/app", "busybox"];
        let artifacts: Vec<Artifact> = all.iter().zip(&tags).map(|(name, tag)| image(name, &format!("{name}:{tag}"))).collect();
        let containers: Vec<Value> = names.iter().map(|index| json!({"image": format!("{}:old", all[*index])})).collect();
        let deployment = manifest("Deployment", "apps/v1", json!({"template": {"spec": {"containers": containers}}}));
        let (once, bound_once) = bound(&deployment, &artifacts, ImageMatch::NameAndTag);
        let (twice, bound_twice) = bound(&once, &artifacts, ImageMatch::NameAndTag);
        prop_assert_eq!(once, twice);
        prop_assert_eq!(bound_once, bound_twice);
    }

    #[test]
    fn any_spec_is_survived(keys in prop::collection::vec(prop_oneof![Just("spec"), Just("template"), Just("containers"), Just("env"), Just("volumes")], 0..8), leaf in 0..4_u8) {
        let mut value = match leaf {
            0 => Value::Null,
            1 => json!([{"image": 1}, "x", null]),
            2 => json!({"name": []}),
            _ => json!("web"),
        };
        for key in keys {
            let mut map = Map::new();
            map.insert(key.to_owned(), value);
            value = map.into();
        }
        let deployment = manifest("Deployment", "apps/v1", value);
        let _ = bound(&deployment, &[image("web", "web:1")], ImageMatch::NameAndTag);
        let _ = find(&deployment);
    }
}
