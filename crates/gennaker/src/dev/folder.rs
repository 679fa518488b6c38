//! The data folder of `gennaker dev`: whose it is, and of which release.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gennaker_cli::Failure;
use tokio::time::{Instant, sleep};

/// Locked by the `dev` that uses the folder.
const LOCK: &str = "lock";
/// Locked as long as the broker of this folder lives.
const BROKER_LOCK: &str = "broker.lock";
/// The release that wrote the folder last.
const VERSION: &str = "version";
/// How the broker is reached, for other commands.
pub(super) const SETTINGS: &str = "settings.toml";
/// Configuration, store and log of the broker.
const BROKER: &str = "broker";
/// The folder of a `gennaker dev` that names none, in the folder for state.
pub(super) const DEV: &str = "dev";
/// The folder of a demo that names none.
const DEMO: &str = "demo";
/// Most demos that run at the same time, each in a folder of its own.
const DEMOS_MAX: usize = 9;
/// How long the broker of an earlier start may take to end. It was asked to, or is being asked, and its keeper kills it after
/// half of this.
pub(super) const FORMER_ENDS_WITHIN: Duration = Duration::from_secs(12);
/// How often it is looked whether it has.
const PAUSE: Duration = Duration::from_millis(50);
/// The release of this program.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// A data folder that is ours until this value is dropped, or the process ends.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder; it is made if it does not exist.
    ///
    /// # Errors
    /// It cannot be used, somebody else uses it, or a newer release wrote it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
        Self::take_unless_used(path)?.ok_or_else(|| {
            Failure::command(format!(
                "another `gennaker dev` uses the data folder {}",
                path.display()
            ))
            .fix("stop that one, or choose another folder with --data DIR")
        })
    }

    /// Takes the folder of demos in this folder for state: never that of a `gennaker dev` that somebody works with. While another demo
    /// uses it there is a second one, and so on. What the last demo left is in it until [`Self::clear`].
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn take_for_demo(state: &Path) -> Result<Self, Failure> {
        for number in 1..=DEMOS_MAX {
            let name = match number {
                1 => DEMO.to_owned(),
                more => format!("{DEMO}-{more}"),
            };
            if let Some(folder) = Self::take_unless_used(&state.join(name))? {
                return Ok(folder);
            }
        }
        Err(Failure::command(format!("{DEMOS_MAX} demos run already"))
            .fix("stop one, or choose another folder with --data DIR"))
    }

    /// The folder, unless somebody else uses it.
    fn take_unless_used(path: &Path) -> Result<Option<Self>, Failure> {
        let unusable = |error: std::io::Error| {
            let why = super::reason(&error);
            Failure::command(format!(
                "the data folder {} cannot be used: {why}",
                path.display()
            ))
            .fix("choose another with --data DIR")
        };
        private_folders()
            .create(path)
            .map_err(|error| match path.is_file() {
                true => Failure::command(format!("the data folder {} is a file", path.display()))
                    .fix("choose another with --data DIR"),
                false => unusable(error),
            })?;
        // Absolute, because other processes with other working folders get it.
        let path = &path.canonicalize().map_err(unusable)?;
        let lock = open(&path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
            Err(TryLockError::WouldBlock) => return Ok(None),
        }
        check_version(path)?;
        std::fs::write(path.join(VERSION), format!("{RELEASE}\n")).map_err(unusable)?;
        private_folders()
            .create(path.join(BROKER))
            .map_err(unusable)?;
        Ok(Some(Self {
            path: path.clone(),
            _lock: lock,
        }))
    }

    /// Removes what an earlier start has stored, once its broker has ended: nobody needs the runs of a former demo, and another build may
    /// have written them in a form that this one cannot read.
    ///
    /// # Errors
    /// The broker does not end, or its data cannot be removed.
    pub(super) async fn clear(&self) -> Result<(), Failure> {
        let unusable = |error: std::io::Error| {
            let why = super::reason(&error);
            Failure::command(format!(
                "the data of an earlier demo in {} cannot be removed: {why}",
                self.path.display()
            ))
            .fix("remove it yourself, or choose another folder with --data DIR")
        };
        let lock = open(&self.broker_lock()).map_err(unusable)?;
        let end = Instant::now() + FORMER_ENDS_WITHIN;
        while let Err(error) = lock.try_lock() {
            match error {
                TryLockError::Error(error) => return Err(unusable(error)),
                TryLockError::WouldBlock if Instant::now() < end => sleep(PAUSE).await,
                TryLockError::WouldBlock => {
                    return Err(unusable(std::io::Error::other(
                        "the broker of that demo does not end",
                    )));
                }
            }
        }
        std::fs::remove_dir_all(self.broker()).map_err(unusable)?;
        private_folders().create(self.broker()).map_err(unusable)
    }

    /// Where it is, absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The broker's folder.
    pub(super) fn broker(&self) -> PathBuf {
        self.path.join(BROKER)
    }

    /// The settings file that says how the broker is reached.
    pub(super) fn settings(&self) -> PathBuf {
        self.path.join(SETTINGS)
    }

    /// The file that stands for the broker's life.
    pub(super) fn broker_lock(&self) -> PathBuf {
        self.path.join(BROKER_LOCK)
    }
}

/// The folder for what Gennaker keeps when no folder is named.
///
/// # Errors
/// The environment names no home.
pub(super) fn state(
    state_home: Option<OsString>,
    home: Option<PathBuf>,
) -> Result<PathBuf, Failure> {
    // The specification of these variables says that relative paths are to be ignored.
    let named = state_home
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let usual = named.or_else(|| {
        home.filter(|home| home.is_absolute())
            .map(|home| home.join(".local/state"))
    });
    usual.map(|state| state.join("gennaker")).ok_or_else(|| {
        Failure::command("there is no home folder for the data")
            .fix("name a folder with --data DIR")
    })
}

/// Only we may look into new folders: the broker's password and everything that pipelines hold are in there.
fn private_folders() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn check_version(path: &Path) -> Result<(), Failure> {
    let written = match std::fs::read_to_string(path.join(VERSION)) {
        Ok(written) => written.trim().to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let why = super::reason(&error);
            return Err(Failure::command(format!(
                "the release of {} cannot be read: {why}",
                path.display()
            )));
        }
    };
    match order(&written, RELEASE) {
        Some(Ordering::Less | Ordering::Equal) => Ok(()),
        Some(Ordering::Greater) => Err(Failure::command(format!(
            "the data folder {} was written by Gennaker {written}, which is newer than this one, {RELEASE}",
            path.display()
        ))
        .fix("use that release, or choose another folder with --data DIR")),
        None => Err(Failure::command(format!(
            "the file {} holds no release",
            path.join(VERSION).display()
        ))
        .fix("choose another folder with --data DIR")),
    }
}

/// Compares releases by their three numbers.
fn order(one: &str, other: &str) -> Option<Ordering> {
    let numbers = |text: &str| -> Option<[u64; 3]> {
        let core = text.split(['-', '+']).next()?;
        let numbers: Option<Vec<u64>> = core.split('.').map(|part| part.parse().ok()).collect();
        numbers?.try_into().ok()
    };
    Some(numbers(one)?.cmp(&numbers(other)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_user() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = Folder::take(&path).unwrap();
        let second = Folder::take(&path).unwrap_err();
        assert!(
            second.sentence.contains("another `gennaker dev` uses"),
            "{second:?}"
        );
        drop(folder);
        Folder::take(&path).unwrap();
    }

    #[test]
    fn data_of_a_newer_release_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for (version, fits) in [
            ("0.0.9\n", true),
            (RELEASE, true),
            ("999.0.0", false),
            ("soon", false),
        ] {
            std::fs::write(folder.path().join(VERSION), version).unwrap();
            assert_eq!(Folder::take(folder.path()).is_ok(), fits, "{version}");
        }
    }

    #[test]
    fn an_unusable_folder_is_named_with_the_way_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = Folder::take(&file.path().join("data")).unwrap_err();
        assert!(
            refused.sentence.contains("cannot be used") && refused.fix.unwrap().contains("--data")
        );
    }

    #[test]
    fn the_usual_folder_follows_the_environment() {
        let home = Some(PathBuf::from("/home/a"));
        let got = |named: Option<&str>| state(named.map(Into::into), home.clone()).unwrap();
        assert_eq!(got(Some("/s")), Path::new("/s/gennaker"));
        assert_eq!(got(Some("s")), Path::new("/home/a/.local/state/gennaker"));
        assert!(state(None, None).is_err());
    }

    #[test]
    fn demos_at_the_same_time_have_folders_of_their_own() {
        let state = tempfile::tempdir().unwrap();
        let name = |folder: &Folder| folder.path().file_name().unwrap().to_owned();
        let first = Folder::take_for_demo(state.path()).unwrap();
        let second = Folder::take_for_demo(state.path()).unwrap();
        assert_eq!(
            (name(&first), name(&second)),
            ("demo".into(), "demo-2".into())
        );
        drop(first);
        let third = Folder::take_for_demo(state.path()).unwrap();
        assert_eq!(name(&third), "demo");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_former_demo_stored_is_removed_when_its_broker_has_ended() {
        let state = tempfile::tempdir().unwrap();
        let folder = Folder::take_for_demo(state.path()).unwrap();
        let stored = folder.broker().join("stored");
        std::fs::write(&stored, "by another build").unwrap();
        let broker = open(&folder.broker_lock()).unwrap();
        broker.lock().unwrap();
        let error = folder.clear().await.unwrap_err();
        assert!(error.sentence.contains("does not end"), "{error:?}");
        assert!(stored.exists());
        drop(broker);
        folder.clear().await.unwrap();
        assert!(!stored.exists() && folder.broker().is_dir());
        // The next broker can have it.
        open(&folder.broker_lock()).unwrap().try_lock().unwrap();
    }
}
