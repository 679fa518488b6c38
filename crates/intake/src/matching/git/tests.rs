//! What each system says, and who may say it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::matching::{Origin, VERSION, Verdict, consider, decode, encode};

fn event(source: &str, headers: &[(&str, &str)], body: &str) -> Event {
    let header = Header {
        v: VERSION,
        id: "event-1".to_owned(),
        kind: "git".to_owned(),
        source: source.to_owned(),
        at_ms: 1,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        origin: Origin::Outside,
    };
    decode(&encode(&header, body.as_bytes())).unwrap()
}

fn told(scm: &Scm) -> String {
    match scm {
        Scm::Push(push) => [
            &push.project,
            &push.slug,
            &push.hash,
            &push.branch,
            &push.action,
        ]
        .map(String::as_str)
        .join(" | "),
        Scm::Ignored(reason) => format!("ignored: {reason}"),
        Scm::Unreadable(reason) => format!("unreadable: {reason}"),
    }
}

#[test]
fn each_system_is_read_as_echo_reads_it() {
    let github = json!({"name": "web", "owner": {"name": "acme", "login": "acme-login"}});
    let bitbucket = json!({"full_name": "acme/web", "slug": "web", "owner": {"username": "acme"}, "project": {"key": "ACME"}});
    let side = |branch: &str| json!({"id": format!("refs/heads/{branch}"), "latestCommit": "c1", "repository": {"slug": "web", "project": {"key": "ACME"}}});
    let key = |key: &'static str| vec![("x-event-key", key)];
    for (source, headers, body, expected) in [
        (
            "github",
            vec![],
            json!({"ref": "refs/heads/main", "after": "c1", "repository": github}),
            "acme | web | c1 | main | push:push",
        ),
        (
            "GitHub",
            vec![],
            json!({"ref": "refs/tags/v1", "after": "c1", "repository": github}),
            "acme | web | c1 | refs/tags/v1 | push:push",
        ),
        (
            "github",
            vec![],
            json!({"action": "opened", "repository": github, "pull_request": {"number": 7, "head": {"sha": "c2", "ref": "fix"}}}),
            "acme-login | web | c2 | fix | pull_request:opened",
        ),
        (
            "github",
            vec![("x-github-event", "create")],
            json!({"ref": "fix", "ref_type": "branch", "repository": github}),
            "acme-login | web |  | fix | branch:create",
        ),
        (
            "github",
            vec![],
            json!({"ref": "fix", "ref_type": "branch", "repository": github}),
            "unreadable: the header X-GitHub-Event is missing",
        ),
        // Deletions are told by a commit of zeros, and go through.
        (
            "github",
            vec![],
            json!({"ref": "refs/heads/old", "after": "0000000000", "deleted": true, "repository": github}),
            "acme | web | 0000000000 | old | push:push",
        ),
        (
            "github",
            vec![],
            json!({"zen": "…", "hook_id": 1, "repository": github}),
            "ignored: it is GitHub's ping",
        ),
        (
            "github",
            vec![],
            json!({"ref": "refs/heads/main"}),
            "unreadable: the body has no text at /repository/owner/name",
        ),
        (
            "gitlab",
            vec![],
            json!({"object_kind": "push", "ref": "refs/heads/main", "after": "c1", "project": {"namespace": "acme", "name": "web"}}),
            "acme | web | c1 | main | push",
        ),
        (
            "gitlab",
            vec![],
            json!({"object_kind": "tag_push", "ref": "refs/tags/v1", "after": "c1", "project": {"namespace": "acme", "name": "web"}}),
            "acme | web | c1 | refs/tags/v1 | tag_push",
        ),
        (
            "gitlab",
            vec![],
            json!({"object_kind": "merge_request", "project": {"namespace": "acme", "name": "web"},
                "object_attributes": {"source_branch": "fix", "last_commit": {"id": "c3"}}}),
            "acme | web | c3 | fix | merge_request",
        ),
        (
            "bitbucket",
            key("repo:push"),
            json!({"repository": bitbucket, "push": {"changes": [{"new": {"name": "main"}, "commits": [{"hash": "c1"}]}]}}),
            "acme | acme/web | c1 | main | repo:push",
        ),
        (
            "bitbucket",
            key("pullrequest:fulfilled"),
            json!({"repository": {"full_name": "acme/web", "project": {"key": "ACME"}},
                "pullrequest": {"merge_commit": {"hash": "c4"}, "destination": {"branch": {"name": "main"}}}}),
            "ACME | acme/web | c4 | main | pullrequest:fulfilled",
        ),
        (
            "bitbucket",
            key("repo:refs_changed"),
            json!({"repository": bitbucket, "changes": [{"toHash": "c1", "ref": {"id": "refs/heads/main"}}]}),
            "ACME | web | c1 | main | repo:refs_changed",
        ),
        (
            "bitbucket",
            key("pr:opened"),
            json!({"pullRequest": {"fromRef": side("fix"), "toRef": side("main")}}),
            "ACME | web | c1 | fix | pr:opened",
        ),
        (
            "bitbucket",
            key("pr:merged"),
            json!({"pullRequest": {"fromRef": side("fix"), "toRef": side("main"), "properties": {"mergeCommit": {"id": "c5"}}}}),
            "ACME | web | c5 | main | pr:merged",
        ),
        (
            "bitbucket",
            key("repo:refs_changed"),
            json!({"repository": bitbucket, "changes": [{"toHash": "0000000000000", "ref": {"id": "refs/heads/old"}}]}),
            "ignored: the branch \"old\" was deleted",
        ),
        (
            "bitbucket",
            key("repo:refs_changed"),
            json!({}),
            "ignored: it is Bitbucket's test of the address",
        ),
        (
            "bitbucket",
            key("repo:fork"),
            json!({"repository": bitbucket}),
            "ignored: Bitbucket's event \"repo:fork\" starts nothing",
        ),
        (
            "bitbucket",
            vec![],
            json!({"repository": bitbucket}),
            "unreadable: the header X-Event-Key is missing, by which Bitbucket names its events",
        ),
        (
            "stash",
            vec![],
            json!({"repository": bitbucket, "refChanges": [{"toHash": "c1", "refId": "refs/heads/main"}]}),
            "ACME | web | c1 | main | ",
        ),
        (
            "stash",
            vec![],
            json!({"repository": bitbucket, "changes": [{"toHash": "0000000000", "refId": "refs/heads/old"}]}),
            "ignored: the branch \"old\" was deleted",
        ),
        (
            "svn",
            vec![],
            json!({}),
            "unreadable: \"svn\" is no source code system that is known; there are github, gitlab, bitbucket, stash",
        ),
    ] {
        let event = event(source, &headers, &body.to_string());
        assert_eq!(
            told(event.scm.as_ref().unwrap()),
            expected,
            "{source} {body}"
        );
    }
}

const BODY: &str = r#"{"ref": "refs/heads/main", "after": "c1", "repository": {"name": "web", "owner": {"name": "acme"}}}"#;

/// Made with `openssl dgst -sha1 -hmac s3cret` and `-sha256` of [`BODY`].
const SHA1: &str = "sha1=821fa41c3aed3c54a52ddea9b1dc32366b312f36";
const SHA256: &str = "sha256=97eb819685c1b57a5a61967aef2aace82d8bb87d2bc250879654923aa6e62369";

fn reason(headers: &[(&str, &str)], body: &str, source: &str, trigger: Value) -> Option<String> {
    let mut all =
        json!({"type": "git", "enabled": true, "source": source, "project": "acme", "slug": "web"});
    let fields = all.as_object_mut().unwrap();
    fields.extend(trigger.as_object().unwrap().clone());
    let config = json!({"triggers": [all]});
    let mut verdicts = consider(&event(source, headers, body), config.as_object().unwrap());
    assert_eq!(verdicts.len(), 1);
    match verdicts.remove(0).1 {
        Verdict::Fires(_) => None,
        Verdict::Passes(reason) => Some(reason),
    }
}

#[test]
fn secrets_and_signatures_are_compared() {
    let (unsigned, differs) = (
        "the trigger has a secret, and the webhook is not signed",
        "the signature of the webhook was not made with the trigger's secret",
    );
    let no_secret = "the webhook is signed, and the trigger has no secret to compare with";
    let unreadable = "the signature of the webhook is neither sha1=… nor sha256=…";
    let upper = SHA1.to_ascii_uppercase().replace("SHA1", "sha1");
    for (headers, secret, expected) in [
        (vec![], json!({}), None),
        (vec![], json!({"secret": ""}), None),
        (vec![], json!({"secret": "s3cret"}), Some(unsigned)),
        (vec![("x-hub-signature", SHA1)], json!({}), Some(no_secret)),
        (
            vec![("x-hub-signature", SHA1)],
            json!({"secret": "s3cret"}),
            None,
        ),
        (
            vec![("x-hub-signature", upper.as_str())],
            json!({"secret": "s3cret"}),
            None,
        ),
        (
            vec![("x-hub-signature", SHA1)],
            json!({"secret": "other"}),
            Some(differs),
        ),
        (
            vec![("x-hub-signature-256", SHA256)],
            json!({"secret": "s3cret"}),
            None,
        ),
        (
            vec![("x-hub-signature", SHA256)],
            json!({"secret": "s3cret"}),
            None,
        ),
        (
            vec![("x-hub-signature", SHA256)],
            json!({}),
            Some(no_secret),
        ),
        // The stronger one counts.
        (
            vec![
                ("x-hub-signature", SHA1),
                ("x-hub-signature-256", "sha256=00"),
            ],
            json!({"secret": "s3cret"}),
            Some(differs),
        ),
        (
            vec![("x-hub-signature", "md5=00")],
            json!({"secret": "s3cret"}),
            Some(unreadable),
        ),
        (
            vec![("x-hub-signature", "sha1=0g")],
            json!({"secret": "s3cret"}),
            Some(unreadable),
        ),
        (
            vec![("x-hub-signature", "sha1=000")],
            json!({"secret": "s3cret"}),
            Some(unreadable),
        ),
    ] {
        assert_eq!(
            reason(&headers, BODY, "github", secret.clone()).as_deref(),
            expected,
            "{headers:?} {secret}"
        );
    }
    // A body that was written anew has another signature.
    let same: Value = serde_json::from_str(BODY).unwrap();
    let rewritten = reason(
        &[("x-hub-signature", SHA1)],
        &same.to_string(),
        "github",
        json!({"secret": "s3cret"}),
    );
    assert_eq!(rewritten.as_deref(), Some(differs));
}

#[test]
fn gitlab_s_token_is_compared_without_being_stored() {
    let body = json!({"object_kind": "push", "ref": "refs/heads/main", "after": "c1", "project": {"namespace": "acme", "name": "web"}});
    let body = body.to_string();
    let digest = token_digest("event-1", "s3cret");
    assert!(!digest.contains("s3cret"));
    let headers = [("x-gitlab-token-digest", digest.as_str())];
    assert_eq!(
        reason(&headers, &body, "gitlab", json!({"secret": "s3cret"})),
        None
    );
    assert_eq!(
        reason(&headers, &body, "gitlab", json!({"secret": "other"})).as_deref(),
        Some("the token of the webhook is not the trigger's secret")
    );
    assert_eq!(
        reason(&headers, &body, "gitlab", json!({})).as_deref(),
        Some("the webhook is signed, and the trigger has no secret to compare with")
    );
    // The digest of another event is of no use.
    let other = token_digest("event-2", "s3cret");
    let headers = [("x-gitlab-token-digest", other.as_str())];
    assert!(reason(&headers, &body, "gitlab", json!({"secret": "s3cret"})).is_some());
}

#[test]
fn what_the_trigger_asks_is_compared() {
    for (trigger, expected) in [
        (json!({}), None),
        (
            json!({"project": "ACME", "slug": "WEB", "source": "GITHUB"}),
            None,
        ),
        (json!({"branch": "main|release/.*", "events": []}), None),
        (json!({"branch": " "}), None),
        (
            json!({"events": ["pull_request:opened", "push:push"]}),
            None,
        ),
        (
            json!({"source": "gitlab"}),
            Some("the source is \"github\", the trigger wants \"gitlab\""),
        ),
        (
            json!({"project": "other"}),
            Some("the project is \"acme\", the trigger wants \"other\""),
        ),
        (
            json!({"project": null}),
            Some("the trigger names no project"),
        ),
        (
            json!({"slug": "other"}),
            Some("the slug is \"web\", the trigger wants \"other\""),
        ),
        (
            json!({"branch": "mai"}),
            Some("the branch is \"main\", which \"mai\" does not match as a whole"),
        ),
        (
            json!({"branch": "Main"}),
            Some("the branch is \"main\", which \"Main\" does not match as a whole"),
        ),
        (
            json!({"branch": "refs/heads/main"}),
            Some("the branch is \"main\", which \"refs/heads/main\" does not match as a whole"),
        ),
        (
            json!({"events": ["pull_request:opened"]}),
            Some("what happened is \"push:push\", the trigger wants pull_request:opened"),
        ),
    ] {
        assert_eq!(
            reason(&[], BODY, "github", trigger.clone()).as_deref(),
            expected,
            "{trigger}"
        );
    }
    let bad = reason(&[], BODY, "github", json!({"branch": "("})).unwrap();
    assert!(
        bad.starts_with("the regular expression \"(\" cannot be read: "),
        "{bad}"
    );
}

#[test]
fn the_execution_learns_what_happened_and_not_the_secret() {
    let config = json!({"triggers": [{
        "type": "git", "enabled": true, "source": "github", "project": "acme", "slug": "web", "branch": ".*", "secret": "s3cret",
        "parameters": {"fixed": "1"}, "id": "t",
    }]});
    let event = event("github", &[("x-hub-signature", SHA1)], BODY);
    let (_, verdict) = consider(&event, config.as_object().unwrap()).remove(0);
    let Verdict::Fires(trigger) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(
        Value::from(*trigger),
        json!({
            "type": "git", "enabled": true, "source": "github", "project": "acme", "slug": "web", "branch": "main", "id": "t",
            "parameters": {"fixed": "1"}, "user": "anonymous", "hash": "c1", "action": "push:push", "properties": {},
            "artifacts": [], "eventId": "event-1",
        })
    );
}
