//! One analysis: the configuration's metrics of both sides, mixed and judged.

use futures_util::{StreamExt as _, stream};
use gennaker_judge::{
    CanaryConfig, JudgeResult, MetricSetPair, Request, Style, Thresholds, judge, to_json,
};
use gennaker_model::Map;
use gennaker_outbound::Client;
use serde_json::{Value, json};

use crate::{
    accounts::{Accounts, SourceKind},
    mixer, record,
    request::{Scope, Scopes},
    source::{Question, Trouble},
    sources::fetch,
};

/// Most metrics of a configuration.
const METRICS_MAX: usize = 500;

/// Questions to sources that are open at the same time.
const QUESTIONS_AT_ONCE: usize = 8;

/// Most values of one analysis: what it holds in memory, and what is stored of it, stay bounded.
const VALUES_MAX: usize = 4_000_000;

/// Fewer points of the control than these leave a warning (orca `MonitorKayentaCanaryTask`).
const POINTS_FEW: usize = 50;

/// What is asked.
pub(crate) struct Asked<'a> {
    pub(crate) client: &'a Client,
    pub(crate) accounts: &'a Accounts,
    pub(crate) config: &'a Map,
    pub(crate) scopes: &'a Scopes,
    pub(crate) thresholds: Thresholds,
    pub(crate) metrics_account: Option<&'a str>,
    /// The analysis, from which ids are made.
    pub(crate) id: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(crate) score: f64,
    /// Kayenta's document.
    pub(crate) verdict: Value,
    pub(crate) warnings: Vec<&'static str>,
    /// The queries as they were sent, by metric and side.
    pub(crate) queries: Value,
    /// What was judged, as it is stored.
    pub(crate) pairs: Vec<u8>,
    /// How many metrics there are.
    pub(crate) metrics: usize,
}

/// Fetches, mixes and judges.
pub(crate) async fn analyse(asked: Asked<'_>) -> Result<Analysis, Trouble> {
    let metrics = metrics(asked.config)?;
    let count = metrics.len();
    // Made one by one: a closure over borrowed metrics is not general enough for a task that is sent between threads.
    let mut questions = Vec::with_capacity(metrics.len());
    for (number, metric) in metrics.into_iter().enumerate() {
        questions.push(one(&asked, number, metric));
    }
    let mut fetched = stream::iter(questions).buffered(QUESTIONS_AT_ONCE);
    let mut pairs = Vec::new();
    let mut queries = Map::new();
    let mut values = 0;
    while let Some(metric) = fetched.next().await.transpose()? {
        queries.insert(metric.name, metric.queries);
        values += metric.pairs.iter().map(length).sum::<usize>();
        if values > VALUES_MAX {
            return Err(Trouble::Never(format!(
                "the metrics have more than {VALUES_MAX} values together: choose a larger step, a shorter window or fewer metrics"
            )));
        }
        pairs.extend(metric.pairs.into_iter().map(Some));
    }
    let text = serde_json::to_string(asked.config).map_err(|error| error.to_string())?;
    let request = Request {
        config: Some(CanaryConfig::read(&text).map_err(|error| error.to_string())?),
        thresholds: Some(asked.thresholds),
        pairs: Some(pairs),
    };
    // Statistics of many long series take longer than a task may hold the others up.
    let judged = tokio::task::spawn_blocking(move || {
        let judged = judge(&request).map_err(|error| error.to_string())?;
        let pairs = request.pairs.as_deref().unwrap_or_default();
        let pairs = record::pairs(pairs, &queries)?;
        Ok::<_, String>((judged, pairs, queries))
    });
    let judged = judged
        .await
        .map_err(|error| format!("the judge failed: {error}"))?;
    let (judged, pairs, queries) = judged?;
    let verdict = to_json(&judged, Style::Compact).and_then(|text| serde_json::from_str(&text));
    Ok(Analysis {
        score: judged.score.score.0,
        verdict: verdict.map_err(|error| error.to_string())?,
        warnings: match asked.is_of_datadog() {
            true => Vec::new(),
            false => warnings(&judged),
        },
        queries: queries.into(),
        pairs,
        metrics: count,
    })
}

impl Asked<'_> {
    /// Orca says nothing about few points when the account that was named is one of Datadog.
    fn is_of_datadog(&self) -> bool {
        let named = self.metrics_account;
        let account = self.accounts.all().iter();
        let mut named = account.filter(|account| Some(account.name.as_str()) == named);
        named.any(|account| account.kind == SourceKind::Datadog)
    }
}

fn length(pair: &MetricSetPair) -> usize {
    let sides = [&pair.control, &pair.experiment];
    sides.into_iter().flatten().map(Vec::len).sum()
}

struct Fetched {
    name: String,
    pairs: Vec<MetricSetPair>,
    queries: Value,
}

async fn one(asked: &Asked<'_>, number: usize, metric: &Map) -> Result<Fetched, Trouble> {
    let name = metric
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let pair = asked
        .scopes
        .of(name, metric.get("scopeName").and_then(Value::as_str))?;
    let query = metric.get("query").and_then(Value::as_object);
    let query = query.ok_or_else(|| format!("metric {name} has no query"))?;
    let kind = query
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let known = SourceKind::ALL.map(SourceKind::name);
    if !known.contains(&kind) {
        return Err(Trouble::Never(format!(
            "metric {name} asks for the source '{kind}', which is not built; there are {}",
            known.join(", ")
        )));
    }
    let account = asked.accounts.resolve(asked.metrics_account, kind)?;
    let ask = |scope: &'_ Scope| {
        let scope = scope.clone();
        async move {
            fetch(Question {
                client: asked.accounts.client(account, asked.client),
                account,
                metric: name,
                query,
                templates: asked.config.get("templates"),
                scope: &scope,
            })
            .await
        }
    };
    let control = ask(&pair.control).await?;
    let experiment = ask(&pair.experiment).await?;
    let query_of =
        |sets: &[crate::metric_set::MetricSet]| sets.first().map(|set| set.query.clone());
    let queries = json!({"control": query_of(&control), "experiment": query_of(&experiment)});
    let pairs = mixer::pairs(name, control, experiment, &format!("{}-{number}", asked.id))?;
    Ok(Fetched {
        name: name.to_owned(),
        pairs,
        queries,
    })
}

fn metrics(config: &Map) -> Result<Vec<&Map>, String> {
    let metrics = config.get("metrics").and_then(Value::as_array);
    let metrics: Vec<&Map> = metrics
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    if metrics.is_empty() {
        return Err(
            "The canary config must specify at least one metric. Otherwise we're not analyzing anything. :)".to_owned(),
        );
    }
    if metrics.len() > METRICS_MAX {
        return Err(format!(
            "the canary config has {} metrics, more than {METRICS_MAX}",
            metrics.len()
        ));
    }
    Ok(metrics)
}

fn warnings(judged: &JudgeResult) -> Vec<&'static str> {
    let is_short =
        |result: &gennaker_judge::AnalysisResult| result.control_metadata.stats.count < POINTS_FEW;
    if judged.results.iter().any(is_short) {
        vec![
            "One of the metrics returned fewer than 50 data points, which can reduce confidence in the final canary score.",
        ]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use gennaker_outbound::{Options, Policy};

    use super::*;
    use crate::{accounts::Account, testing::Recorded};

    fn config(direction: &str) -> Value {
        json!({"name": "c", "classifier": {"groupWeights": {"Errors": 100}}, "judge": {"name": "NetflixACAJudge-v1.0"},
            "metrics": [{"name": "errors", "groups": ["Errors"], "scopeName": "default",
                "query": {"type": "prometheus", "customInlineTemplate": "PromQL:errors{app=\"${scope}\"}"},
                "analysisConfigurations": {"canary": {"direction": direction}}}]})
    }

    fn scopes() -> Scopes {
        let side = |name: &str| json!({"scope": name, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:10:00Z", "step": 60});
        Scopes::read(Some(
            &json!({"default": {"controlScope": side("base"), "experimentScope": side("canary")}}),
        ))
        .unwrap()
    }

    fn answer(from: i32) -> String {
        let values: Vec<Value> = (0..10)
            .map(|at| json!([1_767_225_600 + 60 * at, (from + at % 3).to_string()]))
            .collect();
        json!({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": values}]}}).to_string()
    }

    async fn analysed(config: &Value, answers: &[(u16, &str)]) -> Result<Analysis, Trouble> {
        let server = Recorded::answering(answers).await;
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        let accounts = Accounts::new([Account::new("prom", SourceKind::Prometheus, &server.url)]);
        analyse(Asked {
            client: &client,
            accounts: &accounts,
            config: config.as_object().unwrap(),
            scopes: &scopes(),
            thresholds: Thresholds {
                pass: 95.0,
                marginal: 75.0,
            },
            metrics_account: None,
            id: "E.S",
        })
        .await
    }

    #[tokio::test]
    async fn more_errors_fail_the_metric_and_the_canary() {
        let (control, canary) = (answer(1), answer(20));
        let found = analysed(&config("increase"), &[(200, &control), (200, &canary)])
            .await
            .unwrap();
        assert_eq!(found.score, 0.0);
        let result = &found.verdict["results"][0];
        assert_eq!(
            (result["name"].as_str(), result["classification"].as_str()),
            (Some("errors"), Some("High"))
        );
        assert_eq!(result["id"], "E.S-0-0");
        assert_eq!(found.warnings.len(), 1);
        assert_eq!(
            found.queries["errors"]["experiment"],
            "errors{app=\"canary\"}"
        );
        let found = analysed(&config("decrease"), &[(200, &control), (200, &canary)])
            .await
            .unwrap();
        assert_eq!(found.score, 100.0);
    }

    #[tokio::test]
    async fn no_data_follows_the_policy() {
        let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        let found = analysed(&config("increase"), &[(200, empty)])
            .await
            .unwrap();
        assert_eq!(found.verdict["results"][0]["classification"], "Nodata");
        assert_eq!(
            found.verdict["score"]["classificationReason"],
            "Canary Failed: 50% or more metrics returned NODATA"
        );
        let mut replace = config("increase");
        replace["metrics"][0]["analysisConfigurations"]["canary"]["nanStrategy"] = "replace".into();
        let found = analysed(&replace, &[(200, empty)]).await.unwrap();
        assert_eq!(found.verdict["results"][0]["classification"], "Pass");
    }

    #[tokio::test]
    async fn what_is_missing_is_said_in_kayentas_words() {
        let said = |config: Value| async move {
            match analysed(&config, &[(500, "")]).await.unwrap_err() {
                Trouble::Never(text) => text,
                Trouble::Later(text) => format!("later: {text}"),
            }
        };
        assert!(
            said(json!({"metrics": []}))
                .await
                .starts_with("The canary config must specify at least one metric.")
        );
        let mut other = config("either");
        other["metrics"][0]["scopeName"] = "other".into();
        let text = said(other).await;
        assert_eq!(
            text,
            "Canary metrics require scopes which were not provided in the execution request: [other]"
        );
        let mut elsewhere = config("either");
        elsewhere["metrics"][0]["query"]["type"] = "elsewhere".into();
        assert!(
            said(elsewhere)
                .await
                .contains("the source 'elsewhere', which is not built")
        );
        assert!(
            said(config("either"))
                .await
                .starts_with("later: the prometheus account prom answered 500")
        );
        assert!(
            Scopes::read(None)
                .unwrap_err()
                .contains("no scopes were provided")
        );
    }
}
