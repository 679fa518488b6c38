//! The one table of streams, buckets and consumers.
//!
//! Bootstrap creates and checks exactly what [`Layout::streams`] and [`Layout::consumers`] list, the operators' file
//! `nats/streams.json` is [`to_json`] of the defaults, and the in-memory twin reads the same specifications.

mod config;

use std::time::Duration;

use crate::subject;

pub use config::to_json;

/// The record of the settings bucket that holds the number of partitions.
pub(crate) const PARTITIONS_SUBJECT: &str = "$KV.gk_cfg.partitions";

/// Largest number of partitions that routing bits allow.
const PARTITIONS_MAX: u32 = 1024;
const DAY: Duration = Duration::from_secs(24 * 3600);
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// What an installation chooses; everything else about streams is fixed by this module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Number of partitions; may grow, never shrink.
    pub partitions: u32,
    /// Replicas of every stream: 1, 3 or 5.
    pub replicas: u32,
    /// Worker pools.
    pub pools: Vec<Pool>,
    /// Zones that get a consumer per pool from the start; another zone's consumer is made when its first worker pulls.
    pub zones: Vec<String>,
    /// Where tasks are kept. Memory is right for one broker and for three: tasks are derived and published again.
    pub tasks: Storage,
    /// Room for all partition logs together, in bytes.
    pub log_bytes_max: u64,
    /// Room for the tasks of one pool, in bytes.
    pub task_bytes_max: u64,
    /// Room for stored events, in bytes.
    pub event_bytes_max: u64,
}

/// A pool of workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Name, for example `deploy`.
    pub name: String,
    /// Tasks that may be under way at once, for each consumer of the pool (`max_ack_pending`).
    pub limit: u32,
    /// How long a delivered task may stay silent before it is delivered again.
    pub ack_wait: Duration,
}

/// Where a stream lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In the brokers' memory.
    Memory,
    /// On the brokers' disks.
    File,
}

/// When a stream lets go of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// By its limits only.
    Limits,
    /// When a consumer acknowledged them.
    WorkQueue,
}

/// What a full stream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// Drops the oldest message.
    Old,
    /// Refuses the new message.
    New,
}

/// One stream of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSpec {
    /// Name of the stream.
    pub name: String,
    /// What it is for, kept in the broker as the stream's description.
    pub description: String,
    /// Subjects that it stores.
    pub subjects: Vec<String>,
    /// Where it lives.
    pub storage: Storage,
    /// When it lets go of messages.
    pub retention: Retention,
    /// What it does when full.
    pub discard: Discard,
    /// Replicas.
    pub replicas: u32,
    /// Most bytes, if limited.
    pub bytes_max: Option<u64>,
    /// Longest age, if limited.
    pub age_max: Option<Duration>,
    /// Largest message in bytes, if limited below the broker's own limit.
    pub message_bytes_max: Option<u32>,
    /// Messages kept of each subject, if limited.
    pub per_subject_max: Option<u32>,
    /// Window in which equal message ids count as one.
    pub duplicate_window: Option<Duration>,
    /// Whether single messages may be given a lifetime.
    pub message_ttl: bool,
    /// Lifetime of the marker that the broker leaves when a lifetime ends, if it shall leave one.
    pub marker_ttl: Option<Duration>,
    /// Whether single messages may be deleted.
    pub deny_delete: bool,
    /// Whether blocks on disk are compressed.
    pub compressed: bool,
}

/// One durable consumer of the table. All are pull consumers with explicit acknowledgement and unlimited deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// Stream that it reads.
    pub stream: String,
    /// Name of the consumer.
    pub name: String,
    /// Subjects that it delivers; `None` delivers all.
    pub filter: Option<String>,
    /// How long a delivered message may stay silent before it is delivered again.
    pub ack_wait: Duration,
    /// Most delivered messages without acknowledgement.
    pub ack_pending_max: u32,
}

impl Default for Layout {
    /// One broker, one partition, the four pools of the product, tasks in memory.
    fn default() -> Self {
        Self {
            partitions: 1,
            replicas: 1,
            pools: ["deploy", "jenkins", "canary", "notify"]
                .map(Pool::new)
                .to_vec(),
            zones: Vec::new(),
            tasks: Storage::Memory,
            log_bytes_max: 1024 * MIB,
            task_bytes_max: 32 * MIB,
            event_bytes_max: 256 * MIB,
        }
    }
}

impl Pool {
    /// A pool with the usual limits: 200 tasks at once, 30 s of silence.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            limit: 200,
            ack_wait: Duration::from_secs(30),
        }
    }
}

impl Layout {
    /// Every stream and bucket, logs first.
    pub fn streams(&self) -> Vec<StreamSpec> {
        let mut streams = Vec::new();
        for partition in 0..self.partitions {
            streams.push(self.log(partition));
            streams.push(self.state(partition));
        }
        streams.extend(self.pools.iter().map(|pool| self.task(&pool.name)));
        streams.push(self.events());
        streams.push(self.announcements());
        streams.push(self.messages());
        streams.push(self.verdicts());
        streams.push(self.poll());
        streams.push(self.lease());
        streams.extend(self.pools.iter().map(|pool| self.effect(&pool.name)));
        streams.push(self.documents());
        streams.push(self.settings());
        streams.push(self.pieces("gk_blobs", "Archived executions, in pieces"));
        streams.push(self.pieces("gk_values", "Large values of executions, in pieces"));
        streams.push(self.canary());
        streams.push(self.advisories());
        streams
    }

    /// Every durable consumer.
    pub fn consumers(&self) -> Vec<ConsumerSpec> {
        let mut consumers = Vec::new();
        for pool in &self.pools {
            consumers.push(self.task_consumer(&pool.name, None));
            for zone in &self.zones {
                consumers.push(self.task_consumer(&pool.name, Some(zone)));
            }
        }
        consumers.push(self.event_consumer());
        consumers.push(self.announcement_consumer());
        consumers.push(self.message_consumer());
        consumers
    }

    /// Checks the numbers and names.
    ///
    /// # Errors
    /// The sentence says which value is out of range.
    pub fn check(&self) -> Result<(), String> {
        if self.partitions == 0 || self.partitions > PARTITIONS_MAX {
            return Err(format!(
                "partitions is {}, allowed are 1 to {PARTITIONS_MAX}",
                self.partitions
            ));
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return Err(format!(
                "replicas is {}, allowed are 1, 3 and 5",
                self.replicas
            ));
        }
        if self.log_bytes_max / u64::from(self.partitions) < 4 * MIB {
            return Err("log_bytes_max is below 4 MiB for each partition".to_owned());
        }
        for (at, pool) in self.pools.iter().enumerate() {
            if pool.name.is_empty() || self.pools[..at].iter().any(|other| other.name == pool.name)
            {
                return Err(format!("pool name {:?} is empty or used twice", pool.name));
            }
            if pool.limit == 0 || pool.ack_wait < Duration::from_secs(1) {
                return Err(format!(
                    "pool {:?} has no limit or an ack_wait below 1 s",
                    pool.name
                ));
            }
        }
        Ok(())
    }

    /// The specification of a pool's consumer for one zone, or for tasks of any zone.
    pub fn task_consumer(&self, pool: &str, zone: Option<&str>) -> ConsumerSpec {
        let usual = Pool::new(pool);
        let known = self
            .pools
            .iter()
            .find(|known| known.name == pool)
            .unwrap_or(&usual);
        ConsumerSpec {
            stream: task_stream(pool),
            name: task_consumer(pool, zone),
            filter: Some(subject::task_filter(pool, zone)),
            ack_wait: known.ack_wait,
            ack_pending_max: known.limit,
        }
    }

    /// The specification of the consumer that hands events to `triggers`.
    pub fn event_consumer(&self) -> ConsumerSpec {
        ConsumerSpec {
            stream: EVENT_STREAM.to_owned(),
            name: EVENT_CONSUMER.to_owned(),
            filter: None,
            // Who handles an event says so every three seconds. What a killed process had waits no longer than this, and an event
            // that comes again to a second process starts nothing twice.
            ack_wait: Duration::from_secs(10),
            ack_pending_max: 500,
        }
    }

    /// The specification of the consumer that hands announcements to whoever forwards them.
    pub fn announcement_consumer(&self) -> ConsumerSpec {
        ConsumerSpec {
            stream: ANNOUNCEMENT_STREAM.to_owned(),
            name: ANNOUNCEMENT_CONSUMER.to_owned(),
            filter: None,
            ack_wait: Duration::from_secs(30),
            ack_pending_max: 500,
        }
    }

    /// The specification of the consumer that hands messages to `triggers`, which makes events of them.
    pub fn message_consumer(&self) -> ConsumerSpec {
        ConsumerSpec {
            stream: MESSAGE_STREAM.to_owned(),
            name: EVENT_CONSUMER.to_owned(),
            filter: None,
            ack_wait: Duration::from_secs(30),
            ack_pending_max: 500,
        }
    }

    /// The task stream of a pool.
    pub fn task(&self, pool: &str) -> StreamSpec {
        StreamSpec {
            storage: self.tasks,
            retention: Retention::WorkQueue,
            discard: Discard::New,
            bytes_max: Some(self.task_bytes_max),
            ..self.stream(
                task_stream(pool),
                format!("gk.task.{}.>", subject::token(pool)),
                format!("Tasks of the pool {pool}; derived from the logs"),
            )
        }
    }

    fn log(&self, partition: u32) -> StreamSpec {
        StreamSpec {
            discard: Discard::New,
            bytes_max: Some(self.log_bytes_max / u64::from(self.partitions)),
            message_bytes_max: Some(1024 * 1024),
            deny_delete: true,
            ..self.stream(
                log_stream(partition),
                subject::log(partition),
                format!("Log of partition {partition}: the only truth"),
            )
        }
    }

    fn state(&self, partition: u32) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(1),
            message_ttl: true,
            compressed: true,
            ..self.bucket(
                &format!("gk_state_{partition}"),
                &format!("Checkpoints of partition {partition}"),
            )
        }
    }

    fn events(&self) -> StreamSpec {
        StreamSpec {
            discard: Discard::New,
            bytes_max: Some(self.event_bytes_max),
            age_max: Some(3 * DAY),
            duplicate_window: Some(Duration::from_secs(600)),
            ..self.stream(
                EVENT_STREAM.to_owned(),
                "gk.event.>".to_owned(),
                "Events from outside, and ends of executions that others wait for".to_owned(),
            )
        }
    }

    fn announcements(&self) -> StreamSpec {
        StreamSpec {
            bytes_max: Some(self.event_bytes_max),
            age_max: Some(3 * DAY),
            duplicate_window: Some(Duration::from_secs(600)),
            compressed: true,
            ..self.stream(
                ANNOUNCEMENT_STREAM.to_owned(),
                "gk.announced.>".to_owned(),
                "What executions tell of their lives, for those who follow all of them".to_owned(),
            )
        }
    }

    fn messages(&self) -> StreamSpec {
        StreamSpec {
            retention: Retention::WorkQueue,
            // Whoever sends learns that there is no room.
            discard: Discard::New,
            bytes_max: Some(self.event_bytes_max / 4),
            age_max: Some(3 * DAY),
            duplicate_window: Some(Duration::from_secs(600)),
            ..self.stream(
                MESSAGE_STREAM.to_owned(),
                "gk.pubsub.*".to_owned(),
                "Messages of others that are to become events".to_owned(),
            )
        }
    }

    fn verdicts(&self) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(1),
            bytes_max: Some(self.event_bytes_max / 2),
            age_max: Some(3 * DAY),
            compressed: true,
            ..self.bucket("gk_verdicts", "What became of each event, for people")
        }
    }

    fn poll(&self) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(1),
            message_ttl: true,
            compressed: true,
            ..self.bucket(
                "gk_poll",
                "What is known of sources that are polled, and how it goes with them",
            )
        }
    }

    fn lease(&self) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(1),
            message_ttl: true,
            marker_ttl: Some(Duration::from_secs(60)),
            ..self.bucket(
                "gk_lease",
                "Who holds which partition: a hint, never for safety",
            )
        }
    }

    fn effect(&self, pool: &str) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(1),
            age_max: Some(14 * DAY),
            message_ttl: true,
            ..self.bucket(
                &format!("gk_effect_{}", subject::token(pool)),
                &format!("Effects of the pool {pool}: intended, done, closed"),
            )
        }
    }

    fn documents(&self) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(64),
            message_ttl: true,
            compressed: true,
            ..self.bucket(
                "gk_docs",
                "Applications, pipelines, templates and their history",
            )
        }
    }

    /// The bucket of settings that all processes share.
    pub fn settings(&self) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(16),
            message_ttl: true,
            ..self.bucket("gk_cfg", "Settings of the fleet")
        }
    }

    fn pieces(&self, bucket: &str, description: &str) -> StreamSpec {
        StreamSpec {
            per_subject_max: Some(1),
            message_ttl: true,
            compressed: true,
            ..self.bucket(bucket, description)
        }
    }

    /// What is old goes first: there is no end to analyses, and who wants to keep them all names a bucket of S3.
    fn canary(&self) -> StreamSpec {
        StreamSpec {
            age_max: Some(90 * DAY),
            bytes_max: Some(1024 * MIB),
            ..self.pieces("gk_canary", "Results of canary analysis, in pieces")
        }
    }

    fn advisories(&self) -> StreamSpec {
        StreamSpec {
            subjects: vec![
                "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>".to_owned(),
                "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>".to_owned(),
            ],
            age_max: Some(14 * DAY),
            bytes_max: Some(16 * MIB),
            ..self.stream(
                "GK_ADV".to_owned(),
                String::new(),
                "What the broker gave up on, for people".to_owned(),
            )
        }
    }

    fn bucket(&self, bucket: &str, description: &str) -> StreamSpec {
        self.stream(
            bucket_stream(bucket),
            format!("$KV.{bucket}.>"),
            description.to_owned(),
        )
    }

    fn stream(&self, name: String, subject: String, description: String) -> StreamSpec {
        StreamSpec {
            name,
            description,
            subjects: vec![subject],
            storage: Storage::File,
            retention: Retention::Limits,
            discard: Discard::Old,
            replicas: self.replicas,
            bytes_max: None,
            age_max: None,
            message_bytes_max: None,
            per_subject_max: None,
            duplicate_window: None,
            message_ttl: false,
            marker_ttl: None,
            deny_delete: false,
            compressed: false,
        }
    }
}

pub(crate) const EVENT_STREAM: &str = "GK_EVENTS";
pub(crate) const MESSAGE_STREAM: &str = "GK_PUBSUB";
pub(crate) const EVENT_CONSUMER: &str = "triggers";
pub(crate) const ANNOUNCEMENT_STREAM: &str = "GK_ANNOUNCED";
pub(crate) const ANNOUNCEMENT_CONSUMER: &str = "forward";

pub(crate) fn log_stream(partition: u32) -> String {
    format!("GK_LOG_{partition}")
}

pub(crate) fn task_stream(pool: &str) -> String {
    format!("GK_TASK_{}", subject::token(pool))
}

pub(crate) fn task_consumer(pool: &str, zone: Option<&str>) -> String {
    format!("{}-{}", subject::token(pool), subject::zone_token(zone))
}

pub(crate) fn bucket_stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_name_twice_and_no_overlapping_task_filters() {
        let layout = Layout {
            partitions: 3,
            zones: vec!["a".into(), "any".into()],
            ..Layout::default()
        };
        layout.check().unwrap();
        let mut names: Vec<_> = layout.streams().into_iter().map(|s| s.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        let mut filters: Vec<_> = layout
            .consumers()
            .into_iter()
            .filter_map(|c| c.filter)
            .collect();
        let all = filters.len();
        filters.sort();
        filters.dedup();
        assert_eq!(filters.len(), all);
    }

    #[test]
    fn senseless_layouts_are_named() {
        let bad = Layout {
            replicas: 2,
            ..Layout::default()
        };
        assert_eq!(
            bad.check().unwrap_err(),
            "replicas is 2, allowed are 1, 3 and 5"
        );
        let bad = Layout {
            partitions: 0,
            ..Layout::default()
        };
        assert!(bad.check().unwrap_err().contains("partitions"));
        let bad = Layout {
            pools: vec![Pool::new("a"), Pool::new("a")],
            ..Layout::default()
        };
        assert!(bad.check().unwrap_err().contains("used twice"));
    }
}
