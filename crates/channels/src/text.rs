//! Texts: what happened, in the words and the markup of each channel. Pure.
//!
//! | module | what it makes |
//! |---|---|
//! | [`event`] | sentences about pipelines, stages and tasks that started, succeeded or failed |
//! | [`message`] | subject and body of messages, among them those about manual judgements |
//! | [`html`] | HTML that can do no harm, and plain text out of HTML |
//! | [`markdown`] | HTML out of Markdown |
//!
//! Source: the agents of echo-notifications and their FreeMarker templates.

pub mod event;
pub mod html;
pub mod markdown;
pub mod message;
#[cfg(test)]
mod tests;

/// The text with its first letter in upper case. Source: `WordUtils.capitalize`.
#[must_use]
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The text in Slack's markup, where three characters have a meaning.
#[must_use]
pub fn slack_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The text with line breaks and other control characters as spaces, for subjects and titles.
#[must_use]
pub fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .collect();
    spaced.trim().to_owned()
}
