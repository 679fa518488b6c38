//! Rollouts: undo, pause, resume, restart, scale, and what becomes of the old ones.

use serde_json::{Value, json};

use crate::patch::MergeStrategy;
use crate::{Coordinates, Kind, Manifest, Map, Native, annotations, stability};

/// Why a rollout cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fewer revisions than it takes to go back.
    #[error("There are {total} revision(s) in total, cannot rollback {back}")]
    TooFew {
        /// How many there are
        total: usize,
        /// How many to go back
        back: i64,
    },
    /// Neither `revision` nor `numRevisionsBack`.
    #[error("A revision or number of revisions back must be specified")]
    NoRevision,
    /// No such revision.
    #[error("unable to find specified revision {0} in history")]
    UnknownRevision(i64),
    /// The kind cannot do that.
    #[error("Resource with {kind} does not support {operation}")]
    Unsupported {
        /// The kind
        kind: Kind,
        /// e.g. `scale`
        operation: &'static str,
    },
    /// A paused Deployment is neither restarted nor rolled back.
    #[error("{0}")]
    Paused(String),
    /// A rollout strategy that does not exist.
    #[error("Unknown rollout strategy `{0}`: it must be none, redblack, bluegreen or highlander")]
    Strategy(String),
}

/// A patch that does it, to be sent to the object.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// How it is merged
    pub strategy: MergeStrategy,
    /// What is sent
    pub body: Value,
}

/// What a Deployment keeps for itself when it goes back to an older template (`annotationsToSkip` of kubectl).
const OWN_ANNOTATIONS: [&str; 6] = [
    annotations::LAST_APPLIED,
    annotations::REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// The label by which the ReplicaSets of a Deployment differ.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The revisions of a Deployment (its ReplicaSets), a StatefulSet or a DaemonSet (their ControllerRevisions), ascending.
#[must_use]
pub fn revisions(object: &Manifest, history: &[Manifest]) -> Vec<i64> {
    let mut revisions: Vec<i64> = owned(object, history).filter_map(revision).collect();
    revisions.sort_unstable();
    revisions.dedup();
    revisions
}

/// The kind of object that the revisions of a kind are kept in.
///
/// # Errors
/// [`Error::Unsupported`]
pub fn history_kind(kind: &Kind) -> Result<Native, Error> {
    match kind.native() {
        Some(Native::Deployment) => Ok(Native::ReplicaSet),
        Some(Native::StatefulSet | Native::DaemonSet) => Ok(Native::ControllerRevision),
        _ => Err(unsupported(kind, "undo rollout")),
    }
}

/// The revision that a stage's `revision` or `numRevisionsBack` means; the latter wins.
///
/// # Errors
/// [`Error::TooFew`], [`Error::NoRevision`], [`Error::UnknownRevision`]
pub fn choose_revision(
    revisions: &[i64],
    revision: Option<i64>,
    back: Option<i64>,
) -> Result<i64, Error> {
    if let Some(back) = back {
        let total = revisions.len();
        let index = usize::try_from(back)
            .ok()
            .and_then(|back| total.checked_sub(back)?.checked_sub(1));
        let chosen = index.and_then(|index| revisions.get(index)).copied();
        return chosen.ok_or(Error::TooFew { total, back });
    }
    let revision = revision.ok_or(Error::NoRevision)?;
    match revisions.contains(&revision) {
        true => Ok(revision),
        false => Err(Error::UnknownRevision(revision)),
    }
}

/// What `kubectl rollout undo --to-revision` sends; none when the object is at that revision already.
///
/// # Errors
/// [`Error::Paused`], [`Error::UnknownRevision`], [`Error::Unsupported`]
pub fn undo(object: &Manifest, history: &[Manifest], to: i64) -> Result<Option<Patch>, Error> {
    let history_kind = history_kind(&object.kind())?;
    if history_kind == Native::ReplicaSet && is_paused(object) {
        let text = "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again";
        return Err(Error::Paused(text.to_owned()));
    }
    let found = owned(object, history).find(|kept| revision(kept) == Some(to));
    let kept = found.ok_or(Error::UnknownRevision(to))?;
    if history_kind == Native::ReplicaSet {
        return Ok(undo_deployment(object, kept));
    }
    let data = kept
        .at(&["data"])
        .cloned()
        .ok_or(Error::UnknownRevision(to))?;
    let mut template = data
        .get("spec")
        .and_then(|spec| spec.get("template"))
        .cloned()
        .unwrap_or_default();
    if let Some(template) = template.as_object_mut() {
        template.shift_remove("$patch");
    }
    let changes = object.at(&["spec", "template"]) != Some(&template);
    Ok(changes.then_some(Patch {
        strategy: MergeStrategy::Strategic,
        body: data,
    }))
}

fn undo_deployment(object: &Manifest, kept: &Manifest) -> Option<Patch> {
    let template = without_hash(kept.at(&["spec", "template"]));
    if without_hash(object.at(&["spec", "template"])) == template {
        return None;
    }
    let is_own = |key: &str| OWN_ANNOTATIONS.contains(&key);
    let own = object
        .annotations()
        .into_iter()
        .flatten()
        .filter(|(key, _)| is_own(key));
    let old = kept
        .annotations()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !is_own(key));
    let annotations: Map = own
        .chain(old)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let body = json!([
        {"op": "replace", "path": "/spec/template", "value": template},
        // `add` replaces what is there, and does not fail when there is nothing.
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
    ]);
    Some(Patch {
        strategy: MergeStrategy::Json,
        body,
    })
}

fn without_hash(template: Option<&Value>) -> Value {
    let mut template = template.cloned().unwrap_or_default();
    let labels = template
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("labels"));
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.shift_remove(TEMPLATE_HASH);
    }
    template
}

/// What `kubectl rollout pause` or `resume` sends; none when it is so already, which kubectl calls an error.
///
/// # Errors
/// [`Error::Unsupported`] for all but Deployments.
pub fn pause(object: &Manifest, paused: bool) -> Result<Option<Patch>, Error> {
    if object.kind() != Native::Deployment {
        let operation = match paused {
            true => "pausing",
            false => "resuming",
        };
        return Err(unsupported(&object.kind(), operation));
    }
    Ok((is_paused(object) != paused).then(|| Patch {
        strategy: MergeStrategy::Strategic,
        body: json!({"spec": {"paused": paused}}),
    }))
}

/// What `kubectl rollout restart` sends; `now` is a time as RFC 3339.
///
/// # Errors
/// [`Error::Paused`], [`Error::Unsupported`]
pub fn restart(object: &Manifest, now: &str) -> Result<Patch, Error> {
    let kind = object.kind();
    if !kind.native().is_some_and(Native::can_roll_out) {
        return Err(unsupported(&kind, "rolling restart"));
    }
    if kind == Native::Deployment && is_paused(object) {
        return Err(Error::Paused(
            "can't restart paused deployment (run rollout resume first)".to_owned(),
        ));
    }
    let annotation = json!({"kubectl.kubernetes.io/restartedAt": now});
    Ok(Patch {
        strategy: MergeStrategy::Strategic,
        body: json!({"spec": {"template": {"metadata": {"annotations": annotation}}}}),
    })
}

/// Checks that a kind can be scaled.
///
/// # Errors
/// [`Error::Unsupported`]
pub fn check_scalable(kind: &Kind) -> Result<(), Error> {
    match kind.native().is_some_and(Native::can_scale) {
        true => Ok(()),
        false => Err(unsupported(kind, "scale")),
    }
}

/// A rollout strategy of `trafficManagement.options.strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// `none` or nothing
    #[default]
    None,
    /// `redblack`, `bluegreen`
    BlueGreen,
    /// `highlander`
    Highlander,
}

impl Strategy {
    /// Reads a strategy as stages (`redblack`) or operations (`RED_BLACK`) write it; nothing is none.
    ///
    /// # Errors
    /// [`Error::Strategy`]
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().replace('_', "").as_str() {
            "" | "none" => Ok(Self::None),
            "redblack" | "bluegreen" => Ok(Self::BlueGreen),
            "highlander" => Ok(Self::Highlander),
            _ => Err(Error::Strategy(text.to_owned())),
        }
    }
}

/// What is done to an old ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// `disableManifest`
    Disable(Coordinates),
    /// `deleteManifest`
    Delete(Coordinates),
}

/// What a strategy does to the old ReplicaSets of a cluster, in order, after a new one was deployed (`DeployManifestStage`). `old` is
/// without the new one.
#[must_use]
pub fn retire(strategy: Strategy, old: &[Manifest]) -> Vec<Retirement> {
    let disable = |object: &Manifest| Retirement::Disable(Coordinates::of(object));
    let delete = |object: &Manifest| Retirement::Delete(Coordinates::of(object));
    match strategy {
        Strategy::None => Vec::new(),
        Strategy::BlueGreen => {
            let one = |object: &Manifest| match never_worked(object) {
                true => delete(object),
                false => disable(object),
            };
            old.iter().map(one).collect()
        }
        Strategy::Highlander => old
            .iter()
            .map(disable)
            .chain(old.iter().map(delete))
            .collect(),
    }
}

/// It is neither stable nor failed, and serves nothing.
fn never_worked(object: &Manifest) -> bool {
    let count = |field| {
        object
            .at(&["status", field])
            .and_then(Value::as_i64)
            .unwrap_or_default()
    };
    let serves = count("readyReplicas") > 0 && count("availableReplicas") > 0;
    let settled =
        stability::status(object).is_ok_and(|status| status.stable.state || status.failed.state);
    !settled && !serves
}

fn owned<'a>(object: &Manifest, history: &'a [Manifest]) -> impl Iterator<Item = &'a Manifest> {
    let (kind, name, uid) = (
        object.kind(),
        object.name().to_owned(),
        object.uid().to_owned(),
    );
    let namespace = object.namespace().to_owned();
    history.iter().filter(move |kept| {
        let owners = kept
            .at(&["metadata", "ownerReferences"])
            .and_then(Value::as_array);
        let uids = owners
            .into_iter()
            .flatten()
            .filter_map(|owner| owner.get("uid")?.as_str());
        let by_uid = !uid.is_empty() && uids.clone().any(|owner| owner == uid);
        let by_name = kept
            .owners()
            .iter()
            .any(|owner| owner.kind == kind && owner.name == name);
        // An object of the same name that was deleted may have left some behind.
        kept.namespace() == namespace
            && (by_uid || (by_name && (uid.is_empty() || uids.count() == 0)))
    })
}

/// The revision that a ReplicaSet or a ControllerRevision stands for.
fn revision(kept: &Manifest) -> Option<i64> {
    match kept.kind() == Native::ControllerRevision {
        true => kept.at(&["revision"])?.as_i64(),
        false => annotations::integer(kept, annotations::REVISION),
    }
}

fn is_paused(object: &Manifest) -> bool {
    object.at(&["spec", "paused"]) == Some(&Value::Bool(true))
}

fn unsupported(kind: &Kind, operation: &'static str) -> Error {
    let kind = kind.clone();
    Error::Unsupported { kind, operation }
}

#[cfg(test)]
mod tests;
