//! `awsCodeBuild`: what a stage wants (orca `StartAwsCodeBuildTask`). The stage itself makes the request, as it knows its artifacts.

use gennaker_builds::{
    Error,
    codebuild::{AwsCodeBuild, CodeBuild, CodeStart, CodeStatus},
};
use gennaker_model::Map;
use gennaker_worker::BoxFuture;
use serde_json::Value;

use super::{Cloud, Standing};

/// Context key of what `StartBuild` takes.
const REQUEST: &str = "startBuildRequest";

/// Context key of the time before which nothing was started, epoch milliseconds.
const SINCE: &str = "buildRequestedTime";

impl Cloud for AwsCodeBuild {
    type Start = CodeStart;
    type Build = CodeBuild;

    const NAME: &'static str = "AWS CodeBuild";
    const KINDS: [&'static str; 4] = [
        "startAwsCodeBuild",
        "monitorAwsCodeBuild",
        "getAwsCodeBuildArtifacts",
        "stopAwsCodeBuild",
    ];

    fn wanted(input: &Map, token: &str) -> Result<CodeStart, String> {
        let request = input.get(REQUEST).and_then(Value::as_object);
        let request = request.ok_or("the stage has not made its request to start a build")?;
        Ok(CodeStart {
            request: request.clone(),
            token: token.to_owned(),
            since_ms: input.get(SINCE).and_then(Value::as_i64).unwrap_or(0),
        })
    }

    fn reference(build: &CodeBuild) -> String {
        build.arn.clone()
    }

    fn named(reference: &str) -> CodeBuild {
        CodeBuild {
            arn: reference.to_owned(),
            ..CodeBuild::default()
        }
    }

    fn standing(build: &CodeBuild) -> Standing {
        match build.status {
            CodeStatus::InProgress => Standing::Running,
            CodeStatus::Succeeded => Standing::Succeeded,
            status => {
                let word = serde_json::to_value(status).unwrap_or_default();
                Standing::Failed(word.as_str().unwrap_or_default().to_owned())
            }
        }
    }

    fn start<'a>(&'a self, start: &'a CodeStart) -> BoxFuture<'a, Result<CodeBuild, Error>> {
        Box::pin(AwsCodeBuild::start(self, start))
    }

    fn find<'a>(&'a self, start: &'a CodeStart) -> BoxFuture<'a, Result<Option<CodeBuild>, Error>> {
        Box::pin(AwsCodeBuild::find(self, start))
    }

    fn get<'a>(&'a self, build: &'a CodeBuild) -> BoxFuture<'a, Result<CodeBuild, Error>> {
        Box::pin(AwsCodeBuild::get(self, &build.arn))
    }

    fn stop<'a>(&'a self, build: &'a CodeBuild) -> BoxFuture<'a, Result<CodeBuild, Error>> {
        Box::pin(AwsCodeBuild::stop(self, &build.arn))
    }

    fn artifacts<'a>(&'a self, build: &'a CodeBuild) -> BoxFuture<'a, Result<Vec<Map>, Error>> {
        Box::pin(AwsCodeBuild::artifacts(self, &build.arn))
    }
}
