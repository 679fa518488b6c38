//! GitLab.
//!
//! Source: echo `GitlabWebhookEventHandler`. Echo fails on merge requests, whose bodies have no `ref`; here they are read.

use gennaker_model::Map;

use super::{Payload, Push, Read, Scm};

pub(super) fn read(payload: Payload<'_>) -> Read {
    let action = payload.text("/object_kind")?;
    let is_merge_request = action == "merge_request";
    let (hash, branch) = if is_merge_request {
        (
            payload.text("/object_attributes/last_commit/id")?,
            payload.text("/object_attributes/source_branch")?,
        )
    } else {
        (payload.text("/after")?, payload.branch("/ref")?)
    };
    Ok(Scm::Push(Push {
        project: payload.text("/project/namespace")?,
        slug: payload.text("/project/name")?,
        hash,
        branch,
        action,
        properties: Map::new(),
    }))
}
