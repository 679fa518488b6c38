//! Answers for the API, which has no credentials: messages that are sent at once, and buttons that were pressed in Slack.

use bytes::Bytes;
use gennaker_channels::{
    Channel, Channels, Delivery, Problem, Receipt,
    line::{Freely, Line},
    notice::Notice,
    slack::{App, Pressed},
    text::message::OWN_SERVICE,
};
use gennaker_model::{
    Map,
    ask::{FromSlack, MESSAGE, MessageSent, SLACK, SendMessage, SlackSaid, VERSION},
};
use gennaker_runtime::Clock;
use gennaker_worker::{Answers, BoxFuture};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Longest text of a choice, in bytes.
const INPUT_BYTES_MAX: usize = 4 * 1024;

/// Sends messages at once. Source: echo `NotificationController.create`.
pub(super) struct Messages {
    channels: Channels,
    clock: Clock,
}

/// Answers what buttons in Slack mean. Source: echo `InteractiveNotificationCallbackHandler`.
pub(super) struct Slack {
    channels: Channels,
    clock: Clock,
}

impl Messages {
    pub(super) fn new(channels: Channels, clock: Clock) -> Self {
        Self { channels, clock }
    }

    async fn send(&self, question: &[u8]) -> MessageSent {
        let wish: SendMessage = match read(question) {
            Ok(wish) => wish,
            Err(problem) => return MessageSent::Refused(problem),
        };
        if let Err(problem) = known(wish.v) {
            return MessageSent::Refused(problem);
        }
        let notice = match Notice::message(&wish.notification, self.channels.base_url()) {
            Ok(notice) => notice,
            Err(problem) => return MessageSent::Refused(problem),
        };
        let now_ms = self.clock.now_ms();
        if Channel::parse(&notice.channel).is_none() {
            let nobody = Receipt::Ignored("no channel has this type".to_owned());
            return MessageSent::Receipt(nobody.json(&notice.channel, now_ms));
        }
        let delivery = Delivery {
            id: &wish.id,
            permit: &Freely,
            now_ms,
        };
        match self.channels.deliver(&notice, &delivery).await {
            Ok(receipt) => MessageSent::Receipt(receipt.json(&notice.channel, now_ms)),
            Err(Problem::Refused(reason)) => MessageSent::Refused(reason),
            Err(Problem::Unknown(reason)) => MessageSent::Unknown(reason),
            Err(problem @ (Problem::Later { .. } | Problem::Stopped)) => {
                MessageSent::Later(problem.to_string())
            }
        }
    }
}

impl Slack {
    pub(super) fn new(channels: Channels, clock: Clock) -> Self {
        Self { channels, clock }
    }

    async fn said(&self, question: &[u8]) -> Result<SlackSaid, SlackSaid> {
        let refused = SlackSaid::Refused;
        let from: FromSlack = read(question).map_err(refused)?;
        known(from.v).map_err(refused)?;
        let slack = self.channels.slack().and_then(|slack| slack.app());
        let app = slack.ok_or_else(|| {
            refused(
                "The settings have no [notifications.slack.app], so no button is believed"
                    .to_owned(),
            )
        })?;
        let now_ms = self.clock.now_ms();
        let pressed = app.pressed(
            &from.timestamp,
            &from.signature,
            from.body.as_bytes(),
            now_ms,
        );
        let pressed = pressed.await.map_err(refused)?;
        match from.answer {
            Some(answer) => {
                let line = self.line();
                let told = app.respond(&pressed, &answer, &line).await;
                told.map(|()| SlackSaid::Answered).map_err(unavailable)
            }
            None => self.decided(app, pressed).await,
        }
    }

    async fn decided(&self, app: &App, pressed: Pressed) -> Result<SlackSaid, SlackSaid> {
        let refused = |text: &str| SlackSaid::Refused(text.to_owned());
        if pressed.service != OWN_SERVICE {
            return Err(SlackSaid::Refused(format!(
                "No service '{}' is told about buttons in Slack",
                pressed.service
            )));
        }
        let (execution, stage) = pressed
            .message
            .split_once('/')
            .ok_or_else(|| refused("The message names no stage"))?;
        let patch = patch(&pressed.value).ok_or_else(|| refused("The button decides nothing"))?;
        let user = app
            .user(&pressed, &self.line())
            .await
            .map_err(unavailable)?;
        if !app.allows(&user) {
            return Err(SlackSaid::Refused(format!(
                "{user} may not decide by a button: notifications.slack.app.allowed_users"
            )));
        }
        Ok(SlackSaid::Decides {
            execution: execution.to_owned(),
            stage: stage.to_owned(),
            user_id: pressed.user_id,
            user,
            patch,
        })
    }

    fn line(&self) -> Line<'_> {
        Line::new(self.channels.client(), &Freely)
    }
}

impl Answers for Messages {
    fn about(&self) -> &'static str {
        MESSAGE
    }

    fn answer<'a>(&'a self, question: Bytes) -> BoxFuture<'a, Bytes> {
        Box::pin(async move { written(&self.send(&question).await) })
    }
}

impl Answers for Slack {
    fn about(&self) -> &'static str {
        SLACK
    }

    fn answer<'a>(&'a self, question: Bytes) -> BoxFuture<'a, Bytes> {
        Box::pin(async move {
            let said = self.said(&question).await;
            written(&said.unwrap_or_else(|refusal| refusal))
        })
    }
}

/// What a button of ours decides: nothing but a judgement, whatever else is in its value.
fn patch(value: &str) -> Option<Map> {
    let value: Map = serde_json::from_str(value).ok()?;
    let status = value.get("judgmentStatus")?.as_str()?;
    if !["continue", "stop"].contains(&status) {
        return None;
    }
    let mut patch = Map::new();
    patch.insert("judgmentStatus".to_owned(), status.into());
    if let Some(input) = value.get("judgmentInput").and_then(Value::as_str) {
        if input.len() > INPUT_BYTES_MAX {
            return None;
        }
        patch.insert("judgmentInput".to_owned(), input.into());
    }
    Some(patch)
}

fn unavailable(problem: Problem) -> SlackSaid {
    match problem {
        Problem::Refused(reason) => SlackSaid::Refused(reason),
        other @ (Problem::Later { .. } | Problem::Unknown(_) | Problem::Stopped) => {
            SlackSaid::Unavailable(other.to_string())
        }
    }
}

fn read<T: DeserializeOwned>(question: &[u8]) -> Result<T, String> {
    serde_json::from_slice(question)
        .map_err(|error| format!("the question cannot be read: {error}"))
}

fn known(v: u8) -> Result<(), String> {
    match v == VERSION {
        true => Ok(()),
        false => Err(format!(
            "questions of version {v} are not understood; this is version {VERSION}"
        )),
    }
}

fn written(answer: &impl Serialize) -> Bytes {
    serde_json::to_vec(answer).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_button_decides_a_judgement_and_nothing_else() {
        for (value, expected) in [
            (
                r#"{"judgmentStatus": "stop"}"#,
                Some(json!({"judgmentStatus": "stop"})),
            ),
            (
                r#"{"judgmentStatus": "continue", "judgmentInput": "a", "skip": true}"#,
                Some(json!({"judgmentStatus": "continue", "judgmentInput": "a"})),
            ),
            (r#"{"judgmentStatus": "maybe"}"#, None),
            (r#"{"skip": true}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(patch(value).map(Value::from), expected, "{value}");
        }
    }
}
