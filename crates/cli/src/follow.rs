//! Following an execution to its end.
//!
//! The feed only says that something changed; what changed is read from `GET /pipelines/{id}`, which every Gate has. Without
//! a feed that document is read once a second, with one at least every ten seconds, so a lost hint costs seconds and never the
//! outcome.

mod feed;
pub(crate) mod render;
mod sse;
#[cfg(test)]
mod tests;
pub(crate) mod view;

use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Duration, Instant, MissedTickBehavior},
};

use crate::{
    Exit, Failure, Io, cause::read_execution, gate::Gate, snapshot::Snapshot, text::encode,
};
use feed::{Feed, backoff, listen};
use view::View;

/// Shortest time between two readings.
const READ_INTERVAL: Duration = Duration::from_millis(100);

/// Longest time between two readings while the feed is live.
const SAFETY_INTERVAL: Duration = Duration::from_secs(10);

/// How long a started execution may be unknown: Gate answers a start before the execution can be read.
const APPEARS_WITHIN: Duration = Duration::from_secs(10);

/// How long the server may be away before following gives up.
const CONTACT_LOST_MAX: Duration = Duration::from_secs(300);

/// Most children that are read for one look for judgements.
const CHILDREN_MAX: usize = 32;

/// When to stop before the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Until {
    /// As soon as a stage waits for a person, in this execution or in a child that it waits for.
    pub(crate) judgment: bool,
    /// After this time.
    pub(crate) timeout: Option<Duration>,
    /// The execution was only just started.
    pub(crate) just_started: bool,
}

/// Why following ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// The execution is complete; its document.
    Complete(Box<Value>),
    /// A stage waits for a person: its name, and the execution it is in.
    Judgment { stage: String, execution: String },
    /// The time is up.
    Timeout,
    /// Ctrl-C.
    Interrupted,
}

/// Follows an execution.
///
/// # Errors
/// It does not exist, must not be read, or the server was away for five minutes.
pub(crate) async fn follow(
    gate: &Gate,
    id: &str,
    until: Until,
    view: &mut View,
    io: &mut Io,
) -> Result<End, Failure> {
    let interrupt = io.interrupt.clone();
    let deadline = until.timeout.map(|timeout| Instant::now() + timeout);
    // Whatever is under way may be dropped: it only reads, and what it has shown lives in `view`.
    let end = tokio::select! {
        biased;
        end = to_the_end(gate, id, until, view, io) => end,
        () = interrupt.wait() => Ok(End::Interrupted),
        () = sleep_until(deadline) => Ok(End::Timeout),
    };
    view.finish(io);
    end
}

/// Median duration of the last twenty runs that ended well; nothing below three.
pub(crate) async fn about_ms(gate: &Gate, config_id: &str) -> Option<i64> {
    let path = format!(
        "/executions?pipelineConfigIds={}&limit=20&statuses=SUCCEEDED",
        encode(config_id)
    );
    let list = gate.get("earlier executions", &path).await.ok()?;
    let mut times: Vec<i64> = list
        .as_array()?
        .iter()
        .map(Snapshot::read)
        .filter_map(|run| Some(run.end_ms? - run.start_ms?))
        .collect();
    times.sort_unstable();
    (times.len() >= 3).then(|| times[times.len() / 2])
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn to_the_end(
    gate: &Gate,
    id: &str,
    until: Until,
    view: &mut View,
    io: &mut Io,
) -> Result<End, Failure> {
    let (sender, mut feed) = watch::channel(Feed::default());
    let mut listening = std::pin::pin!(listen(gate, id, &sender));
    let mut second = tokio::time::interval_at(
        Instant::now() + Duration::from_secs(1),
        Duration::from_secs(1),
    );
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut contact = Contact::new(until.just_started);
    loop {
        let read_at = Instant::now();
        match read_execution(gate, id).await {
            Ok(document) => {
                contact.found();
                let snapshot = Snapshot::read(&document);
                let complete = snapshot.status.is_complete();
                view.update(snapshot, io);
                if complete {
                    return Ok(End::Complete(Box::new(document)));
                }
                if until.judgment
                    && let Some((stage, execution)) = asked(gate, &document).await
                {
                    return Ok(End::Judgment { stage, execution });
                }
                if view.is_live()
                    && view.about_ms.is_none()
                    && !std::mem::replace(&mut contact.estimated, true)
                    && let Some(config_id) = view.last().and_then(|last| last.config_id.clone())
                {
                    view.about_ms = about_ms(gate, &config_id).await;
                }
            }
            Err(failure) => {
                let wait = contact.lost(failure)?;
                view.contact(contact.is_unknown(), io);
                tokio::time::sleep(wait).await;
                continue;
            }
        }
        if io.out_closed {
            return Err(Failure::command("the reader of the output went away"));
        }
        tokio::time::sleep_until(read_at + READ_INTERVAL).await;
        loop {
            tokio::select! {
                biased;
                never = &mut listening => match never {},
                _ = feed.changed() => break,
                _ = second.tick() => {
                    view.tick(io);
                    // A child's judgement makes no change in its parent, so it is looked for every second.
                    let polls = !feed.borrow().live || until.judgment;
                    if polls || read_at.elapsed() >= SAFETY_INTERVAL {
                        break;
                    }
                }
            }
        }
    }
}

/// Whether the server, and the execution, can be reached.
struct Contact {
    just_started: bool,
    ever: bool,
    since: Instant,
    failures: u32,
    estimated: bool,
}

impl Contact {
    fn new(just_started: bool) -> Self {
        Self {
            just_started,
            ever: just_started,
            since: Instant::now(),
            failures: 0,
            estimated: false,
        }
    }

    fn found(&mut self) {
        self.just_started = false;
        self.ever = true;
        self.failures = 0;
        self.since = Instant::now();
    }

    /// Whether the last failure was only that the execution is not there yet.
    fn is_unknown(&self) -> bool {
        self.just_started && self.failures == 0
    }

    /// How long to wait before the next try, or the failure itself when there is nothing to wait for.
    fn lost(&mut self, failure: Failure) -> Result<Duration, Failure> {
        let away = self.since.elapsed();
        match failure.exit {
            Exit::NotFound if self.just_started && away < APPEARS_WITHIN => {
                Ok(Duration::from_millis(250))
            }
            Exit::Unreachable if self.ever && away < CONTACT_LOST_MAX => {
                self.failures += 1;
                Ok(backoff(self.failures, rand::random::<f64>()))
            }
            _ => Err(failure),
        }
    }
}

/// The first stage that waits for a person, in the execution or in the children that it waits for.
async fn asked(gate: &Gate, document: &Value) -> Option<(String, String)> {
    let mut open = vec![Snapshot::read(document)];
    let mut read = 0;
    while let Some(snapshot) = open.pop() {
        if let Some(stage) = snapshot.asking().next() {
            return Some((stage.label.clone(), snapshot.id.clone()));
        }
        for child in snapshot
            .stages
            .iter()
            .filter_map(|stage| stage.child.as_deref())
        {
            read += 1;
            if read > CHILDREN_MAX {
                return None;
            }
            if let Ok(document) = read_execution(gate, child).await {
                open.push(Snapshot::read(&document));
            }
        }
    }
    None
}
