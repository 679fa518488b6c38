//! Starts, sent until they are answered.

use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Bus, Class, CommandError};
use gennaker_intake::{
    matching::{Event, dry_run},
    notifications,
};
use gennaker_model::{
    CommandId, ExecutionId, ExecutionType, Map,
    command::{Answer, Envelope, Refusal, RefusalCode, Reply, Request, Start, VERSION},
    routing,
};
use gennaker_runtime::{Backoff, Clock};
use gennaker_store::{Blobs, Store};
use gennaker_telemetry::current_traceparent;
use serde_json::Value;

use crate::{candidates::Candidate, observe};

/// How long one try waits for an answer.
const TRY: Duration = Duration::from_secs(3);

/// First and longest pause between tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How often an owner may fail by its own fault before the start is given up.
const FAULTS_MAX: u32 = 5;

/// Sends starts to the owners of partitions.
#[derive(Clone)]
pub(crate) struct Starter {
    bus: Bus,
    blobs: Blobs,
    store: Store,
    clock: Clock,
    partitions: u32,
}

/// A pipeline that is to be started.
pub(crate) struct Fired<'a> {
    pub(crate) candidate: &'a Candidate,
    /// Place of the trigger that fired.
    pub(crate) place: usize,
    /// The trigger of the execution.
    pub(crate) trigger: Map,
}

/// How a start ended.
pub(crate) struct Ended {
    pub(crate) execution: ExecutionId,
    /// Why there is no such execution, or a failed one.
    pub(crate) refused: Option<String>,
}

/// What an answer means for a start.
enum Said {
    /// The execution exists.
    Started { existing: bool },
    /// It never will.
    Refused(Refusal),
    /// Ask again.
    Again(String),
    /// Ask again, but not for ever.
    Fault(String),
}

impl Starter {
    pub(crate) fn new(bus: Bus, store: Store, clock: Clock, partitions: u32) -> Self {
        Self {
            blobs: Blobs::kv(&bus),
            bus,
            store,
            clock,
            partitions: partitions.max(1),
        }
    }

    /// Large values go to another place.
    pub(crate) fn set_blobs(&mut self, blobs: Blobs) {
        self.blobs = blobs;
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Starts all of them, one after the other, and returns when each was answered, whatever time that takes.
    pub(crate) async fn start_all(&self, event: &Event, starts: &[Fired<'_>]) -> Vec<Ended> {
        let mut ended = Vec::with_capacity(starts.len());
        for fired in starts {
            ended.push(self.start(event, fired).await);
        }
        ended
    }

    async fn start(&self, event: &Event, fired: &Fired<'_>) -> Ended {
        let candidate = fired.candidate;
        let trigger = fired.trigger.clone();
        let execution = execution_id(event, &candidate.id);
        let Candidate {
            application, name, ..
        } = candidate;
        let event_id = &event.header.id;
        let start = Start {
            execution: execution.clone(),
            kind: ExecutionType::Pipeline,
            config: self.notifying(candidate, &trigger).await,
            user: user_of(&trigger),
            trigger,
            // What Orca records when the caller names no origin, as Echo does not.
            origin: "unknown".to_owned(),
            parent: None,
            error: None,
        };
        let sent = self.send(&execution, Request::Start(Box::new(start))).await;
        let outcome = match &sent {
            Ok(false) => observe::Start::Started,
            Ok(true) => observe::Start::Existing,
            Err(_) => observe::Start::Refused,
        };
        observe::ended(outcome, &execution);
        match &sent {
            Ok(existing) => tracing::info!(
                execution.id = %execution,
                event.id = event_id,
                "event {event_id} started pipeline {name} of {application} as {execution}{}",
                if *existing { ", which existed already" } else { "" }
            ),
            Err(reason) => tracing::warn!(
                execution.id = %execution,
                event.id = event_id,
                "event {event_id} did not start pipeline {name} of {application}: {reason}"
            ),
        }
        Ended {
            execution,
            refused: sent.err(),
        }
    }

    /// The configuration with the notifications of the trigger and of the application.
    async fn notifying(&self, candidate: &Candidate, trigger: &Map) -> Map {
        if trigger.get("type").and_then(Value::as_str) == Some(dry_run::DRY_RUN) {
            return dry_run::of_pipeline((*candidate.document).clone());
        }
        let config = notifications::appended((*candidate.document).clone(), trigger);
        match self.store.known_notifications(&candidate.application).await {
            Ok(theirs) => notifications::with_application(config, &theirs),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "pipeline {} of {} starts without the notifications of its application",
                    candidate.name,
                    candidate.application
                );
                config
            }
        }
    }

    /// Whether the execution existed, or why it never will.
    async fn send(&self, execution: &ExecutionId, request: Request) -> Result<bool, String> {
        let partition = routing::partition_of(execution, self.partitions);
        let seed = routing::fnv1a64(execution.as_str().as_bytes());
        let mut pauses = Backoff::new(PAUSE.0, PAUSE.1, seed);
        let mut faults = 0;
        loop {
            let reason = match self.ask(partition, execution, &request).await? {
                Said::Started { existing } => return Ok(existing),
                Said::Refused(refusal) => return Err(refusal.message),
                Said::Again(reason) => reason,
                Said::Fault(reason) => {
                    faults += 1;
                    if faults >= FAULTS_MAX {
                        return Err(reason);
                    }
                    reason
                }
            };
            tracing::debug!(execution.id = %execution, "the start of {execution} is sent again: {reason}");
            self.clock.sleep(pauses.next_delay()).await;
        }
    }

    async fn ask(
        &self,
        partition: u32,
        execution: &ExecutionId,
        request: &Request,
    ) -> Result<Said, String> {
        let envelope = Envelope {
            v: VERSION,
            // Derived, so that a repeat, here or after a crash, is recognised.
            id: CommandId::new(format!("start.{execution}")).map_err(|error| error.to_string())?,
            at_ms: self.clock.now_ms(),
            request: request.clone(),
            trace: current_traceparent(),
        };
        let text = serde_json::to_vec(&envelope).map_err(|error| error.to_string())?;
        let payload = match self.blobs.encode(execution.as_str(), text).await {
            Ok(payload) => payload,
            Err(error) if error.is_transient() => return Ok(Said::Again(error.to_string())),
            Err(error) => return Err(error.to_string()),
        };
        let answer = self
            .bus
            .command(partition, Class::Request, payload, TRY)
            .await;
        match answer {
            Ok(answer) => read(&answer),
            Err(error @ CommandError::TooLarge { .. }) => Err(error.to_string()),
            Err(
                error
                @ (CommandError::NoOwner | CommandError::Timeout | CommandError::Disconnected),
            ) => Ok(Said::Again(error.to_string())),
        }
    }
}

fn read(answer: &Bytes) -> Result<Said, String> {
    let answer: Answer = match serde_json::from_slice(answer) {
        Ok(answer) => answer,
        Err(error) => return Ok(Said::Fault(format!("its answer cannot be read: {error}"))),
    };
    Ok(match answer.result {
        Ok(Reply::Started { existing, .. }) => Said::Started { existing },
        Ok(other) => Said::Fault(format!("its answer does not fit: {other:?}")),
        Err(refusal) => match refusal.code {
            RefusalCode::Busy | RefusalCode::WrongPartition | RefusalCode::Expired => {
                Said::Again(refusal.message)
            }
            RefusalCode::Internal => Said::Fault(refusal.message),
            RefusalCode::NotFound
            | RefusalCode::Invalid
            | RefusalCode::Conflict
            | RefusalCode::NotAllowed
            | RefusalCode::Forbidden
            | RefusalCode::TooLarge => Said::Refused(refusal),
        },
    })
}

/// The execution that this event starts of this pipeline: the same for every delivery, in every process.
pub(crate) fn execution_id(event: &Event, config_id: &str) -> ExecutionId {
    let what = format!("{}{config_id}", event.header.id);
    routing::execution_id(
        event.header.at_ms,
        config_id,
        routing::fnv1a64(what.as_bytes()),
    )
}

fn user_of(trigger: &Map) -> String {
    let user = trigger.get("user").and_then(Value::as_str);
    user.unwrap_or("anonymous").to_owned()
}
