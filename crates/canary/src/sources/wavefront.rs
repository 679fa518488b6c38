//! Wavefront (Kayenta `WavefrontMetricsService`, `WavefrontTimeSeries`). The account signs in with a bearer token.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble, iso},
};

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let scope = question.scope;
    let query = query(question)?;
    let (start, end) = (scope.start_ms.to_string(), scope.end_ms.to_string());
    let mut parameters = vec![
        ("n", "Kayenta-Query"),
        ("q", query.as_str()),
        ("s", start.as_str()),
        ("e", end.as_str()),
        ("g", granularity(scope.step)),
    ];
    let summarization = question.text("summarization");
    parameters.extend(summarization.map(|summarization| ("summarization", summarization)));
    parameters.extend([("listMode", "true"), ("strict", "true"), ("sorted", "true")]);
    let answer = question.get("api/v2/chart/api", &parameters).await?;
    let Some(list) = answer["timeseries"].as_array() else {
        return Err(Trouble::Never(format!(
            "No metrics returned for query: {query} from {} to {}",
            iso(scope.start_ms),
            iso(scope.end_ms)
        )));
    };
    if list.len() > SERIES_MAX {
        let count = list.len();
        return Err(format!("the query gives {count} series, more than {SERIES_MAX}").into());
    }
    let sets = list.iter().map(|series| one(question, series, &query));
    Ok(sets
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// `agg(ts(metric, scope))`.
pub(crate) fn query(question: Question<'_>) -> Result<String, String> {
    let mut query = question
        .text("metricName")
        .ok_or("a wavefront query needs a metricName")?
        .to_owned();
    if let Some(scope) = &question.scope.scope {
        query = format!("{query}, {scope}");
    }
    query = format!("ts({query})");
    if let Some(aggregate) = question.text("aggregate") {
        query = format!("{aggregate}({query})");
    }
    Ok(query)
}

/// The largest unit of which the step is a multiple.
const fn granularity(step_s: i64) -> &'static str {
    match step_s {
        step if step % 86_400 == 0 => "d",
        step if step % 3_600 == 0 => "h",
        step if step % 60 == 0 => "m",
        _ => "s",
    }
}

/// One slot for each step between the first and the last point; `None` for a series without points.
fn one(question: Question<'_>, series: &Value, query: &str) -> Result<Option<MetricSet>, Trouble> {
    let wrong =
        || Trouble::Never("Wavefront answered a series that is none, or too long".to_owned());
    let step = question.scope.step;
    if step == 0 {
        return Err("a wavefront query needs a step".to_owned().into());
    }
    let points = series["data"].as_array().map_or(&[][..], Vec::as_slice);
    let points = points.iter().map(|point| {
        let value = point[1].as_f64().unwrap_or(f64::NAN);
        Some((point[0].as_i64()?, value))
    });
    let points: BTreeMap<i64, f64> = points.collect::<Option<_>>().ok_or_else(wrong)?;
    let (Some((&first, _)), Some((&last, _))) = (points.first_key_value(), points.last_key_value())
    else {
        return Ok(None);
    };
    let slots = usize::try_from(last.saturating_sub(first) / step).map_err(|_| wrong())?;
    if slots >= POINTS_MAX {
        return Err(wrong());
    }
    let mut values = Vec::with_capacity(slots + 1);
    let mut time = first;
    while time <= last {
        values.push(points.get(&time).copied().unwrap_or(f64::NAN));
        time += step;
    }
    let tags = series["tags"].as_object().into_iter().flatten();
    Ok(Some(MetricSet {
        tags: tags
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        start_ms: first.saturating_mul(1000),
        end_ms: last.saturating_mul(1000),
        step_ms: step * 1000,
        values,
        query: query.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use gennaker_testkit::http::{Reply, Server};
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, SourceKind},
        testing::{ask, scope},
    };

    #[tokio::test]
    async fn gaps_within_are_nan() {
        let from = 1_767_225_600;
        let answer = json!({"query": "q", "timeseries": [
            {"label": "a", "tags": {"env": "x"}, "data": [[from, 1.0], [from + 120, 3], [from + 130, 9]]},
            {"label": "b", "data": []}]});
        let server = Server::start(move |request| match request.path().contains("gone") {
            true => Reply::ok("{\"warnings\": \"no\"}"),
            false => Reply::ok(&answer.to_string()),
        })
        .await;
        let account = Account::new("wf", SourceKind::Wavefront, &server.url(""));
        let query = json!({"metricName": "errors", "aggregate": "avg", "summarization": "MEAN"});
        let sets = ask(&account, &query, &scope()).await.unwrap();
        assert_eq!(sets.len(), 1);
        assert!(sets[0].values[0] == 1.0 && sets[0].values[1].is_nan() && sets[0].values[2] == 3.0);
        assert_eq!(sets[0].values.len(), 3);
        assert_eq!(sets[0].tags["env"], "x");
        assert_eq!(sets[0].query, "avg(ts(errors, some-server-group))");
        assert_eq!(
            server.seen()[0].path(),
            "/api/v2/chart/api?n=Kayenta-Query&q=avg%28ts%28errors%2C+some-server-group%29%29&s=1767225600000&e=1767225900000&g=m\
             &summarization=MEAN&listMode=true&strict=true&sorted=true"
        );
        let trouble = ask(&account, &json!({"metricName": "gone"}), &scope())
            .await
            .unwrap_err();
        assert!(
            matches!(&trouble, Trouble::Never(text) if text.starts_with("No metrics returned for query: ts(gone,")),
            "{trouble:?}"
        );
    }

    #[test]
    fn units_of_steps() {
        assert_eq!(
            [90, 120, 7_200, 172_800].map(granularity),
            ["s", "m", "h", "d"]
        );
    }
}
