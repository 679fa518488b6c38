//! Stages that save and delete documents.

use gennaker_model::{Map, Status, work::Outcome};
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::{base64, error, run, succeeded};

// savePipelinesFromArtifact

fn left(name: &str, id: Value) -> Value {
    json!({"application": "shop", "name": name, "id": id, "isExisting": !id.is_null(), "pipeline": base64(name)})
}

#[test]
fn save_pipelines_saves_one_after_the_other_and_lists_them() {
    let expected = json!([{"id": "a", "matchArtifact": {"type": "embedded/base64", "artifactAccount": "hub"}}]);
    let received = json!([{"type": "embedded/base64", "reference": "e30="}]);
    let stages =
        json!([{"refId": "t", "type": "savePipelinesFromArtifact", "pipelinesArtifactId": "a"}]);
    let mut driver = Driver::start_with(
        json!({"stages": stages, "expectedArtifacts": expected}),
        json!({"artifacts": received, "expectedArtifactIds": ["a"]}),
    );
    let get = driver.attempt("getPipelinesFromArtifact");
    let artifact = &driver.message(get).input["pipelinesArtifact"];
    assert_eq!(artifact["reference"], "e30=");
    assert_eq!(artifact["artifactAccount"], "hub");
    let three = json!([
        left("one", json!(null)),
        left("two", json!("id2")),
        left("three", json!(null))
    ]);
    driver.report(get, succeeded(json!({"pipelinesToSave": three}), json!({})));

    let save = driver.attempt("savePipeline");
    let input = &driver.message(save).input;
    assert_eq!(input["pipeline"], base64("one"));
    assert_eq!(input["pipeline.id"], Value::Null);
    let first = driver.message(save).effect.clone();
    let saved = json!({"application": "shop", "pipeline.name": "one", "pipeline.id": "id1"});
    driver.report(save, succeeded(saved, json!({})));

    let save = driver.attempt("savePipeline");
    assert_ne!(
        driver.message(save).effect,
        first,
        "each save is an effect of its own"
    );
    assert_eq!(driver.message(save).input["pipeline.id"], "id2");
    driver.report(
        save,
        succeeded(
            json!({"pipeline.name": "two", "pipeline.id": "id2"}),
            json!({}),
        ),
    );

    let save = driver.attempt("savePipeline");
    driver.report(
        save,
        Outcome::Failed {
            exception: Some(json!({"details": {"errors": ["no"]}})),
            context: Map::new(),
            outputs: Map::new(),
        },
    );
    assert_eq!(driver.status(), Status::Terminal);
    let stage = driver.stage("t");
    let of = |key: &str| stage.context[key].clone();
    assert_eq!(
        of("pipelinesCreated"),
        json!([{"application": "shop", "name": "one", "id": "id1"}])
    );
    assert_eq!(
        of("pipelinesUpdated"),
        json!([{"application": "shop", "name": "two", "id": "id2"}])
    );
    assert_eq!(
        of("pipelinesFailedToSave"),
        json!([{"application": "shop", "name": "three", "id": null}])
    );
    let tasks: Vec<(&str, Status)> = stage
        .tasks
        .iter()
        .map(|task| (task.name.as_str(), task.status))
        .collect();
    assert_eq!(
        tasks,
        [
            ("getPipelinesFromArtifact", Status::Succeeded),
            ("preparePipelineToSaveTask", Status::Succeeded),
            ("savePipeline", Status::FailedContinue),
            ("waitForPipelineSave", Status::Succeeded),
            ("checkPipelineResults", Status::Succeeded),
            ("checkForRemainingPipelines", Status::Succeeded),
            ("savePipelinesCompleteTask", Status::Terminal),
        ]
    );
}

#[test]
fn save_pipelines_succeeds_when_all_are_saved_and_fails_when_there_are_none() {
    for (listed, status) in [
        (json!([left("one", json!(null))]), Status::Succeeded),
        (json!([]), Status::Terminal),
    ] {
        let inline = json!({"type": "embedded/base64", "reference": "e30="});
        let mut driver =
            run(json!({"type": "savePipelinesFromArtifact", "pipelinesArtifact": inline}));
        let get = driver.attempt("getPipelinesFromArtifact");
        driver.report(
            get,
            succeeded(json!({ "pipelinesToSave": listed }), json!({})),
        );
        if status == Status::Succeeded {
            let save = driver.attempt("savePipeline");
            driver.report(save, succeeded(json!({"pipeline.id": "id1"}), json!({})));
        }
        assert_eq!(driver.status(), status);
    }
}

#[test]
fn a_single_save_that_fails_is_terminal_and_one_of_several_is_not() {
    for (several, status) in [
        (Value::Null, Status::Terminal),
        (json!(true), Status::FailedContinue),
    ] {
        let mut driver = run(
            json!({"type": "savePipeline", "pipeline": {}, "isSavingMultiplePipelines": several}),
        );
        let save = driver.attempt("savePipeline");
        driver.report(
            save,
            Outcome::Failed {
                exception: None,
                context: Map::new(),
                outputs: Map::new(),
            },
        );
        assert_eq!(driver.stage("t").status, status);
    }
}

// Applications and plugins

#[test]
fn delete_application_looks_for_dependencies_first() {
    let mut driver = run(json!({"type": "deleteApplication", "application": {"name": "shop"}}));
    assert_eq!(driver.stage("t").tasks[0].status, Status::Succeeded);
    driver.succeed("t");
    assert_eq!(driver.status(), Status::Succeeded);
}

#[test]
fn update_pipeline_replaces() {
    let driver = run(json!({"type": "updatePipeline", "pipeline": {}}));
    assert_eq!(driver.open_kinds(), ["updatePipeline"]);
    assert!(
        driver.stage("t").tasks[0]
            .implementing_class
            .ends_with("SavePipelineTask")
    );
}

#[test]
fn load_plugin_release_extracts_what_it_requires() {
    for (requires, services, plugins) in [
        ("orca>=8.0.0,gate", json!(["orca", "gate"]), json!([])),
        (
            "orca >= 8.0.0, acme.one>=1.0.0",
            json!(["orca"]),
            json!(["acme.one"]),
        ),
        ("", json!([]), json!([])),
    ] {
        let mut driver =
            run(json!({"type": "loadPluginRelease", "pluginId": "acme.two", "version": "1"}));
        let load = driver.attempt("loadPluginRelease");
        let release = json!({"release": {"version": "1", "requires": requires}});
        driver.report(load, succeeded(release, json!({})));
        assert_eq!(driver.status(), Status::Succeeded);
        let outputs = &driver.stage("t").outputs;
        assert_eq!(
            (&outputs["requiredServices"], &outputs["requiredPlugins"]),
            (&services, &plugins)
        );
        assert_eq!(outputs.get("requiresOrca").is_some(), services[0] == "orca");
    }
    let mut driver = run(json!({"type": "loadPluginRelease"}));
    let load = driver.attempt("loadPluginRelease");
    driver.report(
        load,
        succeeded(json!({"release": {"requires": ">=1"}}), json!({})),
    );
    assert_eq!(
        error(&driver),
        "The provided version requirement '>=1' is not valid"
    );
}
