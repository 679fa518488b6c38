//! What stands beside Gennaker while `cargo xtask demo --kubernetes` shows it: a cluster, a Jenkins, and the mailbox and the Slack of
//! those who are asked.
//!
//! The cluster is a real control plane with simulated nodes ([`crate::kube`]), the others are doubles. Gennaker is told about all of
//! them in the way that an operator would: by settings, here as environment variables. What arrives for people can be read at one
//! address, so that the demo can show it.

mod mail;
mod slack;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Reply, Server};
use crate::jenkins::{Jenkins, Job, Parameter, Rules};
use crate::kube::{Cluster, programs};

/// Simulated nodes of the cluster.
const NODES: usize = 2;
/// The user of the Jenkins, and the password.
const USER: (&str, &str) = ("gennaker", "demo-jenkins-password");
/// The job that builds. The demo's pipeline names it, and the master `jenkins`.
const JOB: &str = "shop";
/// The token of the app in Slack, and the secret by which Slack would sign.
const SLACK: (&str, &str) = ("demo-slack-token", "demo-slack-secret");
/// Where links in messages lead.
const PAGES: &str = "https://deploys.example.com";

/// A message that arrived for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How it came: `mail` or `slack`.
    pub by: &'static str,
    /// Who sent it, as far as the message says.
    pub from: String,
    /// The mail address, or the channel.
    pub to: String,
    /// Its subject or title.
    pub title: String,
    /// What a person reads.
    pub text: String,
    /// What stands on its buttons.
    pub buttons: Vec<String>,
}

/// What arrived, in order.
type Arrived = Arc<Mutex<Vec<Message>>>;

/// All of it; it ends with this value.
pub struct World {
    cluster: Cluster,
    jenkins: Jenkins,
    environment: BTreeMap<String, String>,
    _mail: mail::Server,
    _slack: Server,
    _inbox: Server,
}

impl World {
    /// Starts everything; files go to the folder.
    ///
    /// # Errors
    /// The folder cannot be written, no port is free, or the cluster does not become ready.
    ///
    /// # Panics
    /// When no control plane is installed.
    pub async fn start(folder: &Path) -> Result<Self, String> {
        let below = folder.to_owned();
        let cluster =
            tokio::task::spawn_blocking(move || Cluster::start_below(&below, NODES)).await;
        let cluster =
            cluster.map_err(|error| format!("the cluster cannot be started: {error}"))??;
        let jenkins = Jenkins::start(Rules {
            user: Some((USER.0.to_owned(), USER.1.to_owned())),
            crumbs: true,
            ..Rules::default()
        })
        .await;
        jenkins.job(Job {
            name: JOB.to_owned(),
            parameters: ["COMMIT", "GENNAKER_TOKEN"]
                .map(|name| Parameter::Text(name.to_owned(), String::new()))
                .to_vec(),
            runs: Some((Duration::ZERO, "SUCCESS".to_owned())),
            files: vec![("build.properties".to_owned(), "tag=1.7-{COMMIT}".to_owned())],
            ..Job::default()
        });
        let arrived = Arrived::default();
        let mail = mail::Server::start(Arc::clone(&arrived))
            .await
            .map_err(|error| format!("the mail server cannot listen: {error}"))?;
        let own = Arc::clone(&arrived);
        let slack = Server::start(move |seen| slack::answer(seen, SLACK.0, &own)).await;
        let inbox = Server::start(move |_| inbox(&arrived)).await;
        let file = |name: &str, content: &str| {
            let path = folder.join(name);
            std::fs::write(&path, content)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            Ok::<_, String>(path.display().to_string())
        };
        let password = file("jenkins-password", USER.1)?;
        let masters = format!(
            "[{{name = \"jenkins\", address = {:?}, username = {:?}, password_file = {password:?}, csrf = true}}]",
            jenkins.url(),
            USER.0
        );
        let kubectl = format!(
            "{} --kubeconfig {}",
            programs().join("kubectl").display(),
            cluster.kubeconfig().display()
        );
        let environment = [
            ("KUBECONFIG", cluster.kubeconfig().display().to_string()),
            ("GENNAKER_JENKINS__MASTERS", masters),
            ("GENNAKER_NOTIFICATIONS__BASE_URL", PAGES.to_owned()),
            (
                "GENNAKER_NOTIFICATIONS__EMAIL__HOST",
                "127.0.0.1".to_owned(),
            ),
            (
                "GENNAKER_NOTIFICATIONS__EMAIL__PORT",
                mail.port().to_string(),
            ),
            ("GENNAKER_NOTIFICATIONS__EMAIL__SECURITY", "none".to_owned()),
            (
                "GENNAKER_NOTIFICATIONS__EMAIL__FROM",
                "Gennaker <gennaker@example.com>".to_owned(),
            ),
            ("GENNAKER_NOTIFICATIONS__SLACK__URL", slack.url("")),
            (
                "GENNAKER_NOTIFICATIONS__SLACK__APP__TOKEN_FILE",
                file("slack-token", SLACK.0)?,
            ),
            (
                "GENNAKER_NOTIFICATIONS__SLACK__APP__SIGNING_SECRET_FILE",
                file("slack-secret", SLACK.1)?,
            ),
            ("GENNAKER_DEMO_INBOX", inbox.url("/messages")),
            ("GENNAKER_DEMO_KUBECTL", kubectl),
        ];
        Ok(Self {
            cluster,
            jenkins,
            environment: environment
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            _mail: mail,
            _slack: slack,
            _inbox: inbox,
        })
    }

    /// What `gennaker dev --demo` has to find in its environment.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The tags that were built, oldest first.
    pub fn built(&self) -> Vec<String> {
        let builds = self.jenkins.builds(JOB).into_iter();
        builds
            .map(|build| format!("1.7-{}", build.parameters["COMMIT"]))
            .collect()
    }
}

fn inbox(arrived: &Mutex<Vec<Message>>) -> Reply {
    let arrived = arrived.lock().expect("nobody panicked");
    let messages: Vec<Value> = arrived
        .iter()
        .map(|it| {
            json!({"by": it.by, "from": it.from, "to": it.to, "title": it.title, "text": it.text, "buttons": it.buttons})
        })
        .collect();
    Reply::ok(&Value::from(messages).to_string()).with("Content-Type", "application/json")
}
