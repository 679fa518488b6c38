//! What a server of our own is told.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The configuration file of a server on the loopback address, with JetStream and a password. [`fmt::Display`] is its text.
///
/// Paths that are relative are so to the folder in which the server is started.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Name of the server.
    pub name: String,
    /// Port for clients; 0 takes a free one.
    pub port: u16,
    /// Port for monitoring, if it is wanted; 0 takes a free one. It knows no password.
    pub monitor_port: Option<u16>,
    /// Folder into which the server writes the ports that it took; see [`crate::ports`].
    pub ports: PathBuf,
    /// The server's log.
    pub log: PathBuf,
    /// Folder of what it stores.
    pub store: PathBuf,
    /// How often it writes to disk; every time before it acknowledges if nothing is given.
    pub sync_every: Option<Duration>,
    /// The user of its one account.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// Further users of that account, in the configuration's own words:
    /// `{ user: worker, password: "secret", permissions: { publish: [ "gk.cmd.*.report" ] } }`.
    pub more_users: String,
    /// Further lines.
    pub extra: String,
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "server_name: {}", quoted(&self.name))?;
        writeln!(f, "listen: \"127.0.0.1:{}\"", port(self.port))?;
        if let Some(monitor) = self.monitor_port {
            writeln!(f, "http: \"127.0.0.1:{}\"", port(monitor))?;
        }
        writeln!(f, "ports_file_dir: {}", quoted_path(&self.ports))?;
        writeln!(f, "log_file: {}", quoted_path(&self.log))?;
        writeln!(f, "logfile_size_limit: 16MB\nlogfile_max_num: 3")?;
        let sync = match self.sync_every {
            None => "always".to_owned(),
            Some(every) => format!("{}ms", every.as_millis()),
        };
        writeln!(
            f,
            "jetstream {{\n  store_dir: {}\n  sync_interval: {sync}\n  max_memory_store: 512MB\n}}",
            quoted_path(&self.store)
        )?;
        writeln!(
            f,
            "authorization {{ users: [\n  {{ user: {}, password: {} }}\n  {}\n] }}",
            quoted(&self.user),
            quoted(&self.password),
            self.more_users
        )?;
        writeln!(f, "{}", self.extra)
    }
}

/// A text as the configuration file spells it, whatever characters it has.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn port(number: u16) -> String {
    match number {
        0 => "-1".to_owned(),
        number => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_quotes_stay_one_value() {
        assert_eq!(
            quoted("a \"b\" \\c\nüd"),
            "\"a \\\"b\\\" \\\\c\\nüd\"".to_owned()
        );
    }

    #[test]
    fn free_ports_and_times_are_spelled_as_the_server_reads_them() {
        let configuration = Configuration {
            name: "one".to_owned(),
            port: 0,
            monitor_port: Some(8222),
            ports: "ports".into(),
            log: "server.log".into(),
            store: "store".into(),
            sync_every: Some(Duration::from_secs(10)),
            user: "u".to_owned(),
            password: "123".to_owned(),
            more_users: String::new(),
            extra: "max_payload: 2MB".to_owned(),
        };
        let text = configuration.to_string();
        for part in [
            "listen: \"127.0.0.1:-1\"",
            "http: \"127.0.0.1:8222\"",
            "sync_interval: 10000ms",
            // Unquoted it would be a number, and no password.
            "password: \"123\"",
            "max_payload: 2MB",
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
        let always = Configuration {
            monitor_port: None,
            sync_every: None,
            ..configuration
        }
        .to_string();
        assert!(always.contains("sync_interval: always") && !always.contains("http:"));
    }
}
