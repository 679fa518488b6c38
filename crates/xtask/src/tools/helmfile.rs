//! Helmfile, which bakes manifests in tests. Its module replaces others, so it is built from its own folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gennaker_broker::Version;

use super::go::{self, GoTool};
use super::install::Tool;
use crate::process;

const HELMFILE: GoTool = GoTool {
    tool: Tool {
        name: "helmfile",
        version: "1.8.0",
        program: "helmfile",
        announcement: "building Helmfile, for tests of baked manifests, with go (about 7 minutes, this once)",
    },
    package: "github.com/helmfile/helmfile@v1.8.0",
    variable: "GENNAKER_HELMFILE",
    go_min: Version::new(1, 26, 0),
};

/// The Helmfile to test with; builds it when there is none.
///
/// # Errors
/// When the one that is named does not exist, when there is no Go that could build one, and when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    go::ensure(&HELMFILE, build)
}

fn build(tool: &GoTool, go: &Path, folder: &Path) -> Result<()> {
    let downloaded = go::command(go, folder)
        .args(["mod", "download", "-json", tool.package])
        .output()
        .context("failed to start go")?;
    let about: serde_json::Value = serde_json::from_slice(&downloaded.stdout)
        .context("go does not say where it put Helmfile's module")?;
    let source = about["Dir"].as_str().with_context(|| {
        let said = about["Error"].as_str().unwrap_or("it says nothing");
        format!("go did not download Helmfile: {said}")
    })?;
    let copy = folder.join("source");
    copy_folder(Path::new(source), &copy)?;
    let mut command = go::command(go, &copy);
    command
        .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(folder.join(tool.tool.program))
        .arg(".");
    process::run(&mut command)?;
    fs::remove_dir_all(&copy).with_context(|| format!("failed to remove {}", copy.display()))
}

/// Go keeps modules unwritable; the copy is not.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("failed to create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            let content = fs::read(entry.path())?;
            fs::write(&target, content)
                .with_context(|| format!("failed to write {}", target.display()))?;
        }
    }
    Ok(())
}
