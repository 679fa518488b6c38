//! Spinnaker's HTTP API: what Gate, Front50 and Orca answer to `spin`, Terraform, Deck and scripts, plus a few routes of our
//! own under `/v2`.
//!
//! A request becomes a command to the owner of a partition, a read of a document, or a stored event, and the answer becomes
//! JSON; nothing is decided here and nothing is kept but caches. Every start carries an id that is drawn before the first
//! try, so that retries, ours and the client's, start one execution.
//!
//! | module | what it does |
//! |---|---|
//! | `routes` | the one table of routes: it drives the dispatch, the OpenAPI document, the page on compatibility and the tests |
//! | `dispatch` | finds the route, reads the body, runs the handler, writes the answer |
//! | `access` | who asks, and whether they may; `auth` is how they sign in |
//! | `guard` | request ids, hosts, origins, preflights |
//! | `problem` | the one error envelope |
//! | `owners` | commands to owners: routing, retries, "never older than what was seen" |
//! | `evaluate` | expressions, tried on an execution with the engine's own rules |
//! | `warnings` | what is said about the expressions of a pipeline that is saved |
//! | `clouds` | what clouds have, asked of workers |
//! | `artifacts` | what accounts of artifacts have, asked of workers |
//! | `builds`, `build_services` | jobs and builds of build servers, accounts of clouds that build, asked of workers |
//! | `kayenta` | Kayenta's own API |
//! | `feed` | server-sent events |
//! | `observe` | spans and figures of requests |
//! | `tls` | the listener with certificates |
//!
//! It must never decide what a pipeline does, call addresses that pipelines name, hold cloud credentials, or answer a list that lacks a partition without being asked to.
//! `gennaker` runs it; nobody else calls it.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod access;
mod admin;
mod answer;
mod applications;
mod artifacts;
mod auth;
mod build_services;
mod builds;
mod call;
mod canary_configs;
mod canary_runs;
mod capabilities;
mod cloud_events;
mod clouds;
mod compatibility;
mod configs;
mod cron;
mod dispatch;
mod evaluate;
mod events;
mod executions;
mod failed_stages;
mod feed;
mod find;
mod fleet_records;
mod freezes;
mod guard;
mod health;
mod images;
mod jobs;
mod kayenta;
mod live;
mod lookups;
mod matching;
mod messages;
mod notifications;
mod numbers;
mod observe;
mod once;
mod openapi;
mod ops;
mod origins;
mod owners;
mod pipelines;
mod plans;
mod plugins;
mod pollers;
mod pool;
mod preconfigured;
mod problem;
mod projects;
mod reorder;
mod restart;
mod routes;
mod search;
mod start;
mod strategies;
mod switches;
mod tags;
mod tasks;
mod templates;
#[cfg(test)]
mod tests;
mod tls;
mod view;
mod wait;
mod warnings;
mod webhooks;

use std::{sync::Arc, time::Duration};

use axum::{
    Router, middleware,
    serve::{Listener, ListenerExt as _},
};
use gennaker_bus::Bus;
use gennaker_engine::Rules;
use gennaker_intake::matching::QuietPeriod;
use gennaker_runtime::{CancellationToken, Clock};
use gennaker_settings::KubernetesAccount;
use gennaker_stages::Catalogue;
use gennaker_store::{Blobs, Store};
use tls::TlsListener;
use tokio::{net::TcpListener, sync::Semaphore};

pub use compatibility::page as compatibility_page;
pub use openapi::document as openapi_document;
pub use origins::BadOrigin;
pub use tls::{BadTls, Tls, TlsFiles};

/// How long answers that are under way may take after the wish to stop.
const DRAIN: Duration = Duration::from_secs(4);

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hosts (`name` or `name:port`) that may stand in `Host` on a loopback listener, besides loopback names; `*` is any.
    pub allowed_hosts: Vec<String>,
    /// Origins whose pages may call the API: exact (`https://deck.example.com`), or a regular expression for the whole
    /// origin if it starts with `^`. Source: gate `cors.allowed-origins-pattern`.
    pub allowed_origins: Vec<String>,
    /// Largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// Number of partitions.
    pub partitions: u32,
    /// What `GET /version` answers.
    pub version: String,
    /// Whether this is `gennaker dev`.
    pub dev: bool,
    /// The engine's numbers, the same as the schedulers': expressions are tried by them.
    pub rules: Rules,
    /// The stage types, the same as the schedulers'.
    pub catalogue: Arc<Catalogue>,
    /// The clusters that workers serve; their credentials are of no use here.
    pub kubernetes: Vec<KubernetesAccount>,
    /// The accounts of artifacts that workers serve.
    pub artifacts: Vec<gennaker_model::artifact_reads::Account>,
    /// Accounts of registries of images.
    pub registries: Vec<gennaker_model::registry_reads::Account>,
    /// Names of searches in Artifactory.
    pub artifactory: Vec<String>,
    /// The build servers that workers serve, in the order of their names.
    pub build_masters: Vec<gennaker_model::build_reads::Master>,
    /// The accounts of Google Cloud Build that workers serve, in the order of their names.
    pub google_cloud_build: Vec<gennaker_model::build_service_reads::Account>,
    /// The accounts of AWS CodeBuild that workers serve, in the order of their names.
    pub aws_code_build: Vec<gennaker_model::build_service_reads::Account>,
    /// The quiet period of triggers.
    pub quiet: Option<QuietPeriod>,
    /// The subscriptions whose messages become events: system and name.
    pub subscriptions: Vec<(&'static str, String)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            body_limit_bytes: 1 << 20,
            partitions: 1,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            dev: false,
            rules: Rules::default(),
            catalogue: Arc::new(Catalogue::new()),
            kubernetes: Vec::new(),
            artifacts: Vec::new(),
            registries: Vec::new(),
            artifactory: Vec::new(),
            build_masters: Vec::new(),
            google_cloud_build: Vec::new(),
            aws_code_build: Vec::new(),
            quiet: None,
            subscriptions: Vec::new(),
        }
    }
}

/// The API over one bus. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    bus: Bus,
    store: Store,
    clock: Clock,
    config: Config,
    origins: origins::Origins,
    owners: owners::Owners,
    hub: feed::Hub,
    /// The open streams of the feed.
    feeds: feed::streams::Streams,
    /// Places for streams of the feed.
    streams: Arc<Semaphore>,
    /// Places for expressions that are tried.
    evaluations: Arc<Semaphore>,
    stopping: CancellationToken,
}

impl Gate {
    /// The API over `bus`. The cache of `store` must be kept current by the caller ([`Store::run`]).
    ///
    /// # Errors
    /// [`BadOrigin`] when an allowed origin is no valid regular expression.
    pub fn new(bus: Bus, store: Store, clock: Clock, config: Config) -> Result<Self, BadOrigin> {
        let origins = origins::Origins::new(&config)?;
        if let Err(error) = observe::register() {
            tracing::error!("the figures of the HTTP API are not shown: {error}");
        }
        Ok(Self {
            inner: Arc::new(Inner {
                owners: owners::Owners::new(bus.clone(), config.partitions),
                hub: feed::Hub::new(),
                feeds: feed::streams::Streams::default(),
                streams: Arc::new(Semaphore::new(live::STREAMS_MAX)),
                evaluations: Arc::new(Semaphore::new(evaluate::AT_ONCE)),
                stopping: CancellationToken::new(),
                bus,
                store,
                clock,
                config,
                origins,
            }),
        })
    }

    /// The same with large values in another place than the broker. Everybody in an installation has the same one.
    ///
    /// # Panics
    /// When the API is shared already: this is for whoever made it.
    #[must_use]
    pub fn with_blobs(mut self, blobs: Blobs) -> Self {
        let inner = Arc::get_mut(&mut self.inner).expect("nobody shares what was just made");
        inner.owners.set_blobs(blobs);
        self
    }

    /// All routes, and those of `more` (such as `/metrics`) behind the same guard. `loopback` says that the listener's
    /// address is a loopback one: then hosts and origins are checked, because any page in a browser can reach it.
    pub fn router(&self, more: Router, loopback: bool) -> Router {
        let guard = guard::Guard {
            gate: self.clone(),
            loopback,
        };
        let gate = self.clone();
        more.fallback(move |request| dispatch::dispatch(gate.clone(), request))
            .layer(middleware::from_fn_with_state(guard, guard::guard))
    }

    /// Kayenta's own API at the root, as at a port of Kayenta's, behind the same guard: what stands below `/kayenta` in
    /// [`Gate::router`], and `/health`.
    pub fn kayenta_router(&self, loopback: bool) -> Router {
        let guard = guard::Guard {
            gate: self.clone(),
            loopback,
        };
        let gate = self.clone();
        Router::new()
            .fallback(move |request| dispatch::dispatch_kayenta(gate.clone(), request))
            .layer(middleware::from_fn_with_state(guard, guard::guard))
    }

    /// Serves [`Gate::kayenta_router`] until `cancel`, then lets answers that are under way end, for a few seconds.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn run_kayenta(
        &self,
        listener: TcpListener,
        tls: Option<Tls>,
        cancel: CancellationToken,
    ) -> std::io::Result<()> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() && !tls.as_ref().is_some_and(Tls::is_closed) {
            tracing::warn!(
                %address,
                "Kayenta's API listens on {address}, which others can reach, and asks nobody for a password"
            );
        }
        let router = self.kayenta_router(address.ip().is_loopback());
        let server = async {
            match tls {
                Some(tls) => serve(TlsListener::new(listener, tls), router, cancel.clone()).await,
                None => {
                    let listener = listener.tap_io(|stream| {
                        let _ = stream.set_nodelay(true);
                    });
                    serve(listener, router, cancel.clone()).await
                }
            }
        };
        tokio::select! {
            ended = server => ended,
            () = async {
                cancel.cancelled().await;
                tokio::time::sleep(DRAIN).await;
            } => Ok(()),
        }
    }

    /// Serves until `cancel`, then lets answers that are under way end, for a few seconds.
    ///
    /// # Errors
    /// When the listener has no address.
    pub async fn run(
        &self,
        listener: TcpListener,
        tls: Option<Tls>,
        more: Router,
        cancel: CancellationToken,
    ) -> std::io::Result<()> {
        let address = listener.local_addr()?;
        let is_closed = tls.as_ref().is_some_and(Tls::is_closed);
        if !address.ip().is_loopback() && !is_closed {
            tracing::warn!(
                %address,
                "the API listens on {address}, which others can reach, and asks nobody for a password"
            );
        }
        let router = self.router(more, address.ip().is_loopback());
        let stopping = self.inner.stopping.clone();
        let server = async {
            match tls {
                Some(tls) => serve(TlsListener::new(listener, tls), router, stopping).await,
                None => {
                    let listener = listener.tap_io(|stream| {
                        // Without it small answers wait for the client's delayed acknowledgement.
                        let _ = stream.set_nodelay(true);
                    });
                    serve(listener, router, stopping).await
                }
            }
        };
        let drained = async {
            cancel.cancelled().await;
            self.inner.stopping.cancel();
            tokio::time::sleep(DRAIN).await;
        };
        let feed = self.inner.hub.run(&self.inner.bus, cancel.clone());
        let serve = async {
            tokio::select! {
                ended = server => ended,
                () = drained => Ok(()),
            }
        };
        let (ended, ()) = tokio::join!(serve, feed);
        ended
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn origins(&self) -> &origins::Origins {
        &self.inner.origins
    }

    pub(crate) fn owners(&self) -> &owners::Owners {
        &self.inner.owners
    }

    pub(crate) fn hub(&self) -> &feed::Hub {
        &self.inner.hub
    }

    pub(crate) fn feeds(&self) -> &feed::streams::Streams {
        &self.inner.feeds
    }

    pub(crate) fn evaluations(&self) -> &Arc<Semaphore> {
        &self.inner.evaluations
    }

    pub(crate) fn streams(&self) -> &Arc<Semaphore> {
        &self.inner.streams
    }

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.inner.stopping
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
    }
}

async fn serve<L>(listener: L, router: Router, stopping: CancellationToken) -> std::io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { stopping.cancelled().await })
        .await
}
