//! Applications and their permissions, as Front50's `ApplicationsController` and Orca's application tasks keep them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Document, Error, Kind, SaveError, Store, key,
    names::IN_APPLICATIONS,
    stamp::{is_own, stamp},
};

/// Where a submitted application says who may do what; it becomes a record of its own.
const PERMISSIONS: &str = "permissions";

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
        let name_of = |document: &Document| document.text("name").map(key::fold);
        let mut applications = self.list(Kind::Application).await?;
        let permissions: BTreeMap<_, _> = self
            .list(Kind::Permission)
            .await?
            .into_iter()
            .map(|permission| (name_of(&permission), permission))
            .collect();
        for application in &mut applications {
            if let Some(permission) = permissions.get(&name_of(application)) {
                merge_permissions(&mut application.body, &permission.body);
            }
        }
        applications.sort_by_cached_key(name_of);
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
        let merge = |previous: Option<&Map>| {
            let current = merged(name, attributes, user, previous, now_ms);
            validate_email(&current)?;
            Ok(Some(current))
        };
        let saved = self.save(Kind::Application, name, now_ms, merge).await?;
        if let Some(Value::Object(permissions)) = attributes.get(PERMISSIONS) {
            self.save_permissions(name, permissions, user, now_ms)
                .await?;
        }
        Ok(Upserted {
            previous: saved.previous,
            current: saved.document.body,
        })
    }

    /// Deletes an application with what belongs to it: pipelines, strategies, notifications, permissions, and its mention in
    /// projects; gives back what it was.
    ///
    /// Source: Front50 `ApplicationService.delete`. A project that is left without applications stays.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`]; a repeat goes on where this one stopped.
    pub async fn delete_application(
        &self,
        name: &str,
        user: &str,
        now_ms: i64,
    ) -> Result<Option<Map>, SaveError> {
        if !key::is_id(name) {
            return Ok(None);
        }
        for kind in IN_APPLICATIONS {
            for config in self.stored_of(kind, name).await? {
                self.remove(kind, config.id()).await?;
            }
        }
        self.leave_projects(name, user, now_ms).await?;
        self.remove(Kind::Notification, name).await?;
        self.remove(Kind::Permission, name).await?;
        let removed = self.remove(Kind::Application, name).await?;
        Ok(removed.map(|it| it.body))
    }

    async fn save_permissions(
        &self,
        name: &str,
        permissions: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<(), SaveError> {
        let record = |previous: Option<&Map>| {
            let mut body = Map::new();
            body.insert("name".to_owned(), key::fold(name).into());
            body.insert(PERMISSIONS.to_owned(), permissions.clone().into());
            stamp(Kind::Permission, &mut body, previous, user, now_ms);
            Ok(Some(body))
        };
        self.save(Kind::Permission, name, now_ms, record).await?;
        Ok(())
    }
}

/// The document to store: attributes over what was there, name in upper case, nulls left out.
fn merged(name: &str, attributes: &Map, user: &str, previous: Option<&Map>, now_ms: i64) -> Map {
    let mut body = previous.cloned().unwrap_or_default();
    for (key, value) in attributes {
        if !value.is_null() && !is_own(Kind::Application, key) && key != PERMISSIONS {
            body.insert(key.clone(), value.clone());
        }
    }
    body.insert("name".to_owned(), name.to_uppercase().into());
    if let Some(Value::Array(providers)) = body.get("cloudProviders") {
        let joined: Vec<&str> = providers.iter().filter_map(Value::as_str).collect();
        let joined = joined.join(",");
        body.insert("cloudProviders".to_owned(), joined.into());
    }
    stamp(Kind::Application, &mut body, previous, user, now_ms);
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
    let Some(Value::Object(permissions)) = permission.get(PERMISSIONS) else {
        return;
    };
    let restricted = permissions
        .values()
        .any(|roles| roles.as_array().is_some_and(|roles| !roles.is_empty()));
    if restricted {
        application.insert(PERMISSIONS.to_owned(), permissions.clone().into());
    }
}
