//! Builds of clouds: the four tasks that Google Cloud Build and AWS CodeBuild have alike (orca `Start…Task`, `Monitor…Task`,
//! `Get…ArtifactsTask`, `Stop…Task`).
//!
//! A start is an effect with a probe: the service itself keeps the effect's identity with the build. What the next tasks need to know
//! of the build is the stage's `buildInfo`.

mod codebuild;
mod google;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use gennaker_builds::{Accounts, Error};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{
    BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Probed, Stopped, Task, exception,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::failure::{again, learned};

/// Longest call.
const CALL: Duration = Duration::from_secs(27);

/// Pause before a start that the service did not take is tried again.
const START_AGAIN: Duration = Duration::from_secs(10);

/// Pause between two looks at a build.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Pause before a question that was not answered is asked again (orca `RetryableIgorTask`).
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Errors in a row after which a question is given up.
const ERRORS_MAX: u64 = 5;

/// Context key that counts them.
const ERRORS: &str = "consecutiveErrors";

/// Context key of what is known of the build.
const BUILD: &str = "buildInfo";

/// One kind of service.
pub(crate) trait Cloud: Send + Sync + Sized + 'static {
    /// A build to be started.
    type Start: Send + Sync;
    /// What is kept of a build.
    type Build: Serialize + DeserializeOwned + Send + Sync;

    /// Its name for people.
    const NAME: &'static str;
    /// The kinds of the tasks: start, monitor, artifacts, stop.
    const KINDS: [&'static str; 4];

    /// What a stage wants built; a sentence for people when that cannot be told.
    fn wanted(input: &Map, token: &str) -> Result<Self::Start, String>;

    /// How a build is called in the ledger.
    fn reference(build: &Self::Build) -> String;

    /// A build of which only that is known.
    fn named(reference: &str) -> Self::Build;

    /// How it stands.
    fn standing(build: &Self::Build) -> Standing;

    /// Starts one.
    fn start<'a>(&'a self, start: &'a Self::Start) -> BoxFuture<'a, Result<Self::Build, Error>>;

    /// Finds the one that an earlier start made.
    fn find<'a>(
        &'a self,
        start: &'a Self::Start,
    ) -> BoxFuture<'a, Result<Option<Self::Build>, Error>>;

    /// Looks at one.
    fn get<'a>(&'a self, build: &'a Self::Build) -> BoxFuture<'a, Result<Self::Build, Error>>;

    /// Stops one.
    fn stop<'a>(&'a self, build: &'a Self::Build) -> BoxFuture<'a, Result<Self::Build, Error>>;

    /// What one made.
    fn artifacts<'a>(&'a self, build: &'a Self::Build) -> BoxFuture<'a, Result<Vec<Map>, Error>>;
}

/// How a build stands.
pub(crate) enum Standing {
    /// It is not over.
    Running,
    /// It went well.
    Succeeded,
    /// It did not, in the service's word.
    Failed(String),
}

/// The tasks of one kind of service.
pub(crate) fn tasks<C: Cloud>(accounts: &Accounts<C>) -> [Arc<dyn Task>; 4] {
    [
        Arc::new(Start(accounts.clone())),
        Arc::new(Monitor(accounts.clone())),
        Arc::new(Artifacts(accounts.clone())),
        Arc::new(Stop(accounts.clone())),
    ]
}

struct Start<C>(Accounts<C>);
struct Monitor<C>(Accounts<C>);
struct Artifacts<C>(Accounts<C>);
struct Stop<C>(Accounts<C>);

impl<C: Cloud> Start<C> {
    fn wanted(&self, ctx: &Ctx) -> Result<(Arc<C>, C::Start), Failure> {
        let service = service(&self.0, ctx)?;
        let token = ctx.effect_id().unwrap_or_default();
        let wanted = C::wanted(ctx.input(), token).map_err(|problem| illegal(ctx, &problem))?;
        Ok((service, wanted))
    }
}

impl<C: Cloud> Task for Start<C> {
    fn kind(&self) -> &'static str {
        C::KINDS[0]
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Probe {
            call_ms_max: millis(CALL),
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let (service, wanted) = self.wanted(ctx)?;
            let started = ctx.call(CALL, |_| service.start(&wanted)).await?;
            match started {
                Ok(build) => {
                    ctx.note(&C::reference(&build)).await?;
                    Ok(begun::<C>(ctx, &build))
                }
                Err(error) if error.may_have_happened() => Err(Failure::Unknown {
                    what: error.to_string(),
                }),
                Err(error) if error.is_transient() => {
                    Err(again(ctx, START_AGAIN, Some(&error.to_string())))
                }
                Err(error) => Err(refused(ctx, &error)),
            }
        })
    }

    fn probe<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let Ok((service, wanted)) = self.wanted(ctx) else {
                // What cannot be asked for was not started.
                return Probed::NotThere;
            };
            match ctx.call(CALL, |_| service.find(&wanted)).await {
                Ok(Ok(Some(build))) => Probed::There(begun::<C>(ctx, &build)),
                Ok(Ok(None)) => Probed::NotThere,
                Ok(Err(error)) => Probed::Unknown(error.to_string()),
                Err(_) => Probed::Unknown(format!("{} does not answer", C::NAME)),
            }
        })
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move {
            let Some(reference) = reference else {
                return Ok(Stopped::Gone);
            };
            let service = service(&self.0, ctx)?;
            let build = C::named(reference);
            match ctx.call(CALL, |_| service.stop(&build)).await? {
                Ok(_) | Err(Error::NotFound(_)) => Ok(Stopped::Gone),
                Err(error) if error.is_transient() => Err(Failure::retry_later(START_AGAIN)),
                Err(error) => Ok(Stopped::Remains(format!(
                    "the build {reference} of {} cannot be stopped: {error}",
                    C::NAME
                ))),
            }
        })
    }

    fn unknown(&self, message: &TaskMessage) -> String {
        format!(
            "{} may have started a build of stage {}: its worker was lost or got no answer, and the service cannot be asked",
            C::NAME,
            message.ref_id
        )
    }
}

impl<C: Cloud> Task for Monitor<C> {
    fn kind(&self) -> &'static str {
        C::KINDS[1]
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let service = service(&self.0, ctx)?;
            let build = build_of::<C>(ctx)?;
            let seen = ctx.call(CALL, |_| service.get(&build)).await?;
            let seen = seen.map_err(|error| unanswered(ctx, &error))?;
            let mut context = learned(ctx, known::<C>(&seen));
            match C::standing(&seen) {
                // What nobody learns anything from is not written down.
                Standing::Running => Err(Failure::RetryLater {
                    after: LOOK_AGAIN,
                    context: {
                        context.retain(|key, value| ctx.input().get(key) != Some(value));
                        context
                    },
                }),
                Standing::Succeeded => Ok(Done {
                    context,
                    ..Done::default()
                }),
                Standing::Failed(word) => {
                    let sentence = format!("{} ended the build with {word}", C::NAME);
                    let said = exception::described(
                        &ctx.message().kind,
                        "BuildFailedException",
                        "The build failed",
                        &[sentence],
                        ctx.now_ms(),
                    );
                    Err(Failure::GiveUp(Box::new(GiveUp {
                        exception: Some(said),
                        context,
                        outputs: Map::new(),
                    })))
                }
            }
        })
    }
}

impl<C: Cloud> Task for Artifacts<C> {
    fn kind(&self) -> &'static str {
        C::KINDS[2]
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let service = service(&self.0, ctx)?;
            let build = build_of::<C>(ctx)?;
            let found = ctx.call(CALL, |_| service.artifacts(&build)).await?;
            let found = found.map_err(|error| unanswered(ctx, &error))?;
            let found: Vec<Value> = found.into_iter().map(Value::Object).collect();
            Ok(Done {
                context: one(ERRORS, json!(0)),
                outputs: one("artifacts", Value::Array(found)),
                reference: None,
            })
        })
    }
}

impl<C: Cloud> Task for Stop<C> {
    fn kind(&self) -> &'static str {
        C::KINDS[3]
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Repeatable {
            call_ms_max: millis(CALL),
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let service = service(&self.0, ctx)?;
            let build = build_of::<C>(ctx)?;
            match ctx.call(CALL, |_| service.stop(&build)).await? {
                Ok(build) => Ok(Done {
                    context: learned(ctx, known::<C>(&build)),
                    ..Done::default()
                }),
                Err(Error::NotFound(_)) => Ok(Done {
                    context: learned(ctx, Map::new()),
                    ..Done::default()
                }),
                // Once more does no harm.
                Err(error) if error.is_transient() || error.may_have_happened() => {
                    Err(again(ctx, START_AGAIN, Some(&error.to_string())))
                }
                Err(error) => Err(refused(ctx, &error)),
            }
        })
    }
}

/// The service of the account that the stage names.
fn service<C: Cloud>(accounts: &Accounts<C>, ctx: &Ctx) -> Result<Arc<C>, Failure> {
    let name = ctx.input().get("account").and_then(Value::as_str);
    let name = name.unwrap_or_default();
    let found = accounts
        .get(name)
        .map(|account| Arc::clone(&account.service));
    found.ok_or_else(|| {
        illegal(
            ctx,
            &format!("No {} account with name {name} is configured", C::NAME),
        )
    })
}

/// The build that the stage has started.
fn build_of<C: Cloud>(ctx: &Ctx) -> Result<C::Build, Failure> {
    let held = ctx.input().get(BUILD).cloned().unwrap_or_default();
    serde_json::from_value(held).map_err(|_| {
        illegal(
            ctx,
            "the stage does not know which build it has started (buildInfo)",
        )
    })
}

fn begun<C: Cloud>(ctx: &Ctx, build: &C::Build) -> Done {
    Done {
        context: learned(ctx, known::<C>(build)),
        outputs: Map::new(),
        reference: Some(C::reference(build)),
    }
}

fn known<C: Cloud>(build: &C::Build) -> Map {
    let mut context = one(ERRORS, json!(0));
    let build = serde_json::to_value(build).expect("a build is plain data");
    context.insert(BUILD.to_owned(), build);
    context
}

/// A question that was not answered, or with an error: tried some times if that may help.
fn unanswered(ctx: &Ctx, error: &Error) -> Failure {
    let errors = ctx.input().get(ERRORS).and_then(Value::as_u64).unwrap_or(0);
    if !error.is_transient() || errors >= ERRORS_MAX {
        return refused(ctx, error);
    }
    let mut failure = again(ctx, ASK_AGAIN, Some(&error.to_string()));
    if let Failure::RetryLater { context, .. } = &mut failure {
        context.insert(ERRORS.to_owned(), json!(errors + 1));
    }
    failure
}

fn refused(ctx: &Ctx, error: &Error) -> Failure {
    let class = match error {
        Error::NotFound(_) => "NotFoundException",
        Error::Refused { .. } | Error::NotSupported(_) => "InvalidRequestException",
        Error::Unavailable { .. } | Error::Unreadable { .. } | Error::Credentials(_) => {
            "SpinnakerServerException"
        }
    };
    let kind = &ctx.message().kind;
    Failure::give_up(exception::unexpected(
        kind,
        class,
        &error.to_string(),
        ctx.now_ms(),
    ))
}

fn illegal(ctx: &Ctx, problem: &str) -> Failure {
    let kind = &ctx.message().kind;
    Failure::give_up(exception::unexpected(
        kind,
        "IllegalArgumentException",
        problem,
        ctx.now_ms(),
    ))
}

fn one(key: &str, value: Value) -> Map {
    [(key.to_owned(), value)].into_iter().collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
