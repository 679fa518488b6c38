//! A real registry of images is polled: what was there starts nothing, what is pushed starts its pipeline once, whoever dies.
#![allow(clippy::unwrap_used, reason = "tests")]

use gennaker_testkit::registry::Server;
use gennaker_tests::gate::Gate;
use gennaker_tests::http::send;
use gennaker_tests::installation::Installation;
use gennaker_tests::patience::until;
use serde_json::{Value, json};

/// Tags that are there before anybody looks.
const TAGS: usize = 10_000;

fn settings(registry: &Server, more: &str) -> String {
    format!(
        "[polling]\ninterval_ms = 1000\n\n[[docker_registry.accounts]]\nname = \"hub\"\naddress = \"http://{}\"\n{more}\n",
        registry.host()
    )
}

async fn save(gate: &Gate, name: &str, trigger: Value) -> String {
    let mut whole =
        json!({"type": "docker", "enabled": true, "account": "hub", "repository": "acme/web"});
    let fields = whole.as_object_mut().unwrap();
    fields.extend(trigger.as_object().unwrap().clone());
    gate.save_pipeline(&json!({
        "application": "registry", "name": name, "triggers": [whole],
        "stages": [{"refId": "1", "type": "evaluateVariables", "name": "Say", "variables": []}],
    }))
    .await
}

/// The tags of the executions of a pipeline, as soon as there are this many.
async fn tags(gate: &Gate, config: &str, count: usize) -> Vec<String> {
    let found = until(&format!("execution {count}"), async || {
        let found = gate.executions(config).await;
        (found.len() >= count).then_some(found)
    })
    .await;
    let mut tags: Vec<String> = found
        .iter()
        .map(|it| it["trigger"]["tag"].as_str().unwrap().to_owned())
        .collect();
    tags.sort_unstable();
    tags
}

async fn poller(gate: &Gate, is: impl Fn(&Value) -> bool) -> Value {
    until("the poller's status", async || {
        let answer = gate.call("GET", "/v2/pollers/docker/hub", None, None).await;
        answer.is_success().then(|| answer.json()).filter(&is)
    })
    .await
}

/// `events.md` 14.17 and the fourth demand: 10 000 tags fire nothing, one more fires once, with two pollers and one killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_tags_fire_nothing_and_one_more_fires_once_whoever_is_killed() {
    let registry = Server::start();
    registry.push("acme/web", "v0", "first");
    registry.tag_many("acme/web", "v0", (1..TAGS).map(|n| format!("v{n}")));
    let mut installation = Installation::start_with(1, &settings(&registry, "")).await;
    let gate = installation.gate;
    gate.save_application("registry").await;
    let id = save(&gate, "deploy", json!({"tag": "v\\d+|new.*"})).await;
    let status = poller(&gate, |it| it["state"] == "ok").await;
    assert_eq!(status["found"], TAGS, "{status}");
    assert_eq!(status["eventAtMs"], Value::Null, "{status}");
    assert!(gate.executions(&id).await.is_empty());

    registry.push("acme/web", "new-1", "second");
    assert_eq!(tags(&gate, &id, 1).await, ["new-1"]);
    let trigger = &gate.executions(&id).await[0]["trigger"];
    let reference = format!("{}/acme/web:new-1", registry.host());
    assert_eq!(trigger["artifacts"][0]["reference"], reference);
    assert_eq!(trigger["account"], "hub");

    // A second poller, and the first one killed again and again while something is pushed.
    installation.start_more("triggers-b", "triggers");
    for round in 2..=4 {
        registry.push(
            "acme/web",
            &format!("new-{round}"),
            &format!("round {round}"),
        );
        let name = if round % 2 == 0 {
            "triggers"
        } else {
            "triggers-b"
        };
        installation.process(name).kill_9();
        assert_eq!(tags(&gate, &id, round).await.len(), round);
        installation.process(name).start_again();
    }
    // What nobody saw happen is found later.
    for name in ["triggers", "triggers-b"] {
        installation.process(name).kill_9();
    }
    registry.push("acme/web", "new-5", "unseen");
    for name in ["triggers", "triggers-b"] {
        installation.process(name).start_again();
    }
    let all = tags(&gate, &id, 5).await;
    let wanted: Vec<String> = (1..=5).map(|n| format!("new-{n}")).collect();
    assert_eq!(all, wanted);
    // And nothing more: a mark that comes after everything.
    registry.push("acme/web", "new-6", "last");
    assert_eq!(tags(&gate, &id, 6).await.len(), 6);
    installation.check_processes();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_says_why_it_is_not_polled_and_a_webhook_hurries_the_look() {
    let mut registry = Server::start();
    registry.push("acme/web", "latest", "one");
    // Nothing but a hint makes it look again within the test.
    let slow = settings(&registry, "track_digests = true").replace("1000", "3000000");
    let installation = Installation::start_with(1, &slow).await;
    let gate = installation.gate;
    gate.save_application("registry").await;
    let blank = save(&gate, "blank", json!({})).await;
    let latest = save(&gate, "latest", json!({"tag": "latest"})).await;
    poller(&gate, |it| it["state"] == "ok").await;

    registry.push("acme/web", "latest", "two");
    let push = json!({"events": [{"action": "push", "request": {"host": registry.host()}, "target": {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "repository": "acme/web", "tag": "latest"}}]});
    let said = until("the execution", async || {
        let body = push.to_string();
        let headers = [("Content-Type", "application/json")];
        let path = "/webhooks/webhook/dockerregistry";
        let answer = send(gate.address, "POST", path, &headers, body.as_bytes())
            .await
            .unwrap();
        assert!(answer.is_success(), "{}", answer.text());
        let found = gate.executions(&latest).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    let event = said[0]["trigger"]["eventId"].as_str().unwrap();
    assert!(
        said[0]["trigger"]["digest"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );
    let record = until("the verdicts", async || {
        let answer = gate
            .call("GET", &format!("/v2/events/{event}"), None, None)
            .await;
        answer.is_success().then(|| answer.json())
    })
    .await;
    let mut passed = record["verdicts"].as_array().unwrap().iter();
    let passed = passed.find(|it| it["outcome"] == "passed").unwrap();
    assert_eq!(passed["pipeline"], "blank");
    assert!(
        passed["reason"]
            .as_str()
            .unwrap()
            .starts_with("the tag is \"latest\""),
        "{passed}"
    );
    assert!(gate.executions(&blank).await.is_empty());

    let found = gate
        .call("GET", "/v2/pollers?type=docker&state=ok", None, None)
        .await;
    assert_eq!(found.json()["pollers"][0]["source"], "hub");
    registry.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_shown_and_makes_nothing_new() {
    let mut registry = Server::start();
    registry.push("acme/web", "v1", "one");
    let pools = ["notify", "deploy"];
    let installation = Installation::start_with_pools(1, &pools, &settings(&registry, "")).await;
    let gate = installation.gate;
    gate.save_application("registry").await;
    let id = save(&gate, "deploy", json!({})).await;
    poller(&gate, |it| it["state"] == "ok").await;
    let path = "/images/find?provider=dockerRegistry&account=hub&q=acme";
    let images = until("the images", async || {
        let answer = gate.call("GET", path, None, None).await;
        answer.is_success().then(|| answer.json())
    })
    .await;
    assert_eq!(images[0]["repository"], "acme/web");
    let path = "/images/tags?provider=dockerRegistry&account=hub&repository=acme/web";
    let listed = gate.call("GET", path, None, None).await;
    assert_eq!(listed.json(), json!(["v1"]));

    registry.stop();
    let failing = poller(&gate, |it| it["state"] == "failing").await;
    assert!(
        failing["error"]
            .as_str()
            .unwrap()
            .contains("connection refused"),
        "{failing}"
    );
    assert!(registry.resume());
    registry.push("acme/web", "v2", "two");
    assert_eq!(tags(&gate, &id, 1).await, ["v2"]);
    // A later look, which would have found more by now.
    registry.push("acme/web", "v3", "three");
    assert_eq!(tags(&gate, &id, 2).await, ["v2", "v3"]);
    poller(&gate, |it| it["state"] == "ok").await;
    installation.check_processes();
}
