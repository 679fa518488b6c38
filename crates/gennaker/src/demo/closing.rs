//! The last words: where to look next.

use std::time::Duration;

use super::Demo;
use super::pipelines::{APPLICATION, NAMESPACE, RELEASE};
use crate::dev::{program, where_clients_look};
use crate::output::say;

impl Demo<'_> {
    /// What can be done now, as commands.
    pub(super) fn say_where_next(&self, id: &str, is_asked: bool, took: Duration) {
        let (program, base) = (program(), self.api.base());
        say(&match is_asked {
            // What a person takes says nothing.
            true => "\nThat was the demo.".to_owned(),
            false => format!("\nThat was the demo, in {:.1} s.", took.as_secs_f64()),
        });
        say("Where to look next:");
        // Comments and commands, so that all of it can be pasted into a shell.
        let line = |what: &str, command: &str| say(&format!("  # {what}\n  {command}"));
        let kubeconfig = self.kubeconfig.map_or(String::new(), |file| {
            format!(" --kubeconfig {}", file.display())
        });
        if !is_asked {
            let data = self.data.display();
            let listen = base.strip_prefix("http://").unwrap_or(base);
            line(
                "this server again; the rest needs it, in another terminal",
                &format!("{program} dev --data {data} --listen {listen}{kubeconfig}"),
            );
        }
        if let Some(export) = where_clients_look(base) {
            line("where the commands below look", &export);
        }
        line("every stage of this run", &format!("{program} show {id}"));
        line("all runs", &format!("{program} ls {APPLICATION}"));
        line(
            "which webhooks came, and what they started",
            &format!("{program} events"),
        );
        // What the pipeline works with ends with the demo, unless it is a person's own cluster.
        if is_asked || (self.account.is_some() && self.inbox.is_none()) {
            line(
                "another run, started by hand",
                &format!("{program} run {APPLICATION}/{RELEASE}"),
            );
        }
        line("this run as JSON", &format!("curl {base}/pipelines/{id}"));
        line(
            "the pipeline",
            &format!("curl {base}/applications/{APPLICATION}/pipelineConfigs/{RELEASE}"),
        );
        match (&self.account, &self.inbox) {
            (None, _) => {}
            (Some(_), Some(inbox)) if is_asked => {
                if let Some(kubectl) = inbox.kubectl() {
                    line(
                        "the cluster, which runs as long as this server",
                        &format!("{kubectl} -n {NAMESPACE} get deployments,jobs,pods"),
                    );
                }
            }
            (Some(_), Some(_)) => {}
            (Some(account), None) => line(
                "what it has made in the cluster, and away with it",
                &format!("kubectl{kubeconfig} --context {account} delete namespace {NAMESPACE}"),
            ),
        }
        if is_asked {
            say(match self.inbox {
                Some(_) => "Ctrl-C stops this server and everything that was started for it.",
                None => "Ctrl-C stops this server; what runs goes on at its next start.",
            });
        }
    }
}
