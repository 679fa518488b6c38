//! Stages of the Kubernetes provider (Kubernetes reference 5 to 7): what they plan and hand to each other.
//!
//! A stage ends in operations that the pool `deploy` carries out; in Spinnaker Orca posts them to Clouddriver and polls for their
//! end. The tasks keep Orca's names and order, and the context keeps its keys, the dotted ones among them
//! (`outputs.manifests`). What a worker does and what a decision does is divided as follows:
//!
//! | task | here |
//! |---|---|
//! | `resolve…SourceManifest` | the decision; a worker only fetches an artifact |
//! | `resolveTargetManifest` | a worker, if `criteria` asks for one |
//! | the operation | a worker, with its effect in the ledger |
//! | `monitor…` | nothing: an operation ends with its task |
//! | `promoteOutputs` | the decision |
//! | `waitForManifestToStabilize` | a worker that watches, and reports whenever there is news |

mod delete;
mod deploy;
mod disable;
mod enable;
mod fields;
mod find_artifacts;
mod operation;
mod patch;
mod pause;
mod restart;
mod resume;
mod run_job;
mod scale;
mod source;
mod strategy;
mod tasks;
mod undo;

pub(crate) use delete::DELETE;
pub(crate) use deploy::DeployManifest;
pub(crate) use disable::DISABLE;
pub(crate) use enable::ENABLE;
pub(crate) use fields::check_provider;
pub(crate) use find_artifacts::FindArtifactsFromResource;
pub(crate) use patch::PatchManifest;
pub(crate) use pause::PAUSE;
pub(crate) use restart::RESTART;
pub(crate) use resume::RESUME;
pub(crate) use run_job::RunJob;
pub(crate) use scale::SCALE;
pub(crate) use tasks::MONITOR;
pub(crate) use undo::UNDO;

use gennaker_engine::{
    Step,
    definition::{Cleared, Remote},
};
use gennaker_model::Map;
use serde_json::Value;

use crate::read;

/// The pool that carries operations out.
pub(crate) const POOL: &str = "deploy";

/// The account of a stage: `account.name`, `account`, `credentials`, the first that is there. Source: orca
/// `CloudProviderAware.getCredentials`.
#[must_use]
pub(crate) fn account(context: &Map) -> Option<&str> {
    read::text(context, "account.name")
        .or_else(|| read::text(context, "account"))
        .or_else(|| read::text(context, "credentials"))
}

/// A step that lets a worker of the pool do it.
fn remote(kind: &'static str, effect: bool) -> Step {
    Step::Dispatch(Remote {
        pool: POOL,
        kind,
        effect,
    })
}

/// A step that lets a worker of the pool look at a cluster.
pub(crate) fn look(kind: &'static str) -> Step {
    remote(kind, false)
}

/// What a run leaves that would mislead the next one.
fn cleared() -> Cleared {
    let keys = [
        "kato.tasks",
        "kato.last.task.id",
        "outputs.manifests",
        "outputs.manifestNamesByNamespace",
        "outputs.createdArtifacts",
        "outputs.boundArtifacts",
        "messages",
        "stableManifests",
        "failedManifests",
        "warnings",
        "events",
        source::FETCHED,
        "deleteTargets",
        strategy::OLD,
        tasks::REVISIONS,
        tasks::APPLIED,
    ];
    Cleared::keys(&keys)
}

/// A value that is there and not null.
fn given<'a>(context: &'a Map, key: &str) -> Option<&'a Value> {
    context.get(key).filter(|value| !value.is_null())
}
