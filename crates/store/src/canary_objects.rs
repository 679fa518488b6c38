//! What canary analysis leaves behind, in Kayenta's own layout: an existing bucket can be used as it is, also while Kayenta does.
//!
//! Source: Kayenta `ObjectType`, `StandaloneCanaryAnalysisObjectType`, `S3StorageService` (canary reference 5). In S3 an object is
//! `<root>/<group>/<id>/<file>`, and is found by its folder, which must hold exactly one; in the broker it lies in pieces. Bodies are
//! kept byte for byte: what is in them is the affair of who writes them. Configurations are documents and lie with these.

mod broker;
mod s3;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use gennaker_bus::{Bucket, Bus};

use crate::{
    Error,
    documents::S3Options,
    key,
    objects::{OBJECT_BYTES_MAX, ObjectError},
};

/// Which kind of object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanaryGroup {
    /// What came of an analysis; by the id of the analysis.
    Archive,
    /// What came of a standalone analysis with its intervals; by its id.
    StandaloneArchive,
    /// A list of series as a source gave them.
    MetricSets,
    /// A list of series of both sides: what was judged.
    MetricPairs,
}

/// An object as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryListed {
    /// Its id.
    pub id: String,
    /// When it was written, epoch milliseconds.
    pub updated_ms: i64,
}

/// Where the objects of an account lie. Cheap to clone.
#[derive(Clone)]
pub struct CanaryObjects(Place);

#[derive(Clone)]
enum Place {
    Broker(broker::Shelf),
    S3(s3::Folder),
}

impl CanaryGroup {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Archive,
        Self::StandaloneArchive,
        Self::MetricSets,
        Self::MetricPairs,
    ];

    /// The name of its folder.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Archive => "canary_archive",
            Self::StandaloneArchive => "standalone_canary_archive",
            Self::MetricSets => "metrics",
            Self::MetricPairs => "metric_pairs",
        }
    }

    /// The name of a file in it, as a rule.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Archive => "canary_archive.json",
            Self::StandaloneArchive => "standalone_canary_archive.json",
            Self::MetricSets => "metric_sets.json",
            Self::MetricPairs => "metric_set_pairs.json",
        }
    }
}

impl CanaryObjects {
    /// Objects in the broker, where they are kept for 90 days, and less when there are many.
    #[must_use]
    pub fn kv(bus: &Bus) -> Self {
        Self(Place::Broker(broker::Shelf::new(bus.kv(Bucket::Canary))))
    }

    /// Objects in a bucket of S3 below its `prefix`; a bucket that is missing is made.
    ///
    /// # Errors
    /// [`Error::Bucket`] when it can be neither found nor made.
    pub async fn s3(options: S3Options) -> Result<Self, Error> {
        // The client's set-up is a large future, and is awaited once in the life of a process.
        let folder = Box::pin(s3::Folder::connect(options)).await?;
        Ok(Self(Place::S3(folder)))
    }

    /// Stores an object under an id, in place of one that is there; once it returns, the object is durable.
    ///
    /// `file` names the file in S3, where it is another than usual. `now_ms` is when, for lists of what lies in the broker.
    ///
    /// # Errors
    /// [`ObjectError::TooLarge`] above [`OBJECT_BYTES_MAX`], [`ObjectError::BadId`]; others when the place does not take it.
    pub async fn put(
        &self,
        group: CanaryGroup,
        id: &str,
        file: Option<&str>,
        content: Bytes,
        now_ms: i64,
    ) -> Result<(), ObjectError> {
        check(id)?;
        let file = file.unwrap_or(group.file());
        check(file)?;
        if content.len() > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge {
                name: id.to_owned(),
                bytes: content.len(),
            });
        }
        match &self.0 {
            Place::Broker(shelf) => shelf.put(group, id, content, now_ms).await,
            Place::S3(folder) => folder.put(group, id, file, content).await,
        }
    }

    /// The object with this id.
    ///
    /// # Errors
    /// [`ObjectError::Ambiguous`] when its folder holds several files: Kayenta cannot tell either. Others when the place does not
    /// answer.
    pub async fn get(&self, group: CanaryGroup, id: &str) -> Result<Option<Bytes>, ObjectError> {
        if check(id).is_err() {
            return Ok(None);
        }
        match &self.0 {
            Place::Broker(shelf) => shelf.get(group, id).await,
            Place::S3(folder) => folder.get(group, id).await,
        }
    }

    /// Deletes an object; whether there was one.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete(&self, group: CanaryGroup, id: &str) -> Result<bool, ObjectError> {
        if check(id).is_err() {
            return Ok(false);
        }
        match &self.0 {
            Place::Broker(shelf) => shelf.delete(group, id).await,
            Place::S3(folder) => folder.delete(group, id).await,
        }
    }

    /// What a group holds, at most `limit` of them, by id.
    ///
    /// # Errors
    /// When the place does not answer.
    pub async fn list(
        &self,
        group: CanaryGroup,
        limit: usize,
    ) -> Result<Vec<CanaryListed>, ObjectError> {
        let mut listed = match &self.0 {
            Place::Broker(shelf) => shelf.list(group).await?,
            Place::S3(folder) => folder.list(group, limit).await?,
        };
        listed.sort_by(|one, two| one.id.cmp(&two.id));
        listed.dedup_by(|one, two| one.id == two.id);
        listed.truncate(limit);
        Ok(listed)
    }
}

/// What is one step of a path, and of a key in the broker.
fn check(id: &str) -> Result<(), ObjectError> {
    let is_path = id.contains(['/', '\\']) || id == "." || id == "..";
    if id.is_empty() || is_path || id.len() > key::NAME_BYTES_MAX || id.contains(char::is_control) {
        return Err(ObjectError::BadId { id: id.to_owned() });
    }
    Ok(())
}
