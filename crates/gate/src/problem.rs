//! The one error envelope, as kork-web writes it (`GenericExceptionHandlers`, `ErrorConfiguration`).

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use gennaker_model::{
    Map,
    command::{Refusal, RefusalCode},
};
use serde_json::Value;

/// Class that clients of `PipelineController` see.
const PIPELINE_EXCEPTION: &str =
    "com.netflix.spinnaker.gate.controllers.PipelineController$PipelineException";

/// A request that failed, and what its client is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    exception: &'static str,
    retry_after_s: Option<u32>,
    allow: Option<String>,
    /// What is wrong in detail, as the `errors` of the body.
    errors: Vec<Value>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            exception: exception_of(status),
            retry_after_s: None,
            allow: None,
            errors: Vec::new(),
        }
    }

    /// A template or its configuration that cannot be planned. Source: orca `PipelineTemplateValidationException`.
    pub(crate) fn template(message: impl Into<String>, errors: Vec<Value>) -> Self {
        Self {
            errors,
            ..Self::bad_request(message)
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// A failure that a repeat of the request may cure.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self {
            retry_after_s: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
        }
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// A failed save, delete or start of a pipeline.
    pub(crate) fn pipeline(message: impl Into<String>) -> Self {
        Self {
            exception: PIPELINE_EXCEPTION,
            ..Self::bad_request(message)
        }
    }

    /// Something that Spinnaker's Gate has and this one does not.
    pub(crate) fn not_built(feature: &str) -> Self {
        Self {
            exception: "java.lang.UnsupportedOperationException",
            ..Self::new(
                StatusCode::NOT_IMPLEMENTED,
                format!("Gennaker does not support {feature} yet"),
            )
        }
    }

    pub(crate) fn malformed_json(detail: impl std::fmt::Display) -> Self {
        Self {
            exception: "org.springframework.http.converter.HttpMessageNotReadableException",
            ..Self::bad_request(format!("JSON parse error: {detail}"))
        }
    }

    pub(crate) fn method_not_allowed(method: &str, allow: String) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("Request method '{method}' is not supported"),
            )
        }
    }

    pub(crate) fn into_response(self, now_ms: i64) -> Response {
        let mut body = Map::new();
        body.insert("error".to_owned(), reason(self.status).into());
        if !self.errors.is_empty() {
            body.insert("errors".to_owned(), self.errors.into());
        }
        body.insert("exception".to_owned(), self.exception.into());
        body.insert("message".to_owned(), self.message.into());
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("timestamp".to_owned(), timestamp(now_ms).into());
        let mut response = Response::new(Body::from(Value::Object(body).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self
            .allow
            .and_then(|allow| HeaderValue::from_str(&allow).ok())
        {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}

/// The answer when no route has this path: Spring's problem detail, and the envelope's fields with it. Spinnaker has only the
/// first, on which clients stumble that read every failure as an envelope.
pub(crate) fn no_route(path: &str, now_ms: i64) -> Response {
    let status = StatusCode::NOT_FOUND;
    let detail = format!("No static resource {}.", path.trim_start_matches('/'));
    let mut body = serde_json::json!({
        "detail": detail,
        "error": reason(status),
        "exception": "org.springframework.web.servlet.resource.NoResourceFoundException",
        "instance": path,
        "message": detail,
        "status": status.as_u16(),
        "timestamp": timestamp(now_ms),
        "title": reason(status),
        "type": "about:blank",
    });
    body.sort_all_objects();
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// The one place where an owner's refusal becomes an HTTP status.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.message;
        match refusal.code {
            RefusalCode::NotFound => Self::not_found(message),
            RefusalCode::Invalid => Self::bad_request(message),
            RefusalCode::Conflict => Self::new(StatusCode::CONFLICT, message),
            RefusalCode::NotAllowed => Self::new(StatusCode::METHOD_NOT_ALLOWED, message),
            RefusalCode::Forbidden => Self::new(StatusCode::FORBIDDEN, message),
            RefusalCode::Expired => Self::new(StatusCode::REQUEST_TIMEOUT, message),
            RefusalCode::TooLarge => Self::too_large(message),
            RefusalCode::Busy | RefusalCode::WrongPartition => Self::unavailable(message),
            RefusalCode::Internal => Self::internal(message),
        }
    }
}

impl From<gennaker_store::Error> for Problem {
    fn from(error: gennaker_store::Error) -> Self {
        use gennaker_store::Error;
        match error {
            Error::Bus(_) | Error::Bucket { .. } | Error::NotReady => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "documents cannot be read"
                );
                Self::unavailable(format!("Documents cannot be read just now: {error}"))
            }
            Error::Corrupt { .. } | Error::Folder { .. } | Error::Unreadable { .. } => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a stored document cannot be read"
                );
                Self::internal(error.to_string())
            }
            Error::TooLarge { .. } => Self::too_large(error.to_string()),
            Error::BadId { .. } => Self::bad_request(error.to_string()),
        }
    }
}

/// What a document's own write answers, with Front50's status and words.
impl From<gennaker_store::SaveError> for Problem {
    fn from(error: gennaker_store::SaveError) -> Self {
        use gennaker_store::SaveError;
        match error {
            SaveError::Store(error) => error.into(),
            SaveError::Busy => Self::unavailable(error.to_string()),
            SaveError::NotFound(message) => Self::not_found(message),
            SaveError::TooLarge(message) => Self::too_large(message),
            SaveError::Rejected(message) => Self::bad_request(message),
            SaveError::Invalid(message) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, message),
        }
    }
}

/// ISO 8601 with milliseconds and offset, as Spring Boot writes it; one Terraform provider panics without it.
fn timestamp(now_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(now_ms)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00")
        .to_string()
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Error")
}

const fn exception_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "org.springframework.security.access.AccessDeniedException",
        404 => "com.netflix.spinnaker.kork.web.exceptions.NotFoundException",
        405 => "org.springframework.web.HttpRequestMethodNotSupportedException",
        400 | 413 | 422 => "com.netflix.spinnaker.kork.web.exceptions.InvalidRequestException",
        409 | 408 => "com.netflix.spinnaker.kork.retrofit.exceptions.SpinnakerHttpException",
        503 => "com.netflix.spinnaker.kork.retrofit.exceptions.SpinnakerNetworkException",
        _ => "com.netflix.spinnaker.kork.exceptions.SystemException",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body_of(response: Response) -> Value {
        let bytes = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn the_envelope_is_gates() {
        let problem = Problem::not_found("Pipeline not found (id: X)");
        let response = problem.into_response(1_787_220_672_345);
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            body_of(response).await,
            serde_json::json!({
                "error": "Not Found",
                "exception": "com.netflix.spinnaker.kork.web.exceptions.NotFoundException",
                "message": "Pipeline not found (id: X)", "status": 404, "timestamp": "2026-08-20T10:11:12.345+00:00"
            })
        );
    }

    #[test]
    fn every_refusal_has_its_status() {
        for (code, status) in [
            (RefusalCode::NotFound, 404),
            (RefusalCode::Invalid, 400),
            (RefusalCode::Conflict, 409),
            (RefusalCode::NotAllowed, 405),
            (RefusalCode::Forbidden, 403),
            (RefusalCode::Expired, 408),
            (RefusalCode::TooLarge, 413),
            (RefusalCode::Busy, 503),
            (RefusalCode::WrongPartition, 503),
            (RefusalCode::Internal, 500),
        ] {
            let refusal = Refusal {
                code,
                message: "why".to_owned(),
                execution: None,
            };
            let problem = Problem::from(refusal);
            assert_eq!(
                (problem.status.as_u16(), problem.message.as_str()),
                (status, "why")
            );
        }
    }
}
