//! Canary analysis: from settings to the accounts of metric servers and the client that asks them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gennaker_canary::{Account, Accounts, Credentials, SourceKind};
use gennaker_cli::Failure;
use gennaker_credentials::{auth::Secret, aws, google};
use gennaker_outbound::{Client, Policy};
use gennaker_runtime::Clock;
use gennaker_settings::{CanaryAccount, CanarySource, Settings};

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
    let options = gennaker_outbound::Options {
        connect_timeout: super::ms(settings.outbound.connect_timeout_ms),
        read_timeout: QUERY_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
        proxies: super::proxies()?,
        ..gennaker_outbound::Options::default()
    };
    super::client(Policy::trusted(), options)
}

/// The accounts, in their order. `client` is the one that asks them.
pub(crate) fn metric_accounts(
    settings: &Settings,
    client: &Client,
    clock: &Clock,
) -> Arc<Accounts> {
    let accounts = settings.canary.accounts.iter();
    Arc::new(Accounts::new(
        accounts.map(|one| account(one, client, clock)),
    ))
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
