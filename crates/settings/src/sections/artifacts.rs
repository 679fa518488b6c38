//! `[artifacts]`: accounts from which artifacts are read. The names of kinds and fields are those of Clouddriver's
//! `artifacts.*`, in the spelling of this file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Accounts from which artifacts are read. Several may have one name when they are of different kinds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Artifacts {
    /// Largest artifact in bytes.
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub bytes_max: u64,
    /// Longest time in which an artifact must be read, in milliseconds.
    #[schemars(range(min = 100, max = 280_000))]
    pub timeout_ms: u64,
    /// Largest clone of a git repository in bytes, with its history as far as it is fetched.
    #[schemars(range(min = 1_048_576, max = 107_374_182_400_u64))]
    pub clone_bytes_max: u64,
    /// The program git. Unset: the first on `PATH`.
    pub git: Option<String>,
    /// Files behind an address (`http/file`). Without an account that has credentials there is one more,
    /// `no-auth-http-account`.
    pub http: Vec<HttpAccount>,
    /// Files in GitHub (`github/file`).
    pub github: Vec<GithubAccount>,
    /// Files in GitLab (`gitlab/file`).
    pub gitlab: Vec<GitlabAccount>,
    /// Files in Bitbucket (`bitbucket/file`).
    pub bitbucket: Vec<BitbucketAccount>,
    /// Repositories of git (`git/repo`).
    pub git_repo: Vec<GitRepoAccount>,
    /// Repositories of Helm charts (`helm/chart`, `helm/index`).
    pub helm: Vec<HelmAccount>,
    /// Registries that hold Helm charts (`helm/image`).
    pub helm_oci: Vec<HelmOciAccount>,
    /// Buckets of S3 (`s3/object`).
    pub s3: Vec<S3Account>,
    /// Buckets of Google Cloud Storage (`gcs/object`).
    pub gcs: Vec<GcsAccount>,
    /// Buckets of Oracle Object Storage (`oracle/object`).
    pub oracle: Vec<OracleAccount>,
    /// Maven repositories (`maven/file`).
    pub maven: Vec<MavenAccount>,
    /// Files that Jenkins keeps with a build (`jenkins/file`).
    pub jenkins: Vec<JenkinsAccount>,
}

impl Default for Artifacts {
    fn default() -> Artifacts {
        Artifacts {
            bytes_max: 32 << 20,
            timeout_ms: 60_000,
            clone_bytes_max: 512 << 20,
            git: None,
            http: Vec::new(),
            github: Vec::new(),
            gitlab: Vec::new(),
            bitbucket: Vec::new(),
            git_repo: Vec::new(),
            helm: Vec::new(),
            helm_oci: Vec::new(),
            s3: Vec::new(),
            gcs: Vec::new(),
            oracle: Vec::new(),
            maven: Vec::new(),
            jenkins: Vec::new(),
        }
    }
}

/// An account's type: what all have, then its own fields.
macro_rules! account {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Its name.
            pub name: String,
            /// The zone whose workers can reach it. Unset: all.
            pub zone: Option<String>,
            /// Roles that may use it. Empty: everybody. They count once there is sign-in.
            pub read_permissions: Vec<String>,
            $($(#[$field_about])* pub $field: $type,)*
        }
    };
}

account! {
    /// An account for files behind an address.
    HttpAccount {
        /// User name, with `password` or `password_file`.
        username: Option<String>,
        /// Password. A file is better: environments and settings files are shown around.
        password: Option<Secret<String>>,
        /// File with the password; white space at its end does not count.
        password_file: Option<String>,
        /// File with user name and password, separated by `:`. All files are read again at each use.
        username_password_file: Option<String>,
        /// Hosts that get the credentials: `files.example.com` (by https), or with scheme and port, such as
        /// `http://files.local:8080`. A reference to another host is refused. Needed with credentials.
        hosts: Vec<String>,
    }
}

account! {
    /// An account for files in GitHub.
    GithubAccount {
        /// User name, with `password` or `password_file`.
        username: Option<String>,
        /// Password.
        password: Option<Secret<String>>,
        /// File with the password.
        password_file: Option<String>,
        /// File with user name and password, separated by `:`.
        username_password_file: Option<String>,
        /// Token.
        token: Option<Secret<String>>,
        /// File with the token.
        token_file: Option<String>,
        /// The id of a GitHub App, whose tokens are then used, with `app_private_key_file`.
        app_id: Option<String>,
        /// File with the private key of the GitHub App (PEM).
        app_private_key_file: Option<String>,
        /// The app's installation. Unset: that of the repository in the address.
        app_installation_id: Option<String>,
        /// Owners whose repositories the app may be used for. Empty: all.
        app_allowed_organizations: Vec<String>,
        /// Address of the API. Unset: `https://api.github.com`.
        api_base_url: Option<String>,
        /// Version of the API in `Accept` headers. Unset: `v3`.
        api_version: Option<String>,
        /// Read the file itself from the contents API, not by the address that it names.
        use_content_api: bool,
        /// Further hosts that get the credentials, written as in `artifacts.http`; always `api_base_url`, and without one
        /// `raw.githubusercontent.com`.
        hosts: Vec<String>,
    }
}

account! {
    /// An account for files in GitLab.
    GitlabAccount {
        /// Token.
        token: Option<Secret<String>>,
        /// File with the token.
        token_file: Option<String>,
        /// Hosts that get the token, written as in `artifacts.http`. Empty: `gitlab.com`.
        hosts: Vec<String>,
    }
}

account! {
    /// An account for files in Bitbucket.
    BitbucketAccount {
        /// User name, with `password` or `password_file`.
        username: Option<String>,
        /// Password.
        password: Option<Secret<String>>,
        /// File with the password.
        password_file: Option<String>,
        /// File with user name and password, separated by `:`.
        username_password_file: Option<String>,
        /// Token.
        token: Option<Secret<String>>,
        /// File with the token.
        token_file: Option<String>,
        /// Hosts that get the credentials, written as in `artifacts.http`. Empty: `api.bitbucket.org` and `bitbucket.org`.
        hosts: Vec<String>,
    }
}

account! {
    /// An account for repositories of git.
    GitRepoAccount {
        /// User name, with `password` or `password_file`, for repositories by https.
        username: Option<String>,
        /// Password.
        password: Option<Secret<String>>,
        /// File with the password.
        password_file: Option<String>,
        /// File with user name and password, separated by `:`.
        username_password_file: Option<String>,
        /// Token.
        token: Option<Secret<String>>,
        /// File with the token.
        token_file: Option<String>,
        /// The id of a GitHub App, whose tokens are then used for https, with `app_private_key_file`.
        app_id: Option<String>,
        /// File with the private key of the GitHub App (PEM).
        app_private_key_file: Option<String>,
        /// The app's installation. Unset: that of the repository in the address.
        app_installation_id: Option<String>,
        /// Owners whose repositories the app may be used for. Empty: all.
        app_allowed_organizations: Vec<String>,
        /// Address of GitHub's API. Unset: `https://api.github.com`.
        api_base_url: Option<String>,
        /// File with a private key for ssh.
        ssh_private_key_file: Option<String>,
        /// Passphrase of that key.
        ssh_private_key_passphrase: Option<Secret<String>>,
        /// File with the passphrase.
        ssh_private_key_passphrase_file: Option<String>,
        /// File with the keys of known hosts. Unset: that of the user.
        ssh_known_hosts_file: Option<String>,
        /// Accept the key of a host that is not known.
        ssh_trust_unknown_hosts: bool,
        /// Hosts whose repositories are read; those below them too. With credentials for https they are needed, and by
        /// http a host must be written with its scheme.
        allowed_hosts: Vec<String>,
    }
}

account! {
    /// A repository of Helm charts.
    HelmAccount {
        /// Its address, without `/index.yaml`.
        repository: String,
        /// User name, with `password` or `password_file`.
        username: Option<String>,
        /// Password.
        password: Option<Secret<String>>,
        /// File with the password.
        password_file: Option<String>,
        /// File with user name and password, separated by `:`.
        username_password_file: Option<String>,
    }
}

account! {
    /// A registry that holds Helm charts.
    HelmOciAccount {
        /// Its address, such as `https://ghcr.io`.
        address: String,
        /// User name, with `password` or `password_file`.
        username: Option<String>,
        /// Password.
        password: Option<Secret<String>>,
        /// File with the password.
        password_file: Option<String>,
        /// File with user name and password, separated by `:`.
        username_password_file: Option<String>,
        /// Repositories that hold charts, such as `team/charts/web`.
        helm_oci_repositories: Vec<String>,
        /// Further hosts that get the credentials in exchange for a token, written as in `artifacts.http`. Those of Docker Hub
        /// and of gitlab.com are known.
        hosts: Vec<String>,
    }
}

account! {
    /// An account for buckets of S3.
    S3Account {
        /// Address of a server that is not AWS; buckets then stand in the path.
        api_endpoint: Option<String>,
        /// Region of that server.
        api_region: Option<String>,
        /// Region. Unset: from the environment, else `us-east-1`.
        region: Option<String>,
        /// Access key id. Unset: AWS's usual chain (environment, profile, web identity, container, instance).
        aws_access_key_id: Option<String>,
        /// Secret access key.
        aws_secret_access_key: Option<Secret<String>>,
        /// File with the secret access key.
        aws_secret_access_key_file: Option<String>,
    }
}

account! {
    /// An account for buckets of Google Cloud Storage.
    GcsAccount {
        /// File with the key of a service account (JSON). Unset: the service account of the machine.
        json_path: Option<String>,
        /// Address of a server that is not Google's; without `json_path` it gets no token.
        api_endpoint: Option<String>,
    }
}

account! {
    /// An account for buckets of Oracle Object Storage.
    OracleAccount {
        /// Namespace of the tenancy.
        namespace: String,
        /// Region.
        region: String,
        /// OCID of the user.
        user_id: String,
        /// Fingerprint of the key.
        fingerprint: String,
        /// File with the private key (PEM, not encrypted).
        ssh_private_key_file: String,
        /// OCID of the tenancy.
        tenancy_id: String,
        /// Address of a server that is not Oracle's.
        api_endpoint: Option<String>,
    }
}

account! {
    /// A Maven repository.
    MavenAccount {
        /// Its address.
        repository_url: String,
        /// User name, with `password` or `password_file`.
        username: Option<String>,
        /// Password.
        password: Option<Secret<String>>,
        /// File with the password.
        password_file: Option<String>,
    }
}

account! {
    /// A Jenkins, for the files that it keeps with a build.
    JenkinsAccount {
        /// Its address.
        address: String,
        /// User name, with `password` or `password_file`.
        username: Option<String>,
        /// Password or token of the API.
        password: Option<Secret<String>>,
        /// File with the password.
        password_file: Option<String>,
    }
}
