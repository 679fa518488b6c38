//! Where the programs are: as the settings say, else on `PATH`.

use std::path::{Path, PathBuf};

/// A program that bakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Helm 3.
    Helm3,
    /// Helm 4.
    Helm4,
    /// Kustomize.
    Kustomize,
    /// Helmfile, which runs Helm.
    Helmfile,
}

/// The programs that the settings name; the others are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// Helm 3.
    pub helm3: Option<PathBuf>,
    /// Helm 4.
    pub helm4: Option<PathBuf>,
    /// Kustomize.
    pub kustomize: Option<PathBuf>,
    /// Helmfile.
    pub helmfile: Option<PathBuf>,
}

/// A tool that is not there.
#[derive(Debug, thiserror::Error)]
#[error("this worker has no {} for this bake: {why}. {}", .tool.name(), .tool.way_out())]
pub struct Missing {
    /// Which tool.
    pub tool: Tool,
    /// What was looked for.
    pub why: String,
}

impl Tool {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Helm3 => "Helm 3",
            Self::Helm4 => "Helm 4",
            Self::Kustomize => "Kustomize",
            Self::Helmfile => "Helmfile",
        }
    }

    /// How to get it.
    #[must_use]
    pub const fn way_out(self) -> &'static str {
        match self {
            Self::Helm3 => {
                "Install Helm 3 on the workers (https://helm.sh/docs/intro/install) as helm3 or helm on PATH, or set bake.helm3"
            }
            Self::Helm4 => {
                "Install Helm 4 on the workers (https://helm.sh/docs/intro/install) as helm4 or helm on PATH, or set bake.helm4"
            }
            Self::Kustomize => {
                "Install Kustomize on the workers (https://kubectl.docs.kubernetes.io/installation/kustomize) on PATH, or set bake.kustomize"
            }
            Self::Helmfile => {
                "Install Helmfile on the workers (https://helmfile.readthedocs.io) on PATH, or set bake.helmfile"
            }
        }
    }

    /// What it may be called on `PATH`, the surest name first.
    pub(crate) const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Helm3 => &["helm3", "helm"],
            Self::Helm4 => &["helm4", "helm"],
            Self::Kustomize => &["kustomize"],
            Self::Helmfile => &["helmfile"],
        }
    }

    /// What the answer to `version --short` begins with, where one name stands for several programs.
    pub(crate) const fn version(self) -> Option<&'static str> {
        match self {
            Self::Helm3 => Some("v3."),
            Self::Helm4 => Some("v4."),
            Self::Kustomize | Self::Helmfile => None,
        }
    }
}

impl Tools {
    /// The program that the settings name.
    pub(crate) fn named(&self, tool: Tool) -> Option<&Path> {
        match tool {
            Tool::Helm3 => self.helm3.as_deref(),
            Tool::Helm4 => self.helm4.as_deref(),
            Tool::Kustomize => self.kustomize.as_deref(),
            Tool::Helmfile => self.helmfile.as_deref(),
        }
    }

    /// Programs that may be the tool, in the order in which to try them; the one of the settings is the only one then.
    pub(crate) fn candidates(
        &self,
        tool: Tool,
        path: Option<&std::ffi::OsStr>,
    ) -> Result<Vec<PathBuf>, Missing> {
        if let Some(named) = self.named(tool) {
            if named.is_file() {
                return Ok(vec![named.to_owned()]);
            }
            let why = format!("the settings name {}, which is no file", named.display());
            return Err(Missing { tool, why });
        }
        let folders: Vec<PathBuf> = path
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default();
        let found = tool.programs().iter().flat_map(|program| {
            folders
                .iter()
                .filter(|folder| folder.is_absolute())
                .map(move |folder| folder.join(program))
        });
        let found: Vec<PathBuf> = found.filter(|program| is_program(program)).collect();
        if found.is_empty() {
            let why = format!("there is no {} on PATH", tool.programs().join(" and no "));
            return Err(Missing { tool, why });
        }
        Ok(found)
    }
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    let about = std::fs::metadata(file);
    about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn settings_come_before_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, mode: u32| {
            let file = folder.path().join(name);
            std::fs::write(&file, "x").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        let (helm, _) = (at("helm", 0o755), at("kustomize", 0o644));
        let path = Some(folder.path().as_os_str());
        let tools = Tools {
            helm3: Some(helm.clone()),
            helmfile: Some("/nothing/here".into()),
            ..Tools::default()
        };
        assert_eq!(
            tools.candidates(Tool::Helm3, None).unwrap(),
            std::slice::from_ref(&helm)
        );
        assert_eq!(tools.candidates(Tool::Helm4, path).unwrap(), [helm]);
        let said = tools
            .candidates(Tool::Kustomize, path)
            .unwrap_err()
            .to_string();
        assert!(
            said.starts_with(
                "this worker has no Kustomize for this bake: there is no kustomize on PATH. Install"
            ),
            "{said}"
        );
        let said = tools
            .candidates(Tool::Helmfile, path)
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("the settings name /nothing/here, which is no file"),
            "{said}"
        );
    }
}
