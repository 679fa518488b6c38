//! `upsertPluginInfo` and `deletePluginInfo`. Source: orca `UpsertPluginInfoTask`, `DeletePluginInfoTask`.

use gennaker_model::Map;
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx};

use super::{
    input,
    job::{Job, Trouble},
};

/// The tasks of this file.
pub(super) fn jobs(store: &Store) -> [Job; 2] {
    [
        Job::new(store, "upsertPluginInfo", "POST", upsert),
        Job::new(store, "deletePluginInfo", "DELETE", delete),
    ]
}

fn upsert<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        const MISSING: &str = "Key 'pluginInfo' must be provided.";
        let plugin = input::object(ctx.input(), "pluginInfo", MISSING)?;
        let saved = store
            .save_plugin(&plugin, input::user(ctx), ctx.now_ms())
            .await?;
        let mut context = Map::new();
        context.insert("front50ResponseStatus".to_owned(), 200.into());
        context.insert("pluginInfoId".to_owned(), saved.document.id().into());
        Ok(context)
    })
}

fn delete<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let id = input::text(ctx.input(), "pluginInfoId")
            .ok_or_else(|| "Key 'pluginInfoId' must be provided.".to_owned())?;
        store.delete_plugin(id).await?;
        let mut context = Map::new();
        context.insert("front50ResponseStatus".to_owned(), 204.into());
        Ok(context)
    })
}
