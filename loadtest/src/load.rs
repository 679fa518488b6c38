//! A closed loop: so many clients, each starts a pipeline, waits until it is complete, and starts the next.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tokio::task::JoinSet;

use crate::api::Api;
use crate::completions::{Completion, Completions};
use crate::statistics::Times;

/// How long one run may take before it counts as failed.
const RUN_WITHIN: Duration = Duration::from_secs(60);
/// Pause of a client after an error.
const PAUSE: Duration = Duration::from_millis(20);
/// Errors that are kept to be shown.
const ERRORS_KEPT: usize = 10;

/// What the clients do.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many there are.
    pub clients: usize,
    /// Which pipelines; each client has one of them, in turn.
    pub pipelines: Vec<String>,
    /// Whether a start that fails is repeated, with an idempotency key, as a client does that must not lose it.
    pub insistent: bool,
    /// Most starts in a second, over all clients; none is as fast as they can.
    pub per_second_max: Option<f64>,
    /// Whether executions are deleted when they are complete, so that a long run does not fill the disk.
    pub deletes: bool,
}

/// Clients at work. They end with this value.
pub struct Load {
    shared: Rc<Shared>,
    clients: JoinSet<()>,
    /// Follows the feed; ends by being dropped.
    feed: JoinSet<()>,
}

/// What is known about the work.
pub struct Shared {
    options: Options,
    address: SocketAddr,
    completions: Completions,
    stop: Cell<bool>,
    records: RefCell<Vec<Record>>,
    in_flight: RefCell<BTreeMap<usize, Flight>>,
    errors: RefCell<Vec<String>>,
    failures: Cell<u64>,
}

/// One run that is complete.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Which client's.
    pub client: usize,
    /// When its request was sent.
    pub begin: Instant,
    /// When its end was known.
    pub end: Instant,
}

/// A run under way.
#[derive(Clone, Debug)]
pub struct Flight {
    /// The execution, when it is known.
    pub id: Option<String>,
    /// When its request was sent.
    pub since: Instant,
}

impl Load {
    /// Starts the clients. Needs a `LocalSet` around it.
    pub fn start(address: SocketAddr, options: Options) -> Self {
        let completions = Completions::new(address);
        let mut feed = JoinSet::new();
        let followed = completions.clone();
        feed.spawn_local(async move { followed.run().await });
        let count = options.clients;
        let shared = Rc::new(Shared {
            options,
            address,
            completions,
            stop: Cell::new(false),
            records: RefCell::default(),
            in_flight: RefCell::default(),
            errors: RefCell::default(),
            failures: Cell::new(0),
        });
        let mut clients = JoinSet::new();
        for client in 0..count {
            let shared = Rc::clone(&shared);
            clients.spawn_local(async move { shared.run_client(client).await });
        }
        Self {
            shared,
            clients,
            feed,
        }
    }

    /// What is known so far.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Lets every client end its run.
    pub async fn finish(mut self) -> Rc<Shared> {
        self.shared.stop.set(true);
        while self.clients.join_next().await.is_some() {}
        self.feed.shutdown().await;
        self.shared
    }
}

impl Shared {
    /// Takes out the runs that are complete.
    pub fn take_records(&self) -> Vec<Record> {
        self.records.take()
    }

    /// How many runs are complete and not taken out.
    pub fn complete(&self) -> usize {
        self.records.borrow().len()
    }

    /// Runs under way, by client.
    pub fn in_flight(&self) -> BTreeMap<usize, Flight> {
        self.in_flight.borrow().clone()
    }

    /// Runs that failed, and the first few reasons.
    pub fn failures(&self) -> (u64, Vec<String>) {
        (self.failures.get(), self.errors.borrow().clone())
    }

    /// How many ends were found by reading, because the feed told nothing.
    pub fn lost(&self) -> u64 {
        self.completions.lost()
    }

    async fn run_client(&self, client: usize) {
        let mut api = Api::new(self.address);
        #[expect(clippy::cast_precision_loss, reason = "a count of clients")]
        let pace = self
            .options
            .per_second_max
            .map(|most| Duration::from_secs_f64(self.options.clients as f64 / most));
        let nonce = format!("{}-{client}", std::process::id());
        let mut number = 0_u64;
        while !self.stop.get() {
            number += 1;
            let begin = Instant::now();
            self.in_flight.borrow_mut().insert(
                client,
                Flight {
                    id: None,
                    since: begin,
                },
            );
            let ended = self
                .run_once(&mut api, client, &format!("{nonce}-{number}"))
                .await;
            self.in_flight.borrow_mut().remove(&client);
            let took = begin.elapsed();
            match ended {
                Ok(Completion {
                    at: end,
                    succeeded: true,
                }) => self
                    .records
                    .borrow_mut()
                    .push(Record { client, begin, end }),
                Ok(_) => self.fail("an execution did not succeed"),
                Err(error) => {
                    self.fail(&format!("{error:#}"));
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if let Some(pause) = pace.and_then(|pace| pace.checked_sub(took)) {
                tokio::time::sleep(pause).await;
            }
        }
    }

    async fn run_once(&self, api: &mut Api, client: usize, key: &str) -> Result<Completion> {
        let pipelines = &self.options.pipelines;
        let pipeline = pipelines
            .get(client % pipelines.len())
            .ok_or_else(|| anyhow!("there is no pipeline"))?;
        let until = Instant::now() + RUN_WITHIN;
        let id = loop {
            match api
                .start(pipeline, self.options.insistent.then_some(key))
                .await
            {
                Ok(id) => break id,
                Err(error) if !self.options.insistent || Instant::now() > until => {
                    return Err(error);
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        if let Some(flight) = self.in_flight.borrow_mut().get_mut(&client) {
            flight.id = Some(id.clone());
        }
        let completion = self.completions.wait(&id, api, RUN_WITHIN).await?;
        if self.options.deletes {
            api.raw("DELETE", &format!("/pipelines/{id}"), None).await?;
        }
        Ok(completion)
    }

    fn fail(&self, reason: &str) {
        self.failures.set(self.failures.get() + 1);
        let mut errors = self.errors.borrow_mut();
        if errors.len() < ERRORS_KEPT {
            errors.push(reason.to_owned());
        }
    }
}

/// How long these runs took.
pub fn times(records: &[Record]) -> Times {
    Times::new(
        records
            .iter()
            .map(|record| ms(record.end - record.begin))
            .collect(),
    )
}

/// Milliseconds with their fraction.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
