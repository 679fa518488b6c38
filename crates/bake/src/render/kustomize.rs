//! Kustomize: `kustomize build` of a folder (Rosco: `KustomizeTemplateUtils`).
//!
//! From a repository the folder is there. Otherwise the artifact is one kustomization file, and the files that it names are
//! fetched one by one beside it, and those that these name, as Rosco does.

mod crawl;
mod place;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::pin::Pin;

use super::within;
use crate::{Baker, Error, Input, Request, Tool, kitchen::Kitchen};
use place::Place;

/// Names under which Kustomize looks for a kustomization, in its order.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Most files that are fetched for one bake.
const FETCHES_MAX: usize = 500;

/// Reads what a kustomization names.
pub trait Files: Send + Sync {
    /// The content behind a reference, which is like the kustomization's own but for its path.
    fn read<'a>(
        &'a self,
        reference: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, FileProblem>> + Send + 'a>>;
}

/// A file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// Why, for people.
    pub reason: String,
    /// It is not there.
    pub is_missing: bool,
    /// Another try may end otherwise.
    pub is_transient: bool,
}

pub(crate) async fn bake(
    baker: &Baker,
    kitchen: Kitchen,
    mut request: Request,
    files: &dyn Files,
) -> Result<Vec<u8>, Error> {
    let program = baker.program(Tool::Kustomize).await?;
    let input = request.inputs.swap_remove(0);
    let folder = if input.is_archive() {
        if request.kustomize_file_path.is_empty() {
            let sentence = "a kustomization in a repository needs kustomizeFilePath, the path of the kustomization file";
            return Err(Error::Request(sentence.to_owned()));
        }
        let repository = kitchen.put(1, input).await?;
        let named = within(
            &repository,
            &request.kustomize_file_path,
            "kustomizeFilePath",
        )?;
        match named.is_dir() {
            true => named,
            false => named.parent().unwrap_or(&repository).to_owned(),
        }
    } else {
        fetch(
            &kitchen,
            input,
            files,
            baker.options().limits.files_bytes_max,
        )
        .await?
    };
    let run = kitchen.program(&program, &folder).arg("build").arg(&folder);
    kitchen.run(Tool::Kustomize, run).await
}

/// Fetches everything that a kustomization names; the folder of the kustomization.
async fn fetch(
    kitchen: &Kitchen,
    input: Input,
    files: &dyn Files,
    bytes_max: u64,
) -> Result<PathBuf, Error> {
    let first = Place::of(&input.reference).filter(|place| NAMES.contains(&place.name()));
    let first = first.ok_or_else(|| {
        Error::Request(format!(
            "the artifact of a kustomization must be a git/repo, or its reference must lead to one of {}",
            NAMES.join(", ")
        ))
    })?;
    let root = kitchen.path("inputs/1");
    let folder = write(&root, &first, &input.content).await?;
    let mut seen = BTreeSet::from([first.path().to_owned()]);
    let mut open = VecDeque::from([(first, input.content)]);
    let mut bytes = 0_u64;
    while let Some((kustomization, content)) = open.pop_front() {
        let named = crawl::named(&content).map_err(|why| {
            Error::Request(format!(
                "the kustomization {} cannot be read: {why}",
                kustomization.path()
            ))
        })?;
        for entry in named {
            let Some(place) = kustomization.beside(&entry) else {
                return Err(Error::Request(format!(
                    "{entry:?} in {} leads out of the repository",
                    kustomization.path()
                )));
            };
            if !seen.insert(place.path().to_owned()) {
                continue;
            }
            if seen.len() > FETCHES_MAX {
                return Err(Error::Request(format!(
                    "the kustomization names more than {FETCHES_MAX} files"
                )));
            }
            let (place, content, is_kustomization) = read(files, place, &mut seen).await?;
            bytes = bytes.saturating_add(content.len() as u64);
            if bytes > bytes_max {
                return Err(Error::Request(format!(
                    "the files of the kustomization have more than {bytes_max} bytes"
                )));
            }
            write(&root, &place, &content).await?;
            if is_kustomization {
                open.push_back((place, content));
            }
        }
    }
    Ok(folder)
}

/// What a name stands for: a file, or a folder with a kustomization in it. As Rosco, one without extension is a folder first.
async fn read(
    files: &dyn Files,
    place: Place,
    seen: &mut BTreeSet<String>,
) -> Result<(Place, Vec<u8>, bool), Error> {
    let mut tries: Vec<(Place, bool)> =
        NAMES.iter().map(|name| (place.child(name), true)).collect();
    let file = (place.clone(), NAMES.contains(&place.name()));
    match place.has_extension() {
        true => tries = vec![file],
        false => tries.push(file),
    }
    let mut problem = None;
    for (place, is_kustomization) in tries {
        match files.read(&place.reference()).await {
            Ok(content) => {
                seen.insert(place.path().to_owned());
                return Ok((place, content, is_kustomization));
            }
            Err(found) if found.is_missing => {
                problem.get_or_insert(found);
            }
            Err(found) => {
                problem = Some(found);
                break;
            }
        }
    }
    let problem = problem.unwrap_or(FileProblem {
        reason: "not found".to_owned(),
        is_missing: true,
        is_transient: false,
    });
    Err(Error::File {
        what: format!("{} of the kustomization", place.path()),
        reason: problem.reason,
        is_transient: problem.is_transient,
    })
}

/// Writes a file below the root; its folder.
async fn write(root: &Path, place: &Place, content: &[u8]) -> Result<PathBuf, Error> {
    let machine = |error: std::io::Error| Error::Machine(error.to_string());
    let file = root.join(place.path());
    let folder = file.parent().unwrap_or(root).to_owned();
    tokio::fs::create_dir_all(&folder).await.map_err(machine)?;
    tokio::fs::write(&file, content).await.map_err(machine)?;
    Ok(folder)
}
