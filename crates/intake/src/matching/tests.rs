//! Tables of constraints, reasons and artifacts.

use std::collections::BTreeMap;

use super::*;
use serde_json::json;

fn event(payload: Value) -> Event {
    let header = Header {
        v: VERSION,
        id: "event-1".to_owned(),
        kind: "webhook".to_owned(),
        source: "hook".to_owned(),
        at_ms: 1,
        headers: BTreeMap::new(),
        origin: Origin::Outside,
    };
    decode(&encode(&header, payload.to_string().as_bytes())).unwrap()
}

fn verdict(payload: Value, trigger: Value) -> Verdict {
    let mut trigger = trigger;
    let all = trigger.as_object_mut().unwrap();
    for (key, value) in [
        ("type", json!("webhook")),
        ("enabled", json!(true)),
        ("source", json!("hook")),
    ] {
        if !all.contains_key(key) {
            all.insert(key.to_owned(), value);
        }
    }
    let config = json!({"triggers": [trigger], "expectedArtifacts": [
        {"id": "image", "matchArtifact": {"type": "docker/image", "name": "acme/.*", "version": ""}}
    ]});
    let mut verdicts = consider(&event(payload), config.as_object().unwrap());
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0).1
}

fn reason(payload: Value, trigger: Value) -> Option<String> {
    match verdict(payload, trigger) {
        Verdict::Fires(_) => None,
        Verdict::Passes(reason) => Some(reason),
    }
}

#[test]
fn constraints_follow_echo() {
    let payload = json!({
        "environment": "prod-eu", "number": 7, "float": 1.5, "large": 1e10, "flag": true, "nothing": null,
        "object": {"a": 1, "b": "x"}, "list": ["a", "b"], "repo.name": "dotted",
        "repo": {"name": "web", "size": 3, "tags": ["v1", "v2"]},
        "items": [{"name": "one"}, {"name": "two"}]
    });
    for (key, pattern, fires) in [
        ("environment", json!("prod"), true),
        ("environment", json!("^prod$"), false),
        ("environment", json!("(?i)PROD"), true),
        ("environment", json!("^(?!dev).*"), true),
        ("environment", json!("^(?!prod).*"), false),
        ("environment", json!("("), false),
        ("environment", json!(null), true),
        ("number", json!("^7$"), true),
        ("number", json!(7), true),
        ("float", json!("^1\\.5$"), true),
        ("large", json!("^1\\.0E10$"), true),
        ("flag", json!("true"), true),
        ("nothing", json!(".*"), false),
        ("nothing", json!(null), false),
        ("absent", json!(".*"), false),
        ("absent", json!(null), false),
        ("object", json!("^\\{a=1, b=x\\}$"), true),
        ("list", json!("^\\[a, b\\]$"), true),
        ("repo.name", json!("dotted"), true),
        ("$.repo.name", json!("^web$"), true),
        ("$.repo.name", json!("^api$"), false),
        ("$.repo.name", json!(null), false),
        ("$['repo']['name']", json!("web"), true),
        ("$['repo.name']", json!("dotted"), true),
        ("$.repo.size", json!("3"), false),
        ("$.repo.tags", json!("^v2$"), true),
        ("$.repo.tags[*]", json!("^v2$"), true),
        ("$.repo.tags[0]", json!("^v2$"), false),
        ("$.repo.tags[-1]", json!("^v2$"), true),
        ("$.items[*].name", json!("^two$"), true),
        ("$.items[7].name", json!("."), false),
        ("$..name", json!("^one$"), true),
        ("repo.tags[0]", json!("v1"), true),
        ("$.items[?(@.name=='one')].name", json!("one"), false),
        ("$", json!("."), false),
        ("", json!("."), false),
    ] {
        let trigger = json!({"payloadConstraints": {key: pattern.clone()}});
        let said = reason(payload.clone(), trigger);
        assert_eq!(said.is_none(), fires, "{key} {pattern}: {said:?}");
    }
}

#[test]
fn the_reason_names_what_was_compared() {
    for (payload, trigger, said) in [
        (
            json!({}),
            json!({"enabled": false}),
            "the trigger is not enabled",
        ),
        (
            json!({}),
            json!({"enabled": null}),
            "the trigger is not enabled",
        ),
        (
            json!({}),
            json!({"source": "Hook"}),
            "the source is \"hook\", the trigger wants \"Hook\"",
        ),
        (
            json!({}),
            json!({"source": null}),
            "the trigger names no source",
        ),
        (
            json!({"env": "dev"}),
            json!({"payloadConstraints": {"env": "^prod$"}}),
            "payload \"env\" is \"dev\", which \"^prod$\" does not match",
        ),
        (
            json!({}),
            json!({"payloadConstraints": {"env": "^prod$"}}),
            "payload key \"env\" is missing",
        ),
        (
            json!({}),
            json!({"expectedArtifactIds": ["image"]}),
            "none of the 0 artifacts of the event matches an expected artifact (image)",
        ),
    ] {
        assert_eq!(reason(payload, trigger).as_deref(), Some(said));
    }
}

#[test]
fn one_artifact_that_matches_one_expectation_is_enough() {
    let trigger = json!({"expectedArtifactIds": ["gone", "image"]});
    for (artifacts, fires) in [
        (
            json!([{"type": "docker/image", "name": "acme/web", "version": "9"}, {"type": "other"}]),
            true,
        ),
        (
            json!([{"type": "docker/image", "name": "other/web"}]),
            false,
        ),
        (json!([{"type": "docker/image"}]), false),
        (json!(["acme/web"]), false),
        (json!({}), false),
    ] {
        let said = reason(json!({"artifacts": artifacts}), trigger.clone());
        assert_eq!(said.is_none(), fires, "{said:?}");
    }
}

#[test]
fn the_execution_sees_the_event() {
    let Verdict::Fires(trigger) = verdict(
        json!({"parameters": {"tag": "v2"}, "artifacts": [{"type": "t"}], "x": 1}),
        json!({"parameters": {"tag": "v1", "zone": "a"}, "custom": [1]}),
    ) else {
        panic!("it should fire");
    };
    assert_eq!(
        Value::Object(*trigger),
        json!({
            "parameters": {"tag": "v2", "zone": "a"}, "custom": [1], "type": "webhook", "enabled": true,
            "source": "hook", "user": "anonymous",
            "payload": {"parameters": {"tag": "v2"}, "artifacts": [{"type": "t"}], "x": 1},
            "artifacts": [{"type": "t"}], "eventId": "event-1"
        })
    );
}

#[test]
fn only_triggers_of_the_kind_are_considered() {
    let config = json!({"disabled": true, "triggers": [
        {"type": "git", "enabled": true, "source": "hook"},
        7,
        {"type": "WebHook", "enabled": "true", "source": "hook"}
    ]});
    let config = config.as_object().unwrap();
    assert!(has_trigger(config));
    assert_eq!(
        consider(&event(json!({})), config),
        [(2, Verdict::Passes("the pipeline is disabled".to_owned()))]
    );
    let mut git = event(json!({}));
    git.header.kind = "git".to_owned();
    assert_eq!(consider(&git, config), []);
    assert!(!has_trigger(json!({"triggers": {}}).as_object().unwrap()));
}

#[test]
fn a_catastrophic_expression_ends() {
    let said = reason(
        json!({"env": "a".repeat(200)}),
        json!({"payloadConstraints": {"env": "^(?=(a+)+$)(a+)+b\\1$"}}),
    );
    assert!(said.is_some());
}

#[test]
fn what_is_no_event_is_named() {
    let header = event(json!({})).header;
    for (stored, said) in [
        (b"".to_vec(), "the event has no header line"),
        (b"{}\n{}".to_vec(), "the header of the event cannot be read"),
        (
            encode(&header, b"[1]"),
            "the body of the event is no JSON object",
        ),
        (
            encode(&header, b"{"),
            "the body of the event is no JSON object",
        ),
        (
            encode(
                &Header {
                    v: VERSION + 1,
                    ..header.clone()
                },
                b"{}",
            ),
            "the event has version 3, which is newer than this program",
        ),
    ] {
        assert_eq!(decode(&stored).unwrap_err().to_string(), said);
    }
    assert_eq!(
        decode(&encode(&header, b" \n")).unwrap().payload,
        Map::new()
    );
}

#[test]
fn rule_4_9_run_as_user_is_the_user_of_the_trigger_else_anonymous() {
    for (named, user) in [
        (json!("robot@example.com"), "robot@example.com"),
        (json!(""), "anonymous"),
        (json!(null), "anonymous"),
    ] {
        let trigger = json!({"runAsUser": named, "user": "whoever"});
        let Verdict::Fires(fired) = verdict(json!({}), trigger) else {
            panic!("{named} keeps it from firing")
        };
        assert_eq!(fired["user"], user, "{named}");
    }
}
