//! A real mail server (aiosmtpd), in the clear, with STARTTLS and with TLS, which keeps what it gets.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use gennaker_broker::find;
use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::{Authority, Valid};
use crate::leash::Leashed;

/// Names a folder with the library instead of the one that is looked for.
pub const VARIABLE: &str = "GENNAKER_AIOSMTPD";
/// What `cargo xtask tools` installs, below the folder of all tools.
pub const INSTALLED: &str = "aiosmtpd-1.4.6";
/// Whom the server lets in, and by which password.
pub const USER: &str = "gennaker";
/// See [`USER`].
pub const PASSWORD: &str = "mail-pa55word";

const SCRIPT: &str = include_str!("smtp/server.py");
const START_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// A server that ends with this value. It behaves as the users of addresses are called: `nobody@` does not exist, `greylisted@` is
/// taken at the second try, `full@` never, `cut@` and `silent@` get their mail, and the sender no answer.
pub struct Server {
    _process: Leashed,
    folder: TempDir,
    ports: Value,
    authority: PathBuf,
}

/// A mail that arrived.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The receivers of the envelope.
    pub to: Vec<String>,
    /// Who signed in.
    pub user: Option<String>,
    /// Whether the connection was secured.
    pub tls: bool,
    /// How the sender introduced itself.
    pub hello: String,
    /// The mail.
    pub data: String,
}

impl Server {
    /// Starts one and waits until it listens.
    ///
    /// # Panics
    /// When there is no Python or no library, or it does not become ready.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gennaker-smtp-")
            .tempdir()
            .expect("a temporary folder can be made");
        let path = folder.path();
        let authority = Authority::new("mail");
        let files = authority.issue(path, "server", &["127.0.0.1", "localhost"], Valid::Now);
        let put = |name: &str, text: &str| std::fs::write(path.join(name), text);
        std::fs::rename(files.certificate, path.join("certificate.pem"))
            .and_then(|()| std::fs::rename(files.key, path.join("key.pem")))
            .and_then(|()| put("password", PASSWORD))
            .and_then(|()| put("server.py", SCRIPT))
            .expect("a file can be written in our own folder");
        let log = path.join("server.log");
        let arguments = [path.join("server.py"), path.to_owned()];
        let environment = [("PYTHONPATH".into(), library().into_os_string())];
        let process = Leashed::start("python3".as_ref(), arguments, environment, &log);
        let until = Instant::now() + START_DEADLINE;
        let ports = loop {
            if let Ok(ports) = std::fs::read(path.join("ports")) {
                break serde_json::from_slice(&ports).expect("ports are JSON");
            }
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(
                process.is_running() && Instant::now() < until,
                "the mail server does not become ready; it needs Python 3: {}",
                said()
            );
            std::thread::sleep(POLL);
        };
        Self {
            authority: authority.write(path),
            _process: process,
            folder,
            ports,
        }
    }

    /// The port of a way in: `plain`, `starttls` or `tls`.
    ///
    /// # Panics
    /// When there is no such way.
    pub fn port(&self, way: &str) -> u16 {
        let port = self.ports[way].as_u64().expect("a way in");
        u16::try_from(port).expect("a port")
    }

    /// The certificate of the authority that signed the server's.
    pub fn authority(&self) -> PathBuf {
        self.authority.clone()
    }

    /// Everything that arrived, in order.
    ///
    /// # Panics
    /// When a mail cannot be read.
    pub fn mails(&self) -> Vec<Mail> {
        let entries = std::fs::read_dir(self.folder.path()).expect("our own folder can be read");
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .collect();
        files.sort();
        let mails = files.iter().map(|file| {
            let mail = std::fs::read(file).expect("a mail can be read");
            let mail: Value = serde_json::from_slice(&mail).expect("a mail is JSON");
            let text = |key: &str| mail[key].as_str().unwrap_or_default().to_owned();
            let to = mail["to"].as_array().into_iter().flatten();
            Mail {
                from: text("from"),
                to: to.filter_map(Value::as_str).map(str::to_owned).collect(),
                user: mail["user"].as_str().map(str::to_owned),
                tls: mail["tls"].as_bool().unwrap_or_default(),
                hello: text("hello"),
                data: text("data"),
            }
        });
        mails.collect()
    }
}

fn library() -> PathBuf {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let tools = find::tools(std::env::var_os("XDG_CACHE_HOME"), std::env::home_dir());
    let installed = tools.map(|tools| tools.join(INSTALLED));
    named
        .or(installed)
        .filter(|folder| folder.join("aiosmtpd/smtp.py").is_file())
        .unwrap_or_else(|| {
            panic!("there is no aiosmtpd: run `cargo xtask tools`, or set {VARIABLE}=/path/to/its/folder")
        })
}
