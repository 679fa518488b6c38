//! A worker that bakes, accounts from settings, and a repository with a chart.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use gennaker_artifacts::Accounts;
use gennaker_bake::{Baker, Limits, Tools};
use gennaker_model::{
    AttemptId, ExecutionId, StageId,
    work::{Order, Outcome, TaskMessage, VERSION},
};
use gennaker_outbound::Exceptions;
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{File, load};
use gennaker_testkit::bakers;
use gennaker_worker::Registry;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{POOL, testing::Bench};

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Accounts of these settings that may call this machine.
pub(crate) fn accounts(settings: &str) -> Accounts {
    let settings = load(
        Some(File {
            name: "test",
            text: settings,
        }),
        Vec::new(),
    )
    .unwrap();
    Accounts::new(gennaker_artifacts::Options {
        artifacts: settings.artifacts,
        exceptions: Exceptions {
            allow_loopback: true,
            allowed_patterns: vec!["127.0.0.1".to_owned()],
            ..Exceptions::default()
        },
        http: gennaker_outbound::Options::default(),
        zone: None,
        clock: Clock::system(),
        templates: None,
    })
    .unwrap()
}

/// A pool at work that bakes.
pub(super) struct Fixture(Bench);

impl Fixture {
    pub(super) async fn new(accounts: &Accounts) -> Self {
        Self::with(
            accounts,
            Tools {
                helm3: Some(bakers::HELM3.path()),
                ..Tools::default()
            },
        )
        .await
    }

    pub(super) async fn without_programs(accounts: &Accounts) -> Self {
        Self::with(
            accounts,
            Tools {
                helmfile: Some("/nowhere/helmfile".into()),
                ..Tools::default()
            },
        )
        .await
    }

    async fn with(accounts: &Accounts, tools: Tools) -> Self {
        let baker = Arc::new(Baker::new(gennaker_bake::Options {
            tools,
            limits: Limits {
                time: Duration::from_secs(60),
                output_bytes_max: 1 << 20,
                files_bytes_max: 16 << 20,
                files_max: 500,
                memory_bytes_max: 2 << 30,
            },
            allow_hooks_and_post_renderers: false,
            overrides_file_threshold: 0,
        }));
        let mut tasks = super::tasks(accounts, &baker);
        tasks.extend(crate::kubernetes::fetching(accounts));
        let scope = Scope::root("test");
        let bench = Bench::start(scope, Registry::new(tasks), Duration::ZERO).await;
        Self(bench)
    }

    /// Runs a task to its report.
    pub(super) async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed) + 1;
        let execution = ExecutionId::new(format!("E{number}")).unwrap();
        let stage = StageId::new("S").unwrap();
        let task = TaskMessage {
            v: VERSION,
            partition: 0,
            application: "web".into(),
            ref_id: "1".into(),
            task: "1".into(),
            attempt: AttemptId(number),
            kind: kind.into(),
            order: Order::Run,
            pool: POOL.into(),
            zone: None,
            effect: None,
            input: input.as_object().unwrap().clone(),
            user: "anna".into(),
            deadline_ms: None,
            trace: None,
            execution,
            stage,
        };
        self.0.run(&task).await
    }
}

/// The text of an embedded artifact.
pub(super) fn text_of(artifact: &Value) -> String {
    String::from_utf8(
        STANDARD
            .decode(artifact["reference"].as_str().unwrap())
            .unwrap(),
    )
    .unwrap()
}

/// A repository with the chart `web` 0.1.0; its address. It ends with the test's runtime.
pub(super) async fn chart_server() -> String {
    let index = "apiVersion: v1\nentries:\n  web:\n  - version: 0.1.0\n    urls: [web-0.1.0.tgz]\n";
    let chart = chart();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let scope = Scope::root("repository");
    scope.spawn("repository", async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 8 * 1024];
            let count = stream.read(&mut head).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&head[..count]).into_owned();
            let body = match asked.split(' ').nth(1) {
                Some("/index.yaml") => index.as_bytes(),
                Some("/web-0.1.0.tgz") => &chart,
                _ => b"",
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body).await;
            let _ = stream.shutdown().await;
        }
    });
    // Kept for as long as the program runs: it is a test's.
    std::mem::forget(scope);
    address
}

fn chart() -> Vec<u8> {
    let files = [
        (
            "web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 0.1.0\n",
        ),
        (
            "web/templates/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\n\
             data:\n  tag: {{ .Values.tag | quote }}\n  color: {{ .Values.color }}\n",
        ),
    ];
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut head = tar::Header::new_gnu();
        head.set_mode(0o644);
        head.set_size(content.len() as u64);
        tar.append_data(&mut head, path, content.as_bytes())
            .unwrap();
    }
    let mut zipped = tar.into_inner().unwrap();
    zipped.flush().unwrap();
    zipped.finish().unwrap()
}
