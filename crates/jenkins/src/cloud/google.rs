//! `googleCloudBuild`: what a stage wants (orca `StartGoogleCloudBuildTask`, `GoogleCloudBuildStageDefinition`).

use gennaker_builds::{
    Error,
    google::{CloudBuild, CloudStart, CloudStatus, GoogleCloudBuild, What},
};
use gennaker_model::Map;
use gennaker_worker::BoxFuture;
use serde_json::Value;

use super::{Cloud, Standing};

/// Context key of a definition that was fetched.
const FETCHED: &str = "fetchedBuildDefinition";

/// Context key of the time before which nothing was started, epoch milliseconds.
const SINCE: &str = "buildRequestedTime";

impl Cloud for GoogleCloudBuild {
    type Start = CloudStart;
    type Build = CloudBuild;

    const NAME: &'static str = "Google Cloud Build";
    const KINDS: [&'static str; 4] = [
        "startGoogleCloudBuild",
        "monitorGoogleCloudBuild",
        "getGoogleCloudBuildArtifacts",
        "stopGoogleCloudBuild",
    ];

    fn wanted(input: &Map, token: &str) -> Result<CloudStart, String> {
        let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default();
        let object = |key: &str| input.get(key).and_then(Value::as_object).cloned();
        let what = match text("buildDefinitionSource").to_ascii_lowercase().as_str() {
            "trigger" => {
                let id = text("triggerId");
                if id.is_empty() {
                    return Err("No triggerId was specified.".to_owned());
                }
                let mut source = object("repoSource").unwrap_or_default();
                source.retain(|_, value| !value.is_null());
                What::Trigger {
                    id: id.to_owned(),
                    source,
                }
            }
            "artifact" => What::Definition(
                object(FETCHED).ok_or("the build definition of the artifact was not fetched")?,
            ),
            _ => What::Definition(
                object("buildDefinition")
                    .ok_or("No buildDefinition was specified, or it is no object.")?,
            ),
        };
        Ok(CloudStart {
            what,
            token: token.to_owned(),
            since_ms: input.get(SINCE).and_then(Value::as_i64).unwrap_or(0),
        })
    }

    fn reference(build: &CloudBuild) -> String {
        build.name.clone().unwrap_or_else(|| build.id.clone())
    }

    fn named(reference: &str) -> CloudBuild {
        let id = reference.rsplit('/').next().unwrap_or(reference);
        CloudBuild {
            id: id.to_owned(),
            name: (id != reference).then(|| reference.to_owned()),
            ..CloudBuild::default()
        }
    }

    fn standing(build: &CloudBuild) -> Standing {
        match build.status {
            CloudStatus::Success => Standing::Succeeded,
            status if status.is_over() => {
                let word = serde_json::to_value(status).unwrap_or_default();
                Standing::Failed(word.as_str().unwrap_or_default().to_owned())
            }
            _ => Standing::Running,
        }
    }

    fn start<'a>(&'a self, start: &'a CloudStart) -> BoxFuture<'a, Result<CloudBuild, Error>> {
        Box::pin(GoogleCloudBuild::start(self, start))
    }

    fn find<'a>(
        &'a self,
        start: &'a CloudStart,
    ) -> BoxFuture<'a, Result<Option<CloudBuild>, Error>> {
        Box::pin(GoogleCloudBuild::find(self, start))
    }

    fn get<'a>(&'a self, build: &'a CloudBuild) -> BoxFuture<'a, Result<CloudBuild, Error>> {
        Box::pin(GoogleCloudBuild::get(self, build))
    }

    fn stop<'a>(&'a self, build: &'a CloudBuild) -> BoxFuture<'a, Result<CloudBuild, Error>> {
        Box::pin(GoogleCloudBuild::stop(self, build))
    }

    fn artifacts<'a>(&'a self, build: &'a CloudBuild) -> BoxFuture<'a, Result<Vec<Map>, Error>> {
        Box::pin(GoogleCloudBuild::artifacts(self, build))
    }
}
