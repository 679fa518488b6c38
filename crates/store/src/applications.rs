//! Applications and their permissions, as Front50's `ApplicationsController` and Orca's application tasks keep them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gennaker_bus::Put;
use gennaker_model::Map;
use serde_json::Value;

use crate::{ATTEMPTS, Document, Error, Kind, SaveError, Store, document, key};

/// Largest application document, in bytes of compact JSON.
pub const APPLICATION_BYTES_MAX: usize = 128 * 1024;

/// Fields of a submitted application that a save sets itself or that do not belong to the document.
const OWN_FIELDS: [&str; 4] = ["createTs", "updateTs", "lastModifiedBy", "permissions"];

/// An application that was created or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Upserted {
    /// What was stored before; `None` for a new one.
    pub previous: Option<Map>,
    /// What is stored now.
    pub current: Map,
}

/// Rules of Orca's `ApplicationNameValidator`: provider, longest name, pattern as it prints it.
const NAME_RULES: [(&str, usize, &str); 8] = [
    ("aws", 250, "^[a-zA-Z_0-9.]*$"),
    ("openstack", 250, "^[a-zA-Z_0-9.]*$"),
    ("titus", 250, "^[a-zA-Z_0-9.]*$"),
    ("kubernetes", 63, "^([a-zA-Z][a-zA-Z0-9-]*)$"),
    ("gce", 63, "^([a-zA-Z][a-zA-Z0-9]*)?$"),
    ("appengine", 58, "^[a-z0-9]*$"),
    ("dcos", 127, "^[a-z0-9]*$"),
    ("tencentcloud", 50, "^[a-zA-Z_0-9.\\u4E00-\\u9FA5-]*$"),
];

impl Store {
    /// One application with its permissions, read from the leader; the name in any case.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn application(&self, name: &str) -> Result<Option<Document>, Error> {
        let Some(mut application) = self.get(Kind::Application, name).await? else {
            return Ok(None);
        };
        if let Some(permission) = self.get(Kind::Permission, name).await? {
            merge_permissions(&mut application.body, &permission.body);
        }
        Ok(Some(application))
    }

    /// All applications with their permissions, by name.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn applications(&self) -> Result<Vec<Document>, Error> {
        let mut applications = self.list(Kind::Application).await?;
        let permissions: BTreeMap<_, _> = self
            .list(Kind::Permission)
            .await?
            .into_iter()
            .map(|permission| (permission.text("name").map(key::fold), permission))
            .collect();
        for application in &mut applications {
            let name = application.text("name").map(key::fold);
            if let Some(permission) = permissions.get(&name) {
                merge_permissions(&mut application.body, &permission.body);
            }
        }
        applications.sort_by_cached_key(|application| application.text("name").map(key::fold));
        Ok(applications)
    }

    /// Creates an application, or merges these attributes into the existing one. `permissions` among them become the
    /// application's permission record.
    ///
    /// Source: Orca `UpsertApplicationTask`, Front50 `ApplicationsController.create` and `update`.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] with Orca's or Front50's text when the name or the e-mail is missing or not allowed.
    pub async fn upsert_application(
        &self,
        attributes: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<Upserted, SaveError> {
        let name = attributes
            .get("name")
            .and_then(Value::as_str)
            .map(str::trim)
            .unwrap_or_default();
        validate_name(name, attributes.get("cloudProviders"))?;
        let key = key::document(Kind::Application, name);
        for _ in 0..ATTEMPTS {
            let stored = self.get(Kind::Application, name).await?;
            let expected = stored.as_ref().map_or(0, |stored| stored.revision);
            let previous = stored.map(|stored| stored.body);
            let current = merged(name, attributes, user, previous.as_ref(), now_ms);
            validate_email(&current)?;
            let raw = document::bytes_of(Kind::Application, &current)?;
            if let Put::Done(revision) = self.kv().put_if(&key, expected, raw.clone(), None).await?
            {
                self.cache().apply(&key, revision, Some(raw));
                if let Some(Value::Object(permissions)) = attributes.get("permissions") {
                    self.put_permissions(name, permissions, user, now_ms)
                        .await?;
                }
                return Ok(Upserted { previous, current });
            }
        }
        Err(SaveError::Busy)
    }

    /// Deletes an application, its pipelines and its permissions; gives back what it was.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`]; a repeat goes on where this one stopped.
    pub async fn delete_application(&self, name: &str) -> Result<Option<Map>, SaveError> {
        if !key::is_id(name) {
            return Ok(None);
        }
        for pipeline in self.stored_pipelines_of(name).await? {
            let application = pipeline.text("application").unwrap_or_default();
            let title = pipeline.text("name").unwrap_or_default();
            self.delete_pipeline(application, title).await?;
        }
        self.remove(Kind::Permission, name).await?;
        Ok(self
            .remove(Kind::Application, name)
            .await?
            .map(|it| it.body))
    }

    /// The pipelines of an application as the leader has them, not the cache.
    async fn stored_pipelines_of(&self, application: &str) -> Result<Vec<Document>, Error> {
        let application = key::fold(application);
        let mut pipelines = Vec::new();
        for record in self.kv().scan("pipe").await?.collect().await? {
            if let Some(pipeline) = Document::read(Kind::Pipeline, &record)?
                && pipeline.text("application").map(key::fold).as_deref() == Some(&application)
            {
                pipelines.push(pipeline);
            }
        }
        Ok(pipelines)
    }

    async fn remove(&self, kind: Kind, name: &str) -> Result<Option<Document>, SaveError> {
        for _ in 0..ATTEMPTS {
            let Some(stored) = self.get(kind, name).await? else {
                return Ok(None);
            };
            match self.delete(kind, name, stored.revision).await {
                Ok(()) => return Ok(Some(stored)),
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SaveError::Busy)
    }

    async fn put_permissions(
        &self,
        name: &str,
        permissions: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<(), SaveError> {
        for _ in 0..ATTEMPTS {
            let stored = self.get(Kind::Permission, name).await?;
            let expected = stored.map_or(0, |stored| stored.revision);
            let mut body = Map::new();
            body.insert("name".to_owned(), key::fold(name).into());
            body.insert("permissions".to_owned(), permissions.clone().into());
            body.insert("lastModified".to_owned(), now_ms.into());
            body.insert("lastModifiedBy".to_owned(), user.into());
            match self.put(Kind::Permission, name, body, expected).await {
                Ok(_) => return Ok(()),
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(SaveError::Busy)
    }
}

/// The document to store: attributes over what was there, name in upper case, nulls left out.
fn merged(name: &str, attributes: &Map, user: &str, previous: Option<&Map>, now_ms: i64) -> Map {
    let mut body = previous.cloned().unwrap_or_default();
    for (key, value) in attributes {
        if !value.is_null() && !OWN_FIELDS.contains(&key.as_str()) {
            body.insert(key.clone(), value.clone());
        }
    }
    body.insert("name".to_owned(), name.to_uppercase().into());
    if let Some(Value::Array(providers)) = body.get("cloudProviders") {
        let joined: Vec<&str> = providers.iter().filter_map(Value::as_str).collect();
        let joined = joined.join(",");
        body.insert("cloudProviders".to_owned(), joined.into());
    }
    let last_ms = body
        .get("updateTs")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<i64>().ok())
        .unwrap_or(0);
    let update_ms = now_ms.max(last_ms + 1).to_string();
    if !body.contains_key("createTs") {
        body.insert("createTs".to_owned(), update_ms.clone().into());
    }
    body.insert("updateTs".to_owned(), update_ms.into());
    body.insert("lastModifiedBy".to_owned(), user.into());
    body
}

fn validate_name(name: &str, providers: Option<&Value>) -> Result<(), SaveError> {
    let refuse = |text: String| Err(SaveError::Rejected(text));
    if name.is_empty() {
        return refuse("Application must have a non-empty name".to_owned());
    }
    if name.len() > key::NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return refuse(format!(
            "an application name may have at most {} bytes and no control characters",
            key::NAME_BYTES_MAX
        ));
    }
    let listed: Vec<&str> = match providers {
        Some(Value::String(text)) => text.split(',').map(str::trim).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    for (provider, longest, pattern) in NAME_RULES {
        if listed.contains(&provider) && (name.chars().count() > longest || !fits(provider, name)) {
            return refuse(format!(
                "Invalid application name '{name}'. Must match {pattern} for cloud provider '{provider}' and be less than {longest} characters."
            ));
        }
    }
    Ok(())
}

fn fits(provider: &str, name: &str) -> bool {
    let letters_first = || name.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    match provider {
        "kubernetes" => {
            letters_first() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        }
        "gce" => letters_first() && name.chars().all(|c| c.is_ascii_alphanumeric()),
        "appengine" | "dcos" => name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
        "tencentcloud" => name
            .chars()
            .all(|c| word(c) || c == '-' || ('\u{4e00}'..='\u{9fa5}').contains(&c)),
        _ => name.chars().all(word),
    }
}

fn validate_email(application: &Map) -> Result<(), SaveError> {
    let email = application.get("email").and_then(Value::as_str);
    if email.is_none_or(|email| email.trim().is_empty()) {
        return Err(SaveError::Rejected(
            "Application must have a non-empty email".to_owned(),
        ));
    }
    Ok(())
}

/// A record without any role means "open" and is not shown.
fn merge_permissions(application: &mut Map, permission: &Map) {
    let Some(Value::Object(permissions)) = permission.get("permissions") else {
        return;
    };
    let restricted = permissions
        .values()
        .any(|roles| roles.as_array().is_some_and(|roles| !roles.is_empty()));
    if restricted {
        application.insert("permissions".to_owned(), permissions.clone().into());
    }
}
