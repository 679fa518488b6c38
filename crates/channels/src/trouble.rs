//! Servers in trouble, and what each channel makes of it: one table of troubles over all channels. What may have arrived is not sent
//! twice, whoever reads the receipt learns the reason, and no answer gets a secret into it.

use std::time::Duration;

use futures_util::future::{BoxFuture, join_all, ready};
use gennaker_credentials::auth::basic;
use gennaker_settings::{MailSecurity, Publisher, PublisherKind, Settings};
use gennaker_testkit::http::{Reply, Seen, Server};
use gennaker_testkit::keys::PEM;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::{
    Channel, Channels, Delivery, Problem, Receipt,
    line::{Permit, Repeat},
    notice::Notice,
    testing::{BASE, ID, NOW_MS, SECRET, channels, event, message},
};

/// Longest call here: as much as is left when a worker has been slow.
const CALL: Duration = Duration::from_millis(900);

/// More than is read of any answer.
const HUGE_BYTES: usize = 300 * 1024;

/// Grants calls a short time.
struct Briefly;

impl Permit for Briefly {
    fn begin(&self, wanted: Duration) -> BoxFuture<'_, Option<Duration>> {
        Box::pin(ready(Some(wanted.min(CALL))))
    }
}

/// A way of a channel: what is set, what is told, and what its server says before the call that counts.
struct Way {
    name: &'static str,
    channel: Channel,
    set: fn(&mut Settings, url: &str, folder: &str),
    notice: fn(url: &str) -> Notice,
    /// Answers to what is asked before.
    before: fn(&Seen) -> Option<Reply>,
    /// Whether its answers are read, beyond their status.
    is_read: bool,
    /// Whether it obeys a `Retry-After`.
    waits: bool,
}

/// All ways over HTTP.
fn ways() -> Vec<Way> {
    let nothing: fn(&Seen) -> Option<Reply> = |_| None;
    let way = |channel: Channel, set, notice| Way {
        name: channel.name(),
        channel,
        set,
        notice,
        before: nothing,
        is_read: true,
        waits: true,
    };
    vec![
        way(Channel::Slack, slack, |_| {
            told(json!({"address": "#ops"}), "slack")
        }),
        Way {
            name: "slack's webhook",
            is_read: false,
            ..way(
                Channel::Slack,
                |settings, url, folder| {
                    slack(settings, url, folder);
                    settings.notifications.slack.force_incoming_webhook = true;
                },
                |_| told(json!({"address": "#ops"}), "slack"),
            )
        },
        way(
            Channel::Sms,
            |settings, url, folder| {
                let set = &mut settings.notifications.sms;
                set.account = Some("AC1".to_owned());
                set.token_file = secret(folder);
                set.from = Some("+1".to_owned());
                set.url = url.to_owned();
            },
            |_| told(json!({"address": "+49"}), "sms"),
        ),
        way(
            Channel::GoogleChat,
            |settings, url, _| {
                settings.notifications.google_chat.enabled = true;
                settings.notifications.google_chat.url = url.to_owned();
            },
            |_| {
                let room = format!(
                    "https://chat.googleapis.com/v1/spaces/AAA/messages?key=K&token={SECRET}"
                );
                told(json!({"address": room}), "googlechat")
            },
        ),
        Way {
            is_read: false,
            ..way(
                Channel::Teams,
                |settings, _, _| settings.notifications.microsoft_teams.enabled = true,
                |url| {
                    told(
                        json!({"address": format!("{url}/hook/{SECRET}?sig={SECRET}")}),
                        "microsoftteams",
                    )
                },
            )
        },
        Way {
            is_read: false,
            ..way(
                Channel::Hipchat,
                |settings, url, folder| {
                    settings.notifications.hipchat.url = Some(url.to_owned());
                    settings.notifications.hipchat.token_file = secret(folder);
                },
                |_| told(json!({"address": "ops"}), "hipchat"),
            )
        },
        Way {
            before: |seen| match seen.path().split('?').next()? {
                "/v1/user.list" => {
                    Some(Reply::ok(r#"[{"id": "=bw", "email": "anna@example.com"}]"#))
                }
                "/v1/p2p.create" => Some(Reply::ok(r#"{"vchannel_id": "=ch"}"#)),
                _ => None,
            },
            ..way(
                Channel::Bearychat,
                |settings, url, folder| {
                    settings.notifications.bearychat.url = url.to_owned();
                    settings.notifications.bearychat.token_file = secret(folder);
                },
                |_| told(json!({"address": "anna@example.com"}), "bearychat"),
            )
        },
        way(
            Channel::GithubStatus,
            |settings, url, folder| {
                settings.notifications.github_status.url = url.to_owned();
                settings.notifications.github_status.token_file = secret(folder);
            },
            |_| told(json!({}), "githubStatus"),
        ),
        way(
            Channel::GitlabStatus,
            |settings, url, folder| {
                settings.notifications.gitlab_status.url = url.to_owned();
                settings.notifications.gitlab_status.token_file = secret(folder);
            },
            |_| {
                told(
                    json!({"repo": "group/shop", "commit": "feed5"}),
                    "gitlabStatus",
                )
            },
        ),
        way(
            Channel::PagerDuty,
            |settings, url, folder| {
                settings.services.pager_duty.url = url.to_owned();
                settings.services.pager_duty.token_file = secret(folder);
            },
            |_| message("PAGER_DUTY", json!([SECRET]), json!({"message": "help"})),
        ),
        way(
            Channel::Jira,
            |settings, url, folder| {
                settings.services.jira.url = Some(url.to_owned());
                settings.services.jira.username = Some("anna".to_owned());
                settings.services.jira.password_file = secret(folder);
            },
            |_| message("JIRA", json!([]), json!({"issueContext": {"fields": {}}})),
        ),
        Way {
            is_read: false,
            ..way(
                Channel::CdEvents,
                |settings, _, _| settings.notifications.cdevents.enabled = true,
                |url| {
                    let entry = json!({"address": format!("{url}/in/{SECRET}"), "cdEventsType": "pipelinerun.finished"});
                    told(entry, "cdevents")
                },
            )
        },
        Way {
            name: "google's topics",
            before: |seen| {
                let token = json!({"access_token": SECRET, "expires_in": 3600}).to_string();
                (seen.path() == "/token").then(|| Reply::ok(&token))
            },
            ..way(
                Channel::Pubsub,
                |settings, url, folder| {
                    let key = json!({"client_email": "x@p", "private_key": PEM, "project_id": "p", "token_uri": format!("{url}/token")});
                    let file = format!("{folder}/key.json");
                    std::fs::write(&file, key.to_string()).unwrap();
                    settings.notifications.publishers = vec![Publisher {
                        name: "all".to_owned(),
                        topic: "t".to_owned(),
                        key_file: Some(file),
                        url: Some(url.to_owned()),
                        ..Publisher::default()
                    }];
                },
                |_| told(json!({"publisherName": "all"}), "pubsub"),
            )
        },
        Way {
            name: "amazon's topics",
            // Amazon says how long to wait in no header.
            waits: false,
            ..way(
                Channel::Pubsub,
                |settings, url, folder| {
                    settings.notifications.publishers = vec![Publisher {
                        name: "all".to_owned(),
                        kind: PublisherKind::Sns,
                        topic: "arn:aws:sns:eu-central-1:1:t".to_owned(),
                        region: Some("eu-central-1".to_owned()),
                        access_key: Some("AKID".to_owned()),
                        secret_key_file: secret(folder),
                        url: Some(url.to_owned()),
                        ..Publisher::default()
                    }];
                },
                |_| told(json!({"publisherName": "all"}), "pubsub"),
            )
        },
    ]
}

fn slack(settings: &mut Settings, url: &str, folder: &str) {
    settings.notifications.slack.token_file = secret(folder);
    settings.notifications.slack.url = Some(url.to_owned());
}

/// The file with [`SECRET`].
fn secret(folder: &str) -> Option<String> {
    Some(format!("{folder}/secret"))
}

fn told(mut entry: Value, kind: &str) -> Notice {
    entry["type"] = kind.into();
    event(entry, "pipeline.failed")
}

/// What is expected of a trouble.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// Nothing was delivered, and it is tried again.
    Later,
    /// It is not tried again.
    Refused,
    /// It may have been delivered: tried again only where that does no harm.
    Open,
    /// As [`Ends::Open`], where answers are read; delivered elsewhere.
    OpenIfRead,
}

type Answering = fn(&Seen) -> Reply;

/// What servers do, how that ends, and what the reason says.
const TROUBLES: [(&str, Answering, Ends, &str); 15] = [
    (
        "breaks off",
        |_| Reply::raw(b""),
        Ends::Open,
        "connection broke",
    ),
    (
        "speaks no HTTP",
        |_| Reply::raw(b"220 mail.example.com ESMTP\r\n"),
        Ends::Open,
        "connection broke",
    ),
    (
        "half an answer",
        |_| Reply::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        Ends::Open,
        "connection broke",
    ),
    ("says nothing", silent, Ends::Open, "no answer within"),
    (
        "breaks down",
        |_| Reply::status(500, "<h1>oops</h1>"),
        Ends::Open,
        "500",
    ),
    (
        "its gateway gives up",
        |_| Reply::status(504, "gateway"),
        Ends::Open,
        "504",
    ),
    (
        "is busy",
        |_| Reply::status(429, "slow down").with("Retry-After", "7"),
        Ends::Later,
        "429",
    ),
    (
        "is down for a while",
        |_| Reply::status(503, "later").with("Retry-After", "7"),
        Ends::Later,
        "503",
    ),
    (
        "redirects",
        |_| Reply::redirect("/login"),
        Ends::Refused,
        "302",
    ),
    (
        "redirects with the body",
        |_| Reply::status(307, "").with("Location", "/login"),
        Ends::Refused,
        "307",
    ),
    (
        "does not let us in",
        |_| Reply::status(401, "who are you"),
        Ends::Refused,
        "401",
    ),
    (
        "knows no such place",
        |_| Reply::status(404, ""),
        Ends::Refused,
        "404",
    ),
    (
        "is something else",
        |_| Reply::ok("<!doctype html><title>Welcome"),
        Ends::OpenIfRead,
        "not one of",
    ),
    (
        "talks without an end",
        |_| Reply::bytes(vec![b'{'; HUGE_BYTES]),
        Ends::Open,
        "",
    ),
    ("repeats what it was told", repeated, Ends::Refused, ""),
];

/// Longer than a call may take.
fn silent(_seen: &Seen) -> Reply {
    std::thread::sleep(CALL * 2);
    Reply::ok("{}")
}

fn repeated(seen: &Seen) -> Reply {
    let body = seen.text();
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let said = format!("<pre>Cannot {}\n{body}\n{form:?}</pre>", seen.head());
    // As an API would, whose words are taken for the reason.
    let words = json!({"ok": false, "error": said, "message": said, "errors": [said]});
    Reply::status(400, &words.to_string())
}

async fn deliver(channels: &Channels, notice: &Notice) -> Result<Receipt, Problem> {
    let delivery = Delivery {
        id: ID,
        permit: &Briefly,
        now_ms: NOW_MS,
    };
    channels.deliver(notice, &delivery).await
}

/// A folder with the secret, and channels that have this one alone, at this address.
fn of_way(way: &Way, url: &str) -> (Channels, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), SECRET).unwrap();
    let mut settings = Settings::default();
    settings.notifications.base_url = BASE.to_owned();
    (way.set)(&mut settings, url, folder.path().to_str().unwrap());
    settings.check().unwrap();
    (channels(&settings), folder)
}

/// How it ended, as it should have.
fn check(what: &str, way: &Way, ends: Ends, words: &str, ended: Result<Receipt, Problem>) {
    let repeat = way.channel.repeat();
    let problem = match (ended, ends) {
        (Ok(receipt), Ends::OpenIfRead) if !way.is_read => {
            assert!(matches!(receipt, Receipt::Sent(_)), "{what}: {receipt:?}");
            return;
        }
        (Ok(receipt), _) => panic!("{what}: {receipt:?}"),
        (Err(problem), _) => problem,
    };
    let is_it = match (ends, repeat) {
        (Ends::Later, _) | (Ends::Open | Ends::OpenIfRead, Repeat::Harmless) => {
            matches!(problem, Problem::Later { .. })
        }
        (Ends::Open | Ends::OpenIfRead, Repeat::Never) => matches!(problem, Problem::Unknown(_)),
        (Ends::Refused, _) => matches!(problem, Problem::Refused(_)),
    };
    let reason = problem.to_string();
    assert!(is_it && reason.contains(words), "{what}: {problem:?}");
    assert!(
        !reason.trim().is_empty() && reason.chars().count() < 1_000,
        "{what}: {reason}"
    );
    let proofs = [basic("AC1", SECRET), basic("anna", SECRET)];
    let proofs = proofs
        .iter()
        .filter_map(|proof| proof.strip_prefix("Basic "));
    for secret in proofs.chain([SECRET]) {
        assert!(!reason.contains(secret), "{what}: {reason}");
    }
    if let (Ends::Later, true, Problem::Later { after, .. }) = (ends, way.waits, &problem) {
        assert_eq!(*after, Some(Duration::from_secs(7)), "{what}");
    }
}

#[tokio::test]
async fn each_channel_says_what_became_of_a_notification_whatever_its_server_does() {
    for (name, answer, ends, words) in TROUBLES {
        let all = ways().into_iter().map(|way| async move {
            let before = way.before;
            let server =
                Server::start(move |seen| before(seen).unwrap_or_else(|| answer(seen))).await;
            let (channels, _folder) = of_way(&way, &server.url(""));
            let notice = (way.notice)(&server.url(""));
            let ended = deliver(&channels, &notice).await;
            let what = format!("{}, whose server {name}", way.name);
            let is_elsewhere = server
                .seen()
                .iter()
                .any(|seen| seen.path().contains("login"));
            assert!(!is_elsewhere, "{what}: a redirect was followed");
            check(&what, &way, ends, words, ended);
        });
        join_all(all).await;
    }
}

#[tokio::test]
async fn each_channel_waits_for_a_server_that_is_not_there() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    for way in ways() {
        let (channels, _folder) = of_way(&way, &url);
        let ended = deliver(&channels, &(way.notice)(&url)).await;
        let Err(Problem::Later { reason, .. }) = ended else {
            panic!("{}: {ended:?}", way.name)
        };
        assert!(
            reason.contains("connection refused"),
            "{}: {reason}",
            way.name
        );
    }
}

#[tokio::test]
async fn the_table_has_every_channel_but_mail() {
    let ways = ways();
    for channel in Channel::ALL {
        let is_there = ways.iter().any(|way| way.channel == channel);
        assert_eq!(is_there, channel != Channel::Email, "{}", channel.name());
    }
}

#[tokio::test]
async fn what_is_asked_before_the_message_is_asked_again() {
    // BearyChat is asked for people first: that may be repeated, though the message itself may not.
    let way = ways()
        .into_iter()
        .find(|way| way.channel == Channel::Bearychat)
        .unwrap();
    for (answer, words) in [
        ((|_: &Seen| Reply::ok("<html>")) as Answering, "not one of"),
        (|_: &Seen| Reply::status(500, "oops"), "500"),
        (|_: &Seen| Reply::raw(b""), "connection broke"),
    ] {
        let server = Server::start(answer).await;
        let (channels, _folder) = of_way(&way, &server.url(""));
        let ended = deliver(&channels, &(way.notice)("")).await;
        let is_later =
            matches!(&ended, Err(Problem::Later { reason, .. }) if reason.contains(words));
        assert!(is_later, "{ended:?}");
    }
}

#[tokio::test]
async fn github_refuses_for_a_while_with_403() {
    let way = ways()
        .into_iter()
        .find(|way| way.channel == Channel::GithubStatus)
        .unwrap();
    for (header, value, after) in [
        ("Retry-After", "60", Some(Duration::from_secs(60))),
        ("X-RateLimit-Remaining", "0", None),
    ] {
        let server =
            Server::start(move |_| Reply::status(403, "rate limit").with(header, value)).await;
        let (channels, _folder) = of_way(&way, &server.url(""));
        let ended = deliver(&channels, &(way.notice)("")).await;
        let expected = Problem::Later {
            reason: "status 403: rate limit".to_owned(),
            after,
        };
        assert_eq!(ended, Err(expected));
    }
}

/// A server that says this and closes, or says nothing more; its port.
async fn mail_server(says: Vec<u8>, stays: bool) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&says).await;
            let mut heard = [0; 1024];
            while stays && matches!(stream.read(&mut heard).await, Ok(1..)) {}
        }
    });
    (port, serving)
}

#[tokio::test]
async fn mail_servers_in_trouble_are_told_apart() {
    for (says, stays, is_later, words) in [
        (b"".to_vec(), false, true, ""),
        (b"".to_vec(), true, true, "no answer within"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            false,
            true,
            "",
        ),
        (vec![b'x'; 4 << 20], false, true, ""),
        (
            b"421 4.3.2 come again\r\n".to_vec(),
            true,
            true,
            "come again",
        ),
        (b"554 5.7.1 not you\r\n".to_vec(), true, false, "not you"),
    ] {
        let shown = String::from_utf8_lossy(&says[..says.len().min(30)]).into_owned();
        let (port, _serving) = mail_server(says, stays).await;
        let mut settings = Settings::default();
        let email = &mut settings.notifications.email;
        email.host = Some("127.0.0.1".to_owned());
        email.port = Some(port);
        email.security = MailSecurity::None;
        email.from = Some("deploy@example.com".to_owned());
        let ended = deliver(
            &channels(&settings),
            &told(json!({"address": "anna@example.org"}), "email"),
        )
        .await;
        let reason = match (&ended, is_later) {
            (Err(Problem::Later { reason, .. }), true) | (Err(Problem::Refused(reason)), false) => {
                reason
            }
            other => panic!("{shown:?}: {other:?}"),
        };
        assert!(
            reason.contains("127.0.0.1") && reason.contains(words),
            "{shown:?}: {reason}"
        );
    }
}
