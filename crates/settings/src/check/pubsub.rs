//! Whether subscriptions make sense.

use super::Problems;
use crate::sections::{MessageFormat, Pubsub};

/// Most subscriptions of one kind.
const SUBSCRIPTIONS_MAX: usize = 200;

/// Longest name of a subscription, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// One subscription, as far as its kind does not matter.
struct Subscription<'a> {
    name: &'a str,
    format: MessageFormat,
    template: Option<&'a str>,
}

macro_rules! all_of {
    ($list:expr) => {
        $list
            .iter()
            .map(|it| Subscription {
                name: &it.name,
                format: it.message_format,
                template: it.template_file.as_deref(),
            })
            .collect::<Vec<_>>()
    };
}

pub(super) fn check(pubsub: &Pubsub, found: &mut Problems) {
    for (path, all) in [
        ("pubsub.nats", all_of!(pubsub.nats)),
        ("pubsub.amazon", all_of!(pubsub.amazon)),
        ("pubsub.google", all_of!(pubsub.google)),
    ] {
        subscriptions(path, &all, found);
    }
    for (place, it) in pubsub.amazon.iter().enumerate() {
        let mut add = |reason: &str| {
            found.add("pubsub.amazon", format!("[{place}] ({}) {reason}", it.name));
        };
        if !is_arn(&it.queue_arn, "sqs") {
            add("has a queue_arn that is not arn:aws:sqs:REGION:ACCOUNT:NAME");
        }
        let topic = it.topic_arn.as_deref();
        if topic.is_some_and(|topic| !is_arn(topic, "sns")) {
            add("has a topic_arn that is not arn:aws:sns:REGION:ACCOUNT:NAME");
        }
        let secrets = usize::from(it.secret_access_key.is_some())
            + usize::from(it.secret_access_key_file.is_some());
        if secrets > 1 {
            add("has a secret both in the settings and in a file");
        }
        if it.access_key_id.is_some() != (secrets > 0) {
            add("needs access_key_id and its secret together");
        }
        for endpoint in [&it.endpoint, &it.topic_endpoint].into_iter().flatten() {
            if !is_address(endpoint) {
                add("has an endpoint that does not begin with http:// or https://");
            }
        }
    }
    for (place, it) in pubsub.google.iter().enumerate() {
        let mut add = |reason: &str| {
            found.add("pubsub.google", format!("[{place}] ({}) {reason}", it.name));
        };
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.contains(['/', '?', '#', '%'])
                && !text.contains(char::is_whitespace)
        };
        if !is_name(&it.project) || !is_name(&it.subscription_name) {
            add("needs a project and a subscription_name, as Google calls them");
        }
        if it.endpoint.as_deref().is_some_and(|url| !is_address(url)) {
            add("has an endpoint that does not begin with http:// or https://");
        }
    }
}

fn subscriptions(path: &str, all: &[Subscription<'_>], found: &mut Problems) {
    if all.len() > SUBSCRIPTIONS_MAX {
        let count = all.len();
        found.add(
            path,
            format!("has {count} entries, must have at most {SUBSCRIPTIONS_MAX}"),
        );
    }
    for (place, it) in all.iter().enumerate() {
        let mut add = |reason: &str| found.add(path, format!("[{place}] ({}) {reason}", it.name));
        let is_name = !it.name.trim().is_empty()
            && it.name.len() <= NAME_BYTES_MAX
            && !it.name.contains(char::is_control);
        if !is_name {
            add("has no name of at most 200 printable bytes");
        }
        // Triggers choose in any case.
        let same = |other: &Subscription<'_>| other.name.eq_ignore_ascii_case(it.name);
        if all[..place].iter().any(same) {
            add("has a name that another entry has");
        }
        if it.template.is_some() && it.format != MessageFormat::Custom {
            add("has a template_file, which counts for message_format CUSTOM only");
        }
    }
}

/// Whether it is a full name of something in this service of Amazon.
fn is_arn(text: &str, service: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    matches!(parts[..], ["arn", _, of, region, account, name]
        if of == service && !region.is_empty() && !account.is_empty() && !name.is_empty())
}

fn is_address(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use crate::Settings;

    fn said(text: &str) -> Result<(), String> {
        let settings: Settings = toml::from_str(text).unwrap();
        settings.check().map_err(|error| error.to_string())
    }

    #[test]
    fn subscriptions_have_names_of_their_own_and_whole_addresses() {
        let good = "
            [[pubsub.nats]]
            name = \"builds\"
            template_file = \"t\"
            [[pubsub.amazon]]
            name = \"builds\"
            queue_arn = \"arn:aws:sqs:eu-central-1:123:builds\"
            message_format = \"S3\"
            [[pubsub.google]]
            name = \"builds\"
            project = \"p\"
            subscription_name = \"s\"
            message_format = \"GCR\"
        ";
        assert_eq!(said(good), Ok(()));
        for (from, to, problem) in [
            (
                "name = \"builds\"\n            template",
                "name = \" \"\n            template",
                "has no name",
            ),
            ("arn:aws:sqs", "arn:aws:sns", "queue_arn"),
            (
                "message_format = \"S3\"",
                "topic_arn = \"arn:aws:sqs:eu-central-1:123:builds\"",
                "topic_arn",
            ),
            (
                "message_format = \"S3\"",
                "topic_endpoint = \"sns\"",
                "endpoint",
            ),
            (
                "message_format = \"S3\"",
                "access_key_id = \"a\"",
                "together",
            ),
            (
                "message_format = \"S3\"",
                "message_format = \"S3\"\n template_file = \"t\"",
                "CUSTOM",
            ),
            (
                "project = \"p\"",
                "project = \"a/b\"",
                "as Google calls them",
            ),
            (
                "[[pubsub.amazon]]",
                "[[pubsub.nats]]\n name = \"BUILDS\"\n [[pubsub.amazon]]",
                "another entry has",
            ),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            let reason = said(&text).unwrap_err();
            assert!(reason.contains(problem), "{reason}");
        }
    }
}
