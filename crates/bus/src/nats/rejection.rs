//! Why a connection is not made, where waiting does not help.

use async_nats::rustls::{AlertDescription, CertificateError, Error as TlsError};
use async_nats::{ConnectError, ConnectErrorKind};

use crate::error::Rejection;

/// What is not accepted; nothing if the broker may just not be there.
pub(super) fn of(error: &ConnectError) -> Option<Rejection> {
    if let Some(tls) = tls(error) {
        return of_tls(tls);
    }
    let detail = || match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    };
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => Some(Rejection::Credentials),
        // Our own part of it failed: the seed is none, or the key cannot sign.
        ConnectErrorKind::Authentication => Some(Rejection::UnusableCredentials(detail())),
        ConnectErrorKind::Tls => Some(Rejection::UnusableCertificates(detail())),
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => None,
    }
}

/// The error of the TLS library, which comes wrapped in one of input and output.
fn tls(error: &ConnectError) -> Option<&TlsError> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<TlsError>() {
            return Some(tls);
        }
        next = match cause.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as _),
            None => cause.source(),
        };
    }
    None
}

fn of_tls(error: &TlsError) -> Option<Rejection> {
    Some(match error {
        TlsError::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Rejection::UnknownAuthority
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Rejection::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Rejection::NotValidYet
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Rejection::OtherName
            }
            other => Rejection::Certificate(other.to_string()),
        },
        TlsError::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired => {
                Rejection::OurCertificate("it wants one and gets none".to_owned())
            }
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied => Rejection::OurCertificate(format!("{alert:?}")),
            // The broker may be about to stop.
            _ => return None,
        },
        // It answers our greeting with words.
        TlsError::InvalidMessage(_) => Rejection::NoTls,
        _ => return None,
    })
}
