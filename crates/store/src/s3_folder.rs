//! A folder of a bucket of S3, by keys: what all objects that lie there have in common. What their names mean is said by whoever
//! keeps them ([`crate::objects`], [`crate::canary_objects`]).
//!
//! The client's futures are large and deep: they are boxed here, behind a type that names none of them. Otherwise every crate that awaits
//! one compiles it again.

use std::{ops::ControlFlow, sync::Arc};

use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::{
    Error,
    documents::{
        S3Options,
        s3::{client, is_missing},
    },
    objects::{OBJECT_BYTES_MAX, ObjectError},
};

#[derive(Clone)]
pub(crate) struct S3Folder {
    client: Client,
    bucket: Arc<str>,
    /// Empty, or ends with a slash.
    path: Arc<str>,
}

/// A key with when its object was stored, epoch milliseconds, if the server says so.
pub(crate) type Stored<'a> = (&'a str, Option<i64>);

impl S3Folder {
    /// With the bucket made, if it is not there.
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

    /// What every key begins with: empty, or ends with a slash.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn put<'a>(
        &'a self,
        key: &'a str,
        content_type: &'a str,
        content: Bytes,
    ) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            let request = self
                .client
                .put_object()
                .bucket(&*self.bucket)
                .key(key)
                .content_type(content_type)
                .body(ByteStream::from(content));
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(failed("write", error)),
            }
        })
    }

    /// What lies there; [`ObjectError::TooLarge`], by this name, when it is larger than anything that is kept.
    pub(crate) fn get<'a>(
        &'a self,
        key: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, ObjectError>> {
        Box::pin(async move {
            let request = self.client.get_object().bucket(&*self.bucket).key(key);
            let found = match request.send().await {
                Ok(found) => found,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(failed("read", error)),
            };
            let most = i64::try_from(OBJECT_BYTES_MAX).unwrap_or(i64::MAX);
            if let Some(bytes) = found.content_length().filter(|length| *length > most) {
                return Err(ObjectError::TooLarge {
                    name: name.to_owned(),
                    bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
                });
            }
            match found.body.collect().await {
                Ok(content) => Ok(Some(content.into_bytes())),
                Err(error) => Err(failed("read", error)),
            }
        })
    }

    /// Deletes what is there, if anything is.
    pub(crate) fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            let request = self.client.delete_object().bucket(&*self.bucket).key(key);
            match request.send().await {
                Ok(_) => Ok(()),
                Err(error) if is_missing(&error) => Ok(()),
                Err(error) => Err(failed("delete from", error)),
            }
        })
    }

    /// Shows the objects whose keys begin so, in the order of the keys, until all are seen or it has been enough.
    pub(crate) fn list<'a>(
        &'a self,
        prefix: &'a str,
        mut see: impl FnMut(Stored<'_>) -> ControlFlow<()> + Send + 'a,
    ) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            let mut pages = self
                .client
                .list_objects_v2()
                .bucket(&*self.bucket)
                .prefix(prefix)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failed("list", error))?;
                for object in page.contents() {
                    let at = object.last_modified().and_then(|at| at.to_millis().ok());
                    if let Some(key) = object.key()
                        && see((key, at)).is_break()
                    {
                        return Ok(());
                    }
                }
            }
            Ok(())
        })
    }

    /// The first keys that begin so, in one request.
    pub(crate) fn first<'a>(
        &'a self,
        prefix: &'a str,
        keys_max: i32,
    ) -> BoxFuture<'a, Result<Vec<String>, ObjectError>> {
        Box::pin(async move {
            let request = self
                .client
                .list_objects_v2()
                .bucket(&*self.bucket)
                .prefix(prefix)
                .max_keys(keys_max);
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) => return Err(failed("list", error)),
            };
            let keys = page.contents().iter().filter_map(|it| it.key());
            Ok(keys.map(str::to_owned).collect())
        })
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
