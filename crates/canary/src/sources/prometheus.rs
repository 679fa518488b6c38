//! Prometheus: range queries (Kayenta `PrometheusMetricsService`, `PrometheusCanaryMetricSetQueryConfig`,
//! `PrometheusResponseConverter`).
//!
//! Gaps are not filled: a point that is missing makes those after it slide forward, as in Kayenta. With `nanStrategy: replace` a
//! filled gap would be a zero, and the verdict another one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble, iso},
    template::expanded,
};

/// A template that begins so is the whole query.
const WHOLE: &str = "PromQL:";

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let query = query(question)?;
    let scope = question.scope;
    let (start, end, step) = (
        iso(scope.start_ms),
        iso(scope.end_ms),
        scope.step.to_string(),
    );
    let parameters = [
        ("query", query.as_str()),
        ("start", start.as_str()),
        ("end", end.as_str()),
        ("step", step.as_str()),
    ];
    let answer = question.get("api/v1/query_range", &parameters).await?;
    let mut sets = series(&answer, &query)?;
    if sets.is_empty() {
        sets.push(MetricSet::placeholder(scope, &query));
    }
    Ok(sets)
}

/// The query of a metric.
pub(crate) fn query(question: Question<'_>) -> Result<String, String> {
    let scope = question.scope;
    let project = scope.parameters.get("project").map(String::as_str);
    let resource = question.text("resourceType");
    let base = [
        ("project", project),
        ("resourceType", resource),
        ("scope", scope.scope.as_deref()),
        ("location", scope.location.as_deref()),
    ];
    let filter = expanded(question.query, question.templates, &base, scope)?;
    if let Some(whole) = filter
        .as_deref()
        .and_then(|filter| filter.strip_prefix(WHOLE))
    {
        return Ok(whole.to_owned());
    }
    let metric = question
        .text("metricName")
        .ok_or("Metric Name is required when query type is Default.")?;
    let bindings = question
        .list("labelBindings")
        .into_iter()
        .map(str::to_owned);
    let filters: Vec<String> = match (filter, resource) {
        (Some(filter), _) => filter
            .split(',')
            .map(str::to_owned)
            .chain(bindings)
            .collect(),
        (None, Some(resource)) => bindings
            .chain(of_resource(question, resource, project)?)
            .collect(),
        (None, None) => {
            return Err("Either a resource type or a custom filter is required.".to_owned());
        }
    };
    let filters: Vec<String> = filters
        .into_iter()
        .filter(|filter| !filter.is_empty())
        .collect();
    let mut query = format!("avg({metric}");
    if !filters.is_empty() {
        query = format!("{query}{{{}}}", filters.join(","));
    }
    query.push(')');
    let groups = question.list("groupByFields");
    if !groups.is_empty() {
        query = format!("{query} by ({})", groups.join(","));
    }
    Ok(query)
}

/// What tells the instances of a server group apart, by the kind of resource.
fn of_resource(
    question: Question<'_>,
    resource: &str,
    project: Option<&str>,
) -> Result<[String; 2], String> {
    let scope = question.scope.scope.as_deref().unwrap_or_default();
    let location = question.scope.location.as_deref();
    match resource {
        "gce_instance" => {
            let location = location
                .ok_or("Location (i.e. region) is required when resourceType is gce_instance.")?;
            let project =
                project.map_or_else(String::new, |project| format!("projects/{project}/"));
            let label = &question.account.scope_label;
            Ok([
                format!("{label}=~\"{scope}-.{{4}}\""),
                format!("zone=~\".+/{project}zones/{location}-.{{1}}\""),
            ])
        }
        "aws_ec2_instance" => {
            let location = location.ok_or(
                "Location (i.e. region) is required when resourceType is aws_ec2_instance.",
            )?;
            Ok([
                format!("asg_groupName=\"{scope}\""),
                format!("zone=~\"{location}.{{1}}\""),
            ])
        }
        other => Err(format!(
            "There is no explicit support for resourceType '{other}'. You may build whatever query makes sense for your environment via \
             label bindings and custom filter templates."
        )),
    }
}

fn series(answer: &Value, query: &str) -> Result<Vec<MetricSet>, Trouble> {
    if answer["status"] != "success" {
        let text = answer["error"].as_str().unwrap_or("it does not say why");
        return Err(Trouble::Never(format!(
            "Prometheus refused the query: {text}"
        )));
    }
    let data = &answer["data"];
    if data["resultType"] != "matrix" {
        let kind = &data["resultType"];
        return Err(Trouble::Never(format!(
            "Prometheus answered {kind} and not a matrix"
        )));
    }
    let result = data["result"].as_array().map_or(&[][..], Vec::as_slice);
    if result.len() > SERIES_MAX {
        let count = result.len();
        return Err(Trouble::Never(format!(
            "the query gives {count} series, more than {SERIES_MAX}"
        )));
    }
    result.iter().map(|series| one(series, query)).collect()
}

fn one(series: &Value, query: &str) -> Result<MetricSet, Trouble> {
    let wrong = || Trouble::Never("Prometheus answered a series that is none".to_owned());
    let points = series["values"].as_array().ok_or_else(wrong)?;
    if points.len() > POINTS_MAX {
        let count = points.len();
        return Err(Trouble::Never(format!(
            "a series has {count} points, more than {POINTS_MAX}"
        )));
    }
    let mut values = Vec::with_capacity(points.len());
    for point in points {
        let text = point[1].as_str().ok_or_else(wrong)?;
        values.push(match text {
            "+Inf" | "Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            "NaN" => f64::NAN,
            number => number.parse().map_err(|_| wrong())?,
        });
    }
    // Times are seconds with a fraction.
    let time = |at: usize| points.get(at).and_then(|point| point[0].as_f64());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and no time is so large"
    )]
    let ms = |at: usize| time(at).map(|seconds| (seconds * 1000.0).round() as i64);
    let start = ms(0).unwrap_or(0);
    let step = ms(1).map_or(0, |second| second - start);
    let labels = series["metric"].as_object();
    let tags = labels
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "__name__");
    let tags: BTreeMap<String, String> = tags
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    let length = i64::try_from(values.len()).unwrap_or(i64::MAX);
    Ok(MetricSet {
        tags,
        start_ms: start,
        end_ms: start.saturating_add(length.saturating_mul(step)),
        step_ms: step,
        values,
        query: query.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use gennaker_outbound::{Client, Options, Policy};
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, Credentials, SourceKind},
        request::Scope,
        testing::{Recorded, START, scope},
    };

    fn account(url: &str, credentials: Credentials) -> Account {
        Account {
            credentials,
            ..Account::new("prom", SourceKind::Prometheus, url)
        }
    }

    fn with<T>(
        query: &Value,
        scope: &Scope,
        account: &Account,
        run: impl FnOnce(Question<'_>) -> T,
    ) -> T {
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        let templates = json!({"t": "app=\"${scope}\",code=~\"5..\""});
        run(Question {
            client: &client,
            account,
            metric: "errors",
            query: query.as_object().unwrap(),
            templates: Some(&templates),
            scope,
        })
    }

    fn built(
        query: Value,
        location: Option<&str>,
        project: Option<&str>,
    ) -> Result<String, String> {
        let mut scope = scope();
        scope.location = location.map(str::to_owned);
        if let Some(project) = project {
            scope
                .parameters
                .insert("project".to_owned(), project.to_owned());
        }
        with(
            &query,
            &scope,
            &account("http://h", Credentials::None),
            super::query,
        )
    }

    #[test]
    fn queries_are_kayentas() {
        let gce = json!({"metricName": "some-metric-name", "resourceType": "gce_instance", "labelBindings": ["a=b"]});
        assert_eq!(
            built(gce.clone(), Some("us-central1"), None).unwrap(),
            r#"avg(some-metric-name{a=b,instance=~"some-server-group-.{4}",zone=~".+/zones/us-central1-.{1}"})"#
        );
        assert!(
            built(gce, Some("r"), Some("p"))
                .unwrap()
                .contains(r#"zone=~".+/projects/p/zones/r-.{1}""#)
        );
        let aws = json!({"metricName": "m", "resourceType": "aws_ec2_instance", "groupByFields": ["pod", "zone"]});
        assert_eq!(
            built(aws.clone(), Some("us-east-1"), None).unwrap(),
            r#"avg(m{asg_groupName="some-server-group",zone=~"us-east-1.{1}"}) by (pod,zone)"#
        );
        assert!(
            built(aws, None, None)
                .unwrap_err()
                .starts_with("Location (i.e. region) is required")
        );
        let template =
            json!({"metricName": "m", "customFilterTemplate": "t", "labelBindings": ["x=\"y\""]});
        assert_eq!(
            built(template, None, None).unwrap(),
            r#"avg(m{app="some-server-group",code=~"5..",x="y"})"#
        );
        let whole =
            json!({"customInlineTemplate": "PromQL:sum(rate(e{pod=~\"$\\{scope}.*\"}[1m]))"});
        assert_eq!(
            built(whole, None, None).unwrap(),
            r#"sum(rate(e{pod=~"some-server-group.*"}[1m]))"#
        );
        for (query, said) in [
            (
                json!({"customInlineTemplate": "a=b"}),
                "Metric Name is required when query type is Default.",
            ),
            (
                json!({"metricName": "m"}),
                "Either a resource type or a custom filter is required.",
            ),
        ] {
            assert_eq!(built(query, None, None).unwrap_err(), said);
        }
    }

    async fn asked(server: &Recorded, credentials: Credentials) -> Result<Vec<MetricSet>, Trouble> {
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        let query = json!({"customInlineTemplate": "PromQL:up"});
        let (account, scope) = (account(&server.url, credentials), scope());
        fetch(Question {
            client: &client,
            account: &account,
            metric: "errors",
            query: query.as_object().unwrap(),
            templates: None,
            scope: &scope,
        })
        .await
    }

    #[tokio::test]
    async fn series_are_read_with_their_labels_and_gaps_close() {
        let answer = json!({"status": "success", "data": {"resultType": "matrix", "result": [
            {"metric": {"__name__": "up", "pod": "a"}, "values": [[1767225600, "1"], [1767225660, "NaN"], [1767225780.5, "+Inf"]]},
            {"metric": {}, "values": [[1767225600, "2.5"]]}]}})
        .to_string();
        let server = Recorded::answering(&[(200, &answer)]).await;
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), "secret\n").unwrap();
        let sets = asked(&server, Credentials::Bearer(PathBuf::from(token.path())))
            .await
            .unwrap();
        assert_eq!(
            sets[0].tags,
            BTreeMap::from([("pod".to_owned(), "a".to_owned())])
        );
        assert_eq!(
            (sets[0].start_ms, sets[0].step_ms, sets[0].end_ms),
            (START, 60_000, START + 180_000)
        );
        assert!(sets[0].values[1].is_nan() && sets[0].values[2].is_infinite());
        assert_eq!(
            (
                sets[1].step_ms,
                sets[1].expected(),
                sets[1].values.as_slice()
            ),
            (0, 0, &[2.5][..])
        );
        let head = server.asked().remove(0);
        assert!(
            head.starts_with(
                "GET /api/v1/query_range?query=up&start=2026-01-01T00%3A00%3A00Z&end=2026-01-01T00%3A05%3A00Z&step=60 HTTP/1.1"
            ),
            "{head}"
        );
        assert!(
            head.to_lowercase()
                .contains("authorization: bearer secret\r\n"),
            "{head}"
        );
    }

    #[tokio::test]
    async fn nothing_is_a_placeholder_and_trouble_is_told_apart() {
        let empty = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
        let server = Recorded::answering(&[
            (200, empty),
            (503, "busy"),
            (429, "slow down"),
            (400, r#"{"status":"error","error":"parse error"}"#),
            (200, "<html>"),
            (
                200,
                r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            ),
        ])
        .await;
        let sets = asked(&server, Credentials::None).await.unwrap();
        assert_eq!((sets[0].values.len(), sets[0].expected()), (0, 5));
        for is_later in [true, true, false, false, false] {
            let trouble = asked(&server, Credentials::None).await.unwrap_err();
            assert_eq!(
                matches!(trouble, Trouble::Later(_)),
                is_later,
                "{trouble:?}"
            );
        }
        let mut gone = server;
        gone.url = "http://127.0.0.1:1".to_owned();
        assert!(matches!(
            asked(&gone, Credentials::None).await.unwrap_err(),
            Trouble::Later(_)
        ));
    }
}
