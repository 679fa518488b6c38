//! Settings to what each part is configured with.

mod archive;
mod artifacts;
mod bucket;
mod build_systems;
mod builds;
mod canary;
mod collector;
mod documents;
mod jobs;
mod kubernetes;
mod polling;
mod pubsub;
mod services;
mod triggers;
mod webhooks;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gennaker_bus::layout::{Layout, Pool};
use gennaker_bus::{Auth, Options, Tls, rights};
use gennaker_cli::{Exit, Failure};
use gennaker_engine::{Forwards, Rules};
use gennaker_expressions::{Limits, TimeZone};
use gennaker_intake::AdHocTasks;
use gennaker_outbound::{Client, Exceptions, Policy, Proxies};
use gennaker_settings::{Announces, LogFormat, Settings};
use gennaker_stages::Catalogue;
use gennaker_telemetry::{Config as Logging, Format, Otlp};

use crate::command::Role;
use crate::output::chain;

pub(crate) use archive::{archive, values};
pub(crate) use artifacts::{artifacts, baker, tell_artifacts};
pub(crate) use builds::{builds, masters, shown_masters, tell_builds};
pub(crate) use canary::{
    canary_storages, metric_accounts, metric_zones, metrics_client, tell_kayenta,
};
pub(crate) use documents::{documents, documents_bucket, managed_accounts};
pub(crate) use kubernetes::{
    account_zones, accounts, accounts_of_kubeconfigs, answers, own_zone_sets, warn_unserved,
};
pub(crate) use polling::{pollers, registries, tell_registries};
pub(crate) use pubsub::subscriptions;
pub(crate) use services::{channels, services};
pub(crate) use triggers::{quiet_period, triggers};
pub(crate) use webhooks::{catalogue, secret_headers};

/// The pools that this release has tasks for.
pub(crate) const POOLS: [&str; 4] = [
    gennaker_canary::POOL,
    gennaker_deploy::POOL,
    gennaker_jenkins::POOL,
    gennaker_notify::POOL,
];

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
pub(crate) fn broker(settings: &Settings, name: &str, roles: &[Role]) -> Result<Options, Failure> {
    let broker = &settings.broker;
    let password = broker.read_password().map_err(|error| {
        let file = broker.password_file.as_deref().unwrap_or_default();
        Failure::new(
            Exit::Usage,
            format!("broker.password_file {file} cannot be read: {error}"),
        )
    })?;
    let auth = match (
        &broker.credentials_file,
        &broker.nkey_seed_file,
        &broker.username,
        password,
    ) {
        (Some(file), ..) => Auth::CredentialsFile(PathBuf::from(file)),
        (None, Some(file), ..) => Auth::NkeySeedFile(PathBuf::from(file)),
        (None, None, Some(user), Some(password)) => Auth::Password {
            user: user.clone(),
            password: password.expose().clone(),
        },
        (None, None, ..) => Auth::Nobody,
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
        // Under the prefix that the rights of a role name. Who has several has all rights.
        inbox_prefix: only_role(settings, roles).map(|role| role.inbox_prefix()),
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

/// The one role of a process, as the broker's rights know it; nothing when it has several, or a worker several pools.
pub(crate) fn only_role(settings: &Settings, roles: &[Role]) -> Option<rights::Role> {
    let [role] = roles else {
        return None;
    };
    Some(match role {
        Role::Scheduler => rights::Role::Scheduler,
        Role::Triggers => rights::Role::Triggers,
        Role::Gate => rights::Role::Gate,
        Role::Worker => {
            let mut pools = settings.worker.pools.iter().filter(|pool| has_tasks(pool));
            match (pools.next(), pools.next()) {
                (Some(pool), None) => rights::Role::Worker { pool: pool.clone() },
                _ => return None,
            }
        }
    })
}

/// Whether this release has tasks for a pool.
pub(crate) fn has_tasks(pool: &str) -> bool {
    POOLS.contains(&pool)
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
        zones: zones(settings),
        // The room is shared by the partitions; many of them need more to have enough each.
        log_bytes_max: usual
            .log_bytes_max
            .max(u64::from(settings.broker.partitions) * LOG_BYTES_MIN),
        ..usual
    }
}

/// Every zone that is known, once.
fn zones(settings: &Settings) -> Vec<String> {
    let mut zones = vec![settings.zone.clone()];
    zones.extend(settings.broker.zones.iter().cloned());
    zones.extend(kubernetes::places(settings));
    zones.extend(builds::master_zones(settings).into_values());
    zones.extend(builds::account_zones(settings).into_values());
    zones.extend(metric_zones(settings).into_values());
    zones.sort_unstable();
    zones.dedup();
    zones
}

/// Numbers of the scheduler.
pub(crate) fn scheduler(
    settings: &Settings,
    name: &str,
    catalogue: &Arc<Catalogue>,
) -> gennaker_scheduler::Config {
    let scheduler = &settings.scheduler;
    let partitions = u32::from(settings.broker.partitions);
    gennaker_scheduler::Config {
        lease_ttl: ms(scheduler.lease_ttl_ms),
        lease_renew: ms(scheduler.lease_renew_ms),
        group_max: usize::try_from(scheduler.group_max).unwrap_or(usize::MAX),
        checkpoint_every: ms(scheduler.checkpoint_interval_ms),
        audit_every: ms(scheduler.audit_interval_ms),
        retention: archive::retention(settings),
        waiting_max: scheduler
            .waiting_max
            .and_then(|most| usize::try_from(most).ok()),
        ad_hoc: ad_hoc(settings),
        forwards: forwards(settings),
        execution_bytes_max: size(settings.values.execution_bytes_max),
        rules: rules(settings),
        catalogue: Arc::clone(catalogue),
        ..gennaker_scheduler::Config::new(name, partitions, rand::random())
    }
}

/// What is told to everybody: what is asked for, or everything if every event goes somewhere.
fn forwards(settings: &Settings) -> Forwards {
    let asked = match settings.scheduler.announces {
        Announces::Nothing => Forwards::Nothing,
        Announces::Stages => Forwards::Stages,
        Announces::Tasks => Forwards::Tasks,
    };
    let is_wanted = gennaker_notify::notifications::forward::is_wanted(&settings.notifications);
    match asked {
        Forwards::Nothing if is_wanted => Forwards::Tasks,
        asked => asked,
    }
}

fn ad_hoc(settings: &Settings) -> AdHocTasks {
    let scheduler = &settings.scheduler;
    if !scheduler.block_ad_hoc_tasks {
        return AdHocTasks::default();
    }
    let allowed = scheduler.allowed_ad_hoc_tasks.iter().map(|task| {
        let users = task.permitted_users.iter().cloned();
        (task.name.clone(), users.collect())
    });
    AdHocTasks::only(allowed.collect())
}

/// The HTTP API.
pub(crate) fn gate(
    settings: &Settings,
    is_dev: bool,
    catalogue: &Arc<Catalogue>,
) -> gennaker_gate::Config {
    let gate = &settings.gate;
    gennaker_gate::Config {
        allowed_hosts: gate.allowed_hosts.clone(),
        allowed_origins: gate.allowed_origins.clone(),
        body_limit_bytes: usize::try_from(gate.body_limit_bytes).unwrap_or(usize::MAX),
        partitions: u32::from(settings.broker.partitions),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        dev: is_dev,
        rules: rules(settings),
        catalogue: Arc::clone(catalogue),
        kubernetes: kubernetes::shown_accounts(settings),
        artifacts: gennaker_artifacts::listed(&settings.artifacts),
        registries: polling::shown_registries(settings),
        artifactory: polling::shown_searches(settings),
        build_masters: shown_masters(settings),
        google_cloud_build: build_systems::shown_google(settings),
        aws_code_build: build_systems::shown_amazon(settings),
        quiet: quiet_period(settings),
        subscriptions: pubsub::listed(settings),
    }
}

/// The certificates of the HTTP API; none without `gate.tls`.
///
/// # Errors
/// A file cannot be read, or they do not fit.
pub(crate) fn gate_tls(settings: &Settings) -> Result<Option<gennaker_gate::Tls>, Failure> {
    let tls = &settings.gate.tls;
    let (Some(certificate), Some(key)) = (&tls.certificate_file, &tls.key_file) else {
        return Ok(None);
    };
    let files = gennaker_gate::TlsFiles {
        certificate: certificate.into(),
        key: key.into(),
        client_ca: tls.client_ca_file.as_ref().map(PathBuf::from),
        client_certificate_required: tls.client_certificate_required,
    };
    let read = gennaker_gate::Tls::read(files);
    let read =
        read.map_err(|error| Failure::new(Exit::Usage, format!("gate.tls: {}", chain(&error))))?;
    Ok(Some(read))
}

/// Numbers of the engine, for the owners that decide and for the API that tries expressions.
fn rules(settings: &Settings) -> Rules {
    let expressions = &settings.expressions;
    let context_bytes_max = size(settings.values.context_bytes_max);
    Rules {
        tasks_disabled: settings.scheduler.disabled_tasks.iter().cloned().collect(),
        address: settings.notifications.base_url.clone(),
        lookup_bytes_max: context_bytes_max,
        context_bytes_max,
        zone: TimeZone::get(&expressions.time_zone).expect("the settings were checked"),
        limits: Limits {
            expression_chars_max: size(expressions.length_chars_max.into()),
            nesting_max: expressions.nesting_max,
            result_bytes_max: size(expressions.result_bytes_max),
            regex_steps_max: size(expressions.regex_steps_max),
            ..Limits::default()
        },
        ..Rules::default()
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

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
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
