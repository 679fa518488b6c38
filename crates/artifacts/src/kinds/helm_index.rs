//! The index of a repository of charts (Clouddriver: `IndexParser`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Error, maven_version::MavenVersion};

/// `index.yaml`, as far as it is used.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    entries: BTreeMap<String, Vec<Entry>>,
}

/// A chart in one version.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    version: String,
    /// Where it is; not always absolute.
    #[serde(default)]
    pub(super) urls: Vec<String>,
    /// SHA-256 of the archive, in hexadecimal digits.
    pub(super) digest: Option<String>,
}

impl Index {
    pub(super) fn parse(text: &[u8]) -> Result<Self, Error> {
        serde_norway::from_slice(text).map_err(|problem| {
            // The parser quotes what it found; that is the repository's and no secret.
            Error::Answer(format!(
                "the index of the repository cannot be read: {problem}"
            ))
        })
    }

    pub(super) fn names(self) -> Vec<String> {
        self.entries.into_keys().collect()
    }

    pub(super) fn versions(self, name: &str) -> Result<Vec<String>, Error> {
        let entries = self.entries(name)?;
        Ok(entries.iter().map(|entry| entry.version.clone()).collect())
    }

    /// The chart in this version; a blank one means the highest.
    pub(super) fn entry(&self, name: &str, version: &str) -> Result<&Entry, Error> {
        let entries = self.entries(name)?;
        let found = if version.trim().is_empty() {
            entries
                .iter()
                .max_by_key(|entry| MavenVersion::parse(&entry.version))
        } else {
            entries.iter().find(|entry| entry.version == version)
        };
        found.ok_or_else(|| Error::NotFound(format!("version {version:?} of chart {name}")))
    }

    fn entries(&self, name: &str) -> Result<&[Entry], Error> {
        let entries = self.entries.get(name);
        entries
            .map(Vec::as_slice)
            .ok_or_else(|| Error::NotFound(format!("chart {name:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_is_not_the_first_nor_the_longest() {
        let text = "apiVersion: v1\nentries:\n  web:\n  - version: 0.9.1\n    urls: [a]\n  - version: 0.10.0\n    urls: [b]\n  \
            - version: 0.10.0-rc1\n    urls: [c]\n";
        let index = Index::parse(text.as_bytes()).unwrap();
        assert_eq!(index.entry("web", "").unwrap().urls, ["b"]);
        assert_eq!(index.entry("web", "0.9.1").unwrap().urls, ["a"]);
        assert_eq!(
            index.entry("web", "1").unwrap_err().to_string(),
            "version \"1\" of chart web not found"
        );
        assert_eq!(
            index.entry("db", "").unwrap_err().to_string(),
            "chart \"db\" not found"
        );
        assert!(Index::parse(b"[]").is_err());
    }

    #[test]
    fn an_index_that_grows_when_it_is_read_is_refused() {
        let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (one, two) in
            ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"].map(|pair| pair.split_at(1))
        {
            text.push_str(&format!(
                "{two}: &{two} [{}]\n",
                vec![format!("*{one}"); 10].join(", ")
            ));
        }
        assert!(Index::parse(format!("{text}entries: *i\n").as_bytes()).is_err());
    }
}
