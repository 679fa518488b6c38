//! Saving and deleting pipeline templates of both generations.
//!
//! Source: orca `CreatePipelineTemplateTask`, `UpdatePipelineTemplateTask`, `DeletePipelineTemplateTask` and their V2 sisters.
//! Pipelines that depend on a template are not planned anew when it changes: they are when they start.

use gennaker_model::Map;
use gennaker_store::{Saved, Store, TemplateVersion};
use gennaker_worker::{BoxFuture, Ctx};

use super::{
    input,
    job::{Job, Trouble},
};

/// The tasks of this file.
pub(super) fn jobs(store: &Store) -> [Job; 6] {
    [
        Job::new(store, "createPipelineTemplate", "POST", create_v1),
        Job::new(store, "updatePipelineTemplate", "PUT", update_v1),
        Job::new(store, "deletePipelineTemplate", "DELETE", delete_v1),
        Job::new(store, "createV2PipelineTemplate", "POST", create_v2),
        Job::new(store, "updateV2PipelineTemplate", "PUT", update_v2),
        Job::new(store, "deleteV2PipelineTemplate", "DELETE", delete_v2),
    ]
}

fn create_v1<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let template = template(ctx)?;
        let saved = store.save_template_v1(None, &template, input::user(ctx), ctx.now_ms());
        Ok(told("createpipelinetemplate", &saved.await?))
    })
}

fn update_v1<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let template = template(ctx)?;
        let id = id(ctx, "id")?;
        let saved = store.save_template_v1(Some(id), &template, input::user(ctx), ctx.now_ms());
        Ok(told("updatepipelinetemplate", &saved.await?))
    })
}

fn delete_v1<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(delete(store, ctx, TemplateVersion::Untagged))
}

fn create_v2<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let template = template(ctx)?;
        let tag = input::text(ctx.input(), "tag");
        let saved = store.create_template(&template, tag, input::user(ctx), ctx.now_ms());
        Ok(told("createpipelinetemplate", &saved.await?))
    })
}

fn update_v2<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let template = template(ctx)?;
        let id = id(ctx, "id")?;
        let tag = input::text(ctx.input(), "tag");
        let saved = store.update_template(id, &template, tag, input::user(ctx), ctx.now_ms());
        Ok(told("updatepipelinetemplate", &saved.await?))
    })
}

fn delete_v2<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    let text = |field| input::text(ctx.input(), field);
    let version = match (text("tag"), text("digest")) {
        (Some(tag), _) => TemplateVersion::Tag(tag),
        (None, Some(digest)) => TemplateVersion::Digest(digest),
        (None, None) => TemplateVersion::Untagged,
    };
    Box::pin(delete(store, ctx, version))
}

async fn delete(store: &Store, ctx: &Ctx, version: TemplateVersion<'_>) -> Result<Map, Trouble> {
    let id = id(ctx, "pipelineTemplateId")?;
    store.delete_template(id, version).await?;
    let mut context = Map::new();
    context.insert(
        "notification.type".to_owned(),
        "deletepipelinetemplate".into(),
    );
    context.insert("pipeline.id".to_owned(), id.into());
    Ok(context)
}

fn template(ctx: &Ctx) -> Result<Map, String> {
    const MISSING: &str = "Missing required task parameter (pipelineTemplate)";
    input::object(ctx.input(), "pipelineTemplate", MISSING)
}

fn id<'a>(ctx: &'a Ctx, field: &str) -> Result<&'a str, String> {
    let id = input::text(ctx.input(), field);
    id.ok_or_else(|| format!("Missing required task parameter ({field})"))
}

fn told(notification: &str, saved: &Saved) -> Map {
    let mut context = Map::new();
    context.insert("notification.type".to_owned(), notification.into());
    context.insert("pipelineTemplate.id".to_owned(), saved.document.id().into());
    context
}
