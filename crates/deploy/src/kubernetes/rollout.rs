//! `undoRolloutManifest`, `pauseRolloutManifest`, `resumeRolloutManifest`, `rollingRestartManifest` (Kubernetes reference 7.5 to 7.7).
//! Source: clouddriver `KubernetesUndoRolloutManifestOperation` and its kin.
//!
//! Undo and restart write whose they are with the same patch, because doing them twice would go back twice.

use std::sync::Arc;

use gennaker_kubernetes::Write;
use gennaker_manifests::{Coordinates, rollout};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use super::{
    Base, EFFECT, REPEATABLE,
    cluster::Cluster,
    input,
    outputs::{self, History},
    patch, trouble,
};

/// What is done.
#[derive(Clone, Copy)]
enum What {
    Undo,
    Pause,
    Resume,
    Restart,
}

/// One of the tasks.
struct Rollout {
    base: Base,
    what: What,
}

/// All of them.
pub(super) fn tasks(base: &Base) -> Vec<Arc<dyn Task>> {
    [What::Undo, What::Pause, What::Resume, What::Restart]
        .map(|what| {
            let base = base.clone();
            Arc::new(Rollout { base, what }) as Arc<dyn Task>
        })
        .to_vec()
}

impl Task for Rollout {
    fn kind(&self) -> &'static str {
        match self.what {
            What::Undo => "undoRolloutManifest",
            What::Pause => "pauseRolloutManifest",
            What::Resume => "resumeRolloutManifest",
            What::Restart => "rollingRestartManifest",
        }
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.base.cluster(ctx)?;
            let at = input::target(ctx)?;
            let (phase, said) = match self.what {
                What::Undo => (
                    "UNDO_ROLLOUT_KUBERNETES_MANIFEST",
                    undo(&cluster, &at).await?,
                ),
                What::Pause => (
                    "PAUSE_ROLLOUT_KUBERNETES_MANIFEST",
                    pause(&cluster, &at, true).await?,
                ),
                What::Resume => (
                    "RESUME_ROLLOUT_KUBERNETES_MANIFEST",
                    pause(&cluster, &at, false).await?,
                ),
                What::Restart => (
                    "ROLLING_RESTART_KUBERNETES_MANIFEST",
                    restart(&cluster, &at).await?,
                ),
            };
            let mut history = History::default();
            history.say(phase, said);
            let mut context = outputs::of_target(ctx, history, None);
            trouble::settled(ctx, &mut context);
            Ok(Done {
                context,
                outputs: Map::new(),
                reference: None,
            })
        })
    }
}

async fn undo(cluster: &Cluster<'_>, at: &Coordinates) -> Result<String, Failure> {
    let ctx = cluster.ctx;
    let name = at.full_name();
    let what = format!("Undo of the rollout failed for {name}: ");
    let live = cluster.must(&what, cluster.account.get(at)).await?;
    let token = ctx.effect_id().unwrap_or_default();
    if live.annotation(EFFECT) == Some(token) {
        return Ok(format!("Rolled back {name}"));
    }
    let history = cluster
        .must(&what, cluster.account.history(at, &live))
        .await?;
    let refused = |error: rollout::Error| {
        trouble::give_up(ctx, "IllegalArgumentException", &error.to_string())
    };
    let revisions = rollout::revisions(&live, &history);
    let (revision, back) = (
        input::integer(ctx.input(), "revision"),
        input::integer(ctx.input(), "numRevisionsBack"),
    );
    let revision = rollout::choose_revision(&revisions, revision, back).map_err(refused)?;
    if let Some(patch) = rollout::undo(&live, &history, revision).map_err(refused)? {
        send(cluster, at, &what, patch).await?;
    }
    Ok(format!("Rolled back {name} to revision {revision}"))
}

async fn pause(cluster: &Cluster<'_>, at: &Coordinates, paused: bool) -> Result<String, Failure> {
    let name = at.full_name();
    let word = if paused { "Pause" } else { "Resume" };
    let what = format!("{word} of the rollout failed for {name}: ");
    // Nothing is sent when it is so already.
    cluster
        .must(&what, cluster.account.pause(at, paused, Write::default()))
        .await?;
    Ok(format!("{word}d rollout of {name}"))
}

async fn restart(cluster: &Cluster<'_>, at: &Coordinates) -> Result<String, Failure> {
    let ctx = cluster.ctx;
    let name = at.full_name();
    let what = format!("Rolling restart failed for {name}: ");
    let live = cluster.must(&what, cluster.account.get(at)).await?;
    if live.annotation(EFFECT) != ctx.effect_id() {
        let now = rfc3339(ctx.now_ms());
        let patch = rollout::restart(&live, &now).map_err(|error| {
            trouble::give_up(ctx, "IllegalArgumentException", &error.to_string())
        })?;
        send(cluster, at, &what, patch).await?;
    }
    Ok(format!("Restarted {name}"))
}

async fn send(
    cluster: &Cluster<'_>,
    at: &Coordinates,
    what: &str,
    patch: rollout::Patch,
) -> Result<(), Failure> {
    let mut body = patch.body;
    match &mut body {
        // An undo of a Deployment is a list of operations.
        Value::Array(operations) => {
            operations.extend(patch::operations_of(cluster.ctx.effect_id()))
        }
        body => patch::mark(body, cluster.ctx.effect_id().unwrap_or_default()),
    }
    let call = cluster
        .account
        .patch(at, patch.strategy, &body, Write::default());
    cluster.must(what, call).await.map(|_| ())
}

/// A time as Kubernetes writes it: `2026-11-21T20:59:38Z`.
fn rfc3339(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil date of a day number, by Howard Hinnant's algorithm.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kubernetes_does() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_294_778_500, "2026-11-21T20:59:38Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }
}
