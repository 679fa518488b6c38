//! A double of Slack's API as far as messages go: `chat.postMessage` of bots, with attachments.
//!
//! It follows Slack's documentation ("chat.postMessage", "Formatting text for app surfaces"): a form with a token, answers of status 200
//! whose `ok` says how it went.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::Message;
use crate::http::{Reply, Seen};
use crate::jenkins::pairs;

pub(super) fn answer(seen: &Seen, token: &str, arrived: &Mutex<Vec<Message>>) -> Reply {
    let said = |answer: &Value| {
        Reply::ok(&answer.to_string()).with("Content-Type", "application/json; charset=utf-8")
    };
    if seen.method != "POST" || seen.path() != "/api/chat.postMessage" {
        return said(&json!({"ok": false, "error": "unknown_method"}));
    }
    let fields = pairs(&seen.text());
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    };
    if field("token") != token {
        return said(&json!({"ok": false, "error": "invalid_auth"}));
    }
    let Ok(Value::Array(attachments)) = serde_json::from_str(field("attachments")) else {
        return said(&json!({"ok": false, "error": "invalid_attachments"}));
    };
    let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
    for attachment in &attachments {
        let text = |key: &str| attachment[key].as_str().unwrap_or_default();
        let buttons = attachment["actions"].as_array().into_iter().flatten();
        arrived.push(Message {
            by: "slack",
            from: String::new(),
            to: field("channel").to_owned(),
            title: shown(text("title")),
            text: shown(text("text")),
            buttons: buttons
                .filter_map(|button| button["text"].as_str())
                .map(str::to_owned)
                .collect(),
        });
    }
    said(&json!({"ok": true, "ts": format!("{}.0", arrived.len())}))
}

/// The text as Slack shows it on a screen without bold letters: of links what they are called, no signs of markup.
fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('<') {
        out.push_str(before);
        let Some((link, after)) = tail.split_once('>') else {
            out.push('<');
            rest = tail;
            continue;
        };
        out.push_str(link.split_once('|').map_or(link, |(_, name)| name));
        rest = after;
    }
    out.push_str(rest);
    out.replace('*', "")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_what_is_seen() {
        let text = "Stage <https://a.example/#/x|Release?> for *demo* waits.\n\n*Instructions:*\na &lt; b &amp; c";
        assert_eq!(
            shown(text),
            "Stage Release? for demo waits.\n\nInstructions:\na < b & c"
        );
        assert_eq!(shown("1 < 2"), "1 < 2");
    }
}
