//! Which calls go through a proxy, by the usual environment variables.

use url::{Host, Url};

use crate::policy::Pattern;

/// Proxies for http and https targets and the hosts that are called without.
///
/// A loopback target never goes through a proxy: there it would mean another machine.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<Url>,
    https: Option<Url>,
    except: Vec<Except>,
}

/// A proxy's address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy in {variable} cannot be used: {reason}")]
pub struct InvalidProxy {
    /// The variable that holds it; its value may hold a password.
    pub variable: String,
    /// Why not.
    pub reason: String,
}

/// An entry of NO_PROXY.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Except {
    All,
    /// The domain itself and everything below it, and only this port if there is one.
    Domain(String, Option<u16>),
    Network(Pattern),
}

/// Passwords stand in proxy addresses.
impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = |url: &Option<Url>| url.as_ref().and_then(Url::host_str).map(str::to_owned);
        f.debug_struct("Proxies")
            .field("http", &host(&self.http))
            .field("https", &host(&self.https))
            .field("except", &self.except)
            .finish()
    }
}

impl Proxies {
    /// No proxy for anything.
    pub fn none() -> Proxies {
        Proxies::default()
    }

    /// From the process's environment; see [`Proxies::from_variables`].
    ///
    /// # Errors
    /// An address that is not one, or a kind of proxy that is not supported.
    pub fn from_environment() -> Result<Proxies, InvalidProxy> {
        // Not `vars`, which panics at a variable that is not UTF-8.
        Proxies::from_variables(|name| std::env::var(name).ok())
    }

    /// From `http_proxy`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, each in lower case first. `HTTP_PROXY` in upper
    /// case does not count under CGI (`REQUEST_METHOD` is set), where a visitor sets it by a header.
    ///
    /// # Errors
    /// An address that is not one, or a kind of proxy that is not supported.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Proxies, InvalidProxy> {
        let read = |name: &str| -> Option<(String, String)> {
            let upper = name.to_ascii_uppercase();
            let cgi = upper == "HTTP_PROXY" && get("REQUEST_METHOD").is_some();
            let set = |name: String| {
                get(&name)
                    .filter(|value| !value.trim().is_empty())
                    .map(|value| (name, value))
            };
            set(name.to_owned()).or_else(|| if cgi { None } else { set(upper) })
        };
        let all = || read("all_proxy");
        let except =
            read("no_proxy").map(|(_, list)| list.split(',').filter_map(Except::parse).collect());
        Ok(Proxies {
            http: read("http_proxy").or_else(all).map(parse).transpose()?,
            https: read("https_proxy").or_else(all).map(parse).transpose()?,
            except: except.unwrap_or_default(),
        })
    }

    /// The proxy that a call to `url` goes through.
    pub fn for_url(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => None,
        }?;
        let host = url.host()?;
        let direct = is_loopback(&host)
            || self
                .except
                .iter()
                .any(|except| except.matches(&host, url.port_or_known_default()));
        (!direct).then_some(proxy)
    }

    pub(crate) fn http(&self) -> Option<&Url> {
        self.http.as_ref()
    }

    pub(crate) fn https(&self) -> Option<&Url> {
        self.https.as_ref()
    }
}

impl Except {
    fn parse(text: &str) -> Option<Except> {
        let text = text.trim();
        if text == "*" {
            return Some(Except::All);
        }
        if let Ok(network @ Pattern::Network(..)) = Pattern::parse(text) {
            return Some(Except::Network(network));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let name = name
            .trim_start_matches('*')
            .trim_start_matches('.')
            .trim_end_matches('.');
        (!name.is_empty()).then(|| Except::Domain(name.to_ascii_lowercase(), port))
    }

    fn matches(&self, host: &Host<&str>, port: Option<u16>) -> bool {
        match (self, host) {
            (Except::All, _) => true,
            (Except::Network(network), Host::Ipv4(ip)) => network.matches_address((*ip).into()),
            (Except::Network(network), Host::Ipv6(ip)) => network.matches_address((*ip).into()),
            (Except::Domain(domain, only), host) => {
                let host = host.to_string().trim_end_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(domain.as_str());
                only.is_none_or(|only| port == Some(only))
                    && below.is_some_and(|left| left.is_empty() || left.ends_with('.'))
            }
            (Except::Network(_), Host::Domain(_)) => false,
        }
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

fn parse((variable, value): (String, String)) -> Result<Url, InvalidProxy> {
    let value = value.trim();
    let with_scheme = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    let invalid = |reason: &str| InvalidProxy {
        variable: variable.clone(),
        reason: reason.to_owned(),
    };
    let url = Url::parse(&with_scheme).map_err(|error| invalid(&error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(invalid(&format!(
            "{other} proxies are not supported, only http and https"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, InvalidProxy> {
        Proxies::from_variables(|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn used(proxies: &Proxies, url: &str) -> Option<String> {
        proxies
            .for_url(&Url::parse(url).unwrap())
            .map(ToString::to_string)
    }

    #[test]
    fn scheme_chooses_the_proxy() {
        let both = proxies(&[
            ("http_proxy", "one:3128"),
            ("HTTPS_PROXY", "http://two:3128"),
        ])
        .unwrap();
        assert_eq!(
            used(&both, "http://a.example.com/").unwrap(),
            "http://one:3128/"
        );
        assert_eq!(
            used(&both, "https://a.example.com/").unwrap(),
            "http://two:3128/"
        );
        let all = proxies(&[("ALL_PROXY", "http://three"), ("http_proxy", "  ")]).unwrap();
        assert_eq!(
            used(&all, "http://a.example.com/").unwrap(),
            "http://three/"
        );
        assert_eq!(used(&Proxies::none(), "http://a.example.com/"), None);
    }

    #[test]
    fn lower_case_wins_and_cgi_is_not_trusted() {
        let lower = proxies(&[("http_proxy", "good"), ("HTTP_PROXY", "bad")]).unwrap();
        assert_eq!(
            used(&lower, "http://a.example.com/").unwrap(),
            "http://good/"
        );
        let cgi = proxies(&[("HTTP_PROXY", "bad"), ("REQUEST_METHOD", "GET")]).unwrap();
        assert_eq!(used(&cgi, "http://a.example.com/"), None);
    }

    #[test]
    fn exceptions_and_loopback_go_direct() {
        let some = proxies(&[
            ("ALL_PROXY", "p:1"),
            ("NO_PROXY", "corp.example, .inner.example,*.star.example,10.0.0.0/8,fd00::/8,only.example:8443, ,"),
        ])
        .unwrap();
        for (url, direct) in [
            ("http://corp.example/", true),
            ("http://a.corp.example/", true),
            ("http://notcorp.example/", false),
            ("http://a.inner.example/", true),
            ("http://a.star.example/", true),
            ("http://10.1.1.1/", true),
            ("http://11.1.1.1/", false),
            ("http://[fd00::1]/", true),
            ("https://only.example:8443/", true),
            ("https://only.example/", false),
            ("http://localhost:8080/", true),
            ("http://127.0.0.1/", true),
            ("http://[::1]/", true),
            ("http://example.com/", false),
        ] {
            assert_eq!(used(&some, url).is_none(), direct, "{url}");
        }
        let none = proxies(&[("ALL_PROXY", "p:1"), ("no_proxy", "*")]).unwrap();
        assert_eq!(used(&none, "http://example.com/"), None);
    }

    #[test]
    fn unusable_proxies_are_named_without_their_value() {
        let error = proxies(&[("ALL_PROXY", "socks5://user:secret@p:1")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the proxy in ALL_PROXY cannot be used: socks5 proxies are not supported, only http and https"
        );
        assert!(
            proxies(&[("https_proxy", "http://")])
                .unwrap_err()
                .to_string()
                .contains("https_proxy")
        );
        let shown = format!(
            "{:?}",
            proxies(&[("ALL_PROXY", "http://user:secret@p:1")]).unwrap()
        );
        assert!(!shown.contains("secret"), "{shown}");
    }
}
