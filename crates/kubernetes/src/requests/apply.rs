//! `kubectl apply`, client side and server side.

use gennaker_manifests::{Manifest, apply};
use http::Method;

use super::ownership;
use super::write::Write;
use crate::account::Account;
use crate::error::{Class, Error};
use crate::transport::Call;

/// As kubectl: others change the object meanwhile, or make it, or delete it.
const ATTEMPTS_MAX: u32 = 5;
/// The name under which kubectl owns fields, client side.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";
/// The name under which it owns them, server side.
const SERVER_SIDE: &str = "kubectl";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// Who merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// We: what was applied last, what is to be applied, what lives.
    ClientSide,
    /// The API server, by who owns which field.
    ServerSide {
        /// Take fields that others own.
        force: bool,
    },
}

/// What an application did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The object is new.
    Created,
    /// It was there and changed.
    Configured,
    /// It was so already.
    Unchanged,
}

/// An applied object.
#[derive(Debug, Clone)]
pub struct Applied {
    /// As the API server has it now.
    pub object: Manifest,
    /// What happened.
    pub change: Change,
}

impl Account {
    /// Makes an object what the manifest says, as `kubectl apply`. What the manifest does not name stays as it is, what it named
    /// last time and names no more goes; `null` members are left out.
    ///
    /// # Errors
    /// [`Class::Conflict`] server side without force, when others own fields ([`crate::ApiError::owned_by_others`]), or when
    /// somebody keeps changing the object; [`Error::Malformed`], and all others.
    pub async fn apply(
        &self,
        manifest: &Manifest,
        how: How,
        write: Write,
    ) -> Result<Applied, Error> {
        let manifest = apply::without_nulls(manifest);
        match how {
            How::ClientSide => self.apply_client_side(&manifest, write).await,
            How::ServerSide { force } => self.apply_server_side(&manifest, force, write).await,
        }
    }

    async fn apply_client_side(&self, manifest: &Manifest, write: Write) -> Result<Applied, Error> {
        let modified = apply::with_last_applied(manifest);
        let (path, _) = self.target(manifest).await?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = self.apply_once(&path, &modified, write).await;
            match outcome {
                Err(error) if attempts < ATTEMPTS_MAX && changed_meanwhile(&error) => {}
                other => return other,
            }
        }
    }

    async fn apply_once(
        &self,
        path: &str,
        modified: &Manifest,
        write: Write,
    ) -> Result<Applied, Error> {
        let live = match self.inner.transport.json(Call::get(path.to_owned())).await {
            Ok(live) => self.object(live)?,
            Err(error) if error.is_not_found() => {
                let object = self.create_as(modified, CLIENT_SIDE, write).await?;
                let change = Change::Created;
                return Ok(Applied { object, change });
            }
            Err(error) => return Err(error),
        };
        let patch =
            apply::patch(&live, modified).map_err(|error| Error::Malformed(error.to_string()))?;
        let Some(patch) = patch else {
            let change = Change::Unchanged;
            return Ok(Applied {
                object: live,
                change,
            });
        };
        let patched = self
            .patch_as(
                path.to_owned(),
                patch.strategy,
                &patch.body,
                CLIENT_SIDE,
                write,
            )
            .await;
        let object = match patched {
            // Gone between our look and our patch: the next round makes it.
            Err(error) if error.is_not_found() => return Err(gone(error)),
            other => other?,
        };
        let change = Change::Configured;
        Ok(Applied { object, change })
    }

    async fn apply_server_side(
        &self,
        manifest: &Manifest,
        force: bool,
        write: Write,
    ) -> Result<Applied, Error> {
        let (path, manifest) = self.target(manifest).await?;
        let before = match self.inner.transport.json(Call::get(path.clone())).await {
            Ok(live) => Some(self.object(live)?),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        if let Some(live) = &before
            && !write.dry_run
        {
            self.hand_over(&path, live).await?;
        }
        let call = Call::new(Method::PATCH, path)
            .query("fieldManager", SERVER_SIDE)
            .query("force", force.to_string())
            .body(APPLY_PATCH, &manifest.into_value());
        let object = self.object(self.inner.transport.json(write.mark(call)).await?)?;
        let version = |object: &Manifest| object.at(&["metadata", "resourceVersion"]).cloned();
        let change = match before {
            None => Change::Created,
            Some(before) if version(&before) == version(&object) => Change::Unchanged,
            Some(_) => Change::Configured,
        };
        Ok(Applied { object, change })
    }

    /// What was applied client side becomes ours server side, as kubectl does it: else fields that the manifest names no more
    /// would stay, owned by nobody who applies again.
    async fn hand_over(&self, path: &str, live: &Manifest) -> Result<(), Error> {
        let mut live = live.clone();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let Some(patch) = ownership::hand_over(&live, CLIENT_SIDE, SERVER_SIDE) else {
                return Ok(());
            };
            let strategy = gennaker_manifests::patch::MergeStrategy::Json;
            match self
                .patch_as(
                    path.to_owned(),
                    strategy,
                    &patch,
                    SERVER_SIDE,
                    Write::default(),
                )
                .await
            {
                Ok(_) => return Ok(()),
                // The patch says which version it is for.
                Err(error)
                    if matches!(error.class(), Class::Conflict | Class::Invalid)
                        && attempts < ATTEMPTS_MAX =>
                {
                    live = self.object(
                        self.inner
                            .transport
                            .json(Call::get(path.to_owned()))
                            .await?,
                    )?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether another look may help.
fn changed_meanwhile(error: &Error) -> bool {
    matches!(error.class(), Class::Conflict | Class::AlreadyExists)
}

/// An object that is gone, as a conflict: it was there a moment ago.
fn gone(error: Error) -> Error {
    match error {
        Error::Api(mut said) => {
            said.reason = "Conflict".to_owned();
            Error::Api(said)
        }
        other => other,
    }
}
