//! Pipelines and strategies: saving, renaming, ordering and deleting them as Front50's `PipelineController` and
//! `StrategyController` do.

mod prepare;
#[cfg(test)]
mod tests;

pub(crate) use prepare::{template_of, validate};

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    ATTEMPTS, Document, Error, Kind, ManagedAccounts, SaveError, Saved, Store,
    key::{self, Name},
    save::missing,
    stamp::is_repeat,
};

/// Pipelines, or strategies: the same documents in two namespaces.
#[derive(Clone, Copy)]
pub struct Configs<'s> {
    store: &'s Store,
    kind: Kind,
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
    /// The pipelines.
    #[must_use]
    pub const fn pipelines(&self) -> Configs<'_> {
        Configs {
            store: self,
            kind: Kind::Pipeline,
        }
    }

    /// The strategies.
    #[must_use]
    pub const fn strategies(&self) -> Configs<'_> {
        Configs {
            store: self,
            kind: Kind::Strategy,
        }
    }

    /// One pipeline by id, read from where it lies.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn pipeline(&self, id: &str) -> Result<Option<Document>, Error> {
        self.get(Kind::Pipeline, id).await
    }
}

impl Configs<'_> {
    /// Creates or replaces one. Without an `id` it is a new one, which gets `id_if_new`.
    ///
    /// `stale_check` refuses a document whose `updateTs` is not the stored one. A repeat of the same call (a task that
    /// ran twice) finds its own document and answers as before.
    ///
    /// Source: Front50 `PipelineController.save`, with the stale check as repaired upstream later.
    ///
    /// # Errors
    /// [`SaveError`] with Front50's texts.
    pub async fn save(
        self,
        submitted: &Map,
        id_if_new: &str,
        user: &str,
        stale_check: bool,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        validate(self.kind, submitted)?;
        let id = prepare::id_of(submitted).unwrap_or(id_if_new);
        self.write(submitted, id, user, stale_check, now_ms, false)
            .await
    }

    /// Replaces the existing one with this id.
    ///
    /// Source: Front50 `PipelineController.update`.
    ///
    /// # Errors
    /// [`SaveError::NotFound`] when there is none, [`SaveError::Rejected`] when the document has another id.
    pub async fn update(
        self,
        id: &str,
        submitted: &Map,
        user: &str,
        stale_check: bool,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        if !key::is_id(id) {
            return Err(SaveError::NotFound(missing(self.kind, id)));
        }
        if let Some(other) = prepare::id_of(submitted).filter(|other| *other != id) {
            return Err(SaveError::Rejected(format!(
                "The provided id {other} doesn't match the existing {} id {id}",
                self.kind.word()
            )));
        }
        validate(self.kind, submitted)?;
        self.write(submitted, id, user, stale_check, now_ms, true)
            .await
    }

    /// Saves what is valid and reports the rest; `id_if_new` gives the id of the n-th document, should it be new.
    ///
    /// # Errors
    /// [`SaveError::Store`] and [`SaveError::Busy`] only: the call may be repeated.
    pub async fn save_many(
        self,
        submitted: &[Map],
        id_if_new: impl Fn(usize) -> String,
        user: &str,
        stale_check: bool,
        now_ms: i64,
    ) -> Result<Bulk, SaveError> {
        let mut bulk = Bulk::default();
        for (index, config) in submitted.iter().enumerate() {
            let id = id_if_new(index);
            match self.save(config, &id, user, stale_check, now_ms).await {
                Ok(saved) => bulk
                    .successful
                    .push(saved.document.text("name").unwrap_or_default().to_owned()),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    let mut failed = config.clone();
                    failed.insert("errorMsg".to_owned(), error.to_string().into());
                    bulk.failed.push(failed);
                }
            }
        }
        Ok(bulk)
    }

    /// One by id, read from where it lies.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn get(self, id: &str) -> Result<Option<Document>, Error> {
        self.store.get(self.kind, id).await
    }

    /// One by application and name, both trimmed and without regard to case, read from where it lies.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn by_name(self, application: &str, name: &str) -> Result<Option<Document>, Error> {
        let name = Name::in_application(self.kind, application, name);
        self.store.named(&name).await
    }

    /// Those of an application in their order, `index` numbered anew from 0.
    ///
    /// Source: Front50 `PipelineController.listByApplication`: those without an index last, then by name ignoring case.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn of(self, application: &str) -> Result<Vec<Document>, Error> {
        let cache = &self.store.cache;
        cache.ready().await?;
        let mut configs = cache.documents_of(self.kind, &key::fold(application));
        configs.sort_by_cached_key(prepare::order_of);
        for (index, config) in configs.iter_mut().enumerate() {
            config.body.insert("index".to_owned(), index.into());
        }
        Ok(configs)
    }

    /// Sets the `index` of those of one application; ids of other applications or of none are skipped.
    ///
    /// # Errors
    /// [`SaveError`] when a write fails; the ones before it are done.
    pub async fn reorder(
        self,
        application: &str,
        indices: &BTreeMap<String, i64>,
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

    /// Deletes the one with this name, if there is one, and gives back what it was.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete(
        self,
        application: &str,
        name: &str,
    ) -> Result<Option<Document>, SaveError> {
        for _ in 0..ATTEMPTS {
            let Some(config) = self.by_name(application, name).await? else {
                return Ok(None);
            };
            if self.store.remove_version(&config, config.id()).await? {
                if self.kind == Kind::Pipeline {
                    // Interrupted before this, an account stays that nothing uses.
                    self.store.drop_account(config.id()).await?;
                }
                return Ok(Some(config));
            }
        }
        Err(SaveError::Busy)
    }

    async fn write(
        self,
        submitted: &Map,
        id: &str,
        user: &str,
        stale_check: bool,
        now_ms: i64,
        must_exist: bool,
    ) -> Result<Saved, SaveError> {
        let kind = self.kind;
        self.check_template(submitted).await?;
        let managed;
        let submitted = if kind == Kind::Pipeline && self.store.managed != ManagedAccounts::Off {
            managed = self.store.with_account(submitted, id, user, now_ms).await?;
            &managed
        } else {
            submitted
        };
        let next = |stored: Option<&Map>| {
            let body = prepare::prepared(kind, submitted, id, user, stored, now_ms);
            let Some(stored) = stored else {
                return match must_exist {
                    true => Err(SaveError::NotFound(missing(kind, id))),
                    false => Ok(Some(body)),
                };
            };
            if is_repeat(kind, stored, &body) {
                return Ok(None);
            }
            if stale_check {
                prepare::check_stale(kind, submitted, stored)?;
            }
            Ok(Some(body))
        };
        self.store.save(kind, id, now_ms, next).await
    }

    async fn change_index(
        self,
        application: &str,
        id: &str,
        index: i64,
        user: &str,
        now_ms: i64,
    ) -> Result<(), SaveError> {
        let kind = self.kind;
        let next = |stored: Option<&Map>| {
            let stored = stored.ok_or_else(|| SaveError::NotFound(missing(kind, id)))?;
            let at = stored.get("application").and_then(Value::as_str);
            if at.map(key::fold).as_deref() != Some(application)
                || stored.get("index").and_then(Value::as_i64) == Some(index)
            {
                return Ok(None);
            }
            let mut submitted = stored.clone();
            submitted.insert("index".to_owned(), index.into());
            let body = prepare::prepared(kind, &submitted, id, user, Some(stored), now_ms);
            Ok(Some(body))
        };
        match self.store.save(kind, id, now_ms, next).await {
            Ok(_) | Err(SaveError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A reference to a stored template must name one.
    async fn check_template(self, config: &Map) -> Result<(), SaveError> {
        let Some(reference) = template_of(config) else {
            return Ok(());
        };
        // What is worked out when the pipeline starts is not known yet. Front50 refuses it.
        let is_known = !reference.contains("{{") && !reference.contains("${");
        let key = reference.strip_prefix("spinnaker://").filter(|_| is_known);
        if let Some(key) = key
            && self.store.get(Kind::Template, key).await?.is_none()
        {
            return Err(SaveError::Rejected(
                "Configured pipeline template not found".to_owned(),
            ));
        }
        Ok(())
    }
}
