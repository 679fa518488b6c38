//! The programs that bake manifests: those that `cargo xtask tools` builds; and archives for them to bake.

use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
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

/// Files as a chart or a repository is sent: a gzipped tar.
///
/// # Panics
/// When a path cannot stand in a tar.
#[must_use]
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut head = tar::Header::new_gnu();
        head.set_mode(0o644);
        head.set_size(content.len() as u64);
        tar.append_data(&mut head, path, content.as_bytes())
            .expect("a path of a tar");
    }
    let zipped = tar.into_inner().expect("memory takes it");
    zipped.finish().expect("memory takes it")
}
