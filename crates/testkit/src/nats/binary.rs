//! Finding a server program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const OLDEST: (u32, u32, u32) = (2, 14, 4);
const CACHED: &str = "gennaker/tools/nats-server-2.15.1/nats-server";

/// The server to test with: `GENNAKER_NATS_SERVER`, then one on the `PATH` that is recent enough, then the one that
/// `cargo xtask tools` keeps in the cache.
///
/// # Panics
/// When there is none.
pub fn find() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let named = std::env::var_os("GENNAKER_NATS_SERVER").map(PathBuf::from);
            if let Some(named) = named {
                assert!(is_recent(&named), "GENNAKER_NATS_SERVER names {named:?}, which is no nats-server of 2.14.4 or newer");
                return named;
            }
            let on_path = std::env::var_os("PATH").unwrap_or_default();
            let mut candidates: Vec<PathBuf> = std::env::split_paths(&on_path)
                .map(|folder| folder.join("nats-server"))
                .collect();
            candidates.extend(cache().map(|cache| cache.join(CACHED)));
            candidates
                .into_iter()
                .find(|candidate| is_recent(candidate))
                .expect("no nats-server of 2.14.4 or newer was found: run cargo xtask tools")
        })
        .clone()
}

fn cache() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CACHE_HOME").filter(|named| !named.is_empty());
    named
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
}

fn is_recent(program: &Path) -> bool {
    if !program.is_file() {
        return false;
    }
    let Ok(output) = Command::new(program).arg("--version").output() else {
        return false;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    version(&text).is_some_and(|found| found >= OLDEST)
}

/// Reads `nats-server: v2.15.1`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let (_, version) = text.trim().rsplit_once('v')?;
    let mut numbers = version.split(['.', '-']).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("nats-server: v2.15.1\n"), Some((2, 15, 1)));
        assert_eq!(version("nats-server: v2.16.0-RC.2"), Some((2, 16, 0)));
        assert_eq!(version("bash 5"), None);
    }
}
