//! From a request to manifests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gennaker_runtime::program::{Limits as ProgramLimits, Program};
use tokio::sync::Mutex;

use crate::{
    Error, Files, Missing, Renderer, Request, Tool, Tools,
    kitchen::Kitchen,
    render::{cloud_foundry, helm, helmfile, kustomize},
};

/// What a bake may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest run of a program.
    pub time: Duration,
    /// Largest result, in bytes.
    pub output_bytes_max: usize,
    /// Most bytes of all files, archives unpacked.
    pub files_bytes_max: u64,
    /// Most files.
    pub files_max: u64,
    /// Most memory for the data of a program, in bytes (Linux).
    pub memory_bytes_max: u64,
}

/// How to bake.
#[derive(Clone, Debug)]
pub struct Options {
    /// The programs.
    pub tools: Tools,
    /// What they may use.
    pub limits: Limits,
    /// Whether a Helmfile may have hooks and post-renderers, which run commands.
    pub allow_hooks_and_post_renderers: bool,
    /// Overrides with more characters go into a file; 0: never.
    pub overrides_file_threshold: usize,
}

/// Bakes. Keeps which programs it has found.
#[derive(Debug)]
pub struct Baker {
    options: Options,
    /// Versions of programs that may be several.
    versions: Mutex<BTreeMap<PathBuf, String>>,
}

impl Baker {
    /// A baker. Looks for no program yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            versions: Mutex::default(),
        }
    }

    /// Bakes; the manifests as YAML. `files` reads what a kustomization that is no repository names.
    ///
    /// Dropping the future ends what runs and removes the folder.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn bake(&self, request: Request, files: &dyn Files) -> Result<Vec<u8>, Error> {
        if request.inputs.is_empty() {
            let sentence = "At least one input artifact to bake must be supplied";
            return Err(Error::Request(sentence.to_owned()));
        }
        let baked = match request.renderer {
            Renderer::CloudFoundry => {
                cloud_foundry::bake(&request, self.options.limits.output_bytes_max)?
            }
            Renderer::Helm3 => helm::bake(self, self.kitchen()?, request, Tool::Helm3).await?,
            Renderer::Helm4 => helm::bake(self, self.kitchen()?, request, Tool::Helm4).await?,
            Renderer::Kustomize => kustomize::bake(self, self.kitchen()?, request, files).await?,
            Renderer::Helmfile => helmfile::bake(self, self.kitchen()?, request).await?,
        };
        if baked.len() > self.options.limits.output_bytes_max {
            let most = self.options.limits.output_bytes_max;
            return Err(Error::Failed(format!(
                "the manifests have more than {most} bytes"
            )));
        }
        Ok(baked)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    fn kitchen(&self) -> Result<Kitchen, Error> {
        Kitchen::new(self.options.limits)
    }

    /// The program of a tool.
    pub(crate) async fn program(&self, tool: Tool) -> Result<PathBuf, Error> {
        let path = std::env::var_os("PATH");
        let candidates = self.options.tools.candidates(tool, path.as_deref());
        let candidates = candidates.map_err(Error::Missing)?;
        let Some(wanted) = tool.version() else {
            return candidates.into_iter().next().ok_or_else(|| {
                let why = "it was not found".to_owned();
                Error::Missing(Missing { tool, why })
            });
        };
        let mut found = Vec::new();
        for candidate in candidates {
            let version = self.version(&candidate).await;
            if version.starts_with(wanted) {
                return Ok(candidate);
            }
            found.push(format!("{} says {version:?}", candidate.display()));
        }
        Err(Error::Missing(Missing {
            tool,
            why: format!("no program is of that version: {}", found.join(", ")),
        }))
    }

    /// What a program says to `version --short`; empty when it does not say it.
    async fn version(&self, program: &PathBuf) -> String {
        let mut versions = self.versions.lock().await;
        if let Some(known) = versions.get(program) {
            return known.clone();
        }
        let limits = ProgramLimits {
            time: Duration::from_secs(20),
            output_bytes_max: 1_000,
            folder_bytes_max: 1 << 20,
            folder_files_max: 100,
            memory_bytes_max: self.options.limits.memory_bytes_max,
        };
        let Ok(folder) = tempfile::tempdir() else {
            return String::new();
        };
        let run = Program::new(program, folder.path(), limits)
            .env("HOME", folder.path())
            .args(["version", "--short"]);
        let said = match run.run().await {
            Ok(finished) => String::from_utf8_lossy(&finished.output).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        // One that could not be started may be there tomorrow.
        if said.starts_with('v') {
            versions.insert(program.clone(), said.clone());
        }
        said
    }
}
