//! Starts that are only looked at, and lists by parameter.

use serde_json::json;

use super::*;

const CONFIG: &str = "GET /applications/demo/pipelineConfigs/deploy";

fn planned(required: bool) -> Scripted {
    let config = json!({"id": "c-1", "application": "demo", "name": "deploy", "stages": [],
        "parameterConfig": [{"name": "tag", "required": required}]});
    let plan = json!({"application": "demo", "name": "deploy", "stages": [
        {"refId": "1", "requisiteStageRefIds": [], "type": "manualJudgment", "name": "Approve"},
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "wait", "waitTime": 1},
    ]});
    Scripted::default()
        .on(CONFIG, 200, config)
        .on("POST /pipelines/start", 200, plan)
}

#[tokio::test]
async fn a_dry_run_shows_the_stages_and_starts_nothing() {
    let server = planned(true).on("GET /v2/freezes", 200, json!([])).on(
        "GET /version",
        200,
        json!({"version": "1"}),
    );
    let line = ["run", "demo/deploy", "--dry-run", "-p", "tag=v1"];
    let (code, out, err) = verb(&line, &server).await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (
            0,
            "Nothing is started. demo/deploy would run 2 stages with tag=v1\n\
             REF  STAGE    TYPE            AFTER\n\
             1    Approve  manualJudgment\n\
             2    wait     wait            1\n",
            ""
        )
    );
    let requests = server.requests();
    let posted: Vec<&String> = requests
        .iter()
        .filter(|it| !it.starts_with("GET "))
        .collect();
    assert!(
        posted.len() == 1
            && posted[0].contains(r#""plan":true"#)
            && posted[0].contains(r#""trigger":{"type":"manual","parameters":{"tag":"v1"}}"#),
        "{posted:?}"
    );
    let (code, out, _) = verb(
        &[
            "run",
            "demo/deploy",
            "--dry-run",
            "-p",
            "tag=1",
            "-o",
            "json",
        ],
        &server,
    )
    .await;
    let plan: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &plan["stages"][1]["type"]), (0, &json!("wait")));
    // Spin's verb has it, too, and prints the pipeline.
    let line = [
        "pipeline",
        "execute",
        "-a",
        "demo",
        "-n",
        "deploy",
        "-p",
        "tag=v1",
        "--dry-run",
    ];
    let (code, out, _) = verb(&line, &server).await;
    let plan: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &plan["name"]), (0, &json!("deploy")));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_refused() {
    let server = planned(true);
    let (code, out, err) = verb(&["run", "demo/deploy", "--dry-run"], &server).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("Required parameter tag is missing\n  fix: add -p tag=VALUE"),
        "{err}"
    );
    let frozen = [
        json!({"pipelineConfigId": "c-1", "by": "ann", "at": NOW, "reason": "release week"}),
        json!({"application": "DEMO", "by": "bob", "at": NOW, "reason": "audit"}),
        json!({"application": "other", "by": "eve", "at": NOW, "reason": "no"}),
    ];
    let server = planned(false).on("GET /v2/freezes", 200, json!(frozen));
    let (code, out, err) = verb(&["run", "demo/deploy", "--dry-run"], &server).await;
    assert_eq!(code, 1);
    assert!(
        out.starts_with("Nothing is started. demo/deploy would run 2 stages\n"),
        "{out}"
    );
    assert_eq!(
        err,
        "refused: frozen by ann: release week\nrefused: frozen by bob: audit\n"
    );
    // A Gate of Spinnaker's knows no freezes; what does not fit is told.
    let plan = json!({"application": "demo", "name": "deploy", "stages": [
        {"refId": "1", "requisiteStageRefIds": ["9"], "type": "wait", "name": "w"}]});
    let server = Scripted::default()
        .on(
            CONFIG,
            200,
            json!({"application": "demo", "name": "deploy"}),
        )
        .on("POST /pipelines/start", 200, plan);
    let (code, _, err) = verb(&["run", "demo/deploy", "--dry-run"], &server).await;
    assert_eq!(code, 11, "{err}");
    assert!(err.contains("(/stages/0"), "{err}");
    for line in [
        &["run", "a/b", "--dry-run", "--no-follow"][..],
        &["run", "a/b", "--dry-run", "--timeout", "3"],
    ] {
        assert_eq!(verb(line, &server).await.0, 2, "{line:?}");
    }
}

#[tokio::test]
async fn executions_are_listed_by_their_parameters() {
    // {"parameters":{"tag":"v1","zone":"a"}}
    let path = "GET /applications/demo/executions/search?statuses=&trigger=eyJwYXJhbWV0ZXJzIjp7InRhZyI6InYxIiwiem9uZSI6ImEifX0%3D\
                &startIndex=0&size=25&expand=false";
    let server = Scripted::default().on(path, 200, json!([ended("SUCCEEDED")]));
    let line = [
        "ls", "demo", "--param", "tag=v1", "--param", "zone=a", "-o", "name",
    ];
    let (code, out, err) = verb(&line, &server).await;
    assert_eq!((code, out, err.as_str()), (0, format!("{ID}\n"), ""));
    assert_eq!(verb(&["ls", "--param", "tag"], &server).await.0, 2);
    // Without the search there is no other way: all executions would be a wrong answer.
    assert_eq!(
        verb(&["ls", "demo", "--param", "tag=v2"], &server).await.0,
        7
    );
}
