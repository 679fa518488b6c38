//! Triggers that do not fire, each for one reason.
//!
//! A case starts from an event that fires its trigger, changes one thing, and must then be told that one thing. So no case can
//! pass for another reason than its own.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const SECRET: &str = "s3cret";

/// Stands for the right signature of the body.
const SIGNED: &str = "signed";

/// An event and the pipeline that it starts: `header`, `body`, `pipeline`, `trigger`, `shared` (the shared secret of git triggers).
fn situation(name: &str) -> Value {
    let mut situation = match name {
        "webhook" => json!({
            "header": {"kind": "webhook", "source": "hook"},
            "body": {"env": "prod", "repo": {"name": "web", "size": 3}, "artifacts": [{"type": "docker/image", "name": "acme/web"}]},
            "trigger": {"source": "hook", "payloadConstraints": {"env": "^prod$", "$.repo.name": "web"}, "expectedArtifactIds": ["image"]},
        }),
        "git" => json!({
            "header": {"kind": "git", "source": "github", "headers": {"x-hub-signature-256": SIGNED}},
            "body": {"ref": "refs/heads/main", "after": "c1", "repository": {"name": "web", "owner": {"name": "acme"}}},
            "trigger": {"source": "github", "project": "acme", "slug": "web", "branch": "main|release/.*", "events": ["push:push"], "secret": SECRET},
        }),
        "git with a shared secret" => json!({
            "header": {"kind": "git", "source": "github", "headers": {"x-hub-signature-256": SIGNED}},
            "body": {"ref": "refs/heads/main", "after": "c1", "repository": {"name": "web", "owner": {"name": "acme"}}},
            "trigger": {"type": "git", "source": "github", "project": "acme", "slug": "web"},
            "shared": SECRET,
        }),
        "cron" => json!({
            "header": {"kind": "cron", "source": "p", "origin": "inside"},
            "body": {"trigger": "hourly", "cronExpression": "0 0 * * * ?"},
            "trigger": {"id": "hourly", "cronExpression": "0 0 * * * ?"},
        }),
        "cdevents" => json!({
            "header": {"kind": "cdevents", "source": "tekton", "headers": {"ce-type": "dev.cdevents.artifact.packaged.0.1.1"}},
            "body": {"context": {}, "subject": {"id": "pkg:web"}, "customData": {"artifacts": [{"type": "docker/image", "name": "acme/web"}]}},
            "trigger": {
                "source": "tekton", "attributeConstraints": {"Ce-Type": "dev.cdevents.artifact.packaged.0.1.1"},
                "payloadConstraints": {"$.subject.id": "^pkg:"}, "expectedArtifactIds": ["image"],
            },
        }),
        "pubsub" => json!({
            "header": {"kind": "pubsub", "source": "builds", "origin": "inside"},
            "body": {
                "pubsubSystem": "google", "subscriptionName": "builds", "messageId": "7", "attributes": {"kind": "image"},
                "payload": {"status": "done", "repo": {"name": "web"}},
            },
            "trigger": {
                "pubsubSystem": "GOOGLE", "subscriptionName": "Builds", "payloadConstraints": {"status": "done"},
                "attributeConstraints": {"kind": "image"},
            },
        }),
        "docker" | "helm/oci" => json!({
            "header": {"kind": name, "source": "hub", "origin": "inside"},
            "body": {"account": "hub", "registry": "index.docker.io", "repository": "acme/web", "tag": "v1", "digest": "sha256:1"},
            "trigger": {"account": "hub", "repository": "acme/web", "tag": "v\\d+"},
        }),
        "jenkins" | "travis" | "concourse" | "gitlab-ci" => json!({
            "header": {"kind": "build", "source": "ci", "origin": "inside"},
            "body": {"master": "ci", "project": {"name": "team/job/web", "lastBuild": {"number": 7, "building": false, "result": "SUCCESS"}}},
            "trigger": {"type": name, "master": "ci", "job": "team/job/web"},
        }),
        "helm" => json!({
            "header": {"kind": "helm", "source": "charts", "origin": "inside"},
            "body": {"account": "charts", "chart": "web", "version": "1.2.3"},
            "trigger": {"account": "charts", "version": "^1.2"},
        }),
        "artifactory" => json!({
            "header": {"kind": "artifactory", "source": "releases", "origin": "inside"},
            "body": {"name": "releases"},
            "trigger": {"artifactorySearchName": "releases"},
        }),
        "nexus" => json!({
            "header": {"kind": "nexus", "source": "releases"},
            "body": {"action": "CREATED", "asset": {"format": "maven2", "name": "org/acme/web/1.2/web-1.2.pom"}},
            "trigger": {"nexusSearchName": "releases"},
        }),
        "plugin" => json!({
            "header": {"kind": "plugin", "source": "front50", "origin": "inside"},
            "body": {"pluginEventType": "PUBLISHED", "pluginId": "acme.x"},
            "trigger": {},
        }),
        "dryrun" => json!({
            "header": {"kind": "pipeline", "source": "p", "origin": "inside"},
            "body": {"status": "successful", "execution": {"id": "E", "name": "build", "trigger": {"parameters": {"a": "b"}}}},
            "trigger": {"type": "dryrun", "when": ["pipeline.complete"]},
        }),
        "pipeline" => json!({
            "header": {"kind": "pipeline", "source": "parent", "origin": "inside"},
            "body": {"status": "successful", "artifacts": [], "execution": {"id": "1", "name": "build", "application": "acme"}},
            "trigger": {"pipeline": "parent", "status": ["successful"]},
        }),
        "s3" => json!({
            "header": {"kind": "s3", "source": "drops", "origin": "inside"},
            "body": {"search": "drops", "bucket": "b", "key": "in/a.csv"},
            "trigger": {"search": "drops", "key": "in/.*"},
        }),
        other => panic!("there is no {other:?}"),
    };
    let mut whole = json!({
        "header": {"v": VERSION, "id": "e", "atMs": 1, "headers": {}},
        "trigger": {"type": situation["header"]["kind"], "enabled": true},
        "pipeline": {"id": "p", "expectedArtifacts": [{"id": "image", "matchArtifact": {"type": "docker/image", "name": "acme/.*"}}]},
    });
    patch(&mut whole, situation.take());
    whole
}

/// JSON merge patch: objects key by key, null removes.
fn patch(value: &mut Value, with: Value) {
    let (Value::Object(all), Value::Object(with)) = (&mut *value, &with) else {
        *value = with;
        return;
    };
    for (key, with) in with {
        match with {
            Value::Null => drop(all.shift_remove(key)),
            with => patch(all.entry(key.clone()).or_insert(Value::Null), with.clone()),
        }
    }
}

fn verdict(situation: &Value) -> Option<String> {
    let body = situation["body"].to_string();
    let mut header: Header = serde_json::from_value(situation["header"].clone()).unwrap();
    for value in header.headers.values_mut().filter(|it| *it == SIGNED) {
        let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        let mac = mac.chain_update(&body).finalize().into_bytes();
        let digits: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        *value = format!("sha256={digits}");
    }
    let mut event = decode(&encode(&header, body.as_bytes())).unwrap();
    if let Some(shared) = situation["shared"].as_str() {
        compare_shared_secret(&mut event, shared);
    }
    let mut config = situation["pipeline"].as_object().unwrap().clone();
    config.insert("triggers".to_owned(), json!([situation["trigger"]]));
    let mut verdicts = consider(&event, &config);
    assert_eq!(verdicts.len(), 1, "{situation}");
    match verdicts.remove(0).1 {
        Verdict::Fires(_) => None,
        Verdict::Passes(reason) => Some(reason),
    }
}

fn cases() -> Vec<(&'static str, Value, &'static str)> {
    let trigger = |change: Value| json!({"trigger": change});
    let body = |change: Value| json!({"body": change});
    let header = |change: Value| json!({"header": change});
    vec![
        (
            "dryrun",
            body(json!({"status": "failed"})),
            "the notification is not for \"pipeline.failed\"",
        ),
        (
            "dryrun",
            body(json!({"status": "canceled"})),
            "an execution that ended as \"canceled\" tells nobody",
        ),
        (
            "dryrun",
            trigger(json!({"when": null})),
            "the notification is not for \"pipeline.complete\"",
        ),
        (
            "pipeline",
            trigger(json!({"pipeline": "other"})),
            "the pipeline \"build\" with the id \"parent\" has ended, the trigger waits for \"other\"",
        ),
        (
            "pipeline",
            trigger(json!({"pipeline": null})),
            "the trigger names no pipeline",
        ),
        (
            "pipeline",
            body(json!({"status": "canceled"})),
            "the execution of \"build\" ended as \"canceled\", the trigger wants successful",
        ),
        (
            "pipeline",
            trigger(json!({"status": []})),
            "the trigger lists no status",
        ),
        (
            "webhook",
            json!({"pipeline": {"disabled": true}}),
            "the pipeline is disabled",
        ),
        (
            "webhook",
            trigger(json!({"enabled": false})),
            "the trigger is not enabled",
        ),
        (
            "webhook",
            trigger(json!({"enabled": null})),
            "the trigger is not enabled",
        ),
        (
            "webhook",
            trigger(json!({"source": "other"})),
            "the source is \"hook\", the trigger wants \"other\"",
        ),
        (
            "webhook",
            trigger(json!({"source": "Hook"})),
            "the source is \"hook\", the trigger wants \"Hook\"",
        ),
        (
            "webhook",
            trigger(json!({"source": null})),
            "the trigger names no source",
        ),
        (
            "webhook",
            body(json!({"env": "dev"})),
            "payload \"env\" is \"dev\", which \"^prod$\" does not match",
        ),
        (
            "webhook",
            body(json!({"env": null})),
            "payload key \"env\" is missing",
        ),
        (
            "webhook",
            body(json!({"repo": {"name": "api"}})),
            "payload \"$.repo.name\" is \"api\", which \"web\" does not match",
        ),
        (
            "webhook",
            body(json!({"repo": {"name": null}})),
            "payload key \"$.repo.name\" is missing",
        ),
        (
            "webhook",
            trigger(json!({"payloadConstraints": {"repo": "^web$"}})),
            "payload \"repo\" is \"{name=web, size=3}\", which \"^web$\" does not match",
        ),
        (
            "webhook",
            trigger(json!({"payloadConstraints": {"$.repo.size": "3"}})),
            "the value at \"$.repo.size\" is neither a string nor a list of strings",
        ),
        (
            "webhook",
            trigger(json!({"payloadConstraints": {"$.repo[?(@.name)]": "web"}})),
            "payload key \"$.repo[?(@.name)]\" is missing, and as a JSON path it cannot be read: [?(@.name)] is not supported",
        ),
        (
            "webhook",
            trigger(json!({"payloadConstraints": {"branch": "main"}})),
            "payload key \"branch\" is missing",
        ),
        (
            "webhook",
            trigger(json!({"expectedArtifactIds": ["gone"]})),
            "none of the 1 artifacts of the event matches an expected artifact (gone)",
        ),
        (
            "webhook",
            body(json!({"artifacts": null})),
            "none of the 0 artifacts of the event matches an expected artifact (image)",
        ),
        (
            "webhook",
            body(
                json!({"artifacts": [{"type": "docker/image", "name": "else/web"}, {"type": "gcs/object"}]}),
            ),
            "none of the 2 artifacts of the event matches an expected artifact (image)",
        ),
        (
            "git",
            header(json!({"source": "gitlab"})),
            "the body has no text at /object_kind",
        ),
        (
            "git",
            trigger(json!({"source": "stash"})),
            "the source is \"github\", the trigger wants \"stash\"",
        ),
        (
            "git",
            trigger(json!({"project": "other"})),
            "the project is \"acme\", the trigger wants \"other\"",
        ),
        (
            "git",
            trigger(json!({"project": null})),
            "the trigger names no project",
        ),
        (
            "git",
            trigger(json!({"slug": "api"})),
            "the slug is \"web\", the trigger wants \"api\"",
        ),
        (
            "git",
            trigger(json!({"slug": ""})),
            "the trigger names no slug",
        ),
        (
            "git",
            body(json!({"ref": "refs/heads/fix"})),
            "the branch is \"fix\", which \"main|release/.*\" does not match as a whole",
        ),
        (
            "git",
            body(json!({"ref": "refs/heads/mainline"})),
            "the branch is \"mainline\", which \"main|release/.*\" does not match as a whole",
        ),
        (
            "git",
            body(json!({"ref": "refs/tags/v1"})),
            "the branch is \"refs/tags/v1\", which \"main|release/.*\" does not match as a whole",
        ),
        (
            "git",
            trigger(json!({"events": ["pull_request:opened"]})),
            "what happened is \"push:push\", the trigger wants pull_request:opened",
        ),
        (
            "git",
            header(json!({"headers": {"x-hub-signature-256": null}})),
            "the trigger has a secret, and the webhook is not signed",
        ),
        (
            "git",
            trigger(json!({"secret": null})),
            "the webhook is signed, and the trigger has no secret to compare with",
        ),
        (
            "git",
            trigger(json!({"secret": "other"})),
            "the signature of the webhook was not made with the trigger's secret",
        ),
        (
            "git",
            header(json!({"headers": {"x-hub-signature-256": "md5=00"}})),
            "the signature of the webhook is neither sha1=… nor sha256=…",
        ),
        ("git", body(json!({"hook_id": 1})), "it is GitHub's ping"),
        (
            "git",
            body(json!({"after": null})),
            "the body has no text at /after",
        ),
        (
            "git with a shared secret",
            json!({"shared": "other"}),
            "the signature of the webhook was not made with the secret that all git triggers share",
        ),
        (
            "git with a shared secret",
            header(json!({"headers": {"x-hub-signature-256": null}})),
            "there is the secret that all git triggers share, and the webhook is not signed",
        ),
        (
            "git with a shared secret",
            json!({"shared": null}),
            "the webhook is signed, and the trigger has no secret to compare with",
        ),
        (
            "git with a shared secret",
            trigger(json!({"secret": "own"})),
            "the signature of the webhook was not made with the trigger's secret",
        ),
        (
            "docker",
            trigger(json!({"account": "other"})),
            "the account is \"hub\", the trigger wants \"other\"",
        ),
        (
            "docker",
            trigger(json!({"repository": null})),
            "the trigger names no repository",
        ),
        (
            "docker",
            trigger(json!({"tag": "v"})),
            "the tag is \"v1\", which \"v\" does not match as a whole",
        ),
        (
            "docker",
            json!({"body": {"tag": "latest"}, "trigger": {"tag": null}}),
            "the tag is \"latest\", which a trigger without a tag does not mean; one that wants it must name it",
        ),
        ("docker", body(json!({"tag": null})), "the image has no tag"),
        (
            "helm/oci",
            trigger(json!({"repository": "acme/api"})),
            "the repository is \"acme/web\", the trigger wants \"acme/api\"",
        ),
        (
            "jenkins",
            trigger(json!({"master": "other"})),
            "the master is \"ci\", the trigger wants \"other\"",
        ),
        (
            "jenkins",
            trigger(json!({"job": "web"})),
            "the job is \"team/job/web\", the trigger wants \"web\"",
        ),
        (
            "jenkins",
            body(json!({"project": {"lastBuild": {"result": "UNSTABLE"}}})),
            "the build ended as UNSTABLE, and only SUCCESS starts a pipeline",
        ),
        (
            "jenkins",
            body(json!({"project": {"lastBuild": {"building": true}}})),
            "the build is not over",
        ),
        (
            "jenkins",
            trigger(json!({"payloadConstraints": {"BRANCH": "main"}})),
            "the trigger has payloadConstraints and names no propertyFile whose values they are about",
        ),
        (
            "travis",
            trigger(json!({"payloadConstraints": {"BRANCH": "main"}})),
            "the property file \"travis\" of the build is not known",
        ),
        (
            "concourse",
            trigger(json!({"job": null})),
            "the trigger names no job",
        ),
        (
            "gitlab-ci",
            trigger(json!({"master": null})),
            "the trigger names no master",
        ),
        (
            "helm",
            trigger(json!({"account": "other"})),
            "the account is \"charts\", the trigger wants \"other\"",
        ),
        (
            "helm",
            trigger(json!({"version": "~1.1"})),
            "the version is \"1.2.3\", which is not in the range \"~1.1\"",
        ),
        (
            "artifactory",
            trigger(json!({"artifactorySearchName": "x"})),
            "the search is \"releases\", the trigger wants \"x\"",
        ),
        (
            "nexus",
            trigger(json!({"nexusSearchName": "x"})),
            "the search is \"releases\", the trigger wants \"x\"",
        ),
        (
            "nexus",
            body(json!({"action": "DELETED"})),
            "the action is \"DELETED\", and only CREATED and UPDATED count",
        ),
        (
            "plugin",
            trigger(json!({"pluginEventType": "ENABLED"})),
            "the event is \"PUBLISHED\", the trigger wants \"ENABLED\"",
        ),
        (
            "s3",
            trigger(json!({"key": "out/.*"})),
            "the key is \"in/a.csv\", which \"out/.*\" does not match as a whole",
        ),
        (
            "cron",
            trigger(json!({"id": "daily"})),
            "it is the instant of another schedule of this pipeline",
        ),
        (
            "cron",
            trigger(json!({"cronExpression": "0 0 1 * * ?"})),
            "the schedule was \"0 0 * * * ?\" at that instant, and is \"0 0 1 * * ?\" now",
        ),
        (
            "cron",
            trigger(json!({"enabled": false})),
            "the trigger is not enabled",
        ),
        (
            "cdevents",
            trigger(json!({"source": "argo"})),
            "the source is \"tekton\", the trigger wants \"argo\"",
        ),
        (
            "cdevents",
            header(json!({"headers": {"ce-type": null}})),
            "the attribute \"Ce-Type\" is missing",
        ),
        (
            "cdevents",
            trigger(json!({"attributeConstraints": {"Ce-Type": "dev.cdevents.artifact"}})),
            "the attribute \"Ce-Type\" is \"dev.cdevents.artifact.packaged.0.1.1\", the trigger wants \"dev.cdevents.artifact\"",
        ),
        (
            "cdevents",
            body(json!({"subject": {"id": "img:web"}})),
            "payload \"$.subject.id\" is \"img:web\", which \"^pkg:\" does not match",
        ),
        (
            "cdevents",
            json!({"body": {"customData": {"artifacts": null}, "artifacts": [{"type": "docker/image", "name": "acme/web"}]}}),
            "none of the 0 artifacts of the event matches an expected artifact (image)",
        ),
        (
            "pubsub",
            trigger(json!({"pubsubSystem": "amazon"})),
            "the pubsubSystem is \"google\", the trigger wants \"amazon\"",
        ),
        (
            "pubsub",
            trigger(json!({"subscriptionName": "other"})),
            "the subscriptionName is \"builds\", the trigger wants \"other\"",
        ),
        (
            "pubsub",
            trigger(json!({"subscriptionName": null})),
            "the trigger names no subscriptionName",
        ),
        (
            "pubsub",
            body(json!({"payload": {"status": "failed"}})),
            "payload \"status\" is \"failed\", which \"done\" does not match",
        ),
        (
            "pubsub",
            trigger(json!({"payloadConstraints": {"$.repo.name": "web"}})),
            "payload key \"$.repo.name\" is missing",
        ),
        (
            "pubsub",
            body(json!({"attributes": {"kind": null}})),
            "attribute key \"kind\" is missing",
        ),
        (
            "pubsub",
            body(json!({"attributes": {"kind": "chart"}})),
            "attribute \"kind\" is \"chart\", which \"image\" does not match",
        ),
        (
            "pubsub",
            body(json!({"payload": {"status": null}, "unreadable": "it is no JSON object"})),
            "the message cannot be read: it is no JSON object",
        ),
    ]
}

#[test]
fn each_event_that_did_not_fire_has_the_one_right_reason() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    for (name, change, expected) in cases {
        let mut situation = situation(name);
        assert_eq!(verdict(&situation), None, "{name} fires as it stands");
        patch(&mut situation, change.clone());
        assert_eq!(
            verdict(&situation).as_deref(),
            Some(expected),
            "{name} {change}"
        );
    }
}

#[test]
fn every_type_has_cases() {
    for kind in &TYPES {
        let has_cases = cases().iter().any(|(name, ..)| *name == kind.name);
        assert!(has_cases, "{} has no case in this file", kind.name);
    }
}

#[test]
fn a_pattern_that_takes_too_long_is_the_reason() {
    let mut situation = situation("webhook");
    let change = json!({"body": {"env": "a".repeat(200)}, "trigger": {"payloadConstraints": {"env": "^(?=(a+)+$)(a+)+b\\1$"}}});
    patch(&mut situation, change);
    let reason = verdict(&situation).unwrap();
    assert!(
        reason.starts_with("the regular expression") && reason.contains("took too many steps"),
        "{reason}"
    );
}
