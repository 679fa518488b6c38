//! What an account proves itself with, read anew at each use (Clouddriver: `ArtifactAccount` with `BasicAuth`, `TokenAuth`).

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_settings as settings;

/// Longest file with a secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A secret, or the file that holds it.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    Value(settings::Secret<String>),
    File(PathBuf),
}

/// How an account proves itself.
#[derive(Clone, Debug, Default)]
pub(crate) enum Auth {
    #[default]
    None,
    Basic {
        user: String,
        password: Secret,
    },
    /// `user:password`.
    PairFile(PathBuf),
    Token(Secret),
}

/// The same with its secrets. Not to be printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    None,
    Basic { user: String, password: String },
    Token(String),
}

impl Secret {
    /// From the two settings that may hold it.
    pub(crate) fn of(
        value: Option<&settings::Secret<String>>,
        file: Option<&String>,
    ) -> Option<Self> {
        match (file, value) {
            (Some(file), _) => Some(Self::File(PathBuf::from(file))),
            (None, Some(value)) => Some(Self::Value(value.clone())),
            (None, None) => None,
        }
    }

    /// The secret itself, without white space at its end; the error is a text for people.
    pub(crate) async fn read(&self) -> Result<String, String> {
        match self {
            Self::Value(value) => Ok(value.expose().clone()),
            Self::File(file) => read_file(file).await,
        }
    }
}

impl Auth {
    /// From the settings that most accounts have.
    pub(crate) fn of(
        user: Option<&String>,
        password: Option<Secret>,
        pair_file: Option<&String>,
        token: Option<Secret>,
    ) -> Self {
        match (user, password, pair_file, token) {
            (Some(user), Some(password), ..) => Self::Basic {
                user: user.clone(),
                password,
            },
            (_, _, Some(file), _) => Self::PairFile(PathBuf::from(file)),
            (.., Some(token)) => Self::Token(token),
            _ => Self::None,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Reads what has to be read; the error is a text for people.
    pub(crate) async fn read(&self) -> Result<Proof, String> {
        Ok(match self {
            Self::None => Proof::None,
            Self::Basic { user, password } => Proof::Basic {
                user: user.clone(),
                password: password.read().await?,
            },
            Self::PairFile(file) => {
                let pair = read_file(file).await?;
                let (user, password) = pair.split_once(':').ok_or_else(|| {
                    format!(
                        "{} does not hold user and password separated by a colon",
                        file.display()
                    )
                })?;
                Proof::Basic {
                    user: user.to_owned(),
                    password: password.to_owned(),
                }
            }
            Self::Token(token) => Proof::Token(token.read().await?),
        })
    }
}

/// The value of an `Authorization` header for a user.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(crate) async fn read_file(file: &std::path::Path) -> Result<String, String> {
    let problem = |what: String| format!("{} {what}", file.display());
    let about = tokio::fs::metadata(file).await;
    let about = about.map_err(|error| problem(format!("cannot be read: {error}")))?;
    if about.len() > SECRET_BYTES_MAX {
        return Err(problem(format!("has more than {SECRET_BYTES_MAX} bytes")));
    }
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| problem(format!("cannot be read: {error}")))?;
    match text.trim_end() {
        "" => Err(problem("is empty".to_owned())),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_at_each_use() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pair");
        let auth = Auth::PairFile(file.clone());
        let missing = auth.read().await.err().unwrap();
        assert!(missing.contains("pair cannot be read"), "{missing}");
        for (text, user, password) in [("a:b\n", "a", "b"), ("anna:p:w", "anna", "p:w")] {
            std::fs::write(&file, text).unwrap();
            let (user, password) = (user.to_owned(), password.to_owned());
            assert!(auth.read().await.unwrap() == Proof::Basic { user, password });
        }
        std::fs::write(&file, "secretword").unwrap();
        let wrong = auth.read().await.err().unwrap();
        assert!(!wrong.contains("secretword"), "{wrong}");
    }
}
