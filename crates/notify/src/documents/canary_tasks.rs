//! Configurations of canary analysis. Source: Kayenta `CanaryConfigController`, whose requests Gate passes on; here they are
//! tasks, as every other save.

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
        Job::new(store, "saveCanaryConfig", "POST", save),
        Job::new(store, "deleteCanaryConfig", "DELETE", delete),
    ]
}

fn save<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        const MISSING: &str = "Key 'canaryConfig' must be provided.";
        let config = input::object(ctx.input(), "canaryConfig", MISSING)?;
        let is_new = input::flag(ctx.input(), "isNew");
        let saved = store
            .save_canary_config(&config, is_new, ctx.now_ms())
            .await?;
        let mut context = Map::new();
        context.insert("canaryConfigId".to_owned(), saved.document.id().into());
        Ok(context)
    })
}

fn delete<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let id = input::text(ctx.input(), "canaryConfigId")
            .ok_or_else(|| "Key 'canaryConfigId' must be provided.".to_owned())?;
        store.delete_canary_config(id).await?;
        Ok(Map::new())
    })
}
