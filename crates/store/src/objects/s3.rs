//! Objects in a folder of a bucket of S3: `<folder>/<name>/<digest>`.

use std::{collections::BTreeMap, ops::ControlFlow};

use bytes::Bytes;
use gennaker_bus::token;

use super::{Object, ObjectError};
use crate::{Error, documents::S3Options, s3_folder::S3Folder};

#[derive(Clone)]
pub(crate) struct Folder(S3Folder);

impl Folder {
    pub(crate) async fn connect(options: S3Options) -> Result<Self, Error> {
        Ok(Self(S3Folder::connect(options).await?))
    }

    pub(super) async fn put(&self, object: &Object, content: Bytes) -> Result<(), ObjectError> {
        let key = self.key(object);
        self.0.put(&key, "application/octet-stream", content).await
    }

    pub(super) async fn get(&self, object: &Object) -> Result<Option<Bytes>, ObjectError> {
        let found = self.0.get(&self.key(object), &object.name).await;
        found.map_err(|error| match error {
            // Nothing that large is ever stored.
            ObjectError::TooLarge { name, .. } => ObjectError::Damaged { name },
            other => other,
        })
    }

    pub(super) async fn delete(&self, object: &Object) -> Result<(), ObjectError> {
        self.0.delete(&self.key(object)).await
    }

    /// Deletes every object that belongs to `name`, unless one was stored at or after an instant (epoch milliseconds).
    pub(crate) async fn delete_old(&self, name: &str, before_ms: i64) -> Result<(), ObjectError> {
        let path = self.0.path();
        let listed = self.list(&format!("{path}{}/", token(name))).await?;
        if listed.iter().any(|(_, at)| *at >= before_ms) {
            return Ok(());
        }
        for (key, _) in listed {
            self.0.delete(&key).await?;
        }
        Ok(())
    }

    /// Everything whose objects were all stored before an instant (epoch milliseconds).
    pub(crate) async fn names_before(&self, before_ms: i64) -> Result<Vec<String>, ObjectError> {
        let path = self.0.path();
        let mut newest: BTreeMap<String, i64> = BTreeMap::new();
        for (key, at) in self.list(path).await? {
            let token = key
                .strip_prefix(path)
                .and_then(|rest| rest.split('/').next());
            if let Some(name) = token.and_then(gennaker_bus::subject::name) {
                let newest = newest.entry(name).or_insert(at);
                *newest = at.max(*newest);
            }
        }
        let old = newest.into_iter().filter(|(_, at)| *at < before_ms);
        Ok(old.map(|(name, _)| name).collect())
    }

    /// The keys under a prefix, and when each object was stored (epoch milliseconds).
    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, ObjectError> {
        let mut listed = Vec::new();
        let see = |(key, at): (&str, Option<i64>)| {
            // One whose age is not known is not old.
            listed.push((key.to_owned(), at.unwrap_or(i64::MAX)));
            ControlFlow::Continue(())
        };
        self.0.list(prefix, see).await?;
        Ok(listed)
    }

    fn key(&self, object: &Object) -> String {
        let Object { name, digest, .. } = object;
        format!("{}{}/{}", self.0.path(), token(name), token(digest))
    }
}
