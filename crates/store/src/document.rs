//! One version of one document.

use bytes::Bytes;
use gennaker_bus::Record;
use gennaker_model::Map;
use serde_json::Value;

use crate::{APPLICATION_BYTES_MAX, Error, Kind, PIPELINE_BYTES_MAX};

/// A record without a document: it fences a writer that claimed a name and never came back.
pub(crate) const VOID: &[u8] = br#"{"void":true}"#;

/// One version of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// Its revision, the sequence of its write; 0 never occurs.
    pub revision: u64,
    /// The document.
    pub body: Map,
}

/// A document as it lies in the cache: unparsed, because most callers need few of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key; the same for all versions of one document.
    pub key: String,
    /// Its revision.
    pub revision: u64,
    /// The JSON.
    pub raw: Bytes,
}

impl Document {
    /// The text of a field, if it is a string.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.body.get(field).and_then(Value::as_str)
    }

    /// The `id` of a pipeline, or the empty text.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    pub(crate) fn read(kind: Kind, record: &Record) -> Result<Option<Self>, Error> {
        Self::parse(kind, &record.key, record.revision, &record.value)
    }

    pub(crate) fn parse(
        kind: Kind,
        key: &str,
        revision: u64,
        raw: &[u8],
    ) -> Result<Option<Self>, Error> {
        if raw == VOID {
            return Ok(None);
        }
        let body = serde_json::from_slice(raw).map_err(|source| Error::Corrupt {
            key: key.to_owned(),
            source,
        })?;
        Ok(Some(Self {
            kind,
            revision,
            body,
        }))
    }
}

/// The stored form of a document, if it is not too large.
pub(crate) fn bytes_of(kind: Kind, body: &Map) -> Result<Bytes, Error> {
    let raw = serde_json::to_vec(body).expect("a JSON map always serialises");
    let limit = match kind {
        Kind::Application | Kind::Permission => APPLICATION_BYTES_MAX,
        Kind::Pipeline => PIPELINE_BYTES_MAX,
    };
    if raw.len() > limit {
        return Err(Error::TooLarge {
            kind,
            bytes: raw.len(),
            limit,
        });
    }
    Ok(raw.into())
}
