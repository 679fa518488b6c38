//! Templates, projects and canary configurations.

use serde_json::json;

use super::{gate, not_found, spin};
use crate::{
    http::scripted::Scripted,
    testing::{Screen, run},
};

/// A file in a folder that lives as long as the first value.
fn file(content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document");
    std::fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn ok(out: &str) -> (u8, String, String) {
    (0, out.to_owned(), String::new())
}

/// The second word of every request but the version's.
fn asked(server: &Scripted) -> Vec<String> {
    server.requests().into_iter().skip(1).collect()
}

#[tokio::test]
async fn templates_are_listed_read_and_deleted() {
    let server = gate()
        .on("GET /v2/pipelineTemplates?scopes=", 200, json!([]))
        .on("GET /v2/pipelineTemplates?scopes=a%20b,c", 200, json!([1]))
        .on("GET /v2/pipelineTemplates/t", 200, json!({"id": "t"}))
        .on("GET /v2/pipelineTemplates/t?tag=stable", 404, not_found())
        .on("DELETE /v2/pipelineTemplates/t", 202, json!({}))
        .on("DELETE /v2/pipelineTemplates/t?tag=test", 200, json!({}));
    let list = ["spin", "pt", "list"];
    assert_eq!(spin(&list, &server).await, ok("[]\n"));
    let scoped = ["spin", "pt", "ls", "--scopes", "a b", "--scopes", "c"];
    assert_eq!(spin(&scoped, &server).await, ok("[\n 1\n]\n"));
    let shown = ok("{\n \"id\": \"t\"\n}\n");
    for line in [
        &["spin", "pipeline-template", "get", "t"][..],
        &["spin", "pipeline-templates", "get", "--id", "t"],
    ] {
        assert_eq!(spin(line, &server).await, shown, "{line:?}");
    }
    let tagged = ["spin", "pt", "get", "t", "--tag", "stable"];
    let (code, _, err) = spin(&tagged, &server).await;
    assert_eq!(code, 1);
    assert!(err.starts_with("404 Not Found\n"), "{err}");
    let delete = ["spin", "pt", "delete", "t"];
    assert_eq!(
        spin(&delete, &server).await,
        ok("Pipeline template t deleted\n")
    );
    let wrong_code = ["spin", "pt", "del", "t", "--tag=test"];
    assert_eq!(
        spin(&wrong_code, &server).await.2,
        "Encountered an error deleting pipeline template, status code: 200\n"
    );
    assert_eq!(
        spin(&["spin", "pt", "get"], &gate()).await.2,
        "no args or STDIN provided\n"
    );
}

#[tokio::test]
async fn a_template_is_created_or_updated_and_its_task_looked_at() {
    let (_folder, file) = file(r#"{"id": "t", "schema": "v2", "tag": "own"}"#);
    let save = ["spin", "pt", "save", "-f", &file];
    let body = r#"{"id":"t","schema":"v2","tag":"own"}"#;
    let succeeded = json!({"status": "SUCCEEDED"});

    let server = gate()
        .on("GET /v2/pipelineTemplates/t?tag=own", 404, not_found())
        .on("POST /v2/pipelineTemplates/create", 200, succeeded.clone());
    assert_eq!(
        spin(&save, &server).await,
        ok("Pipeline template save succeeded\n")
    );
    assert_eq!(
        asked(&server),
        [
            "GET /v2/pipelineTemplates/t?tag=own".to_owned(),
            format!("POST /v2/pipelineTemplates/create {body}")
        ]
    );

    let tagged = [&save[..], &["--tag", "stable"]].concat();
    let server = gate()
        .on("GET /v2/pipelineTemplates/t?tag=stable", 200, json!({}))
        .empty("POST /v2/pipelineTemplates/update/t?tag=stable", 202);
    assert_eq!(
        spin(&tagged, &server).await,
        ok("Pipeline template save succeeded\n")
    );

    let failed = json!({"status": "TERMINAL", "variables": [
        {"key": "exception", "value": {"details": {"errors": ["no metadata"]}}}]});
    let server = gate()
        .on("GET /v2/pipelineTemplates/t?tag=own", 404, not_found())
        .on("POST /v2/pipelineTemplates/create", 200, failed);
    let (code, out, err) = spin(&save, &server).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.starts_with("Encountered an error with saving pipeline template map[status:TERMINAL ")
            && err.ends_with("\nno metadata\n"),
        "{err}"
    );

    let server = gate().on("GET /v2/pipelineTemplates/t?tag=own", 500, json!({}));
    let (code, _, err) = spin(&save, &server).await;
    assert_eq!(code, 1);
    assert!(err.starts_with("500 Internal Server Error\n"), "{err}");
    assert_eq!(asked(&server).len(), 1, "nothing is saved blindly");
}

#[tokio::test]
async fn a_template_without_id_or_schema_is_refused() {
    let mut screen = Screen::pipe().typing("name: x\n");
    let server = gate();
    let code = run(&["spin", "pt", "save"], &server, &mut screen).await;
    assert_eq!(code, 1);
    assert_eq!(
        screen.err(),
        "Required pipeline template key 'id' missing...\nRequired pipeline template key 'schema' missing...\n\
         Submitted pipeline is invalid: map[name:x]\n"
    );
    let mut screen = Screen::pipe().typing("name: x\n");
    run(&["spin", "pt", "plan"], &server, &mut screen).await;
    assert_eq!(
        screen.err(),
        "Required pipeline key 'schema' missing for templated pipeline config...\n"
    );
    assert_eq!(asked(&server), ["GET /version"], "of the second command");
}

#[tokio::test]
async fn a_plan_prints_the_pipeline() {
    let (_folder, file) = file("schema: v2\napplication: a\n");
    let plan = ["spin", "pt", "plan", "-f", &file];
    let server = gate().on(
        "POST /v2/pipelineTemplates/plan",
        200,
        json!({"stages": []}),
    );
    assert_eq!(spin(&plan, &server).await, ok("{\n \"stages\": []\n}\n"));
    assert_eq!(
        asked(&server),
        [r#"POST /v2/pipelineTemplates/plan {"application":"a","schema":"v2"}"#]
    );
    let server = gate().on(
        "POST /v2/pipelineTemplates/plan",
        400,
        json!({"message": "variable x is missing", "errors": []}),
    );
    let (code, _, err) = spin(&plan, &server).await;
    assert_eq!(code, 1);
    assert!(
        err.starts_with("400 Bad Request\nvariable x is missing"),
        "{err}"
    );
}

#[tokio::test]
async fn use_writes_a_configuration_and_asks_for_nothing() {
    let (_folder, values) = file("a: 1\nb: 2.5\nc: true\nd: text\ne:\n");
    let server = gate();
    let line = [
        "spin",
        "pt",
        "use",
        "t",
        "-a",
        "demo",
        "-n",
        " made ",
        "-t",
        "stable",
        "--values",
        &values,
        "--set",
        "d=flag,f=x",
    ];
    let (code, out, err) = spin(&line, &server).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let made: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        made,
        json!({"schema": "v2", "application": "demo", "name": "made", "description": "",
            "template": {"artifactAccount": "front50ArtifactCredentials", "type": "front50/pipelineTemplate",
                "reference": "spinnaker://t:stable"},
            "variables": {"a": "1", "b": "2.5", "c": "true", "d": "flag", "e": "", "f": "x"},
            "exclude": [], "triggers": [], "parameters": [], "notifications": [], "stages": []})
    );
    assert_eq!(server.requests(), ["GET /version"]);
    for (line, expected) in [
        (
            &["spin", "pt", "use", "t", "-n", "x"][..],
            "no application name supplied, exiting\n",
        ),
        (
            &["spin", "pt", "use", "t", "-a", "x"],
            "no pipeline name supplied, exiting\n",
        ),
        (
            &[
                "spin", "pt", "use", "t", "-a", "x", "-n", "x", "--set", "nothing",
            ],
            "invalid argument \"nothing\" for \"--set\" flag: nothing must be formatted as key=value\n",
        ),
    ] {
        assert_eq!(
            spin(line, &server).await,
            (1, String::new(), expected.to_owned())
        );
    }
}

#[tokio::test]
async fn a_project_is_saved_under_the_id_that_it_has() {
    let task = "GET /tasks/1";
    let server = gate()
        .on("GET /projects/tools", 200, json!({"id": "p-1"}))
        .on("POST /tasks", 200, json!({"ref": "/tasks/1"}))
        .on(task, 200, json!({"status": "SUCCEEDED"}));
    let save = ["spin", "project", "save", "-n", "tools", "-e", "me@x.io"];
    assert_eq!(spin(&save, &server).await, ok("Project save succeeded\n"));
    assert_eq!(
        asked(&server),
        [
            "GET /projects/tools",
            r#"POST /tasks {"application":"spinnaker","description":"Create Project: tools","job":[{"project":{"email":"me@x.io","id":"p-1","name":"tools"},"type":"upsertProject","user":"me@x.io"}],"project":"tools"}"#,
            task
        ]
    );

    let (_folder, file) = file(r#"{"name": "tools", "email": "a@x.io", "config": {}}"#);
    let server = gate()
        .on("GET /projects/tools", 404, not_found())
        .on("POST /tasks", 200, json!({"ref": "/tasks/1"}))
        .on(task, 200, json!({"status": "SUCCEEDED"}));
    let save = [
        "spin",
        "prj",
        "save",
        "--file",
        &file,
        "--email",
        "flag@x.io",
    ];
    let (code, _, err) = spin(&save, &server).await;
    assert_eq!(code, 0);
    assert_eq!(
        err,
        "Overriding project owner email with explicit flag values.\n"
    );
    assert!(asked(&server)[1].contains(r#"{"config":{},"email":"flag@x.io","name":"tools"}"#));

    let server = gate().on("GET /projects/tools", 500, json!({"message": "down"}));
    let (code, _, err) = spin(&save, &server).await;
    assert_eq!(code, 1);
    assert!(
        err.contains("Encountered an error getting project, status code: 500\ndown"),
        "{err}"
    );
    assert_eq!(asked(&server).len(), 1, "no second project comes to be");
    assert_eq!(
        spin(&["spin", "project", "save", "-n", "x"], &gate())
            .await
            .2,
        "Required project parameters missing, exiting...\n"
    );
}

#[tokio::test]
async fn projects_are_listed_read_and_deleted() {
    let whole = json!({"id": "p-1", "name": "tools", "email": "me@x.io"});
    let server = gate()
        .on("GET /projects", 200, json!([]))
        .on("GET /projects/tools", 200, whole)
        .on("GET /projects/gone", 404, not_found())
        .on("GET /projects/gone/pipelines", 404, not_found())
        .on("GET /projects/tools/pipelines", 200, json!([]))
        .on("POST /tasks", 200, json!({"ref": "/tasks/1"}))
        .on("GET /tasks/1", 200, json!({"status": "SUCCEEDED"}));
    assert_eq!(spin(&["spin", "prj", "ls"], &server).await, ok("[]\n"));
    let get = ["spin", "project", "get", "tools", "-o", "jsonpath={.id}"];
    assert_eq!(spin(&get, &server).await, ok("p-1\n"));
    assert_eq!(
        spin(&["spin", "project", "get-pipelines", "tools"], &server).await,
        ok("[]\n")
    );
    assert_eq!(
        spin(&["spin", "project", "delete", "-n", "tools"], &server).await,
        ok("Project delete succeeded\n")
    );
    let posted = server
        .requests()
        .into_iter()
        .find(|it| it.starts_with("POST"));
    assert_eq!(
        posted.unwrap(),
        r#"POST /tasks {"application":"spinnaker","description":"Delete Project: tools","job":[{"project":{"email":"me@x.io","id":"p-1","name":"tools"},"type":"deleteProject","user":"me@x.io"}],"project":"tools"}"#
    );
    for line in [
        &["spin", "project", "get", "gone"][..],
        &["spin", "project", "get-pipelines", "gone"],
        &["spin", "project", "delete", "--name", "gone"],
    ] {
        assert_eq!(
            spin(line, &server).await,
            (1, String::new(), "Project 'gone' not found\n".into())
        );
    }
    assert_eq!(
        spin(&["spin", "project", "delete"], &server).await.2,
        "required flag(s) \"name\" not set\n"
    );
}

#[tokio::test]
async fn canary_configurations_are_listed_read_saved_and_deleted() {
    let (_folder, file) = file(r#"{"id": "c", "name": "n"}"#);
    let server = gate()
        .on("GET /v2/canaryConfig?application=", 200, json!([]))
        .on("GET /v2/canaryConfig?application=a", 200, json!([]))
        .on("GET /v2/canaryConfig/c", 404, not_found())
        .on("GET /v2/canaryConfig/c", 200, json!({"id": "c"}))
        .on("POST /v2/canaryConfig", 200, json!({"canaryConfigId": "c"}))
        .on(
            "PUT /v2/canaryConfig/c",
            200,
            json!({"canaryConfigId": "c"}),
        )
        .empty("DELETE /v2/canaryConfig/c", 200);
    let cc = |line: &[&'static str]| [&["spin", "canary", "canary-config"][..], line].concat();
    assert_eq!(spin(&cc(&["list"]), &server).await, ok("[]\n"));
    assert_eq!(spin(&cc(&["ls", "-a", "a"]), &server).await, ok("[]\n"));
    let save = ["spin", "canary", "cc", "save", "-f", &file];
    for method in ["POST /v2/canaryConfig {", "PUT /v2/canaryConfig/c {"] {
        assert_eq!(
            spin(&save, &server).await,
            ok("Canary config save succeeded\n")
        );
        let last = server.requests().pop().unwrap();
        assert!(last.starts_with(method), "{last}");
    }
    assert_eq!(
        spin(&cc(&["get", "c"]), &server).await,
        ok("{\n \"id\": \"c\"\n}\n")
    );
    assert_eq!(
        spin(&cc(&["delete", "c"]), &server).await,
        ok("Canary config c deleted\n")
    );
    let server = gate().on(
        "GET /v2/canaryConfig?application=",
        501,
        json!({"message": "Gennaker does not support canary analysis yet"}),
    );
    let (code, _, err) = spin(&cc(&["list"]), &server).await;
    assert_eq!(code, 1);
    assert!(
        err.starts_with("501 Not Implemented\nGennaker does not support canary analysis yet"),
        "{err}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_retrospective_is_started_and_awaited() {
    let (_folder, file) = file(r#"{"name": "n"}"#);
    let path = "GET /v2/canaries/canary/x-1?storageAccountName=s";
    let done = json!({"complete": true, "pipelineId": "x-1", "application": "ad-hoc", "status": "succeeded",
            "result": {"judgeResult": {"score": {"classification": "Pass", "score": 100.0}}}});
    let server = gate()
        .on(
            "POST /v2/canaries/canary?metricsAccountName=m&storageAccountName=s",
            200,
            json!({"canaryExecutionId": "x-1"}),
        )
        .on(path, 200, json!({"complete": false}))
        .on(path, 200, json!({"complete": false}))
        .on(path, 200, done);
    let line = [
        "spin",
        "canary",
        "canary-config",
        "retro",
        "-f",
        &file,
        "--control-group",
        "c",
        "--control-location",
        "l",
        "--experiment-group",
        "e",
        "--experiment-location",
        "l",
        "--start",
        "2026-01-01T00:00:00Z",
        "--end",
        "2026-01-01T01:00:00Z",
        "--metrics-account",
        "m",
        "--storage-account",
        "s",
        "--extended-scope-params",
        "a=1",
    ];
    let began = tokio::time::Instant::now();
    assert_eq!(
        spin(&line, &server).await,
        ok("Initiating canary execution for supplied canary config\n\
            Spawned canary execution with id x-1, polling for completion...\n\
            Retrospective canary execution finished, judgement = PASS\n")
    );
    assert_eq!(began.elapsed().as_secs(), 12);
    // Ours asks the same and prints what came of it.
    let ours: Vec<&str> = ["canary", "retro"]
        .into_iter()
        .chain(line.iter().copied().skip(4))
        .collect();
    let (code, out, err) = spin(&ours, &server).await;
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(
        out.starts_with("x-1 of ad-hoc") && out.contains("Pass"),
        "{out}"
    );
    let posted = asked(&server).remove(0);
    let scope = |name: &str| {
        format!(
            r#"{{"end":"2026-01-01T01:00:00Z","extendedScopeParams":{{"a":"1"}},"location":"l","scope":"{name}","start":"2026-01-01T00:00:00Z","step":10}}"#
        )
    };
    assert!(
        posted.ends_with(&format!(
            r#" {{"canaryConfig":{{"name":"n"}},"executionRequest":{{"scopes":{{"default":{{"controlScope":{},"experimentScope":{}}}}},"thresholds":{{"marginal":75,"pass":95}}}}}}"#,
            scope("c"),
            scope("e")
        )),
        "{posted}"
    );

    let endless = gate()
        .on(
            "POST /v2/canaries/canary?metricsAccountName=m&storageAccountName=s",
            200,
            json!({"canaryExecutionId": "x-1"}),
        )
        .on(path, 200, json!({"complete": false}));
    let (code, _, err) = spin(&line, &endless).await;
    assert_eq!(
        (code, err.as_str()),
        (
            1,
            "Canary execution x-1 incomplete after 60 seconds, aborting\n"
        )
    );
    assert_eq!(asked(&endless).len(), 1 + 11);

    let server = gate();
    for (without, expected) in [
        (
            "--control-group",
            "Required control group flags not supplied\n",
        ),
        ("--end", "Required time interval flags not supplied\n"),
    ] {
        let at = line.iter().position(|word| *word == without).unwrap();
        let line = [&line[..at], &line[at + 2..]].concat();
        assert_eq!(spin(&line, &server).await.2, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_population_is_fetched_and_calibrated() {
    let (_folder, file) =
        file(r#"{"metrics": [{"name": "m", "groups": ["g"]}], "classifier": {}}"#);
    let values: Vec<u32> = (0..400).map(|at| 100 + at % 10).collect();
    let pairs =
        json!([{"name": "m", "tags": {}, "values": {"control": values, "experiment": values}}]);
    let server = gate()
        .on(
            "POST /v2/canaries/canary?metricsAccountName=prom",
            200,
            json!({"canaryExecutionId": "x-1"}),
        )
        .on(
            "GET /v2/canaries/canary/x-1",
            200,
            json!({"complete": true, "metricSetPairListId": "l-1"}),
        )
        .on("GET /v2/canaries/metricSetPairList/l-1", 200, pairs);
    let arguments = [
        "canary",
        "calibrate",
        "-f",
        &file,
        "--scope",
        "web",
        "--metrics-account",
        "prom",
        "--start",
        "2026-01-01T00:00:00Z",
        "--end",
        "2026-01-01T06:40:00Z",
        "--window",
        "50",
    ];
    let (code, out, err) = spin(&arguments, &server).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("7 windows of 50 points"), "{out}");
    let (code, _, err) = spin(
        &["canary", "calibrate", "-f", &file, "--analysis", "x-2"],
        &gate().on(
            "GET /v2/canaries/canary/x-2",
            200,
            json!({"complete": true, "status": "canceled"}),
        ),
    )
    .await;
    assert_eq!(code, 1);
    assert!(
        err.contains("canary execution x-2 has kept no metrics (status canceled)"),
        "{err}"
    );
}
