//! Who is who in a test's cluster: certificates and kubeconfigs.

use std::path::{Path, PathBuf};

use crate::certificates::{Authority, Files, Valid};

/// The users that the servers themselves need; all may do everything.
const SERVERS: [&str; 4] = ["admin", "kube-controller-manager", "kube-scheduler", "kwok"];
/// The group that may do everything.
const MASTERS: &str = "system:masters";

pub(super) struct Access {
    folder: PathBuf,
    authority: Authority,
}

impl Access {
    /// Writes everything that the servers need below a folder.
    pub(super) fn new(folder: &Path, api_port: u16) -> Self {
        let folder = folder.join("pki");
        std::fs::create_dir_all(&folder).expect("a folder can be made in our own folder");
        let authority = Authority::new("ca");
        authority.write(&folder);
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"];
        authority.issue(&folder, "server", &names, Valid::Now);
        authority.write_signing_key(&folder, "accounts");
        let access = Self { folder, authority };
        for user in SERVERS {
            access.issue(user, Some(MASTERS), api_port);
        }
        access
    }

    /// Where a user's kubeconfig is, or would be.
    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.kubeconfig"))
    }

    /// Makes a user and writes his kubeconfig.
    pub(super) fn issue(&self, user: &str, group: Option<&str>, api_port: u16) -> PathBuf {
        let Files { certificate, key } = self.authority.issue_client(&self.folder, user, group);
        let file = self.kubeconfig(user);
        let text = format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: testbed\n\
             contexts: [{{name: testbed, context: {{cluster: testbed, user: {user}}}}}]\n\
             clusters:\n\
             - name: testbed\n  \
               cluster: {{server: \"https://127.0.0.1:{api_port}\", certificate-authority: ca.crt}}\n\
             users:\n\
             - name: {user}\n  \
               user: {{client-certificate: {}, client-key: {}}}\n",
            certificate.display(),
            key.display(),
        );
        std::fs::write(&file, text).expect("a file can be written in our own folder");
        file
    }
}
