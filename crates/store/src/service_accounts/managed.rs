//! Service accounts that follow from the roles of a pipeline, so that its triggers run it with these roles and no more.
//!
//! Source: orca `SaveServiceAccountTask`, `SavePipelineTask`, front50 `PipelineController.delete`.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use gennaker_model::Map;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Kind, SaveError, Store};

/// What the name of an account ends with that belongs to one pipeline.
const OWN: &str = "@managed-service-account";

/// What the name of an account ends with that belongs to all pipelines with the same roles.
const SHARED: &str = "@shared-managed-service-account";

/// Whether the `roles` of a pipeline become a service account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManagedAccounts {
    /// They are kept as they are, and count for nothing.
    #[default]
    Off,
    /// Each pipeline has an account (`tasks.use-managed-service-accounts` of Orca).
    Own,
    /// Pipelines with the same roles share one (`tasks.use-shared-managed-service-accounts`).
    Shared,
}

impl Store {
    /// The same store, with another rule for the roles of pipelines.
    #[must_use]
    pub fn managing(mut self, accounts: ManagedAccounts) -> Self {
        self.managed = accounts;
        self
    }

    /// Saves the account that a pipeline's roles ask for and lets its triggers run as it; gives back the pipeline to save.
    ///
    /// Without the key `roles` nothing happens; without any role the triggers lose the account.
    pub(crate) async fn with_account(
        &self,
        pipeline: &Map,
        id: &str,
        user: &str,
        now_ms: i64,
    ) -> Result<Map, SaveError> {
        let mut pipeline = pipeline.clone();
        let Some(roles) = roles_of(&pipeline)? else {
            return Ok(pipeline);
        };
        let account = self.account_of(&pipeline, id, &roles);
        let saved = json!({"name": account, "memberOf": roles});
        if let Value::Object(saved) = saved {
            self.save_service_account(&saved, user, now_ms).await?;
        }
        let triggers = pipeline.get_mut("triggers").and_then(Value::as_array_mut);
        for trigger in triggers
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            run_as(trigger, &account, !roles.is_empty());
        }
        Ok(pipeline)
    }

    /// Deletes the account of a pipeline that is gone, if it had one.
    pub(crate) async fn drop_account(&self, pipeline: &str) -> Result<(), SaveError> {
        let account = format!("{}{OWN}", pipeline.to_lowercase());
        self.remove(Kind::ServiceAccount, &account).await?;
        Ok(())
    }

    fn account_of(&self, pipeline: &Map, id: &str, roles: &[String]) -> String {
        let is_shared = self.managed == ManagedAccounts::Shared;
        let named = pipeline.get("serviceAccount").and_then(Value::as_str);
        // An account that several pipelines share must not get the roles of one.
        if let Some(named) =
            named.filter(|it| !it.is_empty() && (is_shared || !it.ends_with(SHARED)))
        {
            return named.to_owned();
        }
        match is_shared {
            true => format!("{}{SHARED}", digest(roles)),
            false => format!("{}{OWN}", id.to_lowercase()),
        }
    }
}

/// The roles of a pipeline; `None` without the key.
fn roles_of(pipeline: &Map) -> Result<Option<Vec<String>>, SaveError> {
    let bad = || SaveError::Rejected("roles of a pipeline must be a list of texts".to_owned());
    match pipeline.get("roles") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Vec::new())),
        Some(Value::Array(roles)) => {
            let texts = roles.iter().map(|role| role.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or_else(bad).map(Some)
        }
        Some(_) => Err(bad()),
    }
}

/// Lets a trigger run as the account, unless a person chose another one; or takes it away.
fn run_as(trigger: &mut Map, account: &str, has_roles: bool) {
    let current = trigger.get("runAsUser").and_then(Value::as_str);
    let is_managed = current.is_none_or(|it| it.ends_with(OWN) || it.ends_with(SHARED));
    if has_roles && is_managed {
        trigger.insert("runAsUser".to_owned(), account.into());
    } else if !has_roles && current == Some(account) {
        trigger.shift_remove("runAsUser");
    }
}

/// A name for a set of roles, whatever their order and case.
fn digest(roles: &[String]) -> String {
    let sorted: BTreeSet<String> = roles.iter().map(|role| role.to_lowercase()).collect();
    let joined = sorted.into_iter().collect::<Vec<_>>().join("\0");
    let hash = Sha256::digest(joined.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
