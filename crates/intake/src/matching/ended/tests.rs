use gennaker_engine::announcement::{Announcement, Moment};

use super::*;
use crate::matching::{Verdict, consider, decode, encode, is_near};

fn parent(more: Value) -> Execution {
    let image = json!({"type": "docker/image", "name": "shop", "reference": "shop:1"});
    let mut parent = json!({
        "type": "PIPELINE", "id": "01J5PARENT", "rootId": "01J5ROOT", "application": "shop", "name": "build", "pipelineConfigId": "parent",
        "buildTime": 1, "startTime": 5, "status": "SUCCEEDED", "authentication": {"user": "ann"},
        "trigger": {"type": "manual", "user": "carol", "dryRun": true, "artifacts": []},
        "stages": [{"id": "S", "refId": "1", "requisiteStageRefIds": [], "type": "bake", "name": "Bake", "status": "SUCCEEDED",
                    "context": {}, "outputs": {"artifacts": [image]}, "tasks": []}],
    });
    parent
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(parent).unwrap()
}

fn ended(execution: Execution) -> Event {
    let telling = Telling {
        number: 3,
        announcement: Announcement {
            about: About::Execution,
            moment: Moment::of_end(execution.status),
            at: 9,
            status: execution.status,
            triggers: true,
            forwarded: false,
        },
        execution,
    };
    let (header, body) = event(&telling).unwrap();
    assert_eq!(
        (header.id.as_str(), header.at_ms),
        ("pipeline-01J5PARENT.3", 9)
    );
    decode(&encode(&header, body.to_string().as_bytes())).unwrap()
}

fn child(trigger: Value, more: Value) -> Map {
    let mut whole = json!({"type": "pipeline", "enabled": true, "application": "other", "pipeline": "parent", "status": ["successful"]});
    whole
        .as_object_mut()
        .unwrap()
        .extend(trigger.as_object().unwrap().clone());
    let mut config =
        json!({"id": "child", "name": "deploy", "application": "shop", "triggers": [whole]});
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    config.as_object().unwrap().clone()
}

fn verdict(event: &Event, config: &Map) -> Verdict {
    let mut found = consider(event, config);
    assert_eq!(found.len(), 1);
    found.remove(0).1
}

fn fires(event: &Event, config: &Map) -> Map {
    match verdict(event, config) {
        Verdict::Fires(trigger) => *trigger,
        Verdict::Passes(reason) => panic!("{reason}"),
    }
}

#[test]
fn list_14_10_a_child_gets_its_parent_whole_and_a_correlation_of_its_own() {
    let event = ended(parent(json!({})));
    let expected = json!({"expectedArtifacts": [
        {"id": "mine", "matchArtifact": {"type": "docker/image", "name": "shop"}},
        {"id": "other", "matchArtifact": {"type": "docker/image", "name": "cart"}}]});
    let config = child(json!({"expectedArtifactIds": ["asked"]}), expected);
    let trigger = fires(&event, &config);
    assert_eq!(trigger["type"], "pipeline");
    assert_eq!(trigger["user"], "carol");
    assert_eq!(trigger["dryRun"], true);
    assert_eq!(trigger["strategy"], false);
    assert_eq!(trigger["parameters"], json!({}));
    assert_eq!(trigger["parentPipelineStageId"], Value::Null);
    assert_eq!(trigger["correlationId"], "01J5PARENT_null_child_5");
    assert_eq!(trigger["expectedArtifactIds"], json!(["asked", "mine"]));
    assert_eq!(trigger["artifacts"][0]["reference"], "shop:1");
    assert_eq!(trigger["parentExecution"]["stages"][0]["name"], "Bake");
    assert_eq!(trigger["parentExecution"]["rootId"], "01J5ROOT");
}

#[test]
fn list_14_10_the_words_of_statuses() {
    for (status, wanted) in [
        ("SUCCEEDED", "successful"),
        ("TERMINAL", "failed"),
        ("STOPPED", "failed"),
        ("CANCELED", "canceled"),
        ("SUSPENDED", "suspended"),
    ] {
        let event = ended(parent(json!({ "status": status })));
        for word in ["successful", "failed", "canceled", "suspended"] {
            let config = child(json!({"status": [word, "x"]}), json!({}));
            match verdict(&event, &config) {
                Verdict::Fires(_) => assert_eq!(word, wanted),
                Verdict::Passes(reason) => {
                    assert_ne!(word, wanted);
                    let told = format!(
                        "the execution of \"build\" ended as \"{wanted}\", the trigger wants {word}, x"
                    );
                    assert_eq!(reason, told);
                }
            }
        }
    }
}

#[test]
fn each_reason_not_to_fire_is_told() {
    let event = ended(parent(json!({})));
    for (trigger, more, reason) in [
        (
            json!({}),
            json!({"disabled": true}),
            "the pipeline is disabled",
        ),
        (
            json!({"enabled": false}),
            json!({}),
            "the trigger is not enabled",
        ),
        (
            json!({"pipeline": null}),
            json!({}),
            "the trigger names no pipeline",
        ),
        (
            json!({"pipeline": "else"}),
            json!({}),
            "the pipeline \"build\" with the id \"parent\" has ended, the trigger waits for \"else\"",
        ),
        (
            json!({"status": []}),
            json!({}),
            "the trigger lists no status",
        ),
    ] {
        let config = child(trigger, more);
        assert_eq!(verdict(&event, &config), Verdict::Passes(reason.to_owned()));
    }
    assert!(is_near(&event, &child(json!({"status": []}), json!({})), 0));
    assert!(!is_near(
        &event,
        &child(json!({"pipeline": "else"}), json!({})),
        0
    ));
}

#[test]
fn nobody_outside_can_say_that_a_pipeline_ended() {
    let mut event = ended(parent(json!({})));
    event.header.origin = Origin::Outside;
    assert_eq!(consider(&event, &child(json!({}), json!({}))), []);
}

#[test]
fn who_the_child_runs_as() {
    let event = ended(parent(json!({"trigger": {"type": "cron"}})));
    assert_eq!(fires(&event, &child(json!({}), json!({})))["user"], "ann");
    let as_bot = child(json!({"runAsUser": "bot"}), json!({}));
    assert_eq!(fires(&event, &as_bot)["user"], "bot");
}

#[test]
fn an_end_that_no_artifact_fits_still_fires() {
    // The start of the child fails then, as in Orca, where people see it.
    let expected =
        json!({"expectedArtifacts": [{"id": "x", "matchArtifact": {"type": "git/repo"}}]});
    let config = child(json!({"expectedArtifactIds": ["x"]}), expected);
    fires(&ended(parent(json!({}))), &config);
}
