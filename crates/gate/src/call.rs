//! A request as handlers see it, and the checks that all of them share.

use axum::http::HeaderMap;
use bytes::Bytes;
use gennaker_model::{CommandId, ExecutionId, Map, Status, command::Request};
use gennaker_telemetry::{TraceContext, current_traceparent, trace};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::{access::Caller, numbers, problem::Problem, routes::Route};

/// Deepest nesting of JSON that is taken in; serde_json's own limit.
const DEPTH_MAX: usize = 128;

/// One request.
pub(crate) struct Call {
    /// The row of the table that it matched.
    pub(crate) route: &'static Route,
    pub(crate) caller: Caller,
    /// Decoded path parameters by the names in the route's pattern.
    pub(crate) params: Vec<(&'static str, String)>,
    /// Decoded query, in order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// When it came in, epoch milliseconds.
    pub(crate) at_ms: i64,
    /// Drawn once for this request: ids of commands and executions come from it.
    pub(crate) random: u128,
}

/// A command with the identity that its request gave it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: CommandId,
    pub(crate) at_ms: i64,
    pub(crate) trace: Option<String>,
    pub(crate) request: Request,
}

impl Call {
    /// A path parameter.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// A path parameter that is an execution's id; `what` is the word for the message when it cannot be one.
    pub(crate) fn execution(&self, name: &str, what: &str) -> Result<ExecutionId, Problem> {
        let id = self.param(name);
        ExecutionId::new(id).map_err(|_| Problem::not_found(format!("{what} not found (id: {id})")))
    }

    /// A query parameter; an empty one counts as absent, because clients send all they know.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.declared(name);
        self.query
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// All values of a comma list, which may also be repeated.
    pub(crate) fn query_list(&self, name: &str) -> Vec<String> {
        self.declared(name);
        self.query
            .iter()
            .filter(|(known, _)| known == name)
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn query_bool(&self, name: &str, default: bool) -> Result<bool, Problem> {
        match self.query(name) {
            None => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(Problem::bad_request(format!(
                "Query parameter {name} must be true or false, not '{text}'"
            ))),
        }
    }

    /// A number from `range`, larger ones cut to its end.
    pub(crate) fn query_number(
        &self,
        name: &str,
        default: u32,
        (least, most): (u32, u32),
    ) -> Result<u32, Problem> {
        let Some(text) = self.query(name) else {
            return Ok(default);
        };
        match text.parse::<i64>() {
            Ok(number) if number >= i64::from(least) => {
                Ok(u32::try_from(number).unwrap_or(most).min(most))
            }
            Ok(_) | Err(_) => Err(Problem::bad_request(format!(
                "Query parameter {name} must be a number from {least}, not '{text}'"
            ))),
        }
    }

    pub(crate) fn query_time_ms(&self, name: &str) -> Result<Option<i64>, Problem> {
        self.query(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Problem::bad_request(format!(
                        "Query parameter {name} must be epoch milliseconds, not '{text}'"
                    ))
                })
            })
            .transpose()
    }

    /// The statuses of a comma list.
    pub(crate) fn statuses(&self) -> Result<Vec<Status>, Problem> {
        self.query_list("statuses")
            .iter()
            .map(|word| {
                Status::parse(&word.to_ascii_uppercase()).ok_or_else(|| {
                    Problem::bad_request(format!("No execution status is called '{word}'"))
                })
            })
            .collect()
    }

    /// A header, unless it is absent, empty, or no UTF-8.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// A header that must not be overlooked: one that is there and cannot be read is refused.
    pub(crate) fn header_strictly(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.header(name) {
            None if self.headers.contains_key(name) => Err(Problem::bad_request(format!(
                "The header {name} must be a text that is not empty"
            ))),
            found => Ok(found),
        }
    }

    /// The body as JSON; `None` when there is none, or `null`.
    pub(crate) fn json(&self) -> Result<Option<Value>, Problem> {
        let body = self.body.trim_ascii();
        if body.is_empty() {
            return Ok(None);
        }
        match serde_json::from_slice(body) {
            Ok(Value::Null) => Ok(None),
            Ok(value) => Ok(Some(value)),
            Err(error) if error.to_string().starts_with("recursion limit exceeded") => Err(
                Problem::malformed_json(format_args!("nested deeper than {DEPTH_MAX} levels")),
            ),
            Err(error) => Err(Problem::malformed_json(error)),
        }
    }

    /// The body as a JSON object; `None` when there is none.
    pub(crate) fn object_if_any(&self) -> Result<Option<Map>, Problem> {
        match self.json()? {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(Problem::malformed_json("an object is expected")),
        }
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<Map, Problem> {
        self.object_if_any()?
            .ok_or_else(|| Problem::malformed_json("a body is required"))
    }

    /// The body as a document that is to be stored: a JSON object with nothing in it that would read back otherwise.
    pub(crate) fn document(&self) -> Result<Map, Problem> {
        let document = self.object()?;
        self.exactly()?;
        Ok(document)
    }

    /// Refuses numbers in the body that cannot be kept.
    pub(crate) fn exactly(&self) -> Result<(), Problem> {
        match numbers::inexact(&self.body) {
            None => Ok(()),
            Some(number) => {
                let shown: String = number.chars().take(40).collect();
                Err(Problem::bad_request(format!(
                    "The number {shown} has more digits than can be kept; write it as a text"
                )))
            }
        }
    }

    /// On whose behalf the request acts.
    pub(crate) fn user(&self) -> &str {
        self.caller.user()
    }

    /// Where the request came from. Source: gate `AuthenticatedRequest`, `X-RateLimit-App`.
    pub(crate) fn origin(&self) -> &'static str {
        match self.header("x-ratelimit-app") {
            Some(app) if app.eq_ignore_ascii_case("deck") => "deck",
            Some(_) | None => "api",
        }
    }

    /// A command of this request; `step` keeps several ones of a request apart.
    pub(crate) fn ask(&self, step: &str, request: Request) -> Ask {
        Ask {
            id: CommandId::new(format!("{:032x}.{step}", self.random))
                .expect("hexadecimal digits and a word are an id"),
            at_ms: self.at_ms,
            trace: self.trace(),
            request,
        }
    }

    /// 60 bits for the id of an execution.
    pub(crate) fn draw(&self) -> u64 {
        let folded = (self.random >> 64) ^ self.random;
        u64::try_from(folded & u128::from(u64::MAX)).unwrap_or(0)
    }

    /// Holds the table of routes against what handlers ask for: it is what the API's description tells.
    fn declared(&self, name: &str) {
        debug_assert!(
            self.route.query.contains(&name),
            "the table of routes does not say that {} {} takes the query parameter {name}",
            self.route.method,
            self.route.path
        );
    }

    /// Where this request stands in a trace: its own span, or the caller's when traces are off here.
    fn trace(&self) -> Option<String> {
        current_traceparent().or_else(|| {
            self.header(trace::HEADER)
                .and_then(TraceContext::parse)
                .map(|caller| caller.to_string())
        })
    }
}

/// A random UUID, version 4, from 128 random bits.
pub(crate) fn uuid(random: u128) -> String {
    gennaker_model::uuid(4, random)
}

/// Splits and decodes a query string.
pub(crate) fn parse_query(query: &str) -> Result<Vec<(String, String)>, Problem> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode_query(name)?, decode_query(value)?))
        })
        .collect()
}

fn decode_query(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Problem::bad_request("The query is not UTF-8"))
}
