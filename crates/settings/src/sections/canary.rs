//! `[canary]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{archive::ArchiveBackend, bucket::S3Bucket};

/// Canary analysis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Canary {
    /// Where metrics can be had. An analysis that names no account takes the first of the type that its metrics want. Workers of
    /// the pool `canary` use them, and schedulers read their zones; all of these should have the same.
    pub accounts: Vec<CanaryAccount>,
    /// Where results and the metrics behind them are kept. An analysis that names no account takes the first. None: one in the
    /// broker, called `gennaker`. Only workers of the pool `canary` use them; every one of these should have the same.
    pub storage: Vec<CanaryStorage>,
}

/// Storage of results.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CanaryStorage {
    /// Name by which analyses choose it (`storageAccountName`).
    pub name: String,
    /// `kv`: in the broker, where results are kept for 90 days and 1 GiB of them, the newest. `s3`: in a bucket in Kayenta's
    /// layout, below the folder `kayenta` unless `s3.prefix` names another; one of Kayenta's can be used as it is.
    pub backend: ArchiveBackend,
    /// The bucket, for the backend `s3`.
    pub s3: S3Bucket,
}

/// A server of metrics.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CanaryAccount {
    /// Name by which analyses choose it.
    pub name: String,
    /// Which kind of server it is.
    #[serde(rename = "type")]
    pub kind: CanarySource,
    /// Its address, to which paths are appended: `https://prometheus.example.com`. `stackdriver` and `cloudwatch` have one of
    /// their own when this is empty.
    pub url: String,
    /// User name, for servers that ask for one; with `password_file`.
    pub username: Option<String>,
    /// File with the password. This and the other files are read at each use; white space at the end does not count.
    pub password_file: Option<String>,
    /// File with `user:password`, instead of `username` and `password_file`.
    pub username_password_file: Option<String>,
    /// File with a bearer token, instead of a user.
    pub bearer_token_file: Option<String>,
    /// Files with the values of headers that sign in, by the name of the header (Datadog: `DD-API-KEY` and
    /// `DD-APPLICATION-KEY`; New Relic: `X-Query-Key`; `SignalFx`: `X-SF-TOKEN`), instead of a user or token.
    pub secret_header_files: BTreeMap<String, String>,
    /// Label of an instance in the queries that are built for metrics of type `prometheus` with a resource type; `instance`
    /// when absent.
    pub scope_label: Option<String>,
    /// The zone whose workers reach it. An analysis that names the account goes there; unset: to any worker of the pool.
    pub zone: Option<String>,
    /// PEM file with certificate authorities to trust besides the system's. Read when the process starts.
    pub ca_file: Option<String>,
    /// PEM file with a client certificate, its chain after it, and its private key. Read when the process starts.
    pub client_certificate_file: Option<String>,
    /// Proxy to reach it by (`http://proxy.example.com:3128`), or `direct` for none. Unset: as the environment says
    /// (`HTTPS_PROXY`, `NO_PROXY`).
    pub proxy: Option<String>,
    /// Label of the scope in the queries that are built for metrics of type `newrelic` and `signalfx`, where the analysis does
    /// not name one by the parameter `_scope_key` (Kayenta's `defaultScopeKey`).
    pub default_scope_key: Option<String>,
    /// The same of the location, by `_location_key`.
    pub default_location_key: Option<String>,
    /// Google's project whose metrics are read; without it, the one that the key names.
    pub project: Option<String>,
    /// File with the key of Google's service account; without it, the account of the machine.
    pub json_path: Option<String>,
    /// Amazon's region, for example `eu-central-1`.
    pub region: Option<String>,
    /// Amazon's key; with `secret_access_key_file`. Without both they are looked for as Amazon's own tools do.
    pub access_key_id: Option<String>,
    /// File with the secret that belongs to the key.
    pub secret_access_key_file: Option<String>,
    /// Amazon's role to take on with them, by its full name (`arn:aws:iam::…`).
    pub assume_role: Option<String>,
}

/// A kind of server of metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CanarySource {
    /// Prometheus, or what speaks its HTTP API.
    #[default]
    Prometheus,
    /// Graphite's render API.
    Graphite,
    /// `InfluxDB` 1.x.
    Influxdb,
    /// Datadog's query API.
    Datadog,
    /// New Relic Insights; the address ends with `/v1/accounts/` and the number of the account.
    Newrelic,
    /// Google Cloud Monitoring.
    Stackdriver,
    /// `SignalFx`, today Splunk Observability.
    Signalfx,
    /// Amazon `CloudWatch`.
    Cloudwatch,
    /// Wavefront.
    Wavefront,
    /// Netflix's Atlas: one backend.
    Atlas,
    /// Any address that answers series of numbers as JSON.
    Generic,
}
