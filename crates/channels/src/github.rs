//! Statuses of commits in GitHub. Source: echo `GithubNotificationAgent`, `EventContent`.

#[cfg(test)]
mod tests;

use gennaker_credentials::auth::Secret;
use gennaker_model::Map;
use gennaker_outbound::Request;
use gennaker_settings::GithubStatusChannel;
use serde_json::{Value, json};

use crate::{
    channels::{below, read, secret_file},
    line::{Line, Repeat},
    notice::{Happened, Kind, Notice, Told, link_of, object, segment, text},
    problem::Problem,
    receipt::{Receipt, Sent},
    text::one_line,
};

/// Longest description that GitHub takes, in characters.
const DESCRIPTION_CHARS_MAX: usize = 140;

/// GitHub, with the right to write statuses.
#[derive(Clone, Debug)]
pub(crate) struct Github {
    token: Secret,
    url: String,
    base_url: String,
}

/// A commit that has a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) repo: String,
    pub(crate) sha: String,
}

/// What a status is called and says.
pub(crate) struct Status {
    pub(crate) context: String,
    pub(crate) description: String,
}

/// What a commit is told: the event, the system's word for its status (of those for starting, complete and failed), its texts,
/// and which commit it is.
///
/// # Errors
/// Why no commit is told anything: silently, in Echo.
pub(crate) fn of_commit<'n>(
    notice: &'n Notice,
    source: &str,
    [starting, complete, failed]: [&'static str; 3],
) -> Result<(&'n Happened, &'static str, Status, Commit), String> {
    let Told::Event(event) = &notice.told else {
        return Err("judgements have no status of a commit".to_owned());
    };
    let state = match event.status.as_str() {
        "starting" => starting,
        "complete" => complete,
        "failed" => failed,
        other => return Err(format!("a commit has no status for '{other}'")),
    };
    let status = status(event).ok_or("tasks have no status of a commit")?;
    Ok((event, state, status, commit(event, &notice.entry, source)?))
}

impl Github {
    pub(crate) fn new(set: &GithubStatusChannel, base_url: &str) -> Option<Self> {
        Some(Self {
            token: secret_file(set.token_file.as_ref())?,
            url: set.url.clone(),
            base_url: base_url.to_owned(),
        })
    }

    pub(crate) async fn deliver(
        &self,
        notice: &Notice,
        line: &Line<'_>,
    ) -> Result<Receipt, Problem> {
        let words = ["pending", "success", "failure"];
        let (event, state, status, commit) = match of_commit(notice, "github", words) {
            Ok(found) => found,
            Err(why) => return Ok(Receipt::Ignored(why)),
        };
        let token = format!("token {}", read(&self.token).await?);
        let sha = self.of_branch(&commit, &token, line).await?;
        let path = format!(
            "repos/{}/statuses/{}",
            repo_path(&commit.repo),
            segment(&sha)
        );
        let body = json!({
            "state": state,
            "target_url": self.target(event),
            "description": status.description,
            "context": status.context,
        });
        let request = Request::post(
            below(&self.url, &path),
            "application/json",
            body.to_string(),
        )
        .header("Accept", "application/vnd.github+json")
        .secret_header("Authorization", token);
        let answer = line.deliver(request, Repeat::Harmless).await?;
        let answer = answer.object(Repeat::Harmless)?;
        Ok(Receipt::Sent(Sent {
            to: vec![format!("{}@{sha}", commit.repo)],
            reference: answer["id"].as_u64().map(|id| id.to_string()),
            note: None,
        }))
    }

    /// The commit itself, when what was built is the one that a CI system made to try a merge: its message then is
    /// `Merge <commit> into <commit>`.
    async fn of_branch(
        &self,
        commit: &Commit,
        token: &str,
        line: &Line<'_>,
    ) -> Result<String, Problem> {
        let path = format!(
            "repos/{}/commits/{}",
            repo_path(&commit.repo),
            segment(&commit.sha)
        );
        let request = Request::get(below(&self.url, &path))
            .header("Accept", "application/vnd.github+json")
            .secret_header("Authorization", token);
        let found = match line.send(request, Repeat::Harmless).await {
            Ok(answer) if answer.is_success() => answer.json(),
            Err(Problem::Stopped) => return Err(Problem::Stopped),
            Ok(_) | Err(_) => return Ok(commit.sha.clone()),
        };
        let message = found["commit"]["message"].as_str().unwrap_or_default();
        Ok(merged(message).unwrap_or(&commit.sha).to_owned())
    }

    fn target(&self, event: &Happened) -> String {
        let id = event.of_execution("id").unwrap_or_default();
        let link = link_of(&self.base_url, &event.application, Kind::Pipeline, id);
        let pipeline = segment(event.of_execution("name").unwrap_or_default());
        let stages = event.execution.get("stages").and_then(Value::as_array);
        let is_it = |stage: &Value| stage["name"].as_str() == Some(event.stage_name());
        let index = stages.and_then(|stages| stages.iter().position(is_it));
        match index.filter(|_| event.kind == Kind::Stage) {
            Some(index) => format!("{link}?pipeline={pipeline}&stage={index}"),
            None => format!("{link}?pipeline={pipeline}"),
        }
    }
}

/// What the status of a pipeline or stage is called and says; tasks have none.
fn status(event: &Happened) -> Option<Status> {
    let pipeline = event.of_execution("name").unwrap_or_default();
    let stage = event.stage_name();
    let (context, description) = match event.kind {
        Kind::Pipeline => (
            format!("pipeline/{pipeline}"),
            format!("Pipeline '{pipeline}' is {}", event.status),
        ),
        Kind::Stage => (
            format!("stage/{stage}"),
            format!(
                "Stage '{stage}' in pipeline '{pipeline}' is {}",
                event.status
            ),
        ),
        Kind::Orchestration | Kind::Task => return None,
    };
    Some(Status {
        context: one_line(&context),
        description: one_line(&description)
            .chars()
            .take(DESCRIPTION_CHARS_MAX)
            .collect(),
    })
}

/// The commit that the notification names, else the one that started the execution.
fn commit(event: &Happened, entry: &Map, source: &str) -> Result<Commit, String> {
    let none = Map::new();
    let trigger = object(&event.execution, "trigger").unwrap_or(&none);
    let of = |map: &Map, key: &str| {
        text(map, key)
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
    };
    let is_git = text(trigger, "type") == Some("git") && text(trigger, "source") == Some(source);
    let build = object(trigger, "buildInfo").unwrap_or(&none);
    let repo = of(entry, "repo").or_else(|| match is_git {
        true => Some(format!(
            "{}/{}",
            of(trigger, "project")?,
            of(trigger, "slug")?
        )),
        false => of(build, "name"),
    });
    let sha = of(entry, "commit").or_else(|| match is_git {
        true => of(trigger, "hash"),
        false => {
            let scm = build.get("scm")?.get(0)?.as_object()?;
            of(scm, "sha1")
        }
    });
    match (repo, sha) {
        (Some(repo), Some(sha)) => Ok(Commit { repo, sha }),
        (None, _) => Err("neither the notification nor the trigger names a repository".to_owned()),
        (_, None) => Err("neither the notification nor the trigger names a commit".to_owned()),
    }
}

/// `owner/name` as two segments.
fn repo_path(repo: &str) -> String {
    let parts: Vec<String> = repo.split('/').map(segment).collect();
    parts.join("/")
}

/// The first of the two commits in `Merge <commit> into <commit>`.
fn merged(message: &str) -> Option<&str> {
    let (branch, main) = message.strip_prefix("Merge ")?.split_once(" into ")?;
    let is_sha = |text: &str| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (5..=40).contains(&text.len()) && text.bytes().all(is_hex)
    };
    (is_sha(branch) && is_sha(main)).then_some(branch)
}
