//! What the API asks workers about services that build, beside jobs and builds ([`crate::build_reads`]), on
//! `gk.ask.<pool>.<place>` (Igor: `/gcb/…`, `/codebuild/…`, `/concourse/…`). The pool and the form of answers are the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the messages in this module.
pub const VERSION: u8 = 1;

/// A kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Google Cloud Build.
    Google,
    /// AWS CodeBuild.
    Amazon,
    /// Concourse.
    Concourse,
}

/// An account as it is listed: nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The zone whose workers reach it; none for all.
    pub zone: Option<String>,
    /// Roles by permission; nobody named: everybody.
    pub permissions: BTreeMap<String, Vec<String>>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// [`VERSION`].
    pub v: u8,
    /// The account or the server.
    pub name: String,
    /// What is asked.
    pub read: Read,
}

/// What can be asked; each is answered with a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "camelCase", deny_unknown_fields)]
pub enum Read {
    /// The triggers of Google Cloud Build, as Google describes them.
    Triggers,
    /// The names of the projects of AWS CodeBuild.
    Projects,
    /// The names of the teams of Concourse.
    Teams,
    /// The names of a team's pipelines.
    Pipelines {
        /// The team.
        team: String,
    },
    /// The names of a pipeline's jobs.
    Jobs {
        /// The team.
        team: String,
        /// The pipeline.
        pipeline: String,
    },
    /// The names of a pipeline's resources.
    Resources {
        /// The team.
        team: String,
        /// The pipeline.
        pipeline: String,
    },
}

impl Kind {
    /// Under which name an account is asked for: those of different kinds may have the same.
    #[must_use]
    pub fn place(self, account: &str) -> String {
        let kind = match self {
            Self::Google => "google",
            Self::Amazon => "amazon",
            Self::Concourse => "concourse",
        };
        format!("{kind}:{account}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn questions_have_a_written_form() {
        let team = "main".to_owned();
        let question = Question {
            v: VERSION,
            name: "concourse-ci".to_owned(),
            read: Read::Pipelines { team },
        };
        let written =
            json!({"v": 1, "name": "concourse-ci", "read": {"read": "pipelines", "team": "main"}});
        assert_eq!(serde_json::to_value(&question).unwrap(), written);
        assert_eq!(
            serde_json::from_value::<Question>(written).unwrap(),
            question
        );
        assert_eq!(Kind::Google.place("a"), "google:a");
    }
}
