//! `[jenkins]`: masters of Jenkins. The names of fields are those of Igor's `jenkins.masters[]`, in the spelling of this file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Masters of Jenkins. All workers, schedulers and API processes of an installation should have the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jenkins {
    /// The masters.
    pub masters: Vec<JenkinsMaster>,
    /// Longest time of one request to a master, in milliseconds.
    #[schemars(range(min = 100, max = 24_000))]
    pub timeout_ms: u64,
    /// Name of the parameter in which a start carries its token. A job that declares it (a string without a default) is found again
    /// for certain when a worker is lost in the middle of a start.
    pub token_parameter: String,
    /// Address of the UI. When it is set, builds get a description that links to their execution.
    pub ui_url: Option<String>,
    /// Master of the job that runs stages of type `script`.
    pub script_master: Option<String>,
    /// That job.
    pub script_job: Option<String>,
}

impl Default for Jenkins {
    fn default() -> Jenkins {
        Jenkins {
            masters: Vec::new(),
            timeout_ms: 20_000,
            token_parameter: "GENNAKER_TOKEN".to_owned(),
            ui_url: None,
            script_master: None,
            script_job: None,
        }
    }
}

/// A master of Jenkins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JenkinsMaster {
    /// Name by which triggers and stages choose it.
    pub name: String,
    /// Its address, with the path below which it lies.
    pub address: String,
    /// The zone whose workers can reach it. Unset: all.
    pub zone: Option<String>,
    /// User name, with `password` or `password_file`.
    pub username: Option<String>,
    /// Password or API token of the user. A file is better: environments and settings files are shown around.
    pub password: Option<Secret<String>>,
    /// File with it; white space at its end does not count. All files but certificates are read again at each use.
    pub password_file: Option<String>,
    /// Token that is sent as `Bearer`, also beside a user.
    pub token: Option<Secret<String>>,
    /// File with the token.
    pub token_file: Option<String>,
    /// File with the key of a service account of Google, for a proxy before the master; its token is sent as `Bearer`.
    pub google_key_file: Option<String>,
    /// Scopes of that token.
    pub google_scopes: Vec<String>,
    /// Whether a crumb is fetched before each request that changes something. Otherwise one is fetched when Jenkins asks for it.
    pub csrf: bool,
    /// File with certificate authorities to trust besides the platform's (PEM).
    pub ca_file: Option<String>,
    /// File with a client certificate and its chain (PEM), with `key_file`.
    pub certificate_file: Option<String>,
    /// File with the key of the client certificate (PEM).
    pub key_file: Option<String>,
    /// Accept any certificate of the server. Only where the network between is trusted.
    pub insecure_skip_verify: bool,
    /// How many new builds in one poll are worth a warning.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub item_upper_threshold: Option<u32>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
}
