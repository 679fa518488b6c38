//! Kinds: how they are written, which ones we know, and whether an account may use one.

mod native;
mod status;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};

pub use native::{Native, Resource, SpinnakerKind};
pub use status::{Custom, CustomKinds, Filter, FilterConflict, Presence, Status};

/// A kind with its group. Two kinds are equal when they differ in case only; the groups that Kubernetes comes with count as none.
///
/// Written as `deployment`, or with its group as `Rollout.argoproj.io`. Source: clouddriver `KubernetesKind`.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Canonical spelling, or as it was written
    name: String,
    /// None for the native groups
    group: Option<String>,
    native: Option<Native>,
}

/// Groups whose name does not show in a kind.
pub const NATIVE_GROUPS: [&str; 18] = [
    "",
    "core",
    "batch",
    "apps",
    "extensions",
    "storage.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "autoscaling",
    "admissionregistration.k8s.io",
    "policy",
    "scheduling.k8s.io",
    "settings.k8s.io",
    "authorization.k8s.io",
    "authentication.k8s.io",
    "rbac.authorization.k8s.io",
    "certificates.k8s.io",
    "networking.k8s.io",
];

impl Kind {
    /// Of a manifest's `kind` and `apiVersion`.
    #[must_use]
    pub fn of(kind: &str, api_version: &str) -> Self {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self::with_group(kind, group)
    }

    /// Reads `deploy`, `replicaSet` or `Rollout.argoproj.io`; knows kubectl's short names.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (name, group) = text.split_once('.').unwrap_or((text, ""));
        Self::with_group(name, group)
    }

    fn with_group(name: &str, group: &str) -> Self {
        if !NATIVE_GROUPS
            .iter()
            .any(|native| native.eq_ignore_ascii_case(group))
        {
            let (name, group) = (name.to_owned(), Some(group.to_owned()));
            let native = None;
            return Self {
                name,
                group,
                native,
            };
        }
        let native = Native::parse(name);
        Self {
            name: native.map_or(name, |native| native.name()).to_owned(),
            group: None,
            native,
        }
    }

    /// Its name without the group.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its group unless that is a native one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Which of the kinds with rules of their own it is.
    #[must_use]
    pub fn native(&self) -> Option<Native> {
        self.native
    }

    /// It is a kind of Kubernetes' own groups, with or without rules of its own here.
    #[must_use]
    pub fn is_native_group(&self) -> bool {
        self.group.is_none()
    }

    fn key(&self) -> impl Iterator<Item = u8> {
        let group = self.group.as_deref().unwrap_or_default();
        let text = self.name.bytes().chain([b'.']).chain(group.bytes());
        text.map(|byte| byte.to_ascii_lowercase())
    }
}

impl From<Native> for Kind {
    fn from(native: Native) -> Self {
        Self {
            name: native.name().to_owned(),
            group: None,
            native: Some(native),
        }
    }
}

impl PartialEq<Native> for Kind {
    fn eq(&self, native: &Native) -> bool {
        self.native == Some(*native)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.key().eq(other.key())
    }
}

impl Eq for Kind {}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key())
    }
}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().for_each(|byte| byte.hash(state));
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            None => f.write_str(&self.name),
            Some(group) => write!(f, "{}.{group}", self.name),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
