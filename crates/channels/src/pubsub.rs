//! Topics: Google Pub/Sub, Amazon SNS, subjects of the broker.
//!
//! A topic delivers at least once by its nature; each message carries the identity of its delivery, by which receivers know one that
//! came twice.
//!
//! Source: echo `GooglePubsubPublisher`, `GooglePubsubNotificationEventListener`, `GooglePubsubAllContentEventListener`. Echo gathers
//! messages for a second and says nothing when they are lost; here each is sent by itself.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use gennaker_credentials::{
    auth::Secret,
    aws,
    google::{self, Identity},
};
use gennaker_outbound::{Client, Request};
use gennaker_runtime::Clock;
use gennaker_settings::{Publisher as Set, PublisherContent, PublisherKind};
use serde_json::{Map, Value, json};

use crate::{
    channels::{Delivery, below},
    line::{CALL_MS_MAX, Line, Permit, Repeat},
    notice::{Notice, Told, segment, shown},
    problem::Problem,
    receipt::{Sent, Several},
};

const GOOGLE: &str = "https://pubsub.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// Attribute with the identity of a delivery. Ours.
const ID: &str = "notificationId";

/// Publishes on subjects of the broker.
pub trait Broker: Send + Sync {
    /// Publishes on `gk.out.<topic>`; `id` is the message's id, by which a stream knows a repeated one.
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        id: &'a str,
        payload: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), String>>;
}

/// The topics of an installation.
#[derive(Clone, Default)]
pub struct Publishers {
    client: Option<Client>,
    all: Vec<Arc<Publisher>>,
}

struct Publisher {
    name: String,
    content: PublisherContent,
    topic: Topic,
}

enum Topic {
    Google {
        identity: Identity,
        project: Option<String>,
        topic: String,
        url: String,
    },
    Sns {
        service: aws::Service,
        topic: String,
    },
    Nats {
        broker: Option<Arc<dyn Broker>>,
        topic: String,
    },
}

/// What is published.
struct Message {
    payload: String,
    attributes: BTreeMap<String, String>,
}

impl Publishers {
    pub(crate) fn new(
        set: &[Set],
        client: &Client,
        clock: &Clock,
        broker: Option<Arc<dyn Broker>>,
    ) -> Self {
        let all = set.iter().map(|set| {
            Arc::new(Publisher {
                name: set.name.clone(),
                content: set.content,
                topic: Topic::new(set, client, clock, broker.clone()),
            })
        });
        Self {
            client: Some(client.clone()),
            all: all.collect(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether some of them get every event.
    #[must_use]
    pub fn want_everything(&self) -> bool {
        let wants = |it: &Arc<Publisher>| it.content == PublisherContent::All;
        self.all.iter().any(wants)
    }

    pub(crate) async fn deliver(
        &self,
        notice: &Notice,
        delivery: &Delivery<'_>,
    ) -> Result<Sent, Problem> {
        let name = notice.address()?;
        let is_event = matches!(notice.told, Told::Event(_));
        let found = self
            .all
            .iter()
            .filter(|it| it.name.eq_ignore_ascii_case(&name));
        let found = found.filter(|it| !is_event || it.content == PublisherContent::Notifications);
        let mut several = Several::default();
        let mut is_there = false;
        for publisher in found {
            is_there = true;
            let message = Message::of(notice, delivery.id);
            let ended = self
                .publish(publisher, &message, delivery.id, delivery.permit)
                .await;
            several.note(publisher.name.clone(), ended);
        }
        if !is_there {
            return Err(Problem::Refused(format!(
                "the settings have no [[notifications.publishers]] with the name '{name}'"
            )));
        }
        several.end()
    }

    /// Publishes an event of Echo's shape to all topics that get every event.
    ///
    /// # Errors
    /// [`Problem`], of the first topic that did not take it; the others were tried.
    pub async fn forward(
        &self,
        event: &Value,
        id: &str,
        permit: &dyn Permit,
    ) -> Result<(), Problem> {
        let mut several = Several::default();
        let all = self
            .all
            .iter()
            .filter(|it| it.content == PublisherContent::All);
        for publisher in all {
            let message = Message::of_event(event, id);
            let ended = self.publish(publisher, &message, id, permit).await;
            several.note(publisher.name.clone(), ended);
        }
        several.end().map(|_| ())
    }

    async fn publish(
        &self,
        publisher: &Publisher,
        message: &Message,
        id: &str,
        permit: &dyn Permit,
    ) -> Result<Option<String>, Problem> {
        match &publisher.topic {
            Topic::Google {
                identity,
                project,
                topic,
                url,
            } => {
                let refused = |error: google::Error| match error {
                    google::Error::Call(error) => Problem::later(error.to_string()),
                    google::Error::Status {
                        status: 429 | 500..,
                        ..
                    } => Problem::later(error.to_string()),
                    google::Error::Status { .. } | google::Error::Unusable(_) => {
                        Problem::Refused(error.to_string())
                    }
                };
                let token = identity.token(SCOPE).await.map_err(refused)?;
                let project = match project {
                    Some(project) => project.clone(),
                    None => identity
                        .project()
                        .await
                        .map_err(refused)?
                        .ok_or_else(|| Problem::refused("the publisher has no project"))?,
                };
                let path = format!(
                    "v1/projects/{}/topics/{}:publish",
                    segment(&project),
                    segment(topic)
                );
                let body = json!({"messages": [{
                    "data": STANDARD.encode(&message.payload),
                    "attributes": message.attributes,
                }]});
                let request =
                    Request::post(below(url, &path), "application/json", body.to_string())
                        .secret_header("Authorization", format!("Bearer {token}"));
                let client = self.client.as_ref();
                let client = client.ok_or_else(|| Problem::refused("there is no client"))?;
                let answer = Line::new(client, permit)
                    .deliver(request, Repeat::Harmless)
                    .await?;
                let answer = answer.object(Repeat::Harmless)?;
                Ok(answer["messageIds"][0].as_str().map(str::to_owned))
            }
            Topic::Sns { service, topic } => sns(service, topic, message, permit).await,
            Topic::Nats { broker, topic } => {
                let wanted = Duration::from_millis(CALL_MS_MAX);
                let limit = permit.begin(wanted).await.ok_or(Problem::Stopped)?;
                let broker = broker.as_ref();
                let broker = broker.ok_or_else(|| Problem::refused("there is no broker here"))?;
                let body =
                    json!({"attributes": message.attributes, "data": payload(&message.payload)});
                let published = broker.publish(topic, id, body.to_string().into_bytes());
                match tokio::time::timeout(limit, published).await {
                    Ok(Ok(())) => Ok(None),
                    Ok(Err(reason)) => Err(Problem::later(reason)),
                    Err(_) => Err(unanswered("the broker", limit)),
                }
            }
        }
    }
}

impl Topic {
    fn new(set: &Set, client: &Client, clock: &Clock, broker: Option<Arc<dyn Broker>>) -> Self {
        let topic = set.topic.clone();
        match set.kind {
            PublisherKind::Google => Self::Google {
                identity: Identity::new(
                    client.clone(),
                    clock.clone(),
                    set.key_file.as_ref().map(PathBuf::from),
                ),
                project: set.project.clone(),
                topic,
                url: set.url.clone().unwrap_or_else(|| GOOGLE.to_owned()),
            },
            PublisherKind::Sns => {
                let secret = Secret::of(None, set.secret_key_file.as_ref());
                let options = aws::Options {
                    region: set.region.clone().unwrap_or_default(),
                    service: "sns",
                    endpoint: set.url.clone(),
                    key: set.access_key.clone().zip(secret),
                    role: set.role.clone(),
                };
                Self::Sns {
                    service: aws::Service::new(client.clone(), clock.clone(), options),
                    topic,
                }
            }
            PublisherKind::Nats => Self::Nats { broker, topic },
        }
    }
}

/// A message of SNS. Its attributes have at most ten entries with a text that is not empty.
async fn sns(
    service: &aws::Service,
    topic: &str,
    message: &Message,
    permit: &dyn Permit,
) -> Result<Option<String>, Problem> {
    let wanted = Duration::from_millis(CALL_MS_MAX);
    let limit = permit.begin(wanted).await.ok_or(Problem::Stopped)?;
    let mut fields = vec![
        ("Action".to_owned(), "Publish".to_owned()),
        ("Version".to_owned(), "2010-03-31".to_owned()),
        ("TopicArn".to_owned(), topic.to_owned()),
        ("Message".to_owned(), message.payload.clone()),
    ];
    for (number, (name, value)) in message.attributes.iter().take(10).enumerate() {
        let entry = format!("MessageAttributes.entry.{}", number + 1);
        fields.push((format!("{entry}.Name"), name.clone()));
        fields.push((format!("{entry}.Value.DataType"), "String".to_owned()));
        fields.push((format!("{entry}.Value.StringValue"), value.clone()));
    }
    if topic.ends_with(".fifo") {
        let id = message.attributes.get(ID).cloned().unwrap_or_default();
        fields.push(("MessageGroupId".to_owned(), "gennaker".to_owned()));
        fields.push(("MessageDeduplicationId".to_owned(), id));
    }
    let answer = match tokio::time::timeout(limit, service.query(&fields)).await {
        Ok(answer) => answer,
        Err(_) => return Err(unanswered("SNS", limit)),
    };
    let answer = answer.map_err(|error| match error.is_transient() {
        true => Problem::later(error.to_string()),
        false => Problem::Refused(error.to_string()),
    })?;
    let id = answer
        .split_once("<MessageId>")
        .and_then(|(_, rest)| rest.split_once("</MessageId>"));
    let id = id.map(|(id, _)| id.trim().to_owned());
    id.map(Some)
        .ok_or_else(|| Problem::later("the answer is not one of SNS: it names no message"))
}

impl Message {
    fn of(notice: &Notice, id: &str) -> Self {
        match &notice.told {
            Told::Event(_) => Self::of_event(&notice.event_json(id), id),
            Told::Message(message) => {
                let mut attributes = BTreeMap::from([(ID.to_owned(), id.to_owned())]);
                let of_source = [
                    ("application", &message.application),
                    ("type", &message.execution_type),
                ];
                for (name, value) in of_source {
                    if !value.is_empty() {
                        attributes.insert(name.to_owned(), value.clone());
                    }
                }
                Self {
                    payload: json!(message.context).to_string(),
                    attributes,
                }
            }
        }
    }

    fn of_event(event: &Value, id: &str) -> Self {
        let mut attributes = BTreeMap::new();
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                attributes.insert(name.to_owned(), value.to_owned());
            }
        };
        let details = &event["details"];
        let kind = details["type"].as_str().unwrap_or_default();
        put("rawType", kind);
        if let [source, kind, status] = kind.split(':').collect::<Vec<_>>()[..] {
            put("source", source);
            put("type", kind);
            put("status", status);
        }
        put(
            "application",
            details["application"].as_str().unwrap_or_default(),
        );
        let own = details["attributes"].as_object();
        for (name, value) in own.into_iter().flat_map(Map::iter) {
            put(name, &shown(value));
        }
        for name in ["name", "taskName"] {
            put(name, event["content"][name].as_str().unwrap_or_default());
        }
        put(ID, id);
        Self {
            payload: event.to_string(),
            attributes,
        }
    }
}

fn unanswered(who: &str, limit: Duration) -> Problem {
    Problem::later(format!("{who}: no answer within {} ms", limit.as_millis()))
}

fn payload(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
