//! `front50/pipelineTemplate`: templates as they lie in the store.

use gennaker_artifacts::{BoxFuture, Templates};
use gennaker_store::Store;

/// The templates of a store.
#[derive(Clone)]
pub struct StoredTemplates(pub Store);

impl Templates for StoredTemplates {
    fn template<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<bytes::Bytes>, String>> {
        Box::pin(async move {
            let found = self.0.template_at(key).await;
            let found = found
                .map_err(|error| format!("the store of templates does not answer: {error}"))?;
            let text = found.map(|template| serde_json::to_vec(&template.body));
            text.transpose()
                .map(|text| text.map(Into::into))
                .map_err(|error| error.to_string())
        })
    }
}
