//! Doubles for the tests of this crate: a worker over the in-memory broker, and a target that answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use gennaker_bus::{Bucket, Bus, Layout, TaskAddress, layout, memory::Broker, token};
use gennaker_model::{
    AttemptId, EffectId, ExecutionId, Map, StageId,
    command::{Answer, Reply},
    work::{Order, Outcome, TaskMessage, TaskReport, VERSION},
};
use gennaker_outbound::{Client, Exceptions, Policy};
use gennaker_runtime::{CancellationToken, Clock, Scope};
use gennaker_store::Store;
use gennaker_worker::{
    Options, Pool, Worker,
    ledger::{Entry, State},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// A pool at work.
pub(crate) struct Fixture {
    pub store: Store,
    pub bus: Bus,
    reports: mpsc::UnboundedReceiver<TaskReport>,
    attempts: u64,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(crate::SecretHeaders::default()).await
    }

    pub(crate) async fn with(secrets: crate::SecretHeaders) -> Self {
        Self::with_services(secrets, |services| services).await
    }

    /// With these services, made from none.
    pub(crate) async fn with_services(
        secrets: crate::SecretHeaders,
        services: impl FnOnce(crate::Services) -> crate::Services,
    ) -> Self {
        Self::with_settings(secrets, services, &gennaker_settings::Settings::default()).await
    }

    /// With the channels of these settings.
    pub(crate) async fn with_settings(
        secrets: crate::SecretHeaders,
        services: impl FnOnce(crate::Services) -> crate::Services,
        settings: &gennaker_settings::Settings,
    ) -> Self {
        // The broker's clock is an hour behind, so that what is written to the ledger here looks old to the worker.
        let behind_ms = u64::try_from(Clock::system().now_ms() - 3_600_000).unwrap();
        let broker = Broker::starting_at(1, behind_ms);
        let bus = Bus::memory(&broker, "owner");
        let layout = Layout {
            pools: vec![layout::Pool::new(crate::POOL)],
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let (sender, reports) = mpsc::unbounded_channel();
        let mut commands = bus.serve_commands(0).await.unwrap();
        let scope = Scope::root("test");
        let blobs = gennaker_store::Blobs::kv(&bus);
        scope.spawn("owner", async move {
            while let Some(command) = commands.next().await {
                let payload = blobs.open(command.payload).await.unwrap();
                let _ = sender.send(serde_json::from_slice(&payload).unwrap());
                let answer = Answer {
                    partition: 0,
                    sequence: 1,
                    result: Ok(Reply::Report { stale: false }),
                };
                command
                    .responder
                    .send(serde_json::to_vec(&answer).unwrap().into())
                    .await
                    .unwrap();
            }
        });
        let exceptions = Exceptions {
            allow_loopback: true,
            ..Exceptions::default()
        };
        let options = gennaker_outbound::Options {
            read_timeout: Duration::from_millis(700),
            ..crate::client_options()
        };
        let trusted = Client::new(Policy::trusted(), options.clone()).unwrap();
        let services = services(crate::Services::without_credentials(trusted.clone()));
        let client = Client::new(Policy::untrusted(&exceptions).unwrap(), options).unwrap();
        let clients = gennaker_channels::Clients {
            trusted,
            untrusted: client.clone(),
        };
        let clock = Clock::system();
        let channels = gennaker_channels::Channels::new(settings, clients, &clock, None).unwrap();
        let store = Store::new(&Bus::memory(&broker, "worker")).reading_addresses(&bus);
        let again_after = Duration::from_millis(5);
        let templates = crate::ReadTemplates::new(client.clone(), None, again_after);
        let pool = Pool {
            name: crate::POOL.into(),
            concurrency: 4,
            tasks: crate::notifications::answering(
                crate::registry_with(
                    &client,
                    &store,
                    &secrets,
                    &services,
                    &channels,
                    templates,
                    again_after,
                ),
                &channels,
                &clock,
            ),
        };
        let options = Options {
            name: "worker".into(),
            zone: None,
            seed: 1,
            pools: vec![pool],
            drain: Duration::from_secs(1),
        };
        let worker = Worker::new(Bus::memory(&broker, "worker"), Clock::system(), options);
        scope.spawn("worker", async move {
            worker.run(CancellationToken::new()).await;
        });
        Self {
            store,
            bus,
            reports,
            attempts: 0,
        }
    }

    /// A task of this kind and input, not yet published; each has an effect of its own.
    pub(crate) fn task(&mut self, kind: &str, input: Value) -> TaskMessage {
        self.attempts += 1;
        let execution = ExecutionId::new(format!("E{}", self.attempts)).unwrap();
        let stage = StageId::new("S").unwrap();
        TaskMessage {
            v: VERSION,
            partition: 0,
            application: "demo".into(),
            ref_id: "1".into(),
            task: "1".into(),
            attempt: AttemptId(self.attempts),
            kind: kind.into(),
            order: Order::Run,
            pool: crate::POOL.into(),
            zone: None,
            effect: Some(EffectId::of(&execution, &stage, 0, "1", 0)),
            input: input.as_object().unwrap().clone(),
            user: "anna".into(),
            deadline_ms: None,
            trace: None,
            execution,
            stage,
        }
    }

    /// Runs a task to its report.
    pub(crate) async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let task = self.task(kind, input);
        self.finish(&task).await
    }

    /// Publishes a task and waits for its report.
    pub(crate) async fn finish(&mut self, task: &TaskMessage) -> Outcome {
        let address = TaskAddress {
            zone: None,
            execution: task.execution.to_string(),
            stage: task.stage.to_string(),
            task: task.task.clone(),
            attempt: task.attempt.0,
        };
        let payload = serde_json::to_vec(task).unwrap().into();
        self.bus
            .tasks(crate::POOL)
            .publish(&address, payload)
            .await
            .unwrap();
        let report = tokio::time::timeout(Duration::from_secs(20), self.reports.recv()).await;
        report.expect("a report within 20 s").unwrap().outcome
    }

    /// Leaves the ledger as a worker does that was killed during its call, long ago.
    pub(crate) async fn lose_worker_of(&self, task: &TaskMessage) {
        let worker = "lost#1".to_owned();
        let state = State::Intent {
            worker,
            attempt: task.attempt,
            heartbeat_ms: 0,
            reference: None,
        };
        let key = token(task.effect.as_ref().unwrap().as_str());
        let value = serde_json::to_vec(&Entry::new(state)).unwrap().into();
        self.bus
            .kv(Bucket::Effect(crate::POOL.into()))
            .put_if(&key, 0, value, None)
            .await
            .unwrap();
    }
}

/// The context of an outcome, whatever it is.
pub(crate) fn context(outcome: &Outcome) -> &Map {
    match outcome {
        Outcome::Running { context, .. }
        | Outcome::Succeeded { context, .. }
        | Outcome::Failed { context, .. }
        | Outcome::Canceled { context }
        | Outcome::Closed { context, .. } => context,
    }
}

/// The first of `details.errors` of a failure's exception.
pub(crate) fn error(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed {
            exception: Some(exception),
            ..
        } => exception["details"]["errors"][0]
            .as_str()
            .unwrap()
            .to_owned(),
        other => panic!("no exception: {other:?}"),
    }
}

/// A request that the target got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// An HTTP server that answers with what it was given, one after the other; nothing at all for `None`.
pub(crate) struct Target {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Target {
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Option<String>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (seen, mut answers) = (
            Arc::clone(&got),
            answers.into_iter().collect::<VecDeque<_>>(),
        );
        Scope::root("target").spawn("server", async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request);
                match answers.pop_front().flatten() {
                    Some(answer) => {
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                    None => silent.push(stream),
                }
            }
        });
        Self { url, got }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// A whole HTTP answer.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    ))
}

/// An answer with a JSON body.
pub(crate) fn json_answer(status: u16, body: &str) -> Option<String> {
    answer(status, "Content-Type: application/json\r\n", body)
}

async fn read(stream: &mut TcpStream) -> Got {
    let mut bytes = Vec::new();
    let head = loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the request ends in its head");
        bytes.extend_from_slice(&chunk[..count]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (
        first.next().unwrap().to_owned(),
        first.next().unwrap().to_owned(),
    );
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            line.split_once(':')
                .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
                .unwrap()
        })
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        body.extend_from_slice(&chunk[..count]);
    }
    Got {
        method,
        path,
        headers,
        body: String::from_utf8(body).unwrap(),
    }
}
