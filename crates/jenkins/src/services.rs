//! Answers to the API's questions about accounts of clouds and what Concourse has (Igor: `GoogleCloudBuildController`,
//! `AwsCodeBuildController`, `ConcourseController`).

use gennaker_builds::{Error, Listing, Masters};
use gennaker_model::{
    build_reads::Answer,
    build_service_reads::{Question, Read, VERSION},
};
use serde_json::{Value, json};

use crate::{Config, failure::within};

/// The answer to a question, whatever it is.
pub async fn answer_service(config: &Config, question: &[u8]) -> Vec<u8> {
    let (status, body) = match serde_json::from_slice::<Question>(question) {
        Ok(question) if question.v == VERSION => {
            match within(Box::pin(told(config, &question))).await {
                Ok(value) => (200, value),
                Err(error) => (status(&error), json!(error.to_string())),
            }
        }
        Ok(_) => (
            500,
            json!("the API speaks another version of these questions than this worker"),
        ),
        Err(error) => (400, json!(format!("the question cannot be read: {error}"))),
    };
    let answer = Answer {
        v: gennaker_model::build_reads::VERSION,
        status,
        body,
    };
    serde_json::to_vec(&answer).expect("plain data")
}

async fn told(config: &Config, question: &Question) -> Result<Value, Error> {
    let name = question.name.as_str();
    let missing =
        |what: &str| Error::NotFound(format!("No {what} account with name {name} is configured"));
    Ok(match &question.read {
        Read::Triggers => {
            let account = config
                .google
                .get(name)
                .ok_or_else(|| missing("Google Cloud Build"))?;
            json!(account.service.triggers().await?)
        }
        Read::Projects => {
            let account = config
                .amazon
                .get(name)
                .ok_or_else(|| missing("AWS CodeBuild"))?;
            json!(account.service.projects().await?)
        }
        Read::Teams => json!(listed(&config.masters, name, Listing::Teams).await?),
        Read::Pipelines { team } => {
            json!(listed(&config.masters, name, Listing::Pipelines { team }).await?)
        }
        Read::Jobs { team, pipeline } => {
            json!(listed(&config.masters, name, Listing::Jobs { team, pipeline }).await?)
        }
        Read::Resources { team, pipeline } => {
            json!(listed(&config.masters, name, Listing::Resources { team, pipeline }).await?)
        }
    })
}

async fn listed(masters: &Masters, name: &str, what: Listing<'_>) -> Result<Vec<String>, Error> {
    let missing = || Error::NotFound(format!("Build master '{name}' not found"));
    let master = masters.get(name).ok_or_else(missing)?;
    master.server.listing(what).await
}

fn status(error: &Error) -> u16 {
    match error {
        Error::NotFound(_) => 404,
        Error::NotSupported(_) | Error::Refused { status: 400, .. } => 400,
        Error::Refused { .. } | Error::Unreadable { .. } => 502,
        Error::Unavailable { .. } | Error::Credentials(_) => 503,
    }
}
