//! Pipelines made from templates, from a request to the last stage: a real gate and a real scheduler over the in-memory broker.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use axum::{Router, body::Body, http::Request};
use gennaker_bus::{Bus, Layout, layout, memory::Broker};
use gennaker_gate::{Config as GateConfig, Gate};
use gennaker_model::Map;
use gennaker_runtime::{CancellationToken, Clock, Scope};
use gennaker_scheduler::{Config, Scheduler};
use gennaker_store::Store;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const NOW: i64 = 1_800_000_000_000;

const PARTITIONS: u32 = 2;

struct World {
    router: Router,
    store: Store,
    _scope: Scope,
}

impl World {
    async fn new() -> Self {
        let broker = Broker::new(1);
        let clock = Clock::simulated(NOW);
        let bus = Bus::memory(&broker, "gate");
        let layout = Layout {
            partitions: PARTITIONS,
            pools: vec![layout::Pool {
                name: "notify".into(),
                limit: 20,
                ack_wait: Duration::from_secs(30),
            }],
            ..Layout::default()
        };
        bus.bootstrap(&layout).await.unwrap();
        let theirs = Bus::memory(&broker, "scheduler");
        let store = Store::new(&theirs);
        let config = Config::new("one", PARTITIONS, 11);
        let scheduler = Scheduler::new(config, theirs, store, clock.clone());
        let scope = Scope::root("one");
        let inner = scope.clone();
        scope.spawn("scheduler", async move {
            scheduler.run(inner.child("partitions")).await
        });
        let store = Store::new(&bus);
        let cached = store.clone();
        scope.spawn("cache", async move {
            cached.run(CancellationToken::new()).await
        });
        let config = GateConfig {
            partitions: PARTITIONS,
            ..GateConfig::default()
        };
        let gate = Gate::new(bus, store.clone(), clock, config).unwrap();
        Self {
            router: gate.router(Router::new(), true),
            store,
            _scope: scope,
        }
    }

    async fn template(&self, template: Value) {
        let template = map(template);
        let saved = match template["schema"] == "v2" {
            true => self.store.create_template(&template, None, "me", NOW).await,
            false => {
                self.store
                    .save_template_v1(None, &template, "me", NOW)
                    .await
            }
        };
        saved.unwrap();
    }

    async fn pipeline(&self, id: &str, pipeline: Value) {
        let saved = self.store.pipelines();
        saved
            .save(&map(pipeline), id, "me", false, NOW)
            .await
            .unwrap();
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// Starts a pipeline and waits for its end.
    async fn run(&self, path: &str, trigger: Value) -> Value {
        let (status, answer) = self.call("POST", path, &trigger).await;
        assert!(status == 202 || status == 200, "{status} {answer}");
        self.ended(answer["ref"].as_str().unwrap()).await
    }

    async fn ended(&self, path: &str) -> Value {
        for _ in 0..600 {
            let (status, document) = self.call("GET", path, &Value::Null).await;
            if status == 200 && document["endTime"].is_i64() {
                return document;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{path} does not end");
    }
}

fn map(value: Value) -> Map {
    value.as_object().cloned().unwrap()
}

fn first_template() -> Value {
    json!({
        "schema": "1", "id": "waits", "metadata": {"name": "n", "description": "d", "scopes": ["global"]},
        "variables": [{"name": "times", "type": "list"}],
        "configuration": {"parameters": [{"name": "extra", "default": "7", "required": true}]},
        "stages": [
            {"id": "begin", "type": "wait", "config": {"waitTime": 1, "from": "{{ trigger.parameters.extra }}"}},
            {"id": "each", "type": "wait", "dependsOn": ["begin"], "loopWith": "{{ times }}", "config": {"waitTime": "{{ templateLoop.value }}"}},
            {"id": "never", "type": "wait", "dependsOn": ["each"], "when": ["{{ times|length > 9 }}"], "config": {"waitTime": 1}},
            {"id": "end", "type": "wait", "dependsOn": ["never"], "config": {"waitTime": 1}},
        ],
    })
}

fn first_pipeline(variables: Value) -> Value {
    json!({
        "application": "shop", "name": "First", "type": "templatedPipeline",
        "config": {"schema": "1", "configuration": {"inherit": ["parameters"]},
                   "pipeline": {"application": "shop", "name": "First", "template": {"source": "spinnaker://waits"}, "variables": variables}},
    })
}

fn second_template() -> Value {
    json!({
        "schema": "v2", "id": "second", "metadata": {"name": "n", "description": "d", "scopes": ["global"]},
        "variables": [{"name": "wait", "type": "int", "defaultValue": 1}, {"name": "team", "type": "string"}],
        "pipeline": {"spelEvaluator": "v4", "parameterConfig": [{"name": "p", "default": "d"}], "stages": [
            {"refId": "1", "type": "wait", "name": "Wait for ${templateVariables.team}", "waitTime": "${templateVariables.wait}", "requisiteStageRefIds": []},
            {"refId": "2", "type": "wait", "waitTime": 1, "said": "${parameters.p}", "requisiteStageRefIds": ["1"]}]},
    })
}

fn second_pipeline(variables: Value) -> Value {
    json!({"application": "shop", "name": "Second", "schema": "v2", "type": "templatedPipeline", "variables": variables,
           "template": {"artifactAccount": "front50ArtifactCredentials", "reference": "spinnaker://second", "type": "front50/pipelineTemplate"}})
}

fn stage<'d>(document: &'d Value, ref_id: &str) -> &'d Value {
    let stages = document["stages"].as_array().unwrap();
    let found = stages.iter().find(|it| it["refId"] == ref_id);
    found.unwrap_or_else(|| panic!("{ref_id} in {document}"))
}

#[tokio::test(start_paused = true)]
async fn pipelines_of_both_generations_run_to_their_end() {
    let world = World::new().await;
    world.template(first_template()).await;
    world.template(second_template()).await;
    let saved = first_pipeline(json!({"times": [1, 2]}));
    world.pipeline("id-1", saved.clone()).await;
    world
        .pipeline("id-2", second_pipeline(json!({"team": "blue"})))
        .await;

    let document = world
        .run("/pipelines/shop/First", json!({"type": "manual"}))
        .await;
    assert_eq!(document["status"], "SUCCEEDED", "{document}");
    let ids: Vec<&str> = document["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["refId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert_eq!(
        stage(&document, "end")["requisiteStageRefIds"],
        json!(["each0", "each1"])
    );
    assert_eq!(stage(&document, "each1")["context"]["waitTime"], 2);
    assert_eq!(
        stage(&document, "begin")["context"]["from"],
        7,
        "a default of a parameter"
    );
    assert_eq!(
        document["source"],
        json!({"id": "spinnaker://waits", "type": "templatedPipeline", "version": "v1"})
    );
    assert_eq!(document["limitConcurrent"], true);
    assert_eq!(document["pipelineConfigId"], "id-1");
    // What was saved is what was sent.
    let (_, stored) = world
        .call(
            "GET",
            "/applications/shop/pipelineConfigs/First",
            &Value::Null,
        )
        .await;
    assert_eq!(
        (&stored["config"], &stored["stages"]),
        (&saved["config"], &Value::Null)
    );

    let trigger = json!({"type": "manual", "parameters": {"p": "given"}});
    let document = world.run("/pipelines/v2/shop/Second", trigger).await;
    assert_eq!(document["status"], "SUCCEEDED", "{document}");
    assert_eq!(stage(&document, "1")["context"]["waitTime"], 1);
    assert_eq!(stage(&document, "2")["context"]["said"], "given");
    assert_eq!(
        document["templateVariables"],
        json!({"wait": 1, "team": "blue"})
    );
    assert_eq!(
        document["source"],
        json!({"type": "templatedPipeline", "version": "v2"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_child_pipeline_may_be_made_from_a_template() {
    let world = World::new().await;
    world.template(second_template()).await;
    world
        .pipeline("id-2", second_pipeline(json!({"team": "blue"})))
        .await;
    let parent = json!({"application": "shop", "name": "Parent", "stages": [
        {"refId": "1", "type": "pipeline", "application": "shop", "pipeline": "id-2", "pipelineParameters": {"p": "from above"}}]});
    world.pipeline("id-3", parent).await;
    let document = world.run("/pipelines/shop/Parent", json!({})).await;
    assert_eq!(document["status"], "SUCCEEDED", "{document}");
    let child = stage(&document, "1")["context"]["executionId"]
        .as_str()
        .unwrap();
    let child = world.ended(&format!("/pipelines/{child}")).await;
    assert_eq!(stage(&child, "2")["context"]["said"], "from above");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_cannot_be_expanded_is_refused_and_recorded() {
    let world = World::new().await;
    world.template(first_template()).await;
    world.pipeline("id-1", first_pipeline(json!({}))).await;
    let (status, answer) = world
        .call("POST", "/pipelines/shop/First", &json!({}))
        .await;
    let errors = json!([{"severity": "FATAL", "message": "malformed template configuration", "cause": "[Pipeline Config: application='shop', name='First', id='id-1'] Missing variable values for: times"}]);
    assert_eq!((status, &answer["errors"]), (400, &errors), "{answer}");
    assert_eq!(
        answer["message"],
        "Unable to trigger pipeline (application: shop, pipelineNameOrId: First). Error: Pipeline template is invalid"
    );
    let (_, listed) = world
        .call(
            "GET",
            "/executions?pipelineConfigIds=id-1&limit=5",
            &Value::Null,
        )
        .await;
    assert_eq!(listed[0]["status"], "TERMINAL", "{listed}");
    assert_eq!(
        listed[0]["cancellationReason"],
        "Failed on startup: Pipeline template is invalid\n\nMessage: malformed template configuration\n\n\
         Cause: [Pipeline Config: application='shop', name='First', id='id-1'] Missing variable values for: times"
    );
    assert_eq!(
        (&listed[0]["name"], &listed[0]["application"]),
        (&json!("First"), &json!("shop"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_would_run() {
    let world = World::new().await;
    world.template(first_template()).await;
    world.template(second_template()).await;
    // As roer sends it: the template need not be stored.
    let mut template = first_template();
    template["stages"][0]["config"]["from"] = json!("plan");
    let mut config = first_pipeline(json!({"times": [3]}));
    config["plan"] = json!(true);
    config["template"] = template;
    let (status, plan) = world.call("POST", "/pipelines/start", &config).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(stage(&plan, "begin")["from"], "plan");
    assert_eq!(plan["trigger"]["type"], "manual");
    config["config"]["pipeline"]["variables"] = json!({"times": "x"});
    let (status, refused) = world.call("POST", "/pipelines/start", &config).await;
    assert_eq!(
        (status, &refused["message"]),
        (400, &json!("Pipeline template is invalid"))
    );
    assert_eq!(
        refused["errors"][0]["cause"],
        "[Pipeline Config: application='shop', name='First'] Incorrectly defined variable(s): times (expected type 'list' found type 'String')"
    );

    let (status, plan) = world
        .call(
            "POST",
            "/v2/pipelineTemplates/plan",
            &second_pipeline(json!({"team": "red"})),
        )
        .await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(plan["templateVariables"], json!({"wait": 1, "team": "red"}));
    assert_eq!(
        stage(&plan, "1")["name"],
        "Wait for ${templateVariables.team}",
        "stages are evaluated when they run"
    );
    let (status, refused) = world
        .call(
            "POST",
            "/v2/pipelineTemplates/plan",
            &second_pipeline(json!({})),
        )
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        refused["errors"][0]["cause"],
        "[Pipeline Config: application='shop', name='Second'] Missing variable values for: team"
    );
}

#[tokio::test(start_paused = true)]
async fn templates_are_resolved_and_pipelines_converted() {
    let world = World::new().await;
    world.template(first_template()).await;
    let child = json!({"schema": "1", "id": "child", "source": "spinnaker://waits", "metadata": {"name": "c"},
                       "variables": [{"name": "times", "defaultValue": [1], "merge": true}], "stages": [{"id": "more", "type": "wait"}]});
    world.template(child).await;
    let (status, template) = world
        .call(
            "GET",
            "/pipelineTemplates/resolve?source=spinnaker%3A%2F%2Fchild",
            &Value::Null,
        )
        .await;
    assert_eq!(status, 200, "{template}");
    assert_eq!(
        template["variables"],
        json!([{"name": "times", "type": "list", "defaultValue": [1]}])
    );
    assert_eq!(template["stages"].as_array().unwrap().len(), 5);
    assert_eq!(
        (&template["metadata"]["name"], &template["source"]),
        (&json!("c"), &json!("spinnaker://waits"))
    );
    let (status, _) = world
        .call(
            "GET",
            "/pipelineTemplates/resolve?source=spinnaker%3A%2F%2Fgone",
            &Value::Null,
        )
        .await;
    assert_eq!(status, 400);
    assert_eq!(
        world
            .call("GET", "/pipelineTemplates/resolve", &Value::Null)
            .await
            .0,
        400
    );

    let mut config = first_pipeline(json!({"times": [1]}));
    config["schema"] = json!("1");
    config["config"]["pipeline"]["template"]["source"] = json!("spinnaker://child");
    world.pipeline("id-1", config).await;
    world.store.catch_up().await.unwrap();
    let path = "/pipelineTemplates/waits/dependents";
    assert_eq!(world.call("GET", path, &Value::Null).await.1, json!([]));
    let path = "/pipelineTemplates/waits/dependents?recursive=true";
    assert_eq!(
        world.call("GET", path, &Value::Null).await.1,
        json!([{"application": "shop", "pipelineConfigId": "id-1", "pipelineName": "First"}])
    );

    let plain = json!({"application": "shop", "name": "Plain", "stages": [{"refId": "1", "type": "wait", "waitTime": 5}]});
    world.pipeline("id-9", plain).await;
    let request =
        Request::get("/pipelineConfigs/id-9/convertToTemplate").header("host", "localhost");
    let response = world
        .router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/x-yaml;charset=utf-8"
    );
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(
        text.contains("id: shop-Plain\n") && text.contains("- id: wait1\n"),
        "{text}"
    );
}
