//! Kustomize, which bakes manifests in tests.

use std::path::PathBuf;

use anyhow::Result;
use gennaker_broker::Version;

use super::go::{self, GoTool};
use super::install::Tool;

const KUSTOMIZE: GoTool = GoTool {
    tool: Tool {
        name: "kustomize",
        // The next ones want a newer Go.
        version: "5.8.1",
        program: "kustomize",
        announcement: "building Kustomize, for tests of baked manifests, with go (about 1 minute, this once)",
    },
    package: "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1",
    variable: "GENNAKER_KUSTOMIZE",
    go_min: Version::new(1, 24, 0),
};

/// The Kustomize to test with; builds it when there is none.
///
/// # Errors
/// When the one that is named does not exist, when there is no Go that could build one, and when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    go::ensure(&KUSTOMIZE, go::go_install)
}
