//! The index against looking at everything.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::matching::{Header, Origin, VERSION, consider, decode, encode, is_near};

fn event(kind: &str, source: &str, body: &Value) -> Event {
    let header = Header {
        v: VERSION,
        id: "e".to_owned(),
        kind: kind.to_owned(),
        source: source.to_owned(),
        at_ms: 1,
        headers: BTreeMap::new(),
        origin: match kind {
            CRON | PUBSUB | "docker" | "build" => Origin::Inside,
            _ => Origin::Outside,
        },
    };
    decode(&encode(&header, body.to_string().as_bytes())).unwrap()
}

fn pipelines() -> Vec<Map> {
    (0..60)
        .map(|number: usize| {
            let place = number % 7;
            let config = json!({"id": format!("p{number}"), "triggers": [
                {"type": "webhook", "enabled": true, "source": format!("hook-{place}")},
                {"type": "WebHook", "enabled": number.is_multiple_of(2)},
                {"type": "git", "enabled": true, "source": "github", "project": "acme", "slug": format!("Web-{place}")},
                {"type": "cron", "enabled": true, "id": "t", "cronExpression": "0 0 * * * ?"},
                {"type": "pubsub", "enabled": true, "pubsubSystem": "nats", "subscriptionName": format!("Sub-{place}")},
                {"type": "docker", "enabled": true, "account": "hub", "repository": format!("acme/web-{place}")},
                {"type": "jenkins", "enabled": true, "master": "ci", "job": format!("job-{place}")},
                {"type": "travis", "enabled": true, "master": "ci", "job": format!("job-{place}")},
                {"type": "unknown", "enabled": true}, 7,
            ]});
            config.as_object().unwrap().clone()
        })
        .collect()
}

#[test]
fn nothing_is_overlooked() {
    let pipelines = pipelines();
    let configs: Vec<&Map> = pipelines.iter().collect();
    let index = Index::of(configs.iter().copied());
    let push = json!({"ref": "refs/heads/main", "after": "c", "repository": {"name": "web-3", "owner": {"name": "acme"}}});
    let instant = json!({"trigger": "t", "cronExpression": "0 0 * * * ?"});
    let message = json!({"pubsubSystem": "nats", "subscriptionName": "sub-2", "payload": {}});
    let build = json!({"master": "ci", "project": {"name": "job-4", "lastBuild": {"number": 7, "building": false, "result": "SUCCESS"}}});
    for event in [
        event("webhook", "hook-2", &json!({})),
        event("Webhook", "hook-2", &json!({})),
        event("webhook", "nowhere", &json!({})),
        event("git", "github", &push),
        event("git", "github", &json!({"hook_id": 1})),
        event(CRON, "p7", &instant),
        event(PUBSUB, "sub-2", &message),
        event(
            "docker",
            "hub",
            &json!({"account": "hub", "repository": "acme/web-1", "tag": "v1"}),
        ),
        event("build", "ci", &build),
        event("other", "hook-2", &json!({})),
    ] {
        let mut all = Vec::new();
        for (config, pipeline) in configs.iter().enumerate() {
            for (place, verdict) in consider(&event, pipeline) {
                let is_near = is_near(&event, pipeline, place);
                all.push(Found {
                    config,
                    place,
                    verdict,
                    is_near,
                });
            }
        }
        let whole = index.consider(&event, &configs, usize::MAX);
        assert_eq!((whole.others, &whole.found), (0, &all), "{event:?}");
        let short = index.consider(&event, &configs, 5);
        assert_eq!(short.found.len() + short.others, all.len(), "{event:?}");
        let fires = |found: &[Found]| {
            let fires = found
                .iter()
                .filter(|it| matches!(it.verdict, Verdict::Fires(_)));
            fires.count()
        };
        assert_eq!(fires(&short.found), fires(&all), "{event:?}");
        let near = |found: &[Found]| found.iter().filter(|it| it.is_near).count();
        assert_eq!(near(&short.found), near(&all), "{event:?}");
    }
}
