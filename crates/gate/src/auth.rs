//! Sign-in as clients do it, while none is configured: every way in is open and leads to the same user.
//!
//! Source: gate `AuthController`; `/login` belongs to the modules `gate-basic`, `gate-ldap` and `gate-oauth2`.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use crate::{Gate, answer::Answer, call::Call, origins, problem::Problem};

/// Gate's words, which Deck shows.
const NOT_RECOGNIZED: &str = "Requested redirect address not recognized.";

/// Longest address to go to, in bytes.
const ADDRESS_BYTES_MAX: usize = 4 * 1024;

/// `GET /auth/user`. Source: gate `AuthUserResponse`.
pub(crate) async fn user(_gate: Gate, call: Call) -> Result<Answer, Problem> {
    let mut user = user_of(&call);
    user["isAdmin"] = false.into();
    user["canMintApiTokens"] = false.into();
    Ok(Answer::json(user))
}

/// `GET /auth/rawUser`.
pub(crate) async fn raw_user(_gate: Gate, call: Call) -> Result<Answer, Problem> {
    Ok(Answer::json(user_of(&call)))
}

/// `GET /auth/redirect?to=`: only to pages that may call this API, so that nobody is led elsewhere by our name.
pub(crate) async fn redirect(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let to = call.query("to").unwrap_or_default();
    let allowed = origin_of(to).is_some_and(|origin| {
        gate.origins().is_allowed(origin) || origins::is_own(origin, call.header("host"))
    });
    match HeaderValue::from_str(to) {
        Ok(address) if allowed => Ok(found(address)),
        Ok(_) | Err(_) => Err(Problem::bad_request(NOT_RECOGNIZED)),
    }
}

/// `GET /login` with whatever credentials, `POST /login` with the form of a password, and the way back from a provider.
///
/// There is no session to open, so no cookie is set; clients that wait for one go on without it.
pub(crate) async fn login(_gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(found(HeaderValue::from_static("/")))
}

/// `GET /auth/logout`.
pub(crate) async fn logout(_gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(found(HeaderValue::from_static("/auth/loggedOut")))
}

/// `GET /auth/loggedOut`.
pub(crate) async fn logged_out(_gate: Gate, _call: Call) -> Result<Answer, Problem> {
    let mut response = Response::new(Body::from("You are signed out."));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain;charset=UTF-8"),
    );
    Ok(Answer::Other(response))
}

/// `POST /auth/roles/sync`, `POST /auth/deleteSessionCache`: no roles are read from anywhere, and there are no sessions.
pub(crate) async fn nothing_to_do(_gate: Gate, _call: Call) -> Result<Answer, Problem> {
    Ok(Answer::empty())
}

/// A redirect to an address, which the caller has checked.
pub(crate) fn found(to: HeaderValue) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, to);
    Answer::Other(response)
}

/// Source: kork `User`.
fn user_of(call: &Call) -> Value {
    let user = call.user();
    json!({
        "username": user, "email": user, "firstName": "", "lastName": "",
        "roles": [], "allowedAccounts": [], "authorities": [],
        "accountNonExpired": true, "accountNonLocked": true, "credentialsNonExpired": true, "enabled": true,
    })
}

/// The origin of an absolute address, if it is one that every browser reads the same way.
fn origin_of(address: &str) -> Option<&str> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| address.starts_with(scheme))?;
    // Visible ASCII only, and no backslash, which browsers take for a slash.
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    if address.len() > ADDRESS_BYTES_MAX || !address.bytes().all(is_plain) {
        return None;
    }
    let end = address[scheme.len()..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |end| scheme.len() + end);
    let authority = &address[scheme.len()..end];
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (!authority.is_empty() && authority.bytes().all(is_host)).then_some(&address[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_everybody_reads_alike_have_an_origin() {
        for (address, origin) in [
            (
                "https://deck.x.io/#/applications?q=1",
                Some("https://deck.x.io"),
            ),
            ("http://localhost:9000", Some("http://localhost:9000")),
            ("http://[::1]:9000/a", Some("http://[::1]:9000")),
            ("https://deck.x.io?to=//evil", Some("https://deck.x.io")),
            ("https://deck.x.io@evil.com/", None),
            ("https://deck.x.io\\@evil.com/", None),
            ("https://deck.x.io/\r\nSet-Cookie: a=b", None),
            ("https://deck.x.io/ü", None),
            ("//deck.x.io/", None),
            ("javascript:alert(1)", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(origin_of(address), origin, "{address}");
        }
    }
}
