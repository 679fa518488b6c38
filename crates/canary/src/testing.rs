//! What the tests of this crate share: a scope, and a server that answers from a list.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use gennaker_outbound::{Client, Options, Policy};
use gennaker_testkit::http::{Reply, Server};
use serde_json::Value;

use crate::{
    accounts::Account,
    metric_set::MetricSet,
    request::Scope,
    source::{Question, Trouble},
    sources::fetch,
};

pub(crate) const START: i64 = 1_767_225_600_000;

/// Five minutes of 2026, a point every minute.
pub(crate) fn scope() -> Scope {
    Scope {
        scope: Some("some-server-group".to_owned()),
        location: None,
        start_ms: START,
        end_ms: START + 300_000,
        step: 60,
        parameters: BTreeMap::new(),
    }
}

/// Asks an account for a metric.
pub(crate) async fn ask(
    account: &Account,
    query: &Value,
    scope: &Scope,
) -> Result<Vec<MetricSet>, Trouble> {
    let client = Client::new(Policy::trusted(), Options::default()).unwrap();
    fetch(Question {
        client: &client,
        account,
        metric: "errors",
        query: query.as_object().unwrap(),
        templates: None,
        scope,
    })
    .await
}

/// A server of recorded answers, the last of which repeats.
pub(crate) struct Recorded {
    pub(crate) url: String,
    server: Server,
}

impl Recorded {
    pub(crate) async fn answering(answers: &[(u16, &str)]) -> Self {
        let answers: Vec<(u16, String)> = answers
            .iter()
            .map(|&(code, text)| (code, text.to_owned()))
            .collect();
        let next = AtomicUsize::new(0);
        let server = Server::start(move |_| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (code, text) = &answers[at.min(answers.len() - 1)];
            Reply::status(*code, text).with("Content-Type", "application/json")
        })
        .await;
        Self {
            url: server.url(""),
            server,
        }
    }

    /// The heads of all requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.server
            .seen()
            .iter()
            .map(gennaker_testkit::http::Seen::head)
            .collect()
    }
}
