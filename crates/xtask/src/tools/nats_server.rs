//! Finding a nats-server that is new enough, or building one.
//!
//! The order is that of `gennaker dev`: `GENNAKER_NATS_SERVER`, then `PATH`, then the cache. One that is named and
//! cannot be used is an error. One on `PATH` that is too old is passed over (Debian's is 2.9), as long as there is
//! another one or Go to build it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::install::{Tool, install};
use super::version::{self, Version};
use crate::process;

/// Below this the server has defects that lose or duplicate what Gennaker stores.
const SERVER_MIN: Version = Version::new(2, 14, 4);

/// What the server's module asks for.
const GO_MIN: Version = Version::new(1, 25, 0);

const SERVER: Tool = Tool {
    name: "nats-server",
    version: "2.15.1",
    program: "nats-server",
    announcement: "building nats-server 2.15.1 with go (about 1 minute the first time)",
};

/// Where to look. A value, so that tests can look elsewhere.
struct Places {
    named: Option<OsString>,
    path: Option<OsString>,
    cache: PathBuf,
}

#[derive(Debug, PartialEq)]
enum Found {
    Usable(PathBuf),
    /// None, and the one on `PATH` that is too old, if there is one.
    Nothing {
        too_old: Option<(PathBuf, Version)>,
    },
}

/// What there is of Go.
#[derive(Debug, PartialEq)]
enum Go {
    Usable(PathBuf),
    Missing,
    TooOld(Version),
}

/// The nats-server to use; builds it when there is none.
///
/// # Errors
/// When the one that `GENNAKER_NATS_SERVER` names is unusable, when there is none and no Go that could build it, and
/// when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    let places = Places {
        named: env::var_os("GENNAKER_NATS_SERVER").filter(|value| !value.is_empty()),
        path: env::var_os("PATH"),
        cache: super::cache()?,
    };
    let too_old = match find(&places, |program| version::of_program(program, "--version"))? {
        Found::Usable(program) => {
            // Who starts it may do so in another folder.
            return std::path::absolute(program).context("the path of nats-server is unusable");
        }
        Found::Nothing { too_old } => too_old,
    };
    match find_go(super::search(places.path, "go"), |program| {
        version::of_program(program, "version")
    })? {
        Go::Usable(go) => install(&places.cache, &SERVER, |folder| build(&go, folder)),
        without => bail!("{}", advice(&without, too_old.as_ref())),
    }
}

fn find(places: &Places, version_of: impl Fn(&Path) -> Result<Version>) -> Result<Found> {
    if let Some(named) = &places.named {
        let version = version_of(Path::new(named))
            .context("GENNAKER_NATS_SERVER names no usable nats-server")?;
        if version < SERVER_MIN {
            bail!(
                "GENNAKER_NATS_SERVER names nats-server {version} ({}), and Gennaker needs {SERVER_MIN} or newer",
                named.display()
            );
        }
        return Ok(Found::Usable(named.into()));
    }
    let mut too_old = None;
    if let Some(program) = super::search(places.path.clone(), SERVER.program) {
        match version_of(&program) {
            Ok(version) if version >= SERVER_MIN => return Ok(Found::Usable(program)),
            Ok(version) => too_old = Some((program, version)),
            // Something of that name that is no nats-server shall not stand in the way of the real one.
            Err(_) => {}
        }
    }
    let cached = SERVER.program_in(&places.cache);
    if cached.is_file() {
        let folder = cached.parent().unwrap_or(&places.cache).display();
        version_of(&cached)
            .with_context(|| format!("{folder} is damaged: remove it and try again"))?;
        return Ok(Found::Usable(cached));
    }
    Ok(Found::Nothing { too_old })
}

fn find_go(program: Option<PathBuf>, version_of: impl Fn(&Path) -> Result<Version>) -> Result<Go> {
    let Some(program) = program else {
        return Ok(Go::Missing);
    };
    let version = version_of(&program)?;
    Ok(if version < GO_MIN {
        Go::TooOld(version)
    } else {
        Go::Usable(program)
    })
}

/// The one message for a machine on which there is no nats-server and none can be built.
fn advice(go: &Go, too_old: Option<&(PathBuf, Version)>) -> String {
    let why_not = match go {
        Go::Missing => "there is no Go on PATH".to_owned(),
        Go::TooOld(version) => format!("the Go on PATH is {version}"),
        Go::Usable(program) => format!("{} was not tried", program.display()),
    };
    let refused = too_old.map_or_else(String::new, |(program, version)| {
        format!(
            " The one on PATH, {}, is {version} and cannot be used.",
            program.display()
        )
    });
    format!(
        "Gennaker needs nats-server {SERVER_MIN} or newer.{refused} Building one needs Go {}.{} or newer, and {why_not}. \
         Install Go, or set GENNAKER_NATS_SERVER=/path/to/nats-server, or put nats-server {SERVER_MIN} or newer on PATH: \
         each of these will do.",
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
            "without a way to the Go modules, set GENNAKER_NATS_SERVER=/path/to/nats-server or put nats-server \
             {SERVER_MIN} or newer on PATH"
        )
    })
}

#[cfg(test)]
mod tests;
