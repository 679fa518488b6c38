//! Helm 3, which bakes manifests in tests.

use std::path::PathBuf;

use anyhow::Result;
use gennaker_broker::Version;

use super::go::{self, GoTool};
use super::install::Tool;

const HELM: GoTool = GoTool {
    tool: Tool {
        name: "helm3",
        version: "3.22.0",
        program: "helm",
        announcement: "building Helm 3, for tests of baked manifests, with go (about 4 minutes, this once)",
    },
    package: "helm.sh/helm/v3/cmd/helm@v3.22.0",
    variable: "GENNAKER_HELM3",
    go_min: Version::new(1, 26, 0),
};

/// The Helm 3 to test with; builds it when there is none.
///
/// # Errors
/// When the one that is named does not exist, when there is no Go that could build one, and when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    go::ensure(&HELM, go::go_install)
}
