//! `runCanary`: one analysis as a task (orca `RunKayentaCanaryTask` and all that Kayenta does for it).

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_judge::Thresholds;
use gennaker_model::{Map, ulid, work::TaskMessage};
use gennaker_outbound::Client;
use gennaker_store::{CanaryGroup, Document, Store};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, GiveUp, Task, exception};
use serde_json::{Value, json};

use crate::{
    accounts::Accounts,
    analysis::{Asked, analyse},
    question::{Trouble, iso},
    record::{self, End, Ended},
    request::Scopes,
    storage::{Storage, Storages},
};

/// Pauses before a source is asked again: 2 s, doubled each time (Kayenta `kayenta.metrics.retry`).
const AGAIN_FIRST: Duration = Duration::from_secs(2);

/// Most times that a source is asked.
const TRIES_MAX: u64 = 10;

/// Context key that counts them.
const TRIES: &str = "canaryFetchTries";

pub(crate) struct RunCanary {
    client: Client,
    store: Store,
    accounts: Arc<Accounts>,
    storages: Storages,
}

/// What an analysis is about, as far as it is known when it fails.
#[derive(Default)]
struct About {
    config: Option<Map>,
    config_id: Option<String>,
}

impl RunCanary {
    pub(crate) fn new(
        client: Client,
        store: Store,
        accounts: Arc<Accounts>,
        storages: Storages,
    ) -> Self {
        Self {
            client,
            store,
            accounts,
            storages,
        }
    }

    async fn run(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let input = ctx.input();
        let tries = input.get(TRIES).and_then(Value::as_u64).unwrap_or(0) + 1;
        let begun_ms = ctx.now_ms();
        let mut about = About::default();
        let outcome = tokio::select! {
            outcome = self.analysis(ctx, begun_ms, &mut about) => outcome,
            () = ctx.cancelled() => return Err(Failure::cancelled()),
        };
        match outcome {
            Ok(done) => Ok(done),
            Err(Trouble::Later(problem)) if tries < TRIES_MAX => {
                let after = AGAIN_FIRST * 2_u32.pow(u32::try_from(tries - 1).unwrap_or(0).min(8));
                tracing::warn!(tries, "a canary analysis is tried again: {problem}");
                let context = [(TRIES.to_owned(), tries.into())].into_iter().collect();
                Err(Failure::RetryLater { after, context })
            }
            Err(Trouble::Later(problem) | Trouble::Never(problem)) => {
                let class = "IllegalArgumentException";
                let said = exception::unexpected(self.kind(), class, &problem, ctx.now_ms());
                self.archive_failure(ctx, begun_ms, &about, &said).await;
                let id = id_of(ctx.message());
                Err(Failure::GiveUp(Box::new(GiveUp {
                    exception: Some(said),
                    context: linked(&id, None),
                    outputs: linked(&id, None),
                })))
            }
        }
    }

    async fn analysis(&self, ctx: &Ctx, begun_ms: i64, about: &mut About) -> Result<Done, Trouble> {
        let input = ctx.input();
        let message = ctx.message();
        // Before anything is asked: an analysis whose result cannot be kept is none.
        let storage = self.storages.resolve(text(input, "storageAccountName"))?;
        let (config, config_id) = self.config(input, &message.application).await?;
        about.config_id = config_id;
        let config = about.config.insert(config);
        let scopes = Scopes::read(input.get("scopes"))?;
        let id = id_of(message);
        let analysis = analyse(Asked {
            client: &self.client,
            accounts: &self.accounts,
            config,
            scopes: &scopes,
            thresholds: thresholds(input)?,
            metrics_account: text(input, "metricsAccountName"),
            id: &id,
        })
        .await?;
        let now_ms = ctx.now_ms();
        let pairs = record::pairs_id(&id);
        storage
            .keep(CanaryGroup::MetricPairs, &pairs, analysis.pairs, now_ms)
            .await?;
        let result = record::result(analysis.verdict, &scopes);
        let end = End::Judged {
            result: result.clone(),
            pairs: pairs.clone(),
            metrics: analysis.metrics,
        };
        let ended = self.ended(message, &id, about, storage, begun_ms, now_ms);
        let archive = serde_json::to_vec(&record::archive(&ended, &end));
        let archive = archive.map_err(|error| error.to_string())?;
        storage
            .keep(CanaryGroup::Archive, &id, archive, now_ms)
            .await?;
        let mut context = linked(&id, Some(&pairs));
        context.insert("canaryPipelineStatus".to_owned(), "SUCCEEDED".into());
        context.insert("canaryScoreExact".to_owned(), analysis.score.into());
        context.insert("warnings".to_owned(), analysis.warnings.into());
        context.insert("lastUpdated".to_owned(), now_ms.into());
        context.insert("lastUpdatedIso".to_owned(), iso(now_ms).into());
        context.insert(
            "storageAccountName".to_owned(),
            storage.name.as_str().into(),
        );
        if let Some(config_id) = &about.config_id {
            context.insert("canaryConfigId".to_owned(), config_id.as_str().into());
        }
        let mut outputs = linked(&id, Some(&pairs));
        outputs.insert(
            "canaryAnalysis".to_owned(),
            json!({"result": result, "queries": analysis.queries, "startTimeMillis": begun_ms, "endTimeMillis": now_ms}),
        );
        Ok(Done {
            context,
            outputs,
            reference: None,
        })
    }

    /// Kayenta archives what failed, too. Nothing depends on it: the stage says the same.
    async fn archive_failure(&self, ctx: &Ctx, begun_ms: i64, about: &About, said: &Value) {
        let message = ctx.message();
        let Ok(storage) = self
            .storages
            .resolve(text(ctx.input(), "storageAccountName"))
        else {
            return;
        };
        let (id, now_ms) = (id_of(message), ctx.now_ms());
        let ended = self.ended(message, &id, about, storage, begun_ms, now_ms);
        let archive = record::archive(&ended, &End::Failed(said.clone()));
        let archive = serde_json::to_vec(&archive).unwrap_or_default();
        let keep = storage.keep(CanaryGroup::Archive, &id, archive, now_ms);
        if let Err(Trouble::Later(problem) | Trouble::Never(problem)) = keep.await {
            tracing::warn!("the archive of a failed canary analysis is missing: {problem}");
        }
    }

    fn ended<'a>(
        &'a self,
        message: &'a TaskMessage,
        id: &'a str,
        about: &'a About,
        storage: &'a Storage,
        begun_ms: i64,
        ended_ms: i64,
    ) -> Ended<'a> {
        let parent = message.execution.as_str();
        let built = ulid::decode(parent).map(|(time_ms, _)| time_ms);
        Ended {
            id,
            application: &message.application,
            parent: (id != parent).then_some(parent),
            input: &message.input,
            config: about.config.as_ref(),
            config_id: about.config_id.as_deref(),
            built_ms: built.unwrap_or(begun_ms),
            begun_ms,
            ended_ms,
            metrics_account: text(&message.input, "metricsAccountName"),
            storage_account: &storage.name,
        }
    }

    /// The configuration: given itself, by id, or by name among those of the application.
    async fn config(
        &self,
        input: &Map,
        application: &str,
    ) -> Result<(Map, Option<String>), Trouble> {
        let given = match input.get("canaryConfig") {
            Some(Value::Object(config)) => Some(config.clone()),
            Some(Value::String(encoded)) => {
                let json = BASE64_STANDARD
                    .decode(encoded)
                    .map_err(|error| format!("canaryConfig is no base64: {error}"))?;
                Some(
                    serde_json::from_slice(&json)
                        .map_err(|error| format!("canaryConfig is no JSON object: {error}"))?,
                )
            }
            _ => None,
        };
        if let Some(config) = given {
            return Ok((config, None));
        }
        let later = |error: gennaker_store::Error| {
            Trouble::Later(format!("the canary config cannot be read: {error}"))
        };
        if let Some(id) = text(input, "canaryConfigId") {
            let found = self.store.canary_config(id).await.map_err(later)?;
            let found = found.ok_or_else(|| {
                format!("Invalid canaryConfigId. Was the correct configName or configId used? There is no canary config {id}.")
            })?;
            return Ok((found.body, Some(id.to_owned())));
        }
        let name = text(input, "canaryConfigName").ok_or_else(|| {
            "Canary config must be specified as either UUID or name string".to_owned()
        })?;
        let mut named: Vec<Document> = self
            .store
            .canary_configs_named(application, name)
            .await
            .map_err(later)?;
        match (named.pop(), named.is_empty()) {
            (None, _) => {
                Err(format!("Couldn't find a canary configId for configName {name} and application {application}").into())
            }
            (Some(found), true) => Ok((found.body.clone(), Some(found.id().to_owned()))),
            (Some(_), false) => {
                Err(format!("Found more than one canary configId for configName {name} and application {application}").into())
            }
        }
    }
}

impl Task for RunCanary {
    fn kind(&self) -> &'static str {
        "runCanary"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.run(ctx))
    }
}

/// The id of the analysis: it is a stage of an execution, and where that is made for nothing else, the execution itself.
fn id_of(message: &TaskMessage) -> String {
    match message.input.get("isOwnExecution") {
        Some(Value::Bool(true)) => message.execution.to_string(),
        _ => format!("{}.{}", message.execution, message.stage),
    }
}

/// Where the results are found, as orca's stage and Kayenta's document call it.
fn linked(id: &str, pairs: Option<&str>) -> Map {
    let mut links = Map::new();
    for key in ["canaryPipelineExecutionId", "canaryExecutionId"] {
        links.insert(key.to_owned(), id.into());
    }
    if let Some(pairs) = pairs {
        links.insert("metricSetPairListId".to_owned(), pairs.into());
    }
    links
}

fn thresholds(input: &Map) -> Result<Thresholds, String> {
    let given = input.get("scoreThresholds").and_then(Value::as_object);
    let given = given.ok_or("Execution request must contain thresholds")?;
    // Null and absent are 0 to Kayenta's reader; what is no number must not become one, or everything would pass.
    let number = |key: &str| {
        let number = match given.get(key) {
            None | Some(Value::Null) => Some(0.0),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_f64(),
        };
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| {
                format!(
                    "the threshold {key} must be a number, and is {}",
                    given[key]
                )
            })
    };
    Ok(Thresholds {
        pass: number("pass")?,
        marginal: number("marginal")?,
    })
}

fn text<'i>(input: &'i Map, key: &str) -> Option<&'i str> {
    let text = input.get(key).and_then(Value::as_str).map(str::trim);
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_numbers_or_refused() {
        let read = |given: Value| {
            let input = json!({ "scoreThresholds": given });
            thresholds(input.as_object().unwrap()).map(|read| (read.pass, read.marginal))
        };
        assert_eq!(
            read(json!({"pass": "95", "marginal": 75.5})),
            Ok((95.0, 75.5))
        );
        assert_eq!(read(json!({"pass": null})), Ok((0.0, 0.0)));
        for wrong in [
            json!("NaN"),
            json!("abc"),
            json!(true),
            json!([1]),
            json!(""),
        ] {
            let said = read(json!({"pass": wrong, "marginal": 1})).unwrap_err();
            assert!(said.contains("pass must be a number"), "{said}");
        }
        assert!(
            read(json!(7))
                .unwrap_err()
                .contains("must contain thresholds")
        );
    }
}
