//! `[notifications]`: addresses, credentials that belong together, topics and endpoints that make sense.

use serde_json::Value;

use super::{Problems, services::is_address};
use crate::sections::{MailSecurity, Notifications, Publisher, PublisherKind, RestEndpoint};

/// Most topics, and most endpoints.
const ENTRIES_MAX: usize = 50;

/// Longest template of an endpoint, in bytes.
const TEMPLATE_BYTES_MAX: usize = 64 * 1024;

const NOT_AN_ADDRESS: &str = "is not an address that begins with http:// or https://";

pub(super) fn check(set: &Notifications, found: &mut Problems) {
    addresses(set, found);
    email(set, found);
    let sms = &set.sms;
    let both = [
        (
            "notifications.sms.token_file",
            sms.account.is_some() && sms.token_file.is_none(),
        ),
        (
            "notifications.sms.from",
            sms.account.is_some() && sms.from.is_none(),
        ),
        (
            "notifications.hipchat.token_file",
            set.hipchat.url.is_some() && set.hipchat.token_file.is_none(),
        ),
        (
            "notifications.slack.app.signing_secret_file",
            set.slack.app.token_file.is_some() && set.slack.app.signing_secret_file.is_none(),
        ),
    ];
    for (path, missing) in both {
        if missing {
            found.add(path, "is missing: the rest of the channel is set");
        }
    }
    publishers(&set.publishers, found);
    endpoints(&set.endpoints, found);
}

fn addresses(set: &Notifications, found: &mut Problems) {
    let urls = [
        ("notifications.base_url", Some(&set.base_url)),
        ("notifications.slack.url", set.slack.url.as_ref()),
        (
            "notifications.slack.app.hooks_url",
            set.slack.app.hooks_url.as_ref(),
        ),
        ("notifications.sms.url", Some(&set.sms.url)),
        ("notifications.google_chat.url", Some(&set.google_chat.url)),
        (
            "notifications.github_status.url",
            Some(&set.github_status.url),
        ),
        (
            "notifications.gitlab_status.url",
            Some(&set.gitlab_status.url),
        ),
        ("notifications.hipchat.url", set.hipchat.url.as_ref()),
        ("notifications.bearychat.url", Some(&set.bearychat.url)),
    ];
    for (path, url) in urls {
        if url.is_some_and(|url| !is_address(url)) {
            found.add(path, NOT_AN_ADDRESS);
        }
    }
}

fn email(set: &Notifications, found: &mut Problems) {
    let email = &set.email;
    if email.host.is_some() && email.from.is_none() {
        found.add(
            "notifications.email.from",
            "is missing: the mail server is set",
        );
    }
    if email.host.as_deref().is_some_and(|host| {
        host.is_empty()
            || host.contains(['/', ' ', '@'])
            || host.contains(':') && !host.contains("::")
    }) {
        found.add(
            "notifications.email.host",
            "is not the name or address of a server; the port is a setting of its own",
        );
    }
    if email.username.is_some() != email.password_file.is_some() {
        found.add(
            "notifications.email.username",
            "and notifications.email.password_file go together",
        );
    }
    if email.username.is_some() && email.security == MailSecurity::None {
        found.add(
            "notifications.email.security",
            "is none, and the password would be sent for everybody to read",
        );
    }
    if email
        .from
        .as_deref()
        .is_some_and(|from| !from.contains('@'))
    {
        found.add("notifications.email.from", "is not the address of a sender");
    }
}

fn publishers(all: &[Publisher], found: &mut Problems) {
    const PATH: &str = "notifications.publishers";
    too_many(PATH, all.len(), found);
    for (place, publisher) in all.iter().enumerate() {
        let mut add =
            |reason: &str| found.add(PATH, format!("[{place}] ({}) {reason}", publisher.name));
        if publisher.name.trim().is_empty() {
            add("has no name");
        }
        let same = |other: &Publisher| other.name.eq_ignore_ascii_case(&publisher.name);
        if all[..place].iter().any(same) {
            add("has a name that another entry has");
        }
        if publisher.topic.trim().is_empty() {
            add("has no topic");
        }
        match publisher.kind {
            PublisherKind::Google
                if publisher.project.is_none() && publisher.key_file.is_none() =>
            {
                add("has neither a project nor a key that names one");
            }
            PublisherKind::Sns if publisher.region.is_none() => add("has no region"),
            PublisherKind::Nats if !is_token(&publisher.topic) => {
                add("has a topic that is not made of letters, digits, - and _, with dots between");
            }
            PublisherKind::Google | PublisherKind::Sns | PublisherKind::Nats => {}
        }
        if publisher.access_key.is_some() != publisher.secret_key_file.is_some() {
            add("needs access_key and secret_key_file together");
        }
        if publisher.url.as_deref().is_some_and(|url| !is_address(url)) {
            add("has a url that does not begin with http:// or https://");
        }
    }
}

fn endpoints(all: &[RestEndpoint], found: &mut Problems) {
    const PATH: &str = "notifications.endpoints";
    too_many(PATH, all.len(), found);
    for (place, endpoint) in all.iter().enumerate() {
        let mut add = |reason: &str| found.add(PATH, format!("[{place}] {reason}"));
        if !is_address(&endpoint.url) {
            add(
                "has a url that does not begin with http:// or https://, or that holds credentials",
            );
        }
        if endpoint.username.is_some() != endpoint.password_file.is_some() {
            add("needs username and password_file together");
        }
        if let Some(template) = &endpoint.template {
            let tried = template.replace("{{event}}", "{}");
            if template.len() > TEMPLATE_BYTES_MAX {
                add("has a template of more than 65536 bytes");
            } else if !matches!(serde_json::from_str(&tried), Ok(Value::Object(_))) {
                add("has a template that is no JSON object with {{event}} in the place of a value");
            }
            if !endpoint.wrap {
                add("has a template, which counts only with wrap");
            }
        }
        if endpoint.wrap && (endpoint.event_name.is_empty() || endpoint.field_name.is_empty()) {
            add("has an empty event_name or field_name");
        }
    }
}

fn too_many(path: &str, count: usize, found: &mut Problems) {
    if count > ENTRIES_MAX {
        found.add(
            path,
            format!("has {count} entries, must have at most {ENTRIES_MAX}"),
        );
    }
}

/// Whether it can stand in a subject of the broker.
fn is_token(topic: &str) -> bool {
    let is_part = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !part.is_empty() && part.bytes().all(fits)
    };
    topic.len() <= 200 && topic.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use crate::sections::{MailSecurity, Publisher, PublisherKind, RestEndpoint};
    use crate::{Error, Settings};

    fn problems(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        match settings.check() {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(found)) => found
                .into_iter()
                .map(|it| format!("{} {}", it.path, it.reason))
                .collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn mail_has_a_sender_and_no_password_in_the_clear() {
        assert!(problems(|_| {}).is_empty());
        let wrong = problems(|settings| {
            let email = &mut settings.notifications.email;
            email.host = Some("mail.example.com:587".to_owned());
            email.username = Some("me".to_owned());
            email.password_file = Some("/run/secrets/mail".to_owned());
            email.security = MailSecurity::None;
        });
        for said in [
            "email.host is not",
            "email.from is missing",
            "email.security is none",
        ] {
            assert!(wrong.iter().any(|it| it.contains(said)), "{wrong:?}");
        }
    }

    #[test]
    fn channels_are_whole() {
        let wrong = problems(|settings| {
            let set = &mut settings.notifications;
            set.sms.account = Some("AC1".to_owned());
            set.slack.app.token_file = Some("/x".to_owned());
            set.base_url = "spinnaker".to_owned();
            set.publishers = vec![
                Publisher {
                    name: "a".to_owned(),
                    topic: "t".to_owned(),
                    ..Publisher::default()
                },
                Publisher {
                    name: "A".to_owned(),
                    topic: "x y".to_owned(),
                    kind: PublisherKind::Nats,
                    ..Publisher::default()
                },
            ];
            set.endpoints = vec![RestEndpoint {
                url: "https://u:p@x.io".to_owned(),
                template: Some("{{event}".to_owned()),
                ..RestEndpoint::default()
            }];
        });
        for said in [
            "base_url is not",
            "sms.token_file is missing",
            "sms.from is missing",
            "signing_secret_file is missing",
            "[0] (a) has neither a project",
            "[1] (A) has a name that another",
            "[1] (A) has a topic that is not",
            "[0] has a url",
            "[0] has a template that is no JSON",
            "counts only with wrap",
        ] {
            assert!(
                wrong.iter().any(|it| it.contains(said)),
                "{said}: {wrong:?}"
            );
        }
    }
}
