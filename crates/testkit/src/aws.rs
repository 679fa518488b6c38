//! Signatures of requests to Amazon's services (AWS Signature Version 4, in headers): whether one is right, and how one is made.
//!
//! Computed by the description of the protocol, and not with the library that the product signs with.

use jiff::Timestamp;
use ring::{digest, hmac};

use crate::http::Seen;

/// Who signs, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The access key.
    pub key_id: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// The region.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
}

/// What is signed.
struct Signed<'a> {
    method: &'a str,
    /// Path and query.
    target: &'a str,
    /// By names in lower case, in their order.
    headers: &'a [(String, String)],
    body: &'a [u8],
    /// `20300101T000000Z`.
    at: &'a str,
}

impl Signer<'_> {
    /// Checks the signature of a request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, seen: &Seen) -> Result<(), String> {
        let header = |name: &str| seen.header(name).ok_or(format!("it has no header {name}"));
        let rest = header("authorization")?
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or("it is not signed by version 4")?;
        let part = |name: &str| {
            let mut parts = rest.split(',').map(str::trim);
            parts
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                .ok_or(format!("its signature has no {name}"))
        };
        let names: Vec<&str> = part("SignedHeaders")?.split(';').collect();
        if let Some(missing) = ["host", "x-amz-date", "content-type"]
            .iter()
            .find(|needed| !names.contains(needed))
        {
            return Err(format!("{missing} is not signed"));
        }
        let mut headers = Vec::new();
        for name in names {
            headers.push((name.to_owned(), header(name)?.trim().to_owned()));
        }
        let signed = Signed {
            method: &seen.method,
            target: seen.path(),
            headers: &headers,
            body: &seen.body,
            at: header("x-amz-date")?,
        };
        let credential = part("Credential")?;
        if credential != format!("{}/{}", self.key_id, self.scope(signed.at)) {
            return Err(format!("it is signed for {credential}"));
        }
        match part("Signature")? == self.signature(&signed) {
            true => Ok(()),
            false => Err("its signature is wrong".to_owned()),
        }
    }

    /// The headers, with a signature, of a request to a host that is sent now.
    #[must_use]
    pub fn sign(
        &self,
        method: &str,
        host: &str,
        target: &str,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let at = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = [
            ("host", host.to_owned()),
            ("x-amz-content-sha256", sha256(body)),
            ("x-amz-date", at.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let signature = self.signature(&Signed {
            method,
            target,
            headers: &headers,
            body,
            at: &at,
        });
        let proof = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}",
            self.key_id,
            self.scope(&at)
        );
        headers.push(("authorization".to_owned(), proof));
        headers
    }

    fn scope(&self, at: &str) -> String {
        let day = at.get(..8).unwrap_or_default();
        format!("{day}/{}/{}/aws4_request", self.region, self.service)
    }

    fn signature(&self, signed: &Signed<'_>) -> String {
        let names: Vec<&str> = signed.headers.iter().map(|(name, _)| &**name).collect();
        let lines: Vec<String> = signed
            .headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let (path, query) = signed.target.split_once('?').unwrap_or((signed.target, ""));
        let mut pairs: Vec<&str> = query.split('&').collect();
        pairs.sort_unstable();
        let request = format!(
            "{}\n{path}\n{}\n{}\n{}\n{}",
            signed.method,
            pairs.join("&"),
            lines.concat(),
            names.join(";"),
            sha256(signed.body)
        );
        let (at, scope) = (signed.at, self.scope(signed.at));
        let text = format!(
            "AWS4-HMAC-SHA256\n{at}\n{scope}\n{}",
            sha256(request.as_bytes())
        );
        let mut key = format!("AWS4{}", self.secret).into_bytes();
        for word in scope.split('/').chain([&*text]) {
            let with = hmac::Key::new(hmac::HMAC_SHA256, &key);
            key = hmac::sign(&with, word.as_bytes()).as_ref().to_vec();
        }
        hex(&key)
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
