//! Answers to the API's questions about an account ([`gennaker_model::reads`]).
//!
//! Nothing that a page must not show leaves here: the data of Secrets, what was applied last.

mod objects;

use std::time::Duration;

use bytes::Bytes;
use gennaker_manifests::target::{Cluster, Criteria};
use gennaker_manifests::{Coordinates, Kind, Manifest, Native, job, views};
use gennaker_model::reads::{Answer, Ask, Question, Refused, Reply, VERSION};
use serde_json::{Value, json};

use crate::account::Account;
use crate::accounts::Accounts;
use crate::cache::Selection;
use crate::error::{Class, Error};
use crate::requests::{List, LogOptions, MetricsOfContainer};

pub(crate) use objects::Room;

/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Most bytes that one container shows on a page.
const CONSOLE_BYTES_MAX: usize = 4 << 20;
/// What is left of the asker's patience for the way back.
const WAY_BACK: Duration = Duration::from_millis(500);
const PATIENCE_MIN: Duration = Duration::from_millis(500);
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// What a question is answered.
enum Told {
    /// A value, or why there is none.
    Reply(Reply),
    /// Objects, written already.
    Written(Bytes),
}

/// Answers a question, both as they are sent.
pub async fn answer(accounts: &Accounts, account: &str, question: &[u8]) -> Bytes {
    let reply = match serde_json::from_slice::<Question>(question) {
        Ok(question) if question.v == VERSION => match accounts.get(account) {
            Ok(account) => match in_time(account, accounts.room(), question).await {
                Told::Reply(reply) => reply,
                Told::Written(written) => return written,
            },
            Err(error) => refusal(&error),
        },
        Ok(question) => refused(
            Refused::Failed,
            format!(
                "the API speaks version {} of these questions, this worker {VERSION}",
                question.v
            ),
        ),
        Err(error) => refused(
            Refused::Invalid,
            format!("the question cannot be read: {error}"),
        ),
    };
    let written = write(reply);
    let written = match written.len() > ANSWER_BYTES_MAX {
        true => write(too_large(written.len())),
        false => written,
    };
    written.into()
}

fn write(reply: Reply) -> Vec<u8> {
    serde_json::to_vec(&Answer { v: VERSION, reply })
        .expect("an answer holds nothing that JSON cannot")
}

async fn in_time(account: &Account, room: &Room, question: Question) -> Told {
    let patience = Duration::from_millis(question.wait_ms)
        .saturating_sub(WAY_BACK)
        .clamp(PATIENCE_MIN, PATIENCE_MAX);
    let asked = Asked {
        account,
        room,
        patience,
    };
    match tokio::time::timeout(patience, asked.told(question.ask)).await {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => Told::Reply(refusal(&error)),
        Err(_) => {
            let account = account.name().to_owned();
            Told::Reply(refusal(&Error::Timeout {
                account,
                after: patience,
            }))
        }
    }
}

/// A question about an account.
struct Asked<'a> {
    account: &'a Account,
    room: &'a Room,
    patience: Duration,
}

impl Asked<'_> {
    async fn told(&self, ask: Ask) -> Result<Told, Error> {
        let kinds_of = |kinds: &[String]| kinds.iter().map(|kind| Kind::parse(kind)).collect();
        let reply = match ask {
            Ask::Application { application } => {
                return self.objects(Selection::Application(application)).await;
            }
            Ask::Beside { namespace, name } => {
                return self.objects(Selection::Object { namespace, name }).await;
            }
            Ask::Kinds { kinds } if kinds.is_empty() => return self.objects(Selection::All).await,
            Ask::Kinds { kinds } => {
                return self.objects(Selection::Kinds(kinds_of(&kinds))).await;
            }
            Ask::Search { kinds, text, limit } => {
                let (kinds, limit) = (kinds_of(&kinds), usize::try_from(limit));
                let limit = limit.unwrap_or(usize::MAX);
                return self.objects(Selection::Search { kinds, text, limit }).await;
            }
            Ask::Manifest {
                location,
                name,
                events,
            } => self.manifest(&location, &name, events).await?,
            Ask::Cluster {
                location,
                kind,
                application,
                cluster,
            } => {
                let cluster = self.cluster(&location, &kind, &application, &cluster);
                let objects = self.members_of(&cluster).await?;
                let found = cluster
                    .members(&objects)
                    .into_iter()
                    .map(|it| json!(Coordinates::of(it)));
                value(Value::Array(found.collect()))
            }
            Ask::Target {
                location,
                kind,
                application,
                cluster,
                criteria,
            } => {
                let criteria = match Criteria::parse(&criteria) {
                    Ok(criteria) => criteria,
                    Err(error) => {
                        let refused = refused(Refused::Invalid, error.to_string());
                        return Ok(Told::Reply(refused));
                    }
                };
                let cluster = self.cluster(&location, &kind, &application, &cluster);
                let objects = self.members_of(&cluster).await?;
                match cluster.pick(&objects, criteria) {
                    Some(found) => value(json!(found)),
                    None => refused(Refused::NotFound, cluster.not_found(criteria)),
                }
            }
            Ask::Console { namespace, pod } => self.console(&namespace, &pod).await?,
            Ask::PodFile {
                namespace,
                pod,
                container,
            } => {
                let options = LogOptions {
                    container: Some(container),
                    ..LogOptions::default()
                };
                let log = self.account.logs(&namespace, &pod, &options).await?;
                match job::properties(&log) {
                    Ok(properties) => value(Value::Object(properties)),
                    Err(error) => refused(Refused::Failed, error.to_string()),
                }
            }
            Ask::Job { location, name } => self.job(&location, &name).await?,
            Ask::Namespaces => value(json!(self.account.namespaces().await?)),
        };
        Ok(Told::Reply(reply))
    }

    async fn objects(&self, selection: Selection) -> Result<Told, Error> {
        // Half of it for the first look at a cluster; what is there by then is shown.
        let cached = self.account.cached(&selection, self.patience / 2).await?;
        Ok(match self.room.write(&cached, ANSWER_BYTES_MAX).await {
            Ok(written) => Told::Written(written),
            Err(bytes) => Told::Reply(too_large(bytes)),
        })
    }

    async fn manifest(&self, location: &str, name: &str, events: bool) -> Result<Reply, Error> {
        let at = match Coordinates::parse(name, location) {
            Ok(at) => at,
            Err(error) => return Ok(refused(Refused::Invalid, error.to_string())),
        };
        let account = self.account.name();
        let Some(object) = self.account.find(&at).await? else {
            return Ok(refused(
                Refused::NotFound,
                format!(
                    "Manifest (account: {account}, location: {location}, name: {name}) not found"
                ),
            ));
        };
        let (events, metrics) = match events {
            // An object is shown also to whom its events are not.
            true => (
                self.account.events(&object).await.unwrap_or_default(),
                self.metrics(&object).await,
            ),
            false => (Vec::new(), Vec::new()),
        };
        Ok(match views::manifest(account, &object, &events, &metrics) {
            Ok(view) => value(view),
            Err(error) => refused(Refused::Failed, error.to_string()),
        })
    }

    async fn metrics(&self, object: &Manifest) -> Vec<Value> {
        if object.kind() != Native::Pod {
            return Vec::new();
        }
        let measured = self
            .account
            .pod_metrics(object.namespace(), object.name())
            .await;
        measured
            .unwrap_or_default()
            .iter()
            .map(metrics_of)
            .collect()
    }

    fn cluster<'a>(
        &'a self,
        location: &'a str,
        kind: &str,
        app: &'a str,
        cluster: &'a str,
    ) -> Cluster<'a> {
        Cluster {
            account: self.account.name(),
            location,
            kind: Kind::parse(kind),
            app,
            cluster,
        }
    }

    async fn members_of(&self, cluster: &Cluster<'_>) -> Result<Vec<Manifest>, Error> {
        let list = List::of(cluster.kind.clone(), Some(cluster.location));
        Ok(self.account.list(&list).await?.items)
    }

    /// Every container of a pod, those that only prepare it first.
    async fn console(&self, namespace: &str, pod: &str) -> Result<Reply, Error> {
        let at = Coordinates::new(Native::Pod.into(), namespace, pod);
        let Some(object) = self.account.find(&at).await? else {
            let text =
                format!("Pod {pod} in {namespace} cannot be found: it may have been deleted.");
            return Ok(value(json!([{"name": "Error", "output": text}])));
        };
        let mut output = Vec::new();
        for list in ["initContainers", "containers"] {
            let containers = object.at(&["spec", list]).and_then(Value::as_array);
            let names = containers
                .into_iter()
                .flatten()
                .filter_map(|it| it["name"].as_str());
            for name in names {
                let options = LogOptions {
                    container: Some(name.to_owned()),
                    limit_bytes: Some(CONSOLE_BYTES_MAX),
                    ..LogOptions::default()
                };
                let text = match self.account.logs(namespace, pod, &options).await {
                    Ok(text) => text,
                    // One that has not begun is no reason to hide the others.
                    Err(error) if matches!(error.class(), Class::Invalid | Class::NotFound) => {
                        error.to_string()
                    }
                    Err(error) => return Err(error),
                };
                output.push(json!({"name": name, "output": text}));
            }
        }
        Ok(value(Value::Array(output)))
    }

    async fn job(&self, location: &str, name: &str) -> Result<Reply, Error> {
        let at = match Coordinates::parse(name, location) {
            Ok(at) => at,
            Err(error) => return Ok(refused(Refused::Invalid, error.to_string())),
        };
        let job = self.account.get(&at).await?;
        let pods = self.account.pods_of_job(&at.namespace, &at.name).await?;
        Ok(value(job::status(self.account.name(), &job, &pods, true)))
    }
}

/// As `kubectl top` writes it: thousandths of a processor, mebibytes.
fn metrics_of(container: &MetricsOfContainer) -> Value {
    let cpu = match container.cpu.strip_suffix('n').map(str::parse::<u64>) {
        Some(Ok(nanos)) => format!("{}m", nanos.div_ceil(1_000_000)),
        _ => container.cpu.clone(),
    };
    let memory = match container.memory.strip_suffix("Ki").map(str::parse::<u64>) {
        Some(Ok(kibibytes)) => format!("{}Mi", kibibytes / 1_024),
        _ => container.memory.clone(),
    };
    json!({"containerName": container.container, "metrics": {"CPU(cores)": cpu, "MEMORY(bytes)": memory}})
}

fn value(value: Value) -> Reply {
    Reply::Value { value }
}

fn too_large(bytes: usize) -> Reply {
    refused(
        Refused::TooLarge,
        format!("the answer has {bytes} bytes, more than the limit of {ANSWER_BYTES_MAX}"),
    )
}

fn refused(code: Refused, message: String) -> Reply {
    Reply::Refused { code, message }
}

fn refusal(error: &Error) -> Reply {
    let code = match error.class() {
        Class::NotFound => Refused::NotFound,
        Class::Forbidden | Class::Unsupported => Refused::Forbidden,
        Class::Invalid => Refused::Invalid,
        Class::TooLarge => Refused::TooLarge,
        Class::Throttled
        | Class::Timeout
        | Class::Unreachable
        | Class::Unavailable
        | Class::Expired => Refused::Unavailable,
        Class::Unauthorized | Class::AlreadyExists | Class::Conflict => Refused::Failed,
    };
    refused(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_written_as_kubectl_does() {
        let of = |cpu: &str, memory: &str| {
            metrics_of(&MetricsOfContainer {
                container: "c".to_owned(),
                cpu: cpu.to_owned(),
                memory: memory.to_owned(),
            })
        };
        let metrics = |cpu: &str, memory: &str| json!({"containerName": "c", "metrics": {"CPU(cores)": cpu, "MEMORY(bytes)": memory}});
        assert_eq!(of("1500001n", "20480Ki"), metrics("2m", "20Mi"));
        assert_eq!(of("12m", "20Mi"), metrics("12m", "20Mi"));
    }

    #[tokio::test]
    async fn questions_that_make_no_sense_are_refused() {
        let accounts = Accounts::default();
        for (question, code) in [
            ("no json", "invalid"),
            (
                r#"{"v": 9, "wait_ms": 1, "ask": {"ask": "namespaces"}}"#,
                "failed",
            ),
            (
                r#"{"v": 1, "wait_ms": 1, "ask": {"ask": "namespaces"}}"#,
                "forbidden",
            ),
        ] {
            let answer = answer(&accounts, "nothing", question.as_bytes()).await;
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["reply"]["code"], code, "{question}");
        }
    }
}
