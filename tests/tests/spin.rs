//! Every command of `spin` against the real server: what it prints, how it ends, what it did.
//!
//! `GENNAKER_SPIN=/path/to/spin` runs the original instead; both must pass.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use gennaker_tests::client::Client;
use gennaker_tests::gate::{Gate, text};
use gennaker_tests::installation::Dev;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);

fn json(out: &str) -> Value {
    serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn save_application(spin: &Client, name: &str) {
    let save = [
        "application",
        "save",
        "--application-name",
        name,
        "--owner-email",
        "me@x.io",
        "--cloud-providers",
        "kubernetes",
    ];
    assert_eq!(spin.ok(&save), "Application save succeeded");
}

fn save_pipeline(spin: &Client, pipeline: &Value) {
    let file = spin.file("pipeline.json", &pipeline.to_string());
    assert_eq!(
        spin.ok(&["pipeline", "save", "--file", &file]),
        "Pipeline save succeeded"
    );
}

fn waiting(application: &str, name: &str, seconds: u32) -> Value {
    json!({"application": application, "name": name, "stages": [
        {"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Wait", "waitTime": seconds}]})
}

/// The executions of an application that run, once there are so many.
async fn running(gate: &Gate, application: &str, count: usize) -> Vec<String> {
    let path = format!("/applications/{application}/pipelines?statuses=RUNNING&limit=10");
    let until = std::time::Instant::now() + WITHIN;
    loop {
        let list = gate.ask("GET", &path, None, None).await;
        let ids: Vec<String> = list
            .as_array()
            .into_iter()
            .flatten()
            .map(|execution| text(execution, "id").to_owned())
            .collect();
        if ids.len() == count {
            return ids;
        }
        assert!(
            std::time::Instant::now() < until,
            "{count} do not run: {list}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn application() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    save_application(&spin, "shop");
    let shop = json(&spin.ok(&["application", "get", "shop"]));
    assert_eq!(
        (text(&shop, "name"), &shop["instancePort"]),
        ("shop", &json!(80))
    );
    let whole = json(&spin.ok(&["app", "get", "shop", "--expand"]));
    assert_eq!(whole["attributes"]["email"], "me@x.io");
    let email = spin.ok(&["app", "get", "shop", "-o", "jsonpath={.email}"]);
    assert_eq!(email, "me@x.io");
    let yaml = spin.ok(&["app", "get", "shop", "--output", "yaml"]);
    assert!(yaml.contains("\nemail: me@x.io\n"), "{yaml}");
    let list = json(&spin.ok(&["application", "list"]));
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .any(|it| it["name"] == "shop")
    );

    let file = spin.file(
        "app.yaml",
        "name: shop\nemail: other@x.io\ncloudProviders: kubernetes\nrepoSlug: core\n",
    );
    let saved = spin.run(
        &[
            "application",
            "save",
            "--file",
            &file,
            "--owner-email",
            "flag@x.io",
        ],
        "",
    );
    assert_eq!(
        (saved.code, saved.out.as_str()),
        (Some(0), "Application save succeeded")
    );
    assert_eq!(
        saved.err,
        "Overriding application owner email with explicit flag values."
    );
    let quiet = spin.run(&["application", "save", "--file", &file, "--quiet"], "");
    assert_eq!(
        (quiet.code, quiet.out.as_str(), quiet.err.as_str()),
        (Some(0), "", "")
    );
    let shop = json(&spin.ok(&["application", "get", "shop"]));
    assert_eq!(
        (text(&shop, "email"), text(&shop, "repoSlug")),
        ("other@x.io", "core")
    );
    let piped = spin.run(&["application", "get"], "shop\n");
    assert_eq!(
        (piped.code, json(&piped.out)["name"].as_str()),
        (Some(0), Some("shop"))
    );

    assert_eq!(
        spin.ok(&["application", "delete", "shop"]),
        "Application deleted"
    );
    assert_eq!(
        spin.fails(&["application", "get", "shop"]),
        "Application 'shop' not found"
    );
    assert_eq!(
        spin.fails(&["application", "delete", "shop"]),
        "Attempting to delete application 'shop' which does not exist, exiting..."
    );
    assert_eq!(
        spin.fails(&["application", "save", "--application-name", "x"]),
        "Required application parameter missing, exiting..."
    );
    let refused = spin.fails(&[
        "application",
        "save",
        "--application-name",
        "no name",
        "--owner-email",
        "e",
        "--cloud-providers",
        "kubernetes",
    ]);
    assert!(
        refused.starts_with("Encountered an error saving application, task output was: map[")
            && refused.contains("Invalid application name 'no name'"),
        "{refused}"
    );
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn application_pipelines() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    save_application(&spin, "busy");
    save_pipeline(&spin, &waiting("busy", "long", 600));
    let execute = [
        "pipeline",
        "execute",
        "--application",
        "busy",
        "--name",
        "long",
    ];
    for _ in 0..3 {
        assert_eq!(spin.ok(&execute), "Pipeline execution started");
    }
    let ids = running(&dev.gate, "busy", 3).await;
    let get = [
        "application",
        "pipelines",
        "get",
        "--application-name",
        "busy",
    ];
    assert_eq!(json(&spin.ok(&get)).as_array().unwrap().len(), 3);
    let none = [&get[..], &["--status", "SUCCEEDED"]].concat();
    assert_eq!(spin.ok(&none), "[]");
    let cancel = [
        "application",
        "pipelines",
        "cancel",
        "--id",
        &ids[0],
        "--reason",
        "enough of it",
    ];
    assert_eq!(
        spin.ok(&cancel),
        format!("Pipeline {} was cancelled.", ids[0])
    );
    let ended = dev.gate.wait_for_end(&ids[0], WITHIN).await;
    assert_eq!(ended["cancellationReason"], "enough of it", "{ended:#}");
    running(&dev.gate, "busy", 2).await;
    let all = spin.ok(&[
        "application",
        "pipelines",
        "cancel-all",
        "--application-name",
        "busy",
        "--status",
        "RUNNING",
    ]);
    for id in &ids[1..] {
        assert!(
            all.contains(&format!("Cancelling execution ID {id}...")),
            "{all}"
        );
    }
    running(&dev.gate, "busy", 0).await;
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipeline() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    save_application(&spin, "pipes");
    let mut deploy = waiting("pipes", "deploy", 1);
    deploy["parameterConfig"] = json!([{"name": "tag", "required": true}]);
    save_pipeline(&spin, &deploy);
    let named = ["--application", "pipes", "--name", "deploy"];
    let get = [&["pipeline", "get"][..], &named].concat();
    let first = json(&spin.ok(&get));
    assert_eq!(first["stages"][0]["waitTime"], 1);
    // A second save has the id of the first, so that it stays one pipeline.
    deploy["stages"][0]["waitTime"] = json!(0);
    save_pipeline(&spin, &deploy);
    let list = json(&spin.ok(&["pipeline", "list", "--application", "pipes"]));
    assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(
        (&list[0]["id"], &list[0]["stages"][0]["waitTime"]),
        (&first["id"], &json!(0))
    );

    let update = [&["pipeline", "update"][..], &named].concat();
    assert_eq!(
        spin.ok(&[&update[..], &["--disabled"]].concat()),
        "Pipeline update succeeded"
    );
    assert_eq!(json(&spin.ok(&get))["disabled"], true);
    let execute = [&["pipeline", "execute"][..], &named].concat();
    let with_tag = [&execute[..], &["--parameter", "tag=v1"]].concat();
    let disabled = spin.fails(&with_tag);
    assert!(
        disabled.starts_with("Execute pipeline failed with response: ")
            && disabled.contains(" and error: 400 Bad Request"),
        "{disabled}"
    );
    assert_eq!(
        spin.ok(&[&update[..], &["--enabled"]].concat()),
        "Pipeline update succeeded"
    );
    let missing = spin.fails(&execute);
    assert!(missing.contains(" and error: 400 Bad Request"), "{missing}");
    assert_eq!(spin.ok(&with_tag), "Pipeline execution started");
    let parameters = spin.file("parameters.json", r#"{"tag": "v2"}"#);
    let artifacts = spin.file(
        "artifacts.json",
        r#"{"artifacts": [{"type": "docker/image", "name": "x", "reference": "x:1"}]}"#,
    );
    let with_files = [
        &execute[..],
        &[
            "--parameter-file",
            &parameters,
            "--artifacts-file",
            &artifacts,
        ],
    ]
    .concat();
    assert_eq!(spin.ok(&with_files), "Pipeline execution started");

    let id = text(&first, "id");
    let executions = [
        "pipeline",
        "execution",
        "list",
        "--pipeline-id",
        id,
        "--limit",
        "5",
    ];
    let until = std::time::Instant::now() + WITHIN;
    let done = loop {
        let done = json(&spin.ok(&[&executions[..], &["--succeeded"]].concat()));
        if done.as_array().map(Vec::len) == Some(2) {
            break done;
        }
        assert!(std::time::Instant::now() < until, "{done}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let tags: Vec<&str> = done
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(&it["trigger"]["parameters"], "tag"))
        .collect();
    assert!(tags.contains(&"v1") && tags.contains(&"v2"), "{tags:?}");
    // The start while it was disabled is kept as one that failed.
    let failed = json(&spin.ok(&[&executions[..], &["--failed", "--canceled"]].concat()));
    assert_eq!(failed.as_array().map(Vec::len), Some(1), "{failed}");
    assert_eq!(spin.ok(&[&executions[..], &["--canceled"]].concat()), "[]");
    let one = json(&spin.ok(&["pipeline", "execution", "get", text(&done[0], "id")]));
    assert_eq!(one[0]["status"], "SUCCEEDED", "{one}");
    let unknown = ["pipeline", "execution", "get", "01J8ZQ6J2N4T6K0Q1V9R3W5X7Y"];
    assert_eq!(spin.ok(&unknown), "[]");

    assert_eq!(
        spin.ok(&[&["pipeline", "delete"][..], &named].concat()),
        "Pipeline deleted"
    );
    assert!(spin.fails(&get).starts_with("404"));
    assert_eq!(
        spin.ok(&[&["pipeline", "delete"][..], &named].concat()),
        "Pipeline deleted",
        "silently"
    );
    let gone = spin.fails(&execute);
    assert!(gone.contains(" and error: 404 Not Found"), "{gone}");
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipeline_execution_cancel() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    save_application(&spin, "stoppable");
    save_pipeline(&spin, &waiting("stoppable", "long", 600));
    spin.ok(&[
        "pipeline",
        "execute",
        "--application",
        "stoppable",
        "--name",
        "long",
    ]);
    let id = running(&dev.gate, "stoppable", 1).await.remove(0);
    assert_eq!(
        spin.ok(&["pipeline", "execution", "cancel", &id]),
        format!("Execution {id} successfully canceled")
    );
    assert_eq!(
        dev.gate.wait_for_end(&id, WITHIN).await["status"],
        "CANCELED"
    );
    let unknown = spin.fails(&[
        "pipeline",
        "execution",
        "cancel",
        "01J8ZQ6J2N4T6K0Q1V9R3W5X7Y",
    ]);
    assert!(unknown.starts_with("404"), "{unknown}");
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipeline_template() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    let template = |name: &str| {
        json!({"schema": "v2", "id": "wait-template", "protect": false,
            "metadata": {"name": name, "description": "d", "owner": "me@x.io", "scopes": ["global"]},
            "variables": [{"name": "seconds", "type": "int", "defaultValue": 1}],
            "pipeline": {"stages": [{"refId": "1", "requisiteStageRefIds": [], "type": "wait", "name": "Wait",
                "waitTime": "${ templateVariables.seconds }"}]}})
        .to_string()
    };
    let save = |content: &str, more: &[&str]| {
        let file = spin.file("template.json", content);
        spin.ok(&[&["pipeline-template", "save", "--file", &file][..], more].concat())
    };
    assert!(
        spin.fails(&["pipeline-template", "get", "wait-template"])
            .starts_with("404")
    );
    assert_eq!(
        save(&template("one"), &[]),
        "Pipeline template save succeeded"
    );
    assert_eq!(
        save(&template("two"), &[]),
        "Pipeline template save succeeded"
    );
    assert_eq!(
        save(&template("tagged"), &["--tag", "stable"]),
        "Pipeline template save succeeded"
    );
    let get = |more: &[&str]| json(&spin.ok(&[&["pipeline-template", "get"][..], more].concat()));
    assert_eq!(get(&["wait-template"])["metadata"]["name"], "two");
    assert_eq!(
        get(&["--id", "wait-template", "--tag", "stable"])["metadata"]["name"],
        "tagged"
    );
    let list = json(&spin.ok(&["pipeline-template", "list", "--scopes", "global"]));
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .any(|it| it["id"] == "wait-template"),
        "{list}"
    );
    assert_eq!(
        spin.ok(&["pipeline-template", "list", "--scopes", "nowhere"]),
        "[]"
    );

    let values = spin.file("values.yaml", "seconds: 3\nloud: true\nname: file\n");
    let used = spin.ok(&[
        "pipeline-template",
        "use",
        "wait-template",
        "--application",
        "pipes",
        "--name",
        "made",
        "--tag",
        "stable",
        "--description",
        "from a template",
        "--values",
        &values,
        "--set",
        "name=flag,extra=1",
    ]);
    assert_eq!(
        json(&used),
        json!({"application": "pipes", "name": "made", "description": "from a template", "schema": "v2",
            "template": {"artifactAccount": "front50ArtifactCredentials", "type": "front50/pipelineTemplate",
                "reference": "spinnaker://wait-template:stable"},
            "variables": {"seconds": "3", "loud": "true", "name": "flag", "extra": "1"},
            "exclude": [], "triggers": [], "parameters": [], "notifications": [], "stages": []})
    );
    let made = spin.file("made.json", &used);
    assert_eq!(
        spin.ok(&["pipeline", "save", "--file", &made]),
        "Pipeline save succeeded"
    );
    let saved = json(&spin.ok(&[
        "pipeline",
        "get",
        "--application",
        "pipes",
        "--name",
        "made",
    ]));
    assert_eq!(
        (text(&saved, "type"), text(&saved, "schema")),
        ("templatedPipeline", "v2")
    );

    let incomplete = spin.file("incomplete.json", r#"{"id": "x"}"#);
    let refused = spin.fails(&["pipeline-template", "save", "--file", &incomplete]);
    assert!(
        refused.starts_with("Required pipeline template key 'schema' missing...")
            && refused.contains("Submitted pipeline is invalid: map[id:x]"),
        "{refused}"
    );
    let refused = spin.fails(&["pipeline-template", "plan", "--file", &incomplete]);
    assert_eq!(
        refused,
        "Required pipeline key 'schema' missing for templated pipeline config..."
    );
    let invalid = spin.file(
        "invalid.json",
        r#"{"id": "invalid-template", "schema": "v2", "metadata": {}}"#,
    );
    let refused = spin.fails(&["pipeline-template", "save", "--file", &invalid]);
    assert!(
        refused.starts_with("Encountered an error with saving pipeline template map["),
        "{refused}"
    );

    let held = spin.fails(&[
        "pipeline-template",
        "delete",
        "wait-template",
        "--tag",
        "stable",
    ]);
    assert!(held.starts_with("400 Bad Request"), "{held}");
    spin.ok(&[
        "pipeline",
        "delete",
        "--application",
        "pipes",
        "--name",
        "made",
    ]);
    for more in [&["--tag", "stable"][..], &[]] {
        let delete = [&["pipeline-template", "delete", "wait-template"][..], more].concat();
        assert_eq!(spin.ok(&delete), "Pipeline template wait-template deleted");
    }
    assert!(
        spin.fails(&["pipeline-template", "get", "wait-template"])
            .starts_with("404")
    );
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn project() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    let save = ["project", "save", "--name", "tools", "--email", "me@x.io"];
    assert_eq!(spin.ok(&save), "Project save succeeded");
    let first = json(&spin.ok(&["project", "get", "tools"]));
    let file = spin.file(
        "project.json",
        r#"{"name": "tools", "email": "other@x.io", "config": {"applications": ["pipes"], "clusters": [], "pipelineConfigs": []}}"#,
    );
    assert_eq!(
        spin.ok(&["project", "save", "--file", &file]),
        "Project save succeeded"
    );
    let second = json(&spin.ok(&["project", "get", "tools"]));
    assert_eq!(
        (&second["id"], &second["email"]),
        (&first["id"], &json!("other@x.io"))
    );
    let list = json(&spin.ok(&["project", "list"]));
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .any(|it| it["name"] == "tools"),
        "{list}"
    );
    assert_eq!(spin.ok(&["project", "get-pipelines", "tools"]), "[]");
    assert_eq!(
        spin.ok(&["project", "delete", "--name", "tools"]),
        "Project delete succeeded"
    );
    assert_eq!(
        spin.fails(&["project", "get", "tools"]),
        "Project 'tools' not found"
    );
    assert_eq!(
        spin.fails(&["project", "get-pipelines", "tools"]),
        "Project 'tools' not found"
    );
    assert_eq!(
        spin.fails(&["project", "delete", "--name", "tools"]),
        "Project 'tools' not found"
    );
    assert_eq!(
        spin.fails(&["project", "save", "--name", "tools"]),
        "Required project parameters missing, exiting..."
    );
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn account() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    assert_eq!(spin.ok(&["account", "list"]), "[]");
    let me = json(&spin.ok(&["account", "whoami"]));
    assert_eq!(me["username"], "anonymous");
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configuration() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    let address = format!("http://{}", dev.gate.address);
    // Whatever a configuration sends, a server without sign-in does not mind.
    for auth in [
        "basic: {username: me, password: secret}",
        "ldap: {username: me, password: secret}",
        "iap: {iapIdToken: token}",
    ] {
        let config = spin.file(
            ".spin/config",
            &format!("gate:\n  endpoint: {address}\n  retryTimeout: 30\nauth:\n  enabled: true\n  {auth}\n"),
        );
        spin.ok(&["application", "list"]);
        spin.ok(&[
            "application",
            "list",
            "--config",
            &config,
            "--default-headers",
            "X-A=b,X-C=d",
        ]);
    }
    let config = spin.file("unknown", "auth:\n  enabled: true\n  saml: {url: x}\n");
    let unknown = spin.fails(&["application", "list", "--config", &config]);
    assert!(unknown.contains("saml"), "{unknown}");
    let usage = spin.run(&["application", "list", "--output", "table"], "");
    assert_eq!(usage.code, Some(1));
    assert!(
        usage
            .err
            .contains("Failed to parse output format flag value: table"),
        "{usage:?}"
    );
    assert!(!spin.is_ours() || spin.home().join(".spin/config").is_file());
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn canary() {
    let dev = Dev::shared().await;
    let spin = Client::spin(dev.gate.address);
    let config = r#"{"id": "of-spin", "name": "errors", "applications": ["canaries"], "metrics": [], "templates": {"t": "${scope}"}}"#;
    let file = spin.file("canary.json", config);
    let of_config = |line: &[&'static str]| [&["canary", "canary-config"], line].concat();
    // The first makes it, the second replaces it.
    for _ in 0..2 {
        let saved = spin.ok(&["canary", "canary-config", "save", "--file", &file]);
        assert!(saved.contains("Canary config save succeeded"), "{saved}");
    }
    let list = spin.ok(&of_config(&["list", "--application", "canaries"]));
    assert!(list.contains("\"id\": \"of-spin\""), "{list}");
    let got = spin.ok(&of_config(&["get", "of-spin"]));
    assert!(got.contains("\"t\": \"${scope}\""), "{got}");
    spin.ok(&of_config(&["delete", "of-spin"]));
    let gone = spin.fails(&of_config(&["get", "of-spin"]));
    assert!(gone.starts_with("404"), "{gone}");
    dev.check();
}
