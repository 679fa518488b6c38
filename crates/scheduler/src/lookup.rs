//! Answers to what the engine must know from outside.
//!
//! Documents are read from the store. Other executions are asked for at their owners, which may be this process or another one:
//! they answer what is durable, and prove that they are the owners.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use gennaker_bus::{Bus, Class, CommandError};
use gennaker_engine::{Lookup, LookupAnswer, NewestOf};
use gennaker_intake::notifications;
use gennaker_model::{
    CommandId, Execution, ExecutionId, ExecutionType,
    command::{Answer, Envelope, ListQuery, RefusalCode, Reply, Request, VERSION},
    routing::partition_of,
};
use gennaker_runtime::{Backoff, Clock};
use gennaker_stages::executions;
use gennaker_store::Store;
use serde_json::Value;

/// How long an owner is asked again; longer than a take-over lasts.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long one try waits.
const TRY: Duration = Duration::from_secs(5);

/// Executions among which the newest is looked for: they come by the time at which they were made, and the one that started last is
/// meant.
const CANDIDATES: u32 = 10;

/// Who is asked.
pub(crate) struct Sources {
    pub store: Store,
    pub bus: Bus,
    pub clock: Clock,
    pub partitions: u32,
    pub seed: u64,
}

/// Finds one answer. Failing is an answer too, so that nothing waits for ever.
pub(crate) async fn answer(sources: &Sources, lookup: &Lookup) -> LookupAnswer {
    match lookup {
        Lookup::Execution(watched) => match sources.read(&watched.execution).await {
            Ok(Some(execution)) => LookupAnswer::Found {
                value: executions::told(&execution, watched.outputs),
            },
            Ok(None) => LookupAnswer::Missing,
            Err(reason) => failed(reason),
        },
        Lookup::Artifacts(newest) => match sources.newest(newest).await {
            Ok(Some(execution)) => {
                match executions::artifacts_of(&execution, newest.without.as_deref()) {
                    Ok(value) => LookupAnswer::Found { value },
                    Err(reason) => failed(reason),
                }
            }
            Ok(None) => LookupAnswer::Missing,
            Err(reason) => failed(reason),
        },
        Lookup::Pipeline(_) | Lookup::Expression(_) => document(&sources.store, lookup).await,
    }
}

async fn document(store: &Store, lookup: &Lookup) -> LookupAnswer {
    match (store.look_up(lookup).await, lookup) {
        // A pipeline that a stage starts has the notifications of its application, like every other start.
        (Some(LookupAnswer::Found { value }), Lookup::Pipeline(_)) => notifying(store, value).await,
        (Some(answer), _) => answer,
        // The engine has them read by a task of the pool `notify`: this process calls nobody.
        (None, _) => failed("addresses are read by workers"),
    }
}

impl Sources {
    /// The execution with this id.
    pub async fn read(&self, id: &ExecutionId) -> Result<Option<Execution>, String> {
        let request = Request::Read {
            execution: id.clone(),
        };
        match self.ask(partition_of(id, self.partitions), request).await? {
            Some(Reply::Execution { document }) => Ok(Some(*document)),
            Some(_) => Err("the owner's answer does not fit the question".to_owned()),
            None => Ok(None),
        }
    }

    /// The execution of the pipeline that started last, of those with one of the statuses. Every partition is asked: where a
    /// pipeline's executions live depends on how many partitions there were when they were made.
    async fn newest(&self, of: &NewestOf) -> Result<Option<Execution>, String> {
        let query = ListQuery {
            kind: Some(ExecutionType::Pipeline),
            config_ids: vec![of.pipeline.clone()],
            statuses: of.statuses.clone(),
            limit: Some(CANDIDATES),
            ..ListQuery::default()
        };
        let asks = (0..self.partitions).map(|partition| {
            let request = Request::List(query.clone());
            async move { self.ask(partition, request).await }
        });
        let mut found: Vec<Execution> = Vec::new();
        for listed in join_all(asks).await {
            match listed? {
                Some(Reply::Executions { documents }) => found.extend(documents),
                Some(_) => return Err("the owner's answer does not fit the question".to_owned()),
                None => {}
            }
        }
        // One that has not started is older than any that has. Source: orca `ArtifactUtils.startTimeOrId`.
        let newest = found
            .into_iter()
            .max_by(|one, other| (one.start_time, &one.id).cmp(&(other.start_time, &other.id)));
        match newest {
            Some(newest) => self.read(&newest.id).await,
            None => Ok(None),
        }
    }

    /// Asks the owner of a partition until it answers; `None` when it knows of no such execution.
    async fn ask(&self, partition: u32, request: Request) -> Result<Option<Reply>, String> {
        // A read is not remembered, so that all may have the same id.
        let id = CommandId::new("lookup").expect("the word is an id");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut backoff =
            Backoff::new(Duration::from_millis(50), Duration::from_secs(2), self.seed);
        loop {
            let envelope = Envelope {
                v: VERSION,
                id: id.clone(),
                at_ms: self.clock.now_ms(),
                request: request.clone(),
                trace: None,
            };
            let payload = serde_json::to_vec(&envelope)
                .map_err(|error| format!("the question cannot be written: {error}"))?;
            let said = self
                .bus
                .command(partition, Class::Request, Bytes::from(payload), TRY)
                .await;
            let trouble = match said {
                Ok(bytes) => match settled(&bytes) {
                    Ok(reply) => return reply,
                    Err(trouble) => trouble,
                },
                Err(CommandError::TooLarge { size, limit }) => {
                    return Err(format!(
                        "the execution has {} KiB; the limit of an answer is {} KiB",
                        size / 1024,
                        limit / 1024
                    ));
                }
                Err(
                    error @ (CommandError::NoOwner
                    | CommandError::Timeout
                    | CommandError::Disconnected),
                ) => error.to_string(),
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(format!(
                    "the owner of partition {partition} did not answer in {} s: {trouble}",
                    PATIENCE.as_secs()
                ));
            }
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
}

/// What an owner says, or why it must be asked again.
fn settled(bytes: &Bytes) -> Result<Result<Option<Reply>, String>, String> {
    let answer: Answer = serde_json::from_slice(bytes)
        .map_err(|error| format!("its answer cannot be read: {error}"))?;
    let refusal = match answer.result {
        Ok(reply) => return Ok(Ok(Some(reply))),
        Err(refusal) => refusal,
    };
    match refusal.code {
        RefusalCode::NotFound => Ok(Ok(None)),
        RefusalCode::Busy
        | RefusalCode::WrongPartition
        | RefusalCode::Internal
        | RefusalCode::Expired => Err(refusal.message),
        RefusalCode::Invalid
        | RefusalCode::Conflict
        | RefusalCode::NotAllowed
        | RefusalCode::Forbidden
        | RefusalCode::TooLarge => Ok(Err(refusal.message)),
    }
}

async fn notifying(store: &Store, pipeline: Value) -> LookupAnswer {
    let Value::Object(config) = pipeline else {
        return LookupAnswer::Found { value: pipeline };
    };
    let application = config.get("application").and_then(Value::as_str);
    match store.notifications(application.unwrap_or_default()).await {
        Ok(theirs) => LookupAnswer::Found {
            value: notifications::with_application(config, &theirs).into(),
        },
        Err(error) => failed(format!(
            "the notifications of its application cannot be read: {error}"
        )),
    }
}

fn failed(reason: impl Into<String>) -> LookupAnswer {
    LookupAnswer::Failed {
        exception: None,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use gennaker_bus::{Bus, Layout, memory::Broker};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_pipeline_that_a_stage_starts_has_the_notifications_of_its_application() {
        let bus = Bus::memory(&Broker::new(1), "scheduler");
        bus.bootstrap(&Layout::default()).await.unwrap();
        let store = Store::new(&bus);
        let map = |value: Value| value.as_object().unwrap().clone();
        let entry = json!({"type": "email", "address": "me@x.io", "when": ["pipeline.failed"]});
        let theirs = map(json!({"email": [entry]}));
        let saved = store.save_notifications("demo", &theirs, "me", 5).await;
        saved.unwrap();
        let pipeline = map(json!({"application": "demo", "name": "child"}));
        let pipelines = store.pipelines();
        pipelines
            .save(&pipeline, "c", "me", false, 5)
            .await
            .unwrap();
        match document(&store, &Lookup::Pipeline("c".to_owned())).await {
            LookupAnswer::Found { value } => assert_eq!(value["notifications"], json!([entry])),
            other => panic!("{other:?}"),
        }
        let gone = document(&store, &Lookup::Pipeline("gone".to_owned())).await;
        assert_eq!(gone, LookupAnswer::Missing);
    }
}
