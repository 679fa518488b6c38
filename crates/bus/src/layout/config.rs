//! The table as the broker's JSON configuration.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ConsumerSpec, Discard, Layout, Retention, Storage, StreamSpec};

/// The whole table as JSON, in the form that the broker's command line tool reads (`nats stream add --config`).
pub fn to_json(layout: &Layout) -> Value {
    json!({
        "streams": layout.streams().iter().map(StreamSpec::to_config).collect::<Vec<_>>(),
        "consumers": layout.consumers().iter().map(|consumer| json!({
            "stream_name": consumer.stream,
            "config": consumer.to_config(),
        })).collect::<Vec<_>>(),
    })
}

impl StreamSpec {
    /// The stream's configuration as the broker's API takes it.
    pub fn to_config(&self) -> Value {
        let mut config = json!({
            "name": self.name,
            "description": self.description,
            "subjects": self.subjects,
            "retention": self.retention.as_str(),
            "storage": self.storage.as_str(),
            "discard": self.discard.as_str(),
            "num_replicas": self.replicas,
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": self.bytes_max.map_or(json!(-1), |bytes| json!(bytes)),
            "max_age": nanos(self.age_max),
            "max_msg_size": self.message_bytes_max.map_or(json!(-1), |bytes| json!(bytes)),
            "max_msgs_per_subject": self.per_subject_max.map_or(json!(-1), |count| json!(count)),
            "duplicate_window": nanos(self.duplicate_window),
            "allow_direct": false,
            "allow_rollup_hdrs": self.marker_ttl.is_some(),
            "allow_msg_ttl": self.message_ttl,
            "deny_delete": self.deny_delete,
            "deny_purge": false,
            "compression": if self.compressed { "s2" } else { "none" },
        });
        if let Some(ttl) = self.marker_ttl {
            config["subject_delete_marker_ttl"] = nanos(Some(ttl));
        }
        config
    }
}

impl ConsumerSpec {
    /// The consumer's configuration as the broker's API takes it.
    pub fn to_config(&self) -> Value {
        let mut config = json!({
            "durable_name": self.name,
            "name": self.name,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": nanos(Some(self.ack_wait)),
            "max_deliver": -1,
            "max_ack_pending": self.ack_pending_max,
            "replay_policy": "instant",
        });
        if let Some(filter) = &self.filter {
            config["filter_subject"] = json!(filter);
        }
        config
    }
}

impl Storage {
    /// The broker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
        }
    }
}

impl Retention {
    /// The broker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::WorkQueue => "workqueue",
        }
    }
}

impl Discard {
    /// The broker's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

fn nanos(duration: Option<Duration>) -> Value {
    json!(duration.map_or(0, |d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
}
