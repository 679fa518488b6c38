//! What is known of plugins: their releases, for the screens and clients that list them. No plugin is ever run.
//!
//! Source: Front50 `PluginInfoController`, `PluginInfo`.

#[cfg(test)]
mod tests;

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Document, Error, Kind, SaveError, Saved, Store, key,
    stamp::{is_own, is_repeat, stamp},
};

impl Store {
    /// The plugins, or those with a release that requires this service (`requires` names services and versions:
    /// `orca>=8.0.0,deck`).
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn plugins(&self, service: Option<&str>) -> Result<Vec<Document>, Error> {
        let mut plugins = self.list(Kind::PluginInfo).await?;
        if let Some(service) = service {
            plugins.retain(|plugin| is_for(&plugin.body, service));
        }
        Ok(plugins)
    }

    /// Creates or replaces what is known of a plugin.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] when it has no id, or its releases are no list of objects with a version.
    pub async fn save_plugin(
        &self,
        submitted: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let id = submitted
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| key::is_id(id))
            .ok_or_else(|| SaveError::Rejected("Plugin info must have an id".to_owned()))?;
        match submitted.get("releases") {
            None | Some(Value::Null) => {}
            Some(Value::Array(releases))
                if releases
                    .iter()
                    .all(|it| it.get("version").is_some_and(Value::is_string)) => {}
            Some(_) => {
                return Err(SaveError::Rejected(
                    "releases of a plugin must be a list of objects with a version".to_owned(),
                ));
            }
        }
        let next = |stored: Option<&Map>| {
            let mut body: Map = submitted
                .iter()
                .filter(|(field, value)| !value.is_null() && !is_own(Kind::PluginInfo, field))
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            stamp(Kind::PluginInfo, &mut body, stored, user, now_ms);
            let is_known = stored.is_some_and(|stored| is_repeat(Kind::PluginInfo, stored, &body));
            Ok((!is_known).then_some(body))
        };
        self.save(Kind::PluginInfo, id, now_ms, next).await
    }

    /// Makes a release of a plugin the preferred one, and all its others not.
    ///
    /// Source: Front50 `PluginInfoService.preferReleaseVersion`.
    ///
    /// # Errors
    /// [`SaveError::NotFound`] when the plugin is not known or has no such release.
    pub async fn prefer_plugin_release(
        &self,
        id: &str,
        version: &str,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let next = |stored: Option<&Map>| {
            let missing =
                || SaveError::NotFound(format!("Plugin {id} with release {version} not found"));
            let mut body = stored.cloned().ok_or_else(missing)?;
            let releases = body.get_mut("releases").and_then(Value::as_array_mut);
            let mut found = false;
            for release in releases
                .into_iter()
                .flatten()
                .filter_map(Value::as_object_mut)
            {
                let is_it = release.get("version").and_then(Value::as_str) == Some(version);
                found |= is_it;
                release.insert("preferred".to_owned(), is_it.into());
            }
            if !found {
                return Err(missing());
            }
            let is_known = stored.is_some_and(|stored| *stored == body);
            stamp(Kind::PluginInfo, &mut body, stored, user, now_ms);
            Ok((!is_known).then_some(body))
        };
        self.save(Kind::PluginInfo, id, now_ms, next).await
    }

    /// Forgets a plugin.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete_plugin(&self, id: &str) -> Result<Option<Map>, SaveError> {
        let removed = self.remove(Kind::PluginInfo, id).await?;
        Ok(removed.map(|it| it.body))
    }
}

fn is_for(plugin: &Map, service: &str) -> bool {
    let requires = |release: &Value| {
        let text = release.get("requires").and_then(Value::as_str);
        text.unwrap_or_default().split(',').any(|part| {
            let name: String = part
                .trim()
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '-' || *letter == '_')
                .collect();
            name.eq_ignore_ascii_case(service)
        })
    };
    let releases = plugin.get("releases").and_then(Value::as_array);
    releases.is_some_and(|releases| releases.iter().any(requires))
}
