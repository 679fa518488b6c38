//! `googleCloudBuild` and `awsCodeBuild`: builds in clouds (orchestration reference 6.9). Source: orca-igor.
//!
//! ```text
//! start ─ monitor ─ get artifacts ─ bind them
//! ```
//!
//! The pool `jenkins` starts, follows and stops builds. Where the artifacts of the execution have a say in what is built, the decision
//! puts it together before it asks the pool.

mod codebuild;
mod google;
#[cfg(test)]
mod tests;

pub(crate) use codebuild::AwsCodeBuild;
pub(crate) use google::GoogleCloudBuild;

use gennaker_engine::{
    Step, TaskContext,
    definition::{Cleared, Remote},
};
use gennaker_model::{Execution, Map, Stage};
use serde_json::{Value, json};

use crate::{
    artifacts::{self, Artifact},
    jenkins::POOL,
    read,
};

/// What is known of the build.
const BUILD: &str = "buildInfo";

/// The time before which nothing was started, epoch milliseconds: a build that is looked for is not older.
const SINCE: &str = "buildRequestedTime";

/// How long a start may take: it is tried again while the service is not there.
const START_MS: i64 = 15 * 60 * 1000;

/// How long artifacts are asked for (orca `RetryableIgorTask`).
const READ_MS: i64 = 60 * 1000;

/// The account of a stage.
pub(crate) fn account(context: &Map) -> Option<&str> {
    read::text(context, "account")
}

fn remote(kind: &'static str, effect: bool) -> Remote {
    Remote {
        pool: POOL,
        kind,
        effect,
    }
}

fn dispatch(kind: &'static str, effect: bool) -> Step {
    Step::Dispatch(remote(kind, effect))
}

/// Looks at the stage again at once, with this in its context.
fn again(context: &TaskContext<'_>, mut learned: Map) -> Step {
    learned.insert(SINCE.to_owned(), json!(context.now));
    Step::Again {
        at: context.now,
        context: learned,
    }
}

/// What a restart takes back; the build before stays to be seen.
fn restarted(stage: &Stage, keys: &[&str]) -> Cleared {
    let mut cleared = Cleared::keys(keys);
    cleared.removed.extend([BUILD.to_owned(), SINCE.to_owned()]);
    if let Some(build) = given(&stage.context, BUILD) {
        let mut details = stage
            .context
            .get("restartDetails")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        details.insert("previousBuildInfo".to_owned(), build.clone());
        cleared
            .context
            .insert("restartDetails".to_owned(), Value::Object(details));
    }
    cleared
}

/// What a stage means by `artifactId` or `artifact`: the bound one, else the one that stands there. Source: orca
/// `ArtifactUtils.getBoundArtifactForStage`.
fn artifact_of(
    execution: &Execution,
    stage: &Stage,
    context: &Map,
    source: &Map,
) -> Option<Artifact> {
    match read::text(source, "artifactId") {
        Some(id) => artifacts::bound(execution, stage, context, id),
        None => Artifact::read(given(source, "artifact")?, "artifact").ok(),
    }
}

/// A value that is there and not null.
fn given<'a>(context: &'a Map, key: &str) -> Option<&'a Value> {
    context.get(key).filter(|value| !value.is_null())
}
