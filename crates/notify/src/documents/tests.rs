//! Document tasks in a worker, over the in-memory broker.

use base64::{Engine, engine::general_purpose::STANDARD};
use gennaker_model::work::Outcome;
use serde_json::{Value, json};

use crate::testing::{Fixture, context, error};

#[tokio::test]
async fn an_application_is_created_changed_and_deleted() {
    let mut fixture = Fixture::new().await;
    let attributes = json!({"name": "Demo", "email": "me@x.io", "cloudProviders": "kubernetes"});
    let outcome = fixture
        .run(
            "upsertApplication",
            json!({"application": attributes, "user": "me"}),
        )
        .await;
    let created = context(&outcome);
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert_eq!(created["notification.type"], "upsertapplication");
    assert_eq!(created["application.name"], "Demo");
    assert_eq!(created["previousState"], json!({}));
    assert_eq!(created["newState"]["name"], "DEMO");
    assert_eq!(created["newState"]["user"], "me");
    let attributes = json!({"name": "demo", "description": "changed"});
    let outcome = fixture
        .run("upsertApplication", json!({"application": attributes}))
        .await;
    assert_eq!(context(&outcome)["previousState"]["email"], "me@x.io");
    assert_eq!(context(&outcome)["newState"]["description"], "changed");
    assert_eq!(context(&outcome)["newState"]["lastModifiedBy"], "anna");
    let outcome = fixture
        .run(
            "deleteApplication",
            json!({"application": {"name": "demo"}}),
        )
        .await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert_eq!(fixture.store.application("demo").await.unwrap(), None);
    let outcome = fixture
        .run(
            "deleteApplication",
            json!({"application": {"name": "demo"}}),
        )
        .await;
    assert!(
        matches!(outcome, Outcome::Succeeded { .. }),
        "deleting what is gone succeeds"
    );
}

#[tokio::test]
async fn a_bad_application_is_refused_in_orcas_words() {
    let mut fixture = Fixture::new().await;
    for (attributes, expected) in [
        (
            json!({"name": "my_app", "email": "me@x.io", "cloudProviders": "kubernetes"}),
            "Invalid application name 'my_app'. Must match ^([a-zA-Z][a-zA-Z0-9-]*)$ for cloud provider 'kubernetes' and be \
             less than 63 characters.",
        ),
        (
            json!({"email": "me@x.io"}),
            "Missing one or more required task parameters (application.name)",
        ),
    ] {
        let outcome = fixture
            .run("upsertApplication", json!({"application": attributes}))
            .await;
        assert!(error(&outcome).contains(expected), "{outcome:?}");
    }
    let outcome = fixture.run("upsertApplication", json!({})).await;
    assert!(error(&outcome).contains("application.name"));
}

#[tokio::test]
async fn a_pipeline_is_saved_updated_and_deleted() {
    let mut fixture = Fixture::new().await;
    let document = json!({"application": "demo", "name": "deploy", "stages": []});
    let outcome = fixture
        .run("savePipeline", json!({"pipeline": encoded(&document)}))
        .await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    let saved = context(&outcome).clone();
    assert_eq!(saved["notification.type"], "savepipeline");
    assert_eq!(
        (&saved["application"], &saved["pipeline.name"]),
        (&json!("demo"), &json!("deploy"))
    );
    let id = saved["pipeline.id"].as_str().unwrap().to_owned();
    // Saving the same name without an id is a second pipeline, which may not have it.
    let outcome = fixture
        .run("savePipeline", json!({"pipeline": document}))
        .await;
    assert_eq!(
        error(&outcome),
        "A pipeline with name deploy already exists in application demo"
    );
    let changed = json!({"id": id, "application": "demo", "name": "deploy", "description": "new"});
    let outcome = fixture
        .run("updatePipeline", json!({"pipeline": encoded(&changed)}))
        .await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert_eq!(
        fixture
            .store
            .pipeline(&id)
            .await
            .unwrap()
            .unwrap()
            .text("description"),
        Some("new")
    );
    let outcome = fixture
        .run("deletePipeline", json!({"pipeline": encoded(&changed)}))
        .await;
    assert_eq!(context(&outcome)["notification.type"], "deletepipeline");
    assert_eq!(fixture.store.pipeline(&id).await.unwrap(), None);
    let outcome = fixture
        .run("updatePipeline", json!({"pipeline": changed}))
        .await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_repeated_save_makes_one_pipeline() {
    let mut fixture = Fixture::new().await;
    let document = json!({"application": "demo", "name": "deploy", "stages": []});
    let task = fixture.task("savePipeline", json!({"pipeline": encoded(&document)}));
    // A worker was lost after it saved: the document is there, the ledger knows of an intent only.
    let twin = fixture.task("savePipeline", json!({"pipeline": encoded(&document)}));
    let twin = gennaker_model::work::TaskMessage {
        effect: task.effect.clone(),
        ..twin
    };
    let first = fixture.finish(&task).await;
    let id = context(&first)["pipeline.id"].clone();
    let outcome = fixture.finish(&twin).await;
    assert_eq!(context(&outcome)["pipeline.id"], id);
    let mut other = Fixture::new().await;
    let again = other.task("savePipeline", json!({"pipeline": encoded(&document)}));
    assert_eq!(again.effect, task.effect);
    other.lose_worker_of(&again).await;
    let outcome = other.finish(&again).await;
    assert_eq!(
        context(&outcome)["pipeline.id"],
        id,
        "the id follows from the effect"
    );
}

#[tokio::test]
async fn a_late_delete_spares_the_successor() {
    let mut fixture = Fixture::new().await;
    let document = json!({"application": "demo", "name": "deploy"});
    let outcome = fixture
        .run("savePipeline", json!({"pipeline": document}))
        .await;
    let id = context(&outcome)["pipeline.id"]
        .as_str()
        .unwrap()
        .to_owned();
    let old = json!({"application": "demo", "name": "deploy", "id": "another"});
    let outcome = fixture
        .run("deletePipeline", json!({"pipeline": old}))
        .await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert!(fixture.store.pipeline(&id).await.unwrap().is_some());
}

#[tokio::test]
async fn many_pipelines_are_saved_and_the_bad_ones_named() {
    let mut fixture = Fixture::new().await;
    let list = json!([
        {"application": "demo", "name": "one"}, {"application": "demo"}, {"application": "demo", "name": "two"}
    ]);
    let input =
        json!({"isBulkSavingPipelines": true, "application": "bulk", "pipelines": encoded(&list)});
    let outcome = fixture.run("savePipeline", input).await;
    let bulk = &context(&outcome)["bulksave"];
    assert_eq!(bulk["successful_pipelines"], json!(["one", "two"]));
    assert_eq!(
        (
            &bulk["successful_pipelines_count"],
            &bulk["failed_pipelines_count"]
        ),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        bulk["failed_pipelines"][0]["errorMsg"],
        "A pipeline requires name and application fields"
    );
    for (input, expected) in [
        (
            json!({"isBulkSavingPipelines": true}),
            "pipelines context must be provided when saving multiple pipelines",
        ),
        (
            json!({"isBulkSavingPipelines": true, "pipelines": "e30="}),
            "field 'pipelines' must be a list",
        ),
        (
            json!({}),
            "pipeline context must be provided when saving a single pipeline",
        ),
    ] {
        assert_eq!(error(&fixture.run("savePipeline", input).await), expected);
    }
}

fn encoded(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

#[tokio::test]
async fn pipelines_are_put_in_order() {
    let mut fixture = Fixture::new().await;
    for id in ["a", "b"] {
        let document = json!({"application": "demo", "name": id, "id": id});
        fixture
            .run("savePipeline", json!({"pipeline": document}))
            .await;
    }
    let input = json!({"application": encoded(&json!("demo")), "idsToIndices": encoded(&json!({"a": 1, "b": 0})),
                       "isStrategy": encoded(&json!(false))});
    let outcome = fixture.run("reorderPipelines", input).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    assert_eq!(context(&outcome)["notification.type"], "reorderpipelines");
    for (id, index) in [("a", 1), ("b", 0)] {
        let stored = fixture.store.pipeline(id).await.unwrap().unwrap();
        assert_eq!(stored.body["index"], index, "{id}");
    }
    let outcome = fixture.run("reorderPipelines", json!({})).await;
    assert!(error(&outcome).contains("application must be provided"));
}
