//! Subject and body of messages: texts that came with them, and those about manual judgements.

use gennaker_model::Map;
use serde_json::{Value, json};

use super::{event::number, html, markdown, one_line, slack_escaped};
use crate::notice::{object, shown, text};

/// Most choices of a judgement that become buttons: a Slack attachment has five at most, and one of them stops.
const CHOICES_MAX: usize = 4;

/// Who is asked when a button of ours is pressed.
pub const OWN_SERVICE: &str = "gennaker";

/// A message. Source: echo `Notification`.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The state of a judgement, if it is about one (`templateGroup`).
    pub state: Option<State>,
    /// Whom it is for.
    pub to: Vec<String>,
    /// Who gets a copy.
    pub cc: Vec<String>,
    /// `source.application`.
    pub application: String,
    /// `source.executionType`.
    pub execution_type: String,
    /// `source.executionId`.
    pub execution_id: String,
    /// `source.user`.
    pub user: String,
    /// `additionalContext`.
    pub context: Map,
    /// Where people see what it is about.
    pub link: String,
    /// What its readers can press.
    pub actions: Option<Actions>,
}

/// Where a manual judgement stands. Source: orca `ManualJudgmentStage.NotificationState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for a person.
    Asked,
    /// Somebody said go on.
    Continued,
    /// Somebody said stop.
    Stopped,
}

/// What the readers of a message can press. Source: echo `Notification.InteractiveActions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    /// Who is told that something was pressed.
    pub service: String,
    /// What the message is called there.
    pub message: String,
    /// Colour of the message.
    pub colour: String,
    /// The buttons.
    pub buttons: Vec<Button>,
}

/// One button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// Its name.
    pub name: String,
    /// What stands on it.
    pub label: String,
    /// What is told when it is pressed.
    pub value: String,
}

/// The markup of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// None.
    Plain,
    /// That of mails.
    Mail,
    /// Slack's.
    Slack,
    /// The HTML of Google Chat.
    GoogleChat,
    /// The HTML of rooms that speak as HipChat did.
    HipChat,
    /// That of Teams, whose cards have a button with the link.
    Teams,
}

impl State {
    /// The state by the word of `when` and of the template group.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Asked, Self::Continued, Self::Stopped]
            .into_iter()
            .find(|state| state.word() == word)
    }

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Asked => "manualJudgment",
            Self::Continued => "manualJudgmentContinue",
            Self::Stopped => "manualJudgmentStop",
        }
    }
}

impl Actions {
    /// From `interactiveActions`.
    pub(crate) fn read(map: &Map) -> Result<Self, String> {
        let need = |map: &Map, key: &str| {
            let found = text(map, key).map(str::to_owned);
            found.ok_or_else(|| format!("'interactiveActions' has no '{key}'"))
        };
        let list = map.get("actions").and_then(Value::as_array);
        let buttons = list
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(|action| {
                Ok(Button {
                    name: need(action, "name")?,
                    label: need(action, "label")?,
                    value: need(action, "value")?,
                })
            });
        Ok(Self {
            service: need(map, "callbackServiceId")?,
            message: need(map, "callbackMessageId")?,
            colour: text(map, "color").unwrap_or("#cccccc").to_owned(),
            buttons: buttons.collect::<Result<_, String>>()?,
        })
    }

    /// The buttons that decide a judgement: its choices, or to go on; and to stop. Ours: Echo's judgements have none.
    pub(crate) fn of_judgment(execution: &str, stage: &str, inputs: Option<&Value>) -> Self {
        let inputs: Vec<String> = inputs
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|input| shown(input.get("value").unwrap_or(input)))
            .filter(|input| !input.is_empty())
            .collect();
        let value = |status: &str, input: Option<&str>| {
            let mut value = json!({"judgmentStatus": status});
            if let Some(input) = input {
                value["judgmentInput"] = input.into();
            }
            value.to_string()
        };
        let mut buttons: Vec<Button> = match inputs.is_empty() || inputs.len() > CHOICES_MAX {
            true => Vec::new(),
            false => inputs
                .iter()
                .map(|input| Button {
                    name: "continue".to_owned(),
                    label: one_line(input),
                    value: value("continue", Some(input)),
                })
                .collect(),
        };
        // More choices than fit are made on the page that the message links to.
        if inputs.is_empty() {
            buttons.push(Button {
                name: "continue".to_owned(),
                label: "Continue".to_owned(),
                value: value("continue", None),
            });
        }
        buttons.push(Button {
            name: "stop".to_owned(),
            label: "Stop".to_owned(),
            value: value("stop", None),
        });
        Self {
            service: OWN_SERVICE.to_owned(),
            message: format!("{execution}/{stage}"),
            colour: "#cccccc".to_owned(),
            buttons,
        }
    }
}

/// The subject. Source: echo `NotificationTemplateEngine`, `<group>/subject.ftl`.
#[must_use]
pub fn subject(message: &Message) -> String {
    let subject = match message.state {
        Some(state) => format!("{} {}", described(message), outcome(message, state)),
        None => own(message, "customSubject", "subject").to_owned(),
    };
    one_line(&subject)
}

/// The body in the markup of a channel. Source: echo `NotificationTemplateEngine`, `<group>/body*.ftl`.
///
/// Echo renders a body of its own from Markdown to HTML unless `formatter` says otherwise, for every channel; here for those that
/// show HTML.
#[must_use]
pub fn body(message: &Message, markup: Markup) -> String {
    let Some(state) = message.state else {
        return own_body(message, markup);
    };
    match markup {
        Markup::Plain => with_link(&plain(message, state), message),
        Markup::Teams => teams(message, state),
        Markup::Slack => slack(message, state),
        Markup::Mail => mail(message, state),
        Markup::GoogleChat => google_chat(message, state),
        Markup::HipChat => hip_chat(message, state),
    }
}

fn own<'a>(message: &'a Message, first: &str, second: &str) -> &'a str {
    let of = |key: &str| text(&message.context, key).filter(|it| !it.is_empty());
    of(first).or_else(|| of(second)).unwrap_or_default()
}

fn own_body(message: &Message, markup: Markup) -> String {
    let body = own(message, "customBody", "body");
    match text(&message.context, "formatter") {
        Some("TEXT") => match markup {
            Markup::Mail | Markup::GoogleChat | Markup::HipChat => {
                html::escaped(&html::plain(body))
            }
            Markup::Plain | Markup::Slack | Markup::Teams => html::plain(body),
        },
        Some("MARKDOWN") => body.to_owned(),
        _ => match markup {
            Markup::Mail | Markup::GoogleChat | Markup::HipChat => markdown::to_html(body),
            Markup::Plain | Markup::Slack | Markup::Teams => html::plain(&markdown::to_html(body)),
        },
    }
}

/// `Stage Judge for app's deploy pipeline build 7`.
fn described(message: &Message) -> String {
    parts(
        message,
        str::to_owned,
        str::to_owned,
        " build ",
        str::to_owned,
    )
}

/// The stage, the application, the pipeline and the build, each in its markup.
fn parts(
    message: &Message,
    stage: impl Fn(&str) -> String,
    name: impl Fn(&str) -> String,
    build_word: &str,
    build: impl Fn(&str) -> String,
) -> String {
    let context = &message.context;
    let stage_name = context.get("stageName").map(shown).unwrap_or_default();
    let mut all = format!(
        "Stage {} for {}",
        stage(&stage_name),
        name(&message.application)
    );
    let execution = object(context, "execution");
    let pipeline = execution
        .and_then(|it| text(it, "name"))
        .filter(|it| !it.is_empty());
    if let Some(pipeline) = pipeline {
        all.push_str(&format!("'s {} pipeline", name(pipeline)));
        let info = execution.and_then(|it| object(object(it, "trigger")?, "buildInfo"));
        if let Some(found) = info
            .and_then(|info| info.get("number"))
            .filter(|it| !it.is_null())
        {
            all.push_str(&format!("{build_word}{}", build(&number(found))));
        }
    }
    all
}

fn judged_by(message: &Message) -> String {
    let by = message.context.get("judgedBy").map(shown);
    by.filter(|by| !by.is_empty())
        .unwrap_or_else(|| "somebody".to_owned())
}

fn outcome(message: &Message, state: State) -> String {
    match state {
        State::Asked => "is awaiting manual judgment".to_owned(),
        State::Continued => format!("was judged to continue by {}", judged_by(message)),
        State::Stopped => "was judged to stop".to_owned(),
    }
}

/// A text of the context as plain text, if it is one.
fn field(message: &Message, key: &str) -> Option<String> {
    let found = message.context.get(key).map(shown)?;
    (!found.trim().is_empty()).then_some(found)
}

fn plain(message: &Message, state: State) -> String {
    let sentence = format!("{} {}.", described(message), outcome(message, state));
    match state {
        State::Asked => match field(message, "instructions") {
            Some(text) => format!("{sentence}\n\nInstructions:\n{}", html::plain(&text)),
            None => sentence,
        },
        State::Continued | State::Stopped => {
            let said = said(message, state, html::plain, |it| it);
            match said.is_empty() {
                true => sentence,
                false => format!("{sentence}\n\n{}", said.join("\n")),
            }
        }
    }
}

/// The author's text, and which choice was made.
fn said(
    message: &Message,
    state: State,
    text: impl Fn(&str) -> String,
    choice: impl Fn(String) -> String,
) -> Vec<String> {
    let own = field(message, "message").map(|own| text(&own));
    let input = match state {
        State::Continued => field(message, "judgmentInput"),
        State::Asked | State::Stopped => None,
    };
    let input =
        input.map(|input| format!("Judgment '{}' was selected.", choice(html::plain(&input))));
    own.into_iter().chain(input).collect()
}

fn with_link(body: &str, message: &Message) -> String {
    format!(
        "{body}\n\nFor more details, please visit:\n{}",
        message.link
    )
}

fn teams(message: &Message, state: State) -> String {
    const BUTTON: &str = "For more details, please click the View Execution button below.";
    let said = match state {
        State::Asked => field(message, "instructions")
            .map(|text| format!("Instructions:\n\n{}", html::plain(&text)))
            .unwrap_or_default(),
        State::Continued | State::Stopped => plain(message, state),
    };
    match said.is_empty() {
        true => BUTTON.to_owned(),
        false => format!("{said}\n\n{BUTTON}"),
    }
}

fn slack(message: &Message, state: State) -> String {
    let bold = |text: &str| format!("*{}*", slack_escaped(text));
    let link = |stage: &str| format!("<{}|{}>", message.link, slack_escaped(stage));
    let described = parts(message, link, bold, " build #", bold);
    let by = slack_escaped(&judged_by(message));
    let shown = |text: &str| slack_escaped(&html::plain(text));
    match state {
        State::Asked => {
            let sentence = format!("{described} is awaiting manual judgment.");
            match field(message, "instructions") {
                Some(text) => format!("{sentence}\n\n*Instructions:*\n{}", shown(&text)),
                None => sentence,
            }
        }
        State::Continued | State::Stopped => {
            let word = if state == State::Stopped {
                "stop"
            } else {
                "continue"
            };
            let mut all = vec![format!("{described} _was judged to *{word}*_ by {by}.")];
            all.extend(said(message, state, shown, |choice| bold(&choice)));
            all.join("\n\n")
        }
    }
}

fn mail(message: &Message, state: State) -> String {
    let bold = |text: &str| format!("<b>{}</b>", html::escaped(text));
    let link = |stage: &str| html::link(&message.link, stage);
    let described = parts(message, link, bold, " build #", bold);
    let by = html::escaped(&judged_by(message));
    match state {
        State::Asked => {
            let instructions = field(message, "instructions").map(|text| {
                let shown = markdown::to_html(&text);
                format!("<br>\n<b>Instructions:</b>\n{shown}")
            });
            let instructions = instructions.unwrap_or_default();
            format!("{described} is awaiting manual judgment.\n{instructions}")
        }
        State::Continued | State::Stopped => {
            let word = if state == State::Stopped {
                "stop"
            } else {
                "continue"
            };
            let mut all = vec![format!(
                "{described} <i>was judged to <b>{word}</b></i> by {by}."
            )];
            let escape = |choice: String| html::escaped(&choice);
            all.extend(said(message, state, markdown::to_html, escape));
            all.join("\n\n")
        }
    }
}

fn google_chat(message: &Message, state: State) -> String {
    let stage = |stage: &str| format!("<i>{}</i>", html::escaped(stage));
    let described = parts(message, stage, html::escaped, " build ", html::escaped);
    let (outcome, key) = match state {
        State::Asked => (
            "is <b>awaiting manual judgment</b>".to_owned(),
            "instructions",
        ),
        State::Continued => {
            let by = html::escaped(&judged_by(message));
            (format!("was <b>judged to continue by {by}</b>"), "message")
        }
        State::Stopped => ("was <b>judged to stop</b>".to_owned(), "message"),
    };
    let mut all = format!("{described} {outcome}.");
    if let Some(text) = field(message, key) {
        all.push_str(&format!(
            "\n\n<u>Instructions:</u>\n{}",
            markdown::to_html(&text).trim_end()
        ));
    }
    if let (State::Continued, Some(input)) = (state, field(message, "judgmentInput")) {
        let input = html::escaped(&html::plain(&input));
        all.push_str(&format!("\nJudgment '{input}' was selected."));
    }
    let link = html::link(&message.link, &message.link);
    format!("{all}\n\nFor more details, please visit:\n{link}")
}

fn hip_chat(message: &Message, state: State) -> String {
    let strong = |text: &str| format!("<strong>{}</strong>", html::escaped(text));
    let who = strong(&message.application);
    let outcome = match state {
        State::Asked => "is awaiting <strong>manual judgment</strong>".to_owned(),
        State::Continued => format!(
            "was judged to <strong>continue</strong> by {}",
            strong(&judged_by(message))
        ),
        State::Stopped => "was judged to <strong>stop</strong>".to_owned(),
    };
    let mut all = vec![format!("Spinnaker application {who} {outcome}.")];
    match (state, field(message, "instructions")) {
        (State::Asked, Some(text)) => {
            all.push(format!("Instructions:<br/>\n{}", html::safe(&text)))
        }
        (State::Asked | State::Continued | State::Stopped, _) => {}
    }
    if state != State::Asked {
        all.extend(field(message, "message").map(|text| html::safe(&text)));
    }
    if let (State::Continued, Some(input)) = (state, field(message, "judgmentInput")) {
        all.push(format!("Judgment {} was selected.", strong(&input)));
    }
    all.push("For more details, please visit:".to_owned());
    all.push(html::link(&message.link, &message.link));
    all.join("\n<br/><br/>\n")
}
