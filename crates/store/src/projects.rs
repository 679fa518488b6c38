//! Projects, as Front50's `ProjectsController` and Orca's project tasks keep them.

#[cfg(test)]
mod tests;

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Document, Error, Kind, SaveError, Saved, Store,
    key::{self, NAME_BYTES_MAX, Name},
    save::missing,
    stamp::{is_own, is_repeat, stamp},
};

impl Store {
    /// Changes the project whose `id` is given, or creates one with `id_if_new`.
    ///
    /// Source: Orca `UpsertProjectTask`, Front50 `ProjectsController.create` and `put`.
    ///
    /// # Errors
    /// [`SaveError::NotFound`] when the given id is unknown, [`SaveError::Rejected`] when the name is taken or missing.
    pub async fn upsert_project(
        &self,
        submitted: &Map,
        id_if_new: &str,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        validate(submitted)?;
        let given = submitted
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| key::is_id(id));
        let id = given.unwrap_or(id_if_new);
        let next = |stored: Option<&Map>| {
            if given.is_some() && stored.is_none() {
                return Err(SaveError::NotFound(missing(Kind::Project, id)));
            }
            let body = prepared(submitted, id, user, stored, now_ms);
            let is_known = stored.is_some_and(|stored| is_repeat(Kind::Project, stored, &body));
            Ok((!is_known).then_some(body))
        };
        self.save(Kind::Project, id, now_ms, next).await
    }

    /// A project by name, ignoring case, or by id (Front50 `ProjectsController.get`), read from where it lies.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn project(&self, name_or_id: &str) -> Result<Option<Document>, Error> {
        let name = Name {
            kind: Kind::Project,
            application: None,
            text: name_or_id.to_owned(),
        };
        match self.named(&name).await? {
            Some(found) => Ok(Some(found)),
            None => self.get(Kind::Project, name_or_id).await,
        }
    }

    /// All projects, by name.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn projects(&self) -> Result<Vec<Document>, Error> {
        let mut projects = self.list(Kind::Project).await?;
        projects.sort_by_cached_key(|project| project.text("name").map(key::fold));
        Ok(projects)
    }

    /// Deletes the project with this id; one client sends the name instead.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete_project(&self, id_or_name: &str) -> Result<Option<Map>, SaveError> {
        let id = match self.get(Kind::Project, id_or_name).await? {
            Some(_) => id_or_name.to_owned(),
            None => match self.project(id_or_name).await? {
                Some(found) => found.id().to_owned(),
                None => return Ok(None),
            },
        };
        Ok(self.remove(Kind::Project, &id).await?.map(|it| it.body))
    }

    /// Takes an application out of all projects.
    pub(crate) async fn leave_projects(
        &self,
        application: &str,
        user: &str,
        now_ms: i64,
    ) -> Result<(), SaveError> {
        for project in self.stored(Kind::Project).await? {
            if without(&project.body, application).is_none() {
                continue;
            }
            let next = |stored: Option<&Map>| {
                let id = project.id();
                let stored =
                    stored.ok_or_else(|| SaveError::NotFound(missing(Kind::Project, id)))?;
                Ok(without(stored, application).map(|mut body| {
                    stamp(Kind::Project, &mut body, Some(stored), user, now_ms);
                    body
                }))
            };
            match self.save(Kind::Project, project.id(), now_ms, next).await {
                Ok(_) | Err(SaveError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn validate(project: &Map) -> Result<(), SaveError> {
    let refuse = |text: &str| Err(SaveError::Rejected(text.to_owned()));
    let name = project.get("name").and_then(Value::as_str).map(str::trim);
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return refuse("Project must have a non-empty name");
    };
    if name.chars().any(char::is_control)
        || Name::of(Kind::Project, project).is_none_or(|it| !it.fits())
    {
        return Err(SaveError::Rejected(format!(
            "a project name may have at most {NAME_BYTES_MAX} bytes and no control characters"
        )));
    }
    match project.get("config") {
        None | Some(Value::Null | Value::Object(_)) => Ok(()),
        Some(_) => refuse("config of a project must be an object"),
    }
}

fn prepared(submitted: &Map, id: &str, user: &str, stored: Option<&Map>, now_ms: i64) -> Map {
    let mut body: Map = submitted
        .iter()
        .filter(|(field, value)| !value.is_null() && !is_own(Kind::Project, field))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    body.insert("id".to_owned(), id.into());
    if let Some(Value::String(name)) = body.get_mut("name") {
        *name = name.trim().to_owned();
    }
    stamp(Kind::Project, &mut body, stored, user, now_ms);
    body
}

/// The project without this application; `None` when it does not mention it.
fn without(project: &Map, application: &str) -> Option<Map> {
    let is_it = |name: &Value| name.as_str().map(key::fold) == Some(key::fold(application));
    let mut changed = project.clone();
    let config = changed.get_mut("config")?.as_object_mut()?;
    let drop_from = |list: Option<&mut Value>, is_it: &dyn Fn(&Value) -> bool| {
        let Some(list) = list.and_then(Value::as_array_mut) else {
            return false;
        };
        let before = list.len();
        list.retain(|item| !is_it(item));
        list.len() != before
    };
    let mut is_changed = drop_from(config.get_mut("applications"), &is_it);
    let of_config = |item: &Value| item.get("application").is_some_and(is_it);
    is_changed |= drop_from(config.get_mut("pipelineConfigs"), &of_config);
    if let Some(Value::Array(clusters)) = config.get_mut("clusters") {
        for cluster in clusters {
            is_changed |= drop_from(cluster.get_mut("applications"), &is_it);
        }
    }
    is_changed.then_some(changed)
}
