//! The processes of a control plane, and what each is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gennaker_broker::Signal;

use super::programs;
use crate::leash::Leashed;
use crate::nats::free_port;

/// How much of each log a failing test shows, in lines.
const LOG_LINES: usize = 8;
const NO_ENVIRONMENT: [(&str, &str); 0] = [];
/// What simulated nodes and pods do.
const KWOK: &str = include_str!("../../../../tests/testbed/kwok.yaml");
/// Which writes are noted down.
const AUDIT: &str = include_str!("../../../../tests/testbed/audit.yaml");

pub(super) struct Ports {
    etcd: u16,
    etcd_peer: u16,
    pub(super) api: u16,
    controller_manager: u16,
    scheduler: u16,
    kwok: u16,
    node: u16,
}

pub(super) struct Servers {
    folder: PathBuf,
    pub(super) ports: Ports,
    running: BTreeMap<&'static str, Leashed>,
}

impl Ports {
    pub(super) fn draw() -> Self {
        Self {
            etcd: free_port(),
            etcd_peer: free_port(),
            api: free_port(),
            controller_manager: free_port(),
            scheduler: free_port(),
            kwok: free_port(),
            node: free_port(),
        }
    }
}

impl Servers {
    pub(super) fn new(folder: &Path, ports: Ports) -> Self {
        for (name, text) in [("kwok.yaml", KWOK), ("audit.yaml", AUDIT)] {
            std::fs::write(folder.join(name), text)
                .expect("a file can be written in our own folder");
        }
        Self {
            folder: folder.to_owned(),
            ports,
            running: BTreeMap::new(),
        }
    }

    pub(super) fn start(&mut self, program: &'static str) {
        let arguments = self.arguments(program);
        let log = self.log(program);
        let process = Leashed::start(&programs().join(program), arguments, NO_ENVIRONMENT, &log);
        self.running.insert(program, process);
    }

    pub(super) fn kill(&mut self, program: &str) {
        self.running.remove(program);
    }

    pub(super) fn signal(&self, program: &str, what: Signal) {
        if let Some(process) = self.running.get(program) {
            process.signal(what);
        }
    }

    /// One that ended by itself.
    pub(super) fn first_dead(&self) -> Option<&'static str> {
        self.running
            .iter()
            .find(|(_, process)| !process.is_running())
            .map(|(name, _)| *name)
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    pub(super) fn logs(&self) -> String {
        let mut out = String::new();
        for program in self.running.keys() {
            let log = std::fs::read_to_string(self.log(program)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
            out.push_str(&format!("--- {program}\n{}\n", last.join("\n")));
        }
        out
    }

    fn log(&self, program: &str) -> PathBuf {
        self.folder.join(format!("{program}.log"))
    }

    fn arguments(&self, program: &str) -> Vec<String> {
        let Ports {
            etcd,
            etcd_peer,
            api,
            controller_manager,
            scheduler,
            kwok,
            node,
        } = self.ports;
        let in_folder = |name: &str| self.folder.join(name).display().to_string();
        let pki = |name: &str| in_folder(&format!("pki/{name}"));
        let kubeconfig = || pki(&format!("{program}.kubeconfig"));
        let text = match program {
            // A test cluster is not worth waiting for the disk.
            "etcd" => format!(
                "--data-dir {} --unsafe-no-fsync --log-level error --listen-client-urls http://127.0.0.1:{etcd} \
                 --advertise-client-urls http://127.0.0.1:{etcd} --listen-peer-urls http://127.0.0.1:{etcd_peer} \
                 --initial-advertise-peer-urls http://127.0.0.1:{etcd_peer} \
                 --initial-cluster default=http://127.0.0.1:{etcd_peer}",
                in_folder("etcd")
            ),
            // No endpoint reconciler: it would refuse to publish a loopback address. The key for service accounts is named twice, as
            // its public half is read from no private key of the usual form.
            "kube-apiserver" => format!(
                "--etcd-servers http://127.0.0.1:{etcd} --bind-address 127.0.0.1 --secure-port {api} \
                 --advertise-address 127.0.0.1 --endpoint-reconciler-type none --service-cluster-ip-range 10.96.0.0/16 \
                 --tls-cert-file {} --tls-private-key-file {} --client-ca-file {} --authorization-mode RBAC \
                 --service-account-issuer https://kubernetes.default.svc --service-account-key-file {} \
                 --service-account-signing-key-file {} --audit-policy-file {} --audit-log-path {} --audit-log-maxsize 0 \
                 --kubelet-preferred-address-types InternalIP --allow-privileged",
                pki("server.crt"),
                pki("server.key"),
                pki("ca.crt"),
                pki("accounts.pub"),
                pki("accounts.key"),
                in_folder("audit.yaml"),
                self.audit_log().display(),
            ),
            // By default these two send 20 and 50 requests a second, and 200 pods take half a minute.
            "kube-controller-manager" => format!(
                "--kubeconfig {} --leader-elect=false --bind-address 127.0.0.1 --secure-port {controller_manager} \
                 --kube-api-qps 1000 --kube-api-burst 2000 --service-account-private-key-file {} --root-ca-file {}",
                kubeconfig(),
                pki("accounts.key"),
                pki("ca.crt"),
            ),
            "kube-scheduler" => format!(
                "--kubeconfig {} --leader-elect=false --bind-address 127.0.0.1 --secure-port {scheduler} \
                 --kube-api-qps 1000 --kube-api-burst 2000",
                kubeconfig(),
            ),
            // Without a lease duration kwok renews no lease, and after 50 s the nodes and their pods are not ready. The nodes' port is
            // that of pod-logs; without an address kwok would take it for itself.
            "kwok" => format!(
                "--kubeconfig {} --config {} --manage-all-nodes --node-lease-duration-seconds 40 \
                 --server-address 127.0.0.1:{kwok} --node-ip 127.0.0.1 --node-port {node}",
                kubeconfig(),
                in_folder("kwok.yaml"),
            ),
            "pod-logs" => format!(
                "--kubeconfig {} --address 127.0.0.1:{node} --tls-cert-file {} --tls-private-key-file {}",
                pki("kwok.kubeconfig"),
                pki("server.crt"),
                pki("server.key"),
            ),
            other => panic!("no program is called {other}"),
        };
        text.split_whitespace().map(str::to_owned).collect()
    }
}
