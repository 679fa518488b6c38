//! The server with certificates, on a real socket.

use std::{path::Path, sync::Arc, time::Duration};

use axum::Router;
use gennaker_runtime::CancellationToken;
use gennaker_testkit::certificates::{Authority, Files, Valid};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};
use tokio_rustls::TlsConnector;

use super::Fixture;
use crate::{BadTls, Tls, TlsFiles};

const ASK: &[u8] = b"GET /auth/user HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// How long a changed file may take to be used.
const PATIENCE: Duration = Duration::from_secs(30);

struct Server {
    port: u16,
    cancel: CancellationToken,
    tasks: JoinSet<std::io::Result<()>>,
}

impl Server {
    async fn start(files: TlsFiles) -> Self {
        let fixture = Fixture::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = Tls::read(files).unwrap();
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let ended = fixture
                .gate
                .run(listener, Some(tls), Router::new(), stop)
                .await;
            drop(fixture);
            ended
        });
        Self {
            port,
            cancel,
            tasks,
        }
    }

    /// What the server answers a client that trusts this file.
    async fn ask(&self, trusted: &Path, identity: Option<&Files>) -> std::io::Result<String> {
        let connector = TlsConnector::from(Arc::new(client(trusted, identity)));
        let tcp = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = connector.connect(name, tcp).await?;
        stream.write_all(ASK).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn end(mut self) {
        self.cancel.cancel();
        self.tasks.join_next().await.unwrap().unwrap().unwrap();
    }
}

fn client(trusted: &Path, identity: Option<&Files>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(trusted).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let certificate = CertificateDer::from_pem_file(&files.certificate).unwrap();
            let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
            builder
                .with_client_auth_cert(vec![certificate], key)
                .unwrap()
        }
    }
}

fn files(server: &Files, client_ca: Option<&Path>, required: bool) -> TlsFiles {
    TlsFiles {
        certificate: server.certificate.clone(),
        key: server.key.clone(),
        client_ca: client_ca.map(Path::to_owned),
        client_certificate_required: required,
    }
}

#[tokio::test]
async fn a_client_certificate_may_be_shown_and_counts_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (ca, client_ca) = (ours.write(folder), theirs.write(folder));
    let server = ours.issue(folder, "server", &["localhost"], Valid::Now);
    let client = theirs.issue(folder, "client", &[], Valid::Now);
    let late = theirs.issue(folder, "late", &[], Valid::Before);
    let stranger = ours.issue(folder, "stranger", &[], Valid::Now);
    for (required, without) in [(false, true), (true, false)] {
        let server = Server::start(files(&server, Some(&client_ca), required)).await;
        for (identity, is_answered) in [
            (None, without),
            (Some(&client), true),
            (Some(&late), false),
            (Some(&stranger), false),
        ] {
            let answer = server.ask(&ca, identity).await;
            assert_eq!(
                answer.is_ok(),
                is_answered,
                "{identity:?}, required {required}: {answer:?}"
            );
            if let Ok(answer) = answer {
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                assert!(answer.contains("\"username\":\"anonymous\""), "{answer}");
            }
        }
        server.end().await;
    }
    // Nobody is asked: who has one does not show it.
    let server = Server::start(files(&server, None, false)).await;
    assert!(server.ask(&ca, Some(&stranger)).await.is_ok());
    assert!(
        server.ask(&client_ca, None).await.is_err(),
        "a server of another authority"
    );
    server.end().await;
}

#[tokio::test]
async fn a_client_that_is_silent_or_speaks_no_tls_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    let ca = authority.write(folder.path());
    let issued = authority.issue(folder.path(), "server", &["localhost"], Valid::Now);
    let server = Server::start(files(&issued, None, false)).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(
            TcpStream::connect(("127.0.0.1", server.port))
                .await
                .unwrap(),
        );
    }
    let mut plain = TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    plain.write_all(ASK).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 Bad Request"), "{answer}");
    assert!(
        answer.contains("sent an HTTP request to an HTTPS server"),
        "{answer}"
    );
    assert!(
        server
            .ask(&ca, None)
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    drop(silent);
    server.end().await;
}

#[tokio::test]
async fn changed_files_are_used_and_bad_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let (trusts_first, trusts_second) = (first.write(folder), second.write(folder));
    let issued = first.issue(folder, "server", &["localhost"], Valid::Now);
    let server = Server::start(files(&issued, None, false)).await;
    assert!(server.ask(&trusts_first, None).await.is_ok());
    let mut tls = Tls::read(files(&issued, None, false)).unwrap();
    assert!(!tls.look().unwrap());
    // The certificate of another key: what was there stays, and that is said once.
    let other = second.issue(folder, "other", &["localhost"], Valid::Now);
    std::fs::copy(&other.certificate, &issued.certificate).unwrap();
    assert!(tls.look().is_err());
    assert!(!tls.look().unwrap());
    std::fs::copy(&other.key, &issued.key).unwrap();
    assert!(tls.look().unwrap());
    let until = Instant::now() + PATIENCE;
    while server.ask(&trusts_second, None).await.is_err() {
        assert!(Instant::now() < until, "the new certificate is not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(server.ask(&trusts_first, None).await.is_err());
    server.end().await;
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new("ours");
    let ca = authority.write(folder);
    let issued = authority.issue(folder, "server", &["localhost"], Valid::Now);
    let other = authority.issue(folder, "other", &["localhost"], Valid::Now);
    let empty = folder.join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let good = files(&issued, Some(&ca), true);
    assert!(Tls::read(good.clone()).is_ok());
    let told = |change: &dyn Fn(&mut TlsFiles)| {
        let mut files = good.clone();
        change(&mut files);
        Tls::read(files).unwrap_err()
    };
    let gone = folder.join("gone.pem");
    let error = told(&|files| files.key.clone_from(&gone));
    assert!(
        matches!(&error, BadTls::Unreadable { path, .. } if *path == gone),
        "{error}"
    );
    for (error, what) in [
        (
            told(&|files| files.certificate.clone_from(&empty)),
            "empty.pem holds no certificate in PEM",
        ),
        (
            told(&|files| files.key.clone_from(&empty)),
            "empty.pem holds no private key in PEM",
        ),
        (
            told(&|files| files.client_ca = Some(empty.clone())),
            "empty.pem holds no certificate in PEM",
        ),
        (
            told(&|files| files.key.clone_from(&other.key)),
            "the certificate and its key cannot be used",
        ),
    ] {
        assert!(error.to_string().ends_with(what), "{error}");
    }
}
