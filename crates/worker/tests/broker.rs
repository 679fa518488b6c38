//! A worker over a real broker: what the in-memory twin promises holds there too.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use gennaker_bus::{Bus, Layout, Options as BusOptions, TaskAddress, layout, subject};
use gennaker_model::{
    AttemptId, EffectId, ExecutionId, Map, StageId,
    command::{Answer, Reply},
    work::{Abort, Order, Outcome, TaskMessage, TaskReport, VERSION},
};
use gennaker_runtime::{CancellationToken, Clock, Scope};
use gennaker_testkit::nats::Server;
use gennaker_worker::{
    BoxFuture, Ctx, Done, Effect, Failure, Options, Pool, Registry, Stopped, Task, Worker,
};
use tokio::sync::mpsc;

/// Calls once, within a second; stopping it always works.
struct Caller(Arc<AtomicUsize>);

impl Task for Caller {
    fn kind(&self) -> &'static str {
        "caller"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Blind { call_ms_max: 5_000 }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let call = ctx.call(Duration::from_secs(1), |_| async {
                self.0.fetch_add(1, Ordering::SeqCst);
                ctx.clock().sleep(Duration::from_millis(100)).await;
            });
            call.await?;
            Ok(Done::default())
        })
    }

    fn stop<'a>(
        &'a self,
        _ctx: &'a Ctx,
        _reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async { Ok(Stopped::Gone) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_run_once_reported_closed_and_acknowledged() {
    let server = Server::start();
    let bus = connect(&server, "owner").await;
    let layout = Layout {
        pools: vec![layout::Pool::new("notify")],
        zones: vec!["a".to_owned()],
        ..Layout::default()
    };
    bus.bootstrap(&layout).await.unwrap();
    let scope = Scope::root("test");
    let calls = Arc::new(AtomicUsize::new(0));
    let worker_bus = connect(&server, "worker").await;
    worker_bus.remember(&layout);
    let options = Options {
        name: "worker".to_owned(),
        zone: Some("a".to_owned()),
        seed: 1,
        pools: vec![Pool {
            name: "notify".to_owned(),
            concurrency: 8,
            tasks: Registry::new([Arc::new(Caller(Arc::clone(&calls))) as Arc<dyn Task>]),
        }],
        drain: Duration::from_secs(2),
    };
    let (cancel, worker) = (
        CancellationToken::new(),
        Worker::new(worker_bus, Clock::system(), options),
    );
    let (ended, end) = tokio::sync::oneshot::channel();
    let token = cancel.clone();
    scope.spawn("worker", async move {
        let _ = ended.send(worker.run(token).await);
    });

    // Nobody owns the partition yet: results are kept, and told when somebody does.
    for attempt in 0..20 {
        let zone = (attempt % 2 == 0).then(|| "a".to_owned());
        publish(
            &bus,
            &TaskMessage {
                zone,
                ..message(attempt, attempt)
            },
        )
        .await;
    }
    until("every call was made", || calls.load(Ordering::SeqCst) == 20).await;
    let (sender, mut reports) = mpsc::unbounded_channel::<TaskReport>();
    let mut commands = bus.serve_commands(0).await.unwrap();
    scope.spawn("owner", async move {
        while let Some(command) = commands.next().await {
            sender
                .send(serde_json::from_slice(&command.payload).unwrap())
                .unwrap();
            let result = Ok(Reply::Report { stale: false });
            let answer = Answer {
                partition: 0,
                sequence: 1,
                result,
            };
            command
                .responder
                .send(serde_json::to_vec(&answer).unwrap().into())
                .await
                .unwrap();
        }
    });
    for _ in 0..20 {
        let report = next(&mut reports).await;
        assert!(
            matches!(report.outcome, Outcome::Succeeded { .. }),
            "{report:?}"
        );
    }

    // The effects are known: told again, closed, and never called again.
    publish(&bus, &message(0, 100)).await;
    assert!(matches!(
        next(&mut reports).await.outcome,
        Outcome::Succeeded { .. }
    ));
    publish(
        &bus,
        &TaskMessage {
            order: Order::Close,
            ..message(0, 101)
        },
    )
    .await;
    assert!(matches!(
        next(&mut reports).await.outcome,
        Outcome::Closed { remains: None, .. }
    ));
    let abort = Abort {
        execution: message(0, 0).execution,
        attempt: AttemptId(0),
    };
    let payload = serde_json::to_vec(&abort).unwrap().into();
    bus.publish(subject::abort("notify", Some("a")), payload)
        .await
        .unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 20);

    cancel.cancel();
    let report = tokio::time::timeout(Duration::from_secs(10), end)
        .await
        .unwrap()
        .unwrap();
    assert!(report.is_clean(), "{report:?}");
    // What was acknowledged can be published anew, and nobody is there to take it.
    publish(&bus, &message(0, 100)).await;
}

fn message(number: u64, attempt: u64) -> TaskMessage {
    let execution = ExecutionId::new(format!("E{number}")).unwrap();
    let stage = StageId::new("S").unwrap();
    TaskMessage {
        v: VERSION,
        partition: 0,
        application: "demo".into(),
        ref_id: "1".into(),
        task: "1".into(),
        attempt: AttemptId(attempt),
        kind: "caller".into(),
        order: Order::Run,
        pool: "notify".into(),
        zone: None,
        effect: Some(EffectId::of(&execution, &stage, 0, "1", 0)),
        input: Map::new(),
        user: "anna".into(),
        deadline_ms: None,
        trace: None,
        execution,
        stage,
    }
}

async fn publish(bus: &Bus, message: &TaskMessage) {
    let address = TaskAddress {
        zone: message.zone.clone(),
        execution: message.execution.to_string(),
        stage: message.stage.to_string(),
        task: message.task.clone(),
        attempt: message.attempt.0,
    };
    let payload = serde_json::to_vec(message).unwrap().into();
    let published = bus
        .tasks("notify")
        .publish(&address, payload)
        .await
        .unwrap();
    assert_eq!(published, gennaker_bus::Published::Stored);
}

async fn next(reports: &mut mpsc::UnboundedReceiver<TaskReport>) -> TaskReport {
    let report = tokio::time::timeout(Duration::from_secs(20), reports.recv()).await;
    report.expect("a report within 20 s").unwrap()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect(what);
}

async fn connect(server: &Server, name: &str) -> Bus {
    let options =
        BusOptions::new(server.url(), name).with_password(server.user(), server.password());
    Bus::connect(options).await.unwrap()
}
