//! What came in a delivery: a task, something like one, or nothing that can be answered.

use gennaker_bus::TaskAddress;
use gennaker_model::{
    AttemptId, ExecutionId, StageId,
    work::{self, TaskMessage},
};
use gennaker_store::{Sealed, Unopened};
use serde_json::Value;

/// A delivery's content.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A task.
    Task(Box<TaskMessage>),
    /// Not readable, but it is known whom to tell.
    Addressed(Box<Addressed>),
    /// Nobody can be told, for this reason.
    Unreadable(String),
}

/// Whom to tell about a task that cannot be read.
#[derive(Debug, PartialEq)]
pub(crate) struct Addressed {
    pub partition: u32,
    pub execution: ExecutionId,
    pub stage: StageId,
    pub task: String,
    pub attempt: AttemptId,
    pub kind: String,
    /// What is wrong.
    pub problem: String,
    /// It was written for a newer worker.
    pub newer: bool,
    /// It asks for the closing of an effect.
    pub closing: bool,
}

/// Reads a task from its subject and payload.
pub(crate) fn read(address: &str, payload: &[u8]) -> Incoming {
    let problem = match serde_json::from_slice::<TaskMessage>(payload) {
        Ok(message) if message.v == work::VERSION => return Incoming::Task(Box::new(message)),
        Ok(message) => format!(
            "it has version {}, this worker reads {}",
            message.v,
            work::VERSION
        ),
        Err(error) => error.to_string(),
    };
    let Ok(value) = serde_json::from_slice::<Value>(payload) else {
        return Incoming::Unreadable(problem);
    };
    match addressed(address, &value, &problem) {
        Some(addressed) => Incoming::Addressed(Box::new(addressed)),
        None => Incoming::Unreadable(problem),
    }
}

/// A task whose large values cannot be read.
pub(crate) fn incomplete(address: &str, payload: &[u8], error: &Unopened) -> Incoming {
    let problem = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let sealed = Sealed::of_message(payload).ok().flatten();
    let value = sealed.and_then(|sealed| serde_json::from_str::<Value>(sealed.json()).ok());
    match value.and_then(|value| addressed(address, &value, &problem)) {
        Some(addressed) => Incoming::Addressed(Box::new(addressed)),
        None => Incoming::Unreadable(problem),
    }
}

/// The address stands in the subject; only the partition has to come from the payload.
fn addressed(address: &str, value: &Value, problem: &str) -> Option<Addressed> {
    let from_subject = TaskAddress::parse(address)?;
    Some(Addressed {
        partition: u32::try_from(value.get("partition")?.as_u64()?).ok()?,
        execution: ExecutionId::new(from_subject.execution).ok()?,
        stage: StageId::new(from_subject.stage).ok()?,
        task: from_subject.task,
        attempt: AttemptId(from_subject.attempt),
        kind: value
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or("unknown")
            .to_owned(),
        problem: problem.to_owned(),
        newer: value
            .get("v")
            .and_then(Value::as_u64)
            .is_some_and(|v| v > u64::from(work::VERSION)),
        closing: value.get("order").and_then(Value::as_str) == Some("close"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tests::world::message;

    const ADDRESS: &str = "gk.task.notify.any.e.s.1.7";

    #[test]
    fn a_task_reads_back() {
        let sent = message("e", 7);
        let Incoming::Task(read) = read(ADDRESS, &serde_json::to_vec(&sent).unwrap()) else {
            panic!()
        };
        assert_eq!(*read, sent);
    }

    #[test]
    fn what_cannot_be_read_is_told_to_its_owner_if_there_is_one() {
        let mut newer = serde_json::to_value(message("e", 7)).unwrap();
        newer["v"] = 2.into();
        for (address, payload, expected) in [
            (ADDRESS, newer.to_string(), Some((3, true))),
            (
                ADDRESS,
                json!({"v": 1, "partition": 4}).to_string(),
                Some((4, false)),
            ),
            (
                ADDRESS,
                json!({"v": 1, "partition": 4, "extra": 1}).to_string(),
                Some((4, false)),
            ),
            (ADDRESS, json!({"v": 1}).to_string(), None),
            (
                "gk.task.notify",
                json!({"v": 1, "partition": 4}).to_string(),
                None,
            ),
            (ADDRESS, "{oops".to_owned(), None),
            (ADDRESS, String::new(), None),
        ] {
            match (read(address, payload.as_bytes()), expected) {
                (Incoming::Addressed(found), Some((partition, newer))) => {
                    assert_eq!(
                        (found.partition, found.newer),
                        (partition, newer),
                        "{payload}"
                    );
                    assert_eq!((found.attempt, found.task.as_str()), (AttemptId(7), "1"));
                }
                (Incoming::Unreadable(_), None) => {}
                (other, _) => panic!("{payload}: {other:?}"),
            }
        }
    }
}
