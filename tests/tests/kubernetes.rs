//! Deployments to a real control plane, over HTTP, as people make them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use gennaker_testkit::kube::Cluster;
use gennaker_tests::gate::{Gate, stage};
use gennaker_tests::installation::{Dev, Installation};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(120);

/// The context of the control plane's kubeconfig, and so the account.
const ACCOUNT: &str = "testbed";

async fn namespace(name: &'static str) {
    tokio::task::spawn_blocking(move || Cluster::shared().namespace(name))
        .await
        .unwrap();
}

async fn live(kind: &'static str, place: &'static str, name: &str) -> Option<Value> {
    let name = name.to_owned();
    tokio::task::spawn_blocking(move || Cluster::shared().get(kind, place, &name))
        .await
        .unwrap()
}

async fn dev() -> Dev {
    let kubeconfig = tokio::task::spawn_blocking(|| Cluster::shared().kubeconfig())
        .await
        .unwrap();
    Dev::start_with(&[("KUBECONFIG", kubeconfig.to_str().unwrap())]).await
}

fn web(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"run": "web"}},
            "template": {"metadata": {"labels": {"run": "web"}},
                "spec": {"containers": [{"name": "main", "image": image}],
                    "volumes": [{"name": "v", "configMap": {"name": "cfg"}}]}}}})
}

fn cfg(text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg"}, "data": {"text": text}})
}

fn deploy(reference: &str, after: &[&str], place: &str, manifests: Value) -> Value {
    json!({"refId": reference, "requisiteStageRefIds": after, "type": "deployManifest", "name": format!("Deploy {place}"),
        "account": ACCOUNT, "cloudProvider": "kubernetes", "moniker": {"app": "shop"}, "source": "text",
        "namespaceOverride": place, "manifests": manifests})
}

async fn until_written(place: &'static str, count: usize) {
    let until = Instant::now() + WITHIN;
    loop {
        let found = tokio::task::spawn_blocking(move || Cluster::shared().writes(place))
            .await
            .unwrap();
        if found.len() >= count {
            return;
        }
        assert!(Instant::now() < until, "{found:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn judge(gate: &Gate, id: &str, reference: &str, word: &str) {
    let is_asked = |document: &Value| {
        let stages = document["stages"].as_array().into_iter().flatten();
        let mut waiting =
            stages.filter(|stage| stage["refId"] == reference && stage["status"] == "RUNNING");
        waiting.next().is_some()
    };
    let document = gate.wait_for(id, "the question", WITHIN, is_asked).await;
    let path = format!(
        "/pipelines/{id}/stages/{}",
        stage(&document, reference)["id"].as_str().unwrap()
    );
    gate.ask("PATCH", &path, Some(&json!({"judgmentStatus": word})), None)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_trigger_to_production_and_back() {
    namespace("test").await;
    namespace("prod").await;
    let dev = dev().await;
    let gate = dev.gate;
    gate.save_application("shop").await;
    let said = "${#stage('Deploy test')['outputs']['outputs.manifests'].?[kind == 'Deployment'][0]['spec']['replicas']}";
    let pipeline = json!({"application": "shop", "name": "ship", "spelEvaluator": "v4",
    "triggers": [{"type": "webhook", "source": "ship", "enabled": true}],
    "parameterConfig": [{"name": "image", "default": "nginx:1"}],
    "stages": [
        deploy("1", &[], "test", json!([web("${parameters.image}"), cfg("a ${1 + 1}")])),
        {"refId": "2", "requisiteStageRefIds": ["1"], "type": "manualJudgment", "name": "Ship it?", "instructions": said},
        deploy("3", &["2"], "prod", json!([web("nginx:1"), cfg("one")])),
        deploy("4", &["3"], "prod", json!([web("nginx:2"), cfg("one")])),
        {"refId": "5", "requisiteStageRefIds": ["4"], "type": "undoRolloutManifest", "name": "Back", "account": ACCOUNT,
         "cloudProvider": "kubernetes", "location": "prod", "manifestName": "deployment web", "numRevisionsBack": 1},
    ]});
    let config = gate.save_pipeline(&pipeline).await;
    gate.ask(
        "POST",
        "/webhooks/webhook/ship",
        Some(&json!({"parameters": {"image": "nginx:7"}})),
        None,
    )
    .await;
    let until = Instant::now() + WITHIN;
    let id = loop {
        let found = gate
            .ask(
                "GET",
                &format!("/executions?pipelineConfigIds={config}&limit=1"),
                None,
                None,
            )
            .await;
        if let Some(id) = found[0]["id"].as_str() {
            break id.to_owned();
        }
        assert!(Instant::now() < until, "the webhook starts nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    judge(&gate, &id, "2", "continue").await;
    let done = gate.wait_for_end(&id, WITHIN).await;
    assert_eq!(
        done["status"],
        "SUCCEEDED",
        "{}",
        gennaker_tests::gate::outline(&done)
    );
    assert_eq!(
        stage(&done, "2")["context"]["instructions"],
        2,
        "read from the outputs"
    );
    let first = stage(&done, "1");
    let names: Vec<&str> = first["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "resolveDeploySourceManifest",
            "deployManifest",
            "monitorDeploy",
            "promoteOutputs",
            "waitForManifestToStabilize",
            "cleanupArtifacts",
            "monitorCleanup",
            "promoteOutputs",
            "bindProducedArtifacts"
        ]
    );
    assert_eq!(
        first["outputs"]["outputs.manifestNamesByNamespace"],
        json!({"test": ["configMap cfg-v000", "deployment web"]})
    );
    assert_eq!(first["outputs"]["artifacts"][0]["reference"], "cfg-v000");
    let tested = live("deployment", "test", "web").await.unwrap();
    assert_eq!(
        tested["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:7"
    );
    assert_eq!(
        live("configmap", "test", "cfg-v000").await.unwrap()["data"]["text"],
        "a 2"
    );
    let prod = live("deployment", "prod", "web").await.unwrap();
    assert_eq!(
        prod["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:1",
        "rolled back"
    );
    assert_eq!(prod["status"]["readyReplicas"], 2);

    // An operation of the page of clusters, as a task.
    let job = json!({"type": "scaleManifest", "account": ACCOUNT, "cloudProvider": "kubernetes", "location": "prod",
        "manifestName": "deployment web", "replicas": 3, "user": "ann"});
    let task = json!({"application": "shop", "description": "Scale", "job": [job]});
    let started = gate.ask("POST", "/tasks", Some(&task), None).await;
    let path = started["ref"].as_str().unwrap();
    let until = Instant::now() + WITHIN;
    loop {
        let task = gate.ask("GET", path, None, None).await;
        if task["status"] == "SUCCEEDED" {
            break;
        }
        assert!(
            task["status"] != "TERMINAL" && Instant::now() < until,
            "{task}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        live("deployment", "prod", "web").await.unwrap()["spec"]["replicas"],
        3
    );
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_killed_in_the_middle_is_found_and_finished() {
    const OBJECTS: usize = 40;
    namespace("killed").await;
    let mut dev = dev().await;
    dev.gate.save_application("shop").await;
    let mut manifests: Vec<Value> = (0..OBJECTS)
        .map(|number| {
            let mut map = cfg("x");
            map["metadata"]["name"] = json!(format!("map-{number}"));
            map
        })
        .collect();
    let mut slow = web("nginx:1");
    slow["spec"]["template"]["metadata"]["annotations"] =
        json!({"testbed.gennaker/ready-after": "6s"});
    slow["spec"]["template"]["spec"]["volumes"] = json!([]);
    manifests.push(slow);
    let restart = json!({"refId": "2", "requisiteStageRefIds": ["1"], "type": "rollingRestartManifest", "name": "Restart",
        "account": ACCOUNT, "cloudProvider": "kubernetes", "location": "killed", "manifestName": "deployment web"});
    let pipeline = json!({"application": "shop", "name": "many", "stages": [deploy("1", &[], "killed", json!(manifests)), restart]});
    dev.gate.save_pipeline(&pipeline).await;
    let id = dev.gate.start("shop", "many", "many").await;
    // In the middle of the objects.
    until_written("killed", 7).await;
    dev.kill_and_restart().await;
    // While it waits until they are stable.
    let waits = |document: &Value| {
        let tasks = stage(document, "1")["tasks"].as_array().unwrap();
        tasks
            .iter()
            .any(|task| task["name"] == "waitForManifestToStabilize" && task["status"] == "RUNNING")
    };
    dev.gate.wait_for(&id, "the wait", WITHIN, waits).await;
    dev.kill_and_restart().await;
    // After the restart was sent, at the latest before it is told.
    until_written("killed", OBJECTS + 2).await;
    dev.kill_and_restart().await;
    let done = dev.gate.wait_for_end(&id, WITHIN).await;
    assert_eq!(
        done["status"],
        "SUCCEEDED",
        "{}",
        gennaker_tests::gate::outline(&done)
    );
    let mut all = tokio::task::spawn_blocking(|| Cluster::shared().writes("killed"))
        .await
        .unwrap();
    assert_eq!(all.pop().as_deref(), Some("patch deployments web"));
    assert_eq!(all.pop().as_deref(), Some("create deployments web"));
    all.sort();
    let mut wanted: Vec<String> = (0..OBJECTS)
        .map(|number| format!("create configmaps map-{number}-v000"))
        .collect();
    wanted.sort();
    assert_eq!(all, wanted, "each once");
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn red_black_takes_the_old_one_out_and_a_failure_goes_back() {
    namespace("colours").await;
    let dev = dev().await;
    let gate = dev.gate;
    gate.save_application("shop").await;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"lb": "web"}, "ports": [{"port": 80}]}});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"run": "set"}},
            "template": {"metadata": {"labels": {"run": "set"}},
                "spec": {"containers": [{"name": "main", "image": "nginx:${execution.id.substring(20)}"}]}}}});
    let mut red_black = deploy("1", &[], "colours", json!([set, service]));
    red_black["trafficManagement"] = json!({"enabled": true,
        "options": {"services": ["service web"], "enableTraffic": true, "strategy": "redblack"}});
    let mut highlander = red_black.clone();
    highlander["trafficManagement"]["options"]["strategy"] = json!("highlander");
    for (name, stage) in [("colours", red_black), ("only one", highlander)] {
        let pipeline = json!({"application": "shop", "name": name, "stages": [stage]});
        gate.save_pipeline(&pipeline).await;
    }
    for (run, parts) in [("first", vec![]), ("second", vec!["disableManifest"])] {
        let id = gate.start("shop", "colours", run).await;
        let done = gate.wait_for_end(&id, WITHIN).await;
        assert_eq!(
            done["status"],
            "SUCCEEDED",
            "{}",
            gennaker_tests::gate::outline(&done)
        );
        let stages = done["stages"].as_array().unwrap();
        let after: Vec<&str> = stages[1..]
            .iter()
            .map(|stage| stage["type"].as_str().unwrap())
            .collect();
        assert_eq!(after, parts, "{run}");
    }
    for (name, label) in [("web-v000", Value::Null), ("web-v001", json!("web"))] {
        let set = live("replicaset", "colours", name).await.unwrap();
        assert_eq!(
            set["spec"]["template"]["metadata"]["labels"]["lb"], label,
            "{name}"
        );
    }
    // There can be only one.
    let id = gate.start("shop", "only one", "third").await;
    let done = gate.wait_for_end(&id, WITHIN).await;
    assert_eq!(
        done["status"],
        "SUCCEEDED",
        "{}",
        gennaker_tests::gate::outline(&done)
    );
    let stages = done["stages"].as_array().unwrap();
    let after: Vec<&str> = stages[1..]
        .iter()
        .map(|stage| stage["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        after,
        [
            "disableManifest",
            "disableManifest",
            "deleteManifest",
            "deleteManifest"
        ]
    );
    for (name, is_there) in [("web-v000", false), ("web-v001", false), ("web-v002", true)] {
        let set = live("replicaset", "colours", name).await;
        assert_eq!(set.is_some(), is_there, "{name}");
    }

    let bare = |image: &str| {
        let mut bare = web(image);
        bare["spec"]["template"]["spec"]["volumes"] = json!([]);
        bare["spec"]["progressDeadlineSeconds"] = json!(4);
        bare
    };
    let mut bad = bare("nginx:2");
    bad["spec"]["template"]["metadata"]["annotations"] =
        json!({"testbed.gennaker/outcome": "no-image"});
    let mut failing = deploy("2", &["1"], "colours", json!([bad]));
    failing["undoOnFailure"] = json!(true);
    let good = deploy("1", &[], "colours", json!([bare("nginx:1")]));
    gate.save_pipeline(&json!({"application": "shop", "name": "undo", "stages": [good, failing]}))
        .await;
    let id = gate.start("shop", "undo", "undo").await;
    let done = gate.wait_for_end(&id, WITHIN).await;
    assert_eq!(
        done["status"],
        "TERMINAL",
        "{}",
        gennaker_tests::gate::outline(&done)
    );
    let said = &stage(&done, "2")["context"]["exception"]["details"]["errors"][0];
    let begins = format!(
        "'deployment web' in 'colours' for account {ACCOUNT}: Deployment exceeded its progress deadline"
    );
    assert!(said.as_str().unwrap().starts_with(&begins), "{said}");
    assert_eq!(
        stage(&done, "2>1")["status"],
        "SUCCEEDED",
        "{}",
        gennaker_tests::gate::outline(&done)
    );
    let back = live("deployment", "colours", "web").await.unwrap();
    assert_eq!(
        back["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:1"
    );
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_of_an_artifact_are_evaluated_or_left_alone() {
    namespace("artifacts").await;
    let dev = dev().await;
    let gate = dev.gate;
    gate.save_application("shop").await;
    // apiVersion: v1 … data: {run: "echo ${1 + 1}"} and a document with nothing in it.
    let text = "YXBpVmVyc2lvbjogdjEKa2luZDogQ29uZmlnTWFwCm1ldGFkYXRhOiB7bmFtZTogcnVufQpkYXRhOiB7cnVuOiAiZWNobyAkezEgKyAxfSJ9Ci0tLQo=";
    let mut stages = Vec::new();
    for (reference, skips) in [("1", false), ("2", true)] {
        let mut stage = deploy(reference, &[], "artifacts", Value::Null);
        stage["source"] = json!("artifact");
        stage["manifestArtifact"] = json!({"type": "embedded/base64", "reference": text, "artifactAccount": "embedded-artifact"});
        stage["skipExpressionEvaluation"] = json!(skips);
        stages.push(stage);
    }
    stages[1]["requisiteStageRefIds"] = json!(["1"]);
    for evaluator in ["v3", "v4"] {
        let pipeline = json!({"application": "shop", "name": evaluator, "spelEvaluator": evaluator, "stages": stages});
        gate.save_pipeline(&pipeline).await;
        let id = gate.start("shop", evaluator, evaluator).await;
        let done = gate.wait_for_end(&id, WITHIN).await;
        assert_eq!(
            done["status"],
            "SUCCEEDED",
            "{}",
            gennaker_tests::gate::outline(&done)
        );
        for (reference, name, said) in [
            ("1", "run-v000", "echo 2"),
            ("2", "run-v001", "echo ${1 + 1}"),
        ] {
            let names = &stage(&done, reference)["outputs"]["outputs.manifestNamesByNamespace"];
            assert_eq!(
                names,
                &json!({"artifacts": [format!("configMap {name}")]}),
                "{evaluator}"
            );
            assert_eq!(
                live("configmap", "artifacts", name).await.unwrap()["data"]["run"],
                said,
                "{evaluator}"
            );
        }
    }
    dev.check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_told_to_nobody_and_a_cancelled_stage_says_what_stays() {
    namespace("quiet").await;
    let dev = dev().await;
    let gate = dev.gate;
    gate.save_application("shop").await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "cGxhbnRlZC1vbmU="},
        "stringData": {"b": "planted-two"}});
    let mut slow = web("nginx:1");
    slow["spec"]["template"]["metadata"]["annotations"] =
        json!({"testbed.gennaker/ready-after": "600s"});
    slow["spec"]["template"]["spec"]["volumes"] = json!([]);
    let pipeline = json!({"application": "shop", "name": "quiet", "stages": [deploy("1", &[], "quiet", json!([secret, slow]))]});
    gate.save_pipeline(&pipeline).await;
    let id = gate.start("shop", "quiet", "quiet").await;
    let waits = |document: &Value| {
        stage(document, "1")["context"]["messages"][0]
            .as_str()
            .is_some_and(|said| said.contains("0 of 2 ready"))
    };
    gate.wait_for(&id, "progress", WITHIN, waits).await;
    gate.ask("PUT", &format!("/pipelines/{id}/cancel"), None, None)
        .await;
    let says = |document: &Value| stage(document, "1")["context"]["remains"].is_string();
    let mut done = gate.wait_for(&id, "what remains", WITHIN, says).await;
    assert_eq!(done["status"], "CANCELED");
    let said = stage(&done, "1")["context"]["remains"].as_str().unwrap();
    assert_eq!(
        said,
        format!(
            "applied to account {ACCOUNT} and left there: secret s-v000 in quiet (stable), deployment web in quiet (not stable)"
        )
    );
    // What the author has written into the pipeline is his; everything else is searched.
    let context = done["stages"][0]["context"].as_object_mut().unwrap();
    assert!(context.shift_remove("manifests").is_some());
    let history = gate
        .ask("GET", &format!("/v2/executions/{id}/history"), None, None)
        .await;
    let feed = format!(
        "{}{}",
        gate.ask("GET", "/applications/shop/pipelines?limit=1", None, None)
            .await[0]["stages"][0]["outputs"],
        dev.process.log()
    );
    for (place, told) in [
        ("document", done.to_string()),
        ("history", history.to_string()),
        ("lists and logs", feed),
    ] {
        for value in [
            "cGxhbnRlZC1vbmU=",
            "planted-one",
            "planted-two",
            "cGxhbnRlZC10d28=",
        ] {
            assert!(!told.contains(value), "{value} is in {place}");
        }
    }
    dev.check();
}

/// A stage type of the installation: the operator writes the Job, authors give its parameters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preconfigured_job_runs_with_the_values_of_a_stage() {
    namespace("jobs").await;
    let kubeconfig = tokio::task::spawn_blocking(|| Cluster::shared().kubeconfig())
        .await
        .unwrap();
    let settings = format!(
        r#"
[[kubernetes.accounts]]
name = "prod"
kubeconfig_file = {kubeconfig:?}

[[jobs.preconfigured]]
type = "migrate"
label = "Migrate"
account = "prod"
property_file = "main"
manifest = '''
apiVersion: batch/v1
kind: Job
metadata: {{generateName: migrate-, namespace: jobs}}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {{testbed.gennaker/run-for: 1s, testbed.gennaker/logs: "SPINNAKER_PROPERTY_SCHEMA=41\n"}}
    spec:
      restartPolicy: Never
      containers:
        - {{name: main, image: "migrate:1", env: [{{name: TO, value: latest}}]}}
'''

[[jobs.preconfigured.parameters]]
name = "to"
label = "To"
mapping = "manifest.spec.template.spec.containers[0].env[0].value"

[[jobs.preconfigured.parameters]]
name = "tag"
label = "Tag"
mapping = "manifest.spec.template.spec.containers[0].image"
default_value = "migrate:2"
"#
    );
    let installation = Installation::start_with_pools(1, &["notify", "deploy"], &settings).await;
    let gate = installation.gate;
    let offered = gate.ask("GET", "/jobs/preconfigured", None, None).await;
    assert_eq!(offered[0]["type"], "migrate", "{offered}");
    gate.save_application("shop").await;
    // Whoever writes the pipeline runs what the operator means, with another value.
    let stage_of = json!({"refId": "1", "type": "migrate", "alias": "preconfiguredJob", "name": "Migrate", "account": "other",
        "manifest": {"kind": "Job", "metadata": {"name": "mine"}}, "parameters": {"to": "${parameters.version}"}});
    let pipeline = json!({"application": "shop", "name": "migrate", "stages": [stage_of],
        "parameterConfig": [{"name": "version", "default": "41"}]});
    gate.save_pipeline(&pipeline).await;
    let id = gate.start("shop", "migrate", "migrate").await;
    let done = gate.wait_for_end(&id, WITHIN).await;
    let outline = gennaker_tests::gate::outline(&done);
    assert_eq!(done["status"], "SUCCEEDED", "{outline}");
    let ran = stage(&done, "1");
    assert_eq!(ran["outputs"]["schema"], "41", "{ran}");
    let name = ran["outputs"]["jobStatus"]["name"].as_str().unwrap();
    let name = name.trim_start_matches("job ").to_owned();
    assert!(name.starts_with("migrate-"), "{name}");
    let job = live("job", "jobs", &name).await.unwrap();
    assert_eq!(
        job["spec"]["template"]["spec"]["containers"][0]["image"],
        "migrate:2"
    );
    assert_eq!(
        job["spec"]["template"]["spec"]["containers"][0]["env"],
        json!([{"name": "TO", "value": "41"}])
    );
    installation.check_processes();
}
