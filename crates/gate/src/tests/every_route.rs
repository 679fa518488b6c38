//! Every route of the table, called with what nobody should send. A new route is covered by standing in the table.

use axum::{
    body::Body,
    http::{Method, Request},
};

use super::{Fixture, Got};
use crate::{
    matching::{self, Found},
    routes::{self, Does, Route},
};

/// What stands in place of path parameters: encoded slashes, quotes, blanks, letters of all kinds, dots, control characters,
/// braces, bytes that are no UTF-8, and a word that nobody knows.
const SEGMENTS: [&str; 14] = [
    "gone",
    "%22odd%2F%2E%22%20%C3%A9",
    "a%2Fb%2F..%2Fc",
    "..",
    ".",
    "%2E%2E",
    "%00",
    "a%0D%0AX-Evil:%201",
    "%F0%9F%92%A9",
    "%7Bid%7D",
    "100%25",
    "*.%3E",
    "%FF",
    "'%3B--%20${1+1}",
];

/// Values of query parameters.
const VALUES: [&str; 10] = [
    "",
    "x",
    "-1",
    "0",
    "99999999999999999999",
    "%00",
    "%22%F0%9F%92%A9",
    "a,b,,c",
    "${1+1}",
    "1e3",
];

/// Bodies: none, broken ones, the wrong type of JSON, and every known field with the wrong type.
const BODIES: [&[u8]; 10] = [
    b"",
    b"{",
    b"[1]",
    b"null",
    b"\"text\"",
    b"-7.5e1",
    b"{\"a\": \xff}",
    b"{\"job\": 1, \"application\": {}, \"name\": 1, \"id\": [], \"trigger\": [], \"parameters\": 3, \"stages\": \"x\", \
      \"topics\": 1, \"reason\": {}, \"idsToIndices\": 2, \"expression\": [], \"metadata\": 4, \"judgmentStatus\": 1}",
    b"{\"job\": [1], \"application\": \"a\", \"name\": \"b\", \"triggers\": {}, \"stages\": [1], \"topics\": [1], \"schema\": 3, \
      \"idsToIndices\": {\"a\": \"b\"}, \"expression\": {}, \"metadata\": [], \"pipeline\": 1, \"slack\": [1]}",
    b"{\"name\": \"b\", \"application\": \"a\", \"big\": 123456789012345678901234567890}",
];

#[tokio::test(start_paused = true)]
async fn odd_paths_get_a_clear_answer() {
    let fixture = started().await;
    // With seven parameters it just fits into an address.
    let huge = "x".repeat(8_000);
    for route in routes::all() {
        for segment in SEGMENTS.into_iter().chain([huge.as_str()]) {
            let path = filled(route, segment);
            let got = send(&fixture, &route.method, &path, b"").await;
            check(route, &path, &got);
            if route.params().next().is_none() {
                break;
            }
        }
    }
    assert_eq!(fixture.get("/version").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn odd_queries_get_a_clear_answer() {
    let fixture = started().await;
    for route in routes::all() {
        for value in VALUES {
            let pairs: Vec<String> = route
                .query
                .iter()
                .map(|name| format!("{name}={value}"))
                .collect();
            let path = format!("{}?{}&%00&=&a=b", filled(route, "gone"), pairs.join("&"));
            let got = send(&fixture, &route.method, &path, b"").await;
            check(route, &path, &got);
            let path = format!("{}?a=%FF", filled(route, "gone"));
            let got = send(&fixture, &route.method, &path, b"").await;
            check(route, &path, &got);
            // Each alone, too: one that is refused hides the rest.
            for pair in pairs {
                let path = format!("{}?{pair}", filled(route, "gone"));
                let got = send(&fixture, &route.method, &path, b"").await;
                check(route, &path, &got);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn odd_bodies_get_a_clear_answer() {
    let fixture = started().await;
    let deep = format!("{}{}", "{\"a\":".repeat(300), "}".repeat(300));
    for route in routes::all() {
        let path = filled(route, "gone");
        for body in BODIES.into_iter().chain([deep.as_bytes()]) {
            let got = send(&fixture, &route.method, &path, body).await;
            check(route, &path, &got);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_that_a_path_does_not_have_is_told() {
    let fixture = started().await;
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"];
    let methods = methods.map(|method| Method::from_bytes(method.as_bytes()).unwrap());
    for route in routes::all() {
        let path = filled(route, "gone");
        for method in &methods {
            let Found::OtherMethods(allowed) = matching::find(method, &path).unwrap() else {
                continue;
            };
            let got = send(&fixture, method, &path, b"{").await;
            let (status, message) = got.problem();
            assert_eq!(
                (status, message),
                (405, format!("Request method '{method}' is not supported")),
                "{method} {path}"
            );
            assert_eq!(got.headers["allow"], allowed.join(", ").as_str());
            assert!(allowed.contains(&route.method.as_str()), "{method} {path}");
        }
        let preflight = send(&fixture, &Method::OPTIONS, &path, b"").await;
        assert_eq!((preflight.status.as_u16(), preflight.body.len()), (200, 0));
        // `HEAD` is `GET` without a body, and must not be more.
        if route.method == Method::GET {
            let head = send(&fixture, &Method::HEAD, &path, b"").await;
            assert_ne!(head.status, 405, "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_sent_to_sign_in_with_is_taken_and_counts_for_nothing() {
    let fixture = started().await;
    let long = format!("Bearer {}", "x".repeat(8_000));
    for headers in [
        vec![("authorization", "Basic dTpw")],
        vec![("authorization", "Basic %%%")],
        vec![("authorization", "Bearer eyJhbGciOiJub25lIn0..")],
        vec![("authorization", long.as_str())],
        vec![("authorization", "")],
        vec![
            ("x-spinnaker-token", "spk_1"),
            ("cookie", "SESSION=1; JSESSIONID=2"),
        ],
        vec![
            ("x-spinnaker-user", "root"),
            ("x-spinnaker-accounts", "prod"),
        ],
        vec![
            ("x-goog-iap-jwt-assertion", "a.b.c"),
            ("x-forwarded-client-cert", "Hash=1"),
        ],
    ] {
        let asked = super::request("GET", "/auth/user", &headers, "");
        let got = fixture.send(asked).await;
        assert_eq!(
            (got.status.as_u16(), &got.json()["username"]),
            (200, &"anonymous".into())
        );
    }
}

async fn started() -> Fixture {
    let mut fixture = Fixture::new().await;
    fixture.run_feed();
    fixture
}

/// The path of a route with this in place of its parameters.
fn filled(route: &Route, segment: &str) -> String {
    let segments: Vec<&str> = route
        .path
        .split('/')
        .map(|it| if it.starts_with('{') { segment } else { it })
        .collect();
    segments.join("/")
}

async fn send(fixture: &Fixture, method: &Method, path: &str, body: &[u8]) -> Got {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::from(body.to_vec()))
        .unwrap();
    fixture.send(request).await
}

/// Holds an answer against what the row of the table says. The path may belong to another row that is more exact.
fn check(route: &Route, path: &str, got: &Got) {
    let bare = path.split('?').next().unwrap();
    let route = match matching::find(&route.method, bare) {
        Ok(Found::Route(found, _)) => found,
        Ok(Found::OtherMethods(_) | Found::Nothing) => panic!("nothing answers {path}"),
        Err(_) => {
            assert_eq!(got.problem(), (400, "The path is not UTF-8".to_owned()));
            return;
        }
    };
    let start: String = got.body.chars().take(300).collect();
    let context = format!("{} {:.200}: {} {start}", route.method, path, got.status);
    let status = got.status.as_u16();
    assert!(!got.headers.contains_key("x-evil"), "{context}");
    if status >= 400 && !(status == 503 && route.path == "/health") {
        let (_, message) = got.problem();
        assert!(!message.is_empty(), "{context}");
    }
    match (route.does, status) {
        (Does::Miss(feature), 501) => assert!(got.problem().1.contains(feature), "{context}"),
        (Does::Lack(message), 404) => assert_eq!(got.problem().1, message, "{context}"),
        (Does::Say(..), 200) => assert!(got.json().is_array() || got.json().is_object()),
        (Does::Run(_), 302) => {
            let to = got.headers["location"].to_str().unwrap();
            assert!(["/", "/auth/loggedOut"].contains(&to), "{context}");
        }
        (Does::Run(_), 200 | 202 | 204) => {
            let kind = got
                .headers
                .get("content-type")
                .map(|it| it.to_str().unwrap());
            match kind {
                None => assert!(got.body.is_empty(), "{context}"),
                Some("application/json") => drop(got.json()),
                Some(other) => assert_eq!(other, "text/plain;charset=UTF-8", "{context}"),
            }
        }
        (Does::Run(_), 400 | 404 | 413 | 422) => {}
        (Does::Run(_), 503) if route.path == "/health" => {}
        // No worker is there to be asked.
        (Does::Run(_), 503) if got.problem().1.starts_with("No worker of pool canary") => {}
        _ => panic!("{context}"),
    }
}
