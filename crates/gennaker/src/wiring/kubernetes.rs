//! Accounts of Kubernetes: from settings and kubeconfigs to what workers connect to, and to the zones that stages are pinned to.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gennaker_bus::Bus;
use gennaker_cli::{Exit, Failure};
use gennaker_deploy::POOL;
use gennaker_kubernetes::{Accounts, Options};
use gennaker_model::reads;
use gennaker_outbound::Client;
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{KubernetesAccount, Settings};
use gennaker_worker::asks::{self, Answerer};

/// Where kubectl looks, and `gennaker dev` only when somebody has set it.
const VARIABLE: &str = "KUBECONFIG";

/// The accounts that a worker of this zone serves. Those that cannot be used are named in the log. `google` asks for the tokens of
/// those that are Google's service accounts.
pub(crate) fn accounts(
    settings: &Settings,
    clock: &Clock,
    scope: &Scope,
    google: &Client,
) -> Accounts {
    let options = Options {
        clock: clock.clone(),
        scope: scope.clone(),
        zone: Some(settings.zone.clone()),
        google: Some(google.clone()),
    };
    Accounts::load(&settings.kubernetes, &options).0
}

/// The accounts as the API knows them: without their credentials.
pub(crate) fn shown_accounts(settings: &Settings) -> Vec<KubernetesAccount> {
    let shown = |account: KubernetesAccount| KubernetesAccount {
        kubeconfig_contents: None,
        ..account
    };
    settings
        .kubernetes
        .read_accounts()
        .accounts
        .into_iter()
        .map(shown)
        .collect()
}

/// Answers the API's questions about these accounts until the scope ends.
pub(crate) async fn answers(accounts: Accounts, bus: Bus, clock: Clock, scope: Scope) {
    let names = accounts.names().map(str::to_owned).collect();
    let answerer: Answerer = Arc::new(move |account, question| {
        let accounts = accounts.clone();
        Box::pin(async move { gennaker_kubernetes::answer(&accounts, &account, &question).await })
    });
    asks::run(bus, clock, reads::POOL.to_owned(), names, answerer, scope).await;
}

/// What the operations of each account are pinned to: its zone, or the name of the set of its zones. Accounts of every zone are not
/// in it.
pub(crate) fn account_zones(settings: &Settings) -> BTreeMap<String, String> {
    let read = settings.kubernetes.read_accounts();
    let pinned = read
        .accounts
        .iter()
        .filter_map(|account| Some((account.name.clone(), account.place()?)));
    pinned.collect()
}

/// Zones that accounts are in, and names of the sets of zones that accounts are reached from: each has a consumer of its own, a set's
/// is served by workers of all its zones.
pub(crate) fn places(settings: &Settings) -> Vec<String> {
    let mut places = sets(settings, |_| true);
    for account in settings.kubernetes.read_accounts().accounts {
        places.extend(account.every_zone().into_iter().map(str::to_owned));
    }
    places
}

/// Those that this process belongs to.
pub(crate) fn own_zone_sets(settings: &Settings) -> Vec<String> {
    sets(settings, |account| account.is_in(&settings.zone))
}

fn sets(settings: &Settings, is_meant: impl Fn(&KubernetesAccount) -> bool) -> Vec<String> {
    let read = settings.kubernetes.read_accounts();
    let several = read
        .accounts
        .iter()
        .filter(|account| account.every_zone().len() > 1 && is_meant(account));
    let mut sets: Vec<String> = several.filter_map(KubernetesAccount::place).collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

/// Says when accounts are configured that no worker of this process serves.
pub(crate) fn warn_unserved(settings: &Settings) {
    let has_accounts = !settings.kubernetes.read_accounts().accounts.is_empty();
    if has_accounts && !settings.worker.pools.iter().any(|pool| pool == POOL) {
        tracing::warn!(
            "kubernetes.accounts are configured, and this worker does not serve the pool {POOL}: add it to worker.pools here, or \
             run a worker with --pools {POOL}"
        );
    }
}

/// The accounts of `gennaker dev`: each context of the named files, or of those in `KUBECONFIG`. With neither there is none.
///
/// # Errors
/// A file cannot be read, or two have a context of the same name.
pub(crate) fn accounts_of_kubeconfigs(
    named: Option<&Path>,
) -> Result<Vec<KubernetesAccount>, Failure> {
    let files = match (named, std::env::var_os(VARIABLE)) {
        (Some(file), _) => vec![file.to_owned()],
        (None, Some(list)) => files_in(&list),
        (None, None) => Vec::new(),
    };
    let mut accounts: Vec<KubernetesAccount> = Vec::new();
    for file in files {
        let shown = file.display();
        let contexts = gennaker_kubernetes::contexts(&file).map_err(|problem| {
            Failure::new(
                Exit::Usage,
                format!("the kubeconfig {shown} cannot be used: {problem}"),
            )
            .fix(format!(
                "name another with --kubeconfig FILE, or unset {VARIABLE} to start without clusters"
            ))
        })?;
        let file = std::path::absolute(&file).unwrap_or(file);
        for context in contexts {
            if accounts.iter().any(|known| known.name == context) {
                // As kubectl: the first one counts.
                continue;
            }
            accounts.push(KubernetesAccount {
                name: context.clone(),
                kubeconfig_file: Some(file.display().to_string()),
                context: Some(context),
                // A person has named the file, and its clusters may have no other way in.
                allow_exec: true,
                ..KubernetesAccount::default()
            });
        }
    }
    Ok(accounts)
}

fn files_in(list: &OsStr) -> Vec<PathBuf> {
    std::env::split_paths(list)
        .filter(|path| !path.as_os_str().is_empty())
        .collect()
}
