//! Pipelines: saving, renaming, ordering and deleting them as Front50's `PipelineController` does.

mod prepare;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use gennaker_bus::Put;
use gennaker_model::Map;
use serde_json::Value;

use crate::{
    ATTEMPTS, Document, Error, Kind, SaveError, Store, document, key,
    names::{Claim, name_key_of},
};

/// Largest pipeline, in bytes of compact JSON.
pub const PIPELINE_BYTES_MAX: usize = 384 * 1024;

/// A pipeline that was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What is stored now.
    pub document: Document,
    /// It did not exist before.
    pub created: bool,
}

/// What became of many pipelines (Front50 `batchUpdate`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bulk {
    /// Names of those that were saved.
    pub successful: Vec<String>,
    /// Those that were not, with `errorMsg` added.
    pub failed: Vec<Map>,
}

impl Store {
    /// Creates or replaces a pipeline. Without an `id` it is a new one, which gets `id_if_new`.
    ///
    /// `stale_check` refuses a document whose `updateTs` is not the stored one. A repeat of the same call (a task that
    /// ran twice) finds its own document and answers as before.
    ///
    /// Source: Front50 `PipelineController.save`, with the stale check as repaired upstream later.
    ///
    /// # Errors
    /// [`SaveError`] with Front50's texts.
    pub async fn save_pipeline(
        &self,
        submitted: &Map,
        id_if_new: &str,
        user: &str,
        stale_check: bool,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        prepare::validate(submitted)?;
        let id = prepare::id_of(submitted).unwrap_or(id_if_new);
        self.write_pipeline(submitted, id, user, stale_check, now_ms, false)
            .await
    }

    /// Replaces the existing pipeline `id`.
    ///
    /// Source: Front50 `PipelineController.update`.
    ///
    /// # Errors
    /// [`SaveError::NotFound`] without such a pipeline, [`SaveError::Rejected`] when the document has another id.
    pub async fn update_pipeline(
        &self,
        id: &str,
        submitted: &Map,
        user: &str,
        stale_check: bool,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        if !key::is_id(id) {
            return Err(prepare::not_found(id));
        }
        if let Some(other) = prepare::id_of(submitted).filter(|other| *other != id) {
            return Err(SaveError::Rejected(format!(
                "The provided id {other} doesn't match the existing pipeline id {id}"
            )));
        }
        prepare::validate(submitted)?;
        self.write_pipeline(submitted, id, user, stale_check, now_ms, true)
            .await
    }

    /// Saves what is valid and reports the rest; `id_if_new` gives the id of the n-th document, should it be new.
    ///
    /// # Errors
    /// [`SaveError::Store`] and [`SaveError::Busy`] only: the call may be repeated.
    pub async fn save_pipelines(
        &self,
        submitted: &[Map],
        id_if_new: impl Fn(usize) -> String,
        user: &str,
        stale_check: bool,
        now_ms: i64,
    ) -> Result<Bulk, SaveError> {
        let mut bulk = Bulk::default();
        for (index, pipeline) in submitted.iter().enumerate() {
            let id = id_if_new(index);
            match self
                .save_pipeline(pipeline, &id, user, stale_check, now_ms)
                .await
            {
                Ok(saved) => bulk
                    .successful
                    .push(saved.document.text("name").unwrap_or_default().to_owned()),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    let mut failed = pipeline.clone();
                    failed.insert("errorMsg".to_owned(), error.to_string().into());
                    bulk.failed.push(failed);
                }
            }
        }
        Ok(bulk)
    }

    /// One pipeline by id, read from the leader.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn pipeline(&self, id: &str) -> Result<Option<Document>, Error> {
        self.get(Kind::Pipeline, id).await
    }

    /// One pipeline by application and name, both trimmed and without regard to case, read from the leader.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn pipeline_by_name(
        &self,
        application: &str,
        name: &str,
    ) -> Result<Option<Document>, Error> {
        if !key::fits(application, name) {
            return Ok(None);
        }
        let Some(id) = self.holder_of(application, name).await? else {
            return Ok(None);
        };
        let wanted = key::pipeline_name(application, name);
        let pipeline = self.pipeline(&id).await?;
        Ok(pipeline.filter(|pipeline| name_key_of(pipeline) == wanted))
    }

    /// The pipelines of an application in their order, `index` numbered anew from 0.
    ///
    /// Source: Front50 `PipelineController.listByApplication`: those without an index last, then by name ignoring case.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn pipelines_of(&self, application: &str) -> Result<Vec<Document>, Error> {
        self.cache().ready().await?;
        let mut pipelines = self.cache().pipelines_of(&key::fold(application));
        pipelines.sort_by_cached_key(prepare::order_of);
        for (index, pipeline) in pipelines.iter_mut().enumerate() {
            pipeline.body.insert("index".to_owned(), index.into());
        }
        Ok(pipelines)
    }

    /// Sets the `index` of pipelines of one application; ids of other applications or of none are skipped.
    ///
    /// # Errors
    /// [`SaveError`] when a write fails; the ones before it are done.
    pub async fn reorder_pipelines(
        &self,
        application: &str,
        indices: &std::collections::BTreeMap<String, i64>,
        user: &str,
        now_ms: i64,
    ) -> Result<(), SaveError> {
        let application = key::fold(application);
        for (id, index) in indices {
            self.change_index(&application, id, *index, user, now_ms)
                .await?;
        }
        Ok(())
    }

    /// Deletes the pipeline with this name, if there is one, and gives back what it was.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete_pipeline(
        &self,
        application: &str,
        name: &str,
    ) -> Result<Option<Document>, SaveError> {
        for _ in 0..ATTEMPTS {
            let Some(pipeline) = self.pipeline_by_name(application, name).await? else {
                return Ok(None);
            };
            if self.remove_pipeline(&pipeline).await? {
                return Ok(Some(pipeline));
            }
        }
        Err(SaveError::Busy)
    }

    /// Deletes this version of a pipeline and gives its name back; `false` when it changed meanwhile.
    pub(crate) async fn remove_pipeline(&self, pipeline: &Document) -> Result<bool, SaveError> {
        let key = key::document(Kind::Pipeline, pipeline.id());
        match self.kv().delete_if(&key, pipeline.revision).await? {
            Put::Done(revision) => {
                self.cache().apply(&key, revision, None);
                self.release(pipeline, revision).await?;
                Ok(true)
            }
            Put::Conflict => Ok(false),
        }
    }

    async fn write_pipeline(
        &self,
        submitted: &Map,
        id: &str,
        user: &str,
        stale_check: bool,
        now_ms: i64,
        must_exist: bool,
    ) -> Result<Saved, SaveError> {
        let key = key::document(Kind::Pipeline, id);
        for _ in 0..ATTEMPTS {
            let (expected, stored) = match self.kv().get(&key).await? {
                Some(record) => (record.revision, Document::read(Kind::Pipeline, &record)?),
                None => (0, None),
            };
            if must_exist && stored.is_none() {
                return Err(prepare::not_found(id));
            }
            let before = stored.as_ref().map(|stored| &stored.body);
            let body = prepare::prepared(submitted, id, user, before, now_ms);
            if let Some(stored) = &stored
                && prepare::is_repeat(&stored.body, &body)
            {
                return Ok(Saved {
                    document: stored.clone(),
                    created: false,
                });
            }
            if stale_check && let Some(before) = before {
                prepare::check_stale(submitted, before)?;
            }
            let raw = document::bytes_of(Kind::Pipeline, &body)?;
            let document = Document {
                kind: Kind::Pipeline,
                revision: 0,
                body,
            };
            let settled = stored
                .as_ref()
                .is_some_and(|stored| name_key_of(stored) == name_key_of(&document));
            let application = document.text("application").unwrap_or_default();
            let name = document.text("name").unwrap_or_default();
            match self
                .claim_name(application, name, id, settled, now_ms)
                .await?
            {
                Claim::Held => {}
                Claim::Again => continue,
                Claim::Taken => {
                    return Err(SaveError::Rejected(format!(
                        "A pipeline with name {name} already exists in application {application}"
                    )));
                }
            }
            if let Some(revision) = self.put_raw(&key, expected, raw).await? {
                if let Some(stored) = stored.as_ref().filter(|_| !settled) {
                    self.release(stored, revision).await?;
                }
                return Ok(Saved {
                    document: Document {
                        revision,
                        ..document
                    },
                    created: stored.is_none(),
                });
            }
        }
        Err(SaveError::Busy)
    }

    async fn change_index(
        &self,
        application: &str,
        id: &str,
        index: i64,
        user: &str,
        now_ms: i64,
    ) -> Result<(), SaveError> {
        let key = key::document(Kind::Pipeline, id);
        for _ in 0..ATTEMPTS {
            let Some(stored) = self.pipeline(id).await? else {
                return Ok(());
            };
            let at = stored.text("application").map(key::fold);
            if at.as_deref() != Some(application)
                || stored.body.get("index").and_then(Value::as_i64) == Some(index)
            {
                return Ok(());
            }
            let mut submitted = stored.body.clone();
            submitted.insert("index".to_owned(), index.into());
            let body = prepare::prepared(&submitted, id, user, Some(&stored.body), now_ms);
            let raw = document::bytes_of(Kind::Pipeline, &body)?;
            if self.put_raw(&key, stored.revision, raw).await?.is_some() {
                return Ok(());
            }
        }
        Err(SaveError::Busy)
    }

    async fn put_raw(
        &self,
        key: &str,
        expected: u64,
        raw: Bytes,
    ) -> Result<Option<u64>, SaveError> {
        match self.kv().put_if(key, expected, raw.clone(), None).await? {
            Put::Done(revision) => {
                self.cache().apply(key, revision, Some(raw));
                Ok(Some(revision))
            }
            Put::Conflict => Ok(None),
        }
    }

    /// Gives back the name of a document that is gone since `revision`. A failure leaves a name that nobody uses, which
    /// the next one who wants it takes over, so it does not fail the call.
    async fn release(&self, pipeline: &Document, revision: u64) -> Result<(), SaveError> {
        let application = pipeline.text("application").unwrap_or_default();
        let name = pipeline.text("name").unwrap_or_default();
        if let Err(error) = self
            .release_name(application, name, pipeline.id(), revision)
            .await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the name {name} of application {application} could not be given back; the next save takes it over"
            );
        }
        Ok(())
    }
}
