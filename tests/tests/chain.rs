//! The whole way of a change: a signed push, a build, the test cluster, two channels that ask, a person, production, and a second
//! pipeline that follows. Every worker dies on the way, and nothing happens twice.
#![allow(clippy::unwrap_used, reason = "tests")]

use gennaker_testkit::http::{Reply, Server as Recorder};
use gennaker_testkit::jenkins::{Jenkins, Job, Parameter, Rules};
use gennaker_testkit::kube::Cluster;
use gennaker_testkit::smtp;
use gennaker_tests::gate::{outline, stage};
use gennaker_tests::installation::Installation;
use gennaker_tests::patience::{PATIENCE, until};
use serde_json::{Value, json};

const TEST: &str = "chain-test";
const PROD: &str = "chain-prod";
const APPLICATION: &str = "shop";

/// A push to `acme/web`, and what `openssl dgst -sha256 -hmac planted-webhook-secret` makes of it.
const PUSH: &str = r#"{"ref":"refs/heads/main","after":"c0ffee","repository":{"name":"web","owner":{"name":"acme"}}}"#;
const SIGNATURE: &str = "sha256=9d6bf686dcb02c66c7f092aa70f4806e0fef7733e9f9324c3597be32fae9f2a3";

/// Values that nobody may read anywhere.
const PLANTED: [&str; 5] = [
    "planted-webhook-secret",
    "planted-jenkins-password",
    "planted-slack-token",
    smtp::PASSWORD,
    "planted-signing-secret",
];

async fn cluster<T: Send + 'static>(ask: impl FnOnce(&'static Cluster) -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(|| ask(Cluster::shared()))
        .await
        .unwrap()
}

fn deploy(reference: &str, after: &str, place: &str) -> Value {
    let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"run": "web"}},
            "template": {"metadata": {"labels": {"run": "web"}}, "spec": {"containers": [{"name": "main", "image": "web:${tag}"}]}}}});
    json!({"refId": reference, "requisiteStageRefIds": [after], "type": "deployManifest", "name": format!("Deploy {place}"),
        "account": "cluster", "cloudProvider": "kubernetes", "moniker": {"app": APPLICATION}, "source": "text",
        "namespaceOverride": place, "manifests": [web]})
}

fn pipeline() -> Value {
    let asks = |kind: &str, address: &str| json!({"type": kind, "level": "stage", "address": address, "when": ["manualJudgment"]});
    json!({"application": APPLICATION, "name": "ship", "spelEvaluator": "v4",
    "triggers": [{"type": "git", "enabled": true, "source": "github", "project": "acme", "slug": "web", "branch": "main",
        "secret": PLANTED[0]}],
    "stages": [
        {"refId": "1", "requisiteStageRefIds": [], "type": "jenkins", "name": "Build", "master": "ci", "job": "web",
            "parameters": {"COMMIT": "${trigger.hash}"}, "propertyFile": "build.properties"},
        deploy("2", "1", TEST),
        {"refId": "3", "requisiteStageRefIds": ["2"], "type": "manualJudgment", "name": "Ship it?",
                "instructions": "${tag} waits for you", "sendNotifications": true,
            "notifications": [asks("email", "ops@example.com"), asks("slack", "#ship")]},
        deploy("4", "3", PROD),
    ]})
}

fn settings(
    jenkins: &Jenkins,
    mail: &smtp::Server,
    slack: &Recorder,
    folder: &std::path::Path,
    kubeconfig: &str,
) -> String {
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    format!(
        "[[kubernetes.accounts]]\nname = \"cluster\"\nkubeconfig_file = {kubeconfig:?}\n\
         [[jenkins.masters]]\nname = \"ci\"\naddress = {:?}\nusername = \"spin\"\npassword = {:?}\ncsrf = true\n\
         [notifications]\nbase_url = \"https://deploys.example.com\"\n\
         [notifications.email]\nhost = \"localhost\"\nport = {}\nsecurity = \"starttls\"\nca_file = {:?}\nusername = {:?}\n\
         password_file = {:?}\nfrom = \"Deployments <deploy@example.com>\"\n\
         [notifications.slack]\ntoken_file = {:?}\nurl = {:?}\n\
         [notifications.slack.app]\nsigning_secret_file = {:?}\n",
        jenkins.url(),
        PLANTED[1],
        mail.port("starttls"),
        mail.authority(),
        smtp::USER,
        file("mail", PLANTED[3]),
        file("slack", PLANTED[2]),
        slack.url(""),
        file("signing", PLANTED[4]),
    )
}

fn kill_workers(installation: &mut Installation) {
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).kill_9();
    }
    for worker in ["worker-a", "worker-b"] {
        installation.process(worker).start_again();
    }
}

/// Kills the workers as soon as a write of them has reached the cluster.
async fn kill_at_the_write(installation: &mut Installation, place: &'static str) {
    until(place, async || {
        let writes = cluster(move |cluster| cluster.writes(place)).await;
        (!writes.is_empty()).then_some(())
    })
    .await;
    kill_workers(installation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_a_signed_push_to_production_while_every_worker_dies() {
    let kubeconfig = cluster(|cluster| {
        cluster.namespace(TEST);
        cluster.namespace(PROD);
        cluster.kubeconfig()
    })
    .await;
    let jenkins = Jenkins::start(Rules {
        user: Some(("spin".to_owned(), PLANTED[1].to_owned())),
        crumbs: true,
        ..Rules::default()
    })
    .await;
    jenkins.job(Job {
        name: "web".to_owned(),
        parameters: ["COMMIT", "GENNAKER_TOKEN"]
            .map(|name| Parameter::Text(name.to_owned(), String::new()))
            .to_vec(),
        files: vec![("build.properties".to_owned(), "tag=1.7".to_owned())],
        ..Job::default()
    });
    let mail = tokio::task::spawn_blocking(smtp::Server::start)
        .await
        .unwrap();
    let slack = Recorder::start(|_| Reply::ok(r#"{"ok": true, "ts": "1"}"#)).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(
        &jenkins,
        &mail,
        &slack,
        folder.path(),
        kubeconfig.to_str().unwrap(),
    );
    let mut installation =
        Installation::start_with_pools(1, &["deploy", "jenkins", "notify"], &settings).await;
    let gate = installation.gate;
    gate.save_application(APPLICATION).await;
    let ship = gate.save_pipeline(&pipeline()).await;
    let after = json!({"application": APPLICATION, "name": "after", "spelEvaluator": "v4",
        "triggers": [{"type": "pipeline", "enabled": true, "application": APPLICATION, "pipeline": ship, "status": ["successful"]}],
        "stages": [{"refId": "1", "requisiteStageRefIds": [], "type": "evaluateVariables", "name": "What",
            "variables": [{"key": "shipped", "value": "${trigger.parentExecution.stages.?[name == 'Build'][0].outputs.tag}"}]}]});
    let after = gate.save_pipeline(&after).await;

    // The push comes five times, as senders do that get no answer.
    for _ in 0..5 {
        let headers = [
            ("Content-Type", "application/json"),
            ("X-GitHub-Event", "push"),
            ("X-GitHub-Delivery", "5f1b2c3d"),
            ("X-Hub-Signature-256", SIGNATURE),
        ];
        let answer = gennaker_tests::http::send(
            gate.address,
            "POST",
            "/webhooks/git/github",
            &headers,
            PUSH.as_bytes(),
        );
        let answer = answer.await.unwrap();
        assert!(answer.is_success(), "{}", answer.text());
    }
    let id = until("the execution", async || {
        let found = gate.executions(&ship).await;
        Some(found.first()?["id"].as_str()?.to_owned())
    })
    .await;

    until("the build", async || {
        (!jenkins.builds("web").is_empty()).then_some(())
    })
    .await;
    kill_workers(&mut installation);
    jenkins.finish("web", 1, "SUCCESS");
    kill_at_the_write(&mut installation, TEST).await;

    let question = gate
        .wait_for(&id, "the question", PATIENCE, |document| {
            stage(document, "3")["status"] == "RUNNING"
        })
        .await;
    until("the mail", async || {
        (!mail.mails().is_empty()).then_some(())
    })
    .await;
    until("Slack", async || (!slack.seen().is_empty()).then_some(())).await;
    kill_workers(&mut installation);
    installation.process("triggers").kill_9();
    installation.process("triggers").start_again();
    let judged = format!(
        "/pipelines/{id}/stages/{}",
        stage(&question, "3")["id"].as_str().unwrap()
    );
    gate.ask(
        "PATCH",
        &judged,
        Some(&json!({"judgmentStatus": "continue"})),
        None,
    )
    .await;
    kill_at_the_write(&mut installation, PROD).await;

    let done = gate.wait_for_end(&id, PATIENCE).await;
    assert_eq!(done["status"], "SUCCEEDED", "{}", outline(&done));
    let follower = until("the follower", async || {
        let found = gate.executions(&after).await;
        Some(found.first()?["id"].as_str()?.to_owned())
    })
    .await;
    let follower = gate.wait_for_end(&follower, PATIENCE).await;
    assert_eq!(
        stage(&follower, "1")["outputs"]["shipped"],
        "1.7",
        "{}",
        outline(&follower)
    );

    // Each effect once.
    let builds = jenkins.builds("web");
    assert_eq!(builds.len(), 1, "{builds:?}");
    for place in [TEST, PROD] {
        let writes = cluster(move |cluster| cluster.writes(place)).await;
        assert_eq!(writes, ["create deployments web"], "{place}");
        let live = cluster(move |cluster| cluster.get("deployment", place, "web")).await;
        let image = &live.unwrap()["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, "web:1.7", "{place}");
    }
    let mails = mail.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(
        mails[0].data.contains("1.7 waits for you"),
        "{}",
        mails[0].data
    );
    assert_eq!(slack.seen().len(), 1);
    assert_eq!(
        gate.executions(&ship).await.len(),
        1,
        "five pushes, one execution"
    );
    assert_eq!(gate.executions(&after).await.len(), 1);

    // No secret is told.
    let mut told: Vec<(String, String)> = Vec::new();
    for path in [
        format!("/pipelines/{id}"),
        format!("/v2/executions/{id}/history"),
        "/v2/events".to_owned(),
        format!(
            "/v2/events/{}",
            done["trigger"]["eventId"].as_str().unwrap()
        ),
        "/credentials".to_owned(),
        "/notifications/metadata".to_owned(),
    ] {
        let answer = gate.call("GET", &path, None, None).await;
        told.push((path, answer.text()));
    }
    for (place, text) in &told {
        for secret in PLANTED {
            assert!(!text.contains(secret), "{place} tells {secret}");
        }
    }
    // That of the webhook stands in the pipeline, as in Spinnaker.
    let said: Vec<String> = installation.processes.iter().map(|it| it.log()).collect();
    assert!(
        !said.iter().any(|log| log.contains(PLANTED[0])),
        "a process tells the webhook's secret"
    );
    installation.check_secrets(&PLANTED[1..]);
    installation.check_processes();
}
