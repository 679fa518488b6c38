use gennaker_engine::Catalogue as _;

use super::*;
use crate::{Catalogue, testing};

fn job() -> PreconfiguredJob {
    let parameter = |name: &str, mapping: &str, default: Option<&str>| Parameter {
        name: name.to_owned(),
        label: name.to_owned(),
        description: None,
        mapping: mapping.to_owned(),
        default: default.map(str::to_owned),
        order: 0,
    };
    let manifest = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "migrate-"},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": "db:1",
            "env": [{"name": "TO", "value": "latest"}]}]}}}});
    PreconfiguredJob {
        kind: "migrate".to_owned(),
        label: "Migrate".to_owned(),
        description: None,
        parameters: vec![
            parameter(
                "to",
                "manifest.spec.template.spec.containers[0].env[0].value",
                None,
            ),
            parameter(
                "tag",
                "manifest.spec.template.spec.containers[0].image",
                Some("db:2"),
            ),
        ],
        account: Some("prod".to_owned()),
        application: None,
        manifest: manifest.as_object().unwrap().clone(),
        waits: true,
        property_file: Some("main".to_owned()),
        produces_artifacts: false,
    }
}

fn catalogue() -> Catalogue {
    Catalogue::new().with_jobs(vec![job()]).unwrap()
}

fn plan(kind: &str, context: Value) -> Result<Plan, PlanError> {
    let execution = testing::execution(&json!([]), &json!({"type": "manual"}));
    let held = testing::stage(kind, context.as_object().unwrap().clone());
    let alias = held.context.get("alias").and_then(Value::as_str);
    let named = alias.unwrap_or(&held.kind).to_owned();
    let context = PlanContext {
        execution: &execution,
        stage: &held,
        now: 1,
    };
    let catalogue = catalogue();
    catalogue.stage(&named).unwrap().plan(&context)
}

#[test]
fn the_job_is_the_operators_with_what_the_stage_gives() {
    for alias in [json!(null), json!("preconfiguredJob")] {
        let context = json!({"alias": alias, "account": "mine", "manifest": {"kind": "Pod"}, "manifests": [{"kind": "Pod"}],
            "source": "artifact", "account.name": "mine", "namespace": "mine", "parameters": {"to": 17, "unknown": "x"}, "application": "shop"});
        let plan = plan("migrate", context).unwrap();
        let names: Vec<&str> = plan.tasks.iter().map(|task| task.name).collect();
        assert_eq!(
            names,
            [
                "runJob",
                "monitorDeploy",
                "promoteOutputs",
                "waitOnJobCompletion"
            ]
        );
        let container = &plan.context["manifest"]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(
            container,
            &json!({"name": "main", "image": "db:2", "env": [{"name": "TO", "value": "17"}]})
        );
        for (key, value) in [
            ("account", json!("prod")),
            ("credentials", json!("prod")),
            ("cloudProvider", json!("kubernetes")),
            ("source", json!("text")),
            ("manifests", Value::Null),
            ("account.name", Value::Null),
            ("propertyFile", json!("main")),
        ] {
            assert_eq!(plan.context.get(key), Some(&value), "{key}");
        }
        for key in ["application", "namespace"] {
            assert!(!plan.context.contains_key(key), "{key} is the stage's");
        }
    }
    let bare = plan("migrate", json!({})).unwrap();
    let container = &bare.context["manifest"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["env"][0]["value"], "latest",
        "nobody gives another"
    );
}

#[test]
fn bad_parameters_are_named() {
    for (parameters, message) in [
        (
            json!("to"),
            "parameters of a stage of type migrate must be an object",
        ),
        (
            json!({"to": ["x"]}),
            "parameter to of a stage of type migrate must be a text",
        ),
    ] {
        let problem = plan("migrate", json!({"parameters": parameters})).unwrap_err();
        assert_eq!(problem.message, message);
    }
    let unknown = plan("nobodys", json!({"alias": "preconfiguredJob"})).unwrap_err();
    assert_eq!(unknown.message, "Could not find a stage named 'nobodys'");
}

#[test]
fn a_patch_changes_nothing_of_the_job() {
    let patch = json!({"manifest": {}, "account": "mine", "comments": "x"});
    let patch = patch.as_object().unwrap().clone();
    let catalogue = catalogue();
    let definition = catalogue.stage("migrate").unwrap();
    let left = definition.patched(&Map::new(), patch, None);
    assert_eq!(Value::Object(left), json!({"comments": "x"}));
}

#[test]
fn names_and_places_are_checked_before_anything_runs() {
    let taken = PreconfiguredJob {
        kind: "runJob".to_owned(),
        ..job()
    };
    assert!(Catalogue::new().with_jobs(vec![taken]).is_err());
    assert!(Catalogue::new().with_jobs(vec![job(), job()]).is_err());
    let mut lost = job();
    lost.parameters[0].mapping = "manifest.spec.template.spec.containers[7].image".to_owned();
    let said = lost.check().unwrap_err().to_string();
    assert!(
        said.contains("of parameter to asks for element 7 of a list of 1"),
        "{said}"
    );
}
