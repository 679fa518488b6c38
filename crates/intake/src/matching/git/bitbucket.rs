//! Bitbucket, in the cloud and as a server; the header `X-Event-Key` says which of their events it is.
//!
//! Source: echo `BitbucketWebhookEventHandler`, `BitbucketCloudEventHandler`, `BitbucketServerEventHandler`. The last keeps values of
//! the event before when a field is missing; here such an event cannot be read.

use gennaker_model::Map;

use super::{Header, Payload, Push, Read, Scm, is_deletion};

pub(super) fn read(header: &Header, payload: Payload<'_>) -> Read {
    if payload.0.is_empty() {
        return Ok(Scm::Ignored(
            "it is Bitbucket's test of the address".to_owned(),
        ));
    }
    let Some(key) = header.headers.get("x-event-key") else {
        return Err(
            "the header X-Event-Key is missing, by which Bitbucket names its events".to_owned(),
        );
    };
    let push = match key.as_str() {
        "repo:push" => cloud(
            payload,
            "/push/changes/0/commits/0/hash",
            payload.text("/push/changes/0/new/name"),
        )?,
        "pullrequest:fulfilled" => cloud(
            payload,
            "/pullrequest/merge_commit/hash",
            payload.text("/pullrequest/destination/branch/name"),
        )?,
        "repo:refs_changed" => Push {
            project: payload.text("/repository/project/key")?,
            slug: payload.text("/repository/slug")?,
            hash: payload.text("/changes/0/toHash")?,
            branch: payload.branch("/changes/0/ref/id")?,
            ..Push::default()
        },
        "pr:opened" | "pr:from_ref_updated" | "pr:declined" | "pr:deleted" => {
            server(payload, "fromRef", "/pullRequest/fromRef/latestCommit")?
        }
        "pr:merged" => server(payload, "toRef", "/pullRequest/properties/mergeCommit/id")?,
        "diagnostics:ping" => {
            return Ok(Scm::Ignored(
                "it is Bitbucket's test of the address".to_owned(),
            ));
        }
        other => {
            return Ok(Scm::Ignored(format!(
                "Bitbucket's event {other:?} starts nothing"
            )));
        }
    };
    if is_deletion(&push.hash) {
        return Ok(Scm::Ignored(format!(
            "the branch {:?} was deleted",
            push.branch
        )));
    }
    Ok(Scm::Push(Push {
        action: key.clone(),
        properties: Map::new(),
        ..push
    }))
}

/// Its slug is the full name of the repository, `owner/name`.
fn cloud(payload: Payload<'_>, hash: &str, branch: Result<String, String>) -> Result<Push, String> {
    let owner = payload
        .text("/repository/owner/username")
        .or_else(|_| payload.text("/repository/project/key"));
    Ok(Push {
        project: owner?,
        slug: payload.text("/repository/full_name")?,
        hash: payload.text(hash)?,
        branch: branch?,
        ..Push::default()
    })
}

fn server(payload: Payload<'_>, side: &str, hash: &str) -> Result<Push, String> {
    let at = |field: &str| format!("/pullRequest/{side}/{field}");
    Ok(Push {
        project: payload.text(&at("repository/project/key"))?,
        slug: payload.text(&at("repository/slug"))?,
        hash: payload.text(hash)?,
        branch: payload.branch(&at("id"))?,
        ..Push::default()
    })
}
