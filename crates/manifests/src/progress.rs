//! One sentence about what a rollout waits for.

use serde_json::Value;

use crate::Manifest;

/// Where a rollout stands, from the object, its pods and recent events (of the object or its pods), e.g. `12 of 20 ready, 1 pod
/// failing: ImagePullBackOff: Back-off pulling image "x"`. None when there is nothing to tell: an object without pods, or one that is
/// done.
#[must_use]
pub fn sentence(_object: &Manifest, _pods: &[Manifest], _events: &[Value]) -> Option<String> {
    todo!()
}

/// The pods that belong to an object, directly or through its ReplicaSets or Jobs, among those of its namespace.
#[must_use]
pub fn pods_of<'a>(_object: &Manifest, _owned: &[Manifest], _pods: &'a [Manifest]) -> Vec<&'a Manifest> {
    todo!()
}
