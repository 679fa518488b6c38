//! What became of events, and what source code systems are told.

use gennaker_bus::{Bucket, Bus, Layout, token};
use gennaker_intake::matching::{self, Judged, Outcome, Record};
use serde_json::{Value, json};

use super::{Fixture, NOW, request};

fn record(id: &str, source: &str, verdicts: &[(&str, Outcome)]) -> Record {
    let event = matching::decode(&matching::encode(
        &matching::Header {
            v: matching::VERSION,
            id: id.to_owned(),
            kind: "webhook".to_owned(),
            source: source.to_owned(),
            at_ms: NOW,
            headers: Default::default(),
            origin: matching::Origin::Outside,
        },
        b"",
    ));
    let verdicts = verdicts.iter().map(|(pipeline, outcome)| {
        let judged = Judged {
            application: "demo".to_owned(),
            pipeline: (*pipeline).to_owned(),
            pipeline_config_id: format!("{pipeline}-id"),
            trigger: 0,
            outcome: *outcome,
            execution_id: (*outcome == Outcome::Started).then(|| "01J".to_owned()),
            reason: (*outcome == Outcome::Passed).then(|| "because".to_owned()),
        };
        (judged, true)
    });
    Record::new(&event.unwrap(), NOW + 1, None, verdicts.collect(), 0)
}

async fn kept(fixture: &Fixture, records: &[Record]) {
    let bus = Bus::memory(&fixture.broker, "triggers");
    bus.remember(&Layout::default());
    let kv = bus.kv(Bucket::Verdicts);
    for record in records {
        let value = serde_json::to_vec(record).unwrap();
        kv.put_if(&token(&record.event_id), 0, value.into(), None)
            .await
            .unwrap();
    }
}

fn ids(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().unwrap().iter();
    events.map(|it| it["eventId"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn events_are_listed_newest_first_with_the_verdicts_that_are_asked_for() {
    let fixture = Fixture::new().await;
    let get = async |path: &str| fixture.call("GET", path, "").await.json();
    assert_eq!(get("/v2/events").await, json!({"events": []}));
    kept(
        &fixture,
        &[
            record(
                "one",
                "hook",
                &[("deploy", Outcome::Started), ("check", Outcome::Passed)],
            ),
            record("two", "other", &[("check", Outcome::Passed)]),
            record("three", "hook", &[]),
        ],
    )
    .await;
    assert_eq!(ids(&get("/v2/events").await), ["three", "two", "one"]);
    assert_eq!(
        ids(&get("/v2/events?source=hook&type=webhook").await),
        ["three", "one"]
    );
    assert_eq!(ids(&get("/v2/events?type=git").await), [""; 0]);
    let found = get("/v2/events?application=demo&pipeline=deploy-id&outcome=started").await;
    assert_eq!(
        found,
        json!({"events": [{
            "v": 1, "eventId": "one", "kind": "webhook", "source": "hook", "atMs": NOW, "matchedAtMs": NOW + 1, "others": 0,
            "verdicts": [{"application": "demo", "pipeline": "deploy", "pipelineConfigId": "deploy-id", "trigger": 0,
                          "outcome": "started", "executionId": "01J"}],
        }]})
    );
    // In pages.
    let first = get("/v2/events?limit=2").await;
    assert_eq!(ids(&first), ["three", "two"]);
    let second = get(&format!("/v2/events?limit=2&before={}", first["before"])).await;
    assert_eq!((ids(&second), second.get("before")), (vec!["one"], None));

    let one = get("/v2/events/two").await;
    assert_eq!(one["verdicts"][0]["reason"], "because");
    let (status, body) = fixture.call("GET", "/v2/events/none", "").await.problem();
    assert_eq!(status, 404, "{body:?}");
    for bad in ["limit=x", "before=-1", "outcome=fired"] {
        let (status, _) = fixture
            .call("GET", &format!("/v2/events?{bad}"), "")
            .await
            .problem();
        assert_eq!(status, 400, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn source_code_systems_are_told_what_echo_tells_them() {
    let fixture = Fixture::new().await;
    let ping = fixture
        .call(
            "POST",
            "/webhooks/git/github",
            r#"{"zen": "…", "hook_id": 1}"#,
        )
        .await;
    assert_eq!(
        ping.json(),
        json!({"eventProcessed": false, "eventId": null})
    );
    let push = r#"{"ref": "refs/heads/main", "after": "c1", "repository": {"name": "web", "owner": {"name": "acme"}}}"#;
    let sent = request(
        "POST",
        "/webhooks/git/gitlab",
        &[("X-Gitlab-Token", "s3cret")],
        push,
    );
    assert_eq!(fixture.send(sent).await.json()["eventProcessed"], true);
    let (status, problem) = fixture
        .call("POST", "/webhooks/git/svn", "{}")
        .await
        .problem();
    assert_eq!(status, 400);
    assert!(
        format!("{problem:?}").contains("Invalid SCM handler sourcesvn"),
        "{problem:?}"
    );

    // Both are stored, so that their verdicts can be read; the token is not.
    let bus = Bus::memory(&fixture.broker, "triggers");
    let mut events = bus.events().consume().await.unwrap();
    let ping = events.next().await.unwrap();
    let ping = matching::decode(&ping.payload).unwrap();
    assert_eq!(matching::passed_over(&ping), Some("it is GitHub's ping"));
    let push = events.next().await.unwrap();
    assert!(!String::from_utf8_lossy(&push.payload).contains("s3cret"));
    let push = matching::decode(&push.payload).unwrap();
    let digest = matching::token_digest(&push.header.id, "s3cret");
    assert_eq!(push.header.headers["x-gitlab-token-digest"], digest);
}

/// A CDEvent's data.
fn cdevent() -> Value {
    json!({"context": {"id": "c"}, "subject": {"id": "pkg:web"}, "customData": {"artifacts": [{"type": "t"}], "parameters": {"a": 1}}})
}

#[tokio::test(start_paused = true)]
async fn cdevents_come_in_binary_and_structured_mode_and_once() {
    let fixture = Fixture::new().await;
    let path = "/webhooks/cdevents/tekton";
    let binary = |id: &'static str| {
        let headers = [
            ("Ce-Specversion", "1.0"),
            ("Ce-Id", id),
            ("Ce-Source", "/tekton"),
            ("Ce-Type", "dev.cdevents.artifact.packaged.0.1.1"),
            ("Content-Type", "application/json"),
        ];
        request("POST", path, &headers, &cdevent().to_string())
    };
    let structured = |change: Value| {
        let mut envelope = json!({
            "specversion": "1.0", "id": "e-2", "source": "/tekton", "type": "dev.cdevents.artifact.packaged.0.1.1",
            "datacontenttype": "application/json", "sequence": 7, "data": cdevent(),
        });
        let fields = envelope.as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        fields.retain(|_, value| !value.is_null());
        let headers = [(
            "Content-Type",
            "application/cloudevents+json; charset=utf-8",
        )];
        request("POST", path, &headers, &envelope.to_string())
    };
    let id = async |request| {
        let answer = fixture.send(request).await.json();
        assert_eq!(answer["eventProcessed"], true, "{answer}");
        answer["eventId"].as_str().unwrap().to_owned()
    };
    let first = id(binary("e-1")).await;
    assert_eq!(
        id(binary("e-1")).await,
        first,
        "one source and id are one event"
    );
    let second = id(structured(json!({}))).await;
    assert_ne!(second, first);

    let bus = Bus::memory(&fixture.broker, "triggers");
    let mut events = bus.events().consume().await.unwrap();
    for (expected, sequence) in [(&first, None), (&first, None), (&second, Some("7"))] {
        let event = matching::decode(&events.next().await.unwrap().payload).unwrap();
        assert_eq!(&event.header.id, expected);
        assert_eq!(Value::from(event.payload), cdevent());
        let header = |name: &str| event.header.headers.get(name).map(String::as_str);
        assert_eq!(header("ce-source"), Some("/tekton"));
        assert_eq!(
            header("ce-type"),
            Some("dev.cdevents.artifact.packaged.0.1.1")
        );
        assert_eq!(header("ce-sequence"), sequence);
        assert_eq!(event.artifacts, [json!({"type": "t"})]);
    }

    let refused = async |request, reason: &str| {
        let (status, problem) = fixture.send(request).await.problem();
        assert_eq!(status, 400, "{reason}");
        assert!(format!("{problem:?}").contains(reason), "{problem:?}");
    };
    let invalid = "Invalid CDEvent data posted with the CloudEvent RequestBody - ";
    let lacking = json!({"data": {"context": {}, "customData": {}}});
    refused(structured(lacking), &format!("{invalid}subject is missing")).await;
    refused(structured(json!({"data": [1]})), invalid).await;
    refused(structured(json!({"data": null})), invalid).await;
    refused(
        structured(json!({"id": null})),
        "the attribute id is missing",
    )
    .await;
    refused(structured(json!({"data_base64": "eA=="})), "both data").await;
    refused(structured(json!({"x": {}})), "no plain value").await;
    let plain = request("POST", path, &[], &cdevent().to_string());
    refused(plain, "the attribute specversion is missing").await;
    let batch = [("Content-Type", "application/cloudevents-batch+json")];
    refused(request("POST", path, &batch, "[]"), "batches").await;
}

#[tokio::test(start_paused = true)]
async fn the_quiet_period_and_subscriptions_are_shown() {
    let fixture = Fixture::with(crate::Config {
        quiet: Some(matching::QuietPeriod {
            from_ms: 0,
            until_ms: NOW + 1,
            suppressed_types: Vec::new(),
        }),
        subscriptions: vec![("nats", "builds".to_owned())],
        ..crate::Config::default()
    })
    .await;
    let quiet = fixture.get("/capabilities/quietPeriod").await.json();
    assert_eq!(
        quiet,
        json!({"enabled": true, "inQuietPeriod": true, "startTime": 0, "endTime": NOW + 1})
    );
    let subscriptions = fixture.get("/pubsub/subscriptions").await.json();
    assert_eq!(
        subscriptions,
        json!([{"pubsubSystem": "nats", "subscriptionName": "builds"}])
    );
}

#[tokio::test(start_paused = true)]
async fn triggers_are_switched_off_and_on() {
    let fixture = Fixture::new().await;
    let off = fixture
        .call("PUT", "/v2/switches/Cron", r#"{"reason": "moving house"}"#)
        .await
        .json();
    let expected = json!({"name": "cron", "by": "anonymous", "at": NOW, "reason": "moving house"});
    assert_eq!(off, expected);
    // Again is no error, and the later reason counts.
    let again = r#"{"reason": "still"}"#;
    fixture.call("PUT", "/v2/switches/cron", again).await.json();
    let listed = fixture.get("/v2/switches").await.json();
    assert_eq!(listed[0]["reason"], "still", "{listed}");
    for (path, body) in [
        ("/v2/switches/nothing", again),
        ("/v2/switches/triggers", "{}"),
    ] {
        let (status, _) = fixture.call("PUT", path, body).await.problem();
        assert_eq!(status, 400, "{path}");
    }
    for _ in 0..2 {
        let on = fixture.call("DELETE", "/v2/switches/cron", "").await;
        assert!(on.status.is_success(), "{}", on.status);
    }
    assert_eq!(fixture.get("/v2/switches").await.json(), json!([]));
}
