//! What the author of a pipeline hears when it is saved: expressions that will not do what they look like.
//!
//! Nothing is refused for it, and clients that do not know of it see no difference: the warnings stand in a header of the
//! answer and, for whoever looks at the task later, in its variables. `POST /v2/pipelines/lint` tells them all.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_intake::lint::{self, Checked, Warning};
use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::{Answer, value_of},
    call::Call,
    problem::Problem,
};

/// The header that carries them: JSON in ASCII, `{"count": …, "warnings": […]}`, as many as fit.
pub(crate) const HEADER: &str = "gennaker-warnings";

/// The key of a job's context under which its task shows them.
const VARIABLE: &str = "pipeline.warnings";

/// Largest header, in bytes: proxies take 4 KiB and more.
const HEADER_BYTES_MAX: usize = 3_500;

/// Largest variable, in bytes of JSON: the job must stay below what one command takes.
const VARIABLE_BYTES_MAX: usize = 8 * 1024;

/// Largest document that is checked, in bytes; larger ones cannot be saved.
const CHECKED_BYTES_MAX: usize = 1 << 20;

/// Jobs that save pipelines, and where these stand in them.
const JOBS: [(&str, &str); 3] = [
    ("savePipeline", "pipeline"),
    ("savePipeline", "pipelines"),
    ("updatePipeline", "pipeline"),
];

/// The warnings of one request, ready to be told.
pub(crate) struct Warnings {
    count: usize,
    /// As JSON; those of several pipelines name theirs.
    told: Vec<Value>,
}

/// `POST /v2/pipelines/lint`: everything there is to say about a pipeline that need not be stored.
pub(crate) async fn lint(gate: Gate, call: Call) -> Result<Answer, Problem> {
    if call.body.len() > CHECKED_BYTES_MAX {
        return Err(Problem::too_large(format!(
            "The pipeline has {} bytes, more than the limit of {CHECKED_BYTES_MAX}",
            call.body.len()
        )));
    }
    let pipeline = Value::Object(call.object()?);
    let checked = check(&gate, vec![pipeline]).await;
    let checked = checked
        .first()
        .ok_or_else(|| Problem::internal("The server failed to check this pipeline"))?;
    Ok(Answer::json(value_of(checked)?))
}

impl Warnings {
    /// Checks the pipelines of these jobs, and adds to each job what its task shows.
    pub(crate) async fn of_jobs(gate: &Gate, jobs: &mut [Value]) -> Self {
        let mut warnings = Self {
            count: 0,
            told: Vec::new(),
        };
        for job in jobs {
            let pipelines = pipelines_of(job);
            if pipelines.is_empty() {
                continue;
            }
            let names: Vec<Value> = pipelines.iter().map(|it| it["name"].clone()).collect();
            let many = names.len() > 1;
            let checked = check(gate, pipelines).await;
            let found: Vec<Value> = checked
                .iter()
                .zip(&names)
                .flat_map(|(checked, name)| checked.warnings.iter().map(move |it| (it, name)))
                .map(|(warning, name)| told(warning, many.then_some(name)))
                .collect();
            if let Some(job) = job.as_object_mut().filter(|_| !found.is_empty()) {
                let shown = fitting(&found, VARIABLE_BYTES_MAX);
                job.insert(VARIABLE.to_owned(), shown.into());
            }
            warnings.count += found.len();
            warnings.told.extend(found);
        }
        warnings
    }

    /// The answer with the header, if there is anything to tell.
    pub(crate) fn on(&self, answer: Answer) -> Answer {
        if self.count == 0 {
            return answer;
        }
        let shown = fitting(&self.told, HEADER_BYTES_MAX);
        let header = json!({"count": self.count, "warnings": shown});
        answer.with_header(HEADER, &ascii(&header))
    }
}

/// Checks documents beside the threads that serve requests: a large one takes some milliseconds.
async fn check(gate: &Gate, pipelines: Vec<Value>) -> Vec<Checked> {
    let limits = gate.config().rules.limits;
    let checking = tokio::task::spawn_blocking(move || {
        pipelines
            .iter()
            .map(|pipeline| lint::expressions(pipeline, &limits))
            .collect()
    });
    checking.await.unwrap_or_else(|error| {
        // Advice that cannot be given must not stop a save.
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the expressions of a pipeline could not be checked"
        );
        Vec::new()
    })
}

/// The pipelines that a job saves, as far as they can be read; the task says what is wrong with the others.
fn pipelines_of(job: &Value) -> Vec<Value> {
    let kind = job["type"].as_str().unwrap_or_default();
    let fields = JOBS.iter().filter(|(known, _)| *known == kind);
    fields
        .filter_map(|(_, field)| decoded(&job[*field]))
        .flat_map(|found| match found {
            Value::Array(pipelines) => pipelines,
            other => vec![other],
        })
        .filter(Value::is_object)
        .collect()
}

fn decoded(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if text.len() <= 2 * CHECKED_BYTES_MAX => {
            let json = BASE64_STANDARD.decode(text).ok()?;
            serde_json::from_slice(&json).ok()
        }
        Value::Object(_) | Value::Array(_) => Some(value.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A warning as JSON. It must not hold `${`: the context of a job is evaluated like any other.
fn told(warning: &Warning, pipeline: Option<&Value>) -> Value {
    let mut told = match serde_json::to_value(warning) {
        Ok(Value::Object(told)) => told,
        Ok(_) | Err(_) => Map::new(),
    };
    if let Some(pipeline) = pipeline {
        told.insert("pipeline".to_owned(), pipeline.clone());
    }
    let mut told = Value::Object(told);
    disarm(&mut told);
    told
}

/// As Orca writes the source of a variable.
fn disarm(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("${", "{"),
        Value::Array(items) => items.iter_mut().for_each(disarm),
        Value::Object(map) => map.values_mut().for_each(disarm),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The first ones that together have at most so many bytes, as they are written in a header.
fn fitting(told: &[Value], bytes_max: usize) -> Vec<Value> {
    let mut bytes = 0;
    told.iter()
        .take_while(|warning| {
            bytes += ascii(warning).len() + 1;
            bytes <= bytes_max
        })
        .cloned()
        .collect()
}

/// JSON in ASCII: other characters by their escapes, which a header can carry.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        match character {
            ' '..='~' => text.push(character),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_ascii_and_still_json() {
        let value = json!({"name": "größe 日本 😀\n\u{7f}"});
        let text = ascii(&value);
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn jobs_are_read_in_every_form_that_clients_send() {
        let pipeline = json!({"name": "p"});
        let encoded = |value: &Value| BASE64_STANDARD.encode(value.to_string());
        for (job, found) in [
            (
                json!({"type": "savePipeline", "pipeline": encoded(&pipeline)}),
                1,
            ),
            (json!({"type": "updatePipeline", "pipeline": pipeline}), 1),
            (
                json!({"type": "savePipeline", "pipelines": encoded(&json!([pipeline, 7, pipeline]))}),
                2,
            ),
            (json!({"type": "savePipeline", "pipeline": "%%%"}), 0),
            (
                json!({"type": "savePipeline", "pipeline": encoded(&json!("x"))}),
                0,
            ),
            (json!({"type": "deletePipeline", "pipeline": pipeline}), 0),
            (json!({"type": "wait"}), 0),
            (json!(7), 0),
        ] {
            assert_eq!(pipelines_of(&job).len(), found, "{job}");
        }
    }

    #[test]
    fn only_whole_warnings_are_told() {
        let told: Vec<Value> = (0..100)
            .map(|n| json!({"n": n, "x": "y".repeat(90)}))
            .collect();
        let shown = fitting(&told, 1_000);
        assert!(!shown.is_empty() && shown.len() < 11);
        assert_eq!(shown, told[..shown.len()]);
        assert!(fitting(&told, 10).is_empty());
    }
}
