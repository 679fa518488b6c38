//! What came of a request, and how it is shown in `context.webhook`.

use gennaker_model::Map;
use serde_json::Value;

use super::status_name::status_name;

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// The target answered.
    Response(Response),
    /// No address belongs to the host: nothing was sent.
    UnknownHost,
    /// The target did not answer, or not wholly, within the time limit.
    Timeout {
        /// The request may have arrived.
        sent: bool,
    },
    /// Anything else went wrong.
    Failed {
        /// What, for people.
        message: String,
        /// The request may have arrived.
        sent: bool,
    },
}

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// Body, within the limit.
    pub body: Vec<u8>,
}

impl Response {
    /// Whether Spinnaker takes it for a success: a redirection that was not followed is one too.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..400).contains(&self.status)
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as a value: JSON where it says so or looks like it, else text; `None` when it is empty.
    ///
    /// JSON that does not parse stays text. Spinnaker ends the stage TERMINAL for that, although the call succeeded.
    #[must_use]
    pub fn document(&self) -> Option<Value> {
        if self.body.is_empty() {
            return None;
        }
        let says_json = self.header("content-type").map(is_json);
        let looks_like_json = matches!(self.body.first(), Some(b'{' | b'['));
        let try_json = match says_json {
            Some(says) if self.is_success() => says,
            Some(says) => says || looks_like_json,
            None => looks_like_json,
        };
        let json = try_json
            .then(|| serde_json::from_slice(&self.body).ok())
            .flatten();
        Some(
            json.unwrap_or_else(|| Value::String(String::from_utf8_lossy(&self.body).into_owned())),
        )
    }

    /// `statusCode`, `statusCodeValue`, `headers` and `body`, the last two only if there are any.
    #[must_use]
    pub fn described(&self) -> Map {
        let mut map = Map::new();
        map.insert("statusCode".to_owned(), status_name(self.status).into());
        map.insert("statusCodeValue".to_owned(), self.status.into());
        let headers = self.headers_shown();
        if !headers.is_empty() {
            map.insert("headers".to_owned(), headers.into());
        }
        if let Some(body) = self.document() {
            map.insert("body".to_owned(), body);
        }
        map
    }

    /// The first value of each header. Names are written as HTTP/1.1 servers usually do (`Content-Type`): expressions
    /// like `webhook.headers['Location']` are common, and our client sees lower case only.
    #[must_use]
    pub fn headers_shown(&self) -> Map {
        let mut shown = Map::new();
        for (name, value) in &self.headers {
            shown
                .entry(title_case(name))
                .or_insert_with(|| value.as_str().into());
        }
        shown
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

fn title_case(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|letter| {
            let shown = if start {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            };
            start = letter == '-';
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bodies_become_values() {
        for (status, content_type, body, expected) in [
            (
                200,
                Some("application/json"),
                r#"{"a":1}"#,
                Some(json!({"a": 1})),
            ),
            (
                200,
                Some("application/vnd.x+json; charset=utf-8"),
                "7",
                Some(json!(7)),
            ),
            (200, Some("application/json"), "{oops", Some(json!("{oops"))),
            (200, Some("text/plain"), "{}", Some(json!("{}"))),
            (500, Some("text/plain"), "{}", Some(json!({}))),
            (500, Some("text/html"), "<p>", Some(json!("<p>"))),
            (200, None, "[1]", Some(json!([1]))),
            (200, None, "ok", Some(json!("ok"))),
            (200, Some("application/json"), "", None),
        ] {
            let headers = content_type.map(|kind| ("content-type".to_owned(), kind.to_owned()));
            let response = Response {
                status,
                headers: headers.into_iter().collect(),
                body: body.as_bytes().to_vec(),
            };
            assert_eq!(
                response.document(),
                expected,
                "{status} {content_type:?} {body}"
            );
        }
    }

    #[test]
    fn a_response_is_described_as_spinnaker_does() {
        let response = Response {
            status: 201,
            headers: [("location", "http://x"), ("x-many", "1"), ("x-many", "2")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            body: Vec::new(),
        };
        assert_eq!(
            Value::from(response.described()),
            json!({"statusCode": "CREATED", "statusCodeValue": 201, "headers": {"Location": "http://x", "X-Many": "1"}})
        );
    }
}
