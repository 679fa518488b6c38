//! Tests of kinds.

use super::{
    Custom, CustomKinds, Filter, FilterConflict, Kind, Native, Presence, SpinnakerKind, Status,
};
use crate::{Coordinates, FullName};

#[test]
fn every_kind_has_a_row_and_is_read_from_its_names() {
    for native in Native::all() {
        for text in [
            native.name().to_owned(),
            native.name().to_uppercase(),
            native.resource().kind.to_owned(),
        ] {
            assert_eq!(Kind::parse(&text), Kind::from(native), "{text}");
        }
        let resource = native.resource();
        let api_version = match resource.group {
            "" => resource.version.to_owned(),
            group => format!("{group}/{}", resource.version),
        };
        assert_eq!(Kind::of(resource.kind, &api_version).native(), Some(native));
        assert_eq!(Kind::from(native).to_string(), native.name());
    }
}

#[test]
fn short_names_are_kubectls() {
    let rows = [
        ("cm", "configMap"),
        ("ds", "daemonSet"),
        ("deploy", "deployment"),
        ("hpa", "horizontalpodautoscaler"),
        ("ns", "namespace"),
        ("netpol", "networkPolicy"),
        ("pv", "persistentVolume"),
        ("pvc", "persistentVolumeClaim"),
        ("po", "pod"),
        ("rs", "replicaSet"),
        ("svc", "service"),
        ("sa", "serviceAccount"),
        ("sc", "storageClass"),
        ("crd", "customResourceDefinition"),
        ("RS", "replicaSet"),
        ("sts", "sts"),
    ];
    for (short, name) in rows {
        assert_eq!(Kind::parse(short).to_string(), name);
    }
}

#[test]
fn groups_tell_kinds_apart() {
    let rows = [
        (Kind::of("Deployment", "apps/v1"), "deployment"),
        (Kind::of("Deployment", "extensions/v1beta1"), "deployment"),
        (Kind::of("Service", "v1"), "service"),
        (
            Kind::of("Service", "serving.knative.dev/v1"),
            "Service.serving.knative.dev",
        ),
        (
            Kind::of("Rollout", "argoproj.io/v1alpha1"),
            "Rollout.argoproj.io",
        ),
        (Kind::parse("Rollout.argoproj.io"), "Rollout.argoproj.io"),
        (Kind::parse("deployment.apps"), "deployment"),
        (Kind::of("Endpoints", "v1"), "Endpoints"),
    ];
    for (kind, text) in rows {
        assert_eq!(kind.to_string(), text);
        assert_eq!(Kind::parse(text), kind);
    }
    assert_eq!(
        Kind::parse("rollout.ARGOPROJ.io"),
        Kind::parse("Rollout.argoproj.io")
    );
    assert_ne!(
        Kind::parse("Service.serving.knative.dev"),
        Kind::from(Native::Service)
    );
    assert!(
        Kind::parse("").is_none()
            && Kind::parse("NONE").is_none()
            && !Kind::parse("none.example.com").is_none()
    );
}

#[test]
fn scope_follows_from_the_kind_its_registration_or_its_definition() {
    let mut custom = CustomKinds::default();
    custom.register(
        Kind::parse("Zone.example.com"),
        Custom {
            namespaced: false,
            ..Custom::default()
        },
    );
    custom.note_cluster_scoped(Kind::parse("Fleet.example.com"));
    for kind in [
        "apiService",
        "clusterRole",
        "clusterRoleBinding",
        "crd",
        "mutatingWebhookConfiguration",
        "validatingWebhookConfiguration",
        "ns",
        "pv",
        "podSecurityPolicy",
        "sc",
        "Zone.example.com",
        "Fleet.example.com",
    ] {
        assert!(!custom.is_namespaced(&Kind::parse(kind)), "{kind}");
    }
    for kind in [
        "deployment",
        "secret",
        "csiDriver",
        "Unknown.example.com",
        "Unknown",
    ] {
        assert!(custom.is_namespaced(&Kind::parse(kind)), "{kind}");
    }
}

#[test]
fn an_account_says_which_kinds_it_takes() {
    let kind = Kind::parse;
    let readable = || Presence::Readable;
    let all = Filter::default();
    let some = Filter::new([kind("deploy"), kind("cm")], []).unwrap();
    let not = Filter::new([], [kind("secret")]).unwrap();
    assert_eq!(Filter::new([kind("a")], [kind("b")]), Err(FilterConflict));
    assert_eq!(
        FilterConflict.to_string(),
        "At most one of 'kinds' and 'omitKinds' can be specified"
    );
    let rows = [
        (all.status(&kind("secret"), readable), None),
        (
            all.status(&kind("none"), readable),
            Some("Kind [none] is invalid"),
        ),
        (
            some.status(&kind("Deployment"), || Presence::Unreadable),
            None,
        ),
        (
            some.status(&kind("secret"), readable),
            Some("Kind [secret] missing in 'kinds' of kubernetes account configuration"),
        ),
        (
            not.status(&kind("secret"), readable),
            Some("Kind [secret] included in 'omitKinds' of kubernetes account configuration"),
        ),
        (
            not.status(&kind("pod"), || Presence::Unreadable),
            Some(
                "Error reading kind [pod]. Please check connectivity and access permissions to the cluster",
            ),
        ),
    ];
    for (status, expected) in rows {
        let message = status.message(&kind(
            expected.map_or("x", |text| text.split(['[', ']']).nth(1).unwrap()),
        ));
        assert_eq!(message.as_deref(), expected);
        assert_eq!(message.is_none(), status == Status::Valid);
    }
    assert_eq!(
        all.status(&kind("Widget.example.com"), || Presence::Unknown),
        Status::Unknown
    );
    assert!(
        not.lets_pass(&kind("pod"))
            && !not.lets_pass(&kind("secret"))
            && !some.lets_pass(&kind("pod"))
    );
}

#[test]
fn names_have_a_kind_and_a_name() {
    let name = FullName::parse("rs web-v001").unwrap();
    assert_eq!(
        (name.kind.clone(), name.to_string()),
        (
            Kind::from(Native::ReplicaSet),
            "replicaSet web-v001".to_owned()
        )
    );
    for wrong in ["", "web", "replicaSet web v001"] {
        assert_eq!(
            FullName::parse(wrong).unwrap_err().to_string(),
            format!("Expected a full resource name of the form <kind> <name>. Got: {wrong}")
        );
    }
    let at = Coordinates::parse("deploy web", "shop").unwrap();
    assert_eq!(
        serde_json::to_string(&at).unwrap(),
        r#"{"kind":"deployment","namespace":"shop","name":"web"}"#
    );
}

#[test]
fn what_spinnaker_shows_a_kind_as_is_read_in_any_case() {
    assert_eq!(
        SpinnakerKind::parse("SERVERGROUPS"),
        SpinnakerKind::ServerGroups
    );
    assert_eq!(SpinnakerKind::parse("odd"), SpinnakerKind::Unclassified);
}

#[test]
fn capabilities_are_those_of_the_matrix() {
    let kinds = |can: fn(Native) -> bool| {
        Native::all()
            .filter(|native| can(*native))
            .map(Native::name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(Native::can_scale),
        ["deployment", "replicaSet", "statefulSet"]
    );
    assert_eq!(
        kinds(Native::can_resize),
        ["daemonSet", "deployment", "replicaSet", "statefulSet"]
    );
    assert_eq!(
        kinds(Native::can_roll_out),
        ["daemonSet", "deployment", "statefulSet"]
    );
    assert_eq!(
        kinds(Native::is_versioned),
        ["configMap", "pod", "replicaSet", "secret"]
    );
    assert_eq!(
        kinds(Native::receives_traffic),
        [
            "cronJob",
            "daemonSet",
            "deployment",
            "job",
            "pod",
            "replicaSet",
            "statefulSet"
        ]
    );
}
