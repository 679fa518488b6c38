//! The ports that a server took.
//!
//! A server that was told to take free ports writes them into a file once it has read its store and listens, so whoever finds
//! the file can connect.

use std::path::Path;

use serde_json::Value;

/// Ports on the loopback address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// For clients.
    pub client: u16,
    /// For monitoring, if it was asked for.
    pub monitor: Option<u16>,
}

impl Ports {
    /// Reads what the process `pid` wrote into its folder; nothing until it has.
    pub fn read(folder: &Path, pid: u32) -> Option<Self> {
        let file = std::fs::read_dir(folder)
            .ok()?
            .flatten()
            .find(|entry| of_name(entry) == Some(pid))?;
        // While it is being written it is no JSON yet.
        let ports: Value = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
        Some(Self {
            client: port(&ports["nats"])?,
            monitor: port(&ports["monitoring"]),
        })
    }

    /// The process that wrote into the folder last, whether it lives or not.
    pub fn writer(folder: &Path) -> Option<u32> {
        std::fs::read_dir(folder)
            .ok()?
            .flatten()
            .find_map(|entry| of_name(&entry))
    }
}

/// The process by the name of its file, `PROGRAM_PID.ports`.
fn of_name(entry: &std::fs::DirEntry) -> Option<u32> {
    let name = entry.file_name();
    let name = name.to_str()?.strip_suffix(".ports")?;
    name.rsplit('_').next()?.parse().ok()
}

fn port(addresses: &Value) -> Option<u16> {
    addresses[0].as_str()?.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_are_those_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let write = |pid: u32, text: &str| {
            std::fs::write(folder.path().join(format!("nats-server_{pid}.ports")), text).unwrap();
        };
        assert_eq!(Ports::writer(folder.path()), None);
        write(
            17,
            r#"{"nats":["nats://127.0.0.1:1"],"monitoring":["http://127.0.0.1:2"]}"#,
        );
        assert_eq!(Ports::writer(folder.path()), Some(17));
        assert_eq!(Ports::read(folder.path(), 7), None);
        let both = Ports {
            client: 1,
            monitor: Some(2),
        };
        assert_eq!(Ports::read(folder.path(), 17), Some(both));
        write(7, r#"{"nats":["nats://127.0.0.1:47"#);
        assert_eq!(Ports::read(folder.path(), 7), None);
        write(7, r#"{"nats":["nats://127.0.0.1:4711"]}"#);
        let client = Ports {
            client: 4711,
            monitor: None,
        };
        assert_eq!(Ports::read(folder.path(), 7), Some(client));
    }
}
