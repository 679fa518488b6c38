//! The file in which `docker login` keeps passwords (Clouddriver: `dockerconfigFile`).

use std::{collections::BTreeMap, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_credentials::{auth::Proof, file};
use serde::Deserialize;

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

/// What the file has for a registry.
///
/// # Errors
/// A text for people, without the secret.
pub(super) async fn read(path: &Path, registry: &str) -> Result<Proof, String> {
    let text = file::read(path).await?;
    let unreadable = || format!("{} is no configuration of docker", path.display());
    let config: Config = serde_json::from_str(&text).map_err(|_| unreadable())?;
    // `https://index.docker.io/v1/`, `registry.example.com`
    let host = |name: &str| {
        let name = name.split_once("://").map_or(name, |(_, rest)| rest);
        name.split('/')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let wanted = host(registry);
    let found = config
        .auths
        .into_iter()
        .find(|(name, _)| host(name) == wanted);
    let Some((_, entry)) = found else {
        return Err(format!("{} has nothing for {registry}", path.display()));
    };
    if let (Some(user), Some(password)) = (entry.username, entry.password) {
        return Ok(Proof::Basic { user, password });
    }
    let pair = entry
        .auth
        .and_then(|auth| STANDARD.decode(auth.trim()).ok());
    let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((user, password)) => Ok(Proof::Basic {
            user: user.to_owned(),
            password: password.trim_end_matches('\0').to_owned(),
        }),
        None => Err(format!(
            "{} has no password for {registry}; helpers that keep it elsewhere are not asked",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_entry_of_the_registry_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let text = r#"{"auths": {"https://R.io/v1/": {"auth": "YW5uYTpwOnc="}, "b.io": {"username": "u", "password": "p"}, "c.io": {}}}"#;
        std::fs::write(&file, text).unwrap();
        let is = async |registry: &str| match read(&file, registry).await {
            Ok(Proof::Basic { user, password }) => Ok((user, password)),
            Ok(_) => panic!("another proof"),
            Err(error) => Err(error),
        };
        let pair = |user: &str, password: &str| Ok((user.to_owned(), password.to_owned()));
        assert_eq!(is("r.io").await, pair("anna", "p:w"));
        assert_eq!(is("b.io").await, pair("u", "p"));
        assert!(is("c.io").await.unwrap_err().contains("no password"));
        assert!(is("d.io").await.unwrap_err().contains("nothing for d.io"));
    }
}
