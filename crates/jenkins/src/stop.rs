//! `stopJenkinsJob`: what a stage wants that ends before its build does. Source: orca `StartJenkinsJobTask.onCancel`,
//! `MonitorJenkinsJobTask.onCancel`.

use std::time::Duration;

use gennaker_builds::{Error, Masters, Stop};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Stopped, Task};

use crate::{
    failure::{AGAIN, CALL_MS_MAX, again, given_up, learned},
    target::{self, QUEUED, Target},
};

/// Stops a build, queued or running.
pub(crate) struct StopJob(Masters);

impl StopJob {
    pub(crate) fn new(masters: Masters) -> Self {
        Self(masters)
    }

    async fn stop_it(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let target = Target::of(ctx, &self.0)?;
        let stop = Stop {
            job: target.job.clone(),
            item: ctx.input().get(QUEUED).map(target::shown),
            number: target::number(ctx.input()),
        };
        if stop.item.is_none() && stop.number.is_none() {
            return Ok(Done::default());
        }
        let limit = Duration::from_millis(CALL_MS_MAX);
        match ctx
            .call(limit, |_| target.master.server.stop(&stop))
            .await?
        {
            Ok(()) | Err(Error::NotFound(_)) => Ok(Done {
                context: learned(ctx, Map::new()),
                ..Done::default()
            }),
            // Once more does no harm.
            Err(error) if error.is_transient() || error.may_have_happened() => {
                Err(again(ctx, AGAIN, Some(&error.to_string())))
            }
            Err(error) => {
                let sentence = format!("the build of job '{}' goes on: {error}", stop.job);
                Err(given_up(ctx, "InvalidRequestException", &sentence))
            }
        }
    }
}

impl Task for StopJob {
    fn kind(&self) -> &'static str {
        "stopJenkinsJob"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Repeatable {
            call_ms_max: CALL_MS_MAX,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.stop_it(ctx))
    }

    /// Nobody takes it back.
    fn stop<'a>(
        &'a self,
        _ctx: &'a Ctx,
        _reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async { Ok(Stopped::Gone) })
    }
}
