//! `getPipelinesFromArtifact`: reads the pipelines that `savePipelinesFromArtifact` saves. Source: orca
//! `GetPipelinesFromArtifactTask`.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_outbound::{Client, Request};
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task, exception};
use serde_json::{Value, json};

use crate::{documents::base64_bytes, limits::CALL_MS_MAX};

/// Largest content of the artifact, in bytes: the pipelines are kept with the stage, and so in the log.
const CONTENT_BYTES_MAX: usize = 192 * 1024;

/// Most pipelines of one artifact.
const PIPELINES_MAX: usize = 200;

/// Pause before an address that did not answer is read again.
const AGAIN: Duration = Duration::from_secs(5);

/// Reads the artifact in its input `pipelinesArtifact`, and which of its pipelines exist.
pub(crate) struct GetPipelinesFromArtifact {
    client: Client,
    store: Store,
}

impl GetPipelinesFromArtifact {
    pub(crate) fn new(client: Client, store: Store) -> Self {
        Self { client, store }
    }

    async fn content(&self, ctx: &Ctx, artifact: &Map) -> Result<String, Failure> {
        let text = |key: &str| {
            artifact
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let reference = text("reference");
        let bytes = match text("type") {
            "embedded/base64" => base64_bytes(reference).map_err(|problem| {
                self.illegal(ctx, &format!("the artifact is no base64: {problem}"))
            })?,
            "http/file" => self.fetch(ctx, reference).await?,
            other => {
                let problem = format!(
                    "artifacts of type {other:?} are read by workers of the pool deploy, and none has"
                );
                return Err(self.illegal(ctx, &problem));
            }
        };
        if bytes.len() > CONTENT_BYTES_MAX {
            let problem = format!(
                "the artifact has {} KiB; the limit is {} KiB",
                bytes.len() / 1024,
                CONTENT_BYTES_MAX / 1024
            );
            return Err(self.illegal(ctx, &problem));
        }
        String::from_utf8(bytes).map_err(|_| self.illegal(ctx, "the artifact is not UTF-8"))
    }

    async fn fetch(&self, ctx: &Ctx, url: &str) -> Result<Vec<u8>, Failure> {
        let request = Request::get(url)
            .header("Accept", "*/*")
            .response_bytes_max(CONTENT_BYTES_MAX as u64);
        let answer = ctx
            .call(Duration::from_millis(CALL_MS_MAX), |limit| {
                self.client.send(request.timeout(limit))
            })
            .await;
        let response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_timeout() => return Err(Failure::retry_later(AGAIN)),
            Err(Failure::Unknown { .. }) => return Err(Failure::retry_later(AGAIN)),
            Ok(Err(error)) => {
                return Err(self.illegal(ctx, &format!("the artifact cannot be read: {error}")));
            }
            Err(other) => return Err(other),
        };
        if response.is_success() {
            return Ok(response.body.to_vec());
        }
        if response.status >= 500 || response.status == 429 {
            return Err(Failure::retry_later(AGAIN));
        }
        let problem = format!(
            "the artifact cannot be read: its address answers {}",
            response.status
        );
        Err(self.illegal(ctx, &problem))
    }

    async fn pipelines(&self, ctx: &Ctx, content: &str) -> Result<Vec<Value>, Failure> {
        let shape = "the artifact must hold a JSON object: application to list of pipelines";
        let applications: Map = serde_json::from_str(content)
            .map_err(|error| self.illegal(ctx, &format!("{shape}: {error}")))?;
        let mut found = Vec::new();
        for (application, listed) in applications {
            let Value::Array(listed) = listed else {
                return Err(self.illegal(ctx, &format!("{shape}: {application} has no list")));
            };
            for (place, pipeline) in listed.into_iter().enumerate() {
                let Value::Object(pipeline) = pipeline else {
                    let problem = format!("{shape}: {application}[{place}] is no object");
                    return Err(self.illegal(ctx, &problem));
                };
                if found.len() == PIPELINES_MAX {
                    let problem = format!("the artifact holds more than {PIPELINES_MAX} pipelines");
                    return Err(self.illegal(ctx, &problem));
                }
                found.push(self.to_save(&application, pipeline).await?);
            }
        }
        Ok(found)
    }

    /// A pipeline as the next tasks want it: one that exists under its name gets that one's id.
    async fn to_save(&self, application: &str, mut pipeline: Map) -> Result<Value, Failure> {
        pipeline.insert("application".to_owned(), json!(application));
        if let Some(name) = pipeline.get("name").and_then(Value::as_str) {
            let held = self.store.pipelines().by_name(application, name).await;
            let held = held.map_err(|error| {
                tracing::warn!("the pipelines of an artifact are compared again: {error}");
                Failure::retry_later(AGAIN)
            })?;
            // The store does not mind case and the space around a name; Orca does.
            if let Some(held) = held.filter(|held| held.text("name") == Some(name)) {
                pipeline.insert("id".to_owned(), json!(held.id()));
            }
        }
        let of = |key: &str| pipeline.get(key).cloned().unwrap_or(Value::Null);
        Ok(json!({
            "application": application,
            "name": of("name"),
            "id": of("id"),
            "isExisting": !of("id").is_null(),
            "pipeline": STANDARD.encode(Value::Object(pipeline.clone()).to_string()),
        }))
    }

    fn illegal(&self, ctx: &Ctx, problem: &str) -> Failure {
        Failure::give_up(exception::unexpected(
            self.kind(),
            "IllegalArgumentException",
            problem,
            ctx.now_ms(),
        ))
    }
}

impl Task for GetPipelinesFromArtifact {
    fn kind(&self) -> &'static str {
        "getPipelinesFromArtifact"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let Some(Value::Object(artifact)) = ctx.input().get("pipelinesArtifact") else {
                let id = ctx.input().get("pipelinesArtifactId");
                let id = id.and_then(Value::as_str).unwrap_or("null");
                let problem = format!("No artifact could be bound to '{id}'");
                return Err(self.illegal(ctx, &problem));
            };
            let content = self.content(ctx, artifact).await?;
            let pipelines = self.pipelines(ctx, &content).await?;
            let mut context = Map::new();
            context.insert("pipelinesToSave".to_owned(), json!(pipelines));
            context.insert("isSavingMultiplePipelines".to_owned(), json!(true));
            // Should the task be done again by the stage's own retry, it begins with the first.
            context.insert("pipelinesTaken".to_owned(), json!(0));
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use gennaker_model::work::Outcome;

    use super::*;
    use crate::testing::{Fixture, Target, answer, context, error};

    fn embedded(content: &str) -> Value {
        json!({"pipelinesArtifact": {"type": "embedded/base64", "reference": STANDARD.encode(content)}})
    }

    #[tokio::test]
    async fn pipelines_come_with_the_ids_of_those_that_exist() {
        let mut fixture = Fixture::new().await;
        let known = json!({"application": "shop", "name": "deploy", "id": "known"});
        fixture
            .run("savePipeline", json!({"pipeline": known}))
            .await;
        let content = json!({"shop": [{"name": "deploy", "stages": [{"x": "${ parameters.a }"}]}, {"name": "new"}],
                             "bank": [{"name": "deploy", "id": "own"}]});
        let target = Target::answering([answer(200, "", &content.to_string())]).await;
        let linked = json!({"pipelinesArtifact": {"type": "http/file", "reference": target.url}});
        for input in [embedded(&content.to_string()), linked] {
            let outcome = fixture.run("getPipelinesFromArtifact", input).await;
            assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
            let learned = context(&outcome);
            assert_eq!(learned["isSavingMultiplePipelines"], true);
            let left = learned["pipelinesToSave"].as_array().unwrap();
            let ids: Vec<_> = left
                .iter()
                .map(|one| {
                    (
                        &one["application"],
                        &one["name"],
                        &one["id"],
                        &one["isExisting"],
                    )
                })
                .collect();
            let wanted = [
                json!(["shop", "deploy", "known", true]),
                json!(["shop", "new", null, false]),
                json!(["bank", "deploy", "own", true]),
            ];
            assert_eq!(json!(ids), json!(wanted));
            let document = STANDARD
                .decode(left[0]["pipeline"].as_str().unwrap())
                .unwrap();
            let document: Value = serde_json::from_slice(&document).unwrap();
            assert_eq!(
                document,
                json!({"name": "deploy", "stages": [{"x": "${ parameters.a }"}], "application": "shop", "id": "known"})
            );
        }
    }

    #[tokio::test]
    async fn what_holds_no_pipelines_says_so() {
        let mut fixture = Fixture::new().await;
        let large = embedded(&" ".repeat(CONTENT_BYTES_MAX + 1));
        for (input, expected) in [
            (
                json!({"pipelinesArtifactId": "a"}),
                "No artifact could be bound to 'a'",
            ),
            (
                json!({"pipelinesArtifact": null}),
                "No artifact could be bound to 'null'",
            ),
            (
                json!({"pipelinesArtifact": {"type": "s3/object"}}),
                "artifacts of type \"s3/object\" are read by workers of the pool deploy, and none has",
            ),
            (
                json!({"pipelinesArtifact": {"type": "embedded/base64", "reference": "%"}}),
                "the artifact is no base64: Invalid symbol 37, offset 0.",
            ),
            (
                embedded("[]"),
                "the artifact must hold a JSON object: application to list of pipelines: invalid type: sequence, expected a map",
            ),
            (
                embedded(r#"{"shop": {}}"#),
                "the artifact must hold a JSON object: application to list of pipelines: shop has no list",
            ),
            (
                embedded(r#"{"shop": [7]}"#),
                "the artifact must hold a JSON object: application to list of pipelines: shop[0] is no object",
            ),
            (large, "the artifact has 192 KiB; the limit is 192 KiB"),
        ] {
            let outcome = fixture.run("getPipelinesFromArtifact", input).await;
            let said = error(&outcome);
            assert!(said.starts_with(expected), "{said}");
        }
        let target = Target::answering([answer(404, "", "no"), answer(503, "", "busy")]).await;
        let linked = json!({"pipelinesArtifact": {"type": "http/file", "reference": target.url}});
        let gone = fixture
            .run("getPipelinesFromArtifact", linked.clone())
            .await;
        assert_eq!(
            error(&gone),
            "the artifact cannot be read: its address answers 404"
        );
        let busy = fixture.run("getPipelinesFromArtifact", linked).await;
        assert!(matches!(busy, Outcome::Running { .. }), "{busy:?}");
    }
}
