//! `reorderPipelines`.

use std::collections::BTreeMap;

use gennaker_model::{Map, work::TaskMessage};
use gennaker_store::Store;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::Value;

use super::{CALL_MAX, REPEATABLE, failure, input};

/// Puts the pipelines, or strategies, of an application in order.
///
/// Source: orca `ReorderPipelinesTask`.
pub(crate) struct ReorderPipelines {
    store: Store,
}

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Order {
    application: String,
    are_strategies: bool,
    indices: BTreeMap<String, i64>,
}

impl ReorderPipelines {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Task for ReorderPipelines {
    fn kind(&self) -> &'static str {
        "reorderPipelines"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        REPEATABLE
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let now_ms = ctx.now_ms();
            let order = order_of(ctx.input())
                .map_err(|problem| failure::illegal(self.kind(), &problem, now_ms))?;
            let Order {
                application,
                are_strategies,
                indices,
            } = &order;
            let configs = match are_strategies {
                true => self.store.strategies(),
                false => self.store.pipelines(),
            };
            ctx.call(CALL_MAX, |_| {
                configs.reorder(application, indices, input::user(ctx), now_ms)
            })
            .await?
            .map_err(|error| failure::failure(self.kind(), "POST", &error, now_ms))?;
            let mut context = Map::new();
            context.insert("notification.type".to_owned(), "reorderpipelines".into());
            context.insert("application".to_owned(), order.application.into());
            Ok(Done {
                context,
                ..Done::default()
            })
        })
    }
}

/// Reads the input; every value may be base64 of its JSON.
fn order_of(input: &Map) -> Result<Order, String> {
    let are_strategies = matches!(
        plain_or_decoded(input, "isStrategy")?,
        Some(Value::Bool(true))
    );
    let Some(Value::String(application)) = plain_or_decoded(input, "application")? else {
        return Err("application must be provided for reordering pipelines".to_owned());
    };
    let Some(Value::Object(places)) = plain_or_decoded(input, "idsToIndices")? else {
        return Err("idsToIndices must be provided for reordering pipelines".to_owned());
    };
    let indices = places
        .into_iter()
        .map(|(id, place)| {
            let place = place
                .as_i64()
                .ok_or_else(|| format!("the index of pipeline {id} must be a whole number"))?;
            Ok((id, place))
        })
        .collect::<Result<_, String>>()?;
    Ok(Order {
        application,
        are_strategies,
        indices,
    })
}

/// A value, base64 of its JSON, or a text that is neither and stands for itself: an application's name may be plain.
fn plain_or_decoded(input: &Map, field: &str) -> Result<Option<Value>, String> {
    match (input::decoded(input, field), input.get(field)) {
        (Err(_), Some(text @ Value::String(_))) if field == "application" => Ok(Some(text.clone())),
        (decoded, _) => decoded,
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use serde_json::json;

    use super::*;

    fn order(input: &Value) -> Result<Order, String> {
        order_of(input.as_object().unwrap())
    }

    #[test]
    fn values_may_be_encoded_or_plain() {
        let encoded = |value: Value| BASE64_STANDARD.encode(value.to_string());
        let wanted = Order {
            application: "demo".to_owned(),
            are_strategies: false,
            indices: [("a".to_owned(), 1), ("b".to_owned(), 0)].into(),
        };
        for input in [
            json!({"application": encoded(json!("demo")), "idsToIndices": encoded(json!({"a": 1, "b": 0})),
                   "isStrategy": encoded(json!(false))}),
            json!({"application": "demo", "idsToIndices": {"a": 1, "b": 0}}),
        ] {
            assert_eq!(order(&input).as_ref(), Ok(&wanted), "{input}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        for (input, message) in [
            (
                json!({}),
                "application must be provided for reordering pipelines",
            ),
            (
                json!({"application": "demo"}),
                "idsToIndices must be provided for reordering pipelines",
            ),
            (
                json!({"application": "demo", "idsToIndices": []}),
                "idsToIndices must be provided for reordering pipelines",
            ),
            (
                json!({"application": "demo", "idsToIndices": {"a": "1"}}),
                "the index of pipeline a must be a whole number",
            ),
            (
                json!({"application": "demo", "idsToIndices": "%"}),
                "field 'idsToIndices' is no base64",
            ),
            (
                json!({"isStrategy": "%"}),
                "field 'isStrategy' is no base64",
            ),
        ] {
            let said = order(&input).unwrap_err();
            assert!(said.starts_with(message), "{input}: {said}");
        }
    }
}
