//! In S3: `<root>/<group>/<id>/<file>`.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::{CanaryGroup, CanaryListed};
use crate::{Error, documents::S3Options, objects::ObjectError, s3_folder::S3Folder};

/// Files of one folder that are looked at.
const FILES_MAX: i32 = 10;

#[derive(Clone)]
pub(super) struct Folder(S3Folder);

impl Folder {
    pub(super) async fn connect(options: S3Options) -> Result<Self, Error> {
        Ok(Self(S3Folder::connect(options).await?))
    }

    pub(super) async fn put(
        &self,
        group: CanaryGroup,
        id: &str,
        file: &str,
        content: Bytes,
    ) -> Result<(), ObjectError> {
        let key = format!("{}{file}", self.folder(group, id));
        self.0.put(&key, "application/json", content).await?;
        // A second file would make the first unreadable.
        for other in self.files(group, id).await? {
            if other != key {
                self.0.delete(&other).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn get(
        &self,
        group: CanaryGroup,
        id: &str,
    ) -> Result<Option<Bytes>, ObjectError> {
        match self.files(group, id).await?.as_slice() {
            [] => Ok(None),
            [only] => self.0.get(only, id).await,
            _ => Err(ObjectError::Ambiguous {
                folder: self.folder(group, id),
            }),
        }
    }

    pub(super) async fn delete(&self, group: CanaryGroup, id: &str) -> Result<bool, ObjectError> {
        let files = self.files(group, id).await?;
        for key in &files {
            self.0.delete(key).await?;
        }
        Ok(!files.is_empty())
    }

    pub(super) async fn list(
        &self,
        group: CanaryGroup,
        limit: usize,
    ) -> Result<Vec<CanaryListed>, ObjectError> {
        let folder = format!("{}{}/", self.0.path(), group.folder());
        let mut listed = Vec::new();
        let see = |(key, at): (&str, Option<i64>)| {
            let rest = key.strip_prefix(&*folder);
            if let Some((id, _)) = rest.and_then(|rest| rest.rsplit_once('/')) {
                listed.push(CanaryListed {
                    id: id.to_owned(),
                    updated_ms: at.unwrap_or_default(),
                });
            }
            match listed.len() >= limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        self.0.list(&folder, see).await?;
        Ok(listed)
    }

    /// The keys in the folder of an object. Kayenta leaves the last slash out, and takes `a1` for a file of `a`.
    async fn files(&self, group: CanaryGroup, id: &str) -> Result<Vec<String>, ObjectError> {
        self.0.first(&self.folder(group, id), FILES_MAX).await
    }

    fn folder(&self, group: CanaryGroup, id: &str) -> String {
        format!("{}{}/{id}/", self.0.path(), group.folder())
    }
}
