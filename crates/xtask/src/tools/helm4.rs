//! Helm 4, which bakes manifests in tests.

use std::path::PathBuf;

use anyhow::Result;
use gennaker_broker::Version;

use super::go::{self, GoTool};
use super::install::Tool;

const HELM: GoTool = GoTool {
    tool: Tool {
        name: "helm4",
        version: "4.3.1",
        program: "helm",
        announcement: "building Helm 4, for tests of baked manifests, with go (about 3 minutes, this once)",
    },
    package: "helm.sh/helm/v4/cmd/helm@v4.3.1",
    variable: "GENNAKER_HELM4",
    go_min: Version::new(1, 26, 0),
};

/// The Helm 4 to test with; builds it when there is none.
///
/// # Errors
/// When the one that is named does not exist, when there is no Go that could build one, and when the build fails.
pub(crate) fn ensure() -> Result<PathBuf> {
    go::ensure(&HELM, go::go_install)
}
