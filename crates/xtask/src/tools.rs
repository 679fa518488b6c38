//! What Gennaker's development needs and is not a crate of ours: the broker, and cargo-deny.
//!
//! Tools lie in `${XDG_CACHE_HOME:-~/.cache}/gennaker/tools/NAME-VERSION`, outside the clone, so that every clone shares
//! them. A tool that is there is used without touching the network.

mod cargo_deny;
mod install;
mod nats_server;
mod version;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

pub(crate) use cargo_deny::ensure as ensure_cargo_deny;
pub(crate) use nats_server::ensure as ensure_nats_server;

use crate::console;

/// A tool by the name that people type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// The broker
    NatsServer,
    /// The checker of dependencies
    CargoDeny,
}

/// Makes sure that the named tools, or all when none is named, can be used, and says where they are.
pub(crate) fn install_named(names: &[Name]) -> Result<()> {
    let names = if names.is_empty() {
        Name::value_variants()
    } else {
        names
    };
    for name in names {
        let path = match name {
            Name::NatsServer => ensure_nats_server()?,
            Name::CargoDeny => ensure_cargo_deny()?,
        };
        console::note(&format!("{} is {}", label(*name), path.display()));
    }
    Ok(())
}

fn label(name: Name) -> String {
    name.to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The folder that holds all tools.
fn cache() -> Result<PathBuf> {
    cache_home(env::var_os("XDG_CACHE_HOME"), env::home_dir())
        .map(|home| home.join("gennaker/tools"))
        .context("neither XDG_CACHE_HOME nor HOME names a folder, so there is no place for tools")
}

/// By the XDG rules a relative path is to be ignored.
fn cache_home(xdg: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let xdg = xdg.map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.or_else(|| {
        home.filter(|path| path.is_absolute())
            .map(|path| path.join(".cache"))
    })
}

/// The first program of that name on the given `PATH`.
fn search(path: Option<OsString>, program: &str) -> Option<PathBuf> {
    env::split_paths(&path?)
        .map(|folder| folder.join(program))
        .find(|candidate| is_executable(candidate))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_home_must_be_absolute() {
        let home = Some(PathBuf::from("/home/a"));
        assert_eq!(
            cache_home(Some("/cache".into()), home.clone()),
            Some("/cache".into())
        );
        assert_eq!(
            cache_home(Some("cache".into()), home.clone()),
            Some("/home/a/.cache".into())
        );
        assert_eq!(
            cache_home(Some("".into()), home),
            Some("/home/a/.cache".into())
        );
        assert_eq!(cache_home(None, None), None);
    }

    #[cfg(unix)]
    #[test]
    fn search_takes_the_first_executable_file() {
        use std::os::unix::fs::PermissionsExt;
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let path = env::join_paths(folders.iter().map(tempfile::TempDir::path)).unwrap();
        assert_eq!(search(Some(path.clone()), "tool"), None);

        std::fs::create_dir(folders[0].path().join("tool")).unwrap();
        std::fs::write(folders[1].path().join("tool"), "not executable").unwrap();
        let wanted = folders[2].path().join("tool");
        std::fs::write(&wanted, "").unwrap();
        std::fs::set_permissions(&wanted, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(search(Some(path), "tool"), Some(wanted));
        assert_eq!(search(None, "tool"), None);
    }
}
