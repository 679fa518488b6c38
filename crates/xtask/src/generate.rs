//! Files that the code generates and that are committed, so that people can read them without building anything.
//!
//! The `gennaker` program prints nearly all of them, Helm the manifests that are the chart's; here stands which file holds what, and
//! whether it still does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{console, process, tools};

/// A generated file: where it lies below the workspace's root, and what prints it.
struct Generated {
    path: &'static str,
    by: Printer,
    arguments: &'static [&'static str],
}

/// A program that prints a file, from the workspace's root.
#[derive(Clone, Copy)]
enum Printer {
    Gennaker,
    Helm,
}

const FILES: &[Generated] = &[
    Generated {
        path: "docs/settings.schema.json",
        by: Printer::Gennaker,
        arguments: &["config", "schema"],
    },
    Generated {
        path: "docs/gennaker.example.toml",
        by: Printer::Gennaker,
        arguments: &["config", "example"],
    },
    Generated {
        path: "docs/stages.md",
        by: Printer::Gennaker,
        arguments: &["config", "stages"],
    },
    Generated {
        path: "docs/compatibility.md",
        by: Printer::Gennaker,
        arguments: &["config", "compatibility"],
    },
    Generated {
        path: "docs/openapi.json",
        by: Printer::Gennaker,
        arguments: &["config", "openapi"],
    },
    Generated {
        path: "nats/streams.json",
        by: Printer::Gennaker,
        arguments: &["config", "streams"],
    },
    Generated {
        path: "nats/users.conf",
        by: Printer::Gennaker,
        arguments: &["config", "users"],
    },
    // Helm reads nothing outside the chart.
    Generated {
        path: "deploy/helm/gennaker/files/users.conf",
        by: Printer::Gennaker,
        arguments: &["config", "users"],
    },
    // After what the chart holds.
    Generated {
        path: "deploy/kubernetes/gennaker.yaml",
        by: Printer::Helm,
        arguments: &[
            "template",
            "gennaker",
            "deploy/helm/gennaker",
            "--namespace",
            "gennaker",
            "--kube-version",
            "1.36.0",
            "--values",
            "deploy/kubernetes/values.yaml",
        ],
    },
];

/// Writes every file as the given `gennaker` program, or Helm, prints it.
pub(crate) fn write(gennaker: &Path) -> Result<()> {
    for file in FILES {
        let path = path_of(file)?;
        let text = printed(gennaker, file)?;
        if fs::read(&path).is_ok_and(|there| there == text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("failed to create {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
        console::note(&format!("wrote {}", file.path));
    }
    Ok(())
}

/// Fails with the names of all files that differ from what the given `gennaker` program, or Helm, prints.
pub(crate) fn check(gennaker: &Path) -> Result<()> {
    let mut stale = Vec::new();
    for file in FILES {
        let there = fs::read(path_of(file)?).ok();
        stale.extend(
            difference(there.as_deref(), &printed(gennaker, file)?)
                .map(|what| format!("{} {what}", file.path)),
        );
    }
    if !stale.is_empty() {
        bail!(
            "{}; run `cargo xtask generate` and commit the result",
            stale.join(", ")
        );
    }
    Ok(())
}

fn path_of(file: &Generated) -> Result<PathBuf> {
    Ok(process::workspace_root()?.join(file.path))
}

fn printed(gennaker: &Path, file: &Generated) -> Result<Vec<u8>> {
    let (name, program) = match file.by {
        Printer::Gennaker => ("gennaker", gennaker.to_owned()),
        Printer::Helm => ("helm", tools::ensure_helm3()?),
    };
    let command = format!("{name} {}", file.arguments.join(" "));
    let output = Command::new(program)
        .current_dir(process::workspace_root()?)
        .args(file.arguments)
        .output()
        .with_context(|| format!("failed to start `{command}`, which prints {}", file.path))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{command}`, which prints {}, failed: {}: {}",
            file.path,
            output.status,
            said.trim()
        );
    }
    if output.stdout.is_empty() {
        bail!("`{command}`, which prints {}, printed nothing", file.path);
    }
    Ok(output.stdout)
}

fn difference(there: Option<&[u8]>, wanted: &[u8]) -> Option<String> {
    let Some(there) = there else {
        return Some("is missing".to_owned());
    };
    if there == wanted {
        return None;
    }
    let line = there
        .split(|b| *b == b'\n')
        .zip(wanted.split(|b| *b == b'\n'))
        .take_while(|(a, b)| a == b)
        .count()
        + 1;
    Some(format!("is not what the code generates (from line {line})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_names_the_first_line() {
        assert_eq!(difference(Some(b"a\nb\n"), b"a\nb\n"), None);
        assert_eq!(difference(None, b"a\n").unwrap(), "is missing");
        assert!(
            difference(Some(b"a\nb\n"), b"a\nc\n")
                .unwrap()
                .contains("line 2")
        );
        assert!(
            difference(Some(b"a\n"), b"a\nb\n")
                .unwrap()
                .contains("line 2")
        );
    }

    #[test]
    fn every_file_is_listed_once() {
        let mut paths: Vec<_> = FILES.iter().map(|file| file.path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), FILES.len());
    }
}
