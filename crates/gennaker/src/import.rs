//! `gennaker import spinnaker`: taking over the documents of a Front50.
//!
//! What is taken and what wins is the store's business ([`gennaker_store::Front50`]), what fits is intake's
//! ([`gennaker_intake::assess`]). Here it is run and told: a line for each pipeline and each document that was refused on
//! standard output, the sum on standard error.

mod report;

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_runtime::Clock;
use gennaker_settings::{DocumentsBackend, Settings};
use gennaker_store::{Foreign, Front50, Imported, Kind, Store};

use crate::command::{ImportSource, Role, SpinnakerArgs};
use crate::output::{chain, note, say};
use crate::roles::process_name;
use crate::{serve, wiring};
use report::Report;

/// Documents written at the same time: each waits for the disk of the broker.
const AT_ONCE: usize = 32;

/// Longest wait for the broker.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Imports everything, or says what that would do.
///
/// # Errors
/// Settings, a broker or a source that cannot be used.
pub(crate) fn run(source: &ImportSource) -> Result<Exit, Failure> {
    let ImportSource::Spinnaker(arguments) = source;
    let settings = wiring::read_settings(arguments.config.as_deref())?;
    let runtime = crate::server_runtime()?;
    let report = runtime.block_on(Box::pin(spinnaker(arguments, &settings)));
    runtime.shutdown_background();
    let report = report?;
    for line in report.lines() {
        say(&line);
    }
    for line in report.summary() {
        note(&line);
    }
    Ok(match report.is_whole() {
        true => Exit::Succeeded,
        false => Exit::CommandError,
    })
}

async fn spinnaker(arguments: &SpinnakerArgs, settings: &Settings) -> Result<Report, Failure> {
    let source = source(arguments, settings).await?;
    note(&format!(
        "{} {}, into {}",
        if arguments.dry_run {
            "looking at"
        } else {
            "importing"
        },
        from(arguments),
        target(settings)
    ));
    let began = Instant::now();
    // Before the broker is waited for: what is not there is not there.
    let found = source.read().await.map_err(|error| {
        Failure::command(format!("the documents cannot be read: {}", chain(&error)))
    })?;
    let bus = connect(settings).await?;
    let store = Store::over(wiring::documents(settings, &bus).await?);
    let mut report = Report::new(
        arguments.dry_run,
        wiring::catalogue(settings)?,
        found.left_out,
    );
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for foreign in found.documents {
        match foreign.kind {
            Kind::Application | Kind::Permission => first.push(foreign),
            _ => then.push(foreign),
        }
    }
    // Applications before what belongs to them, for who looks while it runs.
    for part in [first, then] {
        let store = &store;
        let work = part.into_iter().map(|foreign| async move {
            let done = take(store, &foreign, arguments.dry_run).await;
            (foreign, done)
        });
        let mut done = stream::iter(work).buffer_unordered(AT_ONCE);
        while let Some((foreign, done)) = done.next().await {
            report.add(&foreign, done);
        }
    }
    report.took(began.elapsed());
    Ok(report)
}

/// Where the documents come from, for people.
fn from(arguments: &SpinnakerArgs) -> String {
    match (&arguments.dir, &arguments.bucket) {
        (Some(folder), _) => folder.display().to_string(),
        (None, bucket) => format!(
            "bucket {}/{}",
            bucket.as_deref().unwrap_or_default(),
            arguments.prefix
        ),
    }
}

/// Where they go.
fn target(settings: &Settings) -> String {
    match settings.documents.backend {
        DocumentsBackend::Kv => format!("the broker at {}", settings.broker.urls.join(", ")),
        DocumentsBackend::S3 => format!(
            "bucket {}",
            settings.documents.s3.bucket.as_deref().unwrap_or_default()
        ),
    }
}

/// Connects with all rights, so that an import can come before the first start of a server.
async fn connect(settings: &Settings) -> Result<Bus, Failure> {
    let name = process_name();
    let connected = serve::connect(settings, &name, &Role::ALL);
    match tokio::time::timeout(CONNECT_WITHIN, connected).await {
        Ok(connected) => connected,
        Err(_) => Err(Failure::command(format!(
            "the broker does not answer within {} s",
            CONNECT_WITHIN.as_secs()
        ))
        .fix(format!(
            "name the settings with --config; those of a running `gennaker dev` are {}",
            crate::dev::usual_settings()
        ))),
    }
}

async fn source(arguments: &SpinnakerArgs, settings: &Settings) -> Result<Front50, Failure> {
    if let Some(folder) = &arguments.dir {
        return Ok(Front50::folder(folder, &arguments.prefix));
    }
    let mut options = wiring::documents_bucket(settings)?;
    options.bucket = arguments.bucket.clone().unwrap_or_default();
    options.prefix.clone_from(&arguments.prefix);
    if arguments.endpoint.is_some() {
        options.endpoint.clone_from(&arguments.endpoint);
    }
    if arguments.region.is_some() {
        options.region.clone_from(&arguments.region);
    }
    Ok(Front50::bucket(options).await)
}

/// What became of a document, or why it was refused.
async fn take(store: &Store, foreign: &Foreign, dry_run: bool) -> Result<Imported, String> {
    let body = foreign.body.as_ref().map_err(Clone::clone)?;
    let done = match dry_run {
        true => store.try_import(foreign.kind, &foreign.id, body).await,
        false => {
            let now_ms = Clock::system().now_ms();
            store.import(foreign.kind, &foreign.id, body, now_ms).await
        }
    };
    done.map_err(|error| error.to_string())
}
