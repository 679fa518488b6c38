//! A worker that bakes, accounts from settings, and a repository with a chart.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_artifacts::Accounts;
use gennaker_bake::{Baker, Limits, Tools};
use gennaker_model::work::{Outcome, TaskMessage};
use gennaker_outbound::Exceptions;
use gennaker_runtime::Clock;
use gennaker_settings::{File, load};
use gennaker_testkit::{
    bakers,
    http::{Reply, Server},
};
use gennaker_worker::{Registry, testing::Workbench};
use serde_json::Value;

use crate::POOL;

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
pub(super) struct Fixture(Workbench);

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
        let workbench = Workbench::new(POOL).await;
        workbench.work(Registry::new(tasks));
        Self(workbench)
    }

    /// Runs a task to its report.
    pub(super) async fn run(&mut self, kind: &str, input: Value) -> Outcome {
        let task = TaskMessage {
            effect: None,
            ..self.0.task(kind, input)
        };
        self.0.finish(&task).await
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

/// A repository with the chart `web` 0.1.0.
pub(super) async fn chart_server() -> Server {
    let index = "apiVersion: v1\nentries:\n  web:\n  - version: 0.1.0\n    urls: [web-0.1.0.tgz]\n";
    let chart = chart();
    Server::start(move |request| match request.path() {
        "/index.yaml" => Reply::ok(index),
        "/web-0.1.0.tgz" => Reply::bytes(chart.clone()),
        _ => Reply::ok(""),
    })
    .await
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
    bakers::archive(&files)
}
