//! The work queue of a pool.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::backend::{Backend, Expect, StoreError, Write};
use crate::bootstrap::Remembered;
use crate::delivery::DeliveryStream;
use crate::error::Error;
use crate::layout;
use crate::subject::{name, token, zone_token};

/// Tries of a publication before its outcome is left to the caller.
const TRIES_MAX: u32 = 5;

/// Handle on the tasks of one pool.
#[derive(Clone)]
pub struct Tasks {
    backend: Backend,
    remembered: Remembered,
    pool: String,
}

/// What identifies a task: at most one message exists for each address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskAddress {
    /// The zone whose workers shall run it; `None` for any.
    pub zone: Option<String>,
    /// Execution id.
    pub execution: String,
    /// Stage id.
    pub stage: String,
    /// Task id.
    pub task: String,
    /// Attempt, never used twice within an execution.
    pub attempt: u64,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// A message was stored.
    Stored,
    /// A message with this address exists already and is not doubled.
    StillThere,
}

impl Tasks {
    pub(crate) fn new(backend: Backend, remembered: Remembered, pool: &str) -> Self {
        Self {
            backend,
            remembered,
            pool: pool.to_owned(),
        }
    }

    /// Publishes a task unless its message still exists. When the stream is gone (tasks in memory vanish with their last
    /// broker) it is made again from the layout first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the outcome stays unknown: publish again later, as the owner's audit does.
    /// [`Error::Full`], [`Error::TooLarge`], [`Error::NotFound`] without a layout.
    pub async fn publish(&self, address: &TaskAddress, payload: Bytes) -> Result<Published, Error> {
        let limit = self.backend.payload_max();
        if payload.len() > limit {
            return Err(Error::TooLarge {
                size: payload.len(),
                limit,
            });
        }
        let write = Write {
            stream: layout::task_stream(&self.pool),
            subject: address.subject(&self.pool),
            expect: Expect::Subject(0),
            id: None,
            message_id: None,
            ttl: None,
            delete: false,
            payload,
        };
        let mut tries = 0;
        loop {
            let what = match self.backend.store(&write).await {
                Ok(_) => return Ok(Published::Stored),
                Err(StoreError::Conflict) => return Ok(Published::StillThere),
                Err(StoreError::Refused(error)) => return Err(error),
                Err(StoreError::Unknown(what)) => what,
                Err(StoreError::Missing) => "the stream does not exist".to_owned(),
            };
            tries += 1;
            if tries >= TRIES_MAX {
                return Err(Error::unavailable(format!(
                    "publish a task of {}: {what}",
                    self.pool
                )));
            }
            tokio::time::sleep(self.backend.jitter(10, 50 * u64::from(tries))).await;
            match self.remembered.ensure_pool(&self.backend, &self.pool).await {
                Ok(()) | Err(Error::Unavailable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How long a delivered task may stay silent before it is delivered again, as the layout says.
    pub fn ack_wait(&self) -> Duration {
        let layout = self.remembered.layout();
        layout.task_consumer(&self.pool, None).ack_wait
    }

    /// Delivers tasks of one zone, or those for any zone, as long as `slots` has permits: never more are asked for than
    /// can start now. Each delivery carries one permit until it is dropped or frees it. Several pulls may share one
    /// semaphore: one without work gives its permits back within 5 s and then holds a single one at a time. A consumer that does not exist is
    /// created. Close the semaphore to end the stream.
    ///
    /// # Errors
    /// [`Error::Closed`]; everything else is waited out by the stream.
    pub async fn pull(
        &self,
        zone: Option<&str>,
        slots: Arc<Semaphore>,
    ) -> Result<DeliveryStream, Error> {
        let spec = self.remembered.layout().task_consumer(&self.pool, zone);
        match self.remembered.ensure_consumer(&self.backend, &spec).await {
            Err(Error::Closed) => return Err(Error::Closed),
            Err(error) => tracing::warn!(
                consumer = spec.name,
                "the consumer of {} cannot be made yet: {error}",
                spec.stream
            ),
            Ok(()) => {}
        }
        Ok(DeliveryStream::new(
            &self.backend,
            &self.remembered,
            spec,
            slots,
        ))
    }

    /// Deletes a consumer that delivers nothing and makes it again; its messages stay.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: repeat.
    pub async fn remake_consumer(&self, zone: Option<&str>) -> Result<(), Error> {
        let spec = self.remembered.layout().task_consumer(&self.pool, zone);
        tracing::warn!(
            consumer = spec.name,
            "the consumer of {} delivers nothing and is made again",
            spec.stream
        );
        match self.backend.delete_consumer(&spec.stream, &spec.name).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        self.remembered.ensure_consumer(&self.backend, &spec).await
    }
}

impl TaskAddress {
    /// Reads [`crate::Delivery::address`]; `None` when it is not a task's subject.
    pub fn parse(subject: &str) -> Option<Self> {
        let tokens: Vec<&str> = subject.split('.').collect();
        let ["gk", "task", _pool, zone, execution, stage, task, attempt] = tokens.as_slice() else {
            return None;
        };
        Some(Self {
            zone: if *zone == "any" {
                None
            } else {
                Some(name(zone)?)
            },
            execution: name(execution)?,
            stage: name(stage)?,
            task: name(task)?,
            attempt: attempt.parse().ok()?,
        })
    }

    pub(crate) fn subject(&self, pool: &str) -> String {
        format!(
            "gk.task.{}.{}.{}.{}.{}.{}",
            token(pool),
            zone_token(self.zone.as_deref()),
            token(&self.execution),
            token(&self.stage),
            token(&self.task),
            self.attempt
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_from_its_subject() {
        for zone in [None, Some("eu-1.a".to_owned()), Some("any".to_owned())] {
            let address = TaskAddress {
                zone,
                execution: "01J".into(),
                stage: "a b".into(),
                task: "wait.for".into(),
                attempt: 7,
            };
            assert_eq!(
                TaskAddress::parse(&address.subject("deploy")),
                Some(address)
            );
        }
        assert_eq!(TaskAddress::parse("gk.task.deploy.any.x"), None);
    }
}
