//! What the tests of channels share: an installation whose channels all speak to one server that a test answers for.

use gennaker_model::Map;
use gennaker_outbound::{Client, Exceptions, Options, Policy};
use gennaker_runtime::Clock;
use gennaker_settings::Settings;
use gennaker_testkit::http::{Reply, Seen, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Channels, Clients, Delivery, Problem, Receipt, line::Freely, notice::Notice};

/// The time at which everything is told.
pub(crate) const NOW_MS: i64 = 1_792_000_000_123;
/// What the delivery is called.
pub(crate) const ID: &str = "01J.3.0.1.0";
/// What every file with a secret holds.
pub(crate) const SECRET: &str = "s3cret-token";
/// Where people look.
pub(crate) const BASE: &str = "https://deck.example.com";

/// Channels and what they talk to.
pub(crate) struct Fixture {
    pub(crate) channels: Channels,
    pub(crate) server: Server,
    _folder: TempDir,
}

impl Fixture {
    /// With settings for this channel; `change` gets the address of the server and the path of a file that holds [`SECRET`].
    pub(crate) async fn new(
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
        change: impl FnOnce(&mut Settings, &str, &str),
    ) -> Self {
        let server = Server::start(reply).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        let mut settings = Settings::default();
        settings.notifications.base_url = BASE.to_owned();
        change(&mut settings, &server.url(""), file.to_str().unwrap());
        settings.check().unwrap();
        let channels = channels(&settings);
        Self {
            channels,
            server,
            _folder: folder,
        }
    }

    pub(crate) async fn deliver(&self, notice: &Notice) -> Result<Receipt, Problem> {
        deliver(&self.channels, notice).await
    }

    /// The one request that arrived.
    pub(crate) fn one(&self) -> Seen {
        let seen = self.server.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().unwrap()
    }
}

pub(crate) fn channels(settings: &Settings) -> Channels {
    let exceptions = Exceptions {
        allow_loopback: true,
        ..Exceptions::default()
    };
    let options = Options {
        read_timeout: std::time::Duration::from_millis(900),
        ..Options::default()
    };
    let clients = Clients {
        trusted: Client::new(Policy::trusted(), options.clone()).unwrap(),
        untrusted: Client::new(Policy::untrusted(&exceptions).unwrap(), options).unwrap(),
    };
    Channels::new(settings, clients, &Clock::system(), None).unwrap()
}

pub(crate) async fn deliver(channels: &Channels, notice: &Notice) -> Result<Receipt, Problem> {
    let delivery = Delivery {
        id: ID,
        permit: &Freely,
        now_ms: NOW_MS,
    };
    channels.deliver(notice, &delivery).await
}

/// What a receipt says of a delivery.
pub(crate) fn sent(receipt: Result<Receipt, Problem>) -> crate::Sent {
    match receipt.unwrap() {
        Receipt::Sent(sent) => sent,
        Receipt::Ignored(why) => panic!("ignored: {why}"),
    }
}

/// The entry, for an event of a pipeline `deploy` of the application `myapp`.
pub(crate) fn event(entry: Value, when: &str) -> Notice {
    Notice::due(&input(entry, when), BASE).unwrap()
}

pub(crate) fn input(entry: Value, when: &str) -> Map {
    let (kind, status) = when.split_once('.').unwrap();
    let mut input = json!({
        "notification": entry,
        "when": when,
        "event": {"type": format!("orca:{kind}:{status}"), "application": "myapp", "created": NOW_MS},
        "execution": {
            "id": "01JEXEC", "name": "deploy", "application": "myapp", "type": "PIPELINE", "status": "SUCCEEDED",
            "trigger": {"type": "git", "source": "github", "project": "acme", "slug": "shop", "hash": "abc1234"},
        },
        "stage": null, "link": "", "judgment": null,
    });
    if kind == "stage" {
        input["stage"] = json!({"id": "01JSTAGE", "refId": "3", "name": "Bake & ship", "type": "bake", "context": {}});
    }
    input.as_object().unwrap().clone()
}

/// The entry, for a judgement.
pub(crate) fn judgment(entry: Value, when: &str) -> Notice {
    let mut input = input(entry, "stage.starting");
    input["event"]["type"] = "orca:stage:starting".into();
    input["when"] = when.into();
    input["execution"]["trigger"] = json!({"buildInfo": {"number": 7}});
    input["stage"]["name"] = "Judge <it>".into();
    input["judgment"] = json!({
        "instructions": "Look at <b>this</b> first", "judgmentInputs": [{"value": "yes"}, {"value": "later"}],
        "judgmentInput": "yes", "judgedBy": "anna@example.com",
    });
    Notice::due(&input, BASE).unwrap()
}

/// A message with texts of its own.
pub(crate) fn message(kind: &str, to: Value, context: Value) -> Notice {
    let body = json!({"notificationType": kind, "to": to, "source": {"application": "myapp", "user": "anna"},
        "additionalContext": context});
    Notice::message(body.as_object().unwrap(), BASE).unwrap()
}

/// The fields of a form.
pub(crate) fn fields(body: &str) -> std::collections::BTreeMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

pub(crate) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Whether anything of it must not be told.
pub(crate) fn assert_quiet(text: &str) {
    assert!(!text.contains(SECRET), "{text}");
}
