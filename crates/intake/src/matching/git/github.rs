//! GitHub, and what speaks like it (Gitea).
//!
//! Source: echo `GithubWebhookEventHandler`.

use gennaker_model::Map;

use super::{Header, Payload, Push, Read, Scm};

pub(super) fn read(header: &Header, payload: Payload<'_>) -> Read {
    if payload.at("/hook_id").is_some() {
        return Ok(Scm::Ignored("it is GitHub's ping".to_owned()));
    }
    if payload.at("/pull_request").is_some() {
        return pull_request(payload);
    }
    if payload.find("/ref_type") == Some("branch") {
        let event = header.headers.get("x-github-event");
        let event = event.ok_or("the header X-GitHub-Event is missing")?;
        return Ok(Scm::Push(Push {
            project: payload.text("/repository/owner/login")?,
            slug: payload.text("/repository/name")?,
            branch: payload.text("/ref")?,
            action: format!("branch:{event}"),
            ..Push::default()
        }));
    }
    let owner = payload
        .text("/repository/owner/name")
        // Gitea's owners have a `login` only.
        .or_else(|problem| payload.text("/repository/owner/login").map_err(|_| problem));
    Ok(Scm::Push(Push {
        project: owner?,
        slug: payload.text("/repository/name")?,
        hash: payload.text("/after")?,
        branch: payload.branch("/ref")?,
        action: "push:push".to_owned(),
        properties: Map::new(),
    }))
}

fn pull_request(payload: Payload<'_>) -> Read {
    let mut properties = Map::new();
    for field in ["number", "draft", "state", "title"] {
        if let Some(value) = payload.at(&format!("/pull_request/{field}")) {
            properties.insert(field.to_owned(), value.clone());
        }
    }
    let action = payload.text("/action")?;
    Ok(Scm::Push(Push {
        project: payload.text("/repository/owner/login")?,
        slug: payload.text("/repository/name")?,
        hash: payload.text("/pull_request/head/sha")?,
        branch: payload.text("/pull_request/head/ref")?,
        action: format!("pull_request:{action}"),
        properties,
    }))
}
