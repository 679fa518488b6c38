//! The second generation: whole expansions.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use gennaker_templates::{Expansion, Need, Request};
use serde_json::{Value, json};
use support::{World, map, shown};

const TEMPLATE: &str = r#"
schema: v2
id: deploy
metadata: {name: Deploy, description: d, scopes: [global]}
variables:
- {name: team, type: string, defaultValue: "team-${application}"}
- {name: wait, type: int, defaultValue: 5}
- {name: tag, type: string, defaultValue: "${trigger.parameters.tag}"}
- {name: note, nullable: true}
pipeline:
  spelEvaluator: v4
  limitConcurrent: false
  lastModifiedBy: author
  triggers: [{type: cron, enabled: true}, {type: webhook, source: s}]
  parameterConfig: [{name: tag, default: latest}]
  notifications: [{type: slack}]
  expectedArtifacts: [{id: image}]
  stages:
  - {refId: "1", type: wait, name: W, requisiteStageRefIds: [], waitTime: "${templateVariables.wait}"}
  - {refId: "2", type: noop, requisiteStageRefIds: ["1"]}
"#;

fn config(reference: &str, more: Value) -> Value {
    let mut config = map(json!({
        "schema": "v2", "application": "shop", "name": "My pipe", "id": "p-1", "type": "templatedPipeline",
        "template": {"artifactAccount": "front50ArtifactCredentials", "reference": reference, "type": "front50/pipelineTemplate"},
    }));
    config.extend(map(more));
    config.into()
}

fn world() -> World {
    World::with(&[
        ("deploy", TEMPLATE),
        ("deploy:stable", TEMPLATE),
        ("deploy@sha256:abc", TEMPLATE),
    ])
    .triggered(json!({"type": "manual", "parameters": {"tag": "v7", "which": "deploy"}}))
}

#[test]
fn the_pipeline_of_the_template_is_taken_whole() {
    let config = config(
        "spinnaker://deploy",
        json!({"variables": {"wait": 9, "unknown": 1}, "triggers": [{"type": "git"}, {"type": "git"}],
               "parameters": [{"name": "own"}], "notifications": [{"type": "slack"}], "description": "mine",
               "stages": [], "expectedArtifacts": [{"id": "dropped"}], "maxConcurrentExecutions": 3}),
    );
    let inherited = |mut thing: Value| {
        thing["inherited"] = json!(true);
        thing
    };
    assert_eq!(
        world().pipeline(&config),
        json!({
            "spelEvaluator": "v4", "limitConcurrent": false, "lastModifiedBy": "author",
            "triggers": [inherited(json!({"type": "cron", "enabled": true})),
                         inherited(json!({"type": "webhook", "source": "s"})), {"type": "git"}],
            "parameterConfig": [inherited(json!({"name": "tag", "default": "latest"})), {"name": "own"}],
            "notifications": [inherited(json!({"type": "slack"})), {"type": "slack"}],
            "expectedArtifacts": [{"id": "image"}],
            "stages": [
                {"refId": "1", "type": "wait", "name": "W", "requisiteStageRefIds": [], "waitTime": "${templateVariables.wait}"},
                {"refId": "2", "type": "noop", "requisiteStageRefIds": ["1"]}],
            "id": "p-1", "application": "shop", "name": "My pipe",
            "maxConcurrentExecutions": 3, "keepWaitingPipelines": false,
            "templateVariables": {"wait": 9, "team": "team-shop", "tag": "v7"},
            "source": {"type": "templatedPipeline", "version": "v2"},
        })
    );
}

#[test]
fn what_is_excluded_is_not_inherited() {
    let config = config(
        "spinnaker://deploy",
        json!({"exclude": ["triggers", "parameters", "notifications"], "triggers": [{"type": "git"}]}),
    );
    let pipeline = world().pipeline(&config);
    assert_eq!(pipeline["triggers"], json!([{"type": "git"}]));
    assert_eq!(pipeline["parameterConfig"], json!([]));
    assert_eq!(pipeline["notifications"], json!([]));
}

#[test]
fn every_form_of_a_reference_finds_its_version() {
    for reference in [
        "spinnaker://deploy",
        "spinnaker://deploy:stable",
        "spinnaker://deploy@sha256:abc",
        "spinnaker://deploy@abc",
        "spinnaker://deploy:stable@sha256:abc",
        "spinnaker://${trigger.parameters.which}",
    ] {
        let pipeline = world().pipeline(&config(reference, json!({})));
        assert_eq!(pipeline["name"], "My pipe", "{reference}");
    }
}

#[test]
fn a_template_may_lie_at_an_address() {
    for (kind, reference) in [
        ("http/file", "https://x.io/deploy"),
        ("front50/pipelineTemplate", "http://x.io/deploy"),
        ("http/file", "file:///templates/deploy"),
    ] {
        let mut config = config(reference, json!({}));
        config["template"]["type"] = json!(kind);
        assert_eq!(world().pipeline(&config)["name"], "My pipe", "{reference}");
    }
    let mut config = config("https://api.github.com/deploy", json!({}));
    config["template"]["type"] = json!("github/file");
    let told = world().problems(&config)[0].to_value().to_string();
    assert!(
        told.contains("artifacts of other types are not fetched"),
        "{told}"
    );
}

#[test]
fn stages_of_the_configuration_replace_and_are_injected() {
    let config = config(
        "spinnaker://deploy",
        json!({"stages": [
            {"refId": "2", "type": "wait", "requisiteStageRefIds": ["1"], "waitTime": 1},
            {"refId": "first", "type": "wait", "inject": {"first": true}},
            {"refId": "3", "type": "wait", "requisiteStageRefIds": ["2"]}]}),
    );
    assert_eq!(
        shown(&world().pipeline(&config)),
        [
            "first< wait {}",
            "1<first wait {\"name\":\"W\",\"waitTime\":\"${templateVariables.wait}\"}",
            "2<1 wait {\"waitTime\":1}",
            "3<2 wait {}",
        ]
    );
}

#[test]
fn what_others_see_of_it_holds_what_is_inherited() {
    let config = config("spinnaker://deploy", json!({"triggers": [{"type": "git"}]}));
    let surface = world().surface(&config);
    assert_eq!(surface["triggers"].as_array().unwrap().len(), 3);
    assert_eq!(surface["expectedArtifacts"], json!([{"id": "image"}]));
    assert_eq!(surface["template"], config["template"]);
    assert!(surface.get("stages").is_none());
}

#[test]
fn a_document_without_type_is_known_by_its_template() {
    let mut config = config("spinnaker://deploy", json!({}));
    config.as_object_mut().unwrap().shift_remove("type");
    assert_eq!(world().pipeline(&config)["id"], "p-1");
    config.as_object_mut().unwrap().shift_remove("template");
    assert_eq!(world().expand(&config), Expansion::Plain);
}

#[test]
fn the_template_is_asked_for_first() {
    let config = map(config("spinnaker://deploy:x", json!({})));
    let (trigger, limits) = (
        gennaker_model::Map::new(),
        gennaker_expressions::Limits::default(),
    );
    let request = Request {
        config: &config,
        trigger: &trigger,
        plan: false,
        now_ms: 0,
        seed: 0,
        limits: &limits,
    };
    assert_eq!(
        gennaker_templates::expand(&request, &|_| None),
        Expansion::Needs(Need::Template("deploy:x".to_owned()))
    );
}
