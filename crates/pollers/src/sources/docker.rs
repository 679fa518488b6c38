//! Images and charts in registries (igor: `DockerMonitor`, `HelmOciMonitor`).
//!
//! A tag is known by account, repository and name, for ever; with `track_digests` one whose digest changes is new again. Groups are
//! repositories: one that the registry shows later is new with all its tags, one that the settings name later is not.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt as _, stream};
use gennaker_model::{Map, polling::Hint};
use gennaker_registries::docker::{self, Repositories};
use serde_json::{Value, json};

use crate::source::{BoxFuture, Id, Item, Look, Source, Trouble, Wanted};

/// Repositories, and digests, that are asked for at once.
const AT_ONCE: usize = 4;

/// A registry's images, or its charts.
pub struct Docker {
    id: Id,
    account: Arc<docker::Docker>,
    wanted: Repositories,
}

impl Docker {
    /// The images of an account.
    #[must_use]
    pub fn images(account: Arc<docker::Docker>) -> Self {
        Self::new("docker", account, Repositories::Images)
    }

    /// The charts of an account; nothing when it names no repository that holds some.
    #[must_use]
    pub fn charts(account: Arc<docker::Docker>) -> Option<Self> {
        let has_charts = !account.settings().helm_oci_repositories.is_empty();
        has_charts.then(|| Self::new("helm/oci", account, Repositories::Charts))
    }

    fn new(kind: &'static str, account: Arc<docker::Docker>, wanted: Repositories) -> Self {
        Self {
            id: Id {
                kind,
                name: account.name().to_owned(),
            },
            account,
            wanted,
        }
    }

    /// The tags of one repository, with their digests if those count.
    async fn tags(&self, repository: &str) -> Result<Vec<Item>, String> {
        let account = &self.account;
        let told = |error: gennaker_registries::Error| error.to_string();
        let tags = account.tags(repository).await.map_err(told)?;
        let item = |tag: String, value: Option<String>| Item {
            key: format!("{repository}:{tag}"),
            value,
            group: Some(repository.to_owned()),
            ..Item::default()
        };
        if !account.settings().track_digests {
            return Ok(tags.into_iter().map(|tag| item(tag, None)).collect());
        }
        let mut digests = stream::iter(tags)
            .map(async |tag| (account.digest(repository, &tag).await, tag))
            .buffered(AT_ONCE);
        let mut items = Vec::new();
        while let Some((digest, tag)) = digests.next().await {
            items.push(item(tag, digest.map_err(told)?));
        }
        Ok(items)
    }
}

impl Source for Docker {
    fn id(&self) -> &Id {
        &self.id
    }

    fn origin(&self) -> String {
        self.account.address().to_owned()
    }

    fn scope(&self) -> String {
        let settings = self.account.settings();
        let parts = json!([
            settings.repositories,
            settings.catalog_file,
            settings.repositories_regex,
            settings.skip,
            settings.helm_oci_repositories,
        ]);
        parts.to_string()
    }

    fn item_upper_threshold(&self) -> Option<u32> {
        self.account.settings().item_upper_threshold
    }

    fn look<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Result<Look, Trouble>> {
        Box::pin(async move {
            let listed = self.account.repositories(self.wanted).await;
            let mut repositories = listed.map_err(|error| Trouble(error.to_string()))?;
            if let Some(only) = wanted.only {
                repositories.retain(|name| only.contains(name));
            }
            let mut found = stream::iter(repositories)
                .map(async |name| (self.tags(&name).await, name))
                .buffered(AT_ONCE);
            let mut look = Look::default();
            while let Some((tags, name)) = found.next().await {
                match tags {
                    Ok(items) => {
                        look.items.extend(items);
                        look.groups.push(name);
                    }
                    Err(why) => look.failed.push((name, why)),
                }
            }
            // The registry itself is in trouble; that is one sentence and not thousands.
            match look.failed.first() {
                Some((_, why)) if look.groups.is_empty() => Err(Trouble(why.clone())),
                _ => Ok(look),
            }
        })
    }

    /// Source: igor `DockerMonitor.postEvent`; labels and artifacts are those of clouddriver's `/dockerRegistry/images/find`.
    fn content<'a>(&'a self, item: &'a Item) -> BoxFuture<'a, Result<Map, Trouble>> {
        Box::pin(async move {
            let repository = item.group.as_deref().unwrap_or_default();
            let tag = item.key.rsplit(':').next().unwrap_or_default();
            let registry = self.account.registry();
            let name = format!("{registry}/{repository}");
            let reference = format!("{name}:{tag}");
            let mut metadata = json!({"registry": registry});
            let mut content = json!({
                "account": self.account.name(),
                "registry": registry,
                "repository": repository,
                "tag": tag,
                "digest": item.value,
            });
            if self.account.settings().inspect_digests && self.wanted == Repositories::Images {
                let labels = self.account.labels(repository, tag).await;
                let labels = labels.map_err(|error| Trouble(error.to_string()))?;
                for (key, value) in [
                    ("commitId", labels.commit_id),
                    ("buildNumber", labels.build_number),
                    ("branch", labels.branch),
                ] {
                    if let Some(value) = value {
                        content[key] = value.clone().into();
                        metadata[key] = value.into();
                    }
                }
                if content["digest"].is_null() {
                    content["digest"] = labels.config_digest.into();
                }
            }
            let kind = match self.wanted {
                Repositories::Images => "docker/image",
                Repositories::Charts => "helm/image",
            };
            content["artifacts"] = json!([{
                "type": kind,
                "name": name,
                "version": tag,
                "reference": reference,
                "metadata": metadata,
            }]);
            match content {
                Value::Object(content) => Ok(content),
                _ => Ok(Map::new()),
            }
        })
    }

    fn hinted(&self, hint: &Hint) -> BTreeSet<String> {
        hint.repositories(self.account.registry())
            .map(str::to_owned)
            .collect()
    }
}
