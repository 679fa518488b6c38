//! The rights that a worker needs, and no more.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::rights::{self, Role};
use gennaker_bus::{Bucket, Bus, Class, CommandError, Layout, Options, Put, TaskAddress, subject};
use gennaker_testkit::nats::Server;
use tokio::sync::Semaphore;

const DEADLINE: Duration = Duration::from_secs(20);
/// How long something is waited for that must not come.
const SHORT: Duration = Duration::from_secs(2);

fn worker() -> Role {
    Role::Worker {
        pool: "deploy".to_owned(),
    }
}

/// A server with a user for each role, whose passwords are `secret`.
fn server(layout: &Layout) -> Server {
    let mut users = rights::to_configuration(layout);
    for role in Role::all(layout) {
        let variable = format!("${}", rights::password_variable(&role));
        users = users.replace(&variable, "secret");
    }
    let users = users.trim().strip_prefix("users: [").unwrap();
    Server::start_with_users(users.strip_suffix(']').unwrap())
}

async fn owner(server: &Server) -> Bus {
    let options =
        Options::new(server.url(), "owner").with_password(server.user(), server.password());
    Bus::connect(options).await.unwrap()
}

#[tokio::test]
async fn a_worker_works_with_its_rights_and_writes_nothing_else() {
    let layout = Layout::default();
    let server = server(&layout);
    let owner = owner(&server).await;
    owner.bootstrap(&layout).await.unwrap();
    let mut options = Options::new(server.url(), "worker").with_password("worker-deploy", "secret");
    options.inbox_prefix = Some(worker().inbox_prefix());
    options.request_timeout = Duration::from_millis(500);
    let worker_bus = Bus::connect(options).await.unwrap();
    worker_bus.verify(&layout, &worker()).await.unwrap();

    let address = TaskAddress {
        zone: None,
        execution: "01JX".to_owned(),
        stage: "1".to_owned(),
        task: "run".to_owned(),
        attempt: 1,
    };
    owner
        .tasks("deploy")
        .publish(&address, Bytes::new())
        .await
        .unwrap();
    let mut tasks = worker_bus
        .tasks("deploy")
        .pull(None, Arc::new(Semaphore::new(1)))
        .await
        .unwrap();
    let delivery = tokio::time::timeout(DEADLINE, tasks.next())
        .await
        .unwrap()
        .unwrap();

    let ledger = worker_bus.kv(Bucket::Effect("deploy".to_owned()));
    let put = ledger
        .put_if("01JX.1.run", 0, Bytes::from_static(b"intent"), None)
        .await
        .unwrap();
    assert!(matches!(put, Put::Done(_)));
    assert!(ledger.get("01JX.1.run").await.unwrap().is_some());
    assert_eq!(ledger.walk("01JX").await.unwrap().len(), 1);

    let mut aborts = worker_bus
        .subscribe(subject::abort_all("deploy"))
        .await
        .unwrap();
    let mut heartbeats = owner.subscribe(subject::heartbeat_all()).await.unwrap();
    let mut commands = owner.serve_commands(0).await.unwrap();
    owner.log(0).last().await.unwrap();
    worker_bus
        .publish(subject::heartbeat(0), Bytes::from_static(b"alive"))
        .await
        .unwrap();
    tokio::time::timeout(DEADLINE, heartbeats.next())
        .await
        .unwrap()
        .unwrap();
    let report = worker_bus.command(0, Class::Report, Bytes::new(), DEADLINE);
    let answer = async {
        let command = commands.next().await.unwrap();
        command
            .responder
            .send(Bytes::from_static(b"noted"))
            .await
            .unwrap();
    };
    let (report, ()) = tokio::join!(report, answer);
    assert_eq!(&report.unwrap()[..], b"noted");
    delivery.ack().await.unwrap();
    owner
        .publish(subject::abort("deploy", None), Bytes::from_static(b"stop"))
        .await
        .unwrap();
    tokio::time::timeout(DEADLINE, aborts.next())
        .await
        .unwrap()
        .unwrap();

    // What it may not do has no answer, and no effect.
    let forbidden = worker_bus.log(0);
    let append = forbidden.append(0, "w-1", Bytes::new());
    assert!(
        tokio::time::timeout(SHORT, append).await.is_err(),
        "it may not append"
    );
    let state = worker_bus.kv(Bucket::State(0));
    let write = state.put_if("x.01JX", 0, Bytes::from_static(b"mine"), None);
    assert!(
        tokio::time::timeout(SHORT, write).await.is_err(),
        "it may not write state"
    );
    let request = worker_bus
        .command(0, Class::Request, Bytes::new(), SHORT)
        .await;
    assert!(matches!(request, Err(CommandError::Timeout)), "{request:?}");
    assert_eq!(owner.log(0).last().await.unwrap(), None);
    assert_eq!(
        owner.kv(Bucket::State(0)).get("x.01JX").await.unwrap(),
        None
    );
}

/// The broker delivers to whatever subject the maker of a consumer names, so a worker must not make any.
#[tokio::test]
async fn a_worker_cannot_make_the_broker_write_for_it() {
    let layout = Layout::default();
    let server = server(&layout);
    let owner = owner(&server).await;
    owner.bootstrap(&layout).await.unwrap();
    let ledger = owner.kv(Bucket::Effect("deploy".to_owned()));
    ledger
        .put_if("01JX.1.run", 0, Bytes::from_static(b"forged"), None)
        .await
        .unwrap();
    let stream = "KV_gk_effect_deploy";
    let make = |name: &str| {
        format!(
            r#"{{"stream_name": "{stream}", "action": "create", "config": {{"name": "{name}", "ack_policy": "none",
               "deliver_subject": "gk.log.0", "inactive_threshold": 30000000000, "mem_storage": true, "num_replicas": 1}}}}"#
        )
    };
    let connect = |user: &str, password: &str, prefix: &str| {
        async_nats::ConnectOptions::new()
            .user_and_password(user.to_owned(), password.to_owned())
            .custom_inbox_prefix(prefix)
            .request_timeout(Some(SHORT))
            .connect(server.url())
    };
    let prefix = worker().inbox_prefix();
    let forger = connect("worker-deploy", "secret", &prefix).await.unwrap();
    let subject = format!("$JS.API.CONSUMER.CREATE.{stream}.forger");
    let denied = forger.request(subject, make("forger").into()).await;
    assert!(denied.is_err(), "{denied:?}");
    assert_eq!(owner.log(0).bounds().await.unwrap().last, 0);

    // That this is the way in, and closed by the rights alone: a user with all rights gets through.
    let trusted = connect(server.user(), server.password(), "_INBOX")
        .await
        .unwrap();
    let subject = format!("$JS.API.CONSUMER.CREATE.{stream}.trusted");
    trusted
        .request(subject, make("trusted").into())
        .await
        .unwrap();
    tokio::time::timeout(DEADLINE, async {
        while owner.log(0).bounds().await.unwrap().last == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the broker has delivered into the log");
}
