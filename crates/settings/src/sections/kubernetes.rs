//! `[kubernetes]`.

mod files;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Kubernetes clusters that pipelines deploy to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kubernetes {
    /// The clusters. Schedulers, workers and API processes of an installation should have the same list; only workers of an
    /// account's zone open its credentials, so name files there, which need to exist on those workers alone. An account
    /// that cannot be used is named in the log and passed over; the others load.
    pub accounts: Vec<KubernetesAccount>,
    /// Folder with more accounts: files `*.yml`, `*.yaml` and `*.json` in the shape of Spinnaker's `kubernetes.accounts`. Keys
    /// that mean nothing here are passed over.
    pub accounts_folder: Option<String>,
    /// How long a cluster's cache for pages is kept up to date after somebody looked, in milliseconds.
    #[schemars(range(min = 10_000, max = 86_400_000))]
    pub cache_idle_ms: u64,
    /// Most bytes of objects that one account's cache holds; what does not fit is left out, and pages say so.
    #[schemars(range(min = 1_000_000, max = 10_000_000_000_u64))]
    pub cache_bytes_max: u64,
    /// When the image in a manifest is the one that an artifact names; Spinnaker's `kubernetes.artifact-binding.docker-image`.
    pub image_binding: ImageBinding,
    /// Whether deployed objects get the labels `app.kubernetes.io/name` and `app.kubernetes.io/managed-by`, and versions theirs;
    /// Spinnaker's `kubernetes.v2.apply-app-labels`.
    pub apply_app_labels: bool,
    /// With one, `app.kubernetes.io/managed-by` says `spinnaker-SUFFIX` and not `spinnaker`; Spinnaker's
    /// `kubernetes.v2.managed-by-suffix`. Letters, digits, `-`, `_` and `.`.
    pub managed_by_suffix: String,
}

/// When the image in a manifest is the one that an artifact names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum ImageBinding {
    /// The image without its tag or digest is the artifact's name.
    MatchNameAndTag,
    /// The whole image, as it stands there, is the artifact's name: one with a tag is left alone.
    MatchNameOnly,
}

/// A cluster, and who we are in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KubernetesAccount {
    /// What pipelines call it.
    pub name: String,
    /// The zone whose workers serve it. Unset: every worker of the pool.
    pub zone: Option<String>,
    /// More zones whose workers reach it: any of them does what another cannot any more. Name the same on all schedulers and
    /// workers.
    pub zones: Vec<String>,
    /// Shown to people; the name, if unset.
    pub environment: Option<String>,
    /// Shown to people; the name, if unset.
    pub account_type: Option<String>,
    /// A kubeconfig file. It is read again when it changes.
    pub kubeconfig_file: Option<String>,
    /// A kubeconfig itself. A file is better: settings are shown around.
    pub kubeconfig_contents: Option<Secret<String>>,
    /// The context in the kubeconfig; its current one, if unset.
    pub context: Option<String>,
    /// Be the service account of the pod that the worker runs in, in the cluster it runs in.
    pub service_account: bool,
    /// Whether a kubeconfig may name a program that is run for credentials (`exec`). What it names runs with the rights of the
    /// worker.
    pub allow_exec: bool,
    /// The key of a Google service account, as Google hands it out (JSON). Its access tokens are who we are, in place of what the
    /// kubeconfig says. Its `token_uri` must be an address that `[outbound]` allows.
    pub oauth_service_account: Option<String>,
    /// What its tokens are good for. Empty: the cloud platform, and the e-mail address, by which clusters know the account.
    pub oauth_scopes: Vec<String>,
    /// The only namespaces that are seen and changed. Empty: all.
    pub namespaces: Vec<String>,
    /// Namespaces that are not seen and not changed; not together with `namespaces`.
    pub omit_namespaces: Vec<String>,
    /// The only kinds that are seen and changed: `deployment`, `Rollout.argoproj.io`. Empty: all.
    pub kinds: Vec<String>,
    /// Kinds that are not seen and not changed; not together with `kinds`.
    pub omit_kinds: Vec<String>,
    /// How custom resources are treated.
    pub custom_resources: Vec<KubernetesCustomResource>,
    /// Show only objects that a pipeline deployed.
    pub only_spinnaker_managed: bool,
    /// Read the usage of pods, where the cluster measures it.
    pub metrics: bool,
    /// Keep the objects that pages show in memory while somebody looks. Without it pages of this account stay empty; single
    /// objects are always read from the cluster.
    pub cache: bool,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// Roles that may do everything, where `permissions` is empty.
    pub required_group_membership: Vec<String>,
    /// Kinds that the page of raw resources shows, as patterns of the whole kind.
    pub raw_kinds: Vec<String>,
    /// Kinds that it does not show, as patterns of the whole kind; not together with `raw_kinds`.
    pub raw_omit_kinds: Vec<String>,
    /// Longest wait for the answer to one request, in milliseconds.
    #[schemars(range(min = 1_000, max = 600_000))]
    pub request_timeout_ms: u64,
    /// Requests to this cluster per second, on average, of one worker.
    #[schemars(range(min = 1, max = 10_000))]
    pub requests_per_second: u32,
    /// Requests that may come at once.
    #[schemars(range(min = 1, max = 10_000))]
    pub requests_burst: u32,
}

/// How a custom resource is treated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KubernetesCustomResource {
    /// Its kind, with its group: `Rollout.argoproj.io`.
    pub kubernetes_kind: String,
    /// What it is shown as: `serverGroups`, `serverGroupManagers`, `loadBalancers`, `securityGroups`, `instances`, `configs` or
    /// `unclassified`.
    pub spinnaker_kind: String,
    /// Its turn in a deployment, a number or one of Spinnaker's names: the lower the earlier.
    pub deploy_priority: String,
    /// Whether each change gets a name with a new version.
    pub versioned: bool,
    /// Whether its objects lie in namespaces.
    pub namespaced: bool,
}

/// Why an account is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedAccount {
    /// Its name; where it stands, if it has none.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The accounts that can be used, and the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KubernetesAccounts {
    /// In the order of the settings, then of the files' names.
    pub accounts: Vec<KubernetesAccount>,
    /// Passed over.
    pub skipped: Vec<SkippedAccount>,
    /// Keys in files that mean nothing here: file and key.
    pub ignored: Vec<String>,
}

impl Default for Kubernetes {
    fn default() -> Kubernetes {
        Kubernetes {
            accounts: Vec::new(),
            accounts_folder: None,
            cache_idle_ms: 600_000,
            cache_bytes_max: 256 << 20,
            image_binding: ImageBinding::MatchNameAndTag,
            apply_app_labels: true,
            managed_by_suffix: String::new(),
        }
    }
}

impl Default for KubernetesAccount {
    fn default() -> KubernetesAccount {
        KubernetesAccount {
            name: String::new(),
            zone: None,
            zones: Vec::new(),
            environment: None,
            account_type: None,
            kubeconfig_file: None,
            kubeconfig_contents: None,
            context: None,
            service_account: false,
            allow_exec: false,
            oauth_service_account: None,
            oauth_scopes: Vec::new(),
            namespaces: Vec::new(),
            omit_namespaces: Vec::new(),
            kinds: Vec::new(),
            omit_kinds: Vec::new(),
            custom_resources: Vec::new(),
            only_spinnaker_managed: false,
            metrics: true,
            cache: true,
            permissions: BTreeMap::new(),
            required_group_membership: Vec::new(),
            raw_kinds: Vec::new(),
            raw_omit_kinds: Vec::new(),
            request_timeout_ms: 30_000,
            requests_per_second: 50,
            requests_burst: 100,
        }
    }
}

impl Default for KubernetesCustomResource {
    fn default() -> KubernetesCustomResource {
        KubernetesCustomResource {
            kubernetes_kind: String::new(),
            spinnaker_kind: "unclassified".to_owned(),
            deploy_priority: "100".to_owned(),
            versioned: false,
            namespaced: true,
        }
    }
}

impl Kubernetes {
    /// The accounts that can be used, from here and from the folder, and why the others cannot. Reads the folder's files, and
    /// no credentials.
    pub fn read_accounts(&self) -> KubernetesAccounts {
        let mut found = KubernetesAccounts::default();
        let mut candidates = self.accounts.clone();
        if let Some(folder) = &self.accounts_folder {
            files::read(folder, &mut candidates, &mut found);
        }
        let mut names = BTreeSet::new();
        for (index, account) in candidates.into_iter().enumerate() {
            let reason = match account.problem() {
                Some(reason) => reason,
                None if names.insert(account.name.clone()) => {
                    found.accounts.push(account);
                    continue;
                }
                None => "another account has the same name".to_owned(),
            };
            let name = match account.name.is_empty() {
                true => format!("account {} of kubernetes.accounts", index + 1),
                false => account.name,
            };
            found.skipped.push(SkippedAccount { name, reason });
        }
        found
    }
}

impl KubernetesAccount {
    /// The zones whose workers serve it, sorted, each once; none: all.
    pub fn every_zone(&self) -> Vec<&str> {
        let zones: BTreeSet<&str> = self
            .zone
            .iter()
            .chain(&self.zones)
            .map(String::as_str)
            .collect();
        zones.into_iter().collect()
    }

    /// Whether a worker of this zone serves it.
    pub fn is_in(&self, zone: &str) -> bool {
        let zones = self.every_zone();
        zones.is_empty() || zones.contains(&zone)
    }

    /// What its operations are pinned to: its zone, or a name for the set of its zones that is no zone's. None: nothing.
    pub fn place(&self) -> Option<String> {
        let zones = self.every_zone();
        (!zones.is_empty()).then(|| zones.join("+"))
    }

    /// Whether a namespace may be seen and changed: `namespaces` and `omit_namespaces`.
    pub fn lets_pass(&self, namespace: &str) -> bool {
        let has = |list: &Vec<String>| list.iter().any(|it| it == namespace);
        match self.namespaces.is_empty() {
            true => !has(&self.omit_namespaces),
            false => has(&self.namespaces),
        }
    }

    /// What is wrong with it, if anything. Sentences that Spinnaker has too are its own (`KubernetesCredentials`).
    pub fn problem(&self) -> Option<String> {
        let both =
            |first: &Vec<String>, second: &Vec<String>| !first.is_empty() && !second.is_empty();
        let sources = [
            self.kubeconfig_file.is_some(),
            self.kubeconfig_contents.is_some(),
            self.service_account,
        ];
        if self.name.trim().is_empty() {
            return Some("Account name for Kubernetes provider missing.".to_owned());
        }
        if !sources.contains(&true) {
            return Some(
                "it has neither kubeconfig_file nor kubeconfig_contents nor service_account"
                    .to_owned(),
            );
        }
        if self.oauth_service_account.is_some() && self.service_account {
            return Some(
                "oauth_service_account and service_account are two answers to who it is".to_owned(),
            );
        }
        if both(&self.namespaces, &self.omit_namespaces) {
            return Some(
                "At most one of 'namespaces' and 'omitNamespaces' can be specified".to_owned(),
            );
        }
        if both(&self.kinds, &self.omit_kinds) {
            return Some("At most one of 'kinds' and 'omitKinds' can be specified".to_owned());
        }
        if both(&self.raw_kinds, &self.raw_omit_kinds) {
            return Some(
                "At most one of 'kindExpressions' and 'omitKindExpressions' can be specified"
                    .to_owned(),
            );
        }
        if let Some(zone) = self
            .every_zone()
            .into_iter()
            .find(|zone| !crate::check::is_zone(zone))
        {
            return Some(format!("zone {zone:?} {}", crate::check::ZONE));
        }
        if let Some(pattern) = self
            .raw_kinds
            .iter()
            .chain(&self.raw_omit_kinds)
            .find(|pattern| regex::Regex::new(pattern).is_err())
        {
            return Some(format!("{pattern:?} is no regular expression"));
        }
        if self
            .custom_resources
            .iter()
            .any(|it| it.kubernetes_kind.trim().is_empty())
        {
            return Some("one of its custom_resources has no kubernetes_kind".to_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests;
