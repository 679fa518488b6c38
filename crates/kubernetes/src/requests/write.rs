//! Writes that need no knowledge of what is there: create, replace, patch, scale.

use gennaker_manifests::patch::MergeStrategy;
use gennaker_manifests::{Coordinates, Manifest};
use http::Method;
use serde_json::{Value, json};

use crate::account::Account;
use crate::error::{Class, Error};
use crate::transport::{Call, JSON};

/// How often a replacement is tried when somebody changes the object at the same time.
const ATTEMPTS_MAX: u32 = 5;

/// How a write is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Write {
    /// Only look what would happen: the API server does everything but keep it.
    pub dry_run: bool,
}

impl Write {
    /// A rehearsal.
    pub fn dry() -> Write {
        Write { dry_run: true }
    }

    pub(crate) fn mark(self, call: Call) -> Call {
        match self.dry_run {
            true => call.query("dryRun", "All"),
            false => call,
        }
    }
}

impl Account {
    /// Makes an object. One with `generateName` gets its name from the API server.
    ///
    /// # Errors
    /// [`Class::AlreadyExists`], and all others.
    pub async fn create(&self, manifest: &Manifest, write: Write) -> Result<Manifest, Error> {
        self.create_as(manifest, "kubectl-create", write).await
    }

    /// Replaces an object by the manifest, whatever it is now; what the manifest does not name goes.
    ///
    /// # Errors
    /// [`Class::NotFound`] when there is none, and all others.
    pub async fn replace(&self, manifest: &Manifest, write: Write) -> Result<Manifest, Error> {
        let (path, manifest) = self.target(manifest).await?;
        let names_version = manifest.at(&["metadata", "resourceVersion"]).is_some();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut body = manifest.clone().into_value();
            if !names_version {
                let live = self.inner.transport.json(Call::get(path.clone())).await?;
                body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
            }
            let call = Call::new(Method::PUT, path.clone())
                .query("fieldManager", "kubectl-replace")
                .body(JSON, &body);
            match self.inner.transport.json(write.mark(call)).await {
                Ok(object) => return self.object(object),
                Err(error)
                    if error.class() == Class::Conflict
                        && !names_version
                        && attempts < ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Patches an object.
    ///
    /// # Errors
    /// [`Class::NotFound`], [`Class::Unsupported`] for a strategic patch of a custom resource, and all others.
    pub async fn patch(
        &self,
        at: &Coordinates,
        strategy: MergeStrategy,
        body: &Value,
        write: Write,
    ) -> Result<Manifest, Error> {
        let (_, path) = self.locate(at).await?;
        self.patch_as(path, strategy, body, "kubectl-patch", write)
            .await
    }

    /// Sets the number of replicas, by the `scale` of the kind.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the kind has none, and all others.
    pub async fn scale(&self, at: &Coordinates, replicas: i64, write: Write) -> Result<(), Error> {
        let (resource, path) = self.locate(at).await?;
        if !resource.subresources.iter().any(|it| it == "scale") {
            let kind = &at.kind;
            return Err(Error::Unsupported(format!(
                "Resource with {kind} does not support scale"
            )));
        }
        let body = json!({"spec": {"replicas": replicas}});
        let call = Call::new(Method::PATCH, format!("{path}/scale"))
            .query("fieldManager", "kubectl")
            .body(MergeStrategy::Merge.content_type(), &body);
        self.inner.transport.json(write.mark(call)).await?;
        Ok(())
    }

    pub(crate) async fn create_as(
        &self,
        manifest: &Manifest,
        manager: &str,
        write: Write,
    ) -> Result<Manifest, Error> {
        let resource = self.resource_of(manifest).await?;
        let path = self.path(&resource, manifest.namespace(), "").await?;
        let call = Call::new(Method::POST, path)
            .query("fieldManager", manager)
            .body(JSON, &manifest.clone().into_value());
        self.object(self.inner.transport.json(write.mark(call)).await?)
    }

    pub(crate) async fn patch_as(
        &self,
        path: String,
        strategy: MergeStrategy,
        body: &Value,
        manager: &str,
        write: Write,
    ) -> Result<Manifest, Error> {
        let call = Call::new(Method::PATCH, path)
            .query("fieldManager", manager)
            .body(strategy.content_type(), body);
        self.object(self.inner.transport.json(write.mark(call)).await?)
    }

    /// The address of a manifest's object. A manifest without namespace gets the one that it will lie in.
    pub(crate) async fn target(&self, manifest: &Manifest) -> Result<(String, Manifest), Error> {
        if manifest.name().is_empty() {
            return Err(Error::Malformed(format!(
                "a manifest of kind {} has no metadata.name",
                manifest.kind_as_written()
            )));
        }
        let resource = self.resource_of(manifest).await?;
        let path = self
            .path(&resource, manifest.namespace(), manifest.name())
            .await?;
        Ok((path, manifest.clone()))
    }
}
