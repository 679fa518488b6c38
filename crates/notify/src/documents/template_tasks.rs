//! Saving and deleting pipeline templates of both generations.
//!
//! Source: orca `CreatePipelineTemplateTask`, `UpdatePipelineTemplateTask`, `DeletePipelineTemplateTask` and their V2 sisters.
//! Pipelines that are made from a template of the first generation are planned anew before it changes, unless the job says
//! `skipPlanDependents`. Unlike there, they need not be saved again: nothing of the template is stored with them.

use gennaker_model::Map;
use gennaker_store::{Kind, SaveError, Saved, Store, TemplateVersion, validate_template_v1};
use gennaker_templates::{Expansion, Request, expand};
use gennaker_worker::{BoxFuture, Ctx};
use serde_json::Value;

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
        validate_template_v1(&template)?;
        let saved = store.save_template_v1(None, &template, input::user(ctx), ctx.now_ms());
        Ok(told("createpipelinetemplate", &saved.await?))
    })
}

fn update_v1<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let template = template(ctx)?;
        let id = id(ctx, "id")?;
        validate_template_v1(&template)?;
        if !input::flag(ctx.input(), "skipPlanDependents") {
            plan_dependents(store, id, &template, ctx.now_ms()).await?;
        }
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

/// Plans the pipelines that are made from a template with what it is to become. Source: orca `PlanTemplateDependentsTask`.
async fn plan_dependents(
    store: &Store,
    id: &str,
    template: &Map,
    now_ms: i64,
) -> Result<(), Trouble> {
    let mut broken = Vec::new();
    let dependents = store.dependents_now(id).await.map_err(SaveError::from)?;
    for dependent in dependents {
        let stored = store.get(Kind::Pipeline, &dependent.config_id).await;
        let Some(pipeline) = stored.map_err(SaveError::from)? else {
            continue;
        };
        let mut plan = pipeline.body;
        plan.insert("template".to_owned(), template.clone().into());
        let trigger = Map::new();
        let limits = gennaker_templates::Limits::default();
        let request = Request {
            config: &plan,
            trigger: &trigger,
            plan: true,
            now_ms,
            seed: 0,
            limits: &limits,
        };
        let planned = store.expand(|answers| match expand(&request, answers) {
            Expansion::Needs(need) => Err(need),
            done => Ok(done),
        });
        if let Expansion::Invalid(problems) = planned.await {
            let told: Vec<Value> = problems.iter().map(|it| it.to_value()).collect();
            broken.push(format!(
                "{} of {} ({}): {}",
                dependent.name,
                dependent.application,
                dependent.config_id,
                Value::from(told)
            ));
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(Trouble::from(format!(
            "The template would break pipelines that are made from it: {}",
            broken.join("; ")
        ))),
    }
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
