//! The folder of one bake: what comes in, and the programs that run in it. It is gone with this value.

use std::path::{Path, PathBuf};

use gennaker_runtime::program::{Limits as ProgramLimits, Program, ProgramError};
use tempfile::TempDir;

use crate::{
    Error, Input, Limits,
    tools::Tool,
    unpack::{self, unpack},
};

/// Variables of the process that programs may know: how to get out, and whom to trust there. Kustomize fetches remote bases by
/// itself.
const INHERITED: [&str; 7] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Folders that programs write to, by the variables that name them; all inside.
const FOLDERS: [(&str, &str); 6] = [
    ("HOME", "home"),
    ("TMPDIR", "tmp"),
    ("XDG_CACHE_HOME", "home/.cache"),
    ("XDG_CONFIG_HOME", "home/.config"),
    ("XDG_DATA_HOME", "home/.local/share"),
    ("HELM_PLUGINS", "home/.helm-plugins"),
];

/// The longest name of a file that is taken from a reference, in bytes.
const NAME_BYTES_MAX: usize = 100;

pub(crate) struct Kitchen {
    folder: TempDir,
    limits: Limits,
}

impl Kitchen {
    pub(crate) fn new(limits: Limits) -> Result<Self, Error> {
        let machine =
            |error: std::io::Error| Error::Machine(format!("no folder can be made: {error}"));
        let folder = tempfile::Builder::new().prefix("gennaker-bake-").tempdir();
        let folder = folder.map_err(machine)?;
        for (_, below) in FOLDERS {
            std::fs::create_dir_all(folder.path().join(below)).map_err(machine)?;
        }
        std::fs::create_dir(folder.path().join("inputs")).map_err(machine)?;
        Ok(Self { folder, limits })
    }

    /// A path inside.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Puts an input into a folder of its own: the folder of what an archive holds, else the file.
    pub(crate) async fn put(&self, place: usize, input: Input) -> Result<PathBuf, Error> {
        let folder = self.path(&format!("inputs/{place}"));
        let limits = unpack::Limits {
            bytes_max: self.limits.files_bytes_max,
            files_max: self.limits.files_max,
        };
        let work = move || {
            let machine = |error: std::io::Error| Error::Machine(error.to_string());
            std::fs::create_dir(&folder).map_err(machine)?;
            if input.is_archive() {
                let unpacked = unpack(&input.content, &folder, limits);
                unpacked.map_err(|source| Error::Archive { place, source })?;
                return Ok(folder);
            }
            let file = folder.join(file_name(&input.reference));
            std::fs::write(&file, &input.content).map_err(machine)?;
            Ok(file)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(put) => put,
            Err(panicked) => Err(Error::Machine(panicked.to_string())),
        }
    }

    /// A program in a folder, with nothing of this process's environment but where programs are and the way out.
    pub(crate) fn program(&self, program: &Path, folder: &Path) -> Program {
        let limits = ProgramLimits {
            time: self.limits.time,
            output_bytes_max: self.limits.output_bytes_max,
            folder_bytes_max: self.limits.files_bytes_max,
            folder_files_max: self.limits.files_max,
            memory_bytes_max: self.limits.memory_bytes_max,
        };
        let program = Program::new(program, folder, limits).watching(self.folder.path());
        let program = FOLDERS.iter().fold(program, |program, (name, below)| {
            program.env(name, self.path(below))
        });
        program.inherit(&INHERITED).env("LC_ALL", "C.UTF-8")
    }

    /// Runs a tool to its end; what it wrote.
    pub(crate) async fn run(&self, tool: Tool, program: Program) -> Result<Vec<u8>, Error> {
        match program.run().await {
            Ok(finished) if finished.status.success() => Ok(finished.output),
            Ok(finished) => Err(Error::Failed(
                self.clean(&finished.complaint, finished.status),
            )),
            Err(error @ ProgramError::Start { .. }) => Err(Error::Missing(crate::tools::Missing {
                tool,
                why: format!("{error}: {}", cause(&error)),
            })),
            Err(ProgramError::Io(error)) => Err(Error::Machine(error.to_string())),
            Err(error) => Err(Error::Limit {
                tool: tool.name(),
                why: format!("{error} (settings: bake)"),
            }),
        }
    }

    /// What a tool complains about, without the name of a folder that nobody will find.
    fn clean(&self, complaint: &str, status: std::process::ExitStatus) -> String {
        let folder = self.folder.path().to_string_lossy();
        let text = complaint
            .replace(&format!("{folder}/"), "")
            .replace(&*folder, ".");
        match text.trim() {
            "" => format!("it ended without a word ({status})"),
            text => text.to_owned(),
        }
    }
}

/// The last part of a reference, as far as it can name a file.
fn file_name(reference: &str) -> String {
    let path = reference.split(['?', '#']).next().unwrap_or_default();
    let last = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_name = !last.is_empty()
        && last.len() <= NAME_BYTES_MAX
        && last.bytes().all(plain)
        && !last.starts_with(['.', '-']);
    if is_name { last } else { "artifact" }.to_owned()
}

fn cause(error: &ProgramError) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (reference, name) in [
            ("https://x.io/a/values.yml?token=t", "values.yml"),
            ("s3://b/k.yml", "k.yml"),
            ("YXBp/+a=", "artifact"),
            ("https://x.io/..", "artifact"),
            ("a/--post-renderer", "artifact"),
            ("a/b,c.yml", "artifact"),
            ("", "artifact"),
        ] {
            assert_eq!(file_name(reference), name, "{reference}");
        }
    }
}
