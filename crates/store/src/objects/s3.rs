//! Objects in a folder of a bucket of S3: `<folder>/<name>/<digest>`.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_bus::token;

use super::{OBJECT_BYTES_MAX, Object, ObjectError};
use crate::{
    Error,
    documents::{
        S3Options,
        s3::{client, is_missing},
    },
};

#[derive(Clone)]
pub(crate) struct Folder {
    client: Client,
    bucket: Arc<str>,
    /// Empty, or ends with a slash.
    path: Arc<str>,
}

impl Folder {
    pub(crate) async fn connect(options: S3Options) -> Result<Self, Error> {
        let client = client::client(&options).await;
        client::ensure(&client, &options, client::Versions::Off).await?;
        let path = match options.prefix.trim_matches('/') {
            "" => String::new(),
            path => format!("{path}/"),
        };
        Ok(Self {
            client,
            bucket: options.bucket.into(),
            path: path.into(),
        })
    }

    pub(super) fn put<'a>(
        &'a self,
        object: &'a Object,
        content: Bytes,
    ) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            let request = self
                .client
                .put_object()
                .bucket(&*self.bucket)
                .key(self.key(object))
                .content_type("application/octet-stream")
                .body(ByteStream::from(content));
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(failed("write", error)),
            }
        })
    }

    pub(super) fn get<'a>(
        &'a self,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<Option<Bytes>, ObjectError>> {
        Box::pin(async move {
            let request = self
                .client
                .get_object()
                .bucket(&*self.bucket)
                .key(self.key(object));
            let found = match request.send().await {
                Ok(found) => found,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(failed("read", error)),
            };
            let most = i64::try_from(OBJECT_BYTES_MAX).unwrap_or(i64::MAX);
            if found.content_length().is_some_and(|length| length > most) {
                return Err(ObjectError::Damaged {
                    name: object.name.clone(),
                });
            }
            match found.body.collect().await {
                Ok(content) => Ok(Some(content.into_bytes())),
                Err(error) => Err(failed("read", error)),
            }
        })
    }

    pub(super) fn delete<'a>(
        &'a self,
        object: &'a Object,
    ) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            let request = self
                .client
                .delete_object()
                .bucket(&*self.bucket)
                .key(self.key(object));
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) if is_missing(&error) => Ok(()),
                Err(error) => Err(failed("delete from", error)),
            }
        })
    }

    /// Deletes every object that belongs to `name`, unless one was stored at or after an instant (epoch milliseconds).
    pub(crate) fn delete_old<'a>(
        &'a self,
        name: &'a str,
        before_ms: i64,
    ) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            let listed = self.list(&format!("{}{}/", self.path, token(name))).await?;
            if listed.iter().any(|(_, at)| *at >= before_ms) {
                return Ok(());
            }
            for (key, _) in listed {
                let request = self.client.delete_object().bucket(&*self.bucket).key(key);
                match request.send().await {
                    Ok(_) => {}
                    Err(error) if is_missing(&error) => {}
                    Err(error) => return Err(failed("delete from", error)),
                }
            }
            Ok(())
        })
    }

    /// Everything whose objects were all stored before an instant (epoch milliseconds).
    pub(crate) fn names_before(
        &self,
        before_ms: i64,
    ) -> BoxFuture<'_, Result<Vec<String>, ObjectError>> {
        Box::pin(async move {
            let mut newest: BTreeMap<String, i64> = BTreeMap::new();
            for (key, at) in self.list(&self.path).await? {
                let token = key
                    .strip_prefix(&*self.path)
                    .and_then(|rest| rest.split('/').next());
                if let Some(name) = token.and_then(gennaker_bus::subject::name) {
                    let newest = newest.entry(name).or_insert(at);
                    *newest = at.max(*newest);
                }
            }
            let old = newest.into_iter().filter(|(_, at)| *at < before_ms);
            Ok(old.map(|(name, _)| name).collect())
        })
    }

    /// The keys under a prefix, and when each object was stored (epoch milliseconds).
    async fn list(&self, prefix: &str) -> Result<Vec<(String, i64)>, ObjectError> {
        let mut listed = Vec::new();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("list", error))?;
            listed.extend(page.contents().iter().filter_map(|it| {
                let at = it.last_modified().and_then(|at| at.to_millis().ok());
                Some((it.key()?.to_owned(), at.unwrap_or(i64::MAX)))
            }));
        }
        Ok(listed)
    }

    fn key(&self, object: &Object) -> String {
        let Object { name, digest, .. } = object;
        format!("{}{}/{}", self.path, token(name), token(digest))
    }
}

fn failed(
    operation: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ObjectError {
    ObjectError::Bucket {
        operation,
        source: Box::new(source),
    }
}
