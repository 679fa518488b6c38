//! Datadog (Kayenta `DatadogMetricsService`, `DatadogCanaryMetricSetQueryConfig`). The keys are secret headers of the account:
//! `DD-API-KEY` and `DD-APPLICATION-KEY`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble},
    template::expanded,
};

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let scope = question.scope;
    let query = query(question)?;
    let seconds = |ms: i64| (ms / 1000).to_string();
    let (from, to) = (seconds(scope.start_ms), seconds(scope.end_ms));
    let parameters = [
        ("from", from.as_str()),
        ("to", to.as_str()),
        ("query", query.as_str()),
    ];
    let answer = question.get("api/v1/query", &parameters).await?;
    if let Some(error) = answer["error"].as_str() {
        return Err(Trouble::Never(format!(
            "Datadog refused the query: {error}"
        )));
    }
    let list = answer["series"].as_array().map_or(&[][..], Vec::as_slice);
    if list.len() > SERIES_MAX {
        let count = list.len();
        return Err(format!("the query gives {count} series, more than {SERIES_MAX}").into());
    }
    let mut sets = list
        .iter()
        .map(|series| one(series, &query))
        .collect::<Result<Vec<_>, _>>()?;
    if sets.is_empty() {
        sets.push(MetricSet {
            step_ms: 1000,
            ..MetricSet::placeholder(scope, &query)
        });
    }
    Ok(sets)
}

pub(crate) fn query(question: Question<'_>) -> Result<String, String> {
    let scope = question.scope;
    let base = [
        ("scope", scope.scope.as_deref()),
        ("location", scope.location.as_deref()),
    ];
    if let Some(query) = expanded(question.query, question.templates, &base, scope)? {
        return Ok(query);
    }
    let metric = question
        .text("metricName")
        .ok_or("a datadog query needs a metricName or a template")?;
    let scope = scope.scope.as_deref().unwrap_or_default();
    Ok(format!("{metric}{{{scope}}}"))
}

/// One slot for each interval between the series' start and end; what is missing is NaN.
fn one(series: &Value, query: &str) -> Result<MetricSet, Trouble> {
    let wrong = || Trouble::Never("Datadog answered a series that is none, or too long".to_owned());
    let number = |key: &str| series[key].as_i64().ok_or_else(wrong);
    let (start, end) = (number("start")?, number("end")?);
    let step = number("interval")?.saturating_mul(1000).max(1000);
    let points = series["pointlist"].as_array().ok_or_else(wrong)?;
    if usize::try_from(end.saturating_sub(start) / step).unwrap_or(0) > POINTS_MAX {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "times in milliseconds")]
    let by_time: BTreeMap<i64, f64> = points
        .iter()
        .filter_map(|point| Some((point[0].as_f64()? as i64, point[1].as_f64()?)))
        .collect();
    let mut values = Vec::new();
    let mut time = start;
    while time <= end {
        values.push(by_time.get(&time).copied().unwrap_or(f64::NAN));
        time += step;
    }
    Ok(MetricSet {
        tags: BTreeMap::new(),
        start_ms: start,
        end_ms: end,
        step_ms: step,
        values,
        query: query.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, Credentials, SourceKind},
        testing::{Recorded, START, ask, scope},
    };

    #[tokio::test]
    async fn slots_without_a_point_are_nan() {
        let answer = json!({"series": [{"start": START, "end": START + 120_000, "interval": 60,
            "pointlist": [[START as f64, 1.5], [(START + 120_000) as f64, null]]}]})
        .to_string();
        let server = Recorded::answering(&[
            (200, &answer),
            (200, r#"{"series": []}"#),
            (200, r#"{"error": "no"}"#),
        ])
        .await;
        let key = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key.path(), "k\n").unwrap();
        let account = Account {
            credentials: Credentials::Headers(vec![(
                "DD-API-KEY".to_owned(),
                key.path().to_owned(),
            )]),
            ..Account::new("dd", SourceKind::Datadog, &server.url)
        };
        let scope = scope();
        let query = json!({"metricName": "avg:errors"});
        let sets = ask(&account, &query, &scope).await.unwrap();
        assert_eq!(
            (sets[0].values.len(), sets[0].values[0], sets[0].step_ms),
            (3, 1.5, 60_000)
        );
        assert!(sets[0].values[1].is_nan() && sets[0].values[2].is_nan());
        let head = server.asked().remove(0);
        let wanted = "GET /api/v1/query?from=1767225600&to=1767225900&query=avg%3Aerrors%7Bsome-server-group%7D ";
        assert!(head.starts_with(wanted), "{head}");
        assert!(head.to_lowercase().contains("dd-api-key: k\r\n"), "{head}");
        let empty = ask(&account, &query, &scope).await.unwrap();
        assert_eq!((empty[0].values.len(), empty[0].expected()), (0, 300));
        assert_eq!(
            ask(&account, &query, &scope).await,
            Err(Trouble::Never("Datadog refused the query: no".to_owned()))
        );
    }
}
