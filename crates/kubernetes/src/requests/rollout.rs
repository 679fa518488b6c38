//! Rollouts: back, pause, resume, restart. The rules are those of `manifests`; this reads what they need and sends the patch.

use gennaker_manifests::{Coordinates, Kind, Manifest, Native, rollout};

use super::read::List;
use super::write::Write;
use crate::account::Account;
use crate::error::Error;

const MANAGER: &str = "kubectl-rollout";

impl Account {
    /// The revisions that an object can go back to, ascending, and the object.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for kinds without history, and all others.
    pub async fn revisions(&self, at: &Coordinates) -> Result<Vec<i64>, Error> {
        let object = self.get(at).await?;
        let history = self.history(at, &object).await?;
        Ok(rollout::revisions(&object, &history))
    }

    /// Goes back to a revision, or a number of revisions back (which wins), as `kubectl rollout undo`. Answers the revision.
    ///
    /// # Errors
    /// [`Error::Malformed`] when there is no such revision, [`Error::Unsupported`] for kinds without history and for paused ones,
    /// and all others.
    pub async fn undo(
        &self,
        at: &Coordinates,
        revision: Option<i64>,
        back: Option<i64>,
        write: Write,
    ) -> Result<i64, Error> {
        let object = self.get(at).await?;
        let history = self.history(at, &object).await?;
        let revisions = rollout::revisions(&object, &history);
        let chosen = rollout::choose_revision(&revisions, revision, back).map_err(refused)?;
        if let Some(patch) = rollout::undo(&object, &history, chosen).map_err(refused)? {
            self.send(at, &patch, write).await?;
        }
        Ok(chosen)
    }

    /// Pauses (or resumes) the rollout of a Deployment. False when it was so already.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for other kinds, and all others.
    pub async fn pause(&self, at: &Coordinates, paused: bool, write: Write) -> Result<bool, Error> {
        let object = self.get(at).await?;
        match rollout::pause(&object, paused).map_err(refused)? {
            Some(patch) => self.send(at, &patch, write).await.map(|_| true),
            None => Ok(false),
        }
    }

    /// Replaces all pods, as `kubectl rollout restart`; `now` is a time as RFC 3339. The same time twice restarts once.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for other kinds and for a paused Deployment, and all others.
    pub async fn restart(
        &self,
        at: &Coordinates,
        now: &str,
        write: Write,
    ) -> Result<Manifest, Error> {
        let object = self.get(at).await?;
        let patch = rollout::restart(&object, now).map_err(refused)?;
        self.send(at, &patch, write).await
    }

    /// What a kind keeps of its past: a Deployment its ReplicaSets, StatefulSets and DaemonSets their ControllerRevisions. Only
    /// what the object owns.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for kinds without history, and all others.
    pub async fn history(
        &self,
        at: &Coordinates,
        object: &Manifest,
    ) -> Result<Vec<Manifest>, Error> {
        let kind = match at.kind.native() {
            Some(Native::Deployment) => Native::ReplicaSet,
            Some(Native::StatefulSet | Native::DaemonSet) => Native::ControllerRevision,
            _ => {
                let kind = &at.kind;
                return Err(Error::Unsupported(format!(
                    "Resource with {kind} does not support rollout"
                )));
            }
        };
        let list = List::of(Kind::from(kind), Some(object.namespace()));
        // The settings may hide kinds that pipelines must not touch; the past of one that they may is not among them.
        let resource = self.resource_unchecked(&list.kind).await?;
        let found = self
            .list_one(&resource, Some(object.namespace()), &list, list.limit)
            .await?;
        let owned = |it: &Manifest| {
            let owners = it
                .at(&["metadata", "ownerReferences"])
                .and_then(|it| it.as_array());
            owners
                .into_iter()
                .flatten()
                .any(|owner| owner["uid"] == object.uid())
        };
        Ok(found.items.into_iter().filter(owned).collect())
    }

    async fn send(
        &self,
        at: &Coordinates,
        patch: &rollout::Patch,
        write: Write,
    ) -> Result<Manifest, Error> {
        let (_, path) = self.locate(at).await?;
        self.patch_as(path, patch.strategy, &patch.body, MANAGER, write)
            .await
    }
}

fn refused(error: rollout::Error) -> Error {
    match error {
        rollout::Error::Unsupported { .. } | rollout::Error::Paused(_) => {
            Error::Unsupported(error.to_string())
        }
        rollout::Error::TooFew { .. }
        | rollout::Error::NoRevision
        | rollout::Error::UnknownRevision(_)
        | rollout::Error::Strategy(_) => Error::Malformed(error.to_string()),
    }
}
