//! What handlers answer, and how it is written: JSON with sorted keys, as Gate's mapper does.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use serde_json::Value;

use crate::problem::Problem;

/// A successful answer.
pub(crate) enum Answer {
    /// JSON, keys sorted on the way out.
    Json(StatusCode, Value),
    /// No body at all: some clients read any body as JSON.
    Empty(StatusCode),
    /// Something else, such as a stream.
    Other(Response),
}

impl Answer {
    pub(crate) fn json(value: impl Into<Value>) -> Self {
        Self::Json(StatusCode::OK, value.into())
    }

    pub(crate) const fn empty() -> Self {
        Self::Empty(StatusCode::OK)
    }

    pub(crate) fn into_response(self) -> Response {
        match self {
            Self::Json(status, mut value) => {
                value.sort_all_objects();
                let mut response = Response::new(Body::from(value.to_string()));
                *response.status_mut() = status;
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                response
            }
            Self::Empty(status) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = status;
                response
            }
            Self::Other(response) => response,
        }
    }

    /// The answer with one more header.
    pub(crate) fn with_header(self, name: &'static str, value: &str) -> Self {
        let mut response = self.into_response();
        if let Ok(value) = HeaderValue::from_str(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        Self::Other(response)
    }
}

/// A document as JSON.
pub(crate) fn value_of(document: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(document)
        .map_err(|error| Problem::internal(format!("The answer cannot be written: {error}")))
}
