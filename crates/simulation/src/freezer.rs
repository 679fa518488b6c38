//! Somebody who freezes a pipeline for a while.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use gennaker_bus::Bucket;
use gennaker_model::{
    command::{Refusal, RefusalCode, Reply, Request},
    freeze::{Freeze, KEYS, Target},
};
use tokio::time::sleep;

use crate::{client::Client, promise::Promise, random::Random, witness::Witness};

/// What is frozen, and when.
pub(crate) struct Freezer {
    pipeline: String,
    witness: Arc<Mutex<Witness>>,
    begins_ms: u64,
    lasts_ms: u64,
}

impl Freezer {
    pub fn new(random: &mut Random, pipeline: String, witness: Arc<Mutex<Witness>>) -> Self {
        Self {
            pipeline,
            witness,
            begins_ms: random.between(0..=8_000),
            lasts_ms: random.between(500..=15_000),
        }
    }

    /// Freezes and thaws. Between the answers of all owners and the begin of the thaw nothing may start.
    pub async fn run(self, mut client: Client) {
        sleep(Duration::from_millis(self.begins_ms)).await;
        let freeze = Freeze {
            target: Target::Pipeline(self.pipeline.clone()),
            by: "carol".to_owned(),
            at_ms: client.clock.now_ms(),
            reason: "the release".to_owned(),
        };
        let record = Bytes::from(serde_json::to_vec(&freeze).expect("a freeze always serialises"));
        let kv = client.bus.kv(Bucket::Cfg);
        let key = format!("{KEYS}.pipeline.{}", self.pipeline);
        // Only this one writes under the key: a conflict is an earlier try.
        while kv.put_if(&key, 0, record.clone(), None).await.is_err() {
            sleep(Duration::from_millis(200)).await;
        }
        if !tell_all(&mut client).await {
            return;
        }
        self.witness().freeze(&self.pipeline);
        client
            .trace
            .line(|| format!("pipeline {} is frozen", self.pipeline));
        sleep(Duration::from_millis(self.lasts_ms)).await;
        self.witness().thaw(&self.pipeline);
        client
            .trace
            .line(|| format!("pipeline {} is not frozen any more", self.pipeline));
        loop {
            let deleted = match kv.get(&key).await {
                Ok(None) => true,
                Ok(Some(held)) => kv.delete_if(&key, held.revision).await.is_ok(),
                Err(_) => false,
            };
            if deleted {
                break;
            }
            sleep(Duration::from_millis(200)).await;
        }
        tell_all(&mut client).await;
    }

    fn witness(&self) -> MutexGuard<'_, Witness> {
        self.witness.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every owner has read the freezes; false when one did not answer for minutes.
async fn tell_all(client: &mut Client) -> bool {
    for partition in 0..client.partitions {
        match client
            .ask_partition(partition, None, Request::Freezes)
            .await
        {
            Ok(Reply::Done) => {}
            Err(Refusal {
                code: RefusalCode::Expired,
                ..
            }) => return false,
            other => {
                let sentence = format!("a freeze was answered with {other:?}");
                client.verdict.broken(Promise::NothingLost, sentence);
                return false;
            }
        }
    }
    true
}
