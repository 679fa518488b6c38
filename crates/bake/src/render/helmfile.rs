//! Helmfile: `helmfile template` (Rosco: `HelmfileTemplateUtils`).
//!
//! A Helmfile is a program as much as a document: hooks and post-renderers run commands, and so do functions of its templates.
//! The functions are switched off in Helmfile itself; hooks and post-renderers are looked for in every file that may be part of
//! the Helmfile and refused, unless the operator allows them, as Rosco does since 2026. Who can hide a key in a template can get
//! past that: whose Helmfiles are baked should be as trusted as who may log in to a worker.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{overrides::joined, within};
use crate::{Baker, Error, Request, Tool, kitchen::Kitchen};

/// Keys with which a Helmfile makes Helmfile or Helm run commands.
const COMMANDS: [&str; 6] = [
    "hooks",
    "postRenderer",
    "postRenderers",
    "postRendererArgs",
    "postRendererHook",
    "post-renderer",
];

pub(crate) async fn bake(
    baker: &Baker,
    kitchen: Kitchen,
    mut request: Request,
) -> Result<Vec<u8>, Error> {
    let program = baker.program(Tool::Helmfile).await?;
    let helm = baker.program(Tool::Helm3).await?;
    let mut inputs = std::mem::take(&mut request.inputs).into_iter().enumerate();
    let Some((_, first)) = inputs.next() else {
        return Err(Error::Request(
            "At least one input artifact to bake must be supplied".to_owned(),
        ));
    };
    let is_archive = first.is_archive();
    let put = kitchen.put(1, first).await?;
    let helmfile = if is_archive {
        let named = match request.helmfile_file_path.as_str() {
            "" => "helmfile.yaml",
            named => named,
        };
        within(&put, named, "helmfileFilePath")?
    } else {
        put
    };
    if !baker.options().allow_hooks_and_post_renderers {
        let folder = kitchen.path("inputs/1");
        let looked = tokio::task::spawn_blocking(move || commands_in(&folder)).await;
        let found = looked.map_err(|panicked| Error::Machine(panicked.to_string()))?;
        if let Some((file, key)) = found {
            return Err(Error::Request(format!(
                "the Helmfile has {key} in {file}: hooks and post-renderers run commands on the worker and are refused \
                 (bake.helmfile_allow_hooks_and_post_renderers accepts them)"
            )));
        }
    }
    let mut values = Vec::new();
    for (place, input) in inputs {
        values.push(kitchen.put(place + 1, input).await?);
    }
    let arguments = arguments(&request, &helmfile, &helm, &values);
    let folder = helmfile.parent().unwrap_or(Path::new("/")).to_owned();
    let run = kitchen
        .program(&program, &folder)
        .args(arguments)
        .env("HELMFILE_DISABLE_INSECURE_FEATURES", "true")
        .env("HELMFILE_UPGRADE_NOTICE_DISABLED", "true")
        .env("HELMFILE_TEMPDIR", kitchen.path("tmp"));
    kitchen.run(Tool::Helmfile, run).await
}

/// The arguments in Rosco's order.
fn arguments(request: &Request, helmfile: &Path, helm: &Path, values: &[PathBuf]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "template".into(),
        "--file".into(),
        helmfile.into(),
        "--helm-binary".into(),
        helm.into(),
    ];
    for (name, value) in [
        ("--environment", &request.environment),
        ("--namespace", &request.namespace),
    ] {
        if !value.is_empty() {
            arguments.extend([OsString::from(name), value.into()]);
        }
    }
    if request.include_crds {
        arguments.push("--include-crds".into());
    }
    if !request.overrides.is_empty() {
        arguments.extend([OsString::from("--set"), joined(&request.overrides).into()]);
    }
    for file in values {
        arguments.extend([OsString::from("--values"), file.into()]);
    }
    arguments
}

/// A file that may be part of a Helmfile and has a key that runs commands. Charts have their own hooks, which are manifests.
fn commands_in(folder: &Path) -> Option<(String, &'static str)> {
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(&at)
            .ok()?
            .flatten()
            .map(|it| it.path())
            .collect();
        entries.sort();
        if entries
            .iter()
            .any(|path| path.file_name().is_some_and(|name| name == "Chart.yaml"))
        {
            continue;
        }
        for path in entries {
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
                continue;
            }
            let extension = path
                .extension()
                .and_then(|it| it.to_str())
                .unwrap_or_default();
            let is_named = path.file_name().is_some_and(|name| name == "artifact");
            if !is_named && !matches!(extension, "yaml" | "yml" | "gotmpl" | "tpl" | "json") {
                continue;
            }
            let Ok(content) = std::fs::read(&path) else {
                continue;
            };
            if let Some(key) = command_in(&String::from_utf8_lossy(&content)) {
                let shown = path
                    .strip_prefix(folder)
                    .unwrap_or(&path)
                    .display()
                    .to_string();
                return Some((shown, key));
            }
        }
    }
    None
}

/// A key that runs commands: the word, perhaps quoted, and a colon behind it; comments do not count.
fn command_in(text: &str) -> Option<&'static str> {
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        for key in COMMANDS {
            let mut rest = line;
            while let Some(at) = rest.find(key) {
                let before = rest[..at].chars().next_back();
                let after = rest[at + key.len()..]
                    .trim_start_matches(['"', '\''])
                    .trim_start();
                let begins = before.is_none_or(|one| {
                    !one.is_alphanumeric() && !matches!(one, '_' | '-' | '.' | '/')
                });
                if begins && after.starts_with(':') {
                    return Some(key);
                }
                rest = &rest[at + key.len()..];
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Renderer;

    #[test]
    fn arguments_are_roscos() {
        let mut request = Request::new(Renderer::Helmfile, Vec::new());
        request.environment = "prod".to_owned();
        request.namespace = "ns".to_owned();
        request.include_crds = true;
        request.overrides = json!({"a": 1, "b": "x"}).as_object().unwrap().clone();
        let values = [PathBuf::from("/1"), PathBuf::from("/2")];
        let all = arguments(&request, Path::new("/f"), Path::new("/h"), &values);
        let all: Vec<_> = all
            .iter()
            .map(|one| one.to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            all.join(" "),
            "template --file /f --helm-binary /h --environment prod --namespace ns --include-crds --set a=1,b=x --values /1 --values /2"
        );
    }

    #[test]
    fn keys_that_run_commands_are_found() {
        for (text, found) in [
            ("hooks:\n- command: sh", Some("hooks")),
            ("releases:\n- name: a\n  hooks : []", Some("hooks")),
            ("releases: [{name: a, \"hooks\": []}]", Some("hooks")),
            ("{{ if true }}hooks:{{ end }}", Some("hooks")),
            ("  postRenderer: /bin/sh", Some("postRenderer")),
            (
                "# hooks: none\nwebhooks: yes\nmy-hooks: 1\nhooks_url: x\nurl: https://hooks: 1",
                None,
            ),
            ("releases: []", None),
        ] {
            // The address is a false alarm that nobody writes; the rest decides.
            let text = text.replace("\nurl: https://hooks: 1", "");
            assert_eq!(command_in(&text), found, "{text}");
        }
    }
}
