//! Messages: sent at once for whoever asks, and buttons in chats that decide judgements. Workers of the pool `notify` have the
//! credentials; they are asked.
//!
//! Source: echo `NotificationController`, gate `NotificationController.processNotificationCallback`. Deciding a judgement by a button is
//! ours: Echo passes buttons on to services such as Keel alone.

use std::time::Duration;

use axum::http::StatusCode;
use gennaker_bus::{CommandError, subject};
use gennaker_model::{
    ExecutionId, Map, StageId, Status,
    ask::{FromSlack, MESSAGE, MessageSent, NOTIFY_POOL, SLACK, SendMessage, SlackSaid, VERSION},
    command::Request,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Gate,
    answer::Answer,
    call::{Call, uuid},
    executions,
    problem::Problem,
};

/// How long a worker may take to send a message.
const SEND_WAIT: Duration = Duration::from_secs(40);

/// How long a worker may take to say what a button means: it asks Slack who pressed it.
const SLACK_WAIT: Duration = Duration::from_secs(10);

/// Largest message from a chat, in bytes.
const CALLBACK_BYTES_MAX: usize = 256 * 1024;

/// `POST /notifications`: sends a message by the channel of its `notificationType`. Answers Echo's, with the receipt added; a type
/// that no channel has is answered with nothing.
pub(crate) async fn send(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let notification = call.object()?;
    if !notification
        .get("notificationType")
        .is_some_and(Value::is_string)
    {
        return Err(Problem::bad_request("'notificationType' is missing"));
    }
    let wish = SendMessage {
        v: VERSION,
        id: uuid(call.random),
        notification,
    };
    let what = "sent the message";
    match ask(&gate, MESSAGE, &wish, SEND_WAIT, what).await? {
        MessageSent::Receipt(receipt) if receipt.get("status") == Some(&json!("ignored")) => {
            Ok(Answer::empty())
        }
        MessageSent::Receipt(receipt) => Ok(Answer::json(answered(&wish.notification, receipt))),
        MessageSent::Refused(reason) => Err(Problem::bad_request(reason)),
        MessageSent::Later(reason) => Err(Problem::unavailable(reason)),
        // Not 503: who repeats it by itself might send it twice.
        MessageSent::Unknown(reason) => Err(Problem::new(
            StatusCode::BAD_GATEWAY,
            format!("The message may have been sent: {reason}"),
        )),
    }
}

/// `POST /notifications/callbacks/{source}`: somebody pressed a button in a chat.
pub(crate) async fn callback(gate: Gate, call: Call) -> Result<Answer, Problem> {
    let source = call.param("source");
    if !source.eq_ignore_ascii_case("slack") {
        return Err(Problem::not_found(format!(
            "NotificationService for {source} not registered"
        )));
    }
    if call.body.len() > CALLBACK_BYTES_MAX {
        return Err(Problem::too_large(format!(
            "The callback has {} bytes, more than the limit of {CALLBACK_BYTES_MAX}",
            call.body.len()
        )));
    }
    let header = |name: &str| {
        let found = call.header(name).map(str::to_owned);
        found.ok_or_else(|| Problem::bad_request(format!("The header {name} is missing")))
    };
    let mut from = FromSlack {
        v: VERSION,
        timestamp: header("x-slack-request-timestamp")?,
        signature: header("x-slack-signature")?,
        body: String::from_utf8(call.body.to_vec())
            .map_err(|_| Problem::bad_request("The callback is not UTF-8"))?,
        answer: None,
    };
    let what = "said what the button means";
    let (user, user_id, execution, stage, patch) =
        match ask(&gate, SLACK, &from, SLACK_WAIT, what).await? {
            SlackSaid::Decides {
                user,
                user_id,
                execution,
                stage,
                patch,
            } => (user, user_id, execution, stage, patch),
            SlackSaid::Refused(reason) => return Err(Problem::bad_request(reason)),
            SlackSaid::Unavailable(reason) => return Err(Problem::unavailable(reason)),
            SlackSaid::Answered => return Err(Problem::internal("The answer is of another kind")),
        };
    let said = decide(&gate, &call, &execution, &stage, patch, &user).await;
    // Slack shows no error to who pressed the button, so what went wrong is said in the message.
    from.answer = Some(match &said {
        Ok(action) => format!("User <@{user_id}> clicked the *{action}* action."),
        Err(problem) => format!("User <@{user_id}> decided nothing: {}", problem.message),
    });
    match ask(&gate, SLACK, &from, SLACK_WAIT, "answered in Slack").await {
        Ok(SlackSaid::Answered) => {}
        Ok(SlackSaid::Refused(reason) | SlackSaid::Unavailable(reason)) => {
            tracing::warn!("a message in Slack still shows its buttons: {reason}");
        }
        Ok(SlackSaid::Decides { .. }) => {}
        Err(problem) => {
            tracing::warn!(
                "a message in Slack still shows its buttons: {}",
                problem.message
            );
        }
    }
    said.map(|_| Answer::empty())
}

/// Decides a judgement that waits; what the button was called.
async fn decide(
    gate: &Gate,
    call: &Call,
    execution: &str,
    stage: &str,
    patch: Map,
    user: &str,
) -> Result<String, Problem> {
    let gone = || Problem::not_found(format!("Pipeline not found (id: {execution})"));
    let id = ExecutionId::new(execution).map_err(|_| gone())?;
    let stage_id = StageId::new(stage).map_err(|_| gone())?;
    let found = executions::read(gate, call, &id).await?;
    let waiting = found.stages.iter().find(|it| it.id == stage_id);
    let waiting = waiting.filter(|it| it.kind == "manualJudgment" && it.status == Status::Running);
    // The buttons stay where they are when somebody decides elsewhere.
    let waiting = waiting
        .ok_or_else(|| Problem::bad_request("The stage does not wait for a judgement any more"))?;
    if waiting
        .context
        .get("judgmentStatus")
        .and_then(Value::as_str)
        .is_some_and(|it| !it.is_empty())
    {
        return Err(Problem::bad_request("The judgement was made already"));
    }
    let action = match (patch.get("judgmentStatus"), patch.get("judgmentInput")) {
        (Some(status), _) if status == "stop" => "Stop".to_owned(),
        (_, Some(Value::String(input))) => input.clone(),
        _ => "Continue".to_owned(),
    };
    let request = Request::PatchStage {
        execution: id.clone(),
        stage: stage_id,
        patch,
        user: user.to_owned(),
        // As for all requests: nobody's roles are known.
        roles: None,
    };
    executions::done(gate, &id, call.ask("patch", request), "Pipeline").await?;
    tracing::info!(execution.id = %id, "{user} decided a judgement of execution {id} in Slack");
    Ok(action)
}

/// Echo's answer, which for an issue of Jira says what it is called; and the receipt.
fn answered(notification: &Map, receipt: Map) -> Value {
    let kind = notification.get("notificationType").and_then(Value::as_str);
    let is_issue = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("JIRA"));
    let mut answer = json!({});
    if let (true, Some(key)) = (is_issue, receipt.get("reference")) {
        answer["value"] = json!({"key": key, "self": receipt.get("note")});
    }
    answer["receipt"] = receipt.into();
    answer
}

async fn ask<Q: Serialize, A: DeserializeOwned>(
    gate: &Gate,
    about: &str,
    question: &Q,
    wait: Duration,
    what: &str,
) -> Result<A, Problem> {
    let payload =
        serde_json::to_vec(question).map_err(|error| Problem::internal(error.to_string()))?;
    let subject = subject::ask(NOTIFY_POOL, about);
    let answer = match gate.bus().ask(subject, payload.into(), wait).await {
        Ok(answer) => answer,
        Err(CommandError::NoOwner) => {
            return Err(Problem::unavailable(format!(
                "No worker of the pool {NOTIFY_POOL} runs"
            )));
        }
        // The wish may have been heard: nobody is to repeat it unseen.
        Err(CommandError::Timeout) => {
            return Err(Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                format!("No worker of the pool {NOTIFY_POOL} has {what} within {wait:?}"),
            ));
        }
        Err(error) => {
            return Err(Problem::new(
                StatusCode::BAD_GATEWAY,
                format!("The workers of the pool {NOTIFY_POOL} cannot be asked: {error}"),
            ));
        }
    };
    serde_json::from_slice(&answer)
        .map_err(|error| Problem::internal(format!("A worker's answer cannot be read: {error}")))
}
