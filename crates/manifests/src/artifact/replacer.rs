//! The places in manifests where artifacts go.
//!
//! Source: clouddriver `Replacer`, `ArtifactReplacer`, and the replacers that each handler registers.

use serde_json::Value;

use super::Artifact;
use crate::{Kind, Manifest, Map, Native};

/// How a field and an image's name are compared: `artifact-binding.docker-image`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageMatch {
    /// `match-name-and-tag`, the default and a misnomer: the field without its tag or digest is the artifact's name.
    #[default]
    NameAndTag,
    /// `match-name-only`: the whole field is the artifact's name.
    NameOnly,
}

/// The artifacts that a manifest names: `{type, name, reference}` for each (`ArtifactReplacer.findAll`), without repetitions.
#[must_use]
pub fn find(manifest: &Manifest) -> Vec<Artifact> {
    let mut found: Vec<Artifact> = Vec::new();
    for replacer in replacers(&manifest.kind()) {
        replacer.each(manifest.as_map(), &mut |text| {
            let name = match replacer.place {
                Place::Image => image_name(text),
                Place::PodImage | Place::Name => text,
            };
            let artifact = Artifact {
                artifact_type: Some(replacer.artifact_type.to_owned()),
                name: Some(name.to_owned()),
                reference: Some(text.to_owned()),
                ..Artifact::default()
            };
            if !found.contains(&artifact) {
                found.push(artifact);
            }
        });
    }
    found
}

/// Where a manifest goes.
pub(crate) struct Target<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) account: &'a str,
}

impl Target<'_> {
    /// An artifact may be put into a manifest that goes there.
    pub(super) fn takes(&self, artifact: &Artifact) -> bool {
        let kind = artifact.artifact_type.as_deref().unwrap_or_default();
        let account = artifact.account().unwrap_or_default();
        let here = artifact.location.as_deref().unwrap_or_default() == self.namespace;
        match kind.starts_with("kubernetes/") {
            true => here && (account.is_empty() || account == self.account),
            false => !kind.is_empty(),
        }
    }
}

/// Puts artifacts into their places, in the order of the replacers, then of the artifacts, and returns those that found one.
pub(super) fn replace<'a>(
    object: &mut Map,
    kind: &Kind,
    images: ImageMatch,
    artifacts: &[&'a Artifact],
) -> Vec<&'a Artifact> {
    let mut bound = Vec::new();
    for replacer in replacers(kind) {
        for artifact in artifacts {
            let (Some(name), Some(reference)) = (&artifact.name, &artifact.reference) else {
                continue;
            };
            if artifact.artifact_type.as_deref() != Some(replacer.artifact_type) {
                continue;
            }
            let mut found = false;
            replacer.each_mut(object, &mut |text| {
                let names = match (replacer.place, images) {
                    (Place::Image, ImageMatch::NameAndTag) => image_name(text),
                    (Place::Image, ImageMatch::NameOnly) | (Place::PodImage | Place::Name, _) => {
                        text.as_str()
                    }
                };
                if names == name {
                    found = true;
                    reference.clone_into(text);
                }
            });
            if found {
                bound.push(*artifact);
            }
        }
    }
    bound
}

/// An image without its digest, or without what follows its last colon: also a port, when there is no tag.
fn image_name(image: &str) -> &str {
    match (image.split_once('@'), image.rsplit_once(':')) {
        (Some((name, _)), _) | (None, Some((name, _))) => name,
        (None, None) => image,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// An image, compared as the settings say
    Image,
    /// An image of a bare pod, compared whole
    PodImage,
    /// A name, compared whole
    Name,
}

struct Replacer {
    artifact_type: &'static str,
    place: Place,
    /// From the pod template's `spec`, or from the object; `*` is every item
    path: &'static [&'static str],
    root: Root,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// Every `spec.template.spec`, however deep
    Templates,
    /// The object itself
    Object,
    /// The object itself, when what it scales is of this kind
    Scaling(&'static str),
}

const IMAGE: &str = "docker/image";
const CONFIG_MAP: &str = "kubernetes/configMap";
const SECRET: &str = "kubernetes/secret";

const fn template(artifact_type: &'static str, path: &'static [&'static str]) -> Replacer {
    Replacer {
        artifact_type,
        place: Place::Name,
        path,
        root: Root::Templates,
    }
}

/// Of everything with a pod template.
#[rustfmt::skip]
const WORKLOAD: [Replacer; 9] = [
    Replacer { artifact_type: IMAGE, place: Place::Image, path: &[CONTAINERS, "*", "image"], root: Root::Templates },
    template(CONFIG_MAP, &["volumes", "*", "configMap", "name"]),
    template(SECRET, &["volumes", "*", "secret", "secretName"]),
    template(CONFIG_MAP, &["volumes", "*", "projected", "sources", "*", "configMap", "name"]),
    template(SECRET, &["volumes", "*", "projected", "sources", "*", "secret", "name"]),
    template(CONFIG_MAP, &[CONTAINERS, "*", "envFrom", "*", "configMapRef", "name"]),
    template(SECRET, &[CONTAINERS, "*", "envFrom", "*", "secretRef", "name"]),
    template(CONFIG_MAP, &[CONTAINERS, "*", "env", "*", "valueFrom", "configMapKeyRef", "name"]),
    template(SECRET, &[CONTAINERS, "*", "env", "*", "valueFrom", "secretKeyRef", "name"]),
];

const POD: [Replacer; 1] = [Replacer {
    artifact_type: IMAGE,
    place: Place::PodImage,
    path: &["spec", "containers", "*", "image"],
    root: Root::Object,
}];

const AUTOSCALER: [Replacer; 2] = [
    Replacer {
        artifact_type: "kubernetes/deployment",
        place: Place::Name,
        path: &["spec", "scaleTargetRef", "name"],
        root: Root::Scaling("deployment"),
    },
    Replacer {
        artifact_type: "kubernetes/replicaSet",
        place: Place::Name,
        path: &["spec", "scaleTargetRef", "name"],
        root: Root::Scaling("replicaSet"),
    },
];

/// A step to both lists of containers.
const CONTAINERS: &str = "containers, initContainers";

fn replacers(kind: &Kind) -> &'static [Replacer] {
    use Native::{CronJob, DaemonSet, Deployment, Job, ReplicaSet, StatefulSet};
    if kind.is_any(&[Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob]) {
        &WORKLOAD
    } else if *kind == Native::Pod {
        &POD
    } else if *kind == Native::HorizontalPodAutoscaler {
        &AUTOSCALER
    } else {
        &[]
    }
}

impl Replacer {
    fn each(&self, object: &Map, visit: &mut dyn FnMut(&str)) {
        // One walk, for values that change: what is only read is walked in a copy of the few members that matter.
        let members = object
            .iter()
            .filter(|(key, _)| *key != "status" && *key != "metadata");
        let mut copy: Map = members
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        self.each_mut(&mut copy, &mut |text| visit(text));
    }

    fn each_mut(&self, object: &mut Map, visit: &mut dyn FnMut(&mut String)) {
        match self.root {
            Root::Templates => templates(object, &mut |spec| follow(spec, self.path, visit)),
            Root::Object => follow_map(object, self.path, visit),
            Root::Scaling(kind) => {
                let scaled = object
                    .get("spec")
                    .and_then(|spec| spec.get("scaleTargetRef")?.get("kind")?.as_str());
                if scaled.is_some_and(|scaled| scales(scaled, kind)) {
                    follow_map(object, self.path, visit);
                }
            }
        }
    }
}

/// `Deployment` and `deployment`, `ReplicaSet` and `replicaSet`, but nothing else.
fn scales(scaled: &str, kind: &str) -> bool {
    scaled.eq_ignore_ascii_case(kind) && scaled.get(1..) == kind.get(1..)
}

/// Every `spec.template.spec` of an object, at any depth.
fn templates(object: &mut Map, visit: &mut dyn FnMut(&mut Value)) {
    for (key, value) in object.iter_mut() {
        if key == "spec"
            && let Some(spec) = value
                .get_mut("template")
                .and_then(|template| template.get_mut("spec"))
        {
            visit(spec);
        }
        templates_within(value, visit);
    }
}

fn templates_within(value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(map) => templates(map, visit),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| templates_within(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn follow_map(map: &mut Map, path: &[&str], visit: &mut dyn FnMut(&mut String)) {
    if let Some((first, rest)) = path.split_first()
        && let Some(value) = map.get_mut(*first)
    {
        follow(value, rest, visit);
    }
}

fn follow(value: &mut Value, path: &[&str], visit: &mut dyn FnMut(&mut String)) {
    match (path.split_first(), value) {
        (None, Value::String(text)) => visit(text),
        (Some((&"*", rest)), Value::Array(items)) => {
            items.iter_mut().for_each(|item| follow(item, rest, visit))
        }
        (Some((&CONTAINERS, rest)), Value::Object(map)) => {
            for list in ["containers", "initContainers"] {
                if let Some(value) = map.get_mut(list) {
                    follow(value, rest, visit);
                }
            }
        }
        (Some((key, rest)), Value::Object(map)) => {
            if let Some(value) = map.get_mut(*key) {
                follow(value, rest, visit);
            }
        }
        _ => {}
    }
}
