//! Pipelines that are made from templates become plain ones before anything is decided about them (ADR 1).

use std::panic::{AssertUnwindSafe, catch_unwind};

use gennaker_intake::templated::{Made, expanded};
use gennaker_model::command::{Peer, PeerBody, Start};

use super::{Arrival, Owner, work::Work};

impl Owner {
    /// Makes the plain pipeline of a start beside the loop, which reads documents; `work` goes on with it.
    pub(super) fn expand(
        &self,
        start: Start,
        at: i64,
        work: impl FnOnce(Start) -> Work + Send + 'static,
    ) {
        let store = self.around.store.clone();
        let sender = self.sender.clone();
        let limits = self.around.config.rules.limits;
        self.beside("template", async move {
            let plain = store
                .expand(|answers| {
                    let made = || expanded(&start, at, &limits, answers);
                    match catch_unwind(AssertUnwindSafe(made)) {
                        Ok(Made::Ready(start)) => Ok(*start),
                        Ok(Made::Needs(need)) => Err(need),
                        // The panic is in the log; a start that is sent again for ever would only repeat it.
                        Err(_) => Ok(Start {
                            error: Some("the template could not be expanded".to_owned()),
                            ..start.clone()
                        }),
                    }
                })
                .await;
            let _ = sender.send(Arrival::Expanded(Box::new(work(plain)))).await;
        });
    }
}

/// The same message with another start.
pub(super) fn with_start(peer: &Peer, start: Start) -> Peer {
    Peer {
        body: PeerBody::StartChild(Box::new(start)),
        ..peer.clone()
    }
}
