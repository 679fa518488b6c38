//! `waitOnJobCompletion`: watches a Job to its end and reads what it printed. Source: orca `WaitOnJobCompletion`, clouddriver
//! `KubernetesJobProvider`.

use std::time::Duration;

use gennaker_kubernetes::{Class, LogOptions, Seen};
use gennaker_manifests::{Coordinates, Manifest, job, progress};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Task, exception};
use serde_json::{Value, json};

use crate::kubernetes::{Base, cluster::Cluster, input, trouble};

/// Longest attempt without news.
const ATTEMPT: Duration = Duration::from_secs(240);

/// How often the Pods are looked at.
const LOOK_AT_PODS: Duration = Duration::from_secs(5);

/// Pause after the cluster could not be asked.
const PAUSE: Duration = Duration::from_secs(5);

/// Most bytes of a log that are read.
const LOG_BYTES_MAX: usize = 1 << 20;

/// How often a log is read that cannot be.
const READS_MAX: u32 = 6;

/// The task.
pub(super) struct WaitOnJobCompletion(pub Base);

impl Task for WaitOnJobCompletion {
    fn kind(&self) -> &'static str {
        "waitOnJobCompletion"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let at = super::job_of(ctx)?;
            let ended = watch(&cluster, &at).await?;
            conclude(&cluster, &at, &ended).await
        })
    }
}

/// The Job, once it has ended.
async fn watch(cluster: &Cluster<'_>, at: &Coordinates) -> Result<Manifest, Failure> {
    let ctx = cluster.ctx;
    let follow = cluster.account.follow([at.clone()]);
    let mut follow = follow.map_err(|error| cluster.failed("", &error))?;
    let began = tokio::time::Instant::now();
    loop {
        let mut said = None;
        match follow.get(at) {
            Some(Seen::Present(object)) => {
                if job::state(object) != job::State::Running {
                    return Ok((**object).clone());
                }
                let object = (**object).clone();
                let pods = cluster
                    .ask(cluster.account.pods_of_job(&at.namespace, &at.name))
                    .await?;
                said = progress::sentence(
                    &object,
                    &pods.unwrap_or_default().iter().collect::<Vec<_>>(),
                    &[],
                );
            }
            Some(Seen::Absent) => {
                let message = format!(
                    "Job: '{}' is not there any more, so its end is not known: it was deleted, by somebody or by its \
                     ttlSecondsAfterFinished",
                    at.name
                );
                return Err(trouble::give_up(ctx, "NotFoundException", &message));
            }
            Some(Seen::Unknown) | None => {}
        }
        if let Some(said) = said {
            let messages = json!([format!(
                "'{}' in '{}': {said}",
                at.full_name(),
                at.namespace
            )]);
            if ctx.input().get("messages") != Some(&messages)
                && began.elapsed() >= Duration::from_secs(1)
            {
                let mut context = Map::new();
                context.insert("messages".to_owned(), messages);
                return Err(Failure::RetryLater {
                    after: Duration::ZERO,
                    context,
                });
            }
        }
        if began.elapsed() >= ATTEMPT {
            return Err(Failure::retry_later(Duration::ZERO));
        }
        tokio::select! {
            biased;
            () = ctx.cancelled() => return Err(Failure::cancelled()),
            next = follow.next() => if let Err(error) = next {
                return Err(match error.class() {
                    Class::Unauthorized | Class::Forbidden | Class::Unsupported => {
                        cluster.failed("the job cannot be watched: ", &error)
                    }
                    _ => Failure::retry_later(PAUSE),
                });
            },
            () = tokio::time::sleep(LOOK_AT_PODS) => {}
        }
    }
}

async fn conclude(
    cluster: &Cluster<'_>,
    at: &Coordinates,
    ended: &Manifest,
) -> Result<Done, Failure> {
    let ctx = cluster.ctx;
    let pods = cluster
        .must(
            "the Pods of the job cannot be read: ",
            cluster.account.pods_of_job(&at.namespace, &at.name),
        )
        .await?;
    let status = job::status(cluster.account.name(), ended, &pods, true);
    let mut outputs = Map::new();
    if let Some(details) = status.get("completionDetails") {
        outputs.insert("completionDetails".to_owned(), details.clone());
    }
    outputs.insert("jobStatus".to_owned(), status.clone());
    let properties = properties(cluster, at, &pods).await?;
    if job::state(ended) == job::State::Failed {
        let mut context = outputs.clone();
        context.extend(properties.unwrap_or_default());
        let message = job::failure(&status);
        let errors = [message.clone()];
        let exception = exception::described(
            &ctx.message().kind,
            "JobFailedException",
            &message,
            &errors,
            ctx.now_ms(),
        );
        return Err(Failure::GiveUp(Box::new(GiveUp {
            exception: Some(exception),
            outputs: shown(ctx, &context),
            context,
        })));
    }
    match properties {
        None => {}
        Some(found) if found.is_empty() => {
            let file = input::text(ctx.input(), "propertyFile").unwrap_or_default();
            let message = format!(
                "Expected properties file: {file} but it was either missing, empty or contained invalid syntax"
            );
            return Err(trouble::give_up_with(
                ctx,
                "ConfigurationException",
                &message,
                outputs,
            ));
        }
        Some(found) => {
            outputs.insert(
                "propertyFileContents".to_owned(),
                Value::Object(found.clone()),
            );
            outputs.extend(found);
        }
    }
    let context = outputs.clone();
    Ok(Done {
        outputs: shown(ctx, &context),
        context,
        reference: None,
    })
}

/// What the stage puts out: nothing, if it asks for that.
fn shown(ctx: &Ctx, outputs: &Map) -> Map {
    match input::boolean(ctx.input(), "noOutput") {
        Some(true) => Map::new(),
        Some(false) | None => outputs.clone(),
    }
}

/// What the container that the stage names has printed; nothing when it names none.
async fn properties(
    cluster: &Cluster<'_>,
    at: &Coordinates,
    pods: &[Manifest],
) -> Result<Option<Map>, Failure> {
    let ctx = cluster.ctx;
    let Some(container) = input::text(ctx.input(), "propertyFile") else {
        return Ok(None);
    };
    let options = LogOptions {
        container: Some(container.to_owned()),
        limit_bytes: Some(LOG_BYTES_MAX),
        ..LogOptions::default()
    };
    let mut log = None;
    for read in 0..READS_MAX {
        match cluster.ask(cluster.account.job_logs(at, &options)).await? {
            Ok(text) => {
                log = text;
                break;
            }
            Err(error) if error.is_transient() && read + 1 < READS_MAX => {
                ctx.clock().sleep(PAUSE).await;
            }
            Err(error) => {
                let Some(pod) = job::succeeded_pod(pods) else {
                    return Err(cluster.failed(
                        &format!("the log of container {container} cannot be read: "),
                        &error,
                    ));
                };
                let call = cluster.account.logs(pod.namespace(), pod.name(), &options);
                log = Some(
                    cluster
                        .must(
                            &format!("the log of container {container} cannot be read: "),
                            call,
                        )
                        .await?,
                );
                break;
            }
        }
    }
    let found = job::properties(&log.unwrap_or_default())
        .map_err(|error| trouble::give_up(ctx, "ConfigurationException", &error.to_string()))?;
    Ok(Some(found))
}
