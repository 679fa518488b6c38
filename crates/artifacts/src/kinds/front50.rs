//! `front50/pipelineTemplate`: a pipeline template of this installation (Clouddriver: `Front50ArtifactCredentials`).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::Source;
use crate::{Artifact, Error};

/// What it reads.
pub(super) const TYPES: &[&str] = &["front50/pipelineTemplate"];

pub(super) const ACCOUNT: &str = "front50ArtifactCredentials";

/// Where templates are; the caller knows the store.
pub trait Templates: Send + Sync {
    /// The template with this id, `id:tag` or `id@sha256:digest`, as JSON; none when there is none. The error is a text for
    /// people.
    fn template<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, String>>;
}

pub(super) struct Front50 {
    templates: Arc<dyn Templates>,
}

impl Front50 {
    pub(super) fn new(templates: Arc<dyn Templates>) -> Self {
        Self { templates }
    }
}

impl Source for Front50 {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let reference = &artifact.reference;
            let key = reference
                .strip_prefix("spinnaker://")
                .filter(|key| !key.is_empty());
            let key = key.ok_or_else(|| {
                Error::Reference(format!(
                    "'front50/pipelineTemplate' artifacts must be referenced by spinnaker://<id>[:<tag> or @sha256:<digest>], and not by {reference:?}"
                ))
            })?;
            match self.templates.template(key).await {
                Ok(Some(template)) => Ok(template),
                Ok(None) => Err(Error::NotFound(reference.clone())),
                Err(problem) => Err(Error::Unavailable(problem)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{artifact, options};

    struct One;

    impl Templates for One {
        fn template<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, String>> {
            Box::pin(async move {
                match key {
                    "down" => Err("the store does not answer".to_owned()),
                    key => Ok((key == "wait:v1").then(|| Bytes::from("{}"))),
                }
            })
        }
    }

    #[tokio::test]
    async fn a_template_by_its_reference() {
        let accounts = crate::Accounts::new(crate::Options {
            templates: Some(Arc::new(One)),
            ..options("")
        })
        .unwrap();
        let fetch = async |reference: &str| {
            let given = json!({"type": "front50/pipelineTemplate", "artifactAccount": ACCOUNT, "reference": reference});
            accounts.fetch(&artifact(given)).await
        };
        assert_eq!(fetch("spinnaker://wait:v1").await.unwrap(), "{}");
        assert_eq!(
            fetch("spinnaker://other").await.unwrap_err().http_status(),
            404
        );
        assert_eq!(fetch("other").await.unwrap_err().http_status(), 400);
        assert!(fetch("spinnaker://down").await.unwrap_err().is_transient());
    }
}
