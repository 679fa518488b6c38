//! The one way in which a document is written: read, decide, take its name, write if nothing moved, give the old name back.

use gennaker_model::Map;

use crate::{
    ATTEMPTS, Document, Kind, SaveError, Store, document,
    documents::Address,
    key::{self, Name},
    names::Claim,
};

/// A document that was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// What is stored now.
    pub document: Document,
    /// What was stored before; `None` for a new one.
    pub previous: Option<Map>,
}

impl Saved {
    /// Whether it did not exist before.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.previous.is_none()
    }
}

impl Store {
    /// Saves what `next` makes of the stored document. `None` keeps what is stored, which there must be then.
    pub(crate) async fn save(
        &self,
        kind: Kind,
        id: &str,
        now_ms: i64,
        next: impl Fn(Option<&Map>) -> Result<Option<Map>, SaveError>,
    ) -> Result<Saved, SaveError> {
        let address = Address::Document(kind, id);
        for _ in 0..ATTEMPTS {
            let record = self.documents.get(address).await?;
            let stored = match &record {
                Some(record) => Document::read(kind, id, record)?,
                None => None,
            };
            let body = match (next(stored.as_ref().map(|stored| &stored.body))?, &stored) {
                (Some(body), _) => body,
                (None, Some(stored)) => {
                    return Ok(Saved {
                        previous: Some(stored.body.clone()),
                        document: stored.clone(),
                    });
                }
                (None, None) => return Err(SaveError::NotFound(missing(kind, id))),
            };
            let raw = document::bytes_of(kind, &body)?;
            let name = Name::of(kind, &body);
            let left = stored
                .as_ref()
                .and_then(|stored| Name::of(kind, &stored.body))
                .filter(|left| name.as_ref() != Some(left));
            if let Some(name) = &name {
                let settled = stored.is_some() && left.is_none();
                match self.claim_name(name, id, settled, now_ms).await? {
                    Claim::Held => {}
                    Claim::Again => continue,
                    Claim::Taken => return Err(SaveError::Rejected(taken(name))),
                }
            }
            let expected = record.as_ref().map(|record| &record.revision);
            let put = self
                .documents
                .put_if(address, expected, raw.clone())
                .await?;
            if let Some(written) = put {
                let content = Some((written.revision.clone(), raw));
                self.cache.apply(&address.key(), written.stamp, content);
                if let Some(left) = &left {
                    self.release(left, id, &written.revision).await;
                }
                return Ok(Saved {
                    document: Document {
                        kind,
                        revision: written.revision,
                        body,
                    },
                    previous: stored.map(|stored| stored.body),
                });
            }
        }
        Err(SaveError::Busy)
    }

    /// Deletes a document, whatever its version, and gives its name back; what it was.
    pub(crate) async fn remove(&self, kind: Kind, id: &str) -> Result<Option<Document>, SaveError> {
        if !key::is_id(id) {
            return Ok(None);
        }
        for _ in 0..ATTEMPTS {
            let Some(stored) = self.get(kind, id).await? else {
                return Ok(None);
            };
            if self.remove_version(&stored, id).await? {
                return Ok(Some(stored));
            }
        }
        Err(SaveError::Busy)
    }

    /// Deletes this version of a document and gives its name back; `false` when it changed meanwhile.
    pub(crate) async fn remove_version(
        &self,
        stored: &Document,
        id: &str,
    ) -> Result<bool, SaveError> {
        let address = Address::Document(stored.kind, id);
        let deleted = self.documents.delete_if(address, &stored.revision).await?;
        let Some(written) = deleted else {
            return Ok(false);
        };
        self.cache.apply(&address.key(), written.stamp, None);
        if let Some(name) = Name::of(stored.kind, &stored.body) {
            self.release(&name, id, &written.revision).await;
        }
        Ok(true)
    }

    /// Gives back the name of a document that left it at `revision`. A failure leaves a name that nobody uses, which the
    /// next one who wants it takes over, so it does not fail the call.
    async fn release(&self, name: &Name, id: &str, revision: &crate::Revision) {
        if let Err(error) = self.release_name(name, id, revision).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the name {} of a {} could not be given back; the next save takes it over",
                name.text,
                name.kind.word()
            );
        }
    }
}

/// Front50's words when a name is taken.
fn taken(name: &Name) -> String {
    let (word, text) = (name.kind.word(), &name.text);
    match &name.application {
        Some(application) => {
            format!("A {word} with name {text} already exists in application {application}")
        }
        None => format!("A {word} with name {text} already exists"),
    }
}

/// Front50's words when a document that is to be changed does not exist.
pub(crate) fn missing(kind: Kind, id: &str) -> String {
    match kind {
        Kind::Pipeline => format!("Pipeline configuration not found (id: {id})"),
        Kind::Strategy => format!("Strategy configuration not found (id: {id})"),
        other => {
            let word = other.word();
            let (first, rest) = word.split_at(1);
            format!("{}{rest} not found (id: {id})", first.to_uppercase())
        }
    }
}
