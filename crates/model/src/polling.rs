//! What processes that poll sources tell each other and the API.

use serde::{Deserialize, Serialize};

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// Longest hint that is read, in bytes.
const HINT_BYTES_MAX: usize = 64 << 10;

/// Images that one hint may name.
const IMAGES_MAX: usize = 1_000;

/// Names under which Docker Hub is known.
const HUB: [&str; 4] = [
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

/// Somebody said that images were pushed.
///
/// Nobody believes it. It makes whoever polls that registry look at once, there and nowhere else; so a forged webhook starts
/// nothing, and a push that is both told and polled is one event. A hint that is lost is no harm either: the next look finds the
/// same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// [`VERSION`].
    pub v: u8,
    /// Images without tag and digest, each with its registry: `registry.example.com/team/web`.
    pub images: Vec<String>,
}

/// How it goes with a source that is polled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// [`VERSION`].
    pub v: u8,
    /// What is polled: `docker`, `build`, `helm` …
    pub kind: String,
    /// The account, server or search.
    pub source: String,
    /// In short.
    pub state: Health,
    /// The process that polls it.
    pub process: String,
    /// When it was looked at last, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled_at_ms: Option<i64>,
    /// When that succeeded last, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at_ms: Option<i64>,
    /// How long the last look took, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
    /// When it will be looked at next, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at_ms: Option<i64>,
    /// How many things the last look found.
    #[serde(default)]
    pub found: u64,
    /// How many things are known of it.
    #[serde(default)]
    pub known: u64,
    /// When it had something new last, epoch milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_at_ms: Option<i64>,
    /// Looks that failed since the last one that succeeded.
    #[serde(default)]
    pub failures: u32,
    /// Why the last look failed, or what part of it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What people should know, although all goes well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How it goes, in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It was not looked at yet.
    #[default]
    Waiting,
    /// Well.
    Ok,
    /// Well, but there is something to know.
    Warning,
    /// The last look failed.
    Failing,
}

impl Hint {
    /// A hint about these images; what is too much is left out.
    #[must_use]
    pub fn new(mut images: Vec<String>) -> Self {
        images.truncate(IMAGES_MAX);
        Self { v: VERSION, images }
    }

    /// Reads one; nothing when it is none that this program knows.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > HINT_BYTES_MAX {
            return None;
        }
        let hint: Self = serde_json::from_slice(bytes).ok()?;
        (hint.v == VERSION).then(|| Self::new(hint.images))
    }

    /// The repositories of a registry (a host, perhaps with a port) that it names.
    pub fn repositories<'a>(&'a self, registry: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.images.iter().filter_map(move |image| {
            let (host, repository) = image.split_once('/')?;
            let same = host.eq_ignore_ascii_case(registry)
                || (HUB.contains(&host) && HUB.contains(&registry));
            same.then_some(repository)
        })
    }
}

impl Health {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failing => "failing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_for_its_registry() {
        let hint = Hint::new(vec![
            "r.io/team/web".to_owned(),
            "other.io/web".to_owned(),
            "index.docker.io/acme/web".to_owned(),
        ]);
        let read = Hint::decode(&serde_json::to_vec(&hint).unwrap()).unwrap();
        let of = |registry| read.repositories(registry).collect::<Vec<_>>();
        assert_eq!(of("R.io"), ["team/web"]);
        assert_eq!(of("registry-1.docker.io"), ["acme/web"]);
        assert_eq!(of("r.io:5000"), [""; 0]);
        assert_eq!(Hint::decode(b"{\"v\": 2, \"images\": []}"), None);
    }
}
