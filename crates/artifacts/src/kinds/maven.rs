//! `maven/file`: a file of a Maven repository (Clouddriver: `MavenArtifactCredentials`).

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gennaker_credentials::auth::{Auth, Secret};
use gennaker_settings::MavenAccount;
use roxmltree::{Document, Node};

use super::Source;
use crate::{
    Artifact, Error,
    accounts::{Invalid, Making},
    hosts::Hosts,
    http::{Http, below},
    maven_version::{MavenVersion, highest_in, is_range},
};

/// What it reads.
pub(super) const TYPES: &[&str] = &["maven/file"];

pub(super) struct Maven {
    http: Http,
    auth: Auth,
    repository: String,
}

/// `group:artifact[:extension[:classifier]]:version`.
#[derive(Debug, PartialEq, Eq)]
struct Coordinates<'a> {
    group: &'a str,
    artifact: &'a str,
    extension: &'a str,
    classifier: Option<&'a str>,
    version: &'a str,
}

/// `maven-metadata.xml`, as far as it is used.
#[derive(Debug, Default, PartialEq, Eq)]
struct Metadata {
    release: Option<String>,
    latest: Option<String>,
    versions: Vec<String>,
    /// Time and number of the newest snapshot.
    timestamp: Option<String>,
    build_number: Option<String>,
}

impl Maven {
    pub(super) fn new(account: &MavenAccount, making: &Making) -> Result<Self, Invalid> {
        let password = Secret::of(account.password.as_ref(), account.password_file.as_ref());
        Ok(Self {
            http: making.http(&account.name, Hosts::new([&account.repository_url]))?,
            auth: Auth::of(account.username.as_ref(), password, None, None),
            repository: account.repository_url.clone(),
        })
    }

    async fn get(&self, of: &Coordinates<'_>, rest: &[&str]) -> Result<Bytes, Error> {
        let segments = of
            .group
            .split('.')
            .chain([of.artifact])
            .chain(rest.iter().copied());
        let url = below(&self.repository, segments)?;
        let proof = self.http.basic_proof(&self.auth).await?;
        self.http.get(&url, proof).await
    }

    async fn metadata(&self, of: &Coordinates<'_>, below: &[&str]) -> Result<Metadata, Error> {
        let mut path = below.to_vec();
        path.push("maven-metadata.xml");
        Metadata::parse(&self.get(of, &path).await?)
    }

    /// The version that stands in paths.
    async fn resolve(&self, of: &Coordinates<'_>) -> Result<String, Error> {
        let wanted = of.version;
        if !is_range(wanted) && !matches!(wanted, "RELEASE" | "LATEST") {
            return Ok(wanted.to_owned());
        }
        let known = self.metadata(of, &[]).await?;
        let found = match wanted {
            "LATEST" => known.latest.clone().or_else(|| known.highest(|_| true)),
            "RELEASE" => known
                .release
                .clone()
                .or_else(|| known.highest(|one| !one.ends_with("-SNAPSHOT"))),
            range => highest_in(range, &known.versions)
                .map_err(Error::Reference)?
                .map(str::to_owned),
        };
        found.ok_or_else(|| {
            Error::NotFound(format!("version {wanted} of {}:{}", of.group, of.artifact))
        })
    }

    async fn file(&self, reference: &str) -> Result<Bytes, Error> {
        let of = Coordinates::parse(reference)?;
        let version = self.resolve(&of).await?;
        let mut named = version.clone();
        if let Some(base) = version.strip_suffix("-SNAPSHOT") {
            let known = self.metadata(&of, &[&version]).await?;
            if let (Some(timestamp), Some(number)) = (known.timestamp, known.build_number) {
                named = format!("{base}-{timestamp}-{number}");
            }
        }
        let classifier = of
            .classifier
            .map(|one| format!("-{one}"))
            .unwrap_or_default();
        let file = format!("{}-{named}{classifier}.{}", of.artifact, of.extension);
        self.get(&of, &[&version, &file]).await
    }
}

impl Source for Maven {
    fn types(&self) -> &'static [&'static str] {
        TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(self.file(&artifact.reference))
    }
}

impl<'a> Coordinates<'a> {
    fn parse(reference: &'a str) -> Result<Self, Error> {
        let parts: Vec<&str> = reference.split(':').collect();
        let read = match *parts.as_slice() {
            [group, artifact, version] => (group, artifact, "jar", None, version),
            [group, artifact, extension, version] => (group, artifact, extension, None, version),
            [group, artifact, extension, classifier, version] => {
                (group, artifact, extension, Some(classifier), version)
            }
            _ => ("", "", "", None, ""),
        };
        let (group, artifact, extension, classifier, version) = read;
        let is_plain = |part: &str| !part.is_empty() && !part.contains(['/', '\\']);
        let all = [
            group,
            artifact,
            extension,
            classifier.unwrap_or("-"),
            version,
        ];
        if !all.into_iter().all(is_plain) {
            return Err(Error::Reference(format!(
                "Bad artifact coordinates {reference}, expected format is <groupId>:<artifactId>[:<extension>[:<classifier>]]:<version>"
            )));
        }
        Ok(Self {
            group,
            artifact,
            extension,
            classifier,
            version,
        })
    }
}

impl Metadata {
    fn parse(text: &[u8]) -> Result<Self, Error> {
        let wrong = || Error::Answer("maven-metadata.xml cannot be read".to_owned());
        let text = std::str::from_utf8(text).map_err(|_| wrong())?;
        let document = Document::parse(text).map_err(|_| wrong())?;
        let mut read = Self::default();
        let root = document.root_element();
        if root.tag_name().name() != "metadata" {
            return Ok(read);
        }
        for part in children(root, "versioning") {
            read.release = text_of(part, "release").or(read.release);
            read.latest = text_of(part, "latest").or(read.latest);
            for versions in children(part, "versions") {
                let versions = children(versions, "version").filter_map(trimmed);
                read.versions.extend(versions);
            }
            for snapshot in children(part, "snapshot") {
                read.timestamp = text_of(snapshot, "timestamp").or(read.timestamp);
                read.build_number = text_of(snapshot, "buildNumber").or(read.build_number);
            }
        }
        Ok(read)
    }

    fn highest(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let fitting = self.versions.iter().filter(|one| fits(one));
        fitting.max_by_key(|one| MavenVersion::parse(one)).cloned()
    }
}

/// Children of this name, whatever their namespace.
fn children<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children()
        .filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The text of the last child of this name that has one.
fn text_of(node: Node<'_, '_>, name: &'static str) -> Option<String> {
    children(node, name).filter_map(trimmed).last()
}

fn trimmed(node: Node<'_, '_>) -> Option<String> {
    let text = node.text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Reply, Server, accounts, artifact, credentials_in};

    #[test]
    fn coordinates() {
        let read = Coordinates::parse("com.example:web:tgz:k8s:1.0").unwrap();
        assert_eq!(
            (read.extension, read.classifier, read.version),
            ("tgz", Some("k8s"), "1.0")
        );
        assert_eq!(Coordinates::parse("g:a:1").unwrap().extension, "jar");
        for bad in ["g:a", "g:a:", "g/x:a:1", "a:b:c:d:e:f", ""] {
            assert!(Coordinates::parse(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn versions_are_resolved_by_metadata() {
        let server = Server::start(|request| match request.path() {
            "/m2/com/example/web/maven-metadata.xml" => Reply::ok(
                "<?xml version=\"1.0\"?><metadata><groupId>com.example</groupId><versioning><latest>2.1-SNAPSHOT</latest>\
                 <release>2.0</release><versions><version>1.0</version><version>1.9</version><version>1.10</version>\
                 <version>2.0</version><version>2.1-SNAPSHOT</version></versions></versioning></metadata>",
            ),
            "/m2/com/example/web/2.1-SNAPSHOT/maven-metadata.xml" => Reply::ok(
                "<metadata><versioning><snapshot><timestamp>20260101.101010</timestamp><buildNumber>3</buildNumber></snapshot>\
                 </versioning></metadata>",
            ),
            "/m2/com/example/web/2.1-SNAPSHOT/web-2.1-20260101.101010-3.yml" => Reply::ok("snapshot"),
            "/m2/com/example/web/2.0/web-2.0.yml" => Reply::ok("two"),
            "/m2/com/example/web/1.10/web-1.10-k8s.yml" => Reply::ok("one ten"),
            _ => Reply::status(404, ""),
        })
        .await;
        let accounts = accounts(&format!(
            "[[artifacts.maven]]\nname = \"m\"\nrepository_url = \"{}\"\nusername = \"u\"\npassword = \"p\"\n",
            server.url("/m2/")
        ));
        let fetch = async |reference: &str| {
            let given =
                json!({"type": "maven/file", "artifactAccount": "m", "reference": reference});
            accounts.fetch(&artifact(given)).await
        };
        for (reference, content) in [
            ("com.example:web:yml:2.0", "two"),
            ("com.example:web:yml:RELEASE", "two"),
            ("com.example:web:yml:LATEST", "snapshot"),
            ("com.example:web:yml:k8s:[1.0,2.0)", "one ten"),
        ] {
            assert_eq!(fetch(reference).await.unwrap(), content, "{reference}");
        }
        assert_eq!(
            fetch("com.example:web:yml:[5,)")
                .await
                .unwrap_err()
                .http_status(),
            404
        );
        assert!(
            credentials_in(&server)
                .iter()
                .all(|one| one == "Basic dTpw")
        );
    }
}
