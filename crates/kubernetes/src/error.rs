//! What can go wrong with a cluster, and what to do about it.

use std::time::Duration;

use serde_json::Value;

/// Longest text of an API server that is kept.
const SENTENCE_BYTES_MAX: usize = 16 * 1024;
/// Most causes that are kept.
const CAUSES_MAX: usize = 64;

/// A failed request.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No account has this name here.
    #[error("no Kubernetes account is named '{0}'")]
    UnknownAccount(String),
    /// The account's settings forbid it: kinds, namespaces.
    #[error("{0}")]
    Refused(String),
    /// The cluster serves no such kind.
    #[error(
        "account {account} has no kind '{kind}': it is neither built in nor an installed custom resource"
    )]
    UnknownKind {
        /// The account.
        account: String,
        /// The kind as it was asked for.
        kind: String,
    },
    /// The kind cannot do that, as to scale a DaemonSet.
    #[error("{0}")]
    Unsupported(String),
    /// The request makes no sense: a manifest without name, a patch that is no object.
    #[error("{0}")]
    Malformed(String),
    /// The API server answered that it will not.
    #[error("{0}")]
    Api(Box<ApiError>),
    /// No answer came: no connection, no name, no certificate that holds, a connection that broke.
    #[error("account {account} does not answer: {reason}")]
    Unreachable {
        /// The account.
        account: String,
        /// What the connection said.
        reason: String,
        /// Whether the request certainly never left.
        unsent: bool,
    },
    /// The account's credentials cannot be had: a file, an exec plugin.
    #[error("account {account} has no credentials: {reason}")]
    Credentials {
        /// The account.
        account: String,
        /// Which, and why not; never the credentials themselves.
        reason: String,
    },
    /// Nothing came within the deadline.
    #[error("account {account} did not answer within {after:?}")]
    Timeout {
        /// The account.
        account: String,
        /// The deadline.
        after: Duration,
    },
    /// The answer is larger than the caller can take.
    #[error("the answer of account {account} has more than {limit} bytes")]
    TooLarge {
        /// The account.
        account: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer is not what the Kubernetes API promises.
    #[error("account {account} answered something else than was asked for: {reason}")]
    Nonsense {
        /// The account.
        account: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The object is not there.
    NotFound,
    /// An object of that name is there already.
    AlreadyExists,
    /// Somebody else changed it, or owns the field. Read again, then try again.
    Conflict,
    /// The list or watch is too old to go on; begin again.
    Expired,
    /// The cluster's rules forbid it.
    Forbidden,
    /// The cluster does not know who we are.
    Unauthorized,
    /// The object or the request is wrong; it stays wrong.
    Invalid,
    /// Not offered for this kind, or not allowed by the account's settings.
    Unsupported,
    /// Too many requests; later.
    Throttled,
    /// No answer in time; it may have happened.
    Timeout,
    /// No connection; later.
    Unreachable,
    /// The API server is unwell; later.
    Unavailable,
    /// The answer or the object is too large.
    TooLarge,
}

/// What an API server said, its `Status` object.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    /// The word for machines: `NotFound`, `AlreadyExists`, `Invalid`, …; empty when there was none.
    pub reason: String,
    /// The sentence for people, as it came.
    pub message: String,
    /// What in particular: fields that are wrong, fields of other owners.
    pub causes: Vec<Cause>,
    /// When to come again, if it said so.
    pub retry_after: Option<Duration>,
    /// Whether it speaks of one named object; a 404 that does not is about the address.
    pub names_object: bool,
}

/// One particular of an [`ApiError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldManagerConflict`, …
    pub reason: String,
    /// `.spec.replicas`
    pub field: String,
    /// For a conflict: who owns the field.
    pub message: String,
}

impl Error {
    /// What a caller can do about it.
    pub fn class(&self) -> Class {
        match self {
            Error::UnknownAccount(_) | Error::Refused(_) | Error::UnknownKind { .. } => {
                Class::Unsupported
            }
            Error::Unsupported(_) => Class::Unsupported,
            Error::Malformed(_) => Class::Invalid,
            Error::Api(said) => said.class(),
            Error::Unreachable { .. } => Class::Unreachable,
            Error::Credentials { .. } => Class::Unauthorized,
            Error::Timeout { .. } => Class::Timeout,
            Error::TooLarge { .. } => Class::TooLarge,
            Error::Nonsense { .. } => Class::Unavailable,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self.class() {
            Class::Throttled
            | Class::Timeout
            | Class::Unreachable
            | Class::Unavailable
            | Class::Conflict
            | Class::Expired => true,
            Class::NotFound
            | Class::AlreadyExists
            | Class::Forbidden
            | Class::Unauthorized
            | Class::Invalid
            | Class::Unsupported
            | Class::TooLarge => false,
        }
    }

    /// Whether a write that failed so may have happened all the same: look before you try again.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Error::Unreachable { unsent, .. } => !unsent,
            Error::Timeout { .. } | Error::TooLarge { .. } | Error::Nonsense { .. } => true,
            // 5xx: a proxy's, or one that the API server gave after it had asked its storage.
            Error::Api(said) => said.code >= 500,
            Error::UnknownAccount(_)
            | Error::Refused(_)
            | Error::UnknownKind { .. }
            | Error::Unsupported(_)
            | Error::Malformed(_)
            | Error::Credentials { .. } => false,
        }
    }

    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        self.class() == Class::NotFound
    }

    /// What the API server said, if it was that.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Error::Api(said) => Some(said),
            _ => None,
        }
    }

    /// How long the cluster asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.api()?.retry_after
    }
}

impl ApiError {
    /// Reads the body of an answer that is no success: a `Status` object, or whatever a proxy wrote.
    pub(crate) fn read(code: u16, retry_after: Option<Duration>, body: &[u8]) -> ApiError {
        let status: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        if status["kind"] == "Status" {
            return ApiError::of_status(code, retry_after, &status);
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        ApiError {
            code,
            reason: String::new(),
            message: match text.is_empty() {
                true => format!("the API server answered {code}"),
                false => cut(text),
            },
            causes: Vec::new(),
            retry_after,
            names_object: false,
        }
    }

    /// Reads a `Status` object, also one that arrives inside a watch.
    pub(crate) fn of_status(code: u16, retry_after: Option<Duration>, status: &Value) -> ApiError {
        let text = |value: &Value| value.as_str().map(cut).unwrap_or_default();
        let details = &status["details"];
        let causes = details["causes"].as_array().into_iter().flatten();
        let message = text(&status["message"]);
        let reason = text(&status["reason"]);
        ApiError {
            code: status["code"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .filter(|code| *code >= 400)
                .unwrap_or(code),
            message: match message.is_empty() {
                true => format!("the API server answered {code} {reason}"),
                false => message,
            },
            reason,
            causes: causes
                .take(CAUSES_MAX)
                .map(|cause| Cause {
                    reason: text(&cause["reason"]),
                    field: text(&cause["field"]),
                    message: text(&cause["message"]),
                })
                .collect(),
            retry_after: retry_after.or_else(|| {
                details["retryAfterSeconds"]
                    .as_u64()
                    .filter(|it| *it > 0)
                    .map(Duration::from_secs)
            }),
            names_object: details["name"]
                .as_str()
                .is_some_and(|name| !name.is_empty()),
        }
    }

    /// What a caller can do about it. The word counts before the number: both are the server's, and the word says more.
    pub fn class(&self) -> Class {
        // etcd's refusal comes as a failure of the server, without a word.
        if self.code == 500 && self.message.contains("request is too large") {
            return Class::TooLarge;
        }
        match self.reason.as_str() {
            "NotFound" => Class::NotFound,
            "AlreadyExists" => Class::AlreadyExists,
            "Conflict" => Class::Conflict,
            "Expired" | "Gone" => Class::Expired,
            "Forbidden" => Class::Forbidden,
            "Unauthorized" => Class::Unauthorized,
            "Invalid" | "BadRequest" => Class::Invalid,
            "MethodNotAllowed" | "NotAcceptable" | "UnsupportedMediaType" => Class::Unsupported,
            "TooManyRequests" => Class::Throttled,
            "Timeout" | "ServerTimeout" => Class::Timeout,
            "RequestEntityTooLarge" => Class::TooLarge,
            "ServiceUnavailable" | "InternalError" | "StorageReadError" => Class::Unavailable,
            _ => match self.code {
                401 => Class::Unauthorized,
                403 => Class::Forbidden,
                404 => Class::NotFound,
                405 | 406 | 415 => Class::Unsupported,
                408 | 504 => Class::Timeout,
                409 => Class::Conflict,
                410 => Class::Expired,
                413 => Class::TooLarge,
                429 => Class::Throttled,
                400..=499 => Class::Invalid,
                _ => Class::Unavailable,
            },
        }
    }

    /// Fields that other managers own, after a server-side apply without force: field and owner.
    pub fn owned_by_others(&self) -> impl Iterator<Item = (&str, &str)> {
        self.causes
            .iter()
            .filter(|cause| cause.reason == "FieldManagerConflict")
            .map(|cause| (cause.field.as_str(), cause.message.as_str()))
    }
}

impl From<ApiError> for Error {
    fn from(said: ApiError) -> Error {
        Error::Api(Box::new(said))
    }
}

/// At most [`SENTENCE_BYTES_MAX`] bytes of it, whole characters.
fn cut(text: &str) -> String {
    match text.len() > SENTENCE_BYTES_MAX {
        true => format!("{}…", &text[..text.floor_char_boundary(SENTENCE_BYTES_MAX)]),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(code: u16, reason: &str) -> Error {
        let body = json!({"kind": "Status", "message": "sentence", "reason": reason, "code": code});
        ApiError::read(code, None, body.to_string().as_bytes()).into()
    }

    #[test]
    fn words_and_numbers_of_api_servers_have_a_class() {
        let rows = [
            (404, "NotFound", Class::NotFound),
            (409, "AlreadyExists", Class::AlreadyExists),
            (409, "Conflict", Class::Conflict),
            (410, "Expired", Class::Expired),
            (403, "Forbidden", Class::Forbidden),
            (401, "Unauthorized", Class::Unauthorized),
            (422, "Invalid", Class::Invalid),
            (400, "BadRequest", Class::Invalid),
            (405, "MethodNotAllowed", Class::Unsupported),
            (429, "TooManyRequests", Class::Throttled),
            (504, "Timeout", Class::Timeout),
            (500, "InternalError", Class::Unavailable),
            (503, "", Class::Unavailable),
            (418, "", Class::Invalid),
        ];
        for (code, reason, class) in rows {
            assert_eq!(said(code, reason).class(), class, "{code} {reason}");
        }
        let body =
            json!({"kind": "Status", "message": "etcdserver: request is too large", "code": 500});
        let etcd = Error::from(ApiError::read(500, None, body.to_string().as_bytes()));
        assert_eq!(etcd.class(), Class::TooLarge);
        assert!(!etcd.is_transient());
        assert!(said(500, "InternalError").may_have_happened());
        assert!(!said(422, "Invalid").may_have_happened());
        assert!(said(409, "Conflict").is_transient());
        assert!(!said(409, "AlreadyExists").is_transient());
    }

    #[test]
    fn the_sentence_is_kept_and_so_are_its_particulars() {
        let body = json!({
            "kind": "Status", "code": 409, "reason": "Conflict",
            "message": "Apply failed with 1 conflict: conflict with \"helm\": .spec.replicas",
            "details": {"name": "web", "retryAfterSeconds": 3, "causes": [
                {"reason": "FieldManagerConflict", "message": "conflict with \"helm\"", "field": ".spec.replicas"}
            ]}
        });
        let error = ApiError::read(409, None, body.to_string().as_bytes());
        assert_eq!(
            Error::from(error.clone()).to_string(),
            "Apply failed with 1 conflict: conflict with \"helm\": .spec.replicas"
        );
        assert_eq!(
            error.owned_by_others().collect::<Vec<_>>(),
            [(".spec.replicas", "conflict with \"helm\"")]
        );
        assert_eq!(error.retry_after, Some(Duration::from_secs(3)));
        assert!(error.names_object);
    }

    #[test]
    fn what_a_proxy_wrote_is_shown_and_cut() {
        let error = ApiError::read(502, None, b"<html>bad gateway</html>\n");
        assert_eq!(error.message, "<html>bad gateway</html>");
        assert_eq!(
            ApiError::read(502, None, b"").message,
            "the API server answered 502"
        );
        let long = "ä".repeat(SENTENCE_BYTES_MAX);
        assert!(ApiError::read(500, None, long.as_bytes()).message.len() <= SENTENCE_BYTES_MAX + 4);
    }
}
