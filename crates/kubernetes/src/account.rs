//! One account: a cluster, who we are in it, and what we may touch.

use std::sync::Arc;

use gennaker_manifests::kind::{Custom, CustomKinds, Filter, Presence, SpinnakerKind};
use gennaker_manifests::{Coordinates, Kind, Manifest, artifact::ImageMatch, labels, priority};
use gennaker_runtime::Clock;
use gennaker_settings::{ImageBinding, Kubernetes, KubernetesAccount, KubernetesCustomResource};

use crate::accounts::Options;
use crate::cache::Cache;
use crate::discovery::{Discovery, Resource, Resources};
use crate::error::Error;
use crate::transport::Transport;

/// A cluster as one account sees it. Clones are the same account.
#[derive(Clone)]
pub struct Account {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: KubernetesAccount,
    pub(crate) transport: Transport,
    pub(crate) discovery: Discovery,
    pub(crate) clock: Clock,
    pub(crate) cache: Cache,
    filter: Filter,
    custom: CustomKinds,
    images: ImageMatch,
    labels: labels::Rules,
}

impl Account {
    pub(crate) fn new(
        settings: KubernetesAccount,
        all: &Kubernetes,
        options: &Options,
    ) -> Result<Account, String> {
        let kinds = |names: &[String]| {
            names
                .iter()
                .map(|name| Kind::parse(name))
                .collect::<Vec<_>>()
        };
        let filter = Filter::new(kinds(&settings.kinds), kinds(&settings.omit_kinds))
            .map_err(|error| error.to_string())?;
        let mut custom = CustomKinds::default();
        for resource in &settings.custom_resources {
            custom.register(
                Kind::parse(&resource.kubernetes_kind),
                registered(resource)?,
            );
        }
        Ok(Account {
            inner: Arc::new(Inner {
                transport: Transport::new(&settings, options)?,
                discovery: Discovery::default(),
                clock: options.clock.clone(),
                cache: Cache::new(all, options),
                filter,
                custom,
                images: match all.image_binding {
                    ImageBinding::MatchNameAndTag => ImageMatch::NameAndTag,
                    ImageBinding::MatchNameOnly => ImageMatch::NameOnly,
                },
                labels: labels::Rules {
                    apply_app_labels: all.apply_app_labels,
                    managed_by_suffix: all.managed_by_suffix.clone(),
                },
                settings,
            }),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.inner.settings.name
    }

    /// Its settings.
    pub fn settings(&self) -> &KubernetesAccount {
        &self.inner.settings
    }

    /// Its registered custom resources.
    pub fn custom_kinds(&self) -> &CustomKinds {
        &self.inner.custom
    }

    /// How images in manifests are compared with artifacts.
    pub fn images(&self) -> ImageMatch {
        self.inner.images
    }

    /// How objects are labelled that are deployed.
    pub fn labels(&self) -> &labels::Rules {
        &self.inner.labels
    }

    /// The kinds that it may use, as far as its settings say.
    pub fn filter(&self) -> &Filter {
        &self.inner.filter
    }

    /// Its registered custom resources, and which of the installed ones lie in no namespace: what a deployment needs to know.
    ///
    /// # Errors
    /// When the cluster does not say what it serves.
    pub async fn kinds(&self) -> Result<CustomKinds, Error> {
        let mut kinds = self.inner.custom.clone();
        for resource in self.resources().await?.all() {
            let kind = resource.spinnaker_kind();
            if !resource.namespaced && kind.native().is_none() {
                kinds.note_cluster_scoped(kind);
            }
        }
        Ok(kinds)
    }

    /// Everything that the cluster serves.
    ///
    /// # Errors
    /// When the cluster does not say.
    pub async fn resources(&self) -> Result<Arc<Resources>, Error> {
        self.inner.discovery.resources(&self.inner.transport).await
    }

    /// The namespace of objects that name none: that of the kubeconfig's context.
    ///
    /// # Errors
    /// [`Error::Credentials`]
    pub async fn default_namespace(&self) -> Result<String, Error> {
        self.inner.transport.default_namespace().await
    }

    /// Whether the settings let it touch a kind: `kinds` and `omitKinds`.
    ///
    /// # Errors
    /// [`Error::Refused`] with Clouddriver's sentence.
    pub fn check_kind(&self, kind: &Kind) -> Result<(), Error> {
        match self
            .inner
            .filter
            .status(kind, || Presence::Readable)
            .message(kind)
        {
            Some(refusal) => Err(Error::Refused(refusal)),
            None => Ok(()),
        }
    }

    /// Whether the settings let it touch a namespace: `namespaces` and `omitNamespaces`.
    ///
    /// # Errors
    /// [`Error::Refused`]
    pub fn check_namespace(&self, namespace: &str) -> Result<(), Error> {
        let settings = &self.inner.settings;
        let name = self.name();
        match settings.lets_pass(namespace) {
            true => Ok(()),
            false if settings.namespaces.is_empty() => Err(Error::Refused(format!(
                "namespace {namespace} is in 'omitNamespaces' of account {name}"
            ))),
            false => Err(Error::Refused(format!(
                "namespace {namespace} is not in 'namespaces' of account {name}"
            ))),
        }
    }

    /// How the cluster serves a kind, in the version that it prefers.
    ///
    /// # Errors
    /// [`Error::UnknownKind`], after what the cluster serves was read again; [`Error::Refused`].
    pub async fn resource(&self, kind: &Kind) -> Result<Resource, Error> {
        self.check_kind(kind)?;
        self.resource_unchecked(kind).await
    }

    /// As [`Account::resource`], for kinds that belong to one that was allowed.
    pub(crate) async fn resource_unchecked(&self, kind: &Kind) -> Result<Resource, Error> {
        self.resolve(&kind.to_string(), |resources| {
            resources.preferred(kind).cloned()
        })
        .await
    }

    /// How the cluster serves the kind of a manifest, in the manifest's own version.
    ///
    /// # Errors
    /// As [`Account::resource`].
    pub async fn resource_of(&self, manifest: &Manifest) -> Result<Resource, Error> {
        self.check_kind(&manifest.kind())?;
        let (version, kind) = (manifest.api_version(), manifest.kind_as_written());
        self.resolve(&format!("{kind} in version {version}"), |resources| {
            resources.exact(version, kind).cloned()
        })
        .await
    }

    /// The address of an object, with its kind.
    pub(crate) async fn locate(&self, at: &Coordinates) -> Result<(Resource, String), Error> {
        let resource = self.resource(&at.kind).await?;
        let path = self.path(&resource, &at.namespace, &at.name).await?;
        Ok((resource, path))
    }

    /// The address of an object, or of all its kind when it has no name.
    pub(crate) async fn path(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<String, Error> {
        let namespace = match (resource.namespaced, namespace) {
            (false, _) => None,
            (true, "") => Some(self.default_namespace().await?),
            (true, namespace) => Some(namespace.to_owned()),
        };
        if let Some(namespace) = &namespace {
            self.check_namespace(namespace)?;
        }
        let mut path = resource.path(namespace.as_deref());
        if !name.is_empty() {
            path.push('/');
            path.push_str(&crate::transport::segment(name));
        }
        Ok(path)
    }

    async fn resolve(
        &self,
        kind: &str,
        find: impl Fn(&Resources) -> Option<Resource>,
    ) -> Result<Resource, Error> {
        if let Some(found) = find(&*self.resources().await?) {
            return Ok(found);
        }
        let again = self.inner.discovery.again(&self.inner.transport).await?;
        find(&again).ok_or_else(|| Error::UnknownKind {
            account: self.name().to_owned(),
            kind: kind.to_owned(),
        })
    }
}

fn registered(resource: &KubernetesCustomResource) -> Result<Custom, String> {
    let priority = priority::parse(&resource.deploy_priority).ok_or_else(|| {
        format!(
            "its custom resource {} has the deploy_priority {:?}, which is no number and no name of a priority",
            resource.kubernetes_kind, resource.deploy_priority
        )
    })?;
    Ok(Custom {
        spinnaker_kind: SpinnakerKind::parse(&resource.spinnaker_kind),
        priority,
        versioned: resource.versioned,
        namespaced: resource.namespaced,
    })
}
