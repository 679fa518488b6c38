//! The servers of the settings, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::BuildServer;

/// What kind of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Jenkins.
    Jenkins,
    /// Travis CI.
    Travis,
    /// GitLab CI.
    GitlabCi,
    /// Concourse.
    Concourse,
}

/// A server and what the settings say of it. Names are unique over all kinds.
#[derive(Clone)]
pub struct Master {
    /// The name that triggers and stages use.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// The zone whose workers can reach it; `None`: all.
    pub zone: Option<String>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// More new builds than this in one poll are worth a warning; `None`: the poller's own limit.
    pub item_upper_threshold: Option<u32>,
    /// Its client.
    pub server: Arc<dyn BuildServer>,
}

/// All servers.
#[derive(Clone, Default)]
pub struct Masters(BTreeMap<String, Master>);

impl Kind {
    /// The kind as Igor's `BuildServiceProvider` and Gate's `?type=` write it, in lower case.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Jenkins => "jenkins",
            Self::Travis => "travis",
            Self::GitlabCi => "gitlab_ci",
            Self::Concourse => "concourse",
        }
    }

    /// The type of the triggers that its builds fire.
    #[must_use]
    pub fn trigger(self) -> &'static str {
        match self {
            Self::Jenkins => "jenkins",
            Self::Travis => "travis",
            Self::GitlabCi => "gitlab-ci",
            Self::Concourse => "concourse",
        }
    }
}

impl Masters {
    /// These servers; of two with one name the later one counts (the settings refuse that).
    #[must_use]
    pub fn new(masters: impl IntoIterator<Item = Master>) -> Self {
        let named = masters.into_iter();
        Self(named.map(|master| (master.name.clone(), master)).collect())
    }

    /// The server with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Master> {
        self.0.get(name)
    }

    /// All, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Master> {
        self.0.values()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
