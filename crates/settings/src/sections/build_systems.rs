//! Build systems beside Jenkins. The names of fields are those of Igor's settings, in the spelling of this file; a secret may stand in
//! a file instead, which is read again at each use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Servers of Travis CI. All workers, schedulers and API processes of an installation should have the same, here and in the sections
/// of the other build systems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Travis {
    /// The servers.
    pub masters: Vec<TravisMaster>,
    /// Patterns whose first group is the name of an artifact in a line of a log. Empty: what Travis' tool for uploads prints.
    pub regexes: Vec<String>,
    /// The parameter of a stage that is the message of the build.
    pub build_message_key: String,
}

impl Default for Travis {
    fn default() -> Travis {
        Travis {
            masters: Vec::new(),
            regexes: Vec::new(),
            build_message_key: "travis.buildMessage".to_owned(),
        }
    }
}

/// A server of Travis CI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TravisMaster {
    /// Its name; triggers and stages call it `travis-<name>`.
    pub name: String,
    /// The zone whose workers can reach it. Unset: all.
    pub zone: Option<String>,
    /// Address of the API, such as `https://api.travis-ci.com`.
    pub address: String,
    /// Address of the pages that people see, such as `https://app.travis-ci.com`.
    pub base_url: String,
    /// A token of GitHub, which Travis gives its own for.
    pub github_token: Option<Secret<String>>,
    /// File with it.
    pub github_token_file: Option<String>,
    /// Jobs that a poller looks at.
    #[schemars(range(min = 1, max = 10_000))]
    pub number_of_jobs: u32,
    /// Builds that are listed of a repository.
    #[schemars(range(min = 1, max = 100))]
    pub build_result_limit: u32,
    /// Repositories, `owner/name`, that a poller looks at. Empty: all that have new jobs.
    pub filtered_repositories: Vec<String>,
    /// Believe Travis when it says that a log is complete, and do not read the log for it.
    pub use_log_complete: bool,
    /// How many new builds in one poll are worth a warning.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub item_upper_threshold: Option<u32>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
}

impl Default for TravisMaster {
    fn default() -> TravisMaster {
        TravisMaster {
            name: String::new(),
            zone: None,
            address: String::new(),
            base_url: String::new(),
            github_token: None,
            github_token_file: None,
            number_of_jobs: 100,
            build_result_limit: 10,
            filtered_repositories: Vec::new(),
            use_log_complete: false,
            item_upper_threshold: None,
            permissions: BTreeMap::new(),
        }
    }
}

/// Servers of GitLab CI.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GitlabCi {
    /// The servers.
    pub masters: Vec<GitlabCiMaster>,
}

/// A server of GitLab CI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GitlabCiMaster {
    /// Name by which triggers and stages choose it.
    pub name: String,
    /// The zone whose workers can reach it. Unset: all.
    pub zone: Option<String>,
    /// Its address, such as `https://gitlab.com`.
    pub address: String,
    /// A token of a user, with `read_api`; to stop pipelines, and to find one that a lost worker has started, with `api`.
    pub private_token: Option<Secret<String>>,
    /// File with it.
    pub private_token_file: Option<String>,
    /// The token that starts pipelines. Without one none can be started.
    pub trigger_token: Option<Secret<String>>,
    /// File with it.
    pub trigger_token_file: Option<String>,
    /// Look only at projects that the token's user is a member of.
    pub limit_by_membership: bool,
    /// Look only at projects that the token's user owns.
    pub limit_by_ownership: bool,
    /// Entries of one page of a list.
    #[schemars(range(min = 1, max = 100))]
    pub default_http_page_length: u32,
    /// How many new builds in one poll are worth a warning.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub item_upper_threshold: Option<u32>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
}

impl Default for GitlabCiMaster {
    fn default() -> GitlabCiMaster {
        GitlabCiMaster {
            name: String::new(),
            zone: None,
            address: String::new(),
            private_token: None,
            private_token_file: None,
            trigger_token: None,
            trigger_token_file: None,
            limit_by_membership: true,
            limit_by_ownership: false,
            default_http_page_length: 100,
            item_upper_threshold: None,
            permissions: BTreeMap::new(),
        }
    }
}

/// Servers of Concourse.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Concourse {
    /// The servers.
    pub masters: Vec<ConcourseMaster>,
}

/// A server of Concourse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConcourseMaster {
    /// Its name; triggers and stages call it `concourse-<name>`.
    pub name: String,
    /// The zone whose workers can reach it. Unset: all.
    pub zone: Option<String>,
    /// Its address.
    pub url: String,
    /// A local user of it.
    pub username: String,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// File with it.
    pub password_file: Option<String>,
    /// Teams that are looked at. Empty: all that the user sees.
    pub teams: Vec<String>,
    /// Pattern of the types of resources whose metadata become properties of a build. Unset: all.
    pub resource_filter_regex: Option<String>,
    /// Builds of a job that are looked at.
    #[schemars(range(min = 1, max = 10_000))]
    pub build_lookback_limit: u32,
    /// How many new builds in one poll are worth a warning.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub item_upper_threshold: Option<u32>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
}

impl Default for ConcourseMaster {
    fn default() -> ConcourseMaster {
        ConcourseMaster {
            name: String::new(),
            zone: None,
            url: String::new(),
            username: String::new(),
            password: None,
            password_file: None,
            teams: Vec::new(),
            resource_filter_regex: None,
            build_lookback_limit: 200,
            item_upper_threshold: None,
            permissions: BTreeMap::new(),
        }
    }
}

/// Accounts of Google Cloud Build (Igor: `gcb`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleCloudBuild {
    /// The accounts.
    pub accounts: Vec<GoogleCloudBuildAccount>,
}

/// An account of Google Cloud Build.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoogleCloudBuildAccount {
    /// Name by which stages choose it.
    pub name: String,
    /// The zone whose workers can reach it. Unset: all.
    pub zone: Option<String>,
    /// The project that builds run in.
    pub project: String,
    /// The region of builds and triggers. Unset: the global one.
    pub cloud_build_region: Option<String>,
    /// File with the key of a service account. Unset: the account of the machine.
    pub json_key_file: Option<String>,
    /// Another address of the service.
    pub endpoint: Option<String>,
    /// Another address of Cloud Storage, where builds list their artifacts.
    pub storage_endpoint: Option<String>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// Accounts of AWS CodeBuild (Igor: `codebuild`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AwsCodeBuild {
    /// Key id for all accounts, with a secret. Unset: what Amazon's own tools would find.
    pub access_key_id: Option<String>,
    /// The secret of the key.
    pub secret_access_key: Option<Secret<String>>,
    /// File with it.
    pub secret_access_key_file: Option<String>,
    /// The accounts.
    pub accounts: Vec<AwsCodeBuildAccount>,
}

/// An account of AWS CodeBuild.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AwsCodeBuildAccount {
    /// Name by which stages choose it.
    pub name: String,
    /// The zone whose workers can reach it. Unset: all.
    pub zone: Option<String>,
    /// The region.
    pub region: String,
    /// The number of the account, for `assume_role`.
    pub account_id: Option<String>,
    /// A role that is taken on: its full name (`arn:…`), or `role/name` of that account.
    pub assume_role: Option<String>,
    /// Another address of the service.
    pub endpoint: Option<String>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
}

impl TravisMaster {
    /// The name that triggers and stages use.
    #[must_use]
    pub fn shown_name(&self) -> String {
        format!("travis-{}", self.name)
    }
}

impl ConcourseMaster {
    /// The name that triggers and stages use.
    #[must_use]
    pub fn shown_name(&self) -> String {
        format!("concourse-{}", self.name)
    }
}

impl AwsCodeBuildAccount {
    /// The full name of the role that is taken on.
    #[must_use]
    pub fn role(&self) -> Option<String> {
        let role = self.assume_role.as_ref()?;
        if role.starts_with("arn:") {
            return Some(role.clone());
        }
        let partition = match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ => "aws",
        };
        let account = self.account_id.as_deref().unwrap_or_default();
        Some(format!("arn:{partition}:iam::{account}:{role}"))
    }
}
