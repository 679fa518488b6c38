//! Answers to the API's questions about build servers (`events.md` 10: the routes of Igor).

use gennaker_builds::{BuildServer, Error, Masters, artifacts};
use gennaker_model::{
    Map,
    build_reads::{Answer, Question, Read, VERSION},
};
use serde_json::{Value, json};

use crate::failure::within;

/// Most names or builds of an answer.
const LIST_MAX: usize = 20_000;

/// The answer to a question, whatever it is.
pub async fn answer(masters: &Masters, question: &[u8]) -> Vec<u8> {
    let (status, body) = match serde_json::from_slice::<Question>(question) {
        Ok(question) => told(masters, question).await,
        Err(error) => (400, json!(format!("the question cannot be read: {error}"))),
    };
    let answer = Answer {
        v: VERSION,
        status,
        body,
    };
    serde_json::to_vec(&answer).expect("plain data")
}

async fn told(masters: &Masters, question: Question) -> (u16, Value) {
    let Some(master) = masters.get(&question.master) else {
        return (
            404,
            json!(format!("Build master '{}' not found", question.master)),
        );
    };
    match within(read(master.server.as_ref(), question.read)).await {
        Ok(value) => (200, value),
        Err(error) => {
            let status = match &error {
                Error::NotFound(_) => 404,
                Error::NotSupported(_) => 400,
                Error::Refused { status: 400, .. } => 400,
                Error::Refused { .. } | Error::Unreadable { .. } => 502,
                Error::Unavailable { .. } | Error::Credentials(_) => 503,
            };
            (status, json!(error.to_string()))
        }
    }
}

async fn read(server: &dyn BuildServer, read: Read) -> Result<Value, Error> {
    Ok(match read {
        Read::Jobs => {
            let mut jobs = server.jobs().await?;
            jobs.truncate(LIST_MAX);
            json!(jobs)
        }
        Read::Job { job } => Value::Object(server.job(&job).await?),
        Read::Builds { job } => {
            let builds = server.builds(&job).await?;
            let shown = builds.iter().take(LIST_MAX);
            Value::Array(shown.map(|build| Value::Object(build.to_map())).collect())
        }
        Read::Build { job, number } => {
            let mut build = server.build(&job, number).await?;
            // A build is shown without them when they cannot be had (Igor: `BuildController.jobStatus`).
            build.revisions = server.revisions(&job, number).await.unwrap_or_default();
            Value::Object(build.to_map())
        }
        Read::Trigger {
            job,
            number,
            property_file,
        } => {
            let mut build = server.build(&job, number).await?;
            build.revisions = server.revisions(&job, number).await.unwrap_or_default();
            let properties = match &property_file {
                Some(file) => server.properties(&job, number, file).await?,
                None => Map::new(),
            };
            let found = artifacts::of(&build, &properties);
            let mut told = Map::new();
            told.insert("buildInfo".to_owned(), Value::Object(build.to_map()));
            if !properties.is_empty() {
                told.insert("properties".to_owned(), Value::Object(properties));
            }
            if !found.is_empty() {
                told.insert("artifacts".to_owned(), Value::Array(found));
            }
            Value::Object(told)
        }
    })
}
