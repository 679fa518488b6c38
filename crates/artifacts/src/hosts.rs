//! The hosts that may have the credentials of an account.

use std::fmt;

use url::{Origin, Url};

/// Scheme, host and port of each. Written as a host alone it is meant by https.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(Vec<(Origin, String)>);

impl Hosts {
    /// Those of a list in the settings, or of addresses; what cannot be read is left out, which the settings have checked.
    pub(crate) fn new<T: AsRef<str>>(written: impl IntoIterator<Item = T>) -> Self {
        let urls = written.into_iter().filter_map(|one| url_of(one.as_ref()));
        Self(
            urls.map(|url| {
                let host = url.host_str().unwrap_or_default().to_owned();
                (url.origin(), host)
            })
            .collect(),
        )
    }

    /// Whether the credentials may go with a call of this address.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        let origin = url.origin();
        self.0.iter().any(|(one, _)| *one == origin)
    }

    /// What the address policy must let through: who wrote the hosts into the settings means them to be called.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(_, host)| host.clone())
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self
            .0
            .iter()
            .map(|(one, _)| one.ascii_serialization())
            .collect();
        f.write_str(&all.join(", "))
    }
}

fn url_of(written: &str) -> Option<Url> {
    let url = if written.contains("://") {
        Url::parse(written).ok()?
    } else {
        Url::parse(&format!("https://{written}")).ok()?
    };
    url.has_host().then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_meant_with_its_scheme_and_port() {
        let hosts = Hosts::new(["git.io", "http://git.local:3000", "https://ghe.io/api/v3"]);
        let contains = |url: &str| hosts.contains(&Url::parse(url).unwrap());
        for inside in [
            "https://git.io/x",
            "https://git.io:443/",
            "http://git.local:3000/a",
            "https://ghe.io/raw",
        ] {
            assert!(contains(inside), "{inside}");
        }
        for outside in [
            "http://git.io/",
            "https://git.io:8443/",
            "https://evil.git.io/",
            "https://git.local:3000/",
        ] {
            assert!(!contains(outside), "{outside}");
        }
        assert_eq!(
            hosts.to_string(),
            "https://git.io, http://git.local:3000, https://ghe.io"
        );
        assert_eq!(
            hosts.patterns().collect::<Vec<_>>(),
            ["git.io", "git.local", "ghe.io"]
        );
    }
}
