//! Finding the server, signing in, and what refusals read like; and the real client against a real socket.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::{
    http::scripted::Scripted,
    testing::{Screen, tools},
};

/// A configuration in a folder of its own.
fn configured(text: &str) -> (tempfile::TempDir, Global) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, text).unwrap();
    let global = Global {
        config: Some(file),
        ..Global::default()
    };
    (folder, global)
}

async fn connect(
    global: &Global,
    caller: Caller,
    server: &Scripted,
    screen: &mut Screen,
) -> Result<Gate, Failure> {
    Gate::connect(global, caller, &tools(server), &mut screen.io).await
}

#[tokio::test]
async fn the_address_comes_from_flag_environment_file_and_default_in_that_order() {
    let (_folder, mut global) =
        configured("gate:\n  endpoint: https://file.example/\n  retryTimeout: 300\n");
    let server = Scripted::default();
    let mut screen = Screen::pipe().env("GENNAKER_URL", "http://env.example");
    let base = |gate: Gate| (gate.base, gate.retry_timeout_s);
    let verb = connect(&global, Caller::Verb, &server, &mut screen)
        .await
        .unwrap();
    assert_eq!(base(verb), ("http://env.example".into(), 300));
    let spin = connect(&global, Caller::Spin, &server, &mut screen)
        .await
        .unwrap();
    assert_eq!(
        base(spin),
        ("https://file.example".into(), 300),
        "spin knows no variable of ours"
    );
    global.server = Some("HTTPS://flag.example/gate/".into());
    global.retry_timeout = Some(5);
    let verb = connect(&global, Caller::Verb, &server, &mut screen)
        .await
        .unwrap();
    assert_eq!(base(verb), ("HTTPS://flag.example/gate".into(), 5));
    let nothing = connect(
        &Global::default(),
        Caller::Spin,
        &server,
        &mut Screen::pipe(),
    )
    .await
    .unwrap();
    assert_eq!(base(nothing), (DEFAULT_SERVER.into(), 60));
    for wrong in ["localhost:8084", "http://", "ftp://x", "http://a b"] {
        global.server = Some(wrong.into());
        let failure = connect(&global, Caller::Verb, &server, &mut screen)
            .await
            .err()
            .unwrap();
        assert_eq!(failure.exit, Exit::Usage, "{wrong}");
    }
}

#[tokio::test]
async fn basic_token_and_default_headers_go_with_every_request() {
    let (_folder, mut global) = configured(
        "auth:\n  enabled: true\n  basic: {username: u, password: \"${SECRET}\"}\n  apiToken: {token: spk_1}\n",
    );
    global.default_headers = Some("X-One = 1,x-two=a=b".into());
    let mut screen = Screen::pipe().env("SECRET", "p");
    let gate = connect(&global, Caller::Verb, &Scripted::default(), &mut screen)
        .await
        .unwrap();
    let request = gate.request("GET", "/x", None);
    for expected in [
        ("authorization", "Basic dTpw"),
        ("x-spinnaker-token", "spk_1"),
        ("x-one", "1"),
        ("x-two", "a=b"),
        ("accept", "*/*"),
    ] {
        let found = request.headers.iter().find(|(name, _)| name == expected.0);
        assert_eq!(found.map(|(_, value)| value.as_str()), Some(expected.1));
    }
    global.default_headers = Some("nonsense".into());
    let failure = connect(&global, Caller::Verb, &Scripted::default(), &mut screen)
        .await
        .err()
        .unwrap();
    assert_eq!(
        failure.sentence,
        "Bad default-header value, use key=value form: nonsense"
    );
}

#[tokio::test]
async fn a_form_login_keeps_the_session() {
    let (_folder, global) =
        configured("auth:\n  enabled: true\n  ldap: {username: u, password: \"p&q\"}\n");
    let answer = Response {
        status: 302,
        headers: vec![
            ("location".into(), "/".into()),
            ("set-cookie".into(), "SESSION=abc; Path=/; HttpOnly".into()),
        ],
        body: Vec::new(),
    };
    let server = Scripted::default().answer("POST /login", Ok(answer));
    let gate = connect(&global, Caller::Spin, &server, &mut Screen::pipe())
        .await
        .unwrap();
    assert_eq!(server.requests(), ["POST /login username=u&password=p%26q"]);
    let request = gate.request("GET", "/version", None);
    assert!(
        request
            .headers
            .contains(&("cookie".into(), "SESSION=abc".into()))
    );

    let refused = Response {
        status: 302,
        headers: vec![("location".into(), "/login?error".into())],
        body: Vec::new(),
    };
    let server = Scripted::default().answer("POST /login", Ok(refused));
    let failure = connect(&global, Caller::Spin, &server, &mut Screen::pipe())
        .await
        .err()
        .unwrap();
    assert_eq!(failure.exit, Exit::NotAllowed);
}

#[tokio::test]
async fn a_server_without_sign_in_is_used_without_one() {
    let (_folder, global) =
        configured("auth:\n  enabled: true\n  ldap: {username: u, password: p}\n");
    for status in [404, 405, 501] {
        let server = Scripted::default().on("POST /login", status, json!({"message": "none"}));
        let gate = connect(&global, Caller::Spin, &server, &mut Screen::pipe()).await;
        assert!(gate.is_ok(), "{status}");
    }
    let server = Scripted::default().on("POST /login", 401, json!({"message": "wrong"}));
    let failure = connect(&global, Caller::Spin, &server, &mut Screen::pipe()).await;
    assert_eq!(failure.err().unwrap().exit, Exit::NotAllowed);
}

#[tokio::test]
async fn a_password_that_is_not_configured_is_asked_for_without_showing_it() {
    let (_folder, global) = configured("auth:\n  enabled: true\n  ldap: {username: }\n");
    let server = Scripted::default().empty("POST /login", 302);
    let mut screen = Screen::terminal(80, 24).typing("me\n");
    screen.io.secret = Box::new(|| Some("s3cret".into()));
    connect(&global, Caller::Spin, &server, &mut screen)
        .await
        .unwrap();
    assert_eq!(
        server.requests(),
        ["POST /login username=me&password=s3cret"]
    );
    assert_eq!(screen.err(), "Username: Password: \n");
    // Nobody there to ask, and somebody who gives up.
    for mut screen in [Screen::pipe(), Screen::terminal(80, 24).typing("me\n")] {
        let failure = connect(&global, Caller::Spin, &server, &mut screen).await;
        let failure = failure.err().unwrap();
        assert_eq!(
            failure.sentence,
            "Incorrect LDAP auth configuration. Must include username and password."
        );
    }
}

#[tokio::test]
async fn a_refresh_token_gives_a_token_for_the_proxy() {
    let (_folder, global) = configured(
        "auth:\n  enabled: true\n  iap: {oauthClientId: id, oauthClientSecret: s, iapClientId: aud, iapClientRefresh: r&1}\n",
    );
    let server = Scripted::default().on("POST /oauth2/v4/token", 200, json!({"id_token": "fresh"}));
    let gate = connect(&global, Caller::Spin, &server, &mut Screen::pipe())
        .await
        .unwrap();
    let bearer = ("authorization".to_owned(), "Bearer fresh".to_owned());
    assert!(gate.request("GET", "/", None).headers.contains(&bearer));
    assert_eq!(
        server.requests(),
        [
            "POST /oauth2/v4/token client_id=id&client_secret=s&refresh_token=r%261&grant_type=refresh_token&audience=aud"
        ]
    );
    for (status, body) in [(400, json!({"error": "invalid_grant"})), (200, json!({}))] {
        let server = Scripted::default().on("POST /oauth2/v4/token", status, body);
        let failure = connect(&global, Caller::Spin, &server, &mut Screen::pipe()).await;
        let failure = failure.err().unwrap();
        assert_eq!(failure.exit, Exit::NotAllowed);
        assert!(!failure.sentence.contains("r&1"), "{}", failure.sentence);
    }
}

#[tokio::test]
async fn a_cached_token_signs_in_and_everything_else_says_what_works() {
    let oauth2 = |expiry: &str| {
        format!(
            "auth:\n  enabled: true\n  oauth2:\n    provider: github\n    cachedToken: {{access_token: tok, token_type: bearer, expiry: {expiry}}}\n"
        )
    };
    let server = Scripted::default().empty("GET /login/oauth2/code/github", 302);
    let (_folder, global) = configured(&oauth2("0001-01-01T00:00:00Z"));
    let gate = connect(&global, Caller::Spin, &server, &mut Screen::pipe())
        .await
        .unwrap();
    let bearer = ("authorization".to_owned(), "Bearer tok".to_owned());
    assert!(gate.request("GET", "/", None).headers.contains(&bearer));
    assert_eq!(server.requests(), ["GET /login/oauth2/code/github"]);

    for text in [
        oauth2("2020-01-01T00:00:00Z"),
        "auth:\n  enabled: true\n  iap: {iapClientId: x}\n".into(),
        "auth:\n  enabled: true\n  google_service_account: {file: sa.json}\n".into(),
    ] {
        let (_folder, global) = configured(&text);
        let failure = connect(&global, Caller::Spin, &server, &mut Screen::pipe())
            .await
            .err()
            .unwrap();
        assert_eq!(failure.exit, Exit::NotAllowed);
        assert!(failure.fix.unwrap().contains("auth.apiToken"), "{text}");
    }
    let (_folder, global) = configured("auth:\n  enabled: false\n  iap: {iapClientId: x}\n");
    assert!(
        connect(&global, Caller::Spin, &server, &mut Screen::pipe())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn client_certificates_are_handed_to_the_connection() {
    let seen = Arc::new(Mutex::new(None));
    let connect = |text: &str| {
        let (folder, global) = configured(text);
        let seen = Arc::clone(&seen);
        async move {
            let tools = Tools {
                connect: Box::new(move |tls| {
                    *seen.lock().unwrap() = Some(tls.clone());
                    Ok(Arc::new(Scripted::default()))
                }),
                ..Tools::default()
            };
            let result = Gate::connect(&global, Caller::Spin, &tools, &mut Screen::pipe().io).await;
            drop(folder);
            result.map(drop)
        }
    };
    connect("auth:\n  enabled: true\n  ignoreCertErrors: true\n  x509: {cert: C, key: K}\n")
        .await
        .unwrap();
    let tls = seen.lock().unwrap().clone().unwrap();
    assert_eq!(
        (tls.insecure, tls.identity),
        (true, Some(("C".into(), "K".into())))
    );
    // Flags win over the configuration.
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, name).unwrap();
        Some(path)
    };
    let (_folder, mut global) = configured("auth:\n  enabled: true\n  x509: {cert: C, key: K}\n");
    (global.client_certificate, global.client_key) = (file("cert"), file("key"));
    global.certificate_authority = file("ca");
    let config = SpinConfig::load(&global, &Screen::pipe().io).unwrap();
    let auth = config.auth.unwrap();
    let tls = session::tls(&auth, &global, &Screen::pipe().io).unwrap();
    assert_eq!(tls.identity, Some(("cert".into(), "key".into())));
    assert_eq!(tls.authorities.as_deref(), Some("ca"));
    global.client_key = Some("/nonexistent/key".into());
    let failure = session::tls(&auth, &global, &Screen::pipe().io).unwrap_err();
    assert!(
        failure
            .sentence
            .starts_with("cannot read /nonexistent/key: ")
    );
    let failure = connect("auth:\n  enabled: true\n  x509: {cert: C, keyPath: /k}\n")
        .await
        .unwrap_err();
    assert!(
        failure
            .sentence
            .starts_with("Incorrect x509 auth configuration.")
    );
}

#[tokio::test]
async fn refusals_become_sentences_with_their_exit_code() {
    let server = Scripted::default();
    let gate = connect(
        &Global::default(),
        Caller::Verb,
        &server,
        &mut Screen::pipe(),
    )
    .await
    .unwrap();
    let refused = |status: u16| {
        let response = Response {
            status,
            headers: vec![("x-spinnaker-request-id".into(), "r".into())],
            body: json!({"message": "said"}).to_string().into_bytes(),
        };
        let failure = gate.refused("execution 1", &response);
        assert_eq!(failure.request_id.as_deref(), Some("r"));
        failure.exit.code()
    };
    let codes = [400, 401, 403, 404, 409, 302, 500, 503].map(refused);
    assert_eq!(codes, [1, 4, 4, 7, 8, 4, 1, 9]);
    let elsewhere = Response {
        status: 404,
        headers: vec![("content-type".into(), "application/problem+json".into())],
        body: json!({"detail": "No static resource x."})
            .to_string()
            .into_bytes(),
    };
    let failure = gate.refused("execution 1", &elsewhere);
    assert_eq!(failure.exit, Exit::NotFound);
    assert_eq!(
        failure.sentence,
        "http://localhost:8084 has no such address: No static resource x."
    );
    assert!(failure.fix.unwrap().contains("the address of a Gate"));
}

/// A server of one answer per connection; the requests as they came.
async fn listening(
    answers: Vec<&'static str>,
) -> (String, Arc<Mutex<Vec<String>>>, tokio::task::JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                let read = socket.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            seen.lock()
                .unwrap()
                .push(String::from_utf8_lossy(&request).into_owned());
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket.shutdown().await.unwrap();
        }
    });
    (address, requests, serving)
}

#[tokio::test]
async fn the_real_client_speaks_to_a_real_socket() {
    let (address, requests, mut serving) = listening(vec![
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\nConnection: close\r\n\r\n{\"a\":1}",
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nSet-Cookie: S=1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nevent: patch\nid: 1\ndata: {}\n\n",
    ])
    .await;
    let global = Global {
        server: Some(address),
        ..Global::default()
    };
    let gate = Gate::connect(
        &global,
        Caller::Verb,
        &Tools::default(),
        &mut Screen::pipe().io,
    )
    .await
    .unwrap();
    assert_eq!(gate.get("a thing", "/thing").await, Ok(json!({"a": 1})));
    let mut request = gate.request("POST", "/login", Some(&json!({"b": 2})));
    request.redirects = false;
    let answer = gate.send(request).await.unwrap();
    assert_eq!(
        (answer.status, answer.header("set-cookie")),
        (302, Some("S=1"))
    );
    let mut stream = gate
        .stream("/v2/feed?topics=execution%3A1", Some("7"))
        .await
        .unwrap();
    assert_eq!(stream.head.status, 200);
    let mut text = Vec::new();
    while let Some(Ok(bytes)) = stream.chunks.next().await {
        text.extend(bytes);
    }
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "event: patch\nid: 1\ndata: {}\n\n"
    );
    serving.join_next().await.unwrap().unwrap();
    let seen = requests.lock().unwrap();
    assert!(
        seen[0].starts_with("GET /thing HTTP/1.1\r\n")
            && seen[0].to_lowercase().contains("user-agent: gennaker/")
    );
    assert!(
        seen[1]
            .to_lowercase()
            .contains("content-type: application/json")
    );
    assert!(
        seen[2].to_lowercase().contains("last-event-id: 7")
            && seen[2].to_lowercase().contains("accept: text/event-stream")
    );
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_exit_9_and_says_what_to_start() {
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let global = Global {
        server: Some(format!("http://{address}")),
        ..Global::default()
    };
    let gate = Gate::connect(
        &global,
        Caller::Verb,
        &Tools::default(),
        &mut Screen::pipe().io,
    )
    .await
    .unwrap();
    let failure = gate.get("x", "/version").await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(
        failure.sentence.contains("connection refused"),
        "{}",
        failure.sentence
    );
    assert!(failure.fix.unwrap().contains("gennaker dev"));
}
