//! The rules between crates, checked over cargo's metadata and the manifests: arrows point down only, pure crates stay
//! pure, one crate names each client library, versions and lints have one place.
//!
//! `crates/xtask/src/architecture/rules.rs` is the picture that the rest of the repository's documentation draws. Whoever
//! needs a new arrow changes it there, in sight of a reviewer.

mod check;
mod rules;
mod workspace;

use anyhow::{Result, bail};

use crate::process;

/// Fails with every broken rule, one to a line.
pub(crate) fn check_workspace() -> Result<()> {
    let crates = workspace::read(&process::metadata()?)?;
    let broken = check::violations(rules::CRATES, rules::WALLS, &crates);
    if broken.is_empty() {
        return Ok(());
    }
    bail!(
        "{} broken rules between crates:\n  {}",
        broken.len(),
        broken.join("\n  ")
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn workspace_keeps_its_architecture() {
        super::check_workspace().unwrap();
    }
}
