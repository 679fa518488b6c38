//! What the API asks: Kayenta's own API behind a question and an answer (canary reference 4).
//!
//! Source: Kayenta `CredentialsController`, `MetadataController`, `MetricSetListController`, `MetricSetPairListController`,
//! `CanaryResultArchiveController`, `CanaryJudgesController`, `PrometheusFetchController` and its like.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use gennaker_judge::{CanaryConfig, MetricSetPair, Number, Request, Style, Thresholds, to_json};
use gennaker_model::{
    Map,
    canary_reads::{Answer, Group, Question as Asked, Read, VERSION},
};
use gennaker_outbound::Client;
use gennaker_store::{CanaryGroup, ObjectError};
use serde_json::{Value, json};

use crate::{
    accounts::{Account, Accounts, SourceKind},
    atlas, datadog, influxdb, metadata,
    metric_set::MetricSet,
    newrelic, prometheus,
    request::Scope,
    series,
    source::{Question, Trouble, iso},
    sources,
    storage::{Storage, Storages},
    wavefront,
};

/// Most entries of a list.
const LISTED_MAX: usize = 10_000;

/// Answers questions about canary analysis. Cheap to clone.
#[derive(Clone)]
pub struct Kayenta {
    client: Client,
    accounts: Arc<Accounts>,
    storages: Storages,
}

/// Why a question has no answer: the status that Kayenta gives, and a sentence.
type Refused = (u16, String);

impl Kayenta {
    /// Answers by these accounts. `client` may call the addresses of the accounts, which operators choose.
    #[must_use]
    pub fn new(client: &Client, accounts: &Arc<Accounts>, storages: &Storages) -> Self {
        Self {
            client: client.clone(),
            accounts: Arc::clone(accounts),
            storages: storages.clone(),
        }
    }

    /// The answer to a question, both as [`gennaker_model::canary_reads`] writes them. `now_ms` is the time, epoch milliseconds.
    pub async fn answer(&self, question: &[u8], now_ms: i64) -> Vec<u8> {
        let answered = match serde_json::from_slice::<Asked>(question) {
            Ok(Asked { v: VERSION, read }) => self.read(read, now_ms).await,
            Ok(_) => Err((
                500,
                "the worker and the API are of releases that do not fit together".to_owned(),
            )),
            Err(error) => Err((500, format!("the question cannot be read: {error}"))),
        };
        let (status, body) = match answered {
            Ok(body) => (200, body),
            Err((status, said)) => (status, said.into()),
        };
        let answer = Answer {
            v: VERSION,
            status,
            body,
        };
        serde_json::to_vec(&answer).unwrap_or_default()
    }

    async fn read(&self, read: Read, now_ms: i64) -> Result<Value, Refused> {
        match read {
            Read::Accounts => Ok(self.listed()),
            Read::Metadata { account, filter } => {
                let account = self.metrics_account(account.as_deref(), None)?;
                let client = self.accounts.client(account, &self.client);
                metadata::metrics(client, account, filter.as_deref(), now_ms)
                    .await
                    .map_err(unanswered)
            }
            Read::List { group, account } => {
                let storage = self.storage(account.as_deref())?;
                let listed = storage.objects.list(of(group), LISTED_MAX).await;
                let listed = listed.map_err(|error| failed(storage, &error))?;
                Ok(listed
                    .into_iter()
                    .map(|it| json!({"id": it.id, "updatedTimestamp": it.updated_ms, "updatedTimestampIso": iso(it.updated_ms)}))
                    .collect())
            }
            Read::Get { group, account, id } => {
                self.object(self.storage(account.as_deref())?, of(group), &id)
                    .await
            }
            Read::Put {
                group,
                account,
                id,
                exists,
                by_id,
                body,
            } => {
                let storage = self.storage(account.as_deref())?;
                if let Some(wanted) = exists {
                    let found = storage.objects.get(of(group), &id).await;
                    let found = found.map_err(|error| failed(storage, &error))?.is_some();
                    if found != wanted {
                        let word = if found {
                            "already exists"
                        } else {
                            "does not exist"
                        };
                        let said = format!("Archived canary result '{id}' {word}.");
                        return Err((if found { 400 } else { 404 }, said));
                    }
                }
                let file = by_id.then(|| format!("{id}.json"));
                let content = body.to_string().into_bytes();
                storage
                    .objects
                    .put(of(group), &id, file.as_deref(), content.into(), now_ms)
                    .await
                    .map_err(|error| failed(storage, &error))?;
                Ok(Value::Null)
            }
            Read::Delete { group, account, id } => {
                let storage = self.storage(account.as_deref())?;
                let deleted = storage.objects.delete(of(group), &id).await;
                deleted.map_err(|error| failed(storage, &error))?;
                Ok(Value::Null)
            }
            Read::Judge {
                config,
                pairs,
                account,
                pass,
                marginal,
                judges,
                id,
            } => {
                let storage = self.storage(account.as_deref())?;
                let stored = self
                    .object(storage, CanaryGroup::MetricPairs, &pairs)
                    .await?;
                let thresholds = Thresholds { pass, marginal };
                let mut results = judged(&config, &stored, thresholds, judges).await?;
                if results.len() < 2 {
                    return Ok(results.pop().unwrap_or_default());
                }
                let document = compared(&id, &pairs, &config, thresholds, &results, now_ms);
                let content = document.to_string().into_bytes();
                let put =
                    storage
                        .objects
                        .put(CanaryGroup::Archive, &id, None, content.into(), now_ms);
                put.await.map_err(|error| failed(storage, &error))?;
                Ok(json!({ "canaryExecutionId": id }))
            }
            Read::Fetch {
                account,
                storage,
                source,
                request,
                id,
                dry_run,
            } => {
                let storage = self.storage(storage.as_deref())?;
                let account = self.metrics_account(account.as_deref(), Some(&source))?;
                let sets = self.fetched(account, &source, &request, dry_run).await?;
                let sets = match sets {
                    Fetched::Query(query) => return Ok(json!({ "query": query })),
                    Fetched::Sets(sets) => sets,
                };
                storage
                    .objects
                    .put(CanaryGroup::MetricSets, &id, None, sets.into(), now_ms)
                    .await
                    .map_err(|error| failed(storage, &error))?;
                Ok(json!({ "metricSetListId": id }))
            }
            Read::Series { account, id } => {
                let storage = self.storage(account.as_deref())?;
                let archive = self.object(storage, CanaryGroup::Archive, &id).await?;
                let Some(pairs) = archive["metricSetPairListId"].as_str() else {
                    return Err((
                        404,
                        format!("the canary analysis '{id}' has no metrics: it came to no verdict"),
                    ));
                };
                let pairs = self
                    .object(storage, CanaryGroup::MetricPairs, pairs)
                    .await?;
                Ok(series::document(&archive, &pairs))
            }
        }
    }

    /// The accounts as Kayenta lists them: what is secret is not there.
    fn listed(&self) -> Value {
        let metrics = self.accounts.all().iter().map(|account| {
            json!({
                "name": account.name,
                "type": account.kind.name(),
                "supportedTypes": ["METRICS_STORE"],
                "metricsStoreType": account.kind.name(),
                "endpoint": {"baseUrl": without_user(&account.url)},
                "locations": [],
                "recommendedLocations": [],
            })
        });
        let storages = self.storages.all().iter().map(|storage| {
            let mut listed = json!({
                "name": storage.name,
                "type": storage.kind,
                "supportedTypes": ["OBJECT_STORE", "CONFIGURATION_STORE"],
                "locations": [],
                "recommendedLocations": [],
            });
            if let Some((bucket, root)) = &storage.place {
                listed["bucket"] = bucket.as_str().into();
                listed["rootFolder"] = root.as_str().into();
            }
            listed
        });
        metrics.chain(storages).collect()
    }

    fn storage(&self, name: Option<&str>) -> Result<&Storage, Refused> {
        self.storages.resolve(name).map_err(|said| (400, said))
    }

    fn metrics_account(&self, name: Option<&str>, kind: Option<&str>) -> Result<&Account, Refused> {
        let refused = |said| (400, said);
        if let Some(kind) = kind {
            return self.accounts.resolve(name, kind).map_err(refused);
        }
        let mut all = self.accounts.all().iter();
        let found = match name {
            Some(name) => all.find(|account| account.name == name),
            None => all.find(|account| self.accounts.is_here(account)),
        };
        match (found, name) {
            (Some(account), _) if self.accounts.is_here(account) => Ok(account),
            // Those that do were asked first.
            (Some(account), _) => Err((
                503,
                format!(
                    "no worker of the zone that reaches the metrics account {} answers",
                    account.name
                ),
            )),
            (None, Some(name)) => Err(refused(format!("Unable to resolve account {name}."))),
            (None, None) => Err(refused(
                "Unable to resolve account of type METRICS_STORE.".to_owned(),
            )),
        }
    }

    /// A stored object.
    async fn object(
        &self,
        storage: &Storage,
        group: CanaryGroup,
        id: &str,
    ) -> Result<Value, Refused> {
        let found = storage.objects.get(group, id).await;
        let found = found.map_err(|error| failed(storage, &error))?;
        let found = found.ok_or_else(|| {
            let folder = group.folder();
            (
                404,
                format!(
                    "Could not fetch item from {}: there is no {folder}/{id}",
                    storage.name
                ),
            )
        })?;
        serde_json::from_slice(&found).map_err(|error| {
            let folder = group.folder();
            (
                500,
                format!("{folder}/{id} of {} is no JSON: {error}", storage.name),
            )
        })
    }

    async fn fetched(
        &self,
        account: &Account,
        source: &str,
        request: &Map,
        dry_run: bool,
    ) -> Result<Fetched, Refused> {
        let bad = |said: String| (400, said);
        let part = |key: &str| {
            let part = request.get(key).and_then(Value::as_object);
            part.ok_or_else(|| bad(format!("the request has no {key}")))
        };
        let metric = part("metric")?;
        let name = metric.get("name").and_then(Value::as_str);
        let query = metric.get("query").and_then(Value::as_object);
        let query = query.ok_or_else(|| bad("the metric has no query".to_owned()))?;
        let scope = Scope::read(part("scope")?).map_err(bad)?;
        let question = Question {
            client: self.accounts.client(account, &self.client),
            account,
            metric: name.unwrap_or(source),
            query,
            templates: request.get("templates"),
            scope: &scope,
        };
        if dry_run {
            let query = match account.kind {
                SourceKind::Prometheus => prometheus::query(question),
                SourceKind::Datadog => datadog::query(question),
                SourceKind::Influxdb => influxdb::query(question),
                SourceKind::Newrelic => newrelic::query(question),
                SourceKind::Wavefront => wavefront::query(question),
                SourceKind::Atlas => atlas::query(question),
                _ => Err(format!("a dry run of {source} is not built")),
            };
            return query.map(Fetched::Query).map_err(bad);
        }
        let sets = sources::fetch(question).await.map_err(unanswered)?;
        let sets = written(question.metric, &sets).map_err(|said| (500, said))?;
        Ok(Fetched::Sets(sets))
    }
}

/// What came of asking a source.
enum Fetched {
    Query(String),
    /// `metric_sets.json`.
    Sets(Vec<u8>),
}

const fn of(group: Group) -> CanaryGroup {
    match group {
        Group::Archive => CanaryGroup::Archive,
        Group::StandaloneArchive => CanaryGroup::StandaloneArchive,
        Group::MetricSets => CanaryGroup::MetricSets,
        Group::MetricPairs => CanaryGroup::MetricPairs,
    }
}

/// Judges stored pairs: by the judge that the configuration names, or by each of these.
async fn judged(
    config: &Map,
    pairs: &Value,
    thresholds: Thresholds,
    judges: Vec<String>,
) -> Result<Vec<Value>, Refused> {
    let bad = |error: gennaker_judge::Error| (400, error.to_string());
    let config = CanaryConfig::read(&Value::Object(config.clone()).to_string()).map_err(bad)?;
    let request = Request {
        config: Some(config),
        thresholds: Some(thresholds),
        pairs: Some(MetricSetPair::read_list(&pairs.to_string()).map_err(bad)?),
    };
    let judge = move || {
        let results = match judges.as_slice() {
            [] => vec![gennaker_judge::judge(&request)?],
            judges => judges
                .iter()
                .map(|name| gennaker_judge::find(Some(name))?.judge(&request))
                .collect::<Result<_, _>>()?,
        };
        Ok::<_, gennaker_judge::Error>(results)
    };
    let results = tokio::task::spawn_blocking(judge).await;
    let results = results.map_err(|error| (500, format!("the judge failed: {error}")))?;
    let results = results.map_err(bad)?;
    let document = |result| {
        let text = to_json(result, Style::Compact);
        let value = text.and_then(|text| serde_json::from_str(&text));
        value.map_err(|error| (500, error.to_string()))
    };
    results.iter().map(document).collect()
}

/// What stays of a comparison of two judges (Kayenta `CompareJudgeResultsStage`).
fn compared(
    id: &str,
    pairs: &str,
    config: &Map,
    thresholds: Thresholds,
    results: &[Value],
    now_ms: i64,
) -> Value {
    json!({
        "pipelineId": id,
        "stageStatus": {"judge1": "succeeded", "judge2": "succeeded", "compareJudgeResults": "succeeded"},
        "complete": true,
        "status": "succeeded",
        "comparisonResult": {"judge1Result": results[0], "judge2Result": results[1]},
        "config": crate::record::escaped(config),
        "canaryExecutionRequest": {"thresholds": {"pass": thresholds.pass, "marginal": thresholds.marginal}},
        "metricSetPairListId": pairs,
        "endTimeMillis": now_ms,
        "endTimeIso": iso(now_ms),
    })
}

/// Series as `metric_sets.json` (Kayenta `MetricSet`).
fn written(metric: &str, sets: &[MetricSet]) -> Result<Vec<u8>, String> {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Set<'a> {
        name: &'a str,
        tags: &'a std::collections::BTreeMap<String, String>,
        start_time_millis: i64,
        start_time_iso: String,
        end_time_millis: i64,
        end_time_iso: String,
        step_millis: i64,
        values: Vec<Number>,
        attributes: Value,
    }
    let sets: Vec<Set<'_>> = sets
        .iter()
        .map(|set| Set {
            name: metric,
            tags: &set.tags,
            start_time_millis: set.start_ms,
            start_time_iso: iso(set.start_ms),
            end_time_millis: set.end_ms,
            end_time_iso: iso(set.end_ms),
            step_millis: set.step_ms,
            values: set.values.iter().copied().map(Number).collect(),
            attributes: json!({"query": set.query}),
        })
        .collect();
    let text = to_json(&sets, Style::Compact).map_err(|error| error.to_string())?;
    Ok(text.into_bytes())
}

fn failed(storage: &Storage, error: &ObjectError) -> Refused {
    let said = format!("the storage account {}: {error}", storage.name);
    let status = match error {
        ObjectError::BadId { .. } => 400,
        ObjectError::TooLarge { .. } => 413,
        // Kayenta's `Unable to resolve singular …`.
        ObjectError::Ambiguous { .. } => 404,
        ObjectError::Lost { .. } | ObjectError::Damaged { .. } => 500,
        ObjectError::Bus(_) | ObjectError::Bucket { .. } | ObjectError::Going { .. } => 503,
    };
    if status >= 500 {
        tracing::warn!(error = error as &dyn std::error::Error, "{said}");
    }
    (status, said)
}

fn unanswered(trouble: Trouble) -> Refused {
    match trouble {
        Trouble::Later(said) => (503, said),
        Trouble::Never(said) => (400, said),
    }
}

/// An address without what signs in there.
fn without_user(address: &str) -> String {
    let Ok(mut url) = url::Url::parse(address) else {
        return String::new();
    };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string().trim_end_matches('/').to_owned()
}
