//! Graphite's render API (Kayenta `GraphiteMetricsService`, `GraphiteResponseConverter`). No template engine: `$scope` and
//! `$location` in the metric's name are replaced as they stand.

use serde_json::Value;

use crate::{
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble},
};

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let scope = question.scope;
    let metric = question
        .text("metricName")
        .ok_or_else(|| "a graphite query needs a metricName".to_owned())?;
    let target = metric
        .replace("$scope", scope.scope.as_deref().unwrap_or_default())
        .replace("$location", scope.location.as_deref().unwrap_or_default());
    let seconds = |ms: i64| (ms / 1000).to_string();
    let (from, until) = (seconds(scope.start_ms), seconds(scope.end_ms));
    let parameters = [
        ("target", target.as_str()),
        ("from", from.as_str()),
        ("until", until.as_str()),
        ("format", "json"),
    ];
    let answer = question.get("render", &parameters).await?;
    let list = answer
        .as_array()
        .ok_or_else(|| "Graphite answered no list".to_owned())?;
    if list.len() > SERIES_MAX {
        return Err(format!(
            "the query gives {} series, more than {SERIES_MAX}",
            list.len()
        )
        .into());
    }
    list.iter().map(|series| one(series, &target)).collect()
}

fn one(series: &Value, target: &str) -> Result<MetricSet, Trouble> {
    let points = series["datapoints"]
        .as_array()
        .filter(|points| points.len() <= POINTS_MAX);
    let points =
        points.ok_or_else(|| "Graphite answered a series that is none, or too long".to_owned())?;
    let ms = |at: usize| Some(points.get(at)?[1].as_i64()? * 1000);
    let start = ms(0).unwrap_or(0);
    Ok(MetricSet {
        tags: std::collections::BTreeMap::new(),
        start_ms: start,
        end_ms: points.len().checked_sub(1).and_then(ms).unwrap_or(0),
        step_ms: ms(1).map_or(0, |second| second - start),
        values: points
            .iter()
            .map(|point| point[0].as_f64().unwrap_or(f64::NAN))
            .collect(),
        query: target.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        accounts::{Account, SourceKind},
        testing::{Recorded, START, ask, scope},
    };

    #[tokio::test]
    async fn nulls_are_nan_and_names_are_replaced_as_they_stand() {
        let answer = r#"[{"target": "x", "datapoints": [[1.5, 1767225600], [null, 1767225660], [2, 1767225720]]}]"#;
        let server = Recorded::answering(&[(200, answer), (200, "[]")]).await;
        let account = Account::new("g", SourceKind::Graphite, &server.url);
        let query = json!({"metricName": "servers.$location.$scope.errors"});
        let mut scope = scope();
        scope.location = Some("eu".to_owned());
        let sets = ask(&account, &query, &scope).await.unwrap();
        assert_eq!((sets[0].start_ms, sets[0].step_ms), (START, 60_000));
        assert!(sets[0].values[0] == 1.5 && sets[0].values[1].is_nan() && sets[0].values[2] == 2.0);
        let head = server.asked().remove(0);
        let wanted = "GET /render?target=servers.eu.some-server-group.errors&from=1767225600&until=1767225900&format=json ";
        assert!(head.starts_with(wanted), "{head}");
        // There is no placeholder, so the mixer will say that there is nothing.
        assert_eq!(ask(&account, &query, &scope).await.unwrap(), vec![]);
    }
}
