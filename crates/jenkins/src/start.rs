//! `startJenkinsJob` and `startScript`: one build for one stage, whatever becomes of the worker. Source: orca
//! `StartJenkinsJobTask`, `StartScriptTask` (orchestration reference 6.9; `events.md` 11.3, 11.4).
//!
//! ```text
//! look at the job, note what is there ──► start ──► queue item or number ──► report
//!          ▲                                 │ lost here, or no answer
//!          └── nothing there ── probe ◄──────┘
//! ```

use std::time::Duration;

use gennaker_builds::{Masters, Start, Started, Stop};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Probed, Stopped, Task};
use serde_json::{Value, json};

use crate::{
    failure::{CALL_MS_MAX, START_AGAIN, given_up, learned, of_wish, within},
    target::{self, NUMBER, QUEUED, Target},
};

/// What stands before a note of what was there before a call, in the place where otherwise the name of the build is.
const BEFORE: &str = "before:";

/// What stands before the number of a build that never was in a queue.
const RUNNING: &str = "#";

/// Most parameters of a build.
const PARAMETERS_MAX: usize = 1_000;

/// Starts the job of the stage.
pub(crate) struct StartJob(Masters);

/// Starts the job that runs scripts.
pub(crate) struct StartScript {
    masters: Masters,
    job: Option<(String, String)>,
}

impl StartJob {
    pub(crate) fn new(masters: Masters) -> Self {
        Self(masters)
    }

    fn wanted<'a>(&'a self, ctx: &Ctx) -> Result<Wanted<'a>, Failure> {
        let target = Target::of(ctx, &self.0)?;
        let parameters = match ctx.input().get("parameters") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Object(map)) => {
                let given = map.iter().filter(|(_, value)| !value.is_null());
                given
                    .map(|(name, value)| (name.clone(), target::shown(value)))
                    .collect()
            }
            Some(_) => {
                return Err(given_up(
                    ctx,
                    "IllegalArgumentException",
                    "parameters must be an object",
                ));
            }
        };
        Wanted::of(ctx, target, parameters)
    }
}

impl StartScript {
    pub(crate) fn new(masters: Masters, job: Option<(String, String)>) -> Self {
        Self { masters, job }
    }

    /// Source: orca `StartScriptTask`.
    fn wanted<'a>(&'a self, ctx: &Ctx) -> Result<Wanted<'a>, Failure> {
        let missing = || {
            let sentence =
                "script stages need the settings `jenkins.script_master` and `jenkins.script_job`";
            given_up(ctx, "IllegalStateException", sentence)
        };
        let (master, job) = self.job.as_ref().ok_or_else(missing)?;
        let target = Target::named(ctx, &self.masters, master, job.clone())?;
        let parameters = [
            ("SCRIPT_PATH", "scriptPath"),
            ("COMMAND", "command"),
            ("IMAGE_ID", "image"),
            ("REGION_PARAM", "region"),
            ("ENV_PARAM", "account"),
            ("CLUSTER_PARAM", "cluster"),
            ("CMC", "cmc"),
            ("REPO_URL", "repoUrl"),
            ("REPO_BRANCH", "repoBranch"),
        ];
        let parameters = parameters.into_iter().filter_map(|(name, key)| {
            let value = ctx.input().get(key).filter(|value| !value.is_null())?;
            Some((name.to_owned(), target::shown(value)))
        });
        Wanted::of(ctx, target, parameters.collect())
    }

    /// What the tasks after it need to know: the stage itself names neither.
    fn named(&self) -> Map {
        let names = self
            .job
            .iter()
            .flat_map(|(master, job)| [("master", master), ("job", job)]);
        names
            .map(|(key, name)| (key.to_owned(), json!(name)))
            .collect()
    }
}

/// A build that is wanted, and where.
struct Wanted<'a> {
    target: Target<'a>,
    start: Start,
}

impl<'a> Wanted<'a> {
    fn of(
        ctx: &Ctx,
        target: Target<'a>,
        parameters: Vec<(String, String)>,
    ) -> Result<Self, Failure> {
        if parameters.len() > PARAMETERS_MAX {
            let sentence = format!("a build can have {PARAMETERS_MAX} parameters at most");
            return Err(given_up(ctx, "IllegalArgumentException", &sentence));
        }
        let start = Start {
            job: target.job.clone(),
            parameters,
            token: ctx.effect_id().unwrap_or_default().to_owned(),
            before: None,
        };
        Ok(Self { target, start })
    }

    async fn run(mut self, ctx: &Ctx) -> Result<Started, Failure> {
        let server = &self.target.master.server;
        let before = within(server.before(&self.start)).await;
        self.start.before = before.map_err(|error| of_wish(ctx, &error, START_AGAIN))?;
        if let Some(before) = &self.start.before {
            ctx.note(&format!("{BEFORE}{before}")).await?;
        }
        let limit = Duration::from_millis(CALL_MS_MAX);
        let started = ctx.call(limit, |_| server.start(&self.start)).await?;
        started.map_err(|error| of_wish(ctx, &error, START_AGAIN))
    }

    /// Looks for the build, with what was noted.
    async fn find(mut self, noted: Option<&str>) -> Result<Option<Started>, String> {
        let before = noted.and_then(|noted| noted.strip_prefix(BEFORE));
        self.start.before = before.map(str::to_owned);
        let found = within(self.target.master.server.find(&self.start)).await;
        found.map_err(|error| error.to_string())
    }

    async fn probe(self, ctx: &Ctx, named: Map) -> Probed {
        let noted = ctx.noted().await;
        match self.find(noted.as_deref()).await {
            Ok(Some(started)) => Probed::There(done(&started, learned(ctx, named))),
            Ok(None) => Probed::NotThere,
            Err(why) => Probed::Unknown(why),
        }
    }

    async fn stop(self, ctx: &Ctx, reference: Option<&str>) -> Result<Stopped, Failure> {
        let (job, server) = (self.start.job.clone(), self.target.master.server.clone());
        let started = match reference {
            Some(reference) if !reference.starts_with(BEFORE) => read(reference),
            // Nobody has written down what it is called.
            other => match self.find(other).await {
                Ok(Some(started)) => started,
                Ok(None) => return Ok(Stopped::Gone),
                Err(why) => {
                    return Ok(Stopped::Remains(format!(
                        "a build of job '{job}' may go on: {why}"
                    )));
                }
            },
        };
        let (item, number) = match started {
            Started::Queued(item) => (Some(item), None),
            Started::Running(number) => (None, Some(number)),
        };
        let stop = Stop { job, item, number };
        let limit = Duration::from_millis(CALL_MS_MAX);
        match ctx.call(limit, |_| server.stop(&stop)).await? {
            Ok(()) => Ok(Stopped::Gone),
            Err(error) if error.is_transient() => Err(Failure::Unknown {
                what: error.to_string(),
            }),
            Err(error) => Ok(Stopped::Remains(format!(
                "a build of job '{}' goes on: {error}",
                stop.job
            ))),
        }
    }
}

impl Task for StartJob {
    fn kind(&self) -> &'static str {
        "startJenkinsJob"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        EFFECT
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            Ok(done(
                &self.wanted(ctx)?.run(ctx).await?,
                learned(ctx, Map::new()),
            ))
        })
    }

    fn probe<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            match self.wanted(ctx) {
                Ok(wanted) => wanted.probe(ctx, Map::new()).await,
                Err(failure) => unprobed(&failure),
            }
        })
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move { self.wanted(ctx)?.stop(ctx, reference).await })
    }

    fn unknown(&self, message: &TaskMessage) -> String {
        unknown(message)
    }
}

impl Task for StartScript {
    fn kind(&self) -> &'static str {
        "startScript"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        EFFECT
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            Ok(done(
                &self.wanted(ctx)?.run(ctx).await?,
                learned(ctx, self.named()),
            ))
        })
    }

    fn probe<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            match self.wanted(ctx) {
                Ok(wanted) => wanted.probe(ctx, self.named()).await,
                Err(failure) => unprobed(&failure),
            }
        })
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move { self.wanted(ctx)?.stop(ctx, reference).await })
    }

    fn unknown(&self, message: &TaskMessage) -> String {
        unknown(message)
    }
}

const EFFECT: Effect = Effect::Probe {
    call_ms_max: CALL_MS_MAX,
};

/// What a stage whose master or parameters make no sense can have started: another worker may know a master that this one does not.
fn unprobed(failure: &Failure) -> Probed {
    let known = match failure {
        Failure::GiveUp(why) => why.exception.as_ref(),
        Failure::RetryLater { .. } | Failure::Cancelled { .. } | Failure::Unknown { .. } => None,
    };
    let sentence = known
        .and_then(|it| it.pointer("/details/errors/0"))
        .and_then(Value::as_str);
    Probed::Unknown(
        sentence
            .unwrap_or("the build cannot be looked for")
            .to_owned(),
    )
}

fn unknown(_message: &TaskMessage) -> String {
    "the build may have been started: the worker that asked for it was lost or got no answer, and it cannot be told from others. It \
     is not started again, because there might be two then"
        .to_owned()
}

fn done(started: &Started, named: Map) -> Done {
    let mut context = named;
    let reference = match started {
        Started::Queued(item) => {
            context.insert(QUEUED.to_owned(), json!(item));
            item.clone()
        }
        Started::Running(number) => {
            context.insert(NUMBER.to_owned(), json!(number));
            format!("{RUNNING}{number}")
        }
    };
    Done {
        context,
        reference: Some(reference),
        ..Done::default()
    }
}

/// The build that a reference names.
fn read(reference: &str) -> Started {
    let number = reference
        .strip_prefix(RUNNING)
        .and_then(|number| number.parse().ok());
    number.map_or_else(|| Started::Queued(reference.to_owned()), Started::Running)
}
