//! InfluxDB 1.x (Kayenta `InfluxDbQueryBuilder`, `InfluxDbResponseConverter`). Nulls are dropped, so series get shorter.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    metric_set::{MetricSet, POINTS_MAX},
    question::{Question, Trouble, iso},
};

/// Words of statements that change data.
const CHANGING: &[&str] = &[
    "alter", "create", "delete", "drop", "grant", "insert", "into", "kill", "revoke", "set",
];

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let query = query(question)?;
    let database = question.text("database").unwrap_or(question.metric);
    let answer = question
        .get("query", &[("db", database), ("q", &query)])
        .await?;
    let mut sets = series(&answer, question, &query)?;
    if sets.is_empty() {
        sets.push(MetricSet::placeholder(question.scope, &query));
    }
    Ok(sets)
}

pub(crate) fn query(question: Question<'_>) -> Result<String, String> {
    let scope = question.scope;
    let time = format!(
        "time >= '{}' AND time < '{}'",
        iso(scope.start_ms),
        iso(scope.end_ms)
    );
    let tag = match scope.scope.as_deref() {
        None => None,
        Some(scope) => {
            let (key, value) = scope.split_once(':').ok_or("Scope expected in the format of 'name:value'. e.g. autoscaling_group:myapp-prod-v002, received: ".to_owned() + scope)?;
            Some(format!(
                "{key}='{}'",
                value.replace('\\', "\\\\").replace('\'', "\\'")
            ))
        }
    };
    if let Some(template) = question.text("customInlineTemplate") {
        let template = template.replace("$\\{", "${");
        let words = template.to_lowercase();
        let mut words = words.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if let Some(word) = words.find(|word| CHANGING.contains(word)) {
            return Err(format!(
                "the query of a metric may not change data, and has the word {word}"
            ));
        }
        for needed in ["${scope}", "${timeFilter}"] {
            if !template.contains(needed) {
                return Err(format!(
                    "{needed} is required in the inline template of an influxdb query"
                ));
            }
        }
        let step = format!("{}s", scope.step);
        return Ok(template
            .replace("${scope}", tag.as_deref().unwrap_or("true"))
            .replace("${timeFilter}", &time)
            .replace("${step}", &step));
    }
    let metric = question
        .text("metricName")
        .ok_or("an influxdb query needs a metricName")?;
    let fields = question.list("fields");
    let fields = if fields.is_empty() {
        "*::field".to_owned()
    } else {
        fields.join(", ")
    };
    let tag = tag.map_or_else(String::new, |tag| format!(" AND {tag}"));
    Ok(format!("SELECT {fields} FROM {metric} WHERE {time}{tag}"))
}

fn series(answer: &Value, question: Question<'_>, query: &str) -> Result<Vec<MetricSet>, Trouble> {
    let wrong =
        || Trouble::Never("InfluxDB answered a series that is none, or too long".to_owned());
    let result = &answer["results"][0];
    if let Some(error) = result["error"]
        .as_str()
        .or_else(|| answer["error"].as_str())
    {
        return Err(Trouble::Never(format!(
            "InfluxDB refused the query: {error}"
        )));
    }
    let mut sets = Vec::new();
    for series in result["series"].as_array().into_iter().flatten() {
        let columns = series["columns"].as_array().ok_or_else(wrong)?;
        let rows = series["values"]
            .as_array()
            .filter(|rows| rows.len() <= POINTS_MAX)
            .ok_or_else(wrong)?;
        let time = |at: usize| {
            let time = rows.get(at)?[0].as_str()?.parse::<jiff::Timestamp>().ok()?;
            Some(time.as_millisecond())
        };
        let start = time(0).unwrap_or(question.scope.start_ms);
        let step = time(1).map_or(question.scope.step * 1000, |second| second - start);
        for (at, column) in columns.iter().enumerate().skip(1) {
            let own = series["tags"].as_object().into_iter().flatten();
            let mut tags: BTreeMap<String, String> = own
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect();
            tags.insert(
                "field".to_owned(),
                column.as_str().unwrap_or_default().to_owned(),
            );
            let values: Vec<f64> = rows.iter().filter_map(|row| row[at].as_f64()).collect();
            let length = i64::try_from(values.len()).unwrap_or(i64::MAX);
            sets.push(MetricSet {
                tags,
                start_ms: start,
                end_ms: start.saturating_add(length.saturating_mul(step)),
                step_ms: step,
                values,
                query: query.to_owned(),
            });
        }
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use gennaker_outbound::{Client, Options, Policy};
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, SourceKind},
        testing::{Recorded, scope},
    };

    #[tokio::test]
    async fn columns_are_series_and_nulls_are_dropped() {
        let answer = json!({"results": [{"series": [{"name": "m", "columns": ["time", "external", "internal"], "values": [
            ["2026-01-01T00:00:00Z", 1, null], ["2026-01-01T00:01:00Z", null, 2.5], ["2026-01-01T00:02:00Z", 3, 4]]}]}]})
        .to_string();
        let server = Recorded::answering(&[(200, &answer), (200, r#"{"results": [{}]}"#)]).await;
        let client = Client::new(Policy::trusted(), Options::default()).unwrap();
        let account = Account::new("i", SourceKind::Influxdb, &server.url);
        let mut scope = scope();
        scope.scope = Some("app:it's".to_owned());
        let plain = json!({"metricName": "temperature", "fields": ["external", "internal"]});
        let question = |query| Question {
            client: &client,
            account: &account,
            metric: "db",
            query,
            templates: None,
            scope: &scope,
        };
        let sets = fetch(question(plain.as_object().unwrap())).await.unwrap();
        assert_eq!(
            (sets[0].values.as_slice(), sets[1].values.as_slice()),
            (&[1.0, 3.0][..], &[2.5, 4.0][..])
        );
        assert_eq!(
            (sets[1].tags["field"].as_str(), sets[1].step_ms),
            ("internal", 60_000)
        );
        assert_eq!(
            sets[0].query,
            "SELECT external, internal FROM temperature WHERE time >= '2026-01-01T00:00:00Z' AND time < '2026-01-01T00:05:00Z' \
             AND app='it\\'s'"
        );
        assert!(server.asked()[0].starts_with("GET /query?db=db&q=SELECT+external"));
        let empty = fetch(question(plain.as_object().unwrap())).await.unwrap();
        assert_eq!(empty[0].expected(), 5);
        let inline = json!({"customInlineTemplate": "SELECT mean(x) FROM m WHERE $\\{scope} AND $\\{timeFilter} GROUP BY time($\\{step})"});
        let built = query(question(inline.as_object().unwrap())).unwrap();
        assert!(
            built.ends_with("AND time < '2026-01-01T00:05:00Z' GROUP BY time(60s)"),
            "{built}"
        );
        let evil = json!({"customInlineTemplate": "DROP MEASUREMENT m; ${scope} ${timeFilter}"});
        assert!(
            query(question(evil.as_object().unwrap()))
                .unwrap_err()
                .contains("may not change data")
        );
    }
}
