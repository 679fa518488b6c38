//! The notifications of an application: one document with a list per channel, as Front50's `NotificationController` keeps it.

#[cfg(test)]
mod tests;

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Error, Kind, SaveError, Saved, Store, key,
    stamp::{is_own, is_repeat, stamp},
};

impl Store {
    /// The notifications of an application; empty when it has none.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn notifications(&self, application: &str) -> Result<Map, Error> {
        let stored = self.get(Kind::Notification, application).await?;
        Ok(stored.map(|stored| stored.body).unwrap_or_default())
    }

    /// The notifications of an application as this process knows them: from its lists, where they are kept. For a start, which
    /// need not wait for a read; what another process just changed may be missing.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn known_notifications(&self, application: &str) -> Result<Map, Error> {
        if !self.is_ready() {
            return self.notifications(application).await;
        }
        let known = self.cache.document(Kind::Notification, application);
        Ok(known.map(|known| known.body).unwrap_or_default())
    }

    /// The notifications of an application as the cache has them, without waiting; `None` while it is not complete.
    #[must_use]
    pub fn cached_notifications(&self, application: &str) -> Option<Map> {
        if !self.is_ready() {
            return None;
        }
        let known = self.cache.document(Kind::Notification, application);
        Some(known.map(|known| known.body).unwrap_or_default())
    }

    /// Replaces the notifications of an application.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] when a channel is no list of objects, or the application has no name.
    pub async fn save_notifications(
        &self,
        application: &str,
        submitted: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        validate(application, submitted)?;
        let next = |stored: Option<&Map>| {
            let mut body: Map = submitted
                .iter()
                .filter(|(field, value)| !value.is_null() && !is_own(Kind::Notification, field))
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            body.insert("application".to_owned(), application.trim().into());
            stamp(Kind::Notification, &mut body, stored, user, now_ms);
            let is_known =
                stored.is_some_and(|stored| is_repeat(Kind::Notification, stored, &body));
            Ok((!is_known).then_some(body))
        };
        self.save(Kind::Notification, application, now_ms, next)
            .await
    }

    /// Deletes the notifications of an application.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete_notifications(&self, application: &str) -> Result<Option<Map>, SaveError> {
        let removed = self.remove(Kind::Notification, application).await?;
        Ok(removed.map(|it| it.body))
    }
}

fn validate(application: &str, submitted: &Map) -> Result<(), SaveError> {
    if !key::is_id(application) {
        return Err(SaveError::Rejected(
            "Notifications must belong to an application".to_owned(),
        ));
    }
    for (channel, entries) in submitted {
        let Value::Array(entries) = entries else {
            continue;
        };
        if !entries.iter().all(Value::is_object) {
            return Err(SaveError::Rejected(format!(
                "{channel} of notifications must be a list of objects"
            )));
        }
    }
    Ok(())
}
