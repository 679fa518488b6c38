//! Signing in with what `~/.spin/config` holds.
//!
//! Kinds that need a browser or the key of a Google account (`oauth2` and `google_service_account` without a valid cached token,
//! `iap` without a token of either kind) are refused with a sentence that says what works instead.

use std::{path::PathBuf, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use super::Gate;
use crate::{
    Exit, Failure, Global, Io, Tools,
    config::{Auth, Iap, Login, OAuthToken},
    http::{Request, Tls, Trouble},
    text::encode,
};

/// How connections are made: client certificate, and whether the server's certificate is checked.
pub(super) fn tls(auth: &Auth, global: &Global, io: &Io) -> Result<Tls, Failure> {
    let read = |path: &str| {
        let path = io.home(path);
        crate::io::read_file(&path).map_err(|error| {
            Failure::command(format!("cannot read {path}: {}", crate::io::reason(&error)))
        })
    };
    let named = |path: &PathBuf| read(&path.to_string_lossy());
    let mut tls = Tls {
        insecure: global.insecure,
        authorities: global
            .certificate_authority
            .as_ref()
            .map(named)
            .transpose()?,
        identity: None,
    };
    if let (Some(certificate), Some(key)) = (&global.client_certificate, &global.client_key) {
        tls.identity = Some((named(certificate)?, named(key)?));
        return Ok(tls);
    }
    let Some(x509) = auth.x509.as_ref().filter(|_| auth.enabled) else {
        return Ok(tls);
    };
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let identity = match (
        given(&x509.cert_path),
        given(&x509.key_path),
        given(&x509.cert),
        given(&x509.key),
    ) {
        (Some(cert), Some(key), None, None) => (read(&cert)?, read(&key)?),
        (None, None, Some(cert), Some(key)) => (cert, key),
        _ => {
            return Err(Failure::command(
                "Incorrect x509 auth configuration. Must specify certPath/keyPath or cert/key pair.",
            ));
        }
    };
    tls.insecure |= auth.ignore_cert_errors;
    tls.identity = Some(identity);
    Ok(tls)
}

/// Adds what every later request carries: an authorization, a token, or the cookie of a session.
pub(super) async fn sign_in(
    gate: &mut Gate,
    auth: &Auth,
    tools: &Tools,
    io: &mut Io,
) -> Result<(), Failure> {
    if !auth.enabled {
        return Ok(());
    }
    if let Some(token) = &auth.api_token {
        let token = token.token.clone().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Failure::command("auth.apiToken has no token"))?;
        gate.headers.push(("x-spinnaker-token".to_owned(), token));
    }
    if let Some(login) = &auth.basic {
        let (name, password) = credentials(login, "Basic", io)?;
        authorize(
            gate,
            format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{name}:{password}"))
            ),
        );
    }
    if let Some(iap) = &auth.iap {
        let token = identity_token(tools, iap, io.now_ms()).await?;
        authorize(gate, format!("Bearer {token}"));
    }
    if let Some(oauth2) = &auth.oauth2 {
        let token = valid(oauth2.cached_token.as_ref(), io.now_ms())
            .ok_or_else(|| unsupported("oauth2", "auth.oauth2.cachedToken.access_token"))?;
        let path = match oauth2.provider.as_deref() {
            Some(provider) if !provider.is_empty() => {
                format!("/login/oauth2/code/{}", encode(provider))
            }
            _ => "/login".to_owned(),
        };
        log_in_with_token(gate, &path, token).await?;
    }
    if let Some(account) = &auth.google_service_account {
        let token = valid(account.cached_token.as_ref(), io.now_ms()).ok_or_else(|| {
            unsupported(
                "google_service_account",
                "auth.google_service_account.cachedToken.access_token",
            )
        })?;
        log_in_with_token(gate, "/login", token).await?;
    }
    if let Some(login) = &auth.ldap {
        let (name, password) = credentials(login, "LDAP", io)?;
        log_in_with_form(gate, &name, &password).await?;
    }
    Ok(())
}

/// Where Google gives tokens (spin `config/auth/iap/oauth.go`).
const GOOGLE_TOKENS: &str = "https://www.googleapis.com/oauth2/v4/token";

/// Longest wait for a token of Google's.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// The token for Google's Identity-Aware Proxy: as configured, as cached, or for the refresh token.
async fn identity_token(tools: &Tools, iap: &Iap, now_ms: i64) -> Result<String, Failure> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let cached = iap
        .cached_token
        .as_ref()
        .filter(|token| !expired(token.expiry.as_deref(), now_ms))
        .and_then(|token| given(&token.id_token));
    if let Some(token) = given(&iap.iap_id_token).or(cached) {
        return Ok(token);
    }
    let refresh =
        given(&iap.iap_client_refresh).ok_or_else(|| unsupported("iap", "auth.iap.iapIdToken"))?;
    let fields = [
        ("client_id", given(&iap.oauth_client_id)),
        ("client_secret", given(&iap.oauth_client_secret)),
        ("refresh_token", Some(refresh)),
        ("grant_type", Some("refresh_token".to_owned())),
        ("audience", given(&iap.iap_client_id)),
    ];
    let form: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value.as_deref().unwrap_or_default())))
        .collect();
    // Nothing of what requests to the server carry goes there, and Google's certificate counts whatever is said of the server's.
    let request = Request {
        method: "POST",
        url: GOOGLE_TOKENS.to_owned(),
        headers: vec![(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )],
        body: Some(form.join("&").into_bytes()),
        timeout: TOKEN_TIMEOUT,
        redirects: false,
    };
    let refused = |why: String| {
        Failure::new(
            Exit::NotAllowed,
            format!("no token for the Identity-Aware Proxy: {why}"),
        )
        .fix("check oauthClientId, oauthClientSecret, iapClientId and iapClientRefresh of ~/.spin/config")
    };
    let unreachable = |trouble: Trouble| refused(format!("{GOOGLE_TOKENS}: {trouble}"));
    let http = (tools.connect)(&Tls::default()).map_err(unreachable)?;
    let response = http.send(request).await.map_err(unreachable)?;
    if response.status != 200 {
        return Err(refused(format!(
            "{GOOGLE_TOKENS} answers {}",
            response.status_line()
        )));
    }
    serde_json::from_slice::<serde_json::Value>(&response.body)
        .ok()
        .and_then(|answer| answer["id_token"].as_str().map(str::to_owned))
        .filter(|token| !token.is_empty())
        .ok_or_else(|| refused(format!("{GOOGLE_TOKENS} answers without one")))
}

fn authorize(gate: &mut Gate, value: String) {
    gate.headers.push(("authorization".to_owned(), value));
}

fn unsupported(kind: &str, place: &str) -> Failure {
    Failure::new(
        Exit::NotAllowed,
        format!("this release cannot open a sign-in of kind {kind}, and no valid token is cached"),
    )
    .fix(format!(
        "put a token into {place} of ~/.spin/config, or use auth.apiToken"
    ))
}

/// Name and password from the configuration, or from the person at the terminal.
fn credentials(login: &Login, kind: &str, io: &mut Io) -> Result<(String, String), Failure> {
    let incomplete = || {
        Failure::command(format!(
            "Incorrect {kind} auth configuration. Must include username and password."
        ))
    };
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let name = match given(&login.username) {
        Some(name) => name,
        None if io.can_ask() => io.ask("Username: ").ok_or_else(incomplete)?,
        None => return Err(incomplete()),
    };
    let password = match given(&login.password) {
        Some(password) => Some(password),
        None if io.can_ask() => io.ask_secret("Password: "),
        None => None,
    };
    let password = password.filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| {
        incomplete().fix("put the password into ~/.spin/config, for example as ${SPIN_PASSWORD}")
    })?;
    Ok((name, password))
}

fn valid(token: Option<&OAuthToken>, now_ms: i64) -> Option<String> {
    let token = token.filter(|token| !expired(token.expiry.as_deref(), now_ms))?;
    token.access_token.clone().filter(|token| !token.is_empty())
}

/// Go writes a token without an expiry as the year 1.
fn expired(expiry: Option<&str>, now_ms: i64) -> bool {
    expiry
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map(Timestamp::as_millisecond)
        .is_some_and(|expiry_ms| expiry_ms > 0 && expiry_ms <= now_ms)
}

async fn log_in_with_token(gate: &mut Gate, path: &str, token: String) -> Result<(), Failure> {
    authorize(gate, format!("Bearer {token}"));
    let mut request = gate.request("GET", path, None);
    request.redirects = false;
    keep_session(gate, "signing in with the cached token", request).await
}

/// The form of Gate's LDAP and basic modules (`POST /login`, answered with a redirect and a `SESSION` cookie).
async fn log_in_with_form(gate: &mut Gate, name: &str, password: &str) -> Result<(), Failure> {
    let mut request = gate.request("POST", "/login", None);
    request.headers.push((
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    ));
    request.body =
        Some(format!("username={}&password={}", encode(name), encode(password)).into_bytes());
    request.redirects = false;
    keep_session(gate, "signing in with name and password", request).await
}

/// Sends a login and keeps the cookies it answers with; the redirect after a login is its normal answer.
async fn keep_session(gate: &mut Gate, what: &str, request: Request) -> Result<(), Failure> {
    let response = gate
        .send(request)
        .await
        .map_err(|trouble| gate.unreachable(&trouble))?;
    // A server that has no sign-in asks nobody for one, and a configuration may serve several servers.
    if matches!(response.status, 404 | 405 | 501) {
        return Ok(());
    }
    if response.status >= 400 {
        return Err(gate.refused(what, &response));
    }
    if response
        .header("location")
        .is_some_and(|location| location.contains("error"))
    {
        return Err(Failure::new(
            Exit::NotAllowed,
            format!("{what} was refused by {}", gate.base),
        ));
    }
    let cookies: Vec<&str> = response
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .filter_map(|(_, value)| value.split(';').next())
        .map(str::trim)
        .collect();
    if !cookies.is_empty() {
        gate.headers.push(("cookie".to_owned(), cookies.join("; ")));
    }
    Ok(())
}
