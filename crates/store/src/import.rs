//! Taking over what a Front50 left: in its bucket, or in a folder that is a copy of one.
//!
//! Every document is taken as it is, with its author and time, so that a second import finds what the first one wrote and
//! changes nothing. What was changed here since is newer and stays. One bad document concerns nobody else.

#[cfg(test)]
mod tests;

use std::{
    cell::Cell,
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Error, Kind, S3Options, SaveError, Store,
    documents::s3::{Bucket, completed, layout, layout::Layout},
    key,
    pipelines::validate,
    stamp::updated_ms,
};

/// Deepest folder below a group: an id may hold slashes.
const DEPTH_MAX: usize = 8;

/// Where a Front50 left its documents.
pub struct Front50(Source);

enum Source {
    Bucket(Bucket),
    Folder(PathBuf),
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The documents, applications before what belongs to them.
    pub documents: Vec<Foreign>,
    /// Groups that are not taken over, such as `plugins`.
    pub left_out: Vec<String>,
}

/// A document of a Front50.
#[derive(Debug)]
pub struct Foreign {
    /// What it is.
    pub kind: Kind,
    /// Its id, in lower case.
    pub id: String,
    /// Where it was found.
    pub path: String,
    /// The document, or what is wrong with it.
    pub body: Result<Map, String>,
}

/// What an import does with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Imported {
    /// There was none.
    New,
    /// It replaces an older one.
    Changed,
    /// It is there already.
    Same,
    /// What is there was changed here since, and stays.
    Newer,
}

impl Front50 {
    /// The bucket of a Front50. It is only read.
    pub async fn bucket(options: S3Options) -> Self {
        Self(Source::Bucket(Bucket::open(&options).await))
    }

    /// A folder that holds what stands below `rootFolder` in a bucket (`applications/`, `pipelines/`, …), or the bucket itself
    /// with that folder, `prefix`, in it.
    #[must_use]
    pub fn folder(folder: &Path, prefix: &str) -> Self {
        let inner = folder.join(prefix.trim_matches('/'));
        let folder = if inner.is_dir() {
            inner
        } else {
            folder.to_owned()
        };
        Self(Source::Folder(folder))
    }

    /// Reads all documents.
    ///
    /// # Errors
    /// [`Error::Bucket`] or [`Error::Folder`] when it cannot be listed; what is wrong with one document stands with it.
    pub async fn read(&self) -> Result<Found, Error> {
        let mut found = match &self.0 {
            Source::Bucket(bucket) => read_bucket(bucket).await?,
            Source::Folder(folder) => {
                let folder = folder.clone();
                let read = tokio::task::spawn_blocking(move || read_folder(&folder)).await;
                read.map_err(|error| Error::bucket("read", error))??
            }
        };
        found
            .documents
            .sort_by(|one, two| (one.kind, &one.id).cmp(&(two.kind, &two.id)));
        Ok(found)
    }
}

impl Store {
    /// Takes over a document, unless what is stored is the same or newer.
    ///
    /// # Errors
    /// [`SaveError`] when it is no document of its kind, or its name is taken by another one.
    pub async fn import(
        &self,
        kind: Kind,
        id: &str,
        foreign: &Map,
        now_ms: i64,
    ) -> Result<Imported, SaveError> {
        let body = prepared(kind, id, foreign)?;
        let verdict = Cell::new(Imported::Same);
        let next = |stored: Option<&Map>| {
            verdict.set(judged(kind, stored, &body));
            Ok(match verdict.get() {
                Imported::New | Imported::Changed => Some(body.clone()),
                Imported::Same | Imported::Newer => None,
            })
        };
        self.save(kind, id, now_ms, next).await?;
        Ok(verdict.get())
    }

    /// What [`Store::import`] would do, as far as can be told without trying.
    ///
    /// # Errors
    /// As [`Store::import`].
    pub async fn try_import(
        &self,
        kind: Kind,
        id: &str,
        foreign: &Map,
    ) -> Result<Imported, SaveError> {
        let body = prepared(kind, id, foreign)?;
        let stored = self.get(kind, id).await?;
        Ok(judged(kind, stored.as_ref().map(|it| &it.body), &body))
    }
}

fn judged(kind: Kind, stored: Option<&Map>, body: &Map) -> Imported {
    let Some(stored) = stored else {
        return Imported::New;
    };
    if stored == body {
        return Imported::Same;
    }
    match (updated_ms(kind, stored), updated_ms(kind, body)) {
        (Some(ours), Some(theirs)) if ours >= theirs => Imported::Newer,
        (_, _) => Imported::Changed,
    }
}

/// The document as it is stored here: without the nulls of the top level, which Front50 leaves out when it answers, and with
/// the id that it is found by.
fn prepared(kind: Kind, id: &str, foreign: &Map) -> Result<Map, SaveError> {
    if !key::is_id(id) {
        return Err(SaveError::Rejected(format!(
            "{id:?} cannot be the id of a {}",
            kind.word()
        )));
    }
    let mut body: Map = foreign
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    match kind {
        Kind::Pipeline | Kind::Strategy => {
            let own = body.get("id").and_then(Value::as_str);
            if own.map(key::fold) != Some(key::fold(id)) {
                body.insert("id".to_owned(), id.into());
            }
            validate(kind, &body)?;
        }
        Kind::Project => {
            body.entry("id").or_insert_with(|| id.into());
        }
        Kind::Application
        | Kind::Permission
        | Kind::Notification
        | Kind::Template
        | Kind::ServiceAccount
        | Kind::PluginInfo
        | Kind::EntityTags
        | Kind::Snapshot
        | Kind::Delivery
        | Kind::PluginVersions
        | Kind::CanaryConfig => {}
    }
    Ok(body)
}

fn parsed(raw: &[u8]) -> Result<Map, String> {
    serde_json::from_slice(raw).map_err(|error| format!("it is no JSON object: {error}"))
}

async fn read_bucket(bucket: &Bucket) -> Result<Found, Error> {
    let mut found = Found {
        left_out: bucket.other_groups().await?,
        ..Found::default()
    };
    let listed = bucket.list(&Kind::ALL).await?;
    for (listed, read) in bucket.read_each(listed).await {
        let body = match read {
            Ok(None) => continue,
            Ok(Some(record)) => parsed(&record.raw),
            Err(error @ Error::Unreadable { .. }) => Err(error.to_string()),
            Err(error) => return Err(error),
        };
        found.documents.push(Foreign {
            path: format!("{}/{}", layout::group(listed.kind), listed.id),
            kind: listed.kind,
            id: listed.id,
            body,
        });
    }
    Ok(found)
}

fn read_folder(folder: &Path) -> Result<Found, Error> {
    let failed = |path: &Path, source: io::Error| Error::Folder {
        path: path.to_owned(),
        source,
    };
    let mut found = Found::default();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        let Some(group) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !path.is_dir() {
            continue;
        }
        if !layout::is_group(group) {
            found.left_out.push(group.to_owned());
            continue;
        }
        let mut files = Vec::new();
        collect(&path, 0, &mut files).map_err(|error| failed(&path, error))?;
        for file in files {
            let Some(below) = file.strip_prefix(folder).ok().and_then(Path::to_str) else {
                continue;
            };
            let below = below.replace(std::path::MAIN_SEPARATOR, "/");
            if let Some((kind, id)) = Layout::new("").document(group, &below) {
                let id = key::fold(id);
                found.documents.push(Foreign {
                    body: read_file(kind, &file),
                    kind,
                    id,
                    path: below,
                });
            }
        }
    }
    found.left_out.sort();
    Ok(found)
}

/// The files below a folder.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Links are not followed: they may lead in circles.
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir() && depth < DEPTH_MAX {
            collect(&entry.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

/// A copy has the time of the copying, so what the document says itself counts first.
fn read_file(kind: Kind, file: &Path) -> Result<Map, String> {
    let read = || -> io::Result<(Bytes, i64)> {
        let about = fs::metadata(file)?;
        let limit = u64::try_from(kind.bytes_max()).unwrap_or(u64::MAX) * 2;
        if about.len() > limit {
            return Err(io::Error::other(format!("it has more than {limit} bytes")));
        }
        let since = about.modified()?.duration_since(UNIX_EPOCH);
        let time_ms = since.map_or(0, |since| since.as_millis());
        let time_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
        Ok((fs::read(file)?.into(), time_ms))
    };
    let (raw, time_ms) = read().map_err(|error| format!("it cannot be read: {error}"))?;
    let body = parsed(&raw)?;
    match updated_ms(kind, &body) {
        Some(_) => Ok(body),
        None => parsed(&completed(kind, raw, time_ms)),
    }
}
