//! Files that a kustomization names, read through the account of the kustomization itself.

use std::future::Future;
use std::pin::Pin;

use gennaker_artifacts::{Accounts, Artifact, Error};
use gennaker_bake::{FileProblem, Files};

/// Artifacts like one, but for their reference.
pub(super) struct Beside<'a> {
    pub(super) accounts: &'a Accounts,
    pub(super) like: Artifact,
}

impl Files for Beside<'_> {
    fn read<'a>(
        &'a self,
        reference: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, FileProblem>> + Send + 'a>> {
        Box::pin(async move {
            let artifact = Artifact {
                reference: reference.to_owned(),
                name: reference.to_owned(),
                ..self.like.clone()
            };
            let fetched = self.accounts.fetch(&artifact).await;
            fetched
                .map(|content| content.to_vec())
                .map_err(|error| FileProblem {
                    is_missing: is_missing(&error),
                    is_transient: error.is_transient(),
                    reason: error.to_string(),
                })
        })
    }
}

fn is_missing(error: &Error) -> bool {
    match error {
        Error::Download { source, .. } => is_missing(source),
        Error::NotFound(_) => true,
        Error::Status { status, .. } => *status == 404,
        // GitHub answers with a list for a folder.
        Error::Answer(_) => true,
        _ => false,
    }
}
