//! TLS of the listener: rustls with ring, client certificates if an authority for them is named, files that are read again when
//! they change.
//!
//! Handshakes run beside each other, so that one client that is slow, or says nothing, holds nobody up. Certificates are issued
//! anew every few weeks, and the ones of a mounted secret change under the process: the files are looked at every few seconds,
//! and new connections get what they hold. What cannot be used is logged, and what was used before stays.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::serve::Listener;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Interval, MissedTickBehavior},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Longest handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// Most handshakes at the same time; further connections wait in the system's queue.
const HANDSHAKES_MAX: usize = 512;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Largest file of certificates, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What a client is told that speaks HTTP without TLS; Go's servers have the same words.
const PLAIN_HTTP: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
      Client sent an HTTP request to an HTTPS server: the address begins with https://\n";

/// Files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of client certificates; without any, clients are asked for none.
    pub client_ca: Option<PathBuf>,
    /// Whether a client without certificate is refused.
    pub client_certificate_required: bool,
}

/// Why files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is no PEM file of its kind.
    #[error("{} holds no {what} in PEM", path.display())]
    Lacking {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The key is not that of the certificate, or of a kind that is not known.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[source] rustls::Error),
    /// The authorities of clients make no sense.
    #[error("the authorities of client certificates cannot be used")]
    Authorities(#[source] VerifierBuilderError),
}

/// TLS for a listener, from files that could be used.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    seen: Contents,
    config: Arc<ServerConfig>,
}

/// What the files hold.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`BadTls`] when one cannot be read, or they do not fit.
    pub fn read(files: TlsFiles) -> Result<Self, BadTls> {
        let seen = Contents::read(&files)?;
        Ok(Self {
            config: config(&files, &seen)?,
            files,
            seen,
        })
    }

    /// Whether a client without certificate is refused.
    pub(crate) const fn is_closed(&self) -> bool {
        self.files.client_ca.is_some() && self.files.client_certificate_required
    }

    /// Reads the files again; whether they had changed.
    pub(crate) fn look(&mut self) -> Result<bool, BadTls> {
        let now = Contents::read(&self.files)?;
        if now == self.seen {
            return Ok(false);
        }
        let config = config(&self.files, &now);
        // Also if it cannot be used: once is enough to say so.
        self.seen = now;
        self.config = config?;
        Ok(true)
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, BadTls> {
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_ca: files.client_ca.as_deref().map(read).transpose()?,
        })
    }
}

/// A listener whose connections have finished their handshake.
pub(crate) struct TlsListener {
    tcp: TcpListener,
    tls: Tls,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
    ticks: Interval,
}

impl TlsListener {
    pub(crate) fn new(tcp: TcpListener, tls: Tls) -> Self {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            tcp,
            tls,
            handshakes: JoinSet::new(),
            ticks,
        }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, from) = Listener::accept(&mut self.tcp), if self.handshakes.len() < HANDSHAKES_MAX => {
                    let acceptor = TlsAcceptor::from(Arc::clone(&self.tls.config));
                    self.handshakes.spawn(handshake(acceptor, stream, from));
                }
                Some(done) = self.handshakes.join_next(), if !self.handshakes.is_empty() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                _ = self.ticks.tick() => self.look(),
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

impl TlsListener {
    /// Three small files, every few seconds: not worth a thread of their own.
    fn look(&mut self) {
        match self.tls.look() {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!("the files of gate.tls have changed; new connections use them")
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the changed files of gate.tls are not used: {error}"
            ),
        }
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    from: SocketAddr,
) -> Option<(TlsStream<TcpStream>, SocketAddr)> {
    // Without it small answers wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    match tokio::time::timeout(HANDSHAKE_WITHIN, shake(acceptor, stream)).await {
        Ok(Ok(stream)) => stream.map(|stream| (stream, from)),
        Ok(Err(error)) => {
            tracing::debug!(%from, "a TLS handshake with {from} failed: {error}");
            None
        }
        Err(_) => {
            tracing::debug!(%from, "a TLS handshake with {from} took too long");
            None
        }
    }
}

async fn shake(
    acceptor: TlsAcceptor,
    mut stream: TcpStream,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        stream.write_all(PLAIN_HTTP).await?;
        stream.shutdown().await?;
        return Ok(None);
    }
    acceptor.accept(stream).await.map(Some)
}

fn read(path: &Path) -> Result<Vec<u8>, BadTls> {
    let bytes = || {
        let length = fs::metadata(path)?.len();
        if length > FILE_BYTES_MAX {
            return Err(io::Error::other(format!(
                "it has {length} bytes, more than {FILE_BYTES_MAX}"
            )));
        }
        fs::read(path)
    };
    bytes().map_err(|source| BadTls::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn config(files: &TlsFiles, contents: &Contents) -> Result<Arc<ServerConfig>, BadTls> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&files.certificate, &contents.certificate)?;
    let lacks_key = |_| BadTls::Lacking {
        path: files.key.clone(),
        what: "private key",
    };
    let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(lacks_key)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(BadTls::Unusable)?;
    let builder = match (&files.client_ca, &contents.client_ca) {
        (Some(path), Some(pem)) => {
            let required = files.client_certificate_required;
            builder.with_client_cert_verifier(verifier(path, pem, required, provider)?)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(BadTls::Unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn verifier(
    path: &Path,
    pem: &[u8],
    required: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, BadTls> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots.add(certificate).map_err(BadTls::Unusable)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match required {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    builder.build().map_err(BadTls::Authorities)
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BadTls> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => Err(BadTls::Lacking {
            path: path.to_owned(),
            what: "certificate",
        }),
    }
}
