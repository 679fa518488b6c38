//! Settings to what each part is configured with.

mod collector;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gennaker_bus::layout::{Layout, Pool};
use gennaker_bus::{Auth, Options, Tls};
use gennaker_cli::{Exit, Failure};
use gennaker_outbound::{Client, Exceptions, Policy, Proxies};
use gennaker_settings::{LogFormat, Settings};
use gennaker_telemetry::{Config as Logging, Format, Otlp};

use crate::command::Role;
use crate::output::chain;

/// Room for the log of a partition, in bytes: some minutes of the highest load without a checkpoint.
const LOG_BYTES_MIN: u64 = 256 << 20;

/// Reads settings from a file, if one is named, and the environment.
///
/// # Errors
/// What is wrong, with the file or variable and the setting's path.
pub(crate) fn read_settings(file: Option<&Path>) -> Result<Settings, Failure> {
    gennaker_settings::read(file).map_err(|error| bad_settings(&error))
}

/// A failure for settings that cannot be used.
pub(crate) fn bad_settings(error: &gennaker_settings::Error) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("the settings cannot be used: {}", chain(error)),
    )
    .fix("`gennaker config example` explains every setting")
}

/// What is logged how, and where traces go.
///
/// # Errors
/// The collector cannot be called.
pub(crate) fn logging(
    settings: &Settings,
    filter: &str,
    roles: &[Role],
) -> Result<Logging, Failure> {
    let otlp = match &settings.telemetry.otlp_endpoint {
        None => None,
        Some(endpoint) => Some(Otlp {
            endpoint: endpoint.clone(),
            post: collector::post(settings)?,
        }),
    };
    Ok(Logging {
        format: match settings.telemetry.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        },
        filter: filter.to_owned(),
        roles: roles.iter().map(|role| role.name().to_owned()).collect(),
        otlp,
    })
}

/// How the broker is reached.
///
/// # Errors
/// The password's file cannot be read.
pub(crate) fn broker(settings: &Settings, name: &str) -> Result<Options, Failure> {
    let broker = &settings.broker;
    let password = broker.read_password().map_err(|error| {
        let file = broker.password_file.as_deref().unwrap_or_default();
        Failure::new(
            Exit::Usage,
            format!("broker.password_file {file} cannot be read: {error}"),
        )
    })?;
    let auth = match (&broker.credentials_file, &broker.username, password) {
        (Some(file), ..) => Auth::CredentialsFile(PathBuf::from(file)),
        (None, Some(user), Some(password)) => Auth::Password {
            user: user.clone(),
            password: password.expose().clone(),
        },
        _ => Auth::Nobody,
    };
    let tls = &broker.tls;
    let wants_tls = tls.required || tls.ca_file.is_some() || tls.certificate_file.is_some();
    Ok(Options {
        urls: broker.urls.clone(),
        name: name.to_owned(),
        auth,
        ping_interval: ms(broker.ping_interval_ms),
        request_timeout: ms(broker.request_timeout_ms),
        connect_timeout: ms(broker.request_timeout_ms),
        inbox_prefix: None,
        domain: None,
        tls: wants_tls.then(|| Tls {
            roots: tls.ca_file.as_ref().map(PathBuf::from),
            client: match (&tls.certificate_file, &tls.key_file) {
                (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
                _ => None,
            },
        }),
    })
}

/// The streams and consumers of this installation.
pub(crate) fn layout(settings: &Settings) -> Layout {
    let usual = Layout::default();
    let pools = usual.pools.iter().map(|pool| Pool {
        ack_wait: ms(settings.worker.ack_wait_ms),
        ..pool.clone()
    });
    Layout {
        partitions: u32::from(settings.broker.partitions),
        replicas: u32::from(settings.broker.replicas),
        pools: pools.collect(),
        zones: vec![settings.zone.clone()],
        // The room is shared by the partitions; many of them need more to have enough each.
        log_bytes_max: usual
            .log_bytes_max
            .max(u64::from(settings.broker.partitions) * LOG_BYTES_MIN),
        ..usual
    }
}

/// Numbers of the scheduler.
pub(crate) fn scheduler(settings: &Settings, name: &str) -> gennaker_scheduler::Config {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let scheduler = &settings.scheduler;
    let partitions = u32::from(settings.broker.partitions);
    gennaker_scheduler::Config {
        lease_ttl: ms(scheduler.lease_ttl_ms),
        lease_renew: ms(scheduler.lease_renew_ms),
        group_max: usize::try_from(scheduler.group_max).unwrap_or(usize::MAX),
        checkpoint_every: ms(scheduler.checkpoint_interval_ms),
        audit_every: ms(scheduler.audit_interval_ms),
        retention_ms: i64::from(scheduler.retention_days) * DAY_MS,
        ..gennaker_scheduler::Config::new(name, partitions, rand::random())
    }
}

/// The HTTP API.
pub(crate) fn gate(settings: &Settings, is_dev: bool) -> gennaker_gate::Config {
    let gate = &settings.gate;
    gennaker_gate::Config {
        allowed_hosts: gate.allowed_hosts.clone(),
        allowed_origins: gate.allowed_origins.clone(),
        body_limit_bytes: usize::try_from(gate.body_limit_bytes).unwrap_or(usize::MAX),
        partitions: u32::from(settings.broker.partitions),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        dev: is_dev,
    }
}

/// The client of the pool `notify`: for addresses that pipelines choose.
///
/// # Errors
/// A pattern, proxy variable or certificate cannot be used.
pub(crate) fn pipelines_client(settings: &Settings) -> Result<Client, Failure> {
    let outbound = &settings.outbound;
    let policy = Policy::untrusted(&Exceptions {
        allow_loopback: outbound.allow_loopback,
        allow_link_local: outbound.allow_link_local,
        allowed_patterns: outbound.allowed_patterns.clone(),
    })
    .map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("outbound.allowed_patterns: {}", chain(&error)),
        )
    })?;
    let limits = gennaker_notify::client_options();
    let options = gennaker_outbound::Options {
        connect_timeout: ms(outbound.connect_timeout_ms),
        read_timeout: ms(outbound.read_timeout_ms),
        request_bytes_max: limits.request_bytes_max.min(outbound.request_bytes_max),
        response_bytes_max: limits.response_bytes_max.min(outbound.response_bytes_max),
        proxies: proxies()?,
        ..limits
    };
    client(policy, options)
}

fn client(policy: Policy, options: gennaker_outbound::Options) -> Result<Client, Failure> {
    Client::new(policy, options)
        .map_err(|error| Failure::command(format!("no HTTP client can be made: {}", chain(&error))))
}

fn proxies() -> Result<Proxies, Failure> {
    Proxies::from_environment().map_err(|error| Failure::new(Exit::Usage, chain(&error)))
}

pub(crate) fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}
