//! Our own source: any address that answers numbers.
//!
//! `GET <account's url>/<path>?metric=&scope=&location=&start=&end=&step=` (times in epoch milliseconds, the step in seconds,
//! and each of the scope's `extendedScopeParams`), where `path` is the query's and may be empty. The answer is a list of series
//! `{"tags": {…}, "startTimeMillis", "stepMillis", "values": [1, null, "NaN"]}`: Kayenta's metric sets.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble},
};

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let scope = question.scope;
    let (start, end, step) = (
        scope.start_ms.to_string(),
        scope.end_ms.to_string(),
        scope.step.to_string(),
    );
    let mut parameters = vec![
        (
            "metric",
            question.text("metricName").unwrap_or(question.metric),
        ),
        ("scope", scope.scope.as_deref().unwrap_or_default()),
        ("location", scope.location.as_deref().unwrap_or_default()),
        ("start", &start),
        ("end", &end),
        ("step", &step),
    ];
    parameters.extend(
        scope
            .parameters
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    );
    let path = question
        .text("path")
        .unwrap_or_default()
        .trim_start_matches('/');
    let answer = question.get(path, &parameters).await?;
    let list = answer.as_array().filter(|list| list.len() <= SERIES_MAX);
    let list =
        list.ok_or_else(|| "the source answered no list of series, or too many".to_owned())?;
    let mut sets = list
        .iter()
        .map(|series| one(series, question))
        .collect::<Result<Vec<_>, _>>()?;
    if sets.is_empty() {
        sets.push(MetricSet::placeholder(scope, path));
    }
    Ok(sets)
}

fn one(series: &Value, question: Question<'_>) -> Result<MetricSet, Trouble> {
    let wrong =
        || Trouble::Never("the source answered a series that is none, or too long".to_owned());
    let values = series["values"]
        .as_array()
        .filter(|values| values.len() <= POINTS_MAX)
        .ok_or_else(wrong)?;
    let values = values.iter().map(|value| match value {
        Value::Null => Ok(f64::NAN),
        Value::String(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(wrong()),
        },
        number => number.as_f64().ok_or_else(wrong),
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let tags = series["tags"].as_object().into_iter().flatten();
    let tags: BTreeMap<String, String> = tags
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    let start = series["startTimeMillis"]
        .as_i64()
        .unwrap_or(question.scope.start_ms);
    let step = series["stepMillis"]
        .as_i64()
        .unwrap_or(question.scope.step * 1000);
    Ok(MetricSet {
        tags,
        start_ms: start,
        end_ms: question.scope.end_ms,
        step_ms: step,
        values,
        query: question.text("path").unwrap_or_default().to_owned(),
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
    async fn numbers_come_with_their_tags() {
        let answer = r#"[{"tags": {"pod": "a"}, "values": [1, null, "NaN", "Infinity"]}]"#;
        let server =
            Recorded::answering(&[(200, answer), (200, "[]"), (200, r#"[{"values": ["x"]}]"#)])
                .await;
        let account = Account::new("own", SourceKind::Generic, &format!("{}/base/", server.url));
        let mut scope = scope();
        scope
            .parameters
            .insert("version".to_owned(), "7 b".to_owned());
        let query = json!({"path": "/series"});
        let sets = ask(&account, &query, &scope).await.unwrap();
        assert!(
            sets[0].values[0] == 1.0
                && sets[0].values[1].is_nan()
                && sets[0].values[3].is_infinite()
        );
        assert_eq!((sets[0].tags["pod"].as_str(), sets[0].expected()), ("a", 5));
        let wanted = "GET /base/series?metric=errors&scope=some-server-group&location=&start=1767225600000&end=1767225900000&step=60\
                      &version=7+b ";
        assert!(
            server.asked()[0].starts_with(wanted),
            "{}",
            server.asked()[0]
        );
        assert!(
            ask(&account, &query, &scope).await.unwrap()[0]
                .values
                .is_empty()
        );
        assert!(matches!(
            ask(&account, &query, &scope).await,
            Err(Trouble::Never(_))
        ));
    }
}
