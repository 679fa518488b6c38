//! What is known of plugins. Source: orca `UpsertPluginInfoTask`, `DeletePluginInfoTask`, `LoadPluginReleaseTask`,
//! `SetPreferredPluginReleaseTask`.

use std::time::Duration;

use gennaker_model::{Map, work::TaskMessage};
use gennaker_store::{Kind, Store};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use super::{
    failure, input,
    job::{Job, Trouble},
};

/// Pause before a plugin that cannot be read is read again (orca `LoadPluginReleaseTask.getBackoffPeriod`).
const AGAIN: Duration = Duration::from_secs(10);

/// Reads a release of a plugin into the context.
pub(crate) struct LoadPluginRelease {
    store: Store,
}

/// The tasks of this file.
pub(super) fn jobs(store: &Store) -> [Job; 3] {
    [
        Job::new(store, "setPreferredPluginVersion", "PUT", prefer),
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

fn prefer<'a>(store: &'a Store, ctx: &'a Ctx) -> BoxFuture<'a, Result<Map, Trouble>> {
    Box::pin(async move {
        let text = |field: &str| input::text(ctx.input(), field);
        let plugin = text("pluginId").ok_or_else(|| "pluginId must be provided".to_owned())?;
        let version = text("preferredVersion")
            .or_else(|| text("version"))
            .ok_or_else(|| "preferredVersion must be provided".to_owned())?;
        store
            .prefer_plugin_release(plugin, version, input::user(ctx), ctx.now_ms())
            .await?;
        Ok(Map::new())
    })
}

impl LoadPluginRelease {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Task for LoadPluginRelease {
    fn kind(&self) -> &'static str {
        "loadPluginRelease"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let illegal = |problem: &str| failure::illegal(self.kind(), problem, ctx.now_ms());
            let text = |field: &str| input::text(ctx.input(), field);
            let (Some(plugin), Some(version)) = (text("pluginId"), text("version")) else {
                return Err(illegal("pluginId and version must be provided"));
            };
            let held = self.store.get(Kind::PluginInfo, plugin).await;
            let held = held.map_err(|error| {
                tracing::warn!("the releases of a plugin are read again: {error}");
                Failure::retry_later(AGAIN)
            })?;
            let releases = held.as_ref().and_then(|held| held.body.get("releases"));
            let releases = releases.and_then(Value::as_array);
            let release = releases
                .into_iter()
                .flatten()
                .find(|release| release.get("version").and_then(Value::as_str) == Some(version));
            let Some(release) = release else {
                return Err(illegal(&format!(
                    "No release found for version '{version}'"
                )));
            };
            let mut context = Map::new();
            context.insert("release".to_owned(), release.clone());
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}
