//! Accounts that always exist: embedded content, and artifacts that are only named (Clouddriver: `EmbeddedArtifactCredentials`,
//! `DockerArtifactCredentials`, `KubernetesArtifactCredentials`, `CustomArtifactCredentials`).

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::Source;
use crate::{Artifact, Error};

/// As Java's decoder: with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The account of embedded content.
pub(super) const EMBEDDED: &str = "embedded-artifact";

/// What it reads.
pub(super) const EMBEDDED_TYPES: &[&str] = &["embedded/base64", "remote/base64"];

/// Content that stands in the reference.
pub(super) struct Embedded;

/// Artifacts that others read, or nobody.
#[derive(Clone, Copy)]
pub(super) struct PassedOn {
    pub(super) account: &'static str,
    pub(super) types: &'static [&'static str],
    why: &'static str,
}

pub(super) const PASSED_ON: [PassedOn; 3] = [
    PassedOn {
        account: "docker-registry",
        types: &["docker/image"],
        why: "Docker references are passed on to cloud platforms who retrieve images directly",
    },
    PassedOn {
        account: "kubernetes",
        types: &["kubernetes/*"],
        why: "Kubernetes artifacts are retrieved by kubernetes directly",
    },
    PassedOn {
        account: "custom-artifact",
        types: &["custom/object"],
        why: "Custom references are passed on to cloud platforms who handle or process them",
    },
];

impl Source for Embedded {
    fn types(&self) -> &'static [&'static str] {
        EMBEDDED_TYPES
    }

    fn fetch<'a>(&'a self, artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async move {
            let reference = &artifact.reference;
            if reference.starts_with("ref://") {
                return Err(Error::NotBuilt {
                    kind: artifact.kind.clone(),
                    why: "references of a Spinnaker's artifact store (ref://) lead to a bucket that is not known here",
                });
            }
            let text: Vec<u8> = reference
                .bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            let content = LENIENT.decode(text).map_err(|problem| {
                Error::Reference(format!(
                    "the reference of an embedded artifact is no base64: {problem}"
                ))
            })?;
            Ok(content.into())
        })
    }
}

impl Source for PassedOn {
    fn types(&self) -> &'static [&'static str] {
        self.types
    }

    fn reads(&self, kind: &str) -> bool {
        let fits = |one: &&str| match one.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => kind == *one,
        };
        self.types.iter().any(fits)
    }

    fn fetch<'a>(&'a self, _artifact: &'a Artifact) -> BoxFuture<'a, Result<Bytes, Error>> {
        Box::pin(async { Err(Error::NotDownloadable(self.why)) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{accounts, artifact};

    #[tokio::test]
    async fn embedded_content_is_decoded() {
        let accounts = accounts("");
        for (reference, content) in [
            ("aGVsbG8=", "hello"),
            ("aGVsbG8", "hello"),
            ("aGVs\nbG8=\n", "hello"),
            ("", ""),
        ] {
            let given = artifact(
                json!({"type": "embedded/base64", "artifactAccount": "embedded-artifact", "reference": reference}),
            );
            assert_eq!(accounts.fetch(&given).await.unwrap(), content);
        }
        let wrong = artifact(json!({"type": "embedded/base64", "reference": "§"}));
        let error = accounts.fetch(&wrong).await.unwrap_err().to_string();
        assert!(
            error.starts_with("Unable to download the contents of artifact type embedded/base64"),
            "{error}"
        );
        let stored = artifact(json!({"type": "remote/base64", "reference": "ref://app/abc"}));
        assert_eq!(
            accounts.fetch(&stored).await.unwrap_err().http_status(),
            501
        );
    }

    #[tokio::test]
    async fn what_is_passed_on_has_no_content() {
        let accounts = accounts("");
        for (kind, account, start) in [
            ("docker/image", "docker-registry", "Docker references"),
            ("kubernetes/configMap", "kubernetes", "Kubernetes artifacts"),
            ("custom/object", "", "Custom references"),
        ] {
            let given =
                artifact(json!({"type": kind, "artifactAccount": account, "reference": "x"}));
            let error = accounts.fetch(&given).await.unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
