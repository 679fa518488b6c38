use serde_json::json;

use super::*;
use crate::testing;
use gennaker_engine::StageDefinition;

fn map(value: Value) -> Map {
    value.as_object().unwrap().clone()
}

#[test]
fn what_runs_is_stopped_and_what_is_over_is_not() {
    let google = |build: Value| {
        GoogleCloudBuild
            .cancel(&map(json!({ "buildInfo": build })))
            .map(|it| it.kind)
    };
    assert_eq!(
        google(json!({"id": "b", "status": "WORKING"})),
        Some("stopGoogleCloudBuild")
    );
    assert_eq!(google(json!({"id": "b", "status": "SUCCESS"})), None);
    assert_eq!(google(Value::Null), None);
    let amazon = |build: Value| {
        AwsCodeBuild
            .cancel(&map(json!({ "buildInfo": build })))
            .map(|it| it.kind)
    };
    assert_eq!(
        amazon(json!({"arn": "a", "status": "IN_PROGRESS"})),
        Some("stopAwsCodeBuild")
    );
    assert_eq!(amazon(json!({"arn": "a", "status": "FAILED"})), None);
    assert!(AwsCodeBuild.cancel(&Map::new()).is_none());
}

#[test]
fn a_restart_builds_anew_and_keeps_what_was_built() {
    let build = json!({"arn": "a", "status": "FAILED"});
    let context = json!({"account": "x", "buildInfo": build, "startBuildRequest": {}, "buildRequestedTime": 1,
        "restartDetails": {"by": "ann"}});
    let stage = testing::stage("awsCodeBuild", map(context));
    let cleared = AwsCodeBuild.restarted(&stage, false);
    assert_eq!(
        cleared.removed,
        ["startBuildRequest", "buildInfo", "buildRequestedTime"]
    );
    assert_eq!(
        Value::Object(cleared.context),
        json!({"restartDetails": {"by": "ann", "previousBuildInfo": build}})
    );
}

fn requested(context: Value) -> Result<Value, String> {
    let bound = json!([{"id": "a", "matchArtifact": {"artifactAccount": "git"},
        "boundArtifact": {"type": "git/repo", "reference": "https://github.com/o/r", "version": "v7"}}]);
    let trigger = json!({"type": "manual", "resolvedExpectedArtifacts": bound});
    let execution = testing::execution(&json!([]), &trigger);
    let own = map(context);
    let stage = testing::stage("awsCodeBuild", own.clone());
    let seen = codebuild::Seen {
        execution: &execution,
        stage: &stage,
        own: &own,
    };
    codebuild::request(seen)
        .map(Value::Object)
        .map_err(|(class, message)| format!("{class}: {message}"))
}

#[test]
fn a_request_is_what_orca_sends() {
    assert_eq!(
        requested(json!({"projectName": "web"})).unwrap(),
        json!({"projectName": "web"})
    );
    let whole = json!({
        "projectName": "web", "image": "img:1", "environmentVariables": {"A": "b", "N": 1},
        "source": {"sourceOverride": true, "sourceArtifact": {"artifactId": "a"}, "buildspec": "x.yml"},
        "secondarySources": [
            {"sourceArtifact": {"artifact": {"type": "s3/object", "reference": "s3://b/k.zip", "artifactAccount": "s3"}}, "sourceVersion": "3"},
        ],
        "secondarySourcesVersionOverride": [{"sourceIdentifier": "lib", "sourceVersion": "v2"}],
    });
    assert_eq!(
        requested(whole).unwrap(),
        json!({
            "projectName": "web", "sourceTypeOverride": "GITHUB", "sourceLocationOverride": "https://github.com/o/r",
            "sourceVersion": "v7", "buildspecOverride": "x.yml",
            "secondarySourcesOverride": [{"type": "S3", "location": "b/k.zip", "sourceIdentifier": "0"}],
            "secondarySourcesVersionOverride": [
                {"sourceIdentifier": "0", "sourceVersion": "3"}, {"sourceIdentifier": "lib", "sourceVersion": "v2"},
            ],
            "imageOverride": "img:1", "imagePullCredentialsTypeOverride": "SERVICE_ROLE",
            "environmentVariablesOverride": [
                {"type": "PLAINTEXT", "name": "A", "value": "b"}, {"type": "PLAINTEXT", "name": "N", "value": "1"},
            ],
        })
    );
    // Without an override only the version counts.
    let version = json!({"projectName": "web", "source": {"sourceVersion": "v9", "sourceArtifact": {"artifactId": "a"}}});
    assert_eq!(
        requested(version).unwrap(),
        json!({"projectName": "web", "sourceVersion": "v9"})
    );
}

#[test]
fn a_source_that_cannot_be_is_refused_with_orcas_sentence() {
    let of = |artifact: Value| {
        let source = json!({"sourceOverride": true, "sourceArtifact": {"artifact": artifact}});
        requested(json!({"projectName": "web", "source": source})).unwrap_err()
    };
    for (artifact, sentence) in [
        (
            Value::Null,
            "IllegalArgumentException: No artifact was specified.",
        ),
        (
            json!({"type": "git/repo", "reference": "x"}),
            "IllegalArgumentException: No artifact account was specified.",
        ),
        (
            json!({"type": "git/repo", "reference": "https://git.example.com/r", "artifactAccount": "git"}),
            "IllegalStateException: Source type could not be inferred from location",
        ),
        (
            json!({"type": "http/file", "reference": "x", "artifactAccount": "h"}),
            "IllegalStateException: Unexpected value: http/file",
        ),
        (
            json!({"type": "git/repo", "reference": "https://github.com/o/r", "artifactAccount": "git", "metadata": {"subPath": "d"}}),
            "IllegalArgumentException: Subpath is not supported by AWS CodeBuild stage",
        ),
    ] {
        assert_eq!(of(artifact), sentence);
    }
    assert!(requested(json!({})).unwrap_err().contains("projectName"));
}

#[test]
fn places_of_git_say_what_kind_they_are() {
    let of = |reference: &str| {
        let artifact =
            json!({"type": "git/repo", "reference": reference, "artifactAccount": "git"});
        let source = json!({"sourceOverride": true, "sourceArtifact": {"artifact": artifact}});
        requested(json!({"projectName": "web", "source": source})).unwrap()["sourceTypeOverride"]
            .clone()
    };
    assert_eq!(of("http://github.com/o/r"), "GITHUB");
    assert_eq!(of("https://ann@bitbucket.org/o/r"), "BITBUCKET");
    assert_eq!(
        of("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/r"),
        "CODECOMMIT"
    );
}
