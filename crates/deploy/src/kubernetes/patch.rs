//! `patchManifest` (Kubernetes reference 7.4). Source: clouddriver `KubernetesPatchManifestOperation`.

use gennaker_kubernetes::Write;
use gennaker_manifests::{
    Artifact, Manifest,
    patch::{self, MergeStrategy, Patch},
};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{
    Base, EFFECT, REPEATABLE, fetch, hush, input,
    outputs::{self, History},
    trouble,
};

const PHASE: &str = "PATCH_KUBERNETES_MANIFEST";

/// Where annotations are, in a patch of operations.
const ANNOTATIONS: &str = "/metadata/annotations";

/// The task.
pub(super) struct PatchManifest(pub Base);

impl Task for PatchManifest {
    fn kind(&self) -> &'static str {
        "patchManifest"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let cluster = self.0.cluster(ctx)?;
            let at = input::target(ctx)?;
            let context =
                fetch::expanded(ctx.input()).map_err(|problem| trouble::illegal(ctx, &problem))?;
            let options = context.get("options").and_then(Value::as_object);
            let strategy = MergeStrategy::from_options(options)
                .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
            let artifacts = |key: &str| -> Vec<Artifact> {
                let list = context.get(key).and_then(Value::as_array);
                let read = |value: &Value| serde_json::from_value(value.clone()).ok();
                list.into_iter().flatten().filter_map(read).collect()
            };
            let body = context.get("manifests").unwrap_or(&Value::Null);
            let request = patch::Request {
                target: at.clone(),
                account: cluster.account.name(),
                strategy,
                body,
                required: &artifacts("requiredArtifacts"),
                optional: &artifacts("optionalArtifacts"),
                images: cluster.account.images(),
            };
            let patch = patch::build(&request)
                .map_err(|error| trouble::illegal(ctx, &error.to_string()))?;
            let what = format!("Patch failed for {}: ", at.full_name());
            let live = cluster.must(&what, cluster.account.get(&at)).await?;
            let token = ctx.effect_id().unwrap_or_default();
            if live.annotation(EFFECT) != Some(token) {
                let body = marked(&patch, &live, token);
                let call = cluster
                    .account
                    .patch(&at, patch.strategy, &body, Write::default());
                let sent = cluster.must(&what, call).await;
                sent.map_err(|why| hush::without_values_of_patch(why, &at.kind, &patch.body))?;
            }
            let mut history = History::default();
            history.say(PHASE, format!("Patched {}", at.full_name()));
            let stub = json!({
                "kind": live.kind_as_written(),
                "metadata": { "name": live.name(), "namespace": live.namespace() },
            });
            let names = json!({ live.namespace(): [live.full_name().to_string()] });
            let result = json!({
                "manifestNamesByNamespace": names,
                "boundArtifacts": patch.bound,
            });
            let mut context = outputs::of_target(ctx, history, Some(result));
            context.insert("outputs.manifests".to_owned(), json!([stub]));
            context.insert("outputs.manifestNamesByNamespace".to_owned(), names);
            context.insert("outputs.boundArtifacts".to_owned(), json!(patch.bound));
            trouble::settled(ctx, &mut context);
            Ok(Done {
                context,
                outputs: Map::new(),
                reference: None,
            })
        })
    }
}

/// The patch that also writes whose it is.
fn marked(patch: &Patch, live: &Manifest, token: &str) -> Value {
    let mut body = patch.body.clone();
    match (&patch.strategy, &mut body) {
        (MergeStrategy::Json, Value::Array(operations)) => {
            // Last, so that nothing of the author's operations takes it away again.
            let one = operations_of(Some(token));
            let first = json!({"op": "add", "path": ANNOTATIONS, "value": { EFFECT: token }});
            match has_annotations_after(operations, live.annotations().is_some()) {
                true => operations.extend(one),
                false => operations.push(first),
            }
        }
        (MergeStrategy::Strategic | MergeStrategy::Merge, Value::Object(_)) => {
            mark(&mut body, token)
        }
        // Nothing that the server would take.
        _ => {}
    }
    body
}

/// Whether an object has annotations once these operations were done. An operation that cannot work ends all of them anyway.
fn has_annotations_after(operations: &[Value], before: bool) -> bool {
    let after = |has: bool, operation: &Value| {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or("");
        let value = operation.get("value");
        let brings = |value: Option<&Value>| match text("op") {
            "add" | "replace" => value.is_some_and(Value::is_object),
            op => matches!(op, "move" | "copy"),
        };
        match (text("op"), text("path")) {
            ("test", _) => has,
            ("move", _) if text("from") == ANNOTATIONS => false,
            (_, ANNOTATIONS) => brings(value),
            (_, "/metadata") => brings(value.and_then(|value| value.get("annotations"))),
            _ => has,
        }
    };
    operations.iter().fold(before, after)
}

/// Operations for an object that certainly has annotations, such as a Deployment with a revision.
pub(super) fn operations_of(token: Option<&str>) -> Option<Value> {
    let path = format!("{ANNOTATIONS}/{}", EFFECT.replace('/', "~1"));
    token.map(|token| json!({"op": "add", "path": path, "value": token}))
}

/// Writes into a merged patch whose it is.
pub(super) fn mark(body: &mut Value, token: &str) {
    let Value::Object(body) = body else { return };
    let metadata = body.entry("metadata").or_insert_with(|| json!({}));
    let Value::Object(metadata) = metadata else {
        return;
    };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if let Value::Object(annotations) = annotations {
        annotations.insert(EFFECT.to_owned(), json!(token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(metadata: Value) -> Manifest {
        Manifest::new(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}))
            .unwrap()
    }

    #[test]
    fn every_kind_of_patch_says_whose_it_is() {
        let patch = |strategy, body| Patch {
            strategy,
            body,
            bound: Vec::new(),
        };
        let merge = patch(
            MergeStrategy::Merge,
            json!({"metadata": {"annotations": {"a": "b"}}}),
        );
        assert_eq!(
            marked(&merge, &live(json!({"name": "w"})), "t"),
            json!({"metadata": {"annotations": {"a": "b", EFFECT: "t"}}})
        );
        let operations = patch(MergeStrategy::Json, json!([]));
        assert_eq!(
            marked(&operations, &live(json!({"name": "w"})), "t"),
            json!([{"op": "add", "path": "/metadata/annotations", "value": {EFFECT: "t"}}])
        );
        assert_eq!(
            marked(
                &operations,
                &live(json!({"name": "w", "annotations": {}})),
                "t"
            ),
            json!([{"op": "add", "path": "/metadata/annotations/gennaker.io~1effect", "value": "t"}])
        );
    }

    #[test]
    fn annotations_that_the_operations_bring_are_kept_and_those_that_they_take_are_not_missed() {
        let add = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
        let take = json!({"op": "remove", "path": ANNOTATIONS});
        let whole = add(ANNOTATIONS, json!({"a": "b"}));
        let away = json!({"op": "move", "from": ANNOTATIONS, "path": "/metadata/labels"});
        let back = json!({"op": "move", "from": "/metadata/labels", "path": ANNOTATIONS});
        for (operations, before, after) in [
            (vec![whole.clone()], false, true),
            (vec![take.clone()], true, false),
            (vec![take.clone(), whole], true, true),
            (vec![away], true, false),
            (vec![back], false, true),
            (vec![add("/metadata", json!({"name": "w"}))], true, false),
            (
                vec![add("/metadata", json!({"annotations": {}}))],
                false,
                true,
            ),
            (vec![add("/spec/replicas", json!(1))], false, false),
            (
                vec![json!({"op": "test", "path": ANNOTATIONS, "value": null})],
                false,
                false,
            ),
        ] {
            assert_eq!(
                has_annotations_after(&operations, before),
                after,
                "{operations:?}"
            );
        }
        let patch = Patch {
            strategy: MergeStrategy::Json,
            body: json!([take]),
            bound: Vec::new(),
        };
        let body = marked(&patch, &live(json!({"name": "w", "annotations": {}})), "t");
        assert_eq!(body[1], add(ANNOTATIONS, json!({ EFFECT: "t" })));
    }
}
