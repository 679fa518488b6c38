//! What types and syntax do not say: ranges, and values that must fit each other.

mod artifacts;
mod build_systems;
mod canary;
mod jenkins;
mod jobs;
mod kubernetes;
mod notifications;
mod polling;
mod pubsub;
mod services;
mod triggers;
mod webhooks;

use regex::RegexBuilder;
use serde_json::Value;

use crate::error::{Error, Problem};
use crate::schema;
use crate::sections::{
    Archive, ArchiveBackend, Broker, Documents, DocumentsBackend, Expressions, Gate, S3Bucket,
    Scheduler, Settings, Telemetry, Values, Worker,
};

/// Largest compiled pattern of an origin, in bytes.
const ORIGIN_PATTERN_BYTES_MAX: usize = 1 << 20;

impl Settings {
    /// Checks everything that can be checked without opening anything.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all problems, in the order of the settings.
    pub fn check(&self) -> Result<(), Error> {
        let mut found = Problems::default();
        found.ranges(self);
        if !is_zone(&self.zone) {
            found.add("zone", ZONE);
        }
        gate(&self.gate, &mut found);
        broker(&self.broker, &mut found);
        documents(&self.documents, &mut found);
        archive(&self.archive, &mut found);
        values(&self.values, &mut found);
        scheduler(&self.scheduler, &mut found);
        worker(&self.worker, &mut found);
        triggers::check(&self.triggers, &mut found);
        pubsub::check(&self.pubsub, &mut found);
        expressions(&self.expressions, &mut found);
        if self
            .outbound
            .allowed_patterns
            .iter()
            .any(|pattern| pattern.trim().is_empty())
        {
            found.add("outbound.allowed_patterns", "has an empty entry");
        }
        webhooks::check(&self.webhooks, &mut found);
        jobs::check(&self.jobs, &mut found);
        kubernetes::check(&self.kubernetes, &mut found);
        services::check(&self.services, &mut found);
        notifications::check(&self.notifications, &mut found);
        artifacts::check(&self.artifacts, &mut found);
        jenkins::check(&self.jenkins, &mut found);
        build_systems::check(self, &mut found);
        canary::check(&self.canary, &mut found);
        polling::check(
            &self.polling,
            &self.docker_registry,
            &self.artifactory,
            &self.artifacts,
            &mut found,
        );
        telemetry(&self.telemetry, &mut found);
        let order: Vec<String> = schema::nodes().into_iter().map(|node| node.path).collect();
        found
            .0
            .sort_by_key(|problem| order.iter().position(|path| *path == problem.path));
        if found.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(found.0))
        }
    }
}

fn gate(gate: &Gate, found: &mut Problems) {
    if gate.allowed_hosts.is_empty() {
        found.add(
            "gate.allowed_hosts",
            "is empty, so every request would be refused",
        );
    }
    for host in &gate.allowed_hosts {
        let bare = host.starts_with('[') && host.ends_with(']') || !host.contains(':');
        if host.is_empty() || !bare || host.contains(['/', ' ', '@']) {
            found.add(
                "gate.allowed_hosts",
                format!("has {host:?}, which is not a host name without port"),
            );
        }
    }
    if gate.kayenta_listen == Some(gate.listen) && gate.listen.port() != 0 {
        found.add("gate.kayenta_listen", "is the same as gate.listen");
    }
    let tls = &gate.tls;
    if tls.certificate_file.is_some() != tls.key_file.is_some() {
        found.add(
            "gate.tls.certificate_file",
            "and gate.tls.key_file go together",
        );
    }
    if tls.client_ca_file.is_some() && tls.certificate_file.is_none() {
        found.add(
            "gate.tls.client_ca_file",
            "is set, and without gate.tls.certificate_file there is no TLS",
        );
    }
    if tls.client_certificate_required && tls.client_ca_file.is_none() {
        found.add(
            "gate.tls.client_certificate_required",
            "is set, and gate.tls.client_ca_file does not say whose certificates count",
        );
    }
    for origin in &gate.allowed_origins {
        if let Some(problem) = origin_problem(origin) {
            found.add(
                "gate.allowed_origins",
                format!("has {origin:?}, which {problem}"),
            );
        }
    }
}

/// What is wrong with an allowed origin, if anything.
fn origin_problem(origin: &str) -> Option<String> {
    if origin.starts_with('^') {
        // The size limit is that of the one who uses it.
        let wrong = RegexBuilder::new(origin)
            .size_limit(ORIGIN_PATTERN_BYTES_MAX)
            .build()
            .err()?;
        let reason = wrong.to_string();
        let last = reason.lines().last().unwrap_or_default();
        let last = last.strip_prefix("error: ").unwrap_or(last);
        return Some(format!("is no regular expression: {last}"));
    }
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    let is_origin =
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '@', '*', '?', '#']));
    (!is_origin).then(|| {
        "is neither an origin such as https://deck.example.com nor a regular expression that begins with ^"
            .to_owned()
    })
}

fn documents(documents: &Documents, found: &mut Problems) {
    let is_used = documents.backend == DocumentsBackend::S3;
    bucket("documents", is_used, &documents.s3, found);
}

fn archive(archive: &Archive, found: &mut Problems) {
    let is_used = archive.backend == ArchiveBackend::S3;
    bucket("archive", is_used, &archive.s3, found);
    let is_blank = |name: &String| name.trim().is_empty();
    if archive.exceptional_applications.iter().any(is_blank) {
        found.add("archive.exceptional_applications", "has an empty entry");
    }
}

fn values(values: &Values, found: &mut Problems) {
    let is_used = values.backend == ArchiveBackend::S3;
    bucket("values", is_used, &values.s3, found);
    if values.context_bytes_max > values.execution_bytes_max {
        found.add(
            "values.context_bytes_max",
            "is above values.execution_bytes_max",
        );
    }
}

/// What must fit in the settings of a bucket.
fn bucket(section: &str, is_used: bool, s3: &S3Bucket, found: &mut Problems) {
    let path = |key: &str| format!("{section}.s3.{key}");
    if is_used && s3.bucket.as_ref().is_none_or(|it| it.trim().is_empty()) {
        found.add(
            &path("bucket"),
            format!("is not set, and {section}.backend is s3"),
        );
    }
    if s3.endpoint.as_ref().is_some_and(|endpoint| {
        !["http://", "https://"]
            .iter()
            .any(|scheme| endpoint.len() > scheme.len() && endpoint.starts_with(scheme))
    }) {
        found.add(
            &path("endpoint"),
            "does not begin with http:// or https://, and a host",
        );
    }
    let (secret, file) = (path("secret_access_key"), path("secret_access_key_file"));
    let (has_secret, has_file) = (
        s3.secret_access_key.is_some(),
        s3.secret_access_key_file.is_some(),
    );
    if has_secret && has_file {
        found.add(&secret, format!("is set and so is {file}"));
    }
    if s3.access_key_id.is_some() != (has_secret || has_file) {
        found.add(
            &path("access_key_id"),
            format!("and a secret ({secret} or {file}) go together"),
        );
    }
}

fn broker(broker: &Broker, found: &mut Problems) {
    if broker.urls.is_empty() {
        found.add("broker.urls", "is empty");
    }
    for (index, url) in broker.urls.iter().enumerate() {
        // Not quoted: somebody may have put a password there.
        let rest = ["nats://", "tls://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        match rest {
            None | Some("") => {
                found.add(
                    "broker.urls",
                    format!("[{index}] does not begin with nats:// or tls://, and a host"),
                );
            }
            Some(rest) if rest.contains('@') => {
                found.add("broker.urls", format!("[{index}] holds credentials; they belong in broker.username and broker.password_file"));
            }
            Some(_) => {}
        }
    }
    let passwords = [broker.password.is_some(), broker.password_file.is_some()];
    if passwords == [true, true] {
        found.add("broker.password", "is set and so is broker.password_file");
    }
    if broker.username.is_some() != passwords.contains(&true) {
        found.add(
            "broker.username",
            "and a password (broker.password or broker.password_file) go together",
        );
    }
    let has_password = broker.username.is_some() || passwords.contains(&true);
    if broker.credentials_file.is_some() && has_password {
        found.add(
            "broker.credentials_file",
            "is set and so are a user name or a password",
        );
    }
    if broker.nkey_seed_file.is_some() && (has_password || broker.credentials_file.is_some()) {
        found.add(
            "broker.nkey_seed_file",
            "is set and so are other credentials",
        );
    }
    for zone in broker.zones.iter().filter(|zone| !is_zone(zone)) {
        found.add("broker.zones", format!("has {zone:?}, which {ZONE}"));
    }
    if broker.tls.certificate_file.is_some() != broker.tls.key_file.is_some() {
        found.add(
            "broker.tls.certificate_file",
            "and broker.tls.key_file go together",
        );
    }
    if !matches!(broker.replicas, 1 | 3 | 5) {
        found.add(
            "broker.replicas",
            format!("is {}, must be 1, 3 or 5", broker.replicas),
        );
    }
}

fn scheduler(scheduler: &Scheduler, found: &mut Problems) {
    if scheduler.lease_renew_ms.saturating_mul(2) > scheduler.lease_ttl_ms {
        let (renew, ttl) = (scheduler.lease_renew_ms, scheduler.lease_ttl_ms);
        found.add(
            "scheduler.lease_renew_ms",
            format!("is {renew}, must be at most half of scheduler.lease_ttl_ms ({ttl})"),
        );
    }
}

fn worker(worker: &Worker, found: &mut Problems) {
    let mut seen = Vec::new();
    for pool in &worker.pools {
        if !is_token(pool) {
            found.add(
                "worker.pools",
                format!("has {pool:?}, which is not 1 to 63 letters, digits, - or _"),
            );
        }
        if seen.contains(&pool) {
            found.add("worker.pools", format!("has {pool:?} twice"));
        }
        seen.push(pool);
    }
}

fn expressions(expressions: &Expressions, found: &mut Problems) {
    time_zone("expressions.time_zone", &expressions.time_zone, found);
}

fn time_zone(path: &str, zone: &str, found: &mut Problems) {
    if jiff::tz::TimeZone::get(zone).is_err() {
        found.add(
            path,
            format!("is {zone:?}, which is no IANA time zone such as Europe/Berlin or UTC"),
        );
    }
}

fn telemetry(telemetry: &Telemetry, found: &mut Problems) {
    if telemetry.log_filter.trim().is_empty() {
        found.add(
            "telemetry.log_filter",
            "is empty; \"off\" turns logging off",
        );
    }
    if let Some(endpoint) = &telemetry.otlp_endpoint {
        let host = endpoint
            .strip_prefix("https://")
            .or_else(|| endpoint.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            found.add("telemetry.otlp_endpoint", "is not an http or https URL");
        }
    }
}

/// What names of zones are like.
pub(crate) const ZONE: &str = "must be 1 to 63 letters, digits, - or _, and not \"any\"";

/// Whether a zone can be called so: `any` stands for all of them.
pub(crate) fn is_zone(text: &str) -> bool {
    is_token(text) && text != "any"
}

/// Whether it can stand in a subject: style and length of names that become subject tokens.
fn is_token(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: &str, reason: impl Into<String>) {
        // One per setting and reason is enough; the range says it better than a rule that repeats it.
        let problem = Problem {
            path: path.to_owned(),
            reason: reason.into(),
        };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// The ranges that the fields declare are in the schema; this compares the values with it.
    fn ranges(&mut self, settings: &Settings) {
        let values =
            serde_json::to_value(settings).expect("settings hold nothing that JSON cannot");
        for node in schema::nodes() {
            let value = node
                .path
                .split('.')
                .try_fold(&values, |value, key| value.get(key));
            let (Some(number), Some(least), Some(most)) = (
                value.and_then(Value::as_u64),
                node.schema["minimum"].as_u64(),
                node.schema["maximum"].as_u64(),
            ) else {
                continue;
            };
            if !(least..=most).contains(&number) {
                self.add(
                    &node.path,
                    format!("is {number}, must be between {least} and {most}"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    /// The problems after a change to the defaults.
    fn problems(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        match settings.check() {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(problems)) => problems.iter().map(Problem::to_string).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn defaults_are_valid() {
        assert_eq!(problems(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn ranges_come_from_the_declarations() {
        let got = problems(|settings| {
            settings.archive.delete_after_days = Some(6);
            settings.outbound.request_bytes_max = 0;
            settings.gate.body_limit_bytes = u64::MAX;
        });
        assert_eq!(
            got,
            [
                "gate.body_limit_bytes is 18446744073709551615, must be between 65536 and 268435456",
                "archive.delete_after_days is 6, must be between 7 and 36500",
                "outbound.request_bytes_max is 0, must be between 1 and 1073741824",
            ]
        );
    }

    #[test]
    fn zones_and_pools_are_tokens() {
        for zone in ["", "any", "a.b", "a b", "zönli"] {
            assert_eq!(problems(|s| s.zone = zone.to_owned()).len(), 1, "{zone}");
            assert_eq!(
                problems(|s| s.broker.zones = vec![zone.to_owned()]).len(),
                1,
                "{zone}"
            );
        }
        assert!(problems(|s| s.zone = "eu-west_1".to_owned()).is_empty());
        let pools =
            problems(|s| s.worker.pools = vec!["a".to_owned(), "a".to_owned(), "x.y".to_owned()]);
        assert_eq!(pools.len(), 2, "{pools:?}");
    }

    #[test]
    fn gate_hosts_and_origins() {
        assert_eq!(problems(|s| s.gate.allowed_hosts.clear()).len(), 1);
        for host in ["", "a:80", "http://a", "a b"] {
            assert_eq!(
                problems(|s| s.gate.allowed_hosts = vec![host.to_owned()]).len(),
                1,
                "{host}"
            );
        }
        assert!(
            problems(|s| s.gate.allowed_hosts = vec!["*".to_owned(), "[::1]".to_owned()])
                .is_empty()
        );
        for origin in [
            "deck.example.com",
            "https://",
            "https://a/",
            "*",
            "https://*.a",
        ] {
            assert_eq!(
                problems(|s| s.gate.allowed_origins = vec![origin.to_owned()]).len(),
                1,
                "{origin}"
            );
        }
        assert!(
            problems(|s| s.gate.allowed_origins = vec!["http://localhost:9000".to_owned()])
                .is_empty()
        );
        let pattern = |text: &str| problems(|s| s.gate.allowed_origins = vec![text.to_owned()]);
        assert!(pattern(r"^https?://(?:deck|ui)\.example\.com(?::\d+)?/?$").is_empty());
        let wrong = pattern("^https://(deck");
        assert!(
            wrong.len() == 1 && wrong[0].contains("is no regular expression: unclosed group"),
            "{wrong:?}"
        );
        let huge = pattern("^(?:a{1000}){1000}$");
        assert!(
            huge.len() == 1 && huge[0].contains("is no regular expression"),
            "{huge:?}"
        );
    }

    #[test]
    fn certificates_of_the_api_fit_each_other() {
        let text = || Some("x.pem".to_owned());
        assert_eq!(problems(|s| s.gate.tls.key_file = text()).len(), 1);
        assert_eq!(problems(|s| s.gate.tls.client_ca_file = text()).len(), 1);
        assert_eq!(
            problems(|s| s.gate.tls.client_certificate_required = true).len(),
            1
        );
        let all = |s: &mut Settings| {
            let tls = &mut s.gate.tls;
            (tls.certificate_file, tls.key_file, tls.client_ca_file) = (text(), text(), text());
            tls.client_certificate_required = true;
        };
        assert!(problems(all).is_empty());
    }

    #[test]
    fn broker_credentials_fit_each_other() {
        let password = || Some(Secret::new("hunter2".to_owned()));
        let text = || Some("x".to_owned());
        assert_eq!(problems(|s| s.broker.username = text()).len(), 1);
        assert_eq!(problems(|s| s.broker.password = password()).len(), 1);
        assert_eq!(problems(|s| s.broker.tls.key_file = text()).len(), 1);
        assert!(
            problems(|s| (s.broker.username, s.broker.password) = (text(), password())).is_empty()
        );
        assert!(
            problems(|s| (s.broker.username, s.broker.password_file) = (text(), text())).is_empty()
        );
        let all = problems(|s| {
            (s.broker.username, s.broker.password) = (text(), password());
            (s.broker.password_file, s.broker.credentials_file) = (text(), text());
        });
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(problems(|s| s.broker.nkey_seed_file = text()).is_empty());
        for other in [0, 1] {
            let both = problems(|s| {
                s.broker.nkey_seed_file = text();
                match other {
                    0 => s.broker.credentials_file = text(),
                    _ => (s.broker.username, s.broker.password) = (text(), password()),
                }
            });
            assert_eq!(
                both,
                ["broker.nkey_seed_file is set and so are other credentials"]
            );
        }
    }

    #[test]
    fn a_bucket_needs_a_name_and_keys_go_together() {
        let text = || Some("x".to_owned());
        assert!(problems(|s| s.documents.s3.bucket = text()).is_empty());
        assert_eq!(
            problems(|s| s.documents.backend = DocumentsBackend::S3),
            ["documents.s3.bucket is not set, and documents.backend is s3"]
        );
        assert!(
            problems(|s| {
                s.documents.backend = DocumentsBackend::S3;
                s.documents.s3.bucket = text();
                s.documents.s3.access_key_id = text();
                s.documents.s3.secret_access_key_file = text();
                s.documents.s3.endpoint = Some("http://minio:9000".to_owned());
            })
            .is_empty()
        );
        for endpoint in ["", "minio:9000", "https://"] {
            let got = problems(|s| s.documents.s3.endpoint = Some(endpoint.to_owned()));
            assert_eq!(got.len(), 1, "{endpoint}");
        }
        assert_eq!(problems(|s| s.documents.s3.access_key_id = text()).len(), 1);
        let both = problems(|s| {
            s.documents.s3.access_key_id = text();
            s.documents.s3.secret_access_key_file = text();
            s.documents.s3.secret_access_key = Some(Secret::new("hunter2".to_owned()));
        });
        assert_eq!(
            both,
            ["documents.s3.secret_access_key is set and so is documents.s3.secret_access_key_file"]
        );
    }

    #[test]
    fn an_archive_in_s3_needs_a_bucket() {
        assert_eq!(
            problems(|s| s.archive.backend = ArchiveBackend::S3),
            ["archive.s3.bucket is not set, and archive.backend is s3"]
        );
        let got = problems(|s| {
            s.archive.backend = ArchiveBackend::S3;
            s.archive.s3.bucket = Some("spinnaker".to_owned());
            s.archive.s3.access_key_id = Some("id".to_owned());
            s.archive.exceptional_applications = vec![" ".to_owned()];
        });
        assert_eq!(
            got,
            [
                "archive.exceptional_applications has an empty entry",
                "archive.s3.access_key_id and a secret (archive.s3.secret_access_key or \
                 archive.s3.secret_access_key_file) go together",
            ]
        );
    }

    #[test]
    fn broker_addresses_and_replicas() {
        assert_eq!(
            problems(|s| s.broker.urls.clear()),
            ["broker.urls is empty"]
        );
        for url in ["", "127.0.0.1:4222", "http://a", "ws://a", "nats://"] {
            assert_eq!(
                problems(|s| s.broker.urls = vec![url.to_owned()]).len(),
                1,
                "{url}"
            );
        }
        let secret = problems(|s| s.broker.urls = vec!["nats://u:hunter2@a".to_owned()]);
        assert!(
            secret.len() == 1 && !secret[0].contains("hunter2"),
            "{secret:?}"
        );
        assert_eq!(
            problems(|s| s.broker.replicas = 2),
            ["broker.replicas is 2, must be 1, 3 or 5"]
        );
    }

    #[test]
    fn expressions_have_a_zone_and_limits() {
        for zone in ["UTC", "America/Los_Angeles", "Europe/Berlin"] {
            assert!(problems(|s| s.expressions.time_zone = zone.to_owned()).is_empty());
        }
        for zone in ["", "PST8PDT8", "Mars/Olympus", "+02:00"] {
            let got = problems(|s| s.expressions.time_zone = zone.to_owned());
            assert!(
                got.len() == 1 && got[0].contains("is no IANA time zone"),
                "{zone}: {got:?}"
            );
        }
        assert_eq!(
            problems(|s| {
                s.expressions.nesting_max = 1_000;
                s.expressions.regex_steps_max = 0;
            }),
            [
                "expressions.nesting_max is 1000, must be between 8 and 64",
                "expressions.regex_steps_max is 0, must be between 1000 and 10000000",
            ]
        );
    }

    #[test]
    fn the_rest() {
        assert_eq!(
            problems(|s| s.scheduler.lease_renew_ms = 2_000),
            [
                "scheduler.lease_renew_ms is 2000, must be at most half of scheduler.lease_ttl_ms (3000)"
            ]
        );
        assert_eq!(
            problems(|s| s.outbound.allowed_patterns = vec![" ".to_owned()]).len(),
            1
        );
        assert_eq!(
            problems(|s| s.telemetry.log_filter = String::new()).len(),
            1
        );
        for endpoint in ["collector:4318", "https://", "grpc://a"] {
            assert_eq!(
                problems(|s| s.telemetry.otlp_endpoint = Some(endpoint.to_owned())).len(),
                1,
                "{endpoint}"
            );
        }
    }
}
