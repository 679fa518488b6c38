//! `launchGremlinAttack`, `monitorGremlinAttack`, `haltGremlinAttack`. Source: orca `LaunchGremlinAttackTask`,
//! `MonitorGremlinAttackTask`, `GremlinStage.cancel` (reference 6.17).
//!
//! Gremlin knows no key by which a repeated launch could be told from a new one: it is not repeated when its call may have arrived.

use std::time::Duration;

use gennaker_model::{Map, work::TaskMessage};
use gennaker_outbound::{Client, Request};
use gennaker_worker::{BoxFuture, Ctx, Done, Effect, Failure, Stopped, Task};
use serde_json::{Value, json};

use super::{
    Gremlin,
    call::{Answer, below, failed, secret, send},
};
use crate::limits::CALL_MS_MAX;

/// Orca's back-off of the look at an attack.
const AGAIN: Duration = Duration::from_secs(10);

/// What Gremlin calls the attack, in the context of the stage.
const GUID: &str = "gremlinAttackGuid";

/// Set when the attack is over.
const TERMINAL: &str = "isGremlinTerminal";

/// Longest text of an answer that is taken for the name of an attack.
const GUID_BYTES_MAX: usize = 256;

/// Begins an attack from two templates.
pub(crate) struct LaunchAttack(Service);

/// Looks whether it is over.
pub(crate) struct MonitorAttack(Service);

/// Ends it before its time.
pub(crate) struct HaltAttack(Service);

struct Service {
    client: Client,
    gremlin: Gremlin,
}

impl Service {
    async fn call(
        &self,
        ctx: &Ctx,
        mut request: Request,
        may_repeat: bool,
    ) -> Result<Answer, Failure> {
        let key = match text(ctx.input(), "gremlinApiKey") {
            Some(key) => key.to_owned(),
            None => match &self.gremlin.api_key_file {
                Some(file) => secret(ctx, "services.gremlin.api_key_file", file).await?,
                None => return Err(failed(ctx, "RuntimeException", "No API Key provided")),
            },
        };
        let authorization = format!("Key {key}");
        request
            .secret_headers
            .push(("Authorization".to_owned(), authorization));
        let request = request.header("X-Gremlin-Agent", "spinnaker/0.1.0");
        let answer = send(&self.client, ctx, request, may_repeat, AGAIN).await?;
        if answer.is_busy() || (may_repeat && answer.status >= 500) {
            return Err(Failure::retry_later(AGAIN));
        }
        Ok(answer)
    }

    async fn launch(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let template = |field: &str, what: &str| {
            let id = text(ctx.input(), field);
            let missing = || {
                failed(
                    ctx,
                    "RuntimeException",
                    &format!("No {what} template provided"),
                )
            };
            id.map(|id| json!({ "template_id": id }))
                .ok_or_else(missing)
        };
        let attack = json!({
            "command": template("gremlinCommandTemplateId", "command")?,
            "target": template("gremlinTargetTemplateId", "target")?,
        });
        let url = below(&self.gremlin.base_url, "attacks/new");
        let request = Request::post(url, "application/json", attack.to_string());
        let answer = self.call(ctx, request, false).await?;
        let guid = guid_in(&answer).filter(|_| answer.is_success());
        let Some(guid) = guid else {
            let reason = format!("Gremlin did not begin the attack: {}", answer.shown());
            return Err(failed(ctx, "SpinnakerHttpException", &reason));
        };
        Ok(Done {
            context: [(GUID.to_owned(), json!(guid))].into_iter().collect(),
            reference: Some(guid),
            ..Done::default()
        })
    }

    async fn look(&self, ctx: &Ctx) -> Result<Done, Failure> {
        let guid = attack_of(ctx)?;
        let url = below(&self.gremlin.base_url, "executions");
        let url = format!("{url}?taskId={}", encoded(guid));
        let answer = self.call(ctx, Request::get(url), true).await?;
        let listed = answer.json().filter(|_| answer.is_success());
        let Some(Value::Array(listed)) = listed else {
            let reason = format!("Gremlin does not tell of the attack: {}", answer.shown());
            return Err(failed(ctx, "SpinnakerHttpException", &reason));
        };
        judge(&listed).map_err(|problem| match problem {
            Some(reason) => over(failed(ctx, "RuntimeException", &reason)),
            None => Failure::retry_later(AGAIN),
        })
    }

    /// Ends an attack; what went wrong, for people.
    async fn halt(&self, ctx: &Ctx, guid: &str) -> Result<Option<String>, Failure> {
        let url = below(&self.gremlin.base_url, "attacks");
        let url = format!("{url}/{}", encoded(guid));
        let answer = self.call(ctx, Request::new("DELETE", url), true).await?;
        // One that is not known is over.
        let halted = answer.is_success() || answer.status == 404;
        Ok((!halted).then(|| answer.shown()))
    }
}

impl LaunchAttack {
    pub(crate) fn new(client: Client, gremlin: Gremlin) -> Self {
        Self(Service { client, gremlin })
    }
}

impl MonitorAttack {
    pub(crate) fn new(client: Client, gremlin: Gremlin) -> Self {
        Self(Service { client, gremlin })
    }
}

impl HaltAttack {
    pub(crate) fn new(client: Client, gremlin: Gremlin) -> Self {
        Self(Service { client, gremlin })
    }
}

impl Task for LaunchAttack {
    fn kind(&self) -> &'static str {
        "launchGremlinAttack"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Blind {
            call_ms_max: CALL_MS_MAX,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.0.launch(ctx))
    }

    fn stop<'a>(
        &'a self,
        ctx: &'a Ctx,
        reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async move {
            let Some(guid) = reference else {
                let remains = "a Gremlin attack may have begun, and its name is not known";
                return Ok(Stopped::Remains(remains.to_owned()));
            };
            Ok(match self.0.halt(ctx, guid).await? {
                None => Stopped::Gone,
                Some(problem) => {
                    Stopped::Remains(format!("the Gremlin attack {guid} goes on: {problem}"))
                }
            })
        })
    }

    fn unknown(&self, _message: &TaskMessage) -> String {
        "the Gremlin attack may have begun: the worker that asked for it was lost, or got no answer. It is not begun again, because \
         there might be two then"
            .to_owned()
    }
}

impl Task for MonitorAttack {
    fn kind(&self) -> &'static str {
        "monitorGremlinAttack"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::None
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(self.0.look(ctx))
    }
}

impl Task for HaltAttack {
    fn kind(&self) -> &'static str {
        "haltGremlinAttack"
    }

    fn effect(&self, _message: &TaskMessage) -> Effect {
        Effect::Repeatable {
            call_ms_max: CALL_MS_MAX,
        }
    }

    fn run<'a>(&'a self, ctx: &'a Ctx) -> BoxFuture<'a, Result<Done, Failure>> {
        Box::pin(async move {
            let guid = attack_of(ctx)?;
            match self.0.halt(ctx, guid).await? {
                None => Ok(Done::default()),
                Some(problem) => {
                    let reason = format!("the Gremlin attack {guid} goes on: {problem}");
                    Err(failed(ctx, "SpinnakerHttpException", &reason))
                }
            }
        })
    }

    /// Nobody takes a halt back.
    fn stop<'a>(
        &'a self,
        _ctx: &'a Ctx,
        _reference: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Stopped, Failure>> {
        Box::pin(async { Ok(Stopped::Gone) })
    }
}

/// The parts of an attack: all over and none failed, or why not; without a reason it goes on.
fn judge(listed: &[Value]) -> Result<Done, Option<String>> {
    let of = |part: &Value, key: &str| part.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut failure = None;
    for part in listed {
        if of(part, "end_time").is_none() {
            return Err(None);
        }
        if of(part, "stage_lifecycle").as_deref() == Some("Error") {
            let (stage, output) = (of(part, "stage"), of(part, "output"));
            failure = Some(format!(
                "Gremlin run failed ({}) with output : {}",
                stage.as_deref().unwrap_or("null"),
                output.as_deref().unwrap_or("null")
            ));
        }
    }
    match failure {
        Some(reason) => Err(Some(reason)),
        None => Ok(Done {
            context: [(TERMINAL.to_owned(), json!("true"))].into_iter().collect(),
            ..Done::default()
        }),
    }
}

/// The attack has failed, and there is nothing to halt.
fn over(failure: Failure) -> Failure {
    match failure {
        Failure::GiveUp(mut why) => {
            why.context.insert(TERMINAL.to_owned(), json!("true"));
            Failure::GiveUp(why)
        }
        other => other,
    }
}

/// The name of an attack, as text or as JSON text.
fn guid_in(answer: &Answer) -> Option<String> {
    let text = match answer.json() {
        Some(Value::String(text)) => text,
        Some(_) => return None,
        None => answer.text.trim().to_owned(),
    };
    let is_name = |it: &char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
    let holds = !text.is_empty() && text.len() <= GUID_BYTES_MAX;
    (holds && text.chars().all(|it| is_name(&it))).then_some(text)
}

fn attack_of(ctx: &Ctx) -> Result<&str, Failure> {
    let missing = "Could not find an active Gremlin attack GUID";
    text(ctx.input(), GUID).ok_or_else(|| failed(ctx, "RuntimeException", missing))
}

fn text<'a>(input: &'a Map, key: &str) -> Option<&'a str> {
    let text = input.get(key).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
