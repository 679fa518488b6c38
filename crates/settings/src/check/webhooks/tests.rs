use std::collections::BTreeMap;

use super::*;
use crate::{Error, Problem, Settings, WebhookParameter};

fn webhook() -> PreconfiguredWebhook {
    PreconfiguredWebhook {
        kind: "tellTeam".to_owned(),
        label: "Tell the team".to_owned(),
        url: Some("https://chat.io/${parameterValues['room']}".to_owned()),
        ..PreconfiguredWebhook::default()
    }
}

fn problems(change: impl FnOnce(&mut PreconfiguredWebhook)) -> Vec<String> {
    let mut changed = webhook();
    change(&mut changed);
    of(vec![changed])
}

fn of(preconfigured: Vec<PreconfiguredWebhook>) -> Vec<String> {
    let settings = Settings {
        webhooks: Webhooks { preconfigured },
        ..Settings::default()
    };
    match settings.check() {
        Ok(()) => Vec::new(),
        Err(Error::Invalid(problems)) => problems.iter().map(Problem::to_string).collect(),
        Err(other) => panic!("{other}"),
    }
}

fn headers(name: &str, file: &str) -> BTreeMap<String, String> {
    [(name.to_owned(), file.to_owned())].into_iter().collect()
}

#[test]
fn a_whole_one_is_fine() {
    let whole = problems(|it| {
        it.secret_header_files = headers("Authorization", "/run/secrets/chat");
        it.custom_headers = Some([("Accept".to_owned(), vec!["*/*".to_owned()])].into());
        it.method = Some("POST".to_owned());
        it.fail_fast_status_codes = Some(vec![500]);
    });
    assert_eq!(whole, [""; 0]);
    let by_expression = problems(|it| it.url = Some("${parameterValues['url']}".to_owned()));
    assert_eq!(by_expression, [""; 0]);
}

#[test]
fn each_mistake_is_named_with_its_type() {
    type Change = fn(&mut PreconfiguredWebhook);
    const NOWHERE: &str = "has secret_header_files, and no url that says where they go: scheme, host and port without expression";
    let cases: [(Change, &str); 13] = [
        (|it| it.label.clear(), "has no label"),
        (
            |it| it.url = Some("chat.io".to_owned()),
            "has a url that does not begin with http:// or https://",
        ),
        (
            |it| it.cancel_endpoint = Some("x".to_owned()),
            "has a cancel_endpoint that does not begin with http:// or https://",
        ),
        (
            |it| it.secret_header_files = headers("A b", "f"),
            "has a header \"A b\", which cannot be set",
        ),
        (
            |it| it.secret_header_files = headers("X-Spinnaker-User", "f"),
            "has a header \"X-Spinnaker-User\", which cannot be set",
        ),
        (
            |it| it.secret_header_files = headers("A", " "),
            "has a secret header without a file",
        ),
        (
            |it| {
                it.secret_header_files = headers("A", "f");
                it.url = Some("https://${parameterValues['host']}/".to_owned());
            },
            NOWHERE,
        ),
        (
            |it| {
                it.secret_header_files = headers("A", "f");
                it.url = None;
            },
            NOWHERE,
        ),
        (
            |it| it.method = Some("a b".to_owned()),
            "has \"a b\", which is no HTTP method",
        ),
        (
            |it| it.retry_status_codes = Some(vec![42]),
            "has a status code that is not from 100 to 599",
        ),
        (
            |it| it.status_url_resolution = Some(StatusUrlResolution::WebhookResponse),
            "has status_url_resolution webhookResponse and no status_url_json_path",
        ),
        (
            |it| it.payload = Some("x".repeat(TEXT_BYTES_MAX + 1)),
            "has a text of more than 65536 bytes",
        ),
        (
            |it| it.parameters = vec![WebhookParameter::default()],
            "has a parameter [0] without name or label",
        ),
    ];
    for (change, expected) in cases {
        let wanted = format!("webhooks.preconfigured [0] (tellTeam) {expected}");
        assert_eq!(problems(change), [wanted]);
    }
}

#[test]
fn names_stand_alone() {
    let parameter = WebhookParameter {
        name: "a".to_owned(),
        label: "x".to_owned(),
        ..WebhookParameter::default()
    };
    for (found, expected) in [
        (
            problems(|it| it.parameters = vec![parameter.clone(), parameter]),
            "webhooks.preconfigured [0] (tellTeam) has two parameters a",
        ),
        (
            problems(|it| it.kind = "a b".to_owned()),
            "webhooks.preconfigured [0] (a b) has no type of 1 to 63 letters, digits, ., - or _",
        ),
        (
            of(vec![webhook(), webhook()]),
            "webhooks.preconfigured [1] (tellTeam) has a type that another entry has",
        ),
        (
            of((0..=TYPES_MAX)
                .map(|number| PreconfiguredWebhook {
                    kind: format!("t{number}"),
                    ..webhook()
                })
                .collect()),
            "webhooks.preconfigured has 201 entries, must have at most 200",
        ),
    ] {
        assert_eq!(found, [expected]);
    }
}
