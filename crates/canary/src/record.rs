//! Documents that stay of an analysis, as Kayenta writes them (canary reference 4.2, 5.4).
//!
//! Source: Kayenta `MetricSetPair`, `CanaryExecutionStatusResponse`, `ExecutionMapper`, `StandardCanaryPipeline`.

use gennaker_judge::{MetricSetPair, Number, Scope, Style, to_json};
use gennaker_model::{Map, routing, uuid};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{question::iso, request::Scopes};

/// What is known of an analysis when it ends.
pub(crate) struct Ended<'a> {
    pub(crate) id: &'a str,
    pub(crate) application: &'a str,
    /// The execution that the analysis is a stage of, if it is not its own.
    pub(crate) parent: Option<&'a str>,
    /// The context of the stage.
    pub(crate) input: &'a Map,
    /// The configuration, if it was found, and its id, if it has one.
    pub(crate) config: Option<&'a Map>,
    pub(crate) config_id: Option<&'a str>,
    /// When its execution was made, when it began and when it ended, epoch milliseconds.
    pub(crate) built_ms: i64,
    pub(crate) begun_ms: i64,
    pub(crate) ended_ms: i64,
    /// The names of the accounts that were used: of metrics, of storage.
    pub(crate) metrics_account: Option<&'a str>,
    pub(crate) storage_account: &'a str,
}

/// How it ended.
pub(crate) enum End {
    /// With this verdict, over the pairs with this id.
    Judged {
        result: Value,
        pairs: String,
        metrics: usize,
    },
    /// With this exception.
    Failed(Value),
}

/// The id of the pairs of an analysis: the same each time that the analysis is run, so that a repetition leaves nothing behind.
pub(crate) fn pairs_id(analysis: &str) -> String {
    let hash = |salt: &str| routing::fnv1a64(format!("{salt} {analysis}").as_bytes());
    uuid(
        4,
        u128::from(hash("pairs of")) << 64 | u128::from(hash("of pairs")),
    )
}

/// The pairs of an analysis as `metric_set_pairs.json`, with the queries of both sides by metric.
///
/// # Errors
/// They cannot be written.
pub(crate) fn pairs(pairs: &[Option<MetricSetPair>], queries: &Map) -> Result<Vec<u8>, String> {
    let written: Vec<Pair<'_>> = pairs
        .iter()
        .flatten()
        .map(|pair| Pair::of(pair, queries))
        .collect();
    let text = to_json(&written, Style::Compact).map_err(|error| error.to_string())?;
    Ok(text.into_bytes())
}

/// The archive of an analysis: what `GET /canary/{id}` answers.
pub(crate) fn archive(ended: &Ended<'_>, end: &End) -> Value {
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            document.insert(key.to_owned(), value);
        }
    };
    let given = |key: &str| ended.input.get(key).cloned().unwrap_or(Value::Null);
    put("application", ended.application.into());
    put(
        "parentPipelineExecutionId",
        match ended.parent {
            Some(parent) => parent.into(),
            None => given("parentPipelineExecutionId"),
        },
    );
    put("pipelineId", ended.id.into());
    let (status, stages) = match end {
        End::Judged { metrics, .. } => ("succeeded", stages(*metrics)),
        End::Failed(_) => (
            "terminal",
            json!({"setupContext": "succeeded", "judge": "terminal"}),
        ),
    };
    put("stageStatus", stages);
    put("complete", true.into());
    put("status", status.into());
    match end {
        End::Judged { result, pairs, .. } => {
            put("result", result.clone());
            put("metricSetPairListId", pairs.as_str().into());
        }
        End::Failed(exception) => put("exception", exception.clone()),
    }
    put(
        "config",
        ended.config.map(escaped).map_or(Value::Null, Value::Object),
    );
    put("canaryConfigId", ended.config_id.into());
    let request = json!({"scopes": given("scopes"), "thresholds": given("scoreThresholds"), "metadata": given("metadata"),
        "siteLocal": given("siteLocal")});
    put("canaryExecutionRequest", without_nulls(request));
    for (name, ms) in [
        ("build", ended.built_ms),
        ("start", ended.begun_ms),
        ("end", ended.ended_ms),
    ] {
        put(&format!("{name}TimeMillis"), ms.into());
        put(&format!("{name}TimeIso"), iso(ms).into());
    }
    put("storageAccountName", ended.storage_account.into());
    put("metricsAccountName", ended.metrics_account.into());
    put(
        "configurationAccountName",
        given("configurationAccountName"),
    );
    document.into()
}

/// `result` of the archive and of the stage.
pub(crate) fn result(verdict: Value, scopes: &Scopes) -> Value {
    let mut result = json!({"judgeResult": verdict});
    if let Some(seconds) = scopes.length_s() {
        result["canaryDuration"] = duration(seconds).into();
    }
    result
}

/// Kayenta's stages of an analysis that went well.
fn stages(metrics: usize) -> Value {
    let mut stages = Map::new();
    let mut add = |name: String| stages.insert(name, "succeeded".into());
    add("setupContext".to_owned());
    for side in ["Control", "Experiment"] {
        for number in 0..metrics {
            add(format!("fetch{side}{number}"));
        }
    }
    add("mixMetrics".to_owned());
    add("judge".to_owned());
    stages.into()
}

/// The configuration with its templates escaped, as it is when Kayenta has launched it: expressions of pipelines leave these alone.
pub(crate) fn escaped(config: &Map) -> Map {
    let escape = |value: &mut Value| {
        if let Value::String(text) = value {
            *text = text.replace("${", "$\\{");
        }
    };
    let mut config = config.clone();
    if let Some(Value::Object(templates)) = config.get_mut("templates") {
        templates.values_mut().for_each(escape);
    }
    let metrics = config.get_mut("metrics").and_then(Value::as_array_mut);
    for metric in metrics.into_iter().flatten() {
        if let Some(inline) = metric.pointer_mut("/query/customInlineTemplate") {
            escape(inline);
        }
    }
    config
}

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| !value.is_null());
    }
    value
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

/// `MetricSetPair` as it is written.
#[derive(Serialize)]
struct Pair<'a> {
    name: Option<&'a str>,
    id: Option<&'a str>,
    tags: Value,
    values: Sides<Vec<Number>>,
    scopes: Sides<Times>,
    attributes: Sides<Value>,
}

#[derive(Serialize)]
struct Sides<T> {
    control: T,
    experiment: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Times {
    start_time_iso: String,
    start_time_millis: i64,
    step_millis: i64,
}

impl<'a> Pair<'a> {
    fn of(pair: &'a MetricSetPair, queries: &Map) -> Self {
        let values = |side: &Option<Vec<f64>>| -> Vec<Number> {
            side.iter().flatten().copied().map(Number).collect()
        };
        let of_metric = queries.get(pair.name.as_deref().unwrap_or_default());
        let query = |side: &str| match of_metric.and_then(|sides| sides.get(side)) {
            Some(Value::String(query)) => json!({"query": query}),
            _ => json!({}),
        };
        let tags = pair.tags.iter().flatten();
        Self {
            name: pair.name.as_deref(),
            id: pair.id.as_deref(),
            tags: tags
                .map(|(key, value)| (key.clone(), Value::from(value.clone())))
                .collect::<Map>()
                .into(),
            values: Sides {
                control: values(&pair.control),
                experiment: values(&pair.experiment),
            },
            scopes: Sides {
                control: Times::of(pair.control_scope),
                experiment: Times::of(pair.experiment_scope),
            },
            attributes: Sides {
                control: query("control"),
                experiment: query("experiment"),
            },
        }
    }
}

impl Times {
    fn of(scope: Option<Scope>) -> Self {
        let scope = scope.unwrap_or_default();
        Self {
            start_time_iso: iso(scope.start_ms),
            start_time_millis: scope.start_ms,
            step_millis: scope.step_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map {
        value.as_object().unwrap().clone()
    }

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

    #[test]
    fn pairs_are_written_as_kayenta_writes_them_and_read_back() {
        let scope = Scope {
            start_ms: 1_767_225_600_000,
            step_ms: 60_000,
        };
        let pair = MetricSetPair {
            name: Some("errors".to_owned()),
            id: Some("E.S-0-0".to_owned()),
            tags: Some(
                [("pod".to_owned(), Some("a".to_owned()))]
                    .into_iter()
                    .collect(),
            ),
            control: Some(vec![0.0, 1e-5, f64::INFINITY]),
            experiment: Some(vec![f64::NAN, 12_345_678.0]),
            control_scope: Some(scope),
            experiment_scope: Some(scope),
        };
        let queries = map(json!({"errors": {"control": "q", "experiment": null}}));
        let written = pairs(&[Some(pair)], &queries).unwrap();
        let written = String::from_utf8(written).unwrap();
        let times = r#"{"startTimeIso":"2026-01-01T00:00:00Z","startTimeMillis":1767225600000,"stepMillis":60000}"#;
        assert_eq!(
            written,
            format!(
                r#"[{{"name":"errors","id":"E.S-0-0","tags":{{"pod":"a"}},"values":{{"control":[0.0,1.0E-5,"Infinity"],"experiment":["NaN",1.2345678E7]}},"scopes":{{"control":{times},"experiment":{times}}},"attributes":{{"control":{{"query":"q"}},"experiment":{{}}}}}}]"#
            )
        );
        let read = MetricSetPair::read_list(&written).unwrap();
        let read = read[0].as_ref().unwrap();
        assert!(read.experiment.as_ref().unwrap()[0].is_nan());
        assert_eq!(read.control_scope, Some(scope));
    }

    #[test]
    fn ids_of_pairs_are_uuids_that_repeat() {
        let id = pairs_id("01HX.01HY");
        assert_eq!(id, pairs_id("01HX.01HY"));
        assert_ne!(id, pairs_id("01HX.01HZ"));
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!((parts, &id[14..15]), (vec![8, 4, 4, 4, 12], "4"));
    }

    #[test]
    fn templates_are_escaped_once() {
        let config = map(json!({"templates": {"t": "a=${scope}"}, "name": "${x}",
            "metrics": [{"query": {"customInlineTemplate": "PromQL:${a} $\\{b}"}}, {"query": 3}]}));
        let once = escaped(&config);
        assert_eq!(once["templates"]["t"], "a=$\\{scope}");
        let inline = &once["metrics"][0]["query"]["customInlineTemplate"];
        assert_eq!(inline, "PromQL:$\\{a} $\\{b}");
        assert_eq!(once["name"], "${x}");
        assert_eq!(escaped(&once), once);
    }

    #[test]
    fn the_archive_is_kayentas_status_document() {
        let input = map(
            json!({"scopes": {"default": {}}, "scoreThresholds": {"pass": 95, "marginal": 75},
            "configurationAccountName": null}),
        );
        let config = map(json!({"name": "c"}));
        let ended = Ended {
            id: "E.S",
            application: "shop",
            parent: Some("E"),
            input: &input,
            config: Some(&config),
            config_id: None,
            built_ms: 0,
            begun_ms: 1_000,
            ended_ms: 2_000,
            metrics_account: Some("prom"),
            storage_account: "bucket",
        };
        let judged = End::Judged {
            result: json!({"judgeResult": {}}),
            pairs: "p".to_owned(),
            metrics: 1,
        };
        let said = archive(&ended, &judged);
        let expected = json!({
            "application": "shop", "parentPipelineExecutionId": "E", "pipelineId": "E.S",
            "stageStatus": {"setupContext": "succeeded", "fetchControl0": "succeeded", "fetchExperiment0": "succeeded",
                "mixMetrics": "succeeded", "judge": "succeeded"},
            "complete": true, "status": "succeeded", "result": {"judgeResult": {}}, "metricSetPairListId": "p",
            "config": {"name": "c"},
            "canaryExecutionRequest": {"scopes": {"default": {}}, "thresholds": {"pass": 95, "marginal": 75}},
            "buildTimeMillis": 0, "buildTimeIso": "1970-01-01T00:00:00Z",
            "startTimeMillis": 1000, "startTimeIso": "1970-01-01T00:00:01Z",
            "endTimeMillis": 2000, "endTimeIso": "1970-01-01T00:00:02Z",
            "storageAccountName": "bucket", "metricsAccountName": "prom"});
        assert_eq!(said, expected);
        let failed = archive(&ended, &End::Failed(json!({"details": {}})));
        assert_eq!(
            (&failed["status"], &failed["complete"]),
            (&json!("terminal"), &json!(true))
        );
        assert!(failed.get("result").is_none() && failed["exception"].is_object());
    }
}
