//! Accounts in files of Spinnaker's shape: `kubernetes: {accounts: […]}`, a list of accounts, or one account.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{KubernetesAccount, KubernetesAccounts, SkippedAccount};

/// Largest file of accounts, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Most files in the folder.
const FILES_MAX: usize = 10_000;

/// Keys of Clouddriver that mean nothing here: they are about kubectl, or about its cache.
const WITHOUT_MEANING: [&str; 12] = [
    "cacheAllApplicationRelationships",
    "cacheIntervalSeconds",
    "cacheThreads",
    "cachingPolicies",
    "checkPermissionsOnStartup",
    "configureImagePullSecrets",
    "debug",
    "dockerRegistries",
    "kubectlExecutable",
    "liveManifestCalls",
    "namingStrategy",
    "providerVersion",
];

/// Adds the accounts of all files in the folder, in the order of their names.
pub(super) fn read(
    folder: &str,
    accounts: &mut Vec<KubernetesAccount>,
    found: &mut KubernetesAccounts,
) {
    let skip = |found: &mut KubernetesAccounts, name: &Path, reason: String| {
        let name = name.display().to_string();
        found.skipped.push(SkippedAccount { name, reason });
    };
    let files = match list(Path::new(folder)) {
        Ok(files) => files,
        Err(error) => return skip(found, Path::new(folder), error.to_string()),
    };
    for file in files {
        let document = match parse(&file) {
            Ok(document) => document,
            Err(reason) => {
                skip(found, &file, reason);
                continue;
            }
        };
        for (index, entry) in entries(document).into_iter().enumerate() {
            match account(entry, &file, found) {
                Ok(account) => accounts.push(account),
                Err((name, reason)) => {
                    let name = name
                        .unwrap_or_else(|| format!("account {} of {}", index + 1, file.display()));
                    found.skipped.push(SkippedAccount { name, reason });
                }
            }
        }
    }
}

fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_file() && matches!(ending, Some("yml" | "yaml" | "json")) {
            files.push(path);
        }
    }
    files.sort();
    files.truncate(FILES_MAX);
    Ok(files)
}

/// JSON is YAML.
fn parse(file: &Path) -> Result<Value, String> {
    let size = fs::metadata(file).map_err(|error| error.to_string())?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!(
            "it has {size} bytes, at most {FILE_BYTES_MAX} are read"
        ));
    }
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    // What the parser says quotes nothing of the file: there may be a kubeconfig in it.
    serde_norway::from_str(&text).map_err(|error| match error.location() {
        Some(place) => format!(
            "it is no YAML, line {} column {}",
            place.line(),
            place.column()
        ),
        None => "it is no YAML".to_owned(),
    })
}

fn entries(document: Value) -> Vec<Value> {
    match document {
        Value::Array(entries) => entries,
        Value::Object(mut object) => {
            let kubernetes = object
                .shift_remove("kubernetes")
                .unwrap_or(Value::Object(object));
            match kubernetes {
                Value::Object(mut section) => match section.shift_remove("accounts") {
                    Some(Value::Array(accounts)) => accounts,
                    Some(_) => Vec::new(),
                    None => vec![Value::Object(section)],
                },
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// One account; else its name, if it has one, and what is wrong with it.
fn account(
    entry: Value,
    file: &Path,
    found: &mut KubernetesAccounts,
) -> Result<KubernetesAccount, (Option<String>, String)> {
    let Value::Object(entry) = entry else {
        return Err((None, "it is no map of settings".to_owned()));
    };
    let name = entry.get("name").and_then(Value::as_str).map(str::to_owned);
    let wrong = |reason: &str| Err((name.clone(), reason.to_owned()));
    let mut ours = Map::new();
    for (key, value) in entry {
        if value.is_null() {
            continue;
        }
        match (key.as_str(), value) {
            ("oAuthServiceAccount", value) => {
                ours.insert("oauth_service_account".to_owned(), value);
            }
            ("oAuthScopes", value) => {
                ours.insert("oauth_scopes".to_owned(), value);
            }
            ("namingStrategy", Value::String(strategy))
                if !strategy.eq_ignore_ascii_case("kubernetesAnnotations") =>
            {
                return wrong(&format!("Could not find naming strategy '{strategy}'"));
            }
            (key, _) if WITHOUT_MEANING.contains(&key) => {
                found.ignored.push(format!("{}: {key}", file.display()));
            }
            ("kubectlRequestTimeoutSeconds", value) => {
                let seconds = value.as_u64().or_else(|| value.as_str()?.parse().ok());
                let Some(seconds) = seconds.filter(|it| (1..=600).contains(it)) else {
                    return wrong("kubectlRequestTimeoutSeconds is not 1 to 600");
                };
                ours.insert("request_timeout_ms".to_owned(), (seconds * 1000).into());
            }
            ("rawResourcesEndpointConfig", mut config) => {
                for (theirs, mine) in [
                    ("kindExpressions", "raw_kinds"),
                    ("omitKindExpressions", "raw_omit_kinds"),
                ] {
                    if let Some(list) = config.get_mut(theirs).filter(|it| !it.is_null()) {
                        ours.insert(mine.to_owned(), list.take());
                    }
                }
            }
            ("customResources", Value::Array(resources)) => {
                let resources = resources.into_iter().map(snake_keys).collect();
                ours.insert("custom_resources".to_owned(), Value::Array(resources));
            }
            (key, value) => {
                ours.insert(snake(key), value);
            }
        }
    }
    forget_unknown(&mut ours, file, found);
    let deserialized: Result<KubernetesAccount, _> =
        serde_path_to_error::deserialize(Value::Object(ours));
    deserialized.map_err(|error| {
        // The error's own text may quote the value, and the value may be a kubeconfig.
        let path = error.path().to_string();
        (
            name.clone(),
            format!("its setting {path} has a value of the wrong type"),
        )
    })
}

/// Keys that nobody knows are said and passed over, as Clouddriver does.
fn forget_unknown(ours: &mut Map<String, Value>, file: &Path, found: &mut KubernetesAccounts) {
    let known = serde_json::to_value(KubernetesAccount::default())
        .expect("settings hold nothing that JSON cannot");
    let unknown: Vec<String> = ours
        .keys()
        .filter(|key| known.get(key).is_none())
        .cloned()
        .collect();
    for key in unknown {
        ours.shift_remove(&key);
        found.ignored.push(format!("{}: {key}", file.display()));
    }
}

fn snake_keys(value: Value) -> Value {
    match value {
        // A priority may be a number or a word.
        Value::Object(object) => object
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| match (snake(&key), value) {
                (key, Value::Number(number)) if key == "deploy_priority" => {
                    (key, Value::String(number.to_string()))
                }
                other => other,
            })
            .collect(),
        other => other,
    }
}

/// `omitNamespaces` is `omit_namespaces`.
fn snake(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
