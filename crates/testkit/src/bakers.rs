//! The programs that bake manifests: those that `cargo xtask tools` builds.

use std::path::PathBuf;

use gennaker_broker::find;

/// A program: the variable that names another one, and where `cargo xtask tools` puts it, below the folder of all tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    variable: &'static str,
    built: &'static str,
}

/// Helm 3.
pub const HELM3: Program = Program {
    variable: "GENNAKER_HELM3",
    built: "helm3-3.22.0/helm",
};

/// Helm 4.
pub const HELM4: Program = Program {
    variable: "GENNAKER_HELM4",
    built: "helm4-4.3.1/helm",
};

/// Kustomize.
pub const KUSTOMIZE: Program = Program {
    variable: "GENNAKER_KUSTOMIZE",
    built: "kustomize-5.8.1/kustomize",
};

/// Helmfile.
pub const HELMFILE: Program = Program {
    variable: "GENNAKER_HELMFILE",
    built: "helmfile-1.8.0/helmfile",
};

impl Program {
    /// Where it is.
    ///
    /// # Panics
    /// When there is none.
    pub fn path(self) -> PathBuf {
        if let Some(named) = std::env::var_os(self.variable) {
            return PathBuf::from(named);
        }
        let tools = find::tools(std::env::var_os("XDG_CACHE_HOME"), std::env::home_dir());
        let built = tools
            .map(|tools| tools.join(self.built))
            .filter(|program| program.is_file());
        built.unwrap_or_else(|| {
            panic!(
                "there is no {}: run `cargo xtask tools`, or set {}=/path/to/it",
                self.built, self.variable
            )
        })
    }
}
