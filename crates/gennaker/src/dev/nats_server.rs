//! Finding a nats-server that is recent enough.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gennaker_cli::Failure;

/// The oldest server whose defects do not break what Gennaker promises.
const OLDEST: Version = Version(2, 14, 4);
/// The variable that names a server.
const VARIABLE: &str = "GENNAKER_NATS_SERVER";
/// Where `cargo xtask tools` puts one, below the user's cache folder.
const CACHED: &str = "gennaker/tools/nats-server-2.15.1/nats-server";
/// How long a program may take to tell its version.
const TELL_WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

/// Where servers are looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// The one that the user named; no other is looked for then.
    named: Option<PathBuf>,
    /// Programs that need not exist, in order.
    others: Vec<PathBuf>,
}

impl Places {
    /// As the environment says.
    pub(super) fn of_process() -> Self {
        Self::read(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn read(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = get("PATH").unwrap_or_default();
        let mut others: Vec<PathBuf> = std::env::split_paths(&path)
            .map(|folder| folder.join("nats-server"))
            .collect();
        let cache = get("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| get("HOME").map(|home| Path::new(&home).join(".cache")));
        others.extend(cache.map(|cache| cache.join(CACHED)));
        Self {
            named: get(VARIABLE).map(PathBuf::from),
            others,
        }
    }

    /// The first server that is recent enough, as an absolute path.
    ///
    /// # Errors
    /// There is none; the sentence says what to do.
    pub(super) async fn find(&self) -> Result<PathBuf, Failure> {
        if let Some(named) = &self.named {
            return match version_of(named).await {
                Ok(version) if version >= OLDEST => Ok(absolute(named)),
                Ok(version) => Err(too_old(named, version)),
                Err(why) => {
                    let named = named.display();
                    Err(Failure::command(format!(
                        "{VARIABLE} names {named}, which is no nats-server: {why}"
                    ))
                    .fix(format!(
                        "let it name a nats-server of {} or newer, or unset it",
                        OLDEST.text()
                    )))
                }
            };
        }
        let mut old = None;
        for candidate in self.others.iter().filter(|candidate| candidate.is_file()) {
            match version_of(candidate).await {
                Ok(version) if version >= OLDEST => return Ok(absolute(candidate)),
                Ok(version) => {
                    old.get_or_insert_with(|| too_old(candidate, version));
                }
                Err(why) => tracing::warn!("{} is no nats-server: {why}", candidate.display()),
            }
        }
        Err(old.unwrap_or_else(|| {
            advised("there is no nats-server, which holds all of Gennaker's state".to_owned())
        }))
    }
}

fn too_old(program: &Path, version: Version) -> Failure {
    advised(format!(
        "the nats-server {} is {}, and Gennaker needs {} or newer (Debian's packages, 2.9 and 2.10, are too old)",
        program.display(),
        version.text(),
        OLDEST.text()
    ))
}

fn advised(sentence: String) -> Failure {
    Failure::command(sentence).fix(format!(
        "run `cargo xtask tools` in a clone of Gennaker, which builds one with Go 1.25 or newer; or put a nats-server of {} or \
         newer in PATH, or set {VARIABLE} to one",
        OLDEST.text()
    ))
}

fn absolute(program: &Path) -> PathBuf {
    std::path::absolute(program).unwrap_or_else(|_| program.to_owned())
}

/// What the program says about itself; why it says nothing useful.
async fn version_of(program: &Path) -> Result<Version, String> {
    let output = tokio::process::Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(TELL_WITHIN, output).await {
        Err(_) => return Err("it does not tell its version".to_owned()),
        Ok(Err(error)) => return Err(super::reason(&error)),
        Ok(Ok(output)) => output,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    Version::read(&text).ok_or_else(|| "it does not tell its version".to_owned())
}

impl Version {
    /// Reads `nats-server: v2.15.1`.
    fn read(text: &str) -> Option<Self> {
        let (_, version) = text.lines().next()?.trim().rsplit_once('v')?;
        let mut numbers = version.split(['.', '-']).map(|part| part.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next()??))
    }

    fn text(self) -> String {
        format!("{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(
            Version::read("nats-server: v2.15.1\n"),
            Some(Version(2, 15, 1))
        );
        assert_eq!(
            Version::read("nats-server: v2.16.0-RC.2"),
            Some(Version(2, 16, 0))
        );
        assert_eq!(Version::read("5.2.15 bash"), None);
        assert_eq!(Version::read(""), None);
    }

    #[test]
    fn places_are_in_order() {
        let places = Places::read(|name| match name {
            "PATH" => Some("/a:/b".into()),
            "HOME" => Some("/home/x".into()),
            _ => None,
        });
        assert_eq!(places.named, None);
        let cached = Path::new("/home/x/.cache").join(CACHED);
        assert_eq!(
            places.others,
            [
                Path::new("/a/nats-server"),
                Path::new("/b/nats-server"),
                &cached
            ]
        );
    }
}
