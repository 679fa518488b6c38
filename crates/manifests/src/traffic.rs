//! Load balancers: which ones a workload belongs to, and how it joins and leaves them.

use serde_json::{Value, json};

use crate::manifest::object;
use crate::selector::Selectors;
use crate::{Coordinates, FullName, Manifest, Map, Native, annotations};

/// What speaks against attaching a workload to a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The manifest has the annotation with another list.
    #[error("Manifest already has traffic.spinnaker.io/load-balancers annotation set to [{}]. Failed attempting to set it to [{}].", .current.join(", "), .wanted.join(", "))]
    AlreadySet {
        /// In the manifest
        current: Vec<String>,
        /// Of the stage
        wanted: Vec<String>,
    },
    /// A name in the list is not `"kind name"`.
    #[error(
        "Failed to attach load balancer '{0}'. Load balancers must be specified in the form '{{kind}} {{name}}', e.g. 'service my-service'."
    )]
    BadName(String),
    /// It is neither in the request nor in the cluster.
    #[error("Load balancer {0} does not exist")]
    Missing(FullName),
    /// Only Services balance.
    #[error("No support for load balancing via {0} exists in Spinnaker")]
    Kind(crate::Kind),
    /// The Service selects nothing.
    #[error("Service must have a non-empty selector in order to be attached to a workload")]
    EmptySelector,
    /// The workload has a label of the selector already.
    #[error("Service selector must have no label keys in common with target workload")]
    CommonKeys(Vec<String>),
}

/// The load balancers in a manifest's annotation, as they stand there; none when it is no list of texts.
#[must_use]
pub fn load_balancers(manifest: &Manifest) -> Vec<String> {
    let text = manifest.annotation(annotations::LOAD_BALANCERS);
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// Writes the annotation; nothing for an empty list.
///
/// # Errors
/// [`Error::AlreadySet`]
pub fn annotate(manifest: &mut Manifest, services: &[String]) -> Result<(), Error> {
    if services.is_empty() {
        return Ok(());
    }
    if manifest.annotation(annotations::LOAD_BALANCERS).is_some() {
        let current = load_balancers(manifest);
        return match current == services {
            true => Ok(()),
            false => Err(Error::AlreadySet {
                current,
                wanted: services.to_vec(),
            }),
        };
    }
    let text = Value::from(services.to_vec()).to_string();
    manifest
        .annotations_mut()
        .insert(annotations::LOAD_BALANCERS.into(), text.into());
    Ok(())
}

/// Where the load balancers of an annotation lie.
///
/// # Errors
/// [`Error::BadName`], [`Error::Kind`]
pub fn resolve(load_balancers: &[String], namespace: &str) -> Result<Vec<Coordinates>, Error> {
    let one = |name: &String| {
        let at = Coordinates::parse(name, namespace).map_err(|_| Error::BadName(name.clone()))?;
        match at.kind == Native::Service {
            true => Ok(at),
            false => Err(Error::Kind(at.kind)),
        }
    };
    load_balancers.iter().map(one).collect()
}

/// Adds a Service's selector to the labels of a workload's pods (`KubernetesServiceHandler.attach`).
///
/// # Errors
/// [`Error::EmptySelector`], [`Error::CommonKeys`], [`Error::Kind`]
pub fn attach(service: &Manifest, workload: &mut Manifest) -> Result<(), Error> {
    if service.kind() != Native::Service {
        return Err(Error::Kind(service.kind()));
    }
    let selector = selector(service);
    if selector.is_empty() {
        return Err(Error::EmptySelector);
    }
    let labels = match workload.template_metadata_mut().is_some() {
        true => object(
            workload
                .template_metadata_mut()
                .expect("it was there a line ago"),
            "labels",
        ),
        false => workload.labels_mut(),
    };
    let common: Vec<String> = selector
        .keys()
        .filter(|key| labels.contains_key(*key))
        .cloned()
        .collect();
    if !common.is_empty() {
        return Err(Error::CommonKeys(common));
    }
    labels.extend(selector);
    Ok(())
}

/// The JSON patch that gives a live workload, or a pod, the labels that a Service selects.
#[must_use]
pub fn enable_patch(service: &Manifest, target: &Manifest) -> Vec<Value> {
    let selector = selector(service);
    let (prefix, labels) = labels(target);
    let mut patch = Vec::new();
    if labels.is_none() && !selector.is_empty() {
        // `add` needs what it adds to.
        patch.push(json!({"op": "add", "path": prefix, "value": {}}));
    }
    for (key, value) in selector {
        let op = match labels.is_some_and(|labels| labels.contains_key(&key)) {
            true => "replace",
            false => "add",
        };
        patch
            .push(json!({"op": op, "path": format!("{prefix}/{}", escaped(&key)), "value": value}));
    }
    patch
}

/// The JSON patch that takes the labels away that a Service selects; empty when none is there.
#[must_use]
pub fn disable_patch(service: &Manifest, target: &Manifest) -> Vec<Value> {
    let (prefix, labels) = labels(target);
    let selector = selector(service);
    let present = selector
        .keys()
        .filter(|key| labels.is_some_and(|labels| labels.contains_key(*key)));
    present
        .map(|key| json!({"op": "remove", "path": format!("{prefix}/{}", escaped(key))}))
        .collect()
}

/// The running pods of a ReplicaSet among those of its namespace: they are relabelled one by one after it. Other kinds have none
/// here, as in Clouddriver (`HasPods`).
#[must_use]
pub fn pods_of<'a>(workload: &Manifest, pods: &'a [Manifest]) -> Vec<&'a Manifest> {
    let selector = workload
        .at(&["spec", "selector"])
        .map(Selectors::from_workload);
    let (true, Some(Ok(selector))) = (workload.kind() == Native::ReplicaSet, selector) else {
        return Vec::new();
    };
    let is_own = |pod: &&Manifest| {
        pod.namespace() == workload.namespace()
            && selector.matches(pod.labels())
            && pod
                .owners()
                .iter()
                .any(|owner| owner.name == workload.name())
    };
    pods.iter().filter(is_own).collect()
}

fn selector(service: &Manifest) -> Map {
    let selector = service.at(&["spec", "selector"]).and_then(Value::as_object);
    selector.cloned().unwrap_or_default()
}

/// Where the labels are that decide about traffic, and the labels.
fn labels(target: &Manifest) -> (&'static str, Option<&Map>) {
    // A workload's template may lack metadata; then its own labels are meant, which no pod has, as in Clouddriver.
    let within = |path: &[&str]| target.at(path).and_then(Value::as_object);
    match within(&["spec", "template", "metadata"]) {
        Some(metadata) => {
            let labels = metadata.get("labels").and_then(Value::as_object);
            ("/spec/template/metadata/labels", labels)
        }
        None => ("/metadata/labels", target.labels()),
    }
}

/// A key as a step of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
