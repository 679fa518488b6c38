//! Single objects and lists.

use gennaker_manifests::{Coordinates, Kind, Manifest};
use serde_json::{Map, Value};

use crate::account::Account;
use crate::discovery::Resource;
use crate::error::{Class, Error};
use crate::transport::Call;

/// Objects in one page of a list.
const PAGE: usize = 500;
/// Most objects of a list whose caller names no limit.
const OBJECTS_MAX: usize = 100_000;
/// A list that grew too old between two pages begins again so often.
const RESTARTS_MAX: u32 = 3;

/// Which objects to list.
#[derive(Debug, Clone)]
pub struct List {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace; none for all that the account may see.
    pub namespace: Option<String>,
    /// Only those with such labels, as kubectl's `-l`.
    pub labels: Option<String>,
    /// Only those with such fields, as kubectl's `--field-selector`.
    pub fields: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// The objects of a list.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The objects, in the order of the API server: by namespace and name.
    pub items: Vec<Manifest>,
    /// Whether there are more than the limit.
    pub truncated: bool,
    /// The state of the cluster that it shows; empty when several lists were put together.
    pub resource_version: String,
}

impl List {
    /// All objects of a kind, in a namespace or all that the account may see.
    pub fn of(kind: Kind, namespace: Option<&str>) -> List {
        List {
            kind,
            namespace: namespace.map(str::to_owned),
            labels: None,
            fields: None,
            limit: OBJECTS_MAX,
        }
    }

    /// Only objects with such labels.
    #[must_use]
    pub fn labels(mut self, selector: &str) -> List {
        self.labels = Some(selector.to_owned()).filter(|it| !it.is_empty());
        self
    }

    /// Only objects with such fields.
    #[must_use]
    pub fn fields(mut self, selector: &str) -> List {
        self.fields = Some(selector.to_owned()).filter(|it| !it.is_empty());
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> List {
        self.limit = limit;
        self
    }
}

impl Account {
    /// An object, as it is now.
    ///
    /// # Errors
    /// [`Class::NotFound`] when it is not there, and all others.
    pub async fn get(&self, at: &Coordinates) -> Result<Manifest, Error> {
        let (_, path) = self.locate(at).await?;
        self.object(self.inner.transport.json(Call::get(path)).await?)
    }

    /// An object, if it is there.
    ///
    /// # Errors
    /// All but [`Class::NotFound`].
    pub async fn find(&self, at: &Coordinates) -> Result<Option<Manifest>, Error> {
        match self.get(at).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Objects of a kind, read page by page. With `namespaces` in the account's settings and none in the question, each of
    /// them is asked: such accounts need no right to list across namespaces.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn list(&self, list: &List) -> Result<Listed, Error> {
        let resource = self.resource(&list.kind).await?;
        let settings = self.settings();
        // As everywhere, none named is the account's own.
        let home = match list.namespace.as_deref() {
            Some("") if resource.namespaced => Some(self.default_namespace().await?),
            _ => None,
        };
        match home.as_ref().or(list.namespace.as_ref()) {
            Some(namespace) if resource.namespaced => {
                self.check_namespace(namespace)?;
                self.list_one(&resource, Some(namespace), list, list.limit)
                    .await
            }
            None if resource.namespaced && !settings.namespaces.is_empty() => {
                let mut all = Listed::default();
                for namespace in &settings.namespaces {
                    let left = list.limit.saturating_sub(all.items.len());
                    let more = self
                        .list_one(&resource, Some(namespace), list, left)
                        .await?;
                    all.items.extend(more.items);
                    all.truncated |= more.truncated;
                }
                Ok(all)
            }
            _ => {
                let mut all = self.list_one(&resource, None, list, list.limit).await?;
                all.items
                    .retain(|it| !resource.namespaced || settings.lets_pass(it.namespace()));
                Ok(all)
            }
        }
    }

    /// The namespaces that the account may see: its own list, or what the cluster says.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn namespaces(&self) -> Result<Vec<String>, Error> {
        let settings = self.settings();
        if !settings.namespaces.is_empty() {
            return Ok(settings.namespaces.clone());
        }
        // Whether pipelines may touch objects of the kind does not matter here.
        let all = Resource {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            singular: "namespace".to_owned(),
            short_names: Vec::new(),
            namespaced: false,
            verbs: Vec::new(),
            subresources: Vec::new(),
        };
        let list = List::of(Kind::parse("namespace"), None);
        let found = self.list_one(&all, None, &list, OBJECTS_MAX).await?;
        let names = found.items.iter().map(|it| it.name().to_owned());
        Ok(names.filter(|name| settings.lets_pass(name)).collect())
    }

    pub(crate) async fn list_one(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        list: &List,
        limit: usize,
    ) -> Result<Listed, Error> {
        let mut restarts = 0;
        loop {
            match self.pages(resource, namespace, list, limit).await {
                Err(error) if error.class() == Class::Expired && restarts < RESTARTS_MAX => {
                    restarts += 1
                }
                other => return other,
            }
        }
    }

    async fn pages(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        list: &List,
        limit: usize,
    ) -> Result<Listed, Error> {
        let mut found = Listed::default();
        let mut next: Option<String> = None;
        loop {
            let page = PAGE.min(limit.saturating_sub(found.items.len()).max(1));
            let call = Call::get(resource.path(namespace))
                .query("limit", page.to_string())
                .query_if("labelSelector", list.labels.clone())
                .query_if("fieldSelector", list.fields.clone())
                .query_if("continue", next.take());
            let mut answer = self.inner.transport.json(call).await?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            found.resource_version = text(&answer["metadata"]["resourceVersion"]);
            next = Some(text(&answer["metadata"]["continue"])).filter(|it| !it.is_empty());
            for item in typed_items(&mut answer, resource) {
                match found.items.len() < limit {
                    true => found.items.push(self.object(item)?),
                    false => found.truncated = true,
                }
            }
            if next.is_none() {
                return Ok(found);
            }
            if found.items.len() >= limit {
                found.truncated = true;
                return Ok(found);
            }
        }
    }

    /// What an API server calls an object.
    pub(crate) fn object(&self, value: Value) -> Result<Manifest, Error> {
        Manifest::new(value).map_err(|error| self.inner.transport.nonsense(&error.to_string()))
    }
}

/// The objects of a list, each with kind and version, which lists of built-in kinds leave out.
pub(crate) fn typed_items(list: &mut Value, resource: &Resource) -> Vec<Value> {
    let Some(Value::Array(items)) = list.get_mut("items").map(Value::take) else {
        return Vec::new();
    };
    let typed = |item: Value| match item {
        Value::Object(fields) if !fields.contains_key("kind") => {
            let mut object = Map::with_capacity(fields.len() + 2);
            object.insert("apiVersion".to_owned(), resource.api_version().into());
            object.insert("kind".to_owned(), resource.kind.clone().into());
            object.extend(fields);
            Value::Object(object)
        }
        other => other,
    };
    items.into_iter().map(typed).collect()
}
