//! An API server that is played: for clusters that are too large, and for what a real one does too seldom.

use std::sync::Arc;

use gennaker_kubernetes::{Accounts, Options};
use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{Kubernetes, KubernetesAccount, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What is answered to a request.
pub(crate) enum Played {
    /// A body of JSON.
    Body(String),
    /// Events of a watch, after which nothing happens.
    Watch(Vec<Value>),
}

/// A request: path, and query.
pub(crate) struct Asked {
    pub(crate) path: String,
    query: String,
}

impl Asked {
    /// A parameter of the query.
    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}=");
        self.query
            .split('&')
            .find_map(|pair| pair.strip_prefix(&prefix))
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.of("watch").is_some()
    }
}

/// What the account is called.
pub(crate) const NAME: &str = "played";

/// The accounts of a worker: one, whose cluster answers so. It ends with the set.
pub(crate) async fn accounts(
    play: impl Fn(&Asked) -> Played + Send + Sync + 'static,
) -> (Accounts, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(serve(listener, Arc::new(play)));
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"http://{address}\"}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
    );
    let settings = Kubernetes {
        accounts: vec![KubernetesAccount {
            name: NAME.to_owned(),
            kubeconfig_contents: Some(Secret::new(kubeconfig)),
            requests_per_second: 1_000,
            requests_burst: 1_000,
            ..KubernetesAccount::default()
        }],
        ..Kubernetes::default()
    };
    let options = Options {
        clock: Clock::system(),
        scope: Scope::root("test"),
        zone: None,
        google: None,
    };
    let (accounts, _) = Accounts::load(&settings, &options);
    (accounts, server)
}

/// What `/api` or `/apis` answers: group, version, kinds.
pub(crate) fn discovery(groups: &[(&str, &str, &[&str])]) -> String {
    let resource = |kind: &&str| {
        json!({
            "resource": format!("{}s", kind.to_lowercase()), "responseKind": {"kind": kind}, "scope": "Namespaced",
            "singularResource": kind.to_lowercase(), "verbs": ["get", "list", "watch"]
        })
    };
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, version, kinds)| {
            let resources: Vec<Value> = kinds.iter().map(resource).collect();
            json!({"metadata": {"name": group}, "versions": [{"version": version, "resources": resources}]})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "items": groups}).to_string()
}

type Play = Arc<dyn Fn(&Asked) -> Played + Send + Sync>;

async fn serve(listener: TcpListener, play: Play) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&play)));
    }
}

async fn answer(stream: TcpStream, play: Play) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let (head, body, holds) = match play(&asked) {
            Played::Body(body) => (format!("Content-Length: {}", body.len()), body, false),
            Played::Watch(events) => {
                let chunk = |event: &Value| {
                    let line = format!("{event}\n");
                    format!("{:x}\r\n{line}\r\n", line.len())
                };
                (
                    "Transfer-Encoding: chunked".to_owned(),
                    events.iter().map(chunk).collect(),
                    true,
                )
            }
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}\r\n\r\n");
        for part in [head, body] {
            // Who ended has seen enough.
            if stream.get_mut().write_all(part.as_bytes()).await.is_err() {
                return;
            }
        }
        if holds {
            std::future::pending::<()>().await;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return None,
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) => head.push(line),
        }
    }
    let address = head.first()?.split(' ').nth(1)?;
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    Some(Asked { path, query })
}
