//! The feed as server-sent events: topics, resumption, heartbeats.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use gennaker_runtime::CancellationToken;
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast::error::RecvError},
    time::{Interval, MissedTickBehavior},
};

use super::{Cursor, Heard, Hint, Hub, Tail, streams::Opened};

/// How often a client hears that the stream is alive.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// Most topics of one stream.
pub(crate) const TOPICS_MAX: usize = 100;

/// What a client wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    All,
    Application(String),
    Execution(String),
}

impl Topic {
    /// Reads `all`, `application:<name>` or `execution:<id>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "all" => Some(Self::All),
            Some(("application", name)) if !name.is_empty() => {
                Some(Self::Application(name.to_owned()))
            }
            Some(("execution", id)) if !id.is_empty() => Some(Self::Execution(id.to_owned())),
            Some(_) | None => None,
        }
    }

    pub(super) fn covers(&self, hint: &Hint) -> bool {
        match self {
            Self::All => true,
            Self::Application(name) => name.to_lowercase() == hint.application.to_lowercase(),
            Self::Execution(id) => *id == hint.execution,
        }
    }
}

struct Open {
    opened: Opened,
    waiting: VecDeque<Bytes>,
    /// The id of the last event of these topics: each event names it, so that a client sees when one is missing.
    previous: Cursor,
    tail: Tail,
    heartbeat: Interval,
    stopping: CancellationToken,
    /// One of the streams that this process serves at most.
    _permit: OwnedSemaphorePermit,
}

/// Events for the topics of a stream since `since`, until the client goes or the server stops.
pub(crate) fn events(
    hub: &Hub,
    opened: Opened,
    since: Option<Cursor>,
    stopping: CancellationToken,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + use<> {
    let mut tail = hub.tail(since);
    let missed = tail.missed.take();
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once and would only repeat the opening event.
    heartbeat.reset();
    let previous = since.unwrap_or(tail.at);
    // At once, also because proxies pass the head of the answer on when the first byte of its body comes.
    let hello = json!({"feed": opened.id(), "seq": previous.to_string()});
    let mut open = Open {
        opened,
        waiting: VecDeque::from([event("open", previous, &hello)]),
        previous,
        tail,
        heartbeat,
        stopping,
        _permit: permit,
    };
    match missed {
        Some(missed) => missed
            .into_iter()
            .for_each(|(number, hint)| open.change(number, &hint)),
        None => open.resync(),
    }
    stream::unfold(open, |mut open| async move {
        let event = open.next().await?;
        Some((Ok(event), open))
    })
}

impl Open {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                heard = self.tail.receiver.recv() => match heard {
                    Ok(Heard::Change(number, hint)) => self.change(number, &hint),
                    Ok(Heard::Lost(fresh)) => {
                        self.tail.at = fresh;
                        self.resync();
                    }
                    Err(RecvError::Lagged(_)) => self.resync(),
                    Err(RecvError::Closed) => return None,
                },
                _ = self.heartbeat.tick() => {
                    let id = self.tail.at;
                    self.waiting.push_back(event("hb", id, &json!({"seq": id.to_string()})));
                }
            }
        }
    }

    fn change(&mut self, number: u64, hint: &Arc<Hint>) {
        self.tail.at.number = self.tail.at.number.max(number);
        if !self.opened.covers(hint) {
            return;
        }
        let id = Cursor {
            number,
            ..self.tail.at
        };
        let mut data = json!({
            "entity": "execution",
            "id": hint.execution,
            "application": hint.application,
            "rev": hint.rev,
            "prev": self.previous.to_string(),
        });
        let name = match &hint.status {
            Some(status) => {
                data["changed"] = json!({"status": status});
                "patch"
            }
            None => "gone",
        };
        self.previous = id;
        self.waiting.push_back(event(name, id, &data));
    }

    /// Tells the client to read its topics again, and goes on from here.
    fn resync(&mut self) {
        let id = self.tail.at;
        self.previous = id;
        self.waiting
            .push_back(event("resync", id, &json!({"seq": id.to_string()})));
    }
}

fn event(name: &str, id: Cursor, data: &Value) -> Bytes {
    Bytes::from(format!("id: {id}\nevent: {name}\ndata: {data}\n\n"))
}
