//! Pipeline templates, both generations, as Front50's `PipelineTemplateController` and `V2PipelineTemplateController` keep
//! them.
//!
//! The first generation is one record per id. The second writes three with every save: `<id>` or `<id>:<tag>`, then
//! `<id>:latest`, then `<id>@sha256:<digest>` unless that version is known. Each is a document of its own, so a list shows a
//! template once for every tag and digest.

mod digest;
mod needs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gennaker_model::Map;
use serde_json::Value;

use crate::{
    Document, Error, Kind, NAME_BYTES_MAX, SaveError, Saved, Store, key,
    save::missing,
    stamp::{is_own, is_repeat, stamp},
};

/// The tag that every save moves.
const LATEST: &str = "latest";

/// Which version of a template is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version<'a> {
    /// The one that was saved without a tag.
    Untagged,
    /// The one that carries this tag.
    Tag(&'a str),
    /// The one with this content.
    Digest(&'a str),
}

/// A pipeline that is made from a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// Its application.
    pub application: String,
    /// Its id.
    pub config_id: String,
    /// Its name.
    pub name: String,
}

impl Version<'_> {
    /// The id of the document that holds this version of a template.
    #[must_use]
    pub fn key_of(self, id: &str) -> String {
        match self {
            Self::Untagged => id.to_owned(),
            Self::Tag(tag) => format!("{id}:{tag}"),
            Self::Digest(digest) => {
                let digest = digest.strip_prefix("sha256:").unwrap_or(digest);
                format!("{id}@sha256:{digest}")
            }
        }
    }
}

impl Store {
    /// One template, read from where it lies, as it was saved: the `tag` and `digest` of a stored version are left out.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn template(
        &self,
        id: &str,
        version: Version<'_>,
    ) -> Result<Option<Document>, Error> {
        let mut stored = self.get(Kind::Template, &version.key_of(id)).await?;
        if let Some(stored) = &mut stored {
            stored.body.shift_remove("tag");
            stored.body.shift_remove("digest");
        }
        Ok(stored)
    }

    /// One template by the key that a pipeline refers to it by: `id`, `id:tag` or `id@sha256:digest`.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn template_at(&self, key: &str) -> Result<Option<Document>, Error> {
        self.template(key, Version::Untagged).await
    }

    /// Every stored template and version whose scopes hold one of these; no scope means all.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn templates(&self, scopes: &[String]) -> Result<Vec<Document>, Error> {
        let mut templates = self.list(Kind::Template).await?;
        if !scopes.is_empty() {
            templates.retain(|template| {
                let own = scopes_of(&template.body);
                scopes
                    .iter()
                    .any(|wanted| own.iter().any(|own| is_scope(wanted, own)))
            });
        }
        Ok(templates)
    }

    /// Creates a template of the second generation.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] when it exists already, or is no template.
    pub async fn create_template(
        &self,
        submitted: &Map,
        tag: Option<&str>,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let id = validate_v2(submitted)?;
        let version = tag.map_or(Version::Untagged, Version::Tag);
        self.save_versions(submitted, id, version, Wish::Create, user, now_ms)
            .await
    }

    /// Replaces a template of the second generation.
    ///
    /// # Errors
    /// [`SaveError::NotFound`] when there is none with this tag, [`SaveError::Rejected`] when the document has another id.
    pub async fn update_template(
        &self,
        id: &str,
        submitted: &Map,
        tag: Option<&str>,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let own = validate_v2(submitted)?;
        if key::fold(own) != key::fold(id) {
            return Err(SaveError::Rejected(format!(
                "The provided id {own} doesn't match the pipeline template id {id}"
            )));
        }
        let version = tag.map_or(Version::Untagged, Version::Tag);
        self.save_versions(submitted, own, version, Wish::Update, user, now_ms)
            .await
    }

    /// Creates (`id` is none) or replaces a template of the first generation.
    ///
    /// # Errors
    /// As for the second generation.
    pub async fn save_template_v1(
        &self,
        id: Option<&str>,
        submitted: &Map,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let own = id_of(submitted)?;
        if let Some(id) = id.filter(|id| key::fold(id) != key::fold(own)) {
            return Err(SaveError::Rejected(format!(
                "The provided id {own} doesn't match the pipeline template id {id}"
            )));
        }
        let wish = match id {
            None => Wish::Create,
            Some(_) => Wish::Update,
        };
        let body = submitted.clone();
        self.save_version(own, Version::Untagged, body, wish, user, now_ms)
            .await
    }

    /// Deletes one version of a template, unless pipelines are made from it.
    ///
    /// # Errors
    /// [`SaveError::Rejected`] naming the pipelines.
    pub async fn delete_template(
        &self,
        id: &str,
        version: Version<'_>,
    ) -> Result<Option<Map>, SaveError> {
        let key = version.key_of(id);
        let pipelines = self.stored(Kind::Pipeline).await?;
        let dependents = dependents_among(&pipelines, &key);
        if !dependents.is_empty() {
            let ids: Vec<&str> = dependents.iter().map(|it| it.config_id.as_str()).collect();
            return Err(SaveError::Rejected(format!(
                "The following pipeline configs depend on this template: {}",
                ids.join(", ")
            )));
        }
        let removed = self.remove(Kind::Template, &key).await?;
        Ok(removed.map(|it| it.body))
    }

    /// The pipelines that are made from a template, by name.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn dependents(&self, key: &str) -> Result<Vec<Dependent>, Error> {
        let pipelines = self.list(Kind::Pipeline).await?;
        Ok(dependents_among(&pipelines, key))
    }

    /// As [`Store::dependents`], from what is stored now and not from the cache.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn dependents_now(&self, key: &str) -> Result<Vec<Dependent>, Error> {
        let pipelines = self.stored(Kind::Pipeline).await?;
        Ok(dependents_among(&pipelines, key))
    }

    /// The pipelines that are made from a template of the first generation, or from one that is made from it.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn dependents_of_line(&self, key: &str) -> Result<Vec<Dependent>, Error> {
        let templates = self.list(Kind::Template).await?;
        let mut line = vec![key.to_owned()];
        let mut next = 0;
        while let Some(key) = line.get(next) {
            let source = Some(key::fold(&format!("spinnaker://{key}")));
            let made: Vec<String> = templates
                .iter()
                .filter(|it| it.text("source").map(key::fold) == source)
                .map(|it| it.id().to_owned())
                .filter(|id| !line.contains(id))
                .collect();
            line.extend(made);
            next += 1;
        }
        let pipelines = self.list(Kind::Pipeline).await?;
        let mut dependents: Vec<Dependent> = Vec::new();
        for key in &line {
            for dependent in dependents_among(&pipelines, key) {
                if !dependents.contains(&dependent) {
                    dependents.push(dependent);
                }
            }
        }
        Ok(dependents)
    }

    /// The templates of the second generation, their versions together, by id.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn template_versions(
        &self,
        scopes: &[String],
    ) -> Result<BTreeMap<String, Vec<Document>>, Error> {
        let mut versions: BTreeMap<String, Vec<Document>> = BTreeMap::new();
        for template in self.templates(scopes).await? {
            if template.text("schema") == Some("v2") {
                let id = template.id().to_owned();
                versions.entry(id).or_default().push(template);
            }
        }
        Ok(versions)
    }

    async fn save_versions(
        &self,
        submitted: &Map,
        id: &str,
        version: Version<'_>,
        wish: Wish,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let mut body = submitted.clone();
        for field in ["tag", "digest"] {
            body.shift_remove(field);
        }
        body.insert("schema".to_owned(), "v2".into());
        if let Version::Tag(tag) = version {
            body.insert("tag".to_owned(), tag.into());
        }
        let saved = self
            .save_version(id, version, body.clone(), wish, user, now_ms)
            .await?;
        body.insert("tag".to_owned(), LATEST.into());
        if version != Version::Tag(LATEST) {
            let tag = Version::Tag(LATEST);
            self.save_version(id, tag, body.clone(), Wish::Either, user, now_ms)
                .await?;
        }
        let digest = digest::of(&body);
        body.shift_remove("tag");
        body.insert("digest".to_owned(), digest.clone().into());
        let version = Version::Digest(&digest);
        self.save_version(id, version, body, Wish::Once, user, now_ms)
            .await?;
        Ok(saved)
    }

    async fn save_version(
        &self,
        id: &str,
        version: Version<'_>,
        submitted: Map,
        wish: Wish,
        user: &str,
        now_ms: i64,
    ) -> Result<Saved, SaveError> {
        let key = version.key_of(id);
        if !key::is_id(&key) {
            return Err(SaveError::Rejected(format!(
                "the id of a pipeline template may have at most {NAME_BYTES_MAX} bytes with its tag or digest"
            )));
        }
        let next = |stored: Option<&Map>| {
            let mut body: Map = submitted
                .iter()
                .filter(|(field, _)| !is_own(Kind::Template, field))
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            stamp(Kind::Template, &mut body, stored, user, now_ms);
            match (wish, stored) {
                // A task that ran twice finds what it wrote.
                (_, Some(stored)) if is_repeat(Kind::Template, stored, &body) => Ok(None),
                (Wish::Once, Some(_)) => Ok(None),
                (Wish::Create, Some(_)) => Err(SaveError::Rejected(format!(
                    "A pipeline template with the id {key} already exists"
                ))),
                (Wish::Update, None) => Err(SaveError::NotFound(missing(Kind::Template, &key))),
                (Wish::Create | Wish::Either | Wish::Once, None)
                | (Wish::Update | Wish::Either, Some(_)) => Ok(Some(body)),
            }
        };
        self.save(Kind::Template, &key, now_ms, next).await
    }
}

/// What a save expects to find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Nothing.
    Create,
    /// Something.
    Update,
    /// Whatever.
    Either,
    /// Whatever, and what is there stays.
    Once,
}

fn id_of(template: &Map) -> Result<&str, SaveError> {
    let id = template.get("id").and_then(Value::as_str).map(str::trim);
    id.filter(|id| key::is_id(id) && !id.chars().any(char::is_control))
        .ok_or_else(|| SaveError::Rejected("Missing required fields: [id]".to_owned()))
}

/// Source: Orca `SaveV2PipelineTemplateTask.validate`, Front50 `V2PipelineTemplateController`.
fn validate_v2(template: &Map) -> Result<&str, SaveError> {
    let id = validate_metadata(template)?;
    let name = template.get("metadata").and_then(|it| it.get("name"));
    let name = name.and_then(Value::as_str).unwrap_or_default();
    // `A-z` and with it six signs, as the original has it.
    let is_name = |it: char| {
        matches!(it, 'a'..='z' | 'A'..='z' | '0'..='9' | '-' | '&') || it.is_ascii_whitespace()
    };
    if !name.chars().all(is_name) {
        return Err(SaveError::Rejected(format!(
            "Illegal template name: {name}. Name must match the regex: ^[a-zA-z0-9-&\\s]+$"
        )));
    }
    let is_variable = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || it == '_')
    };
    let illegal = variables_that(template, |name| !is_variable(name));
    if !illegal.is_empty() {
        return Err(SaveError::Rejected(format!(
            "Illegal variable names: {}. Variable names must match the regex: ^[a-zA-Z0-9_]+$",
            illegal.join(", ")
        )));
    }
    Ok(id)
}

/// What Orca wants of a template of the first generation before it hands it to Front50, which takes anything with an id.
///
/// Source: Orca `SavePipelineTemplateTask.validate`.
///
/// # Errors
/// [`SaveError::Rejected`] naming what is missing or has a wrong name.
pub fn validate_template_v1(template: &Map) -> Result<(), SaveError> {
    validate_metadata(template)?;
    let dashed = variables_that(template, |name| name.contains('-'));
    if !dashed.is_empty() {
        return Err(SaveError::Rejected(format!(
            "Variable names cannot include dashes (-). Invalid variable names: {}",
            dashed.join(", ")
        )));
    }
    Ok(())
}

fn variables_that(template: &Map, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    let variables = template.get("variables").and_then(Value::as_array);
    let names = variables
        .into_iter()
        .flatten()
        .filter_map(|variable| variable.get("name")?.as_str());
    names.filter(|name| wanted(name)).collect()
}

fn validate_metadata(template: &Map) -> Result<&str, SaveError> {
    let metadata = template.get("metadata").and_then(Value::as_object);
    let has_text = |field: &str| {
        let value = metadata.and_then(|metadata| metadata.get(field)?.as_str());
        value.is_some_and(|text| !text.is_empty())
    };
    let mut absent = Vec::new();
    if id_of(template).is_err() {
        absent.push("id");
    }
    for (field, path) in [
        ("name", "metadata.name"),
        ("description", "metadata.description"),
    ] {
        if !has_text(field) {
            absent.push(path);
        }
    }
    if scopes_of(template).is_empty() {
        absent.push("metadata.scopes");
    }
    if !absent.is_empty() {
        return Err(SaveError::Rejected(format!(
            "Missing required fields: {}",
            absent.join(",")
        )));
    }
    let id = id_of(template)?;
    if id.contains('.') {
        return Err(SaveError::Rejected(
            "Pipeline template IDs cannot have dots".to_owned(),
        ));
    }
    Ok(id)
}

fn scopes_of(template: &Map) -> Vec<&str> {
    let scopes = template
        .get("metadata")
        .and_then(|metadata| metadata.get("scopes")?.as_array());
    let texts = scopes.into_iter().flatten().filter_map(Value::as_str);
    texts.filter(|scope| !scope.is_empty()).collect()
}

/// Equal ignoring case, or the asked scope is a regular expression for all of the template's.
///
/// Source: Front50 `PipelineTemplateDAO.getPipelineTemplatesByScope`.
fn is_scope(wanted: &str, own: &str) -> bool {
    wanted.eq_ignore_ascii_case(own)
        || regex::RegexBuilder::new(&format!("^(?:{wanted})$"))
            .size_limit(1 << 16)
            .build()
            .is_ok_and(|pattern| pattern.is_match(own))
}

/// Source: Front50 `V2PipelineTemplateController.getDependentConfigs`, and the same of the first generation.
fn dependents_among(pipelines: &[Document], key: &str) -> Vec<Dependent> {
    let prefix = key::fold(&format!("spinnaker://{key}"));
    let uses = |pipeline: &Document| {
        let Some(reference) = crate::pipelines::template_of(&pipeline.body) else {
            return false;
        };
        let reference = key::fold(reference);
        match pipeline.text("schema") {
            Some("v2") => reference.starts_with(&prefix),
            Some(_) | None => reference == prefix,
        }
    };
    let text = |pipeline: &Document, field| pipeline.text(field).unwrap_or_default().to_owned();
    let mut dependents: Vec<Dependent> = pipelines
        .iter()
        .filter(|pipeline| uses(pipeline))
        .map(|pipeline| Dependent {
            application: text(pipeline, "application"),
            config_id: text(pipeline, "id"),
            name: text(pipeline, "name"),
        })
        .collect();
    dependents
        .sort_by(|one, two| (&one.application, &one.name).cmp(&(&two.application, &two.name)));
    dependents
}
