//! Statuses of commits in GitLab, after the pattern of those in GitHub. Spinnaker has none.

#[cfg(test)]
mod tests;

use gennaker_credentials::auth::Secret;
use gennaker_outbound::Request;
use gennaker_settings::GitlabStatusChannel;
use serde_json::json;

use crate::{
    channels::{below, read, secret_file},
    github::of_commit,
    line::{Line, Repeat},
    notice::{Notice, segment},
    problem::Problem,
    receipt::{Receipt, Sent},
};

/// GitLab, with the right to write statuses.
#[derive(Clone, Debug)]
pub(crate) struct Gitlab {
    token: Secret,
    url: String,
}

impl Gitlab {
    pub(crate) fn new(set: &GitlabStatusChannel) -> Option<Self> {
        Some(Self {
            token: secret_file(set.token_file.as_ref())?,
            url: set.url.clone(),
        })
    }

    pub(crate) async fn deliver(
        &self,
        notice: &Notice,
        line: &Line<'_>,
    ) -> Result<Receipt, Problem> {
        let words = ["running", "success", "failed"];
        let (event, state, status, commit) = match of_commit(notice, "gitlab", words) {
            Ok(found) => found,
            Err(why) => return Ok(Receipt::Ignored(why)),
        };
        let path = format!(
            "api/v4/projects/{}/statuses/{}",
            segment(&commit.repo),
            segment(&commit.sha)
        );
        let body = json!({
            "state": state,
            "name": status.context,
            "description": status.description,
            "target_url": event.link,
        });
        let request = Request::post(
            below(&self.url, &path),
            "application/json",
            body.to_string(),
        )
        .secret_header("PRIVATE-TOKEN", read(&self.token).await?);
        let answer = line.send(request, Repeat::Harmless).await?;
        // Once more the same status: GitLab takes that for a wrong step.
        let is_same = answer.status == 400
            && answer.text.contains("Cannot transition status")
            && answer.text.contains(&format!("from :{state}"));
        let sent = Sent {
            to: vec![format!("{}@{}", commit.repo, commit.sha)],
            reference: answer.json()["id"].as_u64().map(|id| id.to_string()),
            note: is_same.then(|| "the commit had this status already".to_owned()),
        };
        if !is_same {
            answer.settled(Repeat::Harmless)?.object(Repeat::Harmless)?;
        }
        Ok(Receipt::Sent(sent))
    }
}
