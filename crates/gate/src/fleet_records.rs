//! What people order for the whole fleet and take back again: freezes, switches. Each is one record in the bucket of settings, with
//! who gave it and why.

use bytes::Bytes;
use gennaker_bus::{Bucket, Error, Kv, Put};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Gate, call::Call, problem::Problem};

/// Tries to write a record that others write at the same time.
const TRIES: usize = 5;

/// Longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1_000;

/// Records of one sort.
pub(crate) struct FleetRecords {
    kv: Kv,
    words: &'static Words,
}

/// How a sort of records is spoken of.
pub(crate) struct Words {
    /// One of them, as a sentence begins.
    pub(crate) one: &'static str,
    /// All of them, as a sentence begins.
    pub(crate) all: &'static str,
    /// What others do who write the same one.
    pub(crate) busy: &'static str,
}

impl FleetRecords {
    pub(crate) fn new(gate: &Gate, words: &'static Words) -> Self {
        let kv = gate.bus().kv(Bucket::Cfg);
        Self { kv, words }
    }

    /// Those below a key.
    pub(crate) async fn list<T: DeserializeOwned>(&self, below: &str) -> Result<Vec<T>, Problem> {
        let records = self.kv.walk(below).await;
        let records = records.map_err(|error| self.unavailable(&error))?;
        let read = |value: &Bytes| {
            serde_json::from_slice(value).map_err(|error| {
                Problem::internal(format!("{} cannot be read: {error}", self.words.one))
            })
        };
        records.iter().map(|record| read(&record.value)).collect()
    }

    /// Writes one, over whatever was there.
    pub(crate) async fn put<T: Serialize>(&self, key: &str, record: &T) -> Result<(), Problem> {
        let value = serde_json::to_vec(record);
        let value = value.map_err(|error| Problem::internal(error.to_string()))?;
        let value = Bytes::from(value);
        for _ in 0..TRIES {
            let revision = self.revision(key).await?.unwrap_or(0);
            let put = self.kv.put_if(key, revision, value.clone(), None).await;
            if self.is_done(put)? {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    /// Takes one back, if it is there.
    pub(crate) async fn remove(&self, key: &str) -> Result<(), Problem> {
        for _ in 0..TRIES {
            let Some(revision) = self.revision(key).await? else {
                return Ok(());
            };
            let deleted = self.kv.delete_if(key, revision).await;
            if self.is_done(deleted)? {
                return Ok(());
            }
        }
        Err(self.busy())
    }

    async fn revision(&self, key: &str) -> Result<Option<u64>, Problem> {
        let held = self.kv.get(key).await;
        let held = held.map_err(|error| self.unavailable(&error))?;
        Ok(held.map(|record| record.revision))
    }

    fn is_done(&self, put: Result<Put, Error>) -> Result<bool, Problem> {
        let put = put.map_err(|error| self.unavailable(&error))?;
        Ok(put != Put::Conflict)
    }

    fn busy(&self) -> Problem {
        Problem::unavailable(self.words.busy)
    }

    fn unavailable(&self, error: &Error) -> Problem {
        Problem::unavailable(format!("{} cannot be reached: {error}", self.words.all))
    }
}

/// The `reason` in a body; nothing is ordered without one.
pub(crate) fn reason(call: &Call) -> Result<String, Problem> {
    let body = call.object()?;
    let reason = body.get("reason").and_then(Value::as_str).map(str::trim);
    match reason {
        Some(reason) if !reason.is_empty() && reason.len() <= REASON_BYTES_MAX => {
            Ok(reason.to_owned())
        }
        _ => Err(Problem::bad_request(format!(
            "reason must be a text of at most {REASON_BYTES_MAX} bytes"
        ))),
    }
}
