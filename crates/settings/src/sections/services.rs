//! `[services]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Services that stages call by name. Their addresses may lie in private networks; credentials are read from their files at each
/// call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Services {
    /// The Jira server of `jira` stages. Spinnaker: `jira.*` of Echo.
    pub jira: Jira,
    /// PagerDuty, for `pageApplicationOwner` stages. Spinnaker: `pager-duty.*` of Echo.
    pub pager_duty: PagerDuty,
    /// Gremlin, for `gremlin` stages. Spinnaker: `integrations.gremlin.*` of Orca.
    pub gremlin: Gremlin,
}

/// The Jira server of `jira` stages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jira {
    /// Its address. Unset: `jira` stages fail and say so.
    pub url: Option<String>,
    /// Who creates the issues.
    pub username: Option<String>,
    /// A file with the password or API token of the user.
    pub password_file: Option<String>,
}

/// PagerDuty, for `pageApplicationOwner` stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PagerDuty {
    /// Its address.
    pub url: String,
    /// A file with the API token. Unset: `pageApplicationOwner` stages fail and say so.
    pub token_file: Option<String>,
}

/// Gremlin, for `gremlin` stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gremlin {
    /// Its address.
    pub url: String,
    /// A file with the API key for stages without a `gremlinApiKey`, which stands in the pipeline for everybody to read.
    pub api_key_file: Option<String>,
}

impl Default for PagerDuty {
    fn default() -> PagerDuty {
        PagerDuty {
            url: "https://events.pagerduty.com".to_owned(),
            token_file: None,
        }
    }
}

impl Default for Gremlin {
    fn default() -> Gremlin {
        Gremlin {
            url: "https://api.gremlin.com/v1".to_owned(),
            api_key_file: None,
        }
    }
}
