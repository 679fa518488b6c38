//! What is switched off, looked at once a second at most.

use gennaker_bus::{Bucket, Kv};
use gennaker_model::switch::{KEYS, Switch};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How old what is known may be, in milliseconds.
const AGE_MAX_MS: i64 = 1_000;

/// The switches of the installation.
pub(crate) struct Switches {
    kv: Kv,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    read_at_ms: Option<i64>,
    off: Arc<Vec<Switch>>,
}

impl Switches {
    pub(crate) fn new(bus: &gennaker_bus::Bus) -> Self {
        Self {
            kv: bus.kv(Bucket::Cfg),
            known: Mutex::default(),
        }
    }

    /// What is off. While it cannot be read, what was known last counts.
    pub(crate) async fn off(&self, now_ms: i64) -> Arc<Vec<Switch>> {
        let mut known = self.known.lock().await;
        let is_fresh = |read: i64| (0..AGE_MAX_MS).contains(&(now_ms - read));
        if !known.read_at_ms.is_some_and(is_fresh) {
            match self.kv.walk(KEYS).await {
                Ok(records) => {
                    let read = records
                        .iter()
                        .filter_map(|record| serde_json::from_slice(&record.value).ok());
                    known.off = Arc::new(read.collect());
                    known.read_at_ms = Some(now_ms);
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the switches of triggers cannot be read just now"
                ),
            }
        }
        Arc::clone(&known.off)
    }
}

/// Why triggers of a type fire nothing, if they are switched off.
pub(crate) fn reason(off: &[Switch], kind: &str) -> Option<String> {
    let switch = off.iter().find(|switch| switch.holds(kind))?;
    let Switch {
        name, by, reason, ..
    } = switch;
    Some(format!(
        "{} are switched off by {by}: {reason}",
        match name.as_str() {
            gennaker_model::switch::ALL => "triggers".to_owned(),
            name => format!("triggers of the type {name:?}"),
        }
    ))
}
