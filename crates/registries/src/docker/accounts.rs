//! Accounts of registries, from settings.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use futures_util::{StreamExt as _, stream};
use gennaker_credentials::{
    auth::{Auth, Proof, Secret},
    challenge,
};
use gennaker_outbound::{Client, Policy};
use gennaker_settings::DockerRegistryAccount;
use regex::Regex;
use serde::Deserialize;
use url::{Origin, Url};

use super::{client::Registry, config_file, password::Printed};
use crate::{Error, host_of};

/// Largest file that lists repositories, in bytes.
const CATALOGUE_BYTES_MAX: u64 = 16 << 20;

/// Most tags that are asked for their images' dates, and how many at once.
const DATED_MAX: usize = 500;
const AT_ONCE: usize = 8;

/// All accounts, in the order of the settings. Cheap to clone.
#[derive(Clone, Default)]
pub struct Accounts(Arc<Vec<Arc<Docker>>>);

/// What accounts are made of.
pub struct Options {
    /// The accounts, as the settings have them.
    pub accounts: Vec<DockerRegistryAccount>,
    /// Time limits, proxies and certificates of calls.
    pub http: gennaker_outbound::Options,
}

/// Accounts that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Certificates or proxies.
    #[error(transparent)]
    Client(#[from] gennaker_outbound::Error),
    /// A pattern of repositories.
    #[error("account {account}: repositories_regex cannot be used")]
    Pattern {
        /// The account.
        account: String,
        /// Why.
        #[source]
        source: regex::Error,
    },
}

/// One account of one registry.
pub struct Docker {
    settings: DockerRegistryAccount,
    registry: Registry,
    address: String,
    proving: Proving,
    pattern: Option<Regex>,
}

/// Which repositories are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repositories {
    /// Those that hold images.
    Images,
    /// Those that hold charts.
    Charts,
}

/// What an image says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Digest of its configuration.
    pub config_digest: Option<String>,
    /// When it was made, if it says so.
    pub created: Option<jiff::Timestamp>,
    /// Its label `commitId`.
    pub commit_id: Option<String>,
    /// Its label `buildNumber`.
    pub build_number: Option<String>,
    /// Its label `branch`.
    pub branch: Option<String>,
}

enum Proving {
    By(Auth),
    /// `docker login`'s file.
    File(PathBuf),
    /// A user, and a command that prints the password.
    Printed {
        user: String,
        password: Printed,
    },
}

#[derive(Deserialize)]
struct CatalogueFile {
    repositories: Vec<String>,
}

impl Accounts {
    /// Makes all accounts. Opens nothing yet.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn new(options: Options) -> Result<Self, Invalid> {
        let mut accounts = Vec::new();
        for settings in options.accounts {
            accounts.push(Arc::new(Docker::new(settings, &options.http)?));
        }
        Ok(Self(Arc::new(accounts)))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Docker>> {
        self.0.iter()
    }

    /// The account with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Docker>> {
        self.0.iter().find(|account| account.name() == name)
    }
}

impl Docker {
    fn new(
        settings: DockerRegistryAccount,
        http: &gennaker_outbound::Options,
    ) -> Result<Self, Invalid> {
        // As clouddriver-docker: what people paste often ends with the version of the protocol.
        let address = settings.address.trim_end_matches('/');
        let address = address.strip_suffix("/v2").unwrap_or(address);
        let address = match address.contains("://") {
            true => address.to_owned(),
            false => format!("https://{address}"),
        };
        let mut http = http.clone();
        http.tls.insecure_skip_verify = settings.insecure_registry;
        http.total_timeout = std::time::Duration::from_millis(settings.client_timeout_ms);
        let client = Client::new(Policy::trusted(), http)?;
        let host = host_of(&address);
        let named = settings.token_hosts.iter().map(String::as_str);
        let token_hosts = named.chain(challenge::token_hosts(&host));
        let token_hosts: Vec<Origin> = token_hosts.filter_map(origin).collect();
        let pattern = settings.repositories_regex.as_deref().map(whole);
        let pattern = pattern.transpose().map_err(|source| Invalid::Pattern {
            account: settings.name.clone(),
            source,
        })?;
        let password = Secret::of(settings.password.as_ref(), settings.password_file.as_ref());
        let printed = settings
            .username
            .as_ref()
            .zip(settings.password_command.as_ref());
        let proving = match (&settings.docker_config_file, printed) {
            (Some(file), _) => Proving::File(PathBuf::from(file)),
            (None, Some((user, command))) => Proving::Printed {
                user: user.clone(),
                password: Printed::new(command),
            },
            (None, None) => Proving::By(Auth::of(
                settings.username.as_ref(),
                password,
                settings.username_password_file.as_ref(),
                None,
            )),
        };
        Ok(Self {
            registry: Registry::new(
                client,
                &settings.name,
                &address,
                token_hosts,
                settings.paginate_size,
            ),
            address,
            proving,
            pattern,
            settings,
        })
    }

    /// The account's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// What the settings say of it.
    #[must_use]
    pub fn settings(&self) -> &DockerRegistryAccount {
        &self.settings
    }

    /// Its address, with scheme and without a slash at the end.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The registry as images name it: the address without its scheme.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.address.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// The repositories that the account looks at, without repeats, in the order in which they are named.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn repositories(&self, wanted: Repositories) -> Result<Vec<String>, Error> {
        let settings = &self.settings;
        let mut names = match wanted {
            Repositories::Charts => settings.helm_oci_repositories.clone(),
            Repositories::Images if !settings.repositories.is_empty() => {
                settings.repositories.clone()
            }
            Repositories::Images => {
                let listed = match &settings.catalog_file {
                    Some(file) => catalogue_file(file).await?,
                    None => self.registry.catalogue(&self.proof().await?).await?,
                };
                let fits = |name: &String| self.pattern.as_ref().is_none_or(|it| it.is_match(name));
                let charts = &settings.helm_oci_repositories;
                listed
                    .into_iter()
                    .filter(|name| fits(name) && !charts.contains(name))
                    .collect()
            }
        };
        let mut seen = BTreeSet::new();
        names.retain(|name| {
            is_repository(name) && !settings.skip.contains(name) && seen.insert(name.clone())
        });
        Ok(names)
    }

    /// The tags of a repository, in the registry's order; none when it does not know the repository.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let proof = self.proof().await?;
        match self.registry.tags(&proof, checked(repository)?).await {
            // A repository whose last tag was deleted is unknown to some.
            Err(Error::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
            Ok(mut tags) => {
                tags.retain(|tag| is_tag(tag));
                Ok(tags)
            }
        }
    }

    /// The same as people want to see them: with `sort_tags_by_date` the newest image first. Tags whose images do not say when they
    /// were made, such as indexes of several platforms, come last, in the registry's order. Of more than five hundred tags nothing is
    /// asked, and all stay in the registry's order.
    ///
    /// Source: clouddriver `DockerRegistryNamedAccountCredentials.getTags`, which leaves such tags out.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sorted_tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        let tags = self.tags(repository).await?;
        if !self.settings.sort_tags_by_date || tags.len() > DATED_MAX {
            return Ok(tags);
        }
        let mut dated = stream::iter(tags)
            .map(async |tag| (self.labels(repository, &tag).await, tag))
            .buffered(AT_ONCE);
        let mut sorted = Vec::new();
        while let Some((labels, tag)) = dated.next().await {
            sorted.push((labels?.created, tag));
        }
        sorted.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
        Ok(sorted.into_iter().map(|(_, tag)| tag).collect())
    }

    /// The digest of a tag's manifest: that of the index, for an image of several platforms. Nothing when the tag is gone or the
    /// registry does not say.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn digest(&self, repository: &str, tag: &str) -> Result<Option<String>, Error> {
        let proof = self.proof().await?;
        let found = self
            .registry
            .digest(&proof, checked(repository)?, checked_tag(tag)?)
            .await;
        match found {
            Err(Error::NotFound(_)) => Ok(None),
            other => other,
        }
    }

    /// What a tag's image says of itself.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn labels(&self, repository: &str, tag: &str) -> Result<Labels, Error> {
        let proof = self.proof().await?;
        let found = self
            .registry
            .configuration(&proof, checked(repository)?, checked_tag(tag)?)
            .await;
        let found = match found {
            Err(Error::NotFound(_)) => None,
            other => other?,
        };
        let Some(configuration) = found else {
            return Ok(Labels::default());
        };
        let label = |name: &str| configuration.labels.get(name).cloned();
        Ok(Labels {
            config_digest: Some(configuration.digest.clone()),
            created: configuration.created,
            commit_id: label("commitId"),
            build_number: label("buildNumber"),
            branch: label("branch"),
        })
    }

    async fn proof(&self) -> Result<Proof, Error> {
        let read = match &self.proving {
            Proving::By(auth) => auth.read().await,
            Proving::File(file) => config_file::read(file, self.registry()).await,
            Proving::Printed { user, password } => {
                let user = user.clone();
                let password = password.read().await;
                password.map(|password| Proof::Basic { user, password })
            }
        };
        read.map_err(|problem| {
            Error::Credentials(format!(
                "the credentials of account {}: {problem}",
                self.settings.name
            ))
        })
    }
}

/// A pattern for the whole name, as Java's `matches`.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

fn origin(written: &str) -> Option<Origin> {
    let url = match written.contains("://") {
        true => Url::parse(written).ok()?,
        false => Url::parse(&format!("https://{written}")).ok()?,
    };
    url.has_host().then(|| url.origin())
}

async fn catalogue_file(path: &str) -> Result<Vec<String>, Error> {
    let unreadable =
        |problem: String| Error::Credentials(format!("the catalog_file {path}: {problem}"));
    let size = tokio::fs::metadata(path).await;
    let size = size.map_err(|error| unreadable(error.to_string()))?.len();
    if size > CATALOGUE_BYTES_MAX {
        return Err(unreadable(format!(
            "has more than {CATALOGUE_BYTES_MAX} bytes"
        )));
    }
    let text = tokio::fs::read(path).await;
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    let file: CatalogueFile = serde_json::from_slice(&text)
        .map_err(|_| unreadable("is no JSON object with a list of repositories".to_owned()))?;
    Ok(file.repositories)
}

fn checked(repository: &str) -> Result<&str, Error> {
    match is_repository(repository) {
        true => Ok(repository),
        false => Err(Error::NotFound(format!("the repository {repository:?}"))),
    }
}

fn checked_tag(tag: &str) -> Result<&str, Error> {
    match is_tag(tag) {
        true => Ok(tag),
        false => Err(Error::NotFound(format!("the tag {tag:?}"))),
    }
}

/// Names of repositories become parts of paths, so only what the protocol allows is one.
fn is_repository(name: &str) -> bool {
    let part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    name.len() <= 1_000 && name.split('/').all(part)
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && !matches!(tag, "" | "." | "..")
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
