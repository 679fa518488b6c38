//! `~/.spin/config`: where Gate is and how to sign in (spin's `config/config.go` and `config/auth`).
//!
//! The file is read as spin reads it: `$NAME` and `${NAME}` are replaced from the environment first, unknown keys are
//! refused. One difference: spin prints the whole file, passwords included, when it cannot be read; here only the place.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Failure, Global, Io};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct SpinConfig {
    pub(crate) gate: Option<GateSection>,
    pub(crate) auth: Option<Auth>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct GateSection {
    pub(crate) endpoint: Option<String>,
    pub(crate) retry_timeout: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct Auth {
    pub(crate) enabled: bool,
    pub(crate) ignore_cert_errors: bool,
    pub(crate) ignore_redirects: bool,
    pub(crate) x509: Option<X509>,
    pub(crate) basic: Option<Login>,
    pub(crate) ldap: Option<Login>,
    pub(crate) oauth2: Option<OAuth2>,
    pub(crate) iap: Option<Iap>,
    pub(crate) api_token: Option<ApiToken>,
    #[serde(rename = "google_service_account")]
    pub(crate) google_service_account: Option<GoogleServiceAccount>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct X509 {
    pub(crate) cert_path: Option<String>,
    pub(crate) key_path: Option<String>,
    pub(crate) cert: Option<String>,
    pub(crate) key: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct OAuth2 {
    auth_url: Option<String>,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scopes: Option<Vec<String>>,
    pub(crate) provider: Option<String>,
    pub(crate) cached_token: Option<OAuthToken>,
}

/// `golang.org/x/oauth2` `Token` as its JSON tags have it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OAuthToken {
    pub(crate) access_token: Option<String>,
    token_type: Option<String>,
    refresh_token: Option<String>,
    pub(crate) expiry: Option<String>,
    expires_in: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct Iap {
    pub(crate) oauth_client_id: Option<String>,
    pub(crate) oauth_client_secret: Option<String>,
    pub(crate) iap_client_id: Option<String>,
    pub(crate) iap_client_refresh: Option<String>,
    pub(crate) iap_id_token: Option<String>,
    service_account_key_path: Option<String>,
    pub(crate) cached_token: Option<IapToken>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct IapToken {
    pub(crate) id_token: Option<String>,
    pub(crate) expiry: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct ApiToken {
    pub(crate) token: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(crate) struct GoogleServiceAccount {
    file: Option<String>,
    pub(crate) cached_token: Option<OAuthToken>,
}

impl SpinConfig {
    /// Reads the file that `--config` names, or `~/.spin/config`; one that is not there is an empty one, as for spin.
    ///
    /// # Errors
    /// It is no YAML, or has keys that spin does not know.
    pub(crate) fn load(global: &Global, io: &Io) -> Result<Self, Failure> {
        let path = global.config.as_ref().map_or_else(
            || io.home("~/.spin/config"),
            |path| path.to_string_lossy().into_owned(),
        );
        let text = match crate::io::read_file(&path) {
            Ok(text) => text,
            Err(_) if global.config.is_none() => return Ok(Self::default()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(Failure::command(format!(
                    "cannot read {path}: {}",
                    crate::io::reason(&error)
                )));
            }
        };
        Self::parse(&text, &io.env).map_err(|error| {
            Failure::command(format!(
                "Could not deserialize config file {path}: {error}, failing."
            ))
        })
    }

    /// Reads the text of the file.
    pub(crate) fn parse(text: &str, env: &BTreeMap<String, String>) -> Result<Self, String> {
        let expanded = expand_env(text, env);
        if expanded.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_norway::from_str::<Option<Self>>(&expanded)
            .map(Option::unwrap_or_default)
            .map_err(|error| error.to_string())
    }
}

/// Go's `os.ExpandEnv`: `${NAME}`, `$NAME`, `$1`, and the one-letter names of the shell; what is not set becomes empty, and
/// a dollar before anything else stays.
fn expand_env(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = shell_name(rest);
        match name {
            Some(name) => expanded.push_str(env.get(name).map_or("", String::as_str)),
            None if after.len() == rest.len() => expanded.push('$'),
            None => {}
        }
        rest = after;
    }
    expanded.push_str(rest);
    expanded
}

/// The name after a dollar and what follows it; no name but a shorter rest means that something malformed was eaten.
fn shell_name(rest: &str) -> (Option<&str>, &str) {
    let is_special =
        |c: char| matches!(c, '*' | '#' | '$' | '@' | '!' | '?' | '-') || c.is_ascii_digit();
    if let Some(braced) = rest.strip_prefix('{') {
        return match braced.find('}') {
            Some(0) => (None, &braced[1..]),
            Some(end) => (Some(&braced[..end]), &braced[end + 1..]),
            None => (None, braced),
        };
    }
    match rest.chars().next() {
        Some(c) if is_special(c) => (Some(&rest[..1]), &rest[1..]),
        _ => {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            ((end > 0).then(|| &rest[..end]), &rest[end..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> BTreeMap<String, String> {
        [
            ("USER".to_owned(), "me".to_owned()),
            ("PASS".to_owned(), "s$cret".to_owned()),
        ]
        .into()
    }

    #[test]
    fn the_environment_is_expanded_as_go_does_it() {
        let cases = [
            ("a ${USER} b", "a me b"),
            ("$USER!", "me!"),
            ("$USERS.", "."),
            ("100% $ sure", "100% $ sure"),
            ("$", "$"),
            ("${}x", "x"),
            ("${USER", "USER"),
            ("$$x $1y", "x y"),
            ("${PASS}", "s$cret"),
        ];
        for (text, expected) in cases {
            assert_eq!(expand_env(text, &env()), expected, "{text}");
        }
    }

    #[test]
    fn every_kind_of_sign_in_is_read() {
        let text = "
gate:
  endpoint: https://gate.example.com
  retryTimeout: 300
auth:
  enabled: true
  ignoreCertErrors: false
  ignoreRedirects: true
  x509: {certPath: ~/c.crt, keyPath: ~/c.key}
  basic: {username: \"${USER}\", password: p}
  oauth2: {authUrl: , tokenUrl: , clientId: , clientSecret: , scopes: [], provider: github,
           cachedToken: {access_token: t, token_type: bearer, refresh_token: r, expiry: 2026-01-01T00:00:00Z}}
  ldap: {username: u, password: p}
  iap: {oauthClientId: , oauthClientSecret: , iapClientId: , iapClientRefresh: , iapIdToken: , serviceAccountKeyPath: ,
        cachedToken: {idToken: , expiry: }}
  apiToken: {token: spk_1}
  google_service_account: {file: sa.json, cachedToken: {}}
";
        let config = SpinConfig::parse(text, &env()).unwrap();
        assert_eq!(config.gate.unwrap().retry_timeout, Some(300));
        let auth = config.auth.unwrap();
        assert!(auth.enabled && auth.ignore_redirects && !auth.ignore_cert_errors);
        assert_eq!(auth.basic.unwrap().username.as_deref(), Some("me"));
        assert_eq!(auth.oauth2.unwrap().provider.as_deref(), Some("github"));
        assert_eq!(auth.api_token.unwrap().token.as_deref(), Some("spk_1"));
        assert!(auth.google_service_account.is_some());
    }

    #[test]
    fn unknown_keys_and_broken_files_are_refused_without_showing_secrets() {
        let error = SpinConfig::parse("auth:\n  basic: {username: u, passwort: hunter2}\n", &env())
            .unwrap_err();
        assert!(
            error.contains("unknown field `passwort`") && !error.contains("hunter2"),
            "{error}"
        );
        assert!(SpinConfig::parse("gate: [", &env()).is_err());
        assert_eq!(
            SpinConfig::parse("# nothing\n", &env()),
            Ok(SpinConfig::default())
        );
    }
}
