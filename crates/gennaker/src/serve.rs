//! `gennaker serve`: some roles of the server, over a broker that somebody else runs.

use std::time::Duration;

use gennaker_bus::{BootstrapError, Bus, Error};
use gennaker_cli::{Exit, Failure};
use gennaker_runtime::{Backoff, shutdown_signal};
use gennaker_settings::Settings;
use tokio::net::TcpListener;

use crate::command::{Role, ServeArgs};
use crate::output::chain;
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
        if let Some(unknown) = arguments
            .pools
            .iter()
            .find(|pool| *pool != gennaker_notify::POOL)
        {
            return Err(
                Failure::usage(format!("there is no pool {unknown:?} in this release"))
                    .fix(format!("it has: {}", gennaker_notify::POOL)),
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
    let ended = until_asked(roles, settings).await;
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
    // Before the broker is waited for: a port that is taken stays taken.
    let listener = match roles.contains(&Role::Gate) {
        true => Some(listen(&settings).await?),
        false => None,
    };
    let bus = connect(&settings, &name).await?;
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let address = listener
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let plan = Plan {
        roles: roles.clone(),
        settings,
        name: name.clone(),
        listener,
        is_dev: false,
    };
    let running = Running::start(plan, bus)?;
    tracing::info!(
        process.name = name,
        "{name} runs the roles {}",
        names.join(", ")
    );
    if let Some(address) = address {
        tracing::info!(%address, "the HTTP API listens on {address}");
    }
    Ok(running)
}

async fn listen(settings: &Settings) -> Result<TcpListener, Failure> {
    let address = settings.gate.listen;
    TcpListener::bind(address).await.map_err(|error| {
        Failure::command(format!("gate.listen: cannot listen on {address}: {error}"))
    })
}

/// Connects and prepares the streams; waits for a broker that is not there yet.
async fn connect(settings: &Settings, name: &str) -> Result<Bus, Failure> {
    let options = wiring::broker(settings, name)?;
    let layout = wiring::layout(settings);
    let mut backoff = Backoff::new(Duration::from_millis(200), AGAIN_MAX, rand::random());
    loop {
        let failed = match Bus::connect(options.clone()).await {
            Err(error) => BootstrapError::Bus(error),
            Ok(bus) => match bus.bootstrap(&layout).await {
                Ok(()) => return Ok(bus),
                Err(error) => error,
            },
        };
        if !is_passing(&failed) {
            return Err(Failure::command(format!(
                "the broker cannot be used: {}",
                chain(&failed)
            )));
        }
        tracing::warn!("waiting for the broker: {}", chain(&failed));
        tokio::time::sleep(backoff.next_delay()).await;
    }
}

/// Whether waiting may help. A cluster that is just being started has no leaders yet.
fn is_passing(error: &BootstrapError) -> bool {
    match error {
        BootstrapError::Bus(error) => matches!(error, Error::Unavailable { .. }),
        BootstrapError::Differs { .. }
        | BootstrapError::Partitions { .. }
        | BootstrapError::Layout(_)
        | BootstrapError::Server(_) => false,
    }
}

fn no_signals(error: std::io::Error) -> Failure {
    Failure::command(format!("signals cannot be waited for: {error}"))
}
