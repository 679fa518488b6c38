//! Canary analysis: from settings to the accounts of metric servers and the client that asks them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gennaker_canary::{Account, Accounts, Credentials, SourceKind};
use gennaker_cli::Failure;
use gennaker_outbound::{Client, Policy};
use gennaker_settings::{CanaryAccount, CanarySource, Settings};

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

/// The accounts, in their order.
pub(crate) fn metric_accounts(settings: &Settings) -> Arc<Accounts> {
    Arc::new(Accounts::new(settings.canary.accounts.iter().map(account)))
}

fn account(account: &CanaryAccount) -> Account {
    let file = |path: &Option<String>| path.as_ref().map(PathBuf::from);
    let credentials = match (
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
    };
    Account {
        name: account.name.clone(),
        kind: match account.kind {
            CanarySource::Prometheus => SourceKind::Prometheus,
            CanarySource::Graphite => SourceKind::Graphite,
            CanarySource::Influxdb => SourceKind::Influxdb,
            CanarySource::Datadog => SourceKind::Datadog,
            CanarySource::Newrelic => SourceKind::Newrelic,
            CanarySource::Generic => SourceKind::Generic,
        },
        url: account.url.clone(),
        credentials,
        scope_label: account
            .scope_label
            .clone()
            .unwrap_or_else(|| "instance".to_owned()),
    }
}
