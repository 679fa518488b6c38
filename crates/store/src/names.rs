//! One pipeline per name and application, ignoring case, without a transaction over two keys.
//!
//! A name is a record of its own that says which pipeline holds it. A save takes the name first and writes the pipeline
//! second; a crash in between leaves a name that nobody uses. Whoever wants such a name must first make sure that the old
//! holder cannot come back and write: it bumps the revision of the holder's document (or puts a void record where none is),
//! which defeats every write that was prepared before, and only then takes the name. Names are given back after the
//! document has left them, conditionally, so that a holder that renewed its claim meanwhile keeps it.

use bytes::Bytes;
use gennaker_bus::Put;
use serde::{Deserialize, Serialize};

use crate::{Document, Error, Kind, SaveError, Store, document, key};

/// A name that was taken so recently may belong to a save that is under way, in milliseconds.
const GRACE_MS: i64 = 10_000;

/// What became of a wish for a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The pipeline holds it.
    Held,
    /// Another pipeline holds it.
    Taken,
    /// Something moved; read everything again.
    Again,
}

#[derive(Serialize, Deserialize)]
struct Holder {
    id: String,
    at_ms: i64,
}

impl Store {
    /// Takes the name for pipeline `id`; `settled` says that its stored document already has this name.
    pub(crate) async fn claim_name(
        &self,
        application: &str,
        name: &str,
        id: &str,
        settled: bool,
        now_ms: i64,
    ) -> Result<Claim, SaveError> {
        let key = key::pipeline_name(application, name);
        let mine: Bytes = serde_json::to_vec(&Holder {
            id: id.to_owned(),
            at_ms: now_ms,
        })
        .expect("a holder always serialises")
        .into();
        let expected = match self.kv.get(&key).await? {
            None => 0,
            Some(record) => {
                let holder: Holder =
                    serde_json::from_slice(&record.value).map_err(|source| Error::Corrupt {
                        key: key.clone(),
                        source,
                    })?;
                if holder.id == id {
                    if settled {
                        return Ok(Claim::Held);
                    }
                } else {
                    match self
                        .oust(
                            &key,
                            &holder.id,
                            now_ms - i64::try_from(record.time_ms).unwrap_or(i64::MAX),
                        )
                        .await?
                    {
                        Claim::Held => {}
                        other => return Ok(other),
                    }
                }
                record.revision
            }
        };
        Ok(match self.kv.put_if(&key, expected, mine, None).await? {
            Put::Done(_) => Claim::Held,
            Put::Conflict => Claim::Again,
        })
    }

    /// Gives a name back that the pipeline's document no longer has.
    pub(crate) async fn release_name(
        &self,
        application: &str,
        name: &str,
        id: &str,
        seen: u64,
    ) -> Result<(), Error> {
        let key = key::pipeline_name(application, name);
        let Some(record) = self.kv.get(&key).await? else {
            return Ok(());
        };
        let held =
            serde_json::from_slice::<Holder>(&record.value).is_ok_and(|holder| holder.id == id);
        // A claim newer than the document we replaced or deleted belongs to a save that came after us.
        if held && record.revision < seen {
            // Refused means that the holder renewed it: it keeps it.
            let _ = self.kv.delete_if(&key, record.revision).await?;
        }
        Ok(())
    }

    /// The id of the pipeline that holds the name.
    pub(crate) async fn holder_of(
        &self,
        application: &str,
        name: &str,
    ) -> Result<Option<String>, Error> {
        let key = key::pipeline_name(application, name);
        let Some(record) = self.kv.get(&key).await? else {
            return Ok(None);
        };
        let holder: Holder = serde_json::from_slice(&record.value)
            .map_err(|source| Error::Corrupt { key, source })?;
        Ok(Some(holder.id))
    }

    /// Makes sure that `holder` does not use the name and that no prepared write of it can still arrive.
    async fn oust(&self, name_key: &str, holder: &str, age_ms: i64) -> Result<Claim, SaveError> {
        let key = key::document(Kind::Pipeline, holder);
        let record = self.kv.get(&key).await?;
        let stored = match &record {
            Some(record) => Document::read(Kind::Pipeline, record)?,
            None => None,
        };
        if stored
            .as_ref()
            .is_some_and(|stored| name_key_of(stored) == name_key)
        {
            return Ok(Claim::Taken);
        }
        if age_ms < GRACE_MS {
            return Ok(Claim::Taken);
        }
        let (expected, raw) = match record {
            Some(record) => (record.revision, record.value),
            None => (0, Bytes::from_static(document::VOID)),
        };
        Ok(match self.kv.put_if(&key, expected, raw, None).await? {
            Put::Done(_) => Claim::Held,
            Put::Conflict => Claim::Again,
        })
    }
}

/// Key of the name that a stored pipeline has.
pub(crate) fn name_key_of(pipeline: &Document) -> String {
    key::pipeline_name(
        pipeline.text("application").unwrap_or_default(),
        pipeline.text("name").unwrap_or_default(),
    )
}
