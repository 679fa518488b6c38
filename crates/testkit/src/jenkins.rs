//! A double of a Jenkins: the part of its remote API that pipelines use, as strict as the original.
//!
//! It follows Jenkins' documentation ("Remote Access API", "CSRF Protection", the in-product `/api` pages) and what versions since
//! 2.400 do: XML with `tree` (ranges too) and `exclude`, 201 with a `Location` for what was put in the queue, a quiet period,
//! requests folded into an item that waits with the same parameters, undeclared parameters dropped, choices checked, 405 for a GET
//! where a POST belongs, 403 without a crumb of the same session, items of the queue forgotten after a while. It is no Jenkins: jobs
//! run nothing and end as a test says, and what pipelines do not call is 404.

mod jobs;
mod tree;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use jobs::{Job, Parameter, Ran};

use crate::http::{Reply, Seen, Server};
use jobs::Jobs;

/// Below this path everything lies; what is asked for elsewhere is redirected there.
const PREFIX: &str = "/jenkins";

/// Who may do what.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The one user and the password; nobody has to say who he is without.
    pub user: Option<(String, String)>,
    /// Whether POSTs need a crumb.
    pub crumbs: bool,
    /// How long an item stays in the queue at least.
    pub quiet: Duration,
    /// How long an item is remembered after it became a build; five minutes if absent.
    pub remember: Option<Duration>,
}

/// What goes wrong with a request, once.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered so, and nothing is done.
    Refused(u16, String),
    /// It is done, and answered so.
    Done(u16, String),
    /// It is done, and answered after this time.
    Late(Duration),
    /// It is held up for this time, then done and answered.
    Held(Duration),
}

/// A running double; ends when dropped.
pub struct Jenkins {
    server: Server,
    state: Arc<Mutex<State>>,
}

struct State {
    rules: Rules,
    jobs: Jobs,
    faults: Vec<(String, String, Fault)>,
    crumbs: u64,
}

impl Jenkins {
    /// Starts one on a free port.
    pub async fn start(rules: Rules) -> Self {
        let state = Arc::new(Mutex::new(State {
            jobs: Jobs::new(
                rules.quiet,
                rules.remember.unwrap_or(Duration::from_secs(300)),
            ),
            rules,
            faults: Vec::new(),
            crumbs: 0,
        }));
        let own = Arc::clone(&state);
        let server = Server::start(move |seen| answer(&own, seen)).await;
        Self { server, state }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(PREFIX)
    }

    /// An address that redirects to it.
    #[must_use]
    pub fn moved_url(&self) -> String {
        self.server.url("")
    }

    /// Adds a job, or replaces it.
    pub fn job(&self, job: Job) {
        self.state().jobs.add(job);
    }

    /// The next request with this method, whose path contains the text, goes wrong.
    pub fn fault(&self, method: &str, path: &str, fault: Fault) {
        self.state()
            .faults
            .push((method.to_owned(), path.to_owned(), fault));
    }

    /// Everything that it was asked, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }

    /// How many requests had this method and a path that contains the text.
    #[must_use]
    pub fn count(&self, method: &str, path: &str) -> usize {
        let seen = self.seen();
        seen.iter()
            .filter(|seen| seen.method == method && seen.path().contains(path))
            .count()
    }

    /// The builds of a job, oldest first, as they are now.
    #[must_use]
    pub fn builds(&self, job: &str) -> Vec<Ran> {
        self.state().jobs.builds(job)
    }

    /// How many items of a job wait in the queue.
    #[must_use]
    pub fn waiting(&self, job: &str) -> usize {
        self.state().jobs.waiting(job)
    }

    /// Keeps what is in the queue there, or lets it go.
    pub fn hold_queue(&self, hold: bool) {
        self.state().jobs.hold(hold);
    }

    /// Keeps what waits for one job in the queue, or lets it go.
    pub fn hold_job(&self, job: &str, hold: bool) {
        self.state().jobs.hold_job(job, hold);
    }

    /// Ends a running build with this result.
    pub fn finish(&self, job: &str, number: u64, result: &str) {
        self.state().jobs.finish(job, number, result);
    }

    /// Starts a build as a person would who is logged in as this user.
    pub fn press_build_now(&self, job: &str, user: &str) {
        self.state().jobs.press(job, user);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panicked")
    }
}

fn answer(state: &Mutex<State>, seen: &Seen) -> Reply {
    let (path, query) = seen.path().split_once('?').unwrap_or((seen.path(), ""));
    let lock = || state.lock().expect("no answer panicked");
    let Some(rest) = path.strip_prefix(PREFIX) else {
        return Reply::redirect(&format!("{PREFIX}{}", seen.path()));
    };
    let fault = {
        let mut state = lock();
        let place = state
            .faults
            .iter()
            .position(|(method, part, _)| *method == seen.method && path.contains(part));
        place.map(|place| state.faults.remove(place).2)
    };
    match fault {
        Some(Fault::Refused(status, body)) => Reply::status(status, &body),
        Some(Fault::Done(status, body)) => {
            let _ = lock().answer(seen, rest, query);
            Reply::status(status, &body)
        }
        Some(Fault::Late(time)) => {
            let reply = lock().answer(seen, rest, query);
            std::thread::sleep(time);
            reply
        }
        Some(Fault::Held(time)) => {
            std::thread::sleep(time);
            lock().answer(seen, rest, query)
        }
        None => lock().answer(seen, rest, query),
    }
}

impl State {
    fn answer(&mut self, seen: &Seen, path: &str, query: &str) -> Reply {
        if let Err(reply) = self.known(seen) {
            return reply;
        }
        let user = self
            .rules
            .user
            .as_ref()
            .map_or("anonymous", |(user, _)| user)
            .to_owned();
        let mut pairs = pairs(query);
        match seen.method.as_str() {
            "GET" => {}
            "POST" => {
                if self.rules.crumbs && !self.has_crumb(seen) {
                    return Reply::status(
                        403,
                        "<html><head><title>Error 403 No valid crumb was included in the request</title></head></html>",
                    );
                }
                let form = seen.header("content-type").unwrap_or_default();
                if form.starts_with("application/x-www-form-urlencoded") {
                    pairs.extend(self::pairs(&seen.text()));
                }
            }
            _ => return Reply::status(405, "method not allowed"),
        }
        if path == "/crumbIssuer/api/xml" {
            return self.give_crumb();
        }
        let host = seen.header("host").unwrap_or("localhost");
        self.jobs.advance(Instant::now());
        self.jobs.answer(&jobs::Asked {
            method: &seen.method,
            path: &decoded(path),
            pairs: &pairs,
            base: &format!("http://{host}{PREFIX}"),
            user: &user,
        })
    }

    fn known(&self, seen: &Seen) -> Result<(), Reply> {
        let Some((user, password)) = &self.rules.user else {
            return Ok(());
        };
        let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        match seen.header("authorization") {
            Some(proof) if proof.split(", ").any(|it| it == wanted) => Ok(()),
            Some(_) => Err(Reply::status(
                401,
                "<html><head><title>Error 401 Unauthorized</title></head></html>",
            )),
            None => Err(Reply::status(
                403,
                "<html><head><title>Authentication required</title></head></html>",
            )),
        }
    }

    fn give_crumb(&mut self) -> Reply {
        if !self.rules.crumbs {
            return Reply::status(404, "<html><head><title>Not Found</title></head></html>");
        }
        self.crumbs += 1;
        let number = self.crumbs;
        Reply::ok(&format!(
            "<defaultCrumbIssuer><crumb>crumb-{number}</crumb><crumbRequestField>Jenkins-Crumb</crumbRequestField>\
             </defaultCrumbIssuer>"
        ))
        .with("Set-Cookie", &format!("JSESSIONID=session-{number}; Path=/; HttpOnly"))
    }

    fn has_crumb(&self, seen: &Seen) -> bool {
        let number = seen
            .header("jenkins-crumb")
            .and_then(|crumb| crumb.strip_prefix("crumb-"))
            .and_then(|number| number.parse::<u64>().ok());
        let cookies = seen.header("cookie").unwrap_or_default();
        number.is_some_and(|number| {
            let session = format!("JSESSIONID=session-{number}");
            number <= self.crumbs && cookies.split("; ").any(|cookie| cookie == session)
        })
    }
}

/// The fields of a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (
                decoded(&key.replace('+', " ")),
                decoded(&value.replace('+', " ")),
            )
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
