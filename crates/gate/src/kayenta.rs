//! Kayenta's own API below `/kayenta`, and at the root of a port of its own. Source: `kayenta-web` (canary reference 4).
//!
//! Configurations are documents of ours; analyses are executions; what lies in storage and what sources tell, workers of the pool
//! `canary` answer: the API holds no credentials.
//!
//! | module | what it answers |
//! |---|---|
//! | `kayenta` | accounts, metrics, judges, fetches |
//! | `objects` | what lies in storage |
//! | `standalone` | analyses with their intervals |

pub(crate) mod objects;
pub(crate) mod standalone;

use std::time::Duration;

use axum::http::StatusCode;
use gennaker_bus::{CommandError, subject};
use gennaker_model::{
    Map,
    canary_reads::{Answer as Told, POOL, Question, Read, VERSION, place},
};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    call::{Call, uuid},
    executions,
    problem::Problem,
    tasks,
};

/// Longest wait for a worker: what a source may take, and a little.
const WAIT: Duration = Duration::from_secs(65);

/// `GET /credentials`: the accounts, without their secrets.
pub(crate) async fn credentials(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(gate.ask_kayenta(None, Read::Accounts).await?))
}

/// `GET /metricsServices`: the accounts of metrics.
pub(crate) async fn metrics_services(gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let accounts = gate.ask_kayenta(None, Read::Accounts).await?;
    let accounts = accounts.as_array().map_or(&[][..], Vec::as_slice);
    let has_metrics = |account: &&Value| {
        let types = account["supportedTypes"].as_array();
        types.is_some_and(|types| types.iter().any(|it| it == "METRICS_STORE"))
    };
    let services = accounts.iter().filter(has_metrics).map(|account| {
        json!({"name": account["name"], "type": account["type"], "locations": account["locations"],
            "recommendedLocations": account["recommendedLocations"]})
    });
    Ok(Answer::json(services.collect::<Value>()))
}

/// `GET /metadata/metricsService?metricsAccountName=&filter=`: the metrics that a source knows.
pub(crate) async fn metadata(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let account = text(&call, "metricsAccountName");
    let filter = text(&call, "filter");
    let read = Read::Metadata {
        account: account.clone(),
        filter,
    };
    Ok(Answer::json(
        gate.ask_kayenta(account.as_deref(), read).await?,
    ))
}

/// `POST /judges/judge?canaryConfigId=&metricSetPairListId=&passThreshold=&marginalThreshold=`: stored pairs, judged at once.
pub(crate) async fn judge(gate: Gate, call: Call) -> Result<Answer, Problem> {
    judged(&gate, &call, Vec::new()).await
}

/// `POST /judges/comparison?overrideCanaryJudge1=&overrideCanaryJudge2=`: the same by two judges, whose verdicts are kept.
pub(crate) async fn compare(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut judges = Vec::new();
    for name in ["overrideCanaryJudge1", "overrideCanaryJudge2"] {
        judges.push(wanted(&call, name)?);
    }
    judged(&gate, &call, judges).await
}

/// `POST /fetch/{source}/query`: a source asked once, and what it gives kept.
pub(crate) async fn fetch(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let source = call.param("source").to_owned();
    let account = text(&call, "metricsAccountName");
    let body = call.object_if_any()?.unwrap_or_default();
    let (query, templates, parameters) = match source.as_str() {
        "newrelic" => of_newrelic(&call, &body)?,
        _ => (query_of(&call, &source), Value::Null, body),
    };
    let end = text(&call, "end").or_else(|| text(&call, "endTimeIso"));
    let start = text(&call, "start").or_else(|| text(&call, "startTimeIso"));
    let step = call.query_number("step", 60, (0, 86_400))?;
    let mut extended = parameters;
    if let Some(project) = text(&call, "project") {
        extended.insert("project".to_owned(), project.into());
    }
    let mut scope = json!({"scope": text(&call, "scope"), "location": text(&call, "location"), "step": step,
        "extendedScopeParams": extended});
    for (name, instant) in [("start", start), ("end", end)] {
        let instant = instant.ok_or_else(|| missing(name))?;
        scope[name] = instant.into();
    }
    let name = match source.as_str() {
        "newrelic" => text(&call, "metricSetName").unwrap_or_else(|| source.clone()),
        _ => wanted(&call, "metricSetName")?,
    };
    let request =
        json!({"metric": {"name": name, "query": query}, "templates": templates, "scope": scope});
    let Value::Object(request) = request else {
        return Err(Problem::internal("a request is an object"));
    };
    let read = Read::Fetch {
        account: account.clone(),
        storage: text(&call, "storageAccountName"),
        source,
        request,
        id: uuid(call.random),
        dry_run: call.query_bool("dryRun", false)?,
    };
    Ok(Answer::json(
        gate.ask_kayenta(account.as_deref(), read).await?,
    ))
}

/// `GET /pipelines/{id}`: the execution that an analysis is, as orca shows it.
pub(crate) async fn pipeline(gate: Gate, call: Call) -> Result<Answer, Problem> {
    tasks::get(gate, call).await
}

/// `PUT /pipelines/{id}/cancel`: 202.
pub(crate) async fn cancel(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    executions::stop(&gate, &call, &id, "Pipeline").await?;
    Ok(Answer::Empty(StatusCode::ACCEPTED))
}

impl Gate {
    /// Asks a worker of the pool: one that reaches an account of metrics, or any.
    pub(crate) async fn ask_kayenta(
        &self,
        metrics_account: Option<&str>,
        read: Read,
    ) -> Result<Value, Problem> {
        let question = Question { v: VERSION, read };
        let payload =
            serde_json::to_vec(&question).map_err(|error| Problem::internal(error.to_string()))?;
        let any = subject::ask(POOL, &place(None));
        let answer = match metrics_account {
            None => self.bus().ask(any, payload.into(), WAIT).await,
            Some(account) => {
                let theirs = subject::ask(POOL, &place(Some(account)));
                match self.bus().ask(theirs, payload.clone().into(), WAIT).await {
                    // Nobody reaches it, or it is no account: whoever answers knows which.
                    Err(CommandError::NoOwner) => self.bus().ask(any, payload.into(), WAIT).await,
                    answered => answered,
                }
            }
        };
        let answer = answer.map_err(|error| match error {
            CommandError::NoOwner => {
                Problem::unavailable(format!("No worker of pool {POOL} answers questions about canary analysis"))
            }
            CommandError::Timeout => {
                Problem::unavailable(format!("No worker of pool {POOL} answered within {WAIT:?}"))
            }
            CommandError::TooLarge { limit, .. } => Problem::too_large(format!(
                "what is sent to, or answered by, a worker is larger than the limit of {limit} bytes"
            )),
            error @ CommandError::Disconnected => {
                Problem::unavailable(format!("No worker of pool {POOL} can be asked: {error}"))
            }
        })?;
        let told: Told = serde_json::from_slice(&answer).map_err(|error| {
            Problem::internal(format!(
                "The answer about canary analysis cannot be read: {error}"
            ))
        })?;
        if told.status == 200 {
            return Ok(told.body);
        }
        let status = StatusCode::from_u16(told.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = told.body.as_str().unwrap_or("The question has no answer");
        Err(match status {
            StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(message),
            status => Problem::new(status, message),
        })
    }
}

async fn judged(gate: &Gate, call: &Call, judges: Vec<String>) -> Result<Answer, Problem> {
    let id = wanted(call, "canaryConfigId")?;
    let pairs = wanted(call, "metricSetPairListId")?;
    for ignored in ["configurationAccountName", "metricsAccountName"] {
        let _ = call.query(ignored);
    }
    let config = gate.store().canary_config(&id).await?;
    let config = config
        .ok_or_else(|| Problem::not_found(format!("Canary config '{id}' does not exist.")))?;
    let threshold = |name: &str| -> Result<f64, Problem> {
        let given = wanted(call, name)?;
        let number = given.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| {
            Problem::bad_request(format!(
                "Query parameter {name} must be a number, not '{given}'"
            ))
        })
    };
    let read = Read::Judge {
        config: config.body,
        pairs,
        account: text(call, "storageAccountName"),
        pass: threshold("passThreshold")?,
        marginal: threshold("marginalThreshold")?,
        judges,
        id: uuid(call.random),
    };
    Ok(Answer::json(gate.ask_kayenta(None, read).await?))
}

/// The query of a metric from the parameters that each source has (canary reference 4.6).
fn query_of(call: &Call, source: &str) -> Value {
    let mut query = Map::new();
    query.insert("type".to_owned(), source.into());
    for name in [
        "metricName",
        "metricType",
        "resourceType",
        "q",
        "aggregate",
        "summarization",
        "crossSeriesReducer",
        "perSeriesAligner",
    ] {
        if let Some(value) = text(call, name) {
            query.insert(name.to_owned(), value.into());
        }
    }
    for name in ["groupByFields", "fields"] {
        let list = call.query_list(name);
        if !list.is_empty() {
            query.insert(name.to_owned(), list.into());
        }
    }
    if let Some(filter) = text(call, "customFilter") {
        query.insert("customInlineTemplate".to_owned(), filter.into());
    }
    query.into()
}

/// The body of a fetch from New Relic: `{canaryMetricConfig, extendedScopeParams, canaryConfig}`, and which metric of it.
fn of_newrelic(call: &Call, body: &Map) -> Result<(Value, Value, Map), Problem> {
    let index = call.query_number("metricIndex", 0, (0, 10_000))?;
    let given = body.get("canaryMetricConfig").filter(|it| !it.is_null());
    let of_config = body
        .get("canaryConfig")
        .and_then(|config| config["metrics"].get(usize::try_from(index).unwrap_or(usize::MAX)));
    let metric = given.or(of_config).ok_or_else(|| {
        Problem::bad_request(
            "canaryMetricConfig, or a canaryConfig with that metric, must be provided",
        )
    })?;
    let templates = body
        .get("canaryConfig")
        .map_or(Value::Null, |config| config["templates"].clone());
    let parameters = body.get("extendedScopeParams").and_then(Value::as_object);
    Ok((
        metric["query"].clone(),
        templates,
        parameters.cloned().unwrap_or_default(),
    ))
}

fn text(call: &Call, name: &str) -> Option<String> {
    call.query(name).map(str::to_owned)
}

fn wanted(call: &Call, name: &str) -> Result<String, Problem> {
    text(call, name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Problem {
    Problem::bad_request(format!("Required parameter '{name}' is not present."))
}
