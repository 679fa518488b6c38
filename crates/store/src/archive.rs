//! The archive: what is written once, read seldom and kept long, in the broker or in S3. Nothing in it is ever listed: who wants
//! an object keeps its [`Object`]. See `docs/adr/0009-the-archive.md`.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use gennaker_bus::{Bucket, Bus};

use crate::{
    Error,
    documents::S3Options,
    objects::{Object, ObjectError, Place, pieces::Pieces, s3::Folder},
};

/// Where archived things lie. Cheap to clone.
#[derive(Clone)]
pub struct Archive(Place);

impl Archive {
    /// An archive in the broker.
    #[must_use]
    pub fn kv(bus: &Bus) -> Self {
        Self(Place::Pieces(Pieces::new(bus.kv(Bucket::Blobs), 'a')))
    }

    /// An archive in a folder of a bucket of S3; a bucket that is missing is made.
    ///
    /// # Errors
    /// [`Error::Bucket`] when it can be neither found nor made.
    pub async fn s3(options: S3Options) -> Result<Self, Error> {
        // The client's set-up is a large future, and is awaited once in the life of a process.
        let folder = Box::pin(Folder::connect(options)).await?;
        Ok(Self(Place::S3(folder)))
    }

    /// Stores an object; once it returns, the object is durable. Storing it again does no harm.
    ///
    /// # Errors
    /// [`ObjectError::TooLarge`] above [`crate::OBJECT_BYTES_MAX`]; others when the place does not take it.
    pub async fn put(&self, name: &str, content: Bytes) -> Result<Object, ObjectError> {
        let object = Object::of(name, &content);
        self.0.put(&object, content).await?;
        Ok(object)
    }

    /// The content of an object.
    ///
    /// # Errors
    /// [`ObjectError::Lost`] when it is not there, [`ObjectError::Damaged`] when it is not what was stored.
    pub async fn get(&self, object: &Object) -> Result<Bytes, ObjectError> {
        self.0.get(object).await
    }

    /// Deletes an object; one that is gone already is no error.
    ///
    /// # Errors
    /// When the place does not answer: repeat.
    pub async fn delete(&self, object: &Object) -> Result<(), ObjectError> {
        self.0.delete(object).await
    }
}
