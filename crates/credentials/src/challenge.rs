//! What a registry wants to see before it answers: `WWW-Authenticate: Bearer …`, and the token that it then gets
//! (kork-docker: `DockerBearerTokenService`).

use serde::Deserialize;

/// Where well-known registries give their tokens: the registry's host and the other one.
const TOKEN_HOSTS: [(&str, &str); 4] = [
    ("registry-1.docker.io", "auth.docker.io"),
    ("index.docker.io", "auth.docker.io"),
    ("docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
];

/// A wish for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The address that gives it.
    pub realm: String,
    /// For whom.
    pub service: Option<String>,
    /// For what.
    pub scope: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    bearer_token: Option<String>,
    token: Option<String>,
    access_token: Option<String>,
}

/// Reads `Bearer realm="…",service="…",scope="…"`; nothing when it is another scheme or names no realm.
#[must_use]
pub fn bearer(header: &str) -> Option<Challenge> {
    let (scheme, mut rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service, mut scope) = (None, None, None);
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        match name.trim_matches([',', ' ']).to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value.to_owned()),
            "service" => service = Some(value.to_owned()),
            "scope" => scope = Some(value.to_owned()),
            _ => {}
        }
        rest = next;
    }
    Some(Challenge {
        realm: realm?,
        service,
        scope,
    })
}

/// The token in the answer of a realm.
#[must_use]
pub fn token(answer: &[u8]) -> Option<String> {
    let token: Token = serde_json::from_slice(answer).ok()?;
    token.bearer_token.or(token.token).or(token.access_token)
}

/// The hosts that may have the password of a registry's account besides the registry itself, as far as they are well known.
#[must_use]
pub fn token_hosts(registry: &str) -> Vec<&'static str> {
    let known = TOKEN_HOSTS.iter().filter(|(host, _)| *host == registry);
    known.map(|(_, tokens)| *tokens).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let read = bearer(r#"Bearer realm="https://a.io/t?x=1,2",service="r",scope="repository:a/b:pull,push",error=x"#).unwrap();
        assert_eq!(read.realm, "https://a.io/t?x=1,2");
        assert_eq!(
            (read.service.as_deref(), read.scope.as_deref()),
            (Some("r"), Some("repository:a/b:pull,push"))
        );
        assert_eq!(bearer("Basic realm=\"x\""), None);
        assert_eq!(bearer("Bearer service=x"), None);
    }

    #[test]
    fn tokens_have_three_names() {
        for name in ["bearer_token", "token", "access_token"] {
            let answer = format!("{{\"{name}\": \"t\", \"expires_in\": 300}}");
            assert_eq!(token(answer.as_bytes()).as_deref(), Some("t"));
        }
        assert_eq!(token(b"{}"), None);
    }
}
