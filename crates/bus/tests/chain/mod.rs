//! Writers that contend for one log, and the check of everything they were told.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Appended, Bus, Error, Options};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(90);

/// What the writers were told: by append id, the sequence, or nothing for "superseded".
type Told = Arc<Mutex<BTreeMap<String, Option<u64>>>>;

pub struct Chain {
    told: Told,
    committed: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    writers: Mutex<Option<JoinSet<()>>>,
}

impl Chain {
    /// Starts this many writers on partition 0, each with a connection of its own.
    pub async fn start(urls: &[String], writers: usize) -> Self {
        let chain = Self {
            told: Told::default(),
            committed: Arc::default(),
            stop: Arc::default(),
            writers: Mutex::new(None),
        };
        let mut tasks = JoinSet::new();
        for n in 0..writers {
            let bus = connect(urls, &format!("writer-{n}")).await;
            let (told, committed, stop) = (
                Arc::clone(&chain.told),
                Arc::clone(&chain.committed),
                Arc::clone(&chain.stop),
            );
            tasks.spawn(async move {
                let mut expected = 0;
                for count in 0_u64.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let id = format!("w{n}-{count}");
                    let outcome = bus
                        .log(0)
                        .append(expected, &id, Bytes::from(id.clone()))
                        .await
                        .unwrap();
                    let sequence = match outcome {
                        Appended::Committed(sequence) => Some(sequence),
                        Appended::Superseded => None,
                    };
                    told.lock().unwrap().insert(id, sequence);
                    expected = match sequence {
                        Some(sequence) => {
                            committed.fetch_add(1, Ordering::Relaxed);
                            // Others get their turn.
                            tokio::time::sleep(Duration::from_millis(2)).await;
                            sequence
                        }
                        None => last_sequence(&bus).await,
                    };
                }
            });
        }
        *chain.writers.lock().unwrap() = Some(tasks);
        chain
    }

    /// How many appends were acknowledged so far.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }

    /// Waits until this many appends were acknowledged.
    pub async fn progress(&self, count: u64) {
        within(&format!("{count} appends"), async {
            while self.committed() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// Stops the writers and compares what they were told with what the log holds.
    pub async fn check(&self, bus: &Bus) {
        self.stop.store(true, Ordering::Relaxed);
        let mut writers = self.writers.lock().unwrap().take().unwrap();
        while let Some(ended) = within("the writers' end", writers.join_next()).await {
            ended.unwrap();
        }
        let stored = eventually("read", async || {
            let mut stream = bus.log(0).read(1, u64::MAX).await?;
            let mut entries = Vec::new();
            while let Some(entry) = stream.next().await {
                entries.push(entry?);
            }
            Ok(entries)
        })
        .await;
        let told = self.told.lock().unwrap();
        let mut found = BTreeMap::new();
        for (at, entry) in stored.iter().enumerate() {
            assert_eq!(entry.sequence, at as u64 + 1, "the log has no gaps");
            let id = entry.append_id.clone().unwrap();
            assert_eq!(entry.payload, Bytes::from(id.clone()));
            let before = found.insert(id.clone(), entry.sequence);
            assert_eq!(before, None, "{id} is stored twice");
        }
        for (id, sequence) in told.iter() {
            assert_eq!(
                found.get(id),
                sequence.as_ref(),
                "what was said about {id} is untrue"
            );
        }
        assert_eq!(
            found.len(),
            told.values().flatten().count(),
            "nothing is stored that nobody was told of"
        );
        assert!(
            told.values().any(Option::is_none),
            "the writers did contend"
        );
    }
}

async fn last_sequence(bus: &Bus) -> u64 {
    loop {
        match bus.log(0).last().await {
            Ok(last) => return last.map_or(0, |entry| entry.sequence),
            Err(error) if error.is_transient() => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            Err(error) => panic!("read the last entry: {error}"),
        }
    }
}

/// A connection whose limits fit a server that is killed and paused.
pub async fn connect(urls: &[String], name: &str) -> Bus {
    let mut options = Options::new("", name).with_password("gennaker", "testkit");
    options.urls = urls.to_vec();
    options.ping_interval = Duration::from_secs(1);
    options.request_timeout = Duration::from_secs(1);
    eventually("connect", async || Bus::connect(options.clone()).await).await
}

/// Waits for something that must happen.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Repeats a call until the broker answers.
pub async fn eventually<T>(what: &str, mut call: impl AsyncFnMut() -> Result<T, Error>) -> T {
    within(what, async {
        loop {
            match call().await {
                Ok(value) => return value,
                Err(error) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(20)).await
                }
                Err(error) => panic!("{what}: {error}"),
            }
        }
    })
    .await
}
