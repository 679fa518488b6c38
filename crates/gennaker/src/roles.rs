//! Running roles: from settings and a connected bus to tasks in one tree, and their orderly end.
//!
//! The tree has two branches, because they end one after the other: first what takes requests and does work (`edge`), then the
//! scheduler, which until then takes the last reports and answers the last questions. What cannot be done in time is not lost:
//! every part is built to be killed, a clean end only makes the next start faster.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_gate::{Gate, Tls};
use gennaker_kubernetes::Accounts;
use gennaker_notify::SecretHeaders;
use gennaker_outbound::Client;
use gennaker_pollers::Pollers;
use gennaker_runtime::{Clock, Report, Scope};
use gennaker_scheduler::Scheduler;
use gennaker_settings::{DocumentsBackend, Settings};
use gennaker_stages::Catalogue;
use gennaker_store::Store;
use gennaker_triggers::Triggers;
use gennaker_worker::{Options, Pool, Worker};
use tokio::net::TcpListener;

use crate::command::Role;
use crate::output::chain;
use crate::probes::{self, Watched};
use crate::wiring;

/// How long tasks at work may take to end; a call that takes longer is found and adopted by the next worker.
const DRAIN: Duration = Duration::from_millis(1_500);
/// How long the parts at the edge have. With the next three it stays below five seconds.
const EDGE_WITHIN: Duration = Duration::from_millis(2_000);
/// How long the scheduler has to hand its partitions back.
const CORE_WITHIN: Duration = Duration::from_millis(1_200);
/// How long the rest has.
const REST_WITHIN: Duration = Duration::from_millis(200);
/// How long the connection has to send what is buffered.
const CLOSE_WITHIN: Duration = Duration::from_millis(300);

/// What a process runs.
pub(crate) struct Plan {
    /// Its roles.
    pub(crate) roles: Vec<Role>,
    /// Its settings, checked.
    pub(crate) settings: Settings,
    /// The name under which the broker, the schedulers and the workers know it.
    pub(crate) name: String,
    /// Where the role `gate` listens.
    pub(crate) listener: Option<TcpListener>,
    /// The certificates of that listener.
    pub(crate) tls: Option<Tls>,
    /// Where it shows Kayenta's own API besides, and the certificates there.
    pub(crate) kayenta: Option<(TcpListener, Option<Tls>)>,
    /// Where it shows `/metrics` and `/health` besides, whatever its roles.
    pub(crate) probes: Option<TcpListener>,
    /// Whether this is `gennaker dev`.
    pub(crate) is_dev: bool,
}

/// Running roles.
pub(crate) struct Running {
    root: Scope,
    edge: Scope,
    core: Scope,
    bus: Bus,
}

/// Everything that can be refused, made before anything runs.
struct Prepared {
    gate: Option<(Gate, TcpListener)>,
    client: Client,
    catalogue: Arc<Catalogue>,
    secrets: SecretHeaders,
    /// Services that stages call by name.
    services: gennaker_notify::Services,
    /// Channels of notifications.
    channels: gennaker_channels::Channels,
    /// Where artifacts are read, for a worker of the pool `deploy`.
    artifacts: Option<gennaker_artifacts::Accounts>,
    /// Build servers, for a worker of the pool `jenkins`.
    builds: Option<gennaker_jenkins::Config>,
    /// For sources of metrics.
    metrics: Client,
    metric_accounts: Arc<gennaker_canary::Accounts>,
    /// Where results of canary analysis lie, for a worker of the pool `canary`.
    storages: Option<gennaker_canary::Storages>,
}

impl Running {
    /// Starts the roles. The layout must exist ([`Bus::bootstrap`]).
    ///
    /// # Errors
    /// A setting that cannot be used; nothing runs then.
    pub(crate) async fn start(plan: Plan, bus: Bus) -> Result<Self, Failure> {
        let store = Store::over(wiring::documents(&plan.settings, &bus).await?)
            .managing(wiring::managed_accounts(&plan.settings))
            .reading_addresses(&bus);
        let archive = match plan.roles.contains(&Role::Scheduler) {
            true => Some(wiring::archive(&plan.settings, &bus).await?),
            false => None,
        };
        let blobs = wiring::values(&plan.settings, &bus).await?;
        let clock = Clock::system();
        let Plan {
            roles,
            settings,
            name,
            listener,
            tls,
            kayenta,
            probes,
            is_dev,
        } = plan;
        let mut prepared = prepare(&settings, listener, is_dev, &bus, &store, &clock)?;
        let serves = |pool: &str| {
            let has = settings.worker.pools.iter().any(|it| it == pool);
            has && roles.contains(&Role::Worker)
        };
        if serves(gennaker_deploy::POOL) {
            prepared.artifacts = Some(wiring::artifacts(&settings, &clock, &store)?);
        }
        if serves(gennaker_jenkins::POOL) {
            prepared.builds = Some(wiring::builds(&settings, &clock)?);
        }
        if serves(gennaker_canary::POOL) {
            // Connecting to S3 is a large future, and is awaited once in the life of a process.
            let storages = Box::pin(wiring::canary_storages(&settings, &bus)).await?;
            prepared.storages = Some(storages);
        }
        let mut pollers = None;
        if roles.contains(&Role::Triggers) {
            let masters = wiring::masters(&settings, &clock)?;
            pollers = wiring::pollers(&settings, &name, &bus, &clock, &store, &masters)?;
        }
        let mut registries = None;
        if serves(gennaker_deploy::POOL) {
            registries = Some(wiring::registries(&settings)?);
        }
        let root = Scope::root("gennaker");
        let running = Self {
            edge: root.child("edge"),
            core: root.child("core"),
            root,
            bus: bus.clone(),
        };
        // A worker reads the documents that its tasks name, one by one, and may have the broker's rights for no more. In S3 it
        // finds names among all of them, too.
        let is_in_broker = settings.documents.backend == DocumentsBackend::Kv;
        if roles != [Role::Worker] || !is_in_broker {
            running.start_store(&store);
        }
        if let Some(archive) = archive {
            let config = wiring::scheduler(&settings, &name, &prepared.catalogue);
            let scheduler = Scheduler::new(config, bus.clone(), store.clone(), clock.clone())
                .with_archive(archive)
                .with_blobs(blobs.clone());
            let scope = running.core.child("scheduler");
            running.core.keep("scheduler", scheduler.run(scope));
        }
        if roles.contains(&Role::Worker) {
            wiring::warn_unserved(&settings);
            // What the accounts watch ends with the worker.
            let scope = running.edge.child("kubernetes");
            let accounts = wiring::accounts(&settings, &clock, &scope, &prepared.client);
            if settings
                .worker
                .pools
                .iter()
                .any(|pool| pool == gennaker_deploy::POOL)
            {
                let answers =
                    wiring::answers(accounts.clone(), bus.clone(), clock.clone(), scope.clone());
                running.edge.keep("asks", answers);
            }
            if let Some(artifacts) = &prepared.artifacts {
                let scope = running.edge.child("artifacts");
                let told = wiring::tell_artifacts(
                    settings.clone(),
                    artifacts.clone(),
                    bus.clone(),
                    clock.clone(),
                    scope,
                );
                running.edge.keep("artifacts", told);
            }
            if let Some(registries) = registries {
                let scope = running.edge.child("registries");
                let zone = settings.zone.clone();
                let told =
                    wiring::tell_registries(zone, registries, bus.clone(), clock.clone(), scope);
                running.edge.keep("registries", told);
            }
            if let Some(builds) = &prepared.builds {
                let scope = running.edge.child("builds");
                let told = wiring::tell_builds(builds.clone(), bus.clone(), clock.clone(), scope);
                running.edge.keep("builds", told);
            }
            if let Some(storages) = &prepared.storages {
                let accounts = Arc::clone(&prepared.metric_accounts);
                let kayenta = gennaker_canary::Kayenta::new(&prepared.metrics, &accounts, storages);
                let (bus, clock) = (bus.clone(), clock.clone());
                let scope = running.edge.child("kayenta");
                let told = wiring::tell_kayenta(kayenta, accounts, bus, clock, scope);
                running.edge.keep("kayenta", told);
            }
            let worker = worker(
                &settings,
                &name,
                bus.clone(),
                clock.clone(),
                &prepared,
                &store,
                &accounts,
            );
            running.start_worker(worker.with_blobs(blobs.clone()));
            let notifies = settings
                .worker
                .pools
                .iter()
                .any(|pool| pool == gennaker_notify::POOL);
            if notifies
                && gennaker_notify::notifications::forward::is_wanted(&settings.notifications)
            {
                running.start_forwarding(&bus, &prepared.channels, &settings);
            }
        }
        let documents = roles.contains(&Role::Gate).then(|| store.clone());
        if roles.contains(&Role::Triggers) {
            if let Some(pollers) = pollers {
                running.start_pollers(pollers);
            }
            let config = wiring::triggers(&settings)?;
            let subscriptions = wiring::subscriptions(&settings, &clock)?;
            let token = running.edge.token().clone();
            let followed = subscriptions.run(bus.clone(), clock.clone(), token);
            running.edge.keep("subscriptions", followed);
            let triggers = Triggers::new(bus, store, clock, config);
            running.start_triggers(triggers.with_blobs(blobs.clone()));
        }
        if let Some(listener) = probes {
            let bucket = probes::readable(&settings, &roles);
            let bus = running.bus.clone();
            let watched = Watched {
                bus,
                bucket,
                documents,
            };
            running.start_probes(listener, watched);
        }
        if let Some((gate, listener)) = prepared.gate {
            let gate = gate.with_blobs(blobs);
            if let Some((listener, tls)) = kayenta {
                running.start_kayenta(gate.clone(), listener, tls);
            }
            running.start_gate(gate, listener, tls);
        }
        Ok(running)
    }

    /// Returns when a part that the process cannot do without has ended. Cancel-safe.
    pub(crate) async fn ended(&self) {
        self.root.cancelled().await;
    }

    /// A branch of the tree for what ends first.
    pub(crate) fn edge(&self) -> &Scope {
        &self.edge
    }

    /// Ends everything, within four seconds.
    pub(crate) async fn stop(self) -> Report {
        let edge = self.edge.shutdown(EDGE_WITHIN).await;
        let core = self.core.shutdown(CORE_WITHIN).await;
        let mut report = self.root.shutdown(REST_WITHIN).await;
        report
            .late
            .splice(0..0, edge.late.into_iter().chain(core.late));
        // Without an answer the broker sees the connection break, which is the same to it.
        let _ = tokio::time::timeout(CLOSE_WITHIN, self.bus.close()).await;
        report
    }

    /// Follows the lists of documents.
    fn start_store(&self, store: &Store) {
        let (store, token) = (store.clone(), self.root.token().clone());
        self.root
            .keep("documents", async move { store.run(token).await });
    }

    fn start_worker(&self, worker: Worker) {
        let token = self.edge.token().clone();
        self.edge.keep("worker", async move {
            let report = worker.run(token).await;
            if let Some(part) = report.ended_early {
                tracing::error!("the worker ended because its part {part} did");
            }
        });
    }

    /// Passes what executions tell on to those who want every event.
    fn start_forwarding(
        &self,
        bus: &Bus,
        channels: &gennaker_channels::Channels,
        settings: &Settings,
    ) {
        let scope = self.edge.child("forward");
        let forwarding = gennaker_notify::notifications::forward::run(
            bus.clone(),
            channels.clone(),
            settings.notifications.clone(),
            scope,
            self.edge.token().clone(),
        );
        self.edge.keep("forwarding", async move {
            if let Err(error) = forwarding.await {
                tracing::error!("events are not forwarded any more: {}", chain(&error));
            }
        });
    }

    fn start_triggers(&self, triggers: Triggers) {
        let token = self.edge.token().clone();
        self.edge.keep("triggers", async move {
            if let Err(error) = triggers.run(token).await {
                tracing::error!("triggers ended: {}", chain(&error));
            }
        });
    }

    /// What fails there is waited out there.
    fn start_pollers(&self, pollers: Pollers) {
        let token = self.edge.token().clone();
        self.edge.spawn("pollers", pollers.run(token));
    }

    fn start_probes(&self, listener: TcpListener, watched: Watched) {
        let token = self.root.token().clone();
        self.root.keep("probes", async move {
            if let Err(error) = probes::run(listener, watched, token).await {
                tracing::error!("/metrics and /health ended: {}", chain(&error));
            }
        });
    }

    fn start_kayenta(&self, gate: Gate, listener: TcpListener, tls: Option<Tls>) {
        let token = self.edge.token().clone();
        self.edge.keep("kayenta's API", async move {
            if let Err(error) = gate.run_kayenta(listener, tls, token).await {
                tracing::error!("Kayenta's API ended: {}", chain(&error));
            }
        });
    }

    fn start_gate(&self, gate: Gate, listener: TcpListener, tls: Option<Tls>) {
        let token = self.edge.token().clone();
        self.edge.keep("gate", async move {
            let more = probes::metrics_route();
            if let Err(error) = gate.run(listener, tls, more, token).await {
                tracing::error!("the HTTP API ended: {}", chain(&error));
            }
        });
    }
}

fn prepare(
    settings: &Settings,
    listener: Option<TcpListener>,
    is_dev: bool,
    bus: &Bus,
    store: &Store,
    clock: &Clock,
) -> Result<Prepared, Failure> {
    let catalogue = wiring::catalogue(settings)?;
    let gate = match listener {
        None => None,
        Some(listener) => {
            let config = wiring::gate(settings, is_dev, &catalogue);
            let gate =
                Gate::new(bus.clone(), store.clone(), clock.clone(), config).map_err(|error| {
                    Failure::new(
                        Exit::Usage,
                        format!("gate.allowed_origins: {}", chain(&error)),
                    )
                })?;
            Some((gate, listener))
        }
    };
    let metrics = wiring::metrics_client(settings)?;
    let client = wiring::pipelines_client(settings)?;
    Ok(Prepared {
        gate,
        channels: wiring::channels(settings, &client, clock, bus)?,
        client,
        metric_accounts: wiring::metric_accounts(settings, &metrics, clock)?,
        metrics,
        storages: None,
        catalogue,
        secrets: wiring::secret_headers(settings)?,
        services: wiring::services(settings)?,
        artifacts: None,
        builds: None,
    })
}

/// A worker for those of the configured pools that this release has.
fn worker(
    settings: &Settings,
    name: &str,
    bus: Bus,
    clock: Clock,
    prepared: &Prepared,
    store: &Store,
    accounts: &Accounts,
) -> Worker {
    let pools = settings
        .worker
        .pools
        .iter()
        .filter(|pool| wiring::has_tasks(pool));
    let pools = pools.map(|pool| Pool {
        name: pool.clone(),
        concurrency: usize::try_from(settings.worker.concurrency).unwrap_or(usize::MAX),
        tasks: match pool.as_str() {
            gennaker_deploy::POOL => {
                let artifacts = prepared
                    .artifacts
                    .as_ref()
                    .expect("made for a worker of this pool");
                gennaker_deploy::registry(accounts, artifacts, &wiring::baker(settings))
            }
            gennaker_jenkins::POOL => {
                let builds = prepared.builds.as_ref();
                gennaker_jenkins::registry(builds.expect("made for a worker of this pool"))
            }
            gennaker_canary::POOL => {
                let storages = prepared
                    .storages
                    .as_ref()
                    .expect("made for a worker of this pool");
                gennaker_canary::registry(
                    &prepared.metrics,
                    store,
                    &prepared.metric_accounts,
                    storages,
                )
            }
            _ => gennaker_notify::registry(
                &prepared.client,
                store,
                &prepared.secrets,
                &prepared.services,
                &prepared.channels,
                &clock,
                settings.worker.template_folder.as_ref().map(PathBuf::from),
            ),
        },
    });
    let options = Options {
        name: name.to_owned(),
        zone: Some(settings.zone.clone()),
        seed: rand::random(),
        pools: pools.collect(),
        drain: DRAIN,
    };
    Worker::new(bus, clock, options).in_zone_sets(wiring::own_zone_sets(settings))
}

/// A name for this process that no other has: where it runs, its number there, and a random part for containers that are all
/// alike.
pub(crate) fn process_name() -> String {
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(node_name)
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| "host".to_owned());
    format!(
        "{host}-{}-{:04x}",
        std::process::id(),
        rand::random::<u16>()
    )
}

/// What the operating system calls this machine.
#[cfg(unix)]
fn node_name() -> Option<String> {
    let machine = rustix::system::uname();
    Some(machine.nodename().to_str().ok()?.to_owned())
}

#[cfg(not(unix))]
fn node_name() -> Option<String> {
    None
}
