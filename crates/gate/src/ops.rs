//! `POST /ops`, Orca's address for ad-hoc tasks, for scripts that talk to Orca. Source: orca `OperationsController.ops`.

use gennaker_model::Map;
use serde_json::Value;

use crate::{Gate, answer::Answer, call::Call, problem::Problem, tasks};

/// Where Orca lists tasks that name no application.
const UNKNOWN: &str = "spinnaker_unknown";

/// An object as for `POST /tasks` (content type `application/context+json` in Orca), or a plain list of jobs.
pub(crate) async fn submit(gate: Gate, call: Call) -> Result<Answer, Problem> {
    call.exactly()?;
    match call.json()? {
        Some(Value::Array(jobs)) => {
            let named = jobs.iter().find_map(application_of).map(str::to_owned);
            let application = call.query("application").map(str::to_owned).or(named);
            let mut body = Map::new();
            body.insert(
                "application".to_owned(),
                application.unwrap_or_else(|| UNKNOWN.to_owned()).into(),
            );
            body.insert("job".to_owned(), jobs.into());
            tasks::submitted(&gate, &call, body).await
        }
        Some(Value::Object(body)) => tasks::submitted(&gate, &call, body).await,
        Some(_) | None => Err(Problem::malformed_json(
            "a list of jobs, or an object that holds one, is expected",
        )),
    }
}

/// The application that a job is about: a name, or a document with one.
fn application_of(job: &Value) -> Option<&str> {
    match job.get("application")? {
        Value::String(name) => Some(name.as_str()),
        Value::Object(application) => application.get("name")?.as_str(),
        _ => None,
    }
    .filter(|name| !name.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_names_its_application_in_two_ways() {
        for (job, name) in [
            (json!({"application": "a"}), Some("a")),
            (json!({"application": {"name": "b"}}), Some("b")),
            (json!({"application": " "}), None),
            (json!({"application": 1}), None),
            (json!({}), None),
            (json!(1), None),
        ] {
            assert_eq!(application_of(&job), name, "{job}");
        }
    }
}
