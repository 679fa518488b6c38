//! `upsertProject` and `deleteProject`. Source: orca `UpsertProjectTask`, `DeleteProjectTask`.

use gennaker_model::Map;
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx};

use super::{
    input,
    job::{Job, Trouble},
};

const MISSING: &str = "project context must be provided";

/// The tasks of this file.
pub(super) fn jobs(store: &Store) -> [Job; 2] {
    [
        Job::new(store, "upsertProject", "POST", upsert),
        Job::new(store, "deleteProject", "DELETE", delete),
    ]
}

fn upsert<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let project = input::object(ctx.input(), "project", MISSING)?;
        let id_if_new = input::derived_id(ctx.effect_id().unwrap_or_default(), 0);
        let saved = store
            .upsert_project(&project, &id_if_new, input::user(ctx), ctx.now_ms())
            .await?;
        let mut context = Map::new();
        context.insert("notification.type".to_owned(), "upsertproject".into());
        context.insert("id".to_owned(), saved.document.id().into());
        context.insert(
            "previousState".to_owned(),
            saved.previous.unwrap_or_default().into(),
        );
        context.insert("newState".to_owned(), saved.document.body.into());
        Ok(context)
    })
}

fn delete<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let project = input::object(ctx.input(), "project", MISSING)?;
        let id = input::text(&project, "id")
            .ok_or_else(|| "the project to delete has no id".to_owned())?;
        store.delete_project(id).await?;
        let mut context = Map::new();
        context.insert("notification.type".to_owned(), "deleteproject".into());
        Ok(context)
    })
}
