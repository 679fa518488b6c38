//! The one place where subjects are spelled.
//!
//! A name from outside becomes a token by [`token`], so no name can add a level or a wildcard.

use std::fmt;

/// A literal subject of core messages. Made only by the functions of this module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject(String);

/// A subject that may hold wildcards. Made only by the functions of this module, or from a [`Subject`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubjectFilter(String);

/// Percent-encodes every byte outside `A-Za-z0-9_-`, so that a name is one token of a subject or key. The empty name
/// becomes `%`, which no other name gives.
pub fn token(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

/// The name that [`token`] encoded, or `None` when the text is not such a token.
pub fn name(token: &str) -> Option<String> {
    if token == "%" {
        return Some(String::new());
    }
    let mut out = Vec::with_capacity(token.len());
    let mut bytes = token.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            out.push(byte);
        } else {
            return None;
        }
    }
    if out.is_empty() {
        return None;
    }
    String::from_utf8(out).ok()
}

/// `gk.feed.<app>.<execution>`: hints that an execution changed.
pub fn feed(application: &str, execution: &str) -> Subject {
    Subject(format!(
        "gk.feed.{}.{}",
        token(application),
        token(execution)
    ))
}

/// All feed hints.
pub fn feed_all() -> SubjectFilter {
    SubjectFilter("gk.feed.>".to_owned())
}

/// The feed hints of one application.
pub fn feed_of(application: &str) -> SubjectFilter {
    SubjectFilter(format!("gk.feed.{}.*", token(application)))
}

/// `gk.poll.hint`: something was pushed to a registry; not stored.
pub fn poll_hint() -> Subject {
    Subject("gk.poll.hint".to_owned())
}

/// `gk.abort.<pool>.<zone or any>`: stop an attempt.
pub fn abort(pool: &str, zone: Option<&str>) -> Subject {
    Subject(format!("gk.abort.{}.{}", token(pool), zone_token(zone)))
}

/// All aborts of a pool, whatever the zone.
pub fn abort_all(pool: &str) -> SubjectFilter {
    SubjectFilter(format!("gk.abort.{}.*", token(pool)))
}

/// `gk.ask.<pool>.<account>`: a cloud or CI read for the API, answered by a worker that serves the account.
pub fn ask(pool: &str, account: &str) -> Subject {
    Subject(format!("gk.ask.{}.{}", token(pool), token(account)))
}

/// `gk.out.<topic>`: what is told to programs of others. The topic may have dots, and nothing else that is special in a subject.
pub fn out(topic: &str) -> Subject {
    let parts: Vec<String> = topic.split('.').map(token).collect();
    Subject(format!("gk.out.{}", parts.join(".")))
}

/// `gk.alive.<partition>`: the attempts that a worker holds, for the owner of the partition; not stored.
pub fn heartbeat(partition: u32) -> Subject {
    Subject(format!("gk.alive.{partition}"))
}

/// The heartbeats for all partitions.
pub fn heartbeat_all() -> SubjectFilter {
    SubjectFilter("gk.alive.*".to_owned())
}

pub(crate) fn log(partition: u32) -> String {
    format!("gk.log.{partition}")
}

pub(crate) fn command(partition: u32, class: &str) -> String {
    format!("gk.cmd.{partition}.{class}")
}

pub(crate) fn commands(partition: u32) -> String {
    format!("gk.cmd.{partition}.*")
}

pub(crate) fn event(kind: &str, source: &str) -> String {
    format!("gk.event.{}.{}", token(kind), token(source))
}

/// `gk.announced.<what>.<moment>.<application>` of a type such as `orca:stage:complete`.
pub(crate) fn announcement(kind: &str, application: &str) -> String {
    let mut parts = kind.split(':').skip(1).map(token);
    let what = parts.next().unwrap_or_else(|| token(""));
    let moment = parts.next().unwrap_or_else(|| token(""));
    format!("gk.announced.{what}.{moment}.{}", token(application))
}

pub(crate) fn message(subscription: &str) -> String {
    format!("gk.pubsub.{}", token(subscription))
}

/// The subscription of a message, by the subject that it was sent to.
pub fn subscription_of(subject: &str) -> Option<String> {
    name(subject.strip_prefix("gk.pubsub.")?)
}

pub(crate) fn task_filter(pool: &str, zone: Option<&str>) -> String {
    format!("gk.task.{}.{}.>", token(pool), zone_token(zone))
}

/// The token of a zone, or `any`. A zone that is itself called `any` keeps apart by its escaped first letter.
pub(crate) fn zone_token(zone: Option<&str>) -> String {
    match zone {
        None => "any".to_owned(),
        Some("any") => "%61ny".to_owned(),
        Some(zone) => token(zone),
    }
}

/// Whether a subject is matched by a filter with `*` (one token) and a final `>` (one or more tokens).
pub(crate) fn matches(filter: &str, subject: &str) -> bool {
    let mut filter = filter.split('.');
    let mut subject = subject.split('.');
    loop {
        match (filter.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(f), Some(s)) if f == s => {}
            (Some(_) | None, Some(_)) | (Some(_), None) => return false,
        }
    }
}

impl Subject {
    /// The subject as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SubjectFilter {
    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Subject> for SubjectFilter {
    fn from(subject: Subject) -> Self {
        Self(subject.0)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SubjectFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_adds_a_level_and_reads_back() {
        for name_in in ["", "my.app", "a b", "*", ">", "%", "Größe", "plain-1_2"] {
            let encoded = token(name_in);
            assert!(!encoded.is_empty());
            assert!(!encoded.contains(['.', '*', '>', ' ']), "{encoded}");
            assert_eq!(name(&encoded).as_deref(), Some(name_in));
        }
        assert_eq!(name("a.b"), None);
        assert_eq!(name("%4"), None);
    }

    #[test]
    fn zones_called_any_stay_apart() {
        assert_ne!(zone_token(None), zone_token(Some("any")));
        assert_eq!(name(&zone_token(Some("any"))).as_deref(), Some("any"));
    }

    #[test]
    fn filters_match_as_the_broker_does() {
        assert!(matches("a.>", "a.b"));
        assert!(matches("a.>", "a.b.c"));
        assert!(!matches("a.>", "a"));
        assert!(matches("a.*.c", "a.b.c"));
        assert!(!matches("a.*", "a.b.c"));
        assert!(!matches("a.b.c", "a.b"));
        assert!(matches("a.b", "a.b"));
    }
}
