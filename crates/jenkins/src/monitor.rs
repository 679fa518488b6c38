//! `monitorJenkinsJob`: until the build is over. Source: orca `MonitorJenkinsJobTask` (`events.md` 11.4).

use std::time::Duration;

use gennaker_builds::{Build, BuildResult, Error, Masters, Revision};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Task};
use serde_json::{Value, json};

use crate::{
    failure::{AGAIN, learned, of_look, within},
    target::{self, BUILD, Target},
};

/// How often it is asked what a build was made of, and the pause between (Igor asks ten times).
const REVISIONS_TRIES: u32 = 3;
const REVISIONS_PAUSE: Duration = Duration::from_secs(1);

/// Looks at a build.
pub(crate) struct MonitorJob(Masters);

/// What a result means for the stage.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Running,
    Succeeded,
    Failed(&'static str),
    Cancelled(&'static str),
}

impl MonitorJob {
    pub(crate) fn new(masters: Masters) -> Self {
        Self(masters)
    }

    async fn look(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let target = Target::of(ctx, &self.0)?;
        let number = target::number_of(ctx)?;
        let build = within(target.master.server.build(&target.job, number)).await;
        let mut build = build.map_err(|error| of_look(ctx, &error))?;
        let verdict = verdict(&build, is_true(ctx.input().get("markUnstableAsSuccessful")));
        if verdict != Verdict::Running {
            build.revisions = revisions(ctx, &target, number).await;
        }
        let shown: Map = [(BUILD.to_owned(), Value::Object(build.to_map()))]
            .into_iter()
            .collect();
        match verdict {
            Verdict::Running => {
                // What nobody learns anything from is not written down.
                let known = ctx.input().get(BUILD) == shown.get(BUILD);
                let context = if known { Map::new() } else { shown };
                Err(Failure::RetryLater {
                    after: AGAIN,
                    context: learned(ctx, context),
                })
            }
            Verdict::Succeeded => Ok(Done {
                context: learned(ctx, shown.clone()),
                outputs: shown,
                ..Done::default()
            }),
            Verdict::Failed(sentence) => Err(Failure::GiveUp(Box::new(GiveUp {
                exception: None,
                context: said(sentence, shown.clone()),
                outputs: shown,
            }))),
            Verdict::Cancelled(sentence) => Err(Failure::Cancelled {
                context: said(sentence, shown),
            }),
        }
    }
}

impl Task for MonitorJob {
    fn kind(&self) -> &'static str {
        "monitorJenkinsJob"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.look(ctx))
    }
}

/// A context with a sentence where people look for it (Java: `StageExecution.appendErrorMessage`).
pub(crate) fn said(sentence: &str, mut context: Map) -> Map {
    context.insert(
        "exception".to_owned(),
        json!({"details": {"errors": [sentence]}}),
    );
    context
}

/// What a build is made of, as far as the server says: a pipeline does not fail for it.
pub(crate) async fn revisions(ctx: &Ctx, target: &Target<'_>, number: u64) -> Vec<Revision> {
    for turn in 0..REVISIONS_TRIES {
        if turn > 0 {
            ctx.clock().sleep(REVISIONS_PAUSE).await;
        }
        match within(target.master.server.revisions(&target.job, number)).await {
            Ok(revisions) => return revisions,
            Err(Error::Unavailable { .. } | Error::Credentials(_)) => {}
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "what a build was made of is not known"
                );
                break;
            }
        }
    }
    Vec::new()
}

fn verdict(build: &Build, unstable_is_good: bool) -> Verdict {
    if build.building {
        return Verdict::Running;
    }
    match build.result {
        Some(BuildResult::Success) => Verdict::Succeeded,
        Some(BuildResult::Unstable) if unstable_is_good => Verdict::Succeeded,
        Some(BuildResult::Unstable) => Verdict::Failed("Job is unstable (see Jenkins)"),
        Some(BuildResult::Failure) => Verdict::Failed("Job failed (see Jenkins)"),
        Some(BuildResult::Aborted) => Verdict::Cancelled("Job was aborted (see Jenkins)"),
        // As in Orca, until the time of the task is over.
        Some(BuildResult::NotBuilt | BuildResult::Building) | None => Verdict::Running,
    }
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(is)) => *is,
        Some(Value::String(text)) => text.trim().eq_ignore_ascii_case("true"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_mean_what_they_mean_in_orca() {
        let of = |building, result| Build {
            building,
            result,
            ..Build::default()
        };
        use BuildResult as R;
        for (build, good, wanted) in [
            (of(true, Some(R::Success)), false, Verdict::Running),
            (of(true, Some(R::Building)), false, Verdict::Running),
            (of(false, Some(R::Success)), false, Verdict::Succeeded),
            (of(false, Some(R::Unstable)), true, Verdict::Succeeded),
            (
                of(false, Some(R::Unstable)),
                false,
                Verdict::Failed("Job is unstable (see Jenkins)"),
            ),
            (
                of(false, Some(R::Failure)),
                true,
                Verdict::Failed("Job failed (see Jenkins)"),
            ),
            (
                of(false, Some(R::Aborted)),
                true,
                Verdict::Cancelled("Job was aborted (see Jenkins)"),
            ),
            (of(false, None), false, Verdict::Running),
        ] {
            assert_eq!(verdict(&build, good), wanted, "{build:?}");
        }
    }

    #[test]
    fn not_built_never_ends_the_stage() {
        let build = Build {
            result: Some(BuildResult::NotBuilt),
            ..Build::default()
        };
        assert_eq!(verdict(&build, false), Verdict::Running);
    }
}
