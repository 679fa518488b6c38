//! Configurations of canary analysis, with Kayenta's rules.
//!
//! Source: Kayenta `CanaryConfigController`, `CanaryConfigIndex`. What the configuration says of metrics and queries is not
//! looked at, as Kayenta does not; keys that nobody knows stay.

#[cfg(test)]
mod tests;

use gennaker_model::Map;
use jiff::Timestamp;
use serde_json::Value;

use crate::{Document, Error, Kind, SaveError, Saved, Store, key};

impl Store {
    /// The configurations, or those of any of these applications; by id.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn canary_configs(&self, applications: &[String]) -> Result<Vec<Document>, Error> {
        let mut configs = self.list(Kind::CanaryConfig).await?;
        if !applications.is_empty() {
            configs.retain(|config| {
                applications_of(&config.body).any(|name| applications.iter().any(|it| it == name))
            });
        }
        Ok(configs)
    }

    /// One configuration.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn canary_config(&self, id: &str) -> Result<Option<Document>, Error> {
        self.get(Kind::CanaryConfig, id).await
    }

    /// The configurations of an application with that name, read from where they lie: for a process without the cache.
    ///
    /// # Errors
    /// [`Error::Bus`] when the broker does not answer.
    pub async fn canary_configs_named(
        &self,
        application: &str,
        name: &str,
    ) -> Result<Vec<Document>, Error> {
        let mut found = self.stored(Kind::CanaryConfig).await?;
        found.retain(|config| {
            config.text("name") == Some(name)
                && applications_of(&config.body).any(|it| it == application)
        });
        Ok(found)
    }

    /// Saves a configuration, whose `id` must be set, as a new one or over the stored one.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] in Kayenta's words: it breaks a rule, an id that should be new exists or one that should exist
    /// does not, or another configuration of one of its applications has its name.
    pub async fn save_canary_config(
        &self,
        submitted: &Map,
        is_new: bool,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        check_canary_config(submitted).map_err(SaveError::Rejected)?;
        let id = submitted
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !key::is_id(id) {
            return Err(SaveError::Rejected(format!(
                "'{id}' cannot be the id of a canary config"
            )));
        }
        self.check_name_of_canary_config(id, submitted).await?;
        let next = |stored: Option<&Map>| {
            let mut body = submitted.clone();
            body.retain(|_, value| !value.is_null());
            // A task that runs twice finds what it made.
            if is_new && stored.is_some_and(|stored| without_times(stored) == without_times(&body))
            {
                return Ok(None);
            }
            if is_new && stored.is_some() {
                return Err(SaveError::Rejected(format!(
                    "Canary config '{id}' already exists."
                )));
            }
            if !is_new && stored.is_none() {
                return Err(SaveError::Rejected(format!(
                    "Canary config '{id}' does not exist."
                )));
            }
            let iso = Timestamp::from_millisecond(now_ms)
                .unwrap_or_default()
                .to_string();
            let names: &[&str] = if is_new {
                &["created", "updated"]
            } else {
                &["updated"]
            };
            for name in names {
                body.insert(format!("{name}Timestamp"), now_ms.into());
                body.insert(format!("{name}TimestampIso"), iso.clone().into());
            }
            Ok(Some(body))
        };
        self.save(Kind::CanaryConfig, id, now_ms, next).await
    }

    /// Deletes a configuration; what it was.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete_canary_config(&self, id: &str) -> Result<Option<Map>, SaveError> {
        let removed = self.remove(Kind::CanaryConfig, id).await?;
        Ok(removed.map(|it| it.body))
    }

    /// One name once in each application. Two saves at the same moment may both pass, as in Kayenta.
    async fn check_name_of_canary_config(&self, id: &str, body: &Map) -> Result<(), SaveError> {
        let name = body.get("name").and_then(Value::as_str);
        let wanted: Vec<&str> = applications_of(body).collect();
        for other in self.stored(Kind::CanaryConfig).await? {
            let is_same = other.text("name") == name && !other.id().eq_ignore_ascii_case(id);
            if is_same && applications_of(&other.body).any(|it| wanted.contains(&it)) {
                return Err(SaveError::Rejected(format!(
                    "Canary config with name '{}' already exists in the scope of applications [{}].",
                    name.unwrap_or_default(),
                    wanted.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// Kayenta's rules for a configuration (`CanaryConfigController.validateCanaryConfig`).
///
/// # Errors
/// The rule that it breaks, in Kayenta's words.
pub fn check_canary_config(config: &Map) -> Result<(), String> {
    let name = config
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if name.is_empty() {
        return Err("Canary config must specify a name.".to_owned());
    }
    if applications_of(config).next().is_none() {
        return Err("Canary config must specify at least one application.".to_owned());
    }
    // The comma is part of the original's class of characters, and of existing names.
    let is_allowed =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ',' | '-' | '_');
    if !name.chars().all(is_allowed) {
        return Err(format!(
            "Canary config cannot be named '{name}'. Names must contain only letters, numbers, dashes (-) and underscores (_)."
        ));
    }
    let metrics = config.get("metrics").and_then(Value::as_array);
    let mut seen = std::collections::BTreeSet::new();
    for metric in metrics.into_iter().flatten() {
        let name = metric
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if name.is_empty() {
            return Err("Metric config must specify a name.".to_owned());
        }
        if !seen.insert(name) {
            return Err(format!(
                "Metric config name must be unique. '{name}' is duplicated."
            ));
        }
    }
    Ok(())
}

fn without_times(config: &Map) -> Map {
    let mut config = config.clone();
    config.retain(|field, _| !field.ends_with("Timestamp") && !field.ends_with("TimestampIso"));
    config
}

fn applications_of(config: &Map) -> impl Iterator<Item = &str> {
    let applications = config.get("applications").and_then(Value::as_array);
    applications.into_iter().flatten().filter_map(Value::as_str)
}
