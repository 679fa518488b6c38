//! What an operation leaves in the context, in the shape that Orca's tasks give it (Kubernetes reference 5.5, 10.3).

use gennaker_manifests::Manifest;
use gennaker_model::Map;
use gennaker_worker::Ctx;
use serde_json::{Value, json};

use super::input;

/// The phase of a deployment in a task's history. Source: clouddriver `KubernetesDeployManifestOperation`.
pub(super) const DEPLOY_PHASE: &str = "DEPLOY_KUBERNETES_MANIFEST";

/// Most lines of a task's history that are kept.
const HISTORY_MAX: usize = 200;

/// The lines of a task's history, as people see them.
#[derive(Debug, Default)]
pub(super) struct History(Vec<Value>);

impl History {
    /// Adds a line.
    pub(super) fn say(&mut self, phase: &str, status: impl Into<String>) {
        let status: String = status.into();
        if self.0.len() < HISTORY_MAX {
            self.0.push(json!({ "phase": phase, "status": status }));
        }
    }
}

/// `kato.tasks` and its kin, of an operation that succeeded.
pub(super) fn succeeded(ctx: &Ctx, history: History, result: Option<Value>) -> Map {
    let expected = result.is_some();
    let results: Vec<Value> = result.into_iter().collect();
    let task = json!({
        "id": id(ctx),
        "status": { "completed": true, "failed": false, "retryable": false },
        "history": history.0,
        "resultObjects": results,
        "outputs": [],
    });
    common(ctx, task, expected)
}

/// The same of one that failed.
pub(super) fn failed(ctx: &Ctx, class: &str, message: &str) -> Map {
    let exception = json!({
        "type": "EXCEPTION",
        "operation": ctx.message().kind,
        "message": message,
        "cause": class,
        "details": [{"message": message}],
        "retryable": false,
    });
    let status = format!(
        "Orchestration failed: {} | {class}: [{message}]",
        ctx.message().kind
    );
    let task = json!({
        "id": id(ctx),
        "status": { "completed": true, "failed": true, "retryable": false },
        "history": [{"phase": "ORCHESTRATION", "status": status}],
        "resultObjects": [exception.clone()],
        "exception": exception,
        "outputs": [],
    });
    common(ctx, task, false)
}

fn common(ctx: &Ctx, task: Value, expected: bool) -> Map {
    let mut context = Map::new();
    context.insert("kato.result.expected".to_owned(), json!(expected));
    context.insert("kato.last.task.id".to_owned(), json!({ "id": id(ctx) }));
    context.insert("kato.tasks".to_owned(), json!([task]));
    context
}

/// The name of the operation: that of its effect.
fn id(ctx: &Ctx) -> String {
    ctx.effect_id()
        .map_or_else(|| ctx.message().attempt.to_string(), str::to_owned)
}

/// What an operation on one object leaves (Kubernetes reference 7.1, the end): what a wait for stability looks at.
pub(super) fn of_target(ctx: &Ctx, history: History, result: Option<Value>) -> Map {
    let own = ctx.input();
    let name = input::text(own, "manifestName").unwrap_or_default();
    let location = input::location(own);
    let place = if location.is_empty() { "_" } else { location };
    let mut context = succeeded(ctx, history, result);
    context.insert(
        "manifest.account.name".to_owned(),
        json!(input::account(own)),
    );
    context.insert("manifest.name".to_owned(), json!(name));
    context.insert("manifest.location".to_owned(), json!(location));
    context.insert(
        "outputs.manifestNamesByNamespace".to_owned(),
        json!({ place: [name] }),
    );
    context
}

/// `{namespace: ["kind name"]}` of objects, each name once, in their order.
pub(super) fn names_by_namespace<'a>(objects: impl IntoIterator<Item = &'a Manifest>) -> Map {
    let mut names = Map::new();
    for object in objects {
        let list = names
            .entry(object.namespace().to_owned())
            .or_insert_with(|| json!([]));
        let name = json!(object.full_name().to_string());
        if let Value::Array(list) = list
            && !list.contains(&name)
        {
            list.push(name);
        }
    }
    names
}
