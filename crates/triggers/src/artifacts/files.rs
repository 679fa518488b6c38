//! Files that a push added or changed.
//!
//! Source: echo `GitHubArtifactExtractor`, `GitlabArtifactExtractor`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::text;

pub(super) fn github(body: &Value) -> Vec<Value> {
    let Some(contents) = text(body, "/repository/contents_url") else {
        return Vec::new();
    };
    changed(body)
        .into_iter()
        .map(|path| {
            json!({
                "type": "github/file",
                "name": path,
                "version": text(body, "/after"),
                "reference": contents.replace("{+path}", path),
            })
        })
        .collect()
}

pub(super) fn gitlab(body: &Value) -> Vec<Value> {
    let (Some(homepage), Some(project)) = (
        text(body, "/project/homepage").or_else(|| text(body, "/project/web_url")),
        text(body, "/project/path_with_namespace"),
    ) else {
        return Vec::new();
    };
    let Some(base) = without_path(homepage) else {
        return Vec::new();
    };
    let project = encoded(project);
    changed(body)
        .into_iter()
        .map(|path| {
            let file = encoded(path);
            json!({
                "type": "gitlab/file",
                "name": path,
                "version": text(body, "/after"),
                "reference": format!("{base}/api/v4/projects/{project}/repository/files/{file}/raw"),
            })
        })
        .collect()
}

/// The paths, each once.
fn changed(body: &Value) -> BTreeSet<&str> {
    let commits = body.get("commits").and_then(Value::as_array);
    commits
        .into_iter()
        .flatten()
        .flat_map(|commit| ["added", "modified"].map(|list| commit.get(list)))
        .flatten()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// `https://gitlab.example.com` of `https://gitlab.example.com/team/web`.
fn without_path(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    Some(&url[..end])
}

/// As one part of a path.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
