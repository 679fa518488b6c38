//! Hosts, origins, preflights, request ids.

use axum::Router;

use super::{Fixture, request};
use crate::Config;

async fn fixture() -> Fixture {
    Fixture::with(Config {
        allowed_hosts: vec!["gate.example.com".to_owned()],
        allowed_origins: vec![
            "https://deck.example.com".to_owned(),
            r"^https://[a-z]+\.corp(:\d+)?$".to_owned(),
        ],
        ..Config::default()
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn foreign_pages_do_not_reach_a_loopback_server() {
    let mut fixture = fixture().await;
    for (headers, status) in [
        (vec![], 200),
        (vec![("Host", "localhost:8084")], 200),
        (vec![("Host", "gate.example.com")], 200),
        (vec![("Host", "evil.com:8084")], 403),
        (
            vec![
                ("Host", "localhost:8084"),
                ("Origin", "http://localhost:8084"),
            ],
            200,
        ),
        (
            vec![
                ("Host", "localhost:8084"),
                ("Origin", "http://localhost:9000"),
            ],
            403,
        ),
        (vec![("Host", "localhost:8084"), ("Origin", "null")], 403),
        (
            vec![
                ("Host", "localhost:8084"),
                ("Origin", "https://deck.example.com"),
            ],
            200,
        ),
        (
            vec![("Host", "localhost:8084"), ("Origin", "https://evil.com")],
            403,
        ),
        (
            vec![
                ("Host", "localhost:8084"),
                ("Origin", "https://deck.corp:9000"),
            ],
            200,
        ),
        (
            vec![
                ("Host", "localhost:8084"),
                ("Origin", "https://deck.corp.evil.com"),
            ],
            403,
        ),
    ] {
        let got = fixture.send(request("GET", "/version", &headers, "")).await;
        assert_eq!(got.status, status, "{headers:?}");
        if status == 403 {
            assert!(got.problem().1.starts_with("Access is denied: "));
        }
    }
    fixture.router = fixture.gate.router(Router::new(), false);
    let open = request(
        "GET",
        "/version",
        &[("Host", "evil.com"), ("Origin", "https://evil.com")],
        "",
    );
    let got = fixture.send(open).await;
    assert_eq!(got.status, 200);
    assert!(!got.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test(start_paused = true)]
async fn preflights_name_the_exact_origin() {
    let fixture = fixture().await;
    let origin = ("Origin", "https://deck.example.com");
    for (method, path) in [
        ("OPTIONS", "/pipelines/a/b"),
        ("GET", "/version"),
        ("GET", "/nowhere"),
    ] {
        let got = fixture.send(request(method, path, &[origin], "")).await;
        assert_eq!(got.headers["access-control-allow-origin"], origin.1);
        assert_eq!(got.headers["access-control-allow-credentials"], "true");
        assert!(
            got.headers["access-control-allow-methods"]
                .to_str()
                .unwrap()
                .contains("PATCH")
        );
        assert_eq!(got.headers["vary"], "Origin");
    }
    let matched = [("Origin", "https://deck.corp")];
    let got = fixture.send(request("GET", "/version", &matched, "")).await;
    assert_eq!(got.headers["access-control-allow-origin"], matched[0].1);
    assert!(
        got.headers["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("Gennaker-Warnings")
    );
    let preflight = fixture
        .send(request("OPTIONS", "/tasks", &[origin], ""))
        .await;
    assert_eq!(
        (preflight.status.as_u16(), preflight.body.as_str()),
        (200, "")
    );
}

#[tokio::test(start_paused = true)]
async fn every_answer_has_a_request_id() {
    let fixture = fixture().await;
    let id = async |headers: &[(&str, &str)]| {
        let got = fixture.send(request("GET", "/version", headers, "")).await;
        got.headers["x-spinnaker-request-id"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(id(&[("X-SPINNAKER-REQUEST-ID", "mine")]).await, "mine");
    assert_eq!(id(&[("X-SPINNAKER-EXECUTION-ID", "01X")]).await, "01X");
    assert_eq!(id(&[]).await.len(), 36);
    assert_ne!(id(&[]).await, id(&[]).await);
    assert_eq!(
        id(&[("X-SPINNAKER-REQUEST-ID", &"x".repeat(200))])
            .await
            .len(),
        36
    );
}
