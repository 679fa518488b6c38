//! What is to be told: an event of an execution, or a message. Read from plain JSON, strict only about what no channel can do without.

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::text::message::{Actions, Message, State};

/// What is to be told, and by which channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The type of the notification as it was configured, for example `slack`.
    pub channel: String,
    /// The configured notification.
    pub entry: Map,
    /// What it is about.
    pub told: Told,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// An execution or one of its stages started or ended.
    Event(Box<Happened>),
    /// A message with its own texts, or about a manual judgement.
    Message(Box<Message>),
}

/// Something that happened to an execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// What it happened to.
    pub kind: Kind,
    /// `starting`, `complete` or `failed`.
    pub status: String,
    /// The application.
    pub application: String,
    /// The event's `details`: `type`, `application`, `source`.
    pub details: Map,
    /// The execution, or a summary of it.
    pub execution: Map,
    /// The stage, if it is about one.
    pub stage: Map,
    /// Where people see the execution.
    pub link: String,
}

/// What an event is about. Source: echo `AbstractEventNotificationAgent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pipeline.
    Pipeline,
    /// An execution that is none.
    Orchestration,
    /// A stage.
    Stage,
    /// A task of a stage.
    Task,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "pipeline" => Self::Pipeline,
            "orchestration" => Self::Orchestration,
            "stage" => Self::Stage,
            "task" => Self::Task,
            _ => return None,
        })
    }

    /// The word in types of events and in `when`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Orchestration => "orchestration",
            Self::Stage => "stage",
            Self::Task => "task",
        }
    }

    /// Where the pages of Spinnaker show it.
    const fn path(self) -> &'static str {
        match self {
            Self::Pipeline | Self::Stage => "executions/details",
            Self::Orchestration | Self::Task => "tasks",
        }
    }
}

impl Notice {
    /// Reads a notification that is due: the configured entry, the word `when` for which it is due, the event, the execution, its
    /// stage if it is about one, where people see the execution, and the judgement if it is about one.
    ///
    /// `base_url` is the address of the pages, for links that are not given.
    ///
    /// # Errors
    /// What is missing, as a sentence.
    pub fn due(input: &Map, base_url: &str) -> Result<Self, String> {
        let entry = object(input, "notification").ok_or("there is no notification")?;
        let channel = text(entry, "type").ok_or("the notification has no type")?;
        let when = text(input, "when").unwrap_or_default();
        let details = object(input, "event").cloned().unwrap_or_default();
        let execution = object(input, "execution").cloned().unwrap_or_default();
        let stage = object(input, "stage").cloned().unwrap_or_default();
        let application = text(&details, "application").or_else(|| text(&execution, "application"));
        let application = application.ok_or("the event has no application")?;
        let link = text(input, "link").filter(|link| !link.is_empty());
        let link = |kind: Kind| {
            let id = text(&execution, "id").unwrap_or_default();
            link.map_or_else(|| link_of(base_url, application, kind, id), str::to_owned)
        };
        let told = match State::parse(when) {
            Some(state) => {
                let judgment = object(input, "judgment").cloned().unwrap_or_default();
                let link = link(Kind::Pipeline);
                let asked = judged(
                    state,
                    entry,
                    &execution,
                    &stage,
                    &judgment,
                    application,
                    link,
                );
                Told::Message(Box::new(asked))
            }
            None => {
                let (kind, status) = kind_and_status(&details, when)?;
                Told::Event(Box::new(Happened {
                    link: link(kind),
                    kind,
                    status,
                    application: application.to_owned(),
                    details,
                    execution,
                    stage,
                }))
            }
        };
        Ok(Self {
            channel: channel.to_owned(),
            entry: entry.clone(),
            told,
        })
    }

    /// Reads the body of Echo's `POST /notifications`. Source: echo `Notification`.
    ///
    /// # Errors
    /// What is missing, as a sentence.
    pub fn message(body: &Map, base_url: &str) -> Result<Self, String> {
        let channel = text(body, "notificationType").ok_or("'notificationType' is missing")?;
        let source = object(body, "source").cloned().unwrap_or_default();
        let of = |key: &str| text(&source, key).unwrap_or_default().to_owned();
        let group = text(body, "templateGroup").filter(|group| !group.is_empty());
        let state = match group {
            None => None,
            Some(group) => Some(State::parse(group).ok_or_else(|| {
                format!("there is no template group '{group}': those of manual judgements are built in, others are not")
            })?),
        };
        let context = object(body, "additionalContext")
            .cloned()
            .unwrap_or_default();
        let (application, execution_id) = (of("application"), of("executionId"));
        let mut link = link_of(base_url, &application, Kind::Pipeline, &execution_id);
        link = with_stage(link, &context);
        let actions = object(body, "interactiveActions")
            .map(Actions::read)
            .transpose()?;
        Ok(Self {
            channel: channel.to_owned(),
            entry: Map::new(),
            told: Told::Message(Box::new(Message {
                state,
                to: texts(body, "to")?,
                cc: texts(body, "cc")?,
                application,
                execution_type: of("executionType"),
                execution_id,
                user: of("user"),
                context,
                link,
                actions,
            })),
        })
    }

    /// The addresses that it goes to.
    #[must_use]
    pub fn to(&self) -> Vec<String> {
        match &self.told {
            Told::Message(message) if self.entry.is_empty() => message.to.clone(),
            Told::Message(_) | Told::Event(_) => {
                let of = |key| text(&self.entry, key).filter(|it| !it.trim().is_empty());
                let address = of("address").or_else(|| of("publisherName"));
                address.map(str::to_owned).into_iter().collect()
            }
        }
    }

    /// The one address that it goes to.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn address(&self) -> Result<String, crate::Problem> {
        self.to()
            .into_iter()
            .next()
            .ok_or_else(|| crate::Problem::refused("the notification has no address"))
    }

    /// The whole event as Echo's listeners get it: `details` and `content`.
    #[must_use]
    pub fn event_json(&self, id: &str) -> Value {
        match &self.told {
            Told::Message(message) => json!(message.context),
            Told::Event(event) => {
                let mut content = Map::new();
                if let Some(stage_id) = event.stage.get("id") {
                    content.insert("stageId".to_owned(), stage_id.clone());
                }
                for key in ["name", "type", "context"] {
                    if let Some(value) = event.stage.get(key) {
                        content.insert(key.to_owned(), value.clone());
                    }
                }
                if let Some(id) = event.execution.get("id") {
                    content.insert("executionId".to_owned(), id.clone());
                }
                content.insert("execution".to_owned(), json!(event.execution));
                let mut details = event.details.clone();
                details
                    .entry("source")
                    .or_insert_with(|| Value::from("orca"));
                json!({"details": details, "content": content, "eventId": id})
            }
        }
    }
}

impl Happened {
    /// `pipeline.complete` and the like.
    #[must_use]
    pub fn when(&self) -> String {
        format!("{}.{}", self.kind.word(), self.status)
    }

    /// A text of the execution.
    #[must_use]
    pub fn of_execution(&self, key: &str) -> Option<&str> {
        text(&self.execution, key)
    }

    /// A field of the stage's context.
    #[must_use]
    pub fn of_context(&self, key: &str) -> Option<&Value> {
        object(&self.stage, "context")?.get(key)
    }

    /// The name of the stage.
    #[must_use]
    pub fn stage_name(&self) -> &str {
        let details = || self.of_context("stageDetails")?.get("name")?.as_str();
        text(&self.stage, "name")
            .or_else(details)
            .unwrap_or_default()
    }

    /// A field of the entry, else of the stage's context.
    #[must_use]
    pub fn own<'a>(&'a self, entry: &'a Map, key: &str) -> Option<&'a str> {
        let filled = |it: &&str| !it.trim().is_empty();
        let of_context = || self.of_context(key).and_then(Value::as_str).filter(filled);
        text(entry, key).filter(filled).or_else(of_context)
    }
}

/// Where the pages show an execution. Source: echo `AbstractEventNotificationAgent`.
#[must_use]
pub fn link_of(base_url: &str, application: &str, kind: Kind, execution: &str) -> String {
    let base = base_url.trim_end_matches('/');
    let application = segment(application);
    format!(
        "{base}/#/applications/{application}/{}/{}",
        kind.path(),
        segment(execution)
    )
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        // What needs no escape anywhere.
        .replace("%2D", "-")
        .replace("%2E", ".")
        .replace("%5F", "_")
        .replace("%7E", "~")
}

/// The message about a judgement. Source: orca `ManualJudgmentStage.NotificationState`, and the fields of its call.
fn judged(
    state: State,
    entry: &Map,
    execution: &Map,
    stage: &Map,
    judgment: &Map,
    application: &str,
    link: String,
) -> Message {
    let stage_context = object(stage, "context").cloned().unwrap_or_default();
    let mut context = Map::new();
    let field = |key: &str| {
        let mut found = [judgment.get(key), stage_context.get(key)]
            .into_iter()
            .flatten();
        found.find(|value| !value.is_null()).cloned()
    };
    for key in [
        "instructions",
        "judgmentInputs",
        "judgmentInput",
        "restrictExecutionDuringTimeWindow",
    ] {
        if let Some(value) = field(key) {
            context.insert(key.to_owned(), value);
        }
    }
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            context.insert(key.to_owned(), value);
        }
    };
    put(
        "judgedBy",
        field("judgedBy").or_else(|| field("lastModifiedBy")),
    );
    put("stageName", stage.get("name").cloned());
    put("stageId", stage.get("refId").cloned());
    put("execution", Some(json!(execution)));
    let texts = object(entry, "message").and_then(|texts| object(texts, state.word()));
    let own = texts
        .and_then(|own| text(own, "text"))
        .filter(|own| !own.is_empty());
    put("message", own.map(Value::from));
    let link = with_stage(link, &context);
    let ids = (text(execution, "id"), text(stage, "id"));
    Message {
        actions: match (state, ids) {
            (State::Asked, (Some(execution), Some(stage))) => Some(Actions::of_judgment(
                execution,
                stage,
                context.get("judgmentInputs"),
            )),
            _ => None,
        },
        state: Some(state),
        to: Vec::new(),
        cc: Vec::new(),
        application: application.to_owned(),
        execution_type: text(execution, "type").unwrap_or("pipeline").to_owned(),
        execution_id: text(execution, "id").unwrap_or_default().to_owned(),
        user: String::new(),
        context,
        link,
    }
}

/// The link with the stage that it is about, unless it has one.
fn with_stage(link: String, context: &Map) -> String {
    let Some(stage) = context
        .get("stageId")
        .map(shown)
        .filter(|stage| !stage.is_empty())
    else {
        return link;
    };
    if link.contains('?') {
        return link;
    }
    let window = context.get("restrictExecutionDuringTimeWindow");
    // Whatever it is: the judgement then is the second step of its stage.
    let step = if window.is_some_and(|it| !it.is_null()) {
        "&step=1"
    } else {
        ""
    };
    format!("{link}?refId={}{step}", segment(&stage))
}

/// From `orca:pipeline:complete`, else from `pipeline.complete`.
fn kind_and_status(details: &Map, when: &str) -> Result<(Kind, String), String> {
    let words = text(details, "type").unwrap_or_default();
    let mut parts = words.strip_prefix("orca:").unwrap_or_default().split(':');
    let of_type = parts.next().and_then(Kind::parse).zip(parts.next());
    let of_when = || {
        when.split_once('.')
            .and_then(|(kind, status)| Some((Kind::parse(kind)?, status)))
    };
    let (kind, status) = of_type
        .or_else(of_when)
        .ok_or_else(|| format!("'{words}' is no type of an event that can be told"))?;
    Ok((kind, status.to_owned()))
}

pub(crate) fn text<'a>(map: &'a Map, key: &str) -> Option<&'a str> {
    map.get(key)?.as_str()
}

pub(crate) fn object<'a>(map: &'a Map, key: &str) -> Option<&'a Map> {
    map.get(key)?.as_object()
}

/// A value as people read it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn texts(map: &Map, key: &str) -> Result<Vec<String>, String> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(list)) => {
            let texts = list.iter().map(|item| item.as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            texts.ok_or_else(|| format!("'{key}' must be a list of texts"))
        }
        Some(_) => Err(format!("'{key}' must be a list of texts")),
    }
}
