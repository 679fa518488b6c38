//! What is polled: from settings to sources, for the role `triggers`; and answers about registries, for workers.

use std::sync::Arc;
use std::time::Duration;

use gennaker_artifacts::Accounts as Artifacts;
use gennaker_builds::Masters;
use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_model::registry_reads::{Account, POOL, place};
use gennaker_pollers::{Config, Pollers, Source, sources};
use gennaker_registries::artifactory::Search;
use gennaker_registries::docker::{Accounts, Options, reads};
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::Settings;
use gennaker_store::Store;
use gennaker_worker::asks::{self, Answerer};

use super::ms;
use crate::output::chain;

/// Longest time of a call that has no limit of its own.
const CALL_MAX: Duration = Duration::from_secs(120);

/// Largest answer of a registry, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// The accounts of registries of images.
///
/// # Errors
/// A pattern, proxy variable or certificate cannot be used.
pub(crate) fn registries(settings: &Settings) -> Result<Accounts, Failure> {
    let options = Options {
        accounts: settings.docker_registry.accounts.clone(),
        http: http(settings)?,
    };
    Accounts::new(options)
        .map_err(|error| Failure::new(Exit::Usage, format!("docker_registry: {}", chain(&error))))
}

/// What polls; nothing when that is switched off.
///
/// # Errors
/// Sources that cannot be made.
pub(crate) fn pollers(
    settings: &Settings,
    name: &str,
    bus: &Bus,
    clock: &Clock,
    store: &Store,
    masters: &Masters,
) -> Result<Option<Pollers>, Failure> {
    let polling = &settings.polling;
    if !polling.enabled {
        return Ok(None);
    }
    let is_here = |zone: &Option<String>| zone.as_ref().is_none_or(|zone| *zone == settings.zone);
    let mut all: Vec<Arc<dyn Source>> = Vec::new();
    for account in registries(settings)?.iter() {
        let about = account.settings();
        if !about.poll || !is_here(&about.zone) {
            continue;
        }
        let charts = sources::Docker::charts(Arc::clone(account));
        // One that names charts only has no images that anybody meant.
        let names_images = !about.repositories.is_empty()
            || about.catalog_file.is_some()
            || about.repositories_regex.is_some();
        if charts.is_none() || names_images {
            all.push(Arc::new(sources::Docker::images(Arc::clone(account))));
        }
        if let Some(charts) = charts {
            all.push(Arc::new(charts));
        }
    }
    if polling.builds {
        let look_back_ms = i64::try_from(polling.builds_look_back_ms).unwrap_or(i64::MAX);
        let masters = masters.iter().filter(|master| is_here(&master.zone));
        for master in masters {
            all.push(Arc::new(sources::Builds::new(master.clone(), look_back_ms)));
        }
    }
    let charts = settings
        .artifacts
        .helm
        .iter()
        .filter(|it| polling.helm && is_here(&it.zone));
    let charts: Vec<_> = charts.collect();
    let buckets: Vec<_> = polling.s3.iter().filter(|it| is_here(&it.zone)).collect();
    if !charts.is_empty() || !buckets.is_empty() {
        let accounts: Artifacts = super::artifacts(settings, clock, store)?;
        for account in charts {
            let source = sources::Helm::new(&account.name, &account.repository, accounts.clone());
            all.push(Arc::new(source));
        }
        for search in buckets {
            all.push(Arc::new(sources::S3::new(search.clone(), accounts.clone())));
        }
    }
    let searches = settings
        .artifactory
        .searches
        .iter()
        .filter(|it| is_here(&it.zone));
    for search in searches {
        let search = Search::new(search.clone(), &http(settings)?).map_err(|error| {
            Failure::new(Exit::Usage, format!("artifactory: {}", chain(&error)))
        })?;
        all.push(Arc::new(sources::Artifactory::new(search)));
    }
    if polling.plugins {
        all.push(Arc::new(sources::Plugins::new(store.clone())));
    }
    let config = Config {
        process: name.to_owned(),
        interval: ms(polling.interval_ms),
        item_upper_threshold: polling.item_upper_threshold,
        seed: rand::random(),
    };
    Ok(Some(Pollers::new(bus, clock.clone(), config, all)))
}

/// The accounts of registries as the API lists them.
pub(crate) fn shown_registries(settings: &Settings) -> Vec<Account> {
    let accounts = settings.docker_registry.accounts.iter();
    let shown = accounts.map(|account| Account {
        name: account.name.clone(),
        zone: account.zone.clone(),
        has_charts: !account.helm_oci_repositories.is_empty(),
    });
    shown.collect()
}

/// The names of searches in Artifactory.
pub(crate) fn shown_searches(settings: &Settings) -> Vec<String> {
    let searches = settings.artifactory.searches.iter();
    searches.map(|search| search.name.clone()).collect()
}

/// Answers the API's questions about registries until the scope ends: those of accounts that this zone reaches.
pub(crate) async fn tell_registries(
    zone: String,
    accounts: Accounts,
    bus: Bus,
    clock: Clock,
    scope: Scope,
) {
    let here = accounts.iter().filter(|account| {
        account
            .settings()
            .zone
            .as_ref()
            .is_none_or(|it| *it == zone)
    });
    let places = here.map(|account| place(account.name())).collect();
    let answerer: Answerer = Arc::new(move |place, question| {
        let accounts = accounts.clone();
        Box::pin(async move {
            let account = place.split_once(':').map_or("", |(_, account)| account);
            reads::answer(&accounts, account, &question).await.into()
        })
    });
    asks::run(bus, clock, POOL.to_owned(), places, answerer, scope).await;
}

fn http(settings: &Settings) -> Result<gennaker_outbound::Options, Failure> {
    Ok(gennaker_outbound::Options {
        connect_timeout: ms(settings.outbound.connect_timeout_ms),
        read_timeout: ms(settings.outbound.read_timeout_ms),
        total_timeout: CALL_MAX,
        response_bytes_max: ANSWER_BYTES_MAX,
        proxies: super::proxies()?,
        ..gennaker_outbound::Options::default()
    })
}
