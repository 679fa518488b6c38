//! The rights that a worker needs, and no more.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gennaker_bus::{Bucket, Bus, Class, CommandError, Layout, Options, Put, TaskAddress, subject};
use gennaker_testkit::nats::Server;
use tokio::sync::Semaphore;

const DEADLINE: Duration = Duration::from_secs(20);

/// What a worker of the pool `deploy` may do; the manual lists the same.
const WORKER: &str = r#"
{ user: worker, password: secret, permissions: {
    publish: [
        "$JS.API.CONSUMER.INFO.GK_TASK_deploy.*"
        "$JS.API.CONSUMER.MSG.NEXT.GK_TASK_deploy.*"
        "$JS.ACK.GK_TASK_deploy.>"
        "$JS.ACK.*.*.GK_TASK_deploy.>"
        "gk.cmd.*.report"
        "gk.alive.*"
        "$KV.gk_effect_deploy.>"
        "$JS.API.STREAM.INFO.KV_gk_effect_deploy"
        "$JS.API.STREAM.MSG.GET.KV_gk_effect_deploy"
    ]
    subscribe: [ "_INBOX_deploy.>", "gk.abort.deploy.*" ]
} }
"#;

#[tokio::test]
async fn a_worker_works_with_its_rights_and_writes_nothing_else() {
    let server = Server::start_with_users(WORKER);
    let options = Options::new(server.url(), "owner");
    let owner = Bus::connect(options.with_password(server.user(), server.password()))
        .await
        .unwrap();
    owner.bootstrap(&Layout::default()).await.unwrap();
    let mut options = Options::new(server.url(), "worker").with_password("worker", "secret");
    options.inbox_prefix = Some("_INBOX_deploy".to_owned());
    options.request_timeout = Duration::from_millis(500);
    let worker = Bus::connect(options).await.unwrap();

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
    let mut tasks = worker
        .tasks("deploy")
        .pull(None, Arc::new(Semaphore::new(1)))
        .await
        .unwrap();
    let delivery = tokio::time::timeout(DEADLINE, tasks.next())
        .await
        .unwrap()
        .unwrap();

    let ledger = worker.kv(Bucket::Effect("deploy".to_owned()));
    let put = ledger
        .put_if("01JX.1.run", 0, Bytes::from_static(b"intent"), None)
        .await
        .unwrap();
    assert!(matches!(put, Put::Done(_)));
    assert!(ledger.get("01JX.1.run").await.unwrap().is_some());

    let mut aborts = worker
        .subscribe(subject::abort_all("deploy"))
        .await
        .unwrap();
    let mut heartbeats = owner.subscribe(subject::heartbeat_all()).await.unwrap();
    let mut commands = owner.serve_commands(0).await.unwrap();
    owner.log(0).last().await.unwrap();
    worker
        .publish(subject::heartbeat(0), Bytes::from_static(b"alive"))
        .await
        .unwrap();
    tokio::time::timeout(DEADLINE, heartbeats.next())
        .await
        .unwrap()
        .unwrap();
    let report = worker.command(0, Class::Report, Bytes::new(), DEADLINE);
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
    let short = Duration::from_secs(2);
    let forbidden = worker.log(0);
    let append = forbidden.append(0, "w-1", Bytes::new());
    assert!(
        tokio::time::timeout(short, append).await.is_err(),
        "it may not append"
    );
    let request = worker.command(0, Class::Request, Bytes::new(), short).await;
    assert!(matches!(request, Err(CommandError::Timeout)), "{request:?}");
    assert_eq!(owner.log(0).last().await.unwrap(), None);
}
