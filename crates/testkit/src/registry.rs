//! A real registry of images: Docker's own (Debian's package `docker-registry`).

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gennaker_broker::find;
use tempfile::TempDir;

use crate::leash::Leashed;

/// Names a program to test with instead of the one that is looked for.
pub const VARIABLE: &str = "GENNAKER_DOCKER_REGISTRY";

const PROGRAM: &str = "docker-registry";
const START_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// The port is drawn before the server takes it: somebody else may be faster.
const STARTS: usize = 5;

/// An image without layers: what a registry takes with the least effort.
const CONFIG: &str = "{}";
const CONFIG_DIGEST: &str =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The program to test with: [`VARIABLE`], else on `PATH`.
///
/// # Panics
/// When there is none.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return PathBuf::from(named);
    }
    let found = find::on_path(std::env::var_os("PATH").as_ref(), PROGRAM);
    found.into_iter().next().unwrap_or_else(|| {
        panic!("there is no {PROGRAM}: run `cargo xtask tools`, or set {VARIABLE}=/path/to/docker-registry")
    })
}

/// A registry with a store of its own, open to everybody. It ends with this value.
pub struct Server {
    port: u16,
    process: Option<Leashed>,
    folder: TempDir,
}

impl Server {
    /// Starts a registry and waits until it answers.
    ///
    /// # Panics
    /// When none is installed or it does not answer.
    pub fn start() -> Self {
        let mut folder = tempfile::Builder::new()
            .prefix("gennaker-registry-")
            .tempdir()
            .expect("a temporary folder can be made");
        for _ in 0..STARTS {
            let port = crate::nats::free_port();
            let mut server = Self {
                port,
                process: None,
                folder,
            };
            if server.resume() {
                return server;
            }
            folder = server.folder;
        }
        panic!("the registry does not answer");
    }

    /// The host and port by which images name it.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it; what it holds stays.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again at the same port; whether it answers.
    ///
    /// # Panics
    /// When its settings cannot be written.
    pub fn resume(&mut self) -> bool {
        let settings = self.folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{}\n",
            self.folder.path().join("data").display(),
            self.port
        );
        std::fs::write(&settings, text).expect("a file can be written in our own folder");
        let log = self.folder.path().join("server.log");
        let arguments = ["serve".into(), settings.into_os_string()];
        let none: [(&str, &str); 0] = [];
        let process = Leashed::start(&program(), arguments, none, &log);
        let until = Instant::now() + START_DEADLINE;
        while process.is_running() && Instant::now() < until {
            if self
                .ask("GET", "/v2/", &[], "")
                .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
            {
                self.process = Some(process);
                return true;
            }
            std::thread::sleep(POLL);
        }
        false
    }

    /// Pushes an image under a tag; other words make another digest.
    ///
    /// # Panics
    /// When the registry does not take it.
    pub fn push(&self, repository: &str, tag: &str, word: &str) {
        let opened = self.said("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], "");
        let location = header(&opened, "location").expect("an upload has a place");
        let path = location.split_once("://").map_or(location, |(_, rest)| {
            rest.find('/').map_or(rest, |at| &rest[at..])
        });
        let mark = if path.contains('?') { '&' } else { '?' };
        let put = format!("{path}{mark}digest={CONFIG_DIGEST}");
        self.said(
            "PUT",
            &put,
            &[("Content-Type", "application/octet-stream")],
            CONFIG,
        );
        let manifest = format!(
            "{{\"schemaVersion\": 2, \"mediaType\": \"{MANIFEST}\", \"config\": {{\"mediaType\": \
             \"application/vnd.docker.container.image.v1+json\", \"size\": {}, \"digest\": \"{CONFIG_DIGEST}\"}}, \
             \"layers\": [], \"word\": \"{word}\"}}",
            CONFIG.len()
        );
        let path = format!("/v2/{repository}/manifests/{tag}");
        self.said("PUT", &path, &[("Content-Type", MANIFEST)], &manifest);
    }

    /// Gives the image of a tag many more tags at once, as files: pushing thousands takes minutes.
    ///
    /// # Panics
    /// When there is no such tag.
    pub fn tag_many(&self, repository: &str, tag: &str, names: impl Iterator<Item = String>) {
        let repositories = Path::new("data/docker/registry/v2/repositories");
        let tags = self.folder.path().join(repositories).join(repository);
        let tags = tags.join("_manifests/tags");
        let link = std::fs::read(tags.join(tag).join("current/link")).expect("the tag was pushed");
        for name in names {
            let current = tags.join(name).join("current");
            std::fs::create_dir_all(&current).expect("a folder can be made in our own folder");
            std::fs::write(current.join("link"), &link).expect("a file can be written there");
        }
    }

    fn said(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let answer = self
            .ask(method, path, headers, body)
            .expect("the registry answers");
        assert!(
            answer.starts_with("HTTP/1.1 20"),
            "{method} {path}: {answer}"
        );
        answer
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.host(),
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim())
}
