//! Room on the disk for a build. A linker that runs out of it dies of a bus error, which tells nobody what to do.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// What all programs and tests of the workspace take from nothing, in MiB, with something to spare.
const NEEDED: u64 = 10 * 1024;

/// What is enough where an earlier build has left its results, in MiB.
const NEEDED_AGAIN: u64 = 3 * 1024;

/// Fails, saying what to do, if the disk of the target folder has no room for a build of everything.
pub(crate) fn ensure_room_for_a_build() -> Result<()> {
    let metadata = process::metadata()?;
    let target = metadata.target_directory.as_std_path();
    let needed = match target.join("debug").is_dir() {
        true => NEEDED_AGAIN,
        false => NEEDED,
    };
    // The folder itself may not exist yet.
    let existing = target
        .ancestors()
        .find(|folder| folder.is_dir())
        .context("the target folder has no parent that exists")?;
    let free = free_mib(existing)?;
    if free < needed {
        bail!(
            "{free} MiB are free where cargo builds ({}), and this takes up to {needed} MiB: make room, for example \
             with `cargo clean`, or set CARGO_TARGET_DIR to a folder on another disk",
            target.display()
        );
    }
    println!("{} has {} GiB free", target.display(), free / 1024);
    Ok(())
}

fn free_mib(folder: &Path) -> Result<u64> {
    let output = Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .env("LC_ALL", "C")
        .output()
        .context("failed to start `df`")?;
    let text = String::from_utf8_lossy(&output.stdout);
    available_kib(&text)
        .map(|kib| kib / 1024)
        .with_context(|| format!("`df -Pk` does not tell what is free: {text:?}"))
}

/// The fourth column of the second line, as POSIX lays `df -P` out. The first column may contain spaces.
fn available_kib(df: &str) -> Option<u64> {
    let line = df.lines().nth(1)?;
    let capacity = line
        .split_whitespace()
        .position(|word| word.ends_with('%'))?;
    line.split_whitespace()
        .nth(capacity.checked_sub(1)?)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_posix_output() {
        let linux = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n/dev/vda  264000000 1 79000000  18% /\n";
        assert_eq!(available_kib(linux), Some(79_000_000));
        let spaces = "Filesystem 1024-blocks Used Available Capacity Mounted on\nmap auto home 0 0 12 100% /System/Volumes\n";
        assert_eq!(available_kib(spaces), Some(12));
        assert_eq!(available_kib("Filesystem\n"), None);
        assert_eq!(available_kib(""), None);
    }

    #[test]
    fn this_disk_has_some_room() {
        assert!(free_mib(&process::workspace_root().unwrap()).unwrap() > 0);
    }
}
