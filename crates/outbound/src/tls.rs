//! TLS by rustls with ring and the platform's certificates.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// Whom to trust and how to identify oneself. The default trusts the platform's certificate authorities.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM with certificate authorities to trust besides the platform's.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// PEM with a client certificate, its chain after it, and its private key.
    pub identity_pem: Option<Vec<u8>>,
    /// Accept any certificate. For a person at the command line who asks for it, never for a server.
    pub insecure_skip_verify: bool,
}

/// The key stays out of logs.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("extra_ca_pem", &self.extra_ca_pem.is_some())
            .field("identity_pem", &self.identity_pem.is_some())
            .field("insecure_skip_verify", &self.insecure_skip_verify)
            .finish()
    }
}

/// The configuration of a client; the error is a text for a person.
pub(crate) fn config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier(tls, &provider)?);
    let mut config = identified(builder, tls)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Given to each configuration, instead of installed for the process: a library must not decide that for its host.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

fn verifier(
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if tls.insecure_skip_verify {
        return Ok(Arc::new(Unchecked {
            provider: Arc::clone(provider),
            accept: true,
        }));
    }
    let extra = match &tls.extra_ca_pem {
        Some(pem) => certificates(pem, "certificate authorities")?,
        None => Vec::new(),
    };
    if !extra.is_empty() {
        return match Verifier::new_with_extra_roots(extra, Arc::clone(provider)) {
            Ok(verifier) => Ok(Arc::new(verifier)),
            Err(error) => Err(format!(
                "the extra certificate authorities cannot be used: {error}"
            )),
        };
    }
    // Reading the platform's certificates takes milliseconds and some hundred kilobytes: once for all clients.
    static PLATFORM: OnceLock<Arc<dyn ServerCertVerifier>> = OnceLock::new();
    if let Some(verifier) = PLATFORM.get() {
        return Ok(Arc::clone(verifier));
    }
    match Verifier::new(Arc::clone(provider)) {
        Ok(verifier) => Ok(Arc::clone(PLATFORM.get_or_init(|| Arc::new(verifier)))),
        Err(error) => {
            // An image without certificates can still call http addresses; https ones then fail with an unknown
            // issuer. The next client looks again, because somebody may mount them.
            tracing::warn!(%error, "no certificate authorities on this machine; https calls will fail");
            Ok(Arc::new(Unchecked {
                provider: Arc::clone(provider),
                accept: false,
            }))
        }
    }
}

fn identified(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    tls: &Tls,
) -> Result<ClientConfig, String> {
    let Some(pem) = &tls.identity_pem else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(pem, "the client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(pem)
        .map_err(|error| format!("the client certificate's private key cannot be read: {error}"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("the client certificate cannot be used: {error}"))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("{what} cannot be read: {error}"))?;
    if found.is_empty() {
        Err(format!("{what} cannot be read: no certificate in it"))
    } else {
        Ok(found)
    }
}

/// Accepts any certificate or none, without looking at authorities: rustls builds no verifier that has none. That the
/// server holds the key of the certificate it shows is still checked.
#[derive(Debug)]
struct Unchecked {
    provider: Arc<CryptoProvider>,
    accept: bool,
}

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.accept {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(
                rustls::CertificateError::UnknownIssuer,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests;
