//! In S3: `<root>/<group>/<id>/<file>`.

use std::sync::Arc;

use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{CanaryGroup, CanaryListed};
use crate::{
    Error,
    documents::{
        S3Options,
        s3::{client, is_missing},
    },
    objects::{OBJECT_BYTES_MAX, ObjectError},
};

/// Files of one folder that are looked at.
const FILES_MAX: i32 = 10;

#[derive(Clone)]
pub(super) struct Folder {
    client: Client,
    bucket: Arc<str>,
    /// Empty, or ends with a slash.
    root: Arc<str>,
}

impl Folder {
    pub(super) async fn connect(options: S3Options) -> Result<Self, Error> {
        let client = client::client(&options).await;
        client::ensure(&client, &options, client::Versions::Off).await?;
        let root = match options.prefix.trim_matches('/') {
            "" => String::new(),
            root => format!("{root}/"),
        };
        Ok(Self {
            client,
            bucket: options.bucket.into(),
            root: root.into(),
        })
    }

    pub(super) fn put<'a>(
        &'a self,
        group: CanaryGroup,
        id: &'a str,
        file: &'a str,
        content: Bytes,
    ) -> BoxFuture<'a, Result<(), ObjectError>> {
        Box::pin(async move {
            let key = format!("{}{file}", self.folder(group, id));
            let request = self
                .client
                .put_object()
                .bucket(&*self.bucket)
                .key(&key)
                .content_type("application/json")
                .body(ByteStream::from(content));
            request
                .send()
                .await
                .map_err(|error| failed("write", error))?;
            // A second file would make the first unreadable.
            for other in self.files(group, id).await? {
                if other != key {
                    self.remove(&other).await?;
                }
            }
            Ok(())
        })
    }

    pub(super) fn get<'a>(
        &'a self,
        group: CanaryGroup,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Bytes>, ObjectError>> {
        Box::pin(async move {
            let files = self.files(group, id).await?;
            let key = match files.as_slice() {
                [] => return Ok(None),
                [only] => only,
                _ => {
                    return Err(ObjectError::Ambiguous {
                        folder: self.folder(group, id),
                    });
                }
            };
            let request = self.client.get_object().bucket(&*self.bucket).key(key);
            let found = match request.send().await {
                Ok(found) => found,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(failed("read", error)),
            };
            let most = i64::try_from(OBJECT_BYTES_MAX).unwrap_or(i64::MAX);
            if let Some(bytes) = found.content_length().filter(|length| *length > most) {
                return Err(ObjectError::TooLarge {
                    name: id.to_owned(),
                    bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
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
        group: CanaryGroup,
        id: &'a str,
    ) -> BoxFuture<'a, Result<bool, ObjectError>> {
        Box::pin(async move {
            let files = self.files(group, id).await?;
            for key in &files {
                self.remove(key).await?;
            }
            Ok(!files.is_empty())
        })
    }

    pub(super) fn list(
        &self,
        group: CanaryGroup,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<CanaryListed>, ObjectError>> {
        Box::pin(async move {
            let folder = format!("{}{}/", self.root, group.folder());
            let mut listed = Vec::new();
            let mut pages = self
                .client
                .list_objects_v2()
                .bucket(&*self.bucket)
                .prefix(&folder)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failed("list", error))?;
                listed.extend(page.contents().iter().filter_map(|it| {
                    let (id, _) = it.key()?.strip_prefix(&*folder)?.rsplit_once('/')?;
                    let at = it.last_modified().and_then(|at| at.to_millis().ok());
                    Some(CanaryListed {
                        id: id.to_owned(),
                        updated_ms: at.unwrap_or_default(),
                    })
                }));
                // They come in the order of their keys.
                if listed.len() >= limit {
                    break;
                }
            }
            Ok(listed)
        })
    }

    /// The keys in the folder of an object. Kayenta leaves the last slash out, and takes `a1` for a file of `a`.
    async fn files(&self, group: CanaryGroup, id: &str) -> Result<Vec<String>, ObjectError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(self.folder(group, id))
            .max_keys(FILES_MAX);
        let page = request
            .send()
            .await
            .map_err(|error| failed("list", error))?;
        let keys = page.contents().iter().filter_map(|it| it.key());
        Ok(keys.map(str::to_owned).collect())
    }

    async fn remove(&self, key: &str) -> Result<(), ObjectError> {
        let request = self.client.delete_object().bucket(&*self.bucket).key(key);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(failed("delete from", error)),
        }
    }

    fn folder(&self, group: CanaryGroup, id: &str) -> String {
        format!("{}{}/{id}/", self.root, group.folder())
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
