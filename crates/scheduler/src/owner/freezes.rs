//! Freezes of applications and pipelines: known to every owner, so that a start is refused wherever it comes from.
//!
//! They are read when a partition is taken over and again when whoever changed them says so, who is answered only then.

use std::collections::BTreeMap;

use gennaker_bus::{Bucket, Bus};
use gennaker_model::{
    Map,
    command::{Refusal, RefusalCode, Reply},
    freeze::{Freeze, KEYS, Target},
};
use serde_json::Value;

use super::{Arrival, Owner, caller::Caller};

/// All freezes.
#[derive(Default)]
pub(crate) struct Freezes(BTreeMap<Target, Freeze>);

impl Freezes {
    /// Reads all of them.
    pub async fn read(bus: &Bus) -> Result<Self, String> {
        let records = bus.kv(Bucket::Cfg).walk(KEYS).await;
        let mut freezes = BTreeMap::new();
        for record in records.map_err(|error| error.to_string())? {
            let freeze: Freeze = serde_json::from_slice(&record.value)
                .map_err(|error| format!("freeze {} cannot be read: {error}", record.key))?;
            freezes.insert(freeze.target.clone(), freeze);
        }
        Ok(Self(freezes))
    }

    /// The freeze that forbids the start of a configuration.
    pub fn of(&self, config: &Map) -> Option<&Freeze> {
        if self.0.is_empty() {
            return None;
        }
        let text = |key: &str| config.get(key).and_then(Value::as_str);
        let application = text("application").map(Target::application);
        let pipeline = text("id").map(|id| Target::Pipeline(id.to_owned()));
        application
            .into_iter()
            .chain(pipeline)
            .find_map(|target| self.0.get(&target))
    }
}

impl Owner {
    /// Reads the freezes again beside the loop.
    pub(super) fn read_freezes(&self, responder: Caller) {
        let bus = self.around.bus.clone();
        let sender = self.sender.clone();
        self.beside("freezes", async move {
            let read = Freezes::read(&bus).await;
            let _ = sender.send(Arrival::Freezes { read, responder }).await;
        });
    }

    pub(super) fn freezes_read(&mut self, read: Result<Freezes, String>, responder: Caller) {
        let answer = match read {
            Ok(freezes) => {
                self.freezes = freezes;
                Ok(Reply::Done)
            }
            Err(message) => Err(Refusal {
                code: RefusalCode::Busy,
                message,
                execution: None,
            }),
        };
        self.answer(Some(responder), answer);
    }
}
