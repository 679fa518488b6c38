//! One version of one document.

use bytes::Bytes;
use gennaker_model::Map;
use serde_json::Value;

use crate::{Error, Kind, Revision, documents::Record};

/// A record without a document: it fences a writer that claimed a name and never came back.
pub(crate) const VOID: &[u8] = br#"{"void":true}"#;

/// One version of one document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// Which version.
    pub revision: Revision,
    /// The document.
    pub body: Map,
}

/// A document as it lies in the cache: unparsed, because most callers need few of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key; the same for all versions of one document.
    pub key: String,
    /// A number that rises with its versions.
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

    /// The `id` of a pipeline, strategy or project, or the empty text.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    pub(crate) fn read(kind: Kind, id: &str, record: &Record) -> Result<Option<Self>, Error> {
        let body = parse(&crate::key::document(kind, id), &record.raw)?;
        Ok(body.map(|body| Self {
            kind,
            revision: record.revision.clone(),
            body,
        }))
    }
}

/// The body of a record; `None` when it holds no document.
pub(crate) fn parse(key: &str, raw: &[u8]) -> Result<Option<Map>, Error> {
    if raw == VOID {
        return Ok(None);
    }
    serde_json::from_slice(raw)
        .map(Some)
        .map_err(|source| Error::Corrupt {
            key: key.to_owned(),
            source,
        })
}

/// The stored form of a document, if it is not too large.
pub(crate) fn bytes_of(kind: Kind, body: &Map) -> Result<Bytes, Error> {
    let raw = serde_json::to_vec(body).expect("a JSON map always serialises");
    let limit = kind.bytes_max();
    if raw.len() > limit {
        return Err(Error::TooLarge {
            kind,
            bytes: raw.len(),
            limit,
        });
    }
    Ok(raw.into())
}
