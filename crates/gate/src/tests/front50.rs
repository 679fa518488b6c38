//! Exchanges about strategies, projects, notifications, templates, service accounts and plugins, as clients have them.

use serde_json::{Value, json};

use super::{Fixture, NOW};

/// Runs a task as `spin` does and gives back what it became.
async fn task(fixture: &Fixture, application: &str, job: Value) -> Value {
    let body = json!({"application": application, "description": "d", "job": [job]});
    let got = fixture.ok("POST", "/tasks", body).await;
    fixture
        .ok("GET", got["ref"].as_str().unwrap(), Value::Null)
        .await
}

fn template(id: &str) -> Value {
    json!({"schema": "v2", "id": id, "metadata": {"name": "n", "description": "d", "owner": "o", "scopes": ["global"]},
           "variables": [], "pipeline": {}})
}

#[tokio::test(start_paused = true)]
async fn a_project_is_saved_found_and_deleted_as_spin_does() {
    let fixture = Fixture::new().await;
    assert_eq!(
        fixture.get("/projects/shop").await.problem(),
        (404, "Project not found (id: shop)".to_owned())
    );
    let project = json!({"name": "shop", "email": "me@x.io", "config": {"applications": ["demo"], "clusters": [],
        "pipelineConfigs": [{"application": "demo", "pipelineConfigId": "c-1"}]}});
    let saved = task(
        &fixture,
        "spinnaker",
        json!({"type": "upsertProject", "project": project, "user": "me@x.io"}),
    )
    .await;
    assert_eq!(saved["status"], "SUCCEEDED");
    let stored = fixture.ok("GET", "/projects/SHOP", Value::Null).await;
    let id = stored["id"].as_str().unwrap();
    assert_eq!(
        (&stored["createTs"], &stored["updateTs"]),
        (&json!(NOW), &json!(NOW))
    );
    assert_eq!(stored["config"], project["config"]);
    let by_id = fixture
        .ok("GET", &format!("/projects/{id}"), Value::Null)
        .await;
    assert_eq!(by_id, stored);
    assert_eq!(
        fixture.ok("GET", "/projects", Value::Null).await,
        json!([stored])
    );

    let twin = json!({"type": "upsertProject", "project": {"name": "Shop"}});
    let refused = task(&fixture, "spinnaker", twin).await;
    assert_eq!(refused["status"], "TERMINAL");

    let clusters = fixture
        .ok("GET", "/projects/shop/clusters", Value::Null)
        .await;
    assert_eq!(clusters, json!([]));
    let pipeline = json!({"application": "demo", "name": "deploy", "id": "c-1", "stages": []});
    fixture.ok("POST", "/pipelines", pipeline).await;
    fixture
        .ok("POST", "/pipelines/demo/deploy", json!({"type": "manual"}))
        .await;
    let runs = fixture
        .ok(
            "GET",
            "/projects/shop/pipelines?limit=5&statuses=",
            Value::Null,
        )
        .await;
    assert_eq!(
        (runs.as_array().unwrap().len(), &runs[0]["name"]),
        (1, &json!("deploy"))
    );

    let deleted = task(
        &fixture,
        "spinnaker",
        json!({"type": "deleteProject", "project": stored}),
    )
    .await;
    assert_eq!(deleted["status"], "SUCCEEDED");
    assert_eq!(fixture.get("/projects/shop").await.status, 404);
    assert_eq!(fixture.get("/projects/shop/pipelines").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn strategies_are_written_without_a_task() {
    let fixture = Fixture::new().await;
    for name in ["one", "two"] {
        let strategy = json!({"application": "demo", "name": name, "stages": []}).to_string();
        let saved = fixture.call("POST", "/strategies", &strategy).await;
        assert_eq!((saved.status.as_u16(), saved.body.as_str()), (200, ""));
    }
    assert!(fixture.owner.lock().unwrap().starts().is_empty());
    let listed = fixture
        .ok("GET", "/applications/demo/strategyConfigs", Value::Null)
        .await;
    let names: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(
        fixture
            .ok("GET", "/applications/demo/pipelineConfigs", Value::Null)
            .await,
        json!([])
    );
    let stored = fixture
        .ok("GET", "/applications/demo/strategyConfigs/one", Value::Null)
        .await;
    let id = stored["id"].as_str().unwrap();
    assert_eq!((id.len(), &stored["strategy"]), (36, &json!(true)));
    assert_eq!(
        fixture
            .get("/applications/demo/strategyConfigs/gone")
            .await
            .problem(),
        (
            404,
            "Strategy config (id: gone) not found for Application (id: demo)".to_owned()
        )
    );
    let renamed = json!({"application": "demo", "name": "three", "id": id});
    let answered = fixture
        .ok("PUT", &format!("/strategies/{id}"), renamed)
        .await;
    assert_eq!(
        (&answered["name"], &answered["id"]),
        (&json!("three"), &json!(id))
    );
    for (method, path, body, status, message) in [
        (
            "POST",
            "/strategies",
            json!({"application": "demo", "name": "TWO"}),
            400,
            "A strategy with name TWO already exists in application demo",
        ),
        (
            "POST",
            "/strategies",
            json!({"name": "x"}),
            422,
            "A strategy requires name and application fields",
        ),
        (
            "PUT",
            "/strategies/gone",
            json!({"application": "demo", "name": "x"}),
            404,
            "Strategy configuration not found (id: gone)",
        ),
        (
            "PUT",
            "/strategies/gone",
            json!({"application": "demo", "name": "x", "id": "y"}),
            400,
            "The provided id y doesn't match the existing strategy id gone",
        ),
    ] {
        let got = fixture.call(method, path, &body.to_string()).await;
        assert_eq!(got.problem(), (status, message.to_owned()), "{body}");
    }
    let history = fixture
        .ok(
            "GET",
            &format!("/strategyConfigs/{id}/history?limit=5"),
            Value::Null,
        )
        .await;
    assert_eq!(history.as_array().unwrap().len(), 2);
    let two = fixture
        .ok("GET", "/applications/demo/strategyConfigs/two", Value::Null)
        .await;
    let order =
        json!({"application": "demo", "idsToIndices": {id: 1, two["id"].as_str().unwrap(): 0}});
    let task = fixture
        .ok("POST", "/actions/strategies/reorder", order)
        .await;
    assert_eq!(task["name"], "Reorder strategies");
    let listed = fixture
        .ok("GET", "/applications/demo/strategyConfigs", Value::Null)
        .await;
    assert_eq!(listed[0]["name"], "two");
    for _ in 0..2 {
        let deleted = fixture
            .call("DELETE", "/strategies/demo/three", "null")
            .await;
        assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (200, ""));
    }
    let left = fixture.ok("GET", "/strategyConfigs", Value::Null).await;
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn notifications_of_an_application_are_kept() {
    let fixture = Fixture::new().await;
    let path = "/notifications/application/Demo";
    assert_eq!(fixture.ok("GET", path, Value::Null).await, json!({}));
    let sent = json!({"application": "demo", "email": [{"type": "email", "address": "a@x.io", "level": "application",
                      "when": ["pipeline.failed"], "message": {}}]});
    let saved = fixture.call("POST", path, &sent.to_string()).await;
    assert_eq!((saved.status.as_u16(), saved.body.as_str()), (200, ""));
    let stored = fixture
        .ok("GET", "/notifications/application/demo", Value::Null)
        .await;
    assert_eq!(stored["email"], sent["email"]);
    assert!(stored["lastModified"].as_i64().unwrap() >= NOW);
    assert_eq!(
        fixture.get("/notifications/metadata").await.json(),
        json!([])
    );
    let refused = fixture.call("POST", path, r##"{"slack": ["#a"]}"##).await;
    assert_eq!(
        refused.problem(),
        (
            400,
            "slack of notifications must be a list of objects".to_owned()
        )
    );
    assert_eq!(
        fixture
            .get("/notifications/pipeline/demo")
            .await
            .problem()
            .0,
        400
    );
    let deleted = fixture.call("DELETE", path, "").await;
    assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (200, ""));
    assert_eq!(fixture.ok("GET", path, Value::Null).await, json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_template_is_saved_and_deleted_as_spin_does() {
    let fixture = Fixture::new().await;
    let missing = fixture.get("/v2/pipelineTemplates/mytpl").await;
    assert_eq!(
        missing.problem(),
        (404, "Pipeline template not found (id: mytpl)".to_owned())
    );
    let created = fixture
        .ok("POST", "/v2/pipelineTemplates/create", template("mytpl"))
        .await;
    assert_eq!(
        (&created["status"], &created["name"]),
        (
            &json!("SUCCEEDED"),
            &json!("Create pipeline template 'mytpl'")
        )
    );
    assert_eq!(created["application"], "global");
    let mut stored = fixture
        .ok("GET", "/v2/pipelineTemplates/mytpl", Value::Null)
        .await;
    for key in ["updateTs", "lastModifiedBy"] {
        assert!(
            stored
                .as_object_mut()
                .unwrap()
                .shift_remove(key)
                .unwrap()
                .is_string()
        );
    }
    assert_eq!(stored, template("mytpl"));
    let listed = fixture
        .ok("GET", "/v2/pipelineTemplates?scopes=", Value::Null)
        .await;
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let digest = listed
        .as_array()
        .unwrap()
        .iter()
        .find_map(|it| it["digest"].as_str())
        .unwrap();
    let by_digest = format!("/v2/pipelineTemplates/mytpl?digest=sha256:{digest}");
    assert_eq!(
        fixture.ok("GET", &by_digest, Value::Null).await["id"],
        "mytpl"
    );
    let both = fixture
        .get("/v2/pipelineTemplates/mytpl?tag=a&digest=b")
        .await;
    assert_eq!(both.problem().0, 400);
    let versions = fixture
        .ok(
            "GET",
            "/v2/pipelineTemplates/versions?scopes=global",
            Value::Null,
        )
        .await;
    assert_eq!(versions["mytpl"].as_array().unwrap().len(), 3);

    // What failed is told in the task.
    let twice = fixture
        .ok(
            "POST",
            "/v2/pipelineTemplates/create",
            json!({"id": "mytpl", "x": 1,
        "metadata": template("mytpl")["metadata"]}),
        )
        .await;
    assert_eq!(twice["status"], "TERMINAL");
    let bad = fixture
        .call("POST", "/v2/pipelineTemplates/create", r#"{"schema": "1"}"#)
        .await;
    assert_eq!(
        bad.problem(),
        (
            400,
            "Pipeline template schema version is invalid".to_owned()
        )
    );

    let tagged = fixture
        .ok(
            "POST",
            "/v2/pipelineTemplates/create?tag=stable",
            template("mytpl"),
        )
        .await;
    assert_eq!(tagged["status"], "SUCCEEDED");
    let mut changed = template("mytpl");
    changed["protect"] = json!(true);
    let updated = fixture
        .ok(
            "POST",
            "/v2/pipelineTemplates/update/mytpl?tag=stable",
            changed,
        )
        .await;
    assert_eq!(updated["status"], "SUCCEEDED");
    let stable = fixture
        .ok("GET", "/v2/pipelineTemplates/mytpl?tag=stable", Value::Null)
        .await;
    assert_eq!(stable["protect"], true);

    let user = json!({"application": "demo", "name": "p", "id": "c-1", "type": "templatedPipeline", "schema": "v2",
                      "template": {"reference": "spinnaker://mytpl:stable"}});
    fixture.ok("POST", "/pipelines", user).await;
    assert_eq!(
        fixture
            .ok("GET", "/v2/pipelineTemplates/mytpl/dependents", Value::Null)
            .await,
        json!([{"application": "demo", "pipelineConfigId": "c-1", "pipelineName": "p"}])
    );
    let held = fixture
        .call("DELETE", "/v2/pipelineTemplates/mytpl?tag=stable", "")
        .await;
    assert_eq!(
        held.problem(),
        (
            400,
            "The following pipeline configs depend on this template: c-1".to_owned()
        )
    );
    fixture.call("DELETE", "/pipelines/demo/p", "").await;
    let deleted = fixture
        .call("DELETE", "/v2/pipelineTemplates/mytpl", "")
        .await;
    assert_eq!(
        (deleted.status.as_u16(), &deleted.json()["status"]),
        (202, &json!("SUCCEEDED"))
    );
    assert_eq!(fixture.get("/v2/pipelineTemplates/mytpl").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_template_of_the_first_generation_as_terraform_keeps_it() {
    let fixture = Fixture::new().await;
    let sent = json!({"schema": "1", "id": "old", "metadata": {"name": "n"}, "stages": []});
    let created = fixture
        .call("POST", "/pipelineTemplates", &sent.to_string())
        .await;
    assert_eq!(created.status, 202);
    assert!(
        created.json()["ref"]
            .as_str()
            .unwrap()
            .starts_with("/tasks/")
    );
    // Readable at once, and as it was saved.
    let mut stored = fixture
        .ok("GET", "/pipelineTemplates/old", Value::Null)
        .await;
    for key in ["updateTs", "lastModifiedBy"] {
        assert!(stored.as_object_mut().unwrap().shift_remove(key).is_some());
    }
    assert_eq!(stored, sent);
    let twice = fixture
        .call("POST", "/pipelineTemplates", r#"{"id": "old"}"#)
        .await;
    assert_eq!(
        twice.problem(),
        (
            400,
            "A pipeline template with the id old already exists".to_owned()
        )
    );
    let changed = json!({"id": "old", "stages": [{"id": "s"}]}).to_string();
    let path = "/pipelineTemplates/old?skipPlanDependents=true";
    assert_eq!(fixture.call("POST", path, &changed).await.status, 202);
    assert_eq!(
        fixture
            .ok("GET", "/pipelineTemplates/old", Value::Null)
            .await["stages"][0]["id"],
        "s"
    );
    assert_eq!(
        fixture
            .ok("GET", "/pipelineTemplates", Value::Null)
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let dependents = fixture
        .ok(
            "GET",
            "/pipelineTemplates/old/dependents?recursive=true",
            Value::Null,
        )
        .await;
    assert_eq!(dependents, json!([]));
    let deleted = fixture
        .call("DELETE", "/pipelineTemplates/old?application=demo", "")
        .await;
    assert_eq!(deleted.status, 202);
    assert_eq!(fixture.get("/pipelineTemplates/old").await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn service_accounts_and_plugins_are_listed() {
    let fixture = Fixture::new().await;
    let accounts = "/auth/user/serviceAccounts?application=demo";
    assert_eq!(fixture.ok("GET", accounts, Value::Null).await, json!([]));
    let account = json!({"name": "robot@x.io", "memberOf": ["dev"]});
    let account = account.as_object().unwrap();
    fixture
        .gate
        .store()
        .save_service_account(account, "me", NOW)
        .await
        .unwrap();
    assert_eq!(
        fixture.ok("GET", accounts, Value::Null).await,
        json!(["robot@x.io"])
    );

    let plugin =
        json!({"id": "acme.one", "releases": [{"version": "1.0.0", "requires": "orca>=8"}]});
    for method in ["POST", "PUT"] {
        let saved = fixture
            .call(method, "/plugins/info", &plugin.to_string())
            .await;
        assert_eq!(saved.status, 202);
    }
    let listed = fixture
        .ok("GET", "/plugins/info?service=orca", Value::Null)
        .await;
    assert_eq!(listed[0]["id"], "acme.one");
    assert_eq!(
        fixture
            .ok("GET", "/plugins/info?service=gate", Value::Null)
            .await,
        json!([])
    );
    assert_eq!(
        fixture.call("POST", "/plugins/info", "{}").await.problem(),
        (400, "Plugin info must have an id".to_owned())
    );
    assert_eq!(
        fixture
            .call("DELETE", "/plugins/info/acme.one", "")
            .await
            .status,
        202
    );
    assert_eq!(
        fixture.ok("GET", "/plugins/info", Value::Null).await,
        json!([])
    );
}
