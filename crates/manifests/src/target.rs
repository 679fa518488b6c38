//! Dynamic targets: the newest, the largest, … of a cluster.

use crate::{Coordinates, Kind, Manifest};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is Spinnaker's own word")]
pub enum Criteria {
    Oldest,
    Newest,
    SecondNewest,
    Smallest,
    Largest,
}

/// A word that is no criterion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Unknown criteria `{0}`: it must be oldest, newest, second_newest, smallest or largest")]
pub struct UnknownCriteria(pub String);

/// A cluster of objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// The account
    pub account: &'a str,
    /// The namespace
    pub location: &'a str,
    /// The kind
    pub kind: Kind,
    /// The application
    pub app: &'a str,
    /// The cluster, e.g. `replicaSet web`
    pub cluster: &'a str,
}

impl Criteria {
    /// Reads a stage's `criteria`.
    ///
    /// # Errors
    /// [`UnknownCriteria`]
    pub fn parse(_text: &str) -> Result<Self, UnknownCriteria> {
        todo!()
    }
}

impl Cluster<'_> {
    /// Its objects among those of its kind and namespace: their annotations must be equal.
    #[must_use]
    pub fn members<'m>(&self, _objects: &'m [Manifest]) -> Vec<&'m Manifest> {
        todo!()
    }

    /// The one that is asked for; none when there is none (two are needed for the second newest).
    #[must_use]
    pub fn pick(&self, _objects: &[Manifest], _criteria: Criteria) -> Option<Coordinates> {
        todo!()
    }

    /// Clouddriver's sentence for the 404.
    #[must_use]
    pub fn not_found(&self, _criteria: Criteria) -> String {
        todo!()
    }
}
