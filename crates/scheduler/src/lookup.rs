//! Answers to what the engine must know from outside.

use gennaker_engine::{Lookup, LookupAnswer};
use gennaker_store::Store;

/// Finds one answer. Failing is an answer too, so that nothing waits for ever.
pub(crate) async fn answer(store: &Store, lookup: &Lookup) -> LookupAnswer {
    match lookup {
        Lookup::Pipeline(id) => match store.pipeline(id).await {
            Ok(Some(document)) => LookupAnswer::Found {
                value: serde_json::Value::Object(document.body),
            },
            Ok(None) => LookupAnswer::Missing,
            Err(error) => failed(error.to_string()),
        },
        Lookup::Expression(inner) => expression(store, inner).await,
    }
}

async fn expression(store: &Store, lookup: &gennaker_engine::ExpressionLookup) -> LookupAnswer {
    use gennaker_engine::ExpressionLookup;
    match lookup {
        ExpressionLookup::Pipeline { application, name } => {
            match store.pipelines().by_name(application, name).await {
                Ok(Some(document)) => LookupAnswer::Found {
                    value: serde_json::json!(document.id()),
                },
                Ok(None) => LookupAnswer::Missing,
                Err(error) => failed(error.to_string()),
            }
        }
        ExpressionLookup::Application { name } => match store.application(name).await {
            Ok(Some(document)) => LookupAnswer::Found {
                value: serde_json::Value::Object(document.body),
            },
            Ok(None) => LookupAnswer::Missing,
            Err(error) => failed(error.to_string()),
        },
        // The engine has them read by a task of the pool `notify`: this process calls nobody.
        ExpressionLookup::Url { .. } => failed("addresses are read by workers".to_owned()),
        ExpressionLookup::CanaryConfig { .. } => {
            failed("this release has no canary configurations yet".to_owned())
        }
        ExpressionLookup::Reference { .. } => {
            failed("this release has no artifact store yet".to_owned())
        }
    }
}

fn failed(reason: String) -> LookupAnswer {
    LookupAnswer::Failed {
        exception: None,
        reason,
    }
}
