//! Netflix's Atlas (Kayenta `AtlasMetricsService`, `AtlasSSEConverter`, `AtlasResultsHelper`). An account is one backend, at its
//! address; Kayenta's lists of backends by deployment, region and account are not read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    events,
    metric_set::{MetricSet, POINTS_MAX, SERIES_MAX},
    question::{Question, Trouble},
};

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let scope = question.scope;
    let query = query(question)?;
    let (start, end) = (scope.start_ms.to_string(), scope.end_ms.to_string());
    let step = format!("PT{}S", scope.step);
    let parameters = [
        ("q", query.as_str()),
        ("s", start.as_str()),
        ("e", end.as_str()),
        ("step", step.as_str()),
        ("id", "gennaker"),
    ];
    let url = question.address("api/v2/fetch", &parameters)?;
    let request = gennaker_outbound::Request::get(url.as_str());
    let answer = question.send(request).await?;
    let mut sets = merged(question, &String::from_utf8_lossy(&answer), &query)?;
    if sets.is_empty() {
        sets.push(MetricSet::placeholder(scope, &query));
    }
    Ok(sets)
}

/// The metric's query, narrowed to the scope (`AtlasCanaryScope.cq`).
pub(crate) fn query(question: Question<'_>) -> Result<String, String> {
    let q = question.text("q").ok_or("an atlas query needs a q")?;
    let scope = question.scope.scope.as_deref().unwrap_or_default();
    let kind = question.scope.parameters.get("type");
    let narrowed = match kind.map_or("cluster", String::as_str) {
        "asg" => format!(":list,(,nf.asg,{scope},:eq,:cq,),:each"),
        "cluster" => format!(":list,(,nf.cluster,{scope},:eq,:cq,),:each"),
        "query" => format!(":list,(,{scope},:cq,),:each"),
        other => return Err(format!("Scope type '{other}' is unknown: scope={scope}")),
    };
    Ok(format!("{q},{narrowed}"))
}

/// The chunks of each series in order of time, what lies between them as NaN.
fn merged(question: Question<'_>, text: &str, query: &str) -> Result<Vec<MetricSet>, Trouble> {
    let mut chunks: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut is_closed = false;
    for event in events::read(text) {
        // Several may stand in one event: Atlas writes one document to a line.
        for line in event.data.lines() {
            let message = question.json(line.as_bytes())?;
            is_closed = message["type"] == "close";
            match message["type"].as_str() {
                Some("timeseries") => {
                    let id = message["id"].as_str().unwrap_or_default().to_owned();
                    chunks.entry(id).or_default().push(message);
                }
                Some("error") => {
                    let said = message["message"].as_str().unwrap_or_default();
                    let what = question.said(&format!("failed: {said}"));
                    return Err(match said.contains("IllegalStateException") {
                        true => Trouble::Never(what),
                        false => Trouble::Later(what),
                    });
                }
                _ => {}
            }
        }
    }
    if !is_closed {
        return Err(Trouble::Later(question.said(
            "did not end in a 'close', we cannot guarantee all data was received",
        )));
    }
    if chunks.len() > SERIES_MAX {
        let count = chunks.len();
        return Err(format!("the query gives {count} series, more than {SERIES_MAX}").into());
    }
    chunks
        .into_values()
        .map(|chunks| one(chunks, query))
        .collect()
}

fn one(mut chunks: Vec<Value>, query: &str) -> Result<MetricSet, Trouble> {
    let wrong = || Trouble::Never("Atlas answered a series that is none, or too long".to_owned());
    let number = |chunk: &Value, key: &str| chunk[key].as_i64().ok_or_else(wrong);
    chunks.sort_by_key(|chunk| chunk["start"].as_i64());
    let (first, last) = (&chunks[0], &chunks[chunks.len() - 1]);
    let step = number(first, "step")?;
    let mut values: Vec<f64> = Vec::new();
    let mut until: Option<i64> = None;
    for chunk in &chunks {
        let start = number(chunk, "start")?;
        if let Some(until) = until {
            let missing = (start - until).checked_div(step).unwrap_or(0);
            let missing = usize::try_from(missing).unwrap_or(0);
            if missing > POINTS_MAX {
                return Err(wrong());
            }
            values.extend(std::iter::repeat_n(f64::NAN, missing));
        }
        let data = chunk["data"]["values"].as_array();
        values.extend(data.into_iter().flatten().map(|value| match value {
            Value::String(text) if text == "Infinity" => f64::INFINITY,
            Value::String(text) if text == "-Infinity" => f64::NEG_INFINITY,
            other => other.as_f64().unwrap_or(f64::NAN),
        }));
        if values.len() > POINTS_MAX {
            return Err(wrong());
        }
        until = Some(number(chunk, "end")?);
    }
    let groups = first["groupByKeys"].as_array();
    let groups: Vec<&str> = groups
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let tags = first["tags"].as_object().into_iter().flatten();
    Ok(MetricSet {
        tags: tags
            .filter(|(key, _)| groups.contains(&key.as_str()))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
        start_ms: number(first, "start")?,
        end_ms: number(last, "end")?,
        step_ms: step,
        values,
        query: query.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use gennaker_testkit::http::{Reply, Server};
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, SourceKind},
        testing::{START, ask, scope},
    };

    fn chunk(id: &str, start: i64, values: &Value) -> String {
        let end = START + 60_000 * (start + values.as_array().unwrap().len() as i64);
        let chunk = json!({"type": "timeseries", "id": id, "start": START + 60_000 * start, "end": end, "step": 60_000,
            "tags": {"pod": "a", "nf.app": "x"}, "groupByKeys": ["pod"], "data": {"type": "array", "values": values}});
        format!("data: {chunk}\n\n")
    }

    #[tokio::test]
    async fn chunks_are_joined_in_time() {
        let close = "data: {\"type\": \"close\"}\n\n";
        let whole = [
            chunk("1", 3, &json!([4.0, "NaN"])),
            chunk("1", 0, &json!([1.0])),
            chunk("2", 0, &json!([7])),
            close.to_owned(),
        ]
        .concat();
        let server = Server::start(move |request| {
            Reply::ok(match request.path() {
                path if path.contains("open") => "data: {\"type\": \"timeseries\"}\n\n",
                path if path.contains("fatal") => {
                    "data: {\"type\": \"error\", \"message\": \"IllegalStateException: x\"}\n\n"
                }
                path if path.contains("busy") => {
                    "data: {\"type\": \"error\", \"message\": \"try later\"}\n\n"
                }
                path if path.contains("empty") => close,
                _ => &whole,
            })
        })
        .await;
        let account = Account::new("atlas", SourceKind::Atlas, &server.url(""));
        let asked = async |q: &str| ask(&account, &json!({"q": q}), &scope()).await;
        let sets = asked("name,errors,:eq,:sum").await.unwrap();
        assert_eq!(sets.len(), 2);
        let shown: Vec<String> = sets[0].values.iter().map(f64::to_string).collect();
        assert_eq!(shown, ["1", "NaN", "NaN", "4", "NaN"]);
        assert_eq!(
            sets[0].tags,
            BTreeMap::from([("pod".to_owned(), "a".to_owned())])
        );
        assert_eq!(
            (sets[0].start_ms, sets[0].end_ms, sets[1].values[0]),
            (START, START + 300_000, 7.0)
        );
        assert_eq!(
            sets[0].query,
            "name,errors,:eq,:sum,:list,(,nf.cluster,some-server-group,:eq,:cq,),:each"
        );
        assert!(
            server.seen()[0]
                .path()
                .ends_with("&s=1767225600000&e=1767225900000&step=PT60S&id=gennaker")
        );
        assert_eq!(asked("empty").await.unwrap()[0].expected(), 5);
        assert!(matches!(asked("open").await, Err(Trouble::Later(_))));
        assert!(matches!(asked("busy").await, Err(Trouble::Later(_))));
        assert!(matches!(asked("fatal").await, Err(Trouble::Never(_))));
    }

    #[tokio::test]
    async fn scopes_are_of_three_kinds() {
        let server = Server::start(|_| Reply::ok("data: {\"type\": \"close\"}\n\n")).await;
        let account = Account::new("atlas", SourceKind::Atlas, &server.url(""));
        for (kind, wanted) in [
            (
                "asg",
                Some("q,:list,(,nf.asg,some-server-group,:eq,:cq,),:each"),
            ),
            ("query", Some("q,:list,(,some-server-group,:cq,),:each")),
            ("other", None),
        ] {
            let mut scope = scope();
            scope.parameters.insert("type".to_owned(), kind.to_owned());
            let found = ask(&account, &json!({"q": "q"}), &scope).await.ok();
            assert_eq!(found.map(|sets| sets[0].query.clone()).as_deref(), wanted);
        }
    }
}
