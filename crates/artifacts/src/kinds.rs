//! The kinds of accounts, one file each.

mod bitbucket;
mod builtin;
pub(crate) mod front50;
mod gcs;
mod git_repo;
mod github;
mod github_app;
mod gitlab;
mod helm;
mod helm_index;
mod helm_oci;
mod http_file;
mod jenkins;
mod maven;
mod oracle;
mod registry;
mod s3;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_model::artifact_reads::Account as Listed;
use gennaker_settings::Artifacts;

use crate::{
    Artifact, Error,
    accounts::{Account, Invalid, Making, Object},
};
use front50::Templates;

/// What a kind of account can do (Clouddriver: `ArtifactCredentials`).
pub(crate) trait Source: Send + Sync {
    /// The types that it reads, as they are listed.
    fn types(&self) -> &'static [&'static str];

    /// Whether it reads artifacts of this type.
    fn reads(&self, kind: &str) -> bool {
        self.types().contains(&kind)
    }

    /// The content.
    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>>;

    /// Names of what it holds, if it can tell.
    fn names(&self) -> Option<BoxFuture<'_, Result<Vec<String>, Error>>> {
        None
    }

    /// Versions of what it holds under a name, if it can tell.
    fn versions<'a>(&'a self, _name: &'a str) -> Option<BoxFuture<'a, Result<Vec<String>, Error>>> {
        None
    }

    /// The objects of a bucket whose keys begin with a prefix, if it has buckets.
    fn objects<'a>(
        &'a self,
        _bucket: &'a str,
        _prefix: &'a str,
    ) -> Option<BoxFuture<'a, Result<Vec<Object>, Error>>> {
        None
    }
}

/// All accounts of the settings, then those that always exist.
pub(crate) fn accounts(
    settings: &Artifacts,
    making: &Making,
    templates: Option<Arc<dyn Templates>>,
) -> Result<Vec<Account>, Invalid> {
    let mut all = Vec::new();
    macro_rules! add {
        ($list:expr, $make:expr) => {
            for it in $list {
                all.push(Account {
                    name: it.name.clone(),
                    zone: it.zone.clone(),
                    read_permissions: it.read_permissions.clone(),
                    source: Box::new($make(it)?),
                });
            }
        };
    }
    add!(&settings.http, |it| http_file::HttpFile::new(it, making));
    add!(&settings.github, |it| github::Github::new(it, making));
    add!(&settings.gitlab, |it| gitlab::Gitlab::new(it, making));
    add!(&settings.bitbucket, |it| bitbucket::Bitbucket::new(
        it, making
    ));
    add!(&settings.git_repo, |it| git_repo::GitRepo::new(
        it, settings, making
    ));
    add!(&settings.helm, |it| helm::Helm::new(it, making));
    add!(&settings.helm_oci, |it| helm_oci::HelmOci::new(it, making));
    add!(&settings.s3, |it| Ok::<_, Invalid>(s3::S3::new(it, making)));
    add!(&settings.gcs, |it| gcs::Gcs::new(it, making));
    add!(&settings.oracle, |it| oracle::Oracle::new(it, making));
    add!(&settings.maven, |it| maven::Maven::new(it, making));
    add!(&settings.jenkins, |it| jenkins::Jenkins::new(it, making));
    if !settings.http.iter().any(http_file::has_credentials) {
        let source = http_file::HttpFile::plain(making)?;
        all.push(builtin(http_file::NO_AUTH, Box::new(source)));
    }
    all.push(builtin(builtin::EMBEDDED, Box::new(builtin::Embedded)));
    for passed_on in builtin::PASSED_ON {
        all.push(builtin(passed_on.account, Box::new(passed_on)));
    }
    if let Some(templates) = templates {
        let source = front50::Front50::new(templates);
        all.push(builtin(front50::ACCOUNT, Box::new(source)));
    }
    Ok(all)
}

/// The same accounts as they are listed, with nothing that could read.
pub(crate) fn listed(settings: &Artifacts) -> Vec<Listed> {
    let mut all = Vec::new();
    macro_rules! add {
        ($list:expr, $types:expr) => {
            for it in $list {
                all.push(Listed {
                    name: it.name.clone(),
                    types: owned($types),
                    zone: it.zone.clone(),
                    read_permissions: it.read_permissions.clone(),
                });
            }
        };
    }
    add!(&settings.http, http_file::TYPES);
    add!(&settings.github, github::TYPES);
    add!(&settings.gitlab, gitlab::TYPES);
    add!(&settings.bitbucket, bitbucket::TYPES);
    add!(&settings.git_repo, git_repo::TYPES);
    add!(&settings.helm, helm::TYPES);
    add!(&settings.helm_oci, helm_oci::TYPES);
    add!(&settings.s3, s3::TYPES);
    add!(&settings.gcs, gcs::TYPES);
    add!(&settings.oracle, oracle::TYPES);
    add!(&settings.maven, maven::TYPES);
    add!(&settings.jenkins, jenkins::TYPES);
    let mut always = vec![(builtin::EMBEDDED, builtin::EMBEDDED_TYPES)];
    if !settings.http.iter().any(http_file::has_credentials) {
        always.insert(0, (http_file::NO_AUTH, http_file::TYPES));
    }
    always.extend(
        builtin::PASSED_ON
            .iter()
            .map(|one| (one.account, one.types)),
    );
    always.push((front50::ACCOUNT, front50::TYPES));
    all.extend(always.into_iter().map(|(name, types)| Listed {
        name: name.to_owned(),
        types: owned(types),
        zone: None,
        read_permissions: Vec::new(),
    }));
    all
}

fn owned(types: &[&str]) -> Vec<String> {
    types.iter().map(|&one| one.to_owned()).collect()
}

/// Why no account reads this type, where there is more to say than that.
pub(crate) fn unreadable(kind: &str) -> Option<Error> {
    let why = match kind {
        "ivy/file" => {
            "Ivy's resolver is not built; an account of maven reads what has Maven's layout"
        }
        "cloudfoundry/app" => "Cloud Foundry is not built",
        _ => return None,
    };
    Some(Error::NotBuilt {
        kind: kind.to_owned(),
        why,
    })
}

fn builtin(name: &str, source: Box<dyn Source>) -> Account {
    Account {
        name: name.to_owned(),
        zone: None,
        read_permissions: Vec::new(),
        source,
    }
}
