//! Canary analysis: from settings to the accounts of metric servers and the client that asks them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gennaker_bus::Bus;
use gennaker_canary::{Account, Accounts, Credentials, Kayenta, SourceKind, Storage, Storages};
use gennaker_cli::{Exit, Failure};
use gennaker_credentials::{auth::Secret, aws, google};
use gennaker_model::canary_reads::place;
use gennaker_outbound::{Client, Policy, Proxies, Tls};
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{ArchiveBackend, CanaryAccount, CanarySource, Settings};
use gennaker_store::CanaryObjects;
use gennaker_worker::asks::{self, Answerer};

use super::bucket::{bucket, unusable};
use crate::output::chain;

/// Where Google's metrics are.
const MONITORING_OF_GOOGLE: &str = "https://monitoring.googleapis.com";

/// Longest time that a query of metrics may take (Kayenta's read time-out).
const QUERY_MAX: Duration = Duration::from_secs(60);

/// Largest answer to a query.
const RESPONSE_BYTES_MAX: u64 = 64 << 20;

/// The client of the pool `canary`: for addresses that operators name.
///
/// # Errors
/// A proxy variable or certificate cannot be used.
pub(crate) fn metrics_client(settings: &Settings) -> Result<Client, Failure> {
    super::client(Policy::trusted(), options(settings)?)
}

fn options(settings: &Settings) -> Result<gennaker_outbound::Options, Failure> {
    Ok(gennaker_outbound::Options {
        connect_timeout: super::ms(settings.outbound.connect_timeout_ms),
        read_timeout: QUERY_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
        proxies: super::proxies()?,
        ..gennaker_outbound::Options::default()
    })
}

/// The accounts, in their order, each with its client if it needs one of its own.
///
/// # Errors
/// A file with certificates cannot be read, or what is in it, or a proxy, cannot be used.
pub(crate) fn metric_accounts(
    settings: &Settings,
    client: &Client,
    clock: &Clock,
) -> Result<Arc<Accounts>, Failure> {
    let mut made = Vec::new();
    let mut clients = Vec::new();
    for one in &settings.canary.accounts {
        let has_own = [&one.ca_file, &one.client_certificate_file, &one.proxy];
        // Where it cannot be reached its files need not be.
        let own = match is_here(one, settings) && has_own.into_iter().any(Option::is_some) {
            true => Some(own_client(one, settings)?),
            false => None,
        };
        made.push(account(one, own.as_ref().unwrap_or(client), clock));
        clients.extend(own.map(|own| (one.name.as_str(), own)));
    }
    let mut accounts = Accounts::new(made);
    for (name, own) in clients {
        accounts = accounts.with_client(name, own);
    }
    for one in &settings.canary.accounts {
        if !is_here(one, settings) {
            accounts = accounts.elsewhere(&one.name);
        }
    }
    Ok(Arc::new(accounts))
}

/// Where results lie.
///
/// # Errors
/// A bucket can be neither found nor made.
pub(crate) async fn canary_storages(settings: &Settings, bus: &Bus) -> Result<Storages, Failure> {
    let in_broker = |name: &str| Storage {
        name: name.to_owned(),
        kind: "gennaker",
        place: None,
        objects: CanaryObjects::kv(bus),
    };
    let mut storages = Vec::new();
    for (number, storage) in settings.canary.storage.iter().enumerate() {
        storages.push(match storage.backend {
            ArchiveBackend::Kv => in_broker(&storage.name),
            ArchiveBackend::S3 => {
                let section = format!("canary.storage[{number}]");
                let options = bucket(&section, &storage.s3, "kayenta")?;
                let place = Some((options.bucket.clone(), options.prefix.clone()));
                let name = options.bucket.clone();
                let objects = CanaryObjects::s3(options).await;
                Storage {
                    name: storage.name.clone(),
                    kind: "s3",
                    place,
                    objects: objects.map_err(|error| unusable(&section, &name, &error))?,
                }
            }
        });
    }
    if storages.is_empty() {
        storages.push(in_broker("gennaker"));
    }
    Ok(Storages::new(storages))
}

/// Answers the API's questions about canary analysis until the scope ends: all that any worker can, and those about the accounts
/// that this zone reaches.
pub(crate) async fn tell_kayenta(
    kayenta: Kayenta,
    accounts: Arc<Accounts>,
    bus: Bus,
    clock: Clock,
    scope: Scope,
) {
    let theirs = accounts.here().map(|account| place(Some(account)));
    let places: Vec<String> = std::iter::once(place(None)).chain(theirs).collect();
    let now = clock.clone();
    let answerer: Answerer = Arc::new(move |_, question| {
        let (kayenta, now_ms) = (kayenta.clone(), now.now_ms());
        Box::pin(async move { kayenta.answer(&question, now_ms).await.into() })
    });
    asks::run(
        bus,
        clock,
        gennaker_canary::POOL.to_owned(),
        places,
        answerer,
        scope,
    )
    .await;
}

/// The zones that analyses are pinned to, by the name of the account of metrics.
pub(crate) fn metric_zones(settings: &Settings) -> BTreeMap<String, String> {
    let pinned = settings.canary.accounts.iter();
    let pinned = pinned.filter_map(|account| Some((account.name.clone(), account.zone.clone()?)));
    pinned.collect()
}

fn is_here(account: &CanaryAccount, settings: &Settings) -> bool {
    account
        .zone
        .as_ref()
        .is_none_or(|zone| *zone == settings.zone)
}

/// A client with the certificates and the proxy of one account.
fn own_client(account: &CanaryAccount, settings: &Settings) -> Result<Client, Failure> {
    let unusable = |what: &str, why: String| {
        let name = &account.name;
        Failure::new(
            Exit::Usage,
            format!("canary.accounts ({name}): {what}: {why}"),
        )
    };
    let read = |what: &str, file: &Option<String>| match file {
        None => Ok(None),
        Some(file) => std::fs::read(file)
            .map(Some)
            .map_err(|error| unusable(what, format!("{file} cannot be read: {error}"))),
    };
    let tls = Tls {
        extra_ca_pem: read("ca_file", &account.ca_file)?,
        identity_pem: read("client_certificate_file", &account.client_certificate_file)?,
        insecure_skip_verify: false,
    };
    let proxies = match account.proxy.as_deref() {
        None => super::proxies()?,
        Some("direct") => Proxies::none(),
        Some(proxy) => {
            let set = |name: &str| (name == "all_proxy").then(|| proxy.to_owned());
            Proxies::from_variables(set).map_err(|error| unusable("proxy", chain(&error)))?
        }
    };
    let options = gennaker_outbound::Options {
        proxies,
        tls,
        ..options(settings)?
    };
    Client::new(Policy::trusted(), options).map_err(|error| unusable("no client", chain(&error)))
}

fn account(account: &CanaryAccount, client: &Client, clock: &Clock) -> Account {
    let kind = kind(account.kind);
    let url = match (kind, account.url.as_str()) {
        (SourceKind::Stackdriver, "") => MONITORING_OF_GOOGLE,
        (_, url) => url,
    };
    let mut made = Account::new(&account.name, kind, url);
    made.credentials = match kind {
        SourceKind::Stackdriver => {
            // Without a key and at another address there is nobody to ask for a token.
            match (&account.json_path, account.url.is_empty()) {
                (None, false) => credentials(account),
                (key, _) => Credentials::Google(Arc::new(google::Identity::new(
                    client.clone(),
                    clock.clone(),
                    key.as_ref().map(PathBuf::from),
                ))),
            }
        }
        SourceKind::Cloudwatch => Credentials::Aws(Arc::new(aws::Service::new(
            client.clone(),
            clock.clone(),
            amazon(account),
        ))),
        _ => credentials(account),
    };
    if let Some(label) = &account.scope_label {
        made.scope_label.clone_from(label);
    }
    made.project.clone_from(&account.project);
    made.scope_key.clone_from(&account.default_scope_key);
    made.location_key.clone_from(&account.default_location_key);
    made
}

const fn kind(source: CanarySource) -> SourceKind {
    match source {
        CanarySource::Prometheus => SourceKind::Prometheus,
        CanarySource::Graphite => SourceKind::Graphite,
        CanarySource::Influxdb => SourceKind::Influxdb,
        CanarySource::Datadog => SourceKind::Datadog,
        CanarySource::Newrelic => SourceKind::Newrelic,
        CanarySource::Stackdriver => SourceKind::Stackdriver,
        CanarySource::Signalfx => SourceKind::Signalfx,
        CanarySource::Cloudwatch => SourceKind::Cloudwatch,
        CanarySource::Wavefront => SourceKind::Wavefront,
        CanarySource::Atlas => SourceKind::Atlas,
        CanarySource::Generic => SourceKind::Generic,
    }
}

fn amazon(account: &CanaryAccount) -> aws::Options {
    let secret = account.secret_access_key_file.as_ref();
    let secret = secret.map(|file| Secret::File(PathBuf::from(file)));
    aws::Options {
        region: account.region.clone().unwrap_or_default(),
        service: "monitoring",
        endpoint: Some(account.url.clone()).filter(|url| !url.is_empty()),
        key: account.access_key_id.clone().zip(secret),
        role: account.assume_role.clone(),
    }
}

fn credentials(account: &CanaryAccount) -> Credentials {
    let file = |path: &Option<String>| path.as_ref().map(PathBuf::from);
    match (
        &account.username,
        file(&account.password_file),
        file(&account.username_password_file),
        file(&account.bearer_token_file),
    ) {
        (Some(user), Some(password), ..) => Credentials::Basic(user.clone(), password),
        (.., Some(both), _) => Credentials::BasicFile(both),
        (.., Some(token)) => Credentials::Bearer(token),
        _ if account.secret_header_files.is_empty() => Credentials::None,
        _ => Credentials::Headers(
            account
                .secret_header_files
                .iter()
                .map(|(name, file)| (name.clone(), PathBuf::from(file)))
                .collect(),
        ),
    }
}
