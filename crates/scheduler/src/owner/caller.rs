//! Who waits for an answer, and where that stands in a trace: what an owner did for a request that is traced is a span below the
//! request's. (The trace of the execution itself is another one, see module `spans`.)

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gennaker_bus::{Error, Responder};
use gennaker_model::{
    ExecutionId,
    command::{Answer, Envelope, Request},
};
use gennaker_telemetry::{
    TraceContext,
    trace::{Finished, record},
};

/// Who waits for an answer.
pub(crate) struct Caller {
    responder: Responder,
    span: Option<Box<Asked>>,
    again: Option<Again>,
}

/// Whoever sent the same again while it was under way. A large command takes its time, and is sent again meanwhile; to carry out
/// each repetition would take ever longer.
pub(crate) type Again = Arc<Mutex<Vec<Responder>>>;

/// A request that is traced.
struct Asked {
    parent: TraceContext,
    place: TraceContext,
    name: &'static str,
    execution: Option<ExecutionId>,
    /// When the owner took it, epoch milliseconds.
    began_ms: i64,
}

impl From<Responder> for Caller {
    /// One whose request is not traced.
    fn from(responder: Responder) -> Self {
        Self {
            responder,
            span: None,
            again: None,
        }
    }
}

impl Caller {
    /// The sender of a request.
    pub fn of(responder: Responder, envelope: &Envelope, now_ms: i64) -> Self {
        let parent = envelope.trace.as_deref().and_then(TraceContext::parse);
        let span = parent.filter(TraceContext::is_sampled).map(|parent| {
            let (name, execution) = described(&envelope.request);
            Box::new(Asked {
                parent,
                // A request that is repeated after no answer is another span.
                place: parent.within(&format!("{}/{now_ms}", envelope.id)),
                name,
                execution: execution.cloned(),
                began_ms: now_ms,
            })
        });
        Self {
            responder,
            span,
            again: None,
        }
    }

    /// The same, with those who ask again until it is answered.
    pub fn with(self, again: Option<Again>) -> Self {
        Self { again, ..self }
    }

    /// Whether anybody waits.
    pub fn is_awaited(&self) -> bool {
        self.responder.is_awaited()
    }

    /// Sends the answer, and tells the span.
    ///
    /// # Errors
    /// As [`Responder::send`].
    pub async fn send(self, answer: &Answer, encoded: Bytes, now_ms: i64) -> Result<(), Error> {
        if let Some(span) = self.span {
            record(span.finished(answer, now_ms));
        }
        let sent = self.responder.send(encoded.clone()).await;
        let again = self.again.map(|again| {
            let mut again = again.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *again)
        });
        for responder in again.unwrap_or_default() {
            responder.send(encoded.clone()).await?;
        }
        sent
    }
}

impl Asked {
    fn finished(self, answer: &Answer, now_ms: i64) -> Finished {
        let mut attributes = vec![("partition", answer.partition.to_string())];
        attributes.extend(self.execution.map(|id| ("execution.id", id.to_string())));
        Finished {
            place: self.place,
            parent: Some(self.parent),
            name: self.name.into(),
            start_ms: self.began_ms,
            end_ms: now_ms,
            // What a refusal says may hold what a caller wrote; its class does not.
            error: answer
                .result
                .as_ref()
                .err()
                .map(|refusal| format!("refused: {:?}", refusal.code)),
            attributes,
        }
    }
}

/// Name of the span, and the execution that the request is about.
fn described(request: &Request) -> (&'static str, Option<&ExecutionId>) {
    match request {
        Request::Start(start) => ("owner start", Some(&start.execution)),
        Request::Cancel { execution, .. } => ("owner cancel", Some(execution)),
        Request::Pause { execution, .. } => ("owner pause", Some(execution)),
        Request::Resume { execution, .. } => ("owner resume", Some(execution)),
        Request::PatchStage { execution, .. } => ("owner patch", Some(execution)),
        Request::RestartStage { execution, .. } => ("owner restart", Some(execution)),
        Request::Delete { execution } => ("owner delete", Some(execution)),
        Request::Read { execution } => ("owner read", Some(execution)),
        Request::Explain { execution } => ("owner explain", Some(execution)),
        Request::History { execution } => ("owner history", Some(execution)),
        Request::Peer(peer) => ("owner peer", Some(&peer.to)),
        Request::List(_) => ("owner list", None),
        Request::Freezes => ("owner freezes", None),
    }
}

#[cfg(test)]
mod tests {
    use gennaker_model::command::{Refusal, RefusalCode};

    use super::*;

    #[test]
    fn a_span_hangs_below_the_callers_and_says_no_more_than_a_class() {
        let parent = TraceContext::of_execution("01ARZ3NDEKTSV4RRFFQ69G5FAV").within("request");
        let id = ExecutionId::new("01J").unwrap();
        let asked = Asked {
            parent,
            place: parent.within("c1/5"),
            name: "owner cancel",
            execution: Some(id),
            began_ms: 5,
        };
        let answer = Answer {
            partition: 3,
            sequence: 1,
            result: Err(Refusal {
                code: RefusalCode::Conflict,
                message: "the secret plan".to_owned(),
                execution: None,
            }),
        };
        let span = asked.finished(&answer, 9);
        assert_eq!(span.place.trace_id(), parent.trace_id());
        assert_eq!((span.start_ms, span.end_ms), (5, 9));
        assert_eq!(span.error.as_deref(), Some("refused: Conflict"));
        let told: Vec<_> = span.attributes.iter().map(|(_, value)| &**value).collect();
        assert_eq!(told, ["3", "01J"]);
    }
}
