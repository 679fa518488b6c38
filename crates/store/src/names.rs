//! One document per name, ignoring case, without a transaction over two keys.
//!
//! A name is a record of its own that says which document holds it. A save takes the name first and writes the document
//! second; a crash in between leaves a name that nobody uses. Whoever wants such a name must first make sure that the old
//! holder cannot come back and write: it bumps the revision of the holder's document (or puts a void record where none is),
//! which defeats every write that was prepared before, and only then takes the name. (In S3 nothing can be put where Front50
//! would read it as a document: there a create that comes later than all of its time limits finds no fence.) Names are given back after the
//! document has left them, conditionally, so that a holder that renewed its claim meanwhile keeps it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    Document, Error, Kind, Revision, SaveError, Store,
    documents::{Address, Documents},
    key::{self, Name},
};

/// A name that was taken so recently may belong to a save that is under way, in milliseconds.
const GRACE_MS: i64 = 10_000;

/// What became of a wish for a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The document holds it.
    Held,
    /// Another document holds it.
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
    /// Takes the name for document `id`; `settled` says that its stored version already has this name.
    pub(crate) async fn claim_name(
        &self,
        name: &Name,
        id: &str,
        settled: bool,
        now_ms: i64,
    ) -> Result<Claim, SaveError> {
        let address = Address::Name(name);
        let mine: Bytes = serde_json::to_vec(&Holder {
            id: id.to_owned(),
            at_ms: now_ms,
        })
        .expect("a holder always serialises")
        .into();
        let record = self.documents.get(address).await?;
        if let Some(record) = &record {
            let holder = holder(name, &record.raw)?;
            if key::fold(&holder) == key::fold(id) {
                if settled {
                    return Ok(Claim::Held);
                }
            } else {
                match self.oust(name, &holder, now_ms - record.time_ms).await? {
                    Claim::Held => {}
                    other => return Ok(other),
                }
            }
        }
        if self.documents.is_shared()
            && !settled
            && let Some(other) = self.unclaimed(name).await?
            && key::fold(other.id()) != key::fold(id)
        {
            return Ok(Claim::Taken);
        }
        let expected = record.as_ref().map(|record| &record.revision);
        let put = self.documents.put_if(address, expected, mine).await?;
        Ok(put.map_or(Claim::Again, |_| Claim::Held))
    }

    /// Gives a name back that the document no longer has since `left`.
    pub(crate) async fn release_name(
        &self,
        name: &Name,
        id: &str,
        left: &Revision,
    ) -> Result<(), Error> {
        let address = Address::Name(name);
        let Some(record) = self.documents.get(address).await? else {
            return Ok(());
        };
        if key::fold(&holder(name, &record.raw)?) != key::fold(id) {
            return Ok(());
        }
        // A claim newer than the version that left the name belongs to a save that came after us.
        let is_ours = match Documents::is_later(&record.revision, left) {
            Some(is_later) => !is_later,
            None => {
                let stored = self.get(name.kind, id).await?;
                stored.and_then(|stored| Name::of(name.kind, &stored.body)) != Some(name.clone())
            }
        };
        if is_ours {
            // Refused means that the holder renewed it: it keeps it.
            let _ = self.documents.delete_if(address, &record.revision).await?;
        }
        Ok(())
    }

    /// The document with this name, read from where it lies.
    pub(crate) async fn named(&self, name: &Name) -> Result<Option<Document>, Error> {
        if !name.fits() {
            return Ok(None);
        }
        if let Some(record) = self.documents.get(Address::Name(name)).await? {
            let found = self.get(name.kind, &holder(name, &record.raw)?).await?;
            if found.as_ref().is_some_and(|found| name.is_of(found)) {
                return Ok(found);
            }
        }
        match self.documents.is_shared() {
            true => self.unclaimed(name).await,
            false => Ok(None),
        }
    }

    /// A document that has the name without having taken it, because somebody else wrote it.
    async fn unclaimed(&self, name: &Name) -> Result<Option<Document>, Error> {
        let candidates = match self.cache.is_ready() {
            true => self.cache.documents_named(name),
            false => self.stored(name.kind).await?,
        };
        for candidate in candidates.iter().filter(|it| name.is_of(it)) {
            let current = self.get(name.kind, candidate.id()).await?;
            if current.as_ref().is_some_and(|current| name.is_of(current)) {
                return Ok(current);
            }
        }
        Ok(None)
    }

    /// Makes sure that `holder` does not use the name and that no prepared write of it can still arrive.
    async fn oust(&self, name: &Name, holder: &str, age_ms: i64) -> Result<Claim, SaveError> {
        let address = Address::Document(name.kind, holder);
        let record = self.documents.get(address).await?;
        let stored = match &record {
            Some(record) => Document::read(name.kind, holder, record)?,
            None => None,
        };
        let held = stored.and_then(|stored| Name::of(name.kind, &stored.body));
        if held.as_ref() == Some(name) || age_ms < GRACE_MS {
            return Ok(Claim::Taken);
        }
        let put = match record {
            Some(record) => {
                let raw = self.documents.bumped(record.raw);
                self.documents
                    .put_if(address, Some(&record.revision), raw)
                    .await?
            }
            None => match self.documents.void() {
                Some(void) => {
                    let raw = Bytes::from_static(void);
                    self.documents.put_if(address, None, raw).await?
                }
                None => return Ok(Claim::Held),
            },
        };
        Ok(put.map_or(Claim::Again, |_| Claim::Held))
    }
}

/// The id of the document that holds a name, by the name's record.
pub(crate) fn holder(name: &Name, raw: &[u8]) -> Result<String, Error> {
    holder_in(&name.key(), raw)
}

pub(crate) fn holder_in(key: &str, raw: &[u8]) -> Result<String, Error> {
    let holder: Holder = serde_json::from_slice(raw).map_err(|source| Error::Corrupt {
        key: key.to_owned(),
        source,
    })?;
    Ok(holder.id)
}

/// Kinds whose documents belong to an application and have a name in it.
pub(crate) const IN_APPLICATIONS: [Kind; 2] = [Kind::Pipeline, Kind::Strategy];
