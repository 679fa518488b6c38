//! Artifacts of a build (Igor: `GoogleCloudBuildArtifactFetcher`, `GoogleCloudStorageObject`).

use gennaker_model::Map;
use serde_json::{Value, json};

use super::list;
use crate::Error;

/// Most artifacts of one build.
const ARTIFACTS_MAX: usize = 1_000;

/// An object of Cloud Storage, from `gs://bucket/path#generation`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) path: String,
    pub(super) generation: Option<String>,
}

impl Object {
    /// Reads a reference.
    pub(super) fn parse(reference: &str) -> Result<Self, Error> {
        let wrong = || Error::Unreadable {
            sentence: "Google Cloud Storage path must begin with gs:// and a bucket".to_owned(),
            may_have_happened: false,
        };
        let rest = reference.strip_prefix("gs://").ok_or_else(wrong)?;
        let (bucket, rest) = rest.split_once('/').ok_or_else(wrong)?;
        let (path, generation) = match rest.split_once('#') {
            Some((path, generation)) => (path, Some(generation)),
            None => (rest, None),
        };
        let generation = generation.filter(|generation| !generation.is_empty());
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if bucket.is_empty() || path.is_empty() || !generation.is_none_or(is_number) {
            return Err(wrong());
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            path: path.to_owned(),
            generation: generation.map(str::to_owned),
        })
    }

    fn artifact(&self, reference: &str) -> Map {
        let mut artifact = Map::new();
        artifact.insert("type".to_owned(), "gcs/object".into());
        artifact.insert(
            "name".to_owned(),
            format!("gs://{}/{}", self.bucket, self.path).into(),
        );
        if let Some(generation) = &self.generation {
            artifact.insert("version".to_owned(), generation.clone().into());
        }
        artifact.insert("reference".to_owned(), reference.into());
        artifact
    }
}

/// The images that a build pushed. The name ends at the tag, also where the registry has a port (Igor cuts at the first colon).
pub(super) fn images(build: &Value) -> Vec<Map> {
    let results = build.get("results").unwrap_or(&Value::Null);
    let images = list(results, "images").take(ARTIFACTS_MAX);
    let artifact = |image: &Value| {
        let (name, digest) = (
            image["name"].as_str()?,
            image["digest"].as_str().unwrap_or_default(),
        );
        let end = match (name.rfind(':'), name.rfind('/')) {
            (Some(colon), Some(slash)) if colon < slash => name.len(),
            (colon, _) => colon.unwrap_or(name.len()),
        };
        let name = &name[..end];
        let artifact = json!({
            "type": "docker/image", "name": name, "version": digest, "reference": format!("{name}@{digest}"),
        });
        artifact.as_object().cloned()
    };
    images.filter_map(artifact).collect()
}

/// Adds the files of a manifest: one JSON object a line.
pub(super) fn add_files(found: &mut Vec<Map>, manifest: &str) -> Result<(), Error> {
    for line in manifest.lines().filter(|line| !line.trim().is_empty()) {
        let entry: Value = serde_json::from_str(line).map_err(|error| Error::Unreadable {
            sentence: format!("the build's list of artifacts cannot be read: {error}"),
            may_have_happened: false,
        })?;
        let Some(location) = entry["location"].as_str() else {
            continue;
        };
        let artifact = Object::parse(location)?.artifact(location);
        if !found.contains(&artifact) {
            found.push(artifact);
        }
        if found.len() > ARTIFACTS_MAX {
            return Err(Error::Unreadable {
                sentence: format!("the build has more than {ARTIFACTS_MAX} artifacts"),
                may_have_happened: false,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read() {
        let object = Object::parse("gs://bucket/a/b.json#42").unwrap();
        assert_eq!(object.path, "a/b.json");
        assert_eq!(object.generation.as_deref(), Some("42"));
        assert_eq!(Object::parse("gs://bucket/a#").unwrap().generation, None);
        for bad in ["s3://b/a", "gs://b", "gs://b/", "gs:///a", "gs://b/a#x"] {
            assert!(Object::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn images_end_at_their_tag() {
        let build = json!({"results": {"images": [
            {"name": "gcr.io/p/web:1", "digest": "sha256:a"}, {"name": "r.local:5000/web", "digest": "sha256:b"}, {},
        ]}});
        let found: Vec<_> = images(&build)
            .iter()
            .map(|it| it["reference"].clone())
            .collect();
        assert_eq!(
            found,
            ["gcr.io/p/web@sha256:a", "r.local:5000/web@sha256:b"]
        );
    }

    #[test]
    fn files_stand_once() {
        let mut found = Vec::new();
        let line = "{\"location\": \"gs://b/a.tgz#7\", \"file_hash\": []}\n";
        add_files(&mut found, &format!("{line}\n{line}")).unwrap();
        assert_eq!(
            json!(found),
            json!([{"type": "gcs/object", "name": "gs://b/a.tgz", "version": "7", "reference": "gs://b/a.tgz#7"}])
        );
        assert!(add_files(&mut found, "no json").is_err());
    }
}
