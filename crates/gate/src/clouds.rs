//! What clouds have, as Clouddriver shows it: asked of the workers of each account, put together by `manifests`.
//!
//! No credentials are here. A list asks all accounts at once; accounts whose workers do not answer in time are named in a header
//! (`x-gennaker-missing-accounts`), and only when none answers there is no list (503). What one account has is 503 when its
//! workers do not answer. Where a cluster is cut off, its last known state is shown, with its age in `x-gennaker-age-ms`.

pub(crate) mod accounts;
mod ask;
pub(crate) mod clusters;
pub(crate) mod firewalls;
pub(crate) mod live;
pub(crate) mod projects;
pub(crate) mod search;
mod wanted;

use gennaker_manifests::kind::{Custom, CustomKinds, SpinnakerKind};
use gennaker_manifests::{Kind, priority};
use gennaker_settings::KubernetesAccount;

use crate::Gate;
use crate::problem::Problem;

/// The provider's name in addresses and documents.
pub(crate) const PROVIDER: &str = "kubernetes";

impl Gate {
    /// The accounts of Kubernetes.
    fn kubernetes(&self) -> &[KubernetesAccount] {
        &self.config().kubernetes
    }

    /// One of them.
    fn kubernetes_account(&self, name: &str) -> Result<&KubernetesAccount, Problem> {
        let found = self
            .kubernetes()
            .iter()
            .find(|account| account.name == name);
        found.ok_or_else(|| Problem::not_found(format!("Account {name} not found")))
    }
}

/// Whether a question is about this provider; clients that name none mean all.
fn is_meant(provider: Option<&str>) -> bool {
    provider.is_none_or(|provider| provider.eq_ignore_ascii_case(PROVIDER))
}

/// What an account's settings say of custom resources. Entries that cannot be read are what workers complain about.
fn custom_kinds(account: &KubernetesAccount) -> CustomKinds {
    let mut kinds = CustomKinds::default();
    for resource in &account.custom_resources {
        let custom = Custom {
            spinnaker_kind: SpinnakerKind::parse(&resource.spinnaker_kind),
            priority: priority::parse(&resource.deploy_priority).unwrap_or(priority::LOWEST),
            versioned: resource.versioned,
            namespaced: resource.namespaced,
        };
        kinds.register(Kind::parse(&resource.kubernetes_kind), custom);
    }
    kinds
}
