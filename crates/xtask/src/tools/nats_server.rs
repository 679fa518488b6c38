//! A nats-server that is new enough: the one that everybody finds, or one that is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use gennaker_broker::find::{BUILT, OLDEST, PROGRAM, VARIABLE};
use gennaker_broker::{Missing, Places, Version};

use super::install::{Tool, install};
use crate::{console, process};

/// What the server's module asks for.
const GO_MIN: Version = Version::new(1, 25, 0);

const SERVER: Tool = Tool {
    name: PROGRAM,
    version: BUILT,
    program: PROGRAM,
    announcement: "building nats-server, the broker, with go (about 1 minute, this once)",
};

/// Why Go cannot build it.
#[derive(Debug, PartialEq)]
enum NoGo {
    Missing,
    TooOld(Version),
    /// It does not tell its version.
    Broken(PathBuf),
}

/// The nats-server to use; builds it when there is none.
///
/// # Errors
/// When the one that is named is unusable, when there is none and no Go that could build it, and when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    let missing = match Places::of_process().find() {
        Ok(program) => return Ok(program),
        Err(missing) => missing,
    };
    match missing {
        Missing::TooOld { .. } | Missing::None => {}
        Missing::Named { .. } | Missing::NamedTooOld { .. } | Missing::Damaged { .. } => {
            bail!("{missing}; {}", missing.way_out())
        }
    }
    let go = find_go(super::on_path("go"), |program| {
        Version::of_program(program, "version").ok()
    });
    match go {
        Ok(go) => {
            if matches!(missing, Missing::TooOld { .. }) {
                console::note(&format!("{missing}; it is passed over"));
            }
            install(&super::folder()?, &SERVER, |folder| build(&go, folder))
        }
        Err(why) => Err(anyhow!(advice(&why, &missing))),
    }
}

fn find_go(
    program: Option<PathBuf>,
    version_of: impl Fn(&Path) -> Option<Version>,
) -> Result<PathBuf, NoGo> {
    let program = program.ok_or(NoGo::Missing)?;
    match version_of(&program) {
        None => Err(NoGo::Broken(program)),
        Some(version) if version < GO_MIN => Err(NoGo::TooOld(version)),
        Some(_) => Ok(program),
    }
}

/// The one message for a machine on which there is no nats-server and none can be built.
fn advice(why: &NoGo, missing: &Missing) -> String {
    let why_not = match why {
        NoGo::Missing => "there is no Go on PATH".to_owned(),
        NoGo::TooOld(version) => format!("the Go on PATH is {version}"),
        NoGo::Broken(program) => format!("{} does not run", program.display()),
    };
    format!(
        "{missing}. Building one needs Go {}.{} or newer, and {why_not}. Install Go, or set \
         {VARIABLE}=/path/to/nats-server, or put nats-server {OLDEST} or newer on PATH: each of these will do.",
        GO_MIN.major, GO_MIN.minor
    )
}

/// `go install` also downloads; proxies are those of the environment.
fn build(go: &Path, folder: &Path) -> Result<()> {
    let module = format!("github.com/nats-io/nats-server/v2@v{}", SERVER.version);
    let mut command = Command::new(go);
    command
        .args(["install", "-trimpath", "-ldflags=-s -w", &module])
        .current_dir(folder)
        .env("GOBIN", folder)
        .env("GO111MODULE", "on")
        // Needs no C compiler, and the program runs on any distribution.
        .env("CGO_ENABLED", "0");
    process::run(&mut command).with_context(|| {
        format!(
            "without a way to the Go modules, set {VARIABLE}=/path/to/nats-server or put nats-server {OLDEST} or newer \
             on PATH"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_is_judged_by_its_version() {
        let judged = |version| find_go(Some(PathBuf::from("/bin/go")), |_| version);
        assert_eq!(judged(Some(Version::new(1, 25, 0))), Ok("/bin/go".into()));
        let old = Version::new(1, 24, 9);
        assert_eq!(judged(Some(old)), Err(NoGo::TooOld(old)));
        assert_eq!(judged(None), Err(NoGo::Broken("/bin/go".into())));
        assert_eq!(find_go(None, |_| Some(old)), Err(NoGo::Missing));
    }

    #[test]
    fn advice_names_every_way_out_and_what_was_refused() {
        let debian = Missing::TooOld {
            program: "/usr/bin/nats-server".into(),
            version: Version::new(2, 9, 10),
        };
        let text = advice(&NoGo::Missing, &debian);
        let wanted = [
            "no Go on PATH",
            "1.25 or newer",
            "GENNAKER_NATS_SERVER=",
            "2.14.4 or newer on PATH",
            "2.9.10",
            "Debian",
        ];
        for part in wanted {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
        let text = advice(&NoGo::TooOld(Version::new(1, 19, 8)), &Missing::None);
        assert!(text.contains("the Go on PATH is 1.19.8"), "{text}");
        assert!(!text.contains("Debian"), "{text}");
    }
}
