//! `savePipeline`, `updatePipeline` and `deletePipeline`.

use gennaker_model::{Map, work::TaskMessage};
use gennaker_store::{Bulk, SaveError, Store};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::{CALL_MAX, REPEATABLE, failure, input};

/// Saves one pipeline, or many.
///
/// Source: orca `SavePipelineTask`.
pub(crate) struct SavePipeline {
    store: Store,
}

/// Replaces an existing pipeline.
///
/// Source: orca `UpdatePipelineTask`.
pub(crate) struct UpdatePipeline {
    store: Store,
}

/// Deletes a pipeline.
///
/// Source: orca `DeletePipelineTask`.
pub(crate) struct DeletePipeline {
    store: Store,
}

impl SavePipeline {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    async fn save_one(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let mut pipeline = pipeline(
            ctx,
            self.kind(),
            "pipeline context must be provided when saving a single pipeline",
        )?;
        if input::text(&pipeline, "id").is_none()
            && let Some(id) = input::text(ctx.input(), "pipeline.id")
        {
            pipeline.insert("id".to_owned(), id.into());
            pipeline.insert("regenerateCronTriggerIds".to_owned(), true.into());
        }
        let now_ms = ctx.now_ms();
        let id_if_new = input::derived_id(ctx.effect_id().unwrap_or_default(), 0);
        let stale_check = input::flag(ctx.input(), "staleCheck");
        let saved = ctx
            .call(CALL_MAX, |_| async {
                keep_index(&self.store, &mut pipeline).await?;
                self.store
                    .pipelines()
                    .save(&pipeline, &id_if_new, input::user(ctx), stale_check, now_ms)
                    .await
            })
            .await?
            .map_err(|error| failure::failure(self.kind(), "POST", &error, now_ms))?;
        Ok(told("savepipeline", &saved.document.body))
    }

    async fn save_many(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let illegal = |problem: &str| failure::illegal(self.kind(), problem, ctx.now_ms());
        let list =
            match input::decoded(ctx.input(), "pipelines").map_err(|problem| illegal(&problem))? {
                None => {
                    return Err(illegal(
                        "pipelines context must be provided when saving multiple pipelines",
                    ));
                }
                Some(Value::Array(list)) => list,
                Some(_) => return Err(illegal("field 'pipelines' must be a list")),
            };
        let mut pipelines = Vec::with_capacity(list.len());
        for pipeline in list {
            match pipeline {
                Value::Object(pipeline) => pipelines.push(pipeline),
                _ => return Err(illegal("field 'pipelines' must be a list of objects")),
            }
        }
        let now_ms = ctx.now_ms();
        let effect = ctx.effect_id().unwrap_or_default();
        let stale_check = input::flag(ctx.input(), "staleCheck");
        let bulk = ctx
            .call(CALL_MAX, |_| async {
                for pipeline in &mut pipelines {
                    keep_index(&self.store, pipeline).await?;
                }
                let id_if_new = |index| input::derived_id(effect, index);
                self.store
                    .pipelines()
                    .save_many(&pipelines, id_if_new, input::user(ctx), stale_check, now_ms)
                    .await
            })
            .await?
            .map_err(|error| failure::failure(self.kind(), "POST", &error, now_ms))?;
        let mut context = Map::new();
        context.insert("notification.type".to_owned(), "savepipeline".into());
        if let Some(application) = ctx.input().get("application") {
            context.insert("application".to_owned(), application.clone());
        }
        context.insert("bulksave".to_owned(), bulk_result(bulk));
        Ok(Done {
            context,
            ..Done::default()
        })
    }
}

impl UpdatePipeline {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl DeletePipeline {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Task for SavePipeline {
    fn kind(&self) -> &'static str {
        "savePipeline"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            if input::flag(ctx.input(), "isBulkSavingPipelines") {
                self.save_many(ctx).await
            } else {
                self.save_one(ctx).await
            }
        })
    }
}

impl Task for UpdatePipeline {
    fn kind(&self) -> &'static str {
        "updatePipeline"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let mut pipeline = pipeline(ctx, self.kind(), "pipeline context must be provided")?;
            let id = input::text(&pipeline, "id")
                .ok_or_else(|| {
                    failure::illegal(
                        self.kind(),
                        "the pipeline to update has no id",
                        ctx.now_ms(),
                    )
                })?
                .to_owned();
            let now_ms = ctx.now_ms();
            let stale_check = input::flag(ctx.input(), "staleCheck");
            let saved = ctx
                .call(CALL_MAX, |_| async {
                    keep_index(&self.store, &mut pipeline).await?;
                    self.store
                        .pipelines()
                        .update(&id, &pipeline, input::user(ctx), stale_check, now_ms)
                        .await
                })
                .await?
                .map_err(|error| failure::failure(self.kind(), "PUT", &error, now_ms))?;
            Ok(told("updatepipeline", &saved.document.body))
        })
    }
}

impl Task for DeletePipeline {
    fn kind(&self) -> &'static str {
        "deletePipeline"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let pipeline = pipeline(ctx, self.kind(), "pipeline context must be provided")?;
            let (Some(application), Some(name)) = (
                input::text(&pipeline, "application"),
                input::text(&pipeline, "name"),
            ) else {
                return Err(failure::illegal(
                    self.kind(),
                    "A pipeline requires name and application fields",
                    ctx.now_ms(),
                ));
            };
            let id = input::text(&pipeline, "id");
            ctx.call(CALL_MAX, |_| delete(&self.store, application, name, id))
                .await?
                .map_err(|error| failure::failure(self.kind(), "DELETE", &error, ctx.now_ms()))?;
            Ok(told("deletepipeline", &pipeline))
        })
    }
}

/// Deletes the pipeline with this name, unless the name belongs to another one by now: a repeated task must not delete what
/// was made after it.
async fn delete(
    store: &Store,
    application: &str,
    name: &str,
    id: Option<&str>,
) -> Result<(), SaveError> {
    if let Some(id) = id
        && let Some(found) = store.pipelines().by_name(application, name).await?
        && found.id() != id
    {
        tracing::info!("pipeline {id} is gone and its name belongs to another one, which stays");
        return Ok(());
    }
    store
        .pipelines()
        .delete(application, name)
        .await
        .map(|_| ())
}

/// A known pipeline that comes without its place keeps it.
async fn keep_index(store: &Store, pipeline: &mut Map) -> Result<(), SaveError> {
    if pipeline.contains_key("index") {
        return Ok(());
    }
    if let Some(id) = input::text(pipeline, "id")
        && let Some(stored) = store.pipeline(id).await?
        && let Some(index) = stored.body.get("index")
    {
        pipeline.insert("index".to_owned(), index.clone());
    }
    Ok(())
}

fn pipeline(ctx: &Ctx, kind: &str, missing: &str) -> Result<Map, Failure> {
    input::object(ctx.input(), "pipeline", missing)
        .map_err(|problem| failure::illegal(kind, &problem, ctx.now_ms()))
}

fn told(notification: &str, pipeline: &Map) -> Done {
    let mut context = Map::new();
    context.insert("notification.type".to_owned(), notification.into());
    for (key, field) in [
        ("application", "application"),
        ("pipeline.name", "name"),
        ("pipeline.id", "id"),
    ] {
        if let Some(value) = pipeline.get(field) {
            context.insert(key.to_owned(), value.clone());
        }
    }
    Done {
        context,
        ..Done::default()
    }
}

/// Front50's answer to `batchUpdate`.
fn bulk_result(bulk: Bulk) -> Value {
    json!({
        "successful_pipelines_count": bulk.successful.len(),
        "successful_pipelines": bulk.successful,
        "failed_pipelines_count": bulk.failed.len(),
        "failed_pipelines": bulk.failed,
    })
}
