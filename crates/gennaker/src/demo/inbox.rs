//! What arrived for the people who are asked, and how it is shown.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gennaker_cli::Failure;
use serde_json::Value;
use tokio::time::{Instant, interval, timeout_at};

use super::Api;
use crate::output::say;

/// The variable with the address at which messages can be read. `cargo xtask demo --kubernetes` sets it, beside the settings of a Jenkins, a
/// mail server and a Slack.
const VARIABLE: &str = "GENNAKER_DEMO_INBOX";
/// The variable with the command that shows that cluster.
const KUBECTL: &str = "GENNAKER_DEMO_KUBECTL";

/// How long messages are waited for. Nothing in a pipeline waits for them, so neither does the demo for long.
const ARRIVED_WITHIN: Duration = Duration::from_secs(15);
/// How often it is looked whether they are there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where messages to people can be read.
pub(crate) struct Inbox {
    api: Api,
    /// How many messages were shown.
    shown: AtomicUsize,
}

impl Inbox {
    /// The one that stands beside this server, if there is one.
    ///
    /// # Errors
    /// A proxy variable is unusable.
    pub(crate) fn of_environment() -> Result<Option<Self>, Failure> {
        let address = std::env::var(VARIABLE).ok().filter(|it| !it.is_empty());
        let api = address.map(|address| Api::new(&address)).transpose()?;
        Ok(api.map(|api| Self {
            api,
            shown: AtomicUsize::new(0),
        }))
    }

    /// Shows what has arrived since the last call and has this word, as soon as there is a message by each of these ways.
    pub(super) async fn show(&self, word: &str, ways: &[&str]) {
        let arrived = async {
            let mut look = interval(LOOK_EVERY);
            loop {
                look.tick().await;
                let all = self.api.get("").await?.unwrap_or_default();
                let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
                let new = all.get(self.shown.load(Ordering::Relaxed)..);
                let new = new.unwrap_or_default().iter();
                // What an earlier demo has left running may tell people, too.
                let new = new.filter(|it| it["text"].as_str().is_some_and(|it| it.contains(word)));
                let new: Vec<Value> = new.cloned().collect();
                if ways
                    .iter()
                    .all(|way| new.iter().any(|it| it["by"] == **way))
                {
                    self.shown.store(all.len(), Ordering::Relaxed);
                    return Ok::<_, Failure>(new);
                }
            }
        };
        match timeout_at(Instant::now() + ARRIVED_WITHIN, arrived).await {
            Ok(Ok(messages)) => {
                let in_order = ways
                    .iter()
                    .flat_map(|way| messages.iter().filter(|it| it["by"] == **way));
                for line in in_order.flat_map(shown) {
                    say(&line);
                }
            }
            Ok(Err(failure)) => say(&format!(
                "   The messages cannot be read: {}",
                failure.sentence
            )),
            Err(_) => say("   They have not arrived yet. The pipeline does not wait for them."),
        }
    }

    /// How a person looks into the cluster, if it stands beside this server, too.
    pub(super) fn kubectl(&self) -> Option<String> {
        std::env::var(KUBECTL).ok().filter(|it| !it.is_empty())
    }
}

/// A message as it stands on a screen.
fn shown(message: &Value) -> Vec<String> {
    let text = |key: &str| message[key].as_str().unwrap_or_default();
    let head = match text("by") {
        "mail" => format!("mail to {}", text("to")),
        _ => format!("Slack, channel {}", text("to")),
    };
    let mut lines = vec![format!("   ┌ {head}")];
    let body = [text("title")].into_iter().chain(text("text").lines());
    lines.extend(
        body.map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| format!("   │ {line}")),
    );
    let buttons = message["buttons"].as_array();
    let buttons: Vec<String> = buttons
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|button| format!("[ {button} ]"))
        .collect();
    if !buttons.is_empty() {
        lines.push(format!("   │ {}", buttons.join("  ")));
    }
    lines.push("   └".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_looks_like_one() {
        let message = json!({"by": "slack", "to": "#ops", "title": "Release?", "text": "a\n\nb", "buttons": ["prod", "Stop"]});
        assert_eq!(
            shown(&message),
            [
                "   ┌ Slack, channel #ops",
                "   │ Release?",
                "   │ a",
                "   │ b",
                "   │ [ prod ]  [ Stop ]",
                "   └"
            ]
        );
    }
}
