//! Commands to the owners of partitions: routed by id, repeated until answered, never answered from the past.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use gennaker_bus::{Bus, Class, CommandError};
use gennaker_model::{
    Execution, ExecutionId,
    command::{
        Answer, Envelope, ListPlace, ListQuery, Refusal, RefusalCode, Reply, Request, VERSION,
    },
    routing,
};
use gennaker_runtime::Backoff;
use gennaker_store::Blobs;
use tokio::time::Instant;

use crate::{
    call::{Ask, Call},
    observe,
    problem::Problem,
};

/// How long a command is repeated; longer than a take-over lasts, so that clients do not see one.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one try waits for an answer.
const TRY: Duration = Duration::from_secs(3);

/// Pause after a try that found no owner, or an old one.
const PAUSE: Duration = Duration::from_millis(60);

/// First and longest pause, roughly, after a try whose owner had too much to do.
const BUSY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(1_500));

/// Executions that a search asks one partition for at a time.
const SEARCHED_AT_ONCE: u32 = 500;

/// Most executions of one partition that one search looks at.
const SEARCHED_MAX: u32 = 20_000;

/// Places that one partition is asked for at a time: small enough for one message, and no more than it lists at once.
const PLACES_AT_ONCE: u32 = 4_000;

/// Farthest place that is looked for. A place costs its owner a step in an index in memory, and no read.
const PLACES_MAX: u32 = 110_000;

/// What an owner said, or that none did.
#[derive(Debug)]
pub(crate) enum Said {
    /// Granted.
    Reply(Reply),
    /// Refused, by the owner itself.
    Refusal(Refusal),
}

/// What all partitions that answered have listed, and the partitions that did not.
pub(crate) struct Gathered<T> {
    pub(crate) found: Vec<T>,
    pub(crate) silent: Vec<u32>,
}

/// Executions of all partitions.
pub(crate) type Listed = Gathered<Execution>;

pub(crate) struct Owners {
    bus: Bus,
    /// Where large values of commands go.
    blobs: Blobs,
    partitions: u32,
    /// Highest log sequence seen in an answer, by partition. An answer below it is from a former owner.
    seen: Arc<[AtomicU64]>,
}

impl Owners {
    pub(crate) fn new(bus: Bus, partitions: u32) -> Self {
        let partitions = partitions.max(1);
        Self {
            blobs: Blobs::kv(&bus),
            bus,
            partitions,
            seen: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Large values go to another place.
    pub(crate) fn set_blobs(&mut self, blobs: Blobs) {
        self.blobs = blobs;
    }

    /// Sends a command about an execution to its owner.
    pub(crate) async fn ask(&self, execution: &ExecutionId, ask: Ask) -> Result<Reply, Problem> {
        match self.ask_whole(execution, ask).await? {
            Said::Reply(reply) => Ok(reply),
            Said::Refusal(refusal) => Err(refusal.into()),
        }
    }

    /// As [`Owners::ask`], for callers to whom a refusal says more than its status.
    pub(crate) async fn ask_whole(
        &self,
        execution: &ExecutionId,
        ask: Ask,
    ) -> Result<Said, Problem> {
        observe::concerns(execution);
        let partition = routing::partition_of(execution, self.partitions);
        self.ask_partition(partition, &ask, PATIENCE).await
    }

    /// The document of an execution; `None` when there is none.
    pub(crate) async fn read(
        &self,
        id: &ExecutionId,
        ask: Ask,
    ) -> Result<Option<Execution>, Problem> {
        match self.ask_whole(id, ask).await? {
            Said::Reply(Reply::Execution { document }) => Ok(Some(*document)),
            Said::Reply(other) => Err(unexpected(&other)),
            Said::Refusal(refusal) if refusal.code == RefusalCode::NotFound => Ok(None),
            Said::Refusal(refusal) => Err(refusal.into()),
        }
    }

    /// Executions of all partitions. One that does not answer fails the list, unless `partial`.
    pub(crate) async fn list(
        &self,
        call: &Call,
        query: &ListQuery,
        partial: bool,
    ) -> Result<Listed, Problem> {
        let patience = if partial { TRY } else { PATIENCE };
        let asks = (0..self.partitions).map(|partition| async move {
            let listed = self.page(call, partition, query, patience).await;
            (partition, listed)
        });
        gathered(join_all(asks).await, partial)
    }

    /// The first executions of each partition that match the query and fit, at least `enough` of them if there are as many:
    /// they are asked for page by page, so that nobody loads what is not looked at. A partition of which very many do not fit
    /// is not searched to its end.
    pub(crate) async fn search(
        &self,
        call: &Call,
        query: &ListQuery,
        enough: u32,
        fits: impl Fn(&Execution) -> bool,
        partial: bool,
    ) -> Result<Listed, Problem> {
        let patience = if partial { TRY } else { PATIENCE };
        let fits = &fits;
        let asks = (0..self.partitions).map(|partition| async move {
            let searched = self.search_one(call, partition, query, enough, fits, patience);
            (partition, searched.await)
        });
        gathered(join_all(asks).await, partial)
    }

    async fn search_one(
        &self,
        call: &Call,
        partition: u32,
        query: &ListQuery,
        enough: u32,
        fits: impl Fn(&Execution) -> bool,
        patience: Duration,
    ) -> Result<Vec<Execution>, Failed> {
        let enough = usize::try_from(enough).unwrap_or(usize::MAX);
        let mut query = query.clone();
        let mut found = Vec::new();
        let mut looked_at = 0;
        let mut limit = u32::try_from(enough).unwrap_or(u32::MAX);
        loop {
            limit = limit.clamp(1, SEARCHED_AT_ONCE);
            query.limit = Some(limit);
            let page = self.page(call, partition, &query, patience).await?;
            // A page may lack what was deleted while it was read: only an empty one is the end.
            let Some(last) = page.last() else {
                return Ok(found);
            };
            query.after = Some(ListPlace {
                time_ms: last.build_time,
                execution: last.id.clone(),
            });
            found.extend(page.into_iter().filter(|it| fits(it)));
            looked_at += limit;
            if found.len() >= enough || looked_at >= SEARCHED_MAX {
                return Ok(found);
            }
            // Few fit: more at once.
            limit *= 4;
        }
    }

    /// Where the first executions of each partition stand that match the query, `enough` of them if there are as many. No document is
    /// read for it, so a page far behind costs little more than the first.
    pub(crate) async fn places(
        &self,
        call: &Call,
        query: &ListQuery,
        enough: u32,
        partial: bool,
    ) -> Result<Gathered<ListPlace>, Problem> {
        let patience = if partial { TRY } else { PATIENCE };
        let asks = (0..self.partitions).map(|partition| async move {
            let places = self.places_of_one(call, partition, query, enough, patience);
            (partition, places.await)
        });
        gathered(join_all(asks).await, partial)
    }

    async fn places_of_one(
        &self,
        call: &Call,
        partition: u32,
        query: &ListQuery,
        enough: u32,
        patience: Duration,
    ) -> Result<Vec<ListPlace>, Failed> {
        let mut query = ListQuery {
            places_only: true,
            ..query.clone()
        };
        let mut found: Vec<ListPlace> = Vec::new();
        let mut left = enough.min(PLACES_MAX);
        while left > 0 {
            let asked = left.min(PLACES_AT_ONCE);
            query.limit = Some(asked);
            let page = match self.asked(call, partition, &query, patience).await? {
                Reply::Places { places } => places,
                other => return Err(Failed::Refused(unexpected(&other))),
            };
            let Some(last) = page.last() else {
                break;
            };
            query.after = Some(last.clone());
            found.extend(page);
            left -= asked;
        }
        Ok(found)
    }

    async fn page(
        &self,
        call: &Call,
        partition: u32,
        query: &ListQuery,
        patience: Duration,
    ) -> Result<Vec<Execution>, Failed> {
        match self.asked(call, partition, query, patience).await? {
            Reply::Executions { documents } => Ok(documents),
            other => Err(Failed::Refused(unexpected(&other))),
        }
    }

    async fn asked(
        &self,
        call: &Call,
        partition: u32,
        query: &ListQuery,
        patience: Duration,
    ) -> Result<Reply, Failed> {
        let ask = call.ask(&format!("list{partition}"), Request::List(query.clone()));
        match self.ask_partition(partition, &ask, patience).await {
            Ok(Said::Reply(reply)) => Ok(reply),
            Ok(Said::Refusal(refusal)) => Err(Failed::Refused(refusal.into())),
            Err(problem) => Err(Failed::Silent(problem)),
        }
    }

    /// Asks every owner; all must have done it.
    pub(crate) async fn tell_all(&self, call: &Call, request: &Request) -> Result<(), Problem> {
        let asks = (0..self.partitions).map(|partition| async move {
            let ask = call.ask(&format!("all{partition}"), request.clone());
            self.ask_partition(partition, &ask, PATIENCE).await
        });
        for said in join_all(asks).await {
            match said? {
                Said::Reply(Reply::Done) => {}
                Said::Reply(other) => return Err(unexpected(&other)),
                Said::Refusal(refusal) => return Err(refusal.into()),
            }
        }
        Ok(())
    }

    /// Whether the partition has an owner that answers within `wait`. A lease does not tell: it outlives a holder that was
    /// killed, and a holder that still takes the partition over answers nothing yet.
    pub(crate) async fn is_served(&self, partition: u32, ask: &Ask, wait: Duration) -> bool {
        let Ok(payload) = self.encode(ask).await else {
            return false;
        };
        let answer = self.bus.command(partition, Class::Request, payload, wait);
        match answer.await {
            Ok(answer) => matches!(self.read_answer(partition, 0, &answer), Ok(Some(_))),
            Err(CommandError::TooLarge { .. }) => true,
            Err(CommandError::NoOwner | CommandError::Timeout | CommandError::Disconnected) => {
                false
            }
        }
    }

    /// Repeats the command, with the same id, until the owner answers or patience ends.
    async fn ask_partition(
        &self,
        partition: u32,
        ask: &Ask,
        patience: Duration,
    ) -> Result<Said, Problem> {
        let deadline = Instant::now() + patience;
        let encoded = tokio::time::timeout_at(deadline, self.encode(ask)).await;
        let payload = encoded.unwrap_or_else(|_| {
            Err(Problem::unavailable(
                "The place of large values does not answer",
            ))
        })?;
        let mut trouble = String::new();
        let mut busy: Option<Refusal> = None;
        let mut pauses = Backoff::new(BUSY_PAUSE.0, BUSY_PAUSE.1, rand::random());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if let Some(refusal) = busy {
                    return Ok(Said::Refusal(refusal));
                }
                return Err(Problem::unavailable(format!(
                    "Partition {partition} did not answer in {} s: {trouble}",
                    patience.as_secs()
                )));
            }
            // Answers to questions that are under way at the same time may overtake each other; only one that is older than what
            // was known when it was asked is from the past.
            let known = self.seen(partition);
            let outcome = self
                .bus
                .command(partition, Class::Request, payload.clone(), TRY.min(left))
                .await;
            let mut pause = PAUSE;
            busy = None;
            trouble = match outcome {
                Ok(answer) => match self.read_answer(partition, known, &answer)? {
                    Some(Said::Refusal(refusal)) if refusal.code == RefusalCode::Busy => {
                        observe::busy();
                        pause = PAUSE + pauses.next_delay();
                        let message = refusal.message.clone();
                        busy = Some(refusal);
                        message
                    }
                    Some(said) => return Ok(said),
                    None => "its owner has changed".to_owned(),
                },
                Err(CommandError::TooLarge { size, limit }) => {
                    return Err(Problem::too_large(format!(
                        "The request or its answer has {size} bytes, more than the limit of {limit}"
                    )));
                }
                Err(
                    error @ (CommandError::NoOwner
                    | CommandError::Timeout
                    | CommandError::Disconnected),
                ) => error.to_string(),
            };
            tokio::time::sleep(pause.min(left)).await;
        }
    }

    /// The message of a command, whose large values are stored.
    async fn encode(&self, ask: &Ask) -> Result<Bytes, Problem> {
        let envelope = Envelope {
            v: VERSION,
            id: ask.id.clone(),
            at_ms: ask.at_ms,
            request: ask.request.clone(),
            trace: ask.trace.clone(),
        };
        let text = serde_json::to_vec(&envelope).map_err(|error| {
            Problem::internal(format!("The command cannot be written: {error}"))
        })?;
        let Some(execution) = execution_of(&envelope.request) else {
            return Ok(text.into());
        };
        match self.blobs.encode(execution.as_str(), text).await {
            Ok(payload) => Ok(payload),
            Err(error) if error.is_transient() => Err(Problem::unavailable(format!(
                "A large value of the request cannot be stored now: {error}"
            ))),
            Err(error) => Err(Problem::too_large(error.to_string())),
        }
    }

    /// The highest log sequence that an answer of this partition had so far.
    fn seen(&self, partition: u32) -> u64 {
        let place = usize::try_from(partition).unwrap_or(usize::MAX);
        let seen = self.seen.get(place);
        seen.map_or(0, |seen| seen.load(Ordering::Relaxed))
    }

    /// `None` when the answer is not the present owner's and must be asked for again: it is below `known`.
    fn read_answer(
        &self,
        partition: u32,
        known: u64,
        answer: &Bytes,
    ) -> Result<Option<Said>, Problem> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| {
            Problem::internal(format!(
                "The answer of partition {partition} cannot be read: {error}"
            ))
        })?;
        // Whose queue is full does not look at its log, nor at who it is: such a refusal counts whatever sequence it has.
        let is_busy = matches!(&answer.result, Err(refusal) if refusal.code == RefusalCode::Busy);
        if answer.sequence < known && !is_busy {
            return Ok(None);
        }
        let place = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(seen) = self.seen.get(place) {
            seen.fetch_max(answer.sequence, Ordering::Relaxed);
        }
        Ok(match answer.result {
            Ok(reply) => Some(Said::Reply(reply)),
            Err(refusal) if refusal.code == RefusalCode::WrongPartition => None,
            Err(refusal) => Some(Said::Refusal(refusal)),
        })
    }
}

/// Why a partition lists nothing.
enum Failed {
    /// It does not answer; a list may do without it.
    Silent(Problem),
    /// It says why not.
    Refused(Problem),
}

/// What all partitions listed. One that is silent fails the list, unless `partial`.
fn gathered<T>(
    asked: Vec<(u32, Result<Vec<T>, Failed>)>,
    partial: bool,
) -> Result<Gathered<T>, Problem> {
    let mut listed = Gathered {
        found: Vec::new(),
        silent: Vec::new(),
    };
    for (partition, said) in asked {
        match said {
            Ok(found) => listed.found.extend(found),
            Err(Failed::Silent(_)) if partial => listed.silent.push(partition),
            Err(Failed::Silent(problem) | Failed::Refused(problem)) => return Err(problem),
        }
    }
    Ok(listed)
}

/// The owner answered a question that was not asked.
pub(crate) fn unexpected(reply: &Reply) -> Problem {
    tracing::error!(?reply, "an owner's answer does not fit the question");
    Problem::internal("The owner's answer does not fit the question")
}

/// The execution that a request is about, to which its large values belong.
fn execution_of(request: &Request) -> Option<&ExecutionId> {
    match request {
        Request::Start(start) => Some(&start.execution),
        Request::Cancel { execution, .. }
        | Request::Pause { execution, .. }
        | Request::Resume { execution, .. }
        | Request::PatchStage { execution, .. }
        | Request::RestartStage { execution, .. }
        | Request::Delete { execution }
        | Request::Read { execution }
        | Request::Explain { execution }
        | Request::History { execution } => Some(execution),
        Request::Peer(peer) => Some(&peer.to),
        Request::Freezes | Request::List(_) => None,
    }
}
