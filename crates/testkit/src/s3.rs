//! A real S3 server (MinIO), with conditional writes and versions.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gennaker_broker::find;
use tempfile::TempDir;

use crate::aws::Signer;
use crate::leash::Leashed;

/// Names a server to test with instead of the one that is looked for.
pub const VARIABLE: &str = "GENNAKER_MINIO";
/// What `cargo xtask tools` builds, below the folder of all tools.
pub const BUILT: &str = "minio-20260212/minio";

const PROGRAM: &str = "minio";
const START_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
/// The port is drawn before the server takes it: somebody else may be faster.
const STARTS: usize = 5;
const USER: &str = "gennaker";
const PASSWORD: &str = "testkit-secret";

/// The server to test with: [`VARIABLE`], else on `PATH`, else where `cargo xtask tools` puts it.
///
/// # Panics
/// When there is none.
pub fn program() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let look = || {
        if let Some(named) = std::env::var_os(VARIABLE) {
            return Some(PathBuf::from(named));
        }
        let on_path = find::on_path(std::env::var_os("PATH").as_ref(), PROGRAM);
        let tools = find::tools(std::env::var_os("XDG_CACHE_HOME"), std::env::home_dir());
        let built = tools
            .map(|tools| tools.join(BUILT))
            .filter(|it| it.is_file());
        on_path.into_iter().next().or(built)
    };
    FOUND
        .get_or_init(|| {
            look().unwrap_or_else(|| {
                panic!(
                    "there is no MinIO: run `cargo xtask tools`, or set {VARIABLE}=/path/to/minio"
                )
            })
        })
        .clone()
}

/// A server with a store of its own and one user. It ends with this value.
pub struct Server {
    port: u16,
    _process: Leashed,
    _folder: TempDir,
}

impl Server {
    /// The one server of a test program: tests take buckets of their own.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    /// When none is installed or it does not become ready.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("gennaker-s3-")
            .tempdir()
            .expect("a temporary folder can be made");
        let log = folder.path().join("server.log");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder can be made in our own folder");
        for _ in 0..STARTS {
            let port = crate::nats::free_port();
            let address = format!("127.0.0.1:{port}");
            let arguments = [
                "server".into(),
                "--quiet".into(),
                "--address".into(),
                address.into(),
                data.clone().into_os_string(),
            ];
            let environment = [
                ("MINIO_ROOT_USER", USER),
                ("MINIO_ROOT_PASSWORD", PASSWORD),
                ("MINIO_BROWSER", "off"),
                ("MINIO_UPDATE", "off"),
            ];
            let process = Leashed::start(&program(), arguments, environment, &log);
            let until = Instant::now() + START_DEADLINE;
            while process.is_running() && Instant::now() < until {
                if is_ready(port) {
                    return Self {
                        port,
                        _process: process,
                        _folder: folder,
                    };
                }
                std::thread::sleep(POLL);
            }
        }
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        panic!("MinIO does not become ready: {said}");
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn make_bucket(&self, bucket: &str) {
        self.write(&format!("/{bucket}"), b"");
    }

    /// Writes an object; its key must need no encoding.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        self.write(&format!("/{bucket}/{key}"), content);
    }

    fn write(&self, target: &str, content: &[u8]) {
        let signer = Signer {
            key_id: USER,
            secret: PASSWORD,
            region: "us-east-1",
            service: "s3",
        };
        let host = format!("127.0.0.1:{}", self.port);
        let mut request = format!("PUT {target} HTTP/1.1\r\n");
        for (name, value) in signer.sign("PUT", &host, target, content) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!(
            "content-length: {}\r\nconnection: close\r\n\r\n",
            content.len()
        ));
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(START_DEADLINE))?;
            stream.write_all(request.as_bytes())?;
            stream.write_all(content)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let until = Instant::now() + START_DEADLINE;
        loop {
            let answer = ask().expect("the server answers");
            // It is ready a moment before it can write.
            let is_early = answer.starts_with("HTTP/1.1 503") && Instant::now() < until;
            if !is_early {
                assert!(answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
                return;
            }
            std::thread::sleep(POLL);
        }
    }

    /// Access key id and secret of its one user.
    pub fn credentials(&self) -> (String, String) {
        (USER.to_owned(), PASSWORD.to_owned())
    }
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(
            b"GET /minio/health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
