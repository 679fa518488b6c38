//! Real Kubernetes control planes: etcd, API server, controller manager, scheduler, and simulated nodes whose pods do what
//! annotations say (`tests/testbed/README.md`).

mod access;
mod servers;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gennaker_broker::{Signal, find};
use serde_json::Value;
use tempfile::TempDir;

use crate::leash::Broom;

use access::Access;
use servers::{Ports, Servers};

/// Names a folder with the programs to test with instead of the one that is looked for.
pub const VARIABLE: &str = "GENNAKER_KUBE";
/// What `cargo xtask tools` builds, below the folder of all tools.
pub const BUILT: &str = "kube-1.36.3-1";

/// Longest time until something holds, on a machine with other things to do.
const DEADLINE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(50);
/// The ports are drawn before the servers take them: somebody else may be faster.
const STARTS: usize = 3;

/// The folder with the programs: [`VARIABLE`], else where `cargo xtask tools` puts them.
///
/// # Panics
/// When there is none.
pub fn programs() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let look = || {
        if let Some(named) = std::env::var_os(VARIABLE) {
            return Some(PathBuf::from(named));
        }
        let tools = find::tools(std::env::var_os("XDG_CACHE_HOME"), std::env::home_dir())?;
        Some(tools.join(BUILT)).filter(|it| it.join("kube-apiserver").is_file())
    };
    FOUND
        .get_or_init(|| {
            look().unwrap_or_else(|| {
                panic!(
                    "there is no Kubernetes control plane to test with: run `cargo xtask tools kube`, or set \
                     {VARIABLE}=/folder/with/its/programs"
                )
            })
        })
        .clone()
}

/// A control plane with simulated nodes. It ends with this value.
pub struct Cluster {
    servers: Servers,
    access: Access,
    folder: TempDir,
}

impl Cluster {
    /// The one control plane of a test program: tests take namespaces of their own and leave its servers alone.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn shared() -> &'static Self {
        static CLUSTER: OnceLock<(Cluster, Broom)> = OnceLock::new();
        let start = || {
            let cluster = Self::start();
            let broom = Broom::for_folder(cluster.folder());
            (cluster, broom)
        };
        &CLUSTER.get_or_init(start).0
    }

    /// Starts a control plane with two nodes and waits until pods can run on them.
    ///
    /// # Panics
    /// When none is installed or it does not become ready; the logs are in the message.
    pub fn start() -> Self {
        Self::with_nodes(2)
    }

    /// As [`Self::start`], with this many nodes; 1 000 pods fit on each.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn with_nodes(nodes: usize) -> Self {
        Self::start_below(&std::env::temp_dir(), nodes)
            .unwrap_or_else(|problem| panic!("the control plane does not start: {problem}"))
    }

    /// As [`Self::with_nodes`], with its folder below this one.
    ///
    /// # Errors
    /// It does not become ready; the logs are in the message.
    ///
    /// # Panics
    /// When none is installed.
    pub fn start_below(parent: &Path, nodes: usize) -> Result<Self, String> {
        let mut problem = String::new();
        for _ in 0..STARTS {
            match Self::try_start(parent, nodes) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    /// The kubeconfig of an administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.access.kubeconfig("admin")
    }

    /// The kubeconfig of somebody who may do nothing but what his group and his bindings allow.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn kubeconfig_of(&self, user: &str, group: Option<&str>) -> PathBuf {
        self.access.issue(user, group, self.servers.ports.api)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.servers.ports.api)
    }

    /// A folder of this cluster, for a test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs kubectl as administrator and answers what it printed.
    ///
    /// # Errors
    /// What it complained of.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        self.kubectl_with(arguments, "")
    }

    /// As [`Self::kubectl`], with something on its standard input.
    ///
    /// # Errors
    /// What it complained of.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = Command::new(programs().join("kubectl"))
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .args(arguments)
            .env("HOME", self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        // One that ends early takes no more.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        match output.status.success() {
            true => Ok(text(output.stdout)),
            false => Err(text(output.stderr)),
        }
    }

    /// Applies manifests (YAML) as administrator.
    ///
    /// # Panics
    /// When they are refused.
    pub fn apply(&self, manifests: &str) {
        if let Err(problem) = self.kubectl_with(&["apply", "-f", "-"], manifests) {
            panic!("the manifests are refused: {problem}\n{manifests}");
        }
    }

    /// Makes a namespace and waits until pods can be made in it.
    ///
    /// # Panics
    /// When that does not come to pass in time.
    pub fn namespace(&self, name: &str) {
        self.kubectl(&["create", "namespace", name])
            .unwrap_or_else(|problem| panic!("no namespace {name}: {problem}"));
        let account = ["get", "serviceaccount", "default", "-n", name];
        wait_until("a service account", || self.kubectl(&account).map(|_| ()));
    }

    /// An object as JSON; none when there is none.
    ///
    /// # Panics
    /// When the cluster does not answer.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let output = self
            .kubectl(&[
                "get",
                kind,
                name,
                "-n",
                namespace,
                "-o",
                "json",
                "--ignore-not-found",
            ])
            .unwrap_or_else(|problem| panic!("{kind} {name} cannot be read: {problem}"));
        (!output.trim().is_empty())
            .then(|| serde_json::from_str(&output).expect("kubectl prints JSON"))
    }

    /// What the API server noted of writes so far, oldest first; its own controllers' are left out. Each is there a moment after
    /// its answer, so wait for what should be there, and only then count.
    pub fn audit(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.servers.audit_log()).unwrap_or_default();
        // The last line may be under way.
        log.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The writes of Gennaker in a namespace, oldest first: verb, resource and name, as `create configmaps cfg-v000`. As
    /// [`Self::audit`], so wait for what should be there.
    pub fn writes(&self, namespace: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let lines = self.audit();
        let ours = lines.iter().filter(|line| {
            line["objectRef"]["namespace"] == namespace
                && line["stage"] == "ResponseComplete"
                && text(&line["userAgent"]).starts_with("gennaker/")
        });
        ours.map(|line| {
            let object = &line["objectRef"];
            let name = match text(&object["name"]) {
                // Of what is created only the body has a name.
                none if none.is_empty() => text(&line["requestObject"]["metadata"]["name"]),
                name => name,
            };
            format!(
                "{} {} {name}",
                text(&line["verb"]),
                text(&object["resource"])
            )
        })
        .collect()
    }

    /// Kills the API server (SIGKILL).
    pub fn kill_api_server(&mut self) {
        self.servers.kill("kube-apiserver");
    }

    /// Kills the API server if it runs, starts it again and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn restart_api_server(&mut self) {
        self.servers.kill("kube-apiserver");
        self.servers.start("kube-apiserver");
        self.wait_ready();
    }

    /// Stops the API server's execution without closing anything (SIGSTOP).
    pub fn pause_api_server(&self) {
        self.servers.signal("kube-apiserver", Signal::Stop);
    }

    /// Lets a paused API server go on (SIGCONT).
    pub fn resume_api_server(&self) {
        self.servers.signal("kube-apiserver", Signal::Continue);
    }

    /// Kills etcd (SIGKILL): the API server runs and can neither read nor write.
    pub fn kill_etcd(&mut self) {
        self.servers.kill("etcd");
    }

    /// Kills etcd if it runs, starts it again and waits until the API server works with it.
    ///
    /// # Panics
    /// When that does not come to pass in time.
    pub fn restart_etcd(&mut self) {
        self.servers.kill("etcd");
        self.servers.start("etcd");
        self.wait_ready();
    }

    /// Stops etcd's execution without closing anything (SIGSTOP).
    pub fn pause_etcd(&self) {
        self.servers.signal("etcd", Signal::Stop);
    }

    /// Lets a paused etcd go on (SIGCONT).
    pub fn resume_etcd(&self) {
        self.servers.signal("etcd", Signal::Continue);
    }

    /// The end of every server's log, for a failing test.
    pub fn logs(&self) -> String {
        self.servers.logs()
    }

    fn try_start(parent: &Path, nodes: usize) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("gennaker-kube-")
            .tempdir_in(parent)
            .map_err(|error| error.to_string())?;
        let ports = Ports::draw();
        let access = Access::new(folder.path(), ports.api);
        let mut cluster = Self {
            servers: Servers::new(folder.path(), ports),
            access,
            folder,
        };
        for program in ["etcd", "kube-apiserver"] {
            cluster.servers.start(program);
        }
        cluster.try_ready()?;
        for program in [
            "kube-controller-manager",
            "kube-scheduler",
            "kwok",
            "pod-logs",
        ] {
            cluster.servers.start(program);
        }
        cluster.add_nodes(nodes)?;
        cluster.try_until("a default service account", |cluster| {
            cluster
                .kubectl(&["get", "serviceaccount", "default"])
                .map(|_| ())
        })?;
        Ok(cluster)
    }

    fn add_nodes(&self, nodes: usize) -> Result<(), String> {
        let manifests: String = (1..=nodes)
            .map(|node| {
                format!(
                    "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: node-{node}\n  labels: {{kubernetes.io/hostname: node-{node}}}\n"
                )
            })
            .collect();
        self.kubectl_with(&["apply", "-f", "-"], &manifests)?;
        let wait = [
            "wait",
            "node",
            "--all",
            "--for",
            "condition=Ready",
            "--timeout",
            "60s",
        ];
        self.kubectl(&wait)
            .map(|_| ())
            .map_err(|problem| format!("{problem}\n{}", self.logs()))
    }

    fn wait_ready(&self) {
        if let Err(problem) = self.try_ready() {
            panic!("{problem}");
        }
    }

    fn try_ready(&self) -> Result<(), String> {
        self.try_until("a ready API server", |cluster| {
            cluster
                .kubectl(&["get", "--raw", "/readyz", "--request-timeout", "5s"])
                .map(|_| ())
        })
    }

    fn try_until(
        &self,
        what: &str,
        mut holds: impl FnMut(&Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let until = Instant::now() + DEADLINE;
        loop {
            let problem = match holds(self) {
                Ok(()) => return Ok(()),
                Err(problem) => problem,
            };
            if let Some(dead) = self.servers.first_dead() {
                return Err(format!("{dead} ended: {}", self.logs()));
            }
            if Instant::now() >= until {
                return Err(format!(
                    "no {what} within {DEADLINE:?}: {problem}\n{}",
                    self.logs()
                ));
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Waits until something holds.
///
/// # Panics
/// When it does not in time, with what was last said against it.
pub fn wait_until<T>(what: &str, mut holds: impl FnMut() -> Result<T, String>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        match holds() {
            Ok(found) => return found,
            Err(problem) => {
                assert!(
                    Instant::now() < until,
                    "no {what} within {DEADLINE:?}: {problem}"
                );
            }
        }
        std::thread::sleep(POLL);
    }
}
