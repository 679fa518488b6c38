//! Deleting an execution because somebody asked for it.

use gennaker_model::{
    ExecutionId,
    command::{EXPIRES_AFTER_MS, Refusal, RefusalCode, Reply},
};

use super::{Owner, Slot, caller::Caller, group::Group};
use crate::record;

impl Owner {
    pub(super) fn delete(
        &mut self,
        execution: &ExecutionId,
        at_ms: i64,
        responder: Option<Caller>,
        group: &mut Group,
    ) {
        let Some(Slot::Live(live)) = self.slots.get_mut(execution) else {
            return;
        };
        let refusal = |code, message| {
            Err(Refusal {
                code,
                message,
                execution: None,
            })
        };
        if live.state.goes_on() {
            let message = "Cannot delete a running pipeline, please cancel it first.".to_owned();
            return self.answer(responder, refusal(RefusalCode::Conflict, message));
        }
        if !live.state.book.announcements.open.is_empty() {
            let message = "what the execution has to tell is on its way; try again in a moment";
            let refused = refusal(RefusalCode::Conflict, message.to_owned());
            return self.answer(responder, refused);
        }
        if group.at - at_ms > EXPIRES_AFTER_MS {
            let message =
                "the request is too old and was not carried out; send it again".to_owned();
            return self.answer(responder, refusal(RefusalCode::Expired, message));
        }
        match record::encode_deleted(execution) {
            Ok(entry) => {
                live.deleted = true;
                group.add(execution, &entry);
                if let Some(responder) = responder {
                    group.answers.push((responder, Ok(Reply::Done)));
                }
            }
            Err(error) => self.answer(
                responder,
                refusal(
                    RefusalCode::Internal,
                    format!("it cannot be written: {error}"),
                ),
            ),
        }
    }
}
