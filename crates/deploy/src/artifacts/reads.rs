//! What the API asks a worker about artifacts (reference of the clouds 3.2): a pure exchange of values, whoever carries them.
//!
//! | question | API |
//! |---|---|
//! | `credentials` | `GET /artifacts/credentials` |
//! | `fetch` | `PUT /artifacts/fetch` |
//! | `names` | `GET /artifacts/account/{account}/names?type=` |
//! | `versions` | `GET /artifacts/account/{account}/versions?type=&artifactName=` |

use base64::{Engine as _, engine::general_purpose::STANDARD};
use gennaker_artifacts::{Accounts, Artifact, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "camelCase", deny_unknown_fields)]
pub enum Read {
    /// The accounts and what they read.
    Credentials {
        /// The roles of the user who asks; none for one who may see everything.
        roles: Option<Vec<String>>,
    },
    /// The content of an artifact.
    Fetch {
        /// The artifact.
        artifact: Value,
        /// The roles of the user who asks; none for one who may use everything.
        roles: Option<Vec<String>>,
    },
    /// Names of what an account holds.
    Names {
        /// The account.
        account: String,
        /// The type of artifacts.
        kind: String,
        /// The roles of the user who asks.
        roles: Option<Vec<String>>,
    },
    /// Versions of what an account holds under a name.
    Versions {
        /// The account.
        account: String,
        /// The type of artifacts.
        kind: String,
        /// The name.
        name: String,
        /// The roles of the user who asks.
        roles: Option<Vec<String>>,
    },
}

/// What the API makes its answer of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON for lists and errors (`{"message": …}`); for content, text in base64.
    pub body: Value,
}

/// Answers a question.
pub async fn answer(accounts: &Accounts, read: Read) -> Answer {
    let done = match read {
        Read::Credentials { roles } => {
            let listed = accounts.credentials(|permitted| may(roles.as_deref(), permitted));
            Ok(json!(listed))
        }
        Read::Fetch { artifact, roles } => fetch(accounts, &artifact, roles.as_deref()).await,
        Read::Names {
            account,
            kind,
            roles,
        } => match permitted(accounts, &account, &kind, roles.as_deref()) {
            Ok(()) => accounts
                .names(&account, &kind)
                .await
                .map(|names| json!(names))
                .map_err(said),
            Err(refused) => Err(refused),
        },
        Read::Versions {
            account,
            kind,
            name,
            roles,
        } => match permitted(accounts, &account, &kind, roles.as_deref()) {
            Ok(()) => {
                let versions = accounts.versions(&account, &kind, &name).await;
                versions.map(|versions| json!(versions)).map_err(said)
            }
            Err(refused) => Err(refused),
        },
    };
    match done {
        Ok(body) => Answer { status: 200, body },
        Err(refused) => refused,
    }
}

async fn fetch(
    accounts: &Accounts,
    artifact: &Value,
    roles: Option<&[String]>,
) -> Result<Value, Answer> {
    let artifact = Artifact::read(artifact).map_err(said)?;
    permitted(accounts, &artifact.account, &artifact.kind, roles)?;
    let content = accounts.fetch(&artifact).await.map_err(said)?;
    Ok(json!(STANDARD.encode(content)))
}

/// Whether the user may use the account; one that does not exist is told by the read itself.
fn permitted(
    accounts: &Accounts,
    account: &str,
    kind: &str,
    roles: Option<&[String]>,
) -> Result<(), Answer> {
    match accounts.about(account, kind) {
        Ok((_, needed)) if !may(roles, needed) => Err(Answer {
            status: 403,
            body: json!({"message": format!("Access denied to account {account}")}),
        }),
        _ => Ok(()),
    }
}

fn may(roles: Option<&[String]>, needed: &[String]) -> bool {
    needed.is_empty()
        || roles.is_none_or(|roles| {
            roles
                .iter()
                .any(|role| needed.iter().any(|one| one.eq_ignore_ascii_case(role)))
        })
}

fn said(error: Error) -> Answer {
    Answer {
        status: error.http_status(),
        body: json!({"message": error.to_string()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::testing::accounts;

    #[tokio::test]
    async fn questions_are_answered_as_clouddriver_does() {
        let accounts = accounts(
            "[[artifacts.helm]]\nname = \"ops\"\nread_permissions = [\"Ops\"]\nrepository = \"https://charts.example.com\"\n",
        );
        let ask =
            async |read: Value| answer(&accounts, serde_json::from_value(read).unwrap()).await;
        let all = ask(json!({"read": "credentials", "roles": null}))
            .await
            .body;
        assert!(
            all.as_array()
                .unwrap()
                .contains(&json!({"name": "ops", "types": ["helm/chart", "helm/index"]}))
        );
        let few = ask(json!({"read": "credentials", "roles": ["dev"]}))
            .await
            .body;
        assert!(!few.to_string().contains("\"ops\""), "{few}");
        let content = ask(json!({"read": "fetch", "roles": [], "artifact": {"type": "embedded/base64", "reference": "aGk="}})).await;
        assert_eq!(
            content,
            Answer {
                status: 200,
                body: json!("aGk=")
            }
        );
        let refused =
            ask(json!({"read": "names", "account": "ops", "kind": "helm/chart", "roles": ["dev"]}))
                .await;
        assert_eq!(
            (refused.status, refused.body["message"].as_str()),
            (403, Some("Access denied to account ops"))
        );
        let unknown = ask(json!({"read": "versions", "account": "x", "kind": "helm/chart", "name": "web", "roles": null})).await;
        assert_eq!(unknown.status, 404);
        assert_eq!(
            unknown.body["message"],
            "Credentials 'x' supporting artifact type 'helm/chart' cannot be found"
        );
        let bad = ask(json!({"read": "fetch", "artifact": [], "roles": null})).await;
        assert_eq!(bad.status, 400);
    }
}
