//! References to executions: an id, a pasted address, `app/pipeline` (its latest execution), `@last`.

use serde_json::Value;

use crate::{
    Exit, Failure, Io,
    gate::Gate,
    snapshot::text,
    text::{clean, closest, encode},
};

/// What a reference means before the server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Id(String),
    Latest(PipelineName),
    Last,
}

/// A pipeline as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PipelineName {
    pub(crate) application: String,
    pub(crate) pipeline: String,
}

impl PipelineName {
    /// Reads `application/pipeline`; the name of a pipeline may contain further slashes.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        match text.split_once('/') {
            Some((application, pipeline)) if !application.is_empty() && !pipeline.is_empty() => {
                Ok(Self {
                    application: application.to_owned(),
                    pipeline: pipeline.to_owned(),
                })
            }
            _ => Err(Failure::usage(format!("'{text}' is no pipeline"))
                .fix("write it as application/pipeline")),
        }
    }
}

impl std::fmt::Display for PipelineName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.application, self.pipeline)
    }
}

impl Reference {
    /// Reads a reference.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let trimmed = text.trim();
        if trimmed == "@last" {
            return Ok(Self::Last);
        }
        if trimmed.starts_with("http://") || trimmed.starts_with("https://") {
            return id_in_address(trimmed)
                .map(Self::Id)
                .ok_or_else(|| Failure::usage(format!("'{trimmed}' names no execution")));
        }
        if trimmed.contains('/') {
            let name = trimmed.strip_suffix("@latest").unwrap_or(trimmed);
            return PipelineName::parse(name).map(Self::Latest);
        }
        if trimmed.is_empty() || trimmed.starts_with('@') {
            return Err(Failure::usage(format!("'{trimmed}' names no execution"))
                .fix("write an execution id, application/pipeline or @last"));
        }
        Ok(Self::Id(if is_ulid(trimmed) {
            trimmed.to_uppercase()
        } else {
            trimmed.to_owned()
        }))
    }

    /// The id of the execution.
    ///
    /// # Errors
    /// Nothing was started from here yet, the pipeline does not exist (with the name that was probably meant), or it never ran.
    pub(crate) async fn resolve(&self, gate: &Gate, io: &Io) -> Result<String, Failure> {
        match self {
            Self::Id(id) => Ok(id.clone()),
            Self::Last => last(io).ok_or_else(|| {
                Failure::new(Exit::NotFound, "no execution was started from here yet")
                    .fix("start one with `gennaker run application/pipeline`, or give an id")
            }),
            Self::Latest(name) => {
                let config = pipeline(gate, name).await?;
                let id = text(&config, "id").unwrap_or_default();
                let list = gate
                    .get(
                        &format!("the executions of {name}"),
                        &format!("/executions?pipelineConfigIds={}&limit=1", encode(&id)),
                    )
                    .await?;
                list.get(0)
                    .and_then(|execution| text(execution, "id"))
                    .ok_or_else(|| Failure::new(Exit::NotFound, format!("{name} has never run")))
            }
        }
    }
}

/// The configuration of a pipeline.
pub(crate) async fn pipeline(gate: &Gate, name: &PipelineName) -> Result<Value, Failure> {
    let path = format!(
        "/applications/{}/pipelineConfigs/{}",
        encode(&name.application),
        encode(&name.pipeline)
    );
    match gate.get(&format!("pipeline {name}"), &path).await {
        Err(failure) if failure.exit == Exit::NotFound => Err(suggest(gate, name, failure).await),
        other => other,
    }
}

/// Adds the pipeline that was probably meant to a "not found".
pub(crate) async fn suggest(gate: &Gate, name: &PipelineName, failure: Failure) -> Failure {
    let failure = Failure {
        sentence: format!("pipeline {name} does not exist"),
        ..failure
    };
    let path = format!(
        "/applications/{}/pipelineConfigs",
        encode(&name.application)
    );
    let Ok(configs) = gate.get("pipelines", &path).await else {
        return failure;
    };
    let names: Vec<String> = configs
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|config| text(config, "name"))
        .collect();
    match closest(&name.pipeline, names.iter().map(String::as_str)) {
        Some(near) => failure.fix(format!("did you mean {}/{near}?", name.application)),
        None if names.is_empty() => failure.fix(format!(
            "application {} has no pipelines; save one with `gennaker pipeline save -f FILE`",
            name.application
        )),
        None => failure.fix(format!("it has {}", listed(&names))),
    }
}

/// Remembers what was started, for `@last`. Not being able to is no failure of the command.
pub(crate) fn remember(io: &mut Io, id: &str) {
    let Some(path) = last_path(io) else { return };
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, format!("{id}\n")));
    if let Err(error) = written {
        io.note(&format!(
            "note: @last is not remembered: {}: {}",
            path.display(),
            crate::io::reason(&error)
        ));
    }
}

/// The execution that was started last.
fn last(io: &Io) -> Option<String> {
    let text = crate::io::read_file(last_path(io)?.to_str()?).ok()?;
    let id = text.lines().next()?.trim();
    (!id.is_empty()).then(|| clean(id))
}

fn last_path(io: &Io) -> Option<std::path::PathBuf> {
    let state = io
        .env("XDG_STATE_HOME")
        .map(str::to_owned)
        .or_else(|| io.env("HOME").map(|home| format!("{home}/.local/state")))?;
    Some(std::path::Path::new(&state).join("gennaker").join("last"))
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().map(String::as_str).take(5).collect();
    let more = names.len() - shown.len();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The id in a pasted address: what follows `/executions/`, `/details/`, `/pipelines/`, or the last ULID in it.
fn id_in_address(address: &str) -> Option<String> {
    let segments: Vec<&str> = address.split(['/', '?', '#', '&', '=']).collect();
    segments
        .windows(2)
        .rev()
        .find(|pair| {
            matches!(pair[0], "executions" | "details" | "pipelines") && !pair[1].is_empty()
        })
        .map(|pair| pair[1])
        .filter(|id| is_ulid(id) || id.len() == 36)
        .or_else(|| {
            segments
                .iter()
                .rev()
                .find(|segment| is_ulid(segment))
                .copied()
        })
        .map(str::to_owned)
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() && !b"ILOUilou".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Screen;

    const ID: &str = "01J8ZQ6J2N4T6K0Q1V9R3W5X7Y";

    #[test]
    fn references_are_told_apart() {
        let latest = |application: &str, pipeline: &str| {
            Reference::Latest(PipelineName {
                application: application.into(),
                pipeline: pipeline.into(),
            })
        };
        let cases = [
            (ID.to_lowercase(), Reference::Id(ID.into())),
            ("b1a5-old-id".into(), Reference::Id("b1a5-old-id".into())),
            ("@last".into(), Reference::Last),
            ("demo/deploy".into(), latest("demo", "deploy")),
            ("demo/a/b c@latest".into(), latest("demo", "a/b c")),
            (
                format!("https://g.example/x/executions/{ID}?view=list"),
                Reference::Id(ID.into()),
            ),
            (
                format!("https://deck/#/applications/demo/executions/details/{ID}?stage=0"),
                Reference::Id(ID.into()),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(Reference::parse(&text), Ok(expected), "{text}");
        }
        for wrong in ["", "@first", "/x", "x/", "https://g.example/"] {
            assert_eq!(
                Reference::parse(wrong).unwrap_err().exit,
                Exit::Usage,
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_was_started_last_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut screen = Screen::pipe();
        let state = folder.path().to_str().unwrap().to_owned();
        screen.io.env.insert("XDG_STATE_HOME".into(), state);
        assert_eq!(last(&screen.io), None);
        remember(&mut screen.io, ID);
        assert_eq!(last(&screen.io).as_deref(), Some(ID));
        assert_eq!(screen.err(), "");
    }

    #[test]
    fn a_state_folder_that_cannot_be_written_is_a_note() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut screen = Screen::pipe();
        let state = file.path().to_str().unwrap().to_owned();
        screen.io.env.insert("XDG_STATE_HOME".into(), state);
        remember(&mut screen.io, ID);
        assert!(
            screen.err().contains("@last is not remembered"),
            "{}",
            screen.err()
        );
    }
}
