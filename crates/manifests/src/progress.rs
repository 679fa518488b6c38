//! One sentence about what a rollout waits for.

#[cfg(test)]
mod tests;
mod trouble;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Coordinates, Manifest, Native};

/// Most characters of a message of Kubernetes' that the sentence takes over.
const MESSAGE_MAX: usize = 240;

/// Where a rollout stands, from the object, its pods and recent events (of the object or its pods), e.g. `12 of 20 ready, 1 pod
/// failing: ImagePullBackOff: Back-off pulling image "x"`. None when there is nothing to tell: an object without pods, or one that is
/// done.
#[must_use]
pub fn sentence(object: &Manifest, pods: &[&Manifest], events: &[Value]) -> Option<String> {
    let mut parts = counts(object)?;
    let troubles = trouble::of_pods(pods, events);
    if let Some(first) = troubles.first() {
        let many = match first.pods {
            1 => "1 pod failing".to_owned(),
            pods => format!("{pods} pods failing"),
        };
        let others = troubles.len() - 1;
        let more = match others {
            0 => String::new(),
            1 => " (and 1 other reason)".to_owned(),
            others => format!(" (and {others} other reasons)"),
        };
        parts.push(format!("{many}: {}{more}", first.text()));
    } else if !parts.is_empty() {
        // Nothing is wrong with the pods that are there; perhaps the missing ones cannot be made.
        parts.extend(trouble::of_object(object, events).map(|trouble| trouble.text()));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The pods that belong to an object, directly or through what it owns (its ReplicaSets or Jobs), among those of its namespace.
#[must_use]
pub fn pods_of<'a>(
    object: &Manifest,
    owned: &[Manifest],
    pods: &'a [Manifest],
) -> Vec<&'a Manifest> {
    let is_owned = |child: &Manifest, owner: &Coordinates| {
        let owners = child.owners().into_iter();
        child.namespace() == owner.namespace
            && owners
                .map(|of| (of.kind, of.name))
                .any(|of| of == (owner.kind.clone(), owner.name.clone()))
    };
    let root = Coordinates::of(object);
    let mut owners = BTreeSet::from([root.clone()]);
    owners.extend(
        owned
            .iter()
            .filter(|child| is_owned(child, &root))
            .map(Coordinates::of),
    );
    pods.iter()
        .filter(|pod| {
            Coordinates::of(pod) == root || owners.iter().any(|owner| is_owned(pod, owner))
        })
        .collect()
}

/// What the object itself counts; none for a kind without pods, nothing for one that is done.
fn counts(object: &Manifest) -> Option<Vec<String>> {
    let status = |field: &str| {
        object
            .at(&["status", field])
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let desired = || object.replicas().unwrap_or(1);
    let behind =
        |done: i64, all: i64, what: &str| (done < all).then(|| format!("{done} of {all} {what}"));
    let parts = match object.kind().native()? {
        Native::Deployment => {
            let old = status("replicas").saturating_sub(status("updatedReplicas"));
            let paused = object.at(&["spec", "paused"]) == Some(&Value::Bool(true));
            let leaving = (old > 0).then(|| format!("{old} of the old ones still there"));
            vec![
                behind(status("updatedReplicas"), desired(), "updated"),
                behind(status("readyReplicas"), desired(), "ready"),
                leaving,
                paused.then(|| "paused".to_owned()),
            ]
        }
        Native::ReplicaSet => vec![behind(status("readyReplicas"), desired(), "ready")],
        Native::StatefulSet => vec![
            behind(status("updatedReplicas"), desired(), "updated"),
            behind(status("readyReplicas"), desired(), "ready"),
        ],
        Native::DaemonSet => {
            let all = status("desiredNumberScheduled");
            vec![
                behind(status("updatedNumberScheduled"), all, "updated"),
                behind(status("numberReady"), all, "ready"),
            ]
        }
        Native::Job => {
            let all = object
                .at(&["spec", "completions"])
                .and_then(Value::as_i64)
                .unwrap_or(1);
            let count = |number: i64, what: &str| (number > 0).then(|| format!("{number} {what}"));
            let open = status("succeeded") < all;
            vec![
                behind(status("succeeded"), all, "succeeded"),
                count(status("active"), "running").filter(|_| open),
                count(status("failed"), "failed").filter(|_| open),
            ]
        }
        Native::Pod => {
            let phase = object
                .at(&["status", "phase"])
                .and_then(Value::as_str)
                .unwrap_or("Unknown");
            vec![
                (!matches!(phase, "Running" | "Succeeded"))
                    .then(|| format!("the pod is {}", phase.to_lowercase())),
            ]
        }
        _ => return None,
    };
    Some(parts.into_iter().flatten().collect())
}

/// A message in one line, not too long.
fn shortened(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MESSAGE_MAX) {
        None => line,
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
    }
}
