//! Sending one object by its strategy (Kubernetes reference 3.5), unless it was sent already.

use std::time::Duration;

use gennaker_kubernetes::{Class, Error, How, Write};
use gennaker_manifests::{
    Coordinates, Kind, Manifest, Native, annotations, apply, delete, deploy::Step,
    strategy::Submission,
};
use gennaker_model::{Map, routing::fnv1a64};
use gennaker_worker::Failure;
use serde_json::{Value, json};

use super::APPLIED;
use crate::kubernetes::{EFFECT, cluster::Cluster, hush, outputs, trouble};

/// The annotation with the revision that an object had before, where the stage wants to go back on failure.
const BEFORE: &str = "gennaker.io/revision-before";

/// How long an object that is recreated may take to go: what kubectl's process has in Spinnaker.
const GONE_WITHIN: Duration = Duration::from_secs(8 * 60);

/// Longest single look whether it is gone.
const LOOK: Duration = Duration::from_secs(20);

/// Letters of generated names, as Kubernetes uses them.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// How often another name is tried when a generated one is taken.
const NAMES_MAX: u64 = 8;

/// Sends the objects of one round.
pub(super) struct Sender<'a> {
    cluster: &'a Cluster<'a>,
    token: &'a str,
    undoes: bool,
    /// A custom resource is defined by the same stage: the cluster serves its kind some moments later.
    brings_kinds: bool,
    /// What the server answered, in order.
    pub(super) answers: Vec<Manifest>,
    /// Where workloads can go back to.
    pub(super) revisions: Vec<Value>,
}

/// What came of it.
pub(super) enum Sent {
    /// It is there.
    Done,
    /// Somebody else took its version.
    Taken,
}

impl<'a> Sender<'a> {
    pub(super) fn new(cluster: &'a Cluster<'a>, token: &'a str, undoes: bool) -> Self {
        Self {
            cluster,
            token,
            undoes,
            brings_kinds: false,
            answers: Vec::new(),
            revisions: Vec::new(),
        }
    }

    /// Sends the object at `place` of the order.
    ///
    /// # Errors
    /// The end of the operation; the context says what was sent before.
    pub(super) async fn send(&mut self, place: usize, step: &Step) -> Result<Sent, Failure> {
        let sent = match step.submission {
            Submission::Create => self.generate(place, &step.manifest).await,
            Submission::Recreate
            | Submission::Replace
            | Submission::ServerSideApply { .. }
            | Submission::Apply => self.write(step).await,
        };
        match sent {
            Ok(Some(answer)) => {
                self.answers.push(answer);
                Ok(Sent::Done)
            }
            Ok(None) => Ok(Sent::Taken),
            Err(failure) => Err(self.knowing(failure)),
        }
    }

    async fn write(&mut self, step: &Step) -> Result<Option<Manifest>, Failure> {
        let cluster = self.cluster;
        let account = cluster.account;
        let mut manifest = step.manifest.clone();
        manifest
            .annotations_mut()
            .insert(EFFECT.to_owned(), json!(self.token));
        self.brings_kinds |= manifest.kind().native() == Some(Native::CustomResourceDefinition);
        let at = Coordinates::of(&manifest);
        let words = match step.submission {
            Submission::Replace => "Replace",
            _ => "Deploy",
        };
        let live = cluster
            .ask(account.find(&at))
            .await?
            .map_err(|error| self.failed(words, &step.manifest, &error))?;
        if let Some(live) = &live
            && live.annotation(EFFECT) == Some(self.token)
        {
            self.note_revision(
                live.annotation(BEFORE).and_then(|text| text.parse().ok()),
                &at,
            );
            return Ok(Some(live.clone()));
        }
        let is_new_version = step.version.as_ref().is_some_and(|version| !version.reused);
        if is_new_version {
            if live.is_some() {
                return Ok(None);
            }
            return self.create_version(&manifest, step).await;
        }
        if self.undoes
            && let Some(live) = &live
        {
            let before = self.revision_of(live, &at).await?;
            if let Some(before) = before {
                manifest
                    .annotations_mut()
                    .insert(BEFORE.to_owned(), json!(before.to_string()));
            }
            self.note_revision(before, &at);
        }
        let answer = match step.submission {
            Submission::Apply | Submission::Create => {
                self.apply(&manifest, How::ClientSide).await?
            }
            Submission::ServerSideApply { force } => {
                self.apply(&manifest, How::ServerSide { force }).await?
            }
            Submission::Replace => {
                let replaced = cluster
                    .ask(account.replace(&manifest, Write::default()))
                    .await?;
                match replaced {
                    Err(error) if error.is_not_found() => {
                        let created = cluster
                            .ask(account.create(&manifest, Write::default()))
                            .await?;
                        return created
                            .map(Some)
                            .map_err(|error| self.failed("Create", &step.manifest, &error));
                    }
                    other => other,
                }
            }
            Submission::Recreate => {
                if let Some(live) = &live {
                    self.remove(&at, live).await?;
                }
                self.apply(&manifest, How::ClientSide).await?
            }
        };
        answer
            .map(Some)
            .map_err(|error| self.failed(words, &step.manifest, &error))
    }

    async fn apply(
        &self,
        manifest: &Manifest,
        how: How,
    ) -> Result<Result<Manifest, Error>, Failure> {
        let call = self.cluster.account.apply(manifest, how, Write::default());
        let applied = self.cluster.ask(call).await?;
        Ok(applied.map(|applied| applied.object))
    }

    /// Takes a version by creating its object; nothing when somebody else was faster. What was created by an apply can be compared
    /// with the next one.
    async fn create_version(
        &self,
        manifest: &Manifest,
        step: &Step,
    ) -> Result<Option<Manifest>, Failure> {
        let manifest = match step.submission {
            Submission::Apply | Submission::Recreate | Submission::Create => {
                apply::with_last_applied(&apply::without_nulls(manifest))
            }
            Submission::Replace | Submission::ServerSideApply { .. } => manifest.clone(),
        };
        let call = self.cluster.account.create(&manifest, Write::default());
        match self.cluster.ask(call).await? {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.class() == Class::AlreadyExists => Ok(None),
            Err(error) => Err(self.failed("Deploy", &step.manifest, &error)),
        }
    }

    /// Deletes an object that is made anew and waits until it is gone.
    async fn remove(&self, at: &Coordinates, live: &Manifest) -> Result<(), Failure> {
        let (cluster, account) = (self.cluster, self.cluster.account);
        let options = delete::Options::default();
        let deleted = cluster
            .ask(account.delete(at, &options, Some(live.uid()), Write::default()))
            .await?;
        let deletion = match deleted {
            Ok(Some(deletion)) => deletion,
            Ok(None) => return Ok(()),
            Err(error) if error.class() == Class::Conflict => return Ok(()),
            Err(error) => return Err(self.failed("Delete", live, &error)),
        };
        let deletions = [deletion];
        let looks = GONE_WITHIN.as_secs() / LOOK.as_secs();
        for _ in 0..looks {
            match cluster.ask(account.wait_gone(&deletions, LOOK)).await? {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(self.failed("Delete", live, &error)),
            }
        }
        let holders = live.at(&["metadata", "finalizers"]).map(Value::to_string);
        let message = format!(
            "Deploy failed for manifest: {}. Error: it was deleted to be made anew, and is not gone after {} minutes{}",
            at.full_name(),
            GONE_WITHIN.as_secs() / 60,
            holders
                .map(|holders| format!("; it has the finalizers {holders}"))
                .unwrap_or_default()
        );
        Err(trouble::give_up(cluster.ctx, "KubectlException", &message))
    }

    /// Creates an object whose name only has a beginning. The rest is derived from the effect, so that a repetition finds it.
    async fn generate(
        &self,
        place: usize,
        manifest: &Manifest,
    ) -> Result<Option<Manifest>, Failure> {
        let (cluster, account) = (self.cluster, self.cluster.account);
        for number in 0..NAMES_MAX {
            let mut manifest = manifest.clone();
            let name = format!(
                "{}{}",
                manifest.generate_name(),
                suffix(self.token, place, number)
            );
            manifest
                .annotations_mut()
                .insert(EFFECT.to_owned(), json!(self.token));
            if let Some(Value::Object(metadata)) = manifest.as_map_mut().get_mut("metadata") {
                metadata.insert("name".to_owned(), json!(name));
            }
            let live = cluster
                .ask(account.find(&Coordinates::of(&manifest)))
                .await?;
            match live.map_err(|error| self.failed("Create", &manifest, &error))? {
                Some(live) if live.annotation(EFFECT) == Some(self.token) => return Ok(Some(live)),
                // Somebody else's; the next name.
                Some(_) => continue,
                None => {}
            }
            match cluster
                .ask(account.create(&manifest, Write::default()))
                .await?
            {
                Ok(object) => return Ok(Some(object)),
                Err(error) if error.class() == Class::AlreadyExists => {}
                Err(error) => return Err(self.failed("Create", &manifest, &error)),
            }
        }
        let message = format!(
            "Create failed for manifest: {}. Error: every generated name is taken",
            manifest.full_name()
        );
        Err(trouble::give_up(cluster.ctx, "KubectlException", &message))
    }

    /// The revision that a workload has now.
    async fn revision_of(&self, live: &Manifest, at: &Coordinates) -> Result<Option<i64>, Failure> {
        if !rolls_out(&at.kind) {
            return Ok(None);
        }
        if let Some(revision) = live.annotation(annotations::REVISION) {
            return Ok(revision.parse().ok());
        }
        let revisions = self.cluster.ask(self.cluster.account.revisions(at)).await?;
        Ok(revisions
            .ok()
            .and_then(|revisions| revisions.last().copied()))
    }

    fn note_revision(&mut self, revision: Option<i64>, at: &Coordinates) {
        let Some(revision) = revision.filter(|_| self.undoes && rolls_out(&at.kind)) else {
            return;
        };
        self.revisions.push(json!({
            "manifestName": at.full_name().to_string(),
            "location": at.namespace,
            "revision": revision,
        }));
    }

    fn failed(&self, word: &str, manifest: &Manifest, error: &Error) -> Failure {
        let what = format!(
            "{word} failed for manifest: {}. Error: ",
            manifest.full_name()
        );
        let owners: Vec<String> = error
            .api()
            .into_iter()
            .flat_map(|said| said.owned_by_others())
            .map(|(field, owner)| format!("{field} ({owner})"))
            .collect();
        if !owners.is_empty() {
            let message = format!(
                "{what}{error}. Other managers own {}; strategy.spinnaker.io/server-side-apply: force-conflicts takes fields from them",
                owners.join(", ")
            );
            return trouble::give_up(self.cluster.ctx, "KubectlException", &message);
        }
        let failure = match error {
            Error::UnknownKind { .. } if self.brings_kinds => {
                self.cluster.failed_for_now(&what, error)
            }
            other => self.cluster.failed(&what, other),
        };
        hush::without_values_of(failure, manifest)
    }

    /// Adds what was sent so far to what the stage is told.
    fn knowing(&self, failure: Failure) -> Failure {
        let mut known = Map::new();
        if !self.answers.is_empty() {
            let names = outputs::names_by_namespace(&self.answers);
            known.insert(APPLIED.to_owned(), Value::Object(names));
        }
        if !self.revisions.is_empty() {
            known.insert(super::REVISIONS.to_owned(), json!(self.revisions));
        }
        match failure {
            Failure::GiveUp(mut why) => {
                why.context.extend(known);
                Failure::GiveUp(why)
            }
            Failure::Cancelled { mut context } => {
                context.extend(known);
                Failure::Cancelled { context }
            }
            Failure::RetryLater { after, mut context } => {
                context.extend(known);
                Failure::RetryLater { after, context }
            }
            unknown @ Failure::Unknown { .. } => unknown,
        }
    }
}

fn rolls_out(kind: &Kind) -> bool {
    kind.native().is_some_and(Native::can_roll_out)
}

/// The end of a generated name.
fn suffix(token: &str, place: usize, number: u64) -> String {
    let mut rest = fnv1a64(format!("{token}/{place}/{number}").as_bytes());
    let letters = LETTERS.len() as u64;
    let mut suffix = String::new();
    for _ in 0..5 {
        let place = usize::try_from(rest % letters).unwrap_or(0);
        suffix.push(char::from(LETTERS[place]));
        rest /= letters;
    }
    suffix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_the_same_for_the_same_effect_only() {
        let name = suffix("e.s.0.2.0", 0, 0);
        assert_eq!(name, suffix("e.s.0.2.0", 0, 0));
        assert_eq!(name.len(), 5);
        for other in [
            suffix("e.s.1.2.0", 0, 0),
            suffix("e.s.0.2.0", 1, 0),
            suffix("e.s.0.2.0", 0, 1),
        ] {
            assert_ne!(name, other);
        }
    }
}
