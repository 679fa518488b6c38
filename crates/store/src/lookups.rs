//! What the engine asks of documents. A question that has no answer gets one, too: nothing may wait for ever.

use gennaker_engine::{ExpressionLookup, Lookup, LookupAnswer};
use serde_json::Value;

use crate::{Error, Store};

impl Store {
    /// Answers a question of the engine; `None` when the answer is an address's or an execution's, which are no documents.
    pub async fn look_up(&self, lookup: &Lookup) -> Option<LookupAnswer> {
        let found: Result<Option<Value>, Error> = match lookup {
            Lookup::Pipeline(id) => {
                let found = self.pipeline(id).await;
                found.map(|it| it.map(|it| it.body.into()))
            }
            Lookup::Expression(ExpressionLookup::Pipeline { application, name }) => {
                let found = self.pipelines().by_name(application, name).await;
                found.map(|it| it.map(|it| it.id().into()))
            }
            Lookup::Expression(ExpressionLookup::Application { name }) => {
                let found = self.application(name).await;
                found.map(|it| it.map(|it| it.body.into()))
            }
            Lookup::Expression(ExpressionLookup::Url { .. })
            | Lookup::Execution(_)
            | Lookup::Artifacts(_) => return None,
            Lookup::Expression(ExpressionLookup::CanaryConfig { name, application }) => {
                let of = [application.clone()];
                let found = self.canary_configs(&of).await;
                found.map(|configs| {
                    let mut named = configs.iter().filter(|it| it.text("name") == Some(name));
                    named.next().map(|it| it.id().into())
                })
            }
            Lookup::Expression(ExpressionLookup::Reference { .. }) => {
                return Some(failed("this release has no artifact store yet"));
            }
        };
        Some(match found {
            Ok(Some(value)) => LookupAnswer::Found { value },
            Ok(None) => LookupAnswer::Missing,
            Err(error) => failed(error.to_string()),
        })
    }
}

fn failed(reason: impl Into<String>) -> LookupAnswer {
    LookupAnswer::Failed {
        exception: None,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use gennaker_model::Map;
    use serde_json::json;

    use super::*;
    use crate::testing::Fixture;

    #[tokio::test(start_paused = true)]
    async fn documents_answer_and_addresses_do_not() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let map = |value: Value| -> Map { value.as_object().unwrap().clone() };
        let pipeline = map(json!({"application": "demo", "name": "deploy", "stages": []}));
        let pipelines = store.pipelines();
        pipelines
            .save(&pipeline, "p-1", "me", false, 5)
            .await
            .unwrap();
        let application = map(json!({"name": "demo", "email": "me@x.io"}));
        store
            .upsert_application(&application, "me", 5)
            .await
            .unwrap();

        let by_name = |name: &str| {
            Lookup::Expression(ExpressionLookup::Pipeline {
                application: "Demo".to_owned(),
                name: name.to_owned(),
            })
        };
        let found = store.look_up(&by_name("DEPLOY")).await;
        assert_eq!(
            found,
            Some(LookupAnswer::Found {
                value: json!("p-1")
            })
        );
        assert_eq!(
            store.look_up(&by_name("gone")).await,
            Some(LookupAnswer::Missing)
        );
        for (lookup, field, value) in [
            (Lookup::Pipeline("p-1".to_owned()), "name", "deploy"),
            (
                Lookup::Expression(ExpressionLookup::Application {
                    name: "demo".to_owned(),
                }),
                "email",
                "me@x.io",
            ),
        ] {
            match store.look_up(&lookup).await {
                Some(LookupAnswer::Found { value: found }) => assert_eq!(found[field], value),
                other => panic!("{lookup:?}: {other:?}"),
            }
        }
        let url = Lookup::Expression(ExpressionLookup::Url {
            url: "https://x.io".to_owned(),
        });
        assert_eq!(store.look_up(&url).await, None);
    }
}
