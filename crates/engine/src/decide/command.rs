//! What people and clients ask for. Each command is answered once; a repeat gets the same answer.

use gennaker_model::{
    CommandId, LastModified, Map, StageId, Status,
    command::{EXPIRES_AFTER_MS, Refusal, RefusalCode, Reply},
};
use serde_json::json;

use super::draft::{Draft, Message};
use crate::{event::Event, input::Change, state::Seen};

impl Draft<'_> {
    pub(super) fn command(&mut self, id: &CommandId, at_ms: i64, change: &Change) {
        if let Some(seen) = self.state.book.seen.iter().find(|seen| seen.id == *id) {
            let answer = seen.answer.clone();
            self.reply(answer);
            return;
        }
        if self.now() - at_ms > EXPIRES_AFTER_MS {
            let age = (self.now() - at_ms) / 1000;
            self.refuse(
                RefusalCode::Expired,
                format!("the request is {age} s old and was not carried out; send it again"),
            );
            return;
        }
        let answer = match change {
            Change::Cancel { user, reason } => {
                self.cancel(user, reason.clone());
                Ok(Reply::Done)
            }
            Change::Pause { user } => self.pause(user),
            Change::Resume { user } => self.resume(user),
            Change::PatchStage {
                stage,
                patch,
                user,
                roles,
            } => self.patch(stage, patch, user, roles.as_deref()),
            Change::RestartStage {
                stage,
                preconditions,
                user,
            } => self.restart_asked(stage, user, preconditions.as_ref()),
        };
        let seen = Seen {
            id: id.clone(),
            at: self.now(),
            answer: answer.clone(),
        };
        self.emit(Event::CommandAnswered {
            seen: Box::new(seen),
        });
        self.reply(answer);
    }

    fn patch(
        &mut self,
        id: &StageId,
        patch: &Map,
        user: &str,
        roles: Option<&[String]>,
    ) -> Result<Reply, Refusal> {
        let Some(stage) = self.stage(id) else {
            let message = format!("execution {} has no stage {id}", self.state.doc.id);
            return Err(Refusal {
                code: RefusalCode::NotFound,
                message,
                execution: None,
            });
        };
        if patch.contains_key("manualSkip") {
            let allowed = self
                .context
                .catalogue
                .stage(super::effective_kind(&stage))
                .is_some_and(|definition| definition.can_manually_skip(&stage.context));
            if !allowed {
                let message = format!(
                    "stage {} of type {} cannot be skipped by hand",
                    stage.name, stage.kind
                );
                return Err(Refusal {
                    code: RefusalCode::NotAllowed,
                    message,
                    execution: None,
                });
            }
        }
        let definition = self.context.catalogue.stage(super::effective_kind(&stage));
        let mut context = match definition {
            Some(definition) => definition.patched(&stage.context, patch.clone(), roles),
            None => patch.clone(),
        };
        context.insert("lastModifiedBy".to_owned(), json!(user));
        self.set_context(id, context);
        let by = LastModified {
            user: user.to_owned(),
            allowed_accounts: self.state.doc.authentication.allowed_accounts.clone(),
            last_modified_time: self.now(),
        };
        self.emit(Event::StageModified {
            stage: id.clone(),
            by,
        });
        if stage.status == Status::Running {
            self.push(Message::RunTask(id.clone()));
            if patch.contains_key("manualSkip") {
                self.push(Message::SkipByHand(id.clone()));
            }
        }
        Ok(Reply::Done)
    }

    pub(super) fn conflict(&self, message: String) -> Refusal {
        Refusal {
            code: RefusalCode::Conflict,
            message,
            execution: None,
        }
    }
}
