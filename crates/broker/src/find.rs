//! Finding a nats-server that is recent enough.
//!
//! `GENNAKER_NATS_SERVER`, then `PATH`, then the folder of tools that `cargo xtask tools` fills. One that is named and cannot be
//! used is an error. One on `PATH` that is too old is passed over, as long as there is another: Debian's packages are.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::version::Version;

/// The oldest server whose defects do not break what Gennaker promises.
pub const OLDEST: Version = Version::new(2, 14, 4);
/// The version that `cargo xtask tools` builds.
pub const BUILT: &str = "2.15.1";
/// The variable that names a server.
pub const VARIABLE: &str = "GENNAKER_NATS_SERVER";
/// What the program is called.
pub const PROGRAM: &str = "nats-server";

/// Where servers are looked for. A value, so that tests can look elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The one that the user named; no other is looked for then.
    pub named: Option<PathBuf>,
    /// Folders, as the variable `PATH` lists them.
    pub path: Option<OsString>,
    /// The folder of tools; see [`tools`].
    pub tools: Option<PathBuf>,
}

/// Why there is no server to start. The text reads as a sentence, and [`Missing::way_out`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// The named one is something else, or nothing.
    #[error("{VARIABLE} names {}, which is no nats-server: {why}", program.display())]
    Named {
        /// The one that was named.
        program: PathBuf,
        /// Why it cannot be used.
        why: String,
    },
    /// The named one is too old.
    #[error(
        "{VARIABLE} names {}, which is nats-server {version}, and Gennaker needs {OLDEST} or newer (Debian's packages, 2.9 and \
         2.10, are too old)",
        program.display()
    )]
    NamedTooOld {
        /// The one that was named.
        program: PathBuf,
        /// What it is.
        version: Version,
    },
    /// The one in the folder of tools does not run.
    #[error("the nats-server in {} is damaged: {why}", folder.display())]
    Damaged {
        /// Its folder.
        folder: PathBuf,
        /// Why it cannot be used.
        why: String,
    },
    /// There is one on `PATH`, and it is too old.
    #[error(
        "the nats-server {} is {version}, and Gennaker needs {OLDEST} or newer (Debian's packages, 2.9 and 2.10, are too old)",
        program.display()
    )]
    TooOld {
        /// The first one that was found.
        program: PathBuf,
        /// What it is.
        version: Version,
    },
    /// There is none.
    #[error("there is no nats-server, which holds all of Gennaker's state")]
    None,
}

impl Missing {
    /// What to do about it, as a clause: `run … or set …`.
    pub fn way_out(&self) -> String {
        match self {
            Self::Named { .. } | Self::NamedTooOld { .. } => {
                format!("let {VARIABLE} name a nats-server of {OLDEST} or newer, or unset it")
            }
            Self::Damaged { .. } => format!(
                "remove that folder and run `cargo xtask tools` again, or set {VARIABLE} to a nats-server of {OLDEST} or newer"
            ),
            Self::TooOld { .. } | Self::None => format!(
                "run `cargo xtask tools` in a clone of Gennaker, which builds one with Go 1.25 or newer; or put a \
                 nats-server of {OLDEST} or newer in PATH, or set {VARIABLE} to one"
            ),
        }
    }
}

impl Places {
    /// As the environment says.
    pub fn of_process() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            named: set(VARIABLE).map(PathBuf::from),
            path: set("PATH"),
            tools: tools(set("XDG_CACHE_HOME"), env::home_dir()),
        }
    }

    /// The first server that is recent enough, as an absolute path: who starts it may do so in another folder.
    ///
    /// # Errors
    /// See [`Missing`].
    pub fn find(&self) -> Result<PathBuf, Missing> {
        self.find_by(|program| {
            Version::of_program(program, "--version").map_err(|error| error.to_string())
        })
    }

    fn find_by(
        &self,
        version_of: impl Fn(&Path) -> Result<Version, String>,
    ) -> Result<PathBuf, Missing> {
        if let Some(named) = &self.named {
            let program = absolute(named);
            return match version_of(&program) {
                Ok(version) if version >= OLDEST => Ok(program),
                Ok(version) => Err(Missing::NamedTooOld { program, version }),
                Err(why) => Err(Missing::Named { program, why }),
            };
        }
        let mut missing = Missing::None;
        for program in on_path(self.path.as_ref(), PROGRAM) {
            match version_of(&program) {
                Ok(version) if version >= OLDEST => return Ok(absolute(&program)),
                Ok(version) if matches!(missing, Missing::None) => {
                    missing = Missing::TooOld { program, version };
                }
                // Something of that name that is no nats-server shall not stand in the way of the real one.
                Ok(_) | Err(_) => {}
            }
        }
        let Some(folder) = self.tools.as_deref().map(folder_of_built) else {
            return Err(missing);
        };
        let built = folder.join(PROGRAM);
        if !built.is_file() {
            return Err(missing);
        }
        match version_of(&built) {
            Ok(_) => Ok(built),
            Err(why) => Err(Missing::Damaged { folder, why }),
        }
    }
}

/// The folder of tools, `${XDG_CACHE_HOME:-~/.cache}/gennaker/tools`; nothing when the environment names no home.
///
/// By the XDG rules a relative path is to be ignored.
pub fn tools(cache_home: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let named = cache_home
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let usual = named.or_else(|| {
        home.filter(|path| path.is_absolute())
            .map(|path| path.join(".cache"))
    });
    usual.map(|cache| cache.join("gennaker/tools"))
}

/// The programs of that name in the folders of a `PATH`, in order.
pub fn on_path(path: Option<&OsString>, program: &str) -> Vec<PathBuf> {
    let folders = path.into_iter().flat_map(env::split_paths);
    folders
        .map(|folder| folder.join(program))
        .filter(|candidate| is_executable(candidate))
        .collect()
}

/// Where the server that `cargo xtask tools` builds lies, below the folder of tools.
fn folder_of_built(tools: &Path) -> PathBuf {
    tools.join(format!("{PROGRAM}-{BUILT}"))
}

fn absolute(program: &Path) -> PathBuf {
    std::path::absolute(program).unwrap_or_else(|_| program.to_owned())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests;
