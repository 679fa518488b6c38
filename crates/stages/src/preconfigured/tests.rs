use gennaker_engine::Catalogue as _;

use super::*;
use crate::{CATALOGUE, Catalogue, testing};

fn webhook(kind: &str, properties: Value) -> PreconfiguredWebhook {
    PreconfiguredWebhook {
        kind: kind.to_owned(),
        label: "Tell the team".to_owned(),
        description: None,
        parameters: vec![
            parameter("room", Some("general"), false),
            parameter("text", None, true),
        ],
        parameter_data: None,
        properties: properties.as_object().unwrap().clone(),
        has_secrets: false,
    }
}

fn parameter(name: &str, default: Option<&str>, required: bool) -> Parameter {
    Parameter {
        name: name.to_owned(),
        label: name.to_owned(),
        description: None,
        default: default.map(str::to_owned),
        order: 0,
        required,
    }
}

fn plan(catalogue: &Catalogue, stage: Value) -> Result<Plan, PlanError> {
    let execution = testing::execution(&json!([]), &json!({"type": "manual"}));
    let mut context = stage.as_object().unwrap().clone();
    context.shift_remove("type");
    let held = testing::stage(stage["type"].as_str().unwrap(), context);
    let alias = held.context.get("alias").and_then(Value::as_str);
    let kind = alias.unwrap_or(&held.kind).to_owned();
    let context = PlanContext {
        execution: &execution,
        stage: &held,
        now: 1,
    };
    catalogue.stage(&kind).unwrap().plan(&context)
}

#[test]
fn what_is_preconfigured_wins_and_parameters_have_defaults() {
    let properties = json!({"url": "https://x.io/${parameterValues['room']}", "method": "PUT", "waitForCompletion": true});
    let catalogue = Catalogue::with_webhooks(vec![webhook("tell", properties)]).unwrap();
    for stage in [
        json!({"type": "tell", "alias": "preconfiguredWebhook", "url": "https://evil.io", "payload": "mine",
               "parameterValues": {"text": "hi"}}),
        json!({"type": "tell", "parameterValues": {"text": "hi", "room": null}}),
    ] {
        let plan = plan(&catalogue, stage).unwrap();
        let names: Vec<&str> = plan.tasks.iter().map(|task| task.name).collect();
        assert_eq!(names, ["createWebhook", "monitorWebhook"]);
        assert_eq!(
            Value::Object(plan.context),
            json!({"url": "https://x.io/${parameterValues['room']}", "method": "PUT", "waitForCompletion": true,
                   "parameterValues": {"text": "hi", "room": "general"}})
        );
    }
}

#[test]
fn bad_parameters_are_named() {
    let catalogue = Catalogue::with_webhooks(vec![webhook("tell", json!({}))]).unwrap();
    for (values, message) in [
        (
            json!({}),
            "a stage of type tell needs a value for parameter text",
        ),
        (
            json!({"text": " "}),
            "a stage of type tell needs a value for parameter text",
        ),
        (
            json!({"text": "a", "room": ["x"]}),
            "parameter room of a stage of type tell must be a text",
        ),
        (
            json!("text"),
            "parameterValues of a stage of type tell must be an object",
        ),
    ] {
        let stage = json!({"type": "tell", "parameterValues": values});
        assert_eq!(plan(&catalogue, stage).unwrap_err().message, message);
    }
}

#[test]
fn a_type_that_nobody_has_added_is_not_found() {
    let catalogue = Catalogue::with_webhooks(vec![webhook("tell", json!({}))]).unwrap();
    let stage = json!({"type": "ask", "alias": "preconfiguredWebhook"});
    let error = plan(&catalogue, stage).unwrap_err();
    assert_eq!(error.class, "PreconfiguredWebhookNotFoundException");
    assert_eq!(error.message, "Could not find a stage named 'ask'");
    assert!(CATALOGUE.stage("tell").is_none());
}

#[test]
fn only_a_type_with_secrets_carries_its_name() {
    let mut secret = webhook("tell", json!({"url": "https://x.io"}));
    secret.has_secrets = true;
    let plain = webhook("ask", json!({"url": "https://y.io"}));
    let catalogue = Catalogue::with_webhooks(vec![secret, plain]).unwrap();
    let name = |kind: &str| {
        let stage =
            json!({"type": kind, "parameterValues": {"text": "a"}, "preconfiguredWebhook": "tell"});
        plan(&catalogue, stage).unwrap().context[NAME_KEY].clone()
    };
    assert_eq!(name("tell"), "tell");
    assert_eq!(name("ask"), Value::Null);
    assert_eq!(name("webhook"), Value::Null, "written by hand");
    // Nor can a patch set it, or change where the call goes.
    let patch = json!({NAME_KEY: "tell", "url": "https://evil.io", "comments": "x"});
    let patch = || patch.as_object().unwrap().clone();
    let running = json!({NAME_KEY: "tell"});
    let tell = catalogue.stage("tell").unwrap();
    let patched = tell.patched(running.as_object().unwrap(), patch(), None);
    assert_eq!(Value::Object(patched), json!({"comments": "x"}));
    let webhook = catalogue.stage("webhook").unwrap();
    let patched = webhook.patched(&Map::new(), patch(), None);
    assert_eq!(
        Value::Object(patched),
        json!({"url": "https://evil.io", "comments": "x"})
    );
}

#[test]
fn names_are_taken_once() {
    let taken = |kinds: &[&str]| {
        let webhooks = kinds.iter().map(|kind| webhook(kind, json!({})));
        Catalogue::with_webhooks(webhooks.collect())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        taken(&["wait"]),
        r#""wait" is the name of another stage type"#
    );
    assert_eq!(
        taken(&["jira"]),
        r#""jira" is the name of another stage type"#
    );
    assert_eq!(
        taken(&["preconfiguredWebhook"]),
        r#""preconfiguredWebhook" is the name of another stage type"#
    );
    assert_eq!(
        taken(&["a", "a"]),
        r#""a" is the name of another stage type"#
    );
}

#[test]
fn the_web_interface_is_told_what_is_left_to_set() {
    let all = |properties: Value| webhook("tell", properties).has_no_configurable_fields();
    let four = json!({"url": "u", "customHeaders": {}, "method": "POST", "payload": "p", "waitForCompletion": false});
    assert!(all(four.clone()));
    assert!(!all(json!({"url": "u"})));
    let mut without = four.as_object().unwrap().clone();
    without.shift_remove("payload");
    assert!(!all(Value::Object(without)));
    let mut whole: Map = PROPERTIES
        .iter()
        .map(|name| ((*name).to_owned(), json!("x")))
        .collect();
    whole.insert("waitForCompletion".to_owned(), json!(true));
    whole.shift_remove("statusUrlJsonPath");
    assert!(all(Value::Object(whole.clone())));
    whole.insert("statusUrlResolution".to_owned(), json!("webhookResponse"));
    assert!(!all(Value::Object(whole)));
    let order = webhook("tell", json!({"payload": "p", "url": "u"})).preconfigured_properties();
    assert_eq!(order, ["url", "payload"]);
}
