//! Which kinds an account may use, and what it says of custom ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Native, SpinnakerKind};
use crate::priority;

/// One entry of an account's `customResources`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// What it is shown as
    pub spinnaker_kind: SpinnakerKind,
    /// Its place in the order of deployment
    pub priority: u32,
    /// Each deployment makes a new object
    pub versioned: bool,
    /// It lies in a namespace
    pub namespaced: bool,
}

impl Default for Custom {
    fn default() -> Self {
        Self {
            spinnaker_kind: SpinnakerKind::Unclassified,
            priority: priority::WORKLOAD_CONTROLLER,
            versioned: false,
            namespaced: true,
        }
    }
}

/// What an account knows of kinds beyond the native ones: its registered custom resources and the scope of installed ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomKinds {
    registered: BTreeMap<Kind, Custom>,
    cluster_scoped: BTreeSet<Kind>,
}

impl CustomKinds {
    /// Registers a custom resource.
    pub fn register(&mut self, kind: Kind, custom: Custom) {
        self.registered.insert(kind, custom);
    }

    /// Notes that the cluster's definition of a kind says it lies in no namespace.
    pub fn note_cluster_scoped(&mut self, kind: Kind) {
        self.cluster_scoped.insert(kind);
    }

    /// What is registered for a kind.
    #[must_use]
    pub fn get(&self, kind: &Kind) -> Option<&Custom> {
        self.registered.get(kind)
    }

    /// All that is registered, by kind.
    pub fn iter(&self) -> impl Iterator<Item = (&Kind, &Custom)> {
        self.registered.iter()
    }

    /// Whether a kind lies in a namespace; unknown ones are taken to.
    #[must_use]
    pub fn is_namespaced(&self, kind: &Kind) -> bool {
        match (kind.native(), self.get(kind)) {
            (Some(native), _) => native.is_namespaced(),
            (None, Some(custom)) => custom.namespaced,
            (None, None) => !self.cluster_scoped.contains(kind),
        }
    }

    /// Whether a kind is versioned when neither the manifest nor the stage says so.
    #[must_use]
    pub fn is_versioned(&self, kind: &Kind) -> bool {
        match kind.native() {
            Some(native) => native.is_versioned(),
            None => self.get(kind).is_some_and(|custom| custom.versioned),
        }
    }

    /// What a kind is shown as.
    #[must_use]
    pub fn spinnaker_kind(&self, kind: &Kind) -> SpinnakerKind {
        match kind.native() {
            Some(native) => native.spinnaker_kind(),
            None => self
                .get(kind)
                .map_or(SpinnakerKind::Unclassified, |custom| custom.spinnaker_kind),
        }
    }
}

/// An account's `kinds` and `omitKinds`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    kinds: BTreeSet<Kind>,
    omit: BTreeSet<Kind>,
}

/// Both lists are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("At most one of 'kinds' and 'omitKinds' can be specified")]
pub struct FilterConflict;

/// What the cluster says of a kind that the lists let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The server knows it, and we may read it (or nobody looked)
    Readable,
    /// Neither native, registered nor installed
    Unknown,
    /// Reading it failed when it was tried
    Unreadable,
}

/// Whether an account may use a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It may
    Valid,
    /// The kind `none`
    None,
    /// `kinds` is set and lacks it
    Missing,
    /// `omitKinds` has it
    Omitted,
    /// Nobody knows it
    Unknown,
    /// Reading it failed
    Unreadable,
}

impl Filter {
    /// Of the two lists.
    ///
    /// # Errors
    /// [`FilterConflict`] when both have entries.
    pub fn new(
        kinds: impl IntoIterator<Item = Kind>,
        omit: impl IntoIterator<Item = Kind>,
    ) -> Result<Self, FilterConflict> {
        let (kinds, omit): (BTreeSet<_>, BTreeSet<_>) =
            (kinds.into_iter().collect(), omit.into_iter().collect());
        match kinds.is_empty() || omit.is_empty() {
            true => Ok(Self { kinds, omit }),
            false => Err(FilterConflict),
        }
    }

    /// Whether the lists alone let a kind pass.
    #[must_use]
    pub fn lets_pass(&self, kind: &Kind) -> bool {
        match self.kinds.is_empty() {
            true => !self.omit.contains(kind),
            false => self.kinds.contains(kind),
        }
    }

    /// A kind's status. With `kinds` set, membership alone decides, and nobody is asked (`KubernetesCredentials.getKindStatus`).
    pub fn status(&self, kind: &Kind, presence: impl FnOnce() -> Presence) -> Status {
        if kind.is_none() {
            return Status::None;
        }
        if !self.kinds.is_empty() {
            return match self.kinds.contains(kind) {
                true => Status::Valid,
                false => Status::Missing,
            };
        }
        if self.omit.contains(kind) {
            return Status::Omitted;
        }
        match presence() {
            Presence::Readable => Status::Valid,
            Presence::Unknown => Status::Unknown,
            Presence::Unreadable => Status::Unreadable,
        }
    }
}

impl Status {
    /// Clouddriver's sentence about a kind of this status; none for a valid one.
    #[must_use]
    pub fn message(self, kind: &Kind) -> Option<String> {
        Some(match self {
            Self::Valid => return None,
            Self::None => format!("Kind [{kind}] is invalid"),
            Self::Missing => {
                format!("Kind [{kind}] missing in 'kinds' of kubernetes account configuration")
            }
            Self::Omitted => {
                format!("Kind [{kind}] included in 'omitKinds' of kubernetes account configuration")
            }
            Self::Unknown => format!(
                "Kind [{kind}] is not known: neither native, registered nor an installed custom resource"
            ),
            Self::Unreadable => {
                format!(
                    "Error reading kind [{kind}]. Please check connectivity and access permissions to the cluster"
                )
            }
        })
    }
}

impl Kind {
    /// The kind `none`, which stands for "no kind"; also an empty one.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.name().is_empty()
            || (self.is_native_group() && self.name().eq_ignore_ascii_case("none"))
    }

    /// Any of these native kinds.
    #[must_use]
    pub fn is_any(&self, natives: &[Native]) -> bool {
        self.native()
            .is_some_and(|native| natives.contains(&native))
    }
}
