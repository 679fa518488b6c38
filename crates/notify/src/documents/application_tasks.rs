//! `upsertApplication` and `deleteApplication`.

use gennaker_model::{Map, work::TaskMessage};
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use super::{REPEATABLE, failure, input};

/// Creates or changes an application; serves `createApplication`, `updateApplication` and `upsertApplication`.
///
/// Source: orca `UpsertApplicationTask`. The rules of names are the store's.
pub(crate) struct UpsertApplication {
    store: Store,
}

/// Deletes an application with what belongs to it.
///
/// Source: orca `DeleteApplicationTask`. Clusters that would forbid it come with the cloud providers.
pub(crate) struct DeleteApplication {
    store: Store,
}

impl UpsertApplication {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl DeleteApplication {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Task for UpsertApplication {
    fn kind(&self) -> &'static str {
        "upsertApplication"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let (attributes, name) = application(ctx, self.kind())?;
            let now_ms = ctx.now_ms();
            let saved = ctx
                .call(super::CALL_MAX, |_| {
                    self.store
                        .upsert_application(&attributes, input::user(ctx), now_ms)
                })
                .await?
                .map_err(|error| failure::failure(self.kind(), "POST", &error, now_ms))?;
            let mut states = Map::new();
            states.insert(
                "previousState".to_owned(),
                saved.previous.unwrap_or_default().into(),
            );
            states.insert("newState".to_owned(), saved.current.into());
            Ok(told("upsertapplication", &name, states))
        })
    }
}

impl Task for DeleteApplication {
    fn kind(&self) -> &'static str {
        "deleteApplication"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let (_, name) = application(ctx, self.kind())?;
            let deleted = ctx
                .call(super::CALL_MAX, |_| {
                    self.store
                        .delete_application(&name, input::user(ctx), ctx.now_ms())
                })
                .await?
                .map_err(|error| failure::failure(self.kind(), "DELETE", &error, ctx.now_ms()))?;
            let mut states = Map::new();
            if let Some(previous) = deleted {
                states.insert("previousState".to_owned(), previous.into());
            }
            Ok(told("deleteapplication", &name, states))
        })
    }
}

/// The application in the input, and its name.
fn application(ctx: &Ctx, kind: &str) -> Result<(Map, String), Failure> {
    const MISSING: &str = "Missing one or more required task parameters (application.name)";
    let illegal = |problem: String| failure::illegal(kind, &problem, ctx.now_ms());
    let mut attributes = input::object(ctx.input(), "application", MISSING).map_err(illegal)?;
    // Deck and Terraform name themselves in the job (`AbstractFront50Task`).
    if let Some(user) = input::text(ctx.input(), "user") {
        attributes.insert("user".to_owned(), user.into());
    }
    let name = input::text(&attributes, "name")
        .ok_or_else(|| illegal(MISSING.to_owned()))?
        .to_owned();
    Ok((attributes, name))
}

/// What Orca leaves in the context (`AbstractFront50Task`).
fn told(notification: &str, name: &str, states: Map) -> Done {
    let mut context = Map::new();
    context.insert("notification.type".to_owned(), Value::from(notification));
    context.insert("application.name".to_owned(), Value::from(name));
    context.extend(states);
    Done {
        context,
        ..Done::default()
    }
}
