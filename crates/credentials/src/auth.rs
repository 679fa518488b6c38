//! What an account proves itself with, read anew at each use (Clouddriver: `BasicAuth`, `TokenAuth` of artifact accounts).

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_settings as settings;

use crate::file;

/// A secret, or the file that holds it.
#[derive(Clone, Debug)]
pub enum Secret {
    /// The secret itself.
    Value(settings::Secret<String>),
    /// A file with it.
    File(PathBuf),
}

/// How an account proves itself.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// It does not.
    #[default]
    None,
    /// With a user's name and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// With a file that holds `user:password`.
    PairFile(PathBuf),
    /// With a token.
    Token(Secret),
}

/// The same with its secrets. Not to be printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    None,
    /// A user's name and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Token(String),
}

impl Secret {
    /// From the two settings that may hold it.
    #[must_use]
    pub fn of(value: Option<&settings::Secret<String>>, file: Option<&String>) -> Option<Self> {
        match (file, value) {
            (Some(file), _) => Some(Self::File(PathBuf::from(file))),
            (None, Some(value)) => Some(Self::Value(value.clone())),
            (None, None) => None,
        }
    }

    /// The secret itself, without white space at its end.
    ///
    /// # Errors
    /// A text for people, without the secret.
    pub async fn read(&self) -> Result<String, String> {
        match self {
            Self::Value(value) => Ok(value.expose().clone()),
            Self::File(file) => file::read(file).await,
        }
    }
}

impl Auth {
    /// From the settings that most accounts have.
    #[must_use]
    pub fn of(
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

    /// Whether the account proves itself with nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Reads what has to be read.
    ///
    /// # Errors
    /// A text for people, without the secret.
    pub async fn read(&self) -> Result<Proof, String> {
        Ok(match self {
            Self::None => Proof::None,
            Self::Basic { user, password } => Proof::Basic {
                user: user.clone(),
                password: password.read().await?,
            },
            Self::PairFile(file) => {
                let pair = file::read(file).await?;
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
#[must_use]
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
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
