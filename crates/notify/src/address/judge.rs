//! What the answer of an address means for the expression that reads it. Pure.

use gennaker_outbound::{Error, Kind, Refused, Response, Rule};

/// Tries of one address, the first included (orca `maxRetryAttempts` and one).
const TRIES_MAX: u32 = 2;

/// Status codes after which it is tried again.
const RETRIED: [u16; 4] = [429, 500, 503, 504];

const ILLEGAL_ARGUMENT: &str = "java.lang.IllegalArgumentException";
const UNKNOWN_HOST: &str = "java.net.UnknownHostException";
const CONNECT: &str = "java.net.ConnectException";
const TIMEOUT: &str = "java.net.SocketTimeoutException";
const TLS: &str = "javax.net.ssl.SSLException";
const IO: &str = "java.io.IOException";
const NOT_RETRIED: &str =
    "com.netflix.spinnaker.orca.pipeline.util.HttpClientUtils$RetryRequestException";

/// What it means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The text at the address. Bytes that are not UTF-8 are replaced.
    Text(String),
    /// Try once more after a pause.
    Again,
    /// There is none.
    Failed(Problem),
}

/// Why there is no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The Java class that Orca would name.
    pub class: &'static str,
    /// For people.
    pub reason: String,
}

impl Problem {
    fn new(class: &'static str, reason: impl Into<String>) -> Self {
        Self {
            class,
            reason: reason.into(),
        }
    }

    pub(super) fn argument(reason: impl Into<String>) -> Self {
        Self::new(ILLEGAL_ARGUMENT, reason)
    }
}

/// What came of the try with this number, from 1.
pub(crate) fn judge(url: &str, answer: &Result<Response, Error>, tries: u32) -> Verdict {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return judge_error(url, &error.kind, tries),
    };
    if response.is_success() {
        return text_of(&response.body);
    }
    let status = response.status;
    if RETRIED.contains(&status) && tries < TRIES_MAX {
        return Verdict::Again;
    }
    let path = path_of(url);
    let max = TRIES_MAX - 1;
    Verdict::Failed(Problem::new(
        NOT_RETRIED,
        format!("Not retrying {path}. Count {tries}, Max {max} (status {status})"),
    ))
}

/// There was no answer in time.
pub(super) fn timed_out(tries: u32) -> Verdict {
    again_or(tries, Problem::new(TIMEOUT, "Read timed out"))
}

fn judge_error(url: &str, kind: &Kind, tries: u32) -> Verdict {
    match kind {
        Kind::Refused(refused) => Verdict::Failed(refusal(url, refused)),
        Kind::Invalid(problem) => {
            let relative = url::Url::parse(url) == Err(url::ParseError::RelativeUrlWithoutBase);
            Verdict::Failed(Problem::argument(if relative {
                format!("non absolute URI {url}")
            } else {
                format!("URI not valid {url} ({problem})")
            }))
        }
        // The original resolves the name before it calls, and does not try that again.
        Kind::NotResolved { host, reason } => Verdict::Failed(Problem::new(
            UNKNOWN_HOST,
            format!("{host}: Name or service not known ({reason})"),
        )),
        Kind::ConnectionRefused => again_or(tries, Problem::new(CONNECT, "Connection refused")),
        Kind::ConnectTimeout(_) => again_or(tries, Problem::new(TIMEOUT, "Connect timed out")),
        Kind::Timeout(_) => timed_out(tries),
        Kind::Tls(problem) => again_or(tries, Problem::new(TLS, problem.as_str())),
        Kind::TooLarge { limit_bytes, .. } => Verdict::Failed(too_large(*limit_bytes)),
        other => again_or(tries, Problem::new(IO, other.to_string())),
    }
}

fn again_or(tries: u32, problem: Problem) -> Verdict {
    if tries < TRIES_MAX {
        Verdict::Again
    } else {
        Verdict::Failed(problem)
    }
}

/// Source: orca `UserConfiguredUrlRestrictions.validateURI`.
fn refusal(url: &str, refused: &Refused) -> Problem {
    let Refused { target, rule } = refused;
    Problem::argument(match rule {
        Rule::Scheme => format!("unsupported URI scheme {url}"),
        Rule::NoHost => format!("Unable to determine host for the url provided {url}"),
        Rule::Loopback | Rule::LinkLocal | Rule::Metadata | Rule::Reserved => {
            format!("invalid address for {target} ({rule})")
        }
        Rule::LiteralAddress | Rule::NoDot | Rule::InternalDomain => {
            format!("Host not allowed {target} ({rule})")
        }
    })
}

fn text_of(body: &[u8]) -> Verdict {
    Verdict::Text(String::from_utf8_lossy(body).into_owned())
}

fn too_large(limit_bytes: u64) -> Problem {
    Problem::new(
        IO,
        format!(
            "the text is larger than {} KiB, the most that an expression can read",
            limit_bytes / 1024
        ),
    )
}

/// The part of the address that Orca names.
fn path_of(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(url) => url[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
        Err(_) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gennaker_outbound::{Exceptions, Policy};

    use super::*;

    const URL: &str = "https://x.io/a/b?token=t#part";

    fn status(status: u16, tries: u32) -> Verdict {
        let response = Response {
            status,
            headers: Vec::new(),
            body: b"text".to_vec().into(),
            url: URL.to_owned(),
        };
        judge(URL, &Ok(response), tries)
    }

    fn kind(kind: &Kind, tries: u32) -> Result<(), Problem> {
        match judge_error(URL, kind, tries) {
            Verdict::Again => Ok(()),
            Verdict::Failed(problem) => Err(problem),
            Verdict::Text(text) => panic!("{text}"),
        }
    }

    #[test]
    fn some_answers_are_asked_for_once_more() {
        for code in [200, 204, 299] {
            assert_eq!(status(code, 1), Verdict::Text("text".to_owned()));
        }
        for code in [429, 500, 503, 504] {
            assert_eq!(status(code, 1), Verdict::Again, "{code}");
        }
        for (code, tries) in [(404, 1), (301, 1), (502, 1), (503, 2)] {
            let reason = format!("Not retrying /a/b?token=t. Count {tries}, Max 1 (status {code})");
            assert_eq!(
                status(code, tries),
                Verdict::Failed(Problem::new(NOT_RETRIED, reason))
            );
        }
    }

    #[test]
    fn what_breaks_is_tried_once_more_and_what_is_wrong_is_not() {
        let second = Duration::from_secs(1);
        for (broken, class, words) in [
            (Kind::ConnectionRefused, CONNECT, "Connection refused"),
            (Kind::ConnectTimeout(second), TIMEOUT, "Connect timed out"),
            (Kind::Timeout(second), TIMEOUT, "Read timed out"),
            (Kind::Tls("bad".into()), TLS, "bad"),
            (
                Kind::Interrupted("reset".into()),
                IO,
                "connection broke: reset",
            ),
        ] {
            assert_eq!(kind(&broken, 1), Ok(()), "{broken:?}");
            assert_eq!(kind(&broken, 2), Err(Problem::new(class, words)));
        }
        let unknown = Kind::NotResolved {
            host: "x.io".into(),
            reason: "none".into(),
        };
        assert_eq!(
            kind(&unknown, 1),
            Err(Problem::new(
                UNKNOWN_HOST,
                "x.io: Name or service not known (none)"
            ))
        );
    }

    #[test]
    fn refusals_have_the_words_of_the_original() {
        let policy = Policy::untrusted(&Exceptions::default()).unwrap();
        for (url, words) in [
            ("ftp://x.io/a", "unsupported URI scheme ftp://x.io/a"),
            (
                "http://localhost/",
                "invalid address for localhost (it is this machine (outbound.allow_loopback opens it))",
            ),
            (
                "http://jenkins/",
                "Host not allowed jenkins (its name has no dot (a name in outbound.allowed_patterns opens it))",
            ),
        ] {
            let refused = policy.check(&url::Url::parse(url).unwrap()).unwrap_err();
            let verdict = judge_error(url, &Kind::Refused(refused), 1);
            assert_eq!(verdict, Verdict::Failed(Problem::argument(words)));
        }
        let invalid = |url: &str| judge_error(url, &Kind::Invalid("why".into()), 1);
        assert_eq!(
            invalid("/only/a/path"),
            Verdict::Failed(Problem::argument("non absolute URI /only/a/path"))
        );
        assert_eq!(
            invalid("http://[x"),
            Verdict::Failed(Problem::argument("URI not valid http://[x (why)"))
        );
    }

    #[test]
    fn a_text_that_is_no_utf8_is_read_as_far_as_it_is() {
        assert_eq!(text_of(b"\xff"), Verdict::Text("\u{fffd}".to_owned()));
    }
}
