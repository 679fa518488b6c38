//! Which hosts and origins a request may name.
//!
//! Gate's CORS mode `regex`, except that an origin that is not configured gets nothing instead of `*`. On a loopback
//! listener there is more to check: any web page can send requests to `127.0.0.1`, and with a DNS name that it points there
//! ("rebinding") it can even read the answers. A `Host` that is not a loopback name gives the second away, a foreign
//! `Origin` the first.

use std::net::{Ipv4Addr, Ipv6Addr};

use regex::{Regex, RegexBuilder};

use crate::Config;

/// An allowed origin that is no valid regular expression.
#[derive(Debug, thiserror::Error)]
#[error("read the allowed origin {pattern:?} as a regular expression")]
pub struct BadOrigin {
    pattern: String,
    #[source]
    source: regex::Error,
}

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

pub(crate) struct Origins {
    /// In lower case, an IPv6 address without its brackets; `*` is any.
    hosts: Vec<String>,
    exact: Vec<String>,
    patterns: Vec<Regex>,
}

impl Origins {
    pub(crate) fn new(config: &Config) -> Result<Self, BadOrigin> {
        let (patterns, exact): (Vec<_>, Vec<_>) = config
            .allowed_origins
            .iter()
            .partition(|origin| origin.starts_with('^'));
        let patterns = patterns
            .into_iter()
            .map(|pattern| {
                // As Java's `matches`: the whole of it.
                RegexBuilder::new(&format!("^(?:{pattern})$"))
                    .size_limit(PATTERN_BYTES_MAX)
                    .build()
                    .map_err(|source| BadOrigin {
                        pattern: pattern.clone(),
                        source,
                    })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            hosts: config
                .allowed_hosts
                .iter()
                .map(|host| {
                    let host = host.to_lowercase();
                    let address = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
                    address.map(str::to_owned).unwrap_or(host)
                })
                .collect(),
            exact: exact
                .into_iter()
                .map(|origin| origin.trim_end_matches('/').to_lowercase())
                .collect(),
            patterns,
        })
    }

    /// Whether a request on a loopback listener may name this host (`name` or `name:port`).
    pub(crate) fn host_may_be_named(&self, host: &str) -> bool {
        let host = host.to_lowercase();
        let name = without_port(&host);
        is_loopback(name)
            || self
                .hosts
                .iter()
                .any(|known| *known == host || known == name || known == "*")
    }

    /// The first origin that is configured by name: where the web interface is.
    pub(crate) fn interface(&self) -> Option<&str> {
        self.exact.first().map(String::as_str)
    }

    /// Whether pages of this origin may call the API.
    pub(crate) fn is_allowed(&self, origin: &str) -> bool {
        self.exact.contains(&origin.to_lowercase())
            || self.patterns.iter().any(|pattern| pattern.is_match(origin))
    }
}

/// Whether the page comes from the host that it asks.
pub(crate) fn is_own(origin: &str, host: Option<&str>) -> bool {
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|it| it.is_loopback())
        || name.parse::<Ipv6Addr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(hosts: &[&str], origins: &[&str]) -> Origins {
        let own = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect();
        Origins::new(&Config {
            allowed_hosts: own(hosts),
            allowed_origins: own(origins),
            ..Config::default()
        })
        .unwrap()
    }

    #[test]
    fn only_loopback_names_and_configured_ones() {
        let origins = origins(&["gate.example.com", "other:81"], &[]);
        for (host, allowed) in [
            ("localhost", true),
            ("LOCALHOST:8084", true),
            ("gate.localhost:1", true),
            ("127.0.0.1:8084", true),
            ("127.9.9.9", true),
            ("[::1]:8084", true),
            ("[::1]", true),
            ("gate.example.com", true),
            ("Gate.example.com:8084", true),
            ("other:81", true),
            ("other:82", false),
            ("evil.com", false),
            ("localhost.evil.com", false),
            ("127.0.0.1.evil.com:8084", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(origins.host_may_be_named(host), allowed, "{host}");
        }
    }

    #[test]
    fn any_host_and_addresses_can_be_configured() {
        let any = origins(&["*"], &[]);
        assert!(any.host_may_be_named("evil.com:8084"));
        let address = origins(&["[2001:DB8::1]"], &[]);
        assert!(address.host_may_be_named("[2001:db8::1]:8084"));
        assert!(address.host_may_be_named("[2001:db8::1]"));
        assert!(!address.host_may_be_named("[2001:db8::2]:8084"));
    }

    #[test]
    fn origins_are_exact_unless_they_are_patterns() {
        let origins = origins(
            &[],
            &[
                "https://deck.example.com/",
                "^https://[a-z]+\\.corp$",
                "^http://(one|two):9\\d+",
            ],
        );
        for (origin, allowed) in [
            ("https://deck.example.com", true),
            ("https://Deck.example.com", true),
            ("https://deckXexample.com", false),
            ("http://deck.example.com", false),
            ("https://a.corp", true),
            ("https://a.corp.evil.com", false),
            ("http://two:9000", true),
            ("http://two:9000/", false),
            ("https://one.http://one:9000", false),
            ("null", false),
        ] {
            assert_eq!(origins.is_allowed(origin), allowed, "{origin}");
        }
        assert!(is_own("http://localhost:8084", Some("localhost:8084")));
        assert!(!is_own("http://localhost:9000", Some("localhost:8084")));
        assert!(!is_own("http://localhost", None));
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let config = Config {
            allowed_origins: vec!["^(".to_owned()],
            ..Config::default()
        };
        let error = Origins::new(&config).err().unwrap();
        assert_eq!(
            error.to_string(),
            "read the allowed origin \"^(\" as a regular expression"
        );
    }
}
