//! Unpacking what others have packed, into one folder and nowhere else.
//!
//! An archive is refused as a whole when an entry of it has a name that is absolute or leads up, passes through a link, is a
//! link that leads out, is neither file, folder nor symbolic link, or when there are too many or too large ones. Links may
//! stay inside: repositories have them. What makes that safe is that nothing is ever written through a link, and that a link's
//! target leads up only at its beginning, from a place that is a real folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

/// Longest path of an entry, in bytes.
const PATH_BYTES_MAX: usize = 1_024;

/// Most folders above an entry.
const DEPTH_MAX: usize = 64;

/// What an archive may unpack to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of all files.
    pub bytes_max: u64,
    /// Most entries.
    pub files_max: u64,
}

/// An archive that is not unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is no gzipped tar, or ends early.
    #[error("it is no gzipped tar: {0}")]
    Damaged(String),
    /// A name that leads elsewhere.
    #[error("{0:?} leads out of it")]
    LeadsOut(String),
    /// A name that passes through a link.
    #[error("{0:?} passes through a link")]
    ThroughLink(String),
    /// A device, pipe or hard link.
    #[error("{0:?} is neither file, folder nor symbolic link")]
    Kind(String),
    /// A name that stands in it twice.
    #[error("{0:?} stands in it twice")]
    Twice(String),
    /// A name that is too long or too deep.
    #[error("a name in it is too long or too deep: {0:?}")]
    Name(String),
    /// Too many entries.
    #[error("it has more than {0} entries")]
    Files(u64),
    /// Too many bytes.
    #[error("it unpacks to more than {0} bytes")]
    Bytes(u64),
    /// The folder cannot be written.
    #[error("it cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Unpacks a gzipped tar into a folder that exists.
///
/// # Errors
/// [`Refused`]; what was unpacked before stays in the folder.
pub fn unpack(archive: &[u8], folder: &Path, limits: Limits) -> Result<(), Refused> {
    let damaged = |error: io::Error| Refused::Damaged(error.to_string());
    // Heads and padding count too: an archive of nothing but empty entries is work.
    let read_max = limits
        .bytes_max
        .saturating_add(limits.files_max.saturating_mul(4_096));
    let unzipped = MultiGzDecoder::new(archive).take(read_max.saturating_add(1));
    let mut archive = Archive::new(unzipped);
    let (mut bytes, mut files) = (0_u64, 0_u64);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        files += 1;
        if files > limits.files_max {
            return Err(Refused::Files(limits.files_max));
        }
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader | EntryType::XHeader) {
            continue;
        }
        let shown = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(path) = inside(&entry.path().map_err(damaged)?, &shown)? else {
            continue;
        };
        let target = folder.join(&path);
        make_parents(folder, &path, &shown)?;
        match kind {
            EntryType::Directory => make_folder(&target, &shown)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                bytes = bytes.saturating_add(entry.header().size().map_err(damaged)?);
                if bytes > limits.bytes_max {
                    return Err(Refused::Bytes(limits.bytes_max));
                }
                let is_program = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
                write(
                    &mut entry.take(limits.bytes_max),
                    &target,
                    is_program,
                    &shown,
                )?;
            }
            EntryType::Symlink => {
                let leads = entry.link_name().map_err(damaged)?;
                let leads = leads.ok_or_else(|| Refused::LeadsOut(shown.clone()))?;
                if !stays_inside(&path, &leads) {
                    return Err(Refused::LeadsOut(shown));
                }
                std::os::unix::fs::symlink(&*leads, &target)
                    .map_err(|error| twice(error, &shown))?;
            }
            _ => return Err(Refused::Kind(shown)),
        }
    }
    Ok(())
}

/// A path below the folder; none for the folder itself.
fn inside(path: &Path, shown: &str) -> Result<Option<PathBuf>, Refused> {
    if shown.len() > PATH_BYTES_MAX || path.components().count() > DEPTH_MAX || shown.contains('\0')
    {
        let start: String = shown.chars().take(100).collect();
        return Err(Refused::Name(start));
    }
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Refused::LeadsOut(shown.to_owned()));
            }
        }
    }
    Ok((!clean.as_os_str().is_empty()).then_some(clean))
}

/// Whether the target of a link at `path` lies in the folder: it goes up only at its beginning, and not further than the
/// folder. Its parent is a real folder (nothing is written through links), so these steps up are what they seem.
fn stays_inside(path: &Path, leads: &Path) -> bool {
    let above = path.components().count().saturating_sub(1);
    let (mut up, mut down) = (0, 0);
    for component in leads.components() {
        match component {
            Component::ParentDir if down == 0 => up += 1,
            Component::Normal(_) => down += 1,
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    up <= above
}

fn make_parents(folder: &Path, path: &Path, shown: &str) -> Result<(), Refused> {
    let mut at = folder.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        at.push(part);
        make_folder(&at, shown)?;
    }
    Ok(())
}

/// A real folder, whether it was there or not.
fn make_folder(at: &Path, shown: &str) -> Result<(), Refused> {
    match fs::symlink_metadata(at) {
        Ok(about) if about.is_dir() => Ok(()),
        Ok(about) if about.is_symlink() => Err(Refused::ThroughLink(shown.to_owned())),
        Ok(_) => Err(Refused::Twice(shown.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(fs::create_dir(at)?),
        Err(error) => Err(error.into()),
    }
}

/// A file that was not there.
fn write(
    content: &mut impl Read,
    target: &Path,
    is_program: bool,
    shown: &str,
) -> Result<(), Refused> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mode = if is_program { 0o755 } else { 0o644 };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(target);
    let mut file = file.map_err(|error| twice(error, shown))?;
    io::copy(content, &mut file).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Refused::Damaged(error.to_string())
        }
        _ => Refused::Io(error),
    })?;
    Ok(())
}

fn twice(error: io::Error, shown: &str) -> Refused {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Refused::Twice(shown.to_owned()),
        _ => Refused::Io(error),
    }
}

#[cfg(test)]
mod tests;
