//! Stash, as Bitbucket's server was called before.
//!
//! Source: echo `StashWebhookEventHandler`.

use super::{Payload, Push, Read, Scm, is_deletion};

pub(super) fn read(payload: Payload<'_>) -> Read {
    let list = match payload.at("/refChanges").is_some() {
        true => "/refChanges/0",
        false => "/changes/0",
    };
    let push = Push {
        project: payload.text("/repository/project/key")?,
        slug: payload.text("/repository/slug")?,
        hash: payload.text(&format!("{list}/toHash"))?,
        branch: payload.branch(&format!("{list}/refId"))?,
        ..Push::default()
    };
    if is_deletion(&push.hash) {
        return Ok(Scm::Ignored(format!(
            "the branch {:?} was deleted",
            push.branch
        )));
    }
    Ok(Scm::Push(push))
}
