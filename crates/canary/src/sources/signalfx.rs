//! `SignalFx` (Kayenta `SignalFxMetricsService`, `SimpleSignalFlowProgramBuilder`). The token is a secret header of the account:
//! `X-SF-TOKEN`.

use gennaker_outbound::Request;
use serde_json::Value;

use crate::{
    events::{self, Event},
    metric_set::{MetricSet, POINTS_MAX},
    question::{Question, Trouble},
    template::expanded,
};

pub(crate) async fn fetch(question: Question<'_>) -> Result<Vec<MetricSet>, Trouble> {
    let scope = question.scope;
    let program = program(question)?;
    let step_ms = scope.step * 1000;
    let texts = [scope.start_ms, scope.end_ms, step_ms].map(|number| number.to_string());
    let url = question.address(
        "v2/signalflow/execute",
        &[
            ("start", &texts[0]),
            ("stop", &texts[1]),
            ("resolution", &texts[2]),
            ("maxDelay", "0"),
            ("immediate", "true"),
        ],
    )?;
    let request = Request::post(url.as_str(), "text/plain", program.clone());
    let answer = question.send(request).await?;
    let text = String::from_utf8_lossy(&answer);
    let mut values = Vec::new();
    for event in events::read(&text) {
        values.extend(point(question, &event)?);
        if values.len() > POINTS_MAX {
            return Err(format!("the query gives more than {POINTS_MAX} points").into());
        }
    }
    Ok(vec![MetricSet {
        tags: pairs(question)?
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        // As asked, whatever came: what is missing at the end counts as no data.
        start_ms: scope.start_ms,
        end_ms: scope.end_ms,
        step_ms,
        values,
        query: program,
    }])
}

/// The value of a message with data; other messages have none.
fn point(question: Question<'_>, event: &Event) -> Result<Option<f64>, Trouble> {
    match event.name.as_str() {
        "data" => {}
        "error" => {
            let what = format!("could not run the program: {}", event.data);
            return Err(Trouble::Never(question.said(&what)));
        }
        _ => return Ok(None),
    }
    let message = question.json(event.data.as_bytes())?;
    let data = message["data"].as_array().map_or(&[][..], Vec::as_slice);
    match data {
        [] => Ok(Some(f64::NAN)),
        [one] => Ok(Some(one["value"].as_f64().unwrap_or(f64::NAN))),
        _ => Err(Trouble::Never(
            "There was more than one value for a given timestamp, a SignalFlow stream method that can aggregate should have been \
             applied to the data in the SignalFlow program"
                .to_owned(),
        )),
    }
}

fn program(question: Question<'_>) -> Result<String, String> {
    let scope = question.scope;
    let base = [
        ("scope", scope.scope.as_deref()),
        ("location", scope.location.as_deref()),
    ];
    if let Some(program) = expanded(question.query, question.templates, &base, scope)? {
        return Ok(program);
    }
    let metric = question
        .text("metricName")
        .ok_or("a signalfx query needs a metricName or a template")?;
    let (scope_key, location_key) = question.keys()?;
    let name = scope.scope.as_deref().unwrap_or_default();
    let mut filters: Vec<String> = pairs(question)?.into_iter().map(of_pair).collect();
    filters.push(equal(scope_key, name));
    let mut by: Vec<&str> = question.plain_parameters().map(|(key, _)| key).collect();
    if let Some(key) = location_key {
        filters.push(equal(key, scope.location.as_deref().unwrap_or_default()));
        by.push(key);
    }
    filters.extend(
        question
            .plain_parameters()
            .map(|(key, value)| equal(key, value)),
    );
    by.push(scope_key);
    let aggregation = question.text("aggregationMethod").unwrap_or("mean");
    Ok(format!(
        "data('{metric}', filter={}).{aggregation}(by=['{}']).publish()",
        filters.join(" and "),
        by.join("', '")
    ))
}

/// `queryPairs` of the metric.
fn pairs(question: Question<'_>) -> Result<Vec<(&str, &str)>, String> {
    let list = question.query.get("queryPairs").and_then(Value::as_array);
    let pairs = list.into_iter().flatten().map(|pair| {
        let key = pair["key"].as_str().filter(|key| !key.is_empty());
        key.zip(pair["value"].as_str())
    });
    let pairs: Option<Vec<_>> = pairs.collect();
    pairs.ok_or_else(|| "each of queryPairs needs a key and a value".to_owned())
}

/// `!` before the key negates, commas separate several values.
fn of_pair((key, value): (&str, &str)) -> String {
    let (is_negated, key) = match key.strip_prefix('!') {
        Some(key) => (true, key),
        None => (false, key),
    };
    let filter = if value.contains(',') {
        let values: Vec<String> = value
            .split(',')
            .map(|value| format!("'{}'", quoted(value.trim())))
            .collect();
        format!("filter('{}', {})", quoted(key), values.join(","))
    } else {
        equal(key, value)
    };
    if is_negated {
        format!("(not {filter})")
    } else {
        filter
    }
}

fn equal(key: &str, value: &str) -> String {
    format!("filter('{}', '{}')", quoted(key), quoted(value))
}

/// A text between quotes. Kayenta puts it there as it is.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use gennaker_testkit::http::{Reply, Server};
    use serde_json::json;

    use super::*;
    use crate::{
        accounts::{Account, Credentials, SourceKind},
        testing::{ask, scope},
    };

    const ANSWER: &str = "event: control-message\ndata: {\ndata:   \"event\" : \"STREAM_START\"\ndata: }\n\n\
                          event: metadata\ndata: {}\n\n\
                          event: data\nid: data-1\ndata: {\ndata:   \"data\" : [ {\"tsId\": \"a\", \"value\": 1.5} ],\ndata:   \"logicalTimestampMs\" : 1\ndata: }\n\n\
                          event: data\ndata: {\"data\": []}\n\n";

    #[tokio::test]
    async fn a_program_is_built_and_its_messages_are_read() {
        let server = Server::start(|request| match request.text().starts_with("data(") {
            true => Reply::ok(ANSWER),
            false if request.text() == "bad" => {
                Reply::ok("event: error\ndata: {\"error\": 400}\n\n")
            }
            false => {
                Reply::ok("event: data\ndata: {\"data\": [{\"value\": 1}, {\"value\": 2}]}\n\n")
            }
        })
        .await;
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), "hush").unwrap();
        let account = Account {
            credentials: Credentials::Headers(vec![(
                "X-SF-TOKEN".to_owned(),
                token.path().to_owned(),
            )]),
            scope_key: Some("app".to_owned()),
            ..Account::new("sfx", SourceKind::Signalfx, &server.url(""))
        };
        let mut scope = scope();
        scope.location = Some("eu".to_owned());
        for (key, value) in [("_location_key", "region"), ("version", "it's")] {
            scope.parameters.insert(key.to_owned(), value.to_owned());
        }
        let query = json!({"metricName": "errors", "queryPairs": [{"key": "!code", "value": "200, 204"}, {"key": "uri", "value": "/a"}]});
        let sets = ask(&account, &query, &scope).await.unwrap();
        assert_eq!(sets[0].values[0], 1.5);
        assert!(sets[0].values[1].is_nan() && sets[0].values.len() == 2);
        assert_eq!(
            (sets[0].expected(), sets[0].tags["uri"].as_str()),
            (5, "/a")
        );
        assert_eq!(
            sets[0].query,
            "data('errors', filter=(not filter('code', '200','204')) and filter('uri', '/a') and filter('app', 'some-server-group') \
             and filter('region', 'eu') and filter('version', 'it\\'s')).mean(by=['version', 'region', 'app']).publish()"
        );
        let seen = server.seen();
        assert_eq!(seen[0].header("x-sf-token"), Some("hush"));
        assert_eq!(
            seen[0].path(),
            "/v2/signalflow/execute?start=1767225600000&stop=1767225900000&resolution=60000&maxDelay=0&immediate=true"
        );
        for (template, said) in [
            ("bad", "could not run the program"),
            ("two", "more than one value"),
        ] {
            let query = json!({"customInlineTemplate": template});
            let trouble = ask(&account, &query, &scope).await.unwrap_err();
            assert!(
                matches!(&trouble, Trouble::Never(text) if text.contains(said)),
                "{trouble:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_said() {
        let account = Account::new("sfx", SourceKind::Signalfx, "http://127.0.0.1:1");
        for (query, said) in [
            (json!({}), "needs a metricName"),
            (json!({"metricName": "m"}), "_scope_key"),
            (
                json!({"metricName": "m", "queryPairs": [{"key": "a"}]}),
                "queryPairs",
            ),
        ] {
            let mut account = account.clone();
            if said == "queryPairs" {
                account.scope_key = Some("app".to_owned());
            }
            let trouble = ask(&account, &query, &scope()).await.unwrap_err();
            assert!(
                matches!(&trouble, Trouble::Never(text) if text.contains(said)),
                "{trouble:?}"
            );
        }
    }
}
