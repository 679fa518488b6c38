//! What types and syntax do not say: ranges, and values that must fit each other.

use serde_json::Value;

use crate::error::{Error, Problem};
use crate::schema;
use crate::sections::{Broker, Gate, Scheduler, Settings, Telemetry, Worker};

impl Settings {
    /// Checks everything that can be checked without opening anything.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all problems, in the order of the settings.
    pub fn check(&self) -> Result<(), Error> {
        let mut found = Problems::default();
        found.ranges(self);
        if !is_token(&self.zone) || self.zone == "any" {
            found.add(
                "zone",
                "must be 1 to 63 letters, digits, - or _, and not \"any\"",
            );
        }
        gate(&self.gate, &mut found);
        broker(&self.broker, &mut found);
        scheduler(&self.scheduler, &mut found);
        worker(&self.worker, &mut found);
        if self
            .outbound
            .allowed_patterns
            .iter()
            .any(|pattern| pattern.trim().is_empty())
        {
            found.add("outbound.allowed_patterns", "has an empty entry");
        }
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
    for origin in &gate.allowed_origins {
        let host = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', ' ', '@', '*', '?', '#']))
        {
            let reason =
                format!("has {origin:?}, which is not an origin such as https://deck.example.com");
            found.add("gate.allowed_origins", reason);
        }
    }
}

fn broker(broker: &Broker, found: &mut Problems) {
    if broker.urls.is_empty() {
        found.add("broker.urls", "is empty");
    }
    for (index, url) in broker.urls.iter().enumerate() {
        // Not quoted: somebody may have put a password there.
        let rest = ["nats://", "tls://", "ws://", "wss://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme));
        match rest {
            None | Some("") => {
                found.add(
                    "broker.urls",
                    format!(
                        "[{index}] does not begin with nats://, tls://, ws:// or wss://, and a host"
                    ),
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
    if broker.credentials_file.is_some() && (broker.username.is_some() || passwords.contains(&true))
    {
        found.add(
            "broker.credentials_file",
            "is set and so are a user name or a password",
        );
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
            settings.scheduler.retention_days = 6;
            settings.outbound.request_bytes_max = 0;
            settings.gate.body_limit_bytes = u64::MAX;
        });
        assert_eq!(
            got,
            [
                "gate.body_limit_bytes is 18446744073709551615, must be between 65536 and 268435456",
                "scheduler.retention_days is 6, must be between 7 and 3650",
                "outbound.request_bytes_max is 0, must be between 1 and 1073741824",
            ]
        );
    }

    #[test]
    fn zones_and_pools_are_tokens() {
        for zone in ["", "any", "a.b", "a b", "zönli"] {
            assert_eq!(problems(|s| s.zone = zone.to_owned()).len(), 1, "{zone}");
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
    }

    #[test]
    fn broker_addresses_and_replicas() {
        assert_eq!(
            problems(|s| s.broker.urls.clear()),
            ["broker.urls is empty"]
        );
        for url in ["", "127.0.0.1:4222", "http://a", "nats://"] {
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
