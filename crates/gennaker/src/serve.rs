//! `gennaker serve`: some roles of the server, over a broker that somebody else runs.

use std::time::Duration;

use gennaker_bus::rights;
use gennaker_bus::{BootstrapError, Bus, Error, Layout, Rejection};
use gennaker_cli::{Exit, Failure};
use gennaker_runtime::{Backoff, shutdown_signal};
use gennaker_settings::Settings;
use tokio::net::TcpListener;

use crate::command::{Role, ServeArgs};
use crate::output::chain;
use crate::probes;
use crate::roles::{Plan, Running, process_name};
use crate::wiring;

/// Longest pause between two attempts to reach the broker.
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// Runs until it is asked to stop.
///
/// # Errors
/// Settings that cannot be used, an address that is taken, streams that differ from what they must be, or a part that ended.
pub(crate) fn run(arguments: &ServeArgs) -> Result<Exit, Failure> {
    let settings = settings(arguments)?;
    let runtime = crate::server_runtime()?;
    let ended = runtime.block_on(Box::pin(serve(arguments, settings)));
    // What still runs was told to stop and did not.
    runtime.shutdown_background();
    ended.map(|()| Exit::Succeeded)
}

/// The settings with what the command line says.
fn settings(arguments: &ServeArgs) -> Result<Settings, Failure> {
    let mut settings = wiring::read_settings(arguments.config.as_deref())?;
    if let Some(zone) = &arguments.zone {
        settings.zone.clone_from(zone);
    }
    if !arguments.pools.is_empty() {
        if let Some(unknown) = arguments.pools.iter().find(|pool| !wiring::has_tasks(pool)) {
            return Err(
                Failure::usage(format!("there is no pool {unknown:?} in this release"))
                    .fix(format!("it has: {}", wiring::POOLS.join(", "))),
            );
        }
        settings.worker.pools.clone_from(&arguments.pools);
    }
    settings
        .check()
        .map_err(|error| wiring::bad_settings(&error))?;
    Ok(settings)
}

async fn serve(arguments: &ServeArgs, settings: Settings) -> Result<(), Failure> {
    let mut roles = arguments.roles.clone();
    roles.sort_unstable();
    roles.dedup();
    let logging = wiring::logging(&settings, &settings.telemetry.log_filter, &roles)?;
    let guard = gennaker_telemetry::init(&logging)
        .map_err(|error| Failure::new(Exit::Usage, format!("telemetry: {}", chain(&error))))?;
    // A large future, which is awaited once in the life of a process.
    let ended = Box::pin(until_asked(roles, settings)).await;
    guard.shutdown().await;
    ended
}

async fn until_asked(roles: Vec<Role>, settings: Settings) -> Result<(), Failure> {
    let signal = shutdown_signal();
    tokio::pin!(signal);
    let running = tokio::select! {
        biased;
        asked = &mut signal => return asked.map(drop).map_err(no_signals),
        running = start(roles, settings) => running?,
    };
    let asked = tokio::select! {
        biased;
        asked = &mut signal => Some(asked.map_err(no_signals)?),
        () = running.ended() => None,
    };
    if let Some(asked) = asked {
        tracing::info!("asked to stop ({asked})");
    }
    let report = tokio::select! {
        report = running.stop() => report,
        // Asked twice: somebody does not want to wait.
        _ = shutdown_signal() => return Err(Failure::new(Exit::Interrupted, "stopped before everything had ended")),
    };
    for late in &report.late {
        tracing::warn!("{late} did not end in time");
    }
    match report.ended_early {
        None => Ok(()),
        Some(part) => Err(Failure::command(format!(
            "{part} ended, and the process cannot do without it"
        ))
        .fix("the log says why")),
    }
}

async fn start(roles: Vec<Role>, settings: Settings) -> Result<Running, Failure> {
    let name = process_name();
    // Before the broker is waited for: a port that is taken stays taken, and a certificate that is bad stays bad.
    let tls = match roles.contains(&Role::Gate) {
        true => wiring::gate_tls(&settings)?,
        false => None,
    };
    let listener = match roles.contains(&Role::Gate) {
        true => Some(listen(&settings).await?),
        false => None,
    };
    let kayenta = match roles.contains(&Role::Gate) {
        true => listen_for_kayenta(&settings).await?,
        false => None,
    };
    let probes = probes::listen(&settings).await?;
    let bus = connect(&settings, &name, &roles).await?;
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let address = listener
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let has_tls = tls.is_some();
    let plan = Plan {
        roles: roles.clone(),
        settings,
        name: name.clone(),
        listener,
        tls,
        kayenta,
        probes,
        is_dev: false,
    };
    let running = Running::start(plan, bus).await?;
    tracing::info!(
        process.name = name,
        "{name} runs the roles {}",
        names.join(", ")
    );
    if let Some(address) = address {
        let scheme = if has_tls { "https" } else { "http" };
        tracing::info!(%address, "the HTTP API listens on {scheme}://{address}");
    }
    Ok(running)
}

/// The listener of Kayenta's own API, where the settings want one, with its certificates.
pub(crate) async fn listen_for_kayenta(
    settings: &Settings,
) -> Result<Option<(TcpListener, Option<gennaker_gate::Tls>)>, Failure> {
    let Some(address) = settings.gate.kayenta_listen else {
        return Ok(None);
    };
    let tls = wiring::gate_tls(settings)?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::command(format!(
            "gate.kayenta_listen: cannot listen on {address}: {error}"
        ))
    })?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let bound = listener.local_addr().unwrap_or(address);
    tracing::info!(address = %bound, "Kayenta's API listens on {scheme}://{bound}");
    Ok(Some((listener, tls)))
}

async fn listen(settings: &Settings) -> Result<TcpListener, Failure> {
    let address = settings.gate.listen;
    TcpListener::bind(address).await.map_err(|error| {
        Failure::command(format!("gate.listen: cannot listen on {address}: {error}"))
    })
}

/// Connects and prepares the streams, or waits until a scheduler has; waits for a broker that is not there yet.
pub(crate) async fn connect(
    settings: &Settings,
    name: &str,
    roles: &[Role],
) -> Result<Bus, Failure> {
    let options = wiring::broker(settings, name, roles)?;
    let layout = wiring::layout(settings);
    let role = wiring::only_role(settings, roles);
    let mut backoff = Backoff::new(Duration::from_millis(200), AGAIN_MAX, rand::random());
    loop {
        let failed = match Bus::connect(options.clone()).await {
            Err(error) => BootstrapError::Bus(error),
            Ok(bus) => match prepare(&bus, &layout, role.as_ref()).await {
                Ok(()) => return Ok(bus),
                Err(error) => error,
            },
        };
        if !is_passing(&failed) {
            return Err(unusable(&failed));
        }
        tracing::warn!("waiting for the broker: {}", chain(&failed));
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// Whoever has the role `scheduler` makes the streams. The others must not need the rights for that.
async fn prepare(
    bus: &Bus,
    layout: &Layout,
    role: Option<&rights::Role>,
) -> Result<(), BootstrapError> {
    match role {
        None | Some(rights::Role::Scheduler) => bus.bootstrap(layout).await,
        Some(role) => bus.verify(layout, role).await,
    }
}

/// What a person has to change, with the settings that it is about.
fn unusable(failed: &BootstrapError) -> Failure {
    let failure = Failure::command(format!("the broker cannot be used: {}", chain(failed)));
    let BootstrapError::Bus(Error::Rejected { rejection, .. }) = failed else {
        return failure;
    };
    failure.fix(match rejection {
        Rejection::Credentials => {
            "check broker.username with broker.password_file, broker.credentials_file or broker.nkey_seed_file, and that the \
             broker knows them"
        }
        Rejection::UnusableCredentials(_) => {
            "check the file that broker.credentials_file or broker.nkey_seed_file names"
        }
        Rejection::UnknownAuthority => {
            "let broker.tls.ca_file name the authority that signed it, or check that the address is the broker's"
        }
        Rejection::Expired | Rejection::NotValidYet => {
            "renew the broker's certificate, or check the clocks of both machines"
        }
        Rejection::OtherName => {
            "use a name in broker.urls that the certificate has, or a certificate with that name"
        }
        Rejection::Certificate(_) => "check the broker's certificate",
        Rejection::OurCertificate(_) => {
            "let broker.tls.certificate_file and broker.tls.key_file name a certificate that the broker trusts"
        }
        Rejection::NoTls => {
            "configure TLS at the broker, or use nats:// in broker.urls and no [broker.tls] on a network that you trust"
        }
        Rejection::UnusableCertificates(_) => {
            "check the files that broker.tls names: PEM, readable, the key belonging to the certificate"
        }
    })
}

/// Whether waiting may help. A cluster that is just being started has no leaders yet.
fn is_passing(error: &BootstrapError) -> bool {
    match error {
        // Not there yet: a scheduler makes it.
        BootstrapError::Bus(error) => {
            matches!(error, Error::Unavailable { .. } | Error::NotFound { .. })
        }
        BootstrapError::Differs { .. }
        | BootstrapError::Partitions { .. }
        | BootstrapError::Layout(_)
        | BootstrapError::Server(_) => false,
    }
}

fn no_signals(error: std::io::Error) -> Failure {
    Failure::command(format!("signals cannot be waited for: {error}"))
}
