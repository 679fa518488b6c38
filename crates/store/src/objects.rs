//! Objects: content that is written once and found by what it belongs to and by a hash of itself.
//!
//! So a write that is repeated, or comes late from a process that is no longer in charge, changes nothing: it finds its own
//! object. Who wants an object keeps its [`Object`], which says where it is and what it must be.
//!
//! In the broker an object lies in pieces in a bucket, in S3 as one object below a folder. Not in the broker's object store: see
//! `docs/adr/0009-the-archive.md`.

pub(crate) mod pieces;
pub(crate) mod s3;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Largest object, in bytes.
pub const OBJECT_BYTES_MAX: usize = 64 << 20;

/// Where objects lie. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Place {
    /// In the broker.
    Pieces(pieces::Pieces),
    /// In a bucket of S3.
    S3(s3::Folder),
}

/// Where an object is and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// What it belongs to, for example the id of an execution.
    name: String,
    /// Its length in bytes.
    bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    digest: String,
}

/// Why an object was not stored, read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The broker did not answer, or refused.
    #[error("the broker's bucket of objects did not answer")]
    Bus(#[from] gennaker_bus::Error),
    /// The bucket of S3 did not answer, or refused.
    #[error("failed to {operation} the bucket of objects")]
    Bucket {
        /// What was tried.
        operation: &'static str,
        /// What the client says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is too large.
    #[error("an object of {name} has {bytes} bytes, more than {OBJECT_BYTES_MAX}")]
    TooLarge {
        /// What it belongs to.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// It is not there, although it was stored.
    #[error("an object of {name} is lost")]
    Lost {
        /// What it belongs to.
        name: String,
    },
    /// What it belongs to is being forgotten.
    #[error("the objects of {name} are being deleted")]
    Going {
        /// What it belongs to.
        name: String,
    },
    /// What cannot be the name of one.
    #[error("{id:?} cannot be the id of an object")]
    BadId {
        /// The id.
        id: String,
    },
    /// It is one of several that have the same right to be it.
    #[error("the folder {folder} holds more than one object")]
    Ambiguous {
        /// Where they lie.
        folder: String,
    },
    /// It is not what was stored.
    #[error("an object of {name} is damaged")]
    Damaged {
        /// What it belongs to.
        name: String,
    },
}

impl ObjectError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Bus(_) | Self::Bucket { .. } | Self::Going { .. } => true,
            Self::TooLarge { .. }
            | Self::Lost { .. }
            | Self::BadId { .. }
            | Self::Ambiguous { .. }
            | Self::Damaged { .. } => false,
        }
    }
}

impl Place {
    /// Stores an object; once it returns, the object is durable. Storing it again does no harm.
    pub(crate) async fn put(&self, object: &Object, content: Bytes) -> Result<(), ObjectError> {
        if content.len() > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge {
                name: object.name.clone(),
                bytes: content.len(),
            });
        }
        match self {
            Self::Pieces(pieces) => pieces.put(object, content).await,
            Self::S3(folder) => folder.put(object, content).await,
        }
    }

    /// The content of an object, checked against its hash.
    pub(crate) async fn get(&self, object: &Object) -> Result<Bytes, ObjectError> {
        let content = match self {
            Self::Pieces(pieces) => pieces.get(object).await?,
            Self::S3(folder) => folder.get(object).await?,
        };
        let name = || object.name.clone();
        let content = content.ok_or_else(|| ObjectError::Lost { name: name() })?;
        if Object::of(&object.name, &content) != *object {
            return Err(ObjectError::Damaged { name: name() });
        }
        Ok(content)
    }

    /// Deletes an object; one that is gone already is no error.
    pub(crate) async fn delete(&self, object: &Object) -> Result<(), ObjectError> {
        match self {
            Self::Pieces(pieces) => pieces.delete(object).await,
            Self::S3(folder) => folder.delete(object).await,
        }
    }
}

impl Object {
    /// The object with this content.
    pub(crate) fn of(name: &str, content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        Self {
            name: name.to_owned(),
            bytes: content.len() as u64,
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// What it belongs to.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of its content, in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}
