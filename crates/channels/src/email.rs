//! Mail over SMTP, as HTML with plain text beside it.
//!
//! SMTP knows no key by which a repeated mail is known; its `Message-ID` is the same for every try, by which mail programs may show one
//! that arrived twice once. A mail whose end was not confirmed is not sent again.
//!
//! Source: echo `EmailNotificationService`, `EmailNotificationAgent`.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use gennaker_credentials::auth::Secret;
use gennaker_settings::{EmailChannel, MailSecurity};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use sha2::{Digest as _, Sha256};

use crate::{
    channels::{Delivery, read, secret_file},
    line::CALL_MS_MAX,
    notice::{Notice, Told, text},
    problem::Problem,
    receipt::Sent,
    text::{event, html, message, message::Markup},
};

/// Most addresses of one mail.
const ADDRESSES_MAX: usize = 100;

/// Longest text of a server that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 300;

/// A mail server.
#[derive(Clone, Debug)]
pub(crate) struct Email {
    host: String,
    port: u16,
    security: MailSecurity,
    ca_file: Option<String>,
    user: Option<(String, Secret)>,
    from: Mailbox,
    hello: ClientId,
}

/// A mail, ready to be sent.
struct Ready {
    to: Vec<Address>,
    id: String,
    bytes: Vec<u8>,
}

/// What a server took.
struct Taken {
    refused: Vec<String>,
    said: String,
}

impl Email {
    pub(crate) fn new(set: &EmailChannel) -> Result<Option<Self>, String> {
        let (Some(host), Some(from)) = (&set.host, &set.from) else {
            return Ok(None);
        };
        let from: Mailbox = from.parse().map_err(|error| {
            format!("notifications.email.from is not the address of a sender: {error}")
        })?;
        let port = set.port.unwrap_or(match set.security {
            MailSecurity::Starttls => 587,
            MailSecurity::Tls => 465,
            MailSecurity::None => 25,
        });
        let hello = set.hello_name.clone();
        let hello = hello.unwrap_or_else(|| from.email.domain().to_owned());
        let password = secret_file(set.password_file.as_ref());
        Ok(Some(Self {
            host: host.clone(),
            port,
            security: set.security,
            ca_file: set.ca_file.clone(),
            user: set.username.clone().zip(password),
            hello: ClientId::Domain(hello),
            from,
        }))
    }

    pub(crate) async fn deliver(
        &self,
        notice: &Notice,
        delivery: &Delivery<'_>,
    ) -> Result<Sent, Problem> {
        let mail = self.written(notice, delivery)?;
        let credentials = match &self.user {
            Some((user, password)) => Some(Credentials::new(user.clone(), read(password).await?)),
            None => None,
        };
        let tls = self.tls().await?;
        let wanted = Duration::from_millis(CALL_MS_MAX);
        let limit = delivery
            .permit
            .begin(wanted)
            .await
            .ok_or(Problem::Stopped)?;
        // Whether the end of the mail may have reached the server.
        let is_handed_over = AtomicBool::new(false);
        let talk = self.talk(&mail, credentials, tls, limit, &is_handed_over);
        let taken = match tokio::time::timeout(limit, talk).await {
            Ok(taken) => taken?,
            Err(_) => {
                let what = format!("{}: no answer within {} ms", self.host, limit.as_millis());
                return Err(match is_handed_over.load(Ordering::Relaxed) {
                    true => Problem::Unknown(what),
                    false => Problem::later(what),
                });
            }
        };
        let is_taken = |to: &String| {
            let start = format!("{to} (");
            !taken.refused.iter().any(|it| it.starts_with(&start))
        };
        let to = mail.to.iter().map(ToString::to_string);
        let to = to.filter(is_taken).collect();
        let note = match taken.refused.is_empty() {
            true => taken.said,
            false => format!("{}; refused: {}", taken.said, taken.refused.join(", ")),
        };
        Ok(Sent {
            to,
            reference: Some(mail.id),
            note: Some(note),
        })
    }

    fn written(&self, notice: &Notice, delivery: &Delivery<'_>) -> Result<Ready, Problem> {
        let (to, cc) = match &notice.told {
            Told::Message(message) if notice.entry.is_empty() => {
                (message.to.join(" "), message.cc.join(" "))
            }
            Told::Event(_) | Told::Message(_) => {
                let of = |key| text(&notice.entry, key).unwrap_or_default().to_owned();
                (of("address"), of("cc"))
            }
        };
        let (to, cc) = (addresses(&to)?, addresses(&cc)?);
        if to.is_empty() && cc.is_empty() {
            return Err(Problem::refused("the notification has no address"));
        }
        if to.len() + cc.len() > ADDRESSES_MAX {
            return Err(Problem::refused(format!(
                "the notification has {} addresses, more than the limit of {ADDRESSES_MAX}",
                to.len() + cc.len()
            )));
        }
        let (subject, body) = match &notice.told {
            Told::Event(event) => (
                event::subject(event, &notice.entry),
                event::mail(event, &notice.entry),
            ),
            Told::Message(message) => (
                message::subject(message),
                message::body(message, Markup::Mail),
            ),
        };
        let (id, boundary) = self.names(delivery.id);
        let at = u64::try_from(delivery.now_ms).unwrap_or(0);
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .date(UNIX_EPOCH + Duration::from_millis(at))
            .message_id(Some(id.clone()))
            // So that nobody's absence is answered.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for address in &to {
            builder = builder.to(Mailbox::new(None, address.clone()));
        }
        for address in &cc {
            builder = builder.cc(Mailbox::new(None, address.clone()));
        }
        let plain = html::plain(&body);
        let parts = MultiPart::alternative()
            .boundary(boundary)
            .singlepart(SinglePart::plain(plain))
            .singlepart(SinglePart::html(body));
        let mail = builder
            .multipart(parts)
            .map_err(|error| Problem::Refused(format!("the mail cannot be written: {error}")))?;
        Ok(Ready {
            to: to.into_iter().chain(cc).collect(),
            bytes: mail.formatted(),
            id,
        })
    }

    /// `Message-ID` and boundary, the same for every try.
    fn names(&self, key: &str) -> (String, String) {
        let digest = Sha256::digest(key.as_bytes());
        let hex: String = digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        (
            format!("<{hex}@{}>", self.from.email.domain()),
            format!("gennaker-{hex}"),
        )
    }

    async fn tls(&self) -> Result<Option<TlsParameters>, Problem> {
        if self.security == MailSecurity::None {
            return Ok(None);
        }
        let refused = |what: String| Problem::Refused(format!("notifications.email: {what}"));
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(file) = &self.ca_file {
            let pem = tokio::fs::read(file)
                .await
                .map_err(|error| refused(format!("{file} cannot be read: {error}")))?;
            let authority = Certificate::from_pem(&pem)
                .map_err(|error| refused(format!("{file} holds no certificate: {error}")))?;
            builder = builder.add_root_certificate(authority);
        }
        let tls = builder.build();
        tls.map(Some).map_err(|error| refused(error.to_string()))
    }

    async fn talk(
        &self,
        mail: &Ready,
        credentials: Option<Credentials>,
        tls: Option<TlsParameters>,
        limit: Duration,
        is_handed_over: &AtomicBool,
    ) -> Result<Taken, Problem> {
        let before = |error: lettre::transport::smtp::Error| self.before(&error);
        let wrapped = tls.clone().filter(|_| self.security == MailSecurity::Tls);
        let address = (self.host.as_str(), self.port);
        let mut server =
            AsyncSmtpConnection::connect_tokio1(address, Some(limit), &self.hello, wrapped, None)
                .await
                .map_err(before)?;
        if let (MailSecurity::Starttls, Some(tls)) = (self.security, tls) {
            server.starttls(tls, &self.hello).await.map_err(before)?;
        }
        if let Some(credentials) = credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            server.auth(&ways, &credentials).await.map_err(before)?;
        }
        let mut options = Vec::new();
        let is_wide =
            |address: &Address| !address.user().is_ascii() || !address.domain().is_ascii();
        if mail.to.iter().any(is_wide) {
            if !server
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                let what = format!("{} takes no addresses beyond ASCII", self.host);
                return Err(Problem::Refused(what));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = Mail::new(Some(self.from.email.clone()), options);
        server.command(from).await.map_err(before)?;
        let mut refused = Vec::new();
        for address in &mail.to {
            match server.command(Rcpt::new(address.clone(), Vec::new())).await {
                Ok(_) => {}
                // The others shall not miss it for one that does not exist.
                Err(error) if error.is_permanent() => {
                    refused.push(format!("{address} ({})", shown(&error)))
                }
                Err(error) => return Err(before(error)),
            }
        }
        if refused.len() == mail.to.len() {
            server.abort().await;
            return Err(Problem::Refused(format!(
                "{} refuses: {}",
                self.host,
                refused.join(", ")
            )));
        }
        server.command(Data).await.map_err(before)?;
        is_handed_over.store(true, Ordering::Relaxed);
        let taken = server.message(&mail.bytes).await;
        let taken = taken.map_err(|error| self.after(&error))?;
        // It has the mail, however politely the conversation ends.
        server.abort().await;
        Ok(Taken {
            refused,
            said: first_line(&taken),
        })
    }

    /// Before the mail was handed over nothing can have been delivered.
    fn before(&self, error: &lettre::transport::smtp::Error) -> Problem {
        let what = format!("{}: {}", self.host, shown(error));
        match error.is_permanent() || error.is_client() {
            true => Problem::Refused(what),
            false => Problem::later(what),
        }
    }

    /// After that only its answer tells.
    fn after(&self, error: &lettre::transport::smtp::Error) -> Problem {
        let what = format!("{}: {}", self.host, shown(error));
        match (error.is_permanent(), error.is_transient()) {
            (true, _) => Problem::Refused(what),
            (_, true) => Problem::later(what),
            (false, false) => Problem::Unknown(what),
        }
    }
}

/// Addresses, separated by spaces, commas or semicolons.
fn addresses(text: &str) -> Result<Vec<Address>, Problem> {
    text.split([' ', ',', ';', '\t', '\n', '\r'])
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse().map_err(|error| {
                Problem::Refused(format!("'{}' is not a mail address: {error}", one(part)))
            })
        })
        .collect()
}

fn one(part: &str) -> String {
    part.chars()
        .filter(|it| !it.is_control())
        .take(100)
        .collect()
}

fn shown(error: &lettre::transport::smtp::Error) -> String {
    let text = crate::text::one_line(&error.to_string());
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

fn first_line(response: &Response) -> String {
    let line = response.first_line().unwrap_or_default();
    let line = format!("{} {line}", response.code());
    line.trim().chars().take(SHOWN_CHARS_MAX).collect()
}
