//! `runCanary`: one analysis as a task (orca `RunKayentaCanaryTask` and all that Kayenta does for it).

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_judge::Thresholds;
use gennaker_model::{Map, work::TaskMessage};
use gennaker_outbound::Client;
use gennaker_store::{Document, Store};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task, exception};
use serde_json::{Value, json};

use crate::{
    accounts::Accounts,
    analysis::{Analysis, Asked, analyse},
    request::Scopes,
    source::Trouble,
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
}

impl RunCanary {
    pub(crate) fn new(client: Client, store: Store, accounts: Arc<Accounts>) -> Self {
        Self {
            client,
            store,
            accounts,
        }
    }

    async fn run(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let input = ctx.input();
        let tries = input.get(TRIES).and_then(Value::as_u64).unwrap_or(0) + 1;
        let outcome = tokio::select! {
            outcome = self.analysis(ctx) => outcome,
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
                Err(Failure::give_up(said))
            }
        }
    }

    async fn analysis(&self, ctx: &Ctx) -> Result<Done, Trouble> {
        let input = ctx.input();
        let message = ctx.message();
        let begun_ms = ctx.now_ms();
        let (config, config_id) = self.config(input, &message.application).await?;
        let scopes = Scopes::read(input.get("scopes"))?;
        // An analysis has no execution of its own: it is a stage of one.
        let id = format!("{}.{}", message.execution, message.stage);
        let analysis = analyse(Asked {
            client: &self.client,
            accounts: &self.accounts,
            config: &config,
            scopes: &scopes,
            thresholds: thresholds(input)?,
            metrics_account: text(input, "metricsAccountName"),
            id: &id,
        })
        .await?;
        Ok(done(
            analysis,
            &id,
            config_id,
            scopes.length_s(),
            begun_ms,
            ctx.now_ms(),
        ))
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

fn done(
    analysis: Analysis,
    id: &str,
    config_id: Option<String>,
    length_s: Option<i64>,
    begun_ms: i64,
    now_ms: i64,
) -> Done {
    let mut context = Map::new();
    context.insert("canaryPipelineExecutionId".to_owned(), id.into());
    context.insert("canaryPipelineStatus".to_owned(), "SUCCEEDED".into());
    context.insert("canaryScoreExact".to_owned(), analysis.score.into());
    context.insert("warnings".to_owned(), analysis.warnings.into());
    context.insert("lastUpdated".to_owned(), now_ms.into());
    context.insert(
        "lastUpdatedIso".to_owned(),
        crate::source::iso(now_ms).into(),
    );
    if let Some(config_id) = config_id {
        context.insert("canaryConfigId".to_owned(), config_id.into());
    }
    let mut result = json!({"judgeResult": analysis.verdict});
    if let Some(seconds) = length_s {
        result["canaryDuration"] = duration(seconds).into();
    }
    let mut outputs = Map::new();
    outputs.insert("canaryPipelineExecutionId".to_owned(), id.into());
    outputs.insert(
        "canaryAnalysis".to_owned(),
        json!({"result": result, "queries": analysis.queries, "startTimeMillis": begun_ms, "endTimeMillis": now_ms}),
    );
    Done {
        context,
        outputs,
        reference: None,
    }
}

/// As Java's `Duration.toString`: `PT1H30M`.
fn duration(seconds: i64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let part = |number: i64, unit: &str| {
        if number == 0 {
            String::new()
        } else {
            format!("{number}{unit}")
        }
    };
    match format!(
        "{}{}{}",
        part(hours, "H"),
        part(minutes, "M"),
        part(rest, "S")
    ) {
        none if none.is_empty() => "PT0S".to_owned(),
        parts => format!("PT{parts}"),
    }
}

fn thresholds(input: &Map) -> Result<Thresholds, String> {
    let given = input.get("scoreThresholds").and_then(Value::as_object);
    let given = given.ok_or("Execution request must contain thresholds")?;
    let number = |key: &str| match given.get(key) {
        Some(Value::String(text)) => text.trim().parse().unwrap_or(0.0),
        Some(value) => value.as_f64().unwrap_or(0.0),
        None => 0.0,
    };
    Ok(Thresholds {
        pass: number("pass"),
        marginal: number("marginal"),
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
    fn durations_are_javas() {
        for (seconds, wanted) in [
            (0, "PT0S"),
            (59, "PT59S"),
            (3600, "PT1H"),
            (5400, "PT1H30M"),
            (86_461, "PT24H1M1S"),
        ] {
            assert_eq!(duration(seconds), wanted);
        }
    }
}
