use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use gennaker_outbound::{Client, Options, Policy};
use gennaker_runtime::Clock;
use gennaker_settings::{Publisher, PublisherContent, PublisherKind};
use gennaker_testkit::http::{Reply, Server};
use gennaker_testkit::keys::PEM;
use serde_json::{Value, json};

use super::{Broker, Publishers};
use crate::{
    Delivery, Problem, Sent,
    line::Freely,
    notice::Notice,
    testing::{ID, NOW_MS, event, fields, json_of, message},
};

fn publishers(set: &[Publisher], broker: Option<Arc<dyn Broker>>) -> Publishers {
    let client = Client::new(Policy::trusted(), Options::default()).unwrap();
    Publishers::new(set, &client, &Clock::system(), broker)
}

async fn deliver(publishers: &Publishers, notice: &Notice) -> Result<Sent, Problem> {
    let delivery = Delivery {
        id: ID,
        permit: &Freely,
        now_ms: NOW_MS,
    };
    publishers.deliver(notice, &delivery).await
}

#[tokio::test]
async fn google_gets_the_whole_event_with_attributes() {
    let server = Server::start(|seen| match seen.path() {
        "/token" => Reply::ok(r#"{"access_token": "t0ken", "expires_in": 3600}"#),
        _ => Reply::ok(r#"{"messageIds": ["42"]}"#),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.json");
    let account = json!({"client_email": "x@p.iam", "private_key": PEM, "project_id": "proj",
        "token_uri": server.url("/token")});
    std::fs::write(&key, account.to_string()).unwrap();
    let set = Publisher {
        name: "Deploys".to_owned(),
        topic: "deploys".to_owned(),
        key_file: Some(key.to_str().unwrap().to_owned()),
        url: Some(server.url("")),
        ..Publisher::default()
    };
    let all = publishers(&[set], None);
    let notice = event(
        json!({"type": "pubsub", "publisherName": "deploys"}),
        "stage.complete",
    );
    let sent = deliver(&all, &notice).await.unwrap();
    assert_eq!(
        (sent.to, sent.reference.as_deref()),
        (vec!["Deploys".to_owned()], Some("42"))
    );
    let seen = server.seen().pop().unwrap();
    assert_eq!(seen.path(), "/v1/projects/proj/topics/deploys:publish");
    assert_eq!(seen.header("authorization"), Some("Bearer t0ken"));
    let message = json_of(&seen.text())["messages"][0].clone();
    assert_eq!(
        message["attributes"],
        json!({"application": "myapp", "name": "Bake & ship", "notificationId": ID, "rawType": "orca:stage:complete",
            "source": "orca", "status": "complete", "type": "stage"})
    );
    let data = STANDARD.decode(message["data"].as_str().unwrap()).unwrap();
    let data = json_of(std::str::from_utf8(&data).unwrap());
    assert_eq!(data["details"]["application"], "myapp");
    assert_eq!(data["content"]["execution"]["id"], "01JEXEC");
    assert_eq!(data["content"]["stageId"], "01JSTAGE");
}

#[tokio::test]
async fn amazon_gets_a_signed_form() {
    let server = Server::start(|_| Reply::ok("<R><MessageId>m-1</MessageId></R>")).await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "hush").unwrap();
    let set = Publisher {
        name: "sns".to_owned(),
        kind: PublisherKind::Sns,
        topic: "arn:aws:sns:eu-central-1:1:deploys.fifo".to_owned(),
        region: Some("eu-central-1".to_owned()),
        access_key: Some("AKID".to_owned()),
        secret_key_file: Some(secret.to_str().unwrap().to_owned()),
        url: Some(server.url("")),
        ..Publisher::default()
    };
    let all = publishers(&[set], None);
    let notice = message("PUBSUB", json!(["SNS"]), json!({"stageName": "Judge"}));
    let sent = deliver(&all, &notice).await.unwrap();
    assert_eq!(sent.reference.as_deref(), Some("m-1"));
    let seen = server.seen().pop().unwrap();
    assert!(
        seen.header("authorization")
            .unwrap()
            .contains("/eu-central-1/sns/aws4_request")
    );
    let form = fields(&seen.text());
    assert_eq!(
        (form["Action"].as_str(), form["Version"].as_str()),
        ("Publish", "2010-03-31")
    );
    assert_eq!(json_of(&form["Message"]), json!({"stageName": "Judge"}));
    assert_eq!(form["MessageAttributes.entry.1.Name"], "application");
    assert_eq!(form["MessageDeduplicationId"], ID);
}

type Published = Mutex<Vec<(String, String, Value)>>;

#[derive(Default)]
struct Subjects(Published);

impl Broker for Subjects {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        id: &'a str,
        payload: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), String>> {
        let payload = serde_json::from_slice(&payload).unwrap();
        self.0
            .lock()
            .unwrap()
            .push((topic.to_owned(), id.to_owned(), payload));
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn the_brokers_subjects_get_data_and_attributes_and_everything_if_they_want_it() {
    let subjects = Arc::new(Subjects::default());
    let set = |name: &str, content| Publisher {
        name: name.to_owned(),
        kind: PublisherKind::Nats,
        topic: format!("out.{name}"),
        content,
        ..Publisher::default()
    };
    let all = publishers(
        &[
            set("some", PublisherContent::Notifications),
            set("all", PublisherContent::All),
        ],
        Some(Arc::clone(&subjects) as Arc<dyn Broker>),
    );
    assert!(all.want_everything());
    let entry = json!({"type": "pubsub", "publisherName": "some"});
    deliver(&all, &event(entry, "pipeline.failed"))
        .await
        .unwrap();
    let whole = json!({"details": {"type": "orca:task:complete", "application": "a"}, "content": {"taskName": "t"}});
    all.forward(&whole, "e-9", &Freely).await.unwrap();
    let published = subjects.0.lock().unwrap();
    assert_eq!(
        (published[0].0.as_str(), published[0].1.as_str()),
        ("out.some", ID)
    );
    assert_eq!(published[0].2["attributes"]["status"], "failed");
    assert_eq!(
        (published[1].0.as_str(), published[1].1.as_str()),
        ("out.all", "e-9")
    );
    assert_eq!(published[1].2["data"], whole);
    assert_eq!(published.len(), 2);
}

#[tokio::test]
async fn a_publisher_that_is_not_set_up_is_named() {
    let all = publishers(&[], None);
    let entry = json!({"type": "pubsub", "publisherName": "x"});
    let told = deliver(&all, &event(entry, "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(told.to_string().contains("with the name 'x'"), "{told}");
}
