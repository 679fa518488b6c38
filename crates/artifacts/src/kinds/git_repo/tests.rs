use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::*;
use crate::testing::{Reply, Seen, Server, accounts, artifact, credentials_in};

/// Runs git as a person would.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "anna"), ("EMAIL", "anna@example.com")] {
        command
            .env(format!("GIT_AUTHOR_{name}"), value)
            .env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with two commits, a tag and a branch; the first commit's id.
fn repository(root: &Path) -> String {
    let work = root.join("work");
    std::fs::create_dir_all(work.join("deploy/base")).unwrap();
    git(&work, &["init", "-q", "-b", "master"]);
    std::fs::write(work.join("deploy/base/web.yml"), "one").unwrap();
    std::fs::write(work.join("README"), "about").unwrap();
    std::fs::write(work.join(".gitattributes"), "README export-ignore\n").unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "one"]);
    let first = git(&work, &["rev-parse", "HEAD"]);
    git(&work, &["tag", "v1"]);
    std::fs::write(work.join("deploy/base/web.yml"), "two").unwrap();
    git(&work, &["commit", "-q", "-a", "-m", "two"]);
    git(root, &["clone", "-q", "--bare", "work", "r.git"]);
    first
}

/// git's own server program behind ours.
fn serve(root: &Path, request: &Seen) -> Reply {
    let (path, query) = request
        .path()
        .split_once('?')
        .unwrap_or((request.path(), ""));
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env(
            "CONTENT_TYPE",
            request.header("content-type").unwrap_or_default(),
        )
        .env(
            "HTTP_CONTENT_ENCODING",
            request.header("content-encoding").unwrap_or_default(),
        )
        .env(
            "GIT_PROTOCOL",
            request.header("git-protocol").unwrap_or_default(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut backend.stdin.take().unwrap(), &request.body).unwrap();
    let output = backend.wait_with_output().unwrap().stdout;
    let end = output
        .windows(4)
        .position(|part| part == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(output[..end].to_vec()).unwrap();
    let mut reply = Reply::bytes(output[end + 4..].to_vec());
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if name == "Status" {
            return Reply::status(value[..3].parse().unwrap(), "");
        }
        reply = reply.with(name, value);
    }
    reply
}

/// Files of a gzipped tar.
fn files(archive: &[u8]) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let mut text = String::new();
            let path = entry.path().unwrap().display().to_string();
            entry.read_to_string(&mut text).unwrap();
            found.push((path, text));
        }
    }
    found.sort();
    found
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(one, two)| ((*one).to_owned(), (*two).to_owned()))
        .collect()
}

#[tokio::test]
async fn branches_tags_commits_and_folders_by_http() {
    let root = tempfile::tempdir().unwrap();
    let first = repository(root.path());
    let served = root.path().to_owned();
    let server = Server::start(move |request| match request.header("authorization") {
        Some("Basic Z2k6dG9r") => serve(&served, request),
        _ => Reply::status(401, "").with("WWW-Authenticate", "Basic realm=\"git\""),
    })
    .await;
    let accounts = accounts(&format!(
        "[[artifacts.git_repo]]\nname = \"git\"\nusername = \"gi\"\ntoken = \"tok\"\nallowed_hosts = [\"{}\"]\n\
         [[artifacts.git_repo]]\nname = \"open\"\n",
        server.url("")
    ));
    let fetch = async |account: &str, version: &str, location: &str, sub_path: &str| {
        let given = json!({"type": "git/repo", "artifactAccount": account, "version": version, "location": location,
            "metadata": {"subPath": sub_path}, "reference": server.url("/r.git")});
        accounts.fetch(&artifact(given)).await
    };
    let (one, two) = (
        pairs(&[("deploy/base/web.yml", "one")]),
        pairs(&[("deploy/base/web.yml", "two")]),
    );
    assert_eq!(files(&fetch("git", "v1", "deploy", "").await.unwrap()), one);
    assert_eq!(
        files(&fetch("git", "", "", "deploy/base").await.unwrap()),
        two
    );
    let whole = files(&fetch("git", "master", "", "").await.unwrap());
    assert_eq!(
        whole,
        pairs(&[
            (".gitattributes", "README export-ignore\n"),
            ("deploy/base/web.yml", "two")
        ])
    );
    assert_eq!(
        files(&fetch("git", &first, "deploy", "").await.unwrap()),
        one,
        "a commit"
    );
    assert_eq!(
        files(&fetch("git", &first[..7], "deploy", "").await.unwrap()),
        one,
        "a short commit"
    );
    let again = fetch("git", "v1", "deploy", "").await.unwrap();
    assert_eq!(
        again,
        fetch("git", "v1", "deploy", "").await.unwrap(),
        "the same bytes"
    );
    let missing = fetch("git", "nothing", "", "")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        missing.contains("Remote branch nothing not found"),
        "{missing}"
    );
    assert!(!missing.contains("tok"), "{missing}");
    let closed = fetch("open", "v1", "", "").await.unwrap_err().to_string();
    assert!(closed.contains("git clone of http://127.0.0.1"), "{closed}");
}

#[tokio::test]
async fn a_github_app_clones_by_its_installations_token() {
    let root = tempfile::tempdir().unwrap();
    repository(root.path());
    std::fs::create_dir(root.path().join("o")).unwrap();
    std::fs::rename(root.path().join("r.git"), root.path().join("o/r.git")).unwrap();
    let served = root.path().to_owned();
    let server = Server::start(
        move |request| match (request.method.as_str(), request.path()) {
            ("GET", "/api/repos/o/r/installation") => Reply::ok("{\"id\": 77}"),
            ("POST", "/api/app/installations/77/access_tokens") => {
                Reply::status(201, "{\"token\": \"inst\"}")
            }
            // x-access-token:inst
            _ if request.header("authorization") == Some("Basic eC1hY2Nlc3MtdG9rZW46aW5zdA==") => {
                serve(&served, request)
            }
            _ => Reply::status(401, "").with("WWW-Authenticate", "Basic realm=\"git\""),
        },
    )
    .await;
    let key = root.path().join("key.pem");
    std::fs::write(&key, gennaker_testkit::keys::PEM).unwrap();
    let accounts = accounts(&format!(
        "[[artifacts.git_repo]]\nname = \"app\"\napp_id = \"12\"\napp_private_key_file = \"{}\"\n\
         app_allowed_organizations = [\"O\"]\napi_base_url = \"{}\"\nallowed_hosts = [\"{}\"]\n",
        key.display(),
        server.url("/api"),
        server.url("")
    ));
    let fetch = async |path: &str| {
        let given = json!({"type": "git/repo", "version": "v1", "location": "deploy", "reference": server.url(path)});
        accounts.fetch(&artifact(given)).await
    };
    let one = pairs(&[("deploy/base/web.yml", "one")]);
    for path in ["/o/r.git", "/o/r"] {
        assert_eq!(files(&fetch(path).await.unwrap()), one, "{path}");
    }
    let tokens = server.seen();
    let tokens = tokens
        .iter()
        .filter(|request| request.path().ends_with("/access_tokens"));
    assert_eq!(tokens.count(), 1, "it is kept");
    for (path, said) in [
        ("/x/r.git", "may not be used for repositories of x"),
        ("/o", "does not name a repository of GitHub"),
    ] {
        let problem = fetch(path).await.unwrap_err().to_string();
        assert!(problem.contains(said), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_redirect_takes_the_credentials_nowhere() {
    let away = Server::start(|_| Reply::ok("")).await;
    let to = away.url("/r.git/info/refs?service=git-upload-pack");
    let server = Server::start(move |_| Reply::redirect(&to)).await;
    let accounts = accounts(&format!(
        "[[artifacts.git_repo]]\nname = \"git\"\ntoken = \"tok\"\nallowed_hosts = [\"{}\"]\n",
        server.url("")
    ));
    let given = json!({"type": "git/repo", "reference": server.url("/r.git")});
    accounts.fetch(&artifact(given)).await.unwrap_err();
    assert_eq!(credentials_in(&server), ["Basic dG9rZW46dG9r"]);
    assert_eq!(away.seen().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_meant_reaches_nobody() {
    let closed = crate::testing::accounts_closed(
        "[[artifacts.git_repo]]\nname = \"open\"\n\
         [[artifacts.git_repo]]\nname = \"key\"\nssh_private_key_file = \"/k\"\n\
         [[artifacts.git_repo]]\nname = \"git\"\ntoken = \"t\"\nallowed_hosts = [\"git.example.com\"]\n",
    );
    for (account, reference, version, sentence) in [
        (
            "open",
            "https://127.0.0.1/r.git",
            "",
            "is not allowed: it is this machine",
        ),
        (
            "open",
            "https://metadata.google.internal/r.git",
            "",
            "metadata service",
        ),
        (
            "open",
            "file:///etc",
            "",
            "is no address of a git repository",
        ),
        (
            "open",
            "ext::sh -c touch% /tmp/x",
            "",
            "is no address of a git repository",
        ),
        (
            "open",
            "--upload-pack=x",
            "",
            "is no address of a git repository",
        ),
        (
            "open",
            "https://git.example.com/r.git",
            "--upload-pack=x",
            "may hold letters",
        ),
        (
            "open",
            "https://git.example.com/r.git",
            "a b",
            "may hold letters",
        ),
        (
            "open",
            "git@git.example.com:o/r.git",
            "",
            "is invalid for credentials with auth type NONE",
        ),
        (
            "key",
            "https://git.example.com/r.git",
            "",
            "is invalid for credentials with auth type SSH",
        ),
        (
            "git",
            "https://evil.example.com/r.git",
            "",
            "reads repositories of git.example.com only",
        ),
        (
            "git",
            "http://git.example.com/r.git",
            "",
            "reads repositories of git.example.com only",
        ),
        (
            "git",
            "https://notgit.example.com/r.git",
            "",
            "reads repositories of git.example.com only",
        ),
    ] {
        let given = json!({"type": "git/repo", "artifactAccount": account, "reference": reference, "version": version});
        let error = closed
            .fetch(&artifact(given))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(sentence), "{reference}: {error}");
    }
}

#[test]
fn places() {
    let of = |reference: &str| Place::of(reference).unwrap();
    let place = of("https://me:pw@Git.io:8443/o/r.git");
    assert_eq!(
        (place.url.as_str(), place.host.as_str(), place.port),
        ("https://git.io:8443/o/r.git", "git.io", 8443)
    );
    let place = of("git@git.io:o/r.git");
    assert_eq!((place.scheme.as_str(), place.port), ("ssh", 22));
    assert_eq!(of("ssh://git@git.io:2222/o/r.git").port, 2222);
    assert!(allows("io", &of("https://git.io/x")) && !allows("it.io", &of("https://git.io/x")));
}
