//! How an object is named: `"<kind> <name>"`, and where it lies.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Kind, Manifest};

/// A full resource name: `"<kind> <name>"`, separated by one space. Names in the API, in stages and in outputs look like that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FullName {
    /// The kind in its canonical spelling
    pub kind: Kind,
    /// The object's name
    pub name: String,
}

/// The text is no full resource name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Expected a full resource name of the form <kind> <name>. Got: {0}")]
pub struct BadName(String);

impl FullName {
    /// Of its parts.
    #[must_use]
    pub fn new(kind: Kind, name: &str) -> Self {
        let name = name.to_owned();
        Self { kind, name }
    }

    /// Reads `"replicaSet web"`.
    ///
    /// # Errors
    /// [`BadName`] unless there are exactly two words (`KubernetesCoordinates`).
    pub fn parse(text: &str) -> Result<Self, BadName> {
        match text
            .split(' ')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()[..]
        {
            [kind, name] => Ok(Self::new(Kind::parse(kind), name)),
            _ => Err(BadName(text.to_owned())),
        }
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl Serialize for FullName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An object within an account: as JSON `{kind, namespace, name}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Coordinates {
    /// Its kind
    pub kind: Kind,
    /// Its namespace; empty for what lies in none
    pub namespace: String,
    /// Its name
    pub name: String,
}

impl Coordinates {
    /// Of its parts.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Self {
            kind,
            namespace,
            name,
        }
    }

    /// Of a full name and a namespace.
    ///
    /// # Errors
    /// [`BadName`] unless the name has exactly two words.
    pub fn parse(full_name: &str, namespace: &str) -> Result<Self, BadName> {
        let FullName { kind, name } = FullName::parse(full_name)?;
        Ok(Self::new(kind, namespace, &name))
    }

    /// Where a manifest lies.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        Self::new(manifest.kind(), manifest.namespace(), manifest.name())
    }

    /// `"<kind> <name>"`.
    #[must_use]
    pub fn full_name(&self) -> FullName {
        FullName::new(self.kind.clone(), &self.name)
    }
}
