//! What is wrong with pods: why containers do not run, why pods find no node, what events warn of.

use std::collections::BTreeMap;

use serde_json::Value;

use super::shortened;
use crate::Manifest;

/// A reason, and how many pods have it.
pub(super) struct Trouble {
    pub(super) pods: usize,
    reason: String,
    message: String,
}

impl Trouble {
    pub(super) fn text(&self) -> String {
        match self.message.as_str() {
            "" => self.reason.clone(),
            message => format!("{}: {message}", self.reason),
        }
    }
}

/// Reasons of the pods that fail, the most frequent first.
pub(super) fn of_pods(pods: &[&Manifest], events: &[Value]) -> Vec<Trouble> {
    let mut by_reason: BTreeMap<String, Trouble> = BTreeMap::new();
    for pod in pods {
        if let Some((reason, message)) = of_pod(pod, events) {
            let trouble = by_reason.entry(reason.clone()).or_insert(Trouble {
                pods: 0,
                reason,
                message,
            });
            trouble.pods += 1;
        }
    }
    let mut troubles: Vec<Trouble> = by_reason.into_values().collect();
    // A stable sort: of equally many, the reason decides.
    troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.pods));
    troubles
}

/// The newest warning about the object itself, e.g. that a quota lets it make no pods.
pub(super) fn of_object(object: &Manifest, events: &[Value]) -> Option<Trouble> {
    let (reason, message) = warning(events, object)?;
    Some(Trouble {
        pods: 0,
        reason,
        message,
    })
}

fn of_pod(pod: &Manifest, events: &[Value]) -> Option<(String, String)> {
    let text = |path: &[&str]| pod.at(path).and_then(Value::as_str).unwrap_or_default();
    match text(&["status", "phase"]) {
        "Succeeded" => return None,
        "Failed" => {
            let reason = match text(&["status", "reason"]) {
                "" => {
                    return of_containers(pod)
                        .or_else(|| Some(("Failed".to_owned(), String::new())));
                }
                reason => reason.to_owned(),
            };
            return Some((reason, shortened(text(&["status", "message"]))));
        }
        _ => {}
    }
    of_containers(pod)
        .or_else(|| unschedulable(pod))
        .or_else(|| {
            // Pods that wait for a volume or a network have no reason of their own.
            let waits = text(&["status", "phase"]) == "Pending";
            warning(events, pod).filter(|_| waits)
        })
}

fn of_containers(pod: &Manifest) -> Option<(String, String)> {
    let of = |field| {
        pod.at(&["status", field])
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    of("initContainerStatuses")
        .chain(of("containerStatuses"))
        .find_map(of_container)
}

fn of_container(container: &Value) -> Option<(String, String)> {
    let text = |state: &str, which: &str, field: &str| {
        let text = container.get(state)?.get(which)?.get(field)?.as_str()?;
        Some(text.to_owned())
    };
    let code = |state: &str| {
        container
            .get(state)?
            .get("terminated")?
            .get("exitCode")?
            .as_i64()
            .filter(|code| *code != 0)
    };
    if let Some(reason) = text("state", "waiting", "reason") {
        // These two are on the way, everything else is stuck.
        if matches!(reason.as_str(), "ContainerCreating" | "PodInitializing") {
            return None;
        }
        let message = shortened(&text("state", "waiting", "message").unwrap_or_default());
        let ended = code("lastState").map(|code| {
            let why =
                text("lastState", "terminated", "reason").unwrap_or_else(|| "Error".to_owned());
            format!("last ended with code {code} ({why})")
        });
        let parts: Vec<String> = [Some(message), ended]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        return Some((reason, parts.join("; ")));
    }
    let code = code("state")?;
    let reason = text("state", "terminated", "reason").unwrap_or_else(|| "Error".to_owned());
    let message = shortened(&text("state", "terminated", "message").unwrap_or_default());
    let name = container
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let ended = format!("container {name} ended with code {code}");
    Some((
        reason,
        match message.as_str() {
            "" => ended,
            message => format!("{ended}: {message}"),
        },
    ))
}

fn unschedulable(pod: &Manifest) -> Option<(String, String)> {
    let conditions = pod.at(&["status", "conditions"])?.as_array()?;
    let is = |condition: &Value, field: &str, expected: &str| {
        condition.get(field).and_then(Value::as_str) == Some(expected)
    };
    let found = conditions.iter().find(|condition| {
        is(condition, "type", "PodScheduled") && is(condition, "status", "False")
    })?;
    let text = |field: &str| found.get(field).and_then(Value::as_str).unwrap_or_default();
    Some((text("reason").to_owned(), shortened(text("message"))))
}

fn warning(events: &[Value], object: &Manifest) -> Option<(String, String)> {
    let text = |event: &Value, field: &str| {
        event
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let concerns = |event: &&Value| {
        let involved = |field: &str| {
            event
                .get("involvedObject")
                .and_then(|object| object.get(field)?.as_str())
        };
        involved("name") == Some(object.name())
            && involved("kind")
                .is_some_and(|kind| kind.eq_ignore_ascii_case(object.kind_as_written()))
            && text(event, "type") == "Warning"
    };
    let time = |event: &&Value| match text(event, "lastTimestamp") {
        last if last.is_empty() => text(event, "eventTime"),
        last => last,
    };
    let newest = events.iter().filter(concerns).max_by_key(time)?;
    Some((text(newest, "reason"), shortened(&text(newest, "message"))))
}
