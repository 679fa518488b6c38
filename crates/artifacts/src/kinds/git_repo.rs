//! `git/repo`: a repository, or a folder of one, as an archive (Clouddriver: `GitRepoArtifactCredentials`, `GitJobExecutor`).
//!
//! As there, what comes is what `git archive` packs: `export-ignore` holds, submodules and large files of LFS are left out. No
//! clone is kept for the next time.

use gennaker_credentials::auth::{Auth, Proof, Secret};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_outbound::Client;
use gennaker_settings::{Artifacts, GitRepoAccount};
use url::Url;

use super::{Source, github::API, github_app::GithubApp};
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    git::{Access, Git, Remote, Ssh, scheme},
    hosts::Hosts,
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["git/repo"];

/// The user of a GitHub App's token.
const APP_USER: &str = "x-access-token";

pub(super) struct GitRepo {
    account: String,
    client: Client,
    auth: Auth,
    /// User of a token.
    token_user: Option<String>,
    app: Option<GithubApp>,
    ssh: Option<SshKey>,
    allowed_hosts: Vec<String>,
    git: Git,
}

struct SshKey {
    key: PathBuf,
    passphrase: Option<Secret>,
    known_hosts: Option<PathBuf>,
    trusts_unknown: bool,
}

/// Where a repository is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// As git takes it, without user and password.
    url: String,
    scheme: String,
    host: String,
    port: u16,
}

impl GitRepo {
    pub(super) fn new(
        account: &GitRepoAccount,
        settings: &Artifacts,
        making: &Making,
    ) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        let token = Secret::of(account.token.as_ref(), account.token_file.as_ref());
        let pair_file = account.username_password_file.as_ref();
        let user = account.username.as_ref();
        let ssh = account.ssh_private_key_file.as_ref().map(|key| SshKey {
            key: PathBuf::from(key),
            passphrase: Secret::of(
                account.ssh_private_key_passphrase.as_ref(),
                account.ssh_private_key_passphrase_file.as_ref(),
            ),
            known_hosts: account.ssh_known_hosts_file.as_ref().map(PathBuf::from),
            trusts_unknown: account.ssh_trust_unknown_hosts,
        });
        if account.allowed_hosts.is_empty() {
            tracing::warn!(account = %account.name, "the account {} of git_repo reads repositories of any host", account.name);
        }
        let mut app = None;
        if account.app_id.is_some() {
            let api = account.api_base_url.as_deref().unwrap_or(API);
            let http = making.http(&account.name, Hosts::new([api]))?;
            app = GithubApp::of(account, api, &http, making.clock.clone());
        }
        Ok(Self {
            app,
            account: account.name.clone(),
            client: making.client(&opened(&account.allowed_hosts))?,
            auth: Auth::of(user, password, pair_file, token),
            token_user: user.cloned(),
            ssh,
            allowed_hosts: account.allowed_hosts.clone(),
            git: Git {
                program: settings.git.as_ref().map(PathBuf::from),
                clone_bytes_max: settings.clone_bytes_max,
                archive_bytes_max: settings.bytes_max,
                timeout: Duration::from_millis(settings.timeout_ms),
            },
        })
    }

    async fn archive(&self, artifact: &Artifact) -> Result<Bytes, Error> {
        let version = artifact.version_or("master");
        let sub_path = match artifact.location.as_str() {
            "" => artifact.metadata_text("subPath"),
            location => location,
        };
        let sub_path = sub_path.trim_matches('/');
        checked(version, "version")?;
        checked(sub_path, "location")?;
        let place = Place::of(&artifact.reference)?;
        self.check_host(&place)?;
        let access = self.access(&place).await?;
        let pinned = self.look_up(&place).await?;
        let pinned = (!pinned.is_empty()).then(|| (place.host.clone(), place.port, pinned));
        let url = place.url;
        self.git
            .archive(
                &Remote {
                    url,
                    access,
                    pinned,
                },
                version,
                sub_path,
            )
            .await
    }

    fn check_host(&self, place: &Place) -> Result<(), Error> {
        if self.allowed_hosts.is_empty() || self.allowed_hosts.iter().any(|one| allows(one, place))
        {
            return Ok(());
        }
        Err(Error::Reference(format!(
            "the account {} reads repositories of {} only, and not of {}://{}",
            self.account,
            self.allowed_hosts.join(", "),
            place.scheme,
            place.host
        )))
    }

    /// How git gets in; the scheme must fit what the account has.
    async fn access(&self, place: &Place) -> Result<Access, Error> {
        let secret = |problem| Error::Secret {
            account: self.account.clone(),
            problem,
        };
        let invalid = |auth: &str| {
            Error::Reference(format!(
                "Git reference \"{}\" is invalid for credentials with auth type {auth}",
                place.url
            ))
        };
        if place.scheme == "ssh" {
            let Some(ssh) = &self.ssh else {
                return Err(invalid(self.auth_type()));
            };
            let passphrase = match &ssh.passphrase {
                Some(passphrase) => Some(passphrase.read().await.map_err(secret)?),
                None => None,
            };
            return Ok(Access::Ssh(Ssh {
                key: ssh.key.clone(),
                passphrase,
                known_hosts: ssh.known_hosts.clone(),
                trusts_unknown: ssh.trusts_unknown,
            }));
        }
        let has_proof = !self.auth.is_none() || self.app.is_some();
        if !has_proof && self.ssh.is_some() {
            return Err(invalid("SSH"));
        }
        // The settings see to it that there are hosts; without them nobody knows whom the credentials are for.
        if has_proof && self.allowed_hosts.is_empty() {
            return Err(secret("no allowed_hosts say who gets them".to_owned()));
        }
        if let Some(app) = &self.app {
            let url = Url::parse(&place.url).map_err(|_| invalid("GITHUB_APP"))?;
            return Ok(Access::Basic {
                user: APP_USER.to_owned(),
                password: app.token_to_clone(&url).await?,
            });
        }
        Ok(match self.auth.read().await.map_err(secret)? {
            Proof::None => Access::Open,
            Proof::Basic { user, password } => Access::Basic { user, password },
            // Clouddriver writes `token:<token>` without a user.
            Proof::Token(password) => Access::Basic {
                user: self
                    .token_user
                    .clone()
                    .unwrap_or_else(|| "token".to_owned()),
                password,
            },
        })
    }

    fn auth_type(&self) -> &'static str {
        match self.auth {
            Auth::None if self.app.is_some() => "GITHUB_APP",
            Auth::None => "NONE",
            Auth::Basic { .. } | Auth::PairFile(_) => "USER_PASS",
            Auth::Token(_) => "TOKEN",
        }
    }

    /// The addresses by which the policy lets the host be called.
    async fn look_up(&self, place: &Place) -> Result<Vec<IpAddr>, Error> {
        let scheme = if place.scheme == "http" {
            "http"
        } else {
            "https"
        };
        let url = format!("{scheme}://{}:{}/", place.host, place.port);
        Ok(self.client.look_up(&url).await?)
    }
}

impl Source for GitRepo {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.archive(artifact))
    }
}

impl Place {
    fn of(reference: &str) -> Result<Self, Error> {
        let wrong = || {
            let shown = crate::artifact::without_secrets(reference);
            Error::Reference(format!(
                "{shown:?} is no address of a git repository by https, http or ssh"
            ))
        };
        if reference.contains(char::is_control) || reference.starts_with('-') {
            return Err(wrong());
        }
        // `git@host:path`, as ssh's own tools write it.
        if scheme(reference) == "ssh" && !reference.contains("://") {
            let (user, rest) = reference.split_once('@').ok_or_else(wrong)?;
            let (host, path) = rest.split_once(':').ok_or_else(wrong)?;
            let is_plain = |text: &str| {
                !text.is_empty()
                    && text
                        .bytes()
                        .all(|one| one.is_ascii_alphanumeric() || b".-_".contains(&one))
            };
            if !is_plain(user)
                || !is_plain(host)
                || host.starts_with('-')
                || user.starts_with('-')
                || path.is_empty()
            {
                return Err(wrong());
            }
            return Ok(Self {
                url: reference.to_owned(),
                scheme: "ssh".to_owned(),
                host: host.to_ascii_lowercase(),
                port: 22,
            });
        }
        let mut url = Url::parse(reference).map_err(|_| wrong())?;
        let default_port = match url.scheme() {
            "https" => 443,
            "http" => 80,
            "ssh" => 22,
            _ => return Err(wrong()),
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty() && !host.starts_with('-'));
        let host = host.ok_or_else(wrong)?.to_ascii_lowercase();
        if url.scheme() == "ssh" {
            if url.username().starts_with('-') {
                return Err(wrong());
            }
        } else {
            // Credentials are the account's, or none.
            url.set_username("").map_err(|()| wrong())?;
        }
        url.set_password(None).map_err(|()| wrong())?;
        Ok(Self {
            scheme: url.scheme().to_owned(),
            port: url.port().unwrap_or(default_port),
            host,
            url: url.into(),
        })
    }
}

/// Letters, digits and `/ _ . -`, as Clouddriver has it; and nothing that reads as an option or leads up.
fn checked(text: &str, what: &str) -> Result<(), Error> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte);
    if text.bytes().all(is_known)
        && !text.starts_with('-')
        && !text.split('/').any(|part| part == "..")
    {
        return Ok(());
    }
    Err(Error::Reference(format!(
        "the {what} {text:?} of a git/repo artifact may hold letters, digits and / _ . - only, without leading up"
    )))
}

/// Whether an entry of the allowed hosts means a place: the host or one below it. Without a scheme it means https and ssh.
fn allows(entry: &str, place: &Place) -> bool {
    let (scheme, host) = match entry.split_once("://") {
        Some((scheme, host)) => (Some(scheme), host),
        None => (None, entry),
    };
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok()),
        None => (host, None),
    };
    let host = host.to_ascii_lowercase();
    let fits_scheme = match scheme {
        Some(scheme) => scheme == place.scheme,
        None => place.scheme != "http",
    };
    let fits_host = place.host == host || place.host.ends_with(&format!(".{host}"));
    fits_scheme && fits_host && port.is_none_or(|port| port == place.port)
}

/// The hosts of a list, for the address policy.
fn opened(allowed_hosts: &[String]) -> Vec<String> {
    let bare = allowed_hosts.iter().map(|entry| {
        let host = entry
            .split_once("://")
            .map_or(entry.as_str(), |(_, host)| host);
        host.rsplit_once(':')
            .map_or(host, |(host, _)| host)
            .to_owned()
    });
    bare.flat_map(|host| match host.parse::<IpAddr>() {
        Ok(_) => vec![host],
        Err(_) => vec![format!("*.{host}"), host],
    })
    .collect()
}

#[cfg(test)]
#[path = "git_repo/tests.rs"]
mod tests;
