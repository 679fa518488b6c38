//! `[polling]`, `[docker_registry]` and `[artifactory]`. The names of fields are those of Igor and Clouddriver, in the spelling of
//! this file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// What is polled for triggers, and how often. Processes with the role `triggers` share the sources evenly; one at a time polls a source.
/// Those of an installation should have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Polling {
    /// Whether anything is polled (Igor's `spinnaker.build.polling-enabled`).
    pub enabled: bool,
    /// Time from the end of one look at a source to the next, in milliseconds (Igor's `poll-interval`).
    #[schemars(range(min = 1_000, max = 86_400_000))]
    pub interval_ms: u64,
    /// More new things than this at once are worth a warning (Igor's `item-upper-threshold`). Unlike Igor, nothing is held back.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub item_upper_threshold: u32,
    /// Whether builds of the servers of CI are polled.
    pub builds: bool,
    /// How far back builds of a job are new that appears on a server that is known already, in milliseconds.
    #[schemars(range(min = 0, max = 31_536_000_000_u64))]
    pub builds_look_back_ms: u64,
    /// Whether repositories of charts (`artifacts.helm`) are polled. Each look reads the whole index.
    pub helm: bool,
    /// Whether releases of plugins in the document store are polled.
    pub plugins: bool,
    /// Buckets of S3 whose new objects start pipelines.
    pub s3: Vec<S3Search>,
}

impl Default for Polling {
    fn default() -> Polling {
        Polling {
            enabled: true,
            interval_ms: 30_000,
            item_upper_threshold: 1_000,
            builds: true,
            builds_look_back_ms: 86_400_000,
            helm: false,
            plugins: true,
            s3: Vec::new(),
        }
    }
}

/// Objects of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct S3Search {
    /// Name that triggers use as `search`.
    pub name: String,
    /// The account of `artifacts.s3` that may list the bucket.
    pub account: String,
    /// The bucket.
    pub bucket: String,
    /// What the keys begin with.
    pub prefix: String,
    /// The zone whose processes reach it; unset: all.
    pub zone: Option<String>,
}

/// Registries of images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DockerRegistry {
    /// Accounts, polled for triggers of the types `docker` and `helm/oci`, and asked for images by the API.
    pub accounts: Vec<DockerRegistryAccount>,
}

/// An account of a registry (Clouddriver's `dockerRegistry.accounts`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DockerRegistryAccount {
    /// Name that triggers use as `account`.
    pub name: String,
    /// The registry: `https://index.docker.io`, `registry.example.com:5000`. A `/v2` at its end does not count.
    pub address: String,
    /// The zone whose processes reach it; unset: all.
    pub zone: Option<String>,
    /// Roles by permission (`READ`, `WRITE`). They are kept and count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// User name, with `password`, `password_file` or `password_command`.
    pub username: Option<String>,
    /// Password. Better: `password_file`.
    pub password: Option<Secret<String>>,
    /// File with the password, read at each use.
    pub password_file: Option<String>,
    /// Command that prints the password, run by `sh -c` every five minutes while it is needed, such as `aws ecr get-login-password`
    /// (Clouddriver runs `bash`).
    pub password_command: Option<String>,
    /// File with `user:password`, instead of `username` and `password`.
    pub username_password_file: Option<String>,
    /// The file that `docker login` writes, instead of a user (Clouddriver's `dockerconfigFile`). Helpers are not asked.
    pub docker_config_file: Option<String>,
    /// Hosts that may have the password for a token, besides the registry itself and what is known of Docker Hub and GitLab.
    pub token_hosts: Vec<String>,
    /// The repositories that are looked at. Without them, and without `catalog_file`, all that the registry lists.
    pub repositories: Vec<String>,
    /// File with `{"repositories": […]}`, instead of the registry's own list.
    pub catalog_file: Option<String>,
    /// Pattern of whole names, of those that the registry lists.
    pub repositories_regex: Option<String>,
    /// Repositories that are not looked at.
    pub skip: Vec<String>,
    /// Repositories that hold charts: their tags fire triggers of the type `helm/oci` and none of the type `docker`.
    pub helm_oci_repositories: Vec<String>,
    /// Names that are asked for at once.
    #[schemars(range(min = 1, max = 10_000))]
    pub paginate_size: u32,
    /// Longest time of a call, in milliseconds.
    #[schemars(range(min = 100, max = 600_000))]
    pub client_timeout_ms: u64,
    /// Whether a known tag with another digest is new. Each look then asks for the digest of every tag.
    pub track_digests: bool,
    /// Whether the labels `commitId`, `buildNumber` and `branch` of new images are read.
    pub inspect_digests: bool,
    /// Whether the API lists the tags of a repository with the newest image first. Each list then asks for the image of every tag,
    /// of up to 500; longer lists stay in the registry's order.
    pub sort_tags_by_date: bool,
    /// Whether any certificate of the registry is believed.
    pub insecure_registry: bool,
    /// More new tags than this at once are worth a warning; unset: `polling.item_upper_threshold`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub item_upper_threshold: Option<u32>,
    /// Whether it is polled.
    pub poll: bool,
}

impl Default for DockerRegistryAccount {
    fn default() -> DockerRegistryAccount {
        DockerRegistryAccount {
            name: String::new(),
            address: String::new(),
            zone: None,
            permissions: BTreeMap::new(),
            username: None,
            password: None,
            password_file: None,
            password_command: None,
            username_password_file: None,
            docker_config_file: None,
            token_hosts: Vec::new(),
            repositories: Vec::new(),
            catalog_file: None,
            repositories_regex: None,
            skip: Vec::new(),
            helm_oci_repositories: Vec::new(),
            paginate_size: 100,
            client_timeout_ms: 60_000,
            track_digests: false,
            inspect_digests: false,
            sort_tags_by_date: false,
            insecure_registry: false,
            item_upper_threshold: None,
            poll: true,
        }
    }
}

/// Artifactory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Artifactory {
    /// Searches, polled for triggers of the type `artifactory`.
    pub searches: Vec<ArtifactorySearch>,
}

/// What to look for in a repository (Igor's `artifactory.searches`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ArtifactorySearch {
    /// Name that triggers use as `artifactorySearchName`.
    pub name: String,
    /// What the repository holds.
    pub repo_type: ArtifactoryRepoType,
    /// The address of Artifactory.
    pub base_url: String,
    /// The repository.
    pub repo: String,
    /// The zone whose processes reach it; unset: all.
    pub zone: Option<String>,
    /// Roles by permission (`READ`, `WRITE`). They are kept and count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// User name, with `password` or `password_file`.
    pub username: Option<String>,
    /// Password. Better: `password_file`.
    pub password: Option<Secret<String>>,
    /// File with the password, read at each use.
    pub password_file: Option<String>,
    /// Token, instead of a user. Better: `access_token_file`.
    pub access_token: Option<Secret<String>>,
    /// File with the token, read at each use.
    pub access_token_file: Option<String>,
    /// Whether any certificate is believed.
    pub ignore_ssl_issues: bool,
    /// Only this group: `org.acme`.
    pub group_id: Option<String>,
    /// What names of files end with; unset: `.pom` for Maven, `.tgz` for Helm.
    pub artifact_extension: Option<String>,
}

/// What a repository of Artifactory holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactoryRepoType {
    /// Maven.
    #[default]
    Maven,
    /// Charts.
    Helm,
}
