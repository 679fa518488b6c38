//! Manifests, properties, definitions of builds and pipelines from artifacts (Kubernetes reference 5.2.1): `fetchManifests`,
//! `consumeArtifact`, `fetchBuildDefinition`, `fetchPipelines`.
//!
//! `fetchManifests` reports RUNNING with the documents in the context, and the task goes on with the context evaluated. A document
//! with `${` in it that must not be evaluated goes as an artifact `embedded/base64`.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gennaker_artifacts::{Accounts, Artifact};
use gennaker_manifests::text;
use gennaker_model::{Map, work::TaskMessage};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{input, trouble};

/// The type of an artifact that is its content.
const EMBEDDED: &str = "embedded/base64";

/// Most bytes of a JSON document whose keys become outputs.
const PROPERTIES_BYTES_MAX: usize = 1 << 20;

/// Most bytes of pipelines that are saved; who saves them says the same.
const PIPELINES_BYTES_MAX: usize = 192 << 10;

/// Pause before an artifact whose place does not answer is read again.
const AGAIN: Duration = Duration::from_secs(5);

/// Context key that counts the tries.
const TRIES: &str = "artifactTries";

/// Most tries.
const TRIES_MAX: u64 = 5;

/// Every task about artifacts; without accounts only embedded ones are read.
pub(super) fn tasks(artifacts: Option<&Accounts>) -> Vec<Arc<dyn Task>> {
    let content = Content(artifacts.cloned());
    vec![
        Arc::new(FetchManifests(content.clone())),
        Arc::new(FetchPipelines(content.clone())),
        Arc::new(ConsumeArtifact(content.clone())),
        Arc::new(FetchBuildDefinition(content)),
    ]
}

/// The bytes of artifacts, by their accounts.
#[derive(Clone)]
struct Content(Option<Accounts>);

impl Content {
    async fn of(&self, ctx: &Ctx, artifact: &Value) -> Result<Vec<u8>, Failure> {
        let Some(accounts) = &self.0 else {
            return content(artifact).map_err(|problem| trouble::illegal(ctx, &problem));
        };
        let read = Artifact::read(artifact)
            .map_err(|problem| trouble::illegal(ctx, &problem.to_string()))?;
        let fetched = tokio::select! {
            fetched = accounts.fetch(&read) => fetched,
            () = ctx.cancelled() => return Err(Failure::cancelled()),
        };
        fetched.map(|content| content.to_vec()).map_err(|problem| {
            let tries = ctx.input().get(TRIES).and_then(Value::as_u64).unwrap_or(0) + 1;
            if !problem.is_transient() || tries >= TRIES_MAX {
                return trouble::illegal(ctx, &problem.to_string());
            }
            let mut context = Map::new();
            context.insert(TRIES.to_owned(), json!(tries));
            Failure::RetryLater {
                after: AGAIN,
                context,
            }
        })
    }
}

/// The task that fetches manifests.
struct FetchManifests(Content);

impl Task for FetchManifests {
    fn kind(&self) -> &'static str {
        "fetchManifests"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let artifact = ctx
                .input()
                .get("resolvedManifestArtifact")
                .unwrap_or(&Value::Null);
            let content = self.0.of(ctx, artifact).await?;
            let content = std::str::from_utf8(&content)
                .map_err(|_| trouble::illegal(ctx, "the artifact is no text in UTF-8"))?;
            let documents = text::parse(content).map_err(|error| {
                trouble::illegal(
                    ctx,
                    &format!("the artifact cannot be read as manifests: {error}"),
                )
            })?;
            let keeps = input::boolean(ctx.input(), "skipExpressionEvaluation") == Some(true);
            let documents: Vec<Value> = documents
                .into_iter()
                .map(|document| if keeps { guarded(document) } else { document })
                .collect();
            let mut context = Map::new();
            context.insert("manifests".to_owned(), Value::Array(documents));
            context.insert("manifestArtifactFetched".to_owned(), json!(true));
            Err(Failure::RetryLater {
                after: Duration::ZERO,
                context,
            })
        })
    }
}

/// The task that fetches pipelines that are to be saved: they go on as an artifact that is its content. Ours; Orca's task reads every
/// artifact itself.
struct FetchPipelines(Content);

impl Task for FetchPipelines {
    fn kind(&self) -> &'static str {
        "fetchPipelines"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let artifact = ctx.input().get("pipelinesArtifact").unwrap_or(&Value::Null);
            let content = self.0.of(ctx, artifact).await?;
            if content.len() > PIPELINES_BYTES_MAX {
                let message = format!(
                    "the artifact has {} KiB; the limit is {} KiB",
                    content.len() / 1024,
                    PIPELINES_BYTES_MAX / 1024
                );
                return Err(trouble::illegal(ctx, &message));
            }
            let fetched = json!({"type": EMBEDDED, "reference": BASE64_STANDARD.encode(content)});
            let mut context = Map::new();
            context.insert("pipelinesArtifact".to_owned(), fetched);
            Err(Failure::RetryLater {
                after: Duration::ZERO,
                context,
            })
        })
    }
}

/// The task that makes outputs of a JSON document. Source: orca `ConsumeArtifactTask`.
struct ConsumeArtifact(Content);

impl Task for ConsumeArtifact {
    fn kind(&self) -> &'static str {
        "consumeArtifact"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let Some(artifact) = ctx
                .input()
                .get("consumeArtifact")
                .filter(|artifact| artifact.is_object())
            else {
                return Err(trouble::illegal(
                    ctx,
                    "No artifact to consume was specified.",
                ));
            };
            let content = self.0.of(ctx, artifact).await?;
            if content.len() > PROPERTIES_BYTES_MAX {
                let message = format!(
                    "the artifact has {} bytes; its keys become outputs, so at most {PROPERTIES_BYTES_MAX} are taken",
                    content.len()
                );
                return Err(trouble::illegal(ctx, &message));
            }
            let document: Map = serde_json::from_slice(&content).map_err(|error| {
                trouble::illegal(ctx, &format!("the artifact is no JSON object: {error}"))
            })?;
            let outputs: Map = document
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .collect();
            Ok(Done {
                context: outputs.clone(),
                outputs,
                reference: None,
            })
        })
    }
}

/// The task that fetches the definition of a build of Google's, for the stage to go on with. Source: orca
/// `StartGoogleCloudBuildTask.getBuildDefinitionFromArtifact`.
struct FetchBuildDefinition(Content);

impl Task for FetchBuildDefinition {
    fn kind(&self) -> &'static str {
        "fetchBuildDefinition"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let artifact = ctx.input().get("resolvedBuildDefinitionArtifact");
            let content = self.0.of(ctx, artifact.unwrap_or(&Value::Null)).await?;
            let definition = build_definition(&content);
            let definition = definition.map_err(|problem| trouble::illegal(ctx, &problem))?;
            let mut context = Map::new();
            context.insert("fetchedBuildDefinition".to_owned(), definition);
            Err(Failure::RetryLater {
                after: Duration::ZERO,
                context,
            })
        })
    }
}

/// The one object in a file of YAML.
fn build_definition(content: &[u8]) -> Result<Value, String> {
    let content =
        std::str::from_utf8(content).map_err(|_| "the artifact is no text in UTF-8".to_owned())?;
    let documents = text::parse(content)
        .map_err(|error| format!("the artifact cannot be read as a build definition: {error}"))?;
    match <[Value; 1]>::try_from(documents) {
        Ok([definition]) if definition.is_object() => Ok(definition),
        Ok(_) | Err(_) => Err("the artifact does not hold one build definition".to_owned()),
    }
}

/// The bytes of an artifact.
fn content(artifact: &Value) -> Result<Vec<u8>, String> {
    let kind = artifact
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if kind != EMBEDDED {
        return Err(format!("artifacts of type {kind} cannot be fetched here"));
    }
    let reference = artifact
        .get("reference")
        .and_then(Value::as_str)
        .unwrap_or_default();
    BASE64_STANDARD
        .decode(reference.trim())
        .map_err(|error| format!("the reference of the artifact is no base64: {error}"))
}

/// A document that nobody evaluates.
fn guarded(document: Value) -> Value {
    let text = document.to_string();
    if !text.contains("${") {
        return document;
    }
    json!({ "type": EMBEDDED, "reference": BASE64_STANDARD.encode(text) })
}

/// The context with every guarded document in `manifests` as it was.
pub(super) fn expanded(context: &Map) -> Result<Map, String> {
    let mut context = context.clone();
    let Some(Value::Array(manifests)) = context.get_mut("manifests") else {
        return Ok(context);
    };
    for manifest in manifests {
        let is_guarded = manifest.get("type").and_then(Value::as_str) == Some(EMBEDDED)
            && manifest.get("kind").is_none();
        if is_guarded {
            let bytes = content(manifest)?;
            *manifest = serde_json::from_slice(&bytes)
                .map_err(|error| format!("a stored manifest cannot be read: {error}"))?;
        }
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_evaluated_is_kept_out_of_sight() {
        let plain = json!({"kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(guarded(plain.clone()), plain);
        let script = json!({"kind": "ConfigMap", "data": {"run.sh": "echo ${HOME}"}});
        let kept = guarded(script.clone());
        assert!(!kept.to_string().contains("${"));
        let context: Map = [("manifests".to_owned(), json!([kept]))]
            .into_iter()
            .collect();
        assert_eq!(expanded(&context).unwrap()["manifests"], json!([script]));
    }
}
