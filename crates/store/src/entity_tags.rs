//! Tags of things in a cloud: server groups, clusters, instances and the like, which only the tags' document names.
//!
//! In Spinnaker they are written by an operation of Clouddriver, which merges them and keeps the result in Front50; here both are
//! one. Source: clouddriver `BulkUpsertEntityTagsAtomicOperation`, `DeleteEntityTagsAtomicOperation`, `EntityRefIdBuilder`; front50
//! `EntityTags`.

#[cfg(test)]
mod tests;

use gennaker_model::Map;
use serde_json::{Value, json};

use crate::{Document, Error, Kind, SaveError, Saved, Store, key, stamp::stamp};

/// How the id of a document is made; the document says so itself.
const ID_PATTERN: &str = "{{cloudProvider}}:{{entityType}}:{{entityId}}:{{account}}:{{region}}";

/// Where a tag belongs that names no namespace.
const NAMESPACE: &str = "default";

/// Most tags of one entity.
const TAGS_MAX: usize = 500;

impl Store {
    /// The tags of one entity by the document's id, `provider:type:name:account:region`.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn entity_tags(&self, id: &str) -> Result<Option<Document>, Error> {
        self.get(Kind::EntityTags, id).await
    }

    /// Adds tags to an entity, or replaces those of the same name; with `isPartial: false` all others go.
    ///
    /// `submitted` is `{entityRef, tags: [{name, value, …}], isPartial, id?}`. The account's number (`entityRef.accountId`) stands in the
    /// id; where a client does not name it, the account's name does.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] when the entity is not named, or a tag has no name.
    pub async fn upsert_entity_tags(
        &self,
        submitted: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let entity = entity_of(submitted)?;
        let id = match submitted.get("id").and_then(Value::as_str) {
            Some(id) if !id.trim().is_empty() => key::fold(id),
            Some(_) | None => id_of(&entity)?,
        };
        if !key::is_id(&id) {
            return rejected(format!("{id:?} cannot be the id of entity tags"));
        }
        let tags = tags_of(submitted)?;
        let is_partial = submitted.get("isPartial").and_then(Value::as_bool) != Some(false);
        let next = |stored: Option<&Map>| {
            let merged = merged(stored, &tags, is_partial);
            if merged.len() > TAGS_MAX {
                return rejected(format!("an entity has at most {TAGS_MAX} tags"));
            }
            let same = stored.is_some_and(|stored| {
                list(stored, "tags") == merged.as_slice()
                    && stored.get("entityRef").and_then(Value::as_object) == Some(&entity)
            });
            if same {
                return Ok(None);
            }
            let mut body = stored.cloned().unwrap_or_default();
            body.insert("version".to_owned(), "v1".into());
            body.insert("id".to_owned(), id.clone().into());
            body.insert("idPattern".to_owned(), ID_PATTERN.into());
            let about = metadata(stored, &merged, &tags, user, now_ms);
            body.insert("tags".to_owned(), merged.into());
            body.insert("tagsMetadata".to_owned(), about.into());
            body.insert("entityRef".to_owned(), entity.clone().into());
            stamp(Kind::EntityTags, &mut body, stored, user, now_ms);
            Ok(Some(body))
        };
        self.save(Kind::EntityTags, &id, now_ms, next).await
    }

    /// Removes the tags of these names, or all; without any the document goes. One that is gone already is no error.
    ///
    /// # Errors
    /// [`SaveError::Store`], [`SaveError::Busy`].
    pub async fn delete_entity_tags(
        &self,
        id: &str,
        names: &[String],
        all: bool,
        user: &str,
        now_ms: i64,
    ) -> Result<(), SaveError> {
        let is_named = |tag: &Value| {
            let name = tag.get("name").and_then(Value::as_str);
            name.is_some_and(|name| names.iter().any(|it| it == name))
        };
        for _ in 0..crate::ATTEMPTS {
            let Some(stored) = self.entity_tags(id).await? else {
                return Ok(());
            };
            if all || list(&stored.body, "tags").iter().all(is_named) {
                if self.remove_version(&stored, id).await? {
                    return Ok(());
                }
                continue;
            }
            let next = |stored: Option<&Map>| {
                let Some(stored) = stored else {
                    return Err(SaveError::NotFound("the entity tags are gone".to_owned()));
                };
                let mut body = stored.clone();
                for field in ["tags", "tagsMetadata"] {
                    let mut kept = list(stored, field).to_vec();
                    kept.retain(|it| !is_named(it));
                    body.insert(field.to_owned(), kept.into());
                }
                let is_known = body == *stored;
                stamp(Kind::EntityTags, &mut body, Some(stored), user, now_ms);
                Ok((!is_known).then_some(body))
            };
            match self.save(Kind::EntityTags, id, now_ms, next).await {
                Ok(_) => return Ok(()),
                // Deleted between the look and the write.
                Err(SaveError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(SaveError::Busy)
    }
}

fn rejected<T>(problem: impl Into<String>) -> Result<T, SaveError> {
    Err(SaveError::Rejected(problem.into()))
}

/// What is tagged, with what follows from it: the application, by the name's first part.
fn entity_of(submitted: &Map) -> Result<Map, SaveError> {
    let Some(entity) = submitted.get("entityRef").and_then(Value::as_object) else {
        return rejected("entityRef must be an object");
    };
    let mut entity = entity.clone();
    let Some(name) = entity.get("entityId").and_then(Value::as_str) else {
        return rejected("entityRef.entityId must be a string");
    };
    if !entity.contains_key("application") {
        let application = name.split('-').next().unwrap_or_default().to_lowercase();
        entity.insert("application".to_owned(), application.into());
    }
    Ok(entity)
}

fn id_of(entity: &Map) -> Result<String, SaveError> {
    let text = |field: &str| {
        let text = entity.get(field).and_then(Value::as_str);
        text.filter(|text| !text.trim().is_empty())
    };
    let needed = |field: &str| match text(field) {
        Some(text) => Ok(text),
        None => rejected(format!(
            "entityRef.{field} must be a string that is not empty"
        )),
    };
    let parts = [
        needed("cloudProvider")?,
        needed("entityType")?,
        needed("entityId")?,
        text("accountId").or_else(|| text("account")).unwrap_or("*"),
        text("region").unwrap_or("*"),
    ];
    Ok(parts.join(":").to_lowercase())
}

/// The tags to write, with namespace and kind of value.
fn tags_of(submitted: &Map) -> Result<Vec<Value>, SaveError> {
    let Some(tags) = submitted.get("tags").and_then(Value::as_array) else {
        return rejected("tags must be a list");
    };
    let mut read: Vec<Value> = Vec::with_capacity(tags.len());
    for tag in tags {
        let Some(tag) = tag.as_object() else {
            return rejected("a tag must be an object");
        };
        let name = tag.get("name").and_then(Value::as_str).unwrap_or_default();
        if name.trim().is_empty() {
            return rejected("a tag must have a name");
        }
        let is_object = matches!(tag.get("value"), Some(Value::Object(_) | Value::Array(_)));
        let mut whole = tag.clone();
        for (field, usual) in [
            ("namespace", NAMESPACE),
            ("valueType", if is_object { "object" } else { "literal" }),
        ] {
            if whole.get(field).is_none_or(Value::is_null) {
                whole.insert(field.to_owned(), usual.into());
            }
        }
        // Named twice: the later one counts.
        read.retain(|it| it["name"] != name);
        read.push(Value::Object(whole));
    }
    Ok(read)
}

/// What is stored with the new tags in the place of those of the same name.
fn merged(stored: Option<&Map>, tags: &[Value], is_partial: bool) -> Vec<Value> {
    let mut merged = match stored.filter(|_| is_partial) {
        Some(stored) => list(stored, "tags").to_vec(),
        None => Vec::new(),
    };
    for tag in tags {
        match merged
            .iter_mut()
            .find(|it| it.get("name") == tag.get("name"))
        {
            Some(held) => *held = tag.clone(),
            None => merged.push(tag.clone()),
        }
    }
    merged
}

/// Who made and changed each tag, and when.
fn metadata(
    stored: Option<&Map>,
    merged: &[Value],
    written: &[Value],
    user: &str,
    now_ms: i64,
) -> Vec<Value> {
    let before = stored.map_or(&[] as &[Value], |stored| list(stored, "tagsMetadata"));
    let named = |items: &[Value], name: &Value| {
        let found = items.iter().find(|it| it.get("name") == Some(name));
        found.cloned()
    };
    let about = |tag: &Value| {
        let name = tag.get("name")?;
        let known = named(before, name);
        if named(written, name).is_none() {
            return known;
        }
        let mut about =
            known.unwrap_or_else(|| json!({"name": name, "created": now_ms, "createdBy": user}));
        about["lastModified"] = now_ms.into();
        about["lastModifiedBy"] = user.into();
        Some(about)
    };
    merged.iter().filter_map(about).collect()
}

fn list<'a>(body: &'a Map, field: &str) -> &'a [Value] {
    let items = body.get(field).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}
