//! `createJiraIssue`: one issue. Source: orca `CreateJiraIssueTask`, echo `JiraNotificationService` (reference 6.7).
//!
//! Jira cannot tell a repeated request from a new one: the task is not repeated when its call may have arrived.

use std::time::Duration;

use gennaker_channels::{Problem, jira::Jira, line::Line};
use gennaker_model::{Map, work::TaskMessage};
use gennaker_outbound::Client;
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Task};
use serde_json::{Value, json};

use super::call::{ended, failed, not_set};
use crate::{limits::CALL_MS_MAX, notifications::TaskPermit};

/// Orca's back-off.
const AGAIN: Duration = Duration::from_secs(30);

/// Creates the issue that stands in the stage's `fields` and `update`.
pub(crate) struct CreateIssue {
    client: Client,
    jira: Option<Jira>,
}

impl CreateIssue {
    pub(crate) fn new(client: Client, jira: Option<Jira>) -> Self {
        Self { client, jira }
    }

    async fn create(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let jira = self.jira.as_ref();
        let jira = jira.ok_or_else(|| not_set(ctx, "Jira", "services.jira"))?;
        let issue = issue(ctx.input());
        let issue = issue.map_err(|it| failed(ctx, "IllegalArgumentException", &it))?;
        let permit = TaskPermit(ctx);
        let created = jira.create(&issue, &Line::new(&self.client, &permit)).await;
        let created = created.map_err(|problem| {
            let project = &issue["fields"]["project"];
            let project = project.get("key").or_else(|| project.get("id"));
            let project = project.and_then(Value::as_str).unwrap_or("null");
            let with =
                |reason| format!("Failed to create Jira Issue for project {project}: {reason}");
            let problem = match problem {
                Problem::Refused(reason) => Problem::Refused(with(reason)),
                other @ (Problem::Later { .. } | Problem::Unknown(_) | Problem::Stopped) => other,
            };
            ended(ctx, problem, "CreateJiraIssueException", AGAIN)
        })?;
        let value = json!({"id": created.id, "key": created.key, "self": created.address});
        let mut context = Map::new();
        let response = json!({ "value": value });
        context.insert("createJiraIssueResponse".to_owned(), response);
        Ok(Done {
            reference: Some(created.key),
            context,
            ..Done::default()
        })
    }
}

impl Task for CreateIssue {
    fn kind(&self) -> &'static str {
        "createJiraIssue"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Blind {
            call_ms_max: CALL_MS_MAX,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.create(ctx))
    }

    fn unknown(&self, _message: &TaskMessage) -> String {
        "the Jira issue may have been created: the worker that asked for it was lost, or got no answer. It is not created again, \
         because there might be two then"
            .to_owned()
    }
}

/// The request's body: what Jira calls `fields`, and `update` for links.
fn issue(input: &Map) -> Result<Value, String> {
    let fields = match input.get("fields") {
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err("'fields' must be an object".to_owned()),
        None => return Err("the stage has no 'fields' of an issue".to_owned()),
    };
    if !fields.get("project").is_some_and(Value::is_object) {
        return Err("'fields.project' must be an object with a key or an id".to_owned());
    }
    let mut issue = Map::new();
    issue.insert("fields".to_owned(), json!(fields));
    if let Some(update @ Value::Object(_)) = input.get("update") {
        issue.insert("update".to_owned(), update.clone());
    }
    Ok(issue.into())
}
