//! The archive: what is written once, read seldom and kept long, in the broker or in S3.
//!
//! An object is found by what it belongs to and by a hash of its content, so a write that is repeated, or comes late from a
//! process that is no longer in charge, changes nothing: it finds its own object. Who wants an object keeps its [`Object`],
//! which says where it is and what it must be; nothing is ever listed.
//!
//! In the broker an object lies in pieces in the bucket `gk_blobs`, in S3 as one object below a folder. Not in the broker's
//! object store: see `docs/adr/0009-the-archive.md`.

mod pieces;
mod s3;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use gennaker_bus::{Bucket, Bus};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, documents::S3Options};

/// Largest object, in bytes.
pub const OBJECT_BYTES_MAX: usize = 64 << 20;

/// Where archived things lie. Cheap to clone.
#[derive(Clone)]
pub struct Archive(Place);

#[derive(Clone)]
enum Place {
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
pub enum ArchiveError {
    /// The broker did not answer, or refused.
    #[error("the archive in the broker did not answer")]
    Bus(#[from] gennaker_bus::Error),
    /// The bucket of S3 did not answer, or refused.
    #[error("failed to {operation} the bucket of the archive")]
    Bucket {
        /// What was tried.
        operation: &'static str,
        /// What the client says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is too large.
    #[error("{name} has {bytes} bytes, more than the archive takes ({OBJECT_BYTES_MAX})")]
    TooLarge {
        /// What it belongs to.
        name: String,
        /// Its length.
        bytes: usize,
    },
    /// It is not there, although it was stored.
    #[error("the archive has lost the object of {name}")]
    Lost {
        /// What it belongs to.
        name: String,
    },
    /// It is not what was stored.
    #[error("the archive's object of {name} is damaged")]
    Damaged {
        /// What it belongs to.
        name: String,
    },
}

impl ArchiveError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Bus(_) | Self::Bucket { .. } => true,
            Self::TooLarge { .. } | Self::Lost { .. } | Self::Damaged { .. } => false,
        }
    }
}

impl Archive {
    /// An archive in the broker.
    #[must_use]
    pub fn kv(bus: &Bus) -> Self {
        Self(Place::Pieces(pieces::Pieces::new(bus.kv(Bucket::Blobs))))
    }

    /// An archive in a folder of a bucket of S3; a bucket that is missing is made.
    ///
    /// # Errors
    /// [`Error::Bucket`] when it can be neither found nor made.
    pub async fn s3(options: S3Options) -> Result<Self, Error> {
        // The client's set-up is a large future, and is awaited once in the life of a process.
        let folder = Box::pin(s3::Folder::connect(options)).await?;
        Ok(Self(Place::S3(folder)))
    }

    /// Stores an object; once it returns, the object is durable. Storing it again does no harm.
    ///
    /// # Errors
    /// [`ArchiveError::TooLarge`] above [`OBJECT_BYTES_MAX`]; others when the place does not take it.
    pub async fn put(&self, name: &str, content: Bytes) -> Result<Object, ArchiveError> {
        if content.len() > OBJECT_BYTES_MAX {
            return Err(ArchiveError::TooLarge {
                name: name.to_owned(),
                bytes: content.len(),
            });
        }
        let object = Object::of(name, &content);
        match &self.0 {
            Place::Pieces(pieces) => pieces.put(&object, content).await?,
            Place::S3(folder) => folder.put(&object, content).await?,
        }
        Ok(object)
    }

    /// The content of an object.
    ///
    /// # Errors
    /// [`ArchiveError::Lost`] when it is not there, [`ArchiveError::Damaged`] when it is not what was stored.
    pub async fn get(&self, object: &Object) -> Result<Bytes, ArchiveError> {
        let content = match &self.0 {
            Place::Pieces(pieces) => pieces.get(object).await?,
            Place::S3(folder) => folder.get(object).await?,
        };
        let name = || object.name.clone();
        let content = content.ok_or_else(|| ArchiveError::Lost { name: name() })?;
        if Object::of(&object.name, &content) != *object {
            return Err(ArchiveError::Damaged { name: name() });
        }
        Ok(content)
    }

    /// Deletes an object; one that is gone already is no error.
    ///
    /// # Errors
    /// When the place does not answer: repeat.
    pub async fn delete(&self, object: &Object) -> Result<(), ArchiveError> {
        match &self.0 {
            Place::Pieces(pieces) => pieces.delete(object).await,
            Place::S3(folder) => folder.delete(object).await,
        }
    }
}

impl Object {
    fn of(name: &str, content: &[u8]) -> Self {
        let digest = Sha256::digest(content);
        Self {
            name: name.to_owned(),
            bytes: content.len() as u64,
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}
