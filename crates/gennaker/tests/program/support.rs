//! Starting the program, talking to it, ending it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use gennaker_testkit::leash::lives;

/// Longest wait for anything. Machines that test are busy.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The program with arguments, and without what the person's environment says about it.
pub fn gennaker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gennaker"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let is_ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("GENNAKER_"));
        if is_ours && name != "GENNAKER_NATS_SERVER" {
            command.env_remove(name);
        }
    }
    command
}

/// The output of a run that ends by itself.
pub fn output(command: &mut Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let (sender, ended) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match ended.recv_timeout(DEADLINE) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            signal("KILL", pid);
            panic!("the program did not end within {DEADLINE:?}");
        }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running `gennaker dev`; it is killed with this value.
pub struct Dev {
    pub child: Child,
    pub data: PathBuf,
    pub url: String,
    lines: Receiver<String>,
    stderr: PathBuf,
}

impl Dev {
    /// Starts it on a data folder and a free port, and waits until it says that it is ready.
    pub fn start(data: &Path) -> Self {
        let data_text = data.to_str().unwrap();
        Self::spawn(
            data,
            gennaker(&["dev", "--data", data_text, "--listen", "127.0.0.1:0"]),
        )
    }

    pub fn spawn(data: &Path, mut command: Command) -> Self {
        let stderr = data.with_extension(
            format!("stderr-{:?}", Instant::now()).replace([' ', '{', '}', ':', ','], ""),
        );
        let file = std::fs::File::create(&stderr).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut dev = Self {
            child,
            data: data.to_owned(),
            url: String::new(),
            lines,
            stderr,
        };
        let ready = dev.line_with("Gennaker is ready at ");
        dev.url = ready.rsplit(' ').next().unwrap().to_owned();
        dev
    }

    /// The next line of the output that has this text.
    pub fn line_with(&mut self, wanted: &str) -> String {
        let until = Instant::now() + DEADLINE;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(wanted) => return line,
                Ok(_) => {}
                Err(error) => panic!(
                    "no line with {wanted:?} ({error}); it said: {}",
                    self.stderr()
                ),
            }
        }
    }

    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        request(&self.url, "GET", path, None)
    }

    pub fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = request(&self.url, method, path, Some(&body.to_string()));
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        serde_json::from_str(&answer).unwrap_or_default()
    }

    /// The process of its broker, by the file in which that writes its port.
    pub fn broker(&self) -> u32 {
        let ports = self.data.join("broker/ports");
        let mut names = std::fs::read_dir(ports)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.find(|name| name.ends_with(".ports")).unwrap();
        name.trim_end_matches(".ports")
            .rsplit('_')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// The process between it and its broker.
    pub fn keeper(&self) -> u32 {
        let parent = Command::new("ps")
            .args(["-o", "ppid=", "-p", &self.broker().to_string()])
            .output()
            .unwrap();
        text(&parent.stdout).trim().parse().unwrap()
    }

    /// Kills it as a crash would.
    pub fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal and waits for the end.
    pub fn end_by(&mut self, name: &str) -> (ExitStatus, Duration) {
        signal(name, self.child.id());
        let asked = Instant::now();
        let status = self.wait();
        (status, asked.elapsed())
    }

    pub fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        wait_until("the program ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.stderr);
    }
}

/// A running `gennaker serve`; it is killed with this value.
pub struct Served {
    child: Child,
    log: PathBuf,
}

impl Served {
    /// Starts roles with a settings file, beside which the log goes.
    pub fn start(config: &Path, roles: &str, environment: &[(&str, &str)]) -> Self {
        let log = config.with_file_name(format!("{}.log", roles.replace(',', "-")));
        let file = std::fs::File::create(&log).unwrap();
        let config = config.to_str().unwrap();
        let mut command = gennaker(&["serve", "--roles", roles, "--config", config]);
        command
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(file);
        let child = command.spawn().unwrap();
        Self { child, log }
    }

    /// Waits until the API of this process, or of one beside it, says that everything is up.
    pub fn wait_healthy(&self, url: &str) {
        let until = Instant::now() + DEADLINE;
        loop {
            let health = try_request(url, "GET", "/health", None);
            if matches!(health, Ok((200, _))) {
                return;
            }
            assert!(
                Instant::now() < until,
                "not healthy within {DEADLINE:?}: {health:?}\n{}",
                self.log()
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end, which takes less than five seconds.
    pub fn end(mut self) {
        signal("TERM", self.child.id());
        let asked = Instant::now();
        let mut status = None;
        wait_until("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success(), "{}", self.log());
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}: {}", self.log());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address whose port was free a moment ago.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(LOOK_EVERY);
    }
}

pub fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status()
        .unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

/// One HTTP request, by hand: status and body.
pub fn request(url: &str, method: &str, path: &str, body: Option<&str>) -> (u16, String) {
    try_request(url, method, path, body)
        .unwrap_or_else(|error| panic!("{method} {url}{path}: {error}"))
}

pub fn try_request(
    url: &str,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> std::io::Result<(u16, String)> {
    let host = url.strip_prefix("http://").unwrap();
    let body = body.unwrap_or_default();
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // 1.0: no chunks, and the server closes.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = text(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::InvalidData)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or(std::io::ErrorKind::InvalidData)?;
    Ok((status, body.to_owned()))
}
