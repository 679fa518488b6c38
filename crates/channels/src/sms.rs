//! Text messages by Twilio, which knows no key of a repeated request. Source: echo `TwilioService`, `TwilioNotificationAgent`.

#[cfg(test)]
mod tests;

use gennaker_credentials::auth::{Secret, basic};
use gennaker_outbound::Request;
use gennaker_settings::SmsChannel;

use crate::{
    channels::{below, read, secret_file},
    line::{Line, Repeat},
    notice::{Notice, Told, segment},
    problem::Problem,
    receipt::{Sent, Several},
    slack::form,
    text::{event, message, message::Markup},
};

/// Longest message, in characters: Twilio refuses a longer one.
const CHARS_MAX: usize = 1_600;

/// An account of Twilio.
#[derive(Clone, Debug)]
pub(crate) struct Sms {
    account: String,
    token: Secret,
    from: String,
    url: String,
}

impl Sms {
    pub(crate) fn new(set: &SmsChannel) -> Option<Self> {
        Some(Self {
            account: set.account.clone()?,
            token: secret_file(set.token_file.as_ref())?,
            from: set.from.clone()?,
            url: set.url.clone(),
        })
    }

    pub(crate) async fn deliver(&self, notice: &Notice, line: &Line<'_>) -> Result<Sent, Problem> {
        let text = match &notice.told {
            Told::Event(event) => event::sms(event),
            Told::Message(message) => message::body(message, Markup::Plain),
        };
        let text: String = text.chars().take(CHARS_MAX).collect();
        notice.address()?;
        let mut several = Several::default();
        for number in notice.to() {
            let ended = self.send(&number, &text, line).await;
            several.note(number, ended);
        }
        several.end()
    }

    async fn send(
        &self,
        number: &str,
        text: &str,
        line: &Line<'_>,
    ) -> Result<Option<String>, Problem> {
        let token = read(&self.token).await?;
        let account = segment(&self.account);
        let url = below(
            &self.url,
            &format!("2010-04-01/Accounts/{account}/Messages.json"),
        );
        let form = form(&[("From", &self.from), ("To", number), ("Body", text)]);
        let request = Request::post(url, "application/x-www-form-urlencoded", form)
            .secret_header("Authorization", basic(&self.account, &token));
        let answer = line
            .hiding(&[&token])
            .deliver(request, Repeat::Never)
            .await?;
        let answer = answer.object(Repeat::Never)?;
        Ok(answer["sid"].as_str().map(str::to_owned))
    }
}
