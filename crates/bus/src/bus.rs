//! The handle from which all others come.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::announcements::Announcements;
use crate::backend::{Backend, Headers};
use crate::bootstrap::{self, Remembered};
use crate::command::{self, Class, CommandStream, QuestionStream};
use crate::core_subjects::Subscription;
use crate::error::{BootstrapError, CommandError, Error};
use crate::events::{Events, Group};
use crate::kv::{Kv, WriteIds};
use crate::layout::Layout;
use crate::lease::Lease;
use crate::log::Log;
use crate::messages::Messages;
use crate::options::Options;
use crate::rights::Role;
use crate::subject::{self, Subject, SubjectFilter, token};
use crate::tasks::Tasks;
use crate::{memory, nats};

/// How long the trace of a deletion stays: longer than any process sleeps and then writes.
const MARKER_TTL: Duration = Duration::from_secs(24 * 3600);

/// One connection to the bus; clones share it.
#[derive(Clone)]
pub struct Bus {
    backend: Backend,
    remembered: Remembered,
    ids: WriteIds,
    group: Group,
}

/// A bucket of records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// Checkpoints of one partition.
    State(u32),
    /// Who holds what.
    Lease,
    /// The effect ledger of a pool.
    Effect(String),
    /// Documents with history.
    Docs,
    /// Settings of the fleet.
    Cfg,
    /// Archived executions, in pieces.
    Blobs,
    /// Large values of executions, in pieces.
    Values,
    /// What became of each event.
    Verdicts,
    /// What is known of sources that are polled, and how it goes with them.
    Poll,
    /// Results of canary analysis and the metrics behind them, in pieces.
    Canary,
}

impl Bus {
    /// Connects to a NATS server and checks that it is recent enough.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no address answers or the credentials are refused; [`Error::Misconfigured`] when the
    /// server is older than 2.14.4.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let client = nats::Client::connect(options).await?;
        Ok(Self::over(Backend::Nats(client)))
    }

    /// A connection to the in-memory twin. `node` names the process for fault injection: handles made under one name
    /// live and die together, and a name may be used again after [`memory::Broker::kill_node`].
    pub fn memory(broker: &memory::Broker, node: &str) -> Self {
        Self::over(Backend::Memory(broker.node(node)))
    }

    fn over(backend: Backend) -> Self {
        Self {
            ids: WriteIds::new(&backend.nonce()),
            backend,
            remembered: Remembered::default(),
            group: Group::default(),
        }
    }

    /// Creates every stream and consumer of the layout that is missing, checks the others, and remembers the layout for
    /// what must be made again later. Any number of processes may do this at once.
    ///
    /// # Errors
    /// [`BootstrapError::Differs`] names the stream and the field in which an existing one breaks a guarantee.
    pub async fn bootstrap(&self, layout: &Layout) -> Result<(), BootstrapError> {
        bootstrap::bootstrap(&self.backend, layout).await?;
        self.remembered.set(layout);
        Ok(())
    }

    /// Checks the streams and consumers that a role uses, creates none, and remembers the layout: for processes whose rights
    /// do not allow [`Bus::bootstrap`]; a scheduler does that.
    ///
    /// # Errors
    /// As [`Bus::bootstrap`]; [`Error::NotFound`] while something is still missing.
    pub async fn verify(&self, layout: &Layout, role: &Role) -> Result<(), BootstrapError> {
        bootstrap::verify(&self.backend, layout, role).await?;
        self.remember(layout);
        Ok(())
    }

    /// Remembers the layout without touching the broker.
    pub fn remember(&self, layout: &Layout) {
        self.remembered.set(layout);
    }

    /// The log of a partition.
    pub fn log(&self, partition: u32) -> Log {
        Log::new(self.backend.clone(), partition)
    }

    /// A bucket of records.
    pub fn kv(&self, bucket: Bucket) -> Kv {
        let (name, marker_ttl) = match bucket {
            Bucket::State(partition) => (format!("gk_state_{partition}"), Some(MARKER_TTL)),
            Bucket::Lease => ("gk_lease".to_owned(), Some(Duration::from_secs(60))),
            Bucket::Effect(pool) => (format!("gk_effect_{}", token(&pool)), Some(MARKER_TTL)),
            // Their history shows deletions.
            Bucket::Docs => ("gk_docs".to_owned(), None),
            Bucket::Cfg => ("gk_cfg".to_owned(), None),
            Bucket::Blobs => ("gk_blobs".to_owned(), Some(MARKER_TTL)),
            Bucket::Values => ("gk_values".to_owned(), Some(MARKER_TTL)),
            Bucket::Canary => ("gk_canary".to_owned(), Some(MARKER_TTL)),
            // Never deleted from.
            Bucket::Verdicts => ("gk_verdicts".to_owned(), None),
            Bucket::Poll => ("gk_poll".to_owned(), Some(MARKER_TTL)),
        };
        Kv::new(self.backend.clone(), name, marker_ttl, self.ids.clone())
    }

    /// Leases with this lifetime (whole seconds, rounded up).
    pub fn lease(&self, ttl: Duration) -> Lease {
        Lease::new(self.kv(Bucket::Lease), ttl)
    }

    /// The tasks of a pool.
    pub fn tasks(&self, pool: &str) -> Tasks {
        Tasks::new(self.backend.clone(), self.remembered.clone(), pool)
    }

    /// The events from outside.
    pub fn events(&self) -> Events {
        Events::new(
            self.backend.clone(),
            self.remembered.clone(),
            self.group.clone(),
        )
    }

    /// The messages that others send to subjects of ours.
    pub fn messages(&self) -> Messages {
        Messages::new(self.backend.clone(), self.remembered.clone())
    }

    /// What executions tell of their lives.
    pub fn announcements(&self) -> Announcements {
        Announcements::new(self.backend.clone(), self.remembered.clone())
    }

    /// Sends a command to the owner of a partition and waits for its answer, joined when it came in parts.
    ///
    /// # Errors
    /// [`CommandError::NoOwner`] at once when nobody serves the partition. After every other error the command may have
    /// been carried out: repeat it with the same command id.
    pub async fn command(
        &self,
        partition: u32,
        class: Class,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, CommandError> {
        let subject = subject::command(partition, class.as_str());
        command::ask(&self.backend, &subject, payload, timeout).await
    }

    /// Receives the commands of a partition, from the moment of the call on. Dropping the stream ends that.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Closed`].
    pub async fn serve_commands(&self, partition: u32) -> Result<CommandStream, Error> {
        let inbox = self
            .backend
            .subscribe(&subject::commands(partition), None)
            .await?;
        Ok(CommandStream::new(self.backend.clone(), inbox))
    }

    /// Asks whoever serves a subject, for example [`subject::ask`].
    ///
    /// # Errors
    /// [`CommandError::NoOwner`] at once when nobody does.
    pub async fn ask(
        &self,
        subject: Subject,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Bytes, CommandError> {
        command::ask(&self.backend, subject.as_str(), payload, timeout).await
    }

    /// Receives questions on a subject. With a `group`, each question reaches one of its members.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Closed`].
    pub async fn serve(
        &self,
        filter: impl Into<SubjectFilter>,
        group: Option<&str>,
    ) -> Result<QuestionStream, Error> {
        let filter = filter.into();
        let inbox = self.backend.subscribe(filter.as_str(), group).await?;
        Ok(QuestionStream::new(self.backend.clone(), inbox))
    }

    /// Publishes on `gk.out.<topic>` for programs of others, with an id by which a stream of theirs knows a repeated message. Who does
    /// not listen at that moment, by a stream or a subscription, does not get it.
    ///
    /// # Errors
    /// As [`Bus::publish`].
    pub async fn publish_out(&self, topic: &str, id: &str, payload: Bytes) -> Result<(), Error> {
        let limit = self.backend.payload_max();
        if payload.len() > limit {
            return Err(Error::TooLarge {
                size: payload.len(),
                limit,
            });
        }
        let headers = Headers::from([("Nats-Msg-Id".to_owned(), id.to_owned())]);
        self.backend
            .publish(subject::out(topic).as_str(), None, headers, payload)
            .await
    }

    /// Sends a core message: a hint, an abort, a heartbeat. It may be lost, and nobody learns of it.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Closed`], [`Error::Unavailable`] while the connection is down and buffers are full.
    pub async fn publish(&self, subject: Subject, payload: Bytes) -> Result<(), Error> {
        let limit = self.backend.payload_max();
        if payload.len() > limit {
            return Err(Error::TooLarge {
                size: payload.len(),
                limit,
            });
        }
        self.backend
            .publish(subject.as_str(), None, Headers::new(), payload)
            .await
    }

    /// Receives core messages from the moment of the call on.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Closed`].
    pub async fn subscribe(
        &self,
        subject: impl Into<SubjectFilter>,
    ) -> Result<Subscription, Error> {
        let filter = subject.into();
        Ok(Subscription::new(
            self.backend.subscribe(filter.as_str(), None).await?,
        ))
    }

    /// Counts reconnects: what was derived from hints is to be checked again after one.
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.backend.generation()
    }

    /// Sends what is buffered and closes the connection; every handle then fails with [`Error::Closed`].
    pub async fn close(self) {
        self.backend.close().await;
    }
}
