//! Tags of cloud entities. In Orca these are operations of Clouddriver (`UpsertEntityTagsTask`, `BulkUpsertEntityTagsTask`,
//! `DeleteEntityTagsTask`); what they write are documents.

use gennaker_model::Map;
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx};
use serde_json::Value;

use super::{
    input,
    job::{Job, Trouble},
};

/// Most entities of one bulk job.
const ENTITIES_MAX: usize = 500;

/// The tasks of this file.
pub(super) fn jobs(store: &Store) -> [Job; 3] {
    [
        Job::new(store, "upsertEntityTags", "POST", upsert),
        Job::new(store, "bulkUpsertEntityTags", "POST", upsert_all),
        Job::new(store, "deleteEntityTags", "DELETE", delete),
    ]
}

fn upsert<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        store
            .upsert_entity_tags(ctx.input(), input::user(ctx), ctx.now_ms())
            .await?;
        Ok(notified("upsertentitytags"))
    })
}

fn upsert_all<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let entities = ctx.input().get("entityTags").and_then(Value::as_array);
        let entities = entities.ok_or_else(|| "entityTags must be a list".to_owned())?;
        if entities.len() > ENTITIES_MAX {
            return Err(Trouble::Input(format!(
                "at most {ENTITIES_MAX} entities can be tagged at once"
            )));
        }
        // An option of the job counts for all that say nothing themselves.
        let is_partial = ctx.input().get("isPartial");
        for entity in entities {
            let entity = entity.as_object();
            let entity = entity.ok_or_else(|| "entityTags must be a list of objects".to_owned())?;
            let mut entity = entity.clone();
            if let Some(is_partial) = is_partial.filter(|_| !entity.contains_key("isPartial")) {
                entity.insert("isPartial".to_owned(), is_partial.clone());
            }
            store
                .upsert_entity_tags(&entity, input::user(ctx), ctx.now_ms())
                .await?;
        }
        Ok(notified("bulkupsertentitytags"))
    })
}

fn delete<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let id = input::text(ctx.input(), "id").ok_or_else(|| "id must be provided".to_owned())?;
        let names = ctx.input().get("tags").and_then(Value::as_array);
        let names: Vec<String> = names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let all = input::flag(ctx.input(), "deleteAll");
        store
            .delete_entity_tags(id, &names, all, input::user(ctx), ctx.now_ms())
            .await?;
        Ok(notified("deleteentitytags"))
    })
}

fn notified(kind: &str) -> Map {
    Map::from_iter([("notification.type".to_owned(), kind.into())])
}
