//! Running the program git: shallow clones into a folder of their own, and archives of what is in them.
//!
//! git makes its own connections, so what `outbound` does for others is said to it here: only the schemes that are meant, no
//! redirects, the addresses that the policy has allowed and no others, and credentials bound to one host. Nothing of the user's
//! or the machine's configuration is read, and secrets go through the environment, where other users do not see them.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use gennaker_runtime::program::{Finished, Limits, Program, ProgramError};

use crate::Error;

/// Most files of a clone: objects come in packs.
const CLONE_FILES_MAX: u64 = 100_000;

/// Most memory for data, in bytes: git keeps large objects whole.
const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// Where proxies and certificates are, if the process knows.
const INHERITED: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "ALL_PROXY",
    "GIT_SSL_CAINFO",
    "SSL_CERT_FILE",
];

/// What is cloned.
#[derive(Debug)]
pub(crate) struct Remote {
    /// Without credentials.
    pub(crate) url: String,
    pub(crate) access: Access,
    /// Host, port and the addresses that it may be reached by; not for those who reach it through a proxy.
    pub(crate) pinned: Option<(String, u16, Vec<IpAddr>)>,
}

/// How git gets in.
#[derive(Clone)]
pub(crate) enum Access {
    Open,
    /// User and password for the remote's scheme, host and port.
    Basic {
        user: String,
        password: String,
    },
    Ssh(Ssh),
}

/// How ssh gets in.
#[derive(Clone)]
pub(crate) struct Ssh {
    pub(crate) key: PathBuf,
    pub(crate) passphrase: Option<String>,
    pub(crate) known_hosts: Option<PathBuf>,
    pub(crate) trusts_unknown: bool,
}

/// Git, and what it may use.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    /// The program; none: the first on `PATH`.
    pub(crate) program: Option<PathBuf>,
    pub(crate) clone_bytes_max: u64,
    pub(crate) archive_bytes_max: u64,
    pub(crate) timeout: Duration,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Basic { .. } => "Basic",
            Self::Ssh(_) => "Ssh",
        })
    }
}

impl Git {
    /// A gzipped tar of what is at `version`, limited to `sub_path` if that is not empty. The same bytes for the same commit.
    pub(crate) async fn archive(
        &self,
        remote: &Remote,
        version: &str,
        sub_path: &str,
    ) -> Result<Bytes, Error> {
        let own = tempfile::Builder::new().prefix("gennaker-git-").tempdir();
        let own = own.map_err(|error| failed("make a folder for git", &error.to_string()))?;
        if let Access::Ssh(ssh) = &remote.access {
            let prepared = ssh.prepare(own.path());
            prepared.map_err(|error| failed("prepare ssh", &error.to_string()))?;
        }
        let clone = own.path().join("clone");
        self.clone(own.path(), &clone, remote, version).await?;
        let mut archive =
            self.program(own.path(), &clone, remote)
                .args(["archive", "--format=tar", "HEAD"]);
        if !sub_path.is_empty() {
            archive = archive.args(["--", sub_path]);
        }
        let archive = run(archive, "archive", remote, self.archive_bytes_max).await?;
        // Not git's own format tgz, which asks for a program gzip with older versions.
        let packed = tokio::task::spawn_blocking(move || pack(&archive.output)).await;
        match packed {
            Ok(Ok(packed)) => Ok(packed),
            Ok(Err(error)) => Err(failed("pack the archive", &error.to_string())),
            Err(panicked) => Err(failed("pack the archive", &panicked.to_string())),
        }
    }

    /// Clones as little as leads to the version. A commit is asked for by itself, which not every server allows.
    async fn clone(
        &self,
        own: &Path,
        clone: &Path,
        remote: &Remote,
        version: &str,
    ) -> Result<(), Error> {
        let git = |folder: &Path| self.program(own, folder, remote);
        let url = remote.url.as_str();
        if is_commit(version, 40) {
            let init = git(own).args(["init", "--quiet", "--"]).arg(clone);
            run(init, "init", remote, self.archive_bytes_max).await?;
            let fetch = git(clone).args([
                "fetch",
                "--quiet",
                "--depth=1",
                "--no-tags",
                "--",
                url,
                version,
            ]);
            if run(fetch, "fetch", remote, self.archive_bytes_max)
                .await
                .is_ok()
            {
                let head = git(clone).args(["update-ref", "--no-deref", "HEAD", "FETCH_HEAD"]);
                run(head, "update-ref", remote, self.archive_bytes_max).await?;
                return Ok(());
            }
            let _ = tokio::fs::remove_dir_all(clone).await;
        }
        if is_commit(version, 40) || is_commit(version, 7) {
            let whole = git(own)
                .args(["clone", "--quiet", "--no-checkout", "--", url])
                .arg(clone);
            let cloned = run(whole, "clone", remote, self.archive_bytes_max).await;
            // Seven digits may also be the name of a branch, but Clouddriver takes them for a commit.
            cloned?;
            let head = git(clone).args([
                "update-ref",
                "--no-deref",
                "HEAD",
                &format!("{version}^{{commit}}"),
            ]);
            run(head, "update-ref", remote, self.archive_bytes_max).await?;
            return Ok(());
        }
        let shallow = git(own)
            .args([
                "clone",
                "--quiet",
                "--no-checkout",
                "--depth=1",
                "--single-branch",
                "--branch",
                version,
                "--",
                url,
            ])
            .arg(clone);
        run(shallow, "clone", remote, self.archive_bytes_max).await?;
        Ok(())
    }

    fn program(&self, own: &Path, folder: &Path, remote: &Remote) -> Program {
        let limits = Limits {
            time: self.timeout,
            output_bytes_max: usize::try_from(self.archive_bytes_max).unwrap_or(usize::MAX),
            folder_bytes_max: self.clone_bytes_max,
            folder_files_max: CLONE_FILES_MAX,
            memory_bytes_max: MEMORY_BYTES_MAX,
        };
        let program = self.program.clone().unwrap_or_else(|| PathBuf::from("git"));
        let mut settings = vec![
            ("protocol.allow".to_owned(), "never".to_owned()),
            (
                format!("protocol.{}.allow", scheme(&remote.url)),
                "always".to_owned(),
            ),
            ("http.followRedirects".to_owned(), "false".to_owned()),
            ("credential.helper".to_owned(), String::new()),
            ("core.hooksPath".to_owned(), "/dev/null".to_owned()),
            ("core.fsmonitor".to_owned(), "false".to_owned()),
            ("gc.auto".to_owned(), "0".to_owned()),
            ("advice.detachedHead".to_owned(), "false".to_owned()),
        ];
        if let Some((host, port, addresses)) = &remote.pinned {
            let list: Vec<String> = addresses.iter().map(shown).collect();
            settings.push((
                "http.curloptResolve".to_owned(),
                format!("{host}:{port}:{}", list.join(",")),
            ));
        }
        if let Access::Basic { user, password } = &remote.access {
            let value = STANDARD.encode(format!("{user}:{password}"));
            let origin = url::Url::parse(&remote.url).map(|url| url.origin().ascii_serialization());
            // A URL that cannot be read has been refused before; then nothing is sent.
            if let Ok(origin) = origin {
                settings.push((
                    format!("http.{origin}/.extraHeader"),
                    format!("Authorization: Basic {value}"),
                ));
            }
        }
        let mut run = Program::new(program, folder, limits)
            .watching(own)
            .inherit(&INHERITED)
            .env("HOME", own)
            .env("TMPDIR", own)
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (place, (name, value)) in settings.iter().enumerate() {
            run = run
                .env(format!("GIT_CONFIG_KEY_{place}"), name)
                .env(format!("GIT_CONFIG_VALUE_{place}"), value);
        }
        if let Access::Ssh(ssh) = &remote.access {
            run = run.env("GIT_SSH_COMMAND", ssh.command(remote));
            if let Some(passphrase) = &ssh.passphrase {
                // ssh asks a program; this one answers what the environment holds.
                run = run
                    .env("SSH_ASKPASS_REQUIRE", "force")
                    .env("SSH_ASKPASS", own.join("askpass"))
                    .env("GENNAKER_PASSPHRASE", passphrase);
            }
        }
        run
    }
}

impl Ssh {
    fn command(&self, remote: &Remote) -> String {
        let quoted = |path: &Path| quote(&path.to_string_lossy());
        let mut command = format!(
            "ssh -F /dev/null -o IdentitiesOnly=yes -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no \
             -o ConnectTimeout=15 -i {}",
            quoted(&self.key)
        );
        let strict = if self.trusts_unknown { "no" } else { "yes" };
        command.push_str(&format!(" -o StrictHostKeyChecking={strict}"));
        if self.passphrase.is_none() {
            command.push_str(" -o BatchMode=yes");
        }
        match (&self.known_hosts, self.trusts_unknown) {
            (Some(file), _) => {
                command.push_str(&format!(" -o UserKnownHostsFile={}", quoted(file)))
            }
            (None, true) => command.push_str(" -o UserKnownHostsFile=/dev/null"),
            (None, false) => {}
        }
        if let Some((host, _, addresses)) = &remote.pinned
            && let Some(first) = addresses.first()
        {
            command.push_str(&format!(
                " -o HostKeyAlias={} -o HostName={first}",
                quote(host)
            ));
        }
        command
    }

    /// Puts the program that tells the passphrase into a folder.
    pub(crate) fn prepare(&self, own: &Path) -> std::io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;

        if self.passphrase.is_none() {
            return Ok(());
        }
        let mut file = std::fs::OpenOptions::new();
        let mut file = file
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(own.join("askpass"))?;
        file.write_all(b"#!/bin/sh\nprintf '%s\\n' \"$GENNAKER_PASSPHRASE\"\n")
    }
}

/// The scheme of a reference as git's configuration calls it.
pub(crate) fn scheme(url: &str) -> &str {
    match url.split_once("://") {
        Some((scheme, _)) => scheme,
        // `git@host:path`.
        None => "ssh",
    }
}

/// Whether a version is so many digits of a commit.
fn is_commit(version: &str, digits: usize) -> bool {
    version.len() == digits && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn run(
    program: Program,
    step: &str,
    remote: &Remote,
    output_max: u64,
) -> Result<Finished, Error> {
    let what = format!(
        "git {step} of {}",
        crate::artifact::without_secrets(&remote.url)
    );
    match program.run().await {
        Ok(finished) if finished.status.success() => Ok(finished),
        Ok(finished) => Err(failed(&what, &said(&finished.complaint))),
        Err(ProgramError::Output(_)) => Err(Error::TooLarge(output_max)),
        Err(ProgramError::Start { .. }) => Err(failed(
            &what,
            "there is no git: install it on the workers, or set artifacts.git to where it is",
        )),
        Err(error) => Err(failed(&what, &error.to_string())),
    }
}

/// What git complains about, in a line.
fn said(complaint: &str) -> String {
    let lines: Vec<&str> = complaint
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint:"))
        .collect();
    match lines.as_slice() {
        [] => "it failed without a word".to_owned(),
        lines => lines[lines.len().saturating_sub(4)..].join("; "),
    }
}

fn failed(what: &str, reason: &str) -> Error {
    Error::Program {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Without a time in its head, so that the same content is the same bytes.
fn pack(tar: &[u8]) -> std::io::Result<Bytes> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::default());
    packed.write_all(tar)?;
    Ok(packed.finish()?.into())
}

fn shown(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// A word for the shell by which git runs ssh.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_told_what_to_trust() {
        let ssh = Ssh {
            key: "/k's".into(),
            passphrase: None,
            known_hosts: Some("/known".into()),
            trusts_unknown: false,
        };
        let remote = Remote {
            url: "git@git.io:o/r.git".to_owned(),
            access: Access::Open,
            pinned: Some(("git.io".to_owned(), 22, vec!["10.0.0.1".parse().unwrap()])),
        };
        let command = ssh.command(&remote);
        for part in [
            r"-i '/k'\''s'",
            "StrictHostKeyChecking=yes",
            "UserKnownHostsFile='/known'",
            "BatchMode=yes",
            "HostName=10.0.0.1",
            "HostKeyAlias='git.io'",
        ] {
            assert!(command.contains(part), "{part} in {command}");
        }
        let trusting = Ssh {
            known_hosts: None,
            trusts_unknown: true,
            passphrase: Some("p".to_owned()),
            ..ssh
        };
        let command = trusting.command(&remote);
        assert!(
            command.contains("StrictHostKeyChecking=no") && !command.contains("BatchMode"),
            "{command}"
        );
        assert!(!format!("{:?}", Access::Ssh(trusting)).contains('p'));
    }

    #[test]
    fn versions_and_schemes() {
        assert!(is_commit("0123456789abcdef0123456789abcdef01234567", 40));
        assert!(is_commit("abc1234", 7) && !is_commit("release", 7));
        assert_eq!(
            (
                scheme("https://x/y"),
                scheme("git@x:y"),
                scheme("ssh://git@x/y")
            ),
            ("https", "ssh", "ssh")
        );
    }
}
