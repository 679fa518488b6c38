//! `[outbound]`, `[telemetry]`.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Calls to addresses that pipelines choose: webhooks and the like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// Allow calls to this machine itself (`localhost`, 127.0.0.0/8, ::1). For development.
    pub allow_loopback: bool,
    /// Allow calls to link-local addresses (169.254.0.0/16, fe80::/10), but for the clouds' metadata services.
    pub allow_link_local: bool,
    /// Further targets to allow. Names with `*` for any characters (`jenkins`, `*.svc.cluster.local`) open names without
    /// a dot and of internal domains; addresses and networks (`10.0.0.0/8`) open calls to addresses. A metadata service
    /// is opened only by its exact name and address.
    pub allowed_patterns: Vec<String>,
    /// The longest time until a connection stands, in milliseconds.
    #[schemars(range(min = 100, max = 120_000))]
    pub connect_timeout_ms: u64,
    /// The longest wait for an answer, and for each further part of it, in milliseconds.
    #[schemars(range(min = 100, max = 600_000))]
    pub read_timeout_ms: u64,
    /// The largest body that is sent, in bytes.
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub request_bytes_max: u64,
    /// The largest answer that is read, in bytes.
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub response_bytes_max: u64,
}

/// Logs, traces and metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// How log lines look: `text` for people, `json` for machines.
    pub log_format: LogFormat,
    /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace`), also by crate
    /// (`info,gennaker_scheduler=debug`).
    pub log_filter: String,
    /// Where traces go: the URL of an OTLP collector (`http://collector:4318`). Unset: no traces.
    pub otlp_endpoint: Option<String>,
    /// Address and port for `/metrics` and `/health` of this process alone, by http: for processes without the role `gate`,
    /// which shows both at its own address, and for probes that cannot speak https with that. Nothing else is served there.
    /// Unset: none.
    pub listen: Option<SocketAddr>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    /// A sentence and fields.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Outbound {
    fn default() -> Outbound {
        Outbound {
            allow_loopback: false,
            allow_link_local: false,
            allowed_patterns: Vec::new(),
            connect_timeout_ms: 15_000,
            read_timeout_ms: 20_000,
            request_bytes_max: 16 << 20,
            response_bytes_max: 16 << 20,
        }
    }
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        Telemetry {
            log_format: LogFormat::Text,
            // The broker's client tells every connection twice, and we tell it once.
            log_filter: "info,async_nats=warn".to_owned(),
            otlp_endpoint: None,
            listen: None,
        }
    }
}
