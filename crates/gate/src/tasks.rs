//! Ad-hoc tasks: Gate's `TaskController`, and the older addresses below `/applications`.

use gennaker_model::{Execution, ExecutionId, ExecutionType, Map, command::ListQuery};
use serde_json::{Value, json};

use crate::{
    Gate, answer::Answer, call::Call, executions, problem::Problem, start, view, warnings::Warnings,
};

/// Most jobs of one task.
const JOBS_MAX: usize = 1_000;

/// Most tasks that are cancelled at once.
const IDS_MAX: usize = 1_000;

/// What tasks belong to that are about no application, as Gate and spin name it.
const NO_APPLICATION: &str = "spinnaker";

/// Most tasks on one page. Source: orca `TaskController`, default limit.
const PAGE_MAX: u32 = 3_500;

/// `POST /tasks`.
pub(crate) async fn submit(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let body = call.document()?;
    submitted(&gate, &call, body).await
}

/// Runs the task that a body describes; answers where it can be asked for.
pub(crate) async fn submitted(gate: &Gate, call: &Call, mut body: Map) -> Result<Answer, Problem> {
    let application = text(&body, "application")
        .or_else(|| Some(call.param("application")).filter(|it| !it.is_empty()))
        // A Terraform provider deletes projects with tasks that name nothing but the project.
        .or_else(|| text(&body, "project").map(|_| NO_APPLICATION))
        .ok_or_else(|| Problem::bad_request("The task names no application"))?
        .to_owned();
    let description = text(&body, "description").unwrap_or_default().to_owned();
    let mut jobs = jobs(body.shift_remove("job"))?;
    let trigger = match body.shift_remove("trigger") {
        Some(Value::Object(trigger)) => trigger,
        Some(_) | None => Map::new(),
    };
    let warnings = Warnings::of_jobs(gate, &mut jobs).await;
    let id = run(gate, call, &application, &description, jobs, trigger).await?;
    Ok(warnings.on(Answer::json(json!({"ref": format!("/tasks/{id}")}))))
}

/// Starts a task of these jobs; its id.
pub(crate) async fn run(
    gate: &Gate,
    call: &Call,
    application: &str,
    description: &str,
    jobs: Vec<Value>,
    trigger: Map,
) -> Result<ExecutionId, Problem> {
    let mut config = Map::new();
    config.insert("application".to_owned(), application.into());
    config.insert("description".to_owned(), description.into());
    config.insert("stages".to_owned(), jobs.into());
    start::task(gate, call, config, trigger).await
}

/// `GET /tasks/{id}`.
pub(crate) async fn get(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Task")?;
    let document = read(&gate, &call, &id).await?;
    Ok(Answer::json(view::task(&document)?))
}

/// `DELETE /tasks/{id}`.
pub(crate) async fn delete(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Task")?;
    executions::remove(&gate, &call, &id, "task").await
}

/// `PUT /tasks/{id}/cancel`.
pub(crate) async fn cancel(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call.execution("id", "Task")?;
    executions::stop(&gate, &call, &id, "Task").await
}

/// `PUT /tasks/cancel?ids=`; Orca takes the ids as a list in the body.
pub(crate) async fn cancel_many(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut ids = call.query_list("ids");
    match call.json()? {
        None => {}
        Some(Value::Array(more)) if more.iter().all(Value::is_string) => {
            ids.extend(more.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        Some(_) => return Err(Problem::malformed_json("a list of ids is expected")),
    }
    if ids.len() > IDS_MAX {
        return Err(Problem::bad_request(format!(
            "At most {IDS_MAX} tasks can be cancelled at once"
        )));
    }
    for id in ids {
        let execution = ExecutionId::new(&*id)
            .map_err(|_| Problem::not_found(format!("Task not found (id: {id})")))?;
        executions::stop(&gate, &call, &execution, "Task").await?;
    }
    Ok(Answer::empty())
}

/// `GET /applications/{application}/tasks`: newest first, those that did not start yet before all others.
pub(crate) async fn list(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let page = call.query_number("page", 1, (1, 1_000_000))?;
    let limit = call.query_number("limit", PAGE_MAX, (1, PAGE_MAX))?;
    let query = ListQuery {
        kind: Some(ExecutionType::Orchestration),
        application: Some(call.param("application").to_owned()),
        statuses: call.statuses()?,
        limit: Some(page.saturating_mul(limit)),
        expand: true,
        ..ListQuery::default()
    };
    let partial = call.query_bool("partial", false)?;
    let listed = gate.owners().list(&call, &query, partial).await?;
    let mut tasks = listed.found;
    tasks.sort_by(|one, two| {
        let newest = |task: &Execution| task.start_time.unwrap_or(i64::MAX);
        newest(two)
            .cmp(&newest(one))
            .then_with(|| two.id.cmp(&one.id))
    });
    let skipped = usize::try_from((page - 1).saturating_mul(limit)).unwrap_or(usize::MAX);
    let taken = usize::try_from(limit).unwrap_or(usize::MAX);
    let views = tasks
        .iter()
        .skip(skipped)
        .take(taken)
        .map(view::task)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(executions::told(Answer::json(views), &listed.silent))
}

async fn read(gate: &Gate, call: &Call, id: &ExecutionId) -> Result<Execution, Problem> {
    executions::read_of(gate, call, id, ExecutionType::Orchestration).await
}

fn jobs(job: Option<Value>) -> Result<Vec<Value>, Problem> {
    let Some(Value::Array(jobs)) = job else {
        return Err(Problem::bad_request("job must be a list of jobs"));
    };
    if jobs.is_empty() || jobs.len() > JOBS_MAX {
        return Err(Problem::bad_request(format!(
            "A task has 1 to {JOBS_MAX} jobs, not {}",
            jobs.len()
        )));
    }
    for (place, job) in jobs.iter().enumerate() {
        if job
            .get("type")
            .and_then(Value::as_str)
            .is_none_or(str::is_empty)
        {
            return Err(Problem::bad_request(format!(
                "job[{place}] must be an object with a type"
            )));
        }
    }
    Ok(jobs)
}

fn text<'a>(map: &'a Map, field: &str) -> Option<&'a str> {
    map.get(field)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}
