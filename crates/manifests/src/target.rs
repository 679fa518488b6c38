//! Dynamic targets: the newest, the largest, … of a cluster.

use std::fmt;

use crate::{Coordinates, Kind, Manifest, annotations};

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
    pub fn parse(text: &str) -> Result<Self, UnknownCriteria> {
        let all = [
            Self::Oldest,
            Self::Newest,
            Self::SecondNewest,
            Self::Smallest,
            Self::Largest,
        ];
        let found = all.into_iter().find(|criteria| criteria.name() == text);
        found.ok_or_else(|| UnknownCriteria(text.to_owned()))
    }

    /// Spinnaker's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
            Self::SecondNewest => "second_newest",
            Self::Smallest => "smallest",
            Self::Largest => "largest",
        }
    }
}

impl fmt::Display for Criteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Cluster<'_> {
    /// Its objects among those of its kind and namespace: their annotations must be equal.
    #[must_use]
    pub fn members<'m>(&self, objects: &'m [Manifest]) -> Vec<&'m Manifest> {
        let says = |object: &Manifest, key, expected: &str| {
            object.annotation(key).unwrap_or_default() == expected
        };
        let is_member = |object: &&Manifest| {
            object.kind() == self.kind
                && object.namespace() == self.location
                && says(object, annotations::CLUSTER, self.cluster)
                && says(object, annotations::APPLICATION, self.app)
        };
        objects.iter().filter(is_member).collect()
    }

    /// The one that is asked for; none when there is none (two are needed for the second newest). Of equals, the name decides.
    #[must_use]
    pub fn pick(&self, objects: &[Manifest], criteria: Criteria) -> Option<Coordinates> {
        let mut members = self.members(objects);
        match criteria {
            Criteria::Oldest | Criteria::Newest | Criteria::SecondNewest => {
                members.sort_by_key(|object| (object.created_ms(), object.name()));
            }
            Criteria::Smallest | Criteria::Largest => {
                members.sort_by_key(|object| (object.replicas().unwrap_or(-1), object.name()));
            }
        }
        let back = match criteria {
            Criteria::Oldest | Criteria::Smallest => {
                return members.first().map(|object| Coordinates::of(object));
            }
            Criteria::Newest | Criteria::Largest => 1,
            Criteria::SecondNewest => 2,
        };
        let index = members.len().checked_sub(back)?;
        members.get(index).map(|object| Coordinates::of(object))
    }

    /// Clouddriver's sentence for the 404.
    #[must_use]
    pub fn not_found(&self, criteria: Criteria) -> String {
        let Self {
            account,
            location,
            kind,
            app,
            cluster,
        } = self;
        format!(
            "No manifests matching (account: {account}, location: {location}, kind: {kind}, app {app}, cluster: {cluster}, criteria: {criteria}) found"
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Cluster, Criteria};
    use crate::{Kind, Manifest};

    fn replica_set(name: &str, created: &str, replicas: Option<i64>, cluster: &str) -> Manifest {
        let mut spec = json!({});
        if let Some(replicas) = replicas {
            spec = json!({"replicas": replicas});
        }
        Manifest::new(json!({
            "kind": "ReplicaSet", "apiVersion": "apps/v1", "spec": spec,
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": created, "annotations": {
                "moniker.spinnaker.io/application": "web", "moniker.spinnaker.io/cluster": cluster,
            }},
        }))
        .unwrap()
    }

    fn cluster() -> Cluster<'static> {
        Cluster {
            account: "prod",
            location: "shop",
            kind: Kind::parse("replicaSet"),
            app: "web",
            cluster: "replicaSet web",
        }
    }

    #[test]
    fn each_criterion_picks_one() {
        let objects = [
            replica_set(
                "web-v002",
                "2026-01-03T00:00:00Z",
                Some(1),
                "replicaSet web",
            ),
            replica_set(
                "web-v000",
                "2026-01-01T00:00:00Z",
                Some(7),
                "replicaSet web",
            ),
            replica_set("web-v001", "2026-01-02T00:00:00Z", None, "replicaSet web"),
            replica_set(
                "other-v009",
                "2026-01-09T00:00:00Z",
                Some(99),
                "replicaSet other",
            ),
        ];
        let rows = [
            ("oldest", "web-v000"),
            ("newest", "web-v002"),
            ("second_newest", "web-v001"),
            ("smallest", "web-v001"),
            ("largest", "web-v000"),
        ];
        for (criteria, expected) in rows {
            let picked = cluster()
                .pick(&objects, Criteria::parse(criteria).unwrap())
                .unwrap();
            assert_eq!(picked.name, expected, "{criteria}");
        }
    }

    #[test]
    fn the_second_newest_of_one_is_none_and_the_404_names_it() {
        let objects = [replica_set(
            "web-v000",
            "2026-01-01T00:00:00Z",
            None,
            "replicaSet web",
        )];
        assert_eq!(cluster().pick(&objects, Criteria::SecondNewest), None);
        assert_eq!(cluster().pick(&[], Criteria::Oldest), None);
        assert_eq!(
            cluster().not_found(Criteria::SecondNewest),
            "No manifests matching (account: prod, location: shop, kind: replicaSet, app web, cluster: replicaSet web, criteria: second_newest) found"
        );
        assert!(Criteria::parse("youngest").is_err());
    }
}
