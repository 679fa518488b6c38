//! Load balancers: which ones a workload belongs to, and how it joins and leaves them.

use serde_json::Value;

use crate::{Coordinates, FullName, Manifest};

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
    #[error("Failed to attach load balancer '{0}'. Load balancers must be specified in the form '{{kind}} {{name}}', e.g. 'service my-service'.")]
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
    #[error("Service selector must have no label keys in common with target workload, but found common keys [{}]", .0.join(", "))]
    CommonKeys(Vec<String>),
}

/// The load balancers in a manifest's annotation, as they stand there.
#[must_use]
pub fn load_balancers(_manifest: &Manifest) -> Vec<String> {
    todo!()
}

/// Writes the annotation; nothing for an empty list.
///
/// # Errors
/// [`Error::AlreadySet`]
pub fn annotate(_manifest: &mut Manifest, _services: &[String]) -> Result<(), Error> {
    todo!()
}

/// Where the load balancers of an annotation lie.
///
/// # Errors
/// [`Error::BadName`], [`Error::Kind`]
pub fn resolve(_load_balancers: &[String], _namespace: &str) -> Result<Vec<Coordinates>, Error> {
    todo!()
}

/// Adds a Service's selector to the labels of a workload's pods (`KubernetesServiceHandler.attach`).
///
/// # Errors
/// [`Error::EmptySelector`], [`Error::CommonKeys`], [`Error::Kind`]
pub fn attach(_service: &Manifest, _workload: &mut Manifest) -> Result<(), Error> {
    todo!()
}

/// The JSON patch that gives a live workload, or a pod, the labels that a Service selects.
#[must_use]
pub fn enable_patch(_service: &Manifest, _target: &Manifest) -> Vec<Value> {
    todo!()
}

/// The JSON patch that takes the labels away that a Service selects; empty when none is there.
#[must_use]
pub fn disable_patch(_service: &Manifest, _target: &Manifest) -> Vec<Value> {
    todo!()
}

/// The running pods of a ReplicaSet among those of its namespace: they are relabelled one by one after it. Other kinds have none
/// here, as in Clouddriver (`HasPods`).
#[must_use]
pub fn pods_of<'a>(_workload: &Manifest, _pods: &'a [Manifest]) -> Vec<&'a Manifest> {
    todo!()
}
