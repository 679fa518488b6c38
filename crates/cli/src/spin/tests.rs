//! spin's exchanges, byte for byte: what is asked, what is printed, how it ends.

mod documents;

use serde_json::{Value, json};

use crate::{
    http::{Response, Trouble, scripted::Scripted},
    testing::{Screen, run},
};

fn gate() -> Scripted {
    Scripted::default().on("GET /version", 200, json!({"version": "2026.2.0"}))
}

fn not_found() -> Value {
    json!({"error": "Not Found", "exception": "com.netflix.spinnaker.kork.web.exceptions.NotFoundException",
        "message": "Pipeline configuration not found (nameOrId: deploy in application demo): ...", "status": 404,
        "timestamp": "2026-08-20T10:00:00.000+00:00"})
}

/// Runs a command against the script and gives exit code, standard output and error output.
async fn spin(line: &[&str], server: &Scripted) -> (u8, String, String) {
    let mut screen = Screen::pipe();
    let code = run(line, server, &mut screen).await;
    (code, screen.out(), screen.err())
}

#[tokio::test(start_paused = true)]
async fn application_save_submits_a_task_and_waits_for_it() {
    let task = "GET /tasks/01J8ZQ6J2N4T6K0Q1V9R3W5X7Y";
    let server = gate()
        .on(
            "POST /tasks",
            200,
            json!({"ref": "/tasks/01J8ZQ6J2N4T6K0Q1V9R3W5X7Y"}),
        )
        .on(task, 200, json!({"status": "RUNNING"}))
        .on(task, 200, json!({"status": "RUNNING"}))
        .on(
            task,
            200,
            json!({"status": "SUCCEEDED", "steps": [], "variables": []}),
        );
    let began = tokio::time::Instant::now();
    let line = [
        "spin",
        "application",
        "save",
        "--application-name",
        "demo",
        "--owner-email",
        "me@x.io",
        "--cloud-providers",
        "kubernetes",
    ];
    let (code, out, err) = spin(&line, &server).await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "Application save succeeded\n", "")
    );
    assert_eq!(began.elapsed().as_secs(), 5, "one second, then four");
    assert_eq!(
        server.requests(),
        [
            "GET /version",
            r#"POST /tasks {"application":"demo","description":"Create Application: demo","job":[{"application":{"cloudProviders":"kubernetes","email":"me@x.io","instancePort":80,"name":"demo"},"type":"createApplication"}]}"#,
            task,
            task,
            task,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_ends_and_one_that_fails_are_errors() {
    let save = [
        "spin",
        "app",
        "save",
        "-a",
        "d",
        "--owner-email",
        "o",
        "--cloud-providers",
        "k",
        "--retry-timeout",
        "7",
    ];
    let canceled = gate()
        .on("POST /tasks", 200, json!({"ref": "/tasks/1"}))
        .on("GET /tasks/1", 200, json!({"status": "CANCELED"}));
    let began = tokio::time::Instant::now();
    let (code, out, err) = spin(&save, &canceled).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "Encountered an error saving application, task output was: map[status:CANCELED]\n"
    );
    assert_eq!(
        began.elapsed().as_secs(),
        8,
        "1 s, 4 s, and one past the seventh"
    );

    let failed = gate()
        .on("GET /applications/demo?expand=false", 200, json!({}))
        .on("POST /tasks", 200, json!({"ref": "/tasks/1"}))
        .on("GET /tasks/1", 200, json!({"status": "TERMINAL", "endTime": 1_755_600_000_000_i64, "variables": [
            {"key": "exception", "value": {"details": {"error": "x", "errors": ["it has clusters"]}}}]}));
    let (code, _, err) = spin(&["spin", "application", "delete", "demo"], &failed).await;
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "Encountered an error saving application, task output was: map[endTime:1.7556e+12 status:TERMINAL \
         variables:[map[key:exception value:map[details:map[error:x errors:[it has clusters]]]]]]\nit has clusters\n"
    );
}

#[tokio::test]
async fn application_get_prints_the_attributes() {
    let attributes = json!({"name": "demo", "email": "me@x.io", "instancePort": 80, "accounts": "",
        "trafficGuards": [], "description": "<b> & co", "updateTs": "1755600000000"});
    let document = json!({"attributes": attributes, "clusters": {}, "name": "demo"});
    let server = gate()
        .on("GET /applications/demo?expand=false", 200, document.clone())
        .on("GET /applications/demo?expand=true", 200, document)
        .on("GET /applications/gone?expand=false", 404, not_found());
    let (code, out, _) = spin(&["spin", "application", "get", "demo"], &server).await;
    let expected = "{\n \"accounts\": \"\",\n \"description\": \"\\u003cb\\u003e \\u0026 co\",\n \"email\": \"me@x.io\",\n \
                    \"instancePort\": 80,\n \"name\": \"demo\",\n \"trafficGuards\": [],\n \"updateTs\": \"1755600000000\"\n}\n";
    assert_eq!((code, out.as_str()), (0, expected));

    let (_, out, _) = spin(
        &[
            "spin",
            "app",
            "get",
            "-x",
            "demo",
            "-o",
            "jsonpath={.attributes.email}",
        ],
        &server,
    )
    .await;
    assert_eq!(out, "me@x.io\n");
    let (code, out, err) = spin(
        &[
            "spin",
            "app",
            "get",
            "demo",
            "-o",
            "jsonpath={.permissions}",
        ],
        &server,
    )
    .await;
    assert_eq!(
        (code, out.as_str()),
        (0, "\n"),
        "as spin, which prints the reason and goes on"
    );
    assert!(err.ends_with("permissions is not found \n"), "{err}");

    let (code, out, err) = spin(&["spin", "application", "get", "gone"], &server).await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (1, "", "Application 'gone' not found\n")
    );
}

#[tokio::test]
async fn pipeline_save_creates_or_updates() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.json");
    std::fs::write(
        &file,
        r#"{"name": "deploy", "application": "demo", "stages": []}"#,
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let config = "GET /applications/demo/pipelineConfigs/deploy";

    let server = gate()
        .on(config, 404, not_found())
        .empty("POST /pipelines", 200);
    let (code, out, err) = spin(&["spin", "pipeline", "save", "-f", file], &server).await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (0, "Pipeline save succeeded\n", "")
    );
    assert_eq!(
        server.requests(),
        [
            "GET /version",
            config,
            r#"POST /pipelines {"application":"demo","name":"deploy","stages":[]}"#
        ]
    );

    let server = gate()
        .on(config, 200, json!({"id": "uuid-1", "name": "deploy"}))
        .empty("POST /pipelines", 200);
    let (_, out, _) = spin(&["spin", "pi", "save", "-q", "--file", file], &server).await;
    assert_eq!(out, "", "quiet");
    assert!(server.requests()[2].contains(r#""id":"uuid-1""#));

    let server = gate().on(config, 500, json!({"message": "boom"}));
    let (code, _, err) = spin(&["spin", "pipeline", "save", "-f", file], &server).await;
    assert_eq!(
        (code, err.as_str()),
        (1, "unhandled response 500: {\"message\":\"boom\"}\n")
    );
}

#[tokio::test]
async fn pipeline_save_refuses_what_is_incomplete_after_asking_for_the_version() {
    let server = gate();
    let mut screen =
        Screen::pipe().typing("application: demo\ntemplate: {reference: x}\nlimit: 3\n");
    let code = run(&["spin", "pipeline", "save"], &server, &mut screen).await;
    assert_eq!(code, 1);
    assert_eq!(
        screen.err(),
        "Required pipeline key 'name' missing...\nRequired pipeline key 'schema' missing for templated pipeline...\n\
         Submitted pipeline is invalid: map[application:demo limit:%!s(float64=3) template:map[reference:x] type:templatedPipeline]\n"
    );
    assert_eq!(server.requests(), ["GET /version"]);
    let mut screen = Screen::terminal(80, 24);
    assert_eq!(
        run(&["spin", "pipeline", "save"], &server, &mut screen).await,
        1
    );
    assert!(screen.err().contains("No json input to parse"));
}

#[tokio::test]
async fn a_duplicate_name_shows_the_status_line_and_what_gate_says() {
    let server = gate()
        .on(
            "GET /applications/demo/pipelineConfigs/Deploy",
            404,
            not_found(),
        )
        .on(
            "POST /pipelines",
            400,
            json!({"status": 400, "error": "Bad Request",
            "message": "A pipeline with name Deploy already exists in application demo"}),
        );
    let mut screen =
        Screen::pipe().typing(r#"{"application": "demo", "name": "Deploy", "id": "other-uuid"}"#);
    let code = run(&["spin", "pipeline", "save"], &server, &mut screen).await;
    assert_eq!(code, 1);
    assert_eq!(
        screen.err(),
        "400 Bad Request\nA pipeline with name Deploy already exists in application demo; request id: req-1\n"
    );
}

#[tokio::test]
async fn pipelines_are_executed_found_and_cancelled() {
    let execution = json!({"id": "01J8ZR", "status": "RUNNING"});
    let server = gate()
        .on("POST /pipelines/demo/deploy", 202, json!({"ref": "/pipelines/01J8ZR"}))
        .on("GET /executions?executionIds=01J8ZR&limit=1", 200, json!([execution]))
        .on("GET /executions?executionIds=none&limit=1", 200, json!([]))
        .on("GET /executions?pipelineConfigIds=c&limit=3&statuses=RUNNING,TERMINAL,STOPPED,FAILED_CONTINUE", 200, json!([]))
        .empty("PUT /pipelines/01J8ZR/cancel", 200)
        .empty("PUT /applications/%7Bapplication%7D/pipelines/01J8ZR/cancel?reason=stop%20it", 200);
    let execute = [
        "spin",
        "pipeline",
        "execute",
        "-a",
        "demo",
        "-n",
        "deploy",
        "-p",
        "tag=v1,zone=a",
        "--parameter",
        "n=2",
    ];
    let (code, out, _) = spin(&execute, &server).await;
    assert_eq!((code, out.as_str()), (0, "Pipeline execution started\n"));
    assert_eq!(
        server.requests()[1],
        r#"POST /pipelines/demo/deploy {"parameters":{"n":"2","tag":"v1","zone":"a"},"type":"manual"}"#
    );
    let (code, out, _) = spin(&["spin", "pipeline", "execution", "get", "01J8ZR"], &server).await;
    assert_eq!(
        (code, out.as_str()),
        (
            0,
            "[\n {\n  \"id\": \"01J8ZR\",\n  \"status\": \"RUNNING\"\n }\n]\n"
        )
    );
    let none = spin(&["spin", "pipeline", "ex", "get", "none"], &server).await;
    assert_eq!(none, (0, "[]\n".into(), String::new()));
    let list = [
        "spin",
        "pipeline",
        "execution",
        "list",
        "-i",
        "c",
        "--running",
        "--failed",
        "-l",
        "3",
    ];
    assert_eq!(
        spin(&list, &server).await,
        (0, "[]\n".into(), String::new())
    );
    let (code, out, _) = spin(
        &["spin", "pipeline", "execution", "cancel", "01J8ZR"],
        &server,
    )
    .await;
    assert_eq!(
        (code, out.as_str()),
        (0, "Execution 01J8ZR successfully canceled\n")
    );
    let cancel = [
        "spin",
        "application",
        "pipelines",
        "cancel",
        "-i",
        "01J8ZR",
        "-r",
        "stop it",
    ];
    assert_eq!(
        spin(&cancel, &server).await,
        (0, "Pipeline 01J8ZR was cancelled.\n".into(), String::new())
    );
}

#[tokio::test]
async fn an_execution_needs_exactly_202() {
    let execute = ["spin", "pipeline", "execute", "-a", "demo", "-n", "deploy"];
    let server = gate().on("POST /pipelines/demo/deploy", 200, json!({}));
    assert_eq!(
        spin(&execute, &server).await,
        (
            1,
            String::new(),
            "Encountered an error executing pipeline, status code: 200\n".into()
        )
    );
    let server = gate().on(
        "POST /pipelines/demo/deploy",
        400,
        json!({"message": "Required parameter tag is missing"}),
    );
    let (code, _, err) = spin(&execute, &server).await;
    assert_eq!(code, 1);
    assert!(
        err.ends_with(
            "error: 400 Bad Request\nRequired parameter tag is missing; request id: req-1\n"
        ),
        "{err}"
    );
}

#[tokio::test]
async fn pipelines_are_listed_read_updated_and_deleted() {
    let path = "GET /applications/demo/pipelineConfigs/a%20b%2Fc";
    let server = gate()
        .on("GET /applications/demo/pipelineConfigs", 200, json!([]))
        .on(path, 200, json!({"name": "a b/c", "id": "1"}))
        .empty("POST /pipelines", 200)
        .empty("DELETE /pipelines/demo/a%20b%2Fc", 200);
    let ok = |out: &str| (0, out.to_owned(), String::new());
    assert_eq!(
        spin(&["spin", "pipeline", "ls", "--application=demo"], &server).await,
        ok("[]\n")
    );
    assert_eq!(
        spin(
            &[
                "spin", "pipeline", "get", "-a", "demo", "-n", "a b/c", "-o", "yaml"
            ],
            &server
        )
        .await,
        ok("id: '1'\nname: a b/c\n\n")
    );
    let update = |flag| {
        [
            "spin", "pipeline", "update", "-a", "demo", "-n", "a b/c", flag,
        ]
    };
    for (flag, disabled) in [
        ("-d", true),
        ("--enabled", false),
        ("--enabled=false", true),
    ] {
        assert_eq!(
            spin(&update(flag), &server).await,
            ok("Pipeline update succeeded\n")
        );
        let last = server.requests().pop().unwrap();
        assert_eq!(
            last,
            format!(r#"POST /pipelines {{"disabled":{disabled},"id":"1","name":"a b/c"}}"#)
        );
    }
    let both = [
        "spin", "pipeline", "update", "-a", "demo", "-n", "a b/c", "-d", "-e",
    ];
    assert_eq!(
        spin(&both, &server).await.2,
        "Cannot pass in both enabled and disabled flag\n"
    );
    assert_eq!(
        spin(
            &["spin", "pipeline", "del", "-a", "demo", "-n", "a b/c"],
            &server
        )
        .await,
        ok("Pipeline deleted\n")
    );
}

#[tokio::test]
async fn what_is_missing_on_the_command_line_has_spins_words() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["spin", "pipeline", "list"],
            "required parameter 'application' not set\n",
        ),
        (
            &["spin", "pipeline", "get", "-a", "x"],
            "one of required parameters 'application' or 'name' not set\n",
        ),
        (
            &["spin", "pipeline", "delete"],
            "one of required parameters 'application' or 'name' not set\n",
        ),
        (
            &["spin", "pipeline", "execute", "-n", "x"],
            "one of required parameters 'application' or 'name' not set\n",
        ),
        (
            &["spin", "pipeline", "update"],
            "required flag(s) \"application\", \"name\" not set\n",
        ),
        (
            &["spin", "pipeline", "execution", "list"],
            "required parameter 'pipeline-id' not set\n",
        ),
        (
            &["spin", "pipeline", "execution", "cancel"],
            "no execution id supplied, exiting\n",
        ),
        (
            &["spin", "application", "pipelines", "get"],
            "Application name must be passed in\n",
        ),
        (
            &["spin", "application", "pipelines", "cancel"],
            "execution ID must be passed in\n",
        ),
        (
            &["spin", "application", "save"],
            "Required application parameter missing, exiting...\n",
        ),
    ];
    for (line, expected) in cases {
        let server = gate();
        assert_eq!(
            spin(line, &server).await,
            (1, String::new(), (*expected).into()),
            "{line:?}"
        );
        assert_eq!(server.requests(), ["GET /version"], "{line:?}");
    }
}

#[tokio::test]
async fn cancel_all_cancels_what_the_list_names() {
    let server = gate()
        .on(
            "GET /applications/demo/pipelines?expand=false&statuses=RUNNING",
            200,
            json!([{"id": "1"}, {"id": "2"}]),
        )
        .empty(
            "PUT /applications/%7Bapplication%7D/pipelines/1/cancel?reason=",
            200,
        )
        .on(
            "PUT /applications/%7Bapplication%7D/pipelines/2/cancel?reason=",
            404,
            not_found(),
        );
    let line = [
        "spin",
        "application",
        "pipelines",
        "cancel-all",
        "-a",
        "demo",
        "-s",
        "RUNNING",
    ];
    assert_eq!(
        spin(&line, &server).await,
        (
            1,
            "Cancelling execution ID 1...\nPipeline 1 was cancelled.\nCancelling execution ID 2...\n".into(),
            "Execution ID '2' not found\n".into()
        )
    );
}

#[tokio::test]
async fn accounts_show_the_fields_that_spin_knows() {
    let account = json!({"type": "kubernetes", "name": "k8s", "primaryAccount": false, "permissions": {}, "namespaces": ["x"],
        "cloudProvider": "kubernetes"});
    let server = gate()
        .on("GET /credentials?expand=false", 200, json!([account]))
        .on("GET /credentials/k8s", 200, account)
        .empty("GET /credentials/gone", 200)
        .on("GET /credentials/missing", 404, not_found())
        .on(
            "GET /auth/user",
            200,
            json!({"username": "me", "roles": ["a"], "enabled": true, "secret": "s"}),
        );
    let ok = |out: &str| (0, out.to_owned(), String::new());
    assert_eq!(
        spin(&["spin", "account", "list"], &server).await,
        ok("[\n {\n  \"name\": \"k8s\",\n  \"type\": \"kubernetes\"\n }\n]\n")
    );
    assert_eq!(
        spin(&["spin", "acc", "get", "k8s"], &server).await,
        ok(
            "{\n \"cloudProvider\": \"kubernetes\",\n \"name\": \"k8s\",\n \"type\": \"kubernetes\"\n}\n"
        )
    );
    for name in ["gone", "missing"] {
        assert_eq!(
            spin(&["spin", "account", "get", name], &server).await.2,
            format!("Account '{name}' not found\n")
        );
    }
    assert_eq!(
        spin(&["spin", "account", "user"], &server).await,
        ok("{\n \"enabled\": true,\n \"roles\": [\n  \"a\"\n ],\n \"username\": \"me\"\n}\n")
    );
}

#[tokio::test]
async fn without_a_gate_spin_ends_with_1_and_gennaker_with_9() {
    let refused = || Err(Trouble::NotConnected("connection refused".into()));
    let server = Scripted::default().answer("GET /version", refused());
    let (code, out, err) = spin(&["spin", "application", "list"], &server).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert_eq!(
        err,
        "Could not reach Gate, please ensure it is running. Failing.\n\
         Get \"http://localhost:8084/version\": connection refused\n\
         start a server with `gennaker dev`, or name yours with --gate-endpoint\n"
    );
    assert_eq!(
        spin(&["spin", "-q", "application", "list"], &server)
            .await
            .2
            .lines()
            .count(),
        2
    );
    for line in [["application", "list"], ["pi", "ls"]] {
        assert_eq!(spin(&line, &server).await.0, 9, "{line:?}");
    }
    assert_eq!(spin(&["spin", "application", "list"], &server).await.0, 1);
    let server = Scripted::default().on("GET /version", 503, json!({}));
    assert!(
        spin(&["spin", "application", "list"], &server)
            .await
            .2
            .contains("503 Service Unavailable")
    );
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_an_error() {
    let page = Response {
        status: 200,
        headers: vec![("content-type".into(), "text/html".into())],
        body: b"<html>".to_vec(),
    };
    let server = gate().answer("GET /applications", Ok(page));
    let (code, out, err) = spin(&["spin", "application", "list"], &server).await;
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (1, "", "undefined response type: text/html\n")
    );
}

#[tokio::test]
async fn a_wrong_format_is_refused_before_anything_is_asked() {
    let server = gate();
    let (code, _, err) = spin(
        &["spin", "application", "list", "--output", "table"],
        &server,
    )
    .await;
    assert_eq!(
        (code, err.as_str()),
        (1, "\nFailed to parse output format flag value: table\n")
    );
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn every_documented_example_is_understood() {
    let examples = "
        spin account list
        spin account get my-account --gate-endpoint=http://localhost:8084
        spin account whoami -o yaml
        spin --gate-endpoint http://localhost:8084 application list
        spin application get demo -x
        spin application get demo --output jsonpath={.permissions}
        spin application save --application-name demo --owner-email me@x.io --cloud-providers kubernetes,aws
        spin application save -a demo --owner-email me@x.io --cloud-providers kubernetes --cloud-providers gce
        spin application save --file /dev/null
        spin application delete demo --retry-timeout 0
        spin application pipelines get -a demo -s RUNNING -x
        spin application pipelines cancel -i 01J -r reason
        spin application pipelines cancel-all -a demo -s RUNNING
        spin pipeline list --application demo
        spin pipeline get --name deploy --application demo
        spin pipeline save -f /dev/null
        spin pipeline update -a demo -n deploy --disabled
        spin pipeline update -a demo -n deploy -e
        spin pipeline delete --name deploy --application demo
        spin pipeline execute --application demo --name deploy --parameter a=1 --parameter b=2
        spin pipeline execute -a demo -n deploy -f /dev/null -t /dev/null -pkey=value
        spin pipeline execution list --pipeline-id id --running --limit 5
        spin pipeline execution list -i=id --succeeded --failed --canceled
        spin pipeline execution get 01J
        spin pipeline execution cancel 01J
        spin pipelines executions ls -i id
        spin pipeline-template list --scopes global --scopes demo
        spin pipeline-template get --id t --tag stable
        spin pipeline-template save -f /dev/null --tag latest
        spin pt delete t --tag latest
        spin pt plan --file /dev/null
        spin pt use t -a demo -n made -t stable -d text --type x --artifact-account y --set a=1,b=2 --values v.yaml
        spin project save --file /dev/null --name p --email me@x.io
        spin project delete --name p
        spin prj get-pipelines p
        spin canary canary-config list -a demo
        spin canary canary-configs get --id c
        spin canary cc retro -f c.json --control-group a --step 60 --pass-score 90 --full-result
        spin applications pipes get -a demo
        spin pipeline list -a demo --config /dev/null --insecure --ignore-redirects --default-headers a=1,b=2
        spin pipeline list -a demo -k -q --no-color=false
        spin pipeline list -a demo -qk --insecure=false --no-color
        spin pipeline list -a demo -a other
        spin pipeline get -a demo -n deploy and more
        spin account whoami else
        gennaker spin pipeline list -a demo
        gennaker pipeline execution get 01J -ojson
    ";
    for example in examples
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let words: Vec<&str> = example
            .split(' ')
            .filter(|word| *word != "gennaker")
            .collect();
        let parsed = if example.starts_with("spin") {
            crate::parse_spin(&words).map(drop)
        } else {
            let server = gate();
            let mut screen = Screen::pipe();
            let code = run(&words[..], &server, &mut screen).await;
            assert!(
                !server.requests().is_empty(),
                "{example}: {code} {}",
                screen.err()
            );
            Ok(())
        };
        assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
    }
}

#[tokio::test]
async fn mistakes_end_with_1_and_help_with_0() {
    let server = gate();
    let (code, _, err) = spin(&["spin", "pipeline", "frobnicate"], &server).await;
    assert_eq!(code, 1);
    assert!(err.contains("frobnicate"), "{err}");
    assert_eq!(
        spin(&["spin", "pipeline", "list", "--no-such-flag"], &server)
            .await
            .0,
        1
    );
    for line in [
        &["spin"][..],
        &["spin", "--help"],
        &["spin", "pipeline"],
        &["spin", "--version"],
        &["spin", "pipeline", "-h"],
    ] {
        assert_eq!(spin(line, &server).await.0, 0, "{line:?}");
    }
    assert!(spin(&["spin"], &server).await.1.contains("application"));
    assert_eq!(spin(&["pipeline"], &server).await.0, 2);
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn colours_are_for_terminals() {
    let server = gate().empty("DELETE /pipelines/demo/p", 200);
    let delete = ["spin", "pipeline", "delete", "-a", "demo", "-n", "p"];
    let mut screen = Screen::terminal(80, 24);
    run(&delete, &server, &mut screen).await;
    assert_eq!(
        screen.out(),
        "\u{1b}[1m\u{1b}[32mPipeline deleted\u{1b}[0m\n"
    );
    for flag in ["--no-color", "--no-color=false"] {
        let mut screen = Screen::terminal(80, 24);
        let line: Vec<&str> = delete.iter().copied().chain([flag]).collect();
        run(&line, &server, &mut screen).await;
        assert_eq!(screen.out(), "Pipeline deleted\n", "{flag}");
    }
}
