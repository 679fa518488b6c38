//! Service accounts: names under which triggers run pipelines, and the roles they have. Who may use one is decided elsewhere.
//!
//! Source: Front50 `ServiceAccountsController`, `ServiceAccount`.

pub(crate) mod managed;
#[cfg(test)]
mod tests;

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Document, Error, Kind, SaveError, Saved, Store, key,
    stamp::{is_own, is_repeat, stamp},
};

impl Store {
    /// All service accounts, by name.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn service_accounts(&self) -> Result<Vec<Document>, Error> {
        self.list(Kind::ServiceAccount).await
    }

    /// Creates or replaces a service account: `{name, memberOf: [role]}`.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] when the name is missing or the roles are no texts.
    pub async fn save_service_account(
        &self,
        submitted: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let name = submitted
            .get("name")
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|name| key::is_id(name))
            .ok_or_else(|| {
                SaveError::Rejected("Service account must have a non-empty name".to_owned())
            })?;
        match submitted.get("memberOf") {
            None | Some(Value::Null) => {}
            Some(Value::Array(roles)) if roles.iter().all(Value::is_string) => {}
            Some(_) => {
                return Err(SaveError::Rejected(
                    "memberOf of a service account must be a list of roles".to_owned(),
                ));
            }
        }
        let next = |stored: Option<&Map>| {
            let mut body: Map = submitted
                .iter()
                .filter(|(field, _)| !is_own(Kind::ServiceAccount, field))
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            body.insert("name".to_owned(), name.into());
            stamp(Kind::ServiceAccount, &mut body, stored, user, now_ms);
            let is_known =
                stored.is_some_and(|stored| is_repeat(Kind::ServiceAccount, stored, &body));
            Ok((!is_known).then_some(body))
        };
        self.save(Kind::ServiceAccount, name, now_ms, next).await
    }

    /// Deletes a service account.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete_service_account(&self, name: &str) -> Result<Option<Map>, SaveError> {
        let removed = self.remove(Kind::ServiceAccount, name).await?;
        Ok(removed.map(|it| it.body))
    }
}
