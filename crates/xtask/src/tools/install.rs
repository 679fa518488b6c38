//! Putting a tool into the cache: whole or not at all, and once when several processes want it at the same time.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::console;

/// How often it is said that a build goes on: compilers of Go say nothing by themselves.
const STILL_EVERY: Duration = Duration::from_secs(30);

/// A tool that can be built.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// The program, below the tool's folder.
    pub(super) program: &'static str,
    /// What happens and for about how long, as in "building … (about 1 minute)".
    pub(super) announcement: &'static str,
}

impl Tool {
    /// Where the program is, or will be.
    pub(super) fn program_in(&self, cache: &Path) -> PathBuf {
        self.folder_in(cache).join(self.program)
    }

    fn folder_in(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.name, self.version))
    }
}

/// Builds the tool unless it is there, and answers where its program is.
///
/// `build` gets an empty folder and leaves the tool in it. The folder takes its final name when all is done, by one
/// rename; until then other processes wait at a lock. What a killed build left behind is removed by the next one.
pub(super) fn install(
    cache: &Path,
    tool: &Tool,
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let program = tool.program_in(cache);
    if program.is_file() {
        return Ok(program);
    }
    fs::create_dir_all(cache).with_context(|| format!("failed to create {}", cache.display()))?;
    let _lock = lock(cache, tool)?;
    if program.is_file() {
        return Ok(program);
    }

    remove_leftovers(cache, tool);
    let unfinished = cache.join(format!("{}{}", unfinished_prefix(tool), std::process::id()));
    fs::create_dir(&unfinished)
        .with_context(|| format!("failed to create {}", unfinished.display()))?;
    console::note(tool.announcement);
    let started = Instant::now();
    let still = |so_far| {
        console::note(&format!(
            "still building {}, for {}",
            tool.name,
            console::elapsed(so_far)
        ));
    };
    let built = console::patiently(STILL_EVERY, still, || build(&unfinished));
    let built = built.and_then(|()| match unfinished.join(tool.program).is_file() {
        true => Ok(()),
        false => bail!("the build of {} made no {}", tool.name, tool.program),
    });
    if let Err(error) = built {
        remove(&unfinished)?;
        return Err(error.context(format!("failed to build {} {}", tool.name, tool.version)));
    }

    // A folder of the final name without the program in it is of no use to anybody.
    let folder = tool.folder_in(cache);
    remove(&folder)?;
    fs::rename(&unfinished, &folder)
        .with_context(|| format!("failed to rename a folder to {}", folder.display()))?;
    console::note(&format!(
        "built {} {} in {}",
        tool.name,
        tool.version,
        console::elapsed(started.elapsed())
    ));
    Ok(program)
}

/// The lock ends with the file, and so with this process, however it ends.
fn lock(cache: &Path, tool: &Tool) -> Result<File> {
    let path = cache.join(format!(".{}-{}.lock", tool.name, tool.version));
    let file =
        File::create(&path).with_context(|| format!("failed to create {}", path.display()))?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        console::note(&format!(
            "waiting for another process that builds {} {}",
            tool.name, tool.version
        ));
        file.lock()
            .with_context(|| format!("failed to lock {}", path.display()))?;
    }
    // Any other answer means a file system without locks. There, builds at the same time may fail, but nothing
    // unfinished is ever used.
    Ok(file)
}

/// Best effort: when a build was killed alone, its compilers may still be at work in its folder. They have that folder
/// for themselves, as each process has one of its own.
fn remove_leftovers(cache: &Path, tool: &Tool) {
    let prefix = unfinished_prefix(tool);
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    for leftover in entries.filter(|e| e.file_name().to_string_lossy().starts_with(&prefix)) {
        let _ = fs::remove_dir_all(leftover.path());
    }
}

fn unfinished_prefix(tool: &Tool) -> String {
    format!(".{}-{}.unfinished.", tool.name, tool.version)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use anyhow::anyhow;

    use super::*;

    const TOOL: Tool = Tool {
        name: "tool",
        version: "1.0.0",
        program: "bin/tool",
        announcement: "building tool",
    };

    #[test]
    fn builds_once_and_leaves_nothing_else() {
        let cache = tempfile::tempdir().unwrap();
        let program = install(cache.path(), &TOOL, write_program).unwrap();
        assert_eq!(program, cache.path().join("tool-1.0.0/bin/tool"));
        assert_eq!(fs::read_to_string(&program).unwrap(), "program");
        install(cache.path(), &TOOL, |_| panic!("built twice")).unwrap();
        assert_eq!(entries(cache.path()), [".tool-1.0.0.lock", "tool-1.0.0"]);
    }

    #[test]
    fn concurrent_callers_share_one_build() {
        let cache = tempfile::tempdir().unwrap();
        let builds = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    install(cache.path(), &TOOL, |folder| {
                        builds.fetch_add(1, Ordering::SeqCst);
                        write_program(folder)
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(builds.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_failed_build_leaves_nothing_and_the_next_one_works() {
        let cache = tempfile::tempdir().unwrap();
        let failing = |folder: &Path| {
            write_program(folder)?;
            Err(anyhow!("the compiler is unwell"))
        };
        let error = install(cache.path(), &TOOL, failing).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "failed to build tool 1.0.0: the compiler is unwell"
        );
        assert_eq!(entries(cache.path()), [".tool-1.0.0.lock"]);
        install(cache.path(), &TOOL, write_program).unwrap();
    }

    #[test]
    fn leftovers_of_a_killed_build_are_replaced() {
        let cache = tempfile::tempdir().unwrap();
        for leftover in [".tool-1.0.0.unfinished.1/bin", "tool-1.0.0/lib"] {
            fs::create_dir_all(cache.path().join(leftover)).unwrap();
        }
        let program = install(cache.path(), &TOOL, write_program).unwrap();
        assert!(program.is_file());
        assert_eq!(entries(&cache.path().join("tool-1.0.0")), ["bin"]);
        assert_eq!(entries(cache.path()), [".tool-1.0.0.lock", "tool-1.0.0"]);
    }

    #[test]
    fn a_build_that_makes_no_program_fails() {
        let cache = tempfile::tempdir().unwrap();
        let error = install(cache.path(), &TOOL, |_| Ok(())).unwrap_err();
        assert!(
            format!("{error:#}").contains("made no bin/tool"),
            "{error:#}"
        );
    }

    fn write_program(folder: &Path) -> Result<()> {
        fs::create_dir(folder.join("bin"))?;
        Ok(fs::write(folder.join("bin/tool"), "program")?)
    }

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}
