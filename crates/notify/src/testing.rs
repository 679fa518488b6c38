//! Doubles for the tests of this crate: a worker over the in-memory broker, and a target that answers as it is told.

use std::{
    collections::VecDeque,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex},
    time::Duration,
};

use gennaker_outbound::{Client, Exceptions, Policy};
use gennaker_runtime::{Clock, Scope};
use gennaker_store::Store;
use gennaker_worker::testing::Workbench;
pub(crate) use gennaker_worker::testing::{context, error};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A pool at work, with its documents.
pub(crate) struct Fixture {
    pub store: Store,
    workbench: Workbench,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(crate::SecretHeaders::default()).await
    }

    pub(crate) async fn with(secrets: crate::SecretHeaders) -> Self {
        Self::with_services(secrets, |services| services).await
    }

    /// With these services, made from none.
    pub(crate) async fn with_services(
        secrets: crate::SecretHeaders,
        services: impl FnOnce(crate::Services) -> crate::Services,
    ) -> Self {
        Self::with_settings(secrets, services, &gennaker_settings::Settings::default()).await
    }

    /// With the channels of these settings.
    pub(crate) async fn with_settings(
        secrets: crate::SecretHeaders,
        services: impl FnOnce(crate::Services) -> crate::Services,
        settings: &gennaker_settings::Settings,
    ) -> Self {
        let exceptions = Exceptions {
            allow_loopback: true,
            ..Exceptions::default()
        };
        let options = gennaker_outbound::Options {
            read_timeout: Duration::from_millis(700),
            ..crate::client_options()
        };
        let trusted = Client::new(Policy::trusted(), options.clone()).unwrap();
        let services = services(crate::Services::without_credentials(trusted.clone()));
        let client = Client::new(Policy::untrusted(&exceptions).unwrap(), options).unwrap();
        let clients = gennaker_channels::Clients {
            trusted,
            untrusted: client.clone(),
        };
        let clock = Clock::system();
        let channels = gennaker_channels::Channels::new(settings, clients, &clock, None).unwrap();
        let workbench = Workbench::new(crate::POOL).await;
        let store = Store::new(&workbench.worker_bus()).reading_addresses(workbench.bus());
        let again_after = Duration::from_millis(5);
        let templates = crate::ReadTemplates::new(client.clone(), None, again_after);
        workbench.work(crate::notifications::answering(
            crate::registry_with(
                &client,
                &store,
                &secrets,
                &services,
                &channels,
                templates,
                again_after,
            ),
            &channels,
            &clock,
        ));
        Self { store, workbench }
    }
}

impl Deref for Fixture {
    type Target = Workbench;

    fn deref(&self) -> &Workbench {
        &self.workbench
    }
}

impl DerefMut for Fixture {
    fn deref_mut(&mut self) -> &mut Workbench {
        &mut self.workbench
    }
}

/// A request that the target got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// An HTTP server that answers with what it was given, one after the other; nothing at all for `None`.
pub(crate) struct Target {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Target {
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Option<String>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let (seen, mut answers) = (
            Arc::clone(&got),
            answers.into_iter().collect::<VecDeque<_>>(),
        );
        Scope::root("target").spawn("server", async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                seen.lock().unwrap().push(request);
                match answers.pop_front().flatten() {
                    Some(answer) => {
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                    None => silent.push(stream),
                }
            }
        });
        Self { url, got }
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// A whole HTTP answer.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    ))
}

/// An answer with a JSON body.
pub(crate) fn json_answer(status: u16, body: &str) -> Option<String> {
    answer(status, "Content-Type: application/json\r\n", body)
}

async fn read(stream: &mut TcpStream) -> Got {
    let mut bytes = Vec::new();
    let head = loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the request ends in its head");
        bytes.extend_from_slice(&chunk[..count]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (
        first.next().unwrap().to_owned(),
        first.next().unwrap().to_owned(),
    );
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            line.split_once(':')
                .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
                .unwrap()
        })
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    let mut body = bytes[head + 4..].to_vec();
    while body.len() < length {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        body.extend_from_slice(&chunk[..count]);
    }
    Got {
        method,
        path,
        headers,
        body: String::from_utf8(body).unwrap(),
    }
}
