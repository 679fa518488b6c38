//! Telling the owner how an attempt ended, until it is told.

use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Class, CommandError};
use gennaker_model::{
    command::{Answer, RefusalCode, Reply},
    work::{Outcome, TaskReport},
};
use gennaker_runtime::Backoff;

use crate::{exception, outcome, shared::Shared};

/// How long the owner may take to make a report durable and answer. A report that was under way to an owner that was killed is
/// lost, and its execution waits for this long; one that comes twice does no harm.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Longest pause between two tries: it adds to every take-over.
const AGAIN_MAX: Duration = Duration::from_millis(500);

/// Largest report in bytes, with its large values: as much as a whole execution may take.
pub(crate) const REPORT_BYTES_MAX: usize = 32 << 20;

/// What the owner said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It took the report.
    Taken,
    /// The attempt is not open: nobody waits for it.
    Stale,
    /// It will never take this report.
    Refused,
}

/// Sends the report until an owner answers it; as long as that takes.
pub(crate) async fn deliver(
    shared: &Shared,
    partition: u32,
    kind: &str,
    mut report: TaskReport,
    seed: u64,
) -> Told {
    let mut backoff = Backoff::new(Duration::from_millis(200), AGAIN_MAX, seed);
    let mut replaced = false;
    let mut encoded = None;
    loop {
        let payload = match encoded.take() {
            Some(payload) => Ok(payload),
            None => encode(shared, &report).await,
        };
        let answer = match payload {
            Ok(payload) => {
                encoded = Some(payload.clone());
                let answer = shared
                    .bus
                    .command(partition, Class::Report, payload, ANSWER_WITHIN);
                read(answer.await)
            }
            Err(said) => said,
        };
        match answer {
            Said::Report { stale: true } => return Told::Stale,
            Said::Report { stale: false } => return Told::Taken,
            Said::Refused(RefusalCode::NotFound, _) => return Told::Stale,
            Said::Refused(code, why) if !is_transient(code) => {
                tracing::error!(
                    "the owner of partition {partition} refuses the report of task {kind}: {why}"
                );
                if replaced {
                    return Told::Refused;
                }
                // A result that cannot be told must not keep the stage open for ever.
                replaced = true;
                report.outcome = untellable(&report.outcome, kind, &why, shared.clock.now_ms());
                encoded = None;
            }
            Said::Refused(_, why) | Said::Nothing(why) => {
                if backoff.attempts() == 0 {
                    tracing::warn!(
                        "the report of task {kind} waits, because its owner does not answer: {why}"
                    );
                }
                shared.clock.sleep(backoff.next_delay()).await;
            }
        }
    }
}

/// The message of a report, whose large values are stored.
async fn encode(shared: &Shared, report: &TaskReport) -> Result<Bytes, Said> {
    let text = serde_json::to_vec(report).expect("a report always serialises");
    if text.len() > REPORT_BYTES_MAX {
        let why = format!("it has {} bytes", text.len());
        return Err(Said::Refused(RefusalCode::TooLarge, why));
    }
    let encoded = shared.blobs.encode(report.execution.as_str(), text).await;
    encoded.map_err(|error| Said::Nothing(format!("its large values cannot be stored: {error}")))
}

enum Said {
    Report { stale: bool },
    Refused(RefusalCode, String),
    Nothing(String),
}

fn read(answer: Result<Bytes, CommandError>) -> Said {
    let payload = match answer {
        Ok(payload) => payload,
        Err(CommandError::TooLarge { size, .. }) => {
            return Said::Refused(RefusalCode::TooLarge, format!("it has {size} bytes"));
        }
        Err(
            error @ (CommandError::NoOwner | CommandError::Timeout | CommandError::Disconnected),
        ) => {
            return Said::Nothing(error.to_string());
        }
    };
    match serde_json::from_slice::<Answer>(&payload) {
        Ok(Answer {
            result: Ok(Reply::Report { stale }),
            ..
        }) => Said::Report { stale },
        Ok(Answer { result: Ok(_), .. }) => Said::Nothing("it answered something else".to_owned()),
        Ok(Answer {
            result: Err(refusal),
            ..
        }) => Said::Refused(refusal.code, refusal.message),
        Err(error) => Said::Nothing(format!("its answer cannot be read: {error}")),
    }
}

/// Whether the same report may be taken later, or by another owner.
const fn is_transient(code: RefusalCode) -> bool {
    match code {
        RefusalCode::Busy
        | RefusalCode::WrongPartition
        | RefusalCode::Conflict
        | RefusalCode::Internal => true,
        RefusalCode::NotFound
        | RefusalCode::Invalid
        | RefusalCode::NotAllowed
        | RefusalCode::Forbidden
        | RefusalCode::Expired
        | RefusalCode::TooLarge => false,
    }
}

/// What is told in place of an outcome that the owner does not take.
fn untellable(outcome: &Outcome, kind: &str, why: &str, now_ms: i64) -> Outcome {
    match outcome {
        Outcome::Closed { remains, .. } => Outcome::Closed {
            remains: remains.clone(),
            context: gennaker_model::Map::new(),
        },
        Outcome::Running { again_ms, .. } => Outcome::Running {
            again_ms: *again_ms,
            context: gennaker_model::Map::new(),
        },
        Outcome::Canceled { .. } => Outcome::Canceled {
            context: gennaker_model::Map::new(),
        },
        Outcome::Succeeded { .. } | Outcome::Failed { .. } => {
            let problem = format!("the task ended, but its result cannot be recorded: {why}");
            outcome::with_exception(exception::unexpected(
                kind,
                "ResultRefused",
                &problem,
                now_ms,
            ))
        }
    }
}
