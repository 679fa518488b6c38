//! Amazon `CloudWatch`, which Kayenta does not have.
//!
//! A query is `{"type": "cloudwatch", "namespace", "metricName", "dimensions": {"Name": "value"}, "statistic": "Average",
//! "unit"}`, where values of dimensions may hold `${scope}`, `${location}` and the scope's parameters; or a template that expands
//! to an expression (metric mathematics, `SEARCH`, Metrics Insights), with one series for each answer and its label as the tag
//! `label`. A period without data is NaN.

use std::collections::BTreeMap;

use gennaker_credentials::aws;
use serde_json::{Value, json};

use crate::{
    accounts::Credentials,
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble},
    template::{expanded, expanded_text},
};

const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";

/// Most pages of one answer, each of about 100 000 points.
const PAGES_MAX: usize = 20;

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let Credentials::Aws(service) = &question.account.credentials else {
        return Err(Trouble::Never(
            question.said("has no credentials of Amazon"),
        ));
    };
    let scope = question.scope;
    if scope.step == 0 {
        return Err("a cloudwatch query needs a step".to_owned().into());
    }
    if (scope.end_ms - scope.start_ms) / (scope.step * 1000) > POINTS_MAX as i64 {
        return Err(format!("the scope has more than {POINTS_MAX} steps").into());
    }
    let query = query(question)?;
    let mut request = json!({
        "StartTime": scope.start_ms / 1000,
        "EndTime": scope.end_ms / 1000,
        "ScanBy": "TimestampAscending",
        "MetricDataQueries": [query],
    });
    let mut series: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    for page in 0.. {
        let answer = service.call("1.0", TARGET, &request).await;
        let answer = answer.map_err(|error| trouble(question, &error))?;
        for result in answer["MetricDataResults"].as_array().into_iter().flatten() {
            let label = result["Label"].as_str().unwrap_or_default();
            let points = series.entry(label.to_owned()).or_default();
            read(result, points);
            if result["StatusCode"] == "Forbidden" || result["StatusCode"] == "InternalError" {
                let what = format!(
                    "says {} for metric {}",
                    result["StatusCode"], question.metric
                );
                return Err(Trouble::Later(question.said(&what)));
            }
        }
        match answer["NextToken"].as_str() {
            None => break,
            Some(_) if page >= PAGES_MAX || series.len() > SERIES_MAX => {
                return Err(Trouble::Never(format!(
                    "the query gives more than {SERIES_MAX} series or {PAGES_MAX} pages"
                )));
            }
            Some(token) => request["NextToken"] = token.into(),
        }
    }
    if series.len() > SERIES_MAX {
        let count = series.len();
        return Err(format!("the query gives {count} series, more than {SERIES_MAX}").into());
    }
    let text = query.to_string();
    series.retain(|_, points| !points.is_empty());
    let is_one = series.len() == 1;
    let mut sets: Vec<MetricSet> = series
        .into_iter()
        .map(|(label, points)| {
            let tags = (!is_one).then(|| ("label".to_owned(), label));
            slots(question, &points, tags, &text)
        })
        .collect();
    if sets.is_empty() {
        sets.push(MetricSet::placeholder(scope, &text));
    }
    Ok(sets)
}

fn trouble(question: Question<'_>, error: &aws::Error) -> Trouble {
    let what = question.said(&format!("answered for metric {}: {error}", question.metric));
    match error.is_transient() {
        true => Trouble::Later(what),
        false => Trouble::Never(what),
    }
}

/// The one entry of `MetricDataQueries`.
fn query(question: Question<'_>) -> Result<Value, String> {
    let scope = question.scope;
    let base = [
        ("scope", scope.scope.as_deref()),
        ("location", scope.location.as_deref()),
    ];
    if let Some(expression) = expanded(question.query, question.templates, &base, scope)? {
        return Ok(json!({"Id": "q1", "Expression": expression, "Period": scope.step}));
    }
    let needed = |key: &str| {
        let text = question.text(key);
        text.ok_or_else(|| format!("a cloudwatch query needs {key}, or a template"))
    };
    let (namespace, name) = (needed("namespace")?, needed("metricName")?);
    let given = question.query.get("dimensions").and_then(Value::as_object);
    let mut dimensions = Vec::new();
    for (name, value) in given.into_iter().flatten() {
        let value = value
            .as_str()
            .ok_or_else(|| format!("the dimension {name} of a cloudwatch query must be a text"))?;
        let value = expanded_text(value, question.query, &base, scope)?;
        dimensions.push(json!({"Name": name, "Value": value}));
    }
    let mut stat = json!({
        "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions},
        "Period": scope.step,
        "Stat": question.text("statistic").unwrap_or("Average"),
    });
    if let Some(unit) = question.text("unit") {
        stat["Unit"] = unit.into();
    }
    Ok(json!({"Id": "q1", "MetricStat": stat}))
}

/// Instants come as seconds of the epoch, with fractions.
fn read(result: &Value, points: &mut BTreeMap<i64, f64>) {
    let times = result["Timestamps"].as_array().into_iter().flatten();
    let values = result["Values"].as_array().into_iter().flatten();
    #[expect(clippy::cast_possible_truncation, reason = "times in seconds")]
    points.extend(times.zip(values).filter_map(|(time, value)| {
        let time = time.as_f64()?;
        Some((time as i64, value.as_f64()?))
    }));
}

/// One slot for each period of the scope from the first point's phase on.
fn slots(
    question: Question<'_>,
    points: &BTreeMap<i64, f64>,
    tag: Option<(String, String)>,
    query: &str,
) -> MetricSet {
    let scope = question.scope;
    let first = points
        .first_key_value()
        .map_or(scope.start_ms / 1000, |(at, _)| *at);
    // Periods begin at multiples of their length, so the first may begin before the scope.
    let start = first - (first - scope.start_ms / 1000).div_euclid(scope.step) * scope.step;
    let mut values = Vec::new();
    let mut at = start;
    while at < scope.end_ms / 1000 && values.len() < POINTS_MAX {
        values.push(points.get(&at).copied().unwrap_or(f64::NAN));
        at += scope.step;
    }
    MetricSet {
        tags: tag.into_iter().collect(),
        start_ms: start * 1000,
        end_ms: at * 1000,
        step_ms: scope.step * 1000,
        values,
        query: query.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gennaker_credentials::auth::Secret;
    use gennaker_outbound::{Client, Options, Policy};
    use gennaker_runtime::Clock;
    use gennaker_testkit::http::{Reply, Server};

    use super::*;
    use crate::{
        accounts::{Account, SourceKind},
        testing::{START, ask, scope},
    };

    fn account(server: &Server, secret: &std::path::Path) -> Account {
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        let options = aws::Options {
            region: "eu-west-1".to_owned(),
            service: "monitoring",
            endpoint: Some(server.url("")),
            key: Some(("AKID".to_owned(), Secret::File(secret.to_owned()))),
            role: None,
        };
        let service = aws::Service::new(client, Clock::system(), options);
        Account {
            credentials: Credentials::Aws(Arc::new(service)),
            ..Account::new("cw", SourceKind::Cloudwatch, &server.url(""))
        }
    }

    fn result(label: &str, points: &[(i64, f64)]) -> Value {
        let times: Vec<i64> = points
            .iter()
            .map(|(minute, _)| START / 1000 + 60 * minute)
            .collect();
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        json!({"Id": "q1", "Label": label, "Timestamps": times, "Values": values, "StatusCode": "Complete"})
    }

    #[tokio::test]
    async fn periods_without_data_are_nan_and_pages_are_joined() {
        let pages = [
            json!({"MetricDataResults": [result("errors", &[(1, 2.0)])], "NextToken": "more"}),
            json!({"MetricDataResults": [result("errors", &[(3, 4.0)])]}),
        ];
        let server = Server::start(move |request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            match body["NextToken"].as_str() {
                None => Reply::ok(&pages[0].to_string()),
                Some("more") => Reply::ok(&pages[1].to_string()),
                Some(_) => Reply::status(400, "{}"),
            }
        })
        .await;
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "hush").unwrap();
        let query = json!({"namespace": "AWS/ApplicationELB", "metricName": "HTTPCode", "statistic": "Sum",
            "dimensions": {"TargetGroup": "${scope}-tg"}});
        let sets = ask(&account(&server, secret.path()), &query, &scope())
            .await
            .unwrap();
        assert_eq!(sets.len(), 1);
        let shown: Vec<String> = sets[0].values.iter().map(f64::to_string).collect();
        assert_eq!(shown, ["NaN", "2", "NaN", "4", "NaN"]);
        assert_eq!(
            (sets[0].start_ms, sets[0].expected(), sets[0].tags.len()),
            (START, 5, 0)
        );
        let seen = server.seen();
        let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
        assert_eq!(
            body["MetricDataQueries"][0]["MetricStat"],
            json!({"Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode",
                "Dimensions": [{"Name": "TargetGroup", "Value": "some-server-group-tg"}]}, "Period": 60, "Stat": "Sum"})
        );
        assert_eq!(
            (&body["StartTime"], &body["EndTime"]),
            (&json!(START / 1000), &json!(START / 1000 + 300))
        );
        assert_eq!(seen[0].header("x-amz-target"), Some(TARGET));
        assert!(
            seen[0]
                .header("authorization")
                .unwrap()
                .contains("/eu-west-1/monitoring/")
        );
    }

    #[tokio::test]
    async fn an_expression_may_give_several_series_or_none() {
        let server = Server::start(|request| match request.text() {
            text if text.contains("SEARCH(x)") => Reply::ok(
                &json!({"MetricDataResults": [result("a", &[(0, 1.0)]), result("b", &[(0, 2.0)])]})
                    .to_string(),
            ),
            text if text.contains("none") => Reply::ok("{\"MetricDataResults\": []}"),
            text if text.contains("slow") => Reply::status(
                400,
                "{\"__type\": \"ThrottlingException\", \"message\": \"slow down\"}",
            ),
            _ => Reply::status(
                400,
                "{\"__type\": \"ValidationError\", \"message\": \"no\"}",
            ),
        })
        .await;
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "hush").unwrap();
        let account = account(&server, secret.path());
        let asked = async |template: &str| {
            ask(
                &account,
                &json!({"customInlineTemplate": template}),
                &scope(),
            )
            .await
        };
        let sets = asked("SEARCH(x)").await.unwrap();
        let labels: Vec<&str> = sets.iter().map(|set| set.tags["label"].as_str()).collect();
        assert_eq!(labels, ["a", "b"]);
        assert_eq!(asked("none").await.unwrap()[0].expected(), 5);
        assert!(matches!(asked("slow").await, Err(Trouble::Later(_))));
        let refused = asked("bad").await.unwrap_err();
        assert!(
            matches!(&refused, Trouble::Never(text) if text.contains("ValidationError: no")),
            "{refused:?}"
        );
        let trouble = ask(&account, &json!({"metricName": "m"}), &scope())
            .await
            .unwrap_err();
        assert!(
            matches!(&trouble, Trouble::Never(text) if text.contains("needs namespace")),
            "{trouble:?}"
        );
    }
}
