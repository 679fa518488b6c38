//! Objects in a folder of a bucket of S3: `<folder>/<name>/<digest>`.

use std::sync::Arc;

use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use gennaker_bus::token;

use super::{ArchiveError, OBJECT_BYTES_MAX, Object};
use crate::{
    Error,
    documents::{
        S3Options,
        s3::{client, is_missing},
    },
};

#[derive(Clone)]
pub(super) struct Folder {
    client: Client,
    bucket: Arc<str>,
    /// Empty, or ends with a slash.
    path: Arc<str>,
}

impl Folder {
    pub(super) async fn connect(options: S3Options) -> Result<Self, Error> {
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

    pub(super) async fn put(&self, object: &Object, content: Bytes) -> Result<(), ArchiveError> {
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
    }

    pub(super) async fn get(&self, object: &Object) -> Result<Option<Bytes>, ArchiveError> {
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
            return Err(ArchiveError::Damaged {
                name: object.name.clone(),
            });
        }
        match found.body.collect().await {
            Ok(content) => Ok(Some(content.into_bytes())),
            Err(error) => Err(failed("read", error)),
        }
    }

    pub(super) async fn delete(&self, object: &Object) -> Result<(), ArchiveError> {
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
    }

    fn key(&self, object: &Object) -> String {
        let Object { name, digest, .. } = object;
        format!("{}{}/{}", self.path, token(name), token(digest))
    }
}

fn failed(
    operation: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ArchiveError {
    ArchiveError::Bucket {
        operation,
        source: Box::new(source),
    }
}
