//! Sentences about what happened to pipelines, stages and tasks.

use gennaker_model::Map;
use serde_json::Value;

use super::{capitalized, html, markdown, one_line, slack_escaped};
use crate::notice::{Happened, Kind, object, text};

/// Colour of a Slack attachment. Source: echo `SlackNotificationAgent`.
#[must_use]
pub fn colour(status: &str) -> &'static str {
    match status {
        "failed" => "#B82525",
        "starting" => "#2275B8",
        "complete" => "#769D3E",
        _ => "#CCCCCC",
    }
}

/// `Pipeline complete for MYAPP`. Source: echo `SlackNotificationAgent.getNotificationTitle`.
#[must_use]
pub fn title(event: &Happened) -> String {
    one_line(&format!(
        "{} {} for {}",
        capitalized(event.kind.word()),
        event.status,
        event.application.to_uppercase()
    ))
}

/// The sentence in Slack's markup. Source: echo `SlackNotificationAgent`, which leaves names as they are: one with `>` breaks its link.
#[must_use]
pub fn slack(event: &Happened, entry: &Map) -> String {
    let link = |address: &str, text: &str| format!("<{address}|{}>", slack_escaped(text));
    sentence(event, entry, slack_escaped, link, "build ")
}

/// The sentence in the HTML of chats. Source: echo `GoogleChatNotificationAgent`, `HipchatNotificationAgent`.
#[must_use]
pub fn chat_html(event: &Happened, entry: &Map) -> String {
    sentence(event, entry, html::escaped, html::link, "build #")
}

/// The sentence for telephones, with the link behind it. The texts of `message` are not added.
///
/// Source: echo `TwilioNotificationAgent`, which names the build twice and leaves double spaces.
#[must_use]
pub fn sms(event: &Happened) -> String {
    format!("{} {}", plain(event), event.link)
}

/// Subject of a mail. Source: echo `EmailNotificationAgent`.
#[must_use]
pub fn subject(event: &Happened, entry: &Map) -> String {
    if let Some(own) = event.own(entry, "customSubject") {
        return one_line(own);
    }
    let Happened { application, .. } = event;
    let id = event.of_execution("id").unwrap_or_default();
    let pipeline = name(event);
    let whose = match event.kind {
        Kind::Stage => format!(
            "Stage {} for {application}'s {pipeline} pipeline {}",
            event.stage_name(),
            build_number(event)
        ),
        Kind::Pipeline => format!(
            "{application}'s {pipeline} pipeline {}",
            build_number(event)
        ),
        Kind::Orchestration | Kind::Task => format!("{application}'s {id} task "),
    };
    one_line(&format!("{whose}{}", what(&event.status)))
}

/// Body of a mail, in HTML. Source: echo `EmailNotificationAgent`, `email-template.ftl`.
#[must_use]
pub fn mail(event: &Happened, entry: &Map) -> String {
    if let Some(own) = event.own(entry, "customBody") {
        return markdown::to_html(&filled_in(event, own));
    }
    let message = own_text(event, entry)
        .map(markdown::to_html)
        .unwrap_or_default();
    let link = html::link(&event.link, &event.link);
    format!("{message}<p>To see more details, please visit:</p>\n<p>{link}</p>\n")
}

/// What a Teams card says below its title. Source: echo `MicrosoftTeamsNotificationAgent`.
#[must_use]
pub fn summary(event: &Happened) -> String {
    let Happened { application, .. } = event;
    let pipeline = name(event);
    let whose = match event.kind {
        Kind::Stage => format!(
            "Stage {} for {application}'s {pipeline} pipeline",
            event.stage_name()
        ),
        Kind::Pipeline => format!("{application}'s {pipeline} pipeline"),
        Kind::Orchestration | Kind::Task => {
            format!(
                "{application}'s {} task",
                event.of_execution("id").unwrap_or_default()
            )
        }
    };
    format!("{whose} {}", what(&event.status))
}

/// The sentence of BearyChat. Source: echo `BearychatNotificationAgent`.
#[must_use]
pub fn bearychat(event: &Happened, entry: &Map) -> String {
    match event.own(entry, "customMessage") {
        Some(own) => filled_in(event, own),
        None => format!(
            "{}.  To see more details, please visit: {}",
            plain(event),
            event.link
        ),
    }
}

/// What the entry says for this event: `message["pipeline.complete"].text`.
#[must_use]
pub fn own_text<'a>(event: &Happened, entry: &'a Map) -> Option<&'a str> {
    let texts = object(entry, "message")?;
    let own = texts.get(&event.when())?.get("text")?.as_str()?;
    (!own.trim().is_empty()).then_some(own)
}

/// The name of the pipeline, or what a task does.
#[must_use]
pub fn name(event: &Happened) -> &str {
    let named = event.of_execution("name").filter(|name| !name.is_empty());
    named
        .or_else(|| event.of_execution("description"))
        .unwrap_or_default()
}

/// `is starting`, `has completed successfully`, `has failed`.
fn what(status: &str) -> String {
    match status {
        "starting" => "is starting".to_owned(),
        "complete" => "has completed successfully".to_owned(),
        other => format!("has {other}"),
    }
}

fn sentence(
    event: &Happened,
    entry: &Map,
    escape: fn(&str) -> String,
    link: impl Fn(&str, &str) -> String,
    build_word: &str,
) -> String {
    if let Some(own) = event.own(entry, "customMessage") {
        return filled_in(event, own);
    }
    let stage = match event.kind {
        Kind::Stage => format!("Stage {} for ", escape(event.stage_name())),
        Kind::Pipeline | Kind::Orchestration | Kind::Task => String::new(),
    };
    let build = match build(event) {
        Some((url, number)) if html::is_link(url) => {
            format!("{build_word}{} ", link(url, &number))
        }
        _ => String::new(),
    };
    let mut all = format!(
        "{stage}{}'s {} {build}{} {}",
        escape(&capitalized(&event.application)),
        link(&event.link, name(event)),
        noun(event.kind),
        what(&event.status)
    );
    if let Some(own) = own_text(event, entry) {
        all.push_str("\n\n");
        all.push_str(own);
    }
    all
}

fn plain(event: &Happened) -> String {
    let stage = match event.kind {
        Kind::Stage => format!("Stage {} for ", event.stage_name()),
        Kind::Pipeline | Kind::Orchestration | Kind::Task => String::new(),
    };
    format!(
        "{stage}{}'s {} {}{} {}",
        capitalized(&event.application),
        name(event),
        build_number(event),
        noun(event.kind),
        what(&event.status)
    )
}

const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Pipeline | Kind::Stage => "pipeline",
        Kind::Orchestration | Kind::Task => "task",
    }
}

/// `{{executionId}}` and `{{link}}` in a text of the author's own.
fn filled_in(event: &Happened, own: &str) -> String {
    own.replace(
        "{{executionId}}",
        event.of_execution("id").unwrap_or_default(),
    )
    .replace("{{link}}", &event.link)
}

/// Address and number of the build that started the execution.
fn build(event: &Happened) -> Option<(&str, String)> {
    if !matches!(event.kind, Kind::Pipeline | Kind::Stage) {
        return None;
    }
    let info = object(object(&event.execution, "trigger")?, "buildInfo")?;
    let url = text(info, "url").filter(|url| !url.is_empty())?;
    let number = info.get("number").map(number).unwrap_or_default();
    Some((url, number))
}

fn build_number(event: &Happened) -> String {
    build(event).map_or_else(String::new, |(_, number)| format!("build #{number} "))
}

/// A whole number, however it is written.
pub(crate) fn number(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.as_i64().is_none() => format!("{number:.0}"),
        _ => crate::notice::shown(value),
    }
}
