//! Tests of patch bodies.

use serde_json::{Value, json};

use super::{Error, MergeStrategy, Request, build, stub};
use crate::Coordinates;
use crate::artifact::{Artifact, ImageMatch};

fn built(strategy: MergeStrategy, body: &Value, required: &[Artifact]) -> Result<Value, String> {
    let request = Request {
        target: Coordinates::parse("deployment web", "shop").unwrap(),
        account: "prod",
        strategy,
        body,
        required,
        optional: &[],
        images: ImageMatch::NameAndTag,
    };
    build(&request)
        .map(|patch| patch.body)
        .map_err(|error| error.to_string())
}

fn image() -> Artifact {
    Artifact::from_value(&json!({"type": "docker/image", "name": "web", "reference": "web:2"}))
        .unwrap()
}

fn body(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

#[test]
fn images_are_put_into_strategic_and_merge_patches() {
    for strategy in [MergeStrategy::Strategic, MergeStrategy::Merge] {
        assert_eq!(built(strategy, &body("web"), &[image()]), Ok(body("web:2")));
        assert_eq!(
            built(strategy, &json!([body("web:1")]), &[image()]),
            Ok(body("web:2"))
        );
    }
    let unbound = built(MergeStrategy::Merge, &body("other"), &[image()]).unwrap_err();
    assert!(
        unbound.starts_with("The following required artifacts could not be bound: '[ArtifactKey("),
        "{unbound}"
    );
}

#[test]
fn json_patches_are_lists_of_operations_without_artifacts() {
    let operations = json!([{"op": "replace", "path": "/spec/replicas", "value": 3}, {"op": "remove", "path": "/metadata/labels/a~1b"}]);
    assert_eq!(
        built(MergeStrategy::Json, &operations, &[image()]),
        Ok(operations)
    );
    for wrong in [
        json!([{"op": "replace"}]),
        json!([{"op": "swap", "path": "/a"}]),
        json!(["x"]),
        body("web"),
    ] {
        let error = built(MergeStrategy::Json, &wrong, &[]).unwrap_err();
        assert!(
            error.starts_with("a patch of the strategy json must be a list of operations"),
            "{error}"
        );
    }
}

#[test]
fn one_body_and_no_more() {
    assert_eq!(
        built(
            MergeStrategy::Strategic,
            &json!([body("a"), body("b")]),
            &[]
        )
        .unwrap_err(),
        "Only one patch object is valid when patching with strategic patch strategies."
    );
    for nothing in [json!([]), json!({}), Value::Null] {
        let error = built(MergeStrategy::Merge, &nothing, &[]).unwrap_err();
        assert!(
            error.starts_with("The Patch (Manifest) stage requires a valid patch body"),
            "{error}"
        );
    }
    assert!(built(MergeStrategy::Json, &json!([]), &[]).is_err());
}

#[test]
fn the_strategy_is_read_from_the_options() {
    let read = |options: Value| MergeStrategy::from_options(options.as_object());
    assert_eq!(read(json!({})), Ok(MergeStrategy::Strategic));
    assert_eq!(
        read(json!({"mergeStrategy": null})),
        Ok(MergeStrategy::Strategic)
    );
    for strategy in [
        MergeStrategy::Strategic,
        MergeStrategy::Json,
        MergeStrategy::Merge,
    ] {
        assert_eq!(
            read(json!({"mergeStrategy": strategy.name()})),
            Ok(strategy)
        );
    }
    assert_eq!(
        read(json!({"mergeStrategy": "apply"})),
        Err(Error::Strategy("apply".into()))
    );
}

#[test]
fn the_result_is_a_stub() {
    let target = Coordinates::parse("deploy web", "shop").unwrap();
    assert_eq!(
        stub(&target),
        json!({"kind": "deployment", "metadata": {"name": "web", "namespace": "shop"}})
    );
}
