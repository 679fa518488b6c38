//! A bucket of S3: `[documents.s3]`, `[archive.s3]`, `[values.s3]`.

use std::{fs, io};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// A bucket of S3. Several sections may name the same one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct S3Bucket {
    /// Name of the bucket. One that does not exist is made; that of documents with versions on: they are their history.
    pub bucket: Option<String>,
    /// Folder in the bucket. Unset: `front50` (Front50's `rootFolder`) for documents, `gennaker-archive` for the archive,
    /// `gennaker` for large values.
    pub prefix: Option<String>,
    /// Region. Unset: from the environment, else `us-east-1`.
    pub region: Option<String>,
    /// Address of a server that is not AWS (`https://minio:9000`). For documents it must honour conditional writes
    /// (`If-Match`).
    pub endpoint: Option<String>,
    /// Put the bucket into the path of addresses, not into the host name.
    pub path_style: bool,
    /// Access key id, with `secret_access_key` or `secret_access_key_file`. Unset: AWS's usual chain (environment, profile,
    /// web identity, container, instance).
    pub access_key_id: Option<String>,
    /// Secret access key. A file is better: environments and settings files are shown around.
    pub secret_access_key: Option<Secret<String>>,
    /// File with the secret access key; white space at its end does not count.
    pub secret_access_key_file: Option<String>,
}

impl Default for S3Bucket {
    fn default() -> S3Bucket {
        S3Bucket {
            bucket: None,
            prefix: None,
            region: None,
            endpoint: None,
            path_style: true,
            access_key_id: None,
            secret_access_key: None,
            secret_access_key_file: None,
        }
    }
}

impl S3Bucket {
    /// The secret access key, from wherever it is set.
    ///
    /// # Errors
    /// `secret_access_key_file` cannot be read.
    pub fn read_secret(&self) -> io::Result<Option<Secret<String>>> {
        match &self.secret_access_key_file {
            Some(file) => Ok(Some(Secret::new(
                fs::read_to_string(file)?.trim_end().to_owned(),
            ))),
            None => Ok(self.secret_access_key.clone()),
        }
    }
}
