//! Our own routes below `/v2`: the feed of changes, what it grows from, and why an execution waits.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use gennaker_model::{
    ExecutionId,
    command::{ListQuery, RefusalCode, Reply, Request},
};
use serde_json::json;

use crate::{
    Gate,
    answer::{Answer, value_of},
    call::Call,
    executions,
    feed::{
        Cursor,
        stream::{self, TOPICS_MAX, Topic},
    },
    owners::{Said, unexpected},
    problem::Problem,
    view,
};

/// Streams that one process serves at most; each costs a connection and a buffer.
pub(crate) const STREAMS_MAX: usize = 1_024;

/// Executions of each application in a snapshot.
const SNAPSHOT_MAX: u32 = 100;

/// `GET /v2/feed?topics=`: server-sent events `open`, `patch`, `gone`, `resync`, `hb`.
pub(crate) async fn feed(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let topics = read_topics(&call.query_list("topics"))?;
    let last = call
        .header("last-event-id")
        .or_else(|| call.query("lastEventId"));
    // An id that cannot be read is one of another server: the client must read anew.
    let since = last.map(|last| last.parse().unwrap_or(Cursor { ring: 0, number: 0 }));
    let permit = Arc::clone(gate.streams())
        .try_acquire_owned()
        .map_err(|_| {
            Problem::unavailable(format!(
                "This server has {STREAMS_MAX} open streams already"
            ))
        })?;
    let opened = gate.feeds().open(topics);
    let events = stream::events(gate.hub(), opened, since, gate.stopping().clone(), permit);
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(Answer::Other(response))
}

/// `POST /v2/feed/{id}/topics`, `{"topics": [...]}`: other topics for a stream that is open, whose `open` event named its id.
///
/// The answer's `seq` is where the new topics begin: what they show is read by a snapshot. A stream of another process,
/// or one that has ended, is not found: then the client opens a new one.
pub(crate) async fn change_topics(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.param("id");
    let body = call.object()?;
    let named: Option<Vec<String>> = body.get("topics").and_then(|list| {
        let texts = list.as_array()?.iter();
        texts.map(|it| it.as_str().map(str::to_owned)).collect()
    });
    let named = named.ok_or_else(|| Problem::bad_request("topics must be a list of strings"))?;
    let topics = read_topics(&named)?;
    if !gate.feeds().change(id, topics) {
        return Err(Problem::not_found(format!("Feed not found (id: {id})")));
    }
    // Read after the change: everything numbered above it is told by the new topics.
    let seq = gate.hub().cursor().to_string();
    Ok(Answer::json(
        json!({"feed": id, "topics": named, "seq": seq}),
    ))
}

/// `GET /v2/feed/snapshot?topics=`: what the topics show now, and from where on the feed continues it.
pub(crate) async fn snapshot(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let topics = read_topics(&call.query_list("topics"))?;
    // Taken before the reads: a change in between is told twice rather than never.
    let seq = gate.hub().cursor().to_string();
    let mut found = Vec::new();
    for topic in topics {
        let mut query = ListQuery {
            limit: Some(SNAPSHOT_MAX),
            ..ListQuery::default()
        };
        match topic {
            Topic::All => {}
            Topic::Application(name) => query.application = Some(name),
            Topic::Execution(id) => query.executions.extend(ExecutionId::new(id).ok()),
        }
        found.extend(gate.owners().list(&call, &query, false).await?.found);
    }
    found.sort_by(|one, two| two.id.cmp(&one.id));
    found.dedup_by(|one, two| one.id == two.id);
    Ok(Answer::json(
        json!({"seq": seq, "executions": view::executions(&found)?}),
    ))
}

/// `GET /v2/executions/{id}/history`: `{"id", "dropped", "steps": [{"rev", "at", "e": [facts]}]}`.
pub(crate) async fn history(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Execution")?;
    let request = Request::History {
        execution: id.clone(),
    };
    match gate
        .owners()
        .ask_whole(&id, call.ask("history", request))
        .await?
    {
        Said::Reply(Reply::History { dropped, steps }) => {
            // The first fact is the document as it was submitted, with what its author wrote into the manifests of Secrets, and into
            // patches of them.
            let mut steps = json!(steps);
            gennaker_manifests::redact::value(&mut steps);
            gennaker_manifests::redact::patches(&mut steps);
            Ok(Answer::json(json!({
                "id": id, "dropped": dropped, "steps": steps,
            })))
        }
        Said::Reply(other) => Err(unexpected(&other)),
        Said::Refusal(refusal) if refusal.code == RefusalCode::NotFound => Err(Problem::not_found(
            format!("Execution not found (id: {id})"),
        )),
        Said::Refusal(refusal) => Err(refusal.into()),
    }
}

/// `GET /v2/executions/{id}/why`.
pub(crate) async fn why(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Execution")?;
    let ask = call.ask(
        "why",
        Request::Explain {
            execution: id.clone(),
        },
    );
    match gate.owners().ask_whole(&id, ask).await? {
        Said::Reply(Reply::Explanation { waits, status }) => Ok(Answer::json(json!({
            "id": id, "status": status, "waits": value_of(&waits)?,
        }))),
        Said::Reply(other) => Err(unexpected(&other)),
        Said::Refusal(refusal) if refusal.code == RefusalCode::NotFound => Err(Problem::not_found(
            format!("Execution not found (id: {id})"),
        )),
        Said::Refusal(refusal) => Err(refusal.into()),
    }
}

/// `GET /v2/executions/{id}`: pipelines and tasks alike.
pub(crate) async fn execution(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Execution")?;
    let ask = call.ask(
        "read",
        Request::Read {
            execution: id.clone(),
        },
    );
    let document = gate
        .owners()
        .read(&id, ask)
        .await?
        .ok_or_else(|| Problem::not_found(format!("Execution not found (id: {id})")))?;
    Ok(Answer::json(view::execution(&document)?))
}

/// `GET /v2/executions`: pipelines and tasks of all applications, newest first.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let query = ListQuery {
        application: call.query("application").map(str::to_owned),
        statuses: call.statuses()?,
        limit: Some(call.query_number("limit", 50, (1, 1_000))?),
        expand: call.query_bool("expand", false)?,
        ..ListQuery::default()
    };
    let limit = usize::try_from(query.limit.unwrap_or(50)).unwrap_or(usize::MAX);
    let partial = call.query_bool("partial", false)?;
    let mut listed = gate.owners().list(&call, &query, partial).await?;
    listed
        .found
        .sort_by(|one, two| (two.build_time, &two.id).cmp(&(one.build_time, &one.id)));
    listed.found.truncate(limit);
    Ok(executions::told(
        Answer::json(view::executions(&listed.found)?),
        &listed.silent,
    ))
}

fn read_topics(named: &[String]) -> Result<Vec<Topic>, Problem> {
    if named.is_empty() || named.len() > TOPICS_MAX {
        return Err(Problem::bad_request(format!(
            "topics must name 1 to {TOPICS_MAX} of all, application:<name>, execution:<id>"
        )));
    }
    named
        .iter()
        .map(|text| {
            Topic::parse(text).ok_or_else(|| {
                Problem::bad_request(format!(
                    "No topic is called '{text}': there are all, application:<name>, execution:<id>"
                ))
            })
        })
        .collect()
}
