//! The server on a real socket.

use std::time::{Duration, Instant};

use axum::{Router, routing::get};
use gennaker_runtime::CancellationToken;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::Fixture;

async fn exchange(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let whole = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), whole)
        .await
        .expect("the server answers and closes")
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let fixture = Fixture::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cancel = CancellationToken::new();
    let more = Router::new().route("/metrics", get(|| async { "metrics" }));
    let mut server = JoinSet::new();
    let (gate, stop) = (fixture.gate.clone(), cancel.clone());
    server.spawn(async move { gate.run(listener, None, more, stop).await });

    for (head, begins, holds) in [
        (
            "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200",
            "version",
        ),
        (
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200",
            "metrics",
        ),
        (
            "GET /metrics HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 403",
            "Access is denied",
        ),
        (
            "HEAD /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200",
            "application/json",
        ),
        (
            "GET /pipelines/{id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 404",
            "not found (id: {id})",
        ),
        ("NONSENSE\r\n\r\n", "HTTP/1.1 400", ""),
    ] {
        let answer = exchange(port, head).await;
        assert!(
            answer.starts_with(begins) && answer.contains(holds),
            "{head}\n{answer}"
        );
        if begins.ends_with("200") {
            assert!(
                answer.to_lowercase().contains("content-length:"),
                "{answer}"
            );
        }
    }
    // A stream that is open does not hold the server up.
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream
        .write_all(b"GET /v2/feed?topics=all HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 64];
    assert!(stream.read(&mut first).await.unwrap() > 0);
    let began = Instant::now();
    cancel.cancel();
    server.join_next().await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
}
