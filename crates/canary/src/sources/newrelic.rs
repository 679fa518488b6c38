//! New Relic Insights (Kayenta `NewRelicMetricsService`, `NewRelicQueryBuilderService`). The account's address ends with the
//! number of the New Relic account (`https://insights-api.newrelic.com/v1/accounts/123`), its key is the secret header
//! `X-Query-Key`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    metric_set::{MetricSet, POINTS_MAX},
    question::{Question, Trouble},
    template::expanded,
};

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let query = query(question)?;
    let answer = question.get("query", &[("nrql", &query)]).await?;
    if let Some(error) = answer["error"].as_str() {
        return Err(Trouble::Never(format!(
            "New Relic refused the query: {error}"
        )));
    }
    Ok(vec![series(&answer, question, &query)?])
}

pub(crate) fn query(question: Question<'_>) -> Result<String, String> {
    let scope = question.scope;
    let (start, end) = (scope.start_ms / 1000, scope.end_ms / 1000);
    let (step, from, to) = (scope.step.to_string(), start.to_string(), end.to_string());
    let base = [
        ("scope", scope.scope.as_deref()),
        ("location", scope.location.as_deref()),
        ("step", Some(step.as_str())),
        ("startEpochSeconds", Some(from.as_str())),
        ("endEpochSeconds", Some(to.as_str())),
    ];
    if let Some(query) = expanded(question.query, question.templates, &base, scope)? {
        return Ok(query);
    }
    let select = question
        .text("select")
        .ok_or("a newrelic query needs select or a template")?;
    let select = if select.starts_with("SELECT") {
        select.to_owned()
    } else {
        format!("SELECT {select}")
    };
    let series = if scope.step == 0 {
        "MAX".to_owned()
    } else {
        format!("{step} seconds")
    };
    let mut filters: Vec<String> = question.text("q").map(str::to_owned).into_iter().collect();
    let like = |key: &str, value: &str| format!("{key} LIKE '{}'", value.replace('\'', "\\'"));
    filters.extend(
        question
            .plain_parameters()
            .map(|(key, value)| like(key, value)),
    );
    if let Some(name) = &scope.scope {
        let (scope_key, location_key) = question.keys()?;
        filters.push(like(scope_key, name));
        if let (Some(key), Some(location)) = (location_key, &scope.location) {
            filters.push(like(key, location));
        }
    }
    Ok(format!(
        "{select} TIMESERIES {series} SINCE {start} UNTIL {end} WHERE {}",
        filters.join(" AND ")
    ))
}

/// One value for each bucket; NaN where nothing was inspected.
fn series(answer: &Value, question: Question<'_>, query: &str) -> Result<MetricSet, Trouble> {
    let wrong =
        || Trouble::Never("New Relic answered no series of time, or one too long".to_owned());
    let buckets = answer["timeSeries"]
        .as_array()
        .filter(|buckets| buckets.len() <= POINTS_MAX);
    let buckets = buckets.ok_or_else(wrong)?;
    let value = |bucket: &Value| {
        let inspected = bucket["inspectedCount"].as_i64().unwrap_or(0);
        let result = bucket["results"][0]
            .as_object()
            .and_then(|result| result.values().next());
        // A percentile is an object of its own with one value.
        let number = result.and_then(|value| match value {
            Value::Object(inner) => inner.values().next().and_then(Value::as_f64),
            other => other.as_f64(),
        });
        if inspected == 0 {
            f64::NAN
        } else {
            number.unwrap_or(f64::NAN)
        }
    };
    let seconds = |at: usize, key: &str| buckets.get(at).and_then(|bucket| bucket[key].as_i64());
    let scope = question.scope;
    let step = match (
        scope.step,
        seconds(0, "beginTimeSeconds"),
        seconds(1, "beginTimeSeconds"),
    ) {
        (0, Some(first), Some(second)) => (second - first) * 1000,
        (step, ..) => step * 1000,
    };
    let metadata = &answer["metadata"];
    Ok(MetricSet {
        tags: BTreeMap::new(),
        start_ms: metadata["beginTimeMillis"]
            .as_i64()
            .unwrap_or(scope.start_ms),
        end_ms: metadata["endTimeMillis"].as_i64().unwrap_or(scope.end_ms),
        step_ms: step,
        values: buckets.iter().map(value).collect(),
        query: query.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, SourceKind},
        testing::{Recorded, ask, scope},
    };

    #[tokio::test]
    async fn buckets_without_events_are_nan() {
        let bucket = |at: i64, value: Value, inspected: i64| json!({"beginTimeSeconds": at, "endTimeSeconds": at + 60, "inspectedCount": inspected, "results": [value]});
        let answer = json!({"timeSeries": [bucket(0, json!({"average": 1.5}), 3), bucket(60, json!({"average": 0}), 0),
            bucket(120, json!({"percentiles": {"90": 4.0}}), 1)], "metadata": {"beginTimeMillis": 5, "endTimeMillis": 180_005}})
        .to_string();
        let server = Recorded::answering(&[(200, &answer)]).await;
        let account = Account::new(
            "nr",
            SourceKind::Newrelic,
            &format!("{}/v1/accounts/1", server.url),
        );
        let mut scope = scope();
        scope.location = Some("eu".to_owned());
        for (key, value) in [
            ("_scope_key", "app"),
            ("_location_key", "region"),
            ("version", "it's 7"),
        ] {
            scope.parameters.insert(key.to_owned(), value.to_owned());
        }
        let query = json!({"select": "average(duration) FROM Transaction", "q": "name = 'x'"});
        let sets = ask(&account, &query, &scope).await.unwrap();
        assert!(sets[0].values[0] == 1.5 && sets[0].values[1].is_nan() && sets[0].values[2] == 4.0);
        assert_eq!((sets[0].start_ms, sets[0].expected()), (5, 3));
        assert_eq!(
            sets[0].query,
            "SELECT average(duration) FROM Transaction TIMESERIES 60 seconds SINCE 1767225600 UNTIL 1767225900 WHERE name = 'x' AND \
             version LIKE 'it\\'s 7' AND app LIKE 'some-server-group' AND region LIKE 'eu'"
        );
        assert!(server.asked()[0].starts_with("GET /v1/accounts/1/query?nrql=SELECT+average"));
    }
}
