//! Tasks of projects, templates and plugins in a worker, over the in-memory broker.

use base64::{Engine, engine::general_purpose::STANDARD};
use gennaker_model::work::Outcome;
use gennaker_store::TemplateVersion;
use serde_json::{Value, json};

use crate::testing::{Fixture, context, error};

fn encoded(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

fn succeeded(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_project_is_created_changed_and_deleted() {
    let mut fixture = Fixture::new().await;
    let project = json!({"name": "shop", "email": "me@x.io", "config": {"applications": []}});
    let task = fixture.task("upsertProject", json!({"project": project}));
    let outcome = fixture.finish(&task).await;
    succeeded(&outcome);
    let created = context(&outcome).clone();
    assert_eq!(created["notification.type"], "upsertproject");
    let id = created["id"].as_str().unwrap().to_owned();
    assert_eq!(created["newState"]["id"], id);
    let changed = json!({"id": id, "name": "Store"});
    succeeded(
        &fixture
            .run("upsertProject", json!({"project": changed}))
            .await,
    );
    let refused = fixture
        .run("upsertProject", json!({"project": {"name": "STORE"}}))
        .await;
    assert_eq!(error(&refused), "A project with name STORE already exists");
    assert_eq!(
        error(&fixture.run("upsertProject", json!({})).await),
        "project context must be provided"
    );
    for _ in 0..2 {
        succeeded(
            &fixture
                .run("deleteProject", json!({"project": changed}))
                .await,
        );
    }
    assert_eq!(fixture.store.project("store").await.unwrap(), None);
    assert_eq!(
        error(&fixture.run("deleteProject", json!({"project": {}})).await),
        "the project to delete has no id"
    );
}

#[tokio::test]
async fn a_template_must_not_break_what_is_made_from_it() {
    let mut fixture = Fixture::new().await;
    let template = |variables: Value| {
        json!({"id": "old", "schema": "1", "metadata": {"name": "n", "description": "d", "scopes": ["global"]}, "variables": variables,
               "stages": [{"id": "a", "type": "wait", "config": {}}]})
    };
    let create = json!({"pipelineTemplate": template(json!([]))});
    succeeded(&fixture.run("createPipelineTemplate", create).await);
    let pipeline = json!({"application": "shop", "name": "p", "type": "templatedPipeline", "schema": "1",
                          "config": {"schema": "1", "pipeline": {"template": {"source": "spinnaker://old"}}}});
    let pipeline = pipeline.as_object().cloned().unwrap();
    let saved = fixture.store.pipelines();
    saved.save(&pipeline, "id-1", "me", false, 1).await.unwrap();

    let breaking = template(json!([{"name": "needed"}]));
    let update = json!({"id": "old", "pipelineTemplate": breaking});
    let refused = error(&fixture.run("updatePipelineTemplate", update).await);
    assert!(
        refused.starts_with(
            "The template would break pipelines that are made from it: p of shop (id-1): "
        ) && refused.contains("Missing variable values for: needed"),
        "{refused}"
    );
    let update = json!({"id": "old", "pipelineTemplate": breaking, "skipPlanDependents": true});
    succeeded(&fixture.run("updatePipelineTemplate", update).await);
    let update = json!({"id": "old", "pipelineTemplate": template(json!([{"name": "n", "defaultValue": 1}]))});
    succeeded(&fixture.run("updatePipelineTemplate", update).await);
    let dashed = json!({"pipelineTemplate": {"id": "a.b", "metadata": {"name": "n", "description": "d", "scopes": ["x"]}}});
    assert_eq!(
        error(&fixture.run("createPipelineTemplate", dashed).await),
        "Pipeline template IDs cannot have dots"
    );
}

#[tokio::test]
async fn templates_of_both_generations_are_saved_and_deleted() {
    let mut fixture = Fixture::new().await;
    let v1 = json!({"id": "old", "schema": "1", "metadata": {"name": "n", "description": "d", "scopes": ["global"]}});
    let v2 = json!({"id": "new", "schema": "v2", "pipeline": {},
                    "metadata": {"name": "n", "description": "d", "scopes": ["global"]}});
    for (create, update, delete, template) in [
        (
            "createPipelineTemplate",
            "updatePipelineTemplate",
            "deletePipelineTemplate",
            &v1,
        ),
        (
            "createV2PipelineTemplate",
            "updateV2PipelineTemplate",
            "deleteV2PipelineTemplate",
            &v2,
        ),
    ] {
        let id = template["id"].as_str().unwrap();
        let input = json!({"pipelineTemplate": encoded(template), "user": "me"});
        let task = fixture.task(create, input.clone());
        succeeded(&fixture.finish(&task).await);
        let again = fixture
            .run(
                create,
                json!({"pipelineTemplate": {"id": id, "x": 1,
            "metadata": template["metadata"]}}),
            )
            .await;
        assert_eq!(
            error(&again),
            format!("A pipeline template with the id {id} already exists")
        );
        let changed = json!({"id": id, "pipelineTemplate": {"id": id, "protect": true,
            "metadata": template["metadata"]}});
        succeeded(&fixture.run(update, changed).await);
        let stored = fixture
            .store
            .template(id, TemplateVersion::Untagged)
            .await
            .unwrap();
        assert_eq!(stored.unwrap().body["protect"], true);
        let gone =
            json!({"id": "gone", "pipelineTemplate": {"id": "gone", "metadata": v2["metadata"]}});
        assert_eq!(
            error(&fixture.run(update, gone).await),
            "Pipeline template not found (id: gone)"
        );
        for _ in 0..2 {
            succeeded(&fixture.run(delete, json!({"pipelineTemplateId": id})).await);
        }
        assert_eq!(
            fixture
                .store
                .template(id, TemplateVersion::Untagged)
                .await
                .unwrap(),
            None
        );
        let missing = fixture.run(create, json!({})).await;
        assert_eq!(
            error(&missing),
            "Missing required task parameter (pipelineTemplate)"
        );
    }
    let tagged = json!({"pipelineTemplate": v2, "tag": "stable"});
    succeeded(&fixture.run("createV2PipelineTemplate", tagged).await);
    let stable = TemplateVersion::Tag("stable");
    assert!(
        fixture
            .store
            .template("new", stable)
            .await
            .unwrap()
            .is_some()
    );
    let delete = json!({"pipelineTemplateId": "new", "tag": "stable"});
    succeeded(&fixture.run("deleteV2PipelineTemplate", delete).await);
    assert_eq!(fixture.store.template("new", stable).await.unwrap(), None);
}

#[tokio::test]
async fn plugins_are_known_and_forgotten_and_strategies_put_in_order() {
    let mut fixture = Fixture::new().await;
    let plugin = json!({"pluginInfo": {"id": "acme.one", "releases": []}});
    succeeded(&fixture.run("upsertPluginInfo", plugin).await);
    succeeded(
        &fixture
            .run("deletePluginInfo", json!({"pluginInfoId": "acme.one"}))
            .await,
    );
    assert_eq!(
        error(&fixture.run("deletePluginInfo", json!({})).await),
        "Key 'pluginInfoId' must be provided."
    );
    let strategy = json!({"application": "demo", "name": "s"});
    let strategies = fixture.store.strategies();
    let saved = strategies.save(strategy.as_object().unwrap(), "s", "me", false, 1);
    saved.await.unwrap();
    let order = json!({"application": "demo", "idsToIndices": {"s": 4}, "isStrategy": true});
    succeeded(&fixture.run("reorderPipelines", order).await);
    let stored = fixture.store.strategies().get("s").await.unwrap().unwrap();
    assert_eq!(stored.body["index"], 4);
}

#[tokio::test]
async fn a_release_of_a_plugin_is_read_and_preferred() {
    let mut fixture = Fixture::new().await;
    let releases =
        json!([{"version": "1", "requires": "orca>=1.0.0"}, {"version": "2", "preferred": true}]);
    let plugin = json!({"id": "acme.one", "releases": releases});
    fixture
        .run("upsertPluginInfo", json!({ "pluginInfo": plugin }))
        .await;
    let wanted = json!({"pluginId": "acme.one", "version": "1"});
    let outcome = fixture.run("loadPluginRelease", wanted).await;
    assert_eq!(context(&outcome)["release"]["requires"], "orca>=1.0.0");
    for (input, problem) in [
        (
            json!({"pluginId": "acme.one", "version": "3"}),
            "No release found for version '3'",
        ),
        (
            json!({"pluginId": "acme.two", "version": "1"}),
            "No release found for version '1'",
        ),
        (json!({}), "pluginId and version must be provided"),
    ] {
        let outcome = fixture.run("loadPluginRelease", input).await;
        assert_eq!(error(&outcome), problem);
    }
    let wanted = json!({"pluginId": "acme.one", "preferredVersion": "1"});
    for _ in 0..2 {
        let outcome = fixture
            .run("setPreferredPluginVersion", wanted.clone())
            .await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    }
    let stored = fixture
        .store
        .get(gennaker_store::Kind::PluginInfo, "acme.one");
    let stored = stored.await.unwrap().unwrap();
    let preferred: Vec<_> = stored.body["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|release| release["preferred"].clone())
        .collect();
    assert_eq!(preferred, [json!(true), json!(false)]);
    for (input, problem) in [
        (
            json!({"pluginId": "acme.one", "preferredVersion": "3"}),
            "Plugin acme.one with release 3 not found",
        ),
        (
            json!({"pluginId": "acme.one"}),
            "preferredVersion must be provided",
        ),
    ] {
        let outcome = fixture.run("setPreferredPluginVersion", input).await;
        assert!(error(&outcome).contains(problem), "{outcome:?}");
    }
}

#[tokio::test]
async fn entities_are_tagged_one_by_one_and_together() {
    let mut fixture = Fixture::new().await;
    let entity =
        |name: &str| json!({"cloudProvider": "aws", "entityType": "cluster", "entityId": name});
    let tags = |names: &[&str]| -> Value {
        names
            .iter()
            .map(|name| json!({"name": name, "value": 1}))
            .collect()
    };
    let one = json!({"entityRef": entity("shop"), "tags": tags(&["a", "b"])});
    let outcome = fixture.run("upsertEntityTags", one).await;
    succeeded(&outcome);
    assert_eq!(context(&outcome)["notification.type"], "upsertentitytags");
    // The job's option counts for those that say nothing themselves.
    let both = json!({"isPartial": false, "entityTags": [
        {"entityRef": entity("shop"), "tags": tags(&["c"])},
        {"entityRef": entity("cart"), "tags": tags(&["d"]), "isPartial": true}]});
    succeeded(&fixture.run("bulkUpsertEntityTags", both).await);
    let names = async |store: &gennaker_store::Store, name: &str| {
        let stored = store
            .entity_tags(&format!("aws:cluster:{name}:*:*"))
            .await
            .unwrap();
        let tags = stored.map(|stored| stored.body["tags"].clone());
        tags.map(|tags| {
            tags.as_array()
                .unwrap()
                .iter()
                .map(|tag| tag["name"].clone())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(names(&fixture.store, "shop").await, Some(vec![json!("c")]));
    assert_eq!(names(&fixture.store, "cart").await, Some(vec![json!("d")]));
    let delete = json!({"id": "aws:cluster:shop:*:*", "tags": ["c"]});
    succeeded(&fixture.run("deleteEntityTags", delete).await);
    let delete = json!({"id": "aws:cluster:cart:*:*", "deleteAll": "true"});
    succeeded(&fixture.run("deleteEntityTags", delete).await);
    assert_eq!(names(&fixture.store, "shop").await, None);
    assert_eq!(names(&fixture.store, "cart").await, None);
    for (kind, input, problem) in [
        ("upsertEntityTags", json!({}), "entityRef must be an object"),
        (
            "bulkUpsertEntityTags",
            json!({}),
            "entityTags must be a list",
        ),
        (
            "bulkUpsertEntityTags",
            json!({"entityTags": [1]}),
            "entityTags must be a list of objects",
        ),
        ("deleteEntityTags", json!({}), "id must be provided"),
    ] {
        assert_eq!(error(&fixture.run(kind, input).await), problem, "{kind}");
    }
}
