//! Certificates for a test: an authority, and what it signs.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// An authority of its own; nobody trusts it unless told to.
pub struct Authority {
    name: String,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valid {
    /// As long as any test lives.
    Now,
    /// Until long ago.
    Before,
    /// Not before anybody runs this any more.
    Later,
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Authority {
    /// Makes an authority; two of the same name are two.
    ///
    /// # Panics
    /// When the machine gives no randomness.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = params(name, &[], Valid::Now);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("a key can sign");
        Self {
            name: name.to_owned(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Writes its certificate into a folder; the file that those name who trust it.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let file = folder.join(format!("{}.crt", self.name));
        std::fs::write(&file, &self.pem).expect("a file can be written in our own folder");
        file
    }

    /// Signs a certificate for a server or a client with these names (addresses are names, too) and writes it into a folder.
    ///
    /// # Panics
    /// As [`Authority::write`], and when a name is none.
    pub fn issue(&self, folder: &Path, name: &str, names: &[&str], valid: Valid) -> Files {
        let mut params = params(name, names, valid);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.sign(folder, name, params)
    }

    /// Signs a certificate for a client who is told by his name and the organization that he belongs to, if any.
    ///
    /// # Panics
    /// As [`Authority::write`].
    pub fn issue_client(&self, folder: &Path, name: &str, organization: Option<&str>) -> Files {
        let mut params = params(name, &[], Valid::Now);
        if let Some(organization) = organization {
            params
                .distinguished_name
                .push(DnType::OrganizationName, organization);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(folder, name, params)
    }

    /// Writes a key that signs something else than certificates: `NAME.key`, and its public half `NAME.pub`.
    ///
    /// # Panics
    /// As [`Authority::write`].
    pub fn write_signing_key(&self, folder: &Path, name: &str) {
        let key = KeyPair::generate().expect("a key can be made");
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem())
            .and_then(|()| std::fs::write(folder.join(format!("{name}.pub")), key.public_key_pem()))
            .expect("a file can be written in our own folder");
    }

    fn sign(&self, folder: &Path, name: &str, params: CertificateParams) -> Files {
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("an authority can sign");
        let files = Files {
            certificate: folder.join(format!("{name}.crt")),
            key: folder.join(format!("{name}.key")),
        };
        std::fs::write(&files.certificate, certificate.pem())
            .and_then(|()| std::fs::write(&files.key, key.serialize_pem()))
            .expect("a file can be written in our own folder");
        files
    }
}

fn params(name: &str, names: &[&str], valid: Valid) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names that a certificate can have");
    params.distinguished_name.push(DnType::CommonName, name);
    let (from, to) = match valid {
        Valid::Now => (2020, 2120),
        Valid::Before => (2020, 2021),
        Valid::Later => (2110, 2120),
    };
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}
