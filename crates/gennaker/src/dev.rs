//! `gennaker dev`: all roles in one process, and a broker of its own.
//!
//! The code paths are those of production, the broker included; only the numbers are for one machine and one person: one
//! partition, calls to this machine allowed, quiet logs. What is in the data folder survives everything but its deletion.

mod broker;
mod folder;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use gennaker_broker::Places;
use gennaker_bus::layout::{Layout, Pool};
use gennaker_bus::{Bucket, Bus, Options};
use gennaker_cli::{Exit, Failure};
use gennaker_runtime::shutdown_signal;
use gennaker_settings::{GateTls, KubernetesAccount, Settings};
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior};

use crate::command::{DevArgs, Role};
use crate::demo::{Api, Demo, Inbox};
use crate::output::{chain, note, say};
use crate::roles::{Plan, Running, process_name};
use crate::wiring;
use broker::Broker;
use folder::Folder;

/// What is logged unless somebody asks for more: what a person should look at.
const LOG_FILTER: &str = "warn";
/// How long everything may take to end; with the last spans ([`gennaker_telemetry::LAST_SPANS_WITHIN`]) below five seconds.
const END_WITHIN: Duration = Duration::from_millis(4_200);
/// How often the health is asked for until it is good.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// When to say that the start takes long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs until it is asked to stop, or until a demo without a terminal is over.
///
/// # Errors
/// Whatever keeps it from starting, and a part that ended by itself.
pub(crate) fn run(arguments: &DevArgs) -> Result<u8, Failure> {
    let inbox = match arguments.demo {
        true => Inbox::of_environment()?,
        false => None,
    };
    // A variable that is set for other work is no wish to see the demo in that cluster.
    let is_local = arguments.demo && arguments.kubeconfig.is_none() && inbox.is_none();
    let accounts = match is_local {
        true => Vec::new(),
        false => wiring::accounts_of_kubeconfigs(arguments.kubeconfig.as_deref())?,
    };
    let shown = arguments.demo.then(|| Shown {
        kubeconfig: arguments.kubeconfig.clone(),
        account: accounts.first().map(|account| account.name.clone()),
        inbox,
    });
    let settings = settings(arguments, accounts)?;
    let runtime = crate::server_runtime()?;
    let ended = runtime.block_on(Box::pin(dev(arguments, settings, shown)));
    // A thread that still waits for a line of the terminal does not keep the process.
    runtime.shutdown_background();
    ended
}

/// The defaults and the environment, and what `dev` decides.
fn settings(arguments: &DevArgs, accounts: Vec<KubernetesAccount>) -> Result<Settings, Failure> {
    let mut settings = wiring::read_settings(None)?;
    if settings.worker.pools == Settings::default().worker.pools {
        settings.worker.pools = wiring::POOLS.map(str::to_owned).to_vec();
    }
    settings.gate.listen = arguments.listen;
    if settings.gate.tls != GateTls::default() {
        return Err(Failure::usage(
            "the environment sets gate.tls, and `gennaker dev` speaks http",
        )
        .fix("unset GENNAKER_GATE__TLS__…, or use `gennaker serve`"));
    }
    settings.outbound.allow_loopback = true;
    settings.broker.replicas = 1;
    if settings.worker.pools == Settings::default().worker.pools {
        settings.worker.pools = wiring::POOLS.map(str::to_owned).to_vec();
    }
    settings.kubernetes.accounts.extend(accounts);
    if std::env::var_os("GENNAKER_BROKER__PARTITIONS").is_none() {
        settings.broker.partitions = 1;
    }
    if std::env::var_os("GENNAKER_TELEMETRY__LOG_FILTER").is_none() {
        settings.telemetry.log_filter = LOG_FILTER.to_owned();
    }
    if let Some(filter) = std::env::var("GENNAKER_LOG")
        .ok()
        .filter(|filter| !filter.is_empty())
    {
        settings.telemetry.log_filter = filter;
    }
    Ok(settings)
}

async fn dev(arguments: &DevArgs, settings: Settings, shown: Option<Shown>) -> Result<u8, Failure> {
    let logging = wiring::logging(&settings, &settings.telemetry.log_filter, &Role::ALL)?;
    let guard = gennaker_telemetry::init(&logging)
        .map_err(|error| Failure::new(Exit::Usage, format!("telemetry: {}", chain(&error))))?;
    let ended = Box::pin(with_folder(arguments, settings, shown)).await;
    guard.shutdown().await;
    ended
}

async fn with_folder(
    arguments: &DevArgs,
    settings: Settings,
    shown: Option<Shown>,
) -> Result<u8, Failure> {
    // From here on a signal ends in order, whatever is under way.
    let signal = shutdown_signal();
    tokio::pin!(signal);
    let folder = match &arguments.data {
        Some(path) => Folder::take(path)?,
        None => {
            let state = folder::state(std::env::var_os("XDG_STATE_HOME"), std::env::home_dir())?;
            match arguments.demo {
                true => Folder::take_for_demo(&state)?,
                false => Folder::take(&state.join(folder::DEV))?,
            }
        }
    };
    let listener = listen(arguments.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|error| cannot_listen(arguments.listen, &error))?;
    let is_kept = !arguments.demo || arguments.data.is_some();
    let has_surroundings = shown.as_ref().is_some_and(|it| it.inbox.is_some());
    let started = tokio::select! {
        biased;
        asked = &mut signal => return asked.map(|_| Exit::Succeeded.code()).map_err(no_signals),
        started = async {
            if !is_kept {
                folder.clear().await?;
            }
            start(&folder, settings, listener).await
        } => started?,
    };
    let (mut broker, running) = started;
    let url = url(address);
    let outcome = {
        let serving = serve(shown, &folder, &url, &running, &mut broker);
        tokio::pin!(serving);
        tokio::select! {
            biased;
            asked = &mut signal => asked.map(|_| Outcome::Asked).map_err(no_signals),
            outcome = &mut serving => outcome,
        }
    };
    let deadline = Instant::now() + END_WITHIN;
    if let Ok(Outcome::Asked) = outcome {
        // The terminal has written ^C into the line of the cursor.
        let line_end = if std::io::stderr().is_terminal() {
            "\n"
        } else {
            ""
        };
        note(&match (has_surroundings, is_kept) {
            (true, _) => {
                format!("{line_end}Stopping, and everything that was started for the demo with it.")
            }
            (false, true) => {
                format!("{line_end}Stopping. Executions that run go on at the next start.")
            }
            (false, false) => format!("{line_end}Stopping. The next demo begins anew."),
        });
    }
    // Its port is soon another's.
    let _ = std::fs::remove_file(folder.settings());
    let stopping = async {
        let report = running.stop().await;
        broker.stop(deadline).await;
        report
    };
    let report = tokio::select! {
        report = stopping => report,
        // Asked twice: somebody does not want to wait. The keeper does the rest.
        _ = shutdown_signal() => return Err(Failure::new(Exit::Interrupted, "stopped before everything had ended")),
    };
    for late in &report.late {
        tracing::info!("{late} did not end in time");
    }
    match outcome? {
        // A demo that nobody could judge was to be seen to its end.
        Outcome::Asked if arguments.demo && !std::io::stdin().is_terminal() => {
            Ok(Exit::Interrupted.code())
        }
        Outcome::Asked => Ok(Exit::Succeeded.code()),
        Outcome::Demonstrated(code) => Ok(code),
        Outcome::PartEnded => {
            let part = report
                .ended_early
                .unwrap_or_else(|| "a part of it".to_owned());
            Err(
                Failure::command(format!("{part} ended, and nothing works without it"))
                    .fix("the log above says why"),
            )
        }
    }
}

/// Why serving ended.
enum Outcome {
    Asked,
    Demonstrated(u8),
    PartEnded,
}

async fn start(
    folder: &Folder,
    settings: Settings,
    listener: TcpListener,
) -> Result<(Broker, Running), Failure> {
    let server = nats_server().await?;
    let broker = Broker::start(folder, server).await?;
    let file = folder.settings();
    if let Err(error) = broker.write_settings(&file, settings.broker.partitions) {
        // Only `import` and the like miss it.
        note(&format!(
            "{} cannot be written: {}",
            file.display(),
            reason(&error)
        ));
    }
    // Large, and awaited once in the life of the process.
    match Box::pin(roles(&broker, settings, listener)).await {
        Ok(running) => Ok((broker, running)),
        Err(failure) => {
            broker::stop_within(broker, END_WITHIN).await;
            Err(failure)
        }
    }
}

/// The server to start, where everybody looks for one.
async fn nats_server() -> Result<PathBuf, Failure> {
    let found = tokio::task::spawn_blocking(|| Places::of_process().find()).await;
    found
        .map_err(|error| Failure::command(format!("a nats-server cannot be looked for: {error}")))?
        .map_err(|missing| Failure::command(missing.to_string()).fix(missing.way_out()))
}

async fn roles(
    broker: &Broker,
    settings: Settings,
    listener: TcpListener,
) -> Result<Running, Failure> {
    let unusable = |error: &(dyn std::error::Error + 'static)| {
        Failure::command(format!("the broker cannot be used: {}", chain(error)))
    };
    let name = process_name();
    let options = Options::new(broker.url(), &name).with_password(broker.user(), broker.password());
    let bus = Bus::connect(options)
        .await
        .map_err(|error| unusable(&error))?;
    bus.bootstrap(&layout(&settings))
        .await
        .map_err(|error| unusable(&error))?;
    clear_leases(&bus).await.map_err(|error| unusable(&error))?;
    let kayenta = crate::serve::listen_for_kayenta(&settings).await?;
    let plan = Plan {
        roles: Role::ALL.to_vec(),
        kayenta,
        settings,
        name,
        listener: Some(listener),
        tls: None,
        probes: None,
        is_dev: true,
    };
    Running::start(plan, bus).await
}

/// Takes away the leases of a process that was killed. The folder's lock says that it is gone, so nobody has to wait until they
/// end by themselves.
async fn clear_leases(bus: &Bus) -> Result<(), gennaker_bus::Error> {
    let leases = bus.kv(Bucket::Lease);
    for record in leases.scan("").await?.collect().await? {
        leases.delete_if(&record.key, record.revision).await?;
    }
    Ok(())
}

/// The streams of one machine: no pools that this release has no tasks for.
fn layout(settings: &Settings) -> Layout {
    let mut layout = wiring::layout(settings);
    layout
        .pools
        .retain(|pool: &Pool| wiring::has_tasks(&pool.name));
    layout
}

/// What a demo works with.
struct Shown {
    kubeconfig: Option<PathBuf>,
    account: Option<String>,
    inbox: Option<Inbox>,
}

/// Says when it is ready, shows the demo, and goes on until something ends.
async fn serve(
    shown: Option<Shown>,
    folder: &Folder,
    url: &str,
    running: &Running,
    broker: &mut Broker,
) -> Result<Outcome, Failure> {
    let work = async {
        let api = Api::new(url)?;
        wait_until_ready(&api).await;
        greet(shown.is_some(), folder, url);
        if let Some(shown) = shown {
            let demo = Demo {
                api,
                data: folder.path(),
                port_file: folder.path().join("demo.port"),
                kubeconfig: shown.kubeconfig.as_deref(),
                account: shown.account,
                inbox: shown.inbox,
            };
            if let Some(code) = demo.run(running.edge()).await? {
                return Ok(Outcome::Demonstrated(code));
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        biased;
        () = running.ended() => Ok(Outcome::PartEnded),
        failure = broker.ended() => Err(failure),
        outcome = Box::pin(work) => outcome,
    }
}

/// Asks as any client would.
async fn wait_until_ready(api: &Api) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let patience = Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        look.tick().await;
        let why = match api.health().await {
            Ok(()) => return,
            Err(why) => why,
        };
        if Instant::now() > patience && !std::mem::replace(&mut told, true) {
            note(&format!("Not ready yet: {why}"));
        }
    }
}

fn greet(is_demo: bool, folder: &Folder, url: &str) {
    say(&format!("Gennaker is ready at {url}"));
    say(&format!("  data: {}", folder.path().display()));
    if !is_demo {
        let program = program();
        say("Try next, in another terminal:");
        if let Some(export) = where_clients_look(url) {
            say(&format!("  {export}"));
        }
        say(&format!(
            "  {program} application save -a shop --owner-email me@example.com --cloud-providers none"
        ));
        say(&format!("  {program} pipeline save -f PIPELINE.json"));
        say(&format!("  {program} run shop/PIPELINE"));
        say(
            "`gennaker dev --demo` shows two pipelines, on data that each demo begins anew. Ctrl-C stops; what runs goes on at the next start.",
        );
    }
}

/// The settings file of a `gennaker dev` in its usual folder, for people.
pub(crate) fn usual_settings() -> String {
    let state = folder::state(std::env::var_os("XDG_STATE_HOME"), std::env::home_dir());
    let file = state.map(|state| state.join(folder::DEV).join(folder::SETTINGS));
    file.map_or_else(
        |_| format!("DIR/{} of its --data DIR", folder::SETTINGS),
        |file| file.display().to_string(),
    )
}

/// How the client verbs are told about this server; nothing where they look anyway.
pub(crate) fn where_clients_look(url: &str) -> Option<String> {
    match url.strip_suffix(":8084") {
        Some("http://127.0.0.1" | "http://localhost") => None,
        _ => Some(format!("export GENNAKER_URL={url}")),
    }
}

/// How this program was called, for examples that work when they are pasted.
pub(crate) fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    match called.contains('/') {
        true => called,
        false => "gennaker".to_owned(),
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| cannot_listen(address, &error))
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let failure = match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::command(format!(
            "the address {address} is in use by another program, perhaps another `gennaker dev`"
        )),
        _ => Failure::command(format!("cannot listen on {address}: {}", reason(error))),
    };
    failure.fix(format!(
        "choose another with --listen, such as --listen {}:0 for a free port",
        bracketed(address)
    ))
}

fn bracketed(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

/// Where a client on this machine reaches the address.
fn url(address: SocketAddr) -> String {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

/// What the operating system says, without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error")
        .map_or(text.as_str(), |(text, _)| text)
        .to_lowercase()
}

fn no_signals(error: std::io::Error) -> Failure {
    Failure::command(format!("signals cannot be waited for: {error}"))
}
