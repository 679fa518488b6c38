//! The index of a repository of charts (igor: `HelmIndex`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Error;

/// Most charts in all their versions.
const ENTRIES_MAX: usize = 500_000;

/// A chart in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its archive, in hexadecimal digits.
    pub digest: String,
    /// When it was made, epoch milliseconds, if the index says.
    pub created_ms: Option<i64>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    entries: BTreeMap<String, Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    digest: Option<String>,
    created: Option<String>,
}

/// The charts of an `index.yaml`, by name. Those without a digest are left out, as Igor does: nobody could tell a new one.
///
/// # Errors
/// [`Error::Answer`]: it is no index.
pub fn charts(index: &[u8]) -> Result<Vec<Chart>, Error> {
    let index: Index = serde_norway::from_slice(index).map_err(|problem| {
        // The parser quotes what it found; that is the repository's and no secret.
        Error::Answer(format!(
            "the index of the repository cannot be read: {problem}"
        ))
    })?;
    let mut charts = Vec::new();
    for (name, entries) in index.entries {
        for entry in entries {
            let (Some(version), Some(digest)) = (entry.version, entry.digest) else {
                continue;
            };
            if charts.len() == ENTRIES_MAX {
                return Err(Error::Answer(format!(
                    "the index of the repository has more than {ENTRIES_MAX} entries"
                )));
            }
            let created = entry
                .created
                .and_then(|text| text.parse::<jiff::Timestamp>().ok());
            charts.push(Chart {
                name: name.clone(),
                version,
                digest,
                created_ms: created.map(jiff::Timestamp::as_millisecond),
            });
        }
    }
    Ok(charts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_without_a_digest_are_left_out() {
        let text = "apiVersion: v1\nentries:\n  web:\n  - version: 1.0.0\n    digest: aa\n    created: \"2024-01-02T03:04:05.678Z\"\n  \
            - version: 0.9.0\n  db:\n  - version: 2.0.0\n    digest: bb\n    created: yesterday\n";
        let found = charts(text.as_bytes()).unwrap();
        let chart = |name: &str, version: &str, digest: &str, created_ms| Chart {
            name: name.to_owned(),
            version: version.to_owned(),
            digest: digest.to_owned(),
            created_ms,
        };
        assert_eq!(
            found,
            [
                chart("db", "2.0.0", "bb", None),
                chart("web", "1.0.0", "aa", Some(1_704_164_645_678))
            ]
        );
        assert!(charts(b"[1]").is_err());
    }
}
