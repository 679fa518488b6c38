//! What an expression asks of the outside, answered for somebody who tries it.

use gennaker_engine::{ExpressionLookup, Lookup, LookupAnswer};
use gennaker_store::Store;
use serde_json::Value;

/// Finds an answer. Failing is one too: the expression then says why.
///
/// Addresses are not fetched here: the API has no business calling what anybody who may read an execution writes down.
/// A stage that runs has its worker do it, from its zone and under its address policy.
pub(crate) async fn answer(store: &Store, lookup: &Lookup) -> LookupAnswer {
    let found = match lookup {
        Lookup::Pipeline(id) => store
            .pipeline(id)
            .await
            .map(|it| it.map(|it| it.body.into())),
        Lookup::Expression(ExpressionLookup::Pipeline { application, name }) => {
            let found = store.pipelines().by_name(application, name).await;
            found.map(|it| it.map(|it| it.id().into()))
        }
        Lookup::Expression(ExpressionLookup::Application { name }) => {
            let found = store.application(name).await;
            found.map(|it| it.map(|it| it.body.into()))
        }
        Lookup::Expression(ExpressionLookup::Url { .. }) => {
            return failed("addresses are fetched only while a pipeline runs");
        }
        Lookup::Expression(ExpressionLookup::CanaryConfig { .. }) => {
            return failed("this release has no canary configurations yet");
        }
        Lookup::Expression(ExpressionLookup::Reference { .. }) => {
            return failed("this release has no artifact store yet");
        }
    };
    match found {
        Ok(Some(value)) => LookupAnswer::Found { value },
        Ok(None::<Value>) => LookupAnswer::Missing,
        Err(error) => failed(error.to_string()),
    }
}

fn failed(reason: impl Into<String>) -> LookupAnswer {
    LookupAnswer::Failed {
        exception: None,
        reason: reason.into(),
    }
}
