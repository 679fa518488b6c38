//! All accounts of an installation, and fetching through them (Clouddriver: `ArtifactCredentialsRepository`,
//! `ArtifactDownloader`, `ArtifactController`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gennaker_outbound::{Client, Exceptions, Policy};
use gennaker_runtime::Clock;
use serde::Serialize;

use crate::{
    Artifact, Error,
    hosts::Hosts,
    http::Http,
    kinds::{self, Source, front50::Templates},
};

/// The accounts. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    accounts: Vec<Account>,
    zone: Option<String>,
    bytes_max: u64,
    timeout: Duration,
}

/// One account.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) zone: Option<String>,
    pub(crate) read_permissions: Vec<String>,
    pub(crate) source: Box<dyn Source>,
}

/// What accounts are made of.
pub struct Options {
    /// The accounts, as the settings have them.
    pub artifacts: gennaker_settings::Artifacts,
    /// What the operator opens for addresses that pipelines choose.
    pub exceptions: Exceptions,
    /// Time limits, proxies and certificates of calls; their limit on bytes is that of the accounts.
    pub http: gennaker_outbound::Options,
    /// The zone of this process; none in one that serves all.
    pub zone: Option<String>,
    /// The clock, for tokens that expire.
    pub clock: Clock,
    /// Where pipeline templates are (`front50/pipelineTemplate`).
    pub templates: Option<Arc<dyn Templates>>,
}

/// Accounts that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// A host or pattern.
    #[error("{0}")]
    Pattern(#[from] gennaker_outbound::InvalidPattern),
    /// Certificates or proxies.
    #[error(transparent)]
    Client(#[from] gennaker_outbound::Error),
}

/// An account as it is listed: its name and the types that it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credentials {
    /// The account's name.
    pub name: String,
    /// What it reads.
    pub types: Vec<String>,
}

/// An object of a bucket, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// What changes with its content.
    pub etag: String,
    /// When it was written, epoch milliseconds.
    pub modified_ms: i64,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// What the parts of an account are made with.
pub(crate) struct Making {
    exceptions: Exceptions,
    http: gennaker_outbound::Options,
    /// The client of accounts that open nothing.
    shared: Client,
    pub(crate) bytes_max: u64,
    pub(crate) clock: Clock,
}

impl Making {
    /// The way out of an account that has these hosts.
    pub(crate) fn http(&self, account: &str, hosts: Hosts) -> Result<Http, Invalid> {
        self.http_with(account, hosts, &[])
    }

    /// The same with further hosts that the account may call, without its credentials.
    pub(crate) fn http_with(
        &self,
        account: &str,
        hosts: Hosts,
        opened: &[&str],
    ) -> Result<Http, Invalid> {
        let mut patterns: Vec<String> = hosts.patterns().collect();
        patterns.extend(opened.iter().map(|&one| one.to_owned()));
        let client = self.client(&patterns)?;
        Ok(Http::new(account, client, hosts, self.bytes_max))
    }

    /// A client that may also call what these patterns open.
    pub(crate) fn client(&self, patterns: &[String]) -> Result<Client, Invalid> {
        if patterns.is_empty() {
            return Ok(self.shared.clone());
        }
        let mut exceptions = self.exceptions.clone();
        exceptions.allowed_patterns.extend_from_slice(patterns);
        Ok(Client::new(
            Policy::untrusted(&exceptions)?,
            self.http.clone(),
        )?)
    }
}

impl Accounts {
    /// Makes all accounts of the settings, and those that always exist. Opens nothing yet.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn new(options: Options) -> Result<Self, Invalid> {
        let settings = &options.artifacts;
        let http = gennaker_outbound::Options {
            response_bytes_max: settings.bytes_max,
            ..options.http
        };
        let making = Making {
            shared: Client::new(Policy::untrusted(&options.exceptions)?, http.clone())?,
            exceptions: options.exceptions,
            http,
            bytes_max: settings.bytes_max,
            clock: options.clock,
        };
        Ok(Self(Arc::new(Inner {
            accounts: kinds::accounts(settings, &making, options.templates)?,
            zone: options.zone,
            bytes_max: settings.bytes_max,
            timeout: Duration::from_millis(settings.timeout_ms),
        })))
    }

    /// The content of an artifact.
    ///
    /// An artifact that names no account is read through the only account that reads its type; Clouddriver wants the name.
    ///
    /// # Errors
    /// [`Error`]; dropping the future ends the call.
    pub async fn fetch(&self, artifact: &Artifact) -> Result<Bytes, Error> {
        let account = self.for_type(&artifact.account, &artifact.kind, || artifact.shown())?;
        let fetched = self.within(account.source.fetch(artifact)).await;
        let fetched = fetched.and_then(|content| match content.len() as u64 > self.0.bytes_max {
            true => Err(Error::TooLarge(self.0.bytes_max)),
            false => Ok(content),
        });
        fetched.map_err(|error| match error {
            // These say it all.
            Error::NotDownloadable(_) | Error::NotBuilt { .. } | Error::Download { .. } => error,
            cause => Error::Download {
                artifact: artifact.shown(),
                source: Box::new(cause),
            },
        })
    }

    /// Accounts for which `may_read` says yes to the roles that may use them (none: everybody may), in the order of the
    /// settings, those of one name together.
    pub fn credentials(&self, may_read: impl Fn(&[String]) -> bool) -> Vec<Credentials> {
        let mut all: Vec<Credentials> = Vec::new();
        for account in &self.0.accounts {
            if !account.read_permissions.is_empty() && !may_read(&account.read_permissions) {
                continue;
            }
            let types = account.source.types().iter().map(|&one| one.to_owned());
            match all.iter_mut().find(|one| one.name == account.name) {
                Some(known) => known.types.extend(types),
                None => all.push(Credentials {
                    name: account.name.clone(),
                    types: types.collect(),
                }),
            }
        }
        all
    }

    /// Names of what an account holds, such as the charts of a repository.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn names(&self, account: &str, kind: &str) -> Result<Vec<String>, Error> {
        let account = self.for_type(account, kind, || kind.to_owned())?;
        match account.source.names() {
            Some(names) => self.within(names).await,
            None => Err(Error::NoList {
                account: account.name.clone(),
                what: "names",
            }),
        }
    }

    /// Versions of what an account holds under a name.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn versions(
        &self,
        account: &str,
        kind: &str,
        name: &str,
    ) -> Result<Vec<String>, Error> {
        let account = self.for_type(account, kind, || name.to_owned())?;
        match account.source.versions(name) {
            Some(versions) => self.within(versions).await,
            None => Err(Error::NoList {
                account: account.name.clone(),
                what: "versions",
            }),
        }
    }

    /// The objects of a bucket whose keys begin with a prefix, through an account of this type (`s3/object`).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn objects(
        &self,
        account: &str,
        kind: &str,
        bucket: &str,
        prefix: &str,
    ) -> Result<Vec<Object>, Error> {
        let account = self.for_type(account, kind, || bucket.to_owned())?;
        match account.source.objects(bucket, prefix) {
            Some(objects) => self.within(objects).await,
            None => Err(Error::NoList {
                account: account.name.clone(),
                what: "objects",
            }),
        }
    }

    /// The accounts as [`listed`] shows them.
    #[cfg(test)]
    fn shown(&self) -> Vec<gennaker_model::artifact_reads::Account> {
        let shown = self
            .0
            .accounts
            .iter()
            .map(|account| gennaker_model::artifact_reads::Account {
                name: account.name.clone(),
                types: account
                    .source
                    .types()
                    .iter()
                    .map(|&one| one.to_owned())
                    .collect(),
                zone: account.zone.clone(),
                read_permissions: account.read_permissions.clone(),
            });
        shown.collect()
    }

    /// The zone of the account that reads this type, if it has one, and the roles that may use it.
    ///
    /// # Errors
    /// [`Error::NoAccount`], [`Error::UnknownAccount`].
    pub fn about(&self, account: &str, kind: &str) -> Result<(Option<&str>, &[String]), Error> {
        let found = self.find(account, kind, || kind.to_owned())?;
        Ok((found.zone.as_deref(), &found.read_permissions))
    }

    fn for_type(
        &self,
        name: &str,
        kind: &str,
        shown: impl Fn() -> String,
    ) -> Result<&Account, Error> {
        let account = self.find(name, kind, shown)?;
        match (&account.zone, &self.0.zone) {
            (Some(zone), Some(here)) if zone != here => Err(Error::OtherZone {
                account: account.name.clone(),
                zone: zone.clone(),
                here: here.clone(),
            }),
            _ => Ok(account),
        }
    }

    fn find(&self, name: &str, kind: &str, shown: impl Fn() -> String) -> Result<&Account, Error> {
        if let Some(error) = kinds::unreadable(kind) {
            return Err(error);
        }
        let reads = |account: &&Account| account.source.reads(kind);
        let all = || self.0.accounts.iter().filter(reads);
        if name.is_empty() {
            let mut all = all();
            return match (all.next(), all.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(Error::NoAccount(shown())),
            };
        }
        all()
            .find(|account| account.name == name)
            .ok_or_else(|| Error::UnknownAccount {
                account: name.to_owned(),
                kind: kind.to_owned(),
            })
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(self.0.timeout, work)
            .await
            .unwrap_or(Err(Error::Timeout(self.0.timeout)))
    }
}

/// The accounts of the settings, and those that always exist, for those who list them and read nothing: without secrets.
#[must_use]
pub fn listed(
    artifacts: &gennaker_settings::Artifacts,
) -> Vec<gennaker_model::artifact_reads::Account> {
    kinds::listed(artifacts)
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.0.accounts.iter().map(|it| it.name.as_str()).collect();
        f.debug_tuple("Accounts").field(&names).finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{accounts, artifact, zoned};

    const SETTINGS: &str = r#"
        [[artifacts.http]]
        name = "shared"

        [[artifacts.helm]]
        name = "shared"
        repository = "https://charts.example.com"

        [[artifacts.helm]]
        name = "private"
        zone = "b"
        read_permissions = ["ops"]
        repository = "https://charts.internal.example.com"
    "#;

    #[test]
    fn one_name_may_stand_for_several_kinds() {
        let accounts = accounts(SETTINGS);
        let listed = accounts.credentials(|_| false);
        let of = |name: &str| {
            let found = listed.iter().find(|one| one.name == name);
            found.map(|one| one.types.join(" "))
        };
        assert_eq!(
            of("shared").as_deref(),
            Some("http/file helm/chart helm/index")
        );
        assert_eq!(of("private"), None);
        assert_eq!(of("no-auth-http-account").as_deref(), Some("http/file"));
        assert_eq!(
            of("embedded-artifact").as_deref(),
            Some("embedded/base64 remote/base64")
        );
        let all = accounts.credentials(|roles| roles == ["ops"]);
        assert!(all.iter().any(|one| one.name == "private"));
        assert_eq!(
            accounts.about("private", "helm/chart").unwrap().0,
            Some("b")
        );
    }

    #[test]
    fn what_is_listed_is_what_reads() {
        let every = r#"
            [[artifacts.github]]
            name = "gh"
            [[artifacts.gitlab]]
            name = "gl"
            [[artifacts.bitbucket]]
            name = "bb"
            [[artifacts.git_repo]]
            name = "git"
            [[artifacts.helm_oci]]
            name = "oci"
            address = "https://r.io"
            [[artifacts.s3]]
            name = "s3"
            [[artifacts.gcs]]
            name = "gcs"
            [[artifacts.oracle]]
            name = "or"
            namespace = "n"
            region = "r"
            user_id = "u"
            fingerprint = "f"
            ssh_private_key_file = "/k"
            tenancy_id = "t"
            [[artifacts.maven]]
            name = "m"
            repository_url = "https://m.io"
            [[artifacts.jenkins]]
            name = "ci"
            address = "https://ci.io"
        "#;
        let settings = format!("{SETTINGS}{every}");
        let mut listed = super::listed(&crate::testing::options(&settings).artifacts);
        let templates = listed.pop().unwrap();
        assert_eq!(
            templates.types,
            ["front50/pipelineTemplate"],
            "nobody has templates here"
        );
        assert_eq!(listed, accounts(&settings).shown());
    }

    #[tokio::test]
    async fn the_account_must_be_plain() {
        let accounts = accounts(SETTINGS);
        let said = async |account: &str, kind: &str| {
            let artifact = artifact(
                serde_json::json!({"type": kind, "name": "web", "artifactAccount": account}),
            );
            let error = accounts.fetch(&artifact).await.unwrap_err();
            (error.http_status(), error.to_string())
        };
        let sentence = "An artifact account must be supplied to download this artifact: type http/file, name web";
        assert_eq!(said("", "http/file").await, (400, sentence.to_owned()));
        let sentence = "Credentials 'private' supporting artifact type 'http/file' cannot be found";
        assert_eq!(
            said("private", "http/file").await,
            (404, sentence.to_owned())
        );
        let (status, sentence) = said("x", "ivy/file").await;
        assert_eq!(status, 501);
        assert!(
            sentence.starts_with("artifacts of type ivy/file cannot be read: "),
            "{sentence}"
        );
    }

    #[tokio::test]
    async fn an_account_of_another_zone_is_told() {
        let here = zoned(SETTINGS, "a");
        let error = here
            .names("private", "helm/chart")
            .await
            .unwrap_err()
            .to_string();
        let sentence = "the account private is of zone b, and this worker is of zone a: name the zone in the stage's field zone";
        assert_eq!(error, sentence);
    }

    #[tokio::test]
    async fn the_only_account_of_a_type_need_not_be_named() {
        let accounts = accounts("");
        let embedded =
            artifact(serde_json::json!({"type": "embedded/base64", "reference": "aGk="}));
        assert_eq!(accounts.fetch(&embedded).await.unwrap(), "hi");
        let no_list = accounts
            .names("embedded-artifact", "embedded/base64")
            .await
            .unwrap_err();
        assert_eq!(
            no_list.to_string(),
            "the account embedded-artifact has no list of names"
        );
    }
}
