//! Accounts of artifacts and the programs that bake: from settings to what workers of the pool `deploy` use.

use std::path::PathBuf;
use std::sync::Arc;

use gennaker_artifacts::{Accounts, Options};
use gennaker_bake::{Baker, Limits, Tools};
use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_deploy::StoredTemplates;
use gennaker_model::artifact_reads::{POOL, place};
use gennaker_outbound::Exceptions;
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::Settings;
use gennaker_store::Store;
use gennaker_worker::asks::{self, Answerer};

use super::ms;
use crate::output::chain;

/// The accounts that a worker of this zone reads artifacts through.
///
/// # Errors
/// A host, pattern, proxy variable or certificate cannot be used.
pub(crate) fn artifacts(
    settings: &Settings,
    clock: &Clock,
    store: &Store,
) -> Result<Accounts, Failure> {
    let outbound = &settings.outbound;
    let options = Options {
        artifacts: settings.artifacts.clone(),
        exceptions: Exceptions {
            allow_loopback: outbound.allow_loopback,
            allow_link_local: outbound.allow_link_local,
            allowed_patterns: outbound.allowed_patterns.clone(),
        },
        http: gennaker_outbound::Options {
            connect_timeout: ms(outbound.connect_timeout_ms),
            read_timeout: ms(outbound.read_timeout_ms),
            total_timeout: ms(settings.artifacts.timeout_ms),
            request_bytes_max: outbound.request_bytes_max,
            proxies: super::proxies()?,
            ..gennaker_outbound::Options::default()
        },
        zone: Some(settings.zone.clone()),
        clock: clock.clone(),
        templates: Some(Arc::new(StoredTemplates(store.clone()))),
    };
    Accounts::new(options)
        .map_err(|error| Failure::new(Exit::Usage, format!("artifacts: {}", chain(&error))))
}

/// Answers the API's questions about artifacts until the scope ends: those of accounts that this zone reaches.
pub(crate) async fn tell_artifacts(
    settings: Settings,
    accounts: Accounts,
    bus: Bus,
    clock: Clock,
    scope: Scope,
) {
    let listed = gennaker_artifacts::listed(&settings.artifacts);
    let here = listed.into_iter().filter(|account| {
        account
            .zone
            .as_ref()
            .is_none_or(|zone| *zone == settings.zone)
    });
    let mut places: Vec<String> = here.map(|account| place(&account.name)).collect();
    places.sort_unstable();
    places.dedup();
    let answerer: Answerer = Arc::new(move |_, question| {
        let accounts = accounts.clone();
        Box::pin(async move { gennaker_deploy::answer(&accounts, &question).await.into() })
    });
    asks::run(bus, clock, POOL.to_owned(), places, answerer, scope).await;
}

/// What bakes manifests.
pub(crate) fn baker(settings: &Settings) -> Arc<Baker> {
    let bake = &settings.bake;
    let program = |named: &Option<String>| named.as_ref().map(PathBuf::from);
    Arc::new(Baker::new(gennaker_bake::Options {
        tools: Tools {
            helm3: program(&bake.helm3),
            helm4: program(&bake.helm4),
            kustomize: program(&bake.kustomize),
            helmfile: program(&bake.helmfile),
        },
        limits: Limits {
            time: ms(bake.timeout_ms),
            output_bytes_max: usize::try_from(bake.output_bytes_max).unwrap_or(usize::MAX),
            files_bytes_max: bake.files_bytes_max,
            files_max: bake.files_max,
            memory_bytes_max: bake.memory_bytes_max,
        },
        allow_hooks_and_post_renderers: bake.helmfile_allow_hooks_and_post_renderers,
        overrides_file_threshold: usize::try_from(bake.helm_overrides_file_threshold)
            .unwrap_or(usize::MAX),
    }))
}
