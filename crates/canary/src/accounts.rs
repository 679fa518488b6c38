//! Accounts: where metrics can be had, as operators name them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use gennaker_credentials::{aws, google};
use gennaker_outbound::{Client, Request};

/// Which kind of server it is (`query.type` of a metric, `type` of an account).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Prometheus, or what speaks its HTTP API.
    Prometheus,
    /// Graphite's render API.
    Graphite,
    /// InfluxDB 1.x.
    Influxdb,
    /// Datadog's query API.
    Datadog,
    /// New Relic Insights.
    Newrelic,
    /// Google Cloud Monitoring.
    Stackdriver,
    /// `SignalFx`, today Splunk Observability.
    Signalfx,
    /// Amazon `CloudWatch`.
    Cloudwatch,
    /// Wavefront.
    Wavefront,
    /// Netflix's Atlas.
    Atlas,
    /// Our own: any address that answers numbers.
    Generic,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Prometheus,
        Self::Graphite,
        Self::Influxdb,
        Self::Datadog,
        Self::Newrelic,
        Self::Stackdriver,
        Self::Signalfx,
        Self::Cloudwatch,
        Self::Wavefront,
        Self::Atlas,
        Self::Generic,
    ];

    /// Its name in Kayenta's documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Graphite => "graphite",
            Self::Influxdb => "influxdb",
            Self::Datadog => "datadog",
            Self::Newrelic => "newrelic",
            Self::Stackdriver => "stackdriver",
            Self::Signalfx => "signalfx",
            Self::Cloudwatch => "cloudwatch",
            Self::Wavefront => "wavefront",
            Self::Atlas => "atlas",
            Self::Generic => "generic",
        }
    }
}

/// One account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Which kind of server it is.
    pub kind: SourceKind,
    /// The server's address; paths are appended.
    pub url: String,
    /// How to sign in there.
    pub credentials: Credentials,
    /// Label of an instance in the queries that Prometheus accounts build; `instance` as a rule.
    pub scope_label: String,
    /// The project whose metrics are read, for `stackdriver`; without it, the one that its key names.
    pub project: Option<String>,
    /// Label of the scope in queries of `newrelic` and `signalfx` that name none.
    pub scope_key: Option<String>,
    /// The same of the location.
    pub location_key: Option<String>,
}

/// How a request signs in. Secrets lie in files that are read at each use, without white space at the end.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// It does not.
    #[default]
    None,
    /// User name, and the file with the password.
    Basic(String, PathBuf),
    /// A file with `user:password` (Kayenta's `usernamePasswordFile`).
    BasicFile(PathBuf),
    /// A file with a bearer token.
    Bearer(PathBuf),
    /// Headers by name, each with the file of its value.
    Headers(Vec<(String, PathBuf)>),
    /// A service account of Google.
    Google(Arc<google::Identity>),
    /// Signatures of Amazon, by [`aws::Service`] itself.
    Aws(Arc<aws::Service>),
}

/// The accounts of an installation, in their order: without a name the first of the kind that can be reached is taken.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    all: Vec<Account>,
    /// By name, those that have a client of their own: other certificates, another proxy.
    clients: BTreeMap<String, Client>,
    /// Names of those that only workers of other zones reach.
    elsewhere: BTreeSet<String>,
}

impl Accounts {
    /// These accounts.
    #[must_use]
    pub fn new(accounts: impl IntoIterator<Item = Account>) -> Self {
        Self {
            all: accounts.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The same, with a client of its own for an account: other certificates, another proxy.
    #[must_use]
    pub fn with_client(mut self, name: &str, client: Client) -> Self {
        self.clients.insert(name.to_owned(), client);
        self
    }

    /// The same, of which one is reached by workers of other zones only.
    #[must_use]
    pub fn elsewhere(mut self, name: &str) -> Self {
        self.elsewhere.insert(name.to_owned());
        self
    }

    /// The names of those that are reached from here.
    pub fn here(&self) -> impl Iterator<Item = &str> {
        let here = self.all.iter().filter(|account| self.is_here(account));
        here.map(|account| account.name.as_str())
    }

    pub(crate) fn all(&self) -> &[Account] {
        &self.all
    }

    pub(crate) fn is_here(&self, account: &Account) -> bool {
        !self.elsewhere.contains(&account.name)
    }

    /// The client of an account.
    pub(crate) fn client<'a>(&'a self, account: &Account, usual: &'a Client) -> &'a Client {
        self.clients.get(&account.name).unwrap_or(usual)
    }

    /// Kayenta's `AccountCredentialsRepository`: a name must exist, without one it is the first that fits.
    pub(crate) fn resolve(&self, name: Option<&str>, kind: &str) -> Result<&Account, String> {
        let found = match name {
            Some(name) => self.all.iter().find(|account| account.name == name),
            None => self
                .all
                .iter()
                .find(|account| account.kind.name() == kind && self.is_here(account)),
        };
        match (found, name) {
            (Some(account), _) if !self.is_here(account) => Err(format!(
                "the metrics account {} is reached by workers of another zone, and the task does not name it as metricsAccountName",
                account.name
            )),
            (Some(account), _) if account.kind.name() == kind => Ok(account),
            (Some(account), _) => Err(format!(
                "the metrics account {} is of type {}, and the metric wants {kind}",
                account.name,
                account.kind.name()
            )),
            (None, Some(name)) => Err(format!("Unable to resolve account {name}.")),
            (None, None) => Err(format!(
                "Unable to resolve account of type METRICS_STORE for {kind}."
            )),
        }
    }
}

/// What a token of Google may do.
const GOOGLE_SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";

impl Account {
    /// An account of a kind at an address that asks for no credentials.
    #[must_use]
    pub fn new(name: &str, kind: SourceKind, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            url: url.to_owned(),
            credentials: Credentials::None,
            scope_label: "instance".to_owned(),
            project: None,
            scope_key: None,
            location_key: None,
        }
    }
}

impl Credentials {
    /// The request with what signs it in.
    pub(crate) async fn sign(&self, request: Request) -> Result<Request, String> {
        let read = |path: PathBuf| async move {
            let text = tokio::fs::read_to_string(&path).await;
            let text =
                text.map_err(|error| format!("failed to read {}: {error}", path.display()))?;
            Ok::<_, String>(text.trim_end().to_owned())
        };
        let value = match self {
            // What Amazon's services get is signed where it is sent.
            Self::None | Self::Aws(_) => return Ok(request),
            Self::Google(identity) => {
                let token = identity.token(GOOGLE_SCOPE).await;
                let token = token.map_err(|error| format!("Google gives no token: {error}"))?;
                format!("Bearer {token}")
            }
            Self::Headers(headers) => {
                let mut request = request;
                for (name, file) in headers {
                    request = request.secret_header(name.clone(), read(file.clone()).await?);
                }
                return Ok(request);
            }
            Self::Basic(user, file) => basic(&format!("{user}:{}", read(file.clone()).await?)),
            Self::BasicFile(file) => basic(&read(file.clone()).await?),
            Self::Bearer(file) => format!("Bearer {}", read(file.clone()).await?),
        };
        Ok(request.secret_header("Authorization", value))
    }
}

fn basic(pair: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str, kind: SourceKind) -> Account {
        Account::new(name, kind, "http://h")
    }

    #[test]
    fn accounts_are_found_by_name_or_are_the_first_that_fits() {
        let accounts = Accounts::new([
            account("g", SourceKind::Graphite),
            account("p", SourceKind::Prometheus),
            account("q", SourceKind::Prometheus),
        ]);
        let found = |name, kind| accounts.resolve(name, kind).map(|it| it.name.clone());
        assert_eq!(found(None, "prometheus").as_deref(), Ok("p"));
        assert_eq!(found(Some("q"), "prometheus").as_deref(), Ok("q"));
        assert_eq!(
            found(Some("x"), "prometheus").unwrap_err(),
            "Unable to resolve account x."
        );
        assert!(
            found(Some("g"), "prometheus")
                .unwrap_err()
                .contains("is of type graphite")
        );
        assert!(found(None, "datadog").is_err());
    }

    #[tokio::test]
    async fn secrets_are_read_at_each_use() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let token = Credentials::Bearer(file.path().to_owned());
        for (written, wanted) in [("one\n", "Bearer one"), ("two", "Bearer two")] {
            std::fs::write(file.path(), written).unwrap();
            let signed = token.sign(Request::get("http://h")).await.unwrap();
            assert_eq!(signed.secret_headers[0].1, wanted);
        }
        std::fs::write(file.path(), "pass").unwrap();
        let both = Credentials::Basic("user".to_owned(), file.path().to_owned());
        let signed = both.sign(Request::get("http://h")).await.unwrap();
        assert_eq!(signed.secret_headers[0].1, "Basic dXNlcjpwYXNz");
        let gone = Credentials::Bearer("/nowhere".into());
        assert!(
            gone.sign(Request::get("http://h"))
                .await
                .unwrap_err()
                .contains("/nowhere")
        );
    }
}
