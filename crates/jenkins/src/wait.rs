//! `waitForJenkinsJobStart`: from the queue to a number. Source: orca `MonitorQueuedJenkinsJobTask` (`events.md` 11.4).

use gennaker_builds::{Masters, Queued};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::json;

use crate::{
    failure::{AGAIN, again, given_up, learned, of_look, within},
    monitor::said,
    target::{self, NUMBER, QUEUED, Target},
};

/// Waits until the build has a number.
pub(crate) struct WaitForStart {
    masters: Masters,
    ui_url: Option<String>,
}

impl WaitForStart {
    pub(crate) fn new(masters: Masters, ui_url: Option<String>) -> Self {
        Self { masters, ui_url }
    }

    async fn look(&self, ctx: &Ctx) -> Result<Done, Failure> {
        if target::number(ctx.input()).is_some() {
            return Ok(Done::default());
        }
        let target = Target::of(ctx, &self.masters)?;
        let missing = || {
            given_up(
                ctx,
                "IllegalStateException",
                "Unable to find queuedBuild in the stage's context",
            )
        };
        let item = ctx
            .input()
            .get(QUEUED)
            .map(target::shown)
            .ok_or_else(missing)?;
        let server = &target.master.server;
        match within(server.queued(&target.job, &item)).await {
            Ok(Queued::Number(number)) => {
                self.describe(ctx, &target, number).await;
                let context = [(NUMBER.to_owned(), json!(number))];
                Ok(Done {
                    context: learned(ctx, context.into_iter().collect()),
                    ..Done::default()
                })
            }
            Ok(Queued::Waiting(why)) => Err(again(ctx, AGAIN, why.as_deref())),
            // In Orca the stage would wait for it until its time is over.
            Ok(Queued::Cancelled) => Err(Failure::Cancelled {
                context: said("Job was taken out of the queue (see Jenkins)", Map::new()),
            }),
            Err(error) => Err(of_look(ctx, &error)),
        }
    }

    /// Links the build to its execution, where the settings say what with. Without it the build is as good.
    async fn describe(&self, ctx: &Ctx, target: &Target<'_>, number: u64) {
        let Some(ui) = &self.ui_url else { return };
        let message = ctx.message();
        let (application, execution) = (&message.application, &message.execution);
        let link = format!(
            "{}/#/applications/{}/executions/details/{execution}",
            ui.trim_end_matches('/'),
            application
        );
        let description = format!(
            "This build was triggered by '<a href=\"{}\">{}</a>' in Spinnaker.",
            escaped(&link),
            escaped(application)
        );
        let described = within(
            target
                .master
                .server
                .describe(&target.job, number, &description),
        )
        .await;
        if let Err(error) = described {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a build has got no description"
            );
        }
    }
}

impl Task for WaitForStart {
    fn kind(&self) -> &'static str {
        "waitForJenkinsJobStart"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.look(ctx))
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
