//! The workspace as the checker sees it: cargo's metadata, and what only the manifests tell.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Package};
use toml::{Table, Value};

/// One of our crates.
#[derive(Clone, Debug, Default)]
pub(super) struct Crate {
    /// The package's name, `gennaker-bus`.
    pub(super) package: String,
    /// The last part of its folder, `bus`.
    pub(super) folder: String,
    /// Packages that its normal and build dependencies name.
    pub(super) normal: Vec<String>,
    /// Packages that its development dependencies name.
    pub(super) dev: Vec<String>,
    /// Whether the manifest takes its lints from the workspace.
    pub(super) inherits_lints: bool,
    /// Dependencies whose version or path the manifest gives by itself.
    pub(super) own_versions: Vec<String>,
    /// Whether the folder has a `clippy.toml`.
    pub(super) has_clippy_toml: bool,
    /// Normal dependencies that are taken with features for tests.
    pub(super) with_test_features: Vec<String>,
    /// Whether `cargo build` builds it when no package is named.
    pub(super) is_default: bool,
}

/// Features of libraries that are for tests. Whoever enables one enables it for everything that is built along.
const TEST_FEATURES: &[&str] = &["test-util", "testing"];

/// Reads all members of the workspace.
pub(super) fn read(metadata: &Metadata) -> Result<Vec<Crate>> {
    let defaults = metadata.workspace_default_packages();
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| read_crate(package, defaults.iter().any(|it| it.id == package.id)))
        .collect()
}

fn read_crate(package: &Package, is_default: bool) -> Result<Crate> {
    let manifest_path = package.manifest_path.as_std_path();
    let folder = manifest_path.parent().unwrap_or(Path::new(""));
    let text = fs::read_to_string(manifest_path)
        .with_context(|| format!("failed to read {}", manifest_path.display()))?;
    let manifest: Table = text
        .parse()
        .with_context(|| format!("failed to parse {}", manifest_path.display()))?;
    let named = |is_dev: bool| {
        let of_kind = package
            .dependencies
            .iter()
            .filter(|d| (d.kind == DependencyKind::Development) == is_dev);
        of_kind.map(|dependency| dependency.name.clone()).collect()
    };
    let with_test_features = package.dependencies.iter().filter(|dependency| {
        dependency.kind != DependencyKind::Development
            && dependency
                .features
                .iter()
                .any(|feature| TEST_FEATURES.contains(&feature.as_str()))
    });
    Ok(Crate {
        with_test_features: with_test_features.map(|it| it.name.clone()).collect(),
        is_default,
        package: package.name.to_string(),
        folder: folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        normal: named(false),
        dev: named(true),
        inherits_lints: inherits_lints(&manifest),
        own_versions: own_versions(&manifest),
        has_clippy_toml: folder.join("clippy.toml").is_file(),
    })
}

fn inherits_lints(manifest: &Table) -> bool {
    manifest.get("lints").is_some_and(inherits)
}

fn own_versions(manifest: &Table) -> Vec<String> {
    let platforms = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let sections = platforms.filter_map(Value::as_table).chain([manifest]);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    sections
        .flat_map(|section| {
            kinds
                .iter()
                .filter_map(|kind| section.get(*kind)?.as_table())
        })
        .flatten()
        .filter(|(_, dependency)| !inherits(dependency))
        .map(|(name, _)| name.clone())
        .collect()
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_versions_outside_the_workspace_table() {
        let manifest: Table = r#"
            [dependencies]
            good.workspace = true
            also-good = { workspace = true, features = ["x"] }
            a = "1"
            [dev-dependencies]
            b = { version = "2" }
            [build-dependencies]
            c = { path = "../c" }
            [target.'cfg(unix)'.dependencies]
            d = { workspace = false, version = "1" }
        "#
        .parse()
        .unwrap();
        let mut found = own_versions(&manifest);
        found.sort();
        assert_eq!(found, ["a", "b", "c", "d"]);
    }

    #[test]
    fn lints_must_be_the_workspaces() {
        let inherits = |text: &str| inherits_lints(&text.parse().unwrap());
        assert!(inherits("[lints]\nworkspace = true"));
        assert!(!inherits("[lints.rust]\nunsafe_code = 'forbid'"));
        assert!(!inherits("[package]\nname = 'a'"));
    }
}
