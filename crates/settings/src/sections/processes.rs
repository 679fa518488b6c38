//! `[gate]`, `[scheduler]`, `[worker]`.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The HTTP API and the UI.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Host names under which browsers reach it, without port; `*` allows any. Others are refused, so that a foreign
    /// page cannot reach it through a name of its own that leads here.
    pub allowed_hosts: Vec<String>,
    /// Origins (`https://deck.example.com`) whose pages may call the API, besides its own. One that begins with `^` is a
    /// regular expression for the whole origin, as Spinnaker's `cors.allowed-origins-pattern`
    /// (`^https?://(deck|ui)\.example\.com(:\d+)?$`).
    pub allowed_origins: Vec<String>,
    /// The largest request body, in bytes.
    #[schemars(range(min = 65_536, max = 268_435_456))]
    pub body_limit_bytes: u64,
    /// Address and port of Kayenta's own API besides (`127.0.0.1:8090`), with the same hosts and TLS; unset: it answers below
    /// `/kayenta` only.
    pub kayenta_listen: Option<SocketAddr>,
    /// TLS of the listeners.
    pub tls: GateTls,
}

/// TLS of the API's listener: https as soon as `certificate_file` is set.
///
/// The files are looked at every few seconds: connections that are made after a change use what they hold then. What cannot be
/// used is logged, and what was used before stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GateTls {
    /// PEM file with the server's certificate, and those between it and its authority.
    pub certificate_file: Option<String>,
    /// PEM file with the certificate's private key.
    pub key_file: Option<String>,
    /// PEM file with the authorities of client certificates. Without it clients are asked for none. Who shows one is let in, and
    /// is `anonymous` like everybody as long as no sign-in can be configured.
    pub client_ca_file: Option<String>,
    /// Refuse clients without certificate, probes and browsers among them.
    pub client_certificate_required: bool,
}

/// Running executions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduler {
    /// How long an owner that fell silent keeps its partition, in milliseconds: the pause of its executions after a
    /// crash. Raise it where zones are far apart.
    #[schemars(range(min = 1_000, max = 60_000))]
    pub lease_ttl_ms: u64,
    /// How often an owner says that it lives, in milliseconds; at most half of `lease_ttl_ms`.
    #[schemars(range(min = 100, max = 30_000))]
    pub lease_renew_ms: u64,
    /// The most inputs that are decided and stored together.
    #[schemars(range(min = 1, max = 10_000))]
    pub group_max: u32,
    /// How soon a changed execution is written to its checkpoint, in milliseconds. Longer means fewer writes and a
    /// longer take-over.
    #[schemars(range(min = 100, max = 60_000))]
    pub checkpoint_interval_ms: u64,
    /// How often the audit looks for work that got lost, in milliseconds.
    #[schemars(range(min = 500, max = 10_000))]
    pub audit_interval_ms: u64,
    /// The most executions of one pipeline that may wait for others of it; one that comes then is cancelled. No limit if it
    /// is absent. Spinnaker: `queue.pending-execution-service.sql.max-depth`.
    #[schemars(range(min = 1, max = 100_000))]
    pub waiting_max: Option<u32>,
    /// Whether a start with `dryRun` only shows what it would do: one task without effect stands for those of each stage,
    /// but for judgements, pipelines, variables and preconditions that are expressions. Spinnaker: `dryrun.enabled`.
    pub dry_runs: bool,
    /// What is told to those who follow all executions, beside notifications and triggers: `nothing`, `stages` (beginnings and ends of
    /// executions and of stages) or `tasks` (those of tasks, too). Each is stored in the broker's stream `GK_ANNOUNCED`. With
    /// `notifications.endpoints`, or a publisher of everything, `nothing` means `tasks`.
    pub announces: Announces,
    /// Tasks that are skipped when they would start, by the last part of their class, its first letter in lower case:
    /// `waitForManifestStableTask`. Spinnaker: `tasks.NAME.enabled: false`, there for some tasks only.
    pub disabled_tasks: Vec<String>,
    /// Whether only some tasks may be started beside pipelines: those of `allowed_ad_hoc_tasks`. Saving applications and
    /// pipelines are such tasks, too. Spinnaker: `executions.block-orchestration-executions`.
    pub block_ad_hoc_tasks: bool,
    /// The types of tasks that may be started beside pipelines. Only with `block_ad_hoc_tasks`.
    pub allowed_ad_hoc_tasks: Vec<AdHocTask>,
}

/// What is told to those who follow all executions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Announces {
    /// Nothing.
    #[default]
    Nothing,
    /// Beginnings and ends of executions and of stages.
    Stages,
    /// Those of tasks, too.
    Tasks,
}

/// A type of tasks that may be started beside pipelines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdHocTask {
    /// The stage type, such as `updateApplication`.
    pub name: String,
    /// The users that may start it; everybody if there is none.
    #[serde(default)]
    pub permitted_users: Vec<String>,
}

/// Running tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Worker {
    /// The pools whose tasks this process runs.
    pub pools: Vec<String>,
    /// The most tasks of one pool that run at the same time in this process.
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrency: u32,
    /// How long the broker waits for a sign of life of a running task before it gives it to another worker, in
    /// milliseconds; a worker gives one every 10 s.
    #[schemars(range(min = 30_000, max = 600_000))]
    pub ack_wait_ms: u64,
    /// The folder of files that pipeline templates at `file://` addresses may be. Everybody who can save a pipeline can read
    /// them. Unset: none.
    pub template_folder: Option<String>,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8084)),
            allowed_hosts: ["localhost", "127.0.0.1", "[::1]"]
                .map(str::to_owned)
                .to_vec(),
            allowed_origins: Vec::new(),
            body_limit_bytes: 16 << 20,
            kayenta_listen: None,
            tls: GateTls::default(),
        }
    }
}

impl Default for Scheduler {
    fn default() -> Scheduler {
        Scheduler {
            lease_ttl_ms: 3_000,
            lease_renew_ms: 1_000,
            group_max: 512,
            checkpoint_interval_ms: 1_000,
            audit_interval_ms: 5_000,
            waiting_max: None,
            dry_runs: false,
            announces: Announces::Nothing,
            disabled_tasks: Vec::new(),
            block_ad_hoc_tasks: false,
            allowed_ad_hoc_tasks: Vec::new(),
        }
    }
}

impl Default for Worker {
    fn default() -> Worker {
        Worker {
            pools: vec!["notify".to_owned()],
            concurrency: 64,
            ack_wait_ms: 30_000,
            template_folder: None,
        }
    }
}
