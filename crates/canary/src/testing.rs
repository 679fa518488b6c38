//! What the tests of this crate share: a scope, and a server that answers from a list and remembers what it was asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use crate::request::Scope;

pub(crate) const START: i64 = 1_767_225_600_000;

/// Five minutes of 2026, a point every minute.
pub(crate) fn scope() -> Scope {
    Scope {
        scope: Some("some-server-group".to_owned()),
        location: None,
        start_ms: START,
        end_ms: START + 300_000,
        step: 60,
        parameters: BTreeMap::new(),
    }
}

/// A server of recorded answers, the last of which repeats.
pub(crate) struct Recorded {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    _serves: JoinSet<()>,
}

impl Recorded {
    pub(crate) async fn answering(answers: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let answers: Vec<(u16, String)> = answers
            .iter()
            .map(|&(code, text)| (code, text.to_owned()))
            .collect();
        let mut serves = JoinSet::new();
        let seen = Arc::clone(&asked);
        serves.spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match connection.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(String::from_utf8_lossy(&head).into_owned());
                    seen.len() - 1
                };
                let (code, text) = &answers[number.min(answers.len() - 1)];
                let answer = format!(
                    "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                );
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            url,
            asked,
            _serves: serves,
        }
    }

    /// The heads of all requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}
