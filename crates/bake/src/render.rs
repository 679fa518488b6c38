//! The renderers, one file each.

pub(crate) mod cloud_foundry;
pub(crate) mod helm;
pub(crate) mod helmfile;
pub mod kustomize;
mod overrides;

use std::path::{Component, Path, PathBuf};

use crate::Error;

/// A path in an unpacked archive that a request names; it leads nowhere else.
fn within(folder: &Path, path: &str, what: &str) -> Result<PathBuf, Error> {
    let named = Path::new(path.trim_start_matches('/'));
    let is_inside = named
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !is_inside {
        return Err(Error::Request(format!(
            "{what} {path:?} leads out of the repository"
        )));
    }
    let at = folder.join(named);
    if at.symlink_metadata().is_err() {
        return Err(Error::Request(format!(
            "{what} {path:?} is not in the repository"
        )));
    }
    Ok(at)
}
