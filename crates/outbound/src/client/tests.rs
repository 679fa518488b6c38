mod server;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use tokio::net::TcpListener;

use super::*;
use crate::policy::{Exceptions, Rule};
use crate::proxies::Proxies;
use crate::tls::Tls;
use server::{Reply, Server, answer, ok};

const CA: &[u8] = include_bytes!("../tls/testdata/ca.pem");
const SERVER: &[u8] = include_bytes!("../tls/testdata/server.pem");
const CLIENT: &[u8] = include_bytes!("../tls/testdata/client.pem");

fn trusted(options: Options) -> Client {
    Client::new(Policy::trusted(), options).unwrap()
}

fn untrusted(exceptions: &Exceptions, options: Options) -> Client {
    Client::new(Policy::untrusted(exceptions).unwrap(), options).unwrap()
}

fn loopback_allowed() -> Exceptions {
    Exceptions {
        allow_loopback: true,
        ..Exceptions::default()
    }
}

fn short(read_ms: u64) -> Options {
    Options {
        read_timeout: Duration::from_millis(read_ms),
        ..Options::default()
    }
}

fn hosts(entries: &[(&str, &[Ipv4Addr])]) -> BTreeMap<String, Vec<IpAddr>> {
    entries
        .iter()
        .map(|(name, ips)| {
            (
                (*name).to_owned(),
                ips.iter().map(|&ip| IpAddr::V4(ip)).collect(),
            )
        })
        .collect()
}

#[tokio::test]
async fn addresses_for_others_meet_the_policy() {
    let options = Options {
        hosts: hosts(&[
            (
                "git.example.com",
                &[Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 0, 0, 7)],
            ),
            ("inside.example.com", &[Ipv4Addr::LOCALHOST]),
        ]),
        ..Options::default()
    };
    let client = untrusted(&Exceptions::default(), options);
    let found = client.look_up("https://git.example.com/x").await.unwrap();
    assert_eq!(found, [IpAddr::from([10, 0, 0, 7])]);
    for refused in [
        "https://inside.example.com",
        "https://127.0.0.1",
        "ssh://git.example.com",
    ] {
        let error = client.look_up(refused).await.unwrap_err();
        assert!(error.refused().is_some(), "{refused}: {error}");
    }
    let open = untrusted(&loopback_allowed(), Options::default());
    let found = open.look_up("http://127.0.0.1:7/").await.unwrap();
    assert_eq!(found, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
}

#[tokio::test]
async fn sends_and_reads() {
    let server = Server::start(|_| answer("201 Created", "X-Reply: one\r\n", "hello")).await;
    let request = Request::post(server.url("/a?b=c#d"), "text/plain", "payload")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .header("Content-Length", "999")
        .secret_header("X-Token", "t");
    let response = trusted(Options::default()).send(request).await.unwrap();
    assert_eq!((response.status, &*response.body), (201, &b"hello"[..]));
    assert_eq!(response.header("x-reply"), Some("one"));
    assert!(response.is_success());
    assert_eq!(response.url, server.url("/a?b=c"));
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\npayload"), "{seen}");
    let user_agent = format!("user-agent: gennaker/{}\r\n", env!("CARGO_PKG_VERSION"));
    for line in [
        &user_agent,
        "x-twice: 1\r\nx-twice: 2\r\n",
        "content-length: 7\r\n",
        "x-token: t\r\n",
    ] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    assert!(!seen.contains("999"), "{seen}");
}

#[tokio::test]
async fn a_callers_user_agent_wins_and_an_error_status_is_an_answer() {
    let server = Server::start(|_| answer("503 Busy", "", "later")).await;
    let request = Request::get(server.url("/")).header("User-Agent", "mine");
    let response = trusted(Options::default()).send(request).await.unwrap();
    assert_eq!((response.status, response.is_success()), (503, false));
    let seen = server.seen().remove(0).to_lowercase();
    assert!(
        seen.contains("user-agent: mine\r\n") && !seen.contains("gennaker"),
        "{seen}"
    );
}

#[tokio::test]
async fn refuses_what_cannot_be_sent() {
    let client = trusted(Options {
        request_bytes_max: 3,
        ..Options::default()
    });
    let url = "http://user:pw@example.com/secret?token=1";
    for (request, text) in [
        (
            Request::get("no url"),
            "call the given address: not a URL: relative URL without a base",
        ),
        (
            Request::new("CON NECT", url),
            "call http://example.com: \"CON NECT\" is not a method that can be sent",
        ),
        (
            Request::new("CONNECT", url),
            "call http://example.com: \"CONNECT\" is not a method that can be sent",
        ),
        (
            Request::get(url).header("a b", "c"),
            "call http://example.com: \"a b\" is not a header's name",
        ),
        (
            Request::get(url).header("x-a", "c\nd"),
            "call http://example.com: the header x-a has a value that cannot be sent",
        ),
        (
            Request::post(url, "a/b", "four"),
            "call http://example.com: the request's body is larger than the limit of 3 bytes",
        ),
        (
            Request::get("ftp://example.com/"),
            "call ftp://example.com: the address ftp is not allowed: only http and https may be called",
        ),
    ] {
        let error = client.send(request).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(!error.may_have_arrived(), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_did_not_arrive() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = trusted(Options::default())
        .send(Request::get(url))
        .await
        .unwrap_err();
    assert_eq!(
        (&error.kind, error.may_have_arrived()),
        (&Kind::ConnectionRefused, false)
    );
}

#[tokio::test]
async fn an_unknown_name_did_not_arrive() {
    let options = Options {
        hosts: hosts(&[("gone.example.com", &[])]),
        ..Options::default()
    };
    let error = trusted(options)
        .send(Request::get("http://Gone.example.com/"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error.kind, Kind::NotResolved { host, .. } if host == "gone.example.com"),
        "{error:?}"
    );
    assert!(!error.may_have_arrived());
}

#[tokio::test]
async fn a_connection_that_does_not_stand_in_time_did_not_arrive() {
    // It accepts by the kernel and never says a word of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let limit = Duration::from_millis(80);
    let both = [
        Options {
            connect_timeout: limit,
            ..Options::default()
        },
        // The same length for both: the connect timeout, which proves more, has to win.
        Options {
            connect_timeout: limit,
            read_timeout: limit,
            ..Options::default()
        },
        Options {
            connect_timeout: limit * 9,
            read_timeout: limit,
            ..Options::default()
        },
    ];
    for options in both {
        let error = trusted(options)
            .send(Request::get(&*url))
            .await
            .unwrap_err();
        assert_eq!(
            (&error.kind, error.may_have_arrived()),
            (&Kind::ConnectTimeout(limit), false)
        );
        assert!(error.is_timeout());
    }
}

#[tokio::test]
async fn silence_after_the_request_may_have_arrived() {
    let server = Server::start(|_| Reply::Hang(String::new())).await;
    let error = trusted(short(60))
        .send(Request::get(server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Timeout(Duration::from_millis(60)));
    assert!(error.may_have_arrived() && error.is_timeout());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_body_that_stops_times_out() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let server = Server::start(move |_| Reply::Hang(head.to_owned())).await;
    let error = trusted(short(60))
        .send(Request::get(server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind.clone(), error.may_have_arrived()),
        (Kind::Timeout(Duration::from_millis(60)), true)
    );
    let total = Request::get(server.url("/")).timeout(Duration::from_millis(50));
    let error = trusted(Options::default()).send(total).await.unwrap_err();
    assert_eq!(error.kind, Kind::Timeout(Duration::from_millis(50)));
}

#[tokio::test]
async fn a_broken_connection_may_have_arrived() {
    let server = Server::start(|line| match line {
        "GET /half HTTP/1.1" => {
            Reply::Text("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_owned())
        }
        "GET /garbage HTTP/1.1" => Reply::Text("SSH-2.0-OpenSSH\r\n\r\n".to_owned()),
        _ => Reply::Close,
    })
    .await;
    for path in ["/none", "/half", "/garbage"] {
        let error = trusted(Options::default())
            .send(Request::get(server.url(path)))
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind, Kind::Interrupted(_)),
            "{path} {error:?}"
        );
        assert!(error.may_have_arrived(), "{path}");
        assert_eq!(error.origin, server.url(""));
        assert!(!error.to_string().contains(path), "{error}");
    }
}

#[tokio::test]
async fn answers_have_a_limit() {
    let server = Server::start(|line| match line {
        "GET /fits HTTP/1.1" => ok("12345"),
        "GET /declared HTTP/1.1" => ok("123456"),
        _ => Reply::Text("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n123456".to_owned()),
    })
    .await;
    let client = trusted(Options {
        response_bytes_max: 5,
        ..Options::default()
    });
    assert_eq!(
        &*client
            .send(Request::get(server.url("/fits")))
            .await
            .unwrap()
            .body,
        b"12345"
    );
    for path in ["/declared", "/undeclared"] {
        let error = client
            .send(Request::get(server.url(path)))
            .await
            .unwrap_err();
        assert_eq!(
            error.kind,
            Kind::TooLarge {
                part: Part::Response,
                limit_bytes: 5
            }
        );
        assert!(error.may_have_arrived());
    }
}

#[tokio::test]
async fn follows_redirects_with_their_rules() {
    let second = Server::start(|_| ok("there")).await;
    let away = second.url("/away");
    let first = Server::start(move |line| match line {
        "POST /post HTTP/1.1" => answer("303 See Other", "location: /got\r\n", ""),
        "GET /got HTTP/1.1" => ok("got"),
        "POST /keep HTTP/1.1" => answer("307 Again", "location: kept?x=1\r\n", ""),
        "POST /kept?x=1 HTTP/1.1" => ok("kept"),
        _ => answer("302 Found", &format!("location: {away}\r\n"), ""),
    })
    .await;
    let client = trusted(Options::default());
    let post = |path: &str| {
        Request::post(first.url(path), "text/plain", "data").secret_header("x-key", "k")
    };
    let got = client.send(post("/post")).await.unwrap();
    assert_eq!((&*got.body, got.url), (&b"got"[..], first.url("/got")));
    let kept = client.send(post("/keep")).await.unwrap();
    assert_eq!(&*kept.body, b"kept");
    let away = client
        .send(post("/other").header("Authorization", "Basic x"))
        .await
        .unwrap();
    assert_eq!(away.url, second.url("/away"));

    let seen = first.seen();
    assert!(
        seen[1].contains("x-key: k") && !seen[1].contains("data"),
        "{}",
        seen[1]
    );
    assert!(
        seen[3].ends_with("data") && seen[3].contains("x-key: k"),
        "{}",
        seen[3]
    );
    let seen = second.seen().remove(0).to_lowercase();
    assert!(
        !seen.contains("x-key") && !seen.contains("authorization"),
        "{seen}"
    );

    let stay = Request {
        follow_redirects: false,
        ..post("/post")
    };
    let stay = client.send(stay).await.unwrap();
    assert_eq!((stay.status, stay.header("location")), (303, Some("/got")));
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::start(|line| match line {
        "GET /bad HTTP/1.1" => answer("302 Found", "location: http://[\r\n", ""),
        _ => answer("302 Found", "location: /again\r\n", ""),
    })
    .await;
    let client = trusted(Options {
        redirects_max: 3,
        ..Options::default()
    });
    let error = client
        .send(Request::get(server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind,
        Kind::Redirect("more than 3 in a row".to_owned())
    );
    assert_eq!(server.seen().len(), 4);
    let error = client
        .send(Request::get(server.url("/bad")))
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind, Kind::Redirect(_)) && error.may_have_arrived(),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused() {
    let server = Server::start(|line| {
        let target = line.split(' ').nth(1).unwrap().trim_start_matches("/?");
        answer("302 Found", &format!("location: {target}\r\n"), "")
    })
    .await;
    let client = untrusted(&loopback_allowed(), Options::default());
    for (target, rule) in [
        ("http://169.254.169.254/latest/", Rule::Metadata),
        ("http://10.0.0.1/", Rule::LiteralAddress),
        ("file:///etc/passwd", Rule::Scheme),
        ("http://redis.internal/", Rule::InternalDomain),
    ] {
        let error = client
            .send(Request::get(server.url(&format!("/?{target}"))))
            .await
            .unwrap_err();
        assert_eq!(
            error.refused().map(|refused| refused.rule),
            Some(rule),
            "{target}"
        );
        assert!(error.may_have_arrived(), "the first hop was answered");
    }
}

#[tokio::test]
async fn the_policy_holds_for_what_a_name_leads_to() {
    let server = Server::start(|_| ok("inside")).await;
    let port = server.address.port();
    let options = || Options {
        hosts: hosts(&[
            ("inner.example.com", &[Ipv4Addr::LOCALHOST]),
            ("cloud.example.com", &[Ipv4Addr::new(169, 254, 169, 254)]),
            (
                "mixed.example.com",
                &[Ipv4Addr::new(169, 254, 1, 1), Ipv4Addr::LOCALHOST],
            ),
        ]),
        ..Options::default()
    };
    let closed = untrusted(&Exceptions::default(), options());
    for (host, rule) in [
        ("inner.example.com", Rule::Loopback),
        ("cloud.example.com", Rule::Metadata),
    ] {
        let error = closed
            .send(Request::get(format!("http://{host}:{port}/")))
            .await
            .unwrap_err();
        assert_eq!(
            error.refused().map(|refused| refused.rule),
            Some(rule),
            "{error:?}"
        );
        assert!(!error.may_have_arrived());
    }
    let error = closed
        .send(Request::get(server.url("/")))
        .await
        .unwrap_err();
    assert_eq!(
        error.refused().map(|refused| refused.rule),
        Some(Rule::Loopback)
    );
    assert_eq!(server.seen().len(), 0, "nothing was connected");

    let open = untrusted(&loopback_allowed(), options());
    for host in ["inner.example.com", "mixed.example.com"] {
        let response = open
            .send(Request::get(format!("http://{host}:{port}/")))
            .await
            .unwrap();
        assert_eq!(&*response.body, b"inside");
    }
}

#[tokio::test]
async fn proxies_carry_what_is_not_loopback_and_not_forbidden() {
    let proxy = Server::start(|_| ok("by proxy")).await;
    let direct = Server::start(|_| ok("direct")).await;
    let address = proxy.address.to_string();
    let proxies = Proxies::from_variables(|name| match name {
        "http_proxy" => Some(format!("http://user:pw@{address}")),
        "no_proxy" => Some("near.example.com".to_owned()),
        _ => None,
    })
    .unwrap();
    let options = Options {
        proxies,
        hosts: hosts(&[
            ("near.example.com", &[Ipv4Addr::LOCALHOST]),
            ("inner.example.com", &[Ipv4Addr::LOCALHOST]),
            ("unknown.example.com", &[]),
        ]),
        ..Options::default()
    };
    let client = trusted(options.clone());
    let far = client
        .send(Request::get("http://unknown.example.com/x"))
        .await
        .unwrap();
    assert_eq!(&*far.body, b"by proxy");
    let seen = proxy.seen().remove(0);
    assert!(
        seen.starts_with("GET http://unknown.example.com/x HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(
        seen.to_lowercase().contains("proxy-authorization: basic "),
        "{seen}"
    );
    let near = format!("http://near.example.com:{}/", direct.address.port());
    for url in [direct.url("/"), near] {
        assert_eq!(
            &*client.send(Request::get(url)).await.unwrap().body,
            b"direct"
        );
    }
    let closed = untrusted(&Exceptions::default(), options);
    let error = closed
        .send(Request::get("http://inner.example.com/"))
        .await
        .unwrap_err();
    assert_eq!(
        error.refused().map(|refused| refused.rule),
        Some(Rule::Loopback)
    );
    assert_eq!(
        &*closed
            .send(Request::get("http://unknown.example.com/"))
            .await
            .unwrap()
            .body,
        b"by proxy"
    );
    assert_eq!(proxy.seen().len(), 2);
}

#[tokio::test]
async fn streams_lines() {
    let body = "data: one\r\n\r\ndata: two\nlast";
    let server = Server::start(move |line| match line {
        "GET /long HTTP/1.1" => ok(&"x".repeat(200)),
        "GET /quiet HTTP/1.1" => Reply::Hang("HTTP/1.1 200 OK\r\n\r\nfirst\nsec".to_owned()),
        "GET /error HTTP/1.1" => answer("404 Not Found", "", "no such thing"),
        _ => answer("200 OK", "content-type: text/event-stream\r\n", body),
    })
    .await;
    let client = trusted(Options {
        line_bytes_max: 100,
        ..short(100)
    });
    let open = |path: &str| client.open_stream(Request::get(server.url(path)));

    let mut events = open("/events").await.unwrap();
    assert_eq!(
        (events.status(), events.header("Content-Type")),
        (200, Some("text/event-stream"))
    );
    let mut lines = Vec::new();
    while let Some(line) = events.line().await.unwrap() {
        lines.push(line);
    }
    assert_eq!(lines, ["data: one", "", "data: two", "last"]);
    assert_eq!(events.line().await.unwrap(), None);

    let error = open("/long").await.unwrap().line().await.unwrap_err();
    assert_eq!(
        error.kind,
        Kind::TooLarge {
            part: Part::Line,
            limit_bytes: 100
        }
    );

    let mut quiet = open("/quiet").await.unwrap();
    assert_eq!(quiet.line().await.unwrap().as_deref(), Some("first"));
    assert_eq!(
        quiet.line().await.unwrap_err().kind,
        Kind::Timeout(Duration::from_millis(100))
    );
    assert_eq!(
        quiet.chunk().await.unwrap().as_deref(),
        Some(&b"sec"[..]),
        "what came is not lost"
    );

    let failed = open("/error").await.unwrap();
    assert_eq!(failed.status(), 404);
    assert_eq!(&*failed.rest().await.unwrap(), b"no such thing");
}

#[tokio::test]
async fn tls_trusts_whom_it_should() {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(CA).unwrap())
        .unwrap();
    let clients = rustls::server::WebPkiClientVerifier::builder_with_provider(
        roots.into(),
        Arc::clone(&provider),
    )
    .allow_unauthenticated()
    .build()
    .unwrap();
    let chain = CertificateDer::pem_slice_iter(SERVER)
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(SERVER).unwrap())
        .unwrap();
    let server = Server::start_tls(Some(Arc::new(config)), |_| ok("secret")).await;
    let url = |host: &str| format!("https://{host}:{}/", server.address.port());
    let names = hosts(&[
        ("server.example.com", &[Ipv4Addr::LOCALHOST]),
        ("other.example.com", &[Ipv4Addr::LOCALHOST]),
    ]);
    let with = |tls: Tls| {
        trusted(Options {
            tls,
            hosts: names.clone(),
            ..Options::default()
        })
    };
    let known = Tls {
        extra_ca_pem: Some(CA.to_vec()),
        ..Tls::default()
    };

    let stranger = with(Tls::default())
        .send(Request::get(url("server.example.com")))
        .await
        .unwrap_err();
    assert!(
        matches!(&stranger.kind, Kind::Tls(text) if text.contains("UnknownIssuer")),
        "{stranger:?}"
    );
    assert!(!stranger.may_have_arrived());
    let wrong_name = with(known.clone())
        .send(Request::get(url("other.example.com")))
        .await
        .unwrap_err();
    assert!(matches!(wrong_name.kind, Kind::Tls(_)), "{wrong_name:?}");

    let identified = Tls {
        identity_pem: Some(CLIENT.to_vec()),
        ..known.clone()
    };
    let insecure = Tls {
        insecure_skip_verify: true,
        ..Tls::default()
    };
    for (tls, host) in [
        (known, "server"),
        (identified, "server"),
        (insecure, "other"),
    ] {
        let request = Request::get(url(&format!("{host}.example.com")));
        assert_eq!(&*with(tls).send(request).await.unwrap().body, b"secret");
    }
}

#[tokio::test]
async fn plain_text_where_tls_was_expected_is_a_tls_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ =
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await;
        stream
    };
    let client = trusted(Options::default());
    let (error, _stream) = tokio::join!(client.send(Request::get(url)), server);
    let error = error.unwrap_err();
    assert!(
        matches!(error.kind, Kind::Tls(_)) && !error.may_have_arrived(),
        "{error:?}"
    );
}

#[test]
fn debug_keeps_secrets() {
    let request = Request::post(
        "https://u:hunter2@example.com/hunter2?hunter2",
        "a/b",
        "hunter2",
    )
    .header("x", "hunter2")
    .secret_header("y", "hunter2");
    let shown = format!("{request:?}");
    assert!(
        shown.contains("https://example.com") && !shown.contains("hunter2"),
        "{shown}"
    );
}
