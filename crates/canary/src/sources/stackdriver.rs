//! Google Cloud Monitoring (Kayenta `StackdriverMetricsService`).
//!
//! Points come newest first and are turned round; gaps are not filled, as with Prometheus. The label `project_id` stays among
//! the tags: Kayenta means to drop it and does not.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    accounts::Credentials,
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble, iso},
    template::expanded,
};

/// Most pages of one answer. Kayenta reads the first only.
const PAGES_MAX: usize = 20;

/// Labels of a resource that the scope's parameters may set, by the resource's type.
const KUBERNETES: [&str; 6] = [
    "location",
    "node_name",
    "cluster_name",
    "pod_name",
    "container_name",
    "namespace_name",
];
const CONTAINER: [&str; 6] = [
    "cluster_name",
    "namespace_id",
    "instance_id",
    "pod_id",
    "container_name",
    "zone",
];

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let own = project_of_account(question).await?;
    let scope = question.scope;
    let project = scope.parameters.get("project").unwrap_or(&own);
    let filter = filter(question, project)?;
    let or = |key: &str, default: &'static str| {
        let of_scope = scope.parameters.get(key).map(String::as_str);
        question
            .text(key)
            .or(of_scope)
            .unwrap_or(default)
            .to_owned()
    };
    let (reducer, aligner) = (
        or("crossSeriesReducer", "REDUCE_MEAN"),
        or("perSeriesAligner", "ALIGN_MEAN"),
    );
    let (start, end) = (iso(scope.start_ms), iso(scope.end_ms));
    let period = format!("{}s", scope.step);
    let mut parameters = vec![
        ("aggregation.alignmentPeriod", period.as_str()),
        ("aggregation.crossSeriesReducer", &reducer),
        ("aggregation.perSeriesAligner", &aligner),
        ("filter", &filter),
        ("interval.startTime", &start),
        ("interval.endTime", &end),
    ];
    let groups = question.list("groupByFields");
    parameters.extend(
        groups
            .iter()
            .map(|group| ("aggregation.groupByFields", *group)),
    );
    let path = format!("v3/projects/{own}/timeSeries");
    let mut sets = Vec::new();
    let mut token = String::new();
    for page in 0.. {
        let mut parameters = parameters.clone();
        if !token.is_empty() {
            parameters.push(("pageToken", &token));
        }
        let answer = question.get(&path, &parameters).await?;
        let list = answer["timeSeries"].as_array();
        for series in list.into_iter().flatten() {
            sets.push(one(question, series, &filter)?);
        }
        match answer["nextPageToken"].as_str() {
            None | Some("") => break,
            Some(_) if page >= PAGES_MAX || sets.len() > SERIES_MAX => {
                return Err(Trouble::Never(format!(
                    "the query gives more than {SERIES_MAX} series or {PAGES_MAX} pages"
                )));
            }
            Some(next) => next.clone_into(&mut token),
        }
    }
    if sets.len() > SERIES_MAX {
        let count = sets.len();
        return Err(format!("the query gives {count} series, more than {SERIES_MAX}").into());
    }
    if sets.is_empty() {
        sets.push(MetricSet::placeholder(scope, &filter));
    }
    Ok(sets)
}

/// The project that is asked.
async fn project_of_account(question: Question<'_>) -> Result<String, Trouble> {
    if let Some(project) = &question.account.project {
        return Ok(project.clone());
    }
    let of_key = match &question.account.credentials {
        Credentials::Google(identity) => identity.project().await,
        _ => Ok(None),
    };
    let of_key = of_key.map_err(|error| Trouble::Never(question.said(&error.to_string())))?;
    of_key.ok_or_else(|| Trouble::Never(question.said("names no project (setting project)")))
}

fn filter(question: Question<'_>, project: &str) -> Result<String, String> {
    let scope = question.scope;
    let of_scope = scope.parameters.get("resourceType").map(String::as_str);
    let resource = question.text("resourceType").or(of_scope);
    let resource = resource.ok_or("Resource type is required.")?;
    let base = [
        ("project", Some(project)),
        ("resourceType", Some(resource)),
        ("scope", scope.scope.as_deref()),
        ("location", scope.location.as_deref()),
    ];
    let metric = question
        .text("metricType")
        .ok_or("a stackdriver query needs a metricType")?;
    let mut filter = format!("metric.type=\"{metric}\" AND resource.type={resource}");
    let more = match expanded(question.query, question.templates, &base, scope)? {
        Some(custom) => vec![custom],
        None => of_resource(question, resource, project)?,
    };
    for condition in more {
        filter.push_str(" AND ");
        filter.push_str(&condition);
    }
    Ok(filter)
}

/// What is asked of each kind of resource when nobody gave a filter.
fn of_resource(
    question: Question<'_>,
    resource: &str,
    project: &str,
) -> Result<Vec<String>, String> {
    let scope = question.scope;
    let name = || {
        let name = scope.scope.as_deref();
        name.ok_or_else(|| format!("Scope is required when resourceType is '{resource}'."))
    };
    let location = || {
        scope.location.as_deref().ok_or_else(|| {
            format!("Location (i.e. region) is required when resourceType is '{resource}'.")
        })
    };
    let of_project = format!("project={project}");
    Ok(match resource {
        "gce_instance" => vec![
            of_project,
            format!("metadata.user_labels.\"spinnaker-region\"={}", location()?),
            format!(
                "metadata.user_labels.\"spinnaker-server-group\"={}",
                name()?
            ),
        ],
        "aws_ec2_instance" => vec![
            format!("resource.labels.region=\"aws:{}\"", location()?),
            format!(
                "metadata.user_labels.\"aws:autoscaling:groupname\"={}",
                name()?
            ),
        ],
        "gae_app" => {
            let mut all = vec![
                of_project,
                format!("resource.labels.version_id={}", name()?),
            ];
            let service = scope.parameters.get("service");
            all.extend(service.map(|service| format!("resource.labels.module_id={service}")));
            all
        }
        "k8s_container" | "k8s_pod" | "k8s_node" => with_labels(question, of_project, &KUBERNETES),
        "gke_container" => with_labels(question, of_project, &CONTAINER),
        "global" => Vec::new(),
        other => {
            return Err(format!(
                "Resource type '{other}' not yet explicitly supported. If you employ a custom filter, you may use any resource \
                 type you like."
            ));
        }
    })
}

fn with_labels(question: Question<'_>, of_project: String, labels: &[&str]) -> Vec<String> {
    let parameters = &question.scope.parameters;
    let mut all = vec![of_project];
    all.extend(labels.iter().filter_map(|label| {
        let value = parameters.get(*label)?;
        Some(format!("resource.labels.{label}={value}"))
    }));
    all.extend(parameters.iter().filter_map(|(key, value)| {
        let label = key.strip_prefix("user_labels.")?;
        Some(format!("metadata.user_labels.\"{label}\"=\"{value}\""))
    }));
    all
}

fn one(question: Question<'_>, series: &Value, filter: &str) -> Result<MetricSet, Trouble> {
    let wrong = || Trouble::Never("Google answered a series that is none, or too long".to_owned());
    let points = series["points"].as_array().map_or(&[][..], Vec::as_slice);
    if points.len() > POINTS_MAX {
        return Err(wrong());
    }
    let scope = question.scope;
    let instant = |point: Option<&Value>, key: &str, default: i64| match point {
        None => Ok(default),
        Some(point) => point["interval"][key]
            .as_str()
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
            .map(jiff::Timestamp::as_millisecond)
            .ok_or_else(wrong),
    };
    let kind = series["valueType"].as_str();
    let value = |point: &Value| match kind {
        // 64 bits travel as texts in JSON.
        #[expect(clippy::cast_precision_loss, reason = "Kayenta casts to a double")]
        Some("INT64") => match &point["value"]["int64Value"] {
            Value::String(text) => text.parse::<i64>().map(|number| number as f64).ok(),
            other => other.as_f64(),
        },
        _ => match &point["value"]["doubleValue"] {
            Value::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
            other => other.as_f64(),
        },
    };
    let values = match kind {
        None => Vec::new(),
        Some(_) => {
            let values = points
                .iter()
                .rev()
                .map(|point| value(point).ok_or_else(wrong));
            values.collect::<Result<_, _>>()?
        }
    };
    let mut tags = BTreeMap::new();
    for labels in [&series["resource"]["labels"], &series["metric"]["labels"]] {
        let labels = labels.as_object().into_iter().flatten();
        tags.extend(
            labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))),
        );
    }
    Ok(MetricSet {
        tags,
        start_ms: instant(points.last(), "startTime", scope.start_ms)?,
        end_ms: instant(points.first(), "endTime", scope.end_ms)?,
        step_ms: scope.step * 1000,
        values,
        query: filter.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gennaker_credentials::google;
    use gennaker_outbound::{Client, Options, Policy};
    use gennaker_runtime::Clock;
    use gennaker_testkit::http::{Reply, Server};
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, SourceKind},
        request::Scope,
        testing::{START, ask, scope},
    };

    fn account(url: &str) -> Account {
        Account {
            project: Some("p1".to_owned()),
            ..Account::new("google", SourceKind::Stackdriver, url)
        }
    }

    fn filtered(query: &Value, parameters: &[(&str, &str)], location: Option<&str>) -> String {
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        let mut scope = scope();
        scope.location = location.map(str::to_owned);
        for (key, value) in parameters {
            scope
                .parameters
                .insert((*key).to_owned(), (*value).to_owned());
        }
        let question = Question {
            client: &client,
            account: &account("http://h"),
            metric: "m",
            query: query.as_object().unwrap(),
            templates: None,
            scope: &scope,
        };
        filter(question, "p1").unwrap_or_else(|problem| problem)
    }

    #[test]
    fn filters_are_kayentas() {
        let of = |resource: &str| json!({"metricType": "t", "resourceType": resource});
        for (resource, parameters, location, wanted) in [
            (
                "gce_instance",
                &[][..],
                Some("us-east1"),
                "project=p1 AND metadata.user_labels.\"spinnaker-region\"=us-east1 AND \
                 metadata.user_labels.\"spinnaker-server-group\"=some-server-group",
            ),
            (
                "aws_ec2_instance",
                &[],
                Some("us-east-1"),
                "resource.labels.region=\"aws:us-east-1\" AND \
                 metadata.user_labels.\"aws:autoscaling:groupname\"=some-server-group",
            ),
            (
                "gae_app",
                &[("service", "web")],
                None,
                "project=p1 AND resource.labels.version_id=some-server-group AND resource.labels.module_id=web",
            ),
            (
                "k8s_container",
                &[
                    ("user_labels.app", "a b"),
                    ("pod_name", "x"),
                    ("cluster_name", "c"),
                ],
                None,
                "project=p1 AND resource.labels.cluster_name=c AND resource.labels.pod_name=x AND \
                 metadata.user_labels.\"app\"=\"a b\"",
            ),
            (
                "gke_container",
                &[("zone", "z")],
                None,
                "project=p1 AND resource.labels.zone=z",
            ),
        ] {
            assert_eq!(
                filtered(&of(resource), parameters, location),
                format!("metric.type=\"t\" AND resource.type={resource} AND {wanted}")
            );
        }
        assert_eq!(
            filtered(&of("global"), &[], None),
            "metric.type=\"t\" AND resource.type=global"
        );
        let custom = json!({"metricType": "t", "customInlineTemplate": "zone=\"${location}\""});
        assert_eq!(
            filtered(&custom, &[("resourceType", "any")], Some("eu")),
            "metric.type=\"t\" AND resource.type=any AND zone=\"eu\""
        );
        for (query, said) in [
            (of("other"), "not yet explicitly supported"),
            (of("gce_instance"), "Location (i.e. region) is required"),
            (json!({"metricType": "t"}), "Resource type is required."),
        ] {
            let text = filtered(&query, &[], None);
            assert!(text.contains(said), "{text}");
        }
    }

    #[tokio::test]
    async fn points_are_turned_round_and_pages_followed() {
        let point = |minute: i64, value: Value| json!({"interval": {"startTime": iso(START + 60_000 * minute), "endTime": iso(START + 60_000 * (minute + 1))}, "value": value});
        let first = json!({"timeSeries": [{"resource": {"type": "global", "labels": {"project_id": "p1"}}, "metric": {"labels": {"code": "500"}},
            "valueType": "INT64", "points": [point(2, json!({"int64Value": "7"})), point(0, json!({"int64Value": "5"}))]}], "nextPageToken": "n"});
        let second = json!({"timeSeries": [{"valueType": "DOUBLE", "points": [point(0, json!({"doubleValue": 0.5}))]},
            {"points": [point(0, json!({"boolValue": true}))]}]});
        let token = r#"{"access_token": "tok", "expires_in": 3600}"#;
        let server = Server::start(move |request| {
            if request.path() == "/token" {
                return Reply::ok(token);
            }
            match request.path().contains("pageToken=n") {
                true => Reply::ok(&second.to_string()),
                false => Reply::ok(&first.to_string()),
            }
        })
        .await;
        let key = tempfile::NamedTempFile::new().unwrap();
        let content = json!({"client_email": "robot@example.com", "private_key": gennaker_testkit::keys::PEM,
            "token_uri": server.url("/token"), "project_id": "of-key"});
        std::fs::write(key.path(), content.to_string()).unwrap();
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        let identity = google::Identity::new(client, Clock::system(), Some(key.path().to_owned()));
        let account = Account {
            project: None,
            credentials: Credentials::Google(Arc::new(identity)),
            ..account(&server.url(""))
        };
        let scope: Scope = scope();
        let query = json!({"metricType": "t", "resourceType": "global", "groupByFields": ["metric.label.code", "resource.label.zone"]});
        let sets = ask(&account, &query, &scope).await.unwrap();
        assert_eq!(sets.len(), 3);
        assert_eq!(sets[0].values, [5.0, 7.0]);
        assert_eq!(
            (sets[0].start_ms, sets[0].end_ms, sets[0].step_ms),
            (START, START + 180_000, 60_000)
        );
        assert_eq!(sets[0].tags.len(), 2);
        assert_eq!(sets[1].values, [0.5]);
        assert!(sets[2].values.is_empty());
        let seen = server.seen();
        assert_eq!(seen[1].header("authorization"), Some("Bearer tok"));
        let path = seen[1].path();
        assert!(
            path.starts_with("/v3/projects/of-key/timeSeries?aggregation.alignmentPeriod=60s&")
                && path.contains("aggregation.crossSeriesReducer=REDUCE_MEAN")
                && path.contains("aggregation.groupByFields=metric.label.code&aggregation.groupByFields=resource.label.zone")
                && path.contains("interval.endTime=2026-01-01T00%3A05%3A00Z"),
            "{path}"
        );
    }

    #[tokio::test]
    async fn nothing_is_a_placeholder_and_no_project_is_said() {
        let server = Server::start(|_| Reply::ok("{}")).await;
        let query = json!({"metricType": "t", "resourceType": "global"});
        let sets = ask(&account(&server.url("")), &query, &scope())
            .await
            .unwrap();
        assert_eq!((sets[0].values.len(), sets[0].expected()), (0, 5));
        let none = Account {
            project: None,
            ..account(&server.url(""))
        };
        let trouble = ask(&none, &query, &scope()).await.unwrap_err();
        assert_eq!(
            trouble,
            Trouble::Never(
                "the stackdriver account google names no project (setting project)".to_owned()
            )
        );
    }
}
