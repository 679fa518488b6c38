//! A server that answers from a script, for tests: every exchange is written down, and an unexpected request is a 404 whose
//! absence a test notices.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::sync::mpsc;

use super::{BoxFuture, Chunks, Http, Request, Response, Streaming, Trouble};

type Answer = Result<Response, Trouble>;

/// Answers by `METHOD /path?query`: each in its order, the last one again and again.
#[derive(Clone, Default)]
pub(crate) struct Scripted(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: BTreeMap<String, VecDeque<Answer>>,
    streams: VecDeque<mpsc::Receiver<Vec<u8>>>,
    requests: Vec<Request>,
}

impl Scripted {
    /// Adds an answer with a JSON body.
    pub(crate) fn on(self, request: &str, status: u16, body: Value) -> Self {
        self.answer(request, Ok(json(status, &body)))
    }

    /// Adds an answer with an empty body.
    pub(crate) fn empty(self, request: &str, status: u16) -> Self {
        self.answer(
            request,
            Ok(Response {
                status,
                ..Response::default()
            }),
        )
    }

    /// Adds any answer.
    pub(crate) fn answer(self, request: &str, answer: Answer) -> Self {
        self.lock(|state| {
            state
                .answers
                .entry(request.to_owned())
                .or_default()
                .push_back(answer);
        });
        self
    }

    /// The next opened stream gives what the returned sender sends, and ends with it.
    pub(crate) fn feed(&self) -> mpsc::Sender<Vec<u8>> {
        let (sender, receiver) = mpsc::channel(16);
        self.lock(|state| state.streams.push_back(receiver));
        sender
    }

    /// Everything that was asked, as `METHOD /path`, bodies as JSON behind it.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.lock(|state| {
            state
                .requests
                .iter()
                .map(|request| {
                    let body = request.body.as_ref().map_or(String::new(), |body| {
                        format!(" {}", String::from_utf8_lossy(body))
                    });
                    format!("{}{body}", key(request))
                })
                .collect()
        })
    }

    /// The first value that any request carried in a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.lock(|state| {
            state
                .requests
                .iter()
                .flat_map(|request| &request.headers)
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        })
    }

    fn lock<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next(&self, request: Request) -> Answer {
        let key = key(&request);
        self.lock(|state| {
            state.requests.push(request);
            match state.answers.get_mut(&key) {
                Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
                Some(answers) => answers.front().cloned().unwrap(),
                None => Ok(json(
                    404,
                    &serde_json::json!({"status": 404, "message": format!("the script has no answer to {key}")}),
                )),
            }
        })
    }
}

impl Http for Scripted {
    fn send(&self, request: Request) -> BoxFuture<'_, Answer> {
        let answer = self.next(request);
        Box::pin(async move {
            tokio::task::yield_now().await;
            answer
        })
    }

    fn stream(&self, request: Request) -> BoxFuture<'_, Result<Streaming, Trouble>> {
        let stream = self.lock(|state| state.streams.pop_front());
        let answer = match stream {
            Some(receiver) => {
                self.lock(|state| state.requests.push(request));
                Ok(Streaming {
                    head: Response {
                        status: 200,
                        headers: vec![("content-type".into(), "text/event-stream".into())],
                        body: Vec::new(),
                    },
                    chunks: Box::new(Fed(receiver)),
                })
            }
            None => self.next(request).map(|head| Streaming {
                head,
                chunks: Box::new(Fed(mpsc::channel(1).1)),
            }),
        };
        Box::pin(async move { answer })
    }
}

struct Fed(mpsc::Receiver<Vec<u8>>);

impl Chunks for Fed {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Vec<u8>, Trouble>>> {
        Box::pin(async move { self.0.recv().await.map(Ok) })
    }
}

fn key(request: &Request) -> String {
    let path = request
        .url
        .splitn(4, '/')
        .nth(3)
        .map_or(String::new(), |path| format!("/{path}"));
    format!("{} {path}", request.method)
}

fn json(status: u16, body: &Value) -> Response {
    Response {
        status,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("x-spinnaker-request-id".into(), "req-1".into()),
        ],
        body: body.to_string().into_bytes(),
    }
}
