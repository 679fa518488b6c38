//! `waitForConcourseJobCompletion`: until the build that a job of Concourse has reported is over. Source: orca
//! `WaitForConcourseJobCompletionTask`.

use std::time::Duration;

use gennaker_builds::{BuildResult, Masters};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Task, exception};
use serde_json::Value;

use crate::{
    failure::{given_up, learned, of_look, within},
    target::{self, BUILD, Target},
};

/// Pause between two looks.
const AGAIN: Duration = Duration::from_secs(15);

/// Looks at the build.
pub(crate) struct WaitForCompletion(Masters);

impl WaitForCompletion {
    pub(crate) fn new(masters: Masters) -> Self {
        Self(masters)
    }

    async fn look(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let part = |key: &str| {
            let missing = || {
                given_up(
                    ctx,
                    "IllegalArgumentException",
                    &format!("{key} must be specified"),
                )
            };
            target::text(ctx.input(), key).ok_or_else(missing)
        };
        let job = format!(
            "{}/{}/{}",
            part("teamName")?,
            part("pipelineName")?,
            part("jobName")?
        );
        let target = Target::named(ctx, &self.0, &part("master")?, job)?;
        let missing = || {
            given_up(
                ctx,
                "IllegalArgumentException",
                "buildNumber must be specified",
            )
        };
        let number = target::number(ctx.input()).ok_or_else(missing)?;
        let build = within(target.master.server.build(&target.job, number)).await;
        let build = build.map_err(|error| of_look(ctx, &error))?;
        let shown: Map = [(BUILD.to_owned(), Value::Object(build.to_map()))]
            .into_iter()
            .collect();
        if build.building {
            let known = ctx.input().get(BUILD) == shown.get(BUILD);
            let context = if known { Map::new() } else { shown };
            return Err(Failure::RetryLater {
                after: AGAIN,
                context: learned(ctx, context),
            });
        }
        if build.result == Some(BuildResult::Success) {
            return Ok(Done {
                context: learned(ctx, shown.clone()),
                outputs: shown,
                ..Done::default()
            });
        }
        let said = exception::unexpected(
            &ctx.message().kind,
            "IllegalStateException",
            "The Concourse job failed.",
            ctx.now_ms(),
        );
        Err(Failure::GiveUp(Box::new(GiveUp {
            exception: Some(said),
            context: shown.clone(),
            outputs: shown,
        })))
    }
}

impl Task for WaitForCompletion {
    fn kind(&self) -> &'static str {
        "waitForConcourseJobCompletion"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.look(ctx))
    }
}
