//! What the API asks workers about artifacts, on `gk.ask.<pool>.<place>`, and what they answer (reference of the clouds 3.2).
//!
//! A question goes to one worker that serves the account. It is a read: whoever gets no answer asks again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// The pool whose workers answer.
pub const POOL: &str = "deploy";

/// Under which name an account of artifacts is asked for: accounts of clouds may have the same one.
#[must_use]
pub fn place(account: &str) -> String {
    format!("artifacts:{account}")
}

/// An account as it is listed: nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name; several of different kinds may have the same.
    pub name: String,
    /// The types of artifacts that it reads; one may end with `*`.
    pub types: Vec<String>,
    /// The zone whose workers reach it; none for all.
    pub zone: Option<String>,
    /// Roles that may use it; none for everybody.
    pub read_permissions: Vec<String>,
}

impl Account {
    /// Whether it reads artifacts of this type.
    #[must_use]
    pub fn reads(&self, kind: &str) -> bool {
        self.types.iter().any(|one| match one.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => one == kind,
        })
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// [`VERSION`].
    pub v: u8,
    /// What is asked.
    pub read: Read,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "camelCase", deny_unknown_fields)]
pub enum Read {
    /// The content of an artifact: text in base64.
    Fetch {
        /// The artifact.
        artifact: Value,
    },
    /// Names of what an account holds: a list.
    Names {
        /// The account.
        account: String,
        /// The type of artifacts.
        kind: String,
    },
    /// Versions of what an account holds under a name: a list.
    Versions {
        /// The account.
        account: String,
        /// The type of artifacts.
        kind: String,
        /// The name.
        name: String,
    },
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`VERSION`].
    pub v: u8,
    /// The HTTP status with which Clouddriver would answer.
    pub status: u16,
    /// What was asked for; a sentence for people when the status is not 200.
    pub body: Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn questions_and_answers_have_a_written_form() {
        let question = Question {
            v: VERSION,
            read: Read::Names {
                account: "charts".to_owned(),
                kind: "helm/chart".to_owned(),
            },
        };
        let written =
            json!({"v": 1, "read": {"read": "names", "account": "charts", "kind": "helm/chart"}});
        assert_eq!(serde_json::to_value(&question).unwrap(), written);
        assert_eq!(
            serde_json::from_value::<Question>(written).unwrap(),
            question
        );
        let more = json!({"v": 1, "status": 200, "body": [], "more": 1});
        assert!(serde_json::from_value::<Answer>(more).is_err());
    }

    #[test]
    fn a_type_may_stand_for_many() {
        let account = Account {
            types: vec!["kubernetes/*".to_owned(), "docker/image".to_owned()],
            ..Account::default()
        };
        assert!(account.reads("kubernetes/configMap") && account.reads("docker/image"));
        assert!(!account.reads("docker/images") && !account.reads("helm/chart"));
    }
}
