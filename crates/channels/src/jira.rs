//! Jira: issues that are made, moved and commented. Source: echo `JiraNotificationService`, `JiraService`.
//!
//! Jira knows no key by which a repeated request could be told from a new one, and an issue cannot be searched for by a property
//! that we would set: what may have arrived is not repeated. Echo tries three times.

#[cfg(test)]
mod tests;

use gennaker_credentials::auth::{Secret, basic};
use gennaker_model::Map;
use gennaker_outbound::Request;
use gennaker_settings as settings;
use serde_json::{Value, json};

use crate::{
    channels::{below, read, secret_file},
    line::{Answer, Line, Repeat},
    notice::{Notice, Told, object, segment, shown, text},
    problem::Problem,
    receipt::Sent,
    text::message::{self, Markup, Message},
};

/// A Jira server.
#[derive(Clone, Debug)]
pub struct Jira {
    url: String,
    username: String,
    password: Secret,
}

/// An issue that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its number.
    pub id: Value,
    /// Its key: `OPS-7`.
    pub key: String,
    /// Its address in the API.
    pub address: Value,
}

impl Jira {
    /// From the settings; nothing without an address.
    #[must_use]
    pub fn of(set: &settings::Jira) -> Option<Self> {
        Some(Self {
            url: set.url.clone()?,
            username: set.username.clone()?,
            password: secret_file(set.password_file.as_ref())?,
        })
    }

    /// Makes an issue out of `fields` and, for links, `update`.
    ///
    /// # Errors
    /// [`Problem`]; a refusal quotes Jira.
    pub async fn create(&self, issue: &Value, line: &Line<'_>) -> Result<Created, Problem> {
        let answer = self.post("", issue, line).await?;
        let answer = answer.settled(Repeat::Never)?;
        let issue = answer.object(Repeat::Never)?;
        let key = issue["key"].as_str().map(str::to_owned);
        let key = key.ok_or_else(|| answer.garbage(Repeat::Never))?;
        Ok(Created {
            id: issue["id"].clone(),
            key,
            address: issue["self"].clone(),
        })
    }

    pub(crate) async fn deliver(&self, notice: &Notice, line: &Line<'_>) -> Result<Sent, Problem> {
        let Told::Message(message) = &notice.told else {
            return Err(Problem::refused("Jira is for messages, not for events"));
        };
        let context = &message.context;
        if let Some(transition) = object(context, "transitionContext") {
            let issue = context.get("jiraIssue").map(shown).unwrap_or_default();
            self.transition(&issue, transition, text(context, "comment"), line)
                .await
                .map_err(|problem| {
                    failed(&format!("Failed to transition Jira issue {issue}"), problem)
                })?;
            return Ok(Sent {
                to: vec![issue.clone()],
                reference: Some(issue),
                note: None,
            });
        }
        let issue = issue(message, notice).map_err(Problem::Refused)?;
        let created = self.create(&issue, line).await;
        let created = created.map_err(|problem| failed("Failed to create Jira Issue", problem))?;
        Ok(Sent {
            to: vec![created.key.clone()],
            note: created.address.as_str().map(str::to_owned),
            reference: Some(created.key),
        })
    }

    /// Moves an issue by the name of the transition, and says something about it.
    async fn transition(
        &self,
        issue: &str,
        wanted: &Map,
        comment: Option<&str>,
        line: &Line<'_>,
    ) -> Result<(), Problem> {
        if issue.is_empty() {
            return Err(Problem::refused("'jiraIssue' is missing"));
        }
        let name = object(wanted, "transition").and_then(|it| text(it, "name"));
        let name =
            name.ok_or_else(|| Problem::refused("'transitionContext' names no transition"))?;
        let path = format!("{}/transitions", segment(issue));
        let known = self.get(&path, line).await?;
        let known = known["transitions"].as_array().cloned().unwrap_or_default();
        let found = known.iter().find(|it| it["name"].as_str() == Some(name));
        let Some(found) = found else {
            let names: Vec<&str> = known.iter().filter_map(|it| it["name"].as_str()).collect();
            return Err(Problem::Refused(format!(
                "it has no transition '{name}', but {}",
                names.join(", ")
            )));
        };
        let mut body = wanted.clone();
        let mut transition = object(wanted, "transition").cloned().unwrap_or_default();
        transition.insert("id".to_owned(), found["id"].clone());
        body.insert("transition".to_owned(), transition.into());
        let moved = self.post(&path, &json!(body), line).await?;
        moved.settled(Repeat::Never)?;
        if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
            let path = format!("{}/comment", segment(issue));
            let said = self.post(&path, &json!({"body": comment}), line).await;
            let said = said.and_then(|answer| answer.settled(Repeat::Never));
            // It was moved: the whole must not be tried again.
            said.map_err(|problem| {
                Problem::Refused(format!("it was moved, and the comment failed: {problem}"))
            })?;
        }
        Ok(())
    }

    async fn get(&self, path: &str, line: &Line<'_>) -> Result<Value, Problem> {
        let request = Request::get(self.address(path)).header("Accept", "application/json");
        let request = request.secret_header("Authorization", self.proof().await?);
        let answer = line.deliver(request, Repeat::Harmless).await?;
        answer.object(Repeat::Harmless)
    }

    async fn post(&self, path: &str, body: &Value, line: &Line<'_>) -> Result<Answer, Problem> {
        let request = Request::post(self.address(path), "application/json", body.to_string())
            .header("Accept", "application/json")
            .secret_header("Authorization", self.proof().await?);
        line.send(request, Repeat::Never).await
    }

    fn address(&self, path: &str) -> String {
        below(&self.url, &format!("rest/api/2/issue/{path}"))
    }

    async fn proof(&self) -> Result<String, Problem> {
        Ok(basic(&self.username, &read(&self.password).await?))
    }
}

/// `issueContext`, whose `details` are lifted to its top. A judgement makes an issue of its own out of the notification's fields.
fn issue(message: &Message, notice: &Notice) -> Result<Value, String> {
    if let Some(given) = object(&message.context, "issueContext") {
        let mut issue = given.clone();
        if let Some(Value::Object(details)) = issue.shift_remove("details") {
            issue.extend(details);
        }
        return Ok(issue.into());
    }
    let fields = object(&notice.entry, "fields");
    let fields = fields.ok_or("there is neither 'issueContext' nor 'fields' of an issue")?;
    let mut fields = fields.clone();
    let mut fill = |key: &str, text: String| {
        fields.entry(key).or_insert_with(|| text.into());
    };
    fill("summary", message::subject(message));
    fill("description", message::body(message, Markup::Plain));
    Ok(json!({ "fields": fields }))
}

fn failed(what: &str, problem: Problem) -> Problem {
    let with = |reason: String| format!("{what}: {reason}");
    match problem {
        Problem::Later { reason, after } => Problem::Later {
            reason: with(reason),
            after,
        },
        Problem::Refused(reason) => Problem::Refused(with(reason)),
        Problem::Unknown(reason) => Problem::Unknown(with(reason)),
        Problem::Stopped => Problem::Stopped,
    }
}
