//! Trying expressions on an execution, past or running, in the scope that its stages have.
//!
//! Source: gate `PipelineController.evaluateExpressionForExecution`, orca `TaskController`, `OperationsController`.

mod trial;

pub(crate) use trial::AT_ONCE;

use gennaker_expressions::{Known, check_json};
use gennaker_model::{Execution, ExecutionId, Stage, StageId};
use serde_json::{Map, Value, json};

use crate::{Gate, answer::Answer, call::Call, executions, problem::Problem};
use trial::Trial;

/// Largest text that is tried, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Most expressions of one request: each has limits of its own, which together must end in sensible time.
const EXPRESSIONS_MAX: usize = 200;

/// Most variables of one request.
const VARIABLES_MAX: usize = 200;

/// The evaluator versions that Orca knows. Source: `PipelineExpressionEvaluator.SpelEvaluatorVersion`.
const VERSIONS: [&str; 3] = ["v2", "v3", "v4"];

/// `GET /pipelines/{id}/evaluateExpression?expression=`, and the same below a stage.
pub(crate) async fn expression(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let text = call
        .query("expression")
        .ok_or_else(|| missing_parameter("expression"))?
        .to_owned();
    evaluated(&gate, &call, text).await
}

/// `POST /pipelines/{id}/evaluateExpression`: the expression as text, or `{"expression": …}`.
pub(crate) async fn posted_expression(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let is_json = call
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    let text = if is_json {
        match call.object()?.shift_remove("expression") {
            Some(Value::String(text)) => text,
            Some(_) => return Err(Problem::bad_request("expression must be a string")),
            None => return Err(Problem::bad_request("The body has no expression")),
        }
    } else {
        std::str::from_utf8(&call.body)
            .map_err(|_| Problem::bad_request("The expression is not UTF-8"))?
            .to_owned()
    };
    if text.is_empty() {
        return Err(Problem::bad_request("The body has no expression"));
    }
    evaluated(&gate, &call, text).await
}

/// `POST /pipelines/{id}/evaluateVariables?executionId=&requisiteStageRefIds=&spelVersion=`: what an *Evaluate variables*
/// stage behind these stages would do. Quirk of the original: the id in the path counts for nothing.
pub(crate) async fn variables(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let id = call
        .query("executionId")
        .ok_or_else(|| missing_parameter("executionId"))?;
    let id = ExecutionId::new(id)
        .map_err(|_| Problem::not_found(format!("Pipeline not found (id: {id})")))?;
    let version = call.query("spelVersion");
    if let Some(unknown) = version.filter(|version| !VERSIONS.contains(version)) {
        return Err(Problem::bad_request(format!(
            "SpEL evaluator version '{unknown}' is not supported, there are {}",
            VERSIONS.join(", ")
        )));
    }
    let variables = Value::Array(variables_of(&call)?);
    check(&gate, &variables)?;
    let mut execution = executions::read(&gate, &call, &id).await?;
    if let Some(version) = version {
        execution.spel_evaluator = Some(version.to_owned());
    }
    let mut stage = trial::preview("evaluateVariables");
    stage.requisite_stage_ref_ids = call
        .query("requisiteStageRefIds")
        .unwrap_or_default()
        .split([',', ';', ' '])
        .filter(|ref_id| !ref_id.is_empty())
        .map(str::to_owned)
        .collect();
    let context = Map::from_iter([("variables".to_owned(), variables)]);
    stage.context = context.into();
    let trial = Trial::behind(execution, stage);
    let (result, summary) = trial.variables(&gate).await?;
    Ok(answer(result, summary))
}

async fn evaluated(gate: &Gate, call: &Call, text: String) -> Result<Answer, Problem> {
    let id = call.execution("id", "Pipeline")?;
    let text = Value::String(text);
    check(gate, &text)?;
    let execution = executions::read(gate, call, &id).await?;
    let trial = match call.param("stageId") {
        "" => Trial::outside(execution),
        wanted => {
            let stage = stage_of(&execution, wanted)?;
            Trial::inside(execution, stage)
        }
    };
    let (result, summary) = trial.expression(gate, text).await?;
    Ok(answer(result, summary))
}

/// A stage by its id, or by its refId, which people know.
fn stage_of(execution: &Execution, wanted: &str) -> Result<Stage, Problem> {
    let by_id = StageId::new(wanted)
        .ok()
        .and_then(|id| execution.stage(&id));
    by_id
        .or_else(|| {
            execution
                .top_level_stages()
                .find(|stage| stage.ref_id == wanted)
        })
        .map(|stage| (**stage).clone())
        .ok_or_else(|| Problem::not_found(format!("Stage not found (id: {wanted})")))
}

fn variables_of(call: &Call) -> Result<Vec<Value>, Problem> {
    let Some(Value::Array(variables)) = call.json()? else {
        return Err(Problem::malformed_json(
            "a list of {key, value} is expected",
        ));
    };
    if variables.len() > VARIABLES_MAX {
        return Err(Problem::bad_request(format!(
            "At most {VARIABLES_MAX} variables can be evaluated at once"
        )));
    }
    if let Some(place) = variables.iter().position(|it| !it.is_object()) {
        return Err(Problem::malformed_json(format_args!(
            "[{place}] is no object"
        )));
    }
    Ok(variables)
}

/// Refuses what would take too long, whatever it says.
fn check(gate: &Gate, value: &Value) -> Result<(), Problem> {
    let bytes = value.to_string().len();
    if bytes > TEXT_BYTES_MAX {
        return Err(Problem::too_large(format!(
            "What is to be evaluated has {bytes} bytes, more than the limit of {TEXT_BYTES_MAX}"
        )));
    }
    let checked = check_json(value, &Known::default(), &gate.config().rules.limits);
    if checked.expressions > EXPRESSIONS_MAX {
        return Err(Problem::bad_request(format!(
            "At most {EXPRESSIONS_MAX} expressions can be evaluated at once, not {}",
            checked.expressions
        )));
    }
    Ok(())
}

fn answer(result: Value, summary: Map<String, Value>) -> Answer {
    let detail = match summary.is_empty() {
        true => Value::Null,
        false => Value::Object(summary),
    };
    Answer::json(json!({"result": result, "detail": detail}))
}

/// Spring's `MissingServletRequestParameterException`.
fn missing_parameter(name: &str) -> Problem {
    Problem::bad_request(format!(
        "Required request parameter '{name}' for method parameter type String is not present"
    ))
}
