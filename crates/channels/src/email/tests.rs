//! Mail to a real server: in the clear, with STARTTLS and with TLS.

use std::sync::OnceLock;

use gennaker_settings::{MailSecurity, Settings};
use gennaker_testkit::smtp::{Mail, PASSWORD, Server, USER};
use serde_json::json;

use crate::{
    Problem,
    testing::{channels, deliver, event, judgment, message, sent},
};

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

/// Settings for one way in.
fn settings(server: &Server, security: MailSecurity, folder: &std::path::Path) -> Settings {
    let mut settings = Settings::default();
    let email = &mut settings.notifications.email;
    email.host = Some("127.0.0.1".to_owned());
    email.security = security;
    email.from = Some("Deployments <deploy@example.com>".to_owned());
    let way = match security {
        MailSecurity::None => "plain",
        MailSecurity::Starttls => "starttls",
        MailSecurity::Tls => "tls",
    };
    email.port = Some(server.port(way));
    if security != MailSecurity::None {
        let file = folder.join("password");
        std::fs::write(&file, PASSWORD).unwrap();
        email.username = Some(USER.to_owned());
        email.password_file = Some(file.to_str().unwrap().to_owned());
        email.ca_file = Some(server.authority().to_str().unwrap().to_owned());
    }
    settings
}

fn mails_to(server: &Server, address: &str) -> Vec<Mail> {
    let all = server.mails().into_iter();
    all.filter(|mail| mail.to.iter().any(|to| to == address))
        .collect()
}

#[tokio::test]
async fn a_mail_arrives_by_every_way_as_html_and_as_text() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    for (security, name) in [
        (MailSecurity::None, "plain"),
        (MailSecurity::Starttls, "starttls"),
        (MailSecurity::Tls, "tls"),
    ] {
        let channels = channels(&settings(server, security, folder.path()));
        let to = format!("{name}@example.org");
        let entry = json!({"type": "email", "address": format!("{to}, second@example.org"), "cc": "third@example.org",
            "message": {"pipeline.failed": {"text": "Grüße, **Anna**"}}});
        let sent = sent(deliver(&channels, &event(entry, "pipeline.failed")).await);
        assert_eq!(
            sent.to,
            [to.as_str(), "second@example.org", "third@example.org"]
        );
        let [mail] = &mails_to(server, &to)[..] else {
            panic!("{name}")
        };
        let is_secure = security != MailSecurity::None;
        assert_eq!(mail.tls, is_secure, "{name}");
        assert_eq!(mail.user.as_deref(), is_secure.then_some(USER));
        assert_eq!(
            (mail.from.as_str(), mail.hello.as_str()),
            ("deploy@example.com", "example.com")
        );
        let id = sent.reference.unwrap();
        for part in [
            format!("Message-ID: {id}"),
            "Subject: myapp's deploy pipeline has failed".to_owned(),
            format!("To: {to}, second@example.org"),
            "Cc: third@example.org".to_owned(),
            "Auto-Submitted: auto-generated".to_owned(),
            "multipart/alternative".to_owned(),
            "text/plain; charset=utf-8".to_owned(),
            "text/html; charset=utf-8".to_owned(),
        ] {
            assert!(mail.data.contains(&part), "{part}: {}", mail.data);
        }
        assert!(mail.data.contains("<strong>Anna</strong>"), "{}", mail.data);
    }
}

#[tokio::test]
async fn every_try_of_a_mail_has_the_same_id_and_other_mails_have_others() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let channels = channels(&settings(server, MailSecurity::None, folder.path()));
    let mail = async |id: &str| {
        let delivery = crate::Delivery {
            id,
            permit: &crate::line::Freely,
            now_ms: crate::testing::NOW_MS,
        };
        let entry = json!({"type": "email", "address": "ids@example.org"});
        let receipt = channels
            .deliver(&event(entry, "pipeline.complete"), &delivery)
            .await;
        sent(receipt).reference.unwrap()
    };
    let (one, again, other) = (mail("a").await, mail("a").await, mail("b").await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert!(one.ends_with("@example.com>"), "{one}");
}

#[tokio::test]
async fn servers_that_refuse_are_quoted_and_told_apart() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let channels = channels(&settings(server, MailSecurity::None, folder.path()));
    let to = async |address: &str| {
        let entry = json!({"type": "email", "address": address});
        deliver(&channels, &event(entry, "pipeline.failed")).await
    };
    let nobody = to("nobody@a.org").await.unwrap_err();
    assert!(
        matches!(&nobody, Problem::Refused(it) if it.contains("no such user")),
        "{nobody}"
    );
    let grey = to("greylisted@a.org").await.unwrap_err();
    assert!(
        matches!(&grey, Problem::Later { reason, .. } if reason.contains("come again")),
        "{grey}"
    );
    assert!(to("greylisted@a.org").await.is_ok());
    let full = to("full@a.org").await.unwrap_err();
    assert!(
        matches!(&full, Problem::Later { reason, .. } if reason.contains("mailbox full")),
        "{full}"
    );
    let some = sent(to("nobody@a.org there@a.org").await);
    assert_eq!(some.to, ["there@a.org"]);
    assert!(some.note.unwrap().contains("refused: nobody@a.org"));
    for bad in ["not-an-address", "a@b@c", "a@ex ample.org"] {
        let told = to(bad).await.unwrap_err();
        assert!(
            matches!(&told, Problem::Refused(it) if it.contains("is not a mail address")),
            "{told}"
        );
    }
    let many = vec!["a@b.org"; 101].join(",");
    assert!(
        to(&many)
            .await
            .unwrap_err()
            .to_string()
            .contains("101 addresses")
    );
}

#[tokio::test]
async fn a_mail_whose_end_was_not_confirmed_is_unknown() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let channels = channels(&settings(server, MailSecurity::None, folder.path()));
    let entry = json!({"type": "email", "address": "cut@a.org"});
    let told = deliver(&channels, &event(entry, "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(matches!(told, Problem::Unknown(_)), "{told:?}");
    assert_eq!(mails_to(server, "cut@a.org").len(), 1, "it did arrive");

    /// Two seconds at most.
    struct Hurry;
    impl crate::line::Permit for Hurry {
        fn begin(
            &self,
            _: std::time::Duration,
        ) -> futures_util::future::BoxFuture<'_, Option<std::time::Duration>> {
            Box::pin(async { Some(std::time::Duration::from_secs(2)) })
        }
    }
    let entry = json!({"type": "email", "address": "silent@a.org"});
    let delivery = crate::Delivery {
        id: "silent",
        permit: &Hurry,
        now_ms: 0,
    };
    let told = channels
        .deliver(&event(entry, "pipeline.failed"), &delivery)
        .await
        .unwrap_err();
    assert!(
        matches!(&told, Problem::Unknown(it) if it.contains("no answer within 2000 ms")),
        "{told:?}"
    );
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_cannot_be_trusted() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let entry = || json!({"type": "email", "address": "untrusted@example.org"});
    let mut strange = settings(server, MailSecurity::Tls, folder.path());
    strange.notifications.email.ca_file = None;
    let told = deliver(&channels(&strange), &event(entry(), "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(!matches!(told, Problem::Unknown(_)), "{told:?}");

    let mut stripped = settings(server, MailSecurity::Starttls, folder.path());
    stripped.notifications.email.port = Some(server.port("plain"));
    let told = deliver(&channels(&stripped), &event(entry(), "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(
        matches!(&told, Problem::Refused(it) if it.contains("STARTTLS")),
        "{told:?}"
    );

    let mut wrong = settings(server, MailSecurity::Starttls, folder.path());
    let file = folder.path().join("wrong");
    std::fs::write(&file, "other-pa55").unwrap();
    wrong.notifications.email.password_file = Some(file.to_str().unwrap().to_owned());
    let told = deliver(&channels(&wrong), &event(entry(), "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(matches!(told, Problem::Refused(_)), "{told:?}");
    assert!(!told.to_string().contains("other-pa55"));

    let mut gone = settings(server, MailSecurity::None, folder.path());
    gone.notifications.email.port = Some(1);
    let told = deliver(&channels(&gone), &event(entry(), "pipeline.failed"))
        .await
        .unwrap_err();
    assert!(matches!(told, Problem::Later { .. }), "{told:?}");
    assert!(mails_to(server, "untrusted@example.org").is_empty());
}

#[tokio::test]
async fn judgements_and_messages_go_by_mail_too() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let channels = channels(&settings(server, MailSecurity::None, folder.path()));
    let entry = json!({"type": "email", "address": "judge@example.org"});
    sent(deliver(&channels, &judgment(entry, "manualJudgment")).await);
    let [mail] = &mails_to(server, "judge@example.org")[..] else {
        panic!()
    };
    assert!(
        mail.data.contains("is awaiting manual judgment"),
        "{}",
        mail.data
    );
    assert!(mail.data.contains("<b>Instructions:</b>"), "{}", mail.data);
    let notice = message(
        "EMAIL",
        json!(["own@example.org"]),
        json!({"subject": "Über\nBcc: x@y.z", "body": "hello"}),
    );
    sent(deliver(&channels, &notice).await);
    let [mail] = &mails_to(server, "own@example.org")[..] else {
        panic!()
    };
    assert!(!mail.data.contains("\nBcc:"), "{}", mail.data);
    assert_eq!(mail.to, ["own@example.org"]);
}
